//! How runs end: streams that end, signals, sinks that fail or are paused, and what becomes of what they did not take.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::deaf::Deaf;
use support::ingest::Ingest;
use support::{Running, afw, json_lines, run, stdout, text, wait_until};

/// Hostile lines of so many clients, one a client.
fn hostile(clients: usize) -> String {
    let line = |at| {
        format!(
            "45.83.1.{at} - - [10/Oct/2026:13:55:{:02} +0000] \"GET /.env HTTP/1.1\" 404 5 \"-\" \"Mozilla/5.0 zgrab/0.x\"\n",
            at % 60
        )
    };
    (1..=clients).map(line).collect()
}

fn log_of(dir: &Path, clients: usize) -> PathBuf {
    let log = dir.join("access.log");
    fs::write(&log, hostile(clients)).unwrap();
    log
}

fn shipping(state: &Path, endpoint: &str) -> Command {
    let mut command = afw(state);
    command
        .env("APPFIREWALL_API_KEY", "afw_test_key")
        .env("APPFIREWALL_ENDPOINT", endpoint);
    command
}

fn replay(state: &Path, receiver: &Ingest, log: &Path, drain: &str) -> Output {
    run(shipping(state, &receiver.endpoint())
        .args(["replay", "--print", "none", "--drain", drain])
        .arg(log))
}

fn outbox(state: &Path) -> Vec<Value> {
    json_lines(&stdout(afw(state).args(["outbox", "list", "--json"])))
}

/// Runs `afw outbox …`.
fn outbox_do(state: &Path, receiver: &Ingest, arguments: &[&str]) -> Output {
    run(shipping(state, &receiver.endpoint())
        .arg("outbox")
        .args(arguments))
}

/// A program that runs, and what it prints.
fn started(command: &mut Command) -> (Running, BufReader<ChildStdout>) {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let output = BufReader::new(running.0.stdout.take().unwrap());
    (running, output)
}

fn signal(process: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &process.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn tail_of_standard_input_ends_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let child = afw(dir.path())
        .args(["tail", "-", "--print", "sightings"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut input = running.0.stdin.take().unwrap();
    let mut output = BufReader::new(running.0.stdout.take().unwrap());
    let lines = hostile(2);
    let (first, second) = lines.split_at(lines.find('\n').unwrap() + 1);
    input.write_all(first.as_bytes()).unwrap();
    let mut sighting = String::new();
    output.read_line(&mut sighting).unwrap();
    assert!(
        sighting.contains("45.83.1.1"),
        "it is said while the stream is open: {sighting}"
    );
    input.write_all(second.trim_end().as_bytes()).unwrap();
    drop(input);
    let rest: Vec<String> = output.lines().map(Result::unwrap).collect();
    assert!(
        rest.iter().any(|line| line.contains("45.83.1.2")),
        "the last line without its end counts: {rest:?}"
    );
    assert_eq!(running.ended(), Some(0));
}

#[test]
fn the_outbox_tells_of_records_that_are_in_no_batch_yet() {
    let dir = tempfile::tempdir().unwrap();
    let deaf = Deaf::new();
    let child = shipping(dir.path(), &format!("http://{}", deaf.address))
        .args(["tail", "-", "--print", "none"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut input = running.0.stdin.take().unwrap();
    let mut line = 0;
    wait_until("records without a batch", || {
        // A batch is closed two seconds after its first record: another opens the next.
        line = line % 250 + 1;
        let hostile = hostile(line).lines().last().unwrap().to_owned();
        writeln!(input, "{hostile}").unwrap();
        let list = run(afw(dir.path()).args(["outbox", "list"]));
        let told = text(&list.stderr).contains(" in no batch yet; `afw outbox flush`");
        assert!(!told || !text(&list.stderr).contains("the outbox is empty"));
        told
    });
}

#[test]
fn one_batch_waits_and_two_wait() {
    let dir = tempfile::tempdir().unwrap();
    let (log, state, receiver) = (log_of(dir.path(), 3), dir.path().join("state"), Ingest::start());
    receiver.answer_next(&[503; 100]);
    let said = text(&replay(&state, &receiver, &log, "1s").stderr);
    assert!(
        said.contains("afw: warning: 1 batch still waits in the outbox\n"),
        "{said}"
    );
}

/// Some attacks a second, in lines of such a length; logs of different lengths end their batches at different times.
fn attacks(log: u32, length: usize) -> String {
    (0..700)
        .map(|second| {
            let time = format!(
                "21/Nov/2026:{:02}:{:02}:{:02} +0000",
                second / 3600,
                second / 60 % 60,
                second % 60
            );
            let client = format!("45.8{log}.{}.{}", second / 200, second % 200);
            format!(
                "{client} - - [{time}] \"GET /.env?{second} HTTP/1.1\" 404 5 \"-\" \"curl/8 {}\"\n",
                "x".repeat(length)
            )
        })
        .collect()
}

#[test]
fn an_interrupted_replay_of_several_logs_takes_each_line_once() {
    let dir = tempfile::tempdir().unwrap();
    for (log, length) in [(1, 6_000), (2, 60), (3, 2_000)] {
        fs::write(dir.path().join(format!("access{log}.log")), attacks(log, length)).unwrap();
    }
    let replay = |state: &str, threads: &str| {
        let mut command = afw(&dir.path().join(state));
        let arguments = ["replay", "--resume", "--print", "sightings", "--threads", threads];
        command.current_dir(dir.path()).args(arguments);
        command.args(["access1.log", "access2.log", "access3.log"]);
        command
    };
    let whole = stdout(&mut replay("whole", "1"));
    assert!(whole.lines().count() >= 2_100);
    for (threads, lines) in [("1", 1_000), ("1", 3_000), ("4", 2_000)] {
        let state = format!("{threads}-{lines}");
        let (mut running, mut output) = started(&mut replay(&state, threads));
        let mut said = String::new();
        for _ in 0..lines {
            output.read_line(&mut said).unwrap();
        }
        // It is read all the time, so it has committed a moment ago and not since.
        signal(&running.0, "-TERM");
        output.read_to_string(&mut said).unwrap();
        assert_eq!(running.ended(), Some(143));
        let before = said.lines().count();
        assert!(before < whole.lines().count(), "{before}");
        said += &stdout(&mut replay(&state, threads));
        assert!(
            said == whole,
            "{state}: {} lines, {} wanted",
            said.lines().count(),
            whole.lines().count()
        );
    }
}

#[test]
fn an_interrupted_replay_says_that_it_tells_of_a_part() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    fs::write(&log, attacks(1, 60).repeat(30)).unwrap();
    for json in [false, true] {
        // It ends on the signal, which comes while it reads a pipe that nobody closes.
        let mut command = afw(&dir.path().join("state"));
        command.args(["replay", "-"]).args(json.then_some("--json"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, &fs::read(&log).unwrap()).unwrap();
        signal(&child, "-TERM");
        drop(input);
        let output = child.wait_with_output().unwrap();
        let (said, summary) = (text(&output.stderr), text(&output.stdout));
        assert_eq!(output.status.code(), Some(143), "{said}");
        assert!(said.contains("afw: warning: interrupted after "), "{said}");
        assert!(said.contains(" lines: what is told is of these alone"), "{said}");
        match json {
            true => assert_eq!(
                serde_json::from_str::<Value>(&summary).unwrap()["interrupted"],
                true
            ),
            false => assert!(summary.contains("\ninterrupted after "), "{summary}"),
        }
    }
}

#[test]
fn a_signal_ends_tail_with_0() {
    for name in ["-TERM", "-INT"] {
        let dir = tempfile::tempdir().unwrap();
        let log = log_of(dir.path(), 3);
        let mut tail = afw(&dir.path().join("state"));
        tail.args(["tail", "--from", "start", "--print", "values"])
            .arg(&log);
        let (mut running, mut output) = started(&mut tail);
        let mut value = String::new();
        output.read_line(&mut value).unwrap();
        signal(&running.0, name);
        assert_eq!(running.ended(), Some(0), "{name}");
        let status: Value =
            serde_json::from_str(&stdout(afw(&dir.path().join("state")).args(["status", "--json"]))).unwrap();
        assert_eq!(
            status["files"][0]["lines"], 3,
            "what was read is committed: {status}"
        );
    }
}

/// A replay that waits for a receiver which takes connections and never answers.
fn waiting_replay(dir: &Path) -> (Running, TcpListener) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/events", silent.local_addr().unwrap());
    let child = shipping(&dir.join("state"), &endpoint)
        .args(["replay", "--print", "none", "--drain", "10m"])
        .arg(log_of(dir, 3))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(child);
    // It waits as soon as its request is on the way.
    let _ = silent.accept().unwrap();
    (running, silent)
}

#[test]
fn a_signal_ends_a_waiting_replay_and_says_which() {
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let dir = tempfile::tempdir().unwrap();
        let (mut running, _silent) = waiting_replay(dir.path());
        signal(&running.0, name);
        assert_eq!(running.ended(), Some(code));
        assert_eq!(outbox(&dir.path().join("state")).len(), 1, "nothing is lost");
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (mut running, _silent) = waiting_replay(dir.path());
    let begun = Instant::now();
    signal(&running.0, "-INT");
    // The first is known to be taken when the second ends it: until then each is only another first.
    let mut code = None;
    wait_until("the end", || {
        signal(&running.0, "-INT");
        code = running.0.try_wait().unwrap().map(|status| status.code());
        code.is_some()
    });
    assert_eq!(code, Some(Some(130)));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn a_dry_run_touches_no_state_and_ships_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (log, state, shipped) = (
        log_of(dir.path(), 3),
        dir.path().join("state"),
        dir.path().join("out"),
    );
    let sink = format!("file:{}", shipped.display());
    for arguments in [&["replay"][..], &["replay", "--resume"]] {
        let out = stdout(
            afw(&state)
                .args(arguments)
                .args(["--dry-run", "--print", "values", "--sink", &sink])
                .arg(&log),
        );
        assert_eq!(out.lines().count(), 3, "{arguments:?}: {out}");
    }
    let tail = afw(&state)
        .args(["tail", "-", "--dry-run", "--print", "values", "--sink", &sink])
        .stdin(Stdio::from(fs::File::open(&log).unwrap()))
        .output()
        .unwrap();
    assert_eq!(text(&tail.stdout).lines().count(), 3);
    assert!(!state.exists() && !shipped.exists());
}

#[test]
fn a_sink_that_always_fails_leaves_its_batches_in_the_outbox() {
    let dir = tempfile::tempdir().unwrap();
    let (log, state, receiver) = (log_of(dir.path(), 3), dir.path().join("state"), Ingest::start());
    receiver.answer_next(&[503; 100]);
    let begun = Instant::now();
    let output = replay(&state, &receiver, &log, "1s");
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let rows = outbox(&state);
    assert_eq!(rows.len(), 1);
    let keys: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    let expected = [
        "id",
        "sink",
        "state",
        "events",
        "bytes",
        "attempts",
        "created",
        "next_attempt",
        "status",
        "error",
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        (&rows[0]["sink"], &rows[0]["state"]),
        (&"appfirewall".into(), &"pending".into())
    );
    assert_eq!((&rows[0]["events"], &rows[0]["status"]), (&3.into(), &503.into()));
    assert!(
        rows[0]["bytes"].as_u64() > Some(0) && rows[0]["attempts"].as_u64() > Some(0),
        "{rows:?}"
    );
    let id = rows[0]["id"].as_str().unwrap();
    let body = json_lines(&stdout(afw(&state).args(["outbox", "show", id])));
    assert_eq!(body.len(), 3);

    receiver.look_mut(|seen| seen.answers.clear());
    let flushed = outbox_do(&state, &receiver, &["flush"]);
    assert_eq!(flushed.status.code(), Some(0), "{}", text(&flushed.stderr));
    assert!(outbox(&state).is_empty());
    let (keys, faults) = receiver.look(|seen| {
        (
            seen.batches.keys().cloned().collect::<Vec<_>>(),
            seen.faults.clone(),
        )
    });
    assert_eq!((keys, faults), (vec![id.to_owned()], Vec::new()));
    assert_eq!(receiver.events(), body);
}

#[test]
fn a_paused_sink_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let (log, state, receiver) = (log_of(dir.path(), 3), dir.path().join("state"), Ingest::start());
    receiver.answer_next(&[401; 100]);
    let begun = Instant::now();
    let output = replay(&state, &receiver, &log, "10m");
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(text(&output.stderr).contains("401"), "{}", text(&output.stderr));
    let check = run(afw(&state).args(["status", "--check", "--json"]));
    assert_eq!(check.status.code(), Some(1));
    let status: Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!(status["sinks"][0]["condition"], "paused");
    assert_eq!(status["sinks"][0]["last_status"], 401);

    receiver.look_mut(|seen| seen.answers.clear());
    let flushed = outbox_do(&state, &receiver, &["flush"]);
    assert_eq!(flushed.status.code(), Some(0), "{}", text(&flushed.stderr));
    assert_eq!(receiver.events().len(), 3);
    assert_eq!(
        run(afw(&state).args(["status", "--check"])).status.code(),
        Some(0)
    );
}

#[test]
fn refused_records_become_dead_letters_that_can_be_retried_and_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let (log, state, receiver) = (log_of(dir.path(), 3), dir.path().join("state"), Ingest::start());
    receiver.answer_next(&[400; 100]);
    let output = replay(&state, &receiver, &log, "5s");
    assert_eq!(
        output.status.code(),
        Some(0),
        "dead letters alone do not change the code: {}",
        text(&output.stderr)
    );
    assert!(
        text(&output.stderr).contains("dead letter"),
        "{}",
        text(&output.stderr)
    );
    let rows = outbox(&state);
    assert_eq!(rows.len(), 3);
    for row in &rows {
        assert_eq!(
            (&row["state"], &row["status"], &row["events"]),
            (&"dead".into(), &400.into(), &1.into())
        );
    }
    let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(
        run(afw(&state).args(["status", "--check"])).status.code(),
        Some(1)
    );

    receiver.look_mut(|seen| seen.answers.clear());
    assert_eq!(
        outbox_do(&state, &receiver, &["drop", ids[0]]).status.code(),
        Some(0)
    );
    assert_eq!(
        outbox_do(&state, &receiver, &["drop", ids[1], "nobody"])
            .status
            .code(),
        Some(1)
    );
    assert_eq!(
        outbox(&state).len(),
        2,
        "with a wrong id among them nothing is dropped"
    );
    let shown = outbox_do(&state, &receiver, &["show", ids[1], "--json"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&shown["id"], &shown["state"]), (&ids[1].into(), &"dead".into()));
    assert!(
        shown["body"].as_str().unwrap().contains("http_request"),
        "{shown}"
    );
    let retried = outbox_do(&state, &receiver, &["retry", "--json"]);
    assert_eq!(
        (retried.status.code(), text(&retried.stdout)),
        (Some(0), "{\"batches\":2}\n".into())
    );
    assert!(outbox(&state).iter().all(|row| row["state"] == "pending"));
    let flushed = outbox_do(&state, &receiver, &["flush", "--json"]);
    assert_eq!(
        (flushed.status.code(), text(&flushed.stdout)),
        (Some(0), "{\"waiting\":0,\"dead\":0}\n".into())
    );
    assert!(outbox(&state).is_empty());
    let mut keys = receiver.look(|seen| seen.batches.keys().cloned().collect::<Vec<_>>());
    keys.sort();
    let mut expected = ids[1..].to_vec();
    expected.sort_unstable();
    assert_eq!(keys, expected, "the same keys as before");
}

#[test]
fn a_running_tail_acts_on_flush_within_two_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let (log, state, receiver) = (log_of(dir.path(), 3), dir.path().join("state"), Ingest::start());
    receiver.answer_next(&[401]);
    let child = shipping(&state, &receiver.endpoint())
        .args(["tail", "--from", "start", "--print", "none"])
        .arg(&log)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    wait_until("the pause", || receiver.look(|seen| seen.offers) == 1);
    wait_until("the pause to be stored", || {
        let status: Value = serde_json::from_str(&stdout(afw(&state).args(["status", "--json"]))).unwrap();
        status["sinks"][0]["condition"] == "paused"
    });
    let begun = Instant::now();
    assert_eq!(outbox_do(&state, &receiver, &["flush"]).status.code(), Some(0));
    wait_until("delivery", || receiver.events().len() == 3);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(running.terminate(), Some(0));
}
