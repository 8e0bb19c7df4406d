//! What `afw tail` follows and how soon: archives that come and go, files that may not be read, pipes, file systems
//! that tell no change, and data made to exhaust it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use afw::store::Store;
use support::coding::packed;
use support::mount::Mount;
use support::traffic::{Random, counted, number};
use support::{Running, afw, json_lines, run, stdout, text, wait_until};

/// So many lines, beginning with this number.
fn lines(from: u64, count: u64) -> String {
    let mut random = Random(from);
    (from..from + count).map(|number| random.line(number)).collect()
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// `afw tail` with its messages in `place/said`, started as `command` says.
fn spawned(place: &Path, mut command: Command) -> Running {
    let said = OpenOptions::new()
        .create(true)
        .append(true)
        .open(place.join("said"));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Running(command.stderr(Stdio::from(said.unwrap())).spawn().unwrap())
}

fn tail(place: &Path, arguments: &[&str], path: &Path) -> Running {
    let mut command = afw(&place.join("state"));
    command
        .args(["tail", "--no-dns", "--print", "none"])
        .args(arguments)
        .arg(path);
    spawned(place, command)
}

fn said(place: &Path) -> String {
    fs::read_to_string(place.join("said")).unwrap_or_default()
}

fn cursors(place: &Path) -> usize {
    let store = Store::open_existing(&place.join("state")).unwrap();
    store.map_or(0, |store| store.cursors().unwrap().len())
}

#[test]
fn a_log_followed_from_its_end_is_recognised_by_the_first_lines_that_come() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("access.log");
    append(&log, &lines(0, 50));
    let running = tail(place.path(), &["--from", "end"], &log);
    wait_until("it follows", || cursors(place.path()) == 1);
    append(&log, &lines(50, 50));
    let state = place.path().join("state");
    let files = || stdout(afw(&state).args(["status", "--json"]));
    wait_until("the lines", || files().contains("\"lines\": 50"));
    assert!(files().contains("\"format\": \"nginx-combined\""), "{}", files());
    drop(running);
}

#[test]
fn archives_long_gone_are_forgotten_and_stay_counted() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let day = place.join("logs/20260130");
    fs::create_dir_all(&day).unwrap();
    for object in 0..150 {
        let name = format!("20260130T{object:04}00Z_20260130T{object:04}30Z_ab{object:04}.log.gz");
        fs::write(day.join(name), packed(".gz", lines(object * 10, 10).as_bytes())).unwrap();
    }
    let mut first = tail(place, &["--from", "start"], &place.join("logs"));
    wait_until("all objects", || counted(place) == 1500);
    assert_eq!(cursors(place), 150);
    assert_eq!(first.terminate(), Some(0));
    fs::remove_dir_all(&day).unwrap();
    append(
        &place.join("logs/20260131T000000Z_20260131T000030Z_abcdefab.log"),
        &lines(1500, 10),
    );
    let _second = tail(place, &[], &place.join("logs"));
    wait_until("the new one alone with those remembered", || {
        counted(place) == 1510 && cursors(place) <= 101
    });
}

#[test]
fn lines_of_a_pipe_are_counted_and_one_found_in_a_directory_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let pipe = place.join("logs/pipe");
    fs::create_dir(place.join("logs")).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    append(&place.join("logs/access.log"), &lines(0, 5));
    let mut both = tail(place, &["--from", "start"], &place.join("logs"));
    wait_until("the file beside it", || counted(place) == 5);
    let notice = "a FIFO or device, skipped; name it to read it";
    assert!(said(place).contains(notice), "{}", said(place));
    assert_eq!(both.terminate(), Some(0));

    let mut named = tail(place, &[], &pipe);
    for round in 1..=3 {
        // Each writer comes, writes and goes, the last line unterminated.
        fs::write(&pipe, lines(round * 10, 10).trim_end()).unwrap();
        wait_until("the lines of this writer", || counted(place) == 5 + round * 10);
    }
    assert_eq!(named.terminate(), Some(0));
    assert_eq!(cursors(place), 1, "a pipe has no place to come back to");
}

#[test]
fn what_may_not_be_read_is_told_with_a_hint_and_read_when_it_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    fs::create_dir(place.join("logs")).unwrap();
    let secret = place.join("logs/access.log");
    append(&secret, &lines(0, 10));
    let allow = |mode| fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
    allow(0o000);
    // Root reads everything unless that right is taken from it.
    let mut command = afw(&place.join("state"));
    if fs::File::open(&secret).is_ok() {
        let afw = command;
        command = Command::new("setpriv");
        command.args(["--bounding-set", "-dac_override,-dac_read_search", "--"]);
        command.arg(afw.get_program());
        for (name, value) in afw.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let able = Command::new("setpriv")
            .args(["--bounding-set", "-dac_override,-dac_read_search", "cat"])
            .arg(&secret)
            .output();
        if !able.is_ok_and(|output| text(&output.stderr).contains("ermission denied")) {
            eprintln!("skipped: this user may read everything");
            return;
        }
    }
    command
        .args(["tail", "--no-dns", "--print", "none"])
        .arg(place.join("logs"));
    let _tail = spawned(place, command);
    wait_until("the message", || said(place).contains("permission denied"));
    assert!(said(place).contains("\nhint: "), "{}", said(place));
    append(&secret, &lines(10, 10));
    allow(0o644);
    // What was there at the start is history; what came since is not.
    wait_until("the lines since the start", || counted(place) == 10);
    append(&secret, &lines(20, 5));
    wait_until("the lines after that", || counted(place) == 15);
    assert_eq!(
        said(place).matches("permission denied").count(),
        1,
        "{}",
        said(place)
    );
}

#[test]
fn a_file_may_have_any_name() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let logs = place.join("logs");
    fs::create_dir(&logs).unwrap();
    let odd = logs.join(OsStr::from_bytes(b"acc\xff\xfess.log"));
    append(&odd, &lines(0, 5));
    append(&logs.join("a\nafw: error: forged"), "no log\n");
    let replayed = run(afw(&place.join("state"))
        .args(["replay", "--resume", "--print", "events"])
        .arg(&logs));
    let events = json_lines(&text(&replayed.stdout));
    assert_eq!(events.len(), 5);
    let told = events[0]["log"]["file"]["path"].as_str().unwrap();
    assert!(told.ends_with(r"acc\xFF\xFEss.log"), "{told}");
    let said = text(&replayed.stderr);
    assert!(said.contains(r"a\x0Aafw: error: forged"), "{said}");
    assert!(said.lines().all(|line| !line.starts_with("afw: error")), "{said}");

    let mut status = afw(&place.join("state"));
    let status = run(status.args(["status", "--json"]));
    assert_eq!(status.status.code(), Some(0), "{}", text(&status.stderr));
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    let paths: Vec<_> = status["files"].as_array().unwrap().iter().collect();
    assert!(
        paths
            .iter()
            .any(|file| file["path"] == told && file["lines"] == 5),
        "{status}"
    );
    // And its place is found again.
    append(&odd, &lines(5, 3));
    let again = run(afw(&place.join("state"))
        .args(["replay", "--resume", "--print", "events"])
        .arg(&odd));
    assert_eq!(json_lines(&text(&again.stdout)).len(), 3);
}

#[test]
fn reading_without_end_ends_with_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = afw(dir.path());
    command.args(["replay", "--print", "none", "/dev/zero"]);
    let mut replay = spawned(dir.path(), command);
    wait_until("it reads", || {
        let read = fs::read_to_string(format!("/proc/{}/io", replay.0.id())).unwrap_or_default();
        let bytes = read.lines().find_map(|line| line.strip_prefix("rchar: "));
        bytes.is_some_and(|bytes| bytes.parse::<u64>().unwrap() > 64 << 20)
    });
    assert_eq!(replay.terminate(), Some(143));
}

#[test]
fn a_file_system_that_tells_no_change_is_read_within_five_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let merged = place.join("merged");
    for name in ["lower", "merged"] {
        fs::create_dir(place.join(name)).unwrap();
    }
    let Some(_disk) = Mount::tmpfs(&place.join("disk"), "size=4m") else {
        return;
    };
    let upper = place.join("disk/upper");
    fs::create_dir(&upper).unwrap();
    fs::create_dir(place.join("disk/work")).unwrap();
    append(&upper.join("access.log"), &lines(0, 5));
    let layers = ["lowerdir=lower", "upperdir=disk/upper", "workdir=disk/work"].map(|layer| {
        let (name, path) = layer.split_once('=').unwrap();
        format!("{name}={}", place.join(path).display())
    });
    let Some(_overlay) = Mount::overlay(&merged, &layers.join(",")) else {
        return;
    };
    let _tail = tail(place, &["--from", "start"], &merged.join("access.log"));
    wait_until("the first lines", || counted(place) == 5);
    for round in 1..=2 {
        // Written beneath the overlay: no event comes.
        append(&upper.join("access.log"), &lines(round * 5, 5));
        let begun = Instant::now();
        wait_until("the lines", || counted(place) == 5 + round * 5);
        assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_line_is_committed_at_once_in_a_quiet_log() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let log = place.join("access.log");
    append(&log, &lines(0, 1));
    let _tail = tail(place, &["--from", "start"], &log);
    wait_until("the first line", || counted(place) == 1);
    let mut times: Vec<Duration> = (1..=9)
        .map(|number| {
            // Longer than what a busy log's lines are gathered for.
            std::thread::park_timeout(Duration::from_millis(300));
            append(&log, &lines(number, 1));
            let begun = Instant::now();
            wait_until("the line", || counted(place) == number + 1);
            begun.elapsed()
        })
        .collect();
    times.sort();
    eprintln!("committed after {:?} (median), {:?} at most", times[4], times[8]);
    assert!(times[4] < Duration::from_millis(250), "{times:?}");
}

/// Most memory that a process took, in KiB, as it went on.
fn peak_of(command: &mut Command) -> (Option<i32>, u64) {
    let mut child = Running(
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let status = Path::new("/proc").join(child.0.id().to_string()).join("status");
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        if let Some(status) = child.0.try_wait().unwrap() {
            return (status.code(), peak);
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Data that is small when packed and large when not: `AFW_BOMB_MIB` says how large (default 48).
#[test]
fn a_decompression_bomb_stays_within_memory() {
    let mib = number("AFW_BOMB_MIB", 48) as usize;
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let one = lines(0, 1);
    // With how much more than usual, in MiB, each may be read. Of lines that are sighted, what is found is kept too,
    // for as long as their batch.
    let bombs: [(&str, &[u8], usize, u64); 4] = [
        ("zeros", &[0; 1], mib, 32),
        ("one line", b"A", mib, 32),
        ("empty lines", b"\n", mib / 4, 32),
        ("one line again and again", one.as_bytes(), mib / 3, 64),
    ];
    let replay = ["replay", "--print", "none", "--threads", "1"];
    let usual = peak_of(afw(place).args(replay).arg("testdata/sample/access.log")).1;
    for (name, piece, mib, more) in bombs {
        let plain = piece.repeat((mib << 20) / piece.len());
        for ending in [".gz", ".zst", ".bz2", ".xz"] {
            let path = place.join("bomb");
            fs::write(&path, packed(ending, &plain)).unwrap();
            let (code, peak) = peak_of(afw(place).args(replay).arg(&path));
            eprintln!(
                "{mib} MiB of {name} in {} bytes of {ending}: exit {code:?}, {} MiB at most (usual: {})",
                fs::metadata(&path).unwrap().len(),
                peak >> 10,
                usual >> 10
            );
            assert!(matches!(code, Some(0 | 3)), "{name} {ending}: {code:?}");
            assert!(peak < usual + (more << 10), "{name} {ending}: {peak} KiB");
            if name != "zeros" {
                break;
            }
        }
    }
}
