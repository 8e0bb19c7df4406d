//! [`Report`]: everything that a report tells, as one JSON document (`docs/schema/report.schema.json`).
//!
//! `--report out.json` is this document; the page of `--report out.html` holds the same document and draws it. Totals
//! and rankings stand in it ready to read, and beside them the rows they are sums of, with their dictionaries, so that
//! a reader can filter by host, country, class and time. Rows are as fine as a page can hold: `Detail` says how fine, and
//! what does not fit is added up as `others`, never left out. Next: [`super::page`].

mod dictionary;
mod ranking;
mod row;
mod rows;
mod span;

use afw_parsers::Time;
use serde_json::{Map, Value, json};

use super::fired::Fired;
use super::page::len_in_script;
use super::scope::Scope;
use super::sightings::Sightings;
use super::summary::Summary;
use super::tally::Tally;
use super::tally::codes::{METHODS, STATUSES};
use crate::detect::Class;
use crate::indicator;
use rows::Rows;
use span::Axis;

/// Version of the document; a field is only ever added within a version.
const VERSION: u32 = 1;
/// How large a document may become inside a page, in bytes: a page stays under 2 MB.
const MAX_BYTES: usize = 1_800_000;

/// What a request was, by client and by what it tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Category {
    /// A browser or app that did nothing suspicious.
    Visitor,
    /// A program that says what it is.
    Bot,
    /// A script, a driven browser.
    Script,
    /// A client that does not say what it is.
    Unknown,
    /// A request on which a rule for hostile requests fired.
    Hostile,
}

impl Category {
    const ALL: [Self; 5] = [
        Self::Visitor,
        Self::Bot,
        Self::Script,
        Self::Unknown,
        Self::Hostile,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Bot => "bot",
            Self::Script => "script",
            Self::Unknown => "unknown",
            Self::Hostile => "hostile",
        }
    }
}

/// Whether a class says that a request is hostile; the others say what kind of program made it.
pub(crate) const fn is_hostile(class: Class) -> bool {
    !matches!(
        class,
        Class::Script | Class::Headless | Class::Crawler | Class::AiCrawler | Class::Anomaly
    )
}

/// What a report is made of.
#[derive(Debug, Clone)]
pub struct Report<'s> {
    /// What was counted of every request.
    pub tally: Box<Tally>,
    /// What was counted of the rules that fired.
    pub sightings: Sightings,
    /// What was read, and the indicators.
    pub summary: &'s Summary,
    /// What was asked for: the words after `--host`, `--class`, `--since`, `--until`.
    pub filter: Filter,
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Hosts and classes.
    pub scope: Scope,
    /// Only from this event time on.
    pub since: Option<afw_parsers::Time>,
    /// Only before this event time.
    pub until: Option<afw_parsers::Time>,
}

/// How finely rows are told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Detail {
    /// Spans of time at most; there are fewer where they would make too many rows.
    pub spans: usize,
    /// Hosts told apart.
    pub hosts: usize,
    /// Countries told apart.
    pub countries: usize,
    /// Paths, networks and agents told apart, of each.
    pub things: usize,
    /// Entries of a list: offenders, exposures, rules, logs, and half as many of a ranking.
    pub listed: usize,
}

/// From fine to coarse.
const DETAILS: [Detail; 9] = [
    detail(480, 24, 60, 300, 200),
    detail(360, 20, 40, 240, 200),
    detail(240, 16, 30, 180, 200),
    detail(180, 12, 24, 120, 200),
    detail(120, 8, 16, 80, 150),
    detail(90, 6, 12, 60, 100),
    detail(60, 5, 10, 40, 60),
    detail(40, 4, 8, 25, 30),
    // Whatever a log says, this is small.
    detail(20, 1, 1, 10, 20),
];

const fn detail(spans: usize, hosts: usize, countries: usize, things: usize, listed: usize) -> Detail {
    Detail {
        spans,
        hosts,
        countries,
        things,
        listed,
    }
}

impl Report<'_> {
    /// The document, as fine as a page can hold.
    pub fn json(&self) -> String {
        let axis = Axis::of(&self.tally.time, &self.sightings.time);
        let mut text = String::new();
        // What does not depend on rows, for lists of so many entries.
        let mut told = (usize::MAX, Texts::new());
        for (coarser, detail) in (0..DETAILS.len()).rev().zip(DETAILS) {
            let Some(rows) = Rows::of(self, axis, detail, coarser == 0) else {
                continue;
            };
            if told.0 != detail.listed {
                told = (detail.listed, self.told(detail.listed));
            }
            text = written(&told.1, &rows);
            if len_in_script(&text) <= MAX_BYTES {
                break;
            }
        }
        text
    }

    /// All members but the rows and their names, with so many entries of a list.
    fn told(&self, listed: usize) -> Texts {
        let mut members = match self.summary.json() {
            Value::Object(members) => members,
            _ => Members::new(),
        };
        // A report of the same lines is the same report.
        members.remove("elapsed_secs");
        let requests = self.tally.requests;
        let other_hosts = self.summary.total.requests.saturating_sub(requests);
        members.insert("version".into(), json!(VERSION));
        members.insert(
            "generator".into(),
            json!(concat!("afw ", env!("CARGO_PKG_VERSION"))),
        );
        members.insert("filter".into(), self.filter.json());
        members.insert("requests".into(), json!(requests));
        members.insert("other_hosts".into(), json!(other_hosts));
        members.insert("sightings".into(), self.sightings());
        shorten(&mut members, "logs", listed);
        // Indicators are written as text; here is their place among the others.
        members.insert("top".into(), Value::Null);
        self.add_exposures(&mut members, listed);
        members.insert("rules".into(), self.rules());
        shorten(&mut members, "rules", listed);
        ranking::add(self, &mut members, listed / 2);
        members.insert("vocabulary".into(), vocabulary());
        let mut texts = texts(members);
        let top = texts.iter_mut().filter(|(name, _)| name == "top");
        top.for_each(|(_, text)| *text = self.top(listed));
        texts
    }

    /// The strongest indicators, each as it is printed alone.
    fn top(&self, max: usize) -> String {
        let indicators = self.summary.indicators.iter().take(max);
        let texts: Vec<String> = indicators.map(indicator::to_json).collect();
        format!("[{}]", texts.join(","))
    }

    fn sightings(&self) -> Value {
        let counts = Class::ALL.into_iter().zip(self.sightings.classes);
        let seen = counts.filter(|(_, count)| *count > 0);
        let named: Members = seen
            .map(|(class, count)| (class.name().to_owned(), json!(count)))
            .collect();
        named.into()
    }

    fn add_exposures(&self, members: &mut Members, max: usize) {
        let mut all: Vec<_> = self.sightings.exposures.iter().collect();
        all.sort_by_key(|(exposed, exposure)| (std::cmp::Reverse(exposure.count), *exposed));
        let rest = all.split_off(all.len().min(max));
        let left_out = rest.iter().map(|(_, exposure)| exposure.count).sum::<u64>();
        let left_out = left_out + self.sightings.exposures_left_out;
        members.insert("exposures_left_out".into(), json!(left_out));
        let told = all
            .into_iter()
            .map(|(exposed, exposure)| {
                let mut told = json!({
                    "target": exposed.target, "count": exposure.count,
                    "rule": exposure.rule.title.as_ref(),
                });
                set_times(&mut told, exposure.first, exposure.last);
                set(&mut told, "host", exposed.host.as_deref());
                set(&mut told, "status", exposed.status);
                set(
                    &mut told,
                    "client",
                    exposure.client.map(|client| client.to_string()),
                );
                told
            })
            .collect();
        members.insert("exposures".into(), told);
    }

    fn rules(&self) -> Value {
        let mut fired: Vec<&Fired> = self.sightings.rules.iter().collect();
        fired.sort_by_key(|fired| (std::cmp::Reverse(fired.count), &fired.rule.id));
        let told = |fired: &Fired| {
            let mut told = json!({
                "id": fired.rule.id.as_ref(), "title": fired.rule.title.as_ref(), "level": fired.rule.level.name(),
                "class": fired.class.name(), "sightings": fired.count,
            });
            set_times(&mut told, fired.first, fired.last);
            told
        };
        fired.into_iter().map(told).collect()
    }
}

/// Members with their JSON.
type Texts = Vec<(String, String)>;

fn texts(members: Members) -> Texts {
    let texts = members.into_iter().map(|(name, value)| (name, value.to_string()));
    texts.collect()
}

/// One member a line, so that a person can look through it.
fn written(told: &Texts, rows: &Rows) -> String {
    let mut names = Members::new();
    rows.add_names(&mut names);
    // All in one text: it may be more than a megabyte.
    let mut text = String::with_capacity(MAX_BYTES);
    for (name, value) in told.iter().chain(&texts(names)) {
        begin(&mut text, name);
        text += value;
    }
    rows.write(&mut text);
    text += "\n}\n";
    text
}

/// Begins a member of the document.
fn begin(text: &mut String, name: &str) {
    *text += if text.is_empty() { "{" } else { ",\n" };
    *text += &format!("{}:", json!(name));
}

/// Sets the times of the first and the last, where lines tell them.
fn set_times(told: &mut Value, first: Option<Time>, last: Option<Time>) {
    set(told, "first", first.map(|time| time.to_string()));
    set(told, "last", last.map(|time| time.to_string()));
}

/// Keeps so many entries of a list and tells how many went.
fn shorten(members: &mut Members, name: &str, max: usize) {
    if let Some(Value::Array(list)) = members.get_mut(name) {
        let left_out = list.len().saturating_sub(max);
        list.truncate(max);
        members.insert(format!("{name}_left_out"), json!(left_out));
    }
}

/// Sets a member that is known.
fn set(object: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(name.to_owned(), value.into());
    }
}

impl Filter {
    fn json(&self) -> Value {
        let classes: Vec<&str> = self.scope.classes.iter().map(|class| class.name()).collect();
        let mut told = json!({ "hosts": self.scope.hosts, "classes": classes });
        set(&mut told, "since", self.since.map(|time| time.to_string()));
        set(&mut told, "until", self.until.map(|time| time.to_string()));
        told
    }
}

/// What the small numbers in rows stand for.
fn vocabulary() -> Value {
    let classes: Vec<&str> = std::iter::once("").chain(Class::ALL.map(Class::name)).collect();
    let hostile: Vec<&str> = Class::ALL
        .into_iter()
        .filter(|class| is_hostile(*class))
        .map(Class::name)
        .collect();
    json!({
        "categories": Category::ALL.map(Category::name), "classes": classes, "hostile": hostile,
        "statuses": STATUSES, "methods": METHODS, "claims": ["", "verified", "fake", "unproven"],
    })
}

pub(crate) type Members = Map<String, Value>;
