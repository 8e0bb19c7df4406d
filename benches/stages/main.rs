//! What each stage costs: `cargo bench --bench stages -- [LINES]`, half a million lines unless told otherwise.
//!
//! The same made-up log (`examples/genlog`) is taken in one thread through one stage more each time: read and cut into
//! lines, parsed, given client, network and agent, matched with the built-in rules, counted over time and gathered to
//! indicators, written as ECS, stored. A stage costs what its run takes more than the one before, the least of several
//! rounds. With `AFW_CASES` naming the folder of real cases, country and network are looked up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement fails by panicking, and prints its figures"
)]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use afw::analysis::scan::Wants;
use afw::analysis::{Fold, FoldOptions, Kit, Scan, Scanner};
use afw::detect::{Ruleset, builtin};
use afw::enrich::Lists;
use afw::source::{Batch, SourceSpec, plan};
use afw::store::{Effects, Store};
use afw_parsers::{Layout, Parser, Record, Time};

#[path = "../kit.rs"]
mod kit;
#[path = "../made.rs"]
mod made;

const LINES: u64 = 500_000;
const ROUNDS: usize = 3;
/// A replay commits four times a second, which is about this many batches.
const COMMIT_BATCHES: usize = 64;

fn main() {
    let lines = made::lines(LINES);
    let folder = made::folder("stages");
    let path = made::log(&folder, lines);
    table(&runs(&path, &folder), lines);
}

/// A stage and how to run up to it.
type Run<'r> = (&'static str, Box<dyn Fn() -> u64 + 'r>);

fn runs<'r>(path: &'r Path, folder: &'r Path) -> Vec<Run<'r>> {
    let databases = kit::databases();
    let kit = |rules: &[_], ecs| {
        let wants = Wants {
            ecs,
            ..Wants::default()
        };
        kit::kit(Ruleset::load(rules).unwrap(), &databases, Lists::default(), wants)
    };
    let (bare, full, ecs) = (kit(&[], false), kit(&builtin(), false), kit(&builtin(), true));
    let stored = Arc::clone(&full);
    let matched = Arc::clone(&full);
    vec![
        ("reading, cutting into lines", Box::new(|| read(path, |_| {}))),
        ("parsing", Box::new(|| parsed(path))),
        (
            "client, country, network, agent",
            Box::new(move || scanned(path, &bare, |_| {})),
        ),
        ("rules", Box::new(move || scanned(path, &matched, |_| {}))),
        ("windows, indicators", Box::new(move || folded(path, &full, None))),
        ("findings as ECS", Box::new(move || folded(path, &ecs, None))),
        (
            "commits to the store",
            Box::new(move || {
                let dir = tempfile::tempdir_in(folder).unwrap();
                folded(path, &stored, Some(Store::open(dir.path()).unwrap()))
            }),
        ),
    ]
}

/// The runs, each with what it takes and what it takes more than the one that it builds on.
fn table(runs: &[Run<'_>], lines: u64) {
    let mut least = vec![f64::MAX; runs.len()];
    for _ in 0..ROUNDS {
        for ((_, run), least) in runs.iter().zip(&mut least) {
            let began = Instant::now();
            assert_eq!(run(), lines);
            *least = least.min(began.elapsed().as_secs_f64());
        }
    }
    println!("{lines} lines, one thread, {ROUNDS} rounds, the least of each; nanoseconds a line\n");
    println!("{:<34} {:>8} {:>10}", "stage", "alone", "up to here");
    for (at, (name, _)) in runs.iter().enumerate() {
        let nanos = |at: usize| least.get(at).map_or(0.0, |secs| secs * 1e9 / lines as f64);
        // The last two each add to windows and indicators.
        let before = at.min(5).checked_sub(1).map_or(0.0, nanos);
        println!("{name:<34} {:>8.0} {:>10.0}", nanos(at) - before, nanos(at));
    }
}

/// Reads the log; gives how many lines there are.
fn read(path: &Path, mut take: impl FnMut(Batch)) -> u64 {
    let spec = SourceSpec {
        paths: vec![path.to_owned()],
        ..SourceSpec::default()
    };
    let plan = plan(&spec).unwrap();
    let mut lines = 0;
    for log in &plan.logs {
        let mut reader = log.open(&[]);
        while let Some(batch) = reader.next() {
            let batch = batch.unwrap_or_else(|trouble| panic!("{trouble}"));
            lines += batch.lines.len() as u64;
            take(batch);
        }
    }
    lines
}

fn layout(batch: &Batch) -> Layout {
    Layout::recognise(&batch.head()).layout
}

fn parsed(path: &Path) -> u64 {
    let mut first = None;
    read(path, |batch| {
        let mut parser = Parser::new(first.get_or_insert_with(|| layout(&batch)));
        let mut record = Record::default();
        for line in &batch.lines {
            black_box(parser.parse(batch.line(*line), &mut record)).unwrap();
        }
    })
}

fn scanned(path: &Path, kit: &Arc<Kit>, mut take: impl FnMut(Scan)) -> u64 {
    let mut scanner = Scanner::new(kit);
    let mut first = None;
    read(path, |batch| {
        let layout = first.get_or_insert_with(|| layout(&batch)).clone();
        take(scanner.scan(batch, &layout));
    })
}

fn folded(path: &Path, kit: &Arc<Kit>, mut store: Option<Store>) -> u64 {
    let persist = store.is_some();
    let mut options = FoldOptions {
        windows: Default::default(),
        indicators: Default::default(),
        guard: Default::default(),
        persist,
    };
    (options.windows.persist, options.indicators.persist) = (persist, persist);
    let mut fold = Fold::new(kit, options);
    let mut batches = 0;
    scanned(path, kit, |mut scan| {
        batches += 1;
        for at in 0..scan.found.len() {
            black_box(fold.take(&mut scan, at));
        }
        if let Some(store) = store.as_mut().filter(|_| batches % COMMIT_BATCHES == 0) {
            let effects = Effects {
                cursors: vec![scan.batch.cursor.clone()],
                states: fold.drain_dirty(),
                ..Effects::default()
            };
            store.commit(&effects, &[], Time::default()).unwrap();
        }
    })
}
