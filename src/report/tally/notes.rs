//! [`Note`]: requests on their way into the tables.
//!
//! They are noted one by one, and some hundreds of them are counted together, one table after the other: so each table
//! is in the processor's nearest caches while it is at work, and what the rest of the analysis has there stays.

use std::sync::Arc;

use super::key::{CLAIM, CLASS, Fact, Field, METHOD, Of, Traits};
use super::met::Whereabouts;
use super::{Place, Tally};

/// How many requests are noted before they are counted: 6 KB, and 10 KB of what is sought of them.
pub(super) const MAX: usize = 256;

/// One request, as the counts over time need it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    pub secs: Option<i64>,
    pub traits: Traits,
}

/// What the tables of paths, places and agents, which soon take few requests, need of one that any of them takes. Numbers
/// that none asks for are 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought {
    pub note: Note,
    pub path: u32,
    pub place: u32,
    pub agent: u32,
}

/// A place that was not met lately. Its number is looked for when the request is counted: tables of places are large, and
/// several such look-ups wait for memory together.
#[derive(Debug, Clone)]
pub(super) struct Unmet {
    /// The request's place among those sought.
    pub sought: usize,
    pub at: Whereabouts,
    /// Name of the autonomous system's organisation.
    pub as_org: Option<Arc<str>>,
}

impl Sought {
    /// What is told of a request beside its time; nothing of one without.
    fn fact(&self) -> Option<Fact> {
        Some(Fact {
            secs: self.note.secs?,
            path: self.path,
            place: self.place,
            agent: self.agent,
            traits: self.note.traits,
        })
    }

    fn of<const N: usize>(&self, thing: u32, without: [Field; N]) -> Of {
        let traits = self.note.traits.without(without);
        Of { thing, traits }
    }
}

impl Tally {
    /// Counts what is noted.
    pub(super) fn count(&mut self) {
        let mut unmet = std::mem::take(&mut self.unmet);
        for one in unmet.drain(..) {
            let place = self.place(&one);
            if let Some(sought) = self.sought.get_mut(one.sought) {
                sought.place = place;
            }
        }
        self.unmet = unmet;
        for note in self.notes.drain(..) {
            self.sums.add(note.traits);
            let traits = note.traits.without([METHOD, CLAIM]);
            if let Some(secs) = note.secs {
                self.time.add(secs, traits, traits.level());
            }
        }
        let sought = std::mem::take(&mut self.sought);
        self.count_sought(&sought);
        self.sought = sought;
        self.sought.clear();
        self.tidy();
    }

    /// Counts by path, agent and place, one table after the other.
    fn count_sought(&mut self, sought: &[Sought]) {
        self.by_path
            .add_all(sought.iter().map(|one| one.of(one.path, [CLAIM])));
        self.by_agent
            .add_all(sought.iter().map(|one| one.of(one.agent, [METHOD])));
        self.by_place
            .add_all(sought.iter().map(|one| one.of(one.place, [CLAIM])));
        sought.iter().for_each(|one| self.count_fact(one));
    }

    fn count_fact(&mut self, sought: &Sought) {
        let traits = sought.note.traits;
        let facts = match traits.field(CLASS) {
            0 => &mut self.plain,
            _ => &mut self.sighted,
        };
        if let Some(fact) = sought.fact().filter(|_| facts.takes(traits.level())) {
            facts.add(fact);
        }
    }

    fn place(&mut self, unmet: &Unmet) -> u32 {
        let at = unmet.at;
        // Another of these requests may have had the same.
        if let Some(number) = self.met.number(at) {
            return number;
        }
        let (network, asn, country) = (at.network(), at.asn(), at.country());
        let same = |place: &Place| (place.network, place.asn, place.country) == (network, asn, country);
        let new = || Place {
            network,
            asn,
            country,
            as_org: unmet.as_org.clone(),
        };
        let number = self.places.number(&(network, asn, country), same, new);
        self.met.remember(at, number);
        number
    }
}
