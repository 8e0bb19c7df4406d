//! [`Tally`]: what a report counts of every request, in bounded memory.
//!
//! Each scanning thread has one of its own; joined in any order they give the same numbers. An ordinary line costs
//! some look-ups and allocates nothing. The tables are exact while there is room, then fair samples with a stated error
//! ([`cells`]). Nothing is judged here: classes come from the rules. Next: [`super::document`].

pub mod cells;
pub mod codes;
pub mod key;
mod met;
pub mod names;
mod notes;
pub mod sums;
mod tidy;
pub mod timed;

use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use afw_parsers::{Record, Time};

use crate::enrich::crawler::Verdict;
use crate::event::{Event, Finding};
use crate::numbered::Lately;
use crate::report::Scope;
use cells::{Cells, full, level_of};
use codes::Kind;
use key::{CLAIM, CLASS, COUNTRY, Claim, DENIED, Fact, HOST, KIND, LEVEL, METHOD, Of, STATUS, Traits};
use met::{Asked, Met, Whereabouts};
use names::Names;
use notes::{Note, Sought, Unmet};
use sums::Sums;
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

/// Text, fingerprint, name, kind and claim of an agent.
type AgentKey<'a> = (&'a [u8], &'a [u8], Option<&'a str>, u8, Option<&'static str>);

impl Agent {
    /// What tells agents apart. Long texts are clipped, and what they say they are may stand behind.
    fn key(&self) -> AgentKey<'_> {
        let Self {
            text,
            print,
            name,
            kind,
            claims,
        } = self;
        (&**text, &**print, name.as_deref(), *kind as u8, *claims)
    }
}

impl PartialEq for Agent {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Agent {}

impl Hash for Agent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Counts over requests.
#[derive(Debug, Clone)]
pub struct Tally {
    scope: Arc<Scope>,
    /// Requests counted.
    pub requests: u64,
    /// The same by what has few values.
    pub sums: Sums,
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
    /// Requests that are not in the tables yet.
    notes: Vec<Note>,
    /// Those of them that the tables of paths, places and agents take.
    sought: Vec<Sought>,
    /// Places that these are still to be given.
    unmet: Vec<Unmet>,
    /// Places that were met lately.
    met: Met,
    /// User agents that were met lately, by the numbers that the analysis gave their texts.
    met_agents: Lately<Option<u32>>,
    /// Paths and agents of requests that were met lately, by the numbers that the analysis gave them.
    met_requests: Lately<Asked>,
}

/// Which tables take a request.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    path: bool,
    place: bool,
    agent: bool,
}

impl Wanted {
    fn any(self) -> bool {
        self.path || self.place || self.agent
    }
}

/// How many user agents are remembered as met lately.
const MET_AGENTS: usize = 256;
/// How many requests are remembered as met lately.
const MET_REQUESTS: usize = 4096;

impl Tally {
    /// Nothing counted yet.
    pub fn new(scope: Arc<Scope>) -> Self {
        Self {
            scope,
            requests: 0,
            sums: Sums::default(),
            // Each bound is twice what the tables below can refer to, so giving up the rest always makes room.
            hosts: Names::new(2 * (4 * CELLS + 2 * FEW_CELLS)),
            paths: Names::new(2 * (CELLS + 2 * FEW_CELLS)),
            places: Names::without_recent(2 * (CELLS + 2 * FEW_CELLS)),
            agents: Names::new(2 * (CELLS + 2 * FEW_CELLS)),
            time: Timeline::new(FILLED_CELLS),
            by_place: Cells::new(FILLED_CELLS),
            by_path: Cells::new(CELLS),
            by_agent: Cells::new(CELLS),
            plain: Cells::new(FEW_CELLS),
            sighted: Cells::new(FEW_CELLS),
            last_host: 0,
            notes: Vec::with_capacity(notes::MAX),
            sought: Vec::with_capacity(notes::MAX),
            unmet: Vec::with_capacity(notes::MAX),
            met: Met::new(),
            met_agents: Lately::new(MET_AGENTS),
            met_requests: Lately::new(MET_REQUESTS),
        }
    }

    /// Counts one request of a log and what the rules said of it. Requests with the same `number` have the same target
    /// and user agent.
    pub fn request(
        &mut self,
        event: &Event<'_, '_>,
        log: u32,
        finding: Option<&Finding>,
        number: Option<u64>,
    ) {
        let record = event.record;
        if !self.scope.host(record.host.as_deref()) {
            return;
        }
        self.requests += 1;
        let level = level_of(log, event.offset);
        let traits = self.traits(event, finding, level);
        let note = Note {
            secs: record.time.map(Time::secs),
            traits,
        };
        self.notes.push(note);
        let wanted = self.wanted(traits);
        if wanted.any() {
            self.seek(event, number, note, wanted);
        }
        if self.notes.len() >= notes::MAX {
            self.count();
        }
    }

    /// Ends the counting. What is told depends on the lines alone: names that nothing refers to any more, of which some
    /// are given up earlier than others, are none.
    pub fn finish(&mut self) {
        self.count();
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

    /// All traits of a request.
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
            .with(COUNTRY, codes::country(event.country()).into())
            .with(HOST, self.host(record.host.as_deref()).into())
    }

    /// Number of a host; lines of one host often follow each other.
    fn host(&mut self, host: Option<&[u8]>) -> u32 {
        let host = clip(host.unwrap_or_default(), HOST_BYTES);
        let last = self.hosts.value(self.last_host);
        if last.is_some_and(|last| is_same(last, host)) {
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

    /// What is known of a request that was met lately.
    fn known(&mut self, event: &Event<'_, '_>, request: Option<u64>) -> Asked {
        let mut known = self.met_requests.of(request).copied().unwrap_or_default();
        if has_print(event.record) {
            // Its number stands for the text of the agent, not for the fingerprint.
            known.forget_agent();
        }
        known
    }

    fn path(&mut self, record: &Record<'_>, request: Option<u64>) -> u32 {
        let path = record.path().unwrap_or_default();
        let number = text(&mut self.paths, clip(path, PATH_BYTES));
        if let Some(known) = self.met_requests.of(request) {
            known.set_path(number);
        }
        number
    }

    /// Which tables take a request.
    #[inline]
    fn wanted(&self, traits: Traits) -> Wanted {
        let level = traits.level();
        let facts = match traits.field(CLASS) {
            0 => &self.plain,
            _ => &self.sighted,
        };
        // What is told whole has a path, a place and an agent, whichever table takes them.
        let whole = facts.takes(level);
        let takes = |cells: &Cells<Of>| whole || cells.takes(level);
        Wanted {
            path: takes(&self.by_path),
            place: takes(&self.by_place),
            agent: takes(&self.by_agent),
        }
    }

    /// Notes what the tables that take a request need of it.
    fn seek(&mut self, event: &Event<'_, '_>, request: Option<u64>, note: Note, wanted: Wanted) {
        let known = self.known(event, request);
        let path = known
            .path()
            .or_else(|| wanted.path.then(|| self.path(event.record, request)));
        let agent = known
            .agent()
            .or_else(|| wanted.agent.then(|| self.agent(event, request)));
        let place = wanted.place.then(|| self.place_of(event, note.traits));
        self.sought.push(Sought {
            note,
            path: path.unwrap_or_default(),
            place: place.unwrap_or_default(),
            agent: agent.unwrap_or_default(),
        });
    }

    /// Number of the place where the client of the next request sought is; 0 until it is counted, if it was not met lately.
    fn place_of(&mut self, event: &Event<'_, '_>, traits: Traits) -> u32 {
        let asn = event.asn();
        // Ten bits wide.
        let at = Whereabouts::of(event.client.address, asn, traits.field(COUNTRY) as u16);
        if let Some(number) = self.met.number(at) {
            return number;
        }
        let as_org = &event.address.as_org;
        self.unmet.push(Unmet {
            sought: self.sought.len(),
            at,
            as_org: as_org.as_ref().filter(|_| asn == event.address.asn).cloned(),
        });
        0
    }

    fn agent(&mut self, event: &Event<'_, '_>, request: Option<u64>) -> u32 {
        if has_print(event.record) {
            return self.agent_by_text(event);
        }
        // The text is all there is, and the analysis has told it from others already.
        let told = Some(event.agent.number).filter(|number| *number > 0);
        let number = match self.met_agents.of(told).and_then(|met| *met) {
            Some(number) => number,
            None => self.agent_by_text(event),
        };
        if let Some(met) = self.met_agents.of(told) {
            *met = Some(number);
        }
        if let Some(known) = self.met_requests.of(request) {
            known.set_agent(number);
        }
        number
    }

    fn agent_by_text(&mut self, event: &Event<'_, '_>) -> u32 {
        let record = event.record;
        let said = clip(record.user_agent.as_deref().unwrap_or_default(), AGENT_BYTES);
        let print = record.more.ja3.as_deref().or(record.more.ja4.as_deref());
        let print = clip(print.unwrap_or_default(), PRINT_BYTES);
        let facts = event.agent;
        let kind = Kind::of(facts.kind);
        let new = || Agent {
            text: said.into(),
            print: print.into(),
            name: facts.name.clone(),
            kind,
            claims: facts.claims,
        };
        let key: AgentKey<'_> = (said, print, facts.name.as_deref(), kind as u8, facts.claims);
        self.agents.number(&key, |agent| agent.key() == key, new)
    }

    /// Takes in what another thread counted.
    pub fn merge(&mut self, mut other: Self) {
        self.count();
        other.count();
        self.keep_used();
        self.requests += other.requests;
        self.sums.merge(&other.sums);
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

/// Whether a TLS fingerprint is logged.
fn has_print(record: &Record<'_>) -> bool {
    record.more.used && (record.more.ja3.is_some() || record.more.ja4.is_some())
}

/// Number of a text.
fn text(names: &mut Names<Box<[u8]>>, bytes: &[u8]) -> u32 {
    names.number(bytes, |own| **own == *bytes, || bytes.into())
}

/// Whether a host is the one before it. Many logs name none at all, and the C library takes long to compare nothing
/// with nothing where its masked loads meet an address that is none (80 ns on an EPYC of 2022).
pub(super) fn is_same(last: &[u8], host: &[u8]) -> bool {
    match host {
        [] => last.is_empty(),
        _ => last == host,
    }
}

fn clip(bytes: &[u8], max: usize) -> &[u8] {
    bytes.get(..max).unwrap_or(bytes)
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
