//! What a person sees on a terminal and a pipe does not: a line at the bottom that tells how it goes, under what is printed.
//!
//! The terminal is a real one, made by `script` (bsdutils).
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Running, shell, stdout, wait_until};

/// So many clients that ask for what only attackers ask for.
fn attacks(from: u32, clients: u32) -> String {
    let line = |at| {
        format!(
            "45.83.1.{at} - - [10/Oct/2026:13:55:{:02} +0000] \"GET /.env HTTP/1.1\" 404 5 \"-\" \"zgrab/0.x\"\n",
            at % 60
        )
    };
    (from..from + clients).map(line).collect()
}

fn is_there(program: &str) -> bool {
    let there = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

/// A shell command on a terminal 120 columns wide; what it shows goes to `screen` in the directory.
fn on_terminal(dir: &Path, command: &str) -> Running {
    on_terminal_of(120, dir, command)
}

fn on_terminal_of(columns: usize, dir: &Path, command: &str) -> Running {
    let command = format!("stty cols {columns} rows 30; exec {command}");
    let child = shell(
        &dir.join("state"),
        &format!("exec script -qefc '{command}' /dev/null"),
    )
    .env("TERM", "xterm")
    .stdin(Stdio::piped())
    .stdout(File::create(dir.join("screen")).unwrap())
    .spawn()
    .unwrap();
    Running(child)
}

fn screen(dir: &Path) -> String {
    String::from_utf8_lossy(&fs::read(dir.join("screen")).unwrap()).into_owned()
}

/// What a terminal shows in the end: a carriage return goes back, and erasing clears the line.
fn left_on(screen: &str) -> String {
    let shown = |line: &str| {
        let line = line.trim_end_matches('\r');
        let erased = line.rsplit("\u{1b}[2K").next().unwrap_or(line);
        erased.rsplit('\r').next().unwrap_or(erased).to_owned()
    };
    screen.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

#[test]
fn tail_shows_how_it_goes_under_the_indicators_and_leaves_nothing_behind() {
    if !is_there("script") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    fs::write(&log, attacks(1, 3)).unwrap();
    let command = format!("afw tail --no-dns --from start {}", log.display());
    let mut running = on_terminal(dir.path(), &command);
    let status = "3 sightings · 4 indicators · not shipped · up to date";
    wait_until("the status line", || screen(dir.path()).contains(status));
    OpenOptions::new()
        .append(true)
        .open(&log)
        .unwrap()
        .write_all(attacks(4, 2).as_bytes())
        .unwrap();
    wait_until("it follows", || screen(dir.path()).contains("5 lines, "));
    wait_until("the new indicators", || screen(dir.path()).contains("45.83.1.5"));
    let pid = fs::read_to_string(dir.path().join("state/afw.lock")).unwrap();
    let pid = pid.lines().next().unwrap();
    assert!(
        Command::new("kill")
            .args(["-TERM", pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    let left = left_on(&screen(dir.path()));
    let indicators = left.lines().filter(|line| line.contains("45.83.1.")).count();
    assert_eq!(indicators, 5, "each on a line of its own: {left}");
    assert!(!left.contains("/s ·"), "the status line is gone: {left}");
    assert!(left.contains("5 lines read"), "{left}");
}

#[test]
fn on_a_narrow_terminal_the_outbox_and_the_lag_stay() {
    if !is_there("script") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    fs::write(&log, attacks(1, 3)).unwrap();
    for (columns, status) in [
        (60, "/s · 3 sightings · not shipped · up to date"),
        (45, "/s · not shipped · up to date"),
        (30, "not shipped · up to date"),
        (20, "not shipped · up…"),
    ] {
        let command = format!(
            "timeout -s TERM 4 afw tail --no-dns --print none --from start {}",
            log.display()
        );
        on_terminal_of(columns, dir.path(), &command).0.wait().unwrap();
        let shown = screen(dir.path());
        assert!(shown.contains(status), "{columns}: {shown}");
        assert_eq!(shown.contains("/s ·"), columns >= 45, "{columns}: {shown}");
        assert_eq!(
            shown.contains(" sightings ·"),
            columns >= 60,
            "{columns}: {shown}"
        );
        assert!(!shown.contains(" indicators ·"), "{columns}: {shown}");
    }
}

#[test]
fn progress_stays_on_one_line() {
    if !is_there("script") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join("a-name-that-takes-room-on-a-narrow-terminal.log");
    for log in [dir.path().join("access.log"), long] {
        fs::write(log, attacks(1, 200).repeat(50)).unwrap();
    }
    let command = format!(
        "afw replay --print none --progress always {}/*.log",
        dir.path().display()
    );
    on_terminal_of(60, dir.path(), &command).0.wait().unwrap();
    let shown = screen(dir.path());
    let bar = shown.split(['\r', '\n']).filter(|line| line.contains(" left"));
    let widest = bar.map(|line| line.rsplit("\u{1b}[2K").next().unwrap_or(line).chars().count());
    let widest = widest.max().unwrap_or_default();
    assert!((1..=60).contains(&widest), "{widest}: {shown}");
}

#[test]
fn nothing_of_it_reaches_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    fs::write(&log, attacks(1, 3)).unwrap();
    let command = format!(
        "timeout -s TERM 4 afw tail --no-dns --from start {} 2>&1",
        log.display()
    );
    let said = stdout(&mut shell(
        &dir.path().join("state"),
        &format!("{command} || [ $? = 124 ]"),
    ));
    assert!(said.contains("45.83.1.3"), "{said}");
    for never in ["/s ·", "\u{1b}", "\r"] {
        assert!(!said.contains(never), "{never:?} in {said}");
    }
}

#[test]
fn whoever_wants_no_progress_sees_none() {
    if !is_there("script") {
        return;
    }
    for option in ["--progress never", "--quiet"] {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("access.log");
        fs::write(&log, attacks(1, 3)).unwrap();
        let command = format!(
            "timeout -s TERM 4 afw tail --no-dns {option} --from start {}",
            log.display()
        );
        let mut running = on_terminal(dir.path(), &command);
        running.0.wait().unwrap();
        let shown = screen(dir.path());
        assert!(shown.contains("45.83.1.3"), "{shown}");
        assert!(!shown.contains("/s ·"), "{option}: {shown}");
    }
}

#[test]
fn a_summary_fits_a_terminal_of_eighty_letters() {
    if !is_there("script") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    fs::write(&log, attacks(1, 3)).unwrap();
    let command = format!("replay --color never {}; exit 0", log.display());
    let command = format!("stty cols 80 rows 24; afw {command}");
    let script = format!(
        "exec script -qefc '{command}' {}",
        dir.path().join("screen").display()
    );
    let output = shell(&dir.path().join("state"), &script)
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(output.success());
    let left = left_on(&screen(dir.path()));
    let offender = left
        .lines()
        .find(|line| line.starts_with("  45.83.1.1 "))
        .unwrap();
    assert!(offender.contains("sighting"), "on one line: {left}");
    let longest = left
        .lines()
        .filter(|line| !line.starts_with("Script "))
        .map(|line| line.chars().count())
        .max();
    assert!(longest <= Some(80), "{left}");
}
