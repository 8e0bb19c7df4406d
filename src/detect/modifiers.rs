//! One entry of a detection, `field|modifier|…: values`, as an [`Expr`].
//!
//! Modifiers are applied as Sigma says: transformations of the text in the order written (`wide|base64offset`), then
//! how it is compared. A combination that means nothing is refused rather than read in some way. Next:
//! [`super::rules`].

mod transform;

use std::str::FromStr;
use std::sync::Arc;

use super::expr::{Anchor, Expr, Order, Subject, Test, TimePart};
use super::fields::Field;
use super::pattern::Pattern;
use super::problem::{Flaw, Problems, meant};
use super::regex::Regex;
use super::yaml::{At, Node, Value};
use crate::net::Cidr;

use transform::{Transform, transformed};

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Text,
    Regex,
    Network,
    Exists,
    Number(Order),
    OtherField,
    Time(TimePart),
}

/// The modifiers of one entry.
#[derive(Debug)]
struct Modifiers {
    compare: Compare,
    anchor: Anchor,
    all: bool,
    cased: bool,
    negated: bool,
    flags: String,
    transforms: Vec<Transform>,
}

impl Modifiers {
    /// Says where the text stands in the value.
    fn stand(&mut self, anchor: Anchor) -> Result<(), (String, String)> {
        let before = std::mem::replace(&mut self.anchor, anchor);
        match before == Anchor::Whole || before == anchor {
            true => Ok(()),
            false => Err((
                "stands beside another place of the text".to_owned(),
                "keep one of contains, startswith and endswith".to_owned(),
            )),
        }
    }
}

/// All modifiers, for the hint.
const KNOWN: &str = "contains, startswith, endswith, all, re (with i, m, s), cidr, cased, exists, gt, gte, lt, lte, neq, \
     windash, base64, base64offset, wide, utf16, utf16le, utf16be, fieldref, minute, hour, day, week, month, year";

/// The words of [`KNOWN`] that may be meant.
const WORDS: [&str; 22] = [
    "contains",
    "startswith",
    "endswith",
    "all",
    "re",
    "cidr",
    "cased",
    "exists",
    "gt",
    "gte",
    "lt",
    "lte",
    "neq",
    "windash",
    "base64",
    "base64offset",
    "wide",
    "utf16",
    "utf16le",
    "utf16be",
    "fieldref",
    "hour",
];

/// Reads one entry of a selection; `None` when it was refused.
pub(super) fn entry(key: &Node, value: &Node, problems: &mut Problems) -> Option<Expr> {
    let text = key.text().unwrap_or_default();
    let (name, rest) = text
        .split_once('|')
        .map_or((text, None), |(name, rest)| (name, Some(rest)));
    let subject = subject(name, key.at, problems);
    let modifiers = modifiers(rest, name.len() + 1, key.at, problems)?;
    check_combination(&modifiers, &subject, key.at, problems)?;
    let items = value.items();
    if items.is_empty() {
        problems.refuse_with(
            value.at,
            text,
            "lists no value",
            "write a value, or `null` for a field that is absent",
        );
        return None;
    }
    let before = problems.refusals.len();
    let parts: Vec<Expr> = items
        .iter()
        .filter_map(|item| one(&subject, &modifiers, item, text, problems))
        .collect();
    if problems.refusals.len() > before {
        return None;
    }
    let joined = match modifiers.all {
        true => Expr::all(parts),
        false => Expr::any(parts),
    };
    Some(match modifiers.negated {
        true => joined.negate(),
        false => joined,
    })
}

/// A keyword without a key.
pub(super) fn keyword(value: &Node, problems: &mut Problems) -> Option<Expr> {
    let modifiers = modifiers(None, 0, value.at, problems)?;
    one(&Subject::Anything, &modifiers, value, "keyword", problems)
}

fn subject(name: &str, at: At, problems: &mut Problems) -> Subject {
    if name.is_empty() {
        return Subject::Anything;
    }
    Subject::Field(field(name, at.inside(0, name.len()), problems))
}

/// A field by its name, with a warning when no web log has it.
pub(super) fn field(name: &str, at: At, problems: &mut Problems) -> Field {
    Field::parse(name).unwrap_or_else(|| {
        let near = meant(name, Field::names(), "");
        problems.warn(
            at,
            name,
            "no web log has this field, so what asks for it never matches",
            (!near.is_empty()).then_some(near),
        );
        Field::foreign(name)
    })
}

/// Reads the modifiers of a key, which begin at a byte of it.
fn modifiers(rest: Option<&str>, mut start: usize, at: At, problems: &mut Problems) -> Option<Modifiers> {
    let mut found = Modifiers {
        compare: Compare::Text,
        anchor: Anchor::Whole,
        all: false,
        cased: false,
        negated: false,
        flags: String::new(),
        transforms: Vec::new(),
    };
    let mut sound = true;
    for name in rest.into_iter().flat_map(|rest| rest.split('|')) {
        if let Err((reason, hint)) = apply(&mut found, name) {
            let construct = if name.is_empty() { "modifier" } else { name };
            problems.refuse_with(at.inside(start, name.len().max(1)), construct, reason, hint);
            sound = false;
        }
        start += name.len() + 1;
    }
    sound.then_some(found)
}

fn apply(found: &mut Modifiers, name: &str) -> Result<(), (String, String)> {
    match name {
        "contains" => found.stand(Anchor::Anywhere)?,
        "startswith" => found.stand(Anchor::Start)?,
        "endswith" => found.stand(Anchor::End)?,
        "all" => found.all = true,
        "cased" => found.cased = true,
        "neq" => found.negated = true,
        "i" | "m" | "s" if found.compare == Compare::Regex => {
            if !found.flags.contains(name) {
                found.flags.push_str(name);
            }
        }
        "base64" => found.transforms.push(Transform::Base64),
        "base64offset" => found.transforms.push(Transform::Base64Offset),
        "wide" | "utf16le" => found.transforms.push(Transform::Wide),
        "utf16be" => found.transforms.push(Transform::Utf16Be),
        "utf16" => found.transforms.push(Transform::Utf16),
        "windash" => found.transforms.push(Transform::Windash),
        "expand" => {
            return Err((
                "placeholders are filled in by a pipeline, which afw does not have".to_owned(),
                "write the values themselves in place of %placeholder%".to_owned(),
            ));
        }
        other => {
            let compare = comparison(other).ok_or_else(|| {
                (
                    "is no modifier that afw knows".to_owned(),
                    meant(other, WORDS, &format!("modifiers are {KNOWN}")),
                )
            })?;
            if found.compare != Compare::Text {
                return Err((
                    "stands beside another comparison".to_owned(),
                    "keep one of them".to_owned(),
                ));
            }
            found.compare = compare;
        }
    }
    Ok(())
}

fn comparison(name: &str) -> Option<Compare> {
    Some(match name {
        "re" => Compare::Regex,
        "cidr" => Compare::Network,
        "exists" => Compare::Exists,
        "fieldref" => Compare::OtherField,
        "gt" => Compare::Number(Order::Gt),
        "gte" => Compare::Number(Order::Gte),
        "lt" => Compare::Number(Order::Lt),
        "lte" => Compare::Number(Order::Lte),
        "minute" => Compare::Time(TimePart::Minute),
        "hour" => Compare::Time(TimePart::Hour),
        "day" => Compare::Time(TimePart::Day),
        "week" => Compare::Time(TimePart::Week),
        "month" => Compare::Time(TimePart::Month),
        "year" => Compare::Time(TimePart::Year),
        _ => return None,
    })
}

/// Refuses combinations that mean nothing.
fn check_combination(
    modifiers: &Modifiers,
    subject: &Subject,
    at: At,
    problems: &mut Problems,
) -> Option<()> {
    let compare = modifiers.compare;
    let keywords = *subject == Subject::Anything;
    let (construct, reason) = if compare != Compare::Text && !modifiers.transforms.is_empty() {
        ("modifiers", "encodings apply to text that is compared as text")
    } else if modifiers.anchor != Anchor::Whole && !matches!(compare, Compare::Text | Compare::OtherField) {
        (
            "modifiers",
            "contains, startswith and endswith do not go with this comparison",
        )
    } else if modifiers.cased && !matches!(compare, Compare::Text | Compare::OtherField) {
        (
            "cased",
            "only text is compared with regard to case; a regular expression is, without `i`",
        )
    } else if keywords && !matches!(compare, Compare::Text | Compare::Regex | Compare::Network) {
        ("modifiers", "this comparison needs a field")
    } else if matches!(compare, Compare::Time(_))
        && !matches!(
            subject,
            Subject::Field(Field::Timestamp | Field::Date | Field::TimeOfDay)
        )
    {
        ("modifiers", "only @timestamp, date and time are instants")
    } else {
        return Some(());
    };
    problems.refuse_with(
        at,
        construct,
        reason,
        "leave one of the modifiers out, or write two selections",
    );
    None
}

/// A number that others can be compared with.
fn finite(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Numbers are compared as logs write them, so `404.0` and `0x194` are no 404.
fn warn_of_no_number(subject: &Subject, modifiers: &Modifiers, text: &str, at: At, problems: &mut Problems) {
    let Subject::Field(field) = subject else { return };
    let never = |byte: u8| !byte.is_ascii_digit() && !b"*?\\".contains(&byte);
    if field.is_number() && modifiers.transforms.is_empty() && text.bytes().any(never) {
        problems.warn(
            at,
            field.name(),
            format!("`{text}` is no number as logs write them and matches nothing"),
            Some("write digits; gt, gte, lt and lte compare as numbers".to_owned()),
        );
    }
}

fn one(
    subject: &Subject,
    modifiers: &Modifiers,
    item: &Node,
    key: &str,
    problems: &mut Problems,
) -> Option<Expr> {
    let check = |test: Test| Expr::check(subject.clone(), test);
    let text = match &item.value {
        Value::Scalar(text) => text.as_str(),
        Value::Null if modifiers.compare == Compare::Text && *subject != Subject::Anything => {
            return Some(check(Test::Present).negate());
        }
        _ => {
            problems.refuse_with(
                item.at,
                key,
                format!("{} cannot be compared with it", item.kind()),
                "a field takes one plain value, or a list of plain values",
            );
            return None;
        }
    };
    let result = match modifiers.compare {
        Compare::Text => {
            warn_of_no_number(subject, modifiers, text, item.at, problems);
            patterns(subject, modifiers, text).map(|tests| Expr::any(tests.into_iter().map(check).collect()))
        }
        Compare::Regex => Regex::new(text, &modifiers.flags).map(|regex| check(Test::Regex(Arc::new(regex)))),
        Compare::Network => Cidr::from_str(text)
            .map(|network| check(Test::Network(network)))
            .map_err(|error| {
                Flaw::new(
                    error.to_string(),
                    "write an address and the length of its prefix: 192.0.2.0/24",
                )
            }),
        Compare::Exists => truth(text).map(|wanted| match wanted {
            true => check(Test::Present),
            false => check(Test::Present).negate(),
        }),
        Compare::Number(order) => finite(text)
            .map(|limit| check(Test::Compare(order, limit)))
            .ok_or_else(|| {
                Flaw::new(
                    format!("`{text}` is no number"),
                    "write digits, with or without a point",
                )
            }),
        Compare::Time(part) => text
            .trim()
            .parse()
            .map(|number| check(Test::TimePart(part, number)))
            .map_err(|_| Flaw::new(format!("`{text}` is no whole number"), "write digits")),
        Compare::OtherField => Ok(check(Test::SameAs {
            field: field(text, item.at, problems),
            anchor: modifiers.anchor,
            cased: modifiers.cased,
        })),
    };
    match result {
        Ok(expr) => Some(expr),
        Err(flaw) => {
            problems.refuse_flaw(item.at, key, flaw);
            None
        }
    }
}

fn truth(text: &str) -> Result<bool, Flaw> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => Err(Flaw::new(
            format!("`exists` is true or false, not `{text}`"),
            "write `true` or `false`",
        )),
    }
}

/// The tests of which one must hold for a text.
fn patterns(subject: &Subject, modifiers: &Modifiers, text: &str) -> Result<Vec<Test>, Flaw> {
    let parsed = Pattern::parse(text);
    let texts = match modifiers.transforms.is_empty() {
        true => vec![parsed],
        false => transformed(parsed, &modifiers.transforms)?,
    };
    let anchor = match (subject, modifiers.anchor) {
        (Subject::Anything, Anchor::Whole) => Anchor::Anywhere,
        (_, anchor) => anchor,
    };
    let test = |pattern: Pattern| match anchor {
        Anchor::Whole if pattern.is_empty() => Test::Empty,
        anchor => Test::Pattern {
            pattern: pattern.open(
                matches!(anchor, Anchor::End | Anchor::Anywhere),
                matches!(anchor, Anchor::Start | Anchor::Anywhere),
            ),
            cased: modifiers.cased,
        },
    };
    Ok(texts.into_iter().map(test).collect())
}

#[cfg(test)]
#[path = "modifiers/tests.rs"]
mod tests;
