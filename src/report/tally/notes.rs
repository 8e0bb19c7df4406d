//! [`Note`]: requests on their way into the tables.
//!
//! They are noted one by one, and some hundreds of them are counted together, one table after the other: so each table
//! is in the processor's nearest caches while it is at work, and what the rest of the analysis has there stays.

use std::sync::Arc;

use super::key::{CLAIM, CLASS, Fact, METHOD, Of, Traits};
use super::met::Whereabouts;
use super::{Place, Tally};

/// How many requests are noted before they are counted: 10 KB.
pub(super) const MAX: usize = 256;

/// One request, as the keys of the tables need it. Numbers that no table asks for are 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    pub secs: Option<i64>,
    pub traits: Traits,
    pub path: u32,
    pub place: u32,
    pub agent: u32,
}

/// Where the client of a note is, for the tables that count places, which soon take few requests. Its number is looked
/// for when the note is counted: tables of places are large, and several such look-ups wait for memory together.
#[derive(Debug, Clone)]
pub(super) struct Sought {
    /// The note's place among the others.
    pub note: usize,
    pub at: Whereabouts,
    /// Name of the autonomous system's organisation.
    pub as_org: Option<Arc<str>>,
}

impl Note {
    /// What is told of it beside its time; nothing of a request without one.
    fn fact(&self) -> Option<Fact> {
        Some(Fact {
            secs: self.secs?,
            path: self.path,
            place: self.place,
            agent: self.agent,
            traits: self.traits,
        })
    }
}

impl Tally {
    /// Counts what is noted.
    pub(super) fn count(&mut self) {
        let mut notes = std::mem::take(&mut self.notes);
        let mut sought = std::mem::take(&mut self.sought);
        for one in &sought {
            if let Some(note) = notes.get_mut(one.note) {
                note.place = self.place(one);
            }
        }
        self.count_all(&notes);
        // No other request can be one that these tables take.
        let placed = || sought.iter().filter_map(|one| notes.get(one.note));
        let places = placed().map(|note| of(note.place, note.traits.without([CLAIM])));
        self.by_place.add_all(places);
        placed().for_each(|note| self.count_fact(note));
        notes.clear();
        sought.clear();
        (self.notes, self.sought) = (notes, sought);
        self.tidy();
    }

    /// Counts by time, path and agent.
    fn count_all(&mut self, notes: &[Note]) {
        for note in notes {
            self.sums.add(note.traits);
            let traits = note.traits.without([METHOD, CLAIM]);
            if let Some(secs) = note.secs {
                self.time.add(secs, traits, traits.level());
            }
        }
        let paths = notes
            .iter()
            .map(|note| of(note.path, note.traits.without([CLAIM])));
        self.by_path.add_all(paths);
        let agents = notes
            .iter()
            .map(|note| of(note.agent, note.traits.without([METHOD])));
        self.by_agent.add_all(agents);
    }

    fn count_fact(&mut self, note: &Note) {
        let facts = match note.traits.field(CLASS) {
            0 => &mut self.plain,
            _ => &mut self.sighted,
        };
        if let Some(fact) = note.fact().filter(|_| facts.takes(note.traits.level())) {
            facts.add(fact);
        }
    }

    fn place(&mut self, sought: &Sought) -> u32 {
        let at = sought.at;
        if let Some(number) = self.met.number(at) {
            return number;
        }
        let (network, asn, country) = (at.network(), at.asn(), at.country());
        let same = |place: &Place| (place.network, place.asn, place.country) == (network, asn, country);
        let new = || Place {
            network,
            asn,
            country,
            as_org: sought.as_org.clone(),
        };
        let number = self.places.number(&(network, asn, country), same, new);
        self.met.remember(at, number);
        number
    }
}

const fn of(thing: u32, traits: Traits) -> Of {
    Of { thing, traits }
}
