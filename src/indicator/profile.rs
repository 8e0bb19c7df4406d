//! [`Profile`]: what has been gathered on one value so far, and what of it was emitted.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;

use afw_parsers::Time;

use super::confidence::{Kind, combine, thousandths};
use super::evidence::{Kept, insert, keep, printable};
use super::subject::Subject;
use super::{Indicator, RuleCount};
use crate::detect::{Class, Confidence, Level, RuleInfo};
use crate::enrich::AddressFacts;
use crate::event::{SightedEvent, Sighting};

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
    pub first_seen: Time,
    pub last_seen: Time,
    pub sightings: u64,
    pub rules: Vec<Tally>,
    pub tags: Vec<Arc<str>>,
    pub facts: AddressFacts,
    pub hosts: Vec<Box<str>>,
    pub evidence: Vec<Kept>,
    pub address: Option<IpAddr>,
    pub emitted: Option<Emitted>,
    /// Number of the last touch; orders eviction.
    pub touched: u64,
}

/// One rule's part.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    pub id: Arc<str>,
    pub title: Arc<str>,
    pub level: Level,
    pub confidence: Confidence,
    pub count: u64,
    /// On how many lines it was the strongest of its kind: only those are evidence.
    pub led: u64,
}

/// What was emitted last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Emitted {
    pub revision: u32,
    pub class: Class,
    pub thousandths: u16,
    pub time: Time,
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
    pub fn new(time: Time) -> Self {
        Self {
            class: Class::Anomaly,
            first_seen: time,
            last_seen: time,
            sightings: 0,
            rules: Vec::new(),
            tags: Vec::new(),
            facts: AddressFacts::default(),
            hosts: Vec::new(),
            evidence: Vec::new(),
            address: None,
            emitted: None,
            touched: 0,
        }
    }

    /// Adds the sightings of one line that are about this value. `held` says which rules must not lead to a delivery.
    pub fn add(&mut self, event: &SightedEvent, sightings: &[&Sighting], held: impl Fn(&str) -> bool) {
        self.first_seen = self.first_seen.min(event.time);
        self.last_seen = self.last_seen.max(event.time);
        for sighting in sightings {
            self.class = self.class.min(sighting.class);
            self.sightings += 1;
            if self.tally(&sighting.rule, sighting.confidence) {
                self.tag(&sighting.rule.tags);
            }
        }
        for kind in Kind::ALL {
            self.lead(kind, sightings, &held);
        }
        if let Some(host) = event.host.as_deref() {
            self.see_host(host);
        }
        let strongest = sightings
            .iter()
            .min_by_key(|sighting| (sighting.class, Reverse(thousandths(sighting.confidence))));
        if let Some(strongest) = strongest {
            keep(&mut self.evidence, event, strongest);
        }
    }

    /// Takes over what the last line tells of the client.
    pub fn belongs_to(&mut self, event: &SightedEvent) {
        if self.facts != event.address {
            self.facts = event.address.clone();
        }
        self.address = event.client.map(|client| client.to_canonical());
    }

    /// Counts a rule; whether its tags may be new here. Rules are told apart by their id, which is nearly always the
    /// very same text in memory.
    fn tally(&mut self, rule: &RuleInfo, confidence: Confidence) -> bool {
        if let Some(tally) = self.tally_of(&rule.id) {
            tally.add(confidence, 1, 0);
            let is_same_text = Arc::ptr_eq(&tally.id, &rule.id);
            if !is_same_text {
                tally.id = rule.id.clone();
            }
            return !is_same_text;
        }
        if self.rules.len() < MAX_RULES {
            self.rules.push(Tally {
                id: rule.id.clone(),
                title: rule.title.clone(),
                level: rule.level,
                confidence,
                count: 1,
                led: 0,
            });
        }
        true
    }

    /// The part of a rule, looked for by the very text in memory first.
    fn tally_of(&mut self, id: &Arc<str>) -> Option<&mut Tally> {
        let same = self.rules.iter().position(|tally| Arc::ptr_eq(&tally.id, id));
        let at = same.or_else(|| self.rules.iter().position(|tally| tally.id == *id))?;
        self.rules.get_mut(at)
    }

    /// Of the rules that say one kind of thing of one line the strongest speaks for all; when that one is held, the
    /// strongest that is not speaks too.
    fn lead(&mut self, kind: Kind, sightings: &[&Sighting], held: impl Fn(&str) -> bool) {
        let strongest = |counts: &dyn Fn(&Sighting) -> bool| {
            sightings
                .iter()
                .filter(|sighting| Kind::of(sighting) == kind && counts(sighting))
                .max_by_key(|sighting| (thousandths(sighting.confidence), Reverse(&sighting.rule.id)))
                .map(|sighting| &sighting.rule.id)
        };
        let Some(first) = strongest(&|_| true) else { return };
        let second = held(first)
            .then(|| strongest(&|sighting| !held(&sighting.rule.id)))
            .flatten();
        for id in [Some(first), second].into_iter().flatten() {
            if let Some(tally) = self.tally_of(id) {
                tally.led += 1;
            }
        }
    }

    fn add_rule(&mut self, rule: Tally) {
        if let Some(tally) = self.tally_of(&rule.id) {
            tally.add(rule.confidence, rule.count, rule.led);
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
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.sightings += other.sightings;
        other.rules.into_iter().for_each(|rule| self.add_rule(rule));
        self.tag(&other.tags);
        other.hosts.into_iter().for_each(|host| self.add_host(host));
        for line in other.evidence {
            insert(&mut self.evidence, line);
        }
        self.facts = other.facts;
        self.address = other.address;
    }

    /// The confidence by all rules that `counts` lets through.
    pub fn confidence(&self, counts: impl Fn(&str) -> bool) -> Confidence {
        let rules = self
            .rules
            .iter()
            .filter(|tally| tally.led > 0 && counts(&tally.id));
        combine(rules.map(|tally| (tally.confidence, tally.led)))
    }

    /// Whether it is time to emit, and whether for delivery: it is new, class or confidence rose, the last time is
    /// long ago, or it can be delivered for the first time. Records the emission.
    pub fn emit(&mut self, policy: &Policy, now: Time, held: impl Fn(&str) -> bool) -> Option<bool> {
        if self.cannot_be_due(policy, now) {
            return None;
        }
        let confidence = thousandths(self.confidence(|_| true));
        if confidence < policy.min_thousandths {
            return None;
        }
        let deliver = thousandths(self.confidence(|rule| !held(rule))) >= policy.min_thousandths;
        let due = self.emitted.is_none_or(|last| {
            self.class < last.class
                || confidence >= last.thousandths.saturating_add(RISE)
                || now.since(last.time) >= policy.reship_nanos
                || (deliver && !last.delivered)
        });
        if !due {
            return None;
        }
        self.emitted = Some(Emitted {
            revision: self.emitted.map_or(0, |last| last.revision).saturating_add(1),
            class: self.class,
            thousandths: confidence,
            time: now,
            delivered: deliver || self.emitted.is_some_and(|last| last.delivered),
        });
        Some(deliver)
    }

    /// Whether no confidence could make it due: the last one was so high that it cannot rise enough.
    fn cannot_be_due(&self, policy: &Policy, now: Time) -> bool {
        self.emitted.is_some_and(|last| {
            last.delivered
                && last.thousandths.saturating_add(RISE) > 1000
                && self.class >= last.class
                && now.since(last.time) < policy.reship_nanos
        })
    }

    /// Memory held, in bytes, from the texts alone: the same for a profile that was read back.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of::<Subject>()
            + self.rules.len() * size_of::<Tally>()
            + self.tags.len() * size_of::<Arc<str>>()
            + self.hosts.iter().map(|host| host.len() + 16).sum::<usize>()
            + self.evidence.iter().map(Kept::bytes).sum::<usize>()
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
            evidence: self.evidence.iter().map(|kept| kept.line.clone()).collect(),
            address: self.address,
        }
    }
}

impl Tally {
    fn add(&mut self, confidence: Confidence, count: u64, led: u64) {
        self.count += count;
        self.led += led;
        if confidence > self.confidence {
            self.confidence = confidence;
        }
    }

    fn count(&self) -> RuleCount {
        RuleCount {
            id: self.id.clone(),
            title: self.title.clone(),
            level: self.level,
            count: self.count,
        }
    }
}
