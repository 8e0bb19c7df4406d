//! Reads the documents of one file: detection rules, filters, and hands correlations on.

use std::collections::HashMap;
use std::sync::Arc;

use crate::detect::condition::{self, Condition, Group, Quantity};
use crate::detect::expr::Expr;
use crate::detect::modifiers;
use crate::detect::problem::{Problems, meant};
use crate::detect::yaml::{self, At, Node, Value};
use crate::text::nearest;

use super::collection::Collection;
use super::link::{Documents, FilterDoc, RuleDoc};
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

/// Which logs a rule is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSource {
    pub category: Option<String>,
    pub product: Option<String>,
    pub service: Option<String>,
}

impl LogSource {
    /// Whether a filter with this source is meant for a rule with the other: what both name must agree.
    pub fn covers(&self, other: &Self) -> bool {
        let agree = |ours: &Option<String>, theirs: &Option<String>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        agree(&self.category, &other.category)
            && agree(&self.product, &other.product)
            && agree(&self.service, &other.service)
    }
}

const CATEGORIES: [&str; 2] = ["webserver", "proxy"];
/// Products whose access logs afw reads.
const PRODUCTS: [&str; 13] = [
    "nginx",
    "apache",
    "httpd",
    "caddy",
    "cloudflare",
    "iis",
    "traefik",
    "haproxy",
    "envoy",
    "cloudfront",
    "varnish",
    "litespeed",
    "ingress-nginx",
];

fn log_source(document: &Node, problems: &mut Problems) -> LogSource {
    let Some((key, node)) = document.entry("logsource") else {
        return LogSource::default();
    };
    if node.map().is_none() {
        problems.refuse_with(
            node.at,
            "logsource",
            format!("is a map, not {}", node.kind()),
            "write `logsource: {category: webserver}`",
        );
        return LogSource::default();
    }
    let text = |name: &str| {
        node.find(name)
            .and_then(Node::text)
            .map(|text| text.trim().to_ascii_lowercase())
    };
    let source = LogSource {
        category: text("category"),
        product: text("product"),
        service: text("service"),
    };
    let category = source.category.as_deref().map(|name| CATEGORIES.contains(&name));
    let product = source.product.as_deref().map(|name| PRODUCTS.contains(&name));
    if !(category == Some(true) || (category.is_none() && product.unwrap_or(true))) {
        let named = [&source.category, &source.product].into_iter().flatten();
        let named: Vec<&str> = named.map(String::as_str).collect();
        let wrong = if category.is_some() { "category" } else { "product" };
        problems.refuse_with(
            node.find(wrong).map_or(key.at, |wrong| wrong.at),
            "logsource",
            format!("`{}` is no web access log", named.join(" ")),
            "categories are webserver and proxy, products nginx, apache and the other servers afw reads",
        );
    }
    source
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

fn logic(node: &Node, selections: &[Selection], problems: &mut Problems) -> Option<Logic> {
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
