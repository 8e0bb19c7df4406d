//! [`Rows`]: the counts that totals are sums of, in columns of small numbers, sorted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::dictionary::{Dictionaries, category};
use super::span::Spans;
use super::{Detail, Members, Report};
use crate::report::tally::cells::{Cells, Key};
use crate::report::tally::key::{CLAIM, CLASS, COUNTRY, DENIED, Fact, LEVEL, METHOD, STATUS, Traits};

/// Counts by the values of their columns.
type Table<const N: usize> = BTreeMap<[i64; N], u64>;

/// Rows that the tables over time may have together, and another; all of them make about 1.5 MB of JSON.
const MAX_TIME_ROWS: usize = 36_000;
const MAX_ROWS: usize = 10_000;
/// Facts that a document holds, of those without and with a sighting each.
const FACTS: usize = 5_000;

/// All tables of a document.
pub(crate) struct Rows {
    dictionaries: Dictionaries,
    spans: Spans,
    time: Table<7>,
    sightings: Table<4>,
    by_place: Table<8>,
    by_path: Table<8>,
    by_agent: Table<8>,
    facts: Table<12>,
    sampled: Sampled,
}

/// One line in so many was counted, by table.
struct Sampled {
    time: u64,
    sightings: u64,
    by_place: u64,
    by_path: u64,
    by_agent: u64,
    plain: u64,
    sighted: u64,
}

impl Rows {
    /// The tables in this detail; none when they have too many rows, unless it is the `last` detail there is.
    pub fn of(report: &Report, detail: Detail, last: bool) -> Option<Self> {
        let tally = &report.tally;
        let dictionaries = report.dictionaries(detail);
        let max = if last { usize::MAX } else { MAX_ROWS };
        let number = |traits: Traits| Numbers::of(traits, &dictionaries);
        let by_place = summed(&tally.by_place, max, |key| {
            let n = number(key.traits);
            let place = dictionaries.places.number(key.thing).into();
            [
                place, n.host, n.country, n.category, n.class, n.status, n.method, n.denied,
            ]
        })?;
        let by_path = summed(&tally.by_path, max, |key| {
            let n = number(key.traits);
            let path = dictionaries.paths.number(key.thing).into();
            [
                path, n.host, n.country, n.category, n.class, n.status, n.method, n.denied,
            ]
        })?;
        let by_agent = summed(&tally.by_agent, max, |key| {
            let n = number(key.traits);
            let agent = dictionaries.agents.number(key.thing).into();
            [
                agent, n.host, n.country, n.category, n.class, n.status, n.denied, n.claim,
            ]
        })?;
        let (spans, time, sightings) = over_time(report, &dictionaries, detail, last)?;
        let mut facts = Table::new();
        let plain = add_facts(&tally.plain, &dictionaries, spans, &mut facts);
        let sighted = add_facts(&tally.sighted, &dictionaries, spans, &mut facts);
        let sampled = Sampled {
            time: tally.time.cells().sampled(),
            sightings: report.sightings.time.cells().sampled(),
            by_place: tally.by_place.sampled(),
            by_path: tally.by_path.sampled(),
            by_agent: tally.by_agent.sampled(),
            plain,
            sighted,
        };
        Some(Self {
            time,
            sightings,
            by_place,
            by_path,
            by_agent,
            facts,
            sampled,
            spans,
            dictionaries,
        })
    }

    /// Adds the tables and their dictionaries to the document.
    pub fn add(&self, members: &mut Members) {
        self.dictionaries.add(members);
        let (spans, sampled) = (self.spans, &self.sampled);
        members.insert(
            "spans".into(),
            json!({ "start": spans.start, "secs": spans.secs, "count": spans.count }),
        );
        let time = columns("span", &["denied", "requests"]);
        members.insert("requests_by_time".into(), table(&time, sampled.time, &self.time));
        let seen = ["span", "host", "country", "class", "sightings"];
        members.insert(
            "sightings_by_time".into(),
            table(&seen, sampled.sightings, &self.sightings),
        );
        let last = ["method", "denied", "requests"];
        members.insert(
            "requests_by_place".into(),
            table(&columns("place", &last), sampled.by_place, &self.by_place),
        );
        members.insert(
            "requests_by_path".into(),
            table(&columns("path", &last), sampled.by_path, &self.by_path),
        );
        let agent = columns("agent", &["denied", "claim", "requests"]);
        members.insert(
            "requests_by_agent".into(),
            table(&agent, sampled.by_agent, &self.by_agent),
        );
        let last = ["method", "denied", "claim", "path", "place", "agent", "requests"];
        let facts = columns("span", &last);
        let mut facts = table(&facts, sampled.plain, &self.facts);
        super::set(&mut facts, "sampled_sighted", Some(sampled.sighted));
        members.insert("facts".into(), facts);
    }
}

/// Columns that most tables have between their first and their last.
fn columns(first: &'static str, last: &[&'static str]) -> Vec<&'static str> {
    let common = ["host", "country", "category", "class", "status"];
    [&[first], &common[..], last].concat()
}

/// A request's traits as rows number them.
struct Numbers {
    host: i64,
    country: i64,
    category: i64,
    class: i64,
    status: i64,
    method: i64,
    denied: i64,
    claim: i64,
}

impl Numbers {
    fn of(traits: Traits, dictionaries: &Dictionaries) -> Self {
        // Every field is a few bits wide.
        let field = |field| traits.field(field) as i64;
        Self {
            host: dictionaries.hosts.number(traits.host()).into(),
            country: dictionaries.countries.number(traits.field(COUNTRY) as u32).into(),
            category: category(traits) as i64,
            class: field(CLASS),
            status: field(STATUS),
            method: field(METHOD),
            denied: field(DENIED),
            claim: field(CLAIM),
        }
    }
}

/// The rows over time, in spans as short as there is room for.
fn over_time(
    report: &Report,
    dictionaries: &Dictionaries,
    detail: Detail,
    last: bool,
) -> Option<(Spans, Table<7>, Table<4>)> {
    let mut tried = None;
    for divisor in [1, 2, 3, 4, 6, 8, 12] {
        let spans = report.spans((detail.spans / divisor).max(1));
        if tried == Some(spans) {
            continue;
        }
        tried = Some(spans);
        let max = if last { usize::MAX } else { MAX_TIME_ROWS };
        let time = requests_over_time(report, dictionaries, spans, max);
        let sightings = time.as_ref().and_then(|time| {
            let left = max.saturating_sub(time.len());
            sightings_over_time(report, dictionaries, spans, left)
        });
        if let (Some(time), Some(sightings)) = (time, sightings) {
            return Some((spans, time, sightings));
        }
    }
    None
}

fn requests_over_time(
    report: &Report,
    dictionaries: &Dictionaries,
    spans: Spans,
    max: usize,
) -> Option<Table<7>> {
    let timeline = &report.tally.time;
    let secs = timeline.span_secs();
    summed(timeline.cells(), max, |key| {
        let n = Numbers::of(key.traits, dictionaries);
        let span = spans.number(key.span * secs);
        [span, n.host, n.country, n.category, n.class, n.status, n.denied]
    })
}

fn sightings_over_time(
    report: &Report,
    dictionaries: &Dictionaries,
    spans: Spans,
    max: usize,
) -> Option<Table<4>> {
    let timeline = &report.sightings.time;
    let secs = timeline.span_secs();
    summed(timeline.cells(), max, |key| {
        let n = Numbers::of(key.traits, dictionaries);
        let host = dictionaries.sighted_hosts.number(key.traits.host()).into();
        [spans.number(key.span * secs), host, n.country, n.class]
    })
}

/// Cells added up to rows; none when there are more than `max`.
fn summed<K: Key, const N: usize>(
    cells: &Cells<K>,
    max: usize,
    row: impl Fn(&K) -> [i64; N],
) -> Option<Table<N>> {
    let mut table = Table::new();
    for (key, count) in cells.iter() {
        *table.entry(row(key)).or_default() += count * cells.sampled();
        if table.len() > max {
            return None;
        }
    }
    Some(table)
}

/// Adds as fair a sample of the facts as a document can hold; one line in so many it is.
fn add_facts(cells: &Cells<Fact>, dictionaries: &Dictionaries, spans: Spans, table: &mut Table<12>) -> u64 {
    let lowest = cells.sampled().trailing_zeros();
    for level in lowest.. {
        let mut sample: Table<12> = Table::new();
        for (fact, count) in cells.iter() {
            if fact.traits.field(LEVEL) >= u64::from(level) {
                *sample.entry(fact_row(fact, dictionaries, spans)).or_default() += count << level;
            }
        }
        if sample.len() <= FACTS || level >= 31 {
            for (row, count) in sample {
                *table.entry(row).or_default() += count;
            }
            return 1 << level;
        }
    }
    1
}

fn fact_row(fact: &Fact, dictionaries: &Dictionaries, spans: Spans) -> [i64; 12] {
    let n = Numbers::of(fact.traits, dictionaries);
    [
        spans.number(fact.secs),
        n.host,
        n.country,
        n.category,
        n.class,
        n.status,
        n.method,
        n.denied,
        n.claim,
        dictionaries.paths.number(fact.path).into(),
        dictionaries.places.number(fact.place).into(),
        dictionaries.agents.number(fact.agent).into(),
    ]
}

fn table<const N: usize>(columns: &[&str], sampled: u64, table: &Table<N>) -> Value {
    let rows: Value = table
        .iter()
        .map(|(row, count)| {
            let mut row: Vec<i64> = row.to_vec();
            row.push(i64::try_from(*count).unwrap_or(i64::MAX));
            json!(row)
        })
        .collect();
    json!({ "sampled": sampled, "columns": columns, "rows": rows })
}
