//! An event as an ECS 8 document: what `--print events` writes and what ECS sinks send.
//!
//! Names follow Elastic's nginx, apache and cloudflare_logpush integrations; for Cloudflare data the dataset names
//! and `cloudflare.*` follow SEKOIA's intake. A missing value is an absent field. Pure. Next: `docs/schema/`.

use std::net::IpAddr;

use afw_parsers::record::{Moment, More};
use afw_parsers::{Format, Record, Server};
use serde_json::{Map, Value};

mod json;

use self::json::Object;
use crate::detect::label;
use crate::enrich::identity;
use crate::event::{COMMON_PAGE, Event, SightedEvent, Sighting, ValueType};

/// Version of the Elastic Common Schema that the field names are of.
pub const ECS_VERSION: &str = "8.17.0";

/// The whole document of one event, as JSON on one line.
pub fn document(event: &Event<'_, '_>) -> String {
    let record = event.record;
    let kind = kind(record);
    json::document(|doc| {
        if let Some(time) = record.time {
            doc.plain("@timestamp", time);
        }
        doc.object("ecs", |it| it.value("version", ECS_VERSION));
        doc.object("event", |it| {
            what(it, record, &kind);
            duration(it, record);
        });
        doc.object("observer", |it| observer(it, &kind));
        doc.object("source", |it| source(it, event));
        doc.object("user", |it| it.text("name", record.user.as_deref()));
        doc.object("related", |it| {
            related(it, [event.client.address, event.client.peer])
        });
        doc.object("http", |it| http(it, record));
        doc.object("url", |it| url(it, record));
        doc.object("user_agent", |it| {
            it.text("original", record.user_agent.as_deref())
        });
        doc.object("tls", |it| tls(it, &record.more));
        doc.object("log", |it| place(it, event));
        doc.object("afw", |it| own(it, event));
        if kind.module == "cloudflare" {
            cloudflare(doc, record);
        }
    })
}

/// One sighting, with the ECS document that its event carries, as JSON on one line: what `--print sightings` writes.
pub fn sighting(event: &SightedEvent, sighting: &Sighting) -> String {
    json::document(|doc| {
        if let Some(time) = event.time {
            doc.plain("time", time);
        }
        doc.object("rule", |rule| {
            rule.value("id", sighting.rule.id.as_ref());
            rule.value("title", sighting.rule.title.as_ref());
            rule.value("level", sighting.rule.level.name());
        });
        doc.value("class", sighting.class.name());
        doc.value("confidence", &sighting.confidence.value());
        doc.value("view", sighting.view.name());
        if sighting.common_page {
            doc.value("note", COMMON_PAGE);
        }
        if let Some(client) = event.client {
            doc.plain("value", client);
            doc.value("type", ValueType::of_address(client).name());
        }
        doc.raw("event", event.ecs.as_deref().unwrap_or("null"));
    })
}

/// Where the log tells them `event.start`, `event.end` and `event.duration`.
fn duration(it: &mut Object<'_>, record: &Record<'_>) {
    let duration = record.more.duration_ns.and_then(|ns| i64::try_from(ns).ok());
    let (Some(time), Some(duration)) = (record.time, duration) else {
        return;
    };
    let (start, end) = match record.more.moment {
        Moment::End => (time.saturating_add(-duration), time),
        Moment::Start => (time, time.saturating_add(duration)),
    };
    it.plain("start", start);
    it.plain("end", end);
    it.value("duration", &duration);
}

/// What happened, in ECS's words, and whose data this is.
fn what(it: &mut Object<'_>, record: &Record<'_>, kind: &Kind) {
    it.value("kind", "event");
    it.value("category", &[kind.category]);
    it.value("type", &[action_type(record)]);
    it.text("action", record.more.action.as_deref());
    it.value("module", kind.module);
    it.value("dataset", kind.dataset);
    it.value("outcome", outcome(record.status));
}

/// Which machine between client and server saw it.
fn observer(it: &mut Object<'_>, kind: &Kind) {
    if kind.module == "cloudflare" {
        it.value("vendor", "Cloudflare");
        let is_firewall = kind.category == "network";
        it.value("type", if is_firewall { "firewall" } else { "proxy" });
    }
}

/// What `event.module`, `event.dataset` and `event.category` are for the logs of one server.
struct Kind {
    module: &'static str,
    dataset: &'static str,
    category: &'static str,
}

/// Elastic's names of a format's data; SEKOIA's for Cloudflare. A compiled format is its server's; a log of no server
/// that has a name there is a web log like others.
fn kind(record: &Record<'_>) -> Kind {
    let server = record.server.map_or("", Server::name);
    let name = record.format.map_or(server, Format::name);
    const TABLE: [(&str, &str, &str); 13] = [
        ("nginx", "nginx", "nginx.access"),
        ("ingress-nginx", "nginx", "nginx.ingress_controller"),
        ("apache", "apache", "apache.access"),
        ("caddy", "caddy", "caddy.access"),
        ("cloudflare-firewall", "cloudflare", "firewall-events"),
        ("cloudflare", "cloudflare", "http_requests"),
        ("traefik", "traefik", "traefik.access"),
        ("w3c", "iis", "iis.access"),
        ("haproxy", "haproxy", "haproxy.log"),
        ("iis", "iis", "iis.access"),
        ("aws-elb", "aws", "aws.elb_logs"),
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
fn source(it: &mut Object<'_>, event: &Event<'_, '_>) {
    let record = event.record;
    match event.client.address {
        Some(client) => {
            it.plain("ip", client);
            it.plain("address", client);
        }
        None => it.text("address", Some(record.peer_text)),
    }
    it.optional("port", record.more.peer_port);
    it.object("user", |it| it.text("name", record.user.as_deref()));
    it.object("geo", |it| {
        let code = event.address.country.or(record.more.country);
        it.optional("country_iso_code", code.map(country));
    });
    it.object("as", |it| {
        it.optional("number", event.address.asn.or(record.more.asn));
        it.object("organization", |it| {
            it.optional("name", event.address.as_org.as_deref());
        });
    });
}

/// A two-letter code as text.
pub fn country(code: [u8; 2]) -> String {
    String::from_utf8_lossy(&code).into_owned()
}

/// `related.ip`: every address of the event once.
fn related(it: &mut Object<'_>, addresses: [Option<IpAddr>; 2]) {
    let mut known: Vec<IpAddr> = addresses.into_iter().flatten().collect();
    known.dedup();
    if !known.is_empty() {
        it.value("ip", &known);
    }
}

/// The request and its answer.
fn http(it: &mut Object<'_>, record: &Record<'_>) {
    let more = &record.more;
    it.object("request", |it| {
        it.text("method", record.method.as_deref());
        it.text("referrer", record.referrer.as_deref());
        it.text("id", more.request_id.as_deref());
        it.optional("bytes", more.request_bytes);
    });
    it.text("version", record.http_version.map(short_version));
    it.object("response", |it| {
        it.optional("status_code", record.status);
        it.object("body", |it| it.optional("bytes", record.body_bytes));
        it.optional("bytes", more.response_bytes);
    });
}

/// `2.0` and `3.0` are written `2` and `3` nowhere in ECS; the log's own digits stay.
fn short_version(version: &[u8]) -> &[u8] {
    version.strip_prefix(b"HTTP/").unwrap_or(version)
}

/// What was asked for.
fn url(it: &mut Object<'_>, record: &Record<'_>) {
    it.text("original", record.target.as_deref());
    it.text("path", record.path());
    it.text("query", record.query());
    it.text("domain", record.host.as_deref());
    it.text("scheme", record.more.scheme.as_deref());
    it.optional("port", record.more.server_port);
}

/// TLS facts.
fn tls(it: &mut Object<'_>, more: &More<'_>) {
    if let Some(version) = more.tls_version.as_deref() {
        it.text("version", Some(version));
        it.value("version_protocol", "tls");
    }
    it.text("cipher", more.tls_cipher.as_deref());
    it.object("client", |it| {
        it.text("server_name", more.tls_server_name.as_deref());
        it.text("ja3", more.ja3.as_deref());
        it.text("ja4", more.ja4.as_deref());
    });
}

/// Where the line stands.
fn place(it: &mut Object<'_>, event: &Event<'_, '_>) {
    // Standard input has no path.
    if event.file.as_ref() != "-" {
        it.object("file", |it| it.value("path", event.file.as_ref()));
    }
    it.value("offset", &event.offset);
}

/// Everything that ECS has no name for.
fn own(it: &mut Object<'_>, event: &Event<'_, '_>) {
    let record = event.record;
    if let Some(peer) = event.client.peer {
        it.plain("peer_ip", peer);
    }
    it.optional("classification", label::of_record(record));
    if let Some(hash) = identity::fingerprint(record) {
        it.plain("fingerprint", format_args!("{hash:016x}"));
    }
    if record.user_agent.is_some() {
        it.object("agent", |it| agent(it, event));
    }
    if !event.address.lists.is_empty() {
        let names: Vec<&str> = event.address.lists.iter().map(AsRef::as_ref).collect();
        it.value("lists", &names);
    }
    it.text("malformed_request", record.malformed_request.as_deref());
    it.text("forwarded_for", record.header("x-forwarded-for"));
}

/// What kind of program the user agent names.
fn agent(it: &mut Object<'_>, event: &Event<'_, '_>) {
    it.value("type", event.agent.kind.name());
    it.optional("name", event.agent.name.as_deref());
    it.optional(
        "contradiction",
        identity::contradiction(event.record, event.agent),
    );
    if event.agent.claims.is_some() {
        it.value("verified", &event.is_verified_crawler());
        it.value("verdict", event.verdict.name());
    }
}

/// The whole Logpush record as SEKOIA's intake keeps it, and the firewall's rule.
fn cloudflare(doc: &mut Object<'_>, record: &Record<'_>) {
    doc.object("destination", |it| {
        it.text("address", record.host.as_deref());
        it.text("domain", record.host.as_deref());
    });
    let Some(fields) = afw_parsers::cloudflare::fields_of(record) else {
        return;
    };
    doc.object("rule", |it| {
        // Of firewall events, of requests, of requests until 2023.
        for (name, fields_of_it) in [
            ("id", ["RuleID", "SecurityRuleID", "WAFRuleID"]),
            (
                "description",
                ["Description", "SecurityRuleDescription", "WAFRuleMessage"],
            ),
            ("reference", ["Ref"; 3]),
        ] {
            let mut texts = fields_of_it.iter().filter_map(|field| told(&fields, field));
            it.optional(name, texts.next());
        }
    });
    let fields: Map<_, _> = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, kept(value)?)))
        .collect();
    doc.value("cloudflare", &fields);
}

/// A text of a Logpush record that is not empty; some receivers write names in lower case.
fn told<'f>(fields: &'f Map<String, Value>, name: &str) -> Option<&'f str> {
    let value = fields.get(name).or_else(|| {
        let mut others = fields
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        others.next().map(|(_, value)| value)
    });
    value.and_then(Value::as_str).filter(|text| !text.is_empty())
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
