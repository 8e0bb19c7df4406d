//! [`Note`]: requests on their way into the tables.
//!
//! They are noted one by one, and some hundreds of them are counted together, one table after the other: so each table
//! is in the processor's nearest caches while it is at work, and what the rest of the analysis has there stays.

use std::sync::Arc;

use super::key::{CLAIM, CLASS, Fact, Field, METHOD, Of, Traits};
use super::met::Whereabouts;
use super::{Place, Tally};

/// How many requests are noted before they are counted: 8 KB.
pub(super) const MAX: usize = 256;

/// In the place of seconds: the line tells no time.
pub(super) const NO_TIME: i64 = i64::MIN;

/// One request, as the tables need it. Numbers that no table asks for are 0, unless they were remembered with the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    /// Seconds since the epoch, or [`NO_TIME`].
    pub secs: i64,
    pub traits: Traits,
    pub path: u32,
    pub place: u32,
    pub agent: u32,
}

/// A place that was not met lately. Its number is looked for when the request is counted: tables of places are large, and
/// several such look-ups wait for memory together.
#[derive(Debug, Clone)]
pub(super) struct Unmet {
    /// The request's place among those noted.
    pub note: usize,
    pub at: Whereabouts,
    /// Name of the autonomous system's organisation.
    pub as_org: Option<Arc<str>>,
}

impl Note {
    fn of<const N: usize>(&self, thing: u32, without: [Field; N]) -> Of {
        let traits = self.traits.without(without);
        Of { thing, traits }
    }
}

impl Tally {
    /// Counts what is noted.
    pub(super) fn count(&mut self) {
        self.name_places();
        let notes = std::mem::take(&mut self.notes);
        for note in &notes {
            self.sums.add(note.traits);
            let traits = note.traits.without([METHOD, CLAIM]);
            if note.secs != NO_TIME {
                self.time.add(note.secs, traits, traits.level());
            }
        }
        self.by_path
            .add_all(notes.iter().map(|note| note.of(note.path, [CLAIM])));
        self.by_agent
            .add_all(notes.iter().map(|note| note.of(note.agent, [METHOD])));
        self.by_place
            .add_all(notes.iter().map(|note| note.of(note.place, [CLAIM])));
        notes.iter().for_each(|note| self.count_fact(note));
        self.notes = notes;
        self.notes.clear();
        self.tidy();
    }

    /// Gives the places that were not met lately to the requests that wait for them.
    fn name_places(&mut self) {
        let mut unmet = std::mem::take(&mut self.unmet);
        for one in unmet.drain(..) {
            let place = self.place(&one);
            if let Some(note) = self.notes.get_mut(one.note) {
                note.place = place;
            }
        }
        self.unmet = unmet;
    }

    /// Counts what is told of a request beside its time; nothing of one without.
    #[inline]
    fn count_fact(&mut self, note: &Note) {
        let traits = note.traits;
        let facts = match traits.field(CLASS) {
            0 => &mut self.plain,
            _ => &mut self.sighted,
        };
        if facts.takes(traits.level()) && note.secs != NO_TIME {
            facts.add(Fact {
                secs: note.secs,
                path: note.path,
                place: note.place,
                agent: note.agent,
                traits,
            });
        }
    }

    fn place(&mut self, unmet: &Unmet) -> u32 {
        let at = unmet.at;
        // Another of these requests may have had the same.
        if let Some(number) = self.met.number(at) {
            return number;
        }
        let new = || Place {
            at,
            as_org: unmet.as_org.clone(),
        };
        let number = self.places.number(&at, |place| place.at == at, new);
        self.met.remember(at, number);
        number
    }
}
