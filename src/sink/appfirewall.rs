//! AppFirewall ingest: the wire form of the AppFirewall SDK for Python.
//!
//! One `http_request` event per sighted request (or per request, with `send = "all"`), one `custom` event per
//! correlation and per exposure; JSON lines with `\n` between them, gzip, Bearer key. `ts` is the time of the event and
//! not of the sending, so that a replay does not rewrite history. Next: [`super::http`].

use std::path::PathBuf;
use std::time::Duration;

use crate::detect::{Class, label};
use crate::enrich::AddressFacts;
use crate::event::{Event, Finding, SightedEvent, Sighting, method_text, target_text};
use crate::text::{percent_decoded, shown};

use super::endpoint::Endpoint;
use super::file::{self, Rotation};
use super::http::{Http, HttpSpec};
use super::json::Object;
use super::lines::{gunzipped, gzipped, joined, split};
use super::{Answer, Frozen, Limits, Secret, Sink, SinkError};

/// Where events go unless configured.
pub const DEFAULT_ENDPOINT: &str = "https://ingest.appfirewall.io/v1/events";
/// Most events in a batch, as the SDK.
const BATCH_EVENTS: usize = 500;
/// Most bytes of events in a batch before compression. The SDK has no such limit; common servers take 1 MiB bodies.
const BATCH_BYTES: usize = 1 << 20;
/// Greatest age of a batch, as the SDK.
const BATCH_AGE: Duration = Duration::from_secs(2);
/// Longest text within `fields`, in characters, as the SDK.
const FIELD_CHARS: usize = 2000;
/// What the SDK sends when it knows no client.
const NO_ADDRESS: &str = "0.0.0.0";

/// Settings of the sink. Names and meanings are the SDK's.
#[derive(Debug, Clone, PartialEq)]
pub struct AppFirewallSpec {
    /// URL of the ingest.
    pub endpoint: String,
    /// The key. Needed to ship.
    pub api_key: Option<Secret>,
    /// Tag added to every event.
    pub environment: Option<String>,
    /// Ship, or write to a file, or nothing.
    pub mode: AppFirewallMode,
    /// Every request in place of sighted ones.
    pub send_all: bool,
    /// Whether requests that were answered 404 carry the SDK's label.
    pub classify_404: bool,
    /// Accept `http://` beyond this machine.
    pub allow_insecure: bool,
    /// How to reach it.
    pub http: HttpSpec,
}

impl Default for AppFirewallSpec {
    fn default() -> Self {
        Self {
            endpoint: DEFAULT_ENDPOINT.to_owned(),
            api_key: None,
            environment: None,
            mode: AppFirewallMode::Ship,
            send_all: false,
            classify_404: true,
            allow_insecure: false,
            http: HttpSpec::default(),
        }
    }
}

/// The SDK's `mode`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AppFirewallMode {
    /// Send to the ingest.
    #[default]
    Ship,
    /// Append the lines to this file.
    Local(PathBuf),
    /// Send nothing.
    Off,
}

/// The sink.
#[derive(Debug)]
pub(super) struct AppFirewall {
    name: String,
    way: Way,
    environment: Option<String>,
    send_all: bool,
    classify_404: bool,
}

#[derive(Debug)]
enum Way {
    Ship(Http),
    Local(PathBuf),
    Off,
}

impl AppFirewall {
    /// Checks the settings.
    pub fn new(name: String, spec: &AppFirewallSpec) -> Result<Self, SinkError> {
        let way = match &spec.mode {
            AppFirewallMode::Ship => Way::Ship(client(spec)?),
            AppFirewallMode::Local(path) => Way::Local(path.clone()),
            AppFirewallMode::Off => Way::Off,
        };
        Ok(Self {
            name,
            way,
            environment: spec.environment.clone().filter(|tag| !tag.is_empty()),
            send_all: spec.send_all,
            classify_404: spec.classify_404,
        })
    }

    /// The event of one request.
    fn http_request(&self, request: &Request<'_>) -> Vec<u8> {
        Object::new()
            .string("type", "http_request")
            .string("ts", &request.ts)
            .string("ip", &request.ip)
            .string("method", request.method)
            .string("path", request.path)
            .number("status", u64::from(request.status))
            .optional("ua", request.user_agent)
            .optional("referer", request.referrer)
            .optional("cf_country", request.country.as_deref())
            .optional("cf_ray", request.ray)
            .optional("cf_asn", request.asn.as_deref())
            .optional("classification", request.label.filter(|_| self.classify_404))
            .optional("environment", self.environment.as_deref())
            .finish()
            .into_bytes()
    }

    /// The event of a correlation that this request completed, or of an exposure.
    fn custom(&self, request: &Request<'_>, sighting: &Sighting) -> Vec<u8> {
        let fields = Object::new()
            .string("rule_id", &clipped(&sighting.rule.id))
            .string("rule_title", &clipped(&sighting.rule.title))
            .string("level", sighting.rule.level.name())
            .string("class", sighting.class.name())
            .fraction("confidence", sighting.confidence.value())
            .finish();
        Object::new()
            .string("type", "custom")
            .string("ts", &request.ts)
            .string(
                "name",
                &format!("afw.{}", sighting.class.name().replace('-', "_")),
            )
            .raw("fields", &fields)
            .string("ip", &request.ip)
            .string("path", request.path)
            .string("method", request.method)
            .optional("cf_ray", request.ray)
            .optional("environment", self.environment.as_deref())
            .finish()
            .into_bytes()
    }
}

fn client(spec: &AppFirewallSpec) -> Result<Http, SinkError> {
    let endpoint = Endpoint::parse("APPFIREWALL_ENDPOINT", &spec.endpoint, spec.allow_insecure)?;
    let Some(key) = &spec.api_key else {
        return Err(SinkError::new("AppFirewall needs an API key")
            .hint("set APPFIREWALL_API_KEY, or APPFIREWALL_API_KEY_FILE to a file that holds it"));
    };
    let bearer = Secret::new(&format!("Bearer {}", key.expose())).unwrap_or_default();
    Http::new(&spec.http, endpoint, vec![("Authorization".to_owned(), bearer)])
}

/// What both event kinds say of a request.
struct Request<'a> {
    ts: String,
    ip: String,
    method: &'a str,
    path: &'a str,
    status: u16,
    user_agent: Option<&'a str>,
    referrer: Option<&'a str>,
    country: Option<String>,
    ray: Option<&'a str>,
    asn: Option<String>,
    label: Option<&'static str>,
}

impl<'a> Request<'a> {
    /// `None` where the line tells no time, which every event must.
    fn of(event: &'a SightedEvent) -> Option<Self> {
        let from_edge = event.ray.is_some();
        Some(Self {
            ts: event.time?.to_rfc3339_millis(),
            ip: event
                .client
                .map_or_else(|| NO_ADDRESS.to_owned(), |ip| ip.to_string()),
            method: event.method.as_deref().unwrap_or("GET"),
            path: event.path.as_deref().or(event.target.as_deref()).unwrap_or("/"),
            status: event.status.unwrap_or(0),
            user_agent: event.user_agent.as_deref(),
            referrer: event.referrer.as_deref(),
            // These three are Cloudflare's word in the SDK; a database of our own is no stand-in for it.
            country: event
                .address
                .country
                .filter(|_| from_edge)
                .map(|code| shown(&code).into_owned()),
            ray: event.ray.as_deref(),
            asn: event.address.asn.filter(|_| from_edge).map(|asn| asn.to_string()),
            label: event.label,
        })
    }
}

/// A text as long as the SDK lets a field be.
fn clipped(text: &str) -> String {
    text.chars().take(FIELD_CHARS).collect()
}

impl Sink for AppFirewall {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        Limits {
            events: BATCH_EVENTS,
            bytes: BATCH_BYTES,
            age: BATCH_AGE,
        }
    }

    fn wants_requests(&self) -> bool {
        self.send_all && !matches!(self.way, Way::Off)
    }

    fn wants_sdk(&self) -> bool {
        true
    }

    fn request(&self, event: &Event<'_, '_>, into: &mut Vec<Vec<u8>>) {
        if !self.wants_requests() {
            return;
        }
        let record = event.record;
        let text = |bytes: &[u8]| -> Box<str> { Box::from(shown(bytes).as_ref()) };
        let request = SightedEvent {
            time: record.time,
            client: event.client.address,
            method: record.method.as_deref().map(method_text),
            target: target_text(record),
            path: record.path().map(|path| text(&percent_decoded(path))),
            status: record.status,
            user_agent: record.user_agent.as_deref().map(|agent| shown(agent).into()),
            referrer: record.referrer.as_deref().map(text),
            label: label::of_record(record),
            ray: event.ray().map(text),
            address: AddressFacts {
                country: record.more.country,
                asn: record.more.asn,
                ..AddressFacts::default()
            },
            ..SightedEvent::default()
        };
        into.extend(Request::of(&request).map(|request| self.http_request(&request)));
    }

    fn finding(&self, finding: &Finding, into: &mut Vec<Vec<u8>>) {
        let event = finding.event.as_ref();
        let shippable = event.client.is_some() && event.exempt().is_none();
        if matches!(self.way, Way::Off) || !(shippable || self.send_all) {
            return;
        }
        let Some(request) = Request::of(event) else {
            return;
        };
        into.push(self.http_request(&request));
        if shippable {
            let told = finding
                .sightings
                .iter()
                .filter(|one| one.correlation || one.class == Class::Exposure);
            into.extend(told.map(|sighting| self.custom(&request, sighting)));
        }
    }

    fn freeze(&self, records: &[&[u8]]) -> Vec<u8> {
        match self.way {
            Way::Ship(_) => gzipped(&joined(records, false)),
            Way::Local(_) | Way::Off => joined(records, true),
        }
    }

    fn records(&self, body: &[u8]) -> Option<Vec<Vec<u8>>> {
        match self.way {
            Way::Ship(_) => gunzipped(body).map(|text| split(&text)),
            Way::Local(_) | Way::Off => Some(split(body)),
        }
    }

    fn deliver(&self, batch: &Frozen) -> Answer {
        match &self.way {
            Way::Ship(http) => http.deliver(
                &batch.body,
                &[
                    ("Content-Type", "application/x-ndjson"),
                    ("Content-Encoding", "gzip"),
                    ("Idempotency-Key", &batch.id),
                ],
            ),
            Way::Local(path) => file::append(path, batch, Rotation::default(), super::worker::wall_clock()),
            Way::Off => Answer::Accepted,
        }
    }
}

#[cfg(test)]
mod tests;
