//! What delivery does with frozen batches: claim one, then acknowledge, refuse, or put it back.
//!
//! Each step is one transaction. Taking a claim or an acknowledgement back by a power cut only sends the same bytes
//! under the same id again, so those two need not wait for the disk; making ids (closing, splitting) does.
//! Next: [`crate::sink::worker`].

use std::time::Duration;

use afw_parsers::Time;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::freeze::{self, NewBatch};
use super::receivers::{self, Outlook};
use super::{Close, Owner, Store, StoreError, millis};
use crate::sink::{Frozen, Sink};

/// Longest error text kept with a batch or a sink, in characters.
const ERROR_CHARS: usize = 500;

/// The next batch of a sink.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing waits.
    Empty,
    /// Another process is sending to this sink.
    Busy,
    /// This batch is now the caller's to offer.
    Ready(Claimed),
    /// The stored bytes are not the ones that were frozen: the batch became a dead letter and was not sent.
    Damaged {
        /// Its id.
        id: String,
    },
}

/// A batch under lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub(crate) row: i64,
    pub(crate) sink: i64,
    pub(crate) seq: i64,
    pub(crate) part: String,
    pub(crate) created: i64,
    hash: Vec<u8>,
    /// What is sent.
    pub batch: Frozen,
}

/// One record of a batch that its receiver refused while it took others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecord {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Status code the receiver gave it.
    pub status: u16,
    /// What the receiver said of it.
    pub error: String,
}

impl Store {
    /// Closes batches of a sink that are due, or all.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) fn close(&mut self, sink: &dyn Sink, close: Close, now: Time) -> Result<usize, StoreError> {
        self.write("close a batch", |transaction, known| {
            let row = receivers::row(transaction, known, sink.name())?;
            freeze::place(transaction, (row, sink), &[], millis(now), close)
        })
    }

    /// Claims the oldest waiting batch of a sink, unless another living process has one of this sink.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) fn claim(
        &mut self,
        sink_row: i64,
        owner: &Owner,
        lease: Duration,
        now: Time,
    ) -> Result<Next, StoreError> {
        let now = millis(now);
        let until = now.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
        self.write_lazily("claim a batch", |connection| {
            if is_taken(connection, sink_row, owner, now)? {
                return Ok(Next::Busy);
            }
            let Some(claimed) = oldest(connection, sink_row)? else {
                return Ok(Next::Empty);
            };
            if freeze::hash(&claimed.batch.body) != claimed.hash {
                bury(
                    connection,
                    (claimed.row, &claimed.batch.id),
                    None,
                    "the stored bytes do not match their hash",
                )?;
                return Ok(Next::Damaged { id: claimed.batch.id });
            }
            connection
                .prepare_cached(
                    "UPDATE batch SET lease_owner = ?2, lease_until = ?3, attempts = attempts + 1,
                         next_attempt = NULL WHERE row = ?1",
                )?
                .execute(params![claimed.row, owner.id(), until])?;
            Ok(Next::Ready(claimed))
        })
    }

    /// The receiver took the batch: its row goes.
    ///
    /// # Errors
    /// When the database cannot be written; the batch is then offered again with the same id.
    pub(crate) fn acknowledge(&mut self, claimed: &Claimed, now: Time) -> Result<(), StoreError> {
        self.write_lazily("acknowledge a batch", |connection| {
            // One that was dropped meanwhile has been counted as that.
            let events = match remove(connection, claimed)? {
                true => claimed.batch.events as i64,
                false => 0,
            };
            receivers::succeeded(connection, claimed.sink, events, millis(now))
        })
    }

    /// The receiver cannot take it now: the batch goes back to its place.
    ///
    /// # Errors
    /// When the database cannot be written; the lease then ends by itself.
    pub(crate) fn put_back(
        &mut self,
        claimed: &Claimed,
        outlook: &Outlook,
        (status, error): (Option<u16>, &str),
        now: Time,
    ) -> Result<(), StoreError> {
        let error = clipped(error);
        self.write_lazily("put a batch back", |connection| {
            connection
                .prepare_cached(
                    "UPDATE batch SET lease_owner = NULL, lease_until = NULL, next_attempt = ?2, status = ?3,
                         error = ?4 WHERE row = ?1 AND id = ?5",
                )?
                .execute(params![
                    claimed.row,
                    outlook.next_attempt.map(millis),
                    status,
                    error,
                    claimed.batch.id,
                ])?;
            receivers::failed(connection, claimed.sink, outlook, (status, &error), millis(now))
        })
    }

    /// The receiver refused the data: two halves take the batch's place, each under its own id, or the batch becomes a
    /// dead letter when it is a single record (or its records cannot be told apart). True when it did.
    ///
    /// # Errors
    /// When the database cannot be written; the batch is then offered again as it was.
    pub(crate) fn refuse(
        &mut self,
        claimed: &Claimed,
        sink: &dyn Sink,
        (status, error): (u16, &str),
        now: Time,
    ) -> Result<bool, StoreError> {
        let error = clipped(error);
        let records = sink
            .records(&claimed.batch.body)
            .filter(|records| records.len() > 1);
        self.write("split a batch", |connection, _| {
            match &records {
                // One that was dropped meanwhile leaves nothing to be split.
                Some(records) if remove(connection, claimed)? => {
                    let (first, second) = records.split_at(records.len() / 2);
                    add_part(connection, claimed, sink, "0", first)?;
                    add_part(connection, claimed, sink, "1", second)?;
                }
                Some(_) => {}
                None => bury(connection, (claimed.row, &claimed.batch.id), Some(status), &error)?,
            }
            let outlook = Outlook::default();
            receivers::failed(
                connection,
                claimed.sink,
                &outlook,
                (Some(status), &error),
                millis(now),
            )
        })?;
        Ok(records.is_none())
    }

    /// The receiver took some records, refused some for good, and wants others again: the refused become dead letters,
    /// the others one new batch.
    ///
    /// # Errors
    /// When the database cannot be written; the whole batch is then offered again.
    pub(crate) fn take_partly(
        &mut self,
        claimed: &Claimed,
        sink: &dyn Sink,
        (refused, again): (&[RefusedRecord], &[usize]),
        now: Time,
    ) -> Result<(), StoreError> {
        let records = sink.records(&claimed.batch.body).unwrap_or_default();
        let taken = claimed.batch.events.saturating_sub(refused.len() + again.len());
        self.write("split a batch", |connection, _| {
            if !remove(connection, claimed)? {
                return receivers::succeeded(connection, claimed.sink, 0, millis(now));
            }
            for one in refused {
                let Some(record) = records.get(one.index) else {
                    continue;
                };
                let (row, id) = add_part(connection, claimed, sink, "0", std::slice::from_ref(record))?;
                bury(connection, (row, &id), Some(one.status), &clipped(&one.error))?;
            }
            let again: Vec<Vec<u8>> = again.iter().filter_map(|at| records.get(*at).cloned()).collect();
            if !again.is_empty() {
                add_part(connection, claimed, sink, "1", &again)?;
            }
            receivers::succeeded(connection, claimed.sink, taken as i64, millis(now))
        })
    }

    /// Notes how delivery to a sink goes when no batch is concerned.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) fn note_outlook(&mut self, sink_row: i64, outlook: &Outlook) -> Result<(), StoreError> {
        self.write_lazily("note the state of a sink", |connection| {
            connection
                .prepare_cached(
                    "UPDATE sink SET condition = ?2, failures = ?3, next_attempt = ?4 WHERE id = ?1",
                )?
                .execute(params![
                    sink_row,
                    outlook.condition.name(),
                    outlook.failures,
                    outlook.next_attempt.map(millis)
                ])
                .map(drop)
        })
    }

    /// A number that changes whenever another connection has changed the database.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn data_version(&self) -> Result<i64, StoreError> {
        self.database
            .connection
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .map_err(|error| self.database.failed("read the store", error))
    }

    /// Gives pages that delivered batches left back to the file system, a bounded number at a time.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) fn shrink(&mut self) -> Result<(), StoreError> {
        let free: i64 = self
            .database
            .connection
            .pragma_query_value(None, "freelist_count", |row| row.get(0))
            .map_err(|error| self.database.failed("shrink the store", error))?;
        if free < SHRINK_FROM_PAGES {
            return Ok(());
        }
        self.database
            .connection
            .execute_batch(&format!("PRAGMA incremental_vacuum({SHRINK_PAGES})"))
            .map_err(|error| self.database.failed("shrink the store", error))
    }

    /// A transaction whose loss by a power cut does no harm: it does not wait for the disk.
    fn write_lazily<T>(
        &mut self,
        what: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.set_synchronous("NORMAL")?;
        let result = self.write(what, |transaction, _| work(transaction));
        self.set_synchronous("FULL")?;
        result
    }

    fn set_synchronous(&self, level: &str) -> Result<(), StoreError> {
        self.database
            .connection
            .pragma_update(None, "synchronous", level)
            .map_err(|error| self.database.failed("set up the store", error))
    }
}

/// So many free pages of 4 KiB are kept for the next batches.
const SHRINK_FROM_PAGES: i64 = 4096;
/// So many go back to the file system at a time.
const SHRINK_PAGES: i64 = 1024;

/// Whether another owner holds a batch of this sink. A lease whose end has come or whose owner is gone is void.
fn is_taken(connection: &Connection, sink_row: i64, owner: &Owner, now: i64) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT lease_owner, lease_until FROM batch
         WHERE sink = ?1 AND lease_owner IS NOT NULL AND lease_owner <> ?2",
    )?;
    let leases: Vec<(String, i64)> = statement
        .query_map(params![sink_row, owner.id()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(leases
        .iter()
        .any(|(other, until)| *until > now && owner.is_alive(other)))
}

fn oldest(connection: &Connection, sink_row: i64) -> rusqlite::Result<Option<Claimed>> {
    connection
        .prepare_cached(
            "SELECT batch.row, sink, seq, part, created, hash, id, body.bytes, events, attempts
             FROM batch JOIN body ON body.row = batch.row
             WHERE sink = ?1 AND dead = 0 ORDER BY seq, part LIMIT 1",
        )?
        .query_row([sink_row], claimed)
        .optional()
}

fn claimed(row: &Row<'_>) -> rusqlite::Result<Claimed> {
    Ok(Claimed {
        row: row.get(0)?,
        sink: row.get(1)?,
        seq: row.get(2)?,
        part: row.get(3)?,
        created: row.get(4)?,
        hash: row.get(5)?,
        batch: Frozen {
            id: row.get(6)?,
            body: row.get(7)?,
            events: usize::try_from(row.get::<_, i64>(8)?).unwrap_or(0),
            attempt: row.get::<_, u32>(9)?.saturating_add(1),
        },
    })
}

/// Puts some records of a batch in its place, under their own id.
fn add_part(
    connection: &Connection,
    claimed: &Claimed,
    sink: &dyn Sink,
    half: &str,
    records: &[Vec<u8>],
) -> rusqlite::Result<(i64, String)> {
    let bytes: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    let part = format!("{}{half}", claimed.part);
    let body = sink.freeze(&bytes);
    freeze::insert(
        connection,
        &NewBatch {
            sink: claimed.sink,
            seq: claimed.seq,
            part: &part,
            events: records.len(),
            body: &body,
            created: claimed.created,
        },
    )
}

/// Makes a batch a dead letter.
fn bury(
    connection: &Connection,
    (row, id): (i64, &str),
    status: Option<u16>,
    error: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE batch SET dead = 1, lease_owner = NULL, lease_until = NULL, next_attempt = NULL, status = ?2,
                 error = ?3 WHERE row = ?1 AND id = ?4",
        )?
        .execute(params![row, status, error, id])
        .map(drop)
}

/// Removes a batch that was claimed. False when somebody dropped it meanwhile: its row number may be that of a newer batch
/// by now, which is why the id counts.
fn remove(connection: &Connection, claimed: &Claimed) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("DELETE FROM batch WHERE row = ?1 AND id = ?2")?
        .execute(params![claimed.row, claimed.batch.id])
        .map(|gone| gone > 0)
}

fn clipped(text: &str) -> String {
    text.chars().take(ERROR_CHARS).collect()
}
