//! The condition of a detection over the indices of its selections.
//!
//! The grammar is [`crate::detect::condition`]'s; here its names are looked up, and each that means nothing is told.

use std::collections::HashMap;

use crate::detect::condition::{self, Condition, Group, Quantity};
use crate::detect::problem::{Problems, meant};
use crate::detect::yaml::Node;

use super::{Logic, Selection};

/// Reads a condition; `None` when something is wrong with it, which `problems` then tell.
pub(super) fn logic(node: &Node, selections: &[Selection], problems: &mut Problems) -> Option<Logic> {
    let Some(text) = node.text() else {
        let reason = format!("is text, not {}", node.kind());
        problems.refuse_with(node.at, "condition", reason, "write `condition: selection`");
        return None;
    };
    let parsed = match condition::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let word = text.get(error.offset..).unwrap_or_default();
            let len = word.find(|letter: char| letter.is_whitespace() || "()".contains(letter));
            let at = node.at.inside(error.offset, len.unwrap_or(word.len()).max(1));
            let hint = match text.contains('|') {
                true => {
                    "a correlation counts: `type: event_count`, `rules`, `group-by`, `timespan`, `condition: {gte: 5}`"
                }
                false => {
                    "selections are joined by `and`, `or`, `not`, `1 of x*`, `all of x*` and parentheses"
                }
            };
            problems.refuse_with(at, "condition", error.reason, hint);
            return None;
        }
    };
    let mut binder = Binder::new(selections);
    let logic = binder.bind(&parsed);
    for (word, reason, hint) in binder.faults {
        let at = place_of(text, &word).map_or(node.at, |start| node.at.inside(start, word.len()));
        problems.refuse_with(at, "condition", reason, hint);
    }
    logic
}

/// Where a name stands in a condition as a word of its own.
fn place_of(text: &str, word: &str) -> Option<usize> {
    let is_part = |letter: char| letter.is_alphanumeric() || "_-.*".contains(letter);
    let alone = |at: &usize| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    };
    text.match_indices(word).map(|(at, _)| at).find(alone)
}

/// A name in a condition, what is wrong with it and what to do.
type Unbound = (String, String, String);

/// Most selections that the groups of one condition may take in all, and most names that it may have wrong.
const MAX_MEMBERS: usize = 1 << 16;
const MAX_FAULTS: usize = 20;

/// Puts indices in the place of names.
struct Binder<'s> {
    selections: &'s [Selection],
    places: HashMap<&'s str, usize>,
    members: usize,
    faults: Vec<Unbound>,
}

impl<'s> Binder<'s> {
    fn new(selections: &'s [Selection]) -> Self {
        let places = selections
            .iter()
            .zip(0..)
            .map(|(selection, at)| (&*selection.name, at));
        Self {
            selections,
            places: places.collect(),
            members: 0,
            faults: Vec::new(),
        }
    }

    /// The condition over indices; `None` when a name means nothing.
    fn bind(&mut self, condition: &Condition) -> Option<Logic> {
        if self.faults.len() >= MAX_FAULTS {
            return None;
        }
        Some(match condition {
            Condition::Not(inner) => Logic::Not(Box::new(self.bind(inner)?)),
            Condition::All(parts) => Logic::All(self.each(parts)?),
            Condition::Any(parts) => Logic::Any(self.each(parts)?),
            Condition::Name(name) => {
                let index = self.places.get(name.as_str()).copied();
                if index.is_none() {
                    self.faults.push(unknown(name, self.selections));
                }
                Logic::Selection(index?)
            }
            Condition::Of(quantity, group) => {
                let bound = self.of(*quantity, group);
                bound.map_err(|fault| self.faults.push(fault)).ok()?
            }
        })
    }

    fn each(&mut self, parts: &[Condition]) -> Option<Vec<Logic>> {
        let bound: Vec<_> = parts.iter().map(|part| self.bind(part)).collect();
        bound.into_iter().collect()
    }

    fn of(&mut self, quantity: Quantity, group: &Group) -> Result<Logic, Unbound> {
        let selections = self.selections;
        let word = match group {
            Group::Them => "them",
            Group::Like(pattern) => pattern,
        };
        let fault = |reason: String, hint: String| Err((word.to_owned(), reason, hint));
        self.members += selections.len();
        if self.members > MAX_MEMBERS {
            let reason = format!("the groups of this condition look at more than {MAX_MEMBERS} selections");
            return fault(reason, "write several rules".to_owned());
        }
        let included = |(index, selection): (usize, &Selection)| {
            group.includes(&selection.name).then_some(Logic::Selection(index))
        };
        let members: Vec<Logic> = selections.iter().enumerate().filter_map(included).collect();
        match (quantity, members.len()) {
            (_, 0) => fault(
                "`of` finds no selection of that name".to_owned(),
                names_of(selections),
            ),
            (Quantity::All, _) => Ok(Logic::All(members)),
            (Quantity::AtLeast(1), _) => Ok(Logic::Any(members)),
            (Quantity::AtLeast(count), there) if count <= there => Ok(Logic::AtLeast(count, members)),
            (Quantity::AtLeast(count), there) => fault(
                format!("asks for {count} selections of {there}"),
                format!("write `all of {word}`, or a smaller number"),
            ),
        }
    }
}

fn unknown(name: &str, selections: &[Selection]) -> Unbound {
    let names = selections.iter().map(|selection| &*selection.name);
    (
        name.to_owned(),
        format!("`{name}` is no selection of this rule"),
        meant(name, names, &names_of(selections)),
    )
}

fn names_of(selections: &[Selection]) -> String {
    const MAX: usize = 20;
    let names: Vec<&str> = selections
        .iter()
        .map(|selection| &*selection.name)
        .take(MAX)
        .collect();
    match names.as_slice() {
        [] => "write a selection beside the condition".to_owned(),
        names => format!("selections are {}", names.join(", ")),
    }
}
