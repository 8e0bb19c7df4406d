//! The AppFirewall sink of the real binary against the SDK for Python: the same requests, the same bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::ingest::Ingest;
use support::{afw, stdout};

const REQUESTS: &str = "testdata/appfirewall/requests.ndjson";
const EVENTS: &str = include_str!("../testdata/appfirewall/events.ndjson");

/// A rule on every request, for what is sent of sighted ones.
const EVERY: &str = "title: Every request\nid: 7b9bd2a6-6a3e-4b1c-9c1e-0d5b6a9c1f11\nlogsource:\n  category: webserver\n\
                     detection:\n  all:\n    cs-method|exists: true\n  condition: all\nlevel: low\n";

/// Replays a log into a strict ingest; the decoded bodies in their order.
fn bodies(dir: &Path, config: &str, log: &str) -> Vec<String> {
    let receiver = Ingest::start();
    fs::write(dir.join("afw.toml"), config).unwrap();
    fs::write(dir.join("rule.yml"), EVERY).unwrap();
    let mut command = afw(&dir.join("state"));
    command
        .env("APPFIREWALL_API_KEY", "afw_test_key")
        .env("APPFIREWALL_ENDPOINT", receiver.endpoint())
        .args(["replay", "--print", "none", "--config"])
        .arg(dir.join("afw.toml"));
    if !config.contains("default") {
        command
            .args(["--no-default-rules", "--rules"])
            .arg(dir.join("rule.yml"));
    }
    stdout(command.arg(log));
    receiver.look(|seen| {
        assert_eq!(seen.faults, [""; 0]);
        let unzip = |(body, _): &(Vec<u8>, _)| {
            let text = std::io::read_to_string(flate2::read::GzDecoder::new(body.as_slice()));
            text.unwrap()
        };
        seen.batches.values().map(unzip).collect()
    })
}

#[test]
fn every_request_is_written_byte_by_byte_as_the_sdk_for_python_does() {
    for send in ["all", "sightings"] {
        let dir = tempfile::tempdir().unwrap();
        let config = format!("[appfirewall]\nenvironment = \"staging \u{2603}\"\nsend = \"{send}\"\n");
        let sent = bodies(dir.path(), &config, REQUESTS);
        assert_eq!(sent.len(), 1, "{send}");
        for (line, expected) in sent[0].lines().zip(EVENTS.lines()) {
            assert_eq!(line, expected, "{send}");
        }
        assert_eq!(sent[0], EVENTS, "{send}");
    }
}

#[test]
fn a_correlation_and_an_exposure_are_custom_events_beside_the_request() {
    let dir = tempfile::tempdir().unwrap();
    let line = |second: u32, target: &str, status: u16| {
        format!(
            "45.83.1.7 - - [10/Oct/2026:13:55:{second:02} +0000] \"{target} HTTP/1.1\" {status} 292 \"-\" \"Mozilla/5.0 zgrab/0.x\"\n"
        )
    };
    let mut log: String = (0..30)
        .map(|second| line(second, "POST /wp-login.php", 200))
        .collect();
    log.push_str(&line(40, "GET /.git/config", 200));
    fs::write(dir.path().join("access.log"), log).unwrap();
    let sent = bodies(
        dir.path(),
        "# default rules\n",
        dir.path().join("access.log").to_str().unwrap(),
    );
    let events: Vec<Value> = sent
        .iter()
        .flat_map(|body| body.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let named = |name: &str| events.iter().find(|event| event["name"] == name);
    for (name, path, method) in [
        ("afw.brute_force", "/wp-login.php", "POST"),
        ("afw.exposure", "/.git/config", "GET"),
    ] {
        let event = named(name).unwrap_or_else(|| panic!("no {name} in {events:?}"));
        assert_eq!(
            (&event["type"], &event["path"], &event["method"], &event["ip"]),
            (
                &"custom".into(),
                &path.into(),
                &method.into(),
                &"45.83.1.7".into()
            )
        );
        assert!(event["fields"]["rule_id"].is_string(), "{event}");
    }
    let requests = events
        .iter()
        .filter(|event| event["type"] == "http_request")
        .count();
    assert_eq!(requests, 31, "one for each sighted request");
}
