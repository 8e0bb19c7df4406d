//! OneFirewall reports: an array of `{source, ip, confidence, notes, tags}` to `/api/v2/ips`, as the vendor's
//! middleware sends it.
//!
//! By default one report per indicator; with `send = "requests"` one per response of certain statuses. The older
//! interface `/api/v1/ips`, one object a request, is an option. Next: [`super::http`].

use std::net::IpAddr;
use std::time::Duration;

use crate::event::{Event, Finding, ValueType};
use crate::indicator::Indicator;
use crate::text::shown;

use super::endpoint::Endpoint;
use super::http::{Http, HttpSpec};
use super::json::Object;
use super::{Answer, Frozen, Limits, Secret, Sink, SinkError, arrays};

/// Where reports go unless configured.
pub const DEFAULT_END_POINT: &str = "https://app.onefirewall.com/api/v2/ips";
/// Where single reports go unless configured.
pub const DEFAULT_END_POINT_V1: &str = "https://app.onefirewall.com/api/v1/ips";
/// Tag of reports unless one was agreed with the vendor.
pub const DEFAULT_TAG: &str = "report-example";
/// Reports in a batch unless configured.
pub const DEFAULT_BULK: usize = 100;
/// Age of a batch unless configured.
pub const DEFAULT_FLUSH: Duration = Duration::from_secs(60);
/// Statuses that are reported with `send = "requests"`, as the vendor's samples.
pub const DEFAULT_STATUSES: [u16; 3] = [401, 403, 404];
/// Confidence of a report of a single request, as the vendor's samples.
const REQUEST_CONFIDENCE: f64 = 0.2;
/// What stands for a host that is not known.
const UNKNOWN: &str = "unknown";

/// Settings of the sink.
#[derive(Debug, Clone, PartialEq)]
pub struct OneFirewallSpec {
    /// URL of the interface, `ONEFIREWALL_END_POINT`.
    pub end_point: String,
    /// The key, `ONEFIREWALL_API_KEY`.
    pub api_key: Option<Secret>,
    /// The tag agreed with the vendor, `ONEFIREWALL_TAG`.
    pub tag: String,
    /// Most reports in a batch, `ONEFIREWALL_BULK`.
    pub bulk: usize,
    /// Greatest age of a batch, `ONEFIREWALL_FLUSH_SEC`; `None` waits until it is full.
    pub flush: Option<Duration>,
    /// One report per response of these statuses in place of indicators.
    pub requests: Option<Vec<u16>>,
    /// The older interface: one report a request.
    pub v1: bool,
    /// Send the key as it is in place of `Bearer KEY`: some installations of the older interface want it so.
    pub bare_key: bool,
    /// Organisation the reports are for, `X-Org-Id`; without one it is the key's own.
    pub organisation: Option<String>,
    /// Accept `http://` beyond this machine.
    pub allow_insecure: bool,
    /// How to reach it.
    pub http: HttpSpec,
}

impl Default for OneFirewallSpec {
    fn default() -> Self {
        Self {
            end_point: DEFAULT_END_POINT.to_owned(),
            api_key: None,
            tag: DEFAULT_TAG.to_owned(),
            bulk: DEFAULT_BULK,
            flush: Some(DEFAULT_FLUSH),
            requests: None,
            v1: false,
            bare_key: false,
            organisation: None,
            allow_insecure: false,
            http: HttpSpec::default(),
        }
    }
}

impl OneFirewallSpec {
    /// A client for `path` on the host of the end point, or for the end point itself.
    pub(super) fn client(&self, path: Option<&str>) -> Result<Http, SinkError> {
        let endpoint = Endpoint::parse("ONEFIREWALL_END_POINT", &self.end_point, self.allow_insecure)?;
        let endpoint = path.map_or(endpoint.clone(), |path| endpoint.with_path(path));
        let Some(key) = &self.api_key else {
            return Err(SinkError::new("OneFirewall needs an API key")
                .hint("set ONEFIREWALL_API_KEY, or ONEFIREWALL_API_KEY_FILE to a file that holds it"));
        };
        let scheme = if self.bare_key { "" } else { "Bearer " };
        let authorization = Secret::new(&format!("{scheme}{}", key.expose())).unwrap_or_default();
        let organisation = self.organisation.as_deref().and_then(Secret::new);
        let headers = [("Authorization", Some(authorization)), ("X-Org-Id", organisation)];
        let headers = headers
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Http::new(&self.http, endpoint, headers.collect())
    }
}

/// The sink.
#[derive(Debug)]
pub(super) struct OneFirewall {
    name: String,
    http: Http,
    spec: OneFirewallSpec,
}

impl OneFirewall {
    /// Checks the settings.
    pub fn new(name: String, spec: &OneFirewallSpec) -> Result<Self, SinkError> {
        let mut spec = spec.clone();
        if spec.v1 && spec.end_point == DEFAULT_END_POINT {
            DEFAULT_END_POINT_V1.clone_into(&mut spec.end_point);
        }
        Ok(Self {
            name,
            http: spec.client(None)?,
            spec,
        })
    }

    fn report(&self, source: Option<&str>, ip: IpAddr, confidence: f64, notes: &str) -> Vec<u8> {
        let report = Object::new()
            .string("source", source.map_or(UNKNOWN, host_only))
            .string("ip", &ip.to_canonical().to_string())
            .fraction("confidence", confidence)
            .string("notes", notes);
        let report = match self.spec.v1 {
            true => report.strings("tags", [self.spec.tag.as_str()]),
            false => report.string("tags", &self.spec.tag),
        };
        report.finish().into_bytes()
    }

    fn reports(&self, status: Option<u16>) -> bool {
        let statuses = self.spec.requests.as_deref().unwrap_or_default();
        status.is_some_and(|status| statuses.contains(&status))
    }
}

/// A host without its port; an IPv6 literal keeps its colons.
fn host_only(host: &str) -> &str {
    let bare = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or(host),
        None => host,
    };
    if bare.is_empty() { UNKNOWN } else { bare }
}

impl Sink for OneFirewall {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        Limits {
            events: if self.spec.v1 { 1 } else { self.spec.bulk.max(1) },
            bytes: 1 << 20,
            age: self.spec.flush.unwrap_or(Duration::MAX),
        }
    }

    fn wants_requests(&self) -> bool {
        self.spec.requests.is_some()
    }

    fn request(&self, event: &Event<'_, '_>, into: &mut Vec<Vec<u8>>) {
        let record = event.record;
        let Some(client) = event.client.address.filter(|_| event.exempt.is_none()) else {
            return;
        };
        if !self.reports(record.status) {
            return;
        }
        let target = record
            .target
            .as_deref()
            .or(record.malformed_request.as_deref())
            .unwrap_or_default();
        let host = record.host.as_deref().map(shown);
        into.push(self.report(host.as_deref(), client, REQUEST_CONFIDENCE, &shown(target)));
    }

    fn finding(&self, finding: &Finding, into: &mut Vec<Vec<u8>>) {
        let event = finding.event.as_ref();
        let Some(client) = event.client.filter(|_| event.exempt().is_none()) else {
            return;
        };
        if self.reports(event.status) {
            let notes = event.target.as_deref().unwrap_or_default();
            into.push(self.report(event.host.as_deref(), client, REQUEST_CONFIDENCE, notes));
        }
    }

    fn indicator(&self, indicator: &Indicator, into: &mut Vec<Vec<u8>>) {
        let is_address = matches!(indicator.kind, ValueType::Ipv4 | ValueType::Ipv6);
        if !is_address || self.wants_requests() {
            return;
        }
        // A report is about one address: of a prefix, the one seen last.
        let Some(ip) = indicator.value.parse().ok().or(indicator.address) else {
            return;
        };
        let seen = indicator.evidence.first();
        let source = seen
            .and_then(|line| line.host.as_deref())
            .or(indicator.hosts.first().map(|host| &**host));
        let notes = seen.and_then(|line| line.target.as_deref()).unwrap_or_default();
        into.push(self.report(source, ip, indicator.confidence.value(), notes));
    }

    fn freeze(&self, records: &[&[u8]]) -> Vec<u8> {
        match (self.spec.v1, records) {
            (true, [record]) => record.to_vec(),
            _ => arrays::joined(records),
        }
    }

    fn records(&self, body: &[u8]) -> Option<Vec<Vec<u8>>> {
        if body.starts_with(b"{") {
            return Some(vec![body.to_vec()]);
        }
        arrays::split(body)
    }

    fn deliver(&self, batch: &Frozen) -> Answer {
        let headers = [
            ("Content-Type", "application/json"),
            ("Idempotency-Key", batch.id.as_str()),
        ];
        self.http.deliver(&batch.body, &headers)
    }
}

#[cfg(test)]
mod tests;
