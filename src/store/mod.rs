//! Store: cursors, windows, indicators and outgoing batches in one SQLite file, changed in one transaction.
//!
//! Only this module opens SQLite. [`Effects`] is the whole of what one commit makes durable: [`Store::commit`] writes
//! it or leaves everything as it was. Records for the sinks wait as open items until a batch is full or old enough;
//! then they are frozen: one body of fixed bytes under one id. [`queue`] is what delivery does with frozen batches,
//! [`outbox`] what people do with them. No clock is read here: `now` comes with every call.
//! Next: [`crate::sink`].

use std::collections::HashMap;
use std::path::Path;

use afw_parsers::Time;

use crate::source::Cursor;

mod commit;
mod cursor;
mod error;
mod freeze;
mod journal;
mod lease;
mod lock;
mod number;
mod open;
pub mod outbox;
pub mod queue;
pub(crate) mod receivers;
mod schema;
mod state;

pub use commit::Committed;
pub use cursor::FileRow;
pub use error::StoreError;
pub use freeze::Close;
pub use lease::Owner;
pub use lock::{Holder, Lock, LockError};
pub use open::FILE;
pub use receivers::{Condition, Receiver};

use open::{Database, Place};

/// How much may wait for delivery, over all sinks, and what happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Most bytes of waiting batches and open items. A single commit may go over it.
    pub bytes: u64,
    /// Greatest age of a waiting batch.
    pub age: Option<std::time::Duration>,
    /// What happens at a limit.
    pub overflow: Overflow,
    /// Most bytes of dead letters; the oldest go first, counted.
    pub dead_bytes: u64,
}

impl Default for OutboxLimits {
    /// 1 GiB waiting, no limit of age, reading stops; 256 MiB of dead letters.
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            age: None,
            overflow: Overflow::Block,
            dead_bytes: 256 << 20,
        }
    }
}

/// What happens when the outbox is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Reading stops until there is room: the log is the buffer.
    #[default]
    Block,
    /// The oldest batches are dropped and counted.
    DropOldest,
}

/// The state database, open.
#[derive(Debug)]
pub struct Store {
    database: Database,
    limits: OutboxLimits,
    /// Rows of sinks by name; rows are never deleted.
    sinks: HashMap<String, i64>,
    /// The lock under which this store is written, if any.
    lock: Option<Place>,
}

impl Store {
    /// Opens the store of a state directory. Directory and store are made when there are none; the store is checked
    /// for damage within a bounded time and brought to the present schema.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the file is no intact store: nothing is changed, and the hint says how to go on.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Database::open(dir).map(Self::over)
    }

    /// Opens the store only when there is one; for commands that look and do not touch.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_existing(dir: &Path) -> Result<Option<Self>, StoreError> {
        if !dir.join(FILE).exists() {
            return Ok(None);
        }
        Self::open(dir).map(Some)
    }

    /// A further connection to a store that this process has already opened and checked.
    pub(crate) fn attach(dir: &Path) -> Result<Self, StoreError> {
        Database::connect(dir).map(Self::over)
    }

    fn over(database: Database) -> Self {
        Self {
            database,
            limits: OutboxLimits::default(),
            sinks: HashMap::new(),
            lock: None,
        }
    }

    /// Takes the lock that makes this process the only one that reads logs into this state directory.
    ///
    /// # Errors
    /// [`LockError::Held`] names the process that has it.
    pub fn lock(dir: &Path) -> Result<Lock, LockError> {
        Lock::take(dir)
    }

    /// From now on nothing is written unless this lock still lies where it was taken.
    #[must_use]
    pub fn under(mut self, lock: &Lock) -> Self {
        self.lock = Some(lock.place());
        self
    }

    /// Sets how much may wait for delivery.
    pub fn set_outbox_limits(&mut self, limits: OutboxLimits) {
        self.limits = limits;
    }

    /// Reads and checks the whole database, however long that takes.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first fault.
    pub fn check(&mut self) -> Result<(), StoreError> {
        self.database.check()
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.database.path
    }
}

/// Milliseconds since the epoch, as the tables have them.
pub(crate) fn millis(time: Time) -> i64 {
    time.nanos().div_euclid(1_000_000)
}

/// The instant of a column in milliseconds.
pub(crate) fn from_millis(millis: i64) -> Time {
    Time::from_nanos(millis.saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests;

/// All that one commit makes durable: the cursors, and everything that follows from the lines before them.
#[derive(Debug, Default)]
pub struct Effects {
    /// Files read, with how far. A cursor whose id is 0 is a stream: counted, not stored.
    pub cursors: Vec<Cursor>,
    /// Ids of cursors to forget, because the files are gone for good. Their lines stay counted in
    /// [`FORGOTTEN_LINES`] and [`FORGOTTEN_REJECTS`].
    pub forgotten: Vec<i64>,
    /// Lines counted since the last commit, by file.
    pub counts: Vec<FileCount>,
    /// State rows that changed: windows and indicators, written as opaque versioned bytes by their owners.
    pub states: Vec<State>,
    /// Items for the sinks, in order.
    pub items: Vec<Item>,
    /// Named counters to add to.
    pub counters: Vec<(String, u64)>,
}

/// Counter of lines of files that are no longer remembered, and of streams.
pub const FORGOTTEN_LINES: &str = "lines.forgotten";
/// Counter of rejected lines of files that are no longer remembered, and of streams.
pub const FORGOTTEN_REJECTS: &str = "rejects.forgotten";

/// Lines of one file since the last commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileCount {
    /// Index into [`Effects::cursors`].
    pub cursor: usize,
    /// Complete lines read.
    pub lines: u64,
    /// Lines that no grammar accepted.
    pub rejects: u64,
    /// Event time of the newest line, in nanoseconds since the epoch.
    pub last_time_nanos: Option<i64>,
    /// Name of the format that won.
    pub format: Option<String>,
}

/// One row of analysis state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What kind of row.
    pub kind: StateKind,
    /// Its key, unique within the kind.
    pub key: Vec<u8>,
    /// Its value; `None` deletes the row.
    pub value: Option<Vec<u8>>,
}

impl State {
    /// A row of [`StateKind::Other`].
    pub const fn other(key: Vec<u8>, value: Option<Vec<u8>>) -> Self {
        Self {
            kind: StateKind::Other,
            key,
            value,
        }
    }
}

/// Kinds of analysis state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateKind {
    /// An open correlation window.
    Window,
    /// An indicator.
    Indicator,
    /// Anything else analysis must remember (the own-goal guard, shared time marks).
    Other,
}

/// One encoded record for one sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Index of the sink in the configured order.
    pub sink: usize,
    /// The record, encoded as its contract says, without separators.
    pub bytes: Vec<u8>,
}
