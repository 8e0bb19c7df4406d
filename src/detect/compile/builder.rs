//! From trees to atoms and programs: what rules ask of one text in one place becomes one question, shared by all.
//!
//! Nothing is decided yet about how an atom is answered: that stands in [`super::settle`]. Next: there.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::literal::{Literal, as_literal, guards};
use super::{Atom, AtomTest, Lazy, Program, REST, Slot, Source};
use crate::detect::expr::{Check, Expr, Subject, Test};
use crate::detect::fields::Field;
use crate::detect::layers::{Layering, Region};
use crate::detect::pattern::Piece;

/// The slots that always exist, by index.
const TARGET: usize = 0;
const REFERRER: usize = 1;
const AGENT: usize = 2;

/// Rules on their way to an engine.
pub(super) struct Builder {
    pub(super) slots: Vec<Slot>,
    pub(super) atoms: Vec<Atom>,
    /// For each atom the field it was made for.
    fields: Vec<Option<Field>>,
    /// Atoms by what they ask, so that rules share them.
    known: HashTable<(u64, u32)>,
    hasher: RandomState,
}

impl Builder {
    pub(super) fn new() -> Self {
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

    pub(super) fn program(&mut self, expr: &Expr) -> Program {
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
    pub(super) fn field_slot(&mut self, field: &Field) -> usize {
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
}

fn any_of(mut programs: Vec<Program>) -> Program {
    match programs.len() {
        1 => programs.remove(0),
        _ => Program::Any(programs.into_boxed_slice()),
    }
}
