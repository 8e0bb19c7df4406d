//! What is found in the texts that differ from request to request, as a part of the key by which
//! [`Decisions`](crate::detect::verdicts) are remembered, and single tests for those.

use super::Run;
use crate::detect::compile::Source;
use crate::detect::fields;
use crate::detect::layers::Layering;
use crate::detect::verdicts::{Key, varies_in};

impl Run<'_, '_, '_, '_> {
    /// Searches the texts of these slots on all their views, and adds to the key what was found.
    pub(super) fn sum_up(&mut self, slots: &[usize], key: &mut Key) {
        for &index in slots {
            let Some(slot) = self.engine.slots.get(index) else {
                continue;
            };
            let Source::Field(field) = &slot.source else {
                continue;
            };
            match fields::text(self.event, field).as_deref() {
                None => {
                    self.layer(index, None, slot.layering);
                    key.absent();
                }
                Some(text) if slot.repeats => {
                    let views = self.recall(index, text);
                    let noted = self.state.noted.iter();
                    key.found(
                        views,
                        noted.map(|noted| (noted.atom, noted.view << 1 | u8::from(noted.holds))),
                    );
                }
                Some(text) => self.sum_up_text(index, text, slot.layering, key),
            }
        }
    }

    /// Searches a text that is not remembered.
    fn sum_up_text(&mut self, slot: usize, text: &[u8], layering: Layering, key: &mut Key) {
        let from = self.state.touched.len();
        let views = self.search_views(slot, text, layering);
        let state = &mut *self.state;
        let touched = state.touched.get_mut(from..).unwrap_or_default();
        touched.sort_unstable();
        let cells = &state.cells;
        let found = |atom: u32| cells.get(atom as usize).map_or(0, |cell| cell.found);
        key.found(views, touched.iter().map(|&atom| (atom, found(atom))));
    }

    /// Runs the test of an atom on an effective view of its text, after [`Run::sum_up`].
    pub(super) fn ask(&mut self, atom: u32, view: usize) -> bool {
        let engine = self.engine;
        let Some(asked) = engine.atoms.get(atom as usize) else {
            return false;
        };
        if let Some((index, slot)) = asked
            .slot
            .and_then(|index| Some((index, engine.slots.get(index)?)))
            && let Source::Field(field) = &slot.source
            && !varies_in(&slot.source)
            && self.is_taken_first(index)
        {
            self.layer(index, fields::text(self.event, field).as_deref(), slot.layering);
        }
        self.ready(asked.slot);
        asked
            .test
            .lazy()
            .is_some_and(|lazy| self.run(lazy, asked.slot, view))
    }

    /// Whether a slot's text was not taken in for this event yet.
    fn is_taken_first(&mut self, slot: usize) -> bool {
        let stamp = self.state.stamp;
        let taken = self.state.taken.get_mut(slot);
        taken.is_some_and(|taken| std::mem::replace(taken, stamp) != stamp)
    }
}
