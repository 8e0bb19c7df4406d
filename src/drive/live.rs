//! [`Live`]: how a running tail is, in one line: for the terminal that it runs on and for the service manager.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::tail::Tail;
use crate::report::summary::bytes;
use crate::terminal::screen::fitting;
use crate::text::{counted, grouped};

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Over how long the speed is told.
const SPEED_OVER: Duration = Duration::from_secs(5);

/// What is counted, now and a few seconds ago.
#[derive(Debug, Default)]
pub struct Live {
    /// Lines read by then; the first is the oldest.
    read: VecDeque<(Instant, u64)>,
    sightings: u64,
    indicators: u64,
    /// Records in the outbox; `None` when nothing is shipped.
    outbox: Option<u64>,
    lag_bytes: u64,
}

impl Live {
    /// Looks at the tail, when it is time to; whether it did.
    pub fn look(&mut self, tail: &Tail) -> bool {
        let now = Instant::now();
        if self.read.back().is_some_and(|(at, _)| now - *at < EVERY) {
            return false;
        }
        self.read.push_back((now, tail.run.statistics.lines));
        while self.read.len() > 2 && self.read.get(1).is_some_and(|(at, _)| now - *at >= SPEED_OVER) {
            self.read.pop_front();
        }
        self.sightings = tail.run.statistics.sighted;
        self.indicators = tail.run.indicators;
        let ships = tail.run.keep.as_ref().is_some_and(|keep| !keep.sinks.is_empty());
        self.outbox = ships.then(|| tail.run.waiting());
        self.lag_bytes = tail.follower.lag_bytes();
        true
    }

    /// One line for a person.
    pub fn text(&self) -> String {
        self.within(usize::MAX)
    }

    /// The same in so many letters: what waits and how far behind it is stay longest.
    pub fn within(&self, width: usize) -> String {
        const SPARE: [usize; 3] = [2, 1, 0];
        fitting(&self.parts(), &SPARE, width)
    }

    fn parts(&self) -> [String; 5] {
        let lines = self.read.back().map_or(0, |(_, lines)| *lines);
        let outbox = match self.outbox {
            None => "not shipped".to_owned(),
            Some(0) => "outbox empty".to_owned(),
            Some(waiting) => format!("outbox {}", grouped(waiting)),
        };
        let lag = match self.lag_bytes {
            0 => "up to date".to_owned(),
            behind => format!("{} behind", bytes(behind)),
        };
        [
            format!("{}, {}/s", counted(lines, "line"), grouped(self.speed())),
            counted(self.sightings, "sighting"),
            counted(self.indicators, "indicator"),
            outbox,
            lag,
        ]
    }

    /// Lines a second over the last few seconds.
    fn speed(&self) -> u64 {
        let (Some((began, before)), Some((now, lines))) = (self.read.front(), self.read.back()) else {
            return 0;
        };
        let secs = (*now - *began).as_secs_f64();
        if secs <= 0.0 {
            return 0;
        }
        (lines.saturating_sub(*before) as f64 / secs).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_that_of_the_last_seconds() {
        let Some(began) = Instant::now().checked_sub(Duration::from_secs(4)) else {
            return;
        };
        let mut live = Live::default();
        assert!(live.text().contains("0/s"));
        live.read.push_back((began, 100));
        live.read.push_back((began + Duration::from_secs(4), 4_100));
        assert_eq!(
            live.text(),
            "4,100 lines, 1,000/s · 0 sightings · 0 indicators · not shipped · up to date"
        );
        assert_eq!(live.within(60), "4,100 lines, 1,000/s · not shipped · up to date");
    }
}
