//! Rankings: countries, autonomous systems, networks, hosts, paths, user agents, fingerprints and crawlers with their
//! totals over the whole run, ready to read.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::dictionary::{category, network_text, readable};
use super::{Category, Members, Report, set};
use crate::event::ValueType;
use crate::report::tally::cells::{Cells, Key};
use crate::report::tally::codes::{self, Kind, STATUSES};
use crate::report::tally::key::{CLAIM, COUNTRY, Claim, DENIED, METHOD, Of, STATUS, Timed, Traits};
use crate::text::printable;

/// Entries of a ranking at most.
const RANKS: usize = 100;

/// Requests of one thing.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    requests: u64,
    categories: [u64; Category::ALL.len()],
    posts: u64,
    posts_of_bots: u64,
    blocked: u64,
    errors_4xx: u64,
    errors_5xx: u64,
    claims: [u64; 4],
    /// One request in so many was counted for it; 0 and 1 mean each.
    sampled: u64,
}

impl Total {
    fn add(&mut self, traits: Traits, count: u64) {
        let category = category(traits);
        let status = STATUSES
            .get(traits.field(STATUS) as usize)
            .copied()
            .unwrap_or_default();
        let posted = traits.field(METHOD) == 1;
        let add = |to: &mut u64, when: bool| *to += if when { count } else { 0 };
        self.requests += count;
        if let Some(own) = self.categories.get_mut(category as usize) {
            *own += count;
        }
        add(&mut self.posts, posted);
        add(&mut self.posts_of_bots, posted && category != Category::Visitor);
        add(
            &mut self.blocked,
            traits.field(DENIED) == 1 || matches!(status, "403" | "429" | "444"),
        );
        add(&mut self.errors_4xx, status.starts_with('4'));
        add(&mut self.errors_5xx, status.starts_with('5'));
        if let Some(own) = self.claims.get_mut(traits.field(CLAIM) as usize) {
            *own += count;
        }
    }

    /// How far the requests may be off in 95 of 100 cases, where they are an estimate ([`crate::report::tally::cells`]).
    fn error(&self) -> Option<u64> {
        let rest = self.sampled.checked_sub(1).filter(|rest| *rest > 0)?;
        // At most some 2^35 requests a second for a year; exact enough.
        Some((2.0 * (rest as f64 * self.requests as f64).sqrt()).ceil() as u64)
    }

    /// Writes the totals into an entry.
    fn tell(&self, entry: &mut Value) {
        set(entry, "requests", Some(self.requests));
        set(entry, "error", self.error());
        for (category, count) in Category::ALL.into_iter().zip(self.categories) {
            set(entry, category.name(), Some(count));
        }
        set(entry, "blocked", Some(self.blocked));
        set(entry, "errors_4xx", Some(self.errors_4xx));
        set(entry, "errors_5xx", Some(self.errors_5xx));
    }
}

/// Totals by name.
type Totals<N> = BTreeMap<N, Total>;

/// Adds every ranking to the document, of so many entries each.
pub(super) fn add(report: &Report, members: &mut Members, max: usize) {
    let mut rankings = Members::new();
    add_all(report, &mut rankings);
    for (name, mut ranking) in rankings {
        if let Value::Array(entries) = &mut ranking {
            entries.truncate(max);
        }
        members.insert(name, ranking);
    }
}

fn add_all(report: &Report, members: &mut Members) {
    let tally = &report.tally;
    let host = |number| tally.hosts.value(number).map(|host| readable(host));
    let country = |key: &Timed| (key.traits.field(COUNTRY) as u32, key.traits);
    let host_of = |key: &Timed| (key.traits.host(), key.traits);
    let time = tally.time.cells();
    let countries = totals(time, country, |country| country as u16);
    let hosts = totals(time, host_of, |number| host(number).unwrap_or_default());
    let mut all = Total::default();
    tally
        .sums
        .iter()
        .for_each(|(traits, count)| all.add(traits, count));
    let mut told = json!({});
    all.tell(&mut told);
    members.insert("totals".into(), told);
    let indicators = Indicators::of(report);
    members.insert(
        "countries".into(),
        ranked(&countries, |country, entry| {
            let code = codes::country_code(*country);
            set(entry, "indicators", indicators.countries.get(&code).copied());
            set(entry, "country", Some(code).filter(|code| !code.is_empty()));
        }),
    );
    members.insert(
        "hosts".into(),
        ranked(&hosts, |host, entry| text(entry, "host", host)),
    );
    places(report, &indicators, members);
    paths(report, members);
    agents(report, members);
}

fn text(entry: &mut Value, name: &str, text: &str) {
    set(entry, name, Some(text).filter(|text| !text.is_empty()));
}

fn places(report: &Report, indicators: &Indicators, members: &mut Members) {
    let tally = &report.tally;
    let mut orgs: BTreeMap<u32, String> = BTreeMap::new();
    for place in tally.places.values() {
        if let (Some(asn), Some(org)) = (place.at.asn(), place.as_org.as_deref()) {
            orgs.entry(asn).or_insert_with(|| printable(org));
        }
    }
    let place = |number| tally.places.value(number);
    let asns = totals(&tally.by_place, thing, |number| {
        place(number).and_then(|place| place.at.asn())
    });
    members.insert(
        "asns".into(),
        ranked(&asns, |asn, entry| {
            set(entry, "asn", *asn);
            set(
                entry,
                "as_org",
                asn.and_then(|asn| orgs.get(&asn)).map(String::as_str),
            );
            set(
                entry,
                "indicators",
                asn.and_then(|asn| indicators.asns.get(&asn)).copied(),
            );
        }),
    );
    let networks = totals(&tally.by_place, thing, |number| {
        place(number).map(|place| (place.at.network(), place.at.asn(), place.at.country()))
    });
    members.insert(
        "networks".into(),
        ranked(&networks, |known, entry| {
            let (network, asn, country) = known.unwrap_or_default();
            set(entry, "network", network.map(network_text));
            set(entry, "asn", asn);
            set(
                entry,
                "as_org",
                asn.and_then(|asn| orgs.get(&asn)).map(String::as_str),
            );
            text(entry, "country", &codes::country_code(country));
        }),
    );
}

fn paths(report: &Report, members: &mut Members) {
    let tally = &report.tally;
    let path = |number| {
        tally
            .paths
            .value(number)
            .map(|path| readable(path))
            .unwrap_or_default()
    };
    let paths = totals(&tally.by_path, thing, path);
    let told = ranked_by(
        &paths,
        |total| total.requests,
        |path, total, entry| {
            text(entry, "path", path);
            set(entry, "posts", Some(total.posts));
            set(entry, "posts_of_bots", Some(total.posts_of_bots));
        },
    );
    members.insert("paths".into(), told);
    let posted = |total: &Total| total.posts_of_bots;
    let told = ranked_by(&paths, posted, |path, total, entry| {
        text(entry, "path", path);
        set(entry, "posts", Some(total.posts));
        set(entry, "posts_of_bots", Some(total.posts_of_bots));
    });
    members.insert("paths_posted_by_bots".into(), told);
}

fn agents(report: &Report, members: &mut Members) {
    let tally = &report.tally;
    let agent = |number| tally.agents.value(number);
    let said = |number| agent(number).map(|agent| (readable(&agent.text), agent.kind.name()));
    let agents = totals(&tally.by_agent, thing, |number| said(number).unwrap_or_default());
    members.insert(
        "user_agents".into(),
        ranked(&agents, |(said, kind), entry| {
            text(entry, "agent", said);
            text(entry, "kind", kind);
        }),
    );
    let print = |number| {
        agent(number)
            .map(|agent| readable(&agent.print))
            .unwrap_or_default()
    };
    let mut prints = totals(&tally.by_agent, thing, print);
    prints.remove("");
    members.insert(
        "fingerprints".into(),
        ranked(&prints, |print, entry| text(entry, "fingerprint", print)),
    );
    let name = |number| {
        let agent = agent(number).filter(|agent| agent.kind == Kind::Bot)?;
        Some(
            agent
                .name
                .as_deref()
                .map_or_else(|| readable(&agent.text), printable),
        )
    };
    let mut crawlers = totals(&tally.by_agent, thing, name);
    crawlers.remove(&None);
    let told = ranked_by(
        &crawlers,
        |total| total.requests,
        |name, total, entry| {
            set(entry, "name", name.as_deref());
            for (claim, word) in [
                (Claim::Verified, "verified"),
                (Claim::Fake, "fake"),
                (Claim::Unproven, "unproven"),
            ] {
                set(entry, word, total.claims.get(claim as usize).copied());
            }
        },
    );
    members.insert("bots".into(), told);
}

fn thing(key: &Of) -> (u32, Traits) {
    (key.thing, key.traits)
}

/// Totals of what has a number: names are looked up once for each.
fn totals<K: Key, N: Ord>(
    cells: &Cells<K>,
    part: impl Fn(&K) -> (u32, Traits),
    name: impl Fn(u32) -> N,
) -> Totals<N> {
    let counts = cells.iter().map(|(key, count)| (part(key), count));
    let mut parts: Vec<((u32, Traits), u64)> = counts.collect();
    parts.sort_unstable_by_key(|((number, _), _)| *number);
    let mut totals: Totals<N> = BTreeMap::new();
    for same in parts.chunk_by(|((a, _), _), ((b, _), _)| a == b) {
        let number = same.first().map_or(0, |((number, _), _)| *number);
        let total = totals.entry(name(number)).or_default();
        for ((_, traits), count) in same {
            total.add(*traits, count * cells.sampled());
        }
        total.sampled = cells.sampled();
    }
    totals
}

/// The first by requests, then by name.
fn ranked<N: Ord>(totals: &Totals<N>, tell: impl Fn(&N, &mut Value)) -> Value {
    ranked_by(totals, |total| total.requests, |name, _, entry| tell(name, entry))
}

fn ranked_by<N: Ord>(
    totals: &Totals<N>,
    rank: impl Fn(&Total) -> u64,
    tell: impl Fn(&N, &Total, &mut Value),
) -> Value {
    let mut all: Vec<(&N, &Total)> = totals.iter().filter(|(_, total)| rank(total) > 0).collect();
    all.sort_by_key(|(name, total)| (std::cmp::Reverse(rank(total)), *name));
    all.into_iter()
        .take(RANKS)
        .map(|(name, total)| {
            let mut entry = json!({});
            tell(name, total, &mut entry);
            total.tell(&mut entry);
            entry
        })
        .collect()
}

/// Hostile clients by country and autonomous system.
#[derive(Default)]
struct Indicators {
    countries: BTreeMap<String, u64>,
    asns: BTreeMap<u32, u64>,
}

impl Indicators {
    fn of(report: &Report) -> Self {
        let mut found = Self::default();
        let clients = report.summary.indicators.iter();
        for client in clients.filter(|client| matches!(client.kind, ValueType::Ipv4 | ValueType::Ipv6)) {
            let country = codes::country_code(codes::country(client.country));
            *found.countries.entry(country).or_default() += 1;
            if let Some(asn) = client.asn {
                *found.asns.entry(asn).or_default() += 1;
            }
        }
        found
    }
}
