//! [`Rows`]: the counts that totals are sums of, in columns of small numbers, sorted.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde_json::json;

use super::dictionary::{Dictionaries, category};
use super::row::Row;
use super::span::{Axis, Spans};
use super::{Detail, Members, Report, begin};
use crate::report::tally::cells::{Cells, Key, MAX_LEVEL, lines_per};
use crate::report::tally::key::{CLAIM, CLASS, COUNTRY, DENIED, Fact, LEVEL, METHOD, STATUS, Traits};

/// Counts by the values of their columns, while they are added up.
type Sums<const N: usize> = HashMap<Row<N>, u64, RandomState>;
/// The same in the order of the values.
type Table<const N: usize> = Vec<(Row<N>, u64)>;

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
    /// The tables in this detail, over this axis; none when they have too many rows, unless it is the `last` detail there
    /// is.
    pub fn of(report: &Report<'_>, axis: Axis, detail: Detail, last: bool) -> Option<Self> {
        let tally = &report.tally;
        let dictionaries = Dictionaries::of(report, detail);
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
        let (spans, time, sightings) = over_time(report, axis, &dictionaries, detail, last)?;
        let (plain, mut facts) = facts_of(&tally.plain, &dictionaries, spans);
        let (sighted, others) = facts_of(&tally.sighted, &dictionaries, spans);
        for (row, count) in others {
            *facts.entry(row).or_default() += count;
        }
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
            facts: sorted(facts),
            sampled,
            spans,
            dictionaries,
        })
    }

    /// Adds the dictionaries to the document.
    pub fn add_names(&self, members: &mut Members) {
        self.dictionaries.add(members);
        let spans = self.spans;
        members.insert(
            "spans".into(),
            json!({ "start": spans.start, "secs": spans.secs, "count": spans.count }),
        );
    }

    /// Writes the tables as members of the document.
    pub fn write(&self, text: &mut String) {
        let sampled = &self.sampled;
        let seen = ["span", "host", "country", "class", "sightings"];
        let last = ["method", "denied", "requests"];
        let agent = ["denied", "claim", "requests"];
        let fact = ["method", "denied", "claim", "path", "place", "agent", "requests"];
        let time = columns("span", &["denied", "requests"]);
        let (place, path) = (columns("place", &last), columns("path", &last));
        let (agent, fact) = (columns("agent", &agent), columns("span", &fact));
        begin(text, "requests_by_time");
        table(text, &time, sampled.time, &self.time);
        begin(text, "sightings_by_time");
        table(text, &seen, sampled.sightings, &self.sightings);
        begin(text, "requests_by_place");
        table(text, &place, sampled.by_place, &self.by_place);
        begin(text, "requests_by_path");
        table(text, &path, sampled.by_path, &self.by_path);
        begin(text, "requests_by_agent");
        table(text, &agent, sampled.by_agent, &self.by_agent);
        begin(text, "facts");
        table(text, &fact, sampled.plain, &self.facts);
        // Beside the other members of the table.
        text.pop();
        *text += &format!(",\"sampled_sighted\":{}}}", sampled.sighted);
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
    report: &Report<'_>,
    axis: Axis,
    dictionaries: &Dictionaries,
    detail: Detail,
    last: bool,
) -> Option<(Spans, Table<7>, Table<4>)> {
    let mut tried = None;
    for divisor in [1, 2, 3, 4, 6, 8, 12] {
        let spans = axis.spans((detail.spans / divisor).max(1));
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
    report: &Report<'_>,
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
    report: &Report<'_>,
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
    let counts = cells.iter();
    let rows = counts.map(|(key, count)| (Row::of(row(key)), count * cells.sampled()));
    let sums = added_up(rows, max)?;
    Some(sorted(sums))
}

/// Rows that are equal added up; none when there are more than `max`.
fn added_up<const N: usize>(rows: impl Iterator<Item = (Row<N>, u64)>, max: usize) -> Option<Sums<N>> {
    let mut sums = Sums::default();
    for (row, count) in rows {
        *sums.entry(row).or_default() += count;
        if sums.len() > max {
            return None;
        }
    }
    Some(sums)
}

fn sorted<const N: usize>(sums: Sums<N>) -> Table<N> {
    let mut table: Table<N> = sums.into_iter().collect();
    table.sort_unstable_by_key(|(row, _)| *row);
    table
}

/// As fair a sample of the facts as a document can hold; one line in so many it is.
fn facts_of(cells: &Cells<Fact>, dictionaries: &Dictionaries, spans: Spans) -> (u64, Sums<12>) {
    let may_be = |level: &u8| lines_per(*level) >= cells.sampled();
    for level in (0..=MAX_LEVEL).filter(may_be) {
        let all = cells.iter();
        let of_level = all.filter(|(fact, _)| fact.traits.field(LEVEL) >= u64::from(level));
        let rows = of_level.map(|(fact, count)| {
            let row = Row::of(fact_row(fact, dictionaries, spans));
            (row, count * lines_per(level))
        });
        let max = if level == MAX_LEVEL { usize::MAX } else { FACTS };
        if let Some(sample) = added_up(rows, max) {
            return (lines_per(level), sample);
        }
    }
    (1, Sums::default())
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

/// Writes a table as JSON: there may be tens of thousands of rows.
fn table<const N: usize>(text: &mut String, columns: &[&str], sampled: u64, table: &Table<N>) {
    *text += &format!(
        "{{\"sampled\":{sampled},\"columns\":{},\"rows\":[",
        json!(columns)
    );
    let mut number = itoa::Buffer::new();
    for (at, (row, count)) in table.iter().enumerate() {
        text.push_str(if at == 0 { "[" } else { ",[" });
        for value in row.columns() {
            text.push_str(number.format(value));
            text.push(',');
        }
        text.push_str(number.format(i64::try_from(*count).unwrap_or(i64::MAX)));
        text.push(']');
    }
    *text += "]}";
}
