//! [`Fold`]: the sequential half of analysis. Takes what scans found in merged order; keeps windows, indicators and
//! the own-goal guard; says what is to be printed, shipped and stored.
//!
//! Pure: it returns values, others print and commit them. Next: [`crate::indicator`], [`crate::store`].

use std::net::IpAddr;
use std::sync::Arc;

use crate::detect::correlate::correlator::{Correlator, Options as WindowOptions, Progress};
use crate::detect::guard::{Guard, Limits as GuardLimits, Notice};
use crate::event::{Finding, Sighting};
use crate::indicator::{Indicator, Indicators, Options as IndicatorOptions, Update};
use crate::store::{Item, State};

use super::scan::{Kit, Scan, Scanner};

/// Settings of the fold.
#[derive(Debug, Clone, Default)]
pub struct FoldOptions {
    /// Bounds of the correlation windows.
    pub windows: WindowOptions,
    /// Merging, re-shipping and bounds of indicators.
    pub indicators: IndicatorOptions,
    /// Limits of the own-goal guard.
    pub guard: GuardLimits,
    /// Whether changes are remembered for [`Fold::drain_dirty`]; a plain replay needs none.
    pub persist: bool,
}

/// What follows from one line.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The sightings of the line, correlations included; `None` when nothing fired.
    pub finding: Option<Finding>,
    /// Indicators that are new, have risen or are still active, to be printed.
    pub indicators: Vec<Indicator>,
    /// Encoded records for the sinks.
    pub items: Vec<Item>,
    /// What the own-goal guard has to say, loudly.
    pub notices: Vec<Notice>,
}

/// The sequential half of analysis.
pub struct Fold {
    kit: Arc<Kit>,
    /// Reads a line again when a correlation fires on a line that had no finding of its own.
    again: Scanner,
    correlator: Correlator,
    indicators: Indicators,
    guard: Guard,
    /// Sightings withheld from delivery since the counters were taken.
    held: u64,
}

impl Fold {
    /// Starts empty.
    pub fn new(kit: &Arc<Kit>, options: FoldOptions) -> Self {
        Self {
            again: Scanner::new(kit),
            correlator: Correlator::new(kit.ruleset.correlations(), options.windows),
            indicators: Indicators::new(options.indicators),
            guard: Guard::new(options.guard, options.persist),
            held: 0,
            kit: Arc::clone(kit),
        }
    }

    /// Takes one found line of a scan.
    pub fn take(&mut self, scan: &mut Scan, at: usize) -> Outcome {
        self.count_clients(scan, Some(at));
        let fired = self.observe(scan, at);
        let Some(finding) = self.finding(scan, at, fired) else {
            return Outcome::default();
        };
        self.guard.observe(&finding);
        let notices = self.guard.take_notices();
        let guard = &self.guard;
        let updates = self.indicators.observe(&finding, |rule| guard.is_held(rule));
        let items = self.items(&finding, &updates);
        Outcome {
            finding: Some(finding),
            indicators: updates.into_iter().map(|update| update.indicator).collect(),
            items,
            notices,
        }
    }
}

impl Fold {
    /// Tells the guard of the clients of all lines before a found one, or of all lines left.
    pub fn count_clients(&mut self, scan: &mut Scan, before: Option<usize>) {
        let end = match before.and_then(|at| scan.found.get(at)) {
            Some(found) => scan
                .clients
                .partition_point(|seen| seen.start <= found.line.start),
            None => scan.clients.len(),
        };
        for seen in scan.clients.drain(..end) {
            self.guard.line(seen.time, seen.client);
        }
    }

    /// Counts the line's ticks; what fires on it.
    fn observe(&mut self, scan: &Scan, at: usize) -> Vec<Sighting> {
        let Some(found) = scan.found.get(at) else {
            return Vec::new();
        };
        let ticks = scan
            .ticks
            .get(found.ticks.start as usize..found.ticks.end as usize)
            .unwrap_or_default();
        ticks
            .iter()
            .filter_map(|tick| self.correlator.observe(tick))
            .map(|fired| fired.sighting())
            .collect()
    }

    /// The line's finding with the correlations that it completed.
    fn finding(&mut self, scan: &mut Scan, at: usize, fired: Vec<Sighting>) -> Option<Finding> {
        let found = scan.found.get_mut(at)?;
        let (line, finding) = (found.line, found.finding.take());
        if fired.is_empty() {
            return finding;
        }
        let mut finding = match finding {
            Some(finding) => finding,
            None => Finding {
                event: Arc::new(self.again.sighted(&scan.batch, line, scan.began.as_ref()?)?),
                sightings: Vec::new(),
            },
        };
        finding.sightings.extend(fired);
        Some(finding)
    }

    /// Encodes what the sinks get of one line: nothing of exempt clients, nothing that only held rules say.
    fn items(&mut self, finding: &Finding, indicators: &[Update]) -> Vec<Item> {
        let mut items = Vec::new();
        let mut records = Vec::new();
        let deliverable = self.deliverable(finding);
        for (at, sink) in self.kit.sinks.iter().enumerate() {
            if let Some(finding) = &deliverable {
                sink.finding(finding, &mut records);
            }
            for update in indicators.iter().filter(|update| update.deliver) {
                sink.indicator(&update.indicator, &mut records);
            }
            items.extend(records.drain(..).map(|bytes| Item { sink: at, bytes }));
        }
        items
    }

    /// The finding without what must not be shipped; `None` when nothing is left.
    fn deliverable(&mut self, finding: &Finding) -> Option<Finding> {
        if self.kit.sinks.is_empty() || finding.event.exempt().is_some() || finding.event.client.is_none() {
            return None;
        }
        let sightings: Vec<Sighting> = finding
            .sightings
            .iter()
            .filter(|sighting| !self.guard.is_held(&sighting.rule.id))
            .cloned()
            .collect();
        self.held += (finding.sightings.len() - sightings.len()) as u64;
        (!sightings.is_empty()).then(|| Finding {
            event: Arc::clone(&finding.event),
            sightings,
        })
    }

    /// State rows that changed since the last call.
    pub fn drain_dirty(&mut self) -> Vec<State> {
        let mut states = self.correlator.drain_dirty();
        states.extend(self.indicators.drain_dirty());
        states.extend(self.guard.drain_dirty());
        states
    }

    /// Goes on from stored state rows.
    pub fn restore(&mut self, windows: Vec<State>, indicators: Vec<State>, others: Vec<State>) {
        let windows = self.correlator.restore(windows);
        let indicators = self.indicators.restore(indicators);
        let guard = self.guard.restore(others);
        if windows.damaged + indicators.damaged + guard > 0 {
            let (windows, indicators) = (windows.damaged, indicators.damaged);
            tracing::warn!(
                "{windows} windows and {indicators} indicators of the store could not be read and are given up"
            );
        }
    }

    /// Named counters since the last call.
    pub fn take_counters(&mut self) -> Vec<(String, u64)> {
        let mut counters = self.correlator.take_counters().named();
        counters.extend(self.indicators.take_counters().named());
        let held = std::mem::take(&mut self.held);
        counters.extend((held > 0).then(|| ("sightings_held_by_guard".to_owned(), held)));
        counters
    }

    /// All indicators, strongest first.
    pub fn indicators(&self) -> Vec<Indicator> {
        self.indicators.finish()
    }

    /// The indicator of a value, when there is one.
    pub fn find(&self, value: &str) -> Option<Indicator> {
        self.indicators.find(value)
    }

    /// How far the windows of a client have come.
    pub fn progress(&self, client: IpAddr) -> Vec<Progress> {
        self.correlator.progress(client)
    }
}
