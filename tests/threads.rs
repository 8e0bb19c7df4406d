//! Windows counted on many threads: whatever is printed, reported and stored is the same for any number of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use afw::store::{StateKind, Store};
use support::{afw, stdout};

const THREADS: [&str; 5] = ["1", "2", "3", "4", "8"];

/// Correlations of every kind and key; such as share windows, and chains of them, silent ones among what they count.
const RULES: &str = "\
title: Page
id: page
logsource: {category: webserver}
detection: {s: {cs-uri-stem|startswith: /p/}, condition: s}
---
title: Absent
id: absent
logsource: {category: webserver}
detection: {s: {sc-status: 404}, condition: s}
---
title: Posted
id: posted
logsource: {category: webserver}
detection: {s: {cs-method: POST}, condition: s}
---
title: Many absent
id: many_absent
correlation: {type: event_count, rules: [absent], group-by: [c-ip], timespan: 1m, condition: {gte: 4}, generate: true}
---
title: More absent
id: more_absent
correlation: {type: event_count, rules: [absent], group-by: [c-ip], timespan: 10m, condition: {gte: 9}}
---
title: Paths
id: paths
correlation: {type: value_count, rules: [page], group-by: [c-ip], timespan: 5m, condition: {field: cs-uri-stem, gte: 12}}
---
title: Sought
id: sought
correlation: {type: value_count, rules: [absent, posted], group-by: [cs-uri-stem], timespan: 10m, condition: {field: c-ip, gte: 30}}
---
title: Absent, then posted
id: steps
correlation: {type: temporal_ordered, rules: [absent, posted], group-by: [c-ip], timespan: 2m}
---
title: All at once
id: all
correlation: {type: temporal, rules: [page, absent, posted], group-by: [c-ip/24], timespan: 30s}
---
title: Busy
id: busy
correlation: {type: event_count, rules: [posted], timespan: 1m, condition: {gte: 100}}
---
title: Quiet
id: quiet
correlation: {type: event_count, rules: [posted], group-by: [c-ip], timespan: 5m, condition: {gte: 2}}
---
title: Neighbours
id: neighbours
correlation: {type: event_count, rules: [many_absent, quiet], group-by: [c-ip/16], timespan: 5m, condition: {gte: 3}, generate: true}
---
title: Again and again
id: again
correlation: {type: temporal, rules: [neighbours, steps, posted], group-by: [c-ip/16], timespan: 1h, generate: true}
";

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn line(second: u64, client: &str, method: &str, target: &str, status: u16) -> String {
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "{client} - - [10/Oct/2026:{hour:02}:{minute:02}:{second:02} +0000] \"{method} {target} HTTP/1.1\" {status} 5 \"-\" \"x\"\n"
    )
}

/// Lines of a few hundred clients, some of them late by up to two minutes.
fn made(lines: u64, seed: u64) -> String {
    let mut chance = Chance(seed);
    let mut text = String::new();
    for number in 0..lines {
        let late = if chance.below(50) == 0 {
            chance.below(120)
        } else {
            0
        };
        let second = 600 + number / 6 - late;
        let (net, host) = (chance.below(8), chance.below(60));
        let client = match chance.below(4) {
            0 => format!("2001:db8:{net}:{host}::{}", chance.below(9)),
            _ => format!("45.{}.{net}.{host}", 80 + net % 3),
        };
        let target = match chance.below(3) {
            0 => format!("/q/{}", chance.below(20)),
            _ => format!("/p/{}", chance.below(200)),
        };
        let method = if chance.below(9) == 0 { "POST" } else { "GET" };
        let status = if chance.below(3) == 0 { 404 } else { 200 };
        text.push_str(&line(second, &client, method, &target, status));
    }
    text
}

/// Several logs of the same time, and the rules; the logs first hold what comes before a share of their lines.
struct Case {
    dir: tempfile::TempDir,
    logs: Vec<(PathBuf, String)>,
}

impl Case {
    fn new(rules: &str, logs: Vec<String>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("rules.yml"), rules).unwrap();
        let logs = logs.into_iter().enumerate();
        let logs = logs.map(|(number, text)| (dir.path().join(format!("{number}.log")), text));
        let case = Self {
            logs: logs.collect(),
            dir,
        };
        case.write(100);
        case
    }

    /// Writes so many percent of each log.
    fn write(&self, percent: usize) {
        for (path, text) in &self.logs {
            let cut = text.len() * percent / 100;
            let end = text[cut..].find('\n').map_or(text.len(), |end| cut + end + 1);
            fs::write(path, &text[..end]).unwrap();
        }
    }

    fn replay(&self, state: &Path, threads: &str, more: &[&str]) -> String {
        let mut command = afw(state);
        command
            .args(["replay", "--no-default-rules", "--threads", threads, "--rules"])
            .arg(self.dir.path().join("rules.yml"))
            .args(more)
            .args(self.logs.iter().map(|(path, _)| path));
        stdout(&mut command)
    }

    /// What is printed by two runs of which the second goes on where the first ended, and all that is stored then.
    fn resumed(&self, threads: &str) -> (String, String) {
        let state = tempfile::tempdir().unwrap();
        let mut told = String::new();
        for percent in [60, 100] {
            self.write(percent);
            told += &self.replay(state.path(), threads, &["--resume", "--print", "sightings"]);
        }
        (told, stored(state.path()))
    }
}

/// Windows, indicators and counters of a store.
fn stored(state: &Path) -> String {
    let store = Store::open(state).unwrap();
    let mut text = String::new();
    for kind in [StateKind::Window, StateKind::Indicator] {
        for row in store.states(kind).unwrap() {
            writeln!(text, "{:02x?} {:02x?}", row.key, row.value).unwrap();
        }
    }
    for (name, count) in store.counters().unwrap() {
        writeln!(text, "{name} {count}").unwrap();
    }
    text
}

#[test]
fn windows_and_chains_are_the_same_for_any_number_of_threads() {
    let logs = (1..4).map(|seed| made(5_000, seed)).collect();
    let case = Case::new(RULES, logs);
    let dir = tempfile::tempdir().unwrap();
    let report = |threads: &str| {
        let file = dir.path().join("report.json");
        case.replay(
            dir.path(),
            threads,
            &["--print", "none", "--report", file.to_str().unwrap()],
        );
        let mut document: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        document["summary"]["elapsed_secs"].take();
        document
    };
    let print = |what: &str, threads: &str| case.replay(dir.path(), threads, &["--print", what]);
    let sightings = print("sightings", "1");
    for rule in [
        "Many absent",
        "More absent",
        "Paths",
        "Sought",
        "Absent, then posted",
        "All at once",
    ] {
        assert!(sightings.contains(rule), "{rule} never fired");
    }
    for rule in ["Busy", "Neighbours", "Again and again"] {
        assert!(sightings.contains(rule), "{rule} never fired");
    }
    let (indicators, document) = (print("indicators", "1"), report("1"));
    for threads in &THREADS[1..] {
        assert!(sightings == print("sightings", threads), "{threads} threads");
        assert_eq!(indicators, print("indicators", threads), "{threads} threads");
        assert_eq!(document, report(threads), "{threads} threads");
    }
}

#[test]
fn what_is_stored_is_the_same_for_any_number_of_threads() {
    let logs = (4..7).map(|seed| made(4_000, seed)).collect();
    let case = Case::new(RULES, logs);
    let one = case.resumed("1");
    assert!(one.1.lines().count() > 500, "{}", one.1.lines().count());
    for threads in &THREADS[1..] {
        assert!(one == case.resumed(threads), "{threads} threads");
    }
}

/// More windows than are kept when they are stored: clients that come again find theirs given up, or not.
#[test]
fn the_same_windows_are_given_up_whatever_the_number_of_threads() {
    let mut rules = RULES.replace("2m", "50m");
    for number in 0..12 {
        write!(
            rules,
            "---\ntitle: Pair {number}\nid: pair{number}\ncorrelation: {{type: temporal, rules: [page, posted], group-by: [c-ip], timespan: {}m}}\n",
            50 + number
        )
        .unwrap();
    }
    let mut chance = Chance(9);
    let mut text = String::new();
    for number in 0..11_000 {
        // Some come again that were there a while ago.
        let again = number > 7_000 && chance.below(2) == 0;
        let (client, method) = match again {
            true => (number - 6_000 - chance.below(1_000), "POST"),
            false => (number, "GET"),
        };
        let client = format!("45.80.{}.{}", client / 250, client % 250);
        text.push_str(&line(number / 8, &client, method, "/p/1", 200));
    }
    let case = Case::new(&rules, vec![text]);
    let one = case.resumed("1");
    assert!(one.0.contains("Pair 3"), "some are left");
    assert!(one.1.contains("windows_evicted"), "some are given up");
    for threads in ["3", "8"] {
        assert!(one == case.resumed(threads), "{threads} threads");
    }
}
