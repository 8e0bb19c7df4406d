//! [`Signatures`]: runs the compiled rules on one event after the other; one per thread.
//!
//! For each event: search the texts as logged, look at the rules that were woken, and only if a text is encoded do the
//! same on its further views. A rule fires once, with the first view on which it holds as a whole. What stands under
//! a `not` counts as found when it was found on this view **or an earlier one**: a filter written for the line as
//! logged must not be undone by decoding the line.
//!
//! Most lines never come here: what is known of requests in the same words, or in whose texts the same was found, stands
//! in [`super::verdicts`].
//!
//! Nothing is allocated on an ordinary line: all state is kept between events and told apart by a stamp. Next:
//! [`super::explain`].

mod digest;
mod judge;
mod search;

use std::sync::Arc;

use super::compile::{Engine, REST};
use super::hit::Hit;
use super::layers::{Layers, VIEWS};
use super::lazy;
use super::memo::{Memo, Noted};
use super::rules::Ruleset;
use super::verdicts::{Decisions, Verdicts};
use crate::event::Event;

/// The rules and what one thread needs to run them.
#[derive(Debug)]
pub struct Signatures {
    ruleset: Arc<Ruleset>,
    state: State,
    verdicts: Verdicts,
    decisions: Decisions,
    /// Number of the last event's list of hits, where that was known.
    list: Option<u64>,
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
    /// Per slot, the stamp of the event whose text was taken in for a single test.
    taken: Vec<u32>,
    memos: Vec<Memo>,
    noted: Vec<Noted>,
    /// The tests that were run for the rules, and how they ended.
    asked: Vec<Noted>,
    /// Atoms of which a literal was found, or that are known to hold.
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
            taken: vec![0; engine.slots.len()],
            memos: engine.slots.iter().map(|_| Memo::default()).collect(),
            noted: Vec::new(),
            asked: Vec::new(),
            touched: Vec::new(),
        };
        Self {
            verdicts: Verdicts::new(engine),
            decisions: Decisions::new(engine),
            list: None,
            ruleset,
            state,
        }
    }

    /// The rules.
    pub const fn ruleset(&self) -> &Arc<Ruleset> {
        &self.ruleset
    }

    /// Appends a hit for every rule that holds, in the order of the rules.
    pub fn inspect(&mut self, event: &Event<'_, '_>, hits: &mut Vec<Hit>) {
        self.list = None;
        if self.ruleset.rules().is_empty() {
            return;
        }
        if !self.verdicts.is_on() || self.finds_keyword(event) {
            self.verdicts.forget_number();
            return self.look(event, hits);
        }
        if let Some((list, known)) = self.verdicts.find(event) {
            self.list = Some(list);
            hits.extend_from_slice(known);
            return;
        }
        let from = hits.len();
        if !self.decide(event, hits) {
            self.look(event, hits);
            let new = hits.get(from..).unwrap_or_default();
            self.decisions.learn(&self.state.asked, new);
        }
        self.verdicts.keep(event, hits.get(from..).unwrap_or_default());
    }

    /// Appends the hits of a request that the verdicts do not know, when the rules decided on one in which the same was
    /// found; says whether they did.
    fn decide(&mut self, event: &Event<'_, '_>, hits: &mut Vec<Hit>) -> bool {
        let mut run = Run {
            engine: &self.ruleset.engine,
            state: &mut self.state,
            event,
        };
        run.begin();
        let key = self.verdicts.digest();
        run.sum_up(self.decisions.slots(), key);
        key.end();
        self.decisions.find(key.get());
        let Some((list, known)) = self.decisions.walk(|atom, view| run.ask(atom, view)) else {
            return false;
        };
        self.list = Some(list);
        hits.extend_from_slice(known);
        true
    }

    /// Number of the request that was inspected last, when its words are remembered: requests with the same number have
    /// the same target, whoever inspected them.
    pub fn request_number(&self) -> Option<u64> {
        self.verdicts.number()
    }

    /// Number of the list of hits that the event inspected last has, where it is a known one: no other hits have it, whoever
    /// inspected them.
    pub const fn list_number(&self) -> Option<u64> {
        self.list
    }

    /// What was left with the request that was inspected last, when its words are remembered; 0 for nothing yet. It is the
    /// caller's own, and goes when the words are forgotten.
    pub fn remark(&self) -> Option<u64> {
        self.verdicts.remark()
    }

    /// Leaves a word with the request that was inspected last, where its words are remembered.
    pub fn leave(&mut self, remark: u64) {
        self.verdicts.leave(remark);
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
        run.state.asked.clear();
        let mut woken = run.wake(0);
        run.judge(0, hits);
        for view in 1..VIEWS.len() {
            if views & (1 << view) != 0 {
                run.search(view);
                woken = run.wake(woken);
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
        state.asked.clear();
        state.stamp = state.stamp.wrapping_add(1);
        if state.stamp == 0 {
            // After four billion events old stamps could be mistaken for new ones.
            state.cells.fill(Cell::default());
            state.woken.fill(0);
            state.fired.fill(0);
            state.taken.fill(0);
            state.stamp = 1;
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
}

#[cfg(test)]
#[path = "signature/tests.rs"]
mod tests;
