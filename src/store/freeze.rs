//! From open items to frozen batches.
//!
//! Records of a sink wait as rows until a batch is full or old enough. Then they get an id, their bytes are fixed and
//! hashed, and nothing about them changes again. A commit that brings many records cuts full batches from them
//! directly; only the rest is written row by row. Next: [`super::queue`].

use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use crate::sink::{Limits, Sink};

/// Which open items become batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// Those that fill a batch, and the rest when its first is old enough.
    Due,
    /// All of them.
    All,
}

/// One record on its way into a batch.
struct Record<'a> {
    created: i64,
    /// Row, when it was stored before.
    seq: Option<i64>,
    bytes: std::borrow::Cow<'a, [u8]>,
}

/// What waits open for one sink.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Open {
    events: usize,
    bytes: usize,
    since: Option<i64>,
}

/// Adds new records of a sink and freezes what is due. Returns how many batches were made.
pub(super) fn place(
    connection: &Connection,
    (sink_row, sink): (i64, &dyn Sink),
    new: &[&[u8]],
    now: i64,
    close: Close,
) -> rusqlite::Result<usize> {
    let limits = sink.limits();
    let open = read_open(connection, sink_row)?;
    let events = open.events + new.len();
    let bytes = open.bytes + new.iter().map(|record| record.len()).sum::<usize>();
    if events == 0 {
        return Ok(0);
    }
    let since = open.since.unwrap_or(now);
    let whole = close == Close::All || is_due(since, limits, now);
    if !whole && events < limits.events && bytes < limits.bytes {
        append(connection, sink_row, new.iter().copied(), now)?;
        write_open(
            connection,
            sink_row,
            Open {
                events,
                bytes,
                since: Some(since),
            },
        )?;
        return Ok(0);
    }
    let mut records = stored(connection, sink_row)?;
    records.extend(new.iter().map(|bytes| Record {
        created: now,
        seq: None,
        bytes: (*bytes).into(),
    }));
    freeze(connection, (sink_row, sink), &records, now, close)
}

/// Cuts records into batches, stores those that are closed, and keeps the rest open.
fn freeze(
    connection: &Connection,
    (sink_row, sink): (i64, &dyn Sink),
    records: &[Record<'_>],
    now: i64,
    close: Close,
) -> rusqlite::Result<usize> {
    let limits = sink.limits();
    let sizes: Vec<usize> = records.iter().map(|record| record.bytes.len()).collect();
    let mut ends = cut(&sizes, limits);
    let rest = ends.last().copied().unwrap_or(0);
    if let Some(first) = records.get(rest)
        && (close == Close::All || is_due(first.created, limits, now))
    {
        ends.push(records.len());
    }
    let mut start = 0;
    for end in &ends {
        let batch = records.get(start..*end).unwrap_or_default();
        let bytes: Vec<&[u8]> = batch.iter().map(|record| record.bytes.as_ref()).collect();
        let created = batch.first().map_or(now, |record| record.created);
        let body = sink.freeze(&bytes);
        let seq = next_seq(connection, sink_row)?;
        insert(
            connection,
            &NewBatch {
                sink: sink_row,
                seq,
                part: "",
                events: bytes.len(),
                body: &body,
                created,
            },
        )?;
        start = *end;
    }
    keep_rest(connection, sink_row, records, start)?;
    Ok(ends.len())
}

/// After batches were cut from `records[..start]`: forgets those rows and stores what is new of the rest.
fn keep_rest(
    connection: &Connection,
    sink_row: i64,
    records: &[Record<'_>],
    start: usize,
) -> rusqlite::Result<()> {
    let (gone, rest) = records.split_at(start.min(records.len()));
    if let Some(last) = gone.iter().rev().find_map(|record| record.seq) {
        connection
            .prepare_cached("DELETE FROM item WHERE sink = ?1 AND seq <= ?2")?
            .execute(params![sink_row, last])?;
    }
    for record in rest.iter().filter(|record| record.seq.is_none()) {
        append(
            connection,
            sink_row,
            std::iter::once(record.bytes.as_ref()),
            record.created,
        )?;
    }
    let open = Open {
        events: rest.len(),
        bytes: rest.iter().map(|record| record.bytes.len()).sum(),
        since: rest.first().map(|record| record.created),
    };
    write_open(connection, sink_row, open)
}

/// Whether a batch whose first record came at `since` must be closed. A clock that went back says nothing about age:
/// then it is closed too, which is early at worst.
fn is_due(since: i64, limits: Limits, now: i64) -> bool {
    let age = i64::try_from(limits.age.as_millis()).unwrap_or(i64::MAX);
    since > now || now.saturating_sub(since) >= age
}

/// Where full batches end in records of these sizes; what follows the last end fills no batch yet. A record larger
/// than the limit is a batch of its own.
fn cut(sizes: &[usize], limits: Limits) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut start, mut bytes) = (0, 0_usize);
    for (at, size) in sizes.iter().enumerate() {
        if at > start && bytes.saturating_add(*size) > limits.bytes {
            ends.push(at);
            (start, bytes) = (at, 0);
        }
        bytes = bytes.saturating_add(*size);
        if at + 1 - start >= limits.events.max(1) || bytes >= limits.bytes {
            ends.push(at + 1);
            (start, bytes) = (at + 1, 0);
        }
    }
    ends
}

/// A batch to be stored.
pub(super) struct NewBatch<'a> {
    pub sink: i64,
    /// Place in the sink's order.
    pub seq: i64,
    /// Place among the parts that one batch was split into: `0` and `1`, then `00`, `01` and so on.
    pub part: &'a str,
    pub events: usize,
    pub body: &'a [u8],
    pub created: i64,
}

/// Stores a batch under a fresh id and returns its row and id.
pub(super) fn insert(connection: &Connection, batch: &NewBatch<'_>) -> rusqlite::Result<(i64, String)> {
    let id = uuid::Uuid::new_v4().to_string();
    connection
        .prepare_cached(
            "INSERT INTO batch (id, sink, seq, part, events, bytes, hash, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            id,
            batch.sink,
            batch.seq,
            batch.part,
            batch.events as i64,
            batch.body.len() as i64,
            hash(batch.body).as_slice(),
            batch.created,
        ])?;
    let row = connection.last_insert_rowid();
    connection
        .prepare_cached("INSERT INTO body (row, bytes) VALUES (?1, ?2)")?
        .execute(params![row, batch.body])?;
    Ok((row, id))
}

/// What a stored body is known by.
pub(super) fn hash(body: &[u8]) -> Vec<u8> {
    Sha256::digest(body).to_vec()
}

fn next_seq(connection: &Connection, sink_row: i64) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("UPDATE sink SET frozen = frozen + 1 WHERE id = ?1 RETURNING frozen")?
        .query_row([sink_row], |row| row.get(0))
}

fn read_open(connection: &Connection, sink_row: i64) -> rusqlite::Result<Open> {
    connection
        .prepare_cached("SELECT open_events, open_bytes, open_since FROM sink WHERE id = ?1")?
        .query_row([sink_row], |row| {
            Ok(Open {
                events: usize::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
                bytes: usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
                since: row.get(2)?,
            })
        })
}

fn write_open(connection: &Connection, sink_row: i64, open: Open) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE sink SET open_events = ?2, open_bytes = ?3, open_since = ?4 WHERE id = ?1")?
        .execute(params![
            sink_row,
            open.events as i64,
            open.bytes as i64,
            open.since
        ])
        .map(drop)
}

fn stored(connection: &Connection, sink_row: i64) -> rusqlite::Result<Vec<Record<'static>>> {
    let mut statement =
        connection.prepare_cached("SELECT seq, created, bytes FROM item WHERE sink = ?1 ORDER BY seq")?;
    let rows = statement.query_map([sink_row], |row| {
        Ok(Record {
            seq: Some(row.get(0)?),
            created: row.get(1)?,
            bytes: row.get::<_, Vec<u8>>(2)?.into(),
        })
    })?;
    rows.collect()
}

fn append<'a>(
    connection: &Connection,
    sink_row: i64,
    records: impl Iterator<Item = &'a [u8]>,
    now: i64,
) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT INTO item (sink, created, bytes) VALUES (?1, ?2, ?3)")?;
    for record in records {
        insert.execute(params![sink_row, now, record])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits = Limits {
        events: 3,
        bytes: 10,
        age: Duration::from_secs(2),
    };

    #[test]
    fn batches_end_where_count_or_bytes_are_reached() {
        for (sizes, ends) in [
            (&[][..], &[][..]),
            (&[1, 1], &[]),
            (&[1, 1, 1], &[3]),
            (&[1, 1, 1, 1], &[3]),
            (&[1, 1, 1, 1, 1, 1], &[3, 6]),
            (&[10], &[1]),
            (&[6, 5], &[1]),
            (&[6, 4], &[2]),
            (&[99, 1], &[1]),
            (&[1, 99, 1], &[1, 2]),
        ] {
            assert_eq!(cut(sizes, LIMITS), ends, "{sizes:?}");
        }
    }

    #[test]
    fn age_counts_from_the_first_record_and_a_clock_that_went_back_closes() {
        for (since, now, due) in [(0, 1999, false), (0, 2000, true), (5, 4, true), (5, 5, false)] {
            assert_eq!(is_due(since, LIMITS, now), due, "{since} {now}");
        }
    }
}
