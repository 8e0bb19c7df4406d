//! What rules cost: `cargo bench --bench rules -- [LINES]`, one million lines unless told otherwise.
//!
//! Whole replays on one thread of a made-up log (`examples/genlog`), parsing and starting included, with 10 to 10,000
//! made-up signatures, with 100 of them and 50 correlations (of one line in nine; two of them of all), and with none, beside
//! `wc -l` on the same log in the same rounds. The figure to look at is CPU time as a multiple of `wc -l`, the median of the
//! rounds. Then a log in which a million addresses each open a window: the memory that takes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement fails by panicking, and prints its figures"
)]

use std::path::Path;

mod generated;
#[path = "../made.rs"]
mod made;
#[path = "../replay/program.rs"]
mod program;

use program::{Cost, Program, median, rounds};

const AFW: &str = env!("CARGO_BIN_EXE_afw");
const LINES: u64 = 1_000_000;
const ROUNDS: usize = 3;
/// Addresses that each open a window.
const KEYS: u32 = 1_000_000;

fn main() {
    let lines = made::lines(LINES);
    let folder = made::folder("rules");
    let log = made::log(&folder, lines);
    let empty = folder.join("empty.log");
    made::write(&empty, |_| {});
    println!(
        "{lines} lines, {} MB, {ROUNDS} rounds, medians, one thread\n",
        log.metadata().unwrap().len() / 1_000_000
    );
    let sets = generated::sets();
    let wc = of("wc -l", &["wc", "-l", log.to_str().unwrap()]);
    let mut programs = vec![wc, replay("no rules", &log, None)];
    let mut starts = vec![replay("no rules", &empty, None)];
    for (name, text) in &sets {
        let file = folder.join(format!("{}.yml", name.replace([' ', ','], "-")));
        std::fs::write(&file, text).unwrap();
        programs.push(replay(name, &log, Some(&file)));
        starts.push(replay(name, &empty, Some(&file)));
    }
    let (costs, starting) = (rounds(&programs, ROUNDS), rounds(&starts, ROUNDS));
    table(&programs, &costs, &starting, lines);
    keys(&folder);
}

fn of(name: &str, command: &[&str]) -> Program {
    Program {
        name: String::leak(name.to_owned()),
        command: command.iter().map(ToString::to_string).collect(),
        is_slow: false,
    }
}

fn replay(name: &str, log: &Path, rules: Option<&Path>) -> Program {
    let mut command = vec![
        AFW,
        "replay",
        log.to_str().unwrap(),
        "--threads",
        "1",
        "--print",
        "none",
        "--no-default-rules",
    ];
    command.extend(
        rules
            .into_iter()
            .flat_map(|rules| ["--rules", rules.to_str().unwrap()]),
    );
    of(name, &command)
}

fn table(programs: &[Program], costs: &[Vec<Cost>], starting: &[Vec<Cost>], lines: u64) {
    let yardstick = median(&costs[0], |cost| cost.cpu);
    println!(
        "{:>6}  {:>6}  {:>6}  {:>7}  {:>10}  {:>7}",
        "x wc", "CPU s", "wall s", "start s", "lines/s", "peak MB"
    );
    for (at, (program, costs)) in programs.iter().zip(costs).enumerate() {
        let cpu = median(costs, |cost| cost.cpu);
        let start = at
            .checked_sub(1)
            .map_or(0.0, |at| median(&starting[at], |cost| cost.cpu));
        let wall = median(costs, |cost| cost.wall);
        let peak = median(costs, |cost| cost.peak_bytes as f64) / 1e6;
        println!(
            "{:>6.1}  {cpu:>6.2}  {wall:>6.2}  {start:>7.2}  {:>10.0}  {peak:>7.1}  {}",
            cpu / yardstick,
            lines as f64 / (cpu - start),
            program.name
        );
    }
}

/// What a million windows take, beside a tenth of them.
fn keys(folder: &Path) {
    println!();
    let rules = folder.join("windows.yml");
    std::fs::write(&rules, generated::WINDOWS).unwrap();
    for count in [KEYS / 10, KEYS, 2 * KEYS] {
        let log = folder.join(format!("keys-{count}.log"));
        made::write(&log, |out| generated::addresses(out, count));
        let cost = replay("keys", &log, Some(&rules)).run();
        println!(
            "{count:>8} addresses, one window each: {:>6.1} MB, {:.2} s",
            cost.peak_bytes as f64 / 1e6,
            cost.cpu
        );
    }
}
