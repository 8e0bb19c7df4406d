//! Files that are listed and not read for now, and what has to change for them to be looked at again.

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use super::Follower;
use super::file::is_quiet;
use crate::source::discover::Found;
use crate::source::spec::Trouble;

/// A file that is not read now: a copy, one in the making, not ours, or not readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parked {
    /// Its path: the inode may soon be another file's.
    path: PathBuf,
    size: u64,
    modified_nanos: i64,
    /// Since when it has been just so.
    since: Instant,
    pub(super) why: Why,
}

impl Parked {
    /// Nothing about the file has changed.
    fn shows(&self, found: &Found) -> bool {
        self.path == found.path && self.size == found.size && self.modified_nanos == found.modified_nanos
    }
}

/// Why a file is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// A copy of a known file, which was or was not finished then.
    Copy(i64, bool),
    /// Too little of it is there to tell.
    InTheMaking,
    /// The beginning of a known file and no more. When that one is cut, this holds what was read of it.
    Beginning(i64),
    /// Holds nothing new, or belongs to nobody who asked.
    NotWanted,
    /// Could not be opened; from where to read should it be so.
    Unreadable(Option<u64>),
}

impl Follower {
    /// A parked file about which nothing has changed.
    pub(super) fn stays_parked(&self, found: &Found) -> bool {
        let Some(parked) = self.parked.get(&found.key) else {
            return false;
        };
        let same = parked.shows(found);
        match parked.why {
            Why::Copy(id, finished) => self
                .ledger
                .get(id)
                .is_some_and(|entry| same && entry.present.is_some() && entry.cursor.finished == finished),
            Why::InTheMaking => same && found.size == 0,
            Why::Beginning(id) => same && self.ledger.get(id).is_some_and(|entry| entry.present.is_none()),
            Why::NotWanted => same,
            Why::Unreadable(_) => false,
        }
    }

    /// Nothing was written to a file for as long as one needs to settle: so says its time, or, should that lie in
    /// the future, how long it has been looked at.
    pub(super) fn is_settled(&self, found: &Found) -> bool {
        let settle = self.spec.settle;
        let parked = self.parked.get(&found.key);
        let seen = parked.is_some_and(|parked| parked.shows(found) && parked.since.elapsed() >= settle);
        seen || is_quiet(found.modified_nanos, settle)
    }

    /// Does not read a file for now.
    pub(super) fn park(&mut self, found: &Found, why: Why) {
        let earlier = self.parked.get(&found.key).filter(|parked| parked.shows(found));
        let parked = Parked {
            path: found.path.clone(),
            size: found.size,
            modified_nanos: found.modified_nanos,
            since: earlier.map_or_else(Instant::now, |parked| parked.since),
            why,
        };
        self.parked.insert(found.key, parked);
    }

    /// Says once that a file cannot be read, and remembers where to begin when it can.
    pub(super) fn unreadable(&mut self, found: &Found, first: bool, error: &io::Error) {
        if error.kind() == io::ErrorKind::NotFound {
            let log = self.log_number(&found.family);
            return self.hold(log);
        }
        let earlier = match self.parked.get(&found.key) {
            Some(Parked {
                why: Why::Unreadable(from),
                ..
            }) => *from,
            _ if self.begins_at_end(found, first) => Some(found.size),
            _ => None,
        };
        self.park(found, Why::Unreadable(earlier));
        self.trouble(Trouble::io(&found.path, error));
    }
}
