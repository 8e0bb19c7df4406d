//! [`Tally`]: what a report counts of every request, in bounded memory.
//!
//! Each scanning thread has one of its own; joined in any order they give the same numbers. An ordinary line costs
//! some look-ups and allocates nothing. The tables are exact while there is room, then fair samples with a stated error
//! ([`cells`]). Nothing is judged here: classes come from the rules. Next: [`super::document`].

pub mod cells;
pub mod codes;
pub mod key;
pub mod names;
mod tidy;
pub mod timed;

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use afw_parsers::Record;

use crate::detect::Class;
use crate::enrich::crawler::Verdict;
use crate::event::{Event, Finding};
use crate::indicator::Indicator;
use crate::numbered::Lately;
use cells::{Cells, full, level_of};
use codes::Kind;
use key::{CLAIM, CLASS, COUNTRY, Claim, DENIED, Fact, HOST, KIND, LEVEL, METHOD, Of, STATUS, Traits};
use names::Names;
use timed::Timeline;

/// Cells of the tables of paths and agents, 1.6 MB each when full: some times as many as a document can hold.
const CELLS: usize = full(16);
/// Cells of the timeline and the table of networks, which every long log fills: the larger they are, the less of them stays
/// in the processor's caches.
const FILLED_CELLS: usize = full(15);
/// Cells of either table of facts, of which a document holds fewer yet (5,000).
const FEW_CELLS: usize = full(13);
/// Longest path, user agent and host that are told apart, in bytes.
const PATH_BYTES: usize = 160;
const AGENT_BYTES: usize = 256;
const HOST_BYTES: usize = 100;
/// Longest fingerprint; JA3 has 32 digits, JA4 36 characters.
const PRINT_BYTES: usize = 40;

/// What is printed and counted: `--host` and `--class`. What is detected and shipped never depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Hosts in lower case; empty lets all pass.
    pub hosts: Vec<String>,
    /// Classes that count as such; empty lets all pass.
    pub classes: Vec<Class>,
}

impl Scope {
    /// Whether requests of a host count.
    pub fn host(&self, host: Option<&[u8]>) -> bool {
        self.hosts.is_empty()
            || host.is_some_and(|host| {
                self.hosts
                    .iter()
                    .any(|wanted| host.eq_ignore_ascii_case(wanted.as_bytes()))
            })
    }

    /// Whether sightings of a class count.
    pub fn class(&self, class: Class) -> bool {
        self.classes.is_empty() || self.classes.contains(&class)
    }

    /// Whether an indicator is told.
    pub fn indicator(&self, indicator: &Indicator) -> bool {
        let mut hosts = indicator.hosts.iter();
        (self.hosts.is_empty() || hosts.any(|host| self.host(Some(host.as_bytes()))))
            && self.class(indicator.class)
    }
}

/// Where requests come from: network, autonomous system, country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The client's /24 or /48.
    pub network: Option<IpAddr>,
    /// Number of the autonomous system.
    pub asn: Option<u32>,
    /// Country, as a number ([`codes::country`]).
    pub country: u16,
    /// Name of the autonomous system's organisation; the number decides which it is.
    pub as_org: Option<Arc<str>>,
}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.network, self.asn, self.country).hash(state);
    }
}

/// A place that was met lately, with its number.
#[derive(Debug, Clone, Copy)]
struct Met {
    network: Option<IpAddr>,
    asn: Option<u32>,
    country: u16,
    number: u32,
}

impl Met {
    /// How many are remembered, as a power of two.
    const BITS: u32 = 12;
    /// None: no number is that large.
    const NOBODY: Self = Self {
        network: None,
        asn: None,
        country: 0,
        number: u32::MAX,
    };

    /// Where a network is remembered.
    fn slot(network: Option<IpAddr>) -> usize {
        let bits = match network {
            None => 0,
            Some(IpAddr::V4(v4)) => v4.to_bits().into(),
            // The first half: a network of 48 bits has nothing behind.
            Some(IpAddr::V6(v6)) => (v6.to_bits() >> 64) as u64,
        };
        (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - Self::BITS)) as usize
    }
}

/// What a client says it is: user agent and TLS fingerprint.
#[derive(Debug, Clone)]
pub struct Agent {
    /// User agent, clipped; empty when none was sent or logged.
    pub text: Box<[u8]>,
    /// JA3, or JA4 where that is logged; empty when there is none.
    pub print: Box<[u8]>,
    /// Name of the program.
    pub name: Option<Arc<str>>,
    /// Kind of client.
    pub kind: Kind,
    /// Operator of the crawler it claims to be.
    pub claims: Option<&'static str>,
}

impl PartialEq for Agent {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, &self.print) == (&other.text, &other.print)
    }
}

impl Eq for Agent {}

impl Hash for Agent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.text, &self.print).hash(state);
    }
}

/// Counts over requests.
#[derive(Debug, Clone)]
pub struct Tally {
    scope: Arc<Scope>,
    /// Requests counted.
    pub requests: u64,
    /// Hosts in lower case.
    pub hosts: Names<Box<[u8]>>,
    /// Paths.
    pub paths: Names<Box<[u8]>>,
    /// Networks.
    pub places: Names<Place>,
    /// User agents with fingerprints.
    pub agents: Names<Agent>,
    /// Requests by time.
    pub time: Timeline,
    /// Requests by place.
    pub by_place: Cells<Of>,
    /// Requests by path.
    pub by_path: Cells<Of>,
    /// Requests by agent.
    pub by_agent: Cells<Of>,
    /// Requests with all that is counted of them: those without a sighting.
    pub plain: Cells<Fact>,
    /// The same of those with a sighting; apart, so that many visitors never displace few attackers.
    pub sighted: Cells<Fact>,
    last_host: u32,
    /// Places that were met lately, each where [`Met::slot`] says.
    met: Vec<Met>,
    /// User agents that were met lately, by the numbers that the analysis gave their texts.
    met_agents: Lately<Option<u32>>,
    /// Paths that were met lately, by the numbers that the analysis gave their requests.
    met_paths: Lately<Option<u32>>,
}

/// How many user agents are remembered as met lately.
const MET_AGENTS: usize = 256;
/// How many paths are remembered as met lately.
const MET_PATHS: usize = 4096;

impl Tally {
    /// Nothing counted yet.
    pub fn new(scope: Arc<Scope>) -> Self {
        Self {
            scope,
            requests: 0,
            // Each bound is twice what the tables below can refer to, so giving up the rest always makes room.
            hosts: Names::new(2 * (4 * CELLS + 2 * FEW_CELLS)),
            paths: Names::new(2 * (CELLS + 2 * FEW_CELLS)),
            places: Names::new(2 * (CELLS + 2 * FEW_CELLS)),
            agents: Names::new(2 * (CELLS + 2 * FEW_CELLS)),
            time: Timeline::new(FILLED_CELLS),
            by_place: Cells::new(FILLED_CELLS),
            by_path: Cells::new(CELLS),
            by_agent: Cells::new(CELLS),
            plain: Cells::new(FEW_CELLS),
            sighted: Cells::new(FEW_CELLS),
            last_host: 0,
            met: vec![Met::NOBODY; 1 << Met::BITS],
            met_agents: Lately::new(MET_AGENTS),
            met_paths: Lately::new(MET_PATHS),
        }
    }

    /// Counts one request of a log and what the rules said of it. Requests with the same `number` have the same target.
    pub fn request(
        &mut self,
        event: &Event<'_, '_>,
        log: u32,
        finding: Option<&Finding>,
        number: Option<u64>,
    ) {
        let record = event.record;
        let Some(time) = record.time.filter(|_| self.scope.host(record.host.as_deref())) else {
            return;
        };
        self.requests += 1;
        let level = level_of(log, event.offset);
        let country = codes::country(event.country());
        let traits = self.traits(event, finding, level).with(COUNTRY, country.into());
        let (secs, class) = (time.secs(), traits.field(CLASS));
        self.time.add(secs, traits.without([METHOD, CLAIM]), level);
        let facts = if class > 0 { &self.sighted } else { &self.plain };
        let whole = facts.takes(level);
        let place = (whole || self.by_place.takes(level)).then(|| self.place(event, country));
        let path = (whole || self.by_path.takes(level)).then(|| self.path(record, number));
        let agent = (whole || self.by_agent.takes(level)).then(|| self.agent(event));
        if let Some(thing) = place.filter(|_| self.by_place.takes(level)) {
            let traits = traits.without([CLAIM]);
            self.by_place.add_recent(Of { thing, traits });
        }
        if let Some(thing) = path.filter(|_| self.by_path.takes(level)) {
            let traits = traits.without([CLAIM]);
            self.by_path.add_recent(Of { thing, traits });
        }
        if let Some(thing) = agent.filter(|_| self.by_agent.takes(level)) {
            let traits = traits.without([METHOD]);
            self.by_agent.add_recent(Of { thing, traits });
        }
        if let (true, Some(place), Some(path), Some(agent)) = (whole, place, path, agent) {
            let fact = Fact {
                secs,
                path,
                place,
                agent,
                traits,
            };
            let facts = if class > 0 {
                &mut self.sighted
            } else {
                &mut self.plain
            };
            facts.add(fact);
        }
        self.bound();
        self.tidy();
    }

    /// Keeps tables that are counted in two steps within their bounds.
    fn bound(&mut self) {
        for cells in [&mut self.by_place, &mut self.by_path, &mut self.by_agent] {
            if cells.is_over() {
                cells.shrink();
            }
        }
    }

    /// Ends the counting. What is told depends on the lines alone: names that nothing refers to any more, of which some
    /// are given up earlier than others, are none.
    pub fn finish(&mut self) {
        self.settle();
        self.keep_used();
    }

    /// Puts everything into the tables: what is counted is final, and depends on the lines alone.
    fn settle(&mut self) {
        self.time.settle();
        for cells in [&mut self.by_place, &mut self.by_path, &mut self.by_agent] {
            cells.settle();
            cells.shrink();
        }
    }

    /// All traits but the country.
    fn traits(&mut self, event: &Event<'_, '_>, finding: Option<&Finding>, level: u8) -> Traits {
        let record = event.record;
        let sightings = finding.map_or(&[][..], |finding| &finding.sightings);
        let classes = || sightings.iter().map(|sighting| sighting.class);
        let strongest = classes().filter(|class| self.scope.class(*class)).min();
        let claim = match event.verdict {
            _ if event.agent.claims.is_none() => Claim::None,
            Verdict::Verified => Claim::Verified,
            Verdict::Fake => Claim::Fake,
            Verdict::Unknown => Claim::Unproven,
        };
        Traits::default()
            .with(LEVEL, level.into())
            .with(CLASS, strongest.map_or(0, |class| class as u64 + 1))
            .with(STATUS, codes::status(record.status).into())
            .with(KIND, Kind::of(event.agent.kind) as u64)
            .with(METHOD, codes::method(record).into())
            .with(DENIED, codes::is_denied(record).into())
            .with(CLAIM, claim as u64)
            .with(HOST, self.host(record.host.as_deref()).into())
    }

    /// Number of a host; lines of one host often follow each other.
    fn host(&mut self, host: Option<&[u8]>) -> u32 {
        let host = clip(host.unwrap_or_default(), HOST_BYTES);
        if self
            .hosts
            .value(self.last_host)
            .is_some_and(|last| **last == *host)
        {
            return self.last_host;
        }
        self.last_host = if host.iter().any(u8::is_ascii_uppercase) {
            let lower = host.to_ascii_lowercase();
            text(&mut self.hosts, &lower)
        } else {
            text(&mut self.hosts, host)
        };
        self.last_host
    }

    fn path(&mut self, record: &Record<'_>, request: Option<u64>) -> u32 {
        let mut number = || {
            let path = record.path().unwrap_or_default();
            text(&mut self.paths, clip(path, PATH_BYTES))
        };
        match self.met_paths.of(request) {
            Some(met) => *met.get_or_insert_with(number),
            None => number(),
        }
    }

    fn place(&mut self, event: &Event<'_, '_>, country: u16) -> u32 {
        let asn = event.asn();
        let network = event.client.address.map(network);
        let slot = Met::slot(network);
        let met = self.met.get(slot).copied().unwrap_or(Met::NOBODY);
        if (met.network, met.asn, met.country) == (network, asn, country) && met.number != u32::MAX {
            return met.number;
        }
        let same = |place: &Place| place.network == network && place.asn == asn && place.country == country;
        let new = || Place {
            network,
            asn,
            country,
            as_org: event.address.as_org.clone().filter(|_| asn == event.address.asn),
        };
        let number = self.places.number(&(network, asn, country), same, new);
        if let Some(met) = self.met.get_mut(slot) {
            *met = Met {
                network,
                asn,
                country,
                number,
            };
        }
        number
    }

    fn agent(&mut self, event: &Event<'_, '_>) -> u32 {
        let record = event.record;
        let said = clip(record.user_agent.as_deref().unwrap_or_default(), AGENT_BYTES);
        let print = record.more.ja3.as_deref().or(record.more.ja4.as_deref());
        let print = clip(print.unwrap_or_default(), PRINT_BYTES);
        // Without a fingerprint the text is all there is, and the analysis has told it from others already.
        let known = Some(event.agent.number).filter(|number| *number > 0 && print.is_empty());
        let met = self.met_agents.of(known);
        if let Some(number) = met.as_ref().and_then(|met| **met) {
            return number;
        }
        let new = || Agent {
            text: said.into(),
            print: print.into(),
            name: event.agent.name.clone(),
            kind: Kind::of(event.agent.kind),
            claims: event.agent.claims,
        };
        let is = |agent: &Agent| *agent.text == *said && *agent.print == *print;
        let number = self.agents.number(&(said, print), is, new);
        if let Some(met) = met {
            *met = Some(number);
        }
        number
    }

    /// Takes in what another thread counted.
    pub fn merge(&mut self, other: &Self) {
        self.keep_used();
        self.requests += other.requests;
        let hosts = self.hosts.merge(&other.hosts);
        let paths = self.paths.merge(&other.paths);
        let places = self.places.merge(&other.places);
        let agents = self.agents.merge(&other.agents);
        self.time.merge(&other.time, &hosts);
        let of = |things: &[u32], key: Of| renumbered(key, things, &hosts);
        self.by_place.merge(&other.by_place, |key| of(&places, key));
        self.by_path.merge(&other.by_path, |key| of(&paths, key));
        self.by_agent.merge(&other.by_agent, |key| of(&agents, key));
        let fact = |fact: Fact| Fact {
            path: number(&paths, fact.path),
            place: number(&places, fact.place),
            agent: number(&agents, fact.agent),
            traits: fact.traits.translated(&hosts),
            ..fact
        };
        self.plain.merge(&other.plain, fact);
        self.sighted.merge(&other.sighted, fact);
        self.settle();
        self.plain.shrink();
        self.sighted.shrink();
        self.tidy();
    }
}

/// Number of a text.
fn text(names: &mut Names<Box<[u8]>>, bytes: &[u8]) -> u32 {
    names.number(bytes, |own| **own == *bytes, || bytes.into())
}

fn clip(bytes: &[u8], max: usize) -> &[u8] {
    bytes.get(..max).unwrap_or(bytes)
}

/// The network that an address counts for: /24 or /48.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
        }
    }
}

fn number(numbers: &[u32], old: u32) -> u32 {
    numbers.get(old as usize).copied().unwrap_or_default()
}

fn renumbered(key: Of, things: &[u32], hosts: &[u32]) -> Of {
    Of {
        thing: number(things, key.thing),
        traits: key.traits.translated(hosts),
    }
}

#[cfg(test)]
mod tests;
