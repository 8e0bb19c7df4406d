//! Promise 1 against the real binary, by sequences: random acts of a server, of logrotate, of a person and of the
//! kernel's out-of-memory killer upon one log, while `afw tail` follows it, is killed, ends, or lets
//! `afw replay --resume` go on in its place. Every line is shipped once, and what is sighted is what one
//! uninterrupted replay sights.
//!
//! `AFW_SEQUENCES` sets how many sequences (default 3), `AFW_SEED` which: the first sequence has that seed (default 1),
//! the next the number after it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use support::coding::packed;
use support::ingest::Ingest;
use support::traffic::{Random, assert_same_as_one_replay, counted, number, seed, shipping, sinks};
use support::{Running, run, text, wait_until};

/// What can happen, and how often in proportion.
const ACTS: [(&str, u64); 16] = [
    ("append", 20),
    ("partial line", 5),
    ("rename", 6),
    ("rename, reopened later", 3),
    ("copytruncate", 4),
    ("compress", 5),
    ("compress slowly", 2),
    ("rename into a date", 2),
    ("truncate", 1),
    ("delete", 1),
    ("switch the link", 2),
    ("kill", 8),
    ("terminate", 3),
    ("replay", 3),
    ("start", 4),
    ("rest", 4),
];

/// How a rotated file may be named.
const ENDINGS: [&str; 5] = ["", ".gz", ".zst", ".bz2", ".xz"];

/// How afw is told what to read, with how the log gets its name.
const PLACES: [&str; 4] = ["file", "glob", "directory", "link"];

struct Sequence {
    dir: tempfile::TempDir,
    random: Random,
    receiver: Ingest,
    place: &'static str,
    tail: Option<Running>,
    /// The file the server writes to.
    file: File,
    whole: File,
    written: u64,
    /// What the server has written of the line it is in.
    begun: String,
    /// Targets of the link so far.
    targets: u64,
    /// A rotated file that the server still writes to.
    behind: bool,
    /// How much afw had said when it was started last.
    said: usize,
    log: Vec<String>,
}

impl Sequence {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("logs")).unwrap();
        let place = PLACES[random.below(PLACES.len() as u64) as usize];
        let whole = appending(&dir.path().join("whole"));
        let live = dir.path().join("logs/access.log");
        if place == "link" {
            fs::create_dir(dir.path().join("data")).unwrap();
            std::os::unix::fs::symlink("../data/access-0.log", &live).unwrap();
        }
        let mut sequence = Self {
            file: appending(&live),
            dir,
            random,
            receiver: Ingest::start(),
            place,
            tail: None,
            whole,
            written: 0,
            begun: String::new(),
            targets: 0,
            behind: false,
            said: 0,
            log: Vec::new(),
        };
        sequence.append();
        // What was rotated before a log was first followed is not asked for.
        sequence.start();
        wait_until("the first commit", || counted(sequence.dir.path()) > 0);
        sequence
    }

    fn live(&self) -> PathBuf {
        self.dir.path().join("logs/access.log")
    }

    fn rotated(&self, number: u64, ending: &str) -> PathBuf {
        self.dir.path().join(format!("logs/access.log.{number}{ending}"))
    }

    fn path(&self) -> PathBuf {
        match self.place {
            "glob" => self.dir.path().join("logs/access*"),
            "directory" => self.dir.path().join("logs"),
            _ => self.live(),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.file.write_all(bytes).unwrap();
        self.whole.write_all(bytes).unwrap();
    }

    /// Ends the line the server is in.
    fn end_line(&mut self) {
        let rest = std::mem::take(&mut self.begun);
        if !rest.is_empty() {
            self.write(rest.as_bytes());
            self.written += 1;
        }
    }

    fn append(&mut self) {
        self.end_line();
        for _ in 0..=self.random.below(12) {
            let line = self.random.line(self.written);
            self.write(line.as_bytes());
            self.written += 1;
        }
    }

    fn begin_line(&mut self) {
        self.end_line();
        let line = self.random.line(self.written);
        let cut = 1 + self.random.below(line.len() as u64 - 1) as usize;
        self.write(&line.as_bytes()[..cut]);
        line[cut..].clone_into(&mut self.begun);
    }

    /// The server opens its log anew.
    fn reopen(&mut self) {
        self.end_line();
        if self.behind {
            // Lines of one log come in order only if the old file is read before the new one gets lines.
            self.catch_up();
        }
        self.behind = false;
        self.file = appending(&self.live());
    }

    fn start(&mut self) {
        if self.tail.is_none() {
            self.said = self.messages().len();
            let child = shipping(self.dir.path(), &self.receiver)
                .args(["tail", "--from", "start", "--print", "none"])
                .args(sinks(self.dir.path()))
                .arg(self.path())
                .stdout(Stdio::null())
                .stderr(Stdio::from(appending(&self.dir.path().join("messages"))))
                .spawn()
                .unwrap();
            self.tail = Some(Running(child));
        }
    }

    /// Waits until all whole lines are counted.
    fn catch_up(&mut self) {
        self.start();
        let (place, written) = (self.dir.path().to_owned(), self.written);
        let mut last = 0;
        let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until("all lines", || {
                last = counted(&place);
                last >= written
            });
        }));
        assert!(
            waited.is_ok(),
            "{last} of {written} lines counted\n{}",
            self.story()
        );
    }

    /// Makes room for a new `access.log.1`.
    fn shift(&self) {
        let mut oldest = 0;
        while ENDINGS.iter().any(|end| self.rotated(oldest + 1, end).exists()) {
            oldest += 1;
        }
        for number in (1..=oldest).rev() {
            for end in ENDINGS {
                let from = self.rotated(number, end);
                if from.exists() {
                    fs::rename(from, self.rotated(number + 1, end)).unwrap();
                }
            }
        }
    }

    fn rename(&mut self, to: &Path, reopen: bool) {
        fs::rename(self.live(), to).unwrap();
        // Of numbers beside dates the times of the files tell the order, and a file system counts them by milliseconds.
        std::thread::sleep(Duration::from_millis(10));
        self.behind = true;
        if reopen {
            self.end_line();
            self.behind = false;
            self.file = appending(&self.live());
        }
    }

    /// Compresses the newest rotated file that is not yet compressed, into place at once or slowly.
    fn compress(&mut self, slowly: bool) {
        if self.behind {
            self.reopen();
        }
        let Some(number) = (1..=4).find(|number| self.rotated(*number, "").exists()) else {
            return;
        };
        let plain = self.rotated(number, "");
        let ending = ENDINGS[1 + self.random.below(4) as usize];
        let packed = packed(ending, &fs::read(&plain).unwrap());
        // Every compressor gives its result the time of what it compressed.
        let modified = fs::metadata(&plain).unwrap().modified().unwrap();
        let target = self.rotated(number, ending);
        if slowly {
            let mut file = File::create(&target).unwrap();
            for part in packed.chunks(packed.len() / 3 + 1) {
                file.write_all(part).unwrap();
                rest(self.random.below(15));
            }
            file.set_modified(modified).unwrap();
        } else {
            let new = self.dir.path().join("tmp");
            fs::write(&new, packed).unwrap();
            File::options()
                .append(true)
                .open(&new)
                .and_then(|file| file.set_modified(modified))
                .unwrap();
            fs::rename(new, target).unwrap();
        }
        fs::remove_file(plain).unwrap();
    }

    fn kill(&mut self) {
        if let Some(mut tail) = self.tail.take() {
            tail.kill();
        }
    }

    fn terminate(&mut self) {
        if let Some(mut tail) = self.tail.take() {
            // Before it has begun, the signal ends it as it ends any program.
            wait_until("the start", || {
                self.messages()
                    .get(self.said..)
                    .is_some_and(|said| said.contains("following"))
            });
            assert_eq!(tail.terminate(), Some(0), "{}", self.story());
        }
    }

    fn replay(&mut self) {
        self.terminate();
        if self.behind {
            // It takes what a rotated file ends with as a line.
            self.reopen();
            self.terminate();
        }
        let mut replay = shipping(self.dir.path(), &self.receiver);
        replay
            .args(["replay", "--resume", "--print", "none"])
            .args(sinks(self.dir.path()))
            .arg(self.path());
        let output = run(&mut replay);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}\n{}",
            text(&output.stderr),
            self.story()
        );
    }

    fn switch(&mut self) {
        if self.place != "link" {
            return;
        }
        self.end_line();
        // What lies behind a link that has moved on while nobody looked is not under any path afw was given.
        self.catch_up();
        self.targets += 1;
        let next = self.dir.path().join("next");
        std::os::unix::fs::symlink(format!("../data/access-{}.log", self.targets), &next).unwrap();
        fs::rename(next, self.live()).unwrap();
        self.file = appending(&self.live());
    }

    fn act(&mut self, act: &'static str) {
        self.log.push(format!("{act} at line {}", self.written));
        let renames = self.place != "link";
        if (act.starts_with("rename") || act == "copytruncate" || act == "truncate" || act == "delete")
            && self.behind
        {
            self.reopen();
        }
        match act {
            "append" => self.append(),
            "partial line" => self.begin_line(),
            "rename" | "rename, reopened later" if renames => {
                self.shift();
                let to = self.rotated(1, "");
                self.rename(&to, act == "rename");
            }
            "rename into a date" if renames => {
                let to = self
                    .live()
                    .with_file_name(format!("access.log-2026{:04}", 101 + self.targets));
                self.targets += 1;
                self.rename(&to, true);
            }
            "copytruncate" if renames => {
                self.end_line();
                self.shift();
                fs::copy(self.live(), self.rotated(1, "")).unwrap();
                self.file.set_len(0).unwrap();
            }
            "compress" | "compress slowly" if renames => self.compress(act == "compress slowly"),
            "truncate" => {
                self.end_line();
                self.catch_up();
                self.file.set_len(0).unwrap();
            }
            "delete" if renames => {
                self.end_line();
                self.catch_up();
                fs::remove_file(self.live()).unwrap();
                self.file = appending(&self.live());
            }
            "switch the link" => self.switch(),
            "kill" => self.kill(),
            "terminate" => self.terminate(),
            "replay" => self.replay(),
            "start" => self.start(),
            _ => rest(self.random.below(60)),
        }
    }

    fn run(&mut self, acts: &mut BTreeMap<&'static str, u64>) {
        for _ in 0..8 + self.random.below(16) {
            let mut at = self.random.below(ACTS.iter().map(|(_, weight)| weight).sum());
            let mut act = "";
            for (name, weight) in ACTS {
                act = name;
                match at.checked_sub(weight) {
                    Some(rest) => at = rest,
                    None => break,
                }
            }
            *acts.entry(act).or_default() += 1;
            self.act(act);
        }
        self.reopen();
        self.catch_up();
        self.terminate();
        let story = self.story();
        assert_eq!(counted(self.dir.path()), self.written, "each line once\n{story}");
        assert_same_as_one_replay(self.dir.path(), &self.receiver, &story);
    }

    fn messages(&self) -> String {
        fs::read_to_string(self.dir.path().join("messages")).unwrap_or_default()
    }

    /// What was done and what afw said to it.
    fn story(&self) -> String {
        let said = self.messages();
        format!("{} of: {}\nafw said: {said}", self.place, self.log.join(", "))
    }
}

fn appending(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// Leaves afw some time, of random length: where in its work it is interrupted must differ.
fn rest(millis: u64) {
    std::thread::park_timeout(Duration::from_millis(millis));
}

#[test]
fn any_sequence_of_acts_ships_each_line_once_and_sights_what_one_replay_sights() {
    let (seed, sequences) = (seed(), number("AFW_SEQUENCES", 3));
    eprintln!("AFW_SEED={seed} AFW_SEQUENCES={sequences}");
    let mut acts = BTreeMap::new();
    let mut lines = 0;
    for number in 0..sequences {
        let own = seed.wrapping_add(number);
        let mut sequence = Sequence::new(own);
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sequence.run(&mut acts)));
        if let Err(why) = ran {
            eprintln!("sequence {number} failed: AFW_SEED={own} AFW_SEQUENCES=1 repeats it");
            std::panic::resume_unwind(why);
        }
        lines += sequence.written;
    }
    eprintln!("{sequences} sequences from seed {seed}: {acts:?}");
    eprintln!("{lines} lines written, 0 lost, 0 repeated, sightings as in one replay");
}
