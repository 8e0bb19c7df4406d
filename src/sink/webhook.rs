//! Webhook: a JSON array of indicators, or of sightings, signed.
//!
//! With a secret, `X-Afw-Timestamp` is the Unix time of the attempt and `X-Afw-Signature` is `sha256=` and the HMAC-SHA256
//! of `TIMESTAMP.BODY` in hexadecimal, so that a receiver can tell who sent it and refuse an old copy. Next:
//! [`super::http`].

use std::fmt::Write;
use std::time::Duration;

use afw_parsers::Time;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::event::Finding;
use crate::indicator::Indicator;

use super::http::Http;
use super::{Answer, Content, Frozen, Limits, Secret, Sink, SinkError, Target, arrays};

/// Settings of the sink.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookSpec {
    /// Where batches go.
    pub target: Target,
    /// Key of the signature; without one there is no signature.
    pub secret: Option<Secret>,
    /// What is sent.
    pub content: Content,
}

/// The sink.
#[derive(Debug)]
pub(super) struct Webhook {
    name: String,
    http: Http,
    content: Content,
    secret: Option<Secret>,
}

impl Webhook {
    /// Checks the settings.
    pub fn new(name: String, spec: &WebhookSpec) -> Result<Self, SinkError> {
        let http = spec.target.client(&name)?;
        Ok(Self {
            name,
            http,
            content: spec.content,
            secret: spec.secret.clone(),
        })
    }

    /// Offers a batch as if it were `now`.
    fn deliver_at(&self, batch: &Frozen, now: Time) -> Answer {
        let timestamp = now.secs().to_string();
        let signature = self
            .secret
            .as_ref()
            .and_then(|secret| signature(secret, &timestamp, &batch.body));
        let mut headers = vec![
            ("Content-Type", "application/json"),
            ("Idempotency-Key", batch.id.as_str()),
        ];
        if let Some(signature) = &signature {
            headers.push(("X-Afw-Timestamp", &timestamp));
            headers.push(("X-Afw-Signature", signature));
        }
        self.http.deliver(&batch.body, &headers)
    }
}

/// `sha256=` and the HMAC of `TIMESTAMP.BODY`.
fn signature(secret: &Secret, timestamp: &str, body: &[u8]) -> Option<String> {
    // An HMAC takes keys of any length; this is never None.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let mut text = String::from("sha256=");
    for byte in mac.finalize().into_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

impl Sink for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        Limits {
            events: 100,
            bytes: 1 << 20,
            age: Duration::from_secs(2),
        }
    }

    fn wants_ecs(&self) -> bool {
        self.content.wants_ecs()
    }

    fn finding(&self, finding: &Finding, into: &mut Vec<Vec<u8>>) {
        self.content.finding(finding, into);
    }

    fn indicator(&self, indicator: &Indicator, into: &mut Vec<Vec<u8>>) {
        self.content.indicator(indicator, into);
    }

    fn freeze(&self, records: &[&[u8]]) -> Vec<u8> {
        arrays::joined(records)
    }

    fn records(&self, body: &[u8]) -> Option<Vec<Vec<u8>>> {
        arrays::split(body)
    }

    fn deliver(&self, batch: &Frozen) -> Answer {
        self.deliver_at(batch, super::worker::wall_clock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figure was made with `printf '1700000000.[{}]' | openssl dgst -sha256 -hmac key`.
    #[test]
    fn the_signature_covers_time_and_body() {
        let key = Secret::new("key").unwrap();
        let one = signature(&key, "1700000000", b"[{}]").unwrap();
        assert_eq!(
            one,
            "sha256=33636f09095dbe949cba048be4a555f24b06fb6b8393e27da077be1726e84c5a"
        );
        for (secret, timestamp, body) in [
            ("key", "1700000001", "[{}]"),
            ("key", "1700000000", "[]"),
            ("kez", "1700000000", "[{}]"),
        ] {
            let other = signature(&Secret::new(secret).unwrap(), timestamp, body.as_bytes()).unwrap();
            assert_ne!(one, other);
        }
    }
}
