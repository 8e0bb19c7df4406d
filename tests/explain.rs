//! `afw explain`: what it says of a line and of an address, for people and as documents.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{afw, run, text};

/// A correlation that takes five requests of one address.
const OFTEN: &str = "title: Asked\nname: asked\ndetection: {s: {cs-uri-stem: /asked}, condition: s}\n---
title: Asked often\nid: often\nlevel: high\ncorrelation: {type: event_count, rules: [asked], group-by: [c-ip], timespan: 10m, condition: {gte: 5}}\n";

/// Lines of one address that ask for this one second apart.
fn asked(address: &str, agent: &str, paths: &[&str]) -> String {
    let line = |(at, path): (usize, &&str)| {
        format!(
            "{address} - - [10/Oct/2025:13:55:3{at} +0000] \"GET {path} HTTP/1.1\" 200 12 \"-\" \"{agent}\"\n"
        )
    };
    paths.iter().enumerate().map(line).collect()
}

/// A place whose store has read these lines by the rule above alone.
fn stored(lines: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("often.yml"), OFTEN).unwrap();
    fs::write(dir.path().join("access.log"), lines).unwrap();
    let arguments = ["replay", "--resume", "--print", "none", "access.log"];
    let output = run(ruled(dir.path()).args(arguments));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    dir
}

fn ruled(place: &Path) -> std::process::Command {
    let mut command = afw(&place.join("state"));
    command
        .current_dir(place)
        .env("AFW_RULES", "often.yml")
        .env("AFW_NO_DEFAULT_RULES", "true");
    command
}

/// Exit code, standard output and standard error of `explain --why`.
fn why(place: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(ruled(place).args(["explain", "--why"]).args(arguments));
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn windows_are_told_of_an_address_that_is_no_indicator_yet() {
    let place = stored(&asked("45.83.7.9", "curl/8", &["/asked", "/x", "/asked"]));
    for spelt in ["45.83.7.9", "::ffff:45.83.7.9"] {
        let (code, out, err) = why(place.path(), &[spelt]);
        assert_eq!(code, Some(1), "{out}{err}");
        assert_eq!(out, "windows    Asked often: 2 of 5\n");
        assert!(err.contains("the store holds no indicator for"), "{err}");
    }
    let (code, out, err) = why(place.path(), &["45.83.7.10"]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
}

#[test]
fn an_indicator_comes_with_its_evidence_and_windows_in_both_forms() {
    let lines = asked("45.83.7.9", "curl/8", &["/asked"; 7]);
    let place = stored(&lines);
    let (code, out, err) = why(place.path(), &["45.83.7.9"]);
    assert_eq!(code, Some(0), "{err}");
    let fifth = lines.len() / 7 * 4;
    let at = format!("access.log byte {fifth}, rule often\n");
    assert!(out.contains(&at), "{out}");
    assert!(out.ends_with("windows    Asked often: 2 of 5\n"), "{out}");

    let (_, out, _) = why(place.path(), &["45.83.7.9", "--json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["evidence"][0]["offset"], json!(fifth));
    assert!(
        told["evidence"][0]["file"]
            .as_str()
            .unwrap()
            .ends_with("access.log"),
        "{out}"
    );
    let window = json!({"rule": {"id": "often", "title": "Asked often"}, "count": 2, "threshold": 5});
    assert_eq!(told["windows"], json!([window]));
}

#[test]
fn an_ipv6_prefix_is_asked_for_as_indicators_name_it() {
    let lines = asked("2a01:4f8:1:2::7", "curl/8", &["/asked"; 6]);
    let place = stored(&lines);
    let (_, by_prefix, err) = why(place.path(), &["2a01:4f8:1:2::/64"]);
    assert!(
        by_prefix.contains("windows    Asked often: 1 of 5"),
        "{by_prefix}{err}"
    );
    let (_, by_address, _) = why(place.path(), &["2a01:4F8:1:2::7"]);
    assert!(
        by_address.contains("windows    Asked often: 1 of 5"),
        "{by_address}"
    );
}

#[test]
fn explain_shows_what_decided_and_with_v_all_that_was_tried() {
    let dir = tempfile::tempdir().unwrap();
    let line = "198.51.100.7 - - [10/Oct/2026:13:55:36 +0000] \"GET /..%252f..%252fetc/passwd HTTP/1.1\" 404 5 \"-\" \"curl/8.11.0\"";
    let said = |arguments: &[&str]| {
        let mut command = afw(&dir.path().join("state"));
        text(&run(command.arg("explain").args(arguments)).stdout)
    };
    let brief = said(&[line]);
    assert!(brief.contains("✔ fired on the decoded2 view"), "{brief}");
    assert!(
        brief.contains("⟨/../⟩") || brief.contains("⟨etc/passwd⟩"),
        "{brief}"
    );
    assert!(brief.contains("-v shows what each rule looked for"), "{brief}");
    assert!(!brief.contains("not found:"), "{brief}");
    assert!(said(&["-v", line]).contains("not found:"));
    let other = said(&["no line of any log"]);
    assert!(
        other.contains("\nhint       no format that afw knows: --format 'nginx:…'"),
        "{other}"
    );
}

#[test]
fn a_document_says_of_each_rule_what_stood_where() {
    let dir = tempfile::tempdir().unwrap();
    let line = asked("45.83.7.9", "curl/8", &["/get?f=..%252f..%252fetc%252fpasswd"]);
    let output = run(afw(dir.path()).args(["explain", "--json", line.trim()]));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let readings: Vec<_> = told["readings"].as_array().unwrap().iter().collect();
    assert_eq!(readings[0]["view"], "raw");
    assert_eq!(
        readings[2],
        &json!({"view": "decoded2", "target": "/get?f=../../etc/passwd"})
    );
    let rules = told["rules"].as_array().unwrap();
    let fired = |rule: &&Value| rule["title"] == "Path traversal" && rule["fired"].is_string();
    let rule = rules.iter().find(fired).expect("the traversal is found");
    let found = rule.pointer("/selections/0/found/0").unwrap();
    let target = readings[0]["target"].as_str().unwrap();
    let span = |key: &str| usize::try_from(found[key].as_u64().unwrap()).unwrap();
    assert_eq!(found["field"], "cs-uri", "{found}");
    assert_eq!(
        &target[span("start")..span("end")],
        found["text"].as_str().unwrap()
    );
    assert!(
        rules.iter().any(|rule| rule["fired"].is_null()),
        "some were looked at and did not fire"
    );
}
