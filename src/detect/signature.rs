//! [`Signatures`]: runs the compiled rules on one event after the other; one per thread.
//!
//! For each event: search the texts as logged, look at the rules that were woken, and only if a text is encoded do the
//! same on its further views. A rule fires once, with the first view on which it holds as a whole. What stands under
//! a `not` counts as found when it was found on this view **or an earlier one**: a filter written for the line as
//! logged must not be undone by decoding the line.
//!
//! Nothing is allocated on an ordinary line: all state is kept between events and told apart by a stamp. Next:
//! [`super::explain`].

use std::sync::Arc;

use super::View;
use super::compile::{AtomTest, Engine, Entry, Lazy, Program, REST, Slot, Source};
use super::expr::Anchor;
use super::fields::{self, Field};
use super::layers::{Layering, Layers, Region, VIEWS};
use super::lazy;
use super::memo::{Memo, Noted};
use super::pattern::same;
use super::rules::Ruleset;
use super::verdicts::Verdicts;
use super::views::Parts;
use crate::event::Event;

/// A rule held on an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hit {
    /// Index of the rule in its [`Ruleset`].
    pub rule: u32,
    /// The first view on which it held.
    pub view: View,
}

/// The rules and what one thread needs to run them.
#[derive(Debug)]
pub struct Signatures {
    ruleset: Arc<Ruleset>,
    state: State,
    verdicts: Verdicts,
}

/// Kept between events.
#[derive(Debug)]
struct State {
    /// Which event it is; cells with another stamp are empty.
    stamp: u32,
    cells: Vec<Cell>,
    /// Per rule, the stamp of the event that woke it last.
    woken: Vec<u32>,
    /// Per rule, the stamp of the event on which it fired last.
    fired: Vec<u32>,
    candidates: Vec<u32>,
    layers: Vec<Layers>,
    memos: Vec<Memo>,
    noted: Vec<Noted>,
    /// Atoms of which a literal was found since this was emptied last.
    touched: Vec<u32>,
}

/// What is known of an atom on this event; bit n of each byte is for effective view n.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    stamp: u32,
    found: u8,
    known: u8,
    truth: u8,
}

impl Signatures {
    /// For one thread.
    pub fn new(ruleset: Arc<Ruleset>) -> Self {
        let engine = &ruleset.engine;
        let state = State {
            stamp: 0,
            cells: vec![Cell::default(); engine.atoms.len()],
            woken: vec![0; engine.programs.len()],
            fired: vec![0; engine.programs.len()],
            candidates: Vec::new(),
            layers: engine.slots.iter().map(|_| Layers::default()).collect(),
            memos: engine.slots.iter().map(|_| Memo::default()).collect(),
            noted: Vec::new(),
            touched: Vec::new(),
        };
        let verdicts = Verdicts::new(engine);
        Self {
            ruleset,
            state,
            verdicts,
        }
    }

    /// The rules.
    pub const fn ruleset(&self) -> &Arc<Ruleset> {
        &self.ruleset
    }

    /// Appends a hit for every rule that holds, in the order of the rules.
    pub fn inspect(&mut self, event: &Event<'_, '_>, hits: &mut Vec<Hit>) {
        if self.ruleset.rules().is_empty() {
            return;
        }
        if !self.verdicts.is_on() || self.finds_keyword(event) {
            self.verdicts.forget_number();
            return self.look(event, hits);
        }
        if let Some(known) = self.verdicts.find(event) {
            hits.extend_from_slice(known);
            return;
        }
        let from = hits.len();
        self.look(event, hits);
        self.verdicts.keep(hits.get(from..).unwrap_or_default());
    }

    /// Number of the request that was inspected last, when its words are remembered: requests with the same number have
    /// the same target, whoever inspected them.
    pub fn request_number(&self) -> Option<u64> {
        self.verdicts.number()
    }

    /// Whether a keyword stands in a value of the line that is not part of a verdict's key.
    fn finds_keyword(&self, event: &Event<'_, '_>) -> bool {
        let slot = self.ruleset.engine.slots.get(REST);
        let Some(automaton) = slot.and_then(|slot| slot.automaton.as_ref()) else {
            return false;
        };
        let mut found = false;
        lazy::any_rest(event, |text| {
            automaton.scan(text, |_, _| found = true);
            found
        });
        found
    }

    /// [`Signatures::inspect`] without what is remembered of requests in the same words.
    pub(super) fn look(&mut self, event: &Event<'_, '_>, hits: &mut Vec<Hit>) {
        let from = hits.len();
        let engine = &self.ruleset.engine;
        let mut run = Run {
            engine,
            state: &mut self.state,
            event,
        };
        run.begin();
        let views = run.load();
        run.judge(0, hits);
        for view in 1..VIEWS.len() {
            if views & (1 << view) != 0 {
                run.search(view);
                run.judge(view, hits);
            }
        }
        if let Some(new) = hits.get_mut(from..) {
            new.sort_unstable();
        }
    }

    /// The rules that were looked at for the event that was inspected last, in their order.
    pub(super) fn candidates(&self) -> Vec<u32> {
        let mut rules = self.state.candidates.clone();
        rules.extend(&self.ruleset.engine.always);
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

/// One event on its way through the rules.
struct Run<'s, 'e, 'v, 'a> {
    engine: &'s Engine,
    state: &'s mut State,
    event: &'e Event<'v, 'a>,
}

impl Run<'_, '_, '_, '_> {
    fn begin(&mut self) {
        let state = &mut *self.state;
        state.candidates.clear();
        state.touched.clear();
        state.stamp = state.stamp.wrapping_add(1);
        if state.stamp == 0 {
            // After four billion events old stamps could be mistaken for new ones.
            state.cells.fill(Cell::default());
            state.woken.fill(0);
            state.fired.fill(0);
            state.stamp = 1;
        }
    }

    /// Takes in the texts and searches them as logged; says which further views there are.
    fn load(&mut self) -> u8 {
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
    fn layer(&mut self, slot: usize, text: Option<&[u8]>, layering: Layering) -> u8 {
        self.state.layers.get_mut(slot).map_or(1, |layers| {
            layers.load(text, layering);
            layers.has()
        })
    }

    /// Searches the texts that differ on a view.
    fn search(&mut self, view: usize) {
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
    /// it has.
    fn recall(&mut self, slot: usize, raw: &[u8]) -> u8 {
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
                known.has
            }
            None => self.explore(slot, raw, asked.layering, &mut memo),
        };
        if let Some(place) = self.state.memos.get_mut(slot) {
            *place = memo;
        }
        has
    }

    /// Searches all views of a text that was not met before.
    fn explore(&mut self, slot: usize, raw: &[u8], layering: Layering, memo: &mut Memo) -> u8 {
        let has = self.layer(slot, Some(raw), layering);
        self.state.touched.clear();
        for view in (0..VIEWS.len()).filter(|view| has & (1 << view) != 0) {
            self.search_text(slot, raw, view);
        }
        self.learn(slot, has, raw, memo);
        has
    }

    /// Writes down what was found in a slot's text, and runs the tests that it let run.
    fn learn(&mut self, slot: usize, has: u8, raw: &[u8], memo: &mut Memo) {
        let mut noted = std::mem::take(&mut self.state.noted);
        noted.clear();
        let touched = std::mem::take(&mut self.state.touched);
        for &atom in &touched {
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
                if holds {
                    self.found(atom, view);
                }
                noted.push(Noted {
                    atom,
                    view: view as u8,
                    holds,
                });
            }
        }
        memo.keep(raw, has, &noted);
        self.state.noted = noted;
    }

    /// What a remembered text tells of an atom.
    fn note(&mut self, noted: Noted) {
        let bit = 1 << noted.view;
        if noted.holds {
            self.found(noted.atom, usize::from(noted.view));
        }
        if let Some(cell) = self.cell_mut(noted.atom) {
            cell.found |= bit;
            cell.known |= bit;
            if noted.holds {
                cell.truth |= bit;
            }
        }
    }

    /// A literal of an atom was found on an effective view.
    fn found(&mut self, atom: u32, view: usize) {
        let Some(cell) = self.cell_mut(atom) else {
            return;
        };
        let before = cell.found;
        cell.found |= 1 << view;
        if before != 0 {
            return;
        }
        let engine = self.engine;
        let state = &mut *self.state;
        state.touched.push(atom);
        for &rule in engine
            .wakes
            .get(atom as usize)
            .map(|rules| &**rules)
            .unwrap_or_default()
        {
            if let Some(woken) = state.woken.get_mut(rule as usize)
                && *woken != state.stamp
            {
                *woken = state.stamp;
                state.candidates.push(rule);
            }
        }
    }

    fn cell_mut(&mut self, atom: u32) -> Option<&mut Cell> {
        let stamp = self.state.stamp;
        let cell = self.state.cells.get_mut(atom as usize)?;
        if cell.stamp != stamp {
            *cell = Cell {
                stamp,
                ..Cell::default()
            };
        }
        Some(cell)
    }

    fn cell(&mut self, atom: u32) -> Cell {
        self.cell_mut(atom).map_or(Cell::default(), |cell| *cell)
    }

    /// Looks at the rules that were woken and have not fired.
    fn judge(&mut self, view: usize, hits: &mut Vec<Hit>) {
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
    fn truth(&mut self, atom: u32, view: usize) -> bool {
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
        if let Some(cell) = self.cell_mut(atom) {
            cell.known |= bit;
            if truth {
                cell.truth |= bit;
            }
        }
        truth
    }

    /// Makes the views of a slot's text where only their number was known.
    fn ready(&mut self, slot: Option<usize>) {
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
    fn run(&self, lazy: &Lazy, slot: Option<usize>, view: usize) -> bool {
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

#[cfg(test)]
#[path = "signature/tests.rs"]
mod tests;
