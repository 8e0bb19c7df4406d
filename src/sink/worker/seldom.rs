//! Messages that are worth one a minute.

use std::time::{Duration, Instant};

/// How long nothing more is said of dead letters after they were spoken of.
const SELDOM: Duration = Duration::from_secs(60);

/// Counts what is not worth a message each.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    last: Option<Instant>,
    untold: usize,
}

impl Seldom {
    /// Adds so many; how many there are to tell of, if it is time.
    pub fn tell(&mut self, more: usize, now: Instant) -> Option<usize> {
        self.untold += more;
        if self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < SELDOM)
        {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}
