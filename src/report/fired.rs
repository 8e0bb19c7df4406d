//! [`FiredRules`]: each rule's part of the sightings.

use std::collections::HashMap;
use std::sync::Arc;

use afw_parsers::Time;
use foldhash::fast::RandomState;

use crate::detect::{Class, RuleInfo};
use crate::indicator::earlier;

/// A rule's part.
#[derive(Debug, Clone)]
pub struct Fired {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// The strongest class that it gave.
    pub class: Class,
    /// Sightings.
    pub count: u64,
    /// Event times of the first and the last.
    pub first: Option<Time>,
    /// See `first`.
    pub last: Option<Time>,
}

/// The parts of all rules that fired, by id.
#[derive(Debug, Clone)]
pub struct FiredRules {
    fired: Vec<Fired>,
    /// The place in `fired` of each id.
    places: HashMap<Arc<str>, usize, RandomState>,
    /// Rules met lately with their places, each where its own place in memory says: finding one by its id takes longer.
    met: Vec<Option<(Arc<RuleInfo>, usize)>>,
}

/// How many rules are remembered as met lately.
const MET: usize = 1 << MET_BITS;
/// See [`MET`].
const MET_BITS: u32 = 8;

impl Default for FiredRules {
    fn default() -> Self {
        Self {
            fired: Vec::new(),
            places: HashMap::default(),
            met: vec![None; MET],
        }
    }
}

impl FiredRules {
    /// Counts one sighting.
    pub fn add(&mut self, rule: &Arc<RuleInfo>, class: Class, time: Option<Time>) {
        let place = self.place(rule);
        match self.fired.get_mut(place) {
            Some(fired) => {
                fired.count += 1;
                fired.class = fired.class.min(class);
                fired.first = earlier(fired.first, time);
                fired.last = fired.last.max(time);
            }
            None => self.fired.push(Fired {
                rule: Arc::clone(rule),
                class,
                count: 1,
                first: time,
                last: time,
            }),
        }
    }

    /// Every rule that fired, in the order of their first sightings.
    pub fn iter(&self) -> impl Iterator<Item = &Fired> {
        self.fired.iter()
    }

    /// The place of a rule: behind all others when it fires for the first time.
    fn place(&mut self, rule: &Arc<RuleInfo>) -> usize {
        let address = Arc::as_ptr(rule).addr() as u64;
        let slot = (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - MET_BITS)) as usize;
        if let Some(Some((met, place))) = self.met.get(slot)
            && Arc::ptr_eq(met, rule)
        {
            return *place;
        }
        let next = self.fired.len();
        let place = *self.places.entry(Arc::clone(&rule.id)).or_insert(next);
        if let Some(met) = self.met.get_mut(slot) {
            *met = Some((Arc::clone(rule), place));
        }
        place
    }
}
