//! Every format has a folder in `testdata/formats` with lines and the records they must give.
//!
//! `AFW_BLESS=1 cargo test -p afw-parsers --test presets` writes the expected records anew; read the difference
//! before you keep it.

use std::path::PathBuf;

use afw_parsers::record::Moment;
use afw_parsers::{Format, Layout, Line, Parser, Record, Reject};
use serde_json::{Map, Value, json};

/// The folder of a format. No arm stands for several and none for the rest, so that a new format does not compile
/// until it has its folder.
fn folder(format: Format) -> PathBuf {
    let name = match format {
        Format::NginxCombined => "nginx-combined",
        Format::NginxMain => "nginx-main",
        Format::NginxJson => "nginx-json",
        Format::IngressNginx => "ingress-nginx",
        Format::NginxProxyManager => "nginx-proxy-manager",
        Format::ApacheCommon => "apache-common",
        Format::ApacheCombined => "apache-combined",
        Format::ApacheVhostCombined => "apache-vhost-combined",
        Format::ApacheCombinedio => "apache-combinedio",
        Format::Litespeed => "litespeed",
        Format::Varnish => "varnish",
        Format::Caddy => "caddy",
        Format::CaddyConsole => "caddy-console",
        Format::CloudflareHttp => "cloudflare-http",
        Format::CloudflareFirewall => "cloudflare-firewall",
        Format::CaddyTransform => "caddy-transform",
        Format::TraefikClf => "traefik-clf",
        Format::TraefikJson => "traefik-json",
        Format::Haproxy => "haproxy",
        Format::AwsElb => "aws-elb",
        Format::Envoy => "envoy",
        Format::EnvoyJson => "envoy-json",
        Format::W3c => "w3c",
        Format::Cloudfront => "cloudfront",
        Format::Iis => "iis",
        Format::IisEvent => "iis-event",
        Format::Zoraxy => "zoraxy",
    };
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/formats")
        .join(name)
}

#[test]
fn every_format_reads_its_own_lines() {
    for &format in Format::ALL {
        let folder = folder(format);
        let input = std::fs::read(folder.join("input.log")).unwrap();
        let lines: Vec<&[u8]> = input
            .strip_suffix(b"\n")
            .unwrap_or(&input)
            .split(|&b| b == b'\n')
            .collect();
        let recognised = Layout::recognise(&lines);
        assert_eq!(
            recognised.candidates.first().map(|best| best.format),
            Some(format)
        );
        let by_itself = records(&recognised.layout, &lines);
        let expected = folder.join("expected.json");
        if std::env::var_os("AFW_BLESS").is_some() {
            std::fs::write(
                &expected,
                serde_json::to_string_pretty(&by_itself).unwrap() + "\n",
            )
            .unwrap();
        }
        let want: Value = serde_json::from_slice(&std::fs::read(&expected).unwrap()).unwrap();
        for (line, (got, want)) in by_itself.iter().zip(want.as_array().unwrap()).enumerate() {
            assert_eq!(got, want, "{}, line {}", format.name(), line + 1);
        }
        assert_eq!(by_itself.len(), want.as_array().unwrap().len());
        // Where a line is refused, other formats may have got further than the one that is named.
        let accepted = |records: Vec<Value>| -> Vec<Value> {
            let refused = |record: &Value| record.get("reject").is_some();
            let plain = |record| {
                if refused(&record) {
                    "refused".into()
                } else {
                    record
                }
            };
            records.into_iter().map(plain).collect()
        };
        assert_eq!(
            accepted(by_itself),
            accepted(records(&Layout::preset(format), &lines)),
            "{} by name",
            format.name()
        );
    }
}

#[test]
fn the_order_in_which_lines_come_changes_nothing() {
    // Columns that a header names are the one thing that lines leave behind.
    let with_header = |format: &&Format| matches!(format, Format::W3c | Format::Cloudfront);
    let all: Vec<u8> = Format::ALL
        .iter()
        .filter(|format| !with_header(format))
        .flat_map(|&format| std::fs::read(folder(format).join("input.log")).unwrap())
        .collect();
    let lines: Vec<&[u8]> = all.split(|&b| b == b'\n').collect();
    for layout in [Layout::auto(), Layout::recognise(&lines).layout] {
        let forward = records(&layout, &lines);
        let backward: Vec<&[u8]> = lines.iter().rev().copied().collect();
        let mut backward = records(&layout, &backward);
        backward.reverse();
        assert_eq!(forward, backward);
        let alone: Vec<Value> = lines.iter().flat_map(|line| records(&layout, &[line])).collect();
        assert_eq!(forward, alone);
    }
}

fn records(layout: &Layout, lines: &[&[u8]]) -> Vec<Value> {
    let mut parser = Parser::new(layout);
    lines
        .iter()
        .map(|line| {
            let mut record = Record::default();
            let read = parser.parse(line, &mut record);
            shown(read, &record)
        })
        .collect()
}

/// What a line gave, absent fields left out.
fn shown(read: Result<Line, Reject>, record: &Record<'_>) -> Value {
    match read {
        Err(reject) => return json!({"reject": reject.reason.name(), "at": reject.at}),
        Ok(Line::Skip(skip)) => return json!({"skip": skip.name()}),
        Ok(Line::Record) => {}
    }
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            all.insert(name.to_owned(), value);
        }
    };
    let more = &record.more;
    put("format", record.format.map(Format::name).into());
    put("time", record.time.map(|time| time.to_string()).into());
    put(
        "moment",
        if more.moment == Moment::Start {
            "start".into()
        } else {
            Value::Null
        },
    );
    put("peer", record.peer.map(|ip| ip.to_string()).into());
    put(
        "peer_text",
        if record.peer.is_none() {
            bytes(record.peer_text)
        } else {
            Value::Null
        },
    );
    put("http_version", record.http_version.map(bytes).into());
    put("status", record.status.into());
    put("body_bytes", record.body_bytes.into());
    put("duration_ns", more.duration_ns.into());
    put("client", more.client.map(|ip| ip.to_string()).into());
    put("peer_port", more.peer_port.into());
    put("server_port", more.server_port.into());
    put("response_bytes", more.response_bytes.into());
    put("request_bytes", more.request_bytes.into());
    put("country", more.country.map(|code| bytes(&code)).into());
    put("asn", more.asn.into());
    put(
        "subrequest",
        if more.subrequest { true.into() } else { Value::Null },
    );
    for (name, value) in [
        ("user", &record.user),
        ("method", &record.method),
        ("target", &record.target),
        ("malformed_request", &record.malformed_request),
        ("referrer", &record.referrer),
        ("user_agent", &record.user_agent),
        ("host", &record.host),
        ("scheme", &more.scheme),
        ("tls_version", &more.tls_version),
        ("tls_cipher", &more.tls_cipher),
        ("tls_server_name", &more.tls_server_name),
        ("ja3", &more.ja3),
        ("ja4", &more.ja4),
        ("request_id", &more.request_id),
        ("action", &more.action),
    ] {
        put(name, value.as_deref().map(bytes).into());
    }
    for (name, values) in [("headers", &more.headers), ("extra", &more.extra)] {
        let values: Map<String, Value> = values
            .iter()
            .map(|(n, v)| (n.clone().into_owned(), bytes(v)))
            .collect();
        put(
            name,
            if values.is_empty() {
                Value::Null
            } else {
                values.into()
            },
        );
    }
    Value::Object(all)
}

fn bytes(text: &[u8]) -> Value {
    let mut shown = String::new();
    for chunk in text.utf8_chunks() {
        shown.push_str(chunk.valid());
        shown.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}")));
    }
    shown.into()
}
