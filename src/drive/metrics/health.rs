//! What `/healthz` calls wrong. Each fault needs a person; what mends itself soon is none.

use std::time::Duration;

use afw_parsers::Time;

use super::{Live, Stored};
use crate::drive::clock::now;
use crate::drive::lag::{lag_bytes, lag_secs};
use crate::report::summary::LOUD_REJECTS;
use crate::store::{Condition, FileRow, Receiver};
use crate::text::counted;

/// So long the reading loop may be silent; it turns twice a second where nothing happens.
const STALLED: Duration = Duration::from_secs(60);
/// A log that is read so late is behind.
const BEHIND_SECS: i64 = 300;
/// Less than this may be a line that is not finished yet.
const BEHIND_BYTES: u64 = 64 << 10;
/// Fewer lines tell nothing about the share of rejects.
const ENOUGH_LINES: u64 = 100;

/// What is wrong, a sentence each.
pub(super) fn faults(live: &Live, stored: &Stored) -> Vec<String> {
    let stalled = (live.round.elapsed() > STALLED)
        .then(|| format!("reading has stood still for {} s", live.round.elapsed().as_secs()));
    let now = now();
    let sinks = stored.receivers.iter().filter_map(sink);
    let logs = stored.files.iter().filter(|file| !file.cursor.finished);
    let logs = logs.flat_map(|file| [behind(file, now), rejected(file)].into_iter().flatten());
    stalled.into_iter().chain(sinks).chain(logs).collect()
}

/// Status line, content type and body.
pub(super) fn answer(faults: &[String]) -> (&'static str, &'static str, String) {
    let status = match faults {
        [] => "200 OK",
        _ => "503 Service Unavailable",
    };
    let body = match faults {
        [] => "ok\n".to_owned(),
        faults => faults.join("\n") + "\n",
    };
    (status, "text/plain; charset=utf-8", body)
}

fn sink(receiver: &Receiver) -> Option<String> {
    let stopped = matches!(receiver.condition, Condition::Paused | Condition::Open);
    let why = receiver.last_error.as_deref().unwrap_or("no answer");
    if stopped {
        return Some(format!(
            "sink {} is {}: {why}",
            receiver.name,
            receiver.condition.name()
        ));
    }
    let dead = receiver.dead_batches;
    (dead > 0).then(|| {
        format!(
            "sink {} refused {} for good: see `afw outbox list`",
            receiver.name,
            counted(dead, "batch")
        )
    })
}

fn behind(file: &FileRow, now: Time) -> Option<String> {
    let (bytes, secs) = (lag_bytes(file), lag_secs(file, now)?);
    (bytes > BEHIND_BYTES && secs > BEHIND_SECS).then(|| {
        format!(
            "{}: read {secs} s late, {} wait",
            file.cursor.path.display(),
            counted(bytes, "byte")
        )
    })
}

fn rejected(file: &FileRow) -> Option<String> {
    let share = file.rejects as f64 / file.lines.max(1) as f64;
    (file.lines >= ENOUGH_LINES && share > LOUD_REJECTS).then(|| {
        format!(
            "{}: {} of {} lines rejected: see `afw explain`",
            file.cursor.path.display(),
            file.rejects,
            file.lines
        )
    })
}
