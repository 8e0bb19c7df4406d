//! What goes into and comes out of the collection of indicators beside findings and rows.

use crate::detect::Confidence;
use crate::indicator::Indicator;

/// What becomes an indicator and when it is emitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// From what confidence on.
    pub min_confidence: Confidence,
    /// Event time after which an indicator that is still sighted is emitted again, in nanoseconds.
    pub reship_nanos: i64,
    /// Event time without a sighting after which a profile ends, in nanoseconds; `None` keeps it, as a report over
    /// history wants.
    pub expire_nanos: Option<i64>,
    /// How many profiles are kept, indicators and not yet indicators together.
    pub max_profiles: usize,
    /// How many bytes they may hold together.
    pub max_bytes: usize,
    /// Whether changes are remembered for [`Indicators::drain_dirty`](super::Indicators::drain_dirty); a plain replay needs none.
    pub persist: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            min_confidence: Confidence::new(0.5).unwrap_or_default(),
            reship_nanos: 3_600_000_000_000,
            expire_nanos: None,
            max_profiles: 100_000,
            max_bytes: 64 << 20,
            persist: true,
        }
    }
}

/// What was left out or given up since the last [`Indicators::take_counters`](super::Indicators::take_counters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Findings of exempt clients.
    pub exempt: u64,
    /// Findings whose client is not known.
    pub unknown_client: u64,
    /// Indicators given up because there were too many.
    pub evicted: u64,
    /// Profiles below the threshold given up because there were too many.
    pub evicted_faint: u64,
    /// Profiles that ended because they were not sighted any more.
    pub expired: u64,
}

impl Counters {
    /// The counters under the names they have in the store; those of zero are left out.
    pub fn named(&self) -> Vec<(String, u64)> {
        [
            ("findings_exempt", self.exempt),
            ("findings_unknown_client", self.unknown_client),
            ("indicators_evicted", self.evicted),
            ("profiles_evicted", self.evicted_faint),
            ("profiles_expired", self.expired),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
    }
}

/// What [`Indicators::restore`](super::Indicators::restore) found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// Profiles that go on.
    pub profiles: usize,
    /// Rows that could not be read; they are deleted with the next drain.
    pub damaged: usize,
}

/// A new revision of an indicator.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The indicator as it is now.
    pub indicator: Indicator,
    /// False when only held rules speak for it: to print, not to deliver.
    pub deliver: bool,
}
