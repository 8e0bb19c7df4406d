//! Source: finds log files, follows them through rotation, decompresses and frames lines.
//!
//! Hands over [`Batch`]es and knows nothing of what the lines mean. Only this module reads logs. It does not
//! store anything either: a batch carries the [`Cursor`] that becomes durable with the batch's effects.
//! [`plan`] lists the history to replay, oldest first, each byte once; a [`LogReader`] reads it. A [`Follower`] goes on
//! with logs as they grow.
//! Reading order: [`spec`], [`discover`], [`frame`], [`decode`], [`identity`], [`rotation`],
//! [`probe`], [`ledger`], [`replay`], [`follow`].
//! Next: [`crate::analysis`].

pub mod decode;
pub mod discover;
pub mod follow;
pub mod frame;
pub mod identity;
pub mod ledger;
pub mod names;
pub mod probe;
pub mod reader;
pub mod replay;
pub mod rotation;
pub mod servers;
pub mod settle;
pub mod spec;

pub use self::follow::{FileStatus, Follower, Polled, Waker};
pub use self::replay::{Log, LogFile, LogReader, Plan, plan};
pub use self::servers::{DeclaredLog, Servers};
pub use self::spec::{From, Notice, SourceError, SourceSpec, Trouble};

use std::path::PathBuf;
use std::sync::Arc;

use afw_parsers::recognise::HEAD_LINES;
use frame::Framed;

/// A run of whole lines of one file: one buffer and the ranges of the lines in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Path of the file as it is shown; `-` for standard input.
    pub file: Arc<str>,
    /// Number of the log this file belongs to (a log and its rotated generations share it), from 0, stable in a run.
    pub log: u32,
    /// Decoded bytes.
    pub bytes: Vec<u8>,
    /// Where each line stands in `bytes`, line end excluded.
    pub lines: Vec<Line>,
    /// Offset of `bytes[0]` in the file's decoded stream.
    pub base: u64,
    /// Where reading goes on after this batch.
    pub cursor: Cursor,
}

/// One line's place in its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// First byte, counted from the start of the batch.
    pub start: u32,
    /// Length without the line end (`\n` or `\r\n`).
    pub len: u32,
    /// The line was longer than the cap; what is here is its beginning.
    pub cut: bool,
}

impl Line {
    /// The part of this line that begins `at` bytes into it, as a line of its own: one of several records.
    #[must_use]
    pub fn part(self, at: usize, len: usize) -> Self {
        Self {
            start: self.start + at as u32,
            len: len as u32,
            cut: self.cut,
        }
    }
}

impl Batch {
    /// What came of a file of a log, after which reading goes on at the cursor.
    fn of(framed: Framed, file: &Arc<str>, log: u32, cursor: Cursor) -> Self {
        Self {
            file: Arc::clone(file),
            log,
            bytes: framed.bytes,
            lines: framed.lines,
            base: framed.base,
            cursor,
        }
    }

    /// The bytes of one of this batch's lines.
    pub fn line(&self, line: Line) -> &[u8] {
        let start = line.start as usize;
        self.bytes
            .get(start..start + line.len as usize)
            .unwrap_or_default()
    }

    /// The bytes of all lines, from the first to the last.
    pub fn all_lines(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.lines.iter().map(|line| self.line(*line))
    }

    /// The first lines, which are enough to recognise a format by.
    pub fn head(&self) -> Vec<&[u8]> {
        let lines = self.lines.iter().take(HEAD_LINES);
        lines.map(|line| self.line(*line)).collect()
    }

    /// Where reading would go on if only the bytes before `at` (counted from the start of the batch) had been taken;
    /// `None` when that is nothing, so that the cursor before this batch stands.
    pub fn cursor_before(&self, at: u32) -> Option<Cursor> {
        let taken = self.bytes.get(..at as usize).filter(|taken| !taken.is_empty())?;
        let mut trail = identity::Trail::default();
        trail.push(taken);
        let (proof_len, proof_hash) = trail.proof();
        Some(Cursor {
            offset: self.base + u64::from(at),
            proof_len,
            proof_hash,
            finished: false,
            ..self.cursor.clone()
        })
    }

    /// The line, as it was read, in which this byte stands.
    pub fn line_of(&self, at: u32) -> Option<Line> {
        let behind = self.lines.partition_point(|line| line.start <= at);
        self.lines.get(behind.checked_sub(1)?).copied()
    }

    /// This line and those behind it as one, up to and with the first of `most` that `ends` it.
    pub fn joined(&self, line: Line, most: usize, mut ends: impl FnMut(&[u8]) -> bool) -> Option<Line> {
        let behind = self.lines.partition_point(|other| other.start <= line.start);
        let rest = self.lines.get(behind..)?.iter().take(most);
        let last = rest.copied().find(|other| ends(self.line(*other)))?;
        Some(Line {
            start: line.start,
            len: (last.start + last.len).checked_sub(line.start)?,
            cut: line.cut || last.cut,
        })
    }

    /// Offset of a line in the decoded stream.
    pub fn offset(&self, line: Line) -> u64 {
        self.base + u64::from(line.start)
    }
}

/// How far a file has been read, and how to know it again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cursor {
    /// Number of this file, from 1, given by the source when it first sees the file (one more than the largest
    /// stored); the store keeps one row for each. 0: a stream (standard input, FIFO) that has no place to come
    /// back to and is never stored.
    pub id: i64,
    /// Path under which the file was last seen.
    pub path: PathBuf,
    /// Length of the head that was hashed, at most 1 KiB, growing with the file.
    pub head_len: u32,
    /// Hash of the first `head_len` decoded bytes.
    pub head_hash: u64,
    /// Device, a hint.
    pub device: u64,
    /// Inode, a hint.
    pub inode: u64,
    /// When the file was last modified as far as it was read, nanoseconds since the epoch; 0 when unknown. A hint:
    /// tells generations written later from older ones.
    pub modified_nanos: i64,
    /// Offset in the decoded stream after the last line taken.
    pub offset: u64,
    /// Number of bytes before `offset` that were hashed as proof.
    pub proof_len: u32,
    /// Hash of those bytes.
    pub proof_hash: u64,
    /// The file is finished: rotated away and drained, or compressed and complete.
    pub finished: bool,
    /// What the parser must know to go on in mid-file: the format, the `#Fields` line.
    pub layout: Option<String>,
}
