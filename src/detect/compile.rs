//! Compilation: from the trees of all rules to what runs on each line, the [`Engine`].
//!
//! Every literal of every rule goes into one automaton per text (target, referrer, user agent, …). A literal that is
//! found sets the **atoms** that ask for it; an atom may wake **rules**. A rule is looked at only when a literal was
//! found without which it cannot hold, so a line's cost does not grow with the number of rules. Regular expressions
//! and wildcards run only behind a literal they need. What has no such literal is tried on every line.
//!
//! Everything is decided here, once; [`super::signature`] only runs it. Memory is bounded by the rules: nothing here
//! grows with the log. Next: [`super::signature`].

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::expr::{Check, Expr, Subject, Test};
use super::fields::Field;
use super::layers::{Layering, Region};
use super::pattern::Piece;

mod automaton;
mod literal;
mod words;

pub(super) use automaton::{Automaton, Entry};
use literal::{Literal, as_literal, guards};
pub(super) use words::Words;

/// All rules, ready to run.
#[derive(Debug, Default)]
pub struct Engine {
    pub(super) slots: Vec<Slot>,
    pub(super) atoms: Vec<Atom>,
    pub(super) programs: Vec<Program>,
    /// Per atom, the rules that it wakes.
    pub(super) wakes: Vec<Box<[u32]>>,
    /// Rules that no literal wakes.
    pub(super) always: Vec<u32>,
}

/// A text of an event that is searched.
#[derive(Debug)]
pub(super) struct Slot {
    pub source: Source,
    pub layering: Layering,
    /// Whether few different texts come, so that what was found is remembered by text.
    pub repeats: bool,
    pub automaton: Option<Automaton>,
    /// Where few different texts come: tests that no literal guards, run once for each text.
    pub learned: Vec<u32>,
}

/// Where a slot's text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// A field; [`Field::Target`] for all parts of the target.
    Field(Field),
    /// All values of the line but target, referrer and agent.
    Rest,
}

/// One question to an event, shared by the rules that ask it in one place.
#[derive(Debug)]
pub(super) struct Atom {
    /// The slot it looks at; `None` for a field that is read when asked.
    pub slot: Option<usize>,
    pub test: AtomTest,
    /// The texts whose finding sets it or lets it run.
    literals: Vec<Literal>,
    /// Whether it stands in its slot's automaton.
    searched: bool,
}

/// How an atom is answered.
#[derive(Debug)]
pub(super) enum AtomTest {
    /// By its literals alone.
    Found,
    /// By running `test` once one of its literals was found.
    Guarded(Lazy),
    /// By running `test`.
    Lazy(Lazy),
}

impl AtomTest {
    /// The test that is run.
    const fn lazy(&self) -> Option<&Lazy> {
        match self {
            Self::Found => None,
            Self::Guarded(lazy) | Self::Lazy(lazy) => Some(lazy),
        }
    }
}

/// A test that is run on a text when a rule asks for it.
#[derive(Debug)]
pub(super) struct Lazy {
    /// Which parts of a slot's text; one of them must pass.
    pub regions: Vec<Region>,
    /// The field, when it is no slot's.
    pub field: Option<Field>,
    /// Any of these must hold.
    pub checks: Vec<Arc<Check>>,
    /// The same, where they are many words.
    pub words: Option<Words>,
}

/// A rule over atoms.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Program {
    Atom(u32),
    Not(Box<Program>),
    All(Box<[Program]>),
    Any(Box<[Program]>),
    AtLeast(usize, Box<[Program]>),
}

/// The slots that always exist, by index.
const TARGET: usize = 0;
const REFERRER: usize = 1;
const AGENT: usize = 2;
pub(super) const REST: usize = 3;

impl Engine {
    /// Compiles rules, given as trees; a rule keeps its index.
    pub fn new(rules: impl Iterator<Item = Expr>) -> Self {
        let mut builder = Builder::new();
        let programs: Vec<Program> = rules.map(|rule| builder.program(&rule)).collect();
        builder.finish(programs)
    }
}

struct Builder {
    slots: Vec<Slot>,
    atoms: Vec<Atom>,
    /// For each atom the field it was made for.
    fields: Vec<Option<Field>>,
    /// Atoms by what they ask, so that rules share them.
    known: HashTable<(u64, u32)>,
    hasher: RandomState,
}

/// The atoms of which one must be found, and how rarely that is.
struct Wake {
    atoms: Vec<u32>,
    rarity: u32,
}

impl Builder {
    fn new() -> Self {
        let slot = |source: Source, layering: Layering, repeats: bool| Slot {
            source,
            layering,
            repeats,
            automaton: None,
            learned: Vec::new(),
        };
        Self {
            slots: vec![
                slot(Source::Field(Field::Target), Layering::Target, false),
                slot(Source::Field(Field::Referrer), Layering::Text, true),
                slot(Source::Field(Field::Agent), Layering::Agent, true),
                slot(Source::Rest, Layering::Plain, false),
            ],
            atoms: Vec::new(),
            fields: Vec::new(),
            known: HashTable::new(),
            hasher: RandomState::default(),
        }
    }

    fn program(&mut self, expr: &Expr) -> Program {
        match expr {
            Expr::Check(check) => self.checks(&[check]),
            Expr::Not(inner) => Program::Not(Box::new(self.program(inner))),
            Expr::All(parts) => Program::All(parts.iter().map(|part| self.program(part)).collect()),
            Expr::Any(parts) => self.any(parts),
            Expr::AtLeast(count, parts) => {
                Program::AtLeast(*count, parts.iter().map(|part| self.program(part)).collect())
            }
        }
    }

    /// Alternatives: those that ask the same subject become one question.
    fn any(&mut self, parts: &[Expr]) -> Program {
        let mut groups: Vec<(&Subject, Vec<&Arc<Check>>)> = Vec::new();
        let mut programs = Vec::new();
        for part in parts {
            match part {
                Expr::Check(check) => match groups.iter_mut().find(|(subject, _)| **subject == check.subject)
                {
                    Some((_, checks)) => checks.push(check),
                    None => groups.push((&check.subject, vec![check])),
                },
                other => programs.push(self.program(other)),
            }
        }
        programs.extend(groups.into_iter().map(|(_, checks)| self.checks(&checks)));
        any_of(programs)
    }

    /// Checks of one subject of which one must hold.
    fn checks(&mut self, checks: &[&Arc<Check>]) -> Program {
        let Some(first) = checks.first() else {
            return Program::Any(Box::default());
        };
        match &first.subject {
            Subject::Anything => any_of(
                [TARGET, REFERRER, AGENT, REST]
                    .into_iter()
                    .map(|slot| self.at(Some(slot), None, &[Region::Whole], checks))
                    .collect(),
            ),
            Subject::Field(Field::QueryOrTarget) => self.query_or_target(checks),
            Subject::Field(field) => {
                let region = match field {
                    Field::Path => Region::Path,
                    Field::Query => Region::Query,
                    Field::Extension => Region::Extension,
                    _ => Region::Whole,
                };
                let slot = self.slot(field);
                self.at(slot, Some(field), &[region], checks)
            }
        }
    }

    /// Sigma's `cs-uri-query`: the query or the whole target. What stands anywhere in the query, or at its end, stands
    /// so in the target.
    fn query_or_target(&mut self, checks: &[&Arc<Check>]) -> Program {
        let on = |regions: &'static [Region], wanted: fn(&Test) -> u8, kind: u8| {
            let some: Vec<&Arc<Check>> = checks
                .iter()
                .filter(|check| wanted(&check.test) == kind)
                .copied()
                .collect();
            (regions, some)
        };
        let kind: fn(&Test) -> u8 = |test| match test {
            Test::Present | Test::Empty => 0,
            Test::Pattern { pattern, .. } if pattern.pieces().first() == Some(&Piece::Any) => 1,
            Test::Regex(regex) if !regex.looks_around => 1,
            _ => 2,
        };
        let groups = [
            on(&[Region::Query], kind, 0),
            on(&[Region::Whole], kind, 1),
            on(&[Region::Query, Region::Whole], kind, 2),
        ];
        let programs = groups
            .into_iter()
            .filter(|(_, checks)| !checks.is_empty())
            .map(|(regions, checks)| self.at(Some(TARGET), None, regions, &checks))
            .collect();
        any_of(programs)
    }

    /// The slot of a field whose text is always searched.
    fn slot(&mut self, field: &Field) -> Option<usize> {
        match field {
            field if field.is_target() => Some(TARGET),
            Field::Referrer => Some(REFERRER),
            Field::Agent => Some(AGENT),
            Field::Header(_) => Some(self.field_slot(field)),
            _ => None,
        }
    }

    /// The slot of any field, made if there is none.
    fn field_slot(&mut self, field: &Field) -> usize {
        let source = Source::Field(field.clone());
        match self.slots.iter().position(|slot| slot.source == source) {
            Some(index) => index,
            None => {
                self.slots.push(Slot {
                    source,
                    layering: Layering::of(field),
                    repeats: true,
                    automaton: None,
                    learned: Vec::new(),
                });
                self.slots.len() - 1
            }
        }
    }

    /// Checks of which one must hold, on some regions of one text.
    fn at(
        &mut self,
        slot: Option<usize>,
        field: Option<&Field>,
        regions: &[Region],
        checks: &[&Arc<Check>],
    ) -> Program {
        let mut literals = Vec::new();
        let mut plain = Vec::new();
        let mut programs = Vec::new();
        for check in checks {
            match as_literal(&check.test) {
                Some((bytes, anchor, cased)) => {
                    plain.push(Arc::clone(check));
                    let at = |&region| Literal::new(bytes, anchor, region, cased);
                    literals.extend(regions.iter().map(at));
                }
                None => {
                    let guards = guards(&check.test);
                    programs.push(self.atom(slot, field, regions, vec![Arc::clone(check)], guards, false));
                }
            }
        }
        if !plain.is_empty() {
            literals.sort_unstable();
            literals.dedup();
            programs.push(self.atom(slot, field, regions, plain, literals, true));
        }
        any_of(programs)
    }

    fn atom(
        &mut self,
        slot: Option<usize>,
        field: Option<&Field>,
        regions: &[Region],
        checks: Vec<Arc<Check>>,
        literals: Vec<Literal>,
        found: bool,
    ) -> Program {
        let hash = self.hasher.hash_one((slot, field, regions, &checks));
        let same = |&(_, index): &(u64, u32)| self.asks(index, slot, field, regions, &checks);
        if let Some(&(_, known)) = self.known.find(hash, same) {
            return Program::Atom(known);
        }
        let lazy = Lazy {
            regions: regions.to_vec(),
            field: field.filter(|_| slot.is_none()).cloned(),
            words: None,
            checks,
        };
        let index = self.atoms.len() as u32;
        self.atoms.push(Atom {
            slot,
            test: match (found, literals.is_empty()) {
                (true, _) => AtomTest::Lazy(lazy),
                (false, false) => AtomTest::Guarded(lazy),
                (false, true) => AtomTest::Lazy(lazy),
            },
            literals,
            searched: false,
        });
        self.fields.push(field.cloned());
        self.known.insert_unique(hash, (hash, index), |(hash, _)| *hash);
        Program::Atom(index)
    }

    /// Whether an atom asks this.
    fn asks(
        &self,
        index: u32,
        slot: Option<usize>,
        field: Option<&Field>,
        regions: &[Region],
        checks: &[Arc<Check>],
    ) -> bool {
        let index = index as usize;
        let lazy = self.atoms.get(index).filter(|atom| atom.slot == slot);
        self.fields
            .get(index)
            .is_some_and(|known| known.as_ref() == field)
            && lazy
                .and_then(|atom| atom.test.lazy())
                .is_some_and(|lazy| lazy.regions == regions && lazy.checks == checks)
    }

    fn finish(mut self, programs: Vec<Program>) -> Engine {
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
        atom.searched |= atom.slot.is_some() && atom.is_worth_a_search();
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

    /// Whether its literals spare more runs of its test than finding them costs.
    fn is_worth_a_search(&self) -> bool {
        !self.literals.is_empty() && self.literals.iter().all(Literal::is_worth_a_search)
    }
}

fn any_of(mut programs: Vec<Program>) -> Program {
    match programs.len() {
        1 => programs.remove(0),
        _ => Program::Any(programs.into_boxed_slice()),
    }
}
