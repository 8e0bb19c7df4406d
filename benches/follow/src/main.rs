//! Following side by side: `afw tail`, its source alone, `tail -F` and the crate `linemux` follow a log that is
//! rotated quickly. Counts lines that did not come, lines that came twice, lines a second, and processor time.
//!
//! ```console
//! $ cargo build --release
//! $ cargo run --release --manifest-path benches/follow/Cargo.toml -- target/release/afw 500000
//! ```
//!
//! `pace AFW LOG RATE SECONDS` writes the lines of a log steadily instead and measures `afw tail` alone.
//!
//! The first argument is the afw to measure, the second how many lines each run gets. `afw tail` does more than the
//! others: it parses, detects, keeps its place in a database and prints each line as an ECS document. To be fair to
//! all, the writer waits for the first line to arrive before it begins, and never writes between copying and
//! truncating.

mod followers;
mod pace;

use std::collections::HashMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How the log is rotated.
#[derive(Clone, Copy, PartialEq)]
enum Rotation {
    Never,
    Rename,
    CopyTruncate,
}

/// One way in which a log is written.
struct Scenario {
    name: &'static str,
    rotation: Rotation,
    /// Lines between two rotations.
    lines: u64,
    /// Lines a second; 0 for as fast as it goes.
    rate: u64,
}

const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: "no rotation, full speed",
        rotation: Rotation::Never,
        lines: u64::MAX,
        rate: 0,
    },
    Scenario {
        name: "rename every 10,000 lines, full speed",
        rotation: Rotation::Rename,
        lines: 10_000,
        rate: 0,
    },
    Scenario {
        name: "rename every 2,500 lines, 25,000 lines/s",
        rotation: Rotation::Rename,
        lines: 2_500,
        rate: 25_000,
    },
    Scenario {
        name: "copytruncate every 2,500 lines, 25,000 lines/s",
        rotation: Rotation::CopyTruncate,
        lines: 2_500,
        rate: 25_000,
    },
];

const FOLLOWERS: [&str; 4] = ["afw tail", "afw, its source alone", "tail -F", "linemux"];

/// What has come so far.
#[derive(Default)]
struct Arrived {
    counts: Mutex<HashMap<u64, u32>>,
    total: AtomicU64,
    last: Mutex<Option<Instant>>,
}

impl Arrived {
    fn note(&self, number: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(number).or_default() += 1;
        self.total.fetch_add(1, Ordering::SeqCst);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["linemux", log] => followers::linemux(Path::new(log)),
        ["source", log] => followers::source(Path::new(log)),
        ["pace", afw, log, rate, secs] => {
            pace::pace(Path::new(afw), Path::new(log), rate.parse()?, secs.parse()?)
        }
        [afw] => compare(Path::new(afw), 500_000),
        [afw, lines] => compare(Path::new(afw), lines.parse()?),
        _ => Err("usage: afw-follow-bench AFW [LINES] | pace AFW LOG RATE SECONDS".into()),
    }
}

fn compare(afw: &Path, lines: u64) -> Result<()> {
    println!("| log | follower | lines | lost | repeated | lines/s | processor s |");
    println!("|---|---|--:|--:|--:|--:|--:|");
    for scenario in &SCENARIOS {
        for follower in FOLLOWERS {
            measure(afw, lines, scenario, follower)?;
        }
    }
    Ok(())
}

/// `afw tail` that ships nothing and keeps its place in `state`; the log is still to be named.
fn tail(afw: &Path, state: &Path, from: &str, print: &str) -> Command {
    let mut command = Command::new(afw);
    command.args([
        "tail", "--no-dns", "--sink", "none", "--from", from, "--print", print,
    ]);
    command.arg("--state-dir").arg(state);
    command
}

fn command(afw: &Path, follower: &str, log: &Path, place: &Path) -> Result<Command> {
    let program = |name: &Path, args: &[&str]| {
        let mut command = Command::new(name);
        command.args(args);
        command
    };
    let own = std::env::current_exe()?;
    let mut command = match follower {
        "afw tail" => tail(afw, &place.join("state"), "end", "events"),
        "tail -F" => program(Path::new("tail"), &["-F", "-n", "0"]),
        "linemux" => program(&own, &["linemux"]),
        _ => program(&own, &["source"]),
    };
    command
        .arg(log)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    Ok(command)
}

fn measure(afw: &Path, lines: u64, scenario: &Scenario, follower: &str) -> Result<()> {
    let place = tempfile::tempdir()?;
    let log = place.path().join("access.log");
    let mut writer = Writer::new(&log)?;
    let mut child = command(afw, follower, &log, place.path())?.spawn()?;
    let arrived = Arc::new(Arrived::default());
    let listener = listen(&mut child, Arc::clone(&arrived))?;
    // Lines with the number 0 until one arrives.
    while arrived.total.load(Ordering::SeqCst) == 0 {
        writer.line(0)?;
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    writer.run(lines, scenario)?;
    wait_for_silence(&arrived, begun);
    let processor = processor_time(child.id())?;
    child.kill()?;
    child.wait()?;
    listener.join().map_err(|_| "the listening thread panicked")?;
    tell(lines, scenario, follower, &arrived, begun, processor);
    Ok(())
}

fn tell(lines: u64, scenario: &Scenario, follower: &str, arrived: &Arrived, begun: Instant, processor: f64) {
    let counts = arrived.counts.lock().unwrap_or_else(PoisonError::into_inner);
    let lost = (1..=lines).filter(|number| !counts.contains_key(number)).count();
    let repeated: u32 = counts
        .iter()
        .filter(|(number, _)| **number > 0)
        .map(|(_, count)| count - 1)
        .sum();
    let last = arrived
        .last
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .unwrap_or(begun);
    let per_second = (lines - lost as u64) as f64 / (last - begun).as_secs_f64();
    println!(
        "| {} | {follower} | {lines} | {lost} | {repeated} | {per_second:.0} | {processor:.2} |",
        scenario.name
    );
}

/// Collects the numbers that a follower prints.
fn listen(child: &mut Child, arrived: Arc<Arrived>) -> Result<thread::JoinHandle<()>> {
    let output = child.stdout.take().ok_or("no standard output")?;
    Ok(thread::spawn(move || {
        let mut reader = BufReader::with_capacity(1 << 20, output);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            if let Some(number) = number_in(&line) {
                arrived.note(number);
            }
            line.clear();
        }
    }))
}

/// The number of a line, as it was written, in an ECS document, or alone.
fn number_in(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    let digits = if text.starts_with('{') {
        text.split_once("\"bytes\":")?.1
    } else if text.starts_with("192.0.2.1 ") {
        text.split_once("\" 200 ")?.1
    } else {
        text
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

/// Until all has come, or nothing has for three seconds.
fn wait_for_silence(arrived: &Arrived, begun: Instant) {
    let quiet = AtomicBool::new(false);
    while !quiet.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(50));
        let last = *arrived.last.lock().unwrap_or_else(PoisonError::into_inner);
        let since = last.map_or(begun, |last| last.max(begun)).elapsed();
        quiet.store(since > Duration::from_secs(6), Ordering::SeqCst);
    }
}

/// User and system time of a process in seconds.
fn processor_time(process: u32) -> Result<f64> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        nanos += text
            .split(' ')
            .next()
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0);
    }
    Ok(nanos as f64 / 1e9)
}

/// Writes and rotates the log as a server and logrotate do; a hundred old generations stay.
struct Writer {
    log: PathBuf,
    file: File,
}

impl Writer {
    fn new(log: &Path) -> Result<Self> {
        Ok(Self {
            log: log.into(),
            file: opened(log)?,
        })
    }

    fn line(&mut self, number: u64) -> Result<()> {
        Ok(self.file.write_all(text(number).as_bytes())?)
    }

    fn run(&mut self, lines: u64, scenario: &Scenario) -> Result<()> {
        let begun = Instant::now();
        let mut block = String::new();
        for number in 1..=lines {
            block.push_str(&text(number));
            let rotate = number % scenario.lines == 0;
            if number % 32 == 0 || rotate || number == lines {
                self.file.write_all(block.as_bytes())?;
                block.clear();
            }
            if scenario.rate > 0 && number % 256 == 0 {
                let due = Duration::from_secs_f64(number as f64 / scenario.rate as f64);
                thread::sleep(due.saturating_sub(begun.elapsed()));
            }
            if rotate {
                self.rotate(scenario.rotation)?;
            }
        }
        Ok(())
    }

    fn rotate(&mut self, rotation: Rotation) -> Result<()> {
        let numbered = |number: u32| self.log.with_file_name(format!("access.log.{number}"));
        for number in (1..100).rev().filter(|number| numbered(*number).exists()) {
            fs::rename(numbered(number), numbered(number + 1))?;
        }
        match rotation {
            Rotation::Never => {}
            Rotation::Rename => {
                fs::rename(&self.log, numbered(1))?;
                self.file = opened(&self.log)?;
            }
            Rotation::CopyTruncate => {
                fs::copy(&self.log, numbered(1))?;
                self.file.set_len(0)?;
            }
        }
        Ok(())
    }
}

fn opened(path: &Path) -> Result<File> {
    Ok(OpenOptions::new().create(true).append(true).open(path)?)
}

fn text(number: u64) -> String {
    format!(
        "192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] \"GET /shop/item?id=7 HTTP/1.1\" 200 {number} \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0\"\n"
    )
}
