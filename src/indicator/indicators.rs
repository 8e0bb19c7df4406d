//! [`Indicators`]: sightings merged by value, in bounded memory, with what is to be emitted and when.
//!
//! **Who becomes one.** The client, when its combined confidence reaches [`Options::min_confidence`]; a domain, URL
//! or user agent that a payload names, by the same threshold. Never an exempt client (private, allow-listed,
//! verified crawler, …) and nothing from its lines; never a client that is not known.
//!
//! **Prefixes.** When the third address of one IPv6 /64 is sighted, one profile of the prefix takes over what its
//! neighbours gathered and stands for all of them from then on.
//!
//! **Emission.** When new; when the class gets stronger; when confidence rose by 0.05 or more since the last time;
//! when an hour of event time has passed since and it is sighted again. Each emission is one revision. The update
//! shows the value as the line at hand left it, so it does not matter when updates are collected.
//!
//! **Held rules** (see [`crate::detect::guard`]) count for what is printed. An update is for delivery only when the
//! rules that are not held reach the threshold by themselves.
//!
//! **Bounds.** Of the profiles an eighth at most is about what payloads name; further names are passed over and counted.
//! Too many or too large profiles make room: first those that are no indicator yet, then indicators, the
//! least recently sighted first; both are counted. A profile not sighted for [`Options::expire_nanos`] ends.

mod bounds;
mod named;
mod queue;
mod state;
mod values;

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};

use afw_parsers::Time;
use foldhash::quality::RandomState;

use super::Indicator;
use super::profile::{Policy, Profile};
use super::subject::{Subject, last_of, prefix_of};
use crate::detect::ByClass;
use crate::event::{Finding, SightedEvent, Sighting, ValueType};

use named::observed;
use queue::Queue;
pub use values::{Counters, Options, Restored, Update};

/// How many addresses of one /64 stand for themselves.
const NEIGHBOURS: usize = 2;

/// All profiles.
#[derive(Debug)]
pub struct Indicators {
    options: Options,
    policy: Policy,
    profiles: HashMap<Subject, Box<Profile>, RandomState>,
    /// The IPv6 addresses among them, so that those of one /64 are found.
    neighbours: BTreeSet<Ipv6Addr>,
    /// Who has to go first: of those that are no indicator yet, and of indicators.
    order: [Queue; 2],
    bytes: usize,
    /// How many of them are about what payloads name.
    texts: usize,
    touches: u64,
    counters: Counters,
    dirty: BTreeSet<Subject>,
    rows_gone: Vec<Vec<u8>>,
    /// Clients for whose profiles memory was asked lately.
    foreseen: Vec<IpAddr>,
}

impl Indicators {
    /// No profiles yet.
    pub fn new(options: Options) -> Self {
        Self {
            policy: Policy {
                min_thousandths: options.min_confidence.thousandths(),
                reship_nanos: options.reship_nanos,
            },
            options,
            profiles: HashMap::default(),
            neighbours: BTreeSet::new(),
            order: Default::default(),
            bytes: 0,
            texts: 0,
            touches: 0,
            counters: Counters::default(),
            dirty: BTreeSet::new(),
            rows_gone: Vec::new(),
            foreseen: Vec::new(),
        }
    }

    /// Merges what the rules say of one line; what is to be emitted because of it. `held` says which rules, by id,
    /// must not lead to a delivery.
    pub fn observe(&mut self, finding: &Finding, held: impl Fn(&str) -> bool) -> Vec<Update> {
        let event = &*finding.event;
        if event.exempt().is_some() {
            self.counters.exempt += 1;
            return Vec::new();
        }
        if let Some(now) = event.time {
            self.expire(now);
        }
        let mut updates = Vec::new();
        match event.client {
            None => self.counters.unknown_client += 1,
            Some(client) if !finding.sightings.is_empty() => {
                let subject = self.subject(client.to_canonical());
                self.merge(subject, event, &finding.sightings, &held, &mut updates);
            }
            Some(_) => {}
        }
        for (subject, sightings) in observed(finding) {
            if self.texts >= self.most_texts() && !self.profiles.contains_key(&subject) {
                self.counters.evicted_faint += 1;
                continue;
            }
            self.merge(subject, event, &sightings, &held, &mut updates);
        }
        updates
    }

    /// Asks for memory that merging what is said of these clients will need, and goes on with those told before; changes
    /// nothing else.
    pub fn foresee(&mut self, clients: impl Iterator<Item = IpAddr>) {
        let Self {
            foreseen, profiles, ..
        } = self;
        let known = |client| profiles.get(&Subject::Address(client));
        foreseen
            .drain(..)
            .filter_map(known)
            .for_each(|profile| profile.fetch_beyond());
        foreseen.extend(clients.filter(|&client| known(client).inspect(|profile| profile.fetch()).is_some()));
    }

    /// Takes back what was gathered about an address that turned out to be nobody to blame.
    pub fn forget(&mut self, address: IpAddr) {
        let subject = Subject::Address(address.to_canonical());
        if self.take(&subject).is_some() {
            self.note(&subject);
            self.counters.exempt += 1;
        }
    }

    /// Merges the sightings of one line that are about a value, and adds what is to be emitted.
    fn merge(
        &mut self,
        subject: Subject,
        event: &SightedEvent,
        sightings: &[Sighting],
        held: &dyn Fn(&str) -> bool,
        updates: &mut Vec<Update>,
    ) {
        self.begin(&subject, event.time);
        self.touches += 1;
        let Some(profile) = self.profiles.get_mut(&subject) else {
            return;
        };
        let before = profile.bytes();
        profile.add(event, sightings, held);
        if !matches!(subject, Subject::Text(..)) {
            profile.belongs_to(event);
        }
        if let Some(deliver) = profile.emit(&self.policy, event.time, held) {
            updates.push(Update {
                indicator: profile.indicator(&subject),
                deliver,
            });
        }
        profile.touched = self.touches;
        self.bytes = (self.bytes + profile.bytes()).saturating_sub(before);
        self.order[rank(profile)].push(self.touches, &subject);
        self.note(&subject);
        self.evict(Some(&subject));
        self.tidy();
    }

    /// Sees to it that a value has a profile, a new one when the old one is over.
    fn begin(&mut self, subject: &Subject, now: Option<Time>) {
        match self.profiles.get(subject) {
            Some(profile) if !self.is_over(profile, now) => return,
            Some(_) => drop(self.take(subject)),
            None => {}
        }
        self.put(subject.clone(), Box::new(Profile::new(now)));
    }

    /// Whose profile an address belongs to; the third of one /64 founds the prefix's.
    fn subject(&mut self, client: IpAddr) -> Subject {
        let IpAddr::V6(address) = client else {
            return Subject::Address(client);
        };
        let first = prefix_of(address);
        let prefix = Subject::Prefix(first);
        if self.profiles.contains_key(&prefix) {
            return prefix;
        }
        let own = Subject::Address(client);
        if self.profiles.contains_key(&own) {
            return own;
        }
        let neighbours: Vec<Subject> = self
            .neighbours
            .range(first..=last_of(first))
            .map(|neighbour| Subject::Address((*neighbour).into()))
            .collect();
        if neighbours.len() < NEIGHBOURS {
            return own;
        }
        self.found_prefix(prefix.clone(), &neighbours);
        prefix
    }

    fn found_prefix(&mut self, prefix: Subject, neighbours: &[Subject]) {
        let mut together: Option<Box<Profile>> = None;
        for subject in neighbours {
            let Some(profile) = self.take(subject) else {
                continue;
            };
            self.note(subject);
            match &mut together {
                Some(together) => together.absorb(*profile),
                none => *none = Some(profile),
            }
        }
        if let Some(mut profile) = together {
            profile.emitted = None;
            self.put(prefix, profile);
        }
    }

    /// Takes a profile out; its places in the order are stale from now on.
    fn take(&mut self, subject: &Subject) -> Option<Box<Profile>> {
        let profile = self.profiles.remove(subject)?;
        if let Subject::Address(IpAddr::V6(address)) = subject {
            self.neighbours.remove(address);
        }
        self.bytes = self.bytes.saturating_sub(profile.bytes());
        self.texts = self
            .texts
            .saturating_sub(usize::from(matches!(subject, Subject::Text(..))));
        Some(profile)
    }

    fn put(&mut self, subject: Subject, profile: Box<Profile>) {
        if let Subject::Address(IpAddr::V6(address)) = subject {
            self.neighbours.insert(address);
        }
        self.order[rank(&profile)].push(profile.touched, &subject);
        self.bytes += profile.bytes();
        self.texts += usize::from(matches!(subject, Subject::Text(..)));
        self.profiles.insert(subject, profile);
    }

    fn note(&mut self, subject: &Subject) {
        if self.options.persist {
            self.dirty.insert(subject.clone());
        }
    }

    /// How many clients each class was seen of, among the profiles of whom `counts` says so by the time that they were last
    /// seen and their hosts.
    pub fn clients(&self, counts: impl Fn(Option<Time>, &[Box<str>]) -> bool) -> ByClass {
        let mut clients = ByClass::default();
        let own = self
            .profiles
            .iter()
            .filter(|(subject, _)| !matches!(subject, Subject::Text(..)));
        let counted = own.filter(|(_, profile)| counts(profile.last_seen, &profile.hosts));
        for class in counted.flat_map(|(_, profile)| profile.classes()) {
            clients[class as usize] += 1;
        }
        clients
    }

    /// Every indicator as it is now, strongest first: by confidence, class, number of sightings, then the one seen
    /// first, then type and value.
    pub fn finish(&self) -> Vec<Indicator> {
        let mut all: Vec<Indicator> = self
            .profiles
            .iter()
            .filter(|(_, profile)| profile.confidence(|_| true).thousandths() >= self.policy.min_thousandths)
            .map(|(subject, profile)| profile.indicator(subject))
            .collect();
        for indicator in &mut all {
            // One that reached the threshold only because that was lowered since.
            indicator.revision = indicator.revision.max(1);
        }
        all.sort_by(|a, b| {
            b.confidence
                .cmp(&a.confidence)
                .then(a.class.cmp(&b.class))
                .then(b.sightings.cmp(&a.sightings))
                .then(a.first_seen.cmp(&b.first_seen))
                .then(a.kind.cmp(&b.kind))
                .then_with(|| a.value.cmp(&b.value))
        });
        all
    }

    /// What is known of a value as a person writes it, be it an indicator or not yet; an IPv6 address is answered by
    /// its prefix where that stands for it.
    pub fn find(&self, value: &str) -> Option<Indicator> {
        let mut subjects = Vec::new();
        if let Ok(address) = value.parse::<IpAddr>() {
            let address = address.to_canonical();
            subjects.push(Subject::Address(address));
            if let IpAddr::V6(v6) = address {
                subjects.push(Subject::Prefix(prefix_of(v6)));
            }
        } else {
            subjects.extend(Subject::parse(ValueType::Ipv6.name(), value));
            for kind in [ValueType::Domain, ValueType::Url, ValueType::UserAgent] {
                subjects.push(Subject::Text(kind, value.into()));
            }
        }
        let known = subjects
            .iter()
            .find_map(|subject| self.profiles.get_key_value(subject));
        known.map(|(subject, profile)| profile.indicator(subject))
    }

    /// The counters since the last call.
    pub fn take_counters(&mut self) -> Counters {
        std::mem::take(&mut self.counters)
    }

    /// How many profiles are kept, indicators and not yet indicators together.
    pub fn profiles(&self) -> usize {
        self.profiles.len()
    }

    /// Bytes they hold, by their texts.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Not yet an indicator, or one.
fn rank(profile: &Profile) -> usize {
    usize::from(profile.emitted.is_some())
}

#[cfg(test)]
#[path = "indicators/tests.rs"]
mod tests;
