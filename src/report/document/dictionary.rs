//! [`Dictionaries`]: which hosts, countries, paths, networks and agents rows tell apart. The others are added up under
//! one number behind the last.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Category, Detail, Members, Report, is_hostile, set};
use crate::detect::Class;
use crate::report::tally::cells::{Cells, Key};
use crate::report::tally::key::{CLASS, COUNTRY, KIND, Of, Traits};
use crate::report::tally::{Agent, Place, codes};
use crate::text::{printable, shown};

/// Numbers of a tally's names as rows number them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dictionary {
    /// The chosen, in the order of their new numbers, as members.
    entries: Vec<Value>,
    /// New numbers by old ones; [`OTHER`] where it is not chosen.
    numbers: Vec<u32>,
    others: usize,
}

/// In place of the new number of what is not told apart.
const OTHER: u32 = u32::MAX;

impl Dictionary {
    /// The number in rows of a number in the tally.
    pub fn number(&self, old: u32) -> u32 {
        match self.numbers.get(old as usize) {
            Some(&number) if number != OTHER => number,
            _ => u32::try_from(self.entries.len()).unwrap_or(u32::MAX),
        }
    }

    fn has(&self, old: u32) -> bool {
        self.numbers
            .get(old as usize)
            .is_some_and(|number| *number != OTHER)
    }

    fn set(&mut self, old: u32, number: u32) {
        // Old numbers are few: those of a tally's names, or of countries.
        let old = old as usize;
        if self.numbers.len() <= old {
            self.numbers.resize(old + 1, OTHER);
        }
        if let Some(place) = self.numbers.get_mut(old) {
            *place = number;
        }
    }

    fn json(&self) -> Value {
        let others = (self.others > 0).then(|| json!({ "others": self.others }));
        self.entries.iter().cloned().chain(others).collect()
    }
}

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Dictionaries {
    /// Hosts of the tally.
    pub hosts: Dictionary,
    /// The same hosts by the numbers of the sightings.
    pub sighted_hosts: Dictionary,
    /// Countries.
    pub countries: Dictionary,
    /// Places.
    pub places: Dictionary,
    /// Paths.
    pub paths: Dictionary,
    /// Agents.
    pub agents: Dictionary,
}

/// How much something matters: requests, and those that were hostile or automatic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    requests: u64,
    notable: u64,
}

impl Weight {
    fn add(&mut self, traits: Traits, count: u64) {
        self.requests += count;
        if matches!(category(traits), Category::Hostile | Category::Script) {
            self.notable += count;
        }
    }
}

/// What a counted request was.
pub(crate) fn category(traits: Traits) -> Category {
    let class = (traits.field(CLASS) as usize)
        .checked_sub(1)
        .and_then(|class| Class::ALL.get(class));
    match (class, traits.field(KIND)) {
        (Some(class), _) if is_hostile(*class) => Category::Hostile,
        (Some(Class::Script | Class::Headless), _) | (_, 2) => Category::Script,
        (Some(Class::Crawler | Class::AiCrawler), _) | (_, 1) => Category::Bot,
        (_, 0) => Category::Visitor,
        _ => Category::Unknown,
    }
}

/// The `max` that matter most: two thirds by requests, the rest by notable ones. In the order of requests, then names.
fn chosen<N: Ord + Clone>(weights: &BTreeMap<N, Weight>, max: usize) -> Vec<N> {
    let mut all: Vec<(&N, Weight)> = weights.iter().map(|(name, weight)| (name, *weight)).collect();
    let by_requests = |(name, weight): &(&N, Weight)| (std::cmp::Reverse(weight.requests), (*name).clone());
    all.sort_by_cached_key(by_requests);
    let mut rest = all.split_off(all.len().min(max - max / 3));
    rest.sort_by_key(|(_, weight)| std::cmp::Reverse((weight.notable, weight.requests)));
    rest.truncate(max.saturating_sub(all.len()));
    all.extend(rest);
    all.sort_by_cached_key(by_requests);
    all.into_iter().map(|(name, _)| name.clone()).collect()
}

/// A dictionary of things that are equal when their names are.
fn dictionary<N: Ord + Clone>(names: &[(u32, N)], chosen: &[N], entry: impl Fn(&N) -> Value) -> Dictionary {
    let places: BTreeMap<&N, u32> = chosen.iter().zip(0..).collect();
    let distinct: std::collections::BTreeSet<&N> = names.iter().map(|(_, name)| name).collect();
    let mut dictionary = Dictionary {
        entries: chosen.iter().map(entry).collect(),
        numbers: Vec::new(),
        others: distinct.len().saturating_sub(chosen.len()),
    };
    for (old, name) in names {
        if let Some(number) = places.get(name) {
            dictionary.set(*old, *number);
        }
    }
    dictionary
}

/// A text of the log as reports show it.
pub(crate) fn readable(bytes: &[u8]) -> String {
    printable(&shown(bytes))
}

fn named(name: &str, text: &str) -> Value {
    if text.is_empty() {
        json!({})
    } else {
        json!({ name: text })
    }
}

impl Dictionaries {
    /// Chooses what is told apart.
    pub fn of(report: &Report<'_>, detail: Detail) -> Self {
        let (hosts, sighted_hosts) = hosts(report, detail.hosts);
        let tally = &report.tally;
        Self {
            hosts,
            sighted_hosts,
            countries: countries(report, detail.countries),
            places: places(report, detail.things),
            paths: things(
                tally.paths.values(),
                &tally.by_path,
                detail.things,
                |path| readable(path),
                |path| named("path", path),
            ),
            agents: things(
                tally.agents.values(),
                &tally.by_agent,
                detail.things,
                agent_name,
                agent_json,
            ),
        }
    }

    /// Adds them to the document.
    pub fn add(&self, members: &mut Members) {
        for (name, dictionary) in [
            ("host_names", &self.hosts),
            ("country_codes", &self.countries),
            ("place_names", &self.places),
            ("path_names", &self.paths),
            ("agent_names", &self.agents),
        ] {
            members.insert(name.to_owned(), dictionary.json());
        }
    }
}

/// The dictionary of what one table counts by.
fn things<V, N: Ord + Clone>(
    values: &[V],
    cells: &Cells<Of>,
    max: usize,
    name: impl Fn(&V) -> N,
    entry: impl Fn(&N) -> Value,
) -> Dictionary {
    let by_number = by_number(cells, values.len(), thing);
    let may_be_chosen = candidates(&by_number, 2 * max);
    let numbered = (0..).zip(values).zip(&by_number);
    let names: Vec<((u32, N), Weight)> = numbered
        .filter(|(_, weight)| may_be_chosen(weight))
        .map(|((number, value), weight)| ((number, name(value)), *weight))
        .collect();
    let weights = by_name(names.iter().map(|((_, name), weight)| (name, *weight)));
    let left_out = values.len() - names.len();
    let names: Vec<(u32, N)> = names.into_iter().map(|(named, _)| named).collect();
    let mut dictionary = dictionary(&names, &chosen(&weights, max), entry);
    dictionary.others += left_out;
    dictionary
}

/// Which of many things weigh enough to be among the `count` first, by requests or by notable ones: the names of all
/// others need not be made readable.
fn candidates(weights: &[Weight], count: usize) -> impl Fn(&Weight) -> bool + use<> {
    let least = |of: fn(&Weight) -> u64| {
        let mut all: Vec<u64> = weights.iter().map(of).collect();
        match count.checked_sub(1).filter(|last| *last < all.len()) {
            Some(last) => *all.select_nth_unstable_by(last, |a, b| b.cmp(a)).1,
            None => 0,
        }
    };
    let (requests, notable) = (least(|weight| weight.requests), least(|weight| weight.notable));
    // Nearly everything has nothing notable; that is no distinction.
    move |weight| weight.requests >= requests || weight.notable >= notable.max(1)
}

/// How much each number matters.
fn by_number<K: Key>(cells: &Cells<K>, count: usize, part: impl Fn(&K) -> (u32, Traits)) -> Vec<Weight> {
    let mut weights = vec![Weight::default(); count];
    for (key, count) in cells.iter() {
        let (number, traits) = part(key);
        if let Some(weight) = weights.get_mut(number as usize) {
            weight.add(traits, count);
        }
    }
    weights
}

/// The part of a key that a table of things counts by.
pub(super) fn thing(key: &Of) -> (u32, Traits) {
    (key.thing, key.traits)
}

/// How much each name matters.
fn by_name<'n, N: Ord + Clone + 'n>(
    weights: impl IntoIterator<Item = (&'n N, Weight)>,
) -> BTreeMap<N, Weight> {
    let mut sums: BTreeMap<N, Weight> = BTreeMap::new();
    for (name, weight) in weights {
        let sum = sums.entry(name.clone()).or_default();
        sum.requests += weight.requests;
        sum.notable += weight.notable;
    }
    sums
}

/// Networks; those that are not told apart are added up by autonomous system as far as there are few of these.
fn places(report: &Report<'_>, max: usize) -> Dictionary {
    let tally = &report.tally;
    let values = tally.places.values();
    let mut places = things(values, &tally.by_place, max, place_name, place_json);
    let rest = |number: &u32| !places.has(*number);
    let asns: Vec<(u32, u32)> = (0..)
        .zip(values)
        .filter(|(number, _)| rest(number))
        .filter_map(|(number, place)| Some((number, place.at.asn()?)))
        .collect();
    let weights = by_number(&tally.by_place, values.len(), thing);
    let weight = |number: u32| weights.get(number as usize).copied().unwrap_or_default();
    let weights = by_name(asns.iter().map(|(number, asn)| (asn, weight(*number))));
    for asn in chosen(&weights, max / 2) {
        let of = || {
            asns.iter()
                .filter(|(_, own)| *own == asn)
                .map(|(number, _)| *number)
        };
        let org = || of().find_map(|number| tally.places.value(number)?.as_org.as_deref());
        let mut told = json!({ "asn": asn, "others": of().count() });
        set(&mut told, "as_org", org().map(printable));
        let number = u32::try_from(places.entries.len()).unwrap_or(u32::MAX);
        places.entries.push(told);
        places.others = places.others.saturating_sub(of().count());
        of().for_each(|old| places.set(old, number));
    }
    places
}

fn hosts(report: &Report<'_>, max: usize) -> (Dictionary, Dictionary) {
    let all = |names: &[Box<[u8]>]| -> Vec<(u32, String)> {
        (0..).zip(names.iter().map(|host| readable(host))).collect()
    };
    let (counted, sighted) = (
        all(report.tally.hosts.values()),
        all(report.sightings.hosts.values()),
    );
    let cells = report.tally.time.cells();
    let weights = by_number(cells, counted.len(), |key| (key.traits.host(), key.traits));
    let met = counted.iter().map(|(_, name)| name).zip(weights);
    let weights = by_name(met.filter(|(_, weight)| weight.requests > 0));
    let chosen = chosen(&weights, max);
    let entry = |name: &String| named("host", name);
    (
        dictionary(&counted, &chosen, entry),
        dictionary(&sighted, &chosen, entry),
    )
}

fn countries(report: &Report<'_>, max: usize) -> Dictionary {
    let mut weights: BTreeMap<u32, Weight> = BTreeMap::new();
    for (key, count) in report.tally.time.cells().iter() {
        let country = key.traits.field(COUNTRY) as u32;
        weights.entry(country).or_default().add(key.traits, count);
    }
    let names: Vec<(u32, u32)> = weights.keys().map(|country| (*country, *country)).collect();
    dictionary(&names, &chosen(&weights, max), |country| {
        named("country", &codes::country_code(*country as u16))
    })
}

/// Network, AS number, country and organisation: a place by its own values.
type PlaceName = (Option<std::net::IpAddr>, Option<u32>, u16, Option<String>);

fn place_name(place: &Place) -> PlaceName {
    let org = place.as_org.as_deref().map(printable);
    (place.at.network(), place.at.asn(), place.at.country(), org)
}

fn place_json((network, asn, country, org): &PlaceName) -> Value {
    let country = codes::country_code(*country);
    let mut told = named("country", &country);
    set(&mut told, "network", network.map(network_text));
    set(&mut told, "asn", *asn);
    set(&mut told, "as_org", org.as_deref());
    told
}

/// `192.0.2.0/24`, `2001:db8:1::/48`.
pub(crate) fn network_text(network: std::net::IpAddr) -> String {
    format!("{network}/{}", if network.is_ipv4() { 24 } else { 48 })
}

/// Text, fingerprint, name of the program, kind and claim.
type AgentName = (
    String,
    Option<String>,
    Option<String>,
    &'static str,
    Option<&'static str>,
);

fn agent_name(agent: &Agent) -> AgentName {
    (
        readable(&agent.text),
        agent.print.as_deref().map(readable),
        agent.name.as_deref().map(printable),
        agent.kind.name(),
        agent.claims,
    )
}

fn agent_json((text, print, name, kind, claims): &AgentName) -> Value {
    let mut told = json!({ "kind": kind });
    set(
        &mut told,
        "agent",
        Some(text.as_str()).filter(|text| !text.is_empty()),
    );
    set(&mut told, "fingerprint", print.as_deref());
    set(&mut told, "name", name.as_deref());
    set(&mut told, "claims", *claims);
    told
}
