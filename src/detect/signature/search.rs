//! What is found in the texts of an event: literals, and which rules they wake. Texts that come again and again are
//! searched once. Next: [`super::judge`].

use super::Run;
use crate::detect::compile::{AtomTest, Entry, Source};
use crate::detect::expr::Anchor;
use crate::detect::fields::{self, Field};
use crate::detect::layers::{Layering, Region, VIEWS};
use crate::detect::lazy;
use crate::detect::memo::{Memo, Noted};
use crate::detect::pattern::same;
use crate::detect::views::Parts;

impl Run<'_, '_, '_, '_> {
    /// Takes in the texts and searches them as logged; says which further views there are.
    pub(super) fn load(&mut self) -> u8 {
        let mut views = 1;
        for index in 0..self.engine.slots.len() {
            let Some(slot) = self.engine.slots.get(index) else {
                continue;
            };
            match &slot.source {
                Source::Rest => self.search_rest(index),
                Source::Field(Field::Lists) => self.search_lists(index),
                Source::Field(field) => {
                    let text = fields::text(self.event, field);
                    views |= match text.as_deref() {
                        Some(text) if slot.repeats => self.recall(index, text),
                        text => self.take(index, text, slot.layering),
                    };
                }
            }
        }
        views
    }

    /// Takes in a text that is searched anew for each event; says which views it has.
    fn take(&mut self, slot: usize, text: Option<&[u8]>, layering: Layering) -> u8 {
        let has = self.layer(slot, text, layering);
        if let Some(text) = text {
            self.search_text(slot, text, 0);
        }
        has
    }

    /// Makes the views of a slot's text; says which there are.
    pub(super) fn layer(&mut self, slot: usize, text: Option<&[u8]>, layering: Layering) -> u8 {
        self.state.layers.get_mut(slot).map_or(1, |layers| {
            layers.load(text, layering);
            layers.has()
        })
    }

    /// Searches the texts that differ on a view.
    pub(super) fn search(&mut self, view: usize) {
        for (index, slot) in self.engine.slots.iter().enumerate() {
            let differs = self
                .state
                .layers
                .get(index)
                .is_some_and(|layers| layers.has() & (1 << view) != 0);
            if let (true, false, Source::Field(field)) = (differs, slot.repeats, &slot.source)
                && let Some(text) = fields::text(self.event, field)
            {
                self.search_text(index, &text, view);
            }
        }
    }

    fn search_rest(&mut self, slot: usize) {
        if self
            .engine
            .slots
            .get(slot)
            .is_some_and(|slot| slot.automaton.is_none())
        {
            return;
        }
        let event = self.event;
        lazy::any_rest(event, |text| {
            self.search_bytes(slot, text, &Parts::default(), 0);
            false
        });
    }

    fn search_lists(&mut self, slot: usize) {
        let event = self.event;
        fields::any_value(event, &Field::Lists, |text| {
            self.search_bytes(slot, text, &Parts::default(), 0);
            false
        });
    }

    /// Searches one view of a slot's text.
    fn search_text(&mut self, slot: usize, raw: &[u8], view: usize) {
        // The layers are set aside while what is found is written down.
        let Some(layers) = self.state.layers.get_mut(slot).map(std::mem::take) else {
            return;
        };
        let (text, parts) = layers.text(raw, view);
        self.search_bytes(slot, text, parts, view);
        if let Some(place) = self.state.layers.get_mut(slot) {
            *place = layers;
        }
    }

    fn search_bytes(&mut self, slot: usize, text: &[u8], parts: &Parts, view: usize) {
        let engine = self.engine;
        let Some(automaton) = engine.slots.get(slot).and_then(|slot| slot.automaton.as_ref()) else {
            return;
        };
        let extension = match automaton.wants_extension {
            true => Region::Extension.of(text, parts),
            false => None,
        };
        automaton.scan(text, |entry, span| {
            let region = match entry.region {
                Region::Extension => extension.clone(),
                other => other.of(text, parts),
            };
            if region.is_some_and(|region| stands(entry, text, &span, &region)) {
                self.found(entry.atom, view);
            }
        });
    }

    /// Searches all views of a text that comes again and again, or remembers what was found in it; says which views
    /// it has. What was found stands in the state's notes.
    pub(super) fn recall(&mut self, slot: usize, raw: &[u8]) -> u8 {
        self.state.noted.clear();
        let engine = self.engine;
        let Some(asked) = engine.slots.get(slot) else {
            return 1;
        };
        if asked.automaton.is_none() && asked.learned.is_empty() {
            return self.layer(slot, Some(raw), asked.layering);
        }
        let Some(mut memo) = self.state.memos.get_mut(slot).map(std::mem::take) else {
            return 1;
        };
        let has = match memo.find(raw) {
            Some(known) => {
                if let Some(layers) = self.state.layers.get_mut(slot) {
                    layers.defer(known.has);
                }
                known.notes.iter().for_each(|noted| self.note(*noted));
                self.state.noted.extend_from_slice(&known.notes);
                known.has
            }
            None => self.explore(slot, raw, asked.layering, &mut memo),
        };
        if let Some(place) = self.state.memos.get_mut(slot) {
            *place = memo;
        }
        // What does not hold wakes nobody.
        let state = &mut *self.state;
        let holding = state.noted.iter().filter(|noted| noted.holds);
        state.touched.extend(holding.map(|noted| noted.atom));
        has
    }

    /// Searches all views of a text that was not met before.
    fn explore(&mut self, slot: usize, raw: &[u8], layering: Layering, memo: &mut Memo) -> u8 {
        let from = self.state.touched.len();
        let has = self.search_views(slot, raw, layering);
        self.learn(slot, has, from);
        memo.keep(raw, has, &self.state.noted);
        has
    }

    /// Searches a text on all its views; says which it has.
    pub(super) fn search_views(&mut self, slot: usize, raw: &[u8], layering: Layering) -> u8 {
        let has = self.layer(slot, Some(raw), layering);
        for view in (0..VIEWS.len()).filter(|view| has & (1 << view) != 0) {
            self.search_text(slot, raw, view);
        }
        has
    }

    /// Writes down what was found in a slot's text, and runs the tests that it let run.
    fn learn(&mut self, slot: usize, has: u8, from: usize) {
        let mut noted = std::mem::take(&mut self.state.noted);
        let mut touched = std::mem::take(&mut self.state.touched);
        for atom in touched.drain(from..) {
            let found = self.cell(atom).found;
            let asked = self.engine.atoms.get(atom as usize);
            let guarded = asked.is_some_and(|atom| matches!(atom.test, AtomTest::Guarded(_)));
            for view in (0..VIEWS.len()).filter(|view| found & (1 << view) != 0) {
                noted.push(Noted {
                    atom,
                    view: view as u8,
                    holds: !guarded || self.truth(atom, view),
                });
            }
        }
        self.state.touched = touched;
        let engine = self.engine;
        let learned = engine.slots.get(slot).map(|slot| slot.learned.as_slice());
        for &atom in learned.unwrap_or_default() {
            for view in (0..VIEWS.len()).filter(|view| has & (1 << view) != 0) {
                let holds = self.truth(atom, view);
                if holds && let Some(cell) = self.cell_mut(atom) {
                    cell.found |= 1 << view;
                }
                noted.push(Noted {
                    atom,
                    view: view as u8,
                    holds,
                });
            }
        }
        noted.sort_unstable();
        self.state.noted = noted;
    }

    /// What a remembered text tells of an atom.
    fn note(&mut self, noted: Noted) {
        let bit = 1 << noted.view;
        let Some(cell) = self.cell_mut(noted.atom) else {
            return;
        };
        cell.found |= bit;
        cell.known |= bit;
        if noted.holds {
            cell.truth |= bit;
        }
    }

    /// A literal of an atom was found on an effective view.
    pub(super) fn found(&mut self, atom: u32, view: usize) {
        let Some(cell) = self.cell_mut(atom) else {
            return;
        };
        let before = cell.found;
        cell.found |= 1 << view;
        if before == 0 {
            self.state.touched.push(atom);
        }
    }

    /// Wakes the rules of the atoms that were touched, but for those that were before: says how many there are now.
    pub(super) fn wake(&mut self, from: usize) -> usize {
        let (engine, state) = (self.engine, &mut *self.state);
        let wakes = |atom: &u32| engine.wakes.get(*atom as usize);
        let touched = state.touched.get(from..).unwrap_or_default();
        for &rule in touched.iter().filter_map(wakes).flatten() {
            if let Some(woken) = state.woken.get_mut(rule as usize)
                && *woken != state.stamp
            {
                *woken = state.stamp;
                state.candidates.push(rule);
            }
        }
        state.candidates.sort_unstable();
        state.touched.len()
    }
}

/// Whether a literal that was found stands where the entry wants it.
fn stands(
    entry: &Entry,
    text: &[u8],
    span: &std::ops::Range<usize>,
    region: &std::ops::Range<usize>,
) -> bool {
    let inside = span.start >= region.start && span.end <= region.end;
    let at_start = span.start == region.start;
    let at_end = span.end == region.end;
    let anchored = match entry.anchor {
        Anchor::Whole => at_start && at_end,
        Anchor::Start => at_start && inside,
        Anchor::End => at_end && inside,
        Anchor::Anywhere => inside,
    };
    anchored
        && entry.cased.as_deref().is_none_or(|exact| {
            text.get(span.clone())
                .is_some_and(|found| same(found, exact, true))
        })
}
