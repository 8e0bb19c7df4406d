//! Why a rule held or did not: the plain evaluator, which says for each selection what stood where on which view.
//!
//! [`Plain`] evaluates a rule's tree in the most obvious way, test by test and view by view, without automata, memos or
//! shared state. It is what `afw explain` shows, and what the compiled engine is tested against.

mod words;

use std::ops::Range;
use std::sync::Arc;

pub use words::describe;
use words::subject_name;

use super::View;
use super::expr::{Check, Expr, Subject, Test};
use super::fields::{self, Field};
use super::layers::{Layering, Layers, Region, VIEWS};
use super::lazy;
use super::rules::Rule;
use super::signature::Signatures;
use crate::event::Event;

/// What became of one rule that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// Index of the rule.
    pub rule: u32,
    /// The first view on which it held, if it did.
    pub fired: Option<View>,
    /// Each of its selections.
    pub selections: Vec<Outcome>,
}

/// What became of one selection.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Its name.
    pub name: Arc<str>,
    /// The view it was judged on: where the rule fired, else the first on which the selection held, else that on which most of it held.
    pub view: View,
    /// Whether it held.
    pub holds: bool,
    /// What was found.
    pub found: Vec<Found>,
    /// What was not, as the rule asks it: all of these would have had to be.
    pub missed: Vec<String>,
}

/// A test that held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The field.
    pub field: String,
    /// What the rule asks.
    pub asked: String,
    /// The field's text on that view.
    pub text: Vec<u8>,
    /// Which bytes of it matched.
    pub span: Range<usize>,
}

impl Signatures {
    /// Every rule that was looked at for this event, with the reason for its verdict. Slow; for people.
    pub fn explain(&mut self, event: &Event<'_, '_>) -> Vec<Explained> {
        self.look(event, &mut Vec::new());
        let plain = Plain::new(event);
        let ruleset = Arc::clone(self.ruleset());
        self.candidates()
            .into_iter()
            .filter_map(|index| {
                let rule = ruleset.rules().get(index as usize)?;
                Some(plain.explain(index, rule))
            })
            .collect()
    }
}

/// Most parts that are told of a selection that does not hold.
const MAX_MISSED: usize = 8;

/// Evaluates trees on one event, plainly.
pub struct Plain<'e, 'v, 'a> {
    event: &'e Event<'v, 'a>,
}

/// One text that a check looks at.
struct Candidate {
    field: String,
    text: Vec<u8>,
}

impl<'e, 'v, 'a> Plain<'e, 'v, 'a> {
    /// For one event.
    pub const fn new(event: &'e Event<'v, 'a>) -> Self {
        Self { event }
    }

    /// The target as it reads on each of [`VIEWS`].
    pub fn targets(&self) -> impl Iterator<Item = (View, Option<Vec<u8>>)> {
        let text = |at| Some(self.candidate(&Field::Target, at)?.text);
        VIEWS.iter().enumerate().map(move |(at, &view)| (view, text(at)))
    }

    /// The first view on which a tree holds.
    pub fn first_view(&self, expr: &Expr) -> Option<View> {
        VIEWS.get(self.first(expr)?).copied()
    }

    /// Its place among [`VIEWS`].
    fn first(&self, expr: &Expr) -> Option<usize> {
        (0..VIEWS.len()).find(|view| self.holds(expr, *view, false))
    }

    /// The view on which most of a tree's checks hold, the first of them.
    fn nearest(&self, expr: &Expr) -> usize {
        let held = |view: usize| {
            let mut held = 0;
            expr.each_check(&mut |check| held += usize::from(self.find(check, view).is_some()));
            held
        };
        (0..VIEWS.len()).rev().max_by_key(|view| held(*view)).unwrap_or(0)
    }

    fn explain(&self, index: u32, rule: &Rule) -> Explained {
        let fired = self.first(&rule.expr());
        let selections = rule.selections.iter().map(|selection| {
            let held = || self.first(&selection.expr);
            let view = fired
                .or_else(held)
                .unwrap_or_else(|| self.nearest(&selection.expr));
            let mut outcome = Outcome {
                name: Arc::clone(&selection.name),
                view: VIEWS.get(view).copied().unwrap_or_default(),
                holds: self.holds(&selection.expr, view, false),
                found: Vec::new(),
                missed: Vec::new(),
            };
            self.gather(&selection.expr, view, &mut outcome);
            outcome
        });
        Explained {
            rule: index,
            fired: fired.and_then(|view| VIEWS.get(view).copied()),
            selections: selections.collect(),
        }
    }

    /// Whether a tree holds on a view. Under a `not`, what was found on an earlier view counts too.
    fn holds(&self, expr: &Expr, view: usize, under_not: bool) -> bool {
        match expr {
            Expr::Check(check) => {
                let from = if under_not { 0 } else { view };
                (from..=view).any(|view| self.find(check, view).is_some())
            }
            Expr::Not(inner) => !self.holds(inner, view, !under_not),
            Expr::All(parts) => parts.iter().all(|part| self.holds(part, view, under_not)),
            Expr::Any(parts) => parts.iter().any(|part| self.holds(part, view, under_not)),
            Expr::AtLeast(count, parts) => {
                let held = parts.iter().filter(|part| self.holds(part, view, under_not));
                held.count() >= *count
            }
        }
    }

    fn gather(&self, expr: &Expr, view: usize, outcome: &mut Outcome) {
        expr.each_check(&mut |check| outcome.found.extend(self.find(check, view)));
        self.missed(expr, view, &mut outcome.missed);
    }

    /// What would have to hold for a tree to hold: each part by itself where all must, in one text where one would do.
    fn missed(&self, expr: &Expr, view: usize, missed: &mut Vec<String>) {
        match expr {
            _ if self.holds(expr, view, false) || missed.len() >= MAX_MISSED => {}
            Expr::All(parts) => parts.iter().for_each(|part| self.missed(part, view, missed)),
            _ => missed.push(words::of(expr)),
        }
    }

    /// What a check finds on a view.
    fn find(&self, check: &Check, view: usize) -> Option<Found> {
        let candidates = self.candidates(check, view);
        if candidates.is_empty() {
            return lazy::holds(&check.test, None, self.event).then(|| Found {
                field: subject_name(&check.subject),
                asked: describe(check),
                text: Vec::new(),
                span: 0..0,
            });
        }
        candidates.into_iter().find_map(|candidate| {
            if !lazy::holds(&check.test, Some(&candidate.text), self.event) {
                return None;
            }
            let span = span(&check.test, &candidate.text);
            Some(Found {
                field: candidate.field,
                asked: describe(check),
                text: candidate.text,
                span,
            })
        })
    }

    fn candidates(&self, check: &Check, view: usize) -> Vec<Candidate> {
        match &check.subject {
            Subject::Anything => {
                let mut all: Vec<Candidate> = [Field::Target, Field::Referrer, Field::Agent]
                    .iter()
                    .filter_map(|field| self.candidate(field, view))
                    .collect();
                lazy::any_rest(self.event, |value| {
                    all.push(Candidate {
                        field: "keyword".to_owned(),
                        text: value.to_vec(),
                    });
                    false
                });
                all
            }
            Subject::Field(Field::QueryOrTarget) => {
                let about_query = matches!(check.test, Test::Present | Test::Empty);
                let fields: &[Field] = match about_query {
                    true => &[Field::Query],
                    false => &[Field::Query, Field::Target],
                };
                fields
                    .iter()
                    .filter_map(|field| self.candidate(field, view))
                    .collect()
            }
            Subject::Field(Field::Lists) => {
                let mut all = Vec::new();
                fields::any_value(self.event, &Field::Lists, |value| {
                    all.push(Candidate {
                        field: Field::Lists.name(),
                        text: value.to_vec(),
                    });
                    false
                });
                all
            }
            Subject::Field(field) => self.candidate(field, view).into_iter().collect(),
        }
    }

    /// The text of one field on a view.
    fn candidate(&self, field: &Field, view: usize) -> Option<Candidate> {
        let (source, region) = match field {
            Field::Path => (&Field::Target, Region::Path),
            Field::Query => (&Field::Target, Region::Query),
            Field::Extension => (&Field::Target, Region::Extension),
            field => (field, Region::Whole),
        };
        let raw = fields::text(self.event, source)?;
        let mut layers = Layers::default();
        layers.load(Some(&raw), Layering::of(source));
        let (text, parts) = layers.text(&raw, layers.effective(view));
        let text = text.get(region.of(text, parts)?)?.to_vec();
        Some(Candidate {
            field: field.name(),
            text,
        })
    }
}

fn span(test: &Test, text: &[u8]) -> Range<usize> {
    let found = match test {
        Test::Pattern { pattern, cased } => pattern.find(text, *cased),
        Test::Regex(regex) => regex.find(text),
        _ => None,
    };
    found.unwrap_or(0..text.len())
}
