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
mod request;
pub mod sums;
mod tidy;
pub mod timed;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::numbered::Lately;
use crate::report::Scope;
use cells::{Cells, full};
use codes::Kind;
use key::{Fact, Of};
use met::{Met, Whereabouts};
use names::Names;
use notes::{Note, Unmet};
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
    /// Where it is.
    pub at: Whereabouts,
    /// Name of the autonomous system's organisation; the number decides which it is.
    pub as_org: Option<Arc<str>>,
}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.at.hash(state);
    }
}

/// What a client says it is: user agent and TLS fingerprint.
#[derive(Debug, Clone)]
pub struct Agent {
    /// User agent, clipped; empty when none was sent or logged.
    pub text: Box<[u8]>,
    /// JA3, or JA4 where that is logged.
    pub print: Option<Box<[u8]>>,
    /// Name of the program.
    pub name: Option<Arc<str>>,
    /// Kind of client.
    pub kind: Kind,
    /// Operator of the crawler it claims to be.
    pub claims: Option<&'static str>,
}

/// Text, fingerprint, name, kind and claim of an agent.
type AgentKey<'a> = (
    &'a [u8],
    Option<&'a [u8]>,
    Option<&'a str>,
    u8,
    Option<&'static str>,
);

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
        (text, print.as_deref(), name.as_deref(), *kind as u8, *claims)
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
    /// Places that these are still to be given.
    unmet: Vec<Unmet>,
    /// Places that were met lately.
    met: Met,
    /// User agents that were met lately, by the numbers that the analysis gave their texts.
    met_agents: Lately<Option<u32>>,
    /// Grows when names get other numbers: what was remembered with requests before means nothing any more. From 1, since a
    /// request that leaves nothing has the word of epoch 0.
    epoch: u64,
}

/// How many user agents are remembered as met lately.
const MET_AGENTS: usize = 256;

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
            unmet: Vec::with_capacity(notes::MAX),
            met: Met::new(),
            met_agents: Lately::new(MET_AGENTS),
            epoch: 1,
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

    /// Takes in what another thread counted.
    pub fn merge(&mut self, mut other: Self) {
        self.count();
        other.count();
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
