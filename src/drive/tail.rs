//! [`Tail`]: follows logs, scans what is new, and folds it in order by event time, round by round.
//!
//! One thread: a busy log is limited by its writer long before by afw. What a round reads becomes durable together,
//! within 250 ms. Next: [`super::run`].

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use afw_parsers::{Layout, Time};

use crate::analysis::fold::Fold;
use crate::analysis::merge::{Merge, Step};
use crate::analysis::scan::{Kit, Scan, Scanner};
use crate::config::options::Print;
use crate::drive::clock::now;
use crate::report::Tally;
use crate::report::summary::{LOUD_REJECTS, LogSummary};
use crate::source::{Batch, Follower, Polled};
use crate::terminal::Failure;
use crate::text::printable;
use std::sync::Arc;

use super::clock;
use super::formats::Formats;
use super::run::Run;

/// How long an idle follower sleeps at most; signals and other processes' wishes are looked at this often.
const IDLE: Duration = Duration::from_millis(500);
/// After reading all there was: what comes one by one meanwhile is read together, which costs a busy log a fraction.
/// Nobody sees a finding printed so much later.
const GATHER: Duration = Duration::from_millis(75);
/// The same where nothing is printed: what was found shows only when it is committed.
const GATHER_UNSEEN: Duration = Duration::from_millis(225);
/// How long the end waits for verdicts on crawlers' claims after a signal.
const LAST_VERDICTS: Duration = Duration::from_secs(1);
/// The same where a stream has ended and nobody is in a hurry.
const LAST_VERDICTS_OF_STREAM: Duration = Duration::from_secs(10);
/// From how many lines of which none was a request a file is called no access log.
const NO_ACCESS_LINES: u64 = 64;

/// Fewer lines tell nothing about the share of rejects.
const ENOUGH_LINES: u64 = 100;

/// What was read of a log, and what was said of it.
#[derive(Debug, Default)]
struct Known {
    lines: u64,
    requests: u64,
    called: bool,
    skewed: bool,
}

/// A tail under way.
pub struct Tail {
    /// The follower.
    pub follower: Follower,
    /// What is done with what is found.
    pub run: Run,
    scanner: Scanner,
    formats: Formats,
    /// Layouts by file number.
    layouts: HashMap<i64, Layout>,
    /// Layouts by log, of logs whose last line goes on: a rotation may come before its rest.
    cut: HashMap<u32, Layout>,
    /// What was read of each log.
    lines: HashMap<u32, Known>,
    /// Whether all that was there had been read once: what comes now was written just now.
    caught_up: bool,
    /// What was read of each log, when a report is wanted.
    logs: Option<BTreeMap<u32, LogSummary>>,
    /// The same of logs that were followed before other ones.
    logs_before: Vec<LogSummary>,
    /// Layouts by file number before the formats were exchanged; what is said of a file now wins.
    layouts_before: HashMap<i64, Layout>,
}

impl Tail {
    /// A tail over this follower.
    pub fn new(follower: Follower, kit: &Arc<Kit>, formats: Formats, run: Run) -> Self {
        Self {
            follower,
            run,
            scanner: Scanner::new(kit),
            formats,
            layouts: HashMap::new(),
            cut: HashMap::new(),
            lines: HashMap::new(),
            caught_up: false,
            logs: None,
            logs_before: Vec::new(),
            layouts_before: HashMap::new(),
        }
    }

    /// Counts everything for a report from now on, when one is wanted.
    #[must_use]
    pub fn counting(mut self, tally: Option<Tally>) -> Self {
        self.logs = tally.is_some().then(BTreeMap::new);
        self.scanner = self.scanner.counting(tally);
        self
    }

    /// What was counted for a report.
    pub fn take_counted(&mut self) -> (Option<Box<Tally>>, Vec<LogSummary>) {
        let logs = self.logs.take().unwrap_or_default().into_values();
        let mut all = std::mem::take(&mut self.logs_before);
        for log in logs {
            match all.iter_mut().find(|known| known.name == log.name) {
                Some(known) => known.statistics.merge(&log.statistics),
                None => all.push(log),
            }
        }
        (self.scanner.take_tally(), all)
    }

    /// Goes on with fresher databases and lists.
    pub fn refresh(&mut self, kit: &Arc<Kit>) {
        self.scanner.refresh(kit);
        self.run.fold.refresh(kit);
    }

    /// Goes on with other rules, formats and, when there is one, another follower. What was counted stays counted.
    pub fn exchange(&mut self, kit: &Arc<Kit>, formats: Formats, fold: Fold, follower: Option<Follower>) {
        let tally = self.scanner.take_tally().map(|tally| *tally);
        self.scanner = Scanner::new(kit).counting(tally);
        self.run.fold = fold;
        self.formats = formats;
        self.layouts_before.extend(self.layouts.drain());
        if let Some(follower) = follower {
            self.follower = follower;
            // Logs are numbered anew.
            self.lines.clear();
            self.caught_up = false;
            let logs = self.logs.as_mut().map(std::mem::take);
            self.logs_before
                .extend(logs.into_iter().flat_map(BTreeMap::into_values));
        }
    }

    /// Reads on until nothing is left, a signal asks for the end, or this took long enough.
    ///
    /// # Errors
    /// Standard output or the store cannot go on.
    pub fn catch_up(&mut self, patience: Duration) -> Result<(), Failure> {
        let end = Instant::now() + patience;
        loop {
            let polled = self.follower.poll();
            let caught_up = polled.caught_up;
            self.round(polled)?;
            self.run.settle()?;
            let goes_on = self.run.commit_if_due(&mut Vec::new)?;
            self.run.notify.alive();
            if caught_up || !goes_on || Instant::now() >= end || self.run.signals.end().is_some() {
                return Ok(());
            }
        }
    }

    /// Follows until a signal asks for the end, or the only stream has ended.
    ///
    /// # Errors
    /// Standard output or the store cannot go on.
    pub fn follow(
        &mut self,
        mut each_round: impl FnMut(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        loop {
            if self.run.signals.end().is_some() {
                break;
            }
            let polled = self.follower.poll();
            // Before anything that may have to wait for a disk or an outbox with room.
            self.run.notify.following();
            let (ended, caught_up, busy) = (polled.ended, polled.caught_up, !polled.batches.is_empty());
            self.round(polled)?;
            self.caught_up |= caught_up;
            self.run.settle()?;
            if !self.run.commit_if_due(&mut Vec::new)? {
                break;
            }
            each_round(self)?;
            if ended && caught_up {
                break;
            }
            if caught_up || !busy {
                self.wait(busy);
            }
        }
        self.run.notify.stopping();
        self.end_claims()?;
        self.run.commit(Vec::new())?;
        Ok(self.run.printer.flush()?)
    }

    /// Waits until there may be something to read or to commit. What comes before a commit is due is read just before it,
    /// so that it need not wait for the next.
    fn wait(&mut self, busy: bool) {
        let next = self.run.commit_in().unwrap_or(IDLE);
        if busy {
            let unseen = self.run.printer.what() == Print::None;
            let most = if unseen { GATHER_UNSEEN } else { GATHER };
            self.follower.gather(most.min(next));
        } else {
            self.follower.wait(next.min(IDLE));
        }
    }

    /// The end waits a moment for name servers, then judges what still waits without them. Only after a crash lines
    /// wait until the next run.
    fn end_claims(&mut self) -> Result<(), Failure> {
        let patience = match self.run.signals.end() {
            Some(_) => LAST_VERDICTS,
            None => LAST_VERDICTS_OF_STREAM,
        };
        let end = Instant::now() + patience;
        loop {
            self.run.settle()?;
            let claims = self.run.fold.claims();
            let waits = claims.awaited().iter().any(|claim| claims.holds(claim));
            if !waits || Instant::now() >= end {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.run.release()?;
        Ok(())
    }

    /// Takes in what one poll gave.
    fn round(&mut self, polled: Polled) -> Result<(), Failure> {
        for notice in &polled.notices {
            tracing::info!("{notice}");
        }
        for trouble in &polled.troubles {
            tracing::warn!("{trouble}");
        }
        if self.run.checks.is_some() {
            self.scanner.know(Arc::clone(self.run.fold.claims().known()));
        }
        let mut merge = Merge::default();
        let mut logs: HashMap<u32, usize> = HashMap::new();
        for batch in polled.batches {
            // Nothing to put in order: thousands of files that are first seen need not wait in memory together.
            if batch.lines.is_empty() && !logs.contains_key(&batch.log) {
                let scan = self.scan(batch);
                self.finish(scan)?;
                continue;
            }
            let log = *logs
                .entry(batch.log)
                .or_insert_with(|| merge.log(Time::from_nanos(i64::MIN)));
            let scan = self.scan(batch);
            merge.push(log, scan);
        }
        self.scanner.know(Arc::default());
        for log in logs.into_values() {
            merge.end(log);
        }
        self.fold(merge)?;
        self.run.forget(&polled.forgotten);
        for id in &polled.forgotten {
            self.layouts.remove(id);
            self.layouts_before.remove(id);
        }
        Ok(self.run.printer.flush()?)
    }

    fn fold(&mut self, mut merge: Merge) -> Result<(), Failure> {
        loop {
            match merge.step() {
                Step::Take { log, found } => {
                    if let Some(scan) = merge.front(log) {
                        self.run.take(scan, found)?;
                    }
                }
                Step::Done { log } => {
                    if let Some(scan) = merge.pop(log) {
                        self.finish(scan)?;
                    }
                }
                Step::Need { log } => merge.end(log),
                Step::End => return Ok(()),
            }
        }
    }

    /// A batch all lines of which have been taken.
    fn finish(&mut self, mut scan: Scan) -> std::io::Result<()> {
        self.call_out(&scan);
        self.count_log(&scan);
        self.run.batch(&mut scan)
    }

    fn scan(&mut self, batch: Batch) -> Scan {
        let (id, log) = (batch.cursor.id, batch.log);
        let layout = self.layout(&batch);
        let scan = self.scanner.scan(batch, &layout);
        match scan.layout.as_ref().filter(|layout| layout.is_within_line()) {
            Some(layout) => self.cut.insert(log, layout.clone()),
            None => self.cut.remove(&log),
        };
        if let Some(next) = &scan.layout
            && self.layouts.get(&id) != Some(next)
        {
            self.follower.set_layout(id, Some(next.state()));
            self.layouts.insert(id, next.clone());
        }
        scan
    }

    /// The layout of a batch's file: as it was before, as stored with its cursor, else as its first lines say.
    fn layout(&self, batch: &Batch) -> Layout {
        // What was followed from its end had no line yet to be recognised by.
        let is_open = |layout: &Layout| layout.is_auto() && !layout.is_stateful() && !layout.is_within_line();
        let known = self
            .layouts
            .get(&batch.cursor.id)
            .filter(|_| batch.base > 0 || batch.cursor.id == 0)
            .filter(|layout| !is_open(layout))
            .cloned();
        // A reload may say another format of a file that is being read.
        let said = || {
            let before = self.layouts_before.get(&batch.cursor.id)?;
            Some(self.formats.said(&batch.file).unwrap_or_else(|| before.clone()))
        };
        let stored = || {
            batch
                .cursor
                .layout
                .as_deref()
                .filter(|_| batch.base > 0)
                .and_then(Layout::from_state)
                .filter(|layout| !is_open(layout))
        };
        known
            .or_else(|| said().filter(|layout| batch.base > 0 && !is_open(layout)))
            .or_else(stored)
            .unwrap_or_else(|| {
                let layout = self.formats.recognise(&batch.file, &batch.head()).layout;
                match self.cut.get(&batch.log) {
                    Some(before) => layout.going_on(before),
                    None => layout,
                }
            })
    }

    /// Counts what was read of a log, when a report is wanted.
    fn count_log(&mut self, scan: &Scan) {
        let Some(logs) = &mut self.logs else { return };
        let log = logs.entry(scan.batch.log).or_insert_with(|| LogSummary {
            name: scan.batch.file.to_string(),
            files: 1,
            ..LogSummary::default()
        });
        log.statistics.merge(&scan.statistics);
        let most = log.statistics.formats.iter().max_by_key(|(_, lines)| *lines);
        log.format = most.map(|(name, _)| name.to_owned()).unwrap_or_default();
    }

    /// Says once of each log what a person should look at: it is none, much of it is rejected, its clock is wrong.
    fn call_out(&mut self, scan: &Scan) {
        let log = scan.batch.log;
        let known = self.lines.entry(log).or_default();
        let statistics = &scan.statistics;
        known.lines += statistics.lines;
        known.requests += statistics.requests + statistics.skipped.sum();
        let (lines, rejected) = (known.lines, known.lines.saturating_sub(known.requests));
        let file = printable(&scan.batch.file);
        if !known.called && known.requests == 0 && lines >= NO_ACCESS_LINES {
            known.called = true;
            tracing::warn!(
                "{file}: none of its first {lines} lines is of an access log\nhint: `afw explain 'LINE'` shows where parsing stops; --format names the format"
            );
        } else if !known.called && lines >= ENOUGH_LINES && rejected as f64 > lines as f64 * LOUD_REJECTS {
            known.called = true;
            tracing::warn!(
                "{file}: {rejected} of {lines} lines are rejected\nhint: `afw explain 'LINE'` shows where parsing stops; --rejects FILE keeps them"
            );
        }
        if known.skewed {
            return;
        }
        let now = now();
        let behind = || {
            self.caught_up
                .then(|| clock::behind(statistics.last, now))
                .flatten()
        };
        if let Some(text) = clock::ahead(statistics.last, now).or_else(behind) {
            known.skewed = true;
            tracing::warn!("{file}: its lines are {text}");
        }
    }
}
