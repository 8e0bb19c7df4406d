//! Rankings: countries, autonomous systems, networks, hosts, paths, user agents, fingerprints and crawlers with their
//! totals over the whole run, ready to read.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::dictionary::{category, network_text, readable, thing};
use super::{Category, Members, Report, set};
use crate::event::ValueType;
use crate::report::tally::cells::{Cells, Key};
use crate::report::tally::codes::{self, Kind, STATUSES};
use crate::report::tally::key::{CLAIM, COUNTRY, Claim, DENIED, METHOD, STATUS, Timed, Traits};
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

    /// Takes in what was counted of the same thing.
    fn merge(&mut self, other: &Self) {
        let sum = |own: &mut [u64], other: &[u64]| own.iter_mut().zip(other).for_each(|(own, n)| *own += n);
        sum(&mut self.categories, &other.categories);
        sum(&mut self.claims, &other.claims);
        self.requests += other.requests;
        self.posts += other.posts;
        self.posts_of_bots += other.posts_of_bots;
        self.blocked += other.blocked;
        self.errors_4xx += other.errors_4xx;
        self.errors_5xx += other.errors_5xx;
        self.sampled = self.sampled.max(other.sampled);
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
pub(super) fn add(report: &Report<'_>, members: &mut Members, max: usize) {
    let mut rankings = Members::new();
    add_all(report, &mut rankings);
    for (name, mut ranking) in rankings {
        if let Value::Array(entries) = &mut ranking {
            entries.truncate(max);
        }
        members.insert(name, ranking);
    }
}

fn add_all(report: &Report<'_>, members: &mut Members) {
    let tally = &report.tally;
    let host = |number| tally.hosts.value(number).map(|host| readable(host));
    let country = |key: &Timed| (key.traits.field(COUNTRY) as u32, key.traits);
    let host_of = |key: &Timed| (key.traits.host(), key.traits);
    let time = tally.time.cells();
    let countries = by_name(&by_number(time, country), |country| Some(country as u16));
    let hosts = by_name(&by_number(time, host_of), |number| {
        Some(host(number).unwrap_or_default())
    });
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

fn places(report: &Report<'_>, indicators: &Indicators, members: &mut Members) {
    let tally = &report.tally;
    let mut orgs: BTreeMap<u32, String> = BTreeMap::new();
    for place in tally.places.values() {
        if let (Some(asn), Some(org)) = (place.at.asn(), place.as_org.as_deref()) {
            orgs.entry(asn).or_insert_with(|| printable(org));
        }
    }
    let place = |number| tally.places.value(number);
    let numbered = by_number(&tally.by_place, thing);
    let asns = by_name(&numbered, |number| Some(place(number)?.at.asn()));
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
    let networks = by_name(&numbered, |number| {
        let at = place(number)?.at;
        Some((at.network(), at.asn(), at.country()))
    });
    members.insert(
        "networks".into(),
        ranked(&networks, |known, entry| {
            let (network, asn, country) = *known;
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

fn paths(report: &Report<'_>, members: &mut Members) {
    let tally = &report.tally;
    let path = |number| tally.paths.value(number).map(|path| readable(path));
    let paths = by_name(&by_number(&tally.by_path, thing), path);
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

fn agents(report: &Report<'_>, members: &mut Members) {
    let tally = &report.tally;
    let agent = |number| tally.agents.value(number);
    let numbered = by_number(&tally.by_agent, thing);
    let agents = by_name(&numbered, |number| {
        let agent = agent(number)?;
        Some((readable(&agent.text), agent.kind.name()))
    });
    members.insert(
        "user_agents".into(),
        ranked(&agents, |(said, kind), entry| {
            text(entry, "agent", said);
            text(entry, "kind", kind);
        }),
    );
    let prints = by_name(&numbered, |number| agent(number)?.print.as_deref().map(readable));
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
    let crawlers = by_name(&numbered, name);
    let told = ranked_by(
        &crawlers,
        |total| total.requests,
        |name, total, entry| {
            text(entry, "name", name);
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

/// Totals of what has a number.
fn by_number<K: Key>(cells: &Cells<K>, part: impl Fn(&K) -> (u32, Traits)) -> Vec<(u32, Total)> {
    let counts = cells.iter().map(|(key, count)| (part(key), count));
    let mut parts: Vec<((u32, Traits), u64)> = counts.collect();
    parts.sort_unstable_by_key(|((number, _), _)| *number);
    let same = parts.chunk_by(|((a, _), _), ((b, _), _)| a == b);
    let totals = same.filter_map(|same| {
        let ((number, _), _) = same.first()?;
        let mut total = Total {
            sampled: cells.sampled(),
            ..Total::default()
        };
        for ((_, traits), count) in same {
            total.add(*traits, count * cells.sampled());
        }
        Some((*number, total))
    });
    totals.collect()
}

/// Totals of what has the same name; of a number without one there are none.
fn by_name<N: Ord>(totals: &[(u32, Total)], name: impl Fn(u32) -> Option<N>) -> Totals<N> {
    let mut named: Totals<N> = BTreeMap::new();
    for (number, total) in totals {
        if let Some(name) = name(*number) {
            named.entry(name).or_default().merge(total);
        }
    }
    named
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
    let order = |(a, of_a): &(&N, &Total), (b, of_b): &(&N, &Total)| {
        let by_rank = rank(of_b).cmp(&rank(of_a));
        by_rank.then_with(|| a.cmp(b))
    };
    // Most are not among the first.
    if all.len() > RANKS {
        all.select_nth_unstable_by(RANKS, order);
        all.truncate(RANKS);
    }
    all.sort_unstable_by(order);
    all.into_iter()
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
    fn of(report: &Report<'_>) -> Self {
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
