//! [`Note`]: requests on their way into the tables.
//!
//! They are noted one by one, and some hundreds of them are counted together, one table after the other: so each table
//! is in the processor's nearest caches while it is at work, and what the rest of the analysis has there stays.

use std::sync::Arc;

use super::key::{CLAIM, CLASS, Fact, METHOD, Of, Traits};
use super::met::Whereabouts;
use super::{Place, Tally};

/// How many requests are noted before they are counted: 8 KB.
pub(super) const MAX: usize = 256;

/// One request, as the keys of the tables need it. Numbers that no table asks for are 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    pub secs: i64,
    pub traits: Traits,
    pub path: u32,
    pub place: u32,
    pub agent: u32,
}

/// Where the client of a note is. Its number is looked for when the note is counted: the tables of places are large, and
/// several such look-ups wait for memory together.
#[derive(Debug, Clone)]
pub(super) struct Sought {
    /// The note's place among the others.
    pub note: usize,
    pub at: Whereabouts,
    /// Name of the autonomous system's organisation.
    pub as_org: Option<Arc<str>>,
}

impl Note {
    fn fact(&self) -> Fact {
        Fact {
            secs: self.secs,
            path: self.path,
            place: self.place,
            agent: self.agent,
            traits: self.traits,
        }
    }
}

impl Tally {
    /// Counts what is noted.
    pub(super) fn count(&mut self) {
        let mut notes = std::mem::take(&mut self.notes);
        self.find_places(&mut notes);
        for note in &notes {
            let traits = note.traits.without([METHOD, CLAIM]);
            self.time.add(note.secs, traits, traits.level());
        }
        let of = |thing, traits| Of { thing, traits };
        let places = notes
            .iter()
            .map(|note| of(note.place, note.traits.without([CLAIM])));
        self.by_place.add_all(places);
        let paths = notes
            .iter()
            .map(|note| of(note.path, note.traits.without([CLAIM])));
        self.by_path.add_all(paths);
        let agents = notes
            .iter()
            .map(|note| of(note.agent, note.traits.without([METHOD])));
        self.by_agent.add_all(agents);
        self.count_facts(&notes);
        notes.clear();
        self.notes = notes;
        self.tidy();
    }

    fn find_places(&mut self, notes: &mut [Note]) {
        let mut sought = std::mem::take(&mut self.sought);
        for one in sought.drain(..) {
            let note = notes.get_mut(one.note);
            let place = self.place(one);
            if let Some(note) = note {
                note.place = place;
            }
        }
        self.sought = sought;
    }

    fn place(&mut self, sought: Sought) -> u32 {
        let Sought { at, as_org, .. } = sought;
        if let Some(number) = self.met.number(at) {
            return number;
        }
        let (network, asn, country) = (at.network(), at.asn(), at.country());
        let same = |place: &Place| (place.network, place.asn, place.country) == (network, asn, country);
        let new = || Place {
            network,
            asn,
            country,
            as_org,
        };
        let number = self.places.number(&(network, asn, country), same, new);
        self.met.remember(at, number);
        number
    }

    fn count_facts(&mut self, notes: &[Note]) {
        for note in notes {
            let facts = match note.traits.field(CLASS) {
                0 => &mut self.plain,
                _ => &mut self.sighted,
            };
            if facts.takes(note.traits.level()) {
                facts.add(note.fact());
            }
        }
    }
}
