//! Lines that tell no time: requests all the same, judged and counted, and nothing printed of them has a time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;

use serde_json::Value;
use support::{afw, json_lines, stdout};

const FORMAT: &str = r#"nginx:$remote_addr "$request" $status"#;
const LOG: &str = "45.83.64.7 \"GET /a?x=../../../../etc/passwd HTTP/1.1\" 200\n\
                   45.83.64.8 \"GET / HTTP/1.1\" 200\n\
                   45.83.64.7 \"GET /?id=1'%20union%20select%201,2,3--%20 HTTP/1.1\" 404\n";

/// What a replay of lines without times prints.
fn replayed(args: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("access.log"), LOG).unwrap();
    stdout(
        afw(dir.path())
            .current_dir(dir.path())
            .args(["replay", "--format", FORMAT, "access.log", "--json"])
            .args(args),
    )
}

/// Every member name and text of a document.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            into.push(name.clone());
            texts(value, into);
        }),
        Value::Array(values) => values.iter().for_each(|value| texts(value, into)),
        Value::String(text) => into.push(text.clone()),
        _ => {}
    }
}

#[test]
fn lines_without_a_time_are_judged() {
    for threads in ["1", "3"] {
        let events = json_lines(&replayed(&["--print", "events", "--threads", threads]));
        assert_eq!(events.len(), 3);
        let indicators = json_lines(&replayed(&["--print", "indicators", "--threads", threads]));
        assert_eq!(indicators.len(), 1, "{indicators:?}");
        assert_eq!(indicators[0]["value"], "45.83.64.7");
        let sightings = json_lines(&replayed(&["--print", "sightings", "--threads", threads]));
        assert!(sightings.len() >= 2, "{sightings:?}");
        let mut said = Vec::new();
        let all = events.iter().chain(&indicators).chain(&sightings);
        all.for_each(|value| texts(value, &mut said));
        for absent in ["@timestamp", "time", "first_seen", "last_seen"] {
            assert!(!said.iter().any(|text| text == absent), "{absent}");
        }
        assert!(!said.iter().any(|text| text.contains("1970-")));
    }
}

#[test]
fn the_summary_counts_lines_without_a_time() {
    let summary: Value = serde_json::from_str(&replayed(&["--print", "summary"])).unwrap();
    assert_eq!(summary["requests"], 3);
    assert_eq!(summary["timeless"], 3);
    assert_eq!(summary["sighted"], 2);
    let since = replayed(&["--print", "summary", "--since", "2020-01-01"]);
    let since: Value = serde_json::from_str(&since).unwrap();
    assert_eq!((&since["requests"], &since["timeless"]), (&0.into(), &3.into()));
}

#[test]
fn a_report_of_lines_without_a_time_counts_them() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("access.log"), LOG).unwrap();
    for name in ["out.json", "out.html"] {
        let mut afw = afw(dir.path());
        afw.current_dir(dir.path())
            .args(["replay", "--format", FORMAT, "access.log", "--report", name]);
        let screen = stdout(&mut afw);
        assert!(screen.contains("3 requests without a time"), "{screen}");
        let report = fs::read_to_string(dir.path().join(name)).unwrap();
        assert!(!report.contains("\"1970-"), "{report}");
    }
}
