//! [`Fold`]: the sequential half of analysis. Takes what scans found in merged order; keeps windows, indicators and
//! the own-goal guard; says what is to be printed, shipped and stored.
//!
//! Pure: it returns values, others print and commit them. Next: [`crate::indicator`], [`crate::store`].

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use afw_parsers::Time;

use crate::detect::ByClass;
use crate::detect::correlate::Fired;
use crate::detect::correlate::correlator::{Options as WindowOptions, Progress};
use crate::detect::correlate::shards::{Counted, Shards, Share};
use crate::detect::correlate::tick::Tick;
use crate::detect::guard::{Guard, Limits as GuardLimits, Notice};
use crate::enrich::crawler::{Claim, Verdict};
use crate::event::{Finding, Sighting};
use crate::indicator::{Indicator, Indicators, Options as IndicatorOptions, Update};
use crate::store::{Item, State};
use crate::text::counted;

use super::claims::{Claims, Standing};
use super::pages::{Answer, Pages};
use super::scan::{Claimed, Kit, Scan, Scanner};

mod waiting;

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

/// How many lines of which something is said are looked at ahead.
const SAID_AHEAD: usize = 4;

/// A wall-clock time with verdicts that were reached then.
pub type Verdicts<'v> = &'v [(Claim, Verdict, Time)];

/// What follows from one line.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The sightings of the line, correlations included; `None` when nothing fired.
    pub finding: Option<Finding>,
    /// Indicators that are new, have risen or are still active, to be printed.
    pub indicators: Vec<Update>,
    /// Encoded records for the sinks.
    pub items: Vec<Item>,
    /// What the own-goal guard has to say, loudly.
    pub notices: Vec<Notice>,
    /// The line was taken before and waited for a verdict: `finding` holds only what is new.
    pub late: bool,
    /// No more lines of this client can wait: its verdict is needed now.
    pub crowded: Option<Claim>,
}

impl Outcome {
    /// Whether nothing follows, as from most lines.
    pub const fn is_nothing(&self) -> bool {
        self.finding.is_none()
            && self.indicators.is_empty()
            && self.items.is_empty()
            && self.notices.is_empty()
            && self.crowded.is_none()
    }
}

/// The sequential half of analysis.
pub struct Fold {
    kit: Arc<Kit>,
    /// Reads a line again when a correlation fires on a line that had no finding of its own.
    again: Scanner,
    windows: Shards,
    indicators: Indicators,
    guard: Guard,
    claims: Claims,
    pages: Pages,
    /// Sightings withheld from delivery since the counters were taken.
    held: u64,
}

impl Fold {
    /// Starts empty.
    pub fn new(kit: &Arc<Kit>, options: FoldOptions) -> Self {
        Self {
            again: Scanner::new(kit),
            windows: Shards::new(kit.ruleset.correlations(), options.windows),
            indicators: Indicators::new(options.indicators),
            guard: Guard::new(options.guard, options.persist),
            claims: Claims::new(options.persist),
            pages: Pages::new(options.persist),
            held: 0,
            kit: Arc::clone(kit),
        }
    }

    /// Looks at what a found line's client claims to be, and reads the line again when a name server has decided since
    /// the scan; what is still awaited is held by [`Fold::take`].
    pub fn meet(&mut self, scan: &mut Scan, at: usize) -> Standing {
        let Some(claimed) = scan.said(at).and_then(|said| said.claim) else {
            return Standing::Decided;
        };
        let standing = self.claims.look(&claimed);
        if standing == Standing::Changed {
            self.read_again(scan, at);
        }
        standing
    }

    /// Takes one found line of a scan.
    pub fn take(&mut self, scan: &mut Scan, at: usize) -> Outcome {
        let fired = self.count(scan, at..at + 1).next_line();
        self.take_counted(scan, at, fired)
    }

    /// Counts found lines of a scan in windows, and nothing else; what fired on them.
    pub fn count(&mut self, scan: &Scan, found: Range<usize>) -> Counted {
        self.windows.count(lines(scan, found))
    }

    /// Takes one found line of a scan whose ticks are counted: what fired on it.
    #[inline]
    pub fn take_counted(&mut self, scan: &mut Scan, at: usize, fired: Vec<Fired>) -> Outcome {
        self.count_clients(scan, Some(at));
        // Most lines are only counted.
        match fired.is_empty() && scan.said(at).is_none() {
            true => Outcome::default(),
            false => self.conclude(scan, at, fired),
        }
    }

    /// What follows from a line of which something is said, or on which something fired.
    fn conclude(&mut self, scan: &mut Scan, at: usize, fired: Vec<Fired>) -> Outcome {
        self.foresee_clients(scan, at);
        let claimed = scan.said(at).and_then(|said| said.claim);
        let waits = claimed.filter(|claimed| claimed.open && self.claims.holds(&claimed.claim));
        let ids: Vec<Arc<str>> = match waits {
            Some(_) => fired.iter().map(|fired| fired.rule.id.clone()).collect(),
            None => Vec::new(),
        };
        let mut finding = self.finding(scan, at, fired);
        self.judge_answer(scan.said(at).and_then(|said| said.answer), finding.as_mut());
        if let Some(Claimed { claim, .. }) = waits {
            return self.hold(scan, at, claim, finding, ids);
        }
        let Some(mut finding) = finding else {
            return Outcome::default();
        };
        self.spare(&mut finding);
        self.follow(finding)
    }

    /// Nothing was exposed when a sensitive target got the page that its host answers any path with.
    fn judge_answer(&mut self, answer: Option<Answer>, finding: Option<&mut Finding>) {
        let common = answer.is_some_and(|answer| self.pages.is_common(&answer));
        if let Some(finding) = finding.filter(|_| common) {
            finding.sightings.iter_mut().for_each(Sighting::find_common);
        }
    }

    /// What follows from a finding that nothing speaks against any more.
    fn follow(&mut self, finding: Finding) -> Outcome {
        if !self.kit.sinks.is_empty() {
            // What is shipped nowhere needs no guard.
            self.guard.observe(&finding);
        }
        let notices = self.guard.take_notices();
        let guard = &self.guard;
        let updates = self.indicators.observe(&finding, |rule| guard.is_held(rule));
        let items = self.items(&finding, &updates);
        Outcome {
            finding: Some(finding),
            indicators: updates,
            items,
            notices,
            ..Outcome::default()
        }
    }
}

impl Fold {
    /// Takes another kit with the same rules: fresher databases and lists.
    pub fn refresh(&mut self, kit: &Arc<Kit>) {
        self.again.refresh(kit);
        self.kit = Arc::clone(kit);
    }
}

/// Windows of many lines at once, on as many threads as somebody has. A line's ticks are fixed by its scan, and nothing but ticks
/// changes windows; so the ticks of lines that follow each other can be counted before the first of those lines is taken.
impl Fold {
    /// Gathers the ticks of found lines, to be counted with those before and behind them; how many there are by now. The
    /// lines are taken later, in the same order, by [`Fold::take_counted`].
    pub fn gather(&mut self, scan: &Scan, found: Range<usize>) -> usize {
        self.windows.gather(lines(scan, found))
    }

    /// Hands out the windows with the ticks that were gathered. Until they are back nothing can be counted or stored.
    pub fn share_out(&mut self) -> Vec<Share> {
        self.windows.share_out()
    }

    /// Takes back all that was handed out, once it is counted; what fired on the lines that were gathered.
    pub fn gather_in(&mut self, shares: Vec<Share>) -> Counted {
        self.windows.gather_in(shares)
    }
}

/// Of found lines the event time and ticks of each.
fn lines(scan: &Scan, found: Range<usize>) -> impl Iterator<Item = (Time, &[Tick])> {
    let found = scan.found.get(found).unwrap_or_default();
    found.iter().map(|found| {
        let ticks = found.ticks.start as usize..found.ticks.end as usize;
        (found.time, scan.ticks.get(ticks).unwrap_or_default())
    })
}

impl Fold {
    /// Tells the guard of the clients of all lines before a found one, or of all lines left.
    pub fn count_clients(&mut self, scan: &mut Scan, before: Option<usize>) {
        if scan.clients.is_empty() {
            return;
        }
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

    /// Asks for the memory of what is known of the clients of the lines behind a found one.
    fn foresee_clients(&mut self, scan: &mut Scan, at: usize) {
        let place = scan.found.get(at).and_then(|found| found.said);
        let said = &mut scan.foreseen;
        while *said < scan.said.len() && place.is_some_and(|place| *said < place as usize + SAID_AHEAD) {
            let end = scan.said.len().min(*said + SAID_AHEAD);
            let findings = scan.said[*said..end]
                .iter()
                .filter_map(|said| said.finding.as_ref());
            let clients = findings.filter_map(|finding| finding.event.client);
            self.indicators.foresee(clients);
            *said = end;
        }
    }

    /// The line's finding with the correlations that it completed.
    fn finding(&mut self, scan: &mut Scan, at: usize, fired: Vec<Fired>) -> Option<Finding> {
        let line = scan.found.get(at)?.line;
        let finding = scan.said_mut(at).and_then(|said| said.finding.take());
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
        finding.sightings.extend(fired.iter().map(Fired::sighting));
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
        let mut states = self.windows.drain_dirty();
        states.extend(self.claims.drain_dirty());
        states.extend(self.pages.drain_dirty());
        states.extend(self.indicators.drain_dirty());
        states.extend(self.guard.drain_dirty());
        states
    }

    /// Goes on from stored state rows.
    pub fn restore(&mut self, windows: Vec<State>, indicators: Vec<State>, others: Vec<State>) {
        let windows = self.windows.restore(windows);
        let indicators = self.indicators.restore(indicators);
        let claims = self.claims.restore(&others) + self.pages.restore(&others);
        let guard = self.guard.restore(others);
        if windows.damaged + indicators.damaged + guard + claims > 0 {
            let (windows, indicators) = (windows.damaged, indicators.damaged);
            tracing::warn!(
                "{} and {} of the store could not be read and are given up",
                counted(windows as u64, "window"),
                counted(indicators as u64, "indicator")
            );
        }
    }

    /// Named counters since the last call.
    pub fn take_counters(&mut self) -> Vec<(String, u64)> {
        let mut counters = self.windows.take_counters().named();
        counters.extend(self.indicators.take_counters().named());
        let held = std::mem::take(&mut self.held);
        counters.extend((held > 0).then(|| ("sightings_held_by_guard".to_owned(), held)));
        counters
    }

    /// All indicators, strongest first.
    pub fn indicators(&self) -> Vec<Indicator> {
        self.indicators.finish()
    }

    /// How many clients each class was seen of, in the order of [`Class::ALL`](crate::detect::Class::ALL), among those of
    /// whom `counts` says so by the time that they were last seen and their hosts.
    pub fn clients(&self, counts: impl Fn(Option<Time>, &[Box<str>]) -> bool) -> ByClass {
        self.indicators.clients(counts)
    }

    /// The indicator of a value, when there is one.
    pub fn find(&self, value: &str) -> Option<Indicator> {
        self.indicators.find(value)
    }

    /// How far the windows of a client have come.
    pub fn progress(&self, client: IpAddr) -> Vec<Progress> {
        self.windows.progress(client)
    }
}
