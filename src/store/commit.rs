//! [`Store::commit`]: the one transaction by which anything that was read becomes durable.

use std::sync::Arc;

use afw_parsers::Time;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::number::unsigned;
use super::open::Place;
use super::{
    Close, Effects, OutboxLimits, Overflow, Store, StoreError, cursor, freeze, journal, millis, receivers,
    state,
};
use crate::sink::Sink;

/// What a commit brought about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Batches that were closed: the sinks' workers should be woken.
    pub frozen: usize,
    /// The outbox is at its limit: nothing more should be read until [`Store::outbox_full`] says otherwise.
    pub full: bool,
    /// Batches that were dropped because the outbox is full and says so.
    pub dropped: u64,
}

impl Store {
    /// Makes `effects` durable: all of it, or on an error nothing, and then the same call may be made again. `sinks`
    /// are the configured sinks in the order that [`super::Item::sink`] counts.
    ///
    /// # Errors
    /// When the disk is full, read-only or damaged. [`StoreError::is_retryable`] says whether waiting helps.
    pub fn commit(
        &mut self,
        effects: &Effects,
        sinks: &[Arc<dyn Sink>],
        now: Time,
    ) -> Result<Committed, StoreError> {
        let (now, limits) = (millis(now), self.limits);
        self.write("commit", |transaction, known| {
            cursor::write(transaction, effects, now)?;
            journal::write(transaction, &effects.states, now)?;
            for (name, value) in &effects.counters {
                state::add_counter(transaction, name, *value)?;
            }
            let mut committed = Committed {
                frozen: place(transaction, known, effects, sinks, now)?,
                ..Committed::default()
            };
            if !sinks.is_empty() {
                trim(transaction, limits, now, &mut committed)?;
            }
            Ok(committed)
        })
    }

    /// Puts the state rows of many commits in their places when that is due. To be called where nothing waits for it: it
    /// takes longer than a commit, and changes nothing that can be read.
    ///
    /// # Errors
    /// As [`Store::commit`]; nothing is lost, and it is due again after the next.
    pub fn tidy(&mut self, now: Time) -> Result<(), StoreError> {
        let is_due = journal::is_due(&self.database.connection, millis(now))
            .map_err(|error| self.database.failed("read the state", error))?;
        if !is_due {
            return Ok(());
        }
        self.write("put the state in its place", |transaction, _| {
            journal::put_away(transaction, &[])
        })
    }

    /// Whether the outbox is at its limit and reading must wait.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn outbox_full(&self, now: Time) -> Result<bool, StoreError> {
        Ok(self.limits.overflow == Overflow::Block
            && is_full(&self.database.connection, self.limits, millis(now))
                .map_err(|error| self.database.failed("read the outbox", error))?)
    }

    /// Runs `work` in a transaction that holds the write lock from its start.
    pub(super) fn write<T>(
        &mut self,
        what: &'static str,
        work: impl FnOnce(&Transaction<'_>, &mut receivers::Known) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.database.in_place()?;
        self.lock.as_ref().map_or(Ok(()), Place::check)?;
        let path = &self.database.path;
        let failed = |error| StoreError::sql(path, what, error);
        let transaction = self
            .database
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let mut known = self.sinks.clone();
        let value = work(&transaction, &mut known).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        // Only now are rows of new sinks sure to be there.
        self.sinks = known;
        Ok(value)
    }
}

/// Hands each sink its records, in order.
fn place(
    transaction: &Transaction<'_>,
    known: &mut receivers::Known,
    effects: &Effects,
    sinks: &[Arc<dyn Sink>],
    now: i64,
) -> rusqlite::Result<usize> {
    let mut frozen = 0;
    let mut records: Vec<Vec<&[u8]>> = vec![Vec::new(); sinks.len()];
    let mut stray = 0;
    for item in &effects.items {
        match records.get_mut(item.sink) {
            Some(of_sink) => of_sink.push(&item.bytes),
            None => stray += 1,
        }
    }
    for (sink, records) in sinks
        .iter()
        .zip(&records)
        .filter(|(_, records)| !records.is_empty())
    {
        let row = receivers::row(transaction, known, sink.name())?;
        frozen += freeze::place(transaction, (row, sink.as_ref()), records, now, Close::Due)?;
    }
    state::add_counter(transaction, "outbox.items_without_sink", stray)?;
    Ok(frozen)
}

/// Holds the outbox to its limits, or says that it is full.
fn trim(
    connection: &Connection,
    limits: OutboxLimits,
    now: i64,
    committed: &mut Committed,
) -> rusqlite::Result<()> {
    match limits.overflow {
        Overflow::Block => committed.full = is_full(connection, limits, now)?,
        Overflow::DropOldest => {
            while is_full(connection, limits, now)? && drop_oldest(connection, false, now)? {
                committed.dropped += 1;
            }
        }
    }
    while total(connection, "sum(dead_bytes)")? > limits.dead_bytes && drop_oldest(connection, true, now)? {}
    Ok(())
}

fn is_full(connection: &Connection, limits: OutboxLimits, now: i64) -> rusqlite::Result<bool> {
    if total(connection, "sum(pending_bytes + open_bytes)")? >= limits.bytes {
        return Ok(true);
    }
    let Some(age) = limits.age else { return Ok(false) };
    let oldest: Option<i64> = connection
        .prepare_cached("SELECT min(created) FROM batch WHERE dead = 0")?
        .query_row([], |row| row.get(0))?;
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    Ok(oldest.is_some_and(|oldest| now.saturating_sub(oldest) >= age))
}

fn total(connection: &Connection, sum: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(&format!("SELECT coalesce({sum}, 0) FROM sink"))?
        .query_row([], |row| row.get(0))
        .map(unsigned)
}

/// Drops the oldest batch that nobody is sending, and counts its events. False when there is none.
fn drop_oldest(connection: &Connection, dead: bool, now: i64) -> rusqlite::Result<bool> {
    let oldest: Option<(i64, i64, i64)> = connection
        .prepare_cached(
            "SELECT row, sink, events FROM batch
             WHERE dead = ?1 AND (lease_owner IS NULL OR lease_until <= ?2) ORDER BY created, row LIMIT 1",
        )?
        .query_row(params![dead, now], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((row, sink, events)) = oldest else {
        return Ok(false);
    };
    connection
        .prepare_cached("DELETE FROM batch WHERE row = ?1")?
        .execute([row])?;
    connection
        .prepare_cached("UPDATE sink SET dropped_events = dropped_events + ?2 WHERE id = ?1")?
        .execute(params![sink, events])?;
    let name = if dead {
        "outbox.dropped_dead_letters"
    } else {
        "outbox.dropped_events"
    };
    state::add_counter(connection, name, unsigned(events))?;
    Ok(true)
}
