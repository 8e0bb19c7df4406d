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

mod instructions;
#[path = "../made.rs"]
mod made;
mod program;
mod programs;

use std::path::Path;

use program::{Cost, Program, median, rounds};

const LINES: u64 = 5_000_000;
const ROUNDS: usize = 3;
/// Of a second log, how many requests in a hundred are in words of their own.
const OWN: u64 = 50;

fn main() {
    let lines = made::lines(LINES);
    let folder = made::folder("replay");
    let log = made::log(&folder, lines);
    let bytes = log.metadata().unwrap().len();
    println!(
        "{lines} lines, {} MB, {ROUNDS} rounds, medians\n",
        bytes / 1_000_000
    );
    let programs = programs::installed(&log, &folder);
    let costs = rounds(&programs, ROUNDS);
    table(&programs, &costs, lines, bytes);
    of_own_words(&folder, lines);
    instructions::table(&folder);
}

/// The same for a log in which half of the requests are in words of their own: what is remembered helps less.
fn of_own_words(folder: &Path, lines: u64) {
    let log = made::log_of(folder, lines, OWN);
    let bytes = log.metadata().unwrap().len();
    println!(
        "\n{OWN} % of the requests in words of their own, {} MB\n",
        bytes / 1_000_000
    );
    let programs = programs::few(&log);
    table(&programs, &rounds(&programs, ROUNDS), lines, bytes);
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
