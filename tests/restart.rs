//! Promise 1 against the real binary: `afw tail` is killed at random times while its log grows and is rotated, and
//! still counts every line once and comes to the same findings as one uninterrupted replay.
//!
//! `AFW_KILLS` sets how often it is killed (default 6), `AFW_SEED` at which moments (default 1).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use afw::store::{Receiver, Store};
use serde_json::{Value, json};
use support::ingest::Ingest;
use support::traffic::{
    CLIENTS, Random, assert_same_as_one_replay, counted, difference, number, seed, shipping, sinks,
};
use support::{Running, afw, json_lines, run, stdout, text, wait_until};

/// Writes the log as a server does and rotates it as logrotate does, in every way there is.
struct Writer {
    log: PathBuf,
    /// Everything ever written, in order.
    whole: File,
    file: File,
    random: Random,
    written: Arc<AtomicU64>,
    rotations: BTreeMap<&'static str, u64>,
}

impl Writer {
    fn new(dir: &Path, seed: u64) -> Self {
        let log = dir.join("access.log");
        Self {
            file: opened(&log),
            whole: opened(&dir.join("whole")),
            log,
            random: Random(seed),
            written: Arc::default(),
            rotations: BTreeMap::new(),
        }
    }

    /// Some lines; now and then the last one comes in two parts.
    fn append(&mut self) {
        for _ in 0..=self.random.below(12) {
            let number = self.written.load(Ordering::SeqCst);
            let line = self.random.line(number);
            let cut = self.random.below(4 * line.len() as u64).min(line.len() as u64) as usize;
            self.file.write_all(&line.as_bytes()[..cut]).unwrap();
            self.file.write_all(&line.as_bytes()[cut..]).unwrap();
            self.whole.write_all(line.as_bytes()).unwrap();
            self.written.store(number + 1, Ordering::SeqCst);
        }
    }

    /// `access.log.N` for any N; the number of the oldest.
    fn rotated(&self, number: u64) -> PathBuf {
        PathBuf::from(format!("{}.{number}", self.log.display()))
    }

    /// Makes room for a new `access.log.1`.
    fn shift(&self) {
        let mut oldest = 0;
        while [".gz", ""].iter().any(|end| self.named(oldest + 1, end).exists()) {
            oldest += 1;
        }
        for number in (1..=oldest).rev() {
            for end in [".gz", ""] {
                let from = self.named(number, end);
                if from.exists() {
                    fs::rename(from, self.named(number + 1, end)).unwrap();
                }
            }
        }
    }

    fn named(&self, number: u64, end: &str) -> PathBuf {
        PathBuf::from(format!("{}{end}", self.rotated(number).display()))
    }

    fn rotate(&mut self) {
        let how = ["rename", "copytruncate", "gzip"][self.random.below(3) as usize];
        match how {
            "rename" => {
                self.shift();
                fs::rename(&self.log, self.rotated(1)).unwrap();
                self.file = opened(&self.log);
            }
            "copytruncate" => {
                self.shift();
                fs::copy(&self.log, self.rotated(1)).unwrap();
                self.file.set_len(0).unwrap();
            }
            _ => self.compress(),
        }
        *self.rotations.entry(how).or_default() += 1;
    }

    /// Compresses the newest rotated file that is not yet compressed, as `delaycompress` does.
    fn compress(&self) {
        let Some(number) = (1..=3).find(|number| self.rotated(*number).exists()) else {
            return;
        };
        let plain = fs::read(self.rotated(number)).unwrap();
        let new = self.log.with_extension("tmp");
        let mut gz = flate2::write::GzEncoder::new(File::create(&new).unwrap(), flate2::Compression::fast());
        gz.write_all(&plain).unwrap();
        gz.finish().unwrap();
        fs::rename(new, self.named(number, ".gz")).unwrap();
        fs::remove_file(self.rotated(number)).unwrap();
    }

    /// Writes until told to stop.
    fn run(mut self, stop: &AtomicBool) -> BTreeMap<&'static str, u64> {
        while !stop.load(Ordering::SeqCst) {
            self.append();
            if self.random.below(12) == 0 {
                self.rotate();
            }
            std::thread::park_timeout(Duration::from_millis(self.random.below(12)));
        }
        self.rotations
    }
}

fn opened(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// What stands between the sightings of one run and of the next; a run that was killed may have printed half a line.
const RUN: &str = "\nnext run";

/// Each run read the lines in the order in which they were written, whatever was rotated meanwhile.
fn assert_in_order(place: &Path) {
    let printed = fs::read_to_string(place.join("printed")).unwrap();
    let mut times = 0;
    for run in printed.split(RUN) {
        let sightings = run
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let seen: Vec<String> = sightings
            .map(|sighting| sighting["event"]["@timestamp"].as_str().unwrap().to_owned())
            .collect();
        let back = seen.windows(2).find(|pair| pair[0] > pair[1]);
        assert_eq!(back, None, "a later line was read before an earlier one");
        times += seen.len();
    }
    assert!(times > 0, "the order of nothing was looked at");
}

fn start_tail(dir: &Path, receiver: &Ingest) -> Running {
    let mut printed = opened(&dir.join("printed"));
    writeln!(printed, "{RUN}").unwrap();
    let child = shipping(dir, receiver)
        .args(["tail", "--from", "start", "--print", "sightings"])
        .args(sinks(dir))
        .arg(dir.join("access.log"))
        .stdout(printed)
        .stderr(Stdio::from(opened(&dir.join("messages"))))
        .spawn()
        .unwrap();
    Running(child)
}

/// Until `left` gives 0, or has not become less for a minute: how fast that goes is the machine's affair.
fn wait_while_moving(left: impl Fn() -> u64) {
    let (mut least, mut moved) = (u64::MAX, Instant::now());
    while least > 0 && moved.elapsed() < Duration::from_secs(60) {
        let now = left();
        if now < least {
            (least, moved) = (now, Instant::now());
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Events that the store in `place/state` still has to deliver.
fn waiting(place: &Path) -> u64 {
    let store = Store::open_existing(&place.join("state")).unwrap().unwrap();
    let receivers = store.receivers().unwrap();
    receivers.iter().map(Receiver::waiting_events).sum()
}

/// What the store knows of all clients and of whatever else should be an indicator.
fn stored(place: &Path, expected: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let clients = (0..CLIENTS).map(|client| format!("45.83.7.{client}"));
    let values: BTreeSet<String> = clients.chain(expected.keys().cloned()).collect();
    let known = |value: String| {
        let output = run(afw(&place.join("state")).args(["explain", "--json", "--why", &value]));
        output.status.success().then(|| indicators(&text(&output.stdout)))
    };
    values.into_iter().filter_map(known).flatten().collect()
}

/// What is known of each value; how often it was emitted and which evidence was kept may differ between runs.
fn indicators(out: &str) -> BTreeMap<String, Value> {
    let by_value = |indicator: Value| {
        let known = [
            "class",
            "confidence",
            "sightings",
            "rules",
            "first_seen",
            "last_seen",
        ]
        .map(|key| (key, indicator[key].clone()));
        let known: BTreeMap<&str, Value> = known.into_iter().collect();
        (indicator["value"].as_str().unwrap().to_owned(), json!(known))
    };
    json_lines(out).into_iter().map(by_value).collect()
}

#[test]
fn killed_and_rotated_tail_finds_what_one_replay_finds() {
    let (seed, kills) = (seed(), number("AFW_KILLS", 6));
    eprintln!("AFW_SEED={seed} AFW_KILLS={kills}");
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let receiver = Ingest::start();
    let mut random = Random(!seed);

    let mut writer = Writer::new(place, seed);
    let written = Arc::clone(&writer.written);
    writer.append();
    let mut tail = start_tail(place, &receiver);
    wait_until("the first commit", || {
        place.join("state/afw.db").exists() && counted(place) > 0
    });
    let stop = Arc::new(AtomicBool::new(false));
    let writing = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || writer.run(&stop))
    };
    for _ in 0..kills {
        std::thread::park_timeout(Duration::from_millis(random.below(900)));
        tail.kill();
        std::thread::park_timeout(Duration::from_millis(random.below(200)));
        tail = start_tail(place, &receiver);
    }
    receiver.answer_next(&[503]);
    stop.store(true, Ordering::SeqCst);
    let rotations = writing.join().unwrap();
    let total = written.load(Ordering::SeqCst);
    eprintln!("{total} lines, {rotations:?}");
    wait_while_moving(|| total.saturating_sub(counted(place)));
    wait_while_moving(|| waiting(place));
    let said = fs::read_to_string(place.join("messages")).unwrap();
    assert_eq!(tail.terminate(), Some(0));
    assert_eq!(counted(place), total, "each line once; afw said:\n{said}");
    assert_in_order(place);
    compare(place, &receiver);
}

/// The store and the receiver against one replay of all that was written.
fn compare(place: &Path, receiver: &Ingest) {
    let whole = place.join("whole");
    let expected = stdout(
        afw(&place.join("fresh"))
            .args(["replay", "--print", "indicators"])
            .arg(&whole),
    );
    let expected = indicators(&expected);
    let found = stored(place, &expected);
    assert!(expected.len() >= 10, "the log must be worth the test");
    if let Some(difference) = difference("indicators", &found, &expected) {
        panic!("{difference}");
    }
    assert_same_as_one_replay(place, receiver, "after all kills");
}
