//! Reads the documents of one file: detection rules, filters, and hands correlations on.

use std::sync::Arc;

use crate::detect::condition::{self, Condition, Quantity};
use crate::detect::expr::Expr;
use crate::detect::modifiers;
use crate::detect::problem::Problems;
use crate::detect::yaml::{self, Node, Value};

use super::link::{Documents, FilterDoc, RuleDoc};
use super::{Logic, Selection, counted, meta};

/// Reads every document of a file into `all`; faults go to `problems`.
pub fn read(text: &str, all: &mut Documents, problems: &mut Problems) {
    let documents = match yaml::documents(text) {
        Ok(documents) => documents,
        Err(fault) => return problems.refuse(fault.at, "yaml", fault.reason),
    };
    if documents.is_empty() {
        problems.warn(yaml::At::default(), "file", "holds no rule");
    }
    for document in &documents {
        one(document, all, problems);
    }
}

fn one(document: &Node, all: &mut Documents, problems: &mut Problems) {
    if document.map().is_none() {
        return problems.refuse(
            document.at,
            "document",
            format!("a rule is a map, not {}", document.kind()),
        );
    }
    if let Some((key, _)) = document.entry("action") {
        return problems.refuse_with(
            key.at,
            "action",
            "collections with global parts are old Sigma",
            "write each rule out in a document of its own",
        );
    }
    let kinds = ["detection", "correlation", "filter"];
    let present: Vec<&str> = kinds
        .into_iter()
        .filter(|kind| document.find(kind).is_some())
        .collect();
    match present.as_slice() {
        ["detection"] => rule(document, all, problems),
        ["correlation"] => all.correlations.extend(counted::read(document, problems)),
        ["filter"] => filter(document, all, problems),
        [] => problems.refuse(
            document.at,
            "document",
            "has neither `detection` nor `correlation` nor `filter`",
        ),
        several => problems.refuse(
            document.at,
            "document",
            format!("is one of {} only", several.join(", ")),
        ),
    }
}

fn rule(document: &Node, all: &mut Documents, problems: &mut Problems) {
    let before = problems.refusals.len();
    let meta = meta::read(document, problems);
    let source = log_source(document, problems);
    let Some(detection) = document.find("detection") else {
        return;
    };
    let Some((selections, logic)) = detections(detection, "detection", &[], problems) else {
        return;
    };
    if problems.refusals.len() == before {
        all.rules.push(RuleDoc {
            meta,
            at: document.at,
            source,
            selections,
            logic,
        });
    }
}

fn filter(document: &Node, all: &mut Documents, problems: &mut Problems) {
    let before = problems.refusals.len();
    let meta = meta::read(document, problems);
    let source = log_source(document, problems);
    let Some(body) = document.find("filter") else {
        return;
    };
    let Some((rules_key, rules)) = body.entry("rules") else {
        return problems.refuse_with(
            body.at,
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
        problems.refuse(rules_key.at, "rules", "names no rule");
    }
    let Some((selections, logic)) = detections(body, "filter", &["rules"], problems) else {
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
        problems.refuse(node.at, "logsource", format!("is a map, not {}", node.kind()));
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
        problems.refuse_with(
            key.at,
            "logsource",
            format!("`{}` is no web access log", named.join(" ")),
            "categories are webserver and proxy, products nginx, apache and the other servers afw reads",
        );
    }
    source
}

/// Reads selections and condition out of a `detection` or `filter` map.
fn detections(
    body: &Node,
    construct: &str,
    other_keys: &[&str],
    problems: &mut Problems,
) -> Option<(Vec<Selection>, Logic)> {
    let Some(entries) = body.map() else {
        problems.refuse(body.at, construct, format!("is a map, not {}", body.kind()));
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
        if let Some(expr) = selection(name, value, problems) {
            selections.push(Selection {
                name: name.into(),
                expr,
            });
        }
    }
    let Some((key, value)) = body.entry("condition") else {
        problems.refuse_with(
            body.at,
            construct,
            "has no condition",
            "add `condition: selection`",
        );
        return None;
    };
    if problems.refusals.len() > before {
        // Selections that were refused would be reported as unknown names too.
        return None;
    }
    let parts: Vec<Logic> = value
        .items()
        .iter()
        .filter_map(|item| logic(item, &selections, problems))
        .collect();
    if parts.len() != value.items().len() || parts.is_empty() {
        if problems.refusals.len() == before {
            problems.refuse(key.at, "condition", "is empty");
        }
        return None;
    }
    Some((selections, Logic::Any(parts)))
}

fn selection(name: &str, value: &Node, problems: &mut Problems) -> Option<Expr> {
    let before = problems.refusals.len();
    let expr = match &value.value {
        Value::Map(_) => fields(name, value, problems),
        Value::Scalar(_) => modifiers::keyword(value, problems),
        Value::List(items) => {
            let parts = items.iter().filter_map(|item| match &item.value {
                Value::Map(_) => fields(name, item, problems),
                Value::Scalar(_) => modifiers::keyword(item, problems),
                _ => {
                    problems.refuse(item.at, name, format!("{} is no selection", item.kind()));
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
        problems.refuse(value.at, name, "is empty");
    }
    expr.filter(|_| problems.refusals.len() == before)
}

fn fields(name: &str, map: &Node, problems: &mut Problems) -> Option<Expr> {
    let entries = map.map().unwrap_or_default();
    if entries.is_empty() {
        problems.refuse(map.at, name, "is empty");
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
        problems.refuse(node.at, "condition", format!("is text, not {}", node.kind()));
        return None;
    };
    let parsed = match condition::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let mut at = node.at;
            at.column += text.get(..error.offset).unwrap_or_default().chars().count();
            problems.refuse(at, "condition", error.reason);
            return None;
        }
    };
    match bind(&parsed, selections) {
        Ok(logic) => Some(logic),
        Err(reason) => {
            problems.refuse(node.at, "condition", reason);
            None
        }
    }
}

/// Puts indices in the place of names.
fn bind(condition: &Condition, selections: &[Selection]) -> Result<Logic, String> {
    let each = |parts: &[Condition]| {
        parts
            .iter()
            .map(|part| bind(part, selections))
            .collect::<Result<_, _>>()
    };
    Ok(match condition {
        Condition::Name(name) => {
            let index = selections.iter().position(|selection| &*selection.name == name);
            Logic::Selection(index.ok_or_else(|| unknown(name, selections))?)
        }
        Condition::Not(inner) => Logic::Not(Box::new(bind(inner, selections)?)),
        Condition::All(parts) => Logic::All(each(parts)?),
        Condition::Any(parts) => Logic::Any(each(parts)?),
        Condition::Of(quantity, group) => {
            let members: Vec<Logic> = selections
                .iter()
                .enumerate()
                .filter(|(_, selection)| group.includes(&selection.name))
                .map(|(index, _)| Logic::Selection(index))
                .collect();
            match (*quantity, members.len()) {
                (_, 0) => return Err("`of` finds no selection of that name".to_owned()),
                (Quantity::All, _) => Logic::All(members),
                (Quantity::AtLeast(1), _) => Logic::Any(members),
                (Quantity::AtLeast(count), there) if count <= there => Logic::AtLeast(count, members),
                (Quantity::AtLeast(count), there) => {
                    return Err(format!("asks for {count} selections of {there}"));
                }
            }
        }
    })
}

fn unknown(name: &str, selections: &[Selection]) -> String {
    let names: Vec<&str> = selections.iter().map(|selection| &*selection.name).collect();
    format!(
        "`{name}` is no selection of this rule, which has {}",
        names.join(", ")
    )
}
