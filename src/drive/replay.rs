//! [`Replay`]: reads all logs once, in one order by event time, on as many threads as there are.
//!
//! Reading and folding happen on the caller's thread, scanning on the pool's. A log is read only when its next line
//! may stand next in the merged order, a few batches ahead. What is found goes to a [`Receiver`], which prints,
//! ships and commits. Windows are counted a `stretch` of lines at a time, on several threads where there are enough.
//! Next: [`crate::analysis::merge`].

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use afw_parsers::{Layout, Line as Parsed, Parser, Record, Reject, Time, parts};

use crate::analysis::Fold;
use crate::analysis::merge::{Merge, Partial, Step};
use crate::analysis::scan::Scan;
use crate::detect::correlate::shards::Counted;
use crate::report::{Statistics, Tally};
use crate::source::{Batch, Cursor, Log, LogReader, Trouble};

use super::formats::Formats;
use super::pool::{Pool, Scanned};

mod stretch;

use stretch::Stretch;

/// How many rejected lines of each log are kept for the summary.
const REJECT_SAMPLES: usize = 3;
/// How many logs may keep their reader open from the first look on; beyond that they are opened again when it is their turn.
const OPEN_READERS: usize = 128;

/// Takes what a replay finds, in merged order.
pub trait Receiver {
    /// Found lines of a scan, whose ticks are counted: the next ones of which `counted` tells what fired.
    ///
    /// # Errors
    /// Output or store cannot go on.
    fn found(&mut self, scan: &mut Scan, found: Range<usize>, counted: &mut Counted) -> io::Result<()>;

    /// Where lines are counted.
    fn fold(&mut self) -> &mut Fold;

    /// A batch of a log is used up; `partials` tells how far the other logs' batches were taken. False asks for the end.
    ///
    /// # Errors
    /// As [`Receiver::found`].
    fn batch(&mut self, scan: &mut Scan, partials: &mut dyn FnMut() -> Vec<Partial>) -> io::Result<bool>;

    /// A file could not be read, or not to its end.
    fn trouble(&mut self, trouble: &Trouble);

    /// Whether to stop early (a signal, a full outbox).
    fn stop(&mut self, bytes_read: u64) -> bool;
}

/// One log of a replay and what is known of it.
pub struct LogState {
    /// The log.
    pub log: Log,
    /// Counts over the lines taken.
    pub statistics: Statistics,
    /// Name of the format that won, last file last.
    pub format: String,
    /// The first rejected lines: offset, line, reason.
    pub rejects: Vec<(u64, Vec<u8>, Reject)>,
    /// The first trouble.
    pub trouble: Option<String>,
    reader: Option<LogReader>,
    layout: Layout,
    file: std::sync::Arc<str>,
    submitted: u64,
    pushed: u64,
    ready: BTreeMap<u64, Scan>,
    read_to_end: bool,
    raw_bytes: u64,
    /// The first lines of the file hold a header.
    headed: bool,
}

/// A replay under way.
pub struct Replay {
    /// The logs, in the order of the plan.
    pub logs: Vec<LogState>,
    merge: Merge,
    pool: Pool,
    ahead: u64,
    formats: Formats,
    cursors: Vec<Cursor>,
    stretch: Stretch,
}

impl Replay {
    /// A replay of these logs; `cursors` are where the last run ended.
    pub fn new(logs: Vec<Log>, pool: Pool, threads: usize, formats: Formats, cursors: Vec<Cursor>) -> Self {
        let mut replay = Self {
            logs: Vec::with_capacity(logs.len()),
            merge: Merge::default(),
            pool,
            // A batch that is scanned at once needs no other to wait behind it, and its memory serves the next.
            ahead: if threads <= 1 { 1 } else { threads as u64 * 2 },
            formats,
            cursors,
            stretch: Stretch::default(),
        };
        for log in logs {
            replay.add(log);
        }
        replay
    }

    /// Looks at a log's first lines: its format, and from when on it tells.
    fn add(&mut self, log: Log) {
        let mut reader = log.open(&self.cursors);
        let head = reader.peek_head();
        let layout = self.formats.recognise(&log.name, &head).layout;
        let first = first_time(&layout, &head);
        let keep = self.logs.len() < OPEN_READERS || log.files.iter().any(|file| file.size == 0);
        let state = LogState {
            statistics: Statistics::default(),
            format: layout.name().to_owned(),
            rejects: Vec::new(),
            trouble: None,
            reader: keep.then_some(reader),
            layout,
            file: "".into(),
            submitted: 0,
            pushed: 0,
            ready: BTreeMap::new(),
            read_to_end: false,
            raw_bytes: 0,
            headed: false,
            log,
        };
        self.logs.push(state);
        self.merge.log(first);
    }

    /// Ends the scanners; what they counted for a report.
    pub fn finish(&mut self) -> Vec<Tally> {
        self.pool.finish()
    }

    /// Runs to the end, or until the receiver says stop; true when it ran to the end.
    ///
    /// # Errors
    /// The receiver's.
    pub fn run(&mut self, receiver: &mut dyn Receiver) -> io::Result<bool> {
        loop {
            let step = self.merge.step();
            match step {
                Step::Take { log, found } => self.gather(log, found, receiver)?,
                _ => {
                    self.take_stretch(receiver)?;
                    if let Some(finished) = self.follow(&step, receiver)? {
                        return Ok(finished);
                    }
                }
            }
        }
    }

    /// Does what the merge needs before it can go on; whether it ran to the end, once there is nothing more to do.
    fn follow(&mut self, step: &Step, receiver: &mut dyn Receiver) -> io::Result<Option<bool>> {
        match *step {
            Step::Take { .. } => {}
            Step::Done { log } => {
                if !self.done(log, receiver)? {
                    return Ok(Some(false));
                }
            }
            Step::Need { log } => {
                if receiver.stop(self.bytes_read()) {
                    return Ok(Some(false));
                }
                self.need(log, receiver)?;
            }
            Step::End => return Ok(Some(true)),
        }
        Ok(None)
    }

    /// How far the batches were taken that are not used up, as after a stop between two of them.
    pub fn partials(&mut self) -> Vec<Partial> {
        self.merge.partials()
    }

    /// Bytes read from disk so far.
    pub fn bytes_read(&self) -> u64 {
        let reading = |state: &LogState| {
            state
                .reader
                .as_ref()
                .map_or(state.raw_bytes, LogReader::raw_bytes)
        };
        self.logs.iter().map(reading).sum()
    }

    /// A scan is used up: its counts belong to its log, its batch to the receiver.
    fn done(&mut self, log: usize, receiver: &mut dyn Receiver) -> io::Result<bool> {
        let Some(mut scan) = self.merge.pop(log) else {
            return Ok(true);
        };
        if let Some(state) = self.logs.get_mut(log) {
            state.statistics.merge(&scan.statistics);
            state.sample(&scan);
        }
        let merge = &mut self.merge;
        let goes_on = receiver.batch(&mut scan, &mut || merge.partials())?;
        let reader = self.logs.get_mut(log).and_then(|state| state.reader.as_mut());
        if let Some(reader) = reader {
            reader.reuse(std::mem::take(&mut scan.batch.bytes));
        }
        self.pool.reuse(scan);
        Ok(goes_on)
    }

    /// Brings the next scan of a log, or its end, into the merge.
    fn need(&mut self, log: usize, receiver: &mut dyn Receiver) -> io::Result<()> {
        self.read_ahead(log, receiver);
        loop {
            let Some(state) = self.logs.get_mut(log) else {
                return Ok(());
            };
            if let Some(scan) = state.ready.remove(&state.pushed) {
                state.pushed += 1;
                self.merge.push(log, scan);
                return Ok(());
            }
            if state.pushed == state.submitted {
                self.merge.end(log);
                return Ok(());
            }
            let Some(scanned) = self.pool.take() else {
                return Err(lost());
            };
            self.keep(scanned);
        }
    }

    fn keep(&mut self, scanned: Scanned) {
        let Scanned { log, number, scan } = scanned;
        if let Some(state) = self.logs.get_mut(log) {
            if state.is_stateful() {
                state.layout = scan.layout.clone().unwrap_or_else(|| state.layout.clone());
            }
            state.ready.insert(number, scan);
        }
    }

    /// Reads batches of a log until enough are under way.
    fn read_ahead(&mut self, log: usize, receiver: &mut dyn Receiver) {
        let Some(state) = self.logs.get_mut(log) else {
            return;
        };
        if state.reader.is_none() && !state.read_to_end {
            state.reader = Some(state.log.open(&self.cursors));
        }
        while !state.read_to_end && state.submitted - state.pushed < state.ahead(self.ahead) {
            let Some(reader) = &mut state.reader else { return };
            match reader.next() {
                Some(Ok(batch)) => {
                    state.begin(&batch, &self.formats);
                    let behind = state.layout.behind(batch.all_lines());
                    self.pool.submit(log, state.submitted, batch, &state.layout);
                    state.layout = behind;
                    state.submitted += 1;
                }
                Some(Err(trouble)) => {
                    state.trouble.get_or_insert_with(|| trouble.what.clone());
                    receiver.trouble(&trouble);
                }
                None => state.close(),
            }
        }
    }
}

impl LogState {
    /// Whether lines were read and not one of them was of an access log.
    pub fn is_no_access_log(&self) -> bool {
        self.statistics.requests == 0 && self.statistics.rejects() > 0
    }

    /// Whether it is left out: nobody named it, and it is no access log.
    pub fn is_left_out(&self) -> bool {
        self.is_no_access_log() && !self.log.is_named()
    }

    /// What people call the log: its file when it is only one, `-` for standard input.
    pub fn shown_name(&self) -> String {
        match self.log.files.as_slice() {
            [file] => crate::text::of_path(&file.path).into_owned(),
            _ => self.log.name.to_string(),
        }
    }

    /// A header line decides how later lines are read: such a log is scanned one batch at a time.
    fn is_stateful(&self) -> bool {
        self.headed || self.layout.is_stateful()
    }

    fn ahead(&self, usual: u64) -> u64 {
        if self.is_stateful() { 1 } else { usual }
    }

    /// The first batch of each file recognises its format anew.
    fn begin(&mut self, batch: &Batch, formats: &Formats) {
        if self.file == batch.file || batch.lines.is_empty() {
            return;
        }
        self.file = std::sync::Arc::clone(&batch.file);
        let stored = batch
            .cursor
            .layout
            .as_deref()
            .filter(|_| batch.base > 0)
            .and_then(Layout::from_state);
        let head = batch.head();
        // A rotation may come between the parts of a line that a container's runtime cut.
        self.layout = stored.unwrap_or_else(|| {
            let recognised = formats.recognise(&self.log.name, &head).layout;
            recognised.going_on(&self.layout)
        });
        self.headed = head.iter().any(|line| self.layout.after(line).is_some());
        self.format = self.layout.name().to_owned();
    }

    fn close(&mut self) {
        self.read_to_end = true;
        self.raw_bytes = self.reader.as_ref().map_or(0, LogReader::raw_bytes);
        self.reader = None;
    }

    fn sample(&mut self, scan: &Scan) {
        for rejected in &scan.rejected {
            if self.rejects.len() >= REJECT_SAMPLES {
                return;
            }
            let line = scan.batch.line(rejected.line);
            let start = rejected.reject.at.saturating_sub(4096).min(line.len());
            let end = line.len().min(start + 8192);
            let reject = Reject::new(rejected.reject.reason, rejected.reject.at - start);
            self.rejects.push((
                scan.batch.offset(rejected.line),
                line[start..end].to_vec(),
                reject,
            ));
        }
    }
}

/// A thread has panicked, and what it was at is lost.
fn lost() -> io::Error {
    io::Error::other("a scanning thread has ended unexpectedly")
}

/// Event time of the first line that has one: no line to come is taken before it.
fn first_time(layout: &Layout, head: &[&[u8]]) -> Time {
    let mut parser = Parser::new(layout);
    let mut record = Record::default();
    let times = head.iter().flat_map(|line| parts(line)).filter_map(|(_, line)| {
        match parser.parse(line, &mut record) {
            Ok(Parsed::Record) => record.time,
            _ => None,
        }
    });
    times.min().unwrap_or(Time::from_nanos(i64::MIN))
}
