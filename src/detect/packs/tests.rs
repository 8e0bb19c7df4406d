//! The built-in rules, against their own examples and counter-examples and what every rule must tell.

use std::collections::HashMap;
use std::sync::Arc;

use afw_parsers::Record;

use super::*;
use crate::detect::rules::{Example, Ruleset};
use crate::detect::signature::Signatures;
use crate::detect::testing::{record, with_record};

fn ruleset() -> Arc<Ruleset> {
    match Ruleset::load(&builtin()) {
        Ok(ruleset) => Arc::new(ruleset),
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{}", lines.join("\n"))
        }
    }
}

fn fires(signatures: &mut Signatures, example: &Example, rule: usize) -> bool {
    let ordinary = record(&example.target);
    let record = Record {
        time: ordinary.time,
        peer: ordinary.peer,
        http_version: ordinary.http_version,
        ..example.record()
    };
    with_record(&record, |event| {
        let mut hits = Vec::new();
        signatures.inspect(event, &mut hits);
        hits.iter().any(|hit| hit.rule as usize == rule)
    })
}

#[test]
fn every_rule_matches_its_examples_and_no_counter_example() {
    let ruleset = ruleset();
    assert_eq!(ruleset.warnings(), []);
    let mut signatures = Signatures::new(Arc::clone(&ruleset));
    let mut wrong = Vec::new();
    for (index, rule) in ruleset.rules().iter().enumerate() {
        for example in &rule.examples {
            if fires(&mut signatures, example, index) != example.matches {
                wrong.push(format!(
                    "{}:{}: {} {} {}",
                    rule.info.source,
                    example.line,
                    rule.info.title,
                    if example.matches {
                        "must match"
                    } else {
                        "must not match"
                    },
                    example.target
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An example cannot put its client on a list or disprove it, nor be a line that is no request.
const CANNOT_BE_SHOWN: [&str; 5] = [
    "Client on a threat list",
    "Fake crawler",
    "Binary or foreign protocol on the web port",
    "Client hints contradict the user agent",
    "Browser with a TLS fingerprint",
];

#[test]
fn every_rule_is_complete() {
    let mut ids: HashMap<Arc<str>, Arc<str>> = HashMap::new();
    for rule in ruleset().rules() {
        let title = Arc::clone(&rule.info.title);
        assert!(rule.info.id.len() == 36, "{title} has a UUID");
        assert!(rule.description.is_some(), "{title} says what it is");
        assert!(
            CANNOT_BE_SHOWN.contains(&&*title) || rule.examples.iter().any(|example| example.matches),
            "{title} has an example"
        );
        assert_eq!(ids.insert(Arc::clone(&rule.info.id), title), None);
    }
}

/// Who reads a rule learns where its idea comes from and whom it may blame wrongly.
#[test]
fn every_document_names_references_and_false_positives() {
    for pack in builtin() {
        for document in pack.text.split("\n---\n") {
            let title = document.lines().find(|line| line.starts_with("title:"));
            for key in ["references:", "falsepositives:", "level:", "author:"] {
                let listed = document.lines().any(|line| line.starts_with(key));
                assert!(listed, "{}: {title:?} has no {key}", pack.name);
            }
        }
    }
}

/// What the SDK's list calls a scanner, the packs call a probe or worse; but not the assets of a WordPress site.
#[test]
fn the_sdk_s_families_are_covered_without_its_false_alarms() {
    let ruleset = ruleset();
    let mut signatures = Signatures::new(Arc::clone(&ruleset));
    let mut alerts = |target: &str| {
        with_record(&record(target), |event| {
            let mut hits = Vec::new();
            signatures.inspect(event, &mut hits);
            hits.iter().any(|hit| ruleset.rules()[hit.rule as usize].alerts)
        })
    };
    let missed: Vec<&str> = crate::detect::label::SCANNER
        .into_iter()
        .filter(|part| !["/wp-content", "/wp-includes"].contains(part))
        .filter(|part| !alerts(&format!("/app{part}")))
        .collect();
    assert_eq!(missed, [""; 0]);
    for asset in [
        "/wp-content/uploads/2024/05/photo.jpg",
        "/wp-content/themes/x/style.css?ver=6.1",
        "/wp-includes/js/jquery/jquery.min.js",
        "/wp-includes/images/media/default.svg",
    ] {
        assert!(!alerts(asset), "{asset}");
    }
}

/// A rule that no literal wakes costs time on every line.
#[test]
fn few_rules_are_tried_on_every_line() {
    let ruleset = ruleset();
    let always: Vec<&str> = ruleset
        .engine
        .always
        .iter()
        .map(|rule| &*ruleset.rules()[*rule as usize].info.title)
        .collect();
    assert_eq!(always, ["Request"]);
}
