//! Reads correlation documents; who is meant by their rules is resolved in `link`.

use std::sync::Arc;

use crate::detect::correlate::rule::{Comparison, Group, Kind};
use crate::detect::fields::Field;
use crate::detect::modifiers;
use crate::detect::problem::{Problems, meant};
use crate::detect::yaml::{At, Node, Value};

use super::meta::{self, Meta};

/// A correlation whose rules are still names.
#[derive(Debug)]
pub struct CorrelationDoc {
    pub meta: Meta,
    pub at: At,
    pub file: Arc<str>,
    pub kind: Kind,
    pub rules: Vec<(Arc<str>, At)>,
    pub group_by: Vec<(Arc<str>, At)>,
    /// Alias → rule name → field.
    pub aliases: Vec<Alias>,
    pub timespan_nanos: i64,
    pub condition: Vec<(Comparison, u64)>,
    pub condition_at: At,
    pub field: Option<(Arc<str>, At)>,
    pub generate: bool,
}

/// One name that means another field for each rule.
#[derive(Debug)]
pub struct Alias {
    pub name: Arc<str>,
    pub fields: Vec<(Arc<str>, Arc<str>, At)>,
}

impl CorrelationDoc {
    /// The field that a name means for one of the rules.
    pub fn field(&self, name: &str, at: At, rule: &[&str], problems: &mut Problems) -> Field {
        let (name, at) = self.unaliased(name, at, rule);
        modifiers::field(name, at, problems)
    }

    /// A part of the key, likewise.
    pub fn group(&self, name: &str, at: At, rule: &[&str], problems: &mut Problems) -> Option<Group<Field>> {
        let (name, at) = self.unaliased(name, at, rule);
        // A prefix length belongs to the client's address alone.
        let group = Group::parse(name).or_else(|| {
            let whole = !name.contains('/');
            whole.then(|| Group::Field(modifiers::field(name, at, problems)))
        });
        if group.is_none() {
            problems.refuse_with(
                at,
                "group-by",
                format!("`{name}` is no field, or its prefix length is impossible"),
                "write a field, or an address with its prefixes: `c-ip/24`, `c-ip/24/64`",
            );
        }
        group
    }

    fn unaliased<'s>(&'s self, name: &'s str, at: At, rule: &[&str]) -> (&'s str, At) {
        self.aliases
            .iter()
            .filter(|alias| &*alias.name == name)
            .flat_map(|alias| &alias.fields)
            .find(|(of, _, _)| rule.contains(&&**of))
            .map_or((name, at), |(_, field, at)| (&**field, *at))
    }
}

/// Reads one document; `None` when it was refused.
pub fn read(document: &Node, problems: &mut Problems) -> Option<CorrelationDoc> {
    let before = problems.refusals.len();
    let meta = meta::read(document, problems);
    let (key, body) = document.entry("correlation")?;
    if body.map().is_none() {
        problems.refuse_with(
            body.at,
            "correlation",
            format!("is a map, not {}", body.kind()),
            "it holds `type`, `rules`, `group-by`, `timespan` and `condition`",
        );
        return None;
    }
    check_keys(body, problems);
    let kind = kind(key.at, body, problems);
    let rules = names(body, "rules", problems);
    if rules.is_empty() {
        problems.refuse_with(
            body.entry("rules").map_or(key.at, |(rules, _)| rules.at),
            "rules",
            "names no rule that is counted",
            "list rules by id or name: `rules: [some_rule]`",
        );
    }
    let group_by = names(body, "group-by", problems);
    let aliases = aliases(body, problems);
    let timespan_nanos = timespan(key.at, body, problems);
    let (condition, field) = condition(body, problems);
    let generate = [document, body]
        .iter()
        .filter_map(|node| node.find("generate"))
        .any(|node| node.text().is_some_and(|text| text.eq_ignore_ascii_case("true")));
    if matches!(kind, Some(Kind::EventCount | Kind::ValueCount)) {
        check_counting(key.at, body, problems);
    }
    let kind = kind.filter(|_| problems.refusals.len() == before)?;
    Some(CorrelationDoc {
        meta,
        at: key.at,
        file: Arc::clone(&problems.file),
        kind,
        rules,
        group_by,
        aliases,
        timespan_nanos: timespan_nanos?,
        condition,
        condition_at: body
            .entry("condition")
            .map_or(key.at, |(condition, _)| condition.at),
        field,
        generate,
    })
}

/// What a correlation that counts lines needs.
fn check_counting(at: At, body: &Node, problems: &mut Problems) {
    if body.find("condition").is_none() {
        let hint = "write for example `condition: {gte: 10}`";
        problems.refuse_with(at, "condition", "what is counted needs a condition", hint);
    }
    if body.find("group-by").is_none() && body.find("group_by").is_none() {
        problems.warn(
            at,
            "group-by",
            "without it the lines of all clients are counted together, and the last one is blamed",
            Some("write `group-by: [c-ip]`, unless that is meant".to_owned()),
        );
    }
}

fn check_keys(body: &Node, problems: &mut Problems) {
    const KEYS: [&str; 7] = [
        "type",
        "rules",
        "group-by",
        "timespan",
        "condition",
        "aliases",
        "generate",
    ];
    for (key, _) in body.map().unwrap_or_default() {
        let name = key.text().unwrap_or_default();
        if !KEYS.contains(&name) {
            problems.refuse_with(
                key.at,
                name,
                "is no key of a correlation",
                meant(name, KEYS, &format!("keys are {}", KEYS.join(", "))),
            );
        }
    }
}

/// The types of correlations.
const TYPES: [&str; 4] = ["event_count", "value_count", "temporal", "temporal_ordered"];

fn kind(at: At, body: &Node, problems: &mut Problems) -> Option<Kind> {
    let node = body.find("type");
    let name = node.and_then(Node::text).unwrap_or_default();
    let kind = Kind::from_name(name);
    if kind.is_none() {
        problems.refuse_with(
            node.map_or(at, |node| node.at),
            "type",
            match node {
                None => "is missing".to_owned(),
                Some(_) => format!("`{name}` is not supported"),
            },
            meant(
                name,
                TYPES,
                "types are event_count, value_count, temporal and temporal_ordered",
            ),
        );
    }
    kind
}

/// The texts under a key, alone or in a list.
fn names(body: &Node, key: &str, problems: &mut Problems) -> Vec<(Arc<str>, At)> {
    let Some(node) = body.find(key).filter(|node| node.value != Value::Null) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for item in node.items() {
        match item.text() {
            Some(text) => names.push((Arc::from(text.trim()), item.at)),
            None => problems.refuse_with(
                item.at,
                key,
                format!("a name is text, not {}", item.kind()),
                "write names, one or a list of them",
            ),
        }
    }
    names
}

const ALIAS: &str = "write `aliases: {name: {rule_one: c-ip, rule_two: cs-host}}`";

fn aliases(body: &Node, problems: &mut Problems) -> Vec<Alias> {
    let Some(node) = body.find("aliases") else {
        return Vec::new();
    };
    let mut aliases = Vec::new();
    for (name, fields) in node.map().unwrap_or_default() {
        let mut alias = Alias {
            name: name.text().unwrap_or_default().into(),
            fields: Vec::new(),
        };
        for (rule, field) in fields.map().unwrap_or_default() {
            match (rule.text(), field.text()) {
                (Some(rule), Some(text)) => alias.fields.push((rule.into(), text.into(), field.at)),
                _ => problems.refuse_with(field.at, "aliases", "an alias maps rules to field names", ALIAS),
            }
        }
        if alias.fields.is_empty() {
            problems.refuse_with(fields.at, "aliases", "an alias maps rules to field names", ALIAS);
        }
        aliases.push(alias);
    }
    aliases
}

fn timespan(at: At, body: &Node, problems: &mut Problems) -> Option<i64> {
    let node = body.find("timespan");
    let text = node.and_then(Node::text).unwrap_or_default();
    let nanos = span(text);
    if nanos.is_none() {
        problems.refuse_with(
            node.map_or(at, |node| node.at),
            "timespan",
            match node {
                None => "is missing".to_owned(),
                Some(_) => format!("`{text}` is no length of time"),
            },
            "write a number and s, m, h, d or w: `5m`",
        );
    }
    nanos
}

/// `90s`, `5m`, `1h`, `7d`, `1w` in nanoseconds.
fn span(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let secs: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    number
        .parse::<i64>()
        .ok()?
        .checked_mul(secs)?
        .checked_mul(1_000_000_000)
        .filter(|nanos| *nanos > 0)
}

type Counted = (Vec<(Comparison, u64)>, Option<(Arc<str>, At)>);

fn condition(body: &Node, problems: &mut Problems) -> Counted {
    let mut comparisons = Vec::new();
    let mut field = None;
    let Some(node) = body.find("condition") else {
        return (comparisons, field);
    };
    let Some(entries) = node.map() else {
        problems.refuse_with(
            node.at,
            "condition",
            format!("is a map, not {}", node.kind()),
            "write for example `gte: 10`",
        );
        return (comparisons, field);
    };
    for (key, value) in entries {
        let name = key.text().unwrap_or_default();
        let text = value.text().unwrap_or_default();
        if name == "field" {
            match value.text() {
                Some(text) => field = Some((Arc::from(text), value.at)),
                None => problems.refuse_with(
                    value.at,
                    "field",
                    "one field is counted",
                    "write its name: `field: cs-uri-stem`",
                ),
            }
            continue;
        }
        match (Comparison::from_name(name), text.parse()) {
            (Some(comparison), Ok(number)) => comparisons.push((comparison, number)),
            (Some(_), Err(_)) => {
                problems.refuse_with(
                    value.at,
                    name,
                    format!("`{text}` is no whole number"),
                    "write digits",
                );
            }
            (None, _) => problems.refuse_with(
                key.at,
                name,
                "is no comparison",
                meant(
                    name,
                    ["gt", "gte", "lt", "lte", "eq", "neq", "field"],
                    "comparisons are gt, gte, lt, lte, eq and neq",
                ),
            ),
        }
    }
    (comparisons, field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, secs) in [
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("2h", Some(7_200)),
            ("1d", Some(86_400)),
            ("1w", Some(604_800)),
            ("0s", None),
            ("5", None),
            ("m", None),
            ("5M", None),
            ("-1s", None),
            ("99999999999999w", None),
        ] {
            assert_eq!(span(text), secs.map(|secs: i64| secs * 1_000_000_000), "{text}");
        }
    }
}
