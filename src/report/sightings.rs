//! [`Sightings`]: what a report counts of the rules that fired, correlations included.
//!
//! Counted on the sequential side of analysis, in merged order; so, unlike [`super::Tally`], nothing has to be joined.
//! `--host` and `--class` apply here, as they do in print.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use afw_parsers::Time;

use super::fired::FiredRules;
use super::scope::Scope;
use super::tally::cells::level_of;
use super::tally::codes;
use super::tally::key::{CLASS, COUNTRY, HOST, LEVEL, Traits};
use super::tally::names::Names;
use super::tally::timed::Timeline;
use crate::detect::{Class, RuleInfo};
use crate::event::{Finding, SightedEvent};
use crate::indicator::earlier;
use crate::text::{clipped, is_same, printable};

/// Cells of the timeline.
const CELLS: usize = 1 << 15;
/// Exposed targets that are kept; how many were left out is counted.
const EXPOSURES: usize = 500;
/// Longest target and host that are kept, in bytes.
const TARGET_BYTES: usize = 256;
const HOST_BYTES: usize = 100;

/// Counts over sightings.
#[derive(Debug, Clone)]
pub struct Sightings {
    scope: Arc<Scope>,
    /// Hosts in lower case.
    pub hosts: Names<Box<[u8]>>,
    /// Sightings by time.
    pub time: Timeline,
    /// Sightings by class, in the order of [`Class::ALL`].
    pub classes: [u64; Class::ALL.len()],
    /// Rules that fired.
    pub rules: FiredRules,
    /// Sensitive targets that were answered with success.
    pub exposures: BTreeMap<Exposed, Exposure>,
    /// Sightings of further exposed targets, which are not kept.
    pub exposures_left_out: u64,
    /// The file of the last one, and its number: lines of one file follow each other.
    last_file: (Arc<str>, u32),
    last_host: u32,
}

/// What was exposed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposed {
    /// Request host, when logged.
    pub host: Option<Box<str>>,
    /// Request target, clipped and printable.
    pub target: Box<str>,
    /// Response status.
    pub status: Option<u16>,
}

/// How it was exposed.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// Answers.
    pub count: u64,
    /// Event times of the first and the last.
    pub first: Option<Time>,
    /// See `first`.
    pub last: Option<Time>,
    /// Client of the first.
    pub client: Option<std::net::IpAddr>,
    /// Rule of the first.
    pub rule: Arc<RuleInfo>,
}

impl Sightings {
    /// Nothing counted yet.
    pub fn new(scope: Arc<Scope>) -> Self {
        Self {
            scope,
            hosts: Names::new(4 * CELLS),
            time: Timeline::new(CELLS),
            classes: [0; Class::ALL.len()],
            rules: FiredRules::default(),
            exposures: BTreeMap::new(),
            exposures_left_out: 0,
            last_file: ("".into(), fold("")),
            last_host: 0,
        }
    }

    /// Counts what the rules said of one line.
    pub fn finding(&mut self, finding: &Finding) {
        let event = &*finding.event;
        if !self.scope.host(event.host.as_deref().map(str::as_bytes)) {
            return;
        }
        let level = level_of(self.file(&event.file), event.offset);
        let over_time = self.time.cells().takes(level).then(|| self.traits(event, level));
        for sighting in &finding.sightings {
            if self.scope.class(sighting.class) {
                self.classes[sighting.class as usize] += 1;
                if let Some((traits, time)) = over_time.zip(event.time) {
                    let traits = traits.with(CLASS, sighting.class as u64 + 1);
                    self.time.add(time.secs(), traits, level);
                }
                self.rules.add(&sighting.rule, sighting.class, event.time);
                if sighting.class == Class::Exposure {
                    self.exposure(event, &sighting.rule);
                }
            }
        }
        if self.hosts.is_full() {
            self.give_up_hosts();
        }
    }

    /// The number of a file.
    fn file(&mut self, file: &Arc<str>) -> u32 {
        if !Arc::ptr_eq(file, &self.last_file.0) {
            self.last_file = (Arc::clone(file), fold(file));
        }
        self.last_file.1
    }

    /// The number of a host.
    fn host(&mut self, host: &str) -> u32 {
        let last = self.hosts.value(self.last_host);
        if !last.is_some_and(|last| is_same(last, host.as_bytes())) {
            let host = clipped(host, HOST_BYTES).to_ascii_lowercase();
            let bytes = host.as_bytes();
            self.last_host = self.hosts.number(bytes, |own| **own == *bytes, || bytes.into());
        }
        self.last_host
    }

    /// What all sightings of a line have in common over time.
    fn traits(&mut self, event: &SightedEvent, level: u8) -> Traits {
        let host = self.host(event.host.as_deref().unwrap_or_default());
        Traits::default()
            .with(LEVEL, level.into())
            .with(COUNTRY, codes::country(event.address.country).into())
            .with(HOST, host.into())
    }

    #[cold]
    fn give_up_hosts(&mut self) {
        let mut used = vec![false; self.hosts.values().len()];
        for (key, _) in self.time.cells().iter() {
            if let Some(used) = used.get_mut(key.traits.host() as usize) {
                *used = true;
            }
        }
        let hosts = self
            .hosts
            .keep(|number| used.get(number as usize).is_some_and(|used| *used));
        self.time.renumber(&hosts);
        self.last_host = u32::MAX;
    }

    fn exposure(&mut self, event: &SightedEvent, rule: &Arc<RuleInfo>) {
        let text = |text: &str, max| Box::from(printable(&clipped(text, max)));
        let exposed = Exposed {
            host: event.host.as_deref().map(|host| text(host, HOST_BYTES)),
            target: text(event.target.as_deref().unwrap_or_default(), TARGET_BYTES),
            status: event.status,
        };
        let room = self.exposures.len() < EXPOSURES;
        match self.exposures.entry(exposed) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.count += 1;
                known.first = earlier(known.first, event.time);
                known.last = known.last.max(event.time);
            }
            Entry::Vacant(place) if room => {
                place.insert(Exposure {
                    count: 1,
                    first: event.time,
                    last: event.time,
                    client: event.client,
                    rule: Arc::clone(rule),
                });
            }
            Entry::Vacant(_) => self.exposures_left_out += 1,
        }
    }
}

/// A number for a file's name, the same in every run (FNV-1a, offset basis and prime of its authors).
fn fold(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
