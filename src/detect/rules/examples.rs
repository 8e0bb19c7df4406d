//! Requests that a rule brings along to be tested with: what must match and what must not.

use std::borrow::Cow;

use afw_parsers::Record;

use crate::detect::fields::Field;
use crate::detect::problem::Problems;
use crate::detect::yaml::Node;

/// One request of a rule's `afw: match:` or `afw: pass:` list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Whether the rule must match it.
    pub matches: bool,
    /// Line in the rule file.
    pub line: usize,
    /// Request method.
    pub method: String,
    /// Request target.
    pub target: String,
    /// Status.
    pub status: u16,
    /// User agent; an ordinary browser's unless the example says otherwise, `None` for an explicit null.
    pub agent: Option<String>,
    /// Referrer.
    pub referrer: Option<String>,
    /// Host.
    pub host: Option<String>,
}

impl Example {
    /// The request as a log would tell it; without time and client.
    pub fn record(&self) -> Record<'_> {
        fn text(text: &str) -> Cow<'_, [u8]> {
            Cow::Borrowed(text.as_bytes())
        }
        Record {
            method: Some(text(&self.method)),
            target: Some(text(&self.target)),
            status: Some(self.status),
            user_agent: self.agent.as_deref().map(text),
            has_agent_place: true,
            referrer: self.referrer.as_deref().map(text),
            host: self.host.as_deref().map(text),
            ..Record::default()
        }
    }
}

/// What an example's client is unless it says otherwise.
const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";

/// Reads a list of examples: each the target of a `GET` answered 404, or a map of field names to values.
pub fn read(list: &Node, matches: bool, examples: &mut Vec<Example>, problems: &mut Problems) {
    for item in list.items() {
        let mut example = Example {
            matches,
            line: item.at.line,
            method: "GET".to_owned(),
            target: "/".to_owned(),
            status: 404,
            agent: Some(BROWSER.to_owned()),
            referrer: None,
            host: None,
        };
        if let Some(target) = item.text() {
            example.target = target.to_owned();
        } else if let Some(entries) = item.map() {
            entries
                .iter()
                .for_each(|(key, value)| set(&mut example, key, value, problems));
        } else {
            problems.refuse_with(
                item.at,
                "afw example",
                format!("is a target or a map, not {}", item.kind()),
                "write `/path` or `{cs-uri: /path, sc-status: 200}`",
            );
        }
        examples.push(example);
    }
}

fn set(example: &mut Example, key: &Node, value: &Node, problems: &mut Problems) {
    let name = key.text().unwrap_or_default();
    let text = value.text().map(str::to_owned);
    match Field::parse(name) {
        Some(Field::Method) => example.method = text.unwrap_or_default(),
        Some(Field::Target | Field::Path) => example.target = text.unwrap_or_default(),
        Some(Field::Agent) => example.agent = text,
        Some(Field::Referrer) => example.referrer = text,
        Some(Field::Host) => example.host = text,
        Some(Field::Status) => match text.and_then(|text| text.parse().ok()) {
            Some(status) => example.status = status,
            None => problems.refuse_with(value.at, name, "is no status", "write three digits: 404"),
        },
        _ => problems.refuse_with(
            key.at,
            name,
            "cannot be set in an example",
            "fields are cs-method, cs-uri, cs-user-agent, cs-referer, cs-host and sc-status",
        ),
    }
}
