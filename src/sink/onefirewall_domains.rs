//! OneFirewall domain reports: one `{domain, tags, confidence}` a request to `/api/v1/domains`.
//!
//! Gets domains found in payloads: call-back hosts, remote inclusion, referrer spam. Next: [`super::http`].

use std::time::Duration;

use crate::event::ValueType;
use crate::indicator::Indicator;

use super::http::Http;
use super::json::Object;
use super::onefirewall::OneFirewallSpec;
use super::{Answer, Frozen, Limits, Sink, SinkError};

/// Path of the interface on the host of `ONEFIREWALL_END_POINT`.
pub(super) const PATH: &str = "/api/v1/domains";

/// The sink.
#[derive(Debug)]
pub(super) struct OneFirewallDomains {
    name: String,
    http: Http,
    tag: String,
}

impl OneFirewallDomains {
    /// Checks the settings.
    pub fn new(name: String, spec: &OneFirewallSpec) -> Result<Self, SinkError> {
        Ok(Self {
            name,
            http: spec.client(Some(PATH))?,
            tag: spec.tag.clone(),
        })
    }
}

impl Sink for OneFirewallDomains {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        // The interface takes one report at a time.
        Limits {
            events: 1,
            bytes: usize::MAX,
            age: Duration::ZERO,
        }
    }

    fn indicator(&self, indicator: &Indicator, into: &mut Vec<Vec<u8>>) {
        if indicator.kind != ValueType::Domain {
            return;
        }
        into.push(report(
            &indicator.value,
            [self.tag.as_str(), indicator.class.name()],
            indicator.confidence.value(),
        ));
    }

    fn freeze(&self, records: &[&[u8]]) -> Vec<u8> {
        records.concat()
    }

    fn records(&self, body: &[u8]) -> Option<Vec<Vec<u8>>> {
        Some(vec![body.to_vec()])
    }

    fn deliver(&self, batch: &Frozen) -> Answer {
        let headers = [
            ("Content-Type", "application/json"),
            ("Idempotency-Key", batch.id.as_str()),
        ];
        self.http.deliver(&batch.body, &headers)
    }
}

/// The body of a report.
pub(super) fn report<'a>(domain: &str, tags: impl IntoIterator<Item = &'a str>, confidence: f64) -> Vec<u8> {
    Object::new()
        .string("domain", domain)
        .strings("tags", tags)
        .fraction("confidence", confidence)
        .finish()
        .into_bytes()
}
