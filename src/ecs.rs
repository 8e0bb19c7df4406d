//! An event as an ECS 8 document: what `--print events` writes and what ECS sinks send.
//!
//! Names follow Elastic's nginx, apache and cloudflare_logpush integrations; for Cloudflare data the dataset names
//! and `cloudflare.*` follow SEKOIA's intake. A missing value is an absent field. Pure. Next: `docs/schema/`.

use std::net::IpAddr;

use afw_parsers::record::Moment;
use afw_parsers::{Format, Record};
use serde_json::{Map, Value, json};

use crate::detect::label;
use crate::enrich::identity;
use crate::event::{COMMON_PAGE, Event, SightedEvent, Sighting};
use crate::text::shown;

/// Version of the Elastic Common Schema that the field names are of.
pub const ECS_VERSION: &str = "8.17.0";

/// The whole document of one event.
pub fn document(event: &Event<'_, '_>) -> Value {
    let mut doc = Document::default();
    times(&mut doc, event.record);
    dataset(&mut doc, event);
    source(&mut doc, event);
    request(&mut doc, event.record);
    response(&mut doc, event.record);
    connection(&mut doc, event.record);
    place(&mut doc, event);
    own(&mut doc, event);
    doc.finish()
}

/// One sighting, with the ECS document that its event carries: what `--print sightings` writes.
pub fn sighting(event: &SightedEvent, sighting: &Sighting) -> Value {
    let mut document = json!({
        "time": event.time.to_string(),
        "rule": {
            "id": sighting.rule.id.as_ref(),
            "title": sighting.rule.title.as_ref(),
            "level": sighting.rule.level.name(),
        },
        "class": sighting.class.name(),
        "confidence": sighting.confidence.value(),
        "view": sighting.view.name(),
    });
    if sighting.common_page {
        document["note"] = json!(COMMON_PAGE);
    }
    if let Some(client) = event.client {
        document["value"] = json!(client.to_string());
        document["type"] = json!(if client.is_ipv4() {
            "ipv4-addr"
        } else {
            "ipv6-addr"
        });
    }
    // The text was made by serde_json; reading it again cannot fail.
    document["event"] = event
        .ecs
        .as_deref()
        .and_then(|ecs| serde_json::from_str(ecs).ok())
        .unwrap_or_default();
    document
}

/// A JSON object under construction, addressed by dotted names.
#[derive(Default)]
struct Document {
    root: Map<String, Value>,
}

impl Document {
    /// Sets a field by its dotted name; an existing field keeps its value.
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        let mut object = &mut self.root;
        let mut rest = name;
        while let Some((head, tail)) = rest.split_once('.') {
            let next = object.entry(head).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = next else { return };
            object = inner;
            rest = tail;
        }
        object.entry(rest).or_insert_with(|| value.into());
    }

    /// Sets a text field when there is a value and it is not empty.
    fn text(&mut self, name: &str, value: Option<&[u8]>) {
        if let Some(bytes) = value.filter(|bytes| !bytes.is_empty()) {
            self.set(name, shown(bytes).into_owned());
        }
    }

    /// Sets a number field when there is a value.
    fn number(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    fn finish(self) -> Value {
        Value::Object(self.root)
    }
}

/// `@timestamp`, and where the log tells them `event.start`, `event.end` and `event.duration`.
fn times(doc: &mut Document, record: &Record<'_>) {
    let Some(time) = record.time else { return };
    doc.set("@timestamp", time.to_string());
    let Some(duration) = record.more.duration_ns.and_then(|ns| i64::try_from(ns).ok()) else {
        return;
    };
    let (start, end) = match record.more.moment {
        Moment::End => (time.saturating_add(-duration), time),
        Moment::Start => (time, time.saturating_add(duration)),
    };
    doc.set("event.start", start.to_string());
    doc.set("event.end", end.to_string());
    doc.set("event.duration", duration);
}

/// The `event.*` and `observer.*` constants of the log's kind.
fn dataset(doc: &mut Document, event: &Event<'_, '_>) {
    let kind = kind(event.record.format);
    doc.set("ecs.version", ECS_VERSION);
    doc.set("event.kind", "event");
    doc.set("event.category", json!([kind.category]));
    doc.set("event.type", json!([action_type(event.record)]));
    doc.text("event.action", event.record.more.action.as_deref());
    doc.set("event.module", kind.module);
    doc.set("event.dataset", kind.dataset);
    doc.set("event.outcome", outcome(event.record.status));
    if kind.module == "cloudflare" {
        doc.set("observer.vendor", "Cloudflare");
        doc.set(
            "observer.type",
            if kind.category == "network" {
                "firewall"
            } else {
                "proxy"
            },
        );
    }
}

/// What `event.module`, `event.dataset` and `event.category` are for the logs of one server.
struct Kind {
    module: &'static str,
    dataset: &'static str,
    category: &'static str,
}

/// Elastic's names of a format's data; SEKOIA's for Cloudflare. A compiled or unnamed format is a web log like others.
fn kind(format: Option<Format>) -> Kind {
    let name = format.map_or("", Format::name);
    const TABLE: [(&str, &str, &str); 12] = [
        ("nginx", "nginx", "nginx.access"),
        ("ingress-nginx", "nginx", "nginx.ingress_controller"),
        ("apache", "apache", "apache.access"),
        ("caddy", "caddy", "caddy.access"),
        ("cloudflare-firewall", "cloudflare", "firewall-events"),
        ("cloudflare", "cloudflare", "http_requests"),
        ("traefik", "traefik", "traefik.access"),
        ("w3c", "iis", "iis.access"),
        ("haproxy", "haproxy", "haproxy.log"),
        ("alb", "aws", "aws.elb_logs"),
        ("cloudfront", "aws", "aws.cloudfront_logs"),
        ("envoy", "envoyproxy", "envoyproxy.log"),
    ];
    let row = TABLE.iter().find(|(prefix, ..)| name.starts_with(prefix));
    let (_, module, dataset) = row.copied().unwrap_or(("", "web", "web.access"));
    let category = if dataset == "firewall-events" {
        "network"
    } else {
        "web"
    };
    Kind {
        module,
        dataset,
        category,
    }
}

/// `success` below 400, `failure` from 400, `unknown` without a status.
fn outcome(status: Option<u16>) -> &'static str {
    match status {
        Some(..400) => "success",
        Some(_) => "failure",
        None => "unknown",
    }
}

/// ECS `event.type` of what an edge did with the request, by SEKOIA's table; `access` where nothing was done.
fn action_type(record: &Record<'_>) -> &'static str {
    let Some(action) = record.more.action.as_deref() else {
        return "access";
    };
    match action {
        b"allow"
        | b"bypass"
        | b"challengesolved"
        | b"challengebypassed"
        | b"jschallengesolved"
        | b"jschallengebypassed"
        | b"managedchallengeskipped"
        | b"managedchallengebypassed"
        | b"managedchallengenoninteractivesolved"
        | b"managedchallengeinteractivesolved" => "allowed",
        b"block" | b"challengefailed" | b"jschallengefailed" => "denied",
        b"connectionclose" => "end",
        b"unknown" | b"challenge" | b"jschallenge" | b"log" | b"managedchallenge" => "info",
        _ => "access",
    }
}

/// The client and what is known about its address.
fn source(doc: &mut Document, event: &Event<'_, '_>) {
    let record = event.record;
    if let Some(client) = event.client.address {
        doc.set("source.ip", client.to_string());
        doc.set("source.address", client.to_string());
    }
    doc.text("source.address", Some(record.peer_text));
    doc.number("source.port", record.more.peer_port);
    doc.text("source.user.name", record.user.as_deref());
    doc.text("user.name", record.user.as_deref());
    if let Some(code) = event.address.country.or(record.more.country) {
        doc.set("source.geo.country_iso_code", country(code));
    }
    doc.number("source.as.number", event.address.asn.or(record.more.asn));
    if let Some(organization) = &event.address.as_org {
        doc.set("source.as.organization.name", organization.as_ref());
    }
    related(doc, [event.client.address, event.client.peer]);
}

/// A two-letter code as text.
pub fn country(code: [u8; 2]) -> String {
    String::from_utf8_lossy(&code).into_owned()
}

/// `related.ip`: every address of the event once.
fn related(doc: &mut Document, addresses: [Option<IpAddr>; 2]) {
    let mut texts: Vec<String> = addresses.into_iter().flatten().map(|ip| ip.to_string()).collect();
    texts.dedup();
    if !texts.is_empty() {
        doc.set("related.ip", texts);
    }
}

/// What was asked for.
fn request(doc: &mut Document, record: &Record<'_>) {
    doc.text("http.request.method", record.method.as_deref());
    doc.text("http.request.referrer", record.referrer.as_deref());
    doc.text("http.request.id", record.more.request_id.as_deref());
    doc.number("http.request.bytes", record.more.request_bytes);
    doc.text("http.version", record.http_version.map(short_version));
    doc.text("url.original", record.target.as_deref());
    doc.text("url.path", record.path());
    doc.text("url.query", record.query());
    doc.text("url.domain", record.host.as_deref());
    doc.text("url.scheme", record.more.scheme.as_deref());
    doc.number("url.port", record.more.server_port);
    doc.text("user_agent.original", record.user_agent.as_deref());
}

/// `2.0` and `3.0` are written `2` and `3` nowhere in ECS; the log's own digits stay.
fn short_version(version: &[u8]) -> &[u8] {
    version.strip_prefix(b"HTTP/").unwrap_or(version)
}

/// What was answered.
fn response(doc: &mut Document, record: &Record<'_>) {
    doc.number("http.response.status_code", record.status);
    doc.number("http.response.body.bytes", record.body_bytes);
    doc.number("http.response.bytes", record.more.response_bytes);
}

/// TLS facts.
fn connection(doc: &mut Document, record: &Record<'_>) {
    let more = &record.more;
    if let Some(version) = more.tls_version.as_deref() {
        doc.text("tls.version", Some(version));
        doc.set("tls.version_protocol", "tls");
    }
    doc.text("tls.cipher", more.tls_cipher.as_deref());
    doc.text("tls.client.server_name", more.tls_server_name.as_deref());
    doc.text("tls.client.ja3", more.ja3.as_deref());
    doc.text("tls.client.ja4", more.ja4.as_deref());
}

/// Where the line stands.
fn place(doc: &mut Document, event: &Event<'_, '_>) {
    // Standard input has no path.
    if event.file.as_ref() != "-" {
        doc.set("log.file.path", event.file.as_ref());
    }
    doc.set("log.offset", event.offset);
}

/// Everything that ECS has no name for, under `afw.*` and `cloudflare.*`.
fn own(doc: &mut Document, event: &Event<'_, '_>) {
    let record = event.record;
    if let Some(peer) = event.client.peer {
        doc.set("afw.peer_ip", peer.to_string());
    }
    if let Some(label) = label::of_record(record) {
        doc.set("afw.classification", label);
    }
    agent(doc, event);
    if !event.address.lists.is_empty() {
        let names: Vec<&str> = event.address.lists.iter().map(AsRef::as_ref).collect();
        doc.set("afw.lists", names);
    }
    if kind(record.format).module == "cloudflare" {
        cloudflare(doc, record);
    }
    doc.text("afw.malformed_request", record.malformed_request.as_deref());
    doc.text("afw.forwarded_for", record.header("x-forwarded-for"));
}

/// The whole Logpush record as SEKOIA's intake keeps it, and the firewall's rule.
fn cloudflare(doc: &mut Document, record: &Record<'_>) {
    doc.text("destination.address", record.host.as_deref());
    doc.text("destination.domain", record.host.as_deref());
    let Some(fields) = afw_parsers::cloudflare::fields(&record.line) else {
        return;
    };
    for (name, field) in [
        ("rule.id", "RuleID"),
        ("rule.description", "Description"),
        ("rule.reference", "Ref"),
    ] {
        if let Some(text) = fields
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
        {
            doc.set(name, text);
        }
    }
    doc.set(
        "cloudflare",
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, kept(value)?)))
            .collect::<Map<_, _>>(),
    );
}

/// A Logpush value as SEKOIA's intake keeps it: nothing empty, and integers that a double cannot hold as text.
fn kept(value: Value) -> Option<Value> {
    const EXACT: u64 = 1 << 53;
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Object(fields) if fields.is_empty() => None,
        Value::Number(number) if number.as_i64().is_some_and(|n| n.unsigned_abs() > EXACT) => {
            Some(Value::String(number.to_string()))
        }
        other => Some(other),
    }
}

/// `afw.agent`: what kind of program the user agent names.
fn agent(doc: &mut Document, event: &Event<'_, '_>) {
    if let Some(hash) = identity::fingerprint(event.record) {
        doc.set("afw.fingerprint", format!("{hash:016x}"));
    }
    if event.record.user_agent.is_none() {
        return;
    }
    doc.set("afw.agent.type", event.agent.kind.name());
    if let Some(name) = &event.agent.name {
        doc.set("afw.agent.name", name.as_ref());
    }
    if let Some(what) = identity::contradiction(event.record, event.agent) {
        doc.set("afw.agent.contradiction", what);
    }
    if event.agent.claims.is_some() {
        doc.set("afw.agent.verified", event.is_verified_crawler());
        doc.set("afw.agent.verdict", event.verdict.name());
    }
}
