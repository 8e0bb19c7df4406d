//! What every Sigma document says of itself: title, id, level, tags, and our `afw:` map.

use std::sync::Arc;

use crate::detect::problem::{Problems, meant};
use crate::detect::yaml::{Node, Value};
use crate::detect::{Class, Confidence, Level, Names, RuleInfo};

use super::examples::{self, Example};

/// The head of a document.
#[derive(Debug, Clone)]
pub struct Meta {
    pub info: Arc<RuleInfo>,
    pub name: Option<Arc<str>>,
    pub line: usize,
    pub description: Option<Arc<str>>,
    pub examples: Vec<Example>,
}

/// Reads the head. Faults are collected; what comes back then serves only to find more of them.
pub fn read(document: &Node, problems: &mut Problems) -> Meta {
    let text = |key: &str| document.find(key).and_then(Node::text).map(str::trim);
    let name = text("name").filter(|name| !name.is_empty()).map(Arc::from);
    let id = text("id").filter(|id| !id.is_empty());
    let title = title(document, id, problems);
    let id = id
        .map(Arc::from)
        .or_else(|| name.clone())
        .unwrap_or_else(|| slug(&title).into());
    let level = level(document, problems);
    let tags = tags(document, problems);
    let ours = ours(document, problems);
    let class = ours.class.unwrap_or_else(|| class_of(level, &tags));
    let confidence = ours.confidence.unwrap_or_else(|| confidence_of(level));
    Meta {
        info: Arc::new(RuleInfo {
            id,
            title,
            level,
            class,
            confidence,
            tags,
            names: ours.names,
            source: Arc::clone(&problems.file),
        }),
        name,
        line: document.at.line,
        description: text("description").map(Arc::from),
        examples: ours.examples,
    }
}

fn title(document: &Node, id: Option<&str>, problems: &mut Problems) -> Arc<str> {
    match document.find("title").and_then(Node::text).map(str::trim) {
        Some(title) if !title.is_empty() => title.into(),
        _ => {
            problems.warn(
                document.at,
                "title",
                "a rule should have one; its id or file stands for it",
                Some("write `title: what it finds`".to_owned()),
            );
            id.unwrap_or(&problems.file).into()
        }
    }
}

/// `Some Title (x)` → `some-title-x`.
fn slug(title: &str) -> String {
    let words: Vec<String> = title
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("-")
}

fn level(document: &Node, problems: &mut Problems) -> Level {
    let Some(node) = document.find("level") else {
        return Level::Medium;
    };
    let word = node.text().unwrap_or_default();
    let level = LEVELS
        .into_iter()
        .find(|level| level.name().eq_ignore_ascii_case(word));
    level.unwrap_or_else(|| {
        problems.refuse_with(
            node.at,
            "level",
            format!("`{word}` is no level"),
            meant(
                word,
                LEVELS.map(Level::name),
                "levels are informational, low, medium, high and critical",
            ),
        );
        Level::Medium
    })
}

const LEVELS: [Level; 5] = [
    Level::Informational,
    Level::Low,
    Level::Medium,
    Level::High,
    Level::Critical,
];

fn tags(document: &Node, problems: &mut Problems) -> Vec<Arc<str>> {
    let Some(node) = document.find("tags").filter(|node| node.value != Value::Null) else {
        return Vec::new();
    };
    node.items()
        .iter()
        .filter_map(|item| {
            let tag = item.text();
            if tag.is_none() {
                let reason = format!("a tag is text, not {}", item.kind());
                problems.refuse_with(item.at, "tags", reason, "write `tags: [attack.t1190]`");
            }
            tag.map(Arc::from)
        })
        .collect()
}

#[derive(Default)]
struct Ours {
    class: Option<Class>,
    confidence: Option<Confidence>,
    names: Names,
    examples: Vec<Example>,
}

fn ours(document: &Node, problems: &mut Problems) -> Ours {
    let mut ours = Ours::default();
    let Some(node) = document.find("afw") else {
        return ours;
    };
    let Some(entries) = node.map() else {
        let reason = format!("is a map, not {}", node.kind());
        problems.refuse_with(
            node.at,
            "afw",
            reason,
            "write `afw: {class: probe, confidence: 0.5}`",
        );
        return ours;
    };
    for (key, value) in entries {
        let text = value.text().unwrap_or_default();
        match key.text().unwrap_or_default() {
            "class" => {
                ours.class = Class::from_name(text);
                if ours.class.is_none() {
                    let names: Vec<_> = Class::ALL.iter().map(|class| class.name()).collect();
                    problems.refuse_with(
                        value.at,
                        "afw.class",
                        format!("`{text}` is no class"),
                        meant(
                            text,
                            names.iter().copied(),
                            &format!("classes are {}", names.join(", ")),
                        ),
                    );
                }
            }
            "confidence" => {
                ours.confidence = text.parse().ok().and_then(Confidence::new);
                if ours.confidence.is_none() {
                    problems.refuse_with(
                        value.at,
                        "afw.confidence",
                        format!("`{text}` is no number from 0 to 1"),
                        "0.9 is hostile by itself, 0.5 suspicious, 0.3 only together with others",
                    );
                }
            }
            "names" => ours.names = names(value, problems),
            "match" => examples::read(value, true, &mut ours.examples, problems),
            "pass" => examples::read(value, false, &mut ours.examples, problems),
            other => problems.refuse_with(
                key.at,
                format!("afw.{other}"),
                "is no key that afw knows",
                meant(
                    other,
                    ["class", "confidence", "names", "match", "pass"],
                    "keys are class, confidence, names, match and pass",
                ),
            ),
        }
    }
    ours
}

fn names(value: &Node, problems: &mut Problems) -> Names {
    let mut names = Names::default();
    for item in value.items() {
        match item.text().unwrap_or_default() {
            "parameters" => names.parameters = true,
            "referrer" => names.referrer = true,
            other => problems.refuse_with(
                item.at,
                "afw.names",
                format!("`{other}` is nothing that a rule can name"),
                "what it names is parameters or referrer",
            ),
        }
    }
    names
}

/// The confidence of a rule that does not say: how bad and how sure go together in Sigma's levels.
fn confidence_of(level: Level) -> Confidence {
    let value = match level {
        Level::Informational => 0.1,
        Level::Low => 0.3,
        Level::Medium => 0.5,
        Level::High => 0.7,
        Level::Critical => 0.9,
    };
    Confidence::new(value).unwrap_or_default()
}

/// The class by the most telling tag, else by level. Tags are ATT&CK's, with `-` and `_` as one.
fn class_of(level: Level, tags: &[Arc<str>]) -> Class {
    const BY_TAG: [(&str, Class); 20] = [
        ("attack.t1505.003", Class::Webshell),
        ("attack.t1505", Class::Webshell),
        ("attack.t1110.004", Class::CredentialStuffing),
        ("attack.t1110", Class::BruteForce),
        ("attack.t1498", Class::Flood),
        ("attack.t1499", Class::Flood),
        ("attack.t1595.003", Class::Scan),
        ("attack.t1595.001", Class::Scan),
        ("attack.t1595", Class::Scan),
        ("attack.t1190", Class::Exploit),
        ("attack.t1059", Class::Exploit),
        ("attack.t1203", Class::Exploit),
        ("cve.", Class::Exploit),
        ("attack.initial-access", Class::Exploit),
        ("attack.execution", Class::Exploit),
        ("attack.persistence", Class::Webshell),
        ("attack.reconnaissance", Class::Probe),
        ("attack.discovery", Class::Probe),
        ("attack.credential-access", Class::Probe),
        ("attack.command-and-control", Class::Tool),
    ];
    let named = |wanted: &str| {
        tags.iter().any(|tag| {
            let tag = tag.to_ascii_lowercase().replace('_', "-");
            tag == wanted || (wanted.ends_with('.') && tag.starts_with(wanted))
        })
    };
    BY_TAG
        .iter()
        .find(|(tag, _)| named(tag))
        .map_or_else(|| class_of_level(level), |(_, class)| *class)
}

const fn class_of_level(level: Level) -> Class {
    match level {
        Level::Critical | Level::High => Class::Exploit,
        Level::Medium => Class::Probe,
        Level::Low | Level::Informational => Class::Anomaly,
    }
}
