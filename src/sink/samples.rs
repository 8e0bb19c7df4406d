//! Findings and indicators for the tests of sinks.

use std::borrow::Cow;
use std::sync::Arc;

use afw_parsers::{Record, Time};

use crate::client::Client;
use crate::detect::{Class, Confidence, Level, RuleInfo, View};
use crate::enrich::{AddressFacts, AgentFacts, Exempt};
use crate::event::{Event, Finding, SightedEvent, Sighting, ValueType};
use crate::indicator::{Evidence, Indicator};

/// 2026-01-31T07:08:09.120Z.
pub(super) const TIME: Time = Time::from_nanos(1_769_843_289_120_456_789);

pub(super) fn event() -> SightedEvent {
    SightedEvent {
        time: Some(TIME),
        client: Some("198.51.100.7".parse().unwrap()),
        host: Some("shop.example".into()),
        method: Some("GET".into()),
        target: Some("/w%C3%BCp/.env?x=1".into()),
        path: Some("/w\u{fc}p/.env".into()),
        status: Some(404),
        user_agent: Some("Mozilla/5.0 \"x\" \u{1f600}".into()),
        referrer: Some("https://a.example/?q=1".into()),
        label: Some("scanner"),
        file: "/var/log/access.log".into(),
        ..SightedEvent::default()
    }
}

pub(super) fn exempt(mut event: SightedEvent) -> SightedEvent {
    event.address = AddressFacts {
        exempt: Some(Exempt::Reserved),
        ..AddressFacts::default()
    };
    event
}

pub(super) fn sighting(class: Class, correlation: bool) -> Sighting {
    Sighting {
        rule: Arc::new(RuleInfo {
            id: "r-1".into(),
            title: "A \"rule\"".into(),
            level: Level::High,
            class,
            confidence: confidence(0.7),
            names: crate::detect::Names::default(),
            tags: vec!["attack.t1595".into()],
            source: "builtin:test".into(),
        }),
        class,
        confidence: confidence(0.7),
        view: View::Raw,
        correlation,
        common_page: false,
        observables: Vec::new(),
    }
}

pub(super) fn finding(event: SightedEvent, sightings: Vec<Sighting>) -> Finding {
    Finding {
        event: Arc::new(event),
        sightings,
    }
}

pub(super) fn indicator(kind: ValueType, value: &str) -> Indicator {
    Indicator {
        revision: 1,
        kind,
        value: value.into(),
        class: Class::Probe,
        confidence: confidence(0.85),
        first_seen: Some(TIME),
        last_seen: Some(TIME),
        sightings: 2,
        rules: Vec::new(),
        tags: Vec::new(),
        country: None,
        asn: None,
        as_org: None,
        lists: Vec::new(),
        hosts: vec!["shop.example".into()],
        evidence: vec![Evidence {
            time: Some(TIME),
            host: Some("shop.example".into()),
            method: Some("GET".into()),
            target: Some("/.env?x=1".into()),
            status: Some(404),
            user_agent: None,
            rule: "r-1".into(),
            class: Class::Probe,
            file: "-".into(),
            offset: 0,
            note: None,
        }],
        address: None,
    }
}

fn confidence(value: f64) -> Confidence {
    Confidence::new(value).unwrap()
}

/// Shows `see` the event of a line as it comes from the parser.
pub(super) fn with_event(record: &Record<'_>, address: &AddressFacts, see: impl FnOnce(&Event<'_, '_>)) {
    let client = Client {
        address: Some("198.51.100.7".parse().unwrap()),
        peer: None,
    };
    let (agent, file) = (AgentFacts::default(), Arc::from("-"));
    see(&Event {
        record,
        client,
        address,
        agent: &agent,
        verdict: Default::default(),
        exempt: address.exempt,
        file: &file,
        offset: 0,
    });
}

/// A line as it comes from the parser.
pub(super) fn record() -> Record<'static> {
    let bytes = |text: &'static str| Some(Cow::Borrowed(text.as_bytes()));
    Record {
        time: Some(TIME),
        method: bytes("GET"),
        target: bytes("/w%C3%BCp/.env?x=1"),
        status: Some(404),
        user_agent: bytes("Mozilla/5.0 \"x\" \u{1f600}"),
        referrer: bytes("https://a.example/?q=1"),
        host: bytes("shop.example"),
        ..Record::default()
    }
}
