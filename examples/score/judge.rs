//! [`Judge`]: what the rules say of one request.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use afw::client::Client;
use afw::detect::{Ruleset, Signatures};
use afw::enrich::{AddressFacts, AgentCache, AgentType};
use afw::event::Event;
use afw_parsers::{Record, Time};

use crate::case::Case;

/// What the rules say of a request.
#[derive(Debug)]
pub struct Verdict {
    /// That of the strongest rule; 0 when none fired.
    pub confidence: f64,
    /// What the user agent was taken for.
    pub agent: &'static str,
    /// The rules that fired, by their place in the set.
    pub rules: Vec<u32>,
}

/// The rules and what running them needs.
pub struct Judge {
    signatures: Signatures,
    agents: AgentCache,
    address: AddressFacts,
    file: Arc<str>,
}

impl Judge {
    /// A judge by these rules.
    pub fn new(ruleset: Arc<Ruleset>) -> Self {
        Self {
            signatures: Signatures::new(ruleset),
            agents: AgentCache::new(1 << 14),
            address: AddressFacts::default(),
            file: "-".into(),
        }
    }

    /// Runs the rules on one request.
    pub fn judge(&mut self, case: &Case) -> Verdict {
        let client = Client {
            address: Some(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7))),
            peer: None,
        };
        let sent = |text: &str| (!text.is_empty()).then(|| Cow::<[u8]>::Owned(text.as_bytes().to_vec()));
        let record = Record {
            time: Some(Time::from_nanos(1_767_225_600_000_000_000)),
            peer: client.address,
            method: sent(&case.method),
            target: sent(&case.uri),
            http_version: Some(b"1.1"),
            status: Some(case.status),
            body_bytes: Some(1_000),
            referrer: sent(&case.referer),
            user_agent: Some(Cow::Borrowed(case.ua.as_bytes())),
            ..Record::default()
        };
        let agent = self.agents.facts(record.user_agent.as_deref());
        let event = Event {
            record: &record,
            client,
            address: &self.address,
            agent,
            verdict: Default::default(),
            exempt: None,
            file: &self.file,
            offset: 0,
        };
        let mut hits = Vec::new();
        self.signatures.inspect(&event, &mut hits);
        let rules = self.signatures.ruleset().rules();
        let mut verdict = Verdict {
            confidence: 0.0,
            agent: AgentType::name(agent.kind),
            rules: Vec::new(),
        };
        for hit in hits {
            if let Some(rule) = rules.get(hit.rule as usize).filter(|rule| rule.alerts) {
                verdict.confidence = verdict.confidence.max(rule.info.confidence.value());
                verdict.rules.push(hit.rule);
            }
        }
        verdict
    }
}
