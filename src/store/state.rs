//! Rows of analysis state (windows, indicators, and what else analysis must remember) and named counters.
//!
//! Values are opaque here: their owners version and read them. What changed of late lies in [`super::journal`] and not
//! in the table: whoever reads, reads both. Next: [`super::commit`].

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::journal::{Changes, Journal};
use super::number::{signed, unsigned};
use super::{State, StateKind, Store, StoreError};

impl StateKind {
    /// The number in the table. Never changes.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Window => 1,
            Self::Indicator => 2,
            Self::Other => 3,
        }
    }
}

impl Store {
    /// All rows of a kind, by key.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn states(&self, kind: StateKind) -> Result<Vec<State>, StoreError> {
        let mut states = Vec::new();
        self.each_state(kind, |key, value| {
            states.push(State {
                kind,
                key: key.to_vec(),
                value: Some(value.to_vec()),
            });
        })?;
        Ok(states)
    }

    /// Shows `visit` the key and value of every row of a kind, by key, one at a time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn each_state(&self, kind: StateKind, visit: impl FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        self.read_state(|connection, journal| merge(connection, kind, &journal.of(kind)?, visit))
    }

    /// One row's value.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn state(&self, kind: StateKind, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_state(|connection, journal| match journal.of(kind)?.get(key) {
            Some(changed) => Ok(changed.map(<[u8]>::to_vec)),
            None => connection
                .prepare_cached("SELECT value FROM state WHERE kind = ?1 AND key = ?2")?
                .query_row(params![kind.number(), key], |row| row.get(0))
                .optional(),
        })
    }

    /// How many rows of a kind there are.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn state_count(&self, kind: StateKind) -> Result<u64, StoreError> {
        self.read_state(|connection, journal| {
            let mut count: u64 = connection
                .prepare_cached("SELECT count(*) FROM state WHERE kind = ?1")?
                .query_row([kind.number()], |row| row.get(0))
                .map(unsigned)?;
            let mut find = connection.prepare_cached("SELECT 1 FROM state WHERE kind = ?1 AND key = ?2")?;
            for (key, value) in journal.of(kind)? {
                let was = find.exists(params![kind.number(), key])?;
                count = (count + u64::from(value.is_some())).saturating_sub(u64::from(was));
            }
            Ok(count)
        })
    }

    /// Reads the table and the journal that lies over it, both as one commit left them.
    fn read_state<T>(
        &self,
        read: impl FnOnce(&Connection, &Journal) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let read = || {
            let transaction = self.database.connection.unchecked_transaction()?;
            read(&transaction, &Journal::read(&transaction)?)
        };
        read().map_err(|error| self.database.failed("read the state", error))
    }

    /// The named counters, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn counters(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let read = || -> rusqlite::Result<Vec<(String, u64)>> {
            let mut statement = self
                .database
                .connection
                .prepare_cached("SELECT name, value FROM counter ORDER BY name")?;
            statement
                .query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?
                .collect()
        };
        read().map_err(|error| self.database.failed("read the counters", error))
    }
}

/// Shows the rows of a kind by key, those that changed as they are now.
fn merge(
    connection: &Connection,
    kind: StateKind,
    changes: &BTreeMap<&[u8], Option<&[u8]>>,
    mut visit: impl FnMut(&[u8], &[u8]),
) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("SELECT key, value FROM state WHERE kind = ?1 ORDER BY key")?;
    let mut rows = statement.query([kind.number()])?;
    let mut changes = changes.iter().peekable();
    let mut show = |key: &[u8], value: Option<&[u8]>| value.into_iter().for_each(|value| visit(key, value));
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob()?;
        while let Some((key, value)) = changes.next_if(|(changed, _)| **changed < key) {
            show(key, *value);
        }
        match changes.next_if(|(changed, _)| **changed == key) {
            Some((key, value)) => show(key, *value),
            None => show(key, Some(row.get_ref(1)?.as_blob()?)),
        }
    }
    changes.for_each(|(key, value)| show(key, *value));
    Ok(())
}

/// Writes changed rows to their places.
pub(super) fn write(connection: &Connection, changes: &Changes<'_>) -> rusqlite::Result<()> {
    let mut put = connection.prepare_cached(
        "INSERT INTO state (kind, key, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (kind, key) DO UPDATE SET value = ?3",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM state WHERE kind = ?1 AND key = ?2")?;
    for ((kind, key), value) in changes {
        match value {
            Some(value) => put.execute(params![kind, key, value])?,
            None => delete.execute(params![kind, key])?,
        };
    }
    Ok(())
}

/// Adds to a named counter. Adding nothing makes no row.
pub(super) fn add_counter(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    if value == 0 {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO counter (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = value + ?2",
        )?
        .execute(params![name, signed(value)])
        .map(drop)
}
