//! Prometheus' text format: names, units and escapes as <https://prometheus.io/docs/instrumenting/exposition_formats/>
//! and <https://prometheus.io/docs/practices/naming/> want them.
//!
//! Counters begin at 0 with each start, but for those of sinks, which the store keeps.

use std::fmt::Write as _;

use afw_parsers::{Reason, Time};

use super::{Live, Stored};
use crate::detect::Class;
use crate::drive::clock::now;
use crate::drive::lag::{lag_bytes, lag_secs};
use crate::store::{Condition, Receiver};

/// Logs told one by one; the total is told in any case.
const MAX_LOGS: usize = 1000;

/// The whole page.
pub(super) fn metrics(live: &Live, stored: &Stored) -> String {
    let mut page = Page::default();
    page.of(
        "afw_build_info",
        "gauge",
        "The version that runs.",
        [(label("version", env!("CARGO_PKG_VERSION")), 1)],
    );
    reading(&mut page, live);
    logs(&mut page, stored);
    let one = |value: u64| [(String::new(), value)];
    page.of(
        "afw_windows",
        "gauge",
        "Open correlation windows.",
        one(stored.windows),
    );
    page.of(
        "afw_profiles",
        "gauge",
        "Values that are or may become indicators.",
        one(stored.indicators),
    );
    let counters = stored
        .counters
        .iter()
        .map(|(name, count)| (label("name", name), *count));
    page.of(
        "afw_events_total",
        "counter",
        "Named events that the store counts.",
        counters,
    );
    sinks(&mut page, &stored.receivers);
    page.0
}

fn reading(page: &mut Page, live: &Live) {
    let counts = &live.statistics;
    let one = |value: u64| [(String::new(), value)];
    page.of("afw_lines_total", "counter", "Lines read.", one(counts.lines));
    page.of(
        "afw_bytes_total",
        "counter",
        "Bytes of lines read.",
        one(counts.bytes),
    );
    page.of(
        "afw_requests_total",
        "counter",
        "Lines that were requests.",
        one(counts.requests),
    );
    page.of(
        "afw_skipped_lines_total",
        "counter",
        "Lines of the log that are no requests.",
        one(counts.skipped.sum()),
    );
    // Those that did not occur too, so that a rate is known from the first one on.
    let rejected = Reason::ALL.iter().map(|reason| {
        let count = counts.rejected.get(reason).copied().unwrap_or_default();
        (label("reason", reason.name()), count)
    });
    page.of(
        "afw_rejected_lines_total",
        "counter",
        "Lines that no grammar accepted.",
        rejected,
    );
    let statuses = ["none", "1xx", "2xx", "3xx", "4xx", "5xx", "other"]
        .into_iter()
        .zip(counts.statuses);
    let statuses = statuses.map(|(name, count)| (label("status", name), count));
    page.of(
        "afw_responses_total",
        "counter",
        "Requests by hundreds of their status.",
        statuses,
    );
    page.of(
        "afw_sighted_requests_total",
        "counter",
        "Requests on which a rule fired.",
        one(counts.sighted),
    );
    let classes = Class::ALL.iter().zip(counts.classes);
    let classes = classes.map(|(class, count)| (label("class", class.name()), count));
    page.of("afw_sightings_total", "counter", "Sightings by class.", classes);
    page.of(
        "afw_indicators_total",
        "counter",
        "Indicators made, each once.",
        one(live.indicators),
    );
}

fn logs(page: &mut Page, stored: &Stored) {
    let now = now();
    let open: Vec<_> = stored.files.iter().filter(|file| !file.cursor.finished).collect();
    let lag: u64 = open.iter().map(|file| lag_bytes(file)).sum();
    page.of(
        "afw_lag_bytes",
        "gauge",
        "Bytes of all logs that wait to be read.",
        [(String::new(), lag)],
    );
    let told = || {
        open.iter()
            .take(MAX_LOGS)
            .map(|file| (label("path", &file.cursor.path.to_string_lossy()), *file))
    };
    page.of(
        "afw_log_lag_bytes",
        "gauge",
        "Bytes that wait to be read.",
        told().map(|(path, file)| (path, lag_bytes(file))),
    );
    let late = told().filter_map(|(path, file)| Some((path, u64::try_from(lag_secs(file, now)?).ok()?)));
    page.of(
        "afw_log_lag_seconds",
        "gauge",
        "Age of the last line read, while more wait; else 0.",
        late,
    );
    page.of(
        "afw_log_lines_total",
        "counter",
        "Lines read since the log is known.",
        told().map(|(path, file)| (path, file.lines)),
    );
    page.of(
        "afw_log_rejected_lines_total",
        "counter",
        "Of those, lines that no grammar accepted.",
        told().map(|(path, file)| (path, file.rejects)),
    );
}

fn sinks(page: &mut Page, receivers: &[Receiver]) {
    let now = now();
    let mut each = |name: &str, kind: &str, help: &str, value: &dyn Fn(&Receiver) -> u64| {
        page.of(
            name,
            kind,
            help,
            receivers.iter().map(|one| (label("sink", &one.name), value(one))),
        );
    };
    let stopped = |one: &Receiver| matches!(one.condition, Condition::Paused | Condition::Open);
    each(
        "afw_sink_up",
        "gauge",
        "0 while the sink is paused or its breaker is open.",
        &|one| u64::from(!stopped(one)),
    );
    each(
        "afw_sink_waiting_records",
        "gauge",
        "Records that wait for delivery.",
        &Receiver::waiting_events,
    );
    each("afw_sink_waiting_bytes", "gauge", "Their bytes.", &|one| {
        one.pending_bytes
    });
    each(
        "afw_sink_oldest_seconds",
        "gauge",
        "Age of the oldest of them.",
        &|one| age(one.oldest, now),
    );
    each(
        "afw_sink_failures",
        "gauge",
        "Failed attempts in a row.",
        &|one| one.failures.into(),
    );
    each(
        "afw_sink_dead_records",
        "gauge",
        "Records refused for good.",
        &|one| one.dead_events,
    );
    each(
        "afw_sink_delivered_records_total",
        "counter",
        "Records acknowledged.",
        &|one| one.delivered_events,
    );
    each(
        "afw_sink_dropped_records_total",
        "counter",
        "Records dropped: the outbox was full, or by hand.",
        &|one| one.dropped_events,
    );
}

fn age(time: Option<Time>, now: Time) -> u64 {
    time.map_or(0, |time| now.since(time).max(0) as u64 / 1_000_000_000)
}

/// `{name="value"}`.
fn label(name: &str, value: &str) -> String {
    let value = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("{{{name}=\"{value}\"}}")
}

#[derive(Default)]
struct Page(String);

impl Page {
    /// One metric with its values by label; nothing when there are none.
    fn of(&mut self, name: &str, kind: &str, help: &str, values: impl IntoIterator<Item = (String, u64)>) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (label, value) in values {
            let _ = writeln!(self.0, "{name}{label} {value}");
        }
    }
}
