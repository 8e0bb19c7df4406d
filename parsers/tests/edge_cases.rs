//! Scores the formats of edges and other servers against real logs with known results, in the folder that
//! `AFW_CASES` names; see `cases.rs`, which does so for nginx and Apache.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test reads its own files and prints its figures"
)]

use std::path::{Path, PathBuf};

use afw_parsers::{Format, Layout, Line, Parser, Record, Reject, cloudflare, parts};
use serde_json::{Map, Value};

fn data() -> Option<PathBuf> {
    match std::env::var_os("AFW_CASES") {
        Some(folder) => Some(Path::new(&folder).join("data")),
        None => {
            println!("skipped: AFW_CASES is unset");
            None
        }
    }
}

fn files(folder: &Path, starts: &str, end: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with(starts) && name.ends_with(end)
        })
        .collect();
    found.sort();
    found
}

fn read<'a>(line: &'a [u8], record: &mut Record<'a>) -> Result<Line, Reject> {
    Parser::new(&Layout::recognise(&[line]).layout).parse(line, record)
}

fn shown(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// What Logpush says in each field must be what the record says, and what it calls nothing must be nothing.
fn logpush(object: &Map<String, Value>, record: &Record<'_>) -> usize {
    let more = &record.more;
    let mut right = 0;
    for (name, value) in object {
        let want = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => continue,
        };
        let got = match name.as_str() {
            "ClientIP" => record.peer.map(|ip| ip.to_string()),
            "ClientASN" => more.asn.map(|asn| asn.to_string()),
            "ClientRequestHost" => shown(record.host.as_deref()),
            "ClientRequestMethod" => shown(record.method.as_deref()),
            "ClientRequestURI" => shown(record.target.as_deref()),
            "ClientRequestUserAgent" => shown(record.user_agent.as_deref()),
            "ClientRequestReferer" => shown(record.referrer.as_deref()),
            "ClientRequestScheme" => shown(more.scheme.as_deref()),
            "RayID" => shown(more.request_id.as_deref()),
            "EdgeResponseStatus" => record.status.map(|status| status.to_string()),
            "EdgeResponseBytes" => more.response_bytes.map(|bytes| bytes.to_string()),
            "ClientRequestBytes" => more.request_bytes.map(|bytes| bytes.to_string()),
            "JA3Hash" => shown(more.ja3.as_deref()),
            "ClientCountry" => more
                .country
                .map(|code| String::from_utf8_lossy(&code).to_lowercase()),
            "Action" => shown(more.action.as_deref()),
            "ClientRequestPath" if !object.contains_key("ClientRequestURI") => shown(record.path()),
            _ => continue,
        };
        let nothing = matches!(want.as_str(), "" | "0") && got.is_none();
        let same = got.as_deref().map(str::to_lowercase) == Some(want.to_lowercase());
        assert!(same || nothing, "{name}: got {got:?}, want {want:?}");
        right += 1;
    }
    right
}

#[test]
fn cloudflare_says_what_we_say() {
    let Some(data) = data() else { return };
    let mut right = 0;
    let mut records = 0;
    for path in files(&data.join("cloudflare"), "", ".ndjson") {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let whole: Value = serde_json::from_str(line).unwrap();
            let log = whole.get("log").unwrap_or(&whole);
            let line = log.to_string();
            let mut record = Record::default();
            if read(line.as_bytes(), &mut record) != Ok(Line::Record) {
                // Cases of other datasets, and records without a time.
                assert!(
                    log.get("EdgeStartTimestamp").is_none() && log.get("Datetime").is_none(),
                    "{line}"
                );
                continue;
            }
            records += 1;
            right += logpush(log.as_object().unwrap(), &record);
            assert_eq!(cloudflare::fields(line.as_bytes()).as_ref(), log.as_object());
        }
    }
    for path in files(&data.join("cloudflare"), "sekoia__", ".json") {
        let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let message = case["input"]["message"].as_str().unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let ours = name.contains("__http_requests__") || name.contains("__firewall_events__");
        let mut record = Record::default();
        let got = read(message.as_bytes(), &mut record);
        assert_eq!(got == Ok(Line::Record), ours, "{name}: {got:?}");
        if !ours {
            continue;
        }
        let expected = &case["expected"];
        let time = expected.pointer("/event/start").or(expected.get("@timestamp"));
        let got = record.time.unwrap().to_rfc3339_millis().replace('Z', "000Z");
        assert_eq!(Some(got.as_str()), time.and_then(Value::as_str));
        let object: Value = serde_json::from_str(message).unwrap();
        records += 1;
        right += logpush(object.as_object().unwrap(), &record) + 1;
    }
    println!("cloudflare: {right} fields of {records} records right");
}

/// Lines of the folder's files that begin so: accepted, skipped, refused.
fn tally(folder: &Path, starts: &str) -> (usize, usize, Vec<String>) {
    let (mut accepted, mut skipped, mut refused) = (0, 0, Vec::new());
    for path in files(folder, starts, "") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".json") {
            continue;
        }
        let log = std::fs::read(&path).unwrap();
        let lines: Vec<&[u8]> = log
            .split(|&b| b == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .collect();
        let layout = Layout::recognise(&lines[..lines.len().min(64)]).layout;
        let mut parser = Parser::new(&layout);
        for (_, line) in lines.iter().flat_map(|line| parts(line)) {
            let mut record = Record::default();
            match parser.parse(line, &mut record) {
                Ok(Line::Record) => accepted += 1,
                Ok(Line::Skip(_)) => skipped += 1,
                Err(why) => refused.push(format!("{name}: {why}: {}", String::from_utf8_lossy(line))),
            }
        }
    }
    (accepted, skipped, refused)
}

#[test]
fn real_lines_of_other_servers_are_accepted() {
    let Some(data) = data() else { return };
    for (group, starts, allowed) in [
        ("caddy", "", &[][..]),
        ("nginx-json", "", &[]),
        // FTP in W3C form, a file whose header names fewer columns than its lines have, columns of RTMP streams.
        (
            "other",
            "lnav__w3c",
            &["USER", "PASS", "QUIT", "sent", "created", "w3c.5"],
        ),
        ("other", "matomo", &["rtmp"]),
        (
            "other",
            "crowdsec",
            &[
                "SSL handshake",
                "TLSv1 heartbeat",
                "<Event xmlns",
                "CrowdsecBouncer",
                "[NOTICE]",
                "[INFO]",
            ],
        ),
    ] {
        let (accepted, skipped, refused) = tally(&data.join(group), starts);
        println!(
            "{group}/{starts}*: {accepted} accepted, {skipped} skipped, {} refused",
            refused.len()
        );
        let unexplained: Vec<_> = refused
            .iter()
            .filter(|refused| !allowed.iter().any(|reason| refused.contains(reason)))
            .collect();
        assert!(unexplained.is_empty(), "{unexplained:#?}");
    }
    let (accepted, _, _) = tally(&data.join("negative"), "");
    assert_eq!(accepted, 0);
}

#[test]
fn haproxy_and_iis_say_what_we_say() {
    let Some(data) = data() else { return };
    let mut right = 0;
    for path in ["sekoia__haproxy__", "sekoia__microsoft-iis"]
        .iter()
        .flat_map(|starts| files(&data.join("other"), starts, ".json"))
    {
        let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // One message has its line broken within the request, as a mail client breaks lines.
        let message = case["input"]["message"].as_str().unwrap().replace(" \n", " ");
        let other = ["connect", "error", "json"]
            .iter()
            .any(|kind| name.ends_with(&format!("__{kind}.json")));
        let mut record = Record::default();
        let got = read(message.trim_end().as_bytes(), &mut record);
        assert_eq!(got == Ok(Line::Record), !other, "{name}: {got:?}: {message}");
        if other {
            continue;
        }
        let expected = &case["expected"];
        for (pointer, got) in [
            ("/source/ip", record.peer.map(|ip| ip.to_string())),
            ("/http/request/method", shown(record.method.as_deref())),
            ("/url/original", shown(record.target.as_deref())),
            ("/source/port", record.more.peer_port.map(|port| port.to_string())),
            (
                "/http/response/status_code",
                record.status.map(|status| status.to_string()),
            ),
        ] {
            if let Some(want) = expected.pointer(pointer) {
                let want = want.as_str().map_or_else(|| want.to_string(), str::to_owned);
                assert_eq!(got, Some(want), "{name}: {pointer}");
                right += 1;
            }
        }
        assert!(matches!(record.format, Some(Format::Haproxy | Format::Iis)));
    }
    println!("haproxy, iis: {right} fields right");
}
