//! How fast each format is read: `cargo bench -p afw-parsers`, with names behind `--` for some of them.
//!
//! Each format reads a log of one shop's ordinary traffic, written as its server writes it. Printed are the
//! nanoseconds of one line, MB/s and lines/s; the nanoseconds for lines of an error log (miss) and for random bytes
//! (garbage) under the same layout; a yardstick over the same lines, and our time over the yardstick's. The yardstick
//! is for text a plain regular expression with a capture for each field, for JSON `serde_json` into a borrowed struct
//! of the fields that the format reads, and for a compiled format the preset that reads the same lines. Each figure is
//! the best of many short rounds, so other work on the machine hardly shows. One thread. With `--hits` nothing but
//! the lines themselves is measured, for a profiler.
#![expect(
    clippy::print_stdout,
    clippy::panic,
    reason = "a bench talks, and stops where its own lines are not read"
)]

mod lines;
mod yardstick;

use std::hint::black_box;
use std::time::Instant;

use afw_parsers::{Escape, Format, Layout, Line, Parser, Record};

use lines::{Log, Pair, visits};
use yardstick::Yardstick;

/// Rounds of one measurement; the best counts.
const ROUNDS: usize = 25;

fn main() {
    // Cargo hands `--bench` over as well.
    let (options, names): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|argument| argument.starts_with('-'));
    let hits = options.iter().any(|option| option == "--hits");
    let wanted = |name: &str| names.is_empty() || names.iter().any(|one| name.contains(one.as_str()));
    println!(
        "{:<32} {:>8} {:>6} {:>10} {:>6} {:>8} {:>12} {:>6}",
        "format", "ns/line", "MB/s", "lines/s", "miss", "garbage", "yardstick", "ratio"
    );
    for &format in Format::ALL.iter().filter(|format| wanted(format.name())) {
        preset(format, hits);
    }
    let name = |pair: &Pair| format!("compiled {}", pair.preset.name());
    for pair in lines::pairs().iter().filter(|pair| wanted(&name(pair))) {
        compiled(&name(pair), pair, hits);
    }
}

/// A preset beside a regular expression or `serde_json`.
fn preset(format: Format, hits: bool) {
    let log = Log::of(&visits(), |visit| lines::preset(format, visit));
    let layout = Layout::first(format);
    let nanos = read(&layout, &log);
    if hits {
        return println!("{:<32} {nanos:>8.0}", format.name());
    }
    let yardstick = Yardstick::of(format);
    let other = best(log.count(), || yardstick.run(&log));
    row(format.name(), &layout, &log, nanos, (yardstick.name(), other));
}

/// A compiled format beside the preset that reads the same lines.
fn compiled(name: &str, pair: &Pair, hits: bool) {
    let log = Log::of(&visits(), |visit| lines::preset(pair.preset, visit));
    let layout = match pair.server {
        "nginx" => Layout::nginx(&pair.format, Escape::Nginx),
        "nginx-json" => Layout::nginx(&pair.format, Escape::Json),
        _ => Layout::apache(&pair.format),
    };
    let layout = layout.unwrap_or_else(|error| panic!("{error}: {}", pair.format));
    let nanos = read(&layout, &log);
    if hits {
        return println!("{name:<32} {nanos:>8.0}");
    }
    let preset = read(&Layout::first(pair.preset), &log);
    row(name, &layout, &log, nanos, ("preset", preset));
}

fn row(name: &str, layout: &Layout, log: &Log, nanos: f64, (beside, other): (&str, f64)) {
    let miss = time(layout, &Log::of(&visits(), lines::error_line));
    let garbage = time(layout, &lines::garbage());
    println!(
        "{name:<32} {nanos:>8.0} {:>6.0} {:>10.0} {miss:>6.0} {garbage:>8.0} {beside:>6} {other:>5.0} {:>6.2}",
        log.bytes() as f64 / log.count() as f64 / nanos * 1000.0,
        1e9 / nanos,
        nanos / other
    );
}

/// Nanoseconds of a line; every line must be read.
fn read(layout: &Layout, log: &Log) -> f64 {
    let mut parser = parser(layout, log);
    for line in log.lines() {
        let read = parser.parse(line, &mut Record::default());
        assert_eq!(
            read,
            Ok(Line::Record),
            "{}: {}",
            layout.name(),
            String::from_utf8_lossy(line)
        );
    }
    time(layout, log)
}

/// Nanoseconds of a line, whatever it is.
fn time(layout: &Layout, log: &Log) -> f64 {
    let mut parser = parser(layout, log);
    let mut record = Record::default();
    best(log.count(), || {
        for line in log.lines() {
            let _ = black_box(parser.parse(black_box(line), &mut record));
        }
    })
}

/// A parser that has read the header lines of a log.
fn parser(layout: &Layout, log: &Log) -> Parser {
    let mut parser = Parser::new(layout);
    for line in log.head() {
        let _ = parser.parse(line, &mut Record::default());
    }
    parser
}

/// The fewest nanoseconds that one of `count` pieces of work took in any round.
fn best(count: usize, mut work: impl FnMut()) -> f64 {
    let round = || {
        let started = Instant::now();
        work();
        started.elapsed().as_nanos() as f64
    };
    std::iter::repeat_with(round)
        .take(ROUNDS)
        .fold(f64::INFINITY, f64::min)
        / count as f64
}
