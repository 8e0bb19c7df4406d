//! [`Tally`]: one rule's part in a profile; and [`Leaders`]: which sightings of a line speak for it. Next: `confidence`,
//! which makes a number of them.

use std::cmp::Reverse;
use std::sync::Arc;

use super::confidence::Kind;
use super::{RuleCount, mark};
use crate::detect::{Confidence, RuleInfo};
use crate::event::Sighting;

/// One rule's part.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    /// The rule with the title and level that it had when it fired first.
    pub rule: Arc<RuleInfo>,
    pub confidence: Confidence,
    pub count: u64,
    /// On how many lines it was the strongest of its kind: only those are evidence.
    pub led: u64,
    /// [`mark`](super::mark()) of the rule's id.
    mark: u64,
}

impl Tally {
    /// A rule's part so far.
    pub fn new(rule: Arc<RuleInfo>, confidence: Confidence, count: u64, led: u64) -> Self {
        Self {
            mark: mark(&*rule.id),
            rule,
            confidence,
            count,
            led,
        }
    }

    /// Whether it is of the rule with this id, which has that mark.
    pub fn is_of(&self, id: &str, mark: u64) -> bool {
        self.mark == mark && *self.rule.id == *id
    }

    /// Adds what another profile counted of the rule.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.led += other.led;
        self.confidence = self.confidence.max(other.confidence);
    }

    /// Takes the rule as it is in memory now, unless it is told of by other words now.
    pub fn meet_again(&mut self, rule: &Arc<RuleInfo>) {
        if (&self.rule.title, self.rule.level) == (&rule.title, rule.level) {
            self.rule = Arc::clone(rule);
        }
    }

    /// What is told of it.
    pub fn count(&self) -> RuleCount {
        RuleCount {
            id: self.rule.id.clone(),
            title: self.rule.title.clone(),
            level: self.rule.level,
            count: self.count,
        }
    }
}

/// Where the part of a rule probably is, by where the rule lies in memory: of many rules few need to be looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Places([u8; 1 << PLACE_BITS]);

const PLACE_BITS: u32 = 5;

/// What is guessed is no part of what is known.
impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Places {
    /// The place of the part that has this very rule.
    pub fn find(&mut self, rules: &[Tally], rule: &Arc<RuleInfo>) -> Option<usize> {
        // The upper bits of a product, on which all bits of the address tell.
        let mixed = (Arc::as_ptr(rule).addr() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let guess = self.0.get_mut((mixed >> (u64::BITS - PLACE_BITS)) as usize)?;
        let is = |tally: &Tally| Arc::ptr_eq(&tally.rule, rule);
        if rules.get(usize::from(*guess)).is_some_and(is) {
            return Some(usize::from(*guess));
        }
        let found = rules.iter().position(is)?;
        *guess = u8::try_from(found).unwrap_or(0);
        Some(found)
    }
}

/// By kind, the strongest sighting of a line and the place of its rule's part.
#[derive(Default)]
pub(super) struct Leaders<'s>([Option<(&'s Sighting, Option<usize>)>; Kind::ALL.len()]);

impl<'s> Leaders<'s> {
    /// Takes a sighting into account; of a rule that is not counted there is no place.
    pub fn meet(&mut self, sighting: &'s Sighting, tally: Option<usize>) {
        let leader = &mut self.0[Kind::of(sighting) as usize];
        if leader.is_none_or(|(known, _)| strength(sighting) >= strength(known)) {
            *leader = Some((sighting, tally));
        }
    }

    /// The leaders there are.
    pub fn iter(&self) -> impl Iterator<Item = (&'s Sighting, Option<usize>)> {
        self.0.iter().copied().flatten()
    }
}

/// More is stronger; of equally sure rules the one whose id comes first.
pub(super) fn strength(sighting: &Sighting) -> (Confidence, Reverse<&str>) {
    (sighting.confidence, Reverse(&sighting.rule.id))
}
