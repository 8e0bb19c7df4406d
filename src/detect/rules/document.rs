//! Reads the documents of one file: detection rules, filters, and hands correlations on.

use std::sync::Arc;

use crate::detect::expr::Expr;
use crate::detect::modifiers;
use crate::detect::problem::Problems;
use crate::detect::yaml::{self, At, Node, Value};
use crate::text::nearest;

use super::collection::Collection;
use super::link::{Documents, FilterDoc, RuleDoc};
use super::logic::logic;
use super::logsource::log_source;
use super::{Logic, Selection, counted, meta};

/// Reads every document of a file into `all`; faults go to `problems`.
pub fn read(text: &str, all: &mut Documents, problems: &mut Problems) {
    let (documents, faults) = yaml::documents(text);
    all.incomplete |= !faults.is_empty();
    if documents.is_empty() && faults.is_empty() {
        let hint = "a rule has at least `title`, `logsource` and `detection`";
        problems.warn(
            yaml::At::default(),
            "file",
            "holds no rule",
            Some(hint.to_owned()),
        );
    }
    for fault in faults {
        let hint = fault.hint.unwrap_or_default();
        problems.refuse_with(fault.at, "yaml", fault.reason, hint);
    }
    let mut collection = Collection::default();
    for document in documents {
        if let Some(document) = collection.whole(document, problems) {
            one(&document, all, problems);
        }
    }
}

fn one(document: &Node, all: &mut Documents, problems: &mut Problems) {
    if document.map().is_none() {
        return problems.refuse_with(
            document.at,
            "document",
            format!("a rule is a map, not {}", document.kind()),
            "a rule begins with `title: …`; `---` stands between two rules",
        );
    }
    let kinds = ["detection", "correlation", "filter"];
    let present: Vec<&str> = kinds
        .into_iter()
        .filter(|kind| document.find(kind).is_some())
        .collect();
    match present.as_slice() {
        ["detection"] => rule(document, all, problems),
        ["correlation"] => match counted::read(document, problems) {
            Some(correlation) => all.correlations.push(correlation),
            // What is wrong with its head was told.
            None => all.refuse(&meta::read(
                document,
                &mut Problems::new(Arc::clone(&problems.file)),
            )),
        },
        ["filter"] => filter(document, all, problems),
        [] => problems.refuse_with(
            document.at,
            "document",
            "has neither `detection` nor `correlation` nor `filter`",
            misspelled(document, &kinds),
        ),
        several => problems.refuse_with(
            document.at,
            "document",
            format!("is one of {} only", several.join(", ")),
            "put `---` and a title between the two",
        ),
    }
}

/// What to do about a document without any of these keys.
fn misspelled(document: &Node, kinds: &[&str]) -> String {
    let keys = document.map().unwrap_or_default().iter();
    let mut near =
        keys.filter_map(|(key, _)| Some((key.text()?, nearest(key.text()?, kinds.iter().copied())?)));
    match near.next() {
        Some((key, kind)) => format!("`{key}` may be meant to be `{kind}`"),
        None => "say under `detection` what the rule looks for".to_owned(),
    }
}

fn rule(document: &Node, all: &mut Documents, problems: &mut Problems) {
    let before = problems.refusals.len();
    let meta = meta::read(document, problems);
    let source = log_source(document, problems);
    let Some((key, detection)) = document.entry("detection") else {
        return;
    };
    let Some((selections, logic)) = detections(key.at, detection, "detection", &[], problems) else {
        return all.refuse(&meta);
    };
    if problems.refusals.len() > before {
        return all.refuse(&meta);
    }
    all.unfolded += unfolded(&selections, &logic);
    if all.unfolded > MAX_UNFOLDED {
        return problems.refuse_with(
            key.at,
            "condition",
            format!("the rules of this file unfold to more than {MAX_UNFOLDED} tests"),
            "write the rules in several files, and name large selections less often",
        );
    }
    all.rules.push(RuleDoc {
        meta,
        at: document.entry("id").map_or(document.at, |(_, id)| id.at),
        source,
        selections,
        logic,
    });
}

fn filter(document: &Node, all: &mut Documents, problems: &mut Problems) {
    let before = problems.refusals.len();
    let meta = meta::read(document, problems);
    let source = log_source(document, problems);
    let Some((filter_key, body)) = document.entry("filter") else {
        return;
    };
    let Some((rules_key, rules)) = body.entry("rules") else {
        return problems.refuse_with(
            filter_key.at,
            "filter",
            "does not say which rules it is for",
            "list their ids under `rules`, or write `rules: any`",
        );
    };
    let names: Vec<_> = rules
        .items()
        .iter()
        .filter_map(|item| item.text().map(|name| (Arc::from(name), item.at)))
        .collect();
    if names.is_empty() {
        problems.refuse_with(
            rules_key.at,
            "rules",
            "names no rule",
            "list ids or names of rules, or write `rules: any`",
        );
    }
    let Some((selections, logic)) = detections(filter_key.at, body, "filter", &["rules"], problems) else {
        return;
    };
    if problems.refusals.len() == before {
        all.filters.push(FilterDoc {
            any: names.iter().any(|(name, _)| &**name == "any"),
            names,
            meta,
            source,
            file: Arc::clone(&problems.file),
            selections,
            logic,
        });
    }
}

/// Most tests that the rules of one file have when every selection is written out where its name stands.
const MAX_UNFOLDED: usize = 1 << 21;

fn unfolded(selections: &[Selection], logic: &Logic) -> usize {
    let sizes: Vec<usize> = selections.iter().map(|selection| selection.expr.size()).collect();
    logic.weight(&sizes)
}

/// Reads selections and condition out of a `detection` or `filter` map.
fn detections(
    at: At,
    body: &Node,
    construct: &str,
    other_keys: &[&str],
    problems: &mut Problems,
) -> Option<(Vec<Selection>, Logic)> {
    let Some(entries) = body.map() else {
        problems.refuse_with(
            body.at,
            construct,
            format!("is a map, not {}", body.kind()),
            "it holds named selections and a `condition`",
        );
        return None;
    };
    let before = problems.refusals.len();
    let mut selections = Vec::new();
    for (key, value) in entries {
        let name = key.text().unwrap_or_default();
        if name == "condition" || other_keys.contains(&name) {
            continue;
        }
        if name == "timeframe" {
            problems.refuse_with(
                key.at,
                "timeframe",
                "belongs to counting after `|`, which is old Sigma",
                "write a correlation document with `timespan`",
            );
            continue;
        }
        // One that is refused is known to the condition all the same.
        let expr = selection(key, value, problems).unwrap_or(Expr::Any(Vec::new()));
        selections.push(Selection {
            name: name.into(),
            expr,
        });
    }
    let Some((key, value)) = body.entry("condition") else {
        let first = selections.first().map_or("selection", |first| &*first.name);
        let hint = format!("add `condition: {first}`");
        problems.refuse_with(at, construct, "has no condition", hint);
        return None;
    };
    let parts: Vec<Logic> = value
        .items()
        .iter()
        .filter_map(|item| logic(item, &selections, problems))
        .collect();
    if parts.len() != value.items().len() || parts.is_empty() {
        if problems.refusals.len() == before {
            problems.refuse_with(
                key.at,
                "condition",
                "is empty",
                "name the selections that must hold: `condition: a and not b`",
            );
        }
        return None;
    }
    (problems.refusals.len() == before).then_some((selections, Logic::Any(parts)))
}

fn selection(key: &Node, value: &Node, problems: &mut Problems) -> Option<Expr> {
    const EMPTY: &str = "write what it looks for: `cs-uri|contains: /x`, or a list of words";
    let name = key.text().unwrap_or_default();
    let before = problems.refusals.len();
    let expr = match &value.value {
        Value::Map(_) => fields(name, key, value, problems),
        Value::Scalar(_) => modifiers::keyword(value, problems),
        Value::List(items) => {
            let parts = items.iter().filter_map(|item| match &item.value {
                Value::Map(_) => fields(name, item, item, problems),
                Value::Scalar(_) => modifiers::keyword(item, problems),
                _ => {
                    problems.refuse_with(item.at, name, format!("{} is no selection", item.kind()), EMPTY);
                    None
                }
            });
            Some(Expr::any(parts.collect()))
        }
        Value::Null => None,
    };
    let empty =
        matches!(&value.value, Value::Null) || matches!(&value.value, Value::List(items) if items.is_empty());
    if empty {
        problems.refuse_with(key.at, name, "is empty", EMPTY);
    }
    expr.filter(|_| problems.refusals.len() == before)
}

fn fields(name: &str, at: &Node, map: &Node, problems: &mut Problems) -> Option<Expr> {
    let entries = map.map().unwrap_or_default();
    if entries.is_empty() {
        problems.refuse_with(
            at.at,
            name,
            "is empty",
            "write what it looks for: `cs-uri|contains: /x`",
        );
        return None;
    }
    let parts: Vec<Expr> = entries
        .iter()
        .filter_map(|(key, value)| modifiers::entry(key, value, problems))
        .collect();
    (parts.len() == entries.len()).then(|| Expr::all(parts))
}
