//! [`Profile`]: what has been gathered on one value so far, and what of it was emitted.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::slice::from_ref;
use std::sync::Arc;

use afw_parsers::Time;

use super::Indicator;
use super::confidence::{Kind, combine};
use super::evidence::{Proof, printable};
use super::mark;
use super::subject::Subject;
use super::tally::{Leaders, Places, Tally, strength};
use crate::detect::{Class, Confidence, RuleInfo};
use crate::enrich::AddressFacts;
use crate::event::{SightedEvent, Sighting};
use crate::index::fetch;

/// Rules that a profile tells apart; sightings of further ones still count.
const MAX_RULES: usize = 64;
/// Tags that a profile keeps.
const MAX_TAGS: usize = 64;
/// Hosts that a profile keeps, the first ones seen.
const MAX_HOSTS: usize = 10;
/// Longest host that is kept, in bytes.
const HOST_BYTES: usize = 128;

/// By how many thousandths confidence must have risen to be emitted again. Repetition of one rule alone never
/// reaches it.
const RISE: u16 = 50;

/// Everything known about one value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Profile {
    pub class: Class,
    pub first_seen: Option<Time>,
    pub last_seen: Option<Time>,
    pub sightings: u64,
    pub rules: Vec<Tally>,
    pub places: Places,
    pub tags: Vec<Arc<str>>,
    pub facts: AddressFacts,
    pub hosts: Vec<Box<str>>,
    pub evidence: Proof,
    pub address: Option<IpAddr>,
    pub emitted: Option<Emitted>,
    /// Number of the last touch; orders eviction.
    pub touched: u64,
    /// The confidence that these rules do not pass however often they are seen.
    pub limit: Confidence,
}

/// What was emitted last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Emitted {
    pub revision: u32,
    pub class: Class,
    pub thousandths: u16,
    pub time: Option<Time>,
    /// Whether any revision was for delivery.
    pub delivered: bool,
}

/// What decides about emission.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    pub min_thousandths: u16,
    pub reship_nanos: i64,
}

impl Profile {
    pub fn new(time: Option<Time>) -> Self {
        Self {
            class: Class::Anomaly,
            first_seen: time,
            last_seen: time,
            sightings: 0,
            rules: Vec::new(),
            places: Places::default(),
            tags: Vec::new(),
            facts: AddressFacts::default(),
            hosts: Vec::new(),
            evidence: Proof::default(),
            address: None,
            emitted: None,
            touched: 0,
            limit: Confidence::default(),
        }
    }

    /// Asks for its own memory, where it is looked at when something is added.
    pub fn fetch(&self) {
        fetch(from_ref(&self.rules), 0);
        fetch(from_ref(&self.evidence), 0);
        fetch(from_ref(&self.facts), 0);
        fetch(from_ref(&self.emitted), 0);
        fetch(from_ref(&self.first_seen), 0);
    }

    /// Asks for the memory of what it holds.
    pub fn fetch_beyond(&self) {
        fetch(&self.rules, 0);
        fetch(&self.hosts, 0);
        fetch(self.evidence.lines(), 0);
    }

    /// Adds the sightings of one line that are about this value. `held` says which rules must not lead to a delivery.
    pub fn add(&mut self, event: &SightedEvent, sightings: &[Sighting], held: impl Fn(&str) -> bool) {
        self.first_seen = earlier(self.first_seen, event.time);
        self.last_seen = self.last_seen.max(event.time);
        let mut leaders = Leaders::default();
        for sighting in sightings {
            self.class = self.class.min(sighting.class);
            self.sightings += 1;
            let tally = self.tally(&sighting.rule, sighting.confidence);
            leaders.meet(sighting, tally);
        }
        self.lead(&leaders, sightings, held);
        if let Some(host) = event.host.as_deref() {
            self.see_host(host);
        }
        let strongest = sightings
            .iter()
            .min_by_key(|sighting| (sighting.class, Reverse(sighting.confidence)));
        if let Some(strongest) = strongest {
            self.evidence.keep(event, strongest);
        }
    }

    /// The classes that were seen. A rule may have said less on a line than its class, so none is stronger than what was said.
    pub fn classes(&self) -> impl Iterator<Item = Class> + use<> {
        let said = |class: &Class| {
            *class == self.class
                || *class > self.class && self.rules.iter().any(|tally| tally.rule.class == *class)
        };
        let classes: Vec<Class> = Class::ALL.into_iter().filter(said).collect();
        classes.into_iter()
    }

    /// Takes over what the last line tells of the client.
    pub fn belongs_to(&mut self, event: &SightedEvent) {
        if self.facts != event.address {
            self.facts = event.address.clone();
        }
        self.address = event.client.map(|client| client.to_canonical());
    }

    /// Counts a rule; the place of its part, unless there are too many. Rules are told apart by their id, but nearly
    /// always a rule is the very same in memory.
    fn tally(&mut self, rule: &Arc<RuleInfo>, confidence: Confidence) -> Option<usize> {
        let same = self.places.find(&self.rules, rule);
        if same.is_none() {
            self.tag(&rule.tags);
        }
        let known = same.or_else(|| self.place_of(&rule.id));
        let Some(tally) = known.and_then(|at| self.rules.get_mut(at)) else {
            return self.begin_rule(rule, confidence);
        };
        tally.count += 1;
        if same.is_none() {
            tally.meet_again(rule);
        }
        if confidence > tally.confidence {
            tally.confidence = confidence;
            self.set_limit();
        }
        known
    }

    fn begin_rule(&mut self, rule: &Arc<RuleInfo>, confidence: Confidence) -> Option<usize> {
        let at = self.rules.len();
        (at < MAX_RULES).then(|| {
            self.rules.push(Tally::new(Arc::clone(rule), confidence, 1, 0));
            at
        })
    }

    fn place_of(&self, id: &str) -> Option<usize> {
        let mark = mark(id);
        self.rules.iter().position(|tally| tally.is_of(id, mark))
    }

    /// Of the rules that say one kind of thing of one line the strongest speaks for all; when that one is held, the
    /// strongest that is not speaks too.
    fn lead(&mut self, leaders: &Leaders<'_>, sightings: &[Sighting], held: impl Fn(&str) -> bool) {
        for (first, tally) in leaders.iter() {
            self.count_lead(tally);
            if held(&first.rule.id) {
                let kind = Kind::of(first);
                let free = |sighting: &&Sighting| Kind::of(sighting) == kind && !held(&sighting.rule.id);
                let second = sightings
                    .iter()
                    .filter(free)
                    .max_by_key(|sighting| strength(sighting));
                self.count_lead(second.and_then(|second| self.place_of(&second.rule.id)));
            }
        }
    }

    fn count_lead(&mut self, tally: Option<usize>) {
        if let Some(tally) = tally.and_then(|at| self.rules.get_mut(at)) {
            tally.led += 1;
            if tally.led == 1 {
                self.set_limit();
            }
        }
    }

    fn add_rule(&mut self, rule: Tally) {
        let known = self.place_of(&rule.rule.id);
        if let Some(tally) = known.and_then(|at| self.rules.get_mut(at)) {
            tally.add(&rule);
        } else if self.rules.len() < MAX_RULES {
            self.rules.push(rule);
        }
    }

    fn tag(&mut self, tags: &[Arc<str>]) {
        for tag in tags {
            if let Err(at) = self.tags.binary_search(tag)
                && self.tags.len() < MAX_TAGS
            {
                self.tags.insert(at, tag.clone());
            }
        }
    }

    fn see_host(&mut self, host: &str) {
        if self.hosts.len() < MAX_HOSTS && !self.hosts.iter().any(|known| **known == *host) {
            self.add_host(printable(host, HOST_BYTES));
        }
    }

    fn add_host(&mut self, host: Box<str>) {
        if self.hosts.len() < MAX_HOSTS && !self.hosts.contains(&host) {
            self.hosts.push(host);
        }
    }

    /// Takes over what a neighbour's profile holds; what that emitted stays its own.
    pub fn absorb(&mut self, other: Self) {
        self.class = self.class.min(other.class);
        self.first_seen = earlier(self.first_seen, other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.sightings += other.sightings;
        other.rules.into_iter().for_each(|rule| self.add_rule(rule));
        self.set_limit();
        self.tag(&other.tags);
        other.hosts.into_iter().for_each(|host| self.add_host(host));
        for line in other.evidence.into_lines() {
            self.evidence.insert(line);
        }
        self.facts = other.facts;
        self.address = other.address;
    }

    /// The confidence by all rules that `counts` lets through.
    pub fn confidence(&self, counts: impl Fn(&str) -> bool) -> Confidence {
        let rules = self
            .rules
            .iter()
            .filter(|tally| tally.led > 0 && counts(&tally.rule.id));
        combine(rules.map(|tally| (tally.confidence, tally.led)))
    }

    /// Tells anew what the rules can reach: one came, leads for the first time or is surer than before.
    pub fn set_limit(&mut self) {
        let rules = self.rules.iter().filter(|tally| tally.led > 0);
        self.limit = combine(rules.map(|tally| (tally.confidence, u64::MAX)));
    }

    /// Whether it is time to emit, and whether for delivery: it is new, class or confidence rose, the last time is
    /// long ago, or it can be delivered for the first time. Records the emission.
    pub fn emit(&mut self, policy: &Policy, now: Option<Time>, held: impl Fn(&str) -> bool) -> Option<bool> {
        if self.cannot_be_due(policy, now) {
            return None;
        }
        let confidence = self.confidence(|_| true).thousandths();
        if confidence < policy.min_thousandths {
            return None;
        }
        let deliver = self.confidence(|rule| !held(rule)).thousandths() >= policy.min_thousandths;
        let due = self.emitted.is_none_or(|last| {
            self.class < last.class
                || confidence >= last.rises_at()
                || last.is_long_ago(policy, now)
                || (deliver && !last.delivered)
        });
        if !due {
            return None;
        }
        self.emitted = Some(Emitted {
            revision: self.emitted.map_or(0, |last| last.revision).saturating_add(1),
            class: self.class,
            thousandths: confidence,
            time: now.or(self.emitted.and_then(|last| last.time)),
            delivered: deliver || self.emitted.is_some_and(|last| last.delivered),
        });
        Some(deliver)
    }

    /// Whether nothing that these rules can reach makes it due, so that no confidence needs to be reckoned.
    fn cannot_be_due(&self, policy: &Policy, now: Option<Time>) -> bool {
        let limit = self.limit.thousandths();
        self.emitted.map_or(limit < policy.min_thousandths, |last| {
            last.delivered
                && limit < last.rises_at()
                && self.class >= last.class
                && !last.is_long_ago(policy, now)
        })
    }

    /// Memory held, in bytes, from the texts alone: the same for a profile that was read back.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of::<Subject>()
            + self.rules.len() * size_of::<Tally>()
            + self.tags.len() * size_of::<Arc<str>>()
            + self.hosts.iter().map(|host| host.len() + 16).sum::<usize>()
            + self.evidence.bytes()
    }

    /// What is known, as the rest of the program sees it.
    pub fn indicator(&self, subject: &Subject) -> Indicator {
        Indicator {
            revision: self.emitted.map_or(0, |last| last.revision),
            kind: subject.kind(),
            value: subject.value(),
            class: self.class,
            confidence: self.confidence(|_| true),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            sightings: self.sightings,
            rules: self.rules.iter().map(Tally::count).collect(),
            tags: self.tags.clone(),
            country: self.facts.country,
            asn: self.facts.asn,
            as_org: self.facts.as_org.clone(),
            lists: self.facts.lists.to_vec(),
            hosts: self.hosts.clone(),
            evidence: self
                .evidence
                .lines()
                .iter()
                .map(|kept| kept.line.clone())
                .collect(),
            address: self.address,
        }
    }
}

/// The earlier of two times, as far as they are known.
pub(crate) fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    one.into_iter().chain(other).min()
}

impl Emitted {
    /// Whether the policy wants it told again what is still active. A line without a time cannot tell how long ago.
    fn is_long_ago(&self, policy: &Policy, now: Option<Time>) -> bool {
        now.is_some_and(|now| {
            self.time
                .is_none_or(|last| now.since(last) >= policy.reship_nanos)
        })
    }

    /// From how many thousandths on it is emitted again.
    const fn rises_at(&self) -> u16 {
        self.thousandths.saturating_add(RISE)
    }
}
