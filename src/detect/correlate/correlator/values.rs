//! What goes into and comes out of the correlator beside ticks and rows.

use std::sync::Arc;

use afw_parsers::Time;

use crate::detect::RuleInfo;
use crate::event::Sighting;

/// Limits of a [`Correlator`](super::Correlator).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many windows may be open at once. Each costs some 80 bytes.
    pub max_keys: usize,
    /// How many bytes all windows together may hold beyond that: the marks of windows with more than one.
    pub max_bytes: usize,
    /// Disorder of event times that is put right, in nanoseconds beyond the window's timespan; never more than the
    /// timespan itself.
    pub tolerance_nanos: i64,
    /// Whether changes are remembered for [`Correlator::drain_dirty`](super::Correlator::drain_dirty); a plain replay needs none.
    pub persist: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_keys: 1_000_000,
            max_bytes: 64 << 20,
            tolerance_nanos: 60_000_000_000,
            persist: true,
        }
    }
}

/// What was left out or given up since the last [`Correlator::take_counters`](super::Correlator::take_counters), and what fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Times that a correlation fired.
    pub fired: u64,
    /// Ticks later than the tolerance.
    pub late: u64,
    /// Windows given up because there were too many.
    pub evicted: u64,
    /// Windows that ended because nothing could complete them any more.
    pub retired: u64,
}

impl Counters {
    /// Adds those of another table.
    #[must_use]
    pub const fn with(self, more: Self) -> Self {
        Self {
            fired: self.fired + more.fired,
            late: self.late + more.late,
            evicted: self.evicted + more.evicted,
            retired: self.retired + more.retired,
        }
    }

    /// The counters under the names they have in the store; those of zero are left out.
    pub fn named(&self) -> Vec<(String, u64)> {
        [
            ("correlations_fired", self.fired),
            ("correlation_ticks_late", self.late),
            ("windows_evicted", self.evicted),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
    }
}

impl Restored {
    /// Adds those of another table.
    #[must_use]
    pub const fn with(self, more: Self) -> Self {
        Self {
            windows: self.windows + more.windows,
            orphaned: self.orphaned + more.orphaned,
            damaged: self.damaged + more.damaged,
        }
    }
}

/// What [`Correlator::restore`](super::Correlator::restore) found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// Windows that go on.
    pub windows: usize,
    /// Windows of rules that are gone or were changed; their rows are deleted with the next drain.
    pub orphaned: usize,
    /// Rows that could not be read; they are deleted with the next drain.
    pub damaged: usize,
}

/// A correlation that a line completed.
#[derive(Debug, Clone, PartialEq)]
pub struct Fired {
    /// How many correlations stand below it at most.
    pub depth: u32,
    /// Index of the correlation.
    pub correlation: u32,
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Whether that makes a sighting.
    pub alerts: bool,
    /// Events, values or rules that were counted.
    pub count: u64,
    /// True when the count is an estimate: distinct values beyond [`crate::detect::correlate::EXACT_VALUES`].
    pub estimated: bool,
}

impl Fired {
    /// What fires on one line is told in this order.
    pub const fn order(&self) -> (u32, u32) {
        (self.depth, self.correlation)
    }

    /// The sighting for the completing line.
    pub fn sighting(&self) -> Sighting {
        Sighting::correlated(&self.rule)
    }
}

/// How far one client's window of one correlation has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Events, values or rules counted so far.
    pub count: u64,
    /// At how many it fires.
    pub threshold: u64,
    /// Event time of the newest tick.
    pub newest: Time,
    /// True when the count is an estimate.
    pub estimated: bool,
}
