//! What `afw tail` costs at a steady rate, how long a line takes from being appended to being stored, and how far behind
//! it falls: lines of a given log are written at so many a second, and the store is asked for its count.

use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use afw::store::Store;

use crate::{Result, opened, processor_time, tail};

/// Lines are written and the store is asked this often.
const TICK: Duration = Duration::from_millis(5);

/// Writes the lines of `source` for `secs` seconds at `rate` a second and prints what came of it.
pub fn pace(afw: &Path, source: &Path, rate: u64, secs: u64) -> Result<()> {
    let text = fs::read_to_string(source)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let place = tempfile::tempdir()?;
    let (log, state) = (place.path().join("access.log"), place.path().join("state"));
    let mut file = opened(&log)?;
    file.write_all(lines.first().ok_or("an empty log")?.as_bytes())?;
    let mut child = tail(afw, &state, "start", "none")
        .arg("-q")
        .arg(&log)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let store = loop {
        match Store::open_existing(&state)? {
            Some(store) if stored(&store)? > 0 => break store,
            _ => thread::sleep(TICK),
        }
    };
    // Starting is not what is measured.
    thread::sleep(Duration::from_secs(1));
    let before = processor_time(child.id())?;
    let mut run = Run::new(rate * secs);
    let mut next = lines.iter().cycle().skip(1);
    while !run.is_done() {
        let due = run.due(rate);
        let block: String = next.by_ref().take(due as usize).copied().collect();
        file.write_all(block.as_bytes())?;
        run.wrote(due);
        run.stored(stored(&store)?);
        thread::sleep(TICK);
    }
    let processor = processor_time(child.id())? - before;
    run.tell(rate, processor);
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// Lines that the store has counted.
fn stored(store: &Store) -> Result<u64> {
    Ok(store.files()?.iter().map(|file| file.lines).sum())
}

/// What was written when, and when it was stored.
struct Run {
    begun: Instant,
    total: u64,
    written: u64,
    stored: u64,
    waiting: VecDeque<(u64, Instant)>,
    latencies: Vec<Duration>,
    most_behind: u64,
}

impl Run {
    fn new(total: u64) -> Self {
        Self {
            begun: Instant::now(),
            total,
            written: 0,
            stored: 0,
            waiting: VecDeque::new(),
            latencies: Vec::new(),
            most_behind: 0,
        }
    }

    fn is_done(&self) -> bool {
        self.stored >= self.total
    }

    /// Lines that should have been written by now and were not.
    fn due(&self, rate: u64) -> u64 {
        let due = (self.begun.elapsed().as_secs_f64() * rate as f64) as u64;
        due.min(self.total).saturating_sub(self.written)
    }

    fn wrote(&mut self, lines: u64) {
        self.written += lines;
        if lines > 0 {
            self.waiting.push_back((self.written, Instant::now()));
        }
    }

    fn stored(&mut self, count: u64) {
        // The first line was there before.
        self.stored = count.saturating_sub(1);
        self.most_behind = self.most_behind.max(self.written - self.stored.min(self.written));
        while let Some((_, at)) = self.waiting.pop_front_if(|(number, _)| *number <= self.stored) {
            self.latencies.push(at.elapsed());
        }
    }

    fn tell(&mut self, rate: u64, processor: f64) {
        self.latencies.sort_unstable();
        let at = |share: f64| {
            let place = (self.latencies.len() as f64 * share) as usize;
            self.latencies
                .get(place.min(self.latencies.len().saturating_sub(1)))
                .map_or(0, Duration::as_millis)
        };
        let seconds = self.begun.elapsed().as_secs_f64();
        println!(
            "| lines/s wanted | lines/s stored | % of a core | median ms to stored | 99 % | slowest | most lines behind |"
        );
        println!("|--:|--:|--:|--:|--:|--:|--:|");
        println!(
            "| {rate} | {:.0} | {:.2} | {} | {} | {} | {} |",
            self.total as f64 / seconds,
            100.0 * processor / seconds,
            at(0.5),
            at(0.99),
            at(1.0),
            self.most_behind
        );
    }
}
