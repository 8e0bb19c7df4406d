//! What a whole replay costs: `cargo bench --bench replay -- [LINES]`, five million lines unless told otherwise.
//!
//! Writes a made-up log (`examples/genlog`), then runs afw on it, and in the same rounds what else reads logs on this
//! machine: `wc -l`, `grep`, gawk, Python, GoAccess. The figure to look at is CPU time as a multiple of `wc -l`, the median of
//! the rounds: seconds differ between machines and hours, multiples hardly do. With `AFW_CASES` naming the folder of
//! real cases afw and GoAccess look country and network up. Where `valgrind` is installed instructions a line are
//! counted too, which are the same whatever else the machine does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement fails by panicking, and prints its figures"
)]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

mod instructions;
#[path = "../../examples/genlog/log.rs"]
mod log;
mod program;
mod programs;

use program::{Cost, Program, median, rounds};

const LINES: u64 = 5_000_000;
const ROUNDS: usize = 3;

fn main() {
    // cargo passes `--bench`.
    let lines = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok());
    let lines: u64 = lines.unwrap_or(LINES);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("replay");
    std::fs::create_dir_all(&folder).unwrap();
    let log = written(&folder, lines);
    let bytes = log.metadata().unwrap().len();
    println!(
        "{lines} lines, {} MB, {ROUNDS} rounds, medians\n",
        bytes / 1_000_000
    );
    let programs = programs::installed(&log, &folder);
    let costs = rounds(&programs, ROUNDS);
    table(&programs, &costs, lines, bytes);
    instructions::table(&folder);
}

/// The log, written once for each number of lines.
fn written(folder: &Path, lines: u64) -> PathBuf {
    let path = folder.join(format!("{lines}.log"));
    if !path.exists() {
        let part = folder.join("part");
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&part).unwrap());
        log::write(&mut out, lines, 1).unwrap();
        out.flush().unwrap();
        std::fs::rename(part, &path).unwrap();
    }
    path
}

fn table(programs: &[Program], costs: &[Vec<Cost>], lines: u64, bytes: u64) {
    let yardstick = median(&costs[0], |cost| cost.cpu);
    println!(
        "{:>6}  {:>7}  {:>7}  {:>10}  {:>6}  {:>7}",
        "x wc", "CPU s", "wall s", "lines/s", "MB/s", "peak MB"
    );
    for (program, costs) in programs.iter().zip(costs) {
        let cpu = median(costs, |cost| cost.cpu);
        let wall = median(costs, |cost| cost.wall);
        let (per_second, megabytes) = (lines as f64 / wall, bytes as f64 / wall / 1e6);
        let peak = median(costs, |cost| cost.peak_bytes as f64) / 1e6;
        println!(
            "{:>6.1}  {cpu:>7.2}  {wall:>7.2}  {per_second:>10.0}  {megabytes:>6.0}  {peak:>7.1}  {}",
            cpu / yardstick,
            program.name
        );
    }
}
