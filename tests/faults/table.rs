//! The table as text.

use std::fmt::Write;
use std::sync::Arc;

use crate::stage::{Clock, Outcome, Row};

/// Most waits that are shown of a row.
const WAITS: usize = 8;

/// What came of each row.
pub fn table(rows: &[Arc<Row>], outcomes: &[(usize, Outcome)], clock: Clock) -> String {
    let mut text = String::from(match clock {
        Clock::Quick => {
            "sender of the test, clock 100 times as fast; waits in seconds of the design's clock\n"
        }
        Clock::Real => "real binary, real clock\n",
    });
    let _ = writeln!(
        text,
        "{:<26} {:>6} {:>7} {:>6} {:>5} {:>5} {:>4} {:>5} {:>9}  what the receiver answered; how the sink went; waits",
        "behaviour", "records", "offers", "ids", "lost", "twice", "dead", "open", "peak KiB"
    );
    for (at, outcome) in outcomes {
        let row = &rows[*at];
        let _ = writeln!(
            text,
            "{:<26} {:>7} {:>7} {:>6} {:>5} {:>5} {:>4} {:>5} {:>9}  {}",
            row.name,
            outcome.records,
            outcome.offers,
            outcome.batches,
            outcome.lost,
            outcome.twice,
            outcome.dead,
            outcome.while_open,
            outcome.peak_kib,
            story(outcome)
        );
    }
    text.push_str(
        "open: requests while the breaker had to be open; twice: records under two ids beside refused ones\n",
    );
    text
}

fn story(outcome: &Outcome) -> String {
    let mut story = outcome.told.clone();
    if !outcome.conditions.is_empty() {
        let _ = write!(story, "; {}", outcome.conditions);
    }
    if !outcome.waits.is_empty() {
        let waits = outcome.waits.iter().take(WAITS).map(|wait| format!("{wait:.1}"));
        let more = if outcome.waits.len() > WAITS { " …" } else { "" };
        let _ = write!(story, "; waits {}{more}", waits.collect::<Vec<_>>().join(" "));
    }
    if outcome.restarts > 0 {
        let _ = write!(story, "; {} restarts", outcome.restarts);
    }
    story
}
