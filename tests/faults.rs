//! Promise 2 as a table: what afw does when a receiver misbehaves in each way a real one does. No record is lost, none
//! arrives under two ids, memory stays flat, and nothing is sent while the breaker is open.
//!
//! The sender is a process of its own with the design's clock a hundred times as fast; `AFW_FAULTS=real` plays the same
//! table against the real binary and the real clock (some minutes). The table is printed (`--show-output`) and kept in
//! `target/tmp/faults.txt`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints its table"
)]

mod support;

#[path = "support/receiver.rs"]
mod receiver;

#[path = "faults/once.rs"]
mod once;
#[path = "faults/rows.rs"]
mod rows;
#[path = "faults/sender.rs"]
mod sender;
#[path = "faults/stage.rs"]
mod stage;
#[path = "faults/table.rs"]
mod table;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use stage::{Clock, Outcome};

/// Rows that are played at once: most of their time is waiting.
const AT_ONCE: usize = 6;

#[test]
fn no_misbehaviour_loses_or_repeats_a_record() {
    let clock = Clock::of_environment();
    let rows = rows::all();
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<(usize, Outcome)>> = Mutex::default();
    let at_once = if clock.is_real() { rows.len() } else { AT_ONCE };
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(row) = rows.get(at) else { return };
                    let outcome = stage::play(row, clock);
                    outcomes
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((at, outcome));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.sort_by_key(|(at, _)| *at);
    let table = table::table(&rows, &outcomes, clock);
    println!("{table}");
    std::fs::write(format!("{}/faults.txt", env!("CARGO_TARGET_TMPDIR")), &table).unwrap();
    assert_eq!(outcomes.len(), rows.len());
    let base = outcomes.first().map_or(0, |(_, outcome)| outcome.peak_kib);
    for (at, outcome) in &outcomes {
        outcome.assert_kept(&rows[*at], base, clock);
    }
}

/// The process that sends. Run by the table, never by itself.
#[test]
#[ignore = "run by another test"]
fn sender() {
    sender::run();
}
