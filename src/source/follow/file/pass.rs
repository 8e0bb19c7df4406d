//! Reading on in one file: a pass gives about a batch, and a cursor that says how far it came.
//!
//! A file is opened only as the one that is known; whose turn it is stands in `super::super::read`. Next: `direct`.

use std::io;
use std::time::{Duration, Instant};

use super::direct::direct;
use super::{Followed, Limits, Open, Pass};
use crate::source::frame::Framed;
use crate::source::probe::Probe;
use crate::source::reader::FileReader;
use crate::source::spec::Trouble;
use crate::source::{Batch, Cursor};

/// Most bytes read at once.
pub(super) const READ_BYTES: usize = 256 << 10;
/// Bytes read first: a log that is followed has seldom grown by more, and room for them has to be made each time.
const FIRST_BYTES: usize = 32 << 10;

impl Followed {
    /// Reads on, up to about a batch.
    pub(in crate::source::follow) fn read(
        &mut self,
        limits: Limits,
        batches: &mut Vec<Batch>,
        troubles: &mut Vec<Trouble>,
    ) -> Pass {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return Pass::End;
        }
        self.retry_at = None;
        if self.open.is_none() {
            match self.open_as_it_is(limits) {
                Ok(Some(open)) => self.open = Some(open),
                Ok(None) => return Pass::Replaced,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Pass::Replaced,
                Err(error) => return self.fail(Trouble::io(&self.found.path, &error), troubles),
            }
        }
        match &self.open {
            Some(Open::Direct(_)) => self.read_direct(limits, batches, troubles),
            _ => self.read_whole(limits, batches, troubles),
        }
    }

    pub(super) fn fail(&mut self, trouble: Trouble, troubles: &mut Vec<Trouble>) -> Pass {
        let state = (self.found.size, self.found.modified_nanos);
        if self.told != Some(state) {
            self.told = Some(state);
            troubles.push(trouble);
        }
        self.dirty = false;
        self.open = None;
        Pass::Failed
    }

    /// Opens the file and proves that it is the known one; `None` when it is not.
    pub(super) fn open_as_it_is(&mut self, limits: Limits) -> io::Result<Option<Open>> {
        let probe = Probe::open(&self.found.path)?;
        if probe.key != self.found.key {
            return Ok(None);
        }
        if probe.direct {
            return direct(probe.file, &self.cursor, limits.line_cap, probe.head);
        }
        let begun = Instant::now();
        let same = probe.head.hash_of(self.cursor.head_len) == Some(self.cursor.head_hash);
        if !same {
            return Ok(None);
        }
        let (cap, room) = (limits.line_cap, limits.batch_bytes);
        let whole = probe.coding.is_packed() || (self.superseded && self.is_quiet(limits.settle));
        let reader = FileReader::file(&self.found, probe, &self.cursor, self.log, cap, room);
        self.last_read = begun;
        match reader {
            Ok(reader) => Ok(Some(Open::Whole(Box::new(reader.taking_rest(whole))))),
            // Shorter than what was read of it: an archive in the making.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn open_direct(&self, cap: usize) -> io::Result<Option<Open>> {
        let probe = Probe::open(&self.found.path)?;
        if probe.key != self.found.key || !probe.direct {
            return Ok(None);
        }
        direct(probe.file, &self.cursor, cap, probe.head)
    }

    pub(super) fn read_direct(
        &mut self,
        limits: Limits,
        batches: &mut Vec<Batch>,
        troubles: &mut Vec<Trouble>,
    ) -> Pass {
        let Some(Open::Direct(open)) = &mut self.open else {
            return Pass::End;
        };
        let before = open.framer.position();
        let (mut pass, mut room) = (Pass::More, FIRST_BYTES);
        while pass == Pass::More && open.framer.position() - before < limits.batch_bytes as u64 {
            let at = open.framer.position();
            match open.read_more(room.min(limits.batch_bytes)) {
                Ok(more) => pass = more,
                Err(error) => return self.fail(Trouble::io(&self.found.path, &error), troubles),
            }
            if open.framer.position() - at >= room as u64 {
                room = READ_BYTES.min(room * 2);
            }
        }
        if open.framer.position() > before {
            self.last_read = Instant::now();
            self.fresh = true;
        }
        let mut framed = Vec::new();
        while let Some(lines) = open.framer.take() {
            framed.push(lines);
        }
        // Known from its first bytes on, even before it has a whole line.
        (self.cursor.head_len, self.cursor.head_hash) = open.head.identity();
        for lines in framed {
            let batch = self.batch(lines);
            batches.push(batch);
        }
        self.told = None;
        if pass == Pass::End {
            self.dirty = false;
        }
        pass
    }

    pub(super) fn read_whole(
        &mut self,
        limits: Limits,
        batches: &mut Vec<Batch>,
        troubles: &mut Vec<Trouble>,
    ) -> Pass {
        let Some(Open::Whole(reader)) = &mut self.open else {
            return Pass::End;
        };
        match reader.next() {
            Some(Ok(batch)) => {
                self.cursor = Cursor {
                    id: self.id,
                    layout: self.cursor.layout.take(),
                    ..batch.cursor.clone()
                };
                let batch = Batch {
                    cursor: self.cursor.clone(),
                    ..batch
                };
                batches.push(batch);
                return Pass::More;
            }
            None => {
                self.cursor = Cursor {
                    layout: self.cursor.layout.take(),
                    ..reader.cursor()
                };
                batches.push(self.empty_batch());
            }
            Some(Err(trouble)) => {
                // Perhaps it is still being written: look again, but not more often than it costs.
                let cost = self.last_read.elapsed();
                if self.is_quiet(limits.settle) {
                    return self.fail(trouble, troubles);
                }
                self.retry_at = Some(Instant::now() + (cost * 4).max(Duration::from_millis(50)));
                self.open = None;
                return Pass::Failed;
            }
        }
        self.open = None;
        self.dirty = false;
        self.last_read = Instant::now();
        Pass::End
    }

    /// The file is rotated or gone and has been quiet: its unterminated last line is a line, and it is let go.
    pub(in crate::source::follow) fn finish(&mut self, batches: &mut Vec<Batch>) {
        if let Some(Open::Direct(open)) = &mut self.open
            && let Some(lines) = open.framer.take_rest()
        {
            let batch = self.batch(lines);
            batches.push(batch);
        }
        self.cursor.finished = true;
        self.cursor.modified_nanos = self.found.modified_nanos;
        batches.push(self.empty_batch());
        self.open = None;
    }

    /// A batch without lines that carries the cursor.
    pub(in crate::source::follow) fn empty_batch(&self) -> Batch {
        let (file, log, base) = (self.shown.clone(), self.log, self.cursor.offset);
        Batch {
            file,
            log,
            base,
            cursor: self.cursor.clone(),
            ..Batch::default()
        }
    }

    pub(super) fn batch(&mut self, framed: Framed) -> Batch {
        let cursor = &mut self.cursor;
        (cursor.proof_len, cursor.proof_hash) = framed.proof;
        cursor.offset = framed.end;
        cursor.modified_nanos = self.found.modified_nanos;
        cursor.finished = false;
        Batch::of(framed, &self.shown, self.log, cursor.clone())
    }
}
