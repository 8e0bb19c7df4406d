//! Store: cursors, windows, indicators and outgoing batches in one SQLite file, changed in one transaction.
//!
//! Only this module opens SQLite. [`Effects`] is the whole of what one commit makes durable.
//! Next: [`crate::sink`].

use crate::source::Cursor;

/// All that one commit makes durable: the cursors, and everything that follows from the lines before them.
#[derive(Debug, Default)]
pub struct Effects {
    /// Files read, with how far.
    pub cursors: Vec<Cursor>,
    /// Lines counted since the last commit, by file.
    pub counts: Vec<FileCount>,
    /// State rows that changed: windows and indicators, written as opaque versioned bytes by their owners.
    pub states: Vec<State>,
    /// Items for the sinks, in order.
    pub items: Vec<Item>,
    /// Named counters to add to.
    pub counters: Vec<(String, u64)>,
}

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
