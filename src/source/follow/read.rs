//! Reading: which files have something to give, in which order and how much at once.
//!
//! Log by log and in each the oldest file first; a file that cannot be read to its end holds back the newer ones of its
//! log. How one file is opened, proved and read stands in `file`. Next: `file`.

use std::time::Instant;

use super::file::{Age, Followed, Limits, Pass};
use super::{Follower, absolute};
use crate::source::Cursor;
use crate::source::discover::directory_of;
use crate::source::settle::is_restless;

/// Batches of this many times the size asked for are read in one poll.
const BATCHES_A_POLL: usize = 8;
/// What a line is taken to cost in memory beside its bytes, at least.
const LINE_BYTES: usize = 64;

impl Follower {
    /// Reads what there is, log by log and in each the oldest file first; true when nothing is left.
    pub(super) fn read(&mut self) -> bool {
        let mut left = self.spec.batch_bytes.saturating_mul(BATCHES_A_POLL);
        let mut caught_up = true;
        for stream in &mut self.streams {
            caught_up &= stream.poll(
                self.spec.batch_bytes,
                &mut self.out.batches,
                &mut self.out.troubles,
            );
        }
        let mut order: Vec<Age> = self
            .pending
            .iter()
            .filter_map(|id| self.files.get(id))
            .filter(|file| !self.ignored.contains(&file.log) && !self.held.contains(&file.log))
            .map(Followed::age)
            .collect();
        order.sort_unstable();
        let mut blocked = None;
        for Age { log, id, .. } in order {
            if blocked == Some(log) {
                continue;
            }
            if left == 0 {
                return false;
            }
            if !self.read_file(id, &mut left) {
                blocked = Some(log);
                caught_up = false;
            }
            self.note_state(id);
        }
        caught_up
    }

    /// Opens the oldest files that wait for their turn: a log that is rotated faster than it is read may be removed
    /// first. Half of all descriptors at most.
    pub(super) fn hold_unread(&mut self) {
        let waits = |id: &i64| self.files.get(id).is_some_and(Followed::is_at_risk);
        let mut waiting: Vec<i64> = self.pending.iter().copied().filter(waits).collect();
        waiting.sort_by_key(|id| self.files.get(id).map(Followed::age));
        let room = (self.spec.max_open / 2).saturating_sub(self.open.len());
        for id in waiting.into_iter().take(room) {
            if let Some(file) = self.files.get_mut(&id) {
                file.hold(self.spec.line_cap);
            }
            self.note_state(id);
        }
    }

    /// Keeps the lists of open and of pending files true for one file.
    pub(super) fn note_state(&mut self, id: i64) {
        let file = self.files.get(&id);
        if !file.is_some_and(Followed::is_pending) {
            self.pending.remove(&id);
        }
        if file.is_some_and(Followed::is_open) {
            self.open.insert(id);
        } else {
            self.open.remove(&id);
        }
    }

    /// Reads one file to its end, as far as the budget goes; false when newer files of its log have to wait.
    pub(super) fn read_file(&mut self, id: i64, left: &mut usize) -> bool {
        let limits = Limits {
            line_cap: self.spec.line_cap,
            batch_bytes: self.spec.batch_bytes,
            settle: self.spec.settle,
        };
        let Some(file) = self.files.get_mut(&id) else {
            return true;
        };
        let begun = self.out.batches.len();
        let blank = (file.cursor.head_len == 0).then(|| file.cursor.clone());
        let settled = file.superseded && !file.cursor.finished && file.is_quiet(limits.settle);
        // The end of a settled file may hold a line that waits; that is read again if the file was closed.
        file.dirty |= settled && file.has_unread();
        let mut pass = if file.dirty { Pass::More } else { Pass::End };
        while pass == Pass::More && *left > 0 {
            let first = self.out.batches.len();
            pass = file.read(limits, &mut self.out.batches, &mut self.out.troubles);
            let read: usize = self
                .out
                .batches
                .iter()
                .skip(first)
                .map(|batch| batch.bytes.len() + batch.lines.len() * LINE_BYTES)
                .sum();
            *left = left.saturating_sub(read.max(1));
        }
        let done = file.superseded && pass == Pass::End && !file.dirty && !file.cursor.finished;
        if done && file.is_quiet(limits.settle) {
            file.finish(&mut self.out.batches);
        } else if pass == Pass::End && file.is_idle() {
            file.close();
        }
        let (cursor, log) = (file.cursor.clone(), file.log);
        if let Some(blank) = blank.filter(|_| self.may_follow_a_copy(id)) {
            self.out.batches.truncate(begun);
            self.put_off(id, blank);
            return false;
        }
        self.ledger.update(&cursor);
        match pass {
            Pass::Replaced => {
                self.let_go(id);
                self.hold(log);
                false
            }
            Pass::More => false,
            _ => {
                if self
                    .files
                    .get(&id)
                    .is_some_and(|file| file.orphan && file.cursor.finished)
                {
                    self.let_go(id);
                }
                true
            }
        }
    }

    /// The first that was read of a log that was known to be empty may have come after what a copytruncate saved into
    /// a copy younger than the listing: nothing in the log itself would tell.
    pub(super) fn may_follow_a_copy(&self, id: i64) -> bool {
        let live = self.files.get(&id).filter(|file| !file.superseded);
        live.filter(|file| file.cursor.head_len > 0).is_some_and(|file| {
            let directory = directory_of(&file.found.path);
            self.listed.is_none_or(|listed| is_restless(directory, listed))
        })
    }

    /// Reads a file again from where it stood, known by its beginning now, once a listing was made after that was seen.
    pub(super) fn put_off(&mut self, id: i64, before: Cursor) {
        let Some(file) = self.files.get_mut(&id) else {
            return;
        };
        file.close();
        let (log, known) = (file.log, &file.cursor);
        let (head_len, head_hash) = (known.head_len, known.head_hash);
        self.ledger.update(&Cursor {
            head_len,
            head_hash,
            ..before
        });
        self.let_go(id);
        self.hold(log);
    }

    /// The file under a followed path is another one now, or it has no name and is read to its end.
    pub(super) fn let_go(&mut self, id: i64) {
        let Some(file) = self.files.remove(&id) else {
            return;
        };
        let waiting = file.waiting();
        if waiting > 0 && !file.cursor.finished {
            let what = format!("was cut with {waiting} bytes of an unterminated line in it");
            self.notice(&file.found.path, &what);
        }
        if self.by_key.get(&file.found.key) == Some(&id) {
            self.by_key.remove(&file.found.key);
        }
        for path in absolute(&file.found).into_iter().chain(file.target.clone()) {
            if self.by_path.get(&path) == Some(&id) {
                self.by_path.remove(&path);
            }
        }
        self.ledger.unbind(id);
        self.names_changed = true;
    }

    /// Closes files that were idle for long, and the longest idle ones when too many are open.
    pub(super) fn close_idle(&mut self) {
        let mut open: Vec<(Instant, i64)> = Vec::new();
        for id in &self.open {
            match self.files.get_mut(id) {
                Some(file) if file.dirty || file.orphan => {}
                Some(file) if file.last_read().elapsed() >= self.spec.idle_close => file.close(),
                Some(file) => open.push((file.last_read(), file.id)),
                None => {}
            }
        }
        let excess = open.len().saturating_sub(self.spec.max_open);
        open.sort_unstable();
        for (_, id) in open.into_iter().take(excess) {
            if let Some(file) = self.files.get_mut(&id) {
                file.close();
            }
        }
        self.open
            .retain(|id| self.files.get(id).is_some_and(Followed::is_open));
    }
}
