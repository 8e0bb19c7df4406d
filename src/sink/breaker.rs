//! [`Breaker`]: stops calling a receiver that keeps failing. A pure state machine; time is handed in.

use std::time::Duration;

/// Closed until too many failures come in a row, then open for a while, then one probe decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    threshold: u32,
    open_for: Duration,
    failures: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// No call until this moment.
    Open(Duration),
    /// One call is on its way; its end decides.
    Probing,
}

impl Breaker {
    /// Opens for `open_for` after `threshold` failures in a row.
    pub const fn new(threshold: u32, open_for: Duration) -> Self {
        Self {
            threshold,
            open_for,
            failures: 0,
            state: State::Closed,
        }
    }

    /// Whether a call may go out at `now`. The first one after the open time is the probe; until its end is known
    /// there is no other.
    pub fn allows(&mut self, now: Duration) -> bool {
        match self.state {
            State::Closed => true,
            State::Open(until) if now >= until => {
                self.state = State::Probing;
                true
            }
            State::Open(_) | State::Probing => false,
        }
    }

    /// A call failed at `now`. Says until when the breaker is open, if it is.
    pub fn failed(&mut self, now: Duration) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        if self.failures < self.threshold {
            return None;
        }
        let until = now + self.open_for;
        self.state = State::Open(until);
        Some(until)
    }

    /// The receiver answered sensibly: whatever it said, it works.
    pub const fn answered(&mut self) {
        self.failures = 0;
        self.state = State::Closed;
    }

    /// Lets the next call through as the probe, however long the breaker has been open.
    pub fn half_open(&mut self) {
        if matches!(self.state, State::Open(_)) {
            self.state = State::Open(Duration::ZERO);
        }
    }

    /// Whether the call on its way is the probe.
    pub fn is_probing(&self) -> bool {
        self.state == State::Probing
    }

    /// Failures in a row.
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn opens_at_the_fifth_failure_and_grants_one_probe() {
        let mut breaker = Breaker::new(5, at(30));
        for second in 0..4 {
            assert!(breaker.allows(at(second)));
            assert_eq!(breaker.failed(at(second)), None);
        }
        assert_eq!(breaker.failed(at(4)), Some(at(34)));
        assert!(!breaker.allows(at(33)));
        assert!(breaker.allows(at(34)));
        assert!(breaker.is_probing());
        assert!(
            !breaker.allows(at(35)),
            "a second call while the probe is on its way"
        );
        assert_eq!(
            breaker.failed(at(36)),
            Some(at(66)),
            "a failed probe opens it again at once"
        );
        assert!(breaker.allows(at(66)));
        breaker.answered();
        assert!(breaker.allows(at(66)) && breaker.allows(at(66)));
        assert_eq!(breaker.failed(at(67)), None);
    }

    #[test]
    fn an_answer_in_between_breaks_the_row() {
        let mut breaker = Breaker::new(5, at(30));
        for second in 0..40 {
            if second % 4 == 3 {
                breaker.answered();
            } else {
                assert_eq!(breaker.failed(at(second)), None);
            }
        }
    }
}
