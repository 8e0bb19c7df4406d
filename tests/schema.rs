//! What `--print` writes is what `docs/schema` says, over the sample and every format there is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::schema::Schema;
use support::{afw, json_lines, stdout};

const SAMPLE: &str = "testdata/sample/access.log";

/// The sample, and the input of each format with what its name says about how to read it.
fn inputs() -> Vec<PathBuf> {
    let mut inputs = vec![PathBuf::from(SAMPLE)];
    for format in fs::read_dir("testdata/formats").unwrap() {
        for file in fs::read_dir(format.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("input") {
                inputs.push(path);
            }
        }
    }
    inputs.sort();
    assert!(inputs.len() > 20, "{inputs:?}");
    inputs
}

fn printed(input: &Path, what: &str) -> Vec<Value> {
    let state = tempfile::tempdir().unwrap();
    let mut replay = afw(state.path());
    replay
        .args(["replay", "--print", what, "--min-confidence", "0"])
        .arg(input);
    if let Some(preset) = preset(input) {
        replay.args(["--format", &preset]);
    }
    json_lines(&stdout(&mut replay))
}

/// The folder of a format is named like its preset.
fn preset(input: &Path) -> Option<String> {
    let folder = input.parent()?.file_name()?.to_str()?;
    input.starts_with("testdata/formats").then(|| folder.to_owned())
}

/// No value stands for a missing one: neither `null` nor a dash, nor something empty.
fn placeholders(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Null => found.push(format!("{place}: null")),
        Value::String(text) if text == "-" => found.push(format!("{place}: -")),
        Value::Object(object) => {
            if object.is_empty() {
                found.push(format!("{place}: {{}}"));
            }
            for (key, value) in object {
                placeholders(value, &format!("{place}/{key}"), found);
            }
        }
        Value::Array(array) => {
            for value in array {
                placeholders(value, &format!("{place}/*"), found);
            }
        }
        _ => {}
    }
}

fn check(schema: &Schema, value: &Value, place: &str, faults: &mut BTreeSet<String>) {
    let mut found = schema.faults(value);
    placeholders(value, "", &mut found);
    faults.extend(found.into_iter().map(|fault| format!("{place}: {fault}")));
}

fn assert_none(faults: &BTreeSet<String>) {
    let shown: Vec<&String> = faults.iter().take(40).collect();
    assert!(faults.is_empty(), "{} faults: {shown:#?}", faults.len());
}

#[test]
fn events_are_as_their_schema_says() {
    let schema = Schema::read("event");
    let mut faults = BTreeSet::new();
    for input in inputs() {
        let place = input.display().to_string();
        let events = printed(&input, "events");
        assert!(!events.is_empty(), "{place}");
        for event in &events {
            check(&schema, event, &place, &mut faults);
            if event["log"]["file"]["path"] != place.as_str() {
                faults.insert(format!("{place}: log.file.path"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn sightings_and_their_events_are_as_their_schemas_say() {
    let (schema, event) = (Schema::read("sighting"), Schema::read("event"));
    let mut faults = BTreeSet::new();
    let mut count = 0;
    for input in inputs() {
        let place = input.display().to_string();
        for sighting in printed(&input, "sightings") {
            check(&schema, &sighting, &place, &mut faults);
            check(&event, &sighting["event"], &place, &mut faults);
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
    assert_none(&faults);
}

#[test]
fn indicators_are_as_their_schema_says() {
    let schema = Schema::read("indicator");
    let mut faults = BTreeSet::new();
    let mut values = BTreeSet::new();
    for input in inputs() {
        let place = input.display().to_string();
        for indicator in printed(&input, "indicators") {
            check(&schema, &indicator, &place, &mut faults);
            let (kind, value) = (
                indicator["type"].as_str().unwrap(),
                indicator["value"].as_str().unwrap(),
            );
            let id = uuid::Uuid::new_v5(&NAMESPACE, format!("{kind}:{value}").as_bytes());
            if indicator["id"] != id.to_string() {
                faults.insert(format!("{place}: the id of {kind}:{value} should be {id}"));
            }
            if !values.insert((place.clone(), value.to_owned())) {
                faults.insert(format!("{place}: {value} twice"));
            }
        }
    }
    assert!(values.len() > 20, "{values:?}");
    assert_none(&faults);
}

/// STIX's namespace for deterministic identifiers.
const NAMESPACE: uuid::Uuid = uuid::uuid!("00abedb4-aa42-466c-9c01-fed23315a9b7");

#[test]
fn every_field_of_the_schemas_is_written_by_some_run() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = dir.path().join("hosts.log");
    let line = "shop.example:443 45.83.1.1 - - [10/Oct/2026:13:55:36 +0000] \"GET /.env HTTP/1.1\" 200 5 \"-\" \"curl/8\"\n";
    // A host that answers any path with its front page: what is said of that is the note.
    let page = |target: &str| {
        format!(
            "one.example:443 45.83.1.2 - - [10/Oct/2026:13:55:37 +0000] \"GET {target} HTTP/1.1\" 200 5000 \"-\" \"curl/8\"\n"
        )
    };
    let lines = line.repeat(3) + &page("/") + &page("/.env");
    fs::write(&hosts, lines).unwrap();
    let mut inputs = inputs();
    inputs.push(hosts);
    for what in ["sighting", "indicator"] {
        let print = format!("{what}s");
        let documents: Vec<Value> = inputs.iter().flat_map(|input| printed(input, &print)).collect();
        // These come from databases alone.
        let absent = ["/country", "/asn", "/as_org"];
        let unseen: Vec<String> = Schema::read(what)
            .named()
            .into_iter()
            .filter(|place| !absent.contains(&place.as_str()))
            .filter(|place| !documents.iter().any(|document| has(document, place)))
            .collect();
        assert!(unseen.is_empty(), "{unseen:?}");
    }
}

/// Whether a document has something at a place; `*` is any item.
fn has(document: &Value, place: &str) -> bool {
    let Some((first, rest)) = place.trim_start_matches('/').split_once('/') else {
        return document.get(place.trim_start_matches('/')).is_some();
    };
    match document {
        Value::Array(items) if first == "*" => items.iter().any(|item| has(item, rest)),
        Value::Object(object) => object.get(first).is_some_and(|value| has(value, rest)),
        _ => false,
    }
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let (event, sighting) = (Schema::read("event"), Schema::read("sighting"));
    let good = printed(Path::new(SAMPLE), "sightings").remove(0);
    let spoilt = |place: &str, value: Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = value;
        bad
    };
    for bad in [
        spoilt("/class", "malware".into()),
        spoilt("/confidence", 1.5.into()),
        spoilt("/view", Value::Null),
        spoilt("/time", "2026-10-10 13:55:36".into()),
        spoilt("/rule", serde_json::json!({ "id": "x" })),
    ] {
        assert_eq!(sighting.faults(&bad).len(), 1, "{:?}", sighting.faults(&bad));
    }
    let bad = spoilt("/event/http/response/status_code", "200".into());
    assert_eq!(event.faults(&bad["event"]).len(), 1);
}
