//! [`Backoff`]: how long to wait before the next try. A pure function of the number of failures and a random number.

use std::time::Duration;

/// A wait that doubles with each failure up to a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
}

/// By how much a wait is spread around its middle, so that many agents do not come back together.
const SPREAD: f64 = 0.2;

impl Backoff {
    /// Waits `first` after the first failure, at most `cap`.
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            failures: 0,
        }
    }

    /// Counts a failure and says how long to wait. `random` in 0..1 spreads the wait by a fifth to both sides; 0.5
    /// leaves it as it is.
    pub fn failed(&mut self, random: f64) -> Duration {
        let doubled = self
            .first
            .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = (self.failures + 1).min(31);
        let spread = 1.0 - SPREAD + 2.0 * SPREAD * random.clamp(0.0, 1.0);
        doubled.min(self.cap).mul_f64(spread).min(self.cap)
    }

    /// Forgets the failures.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let waits: Vec<u64> = (0..7).map(|_| backoff.failed(0.5).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        backoff.reset();
        assert_eq!(backoff.failed(0.5), Duration::from_secs(1));
        for _ in 0..100 {
            assert!(backoff.failed(1.0) <= Duration::from_secs(30));
        }
    }

    #[test]
    fn jitter_spreads_by_a_fifth() {
        for (random, millis) in [(0.0, 800), (0.5, 1000), (1.0, 1200), (9.0, 1200)] {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
            assert_eq!(backoff.failed(random).as_millis(), millis);
        }
    }
}
