//! `afw replay`: output forms, exit codes, and that the result depends on the lines alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use support::coding::packed;
use support::{Running, afw, json_lines, run, stdout, text};

const SAMPLE: &str = "testdata/sample/access.log";

fn line(ip: &str, second: u32, target: &str, status: u16, agent: &str) -> String {
    let (minute, second) = (second / 60, second % 60);
    format!(
        "{ip} - - [10/Oct/2026:13:{minute:02}:{second:02} +0000] \"GET {target} HTTP/1.1\" {status} 5 \"-\" \"{agent}\"\n"
    )
}

#[test]
fn the_summary_of_the_sample_says_who_and_what_next() {
    let state = tempfile::tempdir().unwrap();
    let out = stdout(afw(state.path()).args(["replay", SAMPLE]));
    for expected in ["4,000 lines", "nginx-combined", "Seen", "Top offenders", "Next"] {
        assert!(out.contains(expected), "{expected} is missing in\n{out}");
    }
    assert!(!out.contains('\x1b'), "no colour without a terminal");
    assert_eq!(
        fs::read_dir(state.path()).unwrap().count(),
        0,
        "a plain replay stores nothing"
    );
}

#[test]
fn every_output_is_the_same_for_any_number_of_threads() {
    let state = tempfile::tempdir().unwrap();
    for print in ["indicators", "sightings", "events", "values"] {
        let with = |threads: &str| {
            stdout(afw(state.path()).args(["replay", SAMPLE, "--print", print, "--threads", threads]))
        };
        let one = with("1");
        assert!(!one.is_empty(), "{print}");
        assert_eq!(one, with("2"), "{print}");
        assert_eq!(one, with("7"), "{print}");
    }
}

#[test]
fn many_long_logs_of_the_same_time_are_read_side_by_side_to_their_ends() {
    let dir = tempfile::tempdir().unwrap();
    // Longer than what is read ahead of one log, and more of them than threads could keep scans of.
    for log in 0..12 {
        let lines = (0..3_000).map(|second| {
            let target = format!("/{second}/{}", "x".repeat(400));
            line(&format!("192.0.2.{log}"), second, &target, 200, "x")
        });
        let text: String = lines.collect();
        fs::write(dir.path().join(format!("{log}.log")), text).unwrap();
    }
    let state = tempfile::tempdir().unwrap();
    for threads in ["2", "3"] {
        let child = afw(state.path())
            .args(["replay", "--no-default-rules", "--threads", threads])
            .arg(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(Running(child).ended(), Some(0), "{threads} threads");
    }
}

#[test]
fn two_logs_are_read_in_one_order_by_event_time() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.log"), dir.path().join("b.log"));
    let times = |from: u32| {
        (0..30)
            .map(|at| line("45.83.1.1", from + at * 2, "/", 200, "x"))
            .collect::<String>()
    };
    fs::write(&a, times(0)).unwrap();
    fs::write(&b, times(1)).unwrap();
    let out = stdout(
        afw(dir.path())
            .args(["replay", "--print", "events"])
            .arg(&a)
            .arg(&b),
    );
    let seen: Vec<String> = json_lines(&out)
        .iter()
        .map(|event| event["@timestamp"].to_string())
        .collect();
    let mut sorted = seen.clone();
    sorted.sort();
    assert_eq!(seen.len(), 60);
    assert_eq!(seen, sorted);
}

#[test]
fn a_log_in_any_coding_or_piped_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let plain: Vec<u8> = fs::read(SAMPLE)
        .unwrap()
        .split_inclusive(|byte| *byte == b'\n')
        .take(400)
        .collect::<Vec<_>>()
        .concat();
    let log = dir.path().join("access.log");
    fs::write(&log, &plain).unwrap();
    let replayed = |path: &Path, input: &Path| {
        let mut command = afw(dir.path());
        command
            .args(["replay", "--print", "sightings", "--threads", "1"])
            .arg(path);
        stdout(command.stdin(fs::File::open(input).unwrap()))
    };
    let expected = replayed(&log, &log);
    assert!(expected.lines().count() > 50, "the log must be worth the test");
    // What is piped in has no path; nothing else may differ.
    let place = format!(r#""log":{{"file":{{"path":{}}},"#, serde_json::json!(log));
    let pathless = expected.replace(&place, r#""log":{"#);
    assert_ne!(expected, pathless);
    for coding in ["", ".gz", ".zst", ".bz2", ".xz"] {
        fs::write(&log, packed(coding, &plain)).unwrap();
        assert!(
            replayed(&log, &log) == expected,
            "{coding}: known by content, whatever its name"
        );
        assert!(
            replayed(Path::new("-"), &log) == pathless,
            "{coding} through standard input"
        );
    }
}

#[test]
fn exit_codes_tell_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let error_log = dir.path().join("error.log");
    fs::write(
        &error_log,
        "2026/10/10 13:55:36 [error] 7#7: *1 open() \"/x\" failed\n".repeat(5),
    )
    .unwrap();
    let good = dir.path().join("access.log");
    fs::write(&good, line("45.83.1.1", 0, "/", 200, "x") + "not a line\n").unwrap();
    let missing = dir.path().join("missing.log");
    let cases: [(Vec<&Path>, &[&str], i32); 6] = [
        (vec![&good], &[], 0),
        (vec![&missing], &[], 3),
        (vec![&error_log], &[], 3),
        (vec![&good, &missing], &[], 3),
        (vec![&good], &["--min-confidence", "7"], 2),
        (vec![&good], &["--sink", "nonsense"], 2),
    ];
    for (paths, options, code) in cases {
        let output = run(afw(dir.path()).arg("replay").args(&paths).args(options));
        assert_eq!(
            output.status.code(),
            Some(code),
            "{paths:?} {options:?}: {}",
            text(&output.stderr)
        );
        if code != 0 {
            assert!(
                text(&output.stderr).contains("afw: error:"),
                "{}",
                text(&output.stderr)
            );
        }
    }
}

#[test]
fn a_directory_names_and_skips_what_is_no_access_log() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("error.log"),
        "2026/10/10 13:55:36 [error] 7#7: *1 open() failed\n".repeat(5),
    )
    .unwrap();
    fs::write(dir.path().join("access.log"), line("45.83.1.1", 0, "/", 200, "x")).unwrap();
    let output = run(afw(dir.path()).arg("replay").arg(dir.path()).arg("--json"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("error.log: no access log, skipped"),
        "{}",
        text(&output.stderr)
    );
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["lines"], 1);
}

#[test]
fn a_directory_without_any_access_log_is_an_error_that_says_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let error = "2026/10/10 13:55:36 [error] 7#7: *1 open() failed\n".repeat(5);
    for name in ["error.log", "other-error.log"] {
        fs::write(dir.path().join(name), &error).unwrap();
    }
    let glob = dir.path().join("*error.log");
    for path in [dir.path(), &glob] {
        let output = run(afw(dir.path()).arg("replay").arg(path));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(
            said.contains("other-error.log: no access log, skipped\n"),
            "{said}"
        );
        let error = format!(
            "afw: error: nothing to read: no file of {} is an access log\nhint: these look like error logs or system logs; \
             access logs are usually in /var/log/nginx, ",
            path.display()
        );
        assert!(said.contains(&error), "{said}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = afw(dir.path())
        .args(["replay", SAMPLE, "--print", "events"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn rejected_lines_are_kept_with_place_and_reason() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    let good = line("45.83.1.1", 0, "/", 200, "x");
    fs::write(&log, format!("{good}\x1b[31mjunk\n{good}")).unwrap();
    let rejects = dir.path().join("rejects.jsonl");
    stdout(
        afw(dir.path())
            .arg("replay")
            .arg(&log)
            .arg("--rejects")
            .arg(&rejects),
    );
    let kept = json_lines(&fs::read_to_string(&rejects).unwrap());
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["offset"], good.len());
    assert_eq!(kept[0]["line"], "\u{1b}[31mjunk");
    assert!(kept[0]["reason"].is_string());
}

#[test]
fn resume_reads_only_what_is_new_and_counts_each_line_once() {
    let dir = tempfile::tempdir().unwrap();
    let (log, state) = (dir.path().join("access.log"), dir.path().join("state"));
    let lines: Vec<String> = (0..40)
        .map(|at| line("45.83.1.1", at, "/x", 404, "curl/8"))
        .collect();
    let resume = || {
        let out = stdout(afw(&state).args(["replay", "--resume", "--json"]).arg(&log));
        serde_json::from_str::<serde_json::Value>(&out).unwrap()["lines"]
            .as_u64()
            .unwrap()
    };
    fs::write(&log, lines[..10].concat() + "45.83.1.1 - - [10/Oct").unwrap();
    assert_eq!(resume(), 10, "an unterminated line waits");
    assert_eq!(resume(), 0, "nothing is new");
    fs::write(&log, lines[..20].concat()).unwrap();
    assert_eq!(resume(), 10);
    fs::rename(&log, dir.path().join("access.log.1")).unwrap();
    fs::write(dir.path().join("access.log.1"), lines[..30].concat()).unwrap();
    fs::write(&log, lines[30..].concat()).unwrap();
    assert_eq!(resume(), 20, "the rest of the rotated file, then the new one");
}

#[test]
fn two_resuming_runs_do_not_share_a_state_directory() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    fs::write(&log, line("45.83.1.1", 0, "/", 200, "x")).unwrap();
    let state = dir.path().join("state");
    let first = afw(&state)
        .arg("tail")
        .arg(&log)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _first = support::Running(first);
    support::wait_until("the first to hold its lock", || state.join("afw.db").exists());
    support::wait_until("exit code 5", || {
        run(afw(&state).args(["replay", "--resume"]).arg(&log))
            .status
            .code()
            == Some(5)
    });
}

/// Lines of two hosts: an attacker on each, of whom one does two kinds of things, and a visitor.
fn two_hosts() -> String {
    let line = |host: &str, client: &str, target: &str, agent: &str| {
        format!(
            "{host} {client} - - [21/Nov/2026:10:00:00 +0000] \"GET {target} HTTP/1.1\" 404 5 \"-\" \"{agent}\"\n"
        )
    };
    [
        line(
            "a.example:443",
            "81.2.69.1",
            "/?x=../../../../etc/passwd",
            "Mozilla/5.0",
        ),
        line("a.example:443", "81.2.69.1", "/.env", "Mozilla/5.0"),
        line("b.example:443", "81.2.69.2", "/.env", "Mozilla/5.0"),
        line("b.example:443", "81.2.69.3", "/", "Mozilla/5.0"),
    ]
    .concat()
}

#[test]
fn a_summary_is_of_the_hosts_and_classes_that_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("two.log");
    fs::write(&log, two_hosts()).unwrap();
    let rule = |name: &str, class: &str, part: &str| {
        format!(
            "title: {name}\nname: {name}\nlogsource:\n  category: webserver\ndetection:\n  selection:\n    c-uri|contains: {part}\n  \
             condition: selection\nlevel: high\nafw:\n  class: {class}\n  confidence: 0.9\n"
        )
    };
    let rules = dir.path().join("rules.yml");
    let text_of = [rule("one", "exploit", "etc/passwd"), rule("two", "probe", ".env")];
    fs::write(&rules, text_of.join("---\n")).unwrap();
    let replay = |more: &[&str]| {
        let mut command = afw(dir.path());
        command
            .args(["replay", "--no-default-rules", "--rules"])
            .arg(&rules);
        run(command.arg(&log).args(more))
    };
    let summary = |more: &[&str]| -> serde_json::Value {
        let output = replay(&[&["--json"], more].concat());
        serde_json::from_str(&text(&output.stdout)).unwrap()
    };
    let told = |more: &[&str]| {
        let told = summary(more);
        let count = |of: &str, class: &str| told[of][class].as_u64().unwrap_or_default();
        let requests = told["requests"].as_u64().unwrap();
        (
            (requests, told["sighted"].as_u64().unwrap()),
            (count("clients", "exploit"), count("clients", "probe")),
            (count("sightings", "exploit"), count("sightings", "probe")),
            told["top"].as_array().unwrap().len(),
        )
    };
    assert_eq!(told(&[]), ((4, 3), (1, 2), (1, 2), 2));
    assert_eq!(told(&["--host", "A.example"]), ((2, 2), (1, 1), (1, 1), 1));
    assert_eq!(told(&["--class", "exploit"]), ((4, 1), (1, 0), (1, 0), 1));
    assert_eq!(told(&["--host", "nosuch.example"]), ((0, 0), (0, 0), (0, 0), 0));
    let output = replay(&["--host", "b.example"]);
    let said = text(&output.stdout);
    assert!(
        said.contains("requests to b.example alone, as --host and --class say"),
        "{said}"
    );
    assert!(said.contains("2 requests, 1 with findings"), "{said}");
    assert!(said.contains("1 sighting, 1 client\n"), "{said}");
}
