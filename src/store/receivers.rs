//! Rows of sinks: what waits for each, and how delivery goes, kept where `afw status` of another process reads it.
//!
//! Next: [`super::queue`].

use std::collections::HashMap;

use afw_parsers::Time;
use rusqlite::{Connection, Row, params};

use super::number::unsigned;
use super::{Store, StoreError, from_millis, millis};

/// Rows of sinks by name.
pub(super) type Known = HashMap<String, i64>;

/// How delivery to a sink goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition {
    /// The last answer was good, or there was nothing to send yet.
    #[default]
    Working,
    /// A passing failure: tried again after a growing wait.
    Retrying,
    /// The receiver asked to wait (`Retry-After`).
    Held,
    /// The breaker is open: too many failures in a row.
    Open,
    /// The breaker is half open: one batch is on its way as a probe.
    Probing,
    /// Key, credit or address is at fault: waits long, or for a person.
    Paused,
}

impl Condition {
    /// Every condition.
    pub const ALL: [Self; 6] = [
        Self::Working,
        Self::Retrying,
        Self::Held,
        Self::Open,
        Self::Probing,
        Self::Paused,
    ];

    /// The word in output and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Retrying => "retrying",
            Self::Held => "held",
            Self::Open => "open",
            Self::Probing => "probing",
            Self::Paused => "paused",
        }
    }

    /// State of the breaker: `closed`, `open` or `half-open`.
    pub const fn breaker(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Probing => "half-open",
            Self::Working | Self::Retrying | Self::Held | Self::Paused => "closed",
        }
    }

    fn from_name(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|condition| condition.name() == name)
            .unwrap_or_default()
    }
}

/// What is known of one sink.
#[derive(Debug, Clone, PartialEq)]
pub struct Receiver {
    /// Row in the store.
    pub(crate) row: i64,
    /// Name as given to `--sink`.
    pub name: String,
    /// Records that wait for their batch to be closed.
    pub open_events: u64,
    /// When the first of them came.
    pub open_since: Option<Time>,
    /// Batches that wait for delivery.
    pub pending_batches: u64,
    /// Records in them.
    pub pending_events: u64,
    /// Their bytes, and those of the open records.
    pub pending_bytes: u64,
    /// When the oldest waiting record came.
    pub oldest: Option<Time>,
    /// Batches refused for good.
    pub dead_batches: u64,
    /// Records in them.
    pub dead_events: u64,
    /// Batches acknowledged since the store was made.
    pub delivered_batches: u64,
    /// Records in them.
    pub delivered_events: u64,
    /// Records dropped because the outbox was full, or by hand.
    pub dropped_events: u64,
    /// How delivery goes.
    pub condition: Condition,
    /// Passing failures in a row.
    pub failures: u32,
    /// When delivery is tried again, if it waits.
    pub next_attempt: Option<Time>,
    /// When a batch was last acknowledged.
    pub last_success: Option<Time>,
    /// When an attempt last failed.
    pub last_failure: Option<Time>,
    /// Status code of that failure, if there was an answer.
    pub last_status: Option<u16>,
    /// What went wrong then.
    pub last_error: Option<String>,
    /// When [`Receiver::next_attempt`] was set.
    pub(crate) held_at: Option<Time>,
    /// Counts the times a person asked for delivery at once.
    pub(crate) kick: i64,
}

impl Receiver {
    /// Records that wait, in batches or open.
    pub fn waiting_events(&self) -> u64 {
        self.pending_events + self.open_events
    }
}

/// How an attempt ended, for the row of its sink.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// How delivery goes now.
    pub condition: Condition,
    /// Passing failures in a row.
    pub failures: u32,
    /// When it is tried again.
    pub next_attempt: Option<Time>,
}

const SELECT: &str = "SELECT id, name, open_events, open_since, pending_batches, pending_events,
        pending_bytes + open_bytes, dead_batches, dead_events, delivered_batches, delivered_events, dropped_events,
        condition, failures, next_attempt, last_success, last_failure, last_status, last_error, held_at, kick,
        (SELECT created FROM batch WHERE sink = sink.id AND dead = 0 ORDER BY seq, part LIMIT 1)
    FROM sink";

fn receiver(row: &Row<'_>) -> rusqlite::Result<Receiver> {
    let count = |at: usize| -> rusqlite::Result<u64> { row.get(at).map(unsigned) };
    let time =
        |at: usize| -> rusqlite::Result<Option<Time>> { Ok(row.get::<_, Option<i64>>(at)?.map(from_millis)) };
    let open_since = time(3)?;
    Ok(Receiver {
        row: row.get(0)?,
        name: row.get(1)?,
        open_events: count(2)?,
        open_since,
        pending_batches: count(4)?,
        pending_events: count(5)?,
        pending_bytes: count(6)?,
        oldest: time(21)?.or(open_since),
        dead_batches: count(7)?,
        dead_events: count(8)?,
        delivered_batches: count(9)?,
        delivered_events: count(10)?,
        dropped_events: count(11)?,
        condition: Condition::from_name(row.get_ref(12)?.as_str()?),
        failures: row.get(13)?,
        next_attempt: time(14)?,
        last_success: time(15)?,
        last_failure: time(16)?,
        last_status: row.get(17)?,
        last_error: row.get(18)?,
        held_at: time(19)?,
        kick: row.get(20)?,
    })
}

impl Store {
    /// All sinks that ever had something to send, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn receivers(&self) -> Result<Vec<Receiver>, StoreError> {
        let read = || -> rusqlite::Result<Vec<Receiver>> {
            let mut statement = self
                .database
                .connection
                .prepare_cached(&format!("{SELECT} ORDER BY name"))?;
            statement.query_map([], receiver)?.collect()
        };
        read().map_err(|error| self.database.failed("read the sinks", error))
    }

    /// One sink, made when it is new.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub(crate) fn receiver(&mut self, name: &str) -> Result<Receiver, StoreError> {
        if !self.sinks.contains_key(name) {
            self.write("name a sink", |transaction, known| row(transaction, known, name))?;
        }
        let read = || -> rusqlite::Result<Receiver> {
            self.database
                .connection
                .prepare_cached(&format!("{SELECT} WHERE name = ?1"))?
                .query_row([name], receiver)
        };
        read().map_err(|error| self.database.failed("read the sinks", error))
    }
}

/// Row of a sink, made when it is new.
pub(super) fn row(connection: &Connection, known: &mut Known, name: &str) -> rusqlite::Result<i64> {
    if let Some(row) = known.get(name) {
        return Ok(*row);
    }
    let row = connection.query_row(
        "INSERT INTO sink (name) VALUES (?1) ON CONFLICT (name) DO UPDATE SET name = ?1 RETURNING id",
        [name],
        |row| row.get(0),
    )?;
    known.insert(name.to_owned(), row);
    Ok(row)
}

/// Notes a good end, by which so many events were delivered.
pub(super) fn succeeded(
    connection: &Connection,
    sink_row: i64,
    events: i64,
    now: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE sink SET delivered_batches = delivered_batches + (?2 > 0), delivered_events = delivered_events + ?2,
                 last_success = ?3, condition = 'working', failures = 0, next_attempt = NULL, held_at = NULL
             WHERE id = ?1",
        )?
        .execute(params![sink_row, events, now])
        .map(drop)
}

/// Notes a bad end.
pub(super) fn failed(
    connection: &Connection,
    sink_row: i64,
    outlook: &Outlook,
    (status, error): (Option<u16>, &str),
    now: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE sink SET condition = ?2, failures = ?3, next_attempt = ?4, held_at = ?5, last_failure = ?5,
                 last_status = ?6, last_error = ?7
             WHERE id = ?1",
        )?
        .execute(params![
            sink_row,
            outlook.condition.name(),
            outlook.failures,
            outlook.next_attempt.map(millis),
            now,
            status,
            error
        ])
        .map(drop)
}
