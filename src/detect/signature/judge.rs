//! Which of the rules that were woken hold, on one view after the other. Tests that no literal stands for run here, when
//! a rule asks for them, and at most once an event. Next: [`crate::detect::lazy`].

use super::Run;
use crate::detect::compile::{AtomTest, Lazy, Program, Slot, Source};
use crate::detect::fields::{self, Field};
use crate::detect::hit::Hit;
use crate::detect::layers::VIEWS;
use crate::detect::lazy;
use crate::detect::memo::Noted;

impl Run<'_, '_, '_, '_> {
    /// Looks at the rules that were woken and have not fired.
    pub(super) fn judge(&mut self, view: usize, hits: &mut Vec<Hit>) {
        let engine = self.engine;
        for &rule in &engine.always {
            self.judge_one(rule, view, hits);
        }
        let mut next = 0;
        while let Some(&rule) = self.state.candidates.get(next) {
            next += 1;
            self.judge_one(rule, view, hits);
        }
    }

    fn judge_one(&mut self, rule: u32, view: usize, hits: &mut Vec<Hit>) {
        let stamp = self.state.stamp;
        if self.state.fired.get(rule as usize) == Some(&stamp) {
            return;
        }
        let engine = self.engine;
        let Some(program) = engine.programs.get(rule as usize) else {
            return;
        };
        if self.holds(program, view, false)
            && let (Some(fired), Some(&view)) = (self.state.fired.get_mut(rule as usize), VIEWS.get(view))
        {
            *fired = stamp;
            hits.push(Hit { rule, view });
        }
    }

    fn holds(&mut self, program: &Program, view: usize, under_not: bool) -> bool {
        match program {
            Program::Atom(atom) => self.atom(*atom, view, under_not),
            Program::Not(inner) => !self.holds(inner, view, !under_not),
            Program::All(parts) => parts.iter().all(|part| self.holds(part, view, under_not)),
            Program::Any(parts) => parts.iter().any(|part| self.holds(part, view, under_not)),
            Program::AtLeast(count, parts) => {
                let mut missing = *count;
                missing == 0
                    || parts.iter().any(|part| {
                        missing -= usize::from(self.holds(part, view, under_not));
                        missing == 0
                    })
            }
        }
    }

    fn atom(&mut self, atom: u32, view: usize, under_not: bool) -> bool {
        let layers = self
            .engine
            .atoms
            .get(atom as usize)
            .and_then(|atom| atom.slot)
            .and_then(|slot| self.state.layers.get(slot));
        let (has, effective) = layers.map_or((1, 0), |layers| (layers.has(), layers.effective(view)));
        if !under_not {
            return self.truth(atom, effective);
        }
        (0..=effective).any(|view| has & (1 << view) != 0 && self.truth(atom, view))
    }

    /// Whether an atom holds on an effective view of its text.
    pub(super) fn truth(&mut self, atom: u32, view: usize) -> bool {
        let bit = 1 << view;
        let cell = self.cell(atom);
        let engine = self.engine;
        let Some(asked) = engine.atoms.get(atom as usize) else {
            return false;
        };
        let lazy = match &asked.test {
            AtomTest::Found => return cell.found & bit != 0,
            AtomTest::Guarded(_) if cell.found & bit == 0 => return false,
            AtomTest::Guarded(lazy) | AtomTest::Lazy(lazy) => lazy,
        };
        if cell.known & bit != 0 {
            return cell.truth & bit != 0;
        }
        self.ready(asked.slot);
        let truth = self.run(lazy, asked.slot, view);
        self.state.asked.push(Noted {
            atom,
            view: view as u8,
            holds: truth,
        });
        if let Some(cell) = self.cell_mut(atom) {
            cell.known |= bit;
            if truth {
                cell.truth |= bit;
            }
        }
        truth
    }

    /// Makes the views of a slot's text where only their number was known.
    pub(super) fn ready(&mut self, slot: Option<usize>) {
        let Some(index) = slot else { return };
        if let Some(layers) = self.state.layers.get_mut(index)
            && layers.is_deferred()
            && let Some(Slot {
                source: Source::Field(field),
                layering,
                ..
            }) = self.engine.slots.get(index)
        {
            layers.load(fields::text(self.event, field).as_deref(), *layering);
        }
    }

    /// Runs a test on a view of its text.
    pub(super) fn run(&self, lazy: &Lazy, slot: Option<usize>, view: usize) -> bool {
        let event = self.event;
        let any = |value: Option<&[u8]>| match (&lazy.words, value) {
            (Some(words), value) => value.is_some_and(|value| words.contain(value)),
            (None, value) => {
                let mut tests = lazy.checks.iter().map(|check| &check.test);
                tests.any(|test| lazy::holds(test, value, event))
            }
        };
        let slot =
            slot.and_then(|index| Some((self.engine.slots.get(index)?, self.state.layers.get(index)?)));
        let field = match (&lazy.field, &slot) {
            (Some(field), _) => field,
            (None, Some((slot, layers))) => match &slot.source {
                Source::Rest => return lazy::any_rest(event, |value| any(Some(value))),
                Source::Field(field @ Field::Lists) => field,
                Source::Field(field) => {
                    let raw = fields::text(event, field);
                    let Some(raw) = raw.as_deref() else {
                        return any(None);
                    };
                    let (text, parts) = layers.text(raw, view);
                    return lazy
                        .regions
                        .iter()
                        .any(|region| any(region.of(text, parts).and_then(|range| text.get(range))));
                }
            },
            (None, None) => return false,
        };
        let mut seen = false;
        fields::any_value(event, field, |value| {
            seen = true;
            any(Some(value))
        }) || (!seen && any(None))
    }
}
