//! SIGHUP and `afw reload`: everything is taken anew between two lines, or nothing is.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use support::{Running, afw, json_lines, run, stdout, text, wait_until};

/// A rule that fires on a path.
fn rule(id: u8, path: &str) -> String {
    format!(
        "title: Asks for {path}\nid: 00000000-0000-4000-8000-0000000000{id:02}\nstatus: test\nlogsource:\n    category: webserver\n\
         detection:\n    selection:\n        cs-uri-stem: {path}\n    condition: selection\nlevel: high\n"
    )
}

/// A rule that fires when one client has asked for a path so often.
fn often(path: &str, count: u32) -> String {
    format!(
        "{}---\ntitle: Asks often\nid: 00000000-0000-4000-8000-000000000090\nstatus: test\ncorrelation:\n    type: event_count\n\
         \x20   rules:\n        - 00000000-0000-4000-8000-000000000080\n    group-by:\n        - c-ip\n    timespan: 10m\n\
         \x20   condition:\n        gte: {count}\nlevel: high\n",
        rule(80, path)
    )
}

/// A tail with a configuration file of its own, told by SIGHUP what changed in it.
struct Place {
    dir: tempfile::TempDir,
    lines: u32,
}

impl Place {
    fn new(configuration: &str) -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
            lines: 0,
        };
        fs::create_dir(place.path("rules")).unwrap();
        place.configure(configuration);
        fs::write(place.path("access.log"), "").unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `DIR` in a configuration is this place.
    fn configure(&self, text: &str) {
        let text = text.replace("DIR", self.dir.path().to_str().unwrap());
        fs::write(self.path("afw.toml"), text).unwrap();
    }

    fn rule(&self, name: &str, text: &str) {
        fs::write(self.path("rules").join(name), text).unwrap();
    }

    fn tail(&self) -> Running {
        let child = afw(&self.path("state"))
            .arg("--config")
            .arg(self.path("afw.toml"))
            .args(["tail", "--no-dns"])
            .stdout(File::create(self.path("out")).unwrap())
            .stderr(File::create(self.path("err")).unwrap())
            .spawn()
            .unwrap();
        let running = Running(child);
        wait_until("it follows", || self.said().contains("following"));
        wait_until("it takes reloads", || {
            fs::read_to_string(self.path("state/afw.lock")).is_ok_and(|lock| lock.contains("reloads"))
        });
        running
    }

    fn said(&self) -> String {
        fs::read_to_string(self.path("err")).unwrap()
    }

    fn reload(&self) -> Output {
        run(afw(&self.path("state"))
            .arg("--config")
            .arg(self.path("afw.toml"))
            .arg("reload"))
    }

    fn reloads(&self) {
        let output = self.reload();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}\n{}",
            text(&output.stderr),
            self.said()
        );
    }

    /// Appends a request of 45.83.1.1 to a log.
    fn ask(&mut self, log: &str, path: &str) {
        self.lines += 1;
        let mut log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.path(log))
            .unwrap();
        let second = self.lines % 60;
        writeln!(
            log,
            "45.83.1.1 - - [10/Oct/2026:13:55:{second:02} +0000] \"GET {path} HTTP/1.1\" 404 5 \"-\" \"Mozilla/5.0\""
        )
        .unwrap();
    }

    fn sightings(&self) -> Vec<Value> {
        let out = fs::read_to_string(self.path("out")).unwrap();
        let whole = out.rfind('\n').map_or("", |end| &out[..end]);
        json_lines(whole)
    }

    /// Titles of the rules that fired, in order.
    fn fired(&self) -> Vec<String> {
        let title = |sighting: &Value| sighting["rule"]["title"].as_str().unwrap().to_owned();
        self.sightings().iter().map(title).collect()
    }

    fn wait_for_lines(&self, lines: u64) {
        wait_until(&format!("{lines} lines in the store"), || {
            lines_of(&self.path("state")) == lines
        });
    }
}

fn lines_of(state: &Path) -> u64 {
    let status: Value = serde_json::from_str(&stdout(afw(state).args(["status", "--json"]))).unwrap();
    let files = status["files"].as_array().unwrap();
    files.iter().map(|file| file["lines"].as_u64().unwrap()).sum()
}

const RULES: &str =
    "paths = [\"DIR/access.log\"]\nrules = [\"DIR/rules\"]\nno_default_rules = true\nprint = \"sightings\"\n";

#[test]
fn a_new_rule_counts_from_the_reload_on_and_no_line_is_lost_or_taken_twice() {
    let mut place = Place::new(RULES);
    place.rule("old.yml", &rule(1, "/old"));
    let mut running = place.tail();
    place.ask("access.log", "/old");
    place.ask("access.log", "/new");
    place.wait_for_lines(2);
    place.rule("new.yml", &rule(2, "/new"));
    place.reloads();
    for round in 0..40 {
        place.ask("access.log", "/old");
        place.ask("access.log", "/new");
        if round % 10 == 5 {
            place.reloads();
        }
    }
    place.wait_for_lines(82);
    assert_eq!(running.terminate(), Some(0));
    let sightings = place.sightings();
    let mut offsets: Vec<u64> = sightings
        .iter()
        .map(|sighting| sighting["event"]["log"]["offset"].as_u64().unwrap())
        .collect();
    let all = offsets.len();
    offsets.dedup();
    assert_eq!(offsets.len(), all, "each line is taken once");
    let fired = place.fired();
    let count = |title: &str| fired.iter().filter(|fired| *fired == title).count();
    assert_eq!(count("Asks for /old"), 41);
    assert_eq!(count("Asks for /new"), 40, "not the one before the reload");
}

#[test]
fn a_broken_rule_is_refused_and_the_old_rules_stay() {
    let mut place = Place::new(RULES);
    place.rule("old.yml", &rule(1, "/old"));
    let mut running = place.tail();
    place.rule(
        "new.yml",
        &rule(2, "/new").replace("cs-uri-stem", "cs-uri-stem|sounds"),
    );
    let output = place.reload();
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(
        told.contains("goes on with what it had") && told.contains("new.yml:8: sounds: is no modifier"),
        "{told}"
    );
    let named = place.path("afw.toml").display().to_string() + ":2: rules: a rule was refused";
    let refused = format!("reload refused, all that was in use stays in use: {named}");
    assert!(place.said().contains(&refused), "{}", place.said());
    let json = run(afw(&place.path("state"))
        .arg("--config")
        .arg(place.path("afw.toml"))
        .args(["reload", "--json"]));
    let answer: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(answer["reloaded"], false, "{answer}");
    place.ask("access.log", "/old");
    place.ask("access.log", "/new");
    wait_until("the old rule fires", || !place.fired().is_empty());
    place.wait_for_lines(2);
    assert_eq!(place.fired(), ["Asks for /old"]);
    place.rule("new.yml", &rule(2, "/new"));
    place.reloads();
    place.ask("access.log", "/new");
    wait_until("the mended rule fires", || place.fired().len() == 2);
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn a_broken_configuration_is_refused_and_told_by_reload() {
    let mut place = Place::new(RULES);
    place.rule("old.yml", &rule(1, "/old"));
    let mut running = place.tail();
    for (broken, mistake) in [
        ("paths = [\"DIR/access.log\"\n", "afw.toml:1: unclosed array"),
        (
            "path = [\"DIR/access.log\"]\n",
            "unknown key `path`; did you mean `paths`?",
        ),
        ("min_confidence = 7.0\n", "not between 0 and 1"),
        ("sink = [\"fiel:x\"]\n", "there is no such receiver"),
        ("list = [\"tor=DIR/missing.txt\"]\n", "missing.txt"),
        ("state_dir = \"DIR/other\"\n", "this afw runs with"),
        ("trusted_proxy = [\"10.0.0.0/99\"]\n", "10.0.0.0/99"),
    ] {
        // What the environment says wins over the file, also over a state directory that is another one.
        place.configure(broken);
        let output = place.reload();
        if broken.starts_with("state_dir") {
            assert_eq!(output.status.code(), Some(0), "the environment wins: {output:?}");
            place.configure(RULES);
            place.reloads();
            continue;
        }
        assert_eq!(output.status.code(), Some(2), "{broken}");
        assert!(
            text(&output.stderr).contains(mistake),
            "{broken}: {}",
            text(&output.stderr)
        );
    }
    place.ask("access.log", "/old");
    wait_until("the old rule fires", || place.fired() == ["Asks for /old"]);
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn what_was_counted_before_a_reload_counts_after_it() {
    let mut place = Place::new(RULES);
    place.rule("often.yml", &often("/login", 6));
    let mut running = place.tail();
    for _ in 0..3 {
        place.ask("access.log", "/login");
    }
    place.wait_for_lines(3);
    place.rule("other.yml", &rule(3, "/other"));
    place.reloads();
    for _ in 0..2 {
        place.ask("access.log", "/login");
    }
    place.wait_for_lines(5);
    assert!(!place.fired().contains(&"Asks often".to_owned()));
    place.ask("access.log", "/login");
    wait_until("six in all", || place.fired().contains(&"Asks often".to_owned()));
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn other_logs_and_other_receivers_are_taken_and_nothing_of_the_old_is_lost() {
    let one = format!("{RULES}sink = [\"file:DIR/one.jsonl\"]\n");
    let two = format!(
        "{}sink = [\"file:DIR/two.jsonl\"]\n",
        RULES.replace("\"DIR/access.log\"", "\"DIR/access.log\", \"DIR/other*.log\"")
    );
    let mut place = Place::new(&one);
    place.rule("old.yml", &rule(1, "/old"));
    let mut running = place.tail();
    place.ask("access.log", "/old");
    wait_until("the first receiver has it", || place.path("one.jsonl").exists());
    place.ask("other.log", "/before");
    place.configure(&two);
    place.ask("access.log", "/old");
    place.reloads();
    place.ask("access.log", "/old");
    place.ask("other.log", "/old");
    place.ask("other-later.log", "/old");
    wait_until("all of it is sighted", || place.fired().len() == 5);
    // The log that was there when it was first named is followed from its end; the one that came later from its start.
    place.wait_for_lines(5);
    assert_eq!(running.terminate(), Some(0));
    assert_eq!(place.fired().len(), 5);
}

#[test]
fn a_stream_is_read_on_over_reloads() {
    let place = Place::new(&RULES.replace("paths = [\"DIR/access.log\"]\n", ""));
    place.rule("old.yml", &rule(1, "/old"));
    let child = afw(&place.path("state"))
        .arg("--config")
        .arg(place.path("afw.toml"))
        .args(["tail", "--no-dns", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(File::create(place.path("out")).unwrap())
        .stderr(File::create(place.path("err")).unwrap())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut input = running.0.stdin.take().unwrap();
    let line =
        "45.83.1.1 - - [10/Oct/2026:13:55:01 +0000] \"GET /old HTTP/1.1\" 404 5 \"-\" \"Mozilla/5.0\"\n";
    let (first, rest) = line.split_at(30);
    input.write_all(line.as_bytes()).unwrap();
    input.write_all(first.as_bytes()).unwrap();
    wait_until("the first", || place.fired().len() == 1);
    place.reloads();
    input.write_all(rest.as_bytes()).unwrap();
    wait_until("the second", || place.fired().len() == 2);
    drop(input);
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}

#[test]
fn files_that_are_written_are_opened_again() {
    let mut place = Place::new(&format!("{RULES}rejects = \"DIR/rejects.jsonl\"\n"));
    place.rule("old.yml", &rule(1, "/old"));
    let mut running = place.tail();
    let garbage = |place: &Place| {
        let mut log = OpenOptions::new()
            .append(true)
            .open(place.path("access.log"))
            .unwrap();
        log.write_all(b"this is no request at all\n").unwrap();
    };
    place.ask("access.log", "/old");
    garbage(&place);
    place.wait_for_lines(2);
    fs::rename(place.path("rejects.jsonl"), place.path("rejects.1")).unwrap();
    place.reloads();
    garbage(&place);
    place.wait_for_lines(3);
    assert_eq!(running.terminate(), Some(0));
    for name in ["rejects.1", "rejects.jsonl"] {
        let text = fs::read_to_string(place.path(name)).unwrap();
        assert_eq!(text.lines().count(), 1, "{name}: {text}");
    }
}

#[test]
fn who_asks_nobody_to_reload_is_told() {
    let place = Place::new(RULES);
    let output = place.reload();
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains("no running `afw tail` keeps its state in"),
        "{told}"
    );
    assert!(
        told.contains("hint: name its directory with --state-dir"),
        "{told}"
    );
}
