//! [`Rows`]: the counts that totals are sums of, in columns of small numbers, sorted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::dictionary::{Dictionaries, category};
use super::span::Spans;
use super::{Detail, Members, Report};
use crate::report::tally::cells::Cells;
use crate::report::tally::key::{CLAIM, CLASS, COUNTRY, DENIED, Fact, LEVEL, METHOD, Of, STATUS, Traits};

/// Counts by the values of their columns.
type Table<const N: usize> = BTreeMap<[i64; N], u64>;

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
    /// The tables in this detail.
    pub fn of(report: &Report, detail: Detail) -> Self {
        let (tally, sightings) = (&report.tally, &report.sightings);
        let (dictionaries, spans) = (report.dictionaries(detail), report.spans(detail));
        let number = |traits: Traits| Numbers::of(traits, &dictionaries);
        let mut time = Table::new();
        let span_secs = tally.time.span_secs();
        for (key, count) in tally.time.cells().iter() {
            let n = number(key.traits);
            let span = spans.number(key.span * span_secs);
            let row = [span, n.host, n.country, n.category, n.class, n.status, n.denied];
            *time.entry(row).or_default() += count * tally.time.cells().sampled();
        }
        let mut seen = Table::new();
        let span_secs = sightings.time.span_secs();
        for (key, count) in sightings.time.cells().iter() {
            let n = number(key.traits);
            let host = dictionaries.sighted_hosts.number(key.traits.host()).into();
            let row = [spans.number(key.span * span_secs), host, n.country, n.class];
            *seen.entry(row).or_default() += count * sightings.time.cells().sampled();
        }
        let by_place = by(&tally.by_place, |key| {
            let n = number(key.traits);
            let place = dictionaries.places.number(key.thing).into();
            [
                place, n.host, n.country, n.category, n.class, n.status, n.method, n.denied,
            ]
        });
        let by_path = by(&tally.by_path, |key| {
            let n = number(key.traits);
            let path = dictionaries.paths.number(key.thing).into();
            [
                path, n.host, n.country, n.category, n.class, n.status, n.method, n.denied,
            ]
        });
        let by_agent = by(&tally.by_agent, |key| {
            let n = number(key.traits);
            let agent = dictionaries.agents.number(key.thing).into();
            [
                agent, n.host, n.country, n.category, n.class, n.status, n.denied, n.claim,
            ]
        });
        let mut facts = Table::new();
        let plain = add_facts(&tally.plain, &dictionaries, spans, &mut facts);
        let sighted = add_facts(&tally.sighted, &dictionaries, spans, &mut facts);
        let sampled = Sampled {
            time: tally.time.cells().sampled(),
            sightings: sightings.time.cells().sampled(),
            by_place: tally.by_place.sampled(),
            by_path: tally.by_path.sampled(),
            by_agent: tally.by_agent.sampled(),
            plain,
            sighted,
        };
        Self {
            time,
            sightings: seen,
            by_place,
            by_path,
            by_agent,
            facts,
            sampled,
            spans,
            dictionaries,
        }
    }

    /// Whether a table has more rows than these bounds allow.
    pub fn is_too_many(&self, time: usize, others: usize) -> bool {
        self.time.len() + self.sightings.len() > time
            || [self.by_place.len(), self.by_path.len(), self.by_agent.len()]
                .iter()
                .any(|rows| *rows > others)
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

fn by<const N: usize>(cells: &Cells<Of>, row: impl Fn(&Of) -> [i64; N]) -> Table<N> {
    let mut table = Table::new();
    for (key, count) in cells.iter() {
        *table.entry(row(key)).or_default() += count * cells.sampled();
    }
    table
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
