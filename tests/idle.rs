//! What thousands of idle files and one busy one cost the real binary: processor time, memory, descriptors.
//!
//! `AFW_IDLE_FILES` says how many files (default 300), `AFW_IDLE_SECS` how long each of the two looks takes (default
//! 2). The figures are printed. The promise, for a release build:
//! `AFW_IDLE_FILES=10000 AFW_IDLE_SECS=60 cargo test --release --test idle -- --nocapture`.
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
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::traffic::{Random, counted, number};
use support::{Running, afw, wait_until};

/// Most of a core that idle files may cost.
const IDLE_SHARE: f64 = 0.005;
/// Most memory, in KiB.
const MOST_KIB: u64 = 64 << 10;
/// Most descriptors: the open files have a limit of their own, and the store, its locks and the watches need some.
const MOST_DESCRIPTORS: usize = 64;
/// Lines that the busy log gets in a second.
const BUSY_LINES: u64 = 500;

/// What a process has cost so far.
struct Cost {
    at: Instant,
    processor: Duration,
    resident_kib: u64,
    peak_kib: u64,
    descriptors: usize,
}

impl Cost {
    fn of(process: u32) -> Self {
        let proc = Path::new("/proc").join(process.to_string());
        let status = fs::read_to_string(proc.join("status")).unwrap();
        let kib = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        // The first number of a thread's schedstat is the time it ran, in nanoseconds.
        let nanos: u64 = fs::read_dir(proc.join("task"))
            .unwrap()
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
            .sum();
        Self {
            at: Instant::now(),
            processor: Duration::from_nanos(nanos),
            resident_kib: kib("VmRSS:"),
            peak_kib: kib("VmHWM:"),
            descriptors: fs::read_dir(proc.join("fd")).unwrap().count(),
        }
    }

    /// The share of a core since `before`, told together with the rest.
    fn tell(&self, what: &str, before: &Self) -> f64 {
        let (time, ran) = (self.at - before.at, self.processor - before.processor);
        let share = ran.as_secs_f64() / time.as_secs_f64();
        eprintln!(
            "{what}: {:.2} % of a core over {:.1} s, {:.1} MiB resident (most {:.1}), {} descriptors",
            share * 100.0,
            time.as_secs_f64(),
            self.resident_kib as f64 / 1024.0,
            self.peak_kib as f64 / 1024.0,
            self.descriptors
        );
        share
    }
}

/// Sites in folders of a hundred.
fn sites(dir: &Path, count: u64) {
    let mut random = Random(1);
    for site in 0..count {
        let folder = dir.join(format!("{:03}", site / 100));
        fs::create_dir_all(&folder).unwrap();
        let lines = random.line(site) + &random.line(site + 1);
        fs::write(folder.join(format!("site{site}.log")), lines).unwrap();
    }
}

fn write_for(file: &mut File, time: Duration) -> u64 {
    let (begun, mut written, mut random) = (Instant::now(), 0, Random(2));
    while begun.elapsed() < time {
        let due = (begun.elapsed().as_secs_f64() * BUSY_LINES as f64) as u64;
        while written < due {
            file.write_all(random.line(written).as_bytes()).unwrap();
            written += 1;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    written
}

#[test]
fn thousands_of_idle_files_cost_next_to_nothing() {
    let (files, secs) = (number("AFW_IDLE_FILES", 300), number("AFW_IDLE_SECS", 2));
    let time = Duration::from_secs(secs);
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    sites(&place.join("logs"), files);
    let begun = Instant::now();
    let tail = Running(
        afw(&place.join("state"))
            .args(["tail", "--print", "none", "--no-dns"])
            .arg(place.join("logs"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let process = tail.0.id();
    let known = || {
        let store = afw::store::Store::open_existing(&place.join("state")).unwrap();
        store.map_or(0, |store| store.files().unwrap().len() as u64)
    };
    wait_until("a cursor for each file", || known() == files);
    eprintln!(
        "{files} files: all known after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    // The second look at everything and the first poll are past.
    std::thread::park_timeout(Duration::from_secs(1));

    let started = Cost::of(process);
    std::thread::park_timeout(time);
    let idle = Cost::of(process);
    let share = idle.tell("idle", &started);

    let busy = place.join("logs/000/site7.log");
    let mut file = OpenOptions::new().append(true).open(busy).unwrap();
    let before = counted(place);
    let written = write_for(&mut file, time);
    let after = Cost::of(process);
    after.tell(&format!("one busy, {BUSY_LINES} lines/s"), &idle);
    wait_until("all lines of the busy log", || counted(place) == before + written);

    assert!(after.peak_kib < MOST_KIB, "{} KiB", after.peak_kib);
    assert!(
        after.descriptors < MOST_DESCRIPTORS,
        "{} descriptors",
        after.descriptors
    );
    // A debug build is many times slower.
    let most = if cfg!(debug_assertions) {
        10.0 * IDLE_SHARE
    } else {
        IDLE_SHARE
    };
    assert!(share < most, "idle: {:.2} % of a core", share * 100.0);
}
