//! What people do with the outbox: list, look, try again, drop, ask for delivery at once.
//!
//! These only change rows; a running afw sees that within two seconds. Next: [`super::queue`].

use std::io::Read;

use afw_parsers::Time;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::number::unsigned;
use super::{Store, StoreError, from_millis, state};

/// Most bytes of a batch that are shown decoded. Batches are far smaller; a damaged one must not fill the memory.
const SHOW_BYTES: u64 = 256 << 20;

/// One batch in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its id, the `Idempotency-Key`.
    pub id: String,
    /// Name of its sink.
    pub sink: String,
    /// Whether it waits or was refused for good.
    pub state: BatchState,
    /// Records in it.
    pub events: u64,
    /// Bytes as sent.
    pub bytes: u64,
    /// How often it was offered.
    pub attempts: u32,
    /// When its first record came.
    pub created: Time,
    /// When it is offered again, if that is known.
    pub next_attempt: Option<Time>,
    /// Status code of the last answer.
    pub status: Option<u16>,
    /// What went wrong the last time.
    pub error: Option<String>,
}

/// Whether a batch waits or is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// Waits for delivery.
    Pending,
    /// Refused for good.
    Dead,
}

impl BatchState {
    /// The word in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Dead => "dead",
        }
    }
}

/// Which batches a command means.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// These ids.
    Ids(&'a [String]),
    /// All dead letters.
    Dead,
}

const SELECT: &str = "SELECT batch.id, sink.name, dead, events, bytes, attempts, created,
        CASE WHEN dead THEN NULL ELSE coalesce(batch.next_attempt, sink.next_attempt) END, status, error
    FROM batch JOIN sink ON sink.id = batch.sink";

impl Store {
    /// Shows `visit` each batch, by sink and in the order of delivery, until it returns false.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn each_batch(&self, mut visit: impl FnMut(OutboxRow) -> bool) -> Result<(), StoreError> {
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self
                .database
                .connection
                .prepare(&format!("{SELECT} ORDER BY sink.name, dead, seq, part"))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if !visit(outbox_row(row)?) {
                    break;
                }
            }
            Ok(())
        };
        read().map_err(|error| self.database.failed("read the outbox", error))
    }

    /// All batches, by sink and in the order of delivery.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        let mut batches = Vec::new();
        self.each_batch(|batch| {
            batches.push(batch);
            true
        })?;
        Ok(batches)
    }

    /// One batch with its body, decompressed; `None` when there is none of that id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn show_batch(&self, id: &str) -> Result<Option<(OutboxRow, Vec<u8>)>, StoreError> {
        let read = || -> rusqlite::Result<Option<(OutboxRow, Vec<u8>)>> {
            let connection = &self.database.connection;
            let row = connection
                .query_row(&format!("{SELECT} WHERE batch.id = ?1"), [id], outbox_row)
                .optional()?;
            let Some(row) = row else { return Ok(None) };
            let body: Vec<u8> = connection.query_row(
                "SELECT body.bytes FROM body JOIN batch ON batch.row = body.row WHERE batch.id = ?1",
                [id],
                |row| row.get(0),
            )?;
            Ok(Some((row, decoded(body))))
        };
        read().map_err(|error| self.database.failed("read the outbox", error))
    }

    /// Dead letters wait for delivery again, with the same id and bytes; waiting ones are offered at once. Returns how
    /// many batches that were.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn retry_batches(&mut self, which: Which<'_>) -> Result<u64, StoreError> {
        self.write("retry a batch", |connection, _| {
            let mut count = 0;
            match which {
                Which::Dead => count += revive(connection, "dead = 1", &[])?,
                Which::Ids(ids) => {
                    for id in ids {
                        count += revive(connection, "id = ?1", &[id])?;
                    }
                }
            }
            Ok(count)
        })
    }

    /// Batches are given up and counted. One that is being sent at this moment may still arrive. Returns how many
    /// batches that were.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn drop_batches(&mut self, which: Which<'_>) -> Result<u64, StoreError> {
        self.write("drop a batch", |connection, _| match which {
            Which::Dead => give_up(connection, "dead = 1", &[]),
            Which::Ids(ids) => ids
                .iter()
                .try_fold(0, |count, id| Ok(count + give_up(connection, "id = ?1", &[id])?)),
        })
    }

    /// Asks for delivery of everything at once, pauses and waits notwithstanding.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn flush_outbox(&mut self) -> Result<(), StoreError> {
        self.write("flush the outbox", |connection, _| {
            connection
                .execute("UPDATE sink SET kick = kick + 1", [])
                .map(drop)
        })
    }
}

fn outbox_row(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    Ok(OutboxRow {
        id: row.get(0)?,
        sink: row.get(1)?,
        state: if row.get(2)? {
            BatchState::Dead
        } else {
            BatchState::Pending
        },
        events: unsigned(row.get(3)?),
        bytes: unsigned(row.get(4)?),
        attempts: row.get(5)?,
        created: from_millis(row.get(6)?),
        next_attempt: row.get::<_, Option<i64>>(7)?.map(from_millis),
        status: row.get(8)?,
        error: row.get(9)?,
    })
}

fn revive(connection: &Connection, condition: &str, id: &[&String]) -> rusqlite::Result<u64> {
    let id = rusqlite::params_from_iter(id);
    let mut statement = connection.prepare(&format!(
        "UPDATE batch SET dead = 0, next_attempt = NULL WHERE {condition} RETURNING sink"
    ))?;
    let sinks: Vec<i64> = statement
        .query_map(id, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for sink in &sinks {
        connection
            .prepare_cached("UPDATE sink SET kick = kick + 1 WHERE id = ?1")?
            .execute([sink])?;
    }
    Ok(sinks.len() as u64)
}

fn give_up(connection: &Connection, condition: &str, id: &[&String]) -> rusqlite::Result<u64> {
    let id = rusqlite::params_from_iter(id);
    let mut statement = connection.prepare(&format!(
        "DELETE FROM batch WHERE {condition} RETURNING sink, events"
    ))?;
    let gone: Vec<(i64, i64)> = statement
        .query_map(id, |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (sink, events) in &gone {
        connection
            .prepare_cached("UPDATE sink SET dropped_events = dropped_events + ?2 WHERE id = ?1")?
            .execute(params![sink, events])?;
        state::add_counter(connection, "outbox.dropped_by_hand", unsigned(*events))?;
    }
    Ok(gone.len() as u64)
}

/// A body without its compression.
fn decoded(body: Vec<u8>) -> Vec<u8> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return body;
    }
    let mut text = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(body.as_slice()).take(SHOW_BYTES);
    match reader.read_to_end(&mut text) {
        Ok(_) => text,
        Err(_) => body,
    }
}
