//! [`Pace`]: when a sink may be tried again. Joins back-off, breaker, `Retry-After` and pause; pure, time is handed in.
//!
//! | answer | next try |
//! |---|---|
//! | taken, or the data is at fault | at once |
//! | receiver or network at fault | 1 s, doubling, cap 30 s, jitter; `Retry-After` in its place; after five in a row not before 30 s, then one probe |
//! | key, credit or address at fault | 30 s, doubling, cap 10 min |
//!
//! Next: [`super::worker`].

use std::time::Duration;

use super::backoff::Backoff;
use super::breaker::Breaker;
use crate::store::Condition;

/// The figures of delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// Wait after the first passing failure.
    pub retry_first: Duration,
    /// Longest wait after passing failures.
    pub retry_cap: Duration,
    /// Longest wait that a `Retry-After` can ask for.
    pub retry_after_cap: Duration,
    /// Wait after the first answer that speaks of key, credit or address.
    pub pause_first: Duration,
    /// Longest such wait.
    pub pause_cap: Duration,
    /// Failures in a row that open the breaker.
    pub breaker_failures: u32,
    /// How long it stays open.
    pub breaker_open: Duration,
    /// How often a worker looks whether another process changed its rows.
    pub poll: Duration,
    /// How long a claimed batch stays claimed when its owner says nothing more. Longer than any request.
    pub lease: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self {
            retry_first: secs(1),
            retry_cap: secs(30),
            retry_after_cap: secs(24 * 3600),
            pause_first: secs(30),
            pause_cap: secs(600),
            breaker_failures: 5,
            breaker_open: secs(30),
            poll: secs(1),
            lease: secs(60),
        }
    }
}

/// What an attempt says about the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It took the batch.
    Taken,
    /// It works, but does not want this data.
    Refused,
    /// It works, but key, credit or address is wrong.
    Misconfigured,
    /// It does not work now.
    Unavailable {
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
}

/// When a sink may be tried again. Times are counted from any fixed moment.
#[derive(Debug, Clone)]
pub struct Pace {
    cap: Duration,
    backoff: Backoff,
    pause: Backoff,
    breaker: Breaker,
    ready: Duration,
    condition: Condition,
}

impl Pace {
    /// Ready at once.
    pub fn new(tuning: &Tuning) -> Self {
        Self {
            cap: tuning.retry_after_cap,
            backoff: Backoff::new(tuning.retry_first, tuning.retry_cap),
            pause: Backoff::new(tuning.pause_first, tuning.pause_cap),
            breaker: Breaker::new(tuning.breaker_failures, tuning.breaker_open),
            ready: Duration::ZERO,
            condition: Condition::Working,
        }
    }

    /// Goes on waiting for what a receiver asked of an earlier process.
    pub fn hold(&mut self, until: Duration) {
        self.ready = until;
        self.condition = Condition::Held;
    }

    /// Whether an attempt may start at `now`; if so, it counts as started.
    pub fn start(&mut self, now: Duration) -> bool {
        if now < self.ready || !self.breaker.allows(now) {
            return false;
        }
        if self.breaker.is_probing() {
            self.condition = Condition::Probing;
        }
        true
    }

    /// The attempt that was started did not take place.
    pub fn cancelled(&mut self) {
        if self.breaker.is_probing() {
            // The same number of failures stands, so the next start is a probe again.
            let _ = self.breaker.failed(Duration::ZERO);
            self.breaker.half_open();
        }
    }

    /// The attempt that was started ended like this at `now`. `random` in 0..1 is the jitter.
    pub fn ended(&mut self, outcome: Outcome, now: Duration, random: f64) {
        match outcome {
            Outcome::Taken | Outcome::Refused => {
                self.breaker.answered();
                self.backoff.reset();
                self.pause.reset();
                self.ready = now;
                self.condition = Condition::Working;
            }
            Outcome::Misconfigured => {
                self.breaker.answered();
                self.backoff.reset();
                self.ready = now + self.pause.failed(0.5);
                self.condition = Condition::Paused;
            }
            Outcome::Unavailable { retry_after } => self.unavailable(retry_after, now, random),
        }
    }

    fn unavailable(&mut self, retry_after: Option<Duration>, now: Duration, random: f64) {
        let backoff = now + self.backoff.failed(random);
        let asked = retry_after
            .filter(|wait| !wait.is_zero())
            .map(|wait| now + wait.min(self.cap));
        let open = self.breaker.failed(now);
        self.ready = asked.unwrap_or(backoff).max(open.unwrap_or_default());
        self.condition = match (open, asked) {
            (_, Some(asked)) if asked >= self.ready => Condition::Held,
            (Some(_), _) => Condition::Open,
            (None, Some(_)) => Condition::Held,
            (None, None) => Condition::Retrying,
        };
    }

    /// A person asks for delivery at once. What the receiver itself asked for still holds.
    pub fn kick(&mut self) {
        if self.condition == Condition::Held {
            return;
        }
        self.ready = Duration::ZERO;
        self.pause.reset();
        self.breaker.half_open();
        if self.condition == Condition::Paused {
            self.condition = Condition::Retrying;
        }
    }

    /// When the next attempt may start.
    pub const fn ready(&self) -> Duration {
        self.ready
    }

    /// How delivery goes.
    pub const fn condition(&self) -> Condition {
        self.condition
    }

    /// Passing failures in a row.
    pub const fn failures(&self) -> u32 {
        self.breaker.failures()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOWN: Outcome = Outcome::Unavailable { retry_after: None };

    fn asks(secs: u64) -> Outcome {
        Outcome::Unavailable {
            retry_after: Some(Duration::from_secs(secs)),
        }
    }

    /// Runs each outcome the moment the pace allows it and gives the waits in seconds.
    fn waits(outcomes: &[Outcome]) -> Vec<u64> {
        let mut pace = Pace::new(&Tuning::default());
        let mut now = Duration::from_secs(1000);
        let mut waits = Vec::new();
        for outcome in outcomes {
            assert!(pace.start(now));
            pace.ended(*outcome, now, 0.5);
            let ready = pace.ready().max(now);
            waits.push((ready - now).as_secs());
            now = ready;
        }
        waits
    }

    #[test]
    fn every_answer_has_its_wait() {
        use Outcome::{Misconfigured as Wrong, Refused, Taken};
        for (outcomes, expected) in [
            (&[Taken, Taken][..], &[0, 0][..]),
            (&[DOWN, DOWN, DOWN, DOWN, DOWN, DOWN], &[1, 2, 4, 8, 30, 30]),
            (&[DOWN, DOWN, Taken, DOWN], &[1, 2, 0, 1]),
            (&[DOWN, DOWN, DOWN, DOWN, Refused, DOWN], &[1, 2, 4, 8, 0, 1]),
            (
                &[Wrong, Wrong, Wrong, Wrong, Wrong, Wrong],
                &[30, 60, 120, 240, 480, 600],
            ),
            (&[Wrong, Taken, Wrong], &[30, 0, 30]),
            (&[asks(7), asks(100), asks(0)], &[7, 100, 4]),
            (&[asks(90_000)], &[86_400]),
            (&[DOWN, DOWN, DOWN, DOWN, asks(3)], &[1, 2, 4, 8, 30]),
            (&[DOWN, DOWN, DOWN, DOWN, asks(45)], &[1, 2, 4, 8, 45]),
        ] {
            assert_eq!(waits(outcomes), expected, "{outcomes:?}");
        }
    }

    #[test]
    fn a_kick_ends_a_pause_and_an_open_breaker_but_not_what_the_receiver_asked_for() {
        let now = Duration::from_secs(50);
        for (outcomes, ready) in [
            (&[Outcome::Misconfigured][..], true),
            (&[DOWN, DOWN, DOWN, DOWN, DOWN], true),
            (&[asks(60)], false),
        ] {
            let mut pace = Pace::new(&Tuning::default());
            for outcome in outcomes {
                pace.ended(*outcome, now, 0.5);
            }
            assert!(!pace.start(now));
            pace.kick();
            assert_eq!(pace.start(now), ready, "{outcomes:?}");
        }
    }

    #[test]
    fn a_probe_that_never_took_place_can_be_started_again() {
        let mut pace = Pace::new(&Tuning::default());
        for _ in 0..5 {
            pace.ended(DOWN, Duration::ZERO, 0.5);
        }
        let later = Duration::from_secs(40);
        assert!(pace.start(later));
        assert_eq!(pace.condition(), Condition::Probing);
        assert!(!pace.start(later));
        pace.cancelled();
        assert!(pace.start(later));
    }
}
