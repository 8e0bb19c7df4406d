//! From atoms to the [`Engine`]: which atoms wake a rule, how each is answered, and in which order a program asks.
//!
//! What is chosen decides what a line costs and never what it means. Next: [`super::super::signature`].

use std::sync::Arc;

use super::builder::Builder;
use super::literal::{Literal, as_literal};
use super::{Atom, AtomTest, Automaton, Engine, Program, Words};
use crate::detect::expr::{Check, Test};

/// The atoms of which one must be found, and how rarely that is.
struct Wake {
    atoms: Vec<u32>,
    rarity: u32,
}

impl Builder {
    pub(super) fn finish(mut self, programs: Vec<Program>) -> Engine {
        let mut wakes: Vec<Vec<u32>> = vec![Vec::new(); self.atoms.len()];
        let mut always = Vec::new();
        for (rule, program) in programs.iter().enumerate() {
            match self.wake(program) {
                Some(wake) => {
                    for atom in wake.atoms {
                        if !self
                            .atoms
                            .get(atom as usize)
                            .is_some_and(|atom| self.is_learned(atom))
                        {
                            self.search(atom);
                        }
                        if let Some(rules) = wakes.get_mut(atom as usize)
                            && rules.last() != Some(&(rule as u32))
                        {
                            rules.push(rule as u32);
                        }
                    }
                }
                None => always.push(rule as u32),
            }
        }
        for index in 0..self.atoms.len() {
            self.settle(index as u32);
        }
        let programs = programs
            .into_iter()
            .map(|program| self.ordered(program))
            .collect();
        self.build_automata();
        Engine {
            slots: self.slots,
            atoms: self.atoms,
            programs,
            wakes: wakes.into_iter().map(Vec::into_boxed_slice).collect(),
            always,
        }
    }

    /// The rarest set of atoms of which one must be found if the program is to hold; `None` when there is none.
    fn wake(&self, program: &Program) -> Option<Wake> {
        match program {
            Program::Atom(index) => {
                let atom = self.atoms.get(*index as usize)?;
                let rarity = match self.is_learned(atom) {
                    true => 2,
                    false => atom.rarity()?,
                };
                Some(Wake {
                    atoms: vec![*index],
                    rarity,
                })
            }
            Program::Not(_) => None,
            Program::All(parts) => parts
                .iter()
                .filter_map(|part| self.wake(part))
                .max_by_key(|wake| (wake.rarity, std::cmp::Reverse(wake.atoms.len()))),
            Program::AtLeast(0, _) => None,
            Program::Any(parts) | Program::AtLeast(_, parts) => {
                let mut wake = Wake {
                    atoms: Vec::new(),
                    rarity: u32::MAX,
                };
                for part in parts {
                    let one = self.wake(part)?;
                    wake.atoms.extend(one.atoms);
                    wake.rarity = wake.rarity.min(one.rarity);
                }
                wake.atoms.sort_unstable();
                wake.atoms.dedup();
                Some(wake)
            }
        }
    }

    /// Whether an atom's test is run once for each text of its slot, so that its result wakes rules. What an absent
    /// text passes is not: nothing is searched then.
    fn is_learned(&self, atom: &Atom) -> bool {
        let repeats = atom
            .slot
            .and_then(|slot| self.slots.get(slot))
            .is_some_and(|slot| slot.repeats);
        match &atom.test {
            AtomTest::Lazy(lazy) if repeats && !atom.searched => {
                let needs_text =
                    |check: &Arc<Check>| matches!(check.test, Test::Regex(_) | Test::Pattern { .. });
                atom.literals.is_empty() && lazy.checks.iter().all(needs_text)
            }
            _ => false,
        }
    }

    /// Has the literals of an atom searched for.
    fn search(&mut self, index: u32) {
        let Some(atom) = self.atoms.get(index as usize) else {
            return;
        };
        let field = match &atom.test {
            AtomTest::Lazy(lazy) | AtomTest::Guarded(lazy) => lazy.field.clone(),
            AtomTest::Found => None,
        };
        let slot = match (atom.slot, field) {
            (None, Some(field)) => Some(self.field_slot(&field)),
            (slot, _) => slot,
        };
        if let Some(atom) = self.atoms.get_mut(index as usize) {
            atom.slot = slot;
            atom.searched = true;
        }
    }

    /// Decides how an atom is answered: literals of texts that are searched anyway are searched for too, unless
    /// they stand in most lines.
    fn settle(&mut self, index: u32) {
        let Some(atom) = self.atoms.get_mut(index as usize) else {
            return;
        };
        atom.searched |= atom.slot.is_some() && (atom.is_worth_a_search() || atom.has_many_texts());
        let test = std::mem::replace(&mut atom.test, AtomTest::Found);
        atom.test = match (test, atom.searched) {
            (AtomTest::Lazy(lazy), true)
                if lazy.checks.iter().all(|check| as_literal(&check.test).is_some()) =>
            {
                AtomTest::Found
            }
            (AtomTest::Guarded(lazy), false) => AtomTest::Lazy(lazy),
            (test, _) => test,
        };
        if let AtomTest::Lazy(lazy) | AtomTest::Guarded(lazy) = &mut atom.test {
            lazy.words = Words::of(&lazy.checks);
        }
    }

    /// Puts what is cheap to ask first.
    fn ordered(&self, program: Program) -> Program {
        let each = |parts: Box<[Program]>| {
            let mut parts: Vec<Program> = parts
                .into_vec()
                .into_iter()
                .map(|part| self.ordered(part))
                .collect();
            parts.sort_by_key(|part| self.cost(part));
            parts.into_boxed_slice()
        };
        match program {
            Program::Atom(_) => program,
            Program::Not(inner) => Program::Not(Box::new(self.ordered(*inner))),
            Program::All(parts) => Program::All(each(parts)),
            Program::Any(parts) => Program::Any(each(parts)),
            Program::AtLeast(count, parts) => Program::AtLeast(count, each(parts)),
        }
    }

    fn cost(&self, program: &Program) -> u32 {
        match program {
            Program::Atom(index) => match self.atoms.get(*index as usize).map(|atom| &atom.test) {
                Some(AtomTest::Found) | None => 1,
                Some(AtomTest::Guarded(_)) => 2,
                Some(AtomTest::Lazy(lazy)) => match lazy.checks.first().map(|check| &check.test) {
                    Some(Test::Regex(_)) => 100,
                    _ => 10 * lazy.checks.len() as u32,
                },
            },
            Program::Not(inner) => self.cost(inner),
            Program::All(parts) | Program::Any(parts) | Program::AtLeast(_, parts) => parts
                .iter()
                .map(|part| self.cost(part))
                .fold(1, u32::saturating_add),
        }
    }

    fn build_automata(&mut self) {
        let mut learned = Vec::new();
        let mut wanted: Vec<Vec<(&Literal, u32)>> = vec![Vec::new(); self.slots.len()];
        for (index, atom) in self.atoms.iter().enumerate().filter(|(_, atom)| atom.searched) {
            if let Some(list) = atom.slot.and_then(|slot| wanted.get_mut(slot)) {
                list.extend(atom.literals.iter().map(|literal| (literal, index as u32)));
            }
        }
        let automata: Vec<Option<Automaton>> = wanted.iter().map(|list| Automaton::new(list)).collect();
        for (slot, automaton) in self.slots.iter_mut().zip(automata) {
            slot.automaton = automaton;
        }
        for (index, atom) in self
            .atoms
            .iter()
            .enumerate()
            .filter(|(_, atom)| self.is_learned(atom))
        {
            learned.push((atom.slot, index as u32));
        }
        for (slot, atom) in learned {
            if let Some(slot) = slot.and_then(|slot| self.slots.get_mut(slot)) {
                slot.learned.push(atom);
            }
        }
        for atom in &mut self.atoms {
            atom.literals = Vec::new();
        }
    }
}

impl Atom {
    /// How rarely one of its literals is found; `None` when it can hold without.
    fn rarity(&self) -> Option<u32> {
        let rarest = self.literals.iter().map(Literal::rarity).min()?;
        match self.slot {
            // The whole value of a short field, such as a method or a status: one in a few lines has it, or most have.
            None if self.literals.iter().any(Literal::is_usual_answer) => Some(1),
            None => Some(4),
            Some(_) if rarest == 0 => None,
            Some(_) => Some(2 * rarest),
        }
    }

    /// Whether it asks for so many texts that finding them costs less than to look for each of them. A list of whole words is
    /// looked up at once.
    fn has_many_texts(&self) -> bool {
        const MANY: usize = 8;
        let is_text = |check: &Arc<Check>| as_literal(&check.test).is_some();
        self.test.lazy().is_some_and(|lazy| {
            lazy.checks.len() >= MANY && lazy.checks.iter().all(is_text) && Words::of(&lazy.checks).is_none()
        })
    }

    /// Whether its literals spare more runs of its test than finding them costs.
    fn is_worth_a_search(&self) -> bool {
        !self.literals.is_empty() && self.literals.iter().all(Literal::is_worth_a_search)
    }
}
