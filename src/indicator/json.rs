//! An indicator as one JSON object: the fields and their order are a contract (`docs/schema`). A value that is not
//! known is an absent field.

use afw_parsers::Time;
use serde::Serialize;

use super::{Evidence, Indicator};

/// The object, in one line, without a line end.
pub fn to_json(indicator: &Indicator) -> String {
    // Serialising strings and numbers into memory cannot fail.
    serde_json::to_string(&Document::new(indicator)).unwrap_or_default()
}

#[derive(Serialize)]
struct Document<'a> {
    id: String,
    revision: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    value: &'a str,
    class: &'static str,
    confidence: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
    sightings: u64,
    rules: Vec<Rule<'a>>,
    tags: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asn: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_org: Option<&'a str>,
    lists: Vec<&'a str>,
    hosts: Vec<&'a str>,
    evidence: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Rule<'a> {
    id: &'a str,
    title: &'a str,
    level: &'static str,
    count: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

impl<'a> Document<'a> {
    fn new(indicator: &'a Indicator) -> Self {
        let rules = indicator.rules.iter().map(|rule| Rule {
            id: &rule.id,
            title: &rule.title,
            level: rule.level.name(),
            count: rule.count,
        });
        Self {
            id: indicator.id().to_string(),
            revision: indicator.revision,
            kind: indicator.kind.name(),
            value: &indicator.value,
            class: indicator.class.name(),
            confidence: indicator.confidence.value(),
            first_seen: told(indicator.first_seen),
            last_seen: told(indicator.last_seen),
            sightings: indicator.sightings,
            rules: rules.collect(),
            tags: indicator.tags.iter().map(|tag| &**tag).collect(),
            country: indicator
                .country
                .as_ref()
                .and_then(|code| std::str::from_utf8(code).ok()),
            asn: indicator.asn,
            as_org: indicator.as_org.as_deref(),
            lists: indicator.lists.iter().map(|list| &**list).collect(),
            hosts: indicator.hosts.iter().map(|host| &**host).collect(),
            evidence: indicator.evidence.iter().map(Line::new).collect(),
        }
    }
}

fn told(time: Option<Time>) -> Option<String> {
    time.map(|time| time.to_string())
}

impl<'a> Line<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        Self {
            time: told(evidence.time),
            host: evidence.host.as_deref(),
            method: evidence.method.as_deref(),
            target: evidence.target.as_deref(),
            status: evidence.status,
            user_agent: evidence.user_agent.as_deref(),
            rule: &evidence.rule,
            note: evidence.note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Class, Confidence, Level};
    use crate::event::ValueType;
    use crate::indicator::RuleCount;

    #[test]
    fn the_object_is_the_contract() {
        let time = Some(Time::from_nanos(1_769_843_289_120_000_000));
        let mut indicator = Indicator {
            revision: 2,
            kind: ValueType::Ipv4,
            value: "192.0.2.7".into(),
            class: Class::Probe,
            confidence: Confidence::new(0.8125).unwrap(),
            first_seen: time,
            last_seen: time,
            sightings: 3,
            rules: vec![RuleCount {
                id: "env".into(),
                title: "Environment file".into(),
                level: Level::High,
                count: 3,
            }],
            tags: vec!["attack.t1595".into()],
            country: Some(*b"NL"),
            asn: Some(64_500),
            as_org: Some("Example \"Net\"".into()),
            lists: vec!["bad".into()],
            hosts: vec!["a.example".into()],
            evidence: vec![Evidence {
                time,
                host: None,
                method: Some("GET".into()),
                target: Some("/.env".into()),
                status: Some(404),
                user_agent: None,
                rule: "env".into(),
                class: Class::Probe,
                file: "-".into(),
                offset: 7,
                note: None,
            }],
            address: None,
        };
        assert_eq!(
            to_json(&indicator),
            concat!(
                r#"{"id":"323f89a1-52b2-54c1-9d05-ae66128256dc","revision":2,"type":"ipv4-addr","value":"192.0.2.7","#,
                r#""class":"probe","confidence":0.813,"first_seen":"2026-01-31T07:08:09.120Z","#,
                r#""last_seen":"2026-01-31T07:08:09.120Z","sightings":3,"#,
                r#""rules":[{"id":"env","title":"Environment file","level":"high","count":3}],"#,
                r#""tags":["attack.t1595"],"country":"NL","asn":64500,"as_org":"Example \"Net\"","#,
                r#""lists":["bad"],"hosts":["a.example"],"evidence":[{"time":"2026-01-31T07:08:09.120Z","#,
                r#""method":"GET","target":"/.env","status":404,"rule":"env"}]}"#,
            )
        );
        indicator.country = None;
        indicator.asn = None;
        indicator.as_org = None;
        let bare = to_json(&indicator);
        assert!(!bare.contains("null") && !bare.contains("asn") && !bare.contains("country"));
    }
}
