//! Rows of analysis state (windows, indicators, and what else analysis must remember) and named counters.
//!
//! Values are opaque here: their owners version and read them. Next: [`super::commit`].

use rusqlite::{Connection, OptionalExtension, params};

use super::cursor::{signed, unsigned};
use super::{State, StateKind, Store, StoreError};

impl StateKind {
    /// The number in the table. Never changes.
    const fn number(self) -> i64 {
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
    pub fn each_state(&self, kind: StateKind, mut visit: impl FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self
                .database
                .connection
                .prepare_cached("SELECT key, value FROM state WHERE kind = ?1 ORDER BY key")?;
            let mut rows = statement.query([kind.number()])?;
            while let Some(row) = rows.next()? {
                visit(row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
            }
            Ok(())
        };
        read().map_err(|error| self.database.failed("read the state", error))
    }

    /// One row's value.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn state(&self, kind: StateKind, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.database
            .connection
            .query_row(
                "SELECT value FROM state WHERE kind = ?1 AND key = ?2",
                params![kind.number(), key],
                |row| row.get(0),
            )
            .optional()
            .map_err(|error| self.database.failed("read the state", error))
    }

    /// How many rows of a kind there are.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn state_count(&self, kind: StateKind) -> Result<u64, StoreError> {
        self.database
            .connection
            .query_row(
                "SELECT count(*) FROM state WHERE kind = ?1",
                [kind.number()],
                |row| row.get(0),
            )
            .map(unsigned)
            .map_err(|error| self.database.failed("read the state", error))
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

/// Writes the changed rows of a commit.
pub(super) fn write(connection: &Connection, states: &[State]) -> rusqlite::Result<()> {
    let mut put = connection.prepare_cached(
        "INSERT INTO state (kind, key, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (kind, key) DO UPDATE SET value = ?3",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM state WHERE kind = ?1 AND key = ?2")?;
    for state in states {
        match &state.value {
            Some(value) => put.execute(params![state.kind.number(), state.key, value])?,
            None => delete.execute(params![state.kind.number(), state.key])?,
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
