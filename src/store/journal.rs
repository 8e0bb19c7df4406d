//! The journal: state rows that changed, side by side as they came, until there are enough to be put in their places.
//!
//! Rows of [`super::state`] lie scattered by their keys, so writing a few of them writes nearly as many pages, several
//! times a second. A commit appends its changed rows here as one row instead. Now and then, between two commits, the
//! newest value of each row is put in its place and the journal is emptied, in one transaction that changes nothing of
//! what is known. Until then whoever reads state lays the journal over the table. Values are opaque here.
//! Next: [`super::state`].

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::number::{signed, unsigned};
use super::{State, StateKind, state};
use crate::rows::{Reader, Writer};

/// Most bytes in the journal: bounds what a start, `status` and a scrape read besides the table. A commit that would
/// bring more empties it at once.
pub(super) const MOST_BYTES: u64 = 4 << 20;
/// From so many bytes on what is in the journal is put in its place at the next pause.
const DUE_BYTES: u64 = 2 << 20;
/// The same from this age on, in milliseconds. The longer, the more often a row that changes again and again is written
/// once instead.
pub(super) const OLDEST: i64 = 10_000;
/// The first byte of a journal's row.
const VERSION: u8 = 1;

/// Rows by kind and key; a row without a value is deleted.
pub(super) type Changes<'a> = BTreeMap<(i64, &'a [u8]), Option<&'a [u8]>>;

/// What is in the journal.
#[derive(Debug, Default)]
pub(super) struct Journal {
    rows: Vec<Vec<u8>>,
}

impl Journal {
    /// Reads all of it. It has to be in one transaction with what is read of the table.
    pub fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare_cached("SELECT rows FROM journal ORDER BY seq")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(Self {
            rows: rows.collect::<Result<_, _>>()?,
        })
    }

    /// The newest value of each row in it.
    pub fn changes(&self) -> rusqlite::Result<Changes<'_>> {
        let mut changes = Changes::new();
        for row in &self.rows {
            decode(row, &mut changes).ok_or_else(damaged)?;
        }
        Ok(changes)
    }

    /// The newest value of each row of a kind.
    pub fn of(&self, kind: StateKind) -> rusqlite::Result<BTreeMap<&[u8], Option<&[u8]>>> {
        let changes = self.changes()?.into_iter();
        let of_kind = changes.filter(|((number, _), _)| *number == kind.number());
        Ok(of_kind.map(|((_, key), value)| (key, value)).collect())
    }
}

/// Takes in the changed rows of a commit: into the journal, or with all that is in it in their places.
pub(super) fn write(connection: &Connection, states: &[State], now: i64) -> rusqlite::Result<()> {
    if states.is_empty() {
        return Ok(());
    }
    let row = encode(states);
    let (held, since) = filled(connection)?.unwrap_or((0, now));
    let bytes = held.saturating_add(row.len() as u64);
    if bytes > MOST_BYTES {
        return put_away(connection, states);
    }
    connection
        .prepare_cached("INSERT INTO journal (bytes, since, rows) VALUES (?1, ?2, ?3)")?
        .execute(params![signed(bytes), since, row])
        .map(drop)
}

/// Whether there is enough in the journal, or for long enough, to be put in its place. A clock that went back says
/// nothing about age.
pub(super) fn is_due(connection: &Connection, now: i64) -> rusqlite::Result<bool> {
    let filled = filled(connection)?;
    Ok(filled.is_some_and(|(bytes, since)| {
        bytes >= DUE_BYTES || since > now || now.saturating_sub(since) >= OLDEST
    }))
}

/// How many bytes the journal holds, and since when; `None` when it is empty.
fn filled(connection: &Connection) -> rusqlite::Result<Option<(u64, i64)>> {
    connection
        .prepare_cached("SELECT bytes, since FROM journal ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((unsigned(row.get(0)?), row.get(1)?)))
        .optional()
}

/// Puts what is in the journal, and then these rows, in their places.
pub(super) fn put_away(connection: &Connection, states: &[State]) -> rusqlite::Result<()> {
    let journal = Journal::read(connection)?;
    let mut changes = journal.changes()?;
    for State { kind, key, value } in states {
        changes.insert((kind.number(), key), value.as_deref());
    }
    state::write(connection, &changes)?;
    connection
        .prepare_cached("DELETE FROM journal")?
        .execute([])
        .map(drop)
}

/// Each row as kind, key, and 1 with its value or 0.
fn encode(states: &[State]) -> Vec<u8> {
    let mut writer = Writer::versioned(VERSION);
    for State { kind, key, value } in states {
        writer.uint(unsigned(kind.number())).bytes(key);
        match value {
            None => writer.byte(0),
            Some(value) => writer.byte(1).bytes(value),
        };
    }
    writer.finish()
}

/// Lays the rows that [`encode`] wrote over those before them; `None` when it did not write this.
fn decode<'a>(row: &'a [u8], changes: &mut Changes<'a>) -> Option<()> {
    let mut reader = Reader::versioned(row, VERSION)?;
    while !reader.is_empty() {
        let kind = i64::try_from(reader.uint()?).ok()?;
        let key = reader.bytes()?;
        let value = match reader.byte()? {
            0 => None,
            1 => Some(reader.bytes()?),
            _ => return None,
        };
        changes.insert((kind, key), value);
    }
    Some(())
}

/// What SQLite would say of a damaged page: the cursors beside it have moved on, so nothing can be given up in silence.
fn damaged() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some("the journal of its state cannot be read".to_owned()))
}

#[cfg(test)]
mod tests;
