//! [`Run`]: what a run does with what it finds: prints it, gathers the effects and commits them.
//!
//! `tail` and `replay` share it. A commit that fails (full or read-only disk) is said once and tried again; reading
//! waits, and nothing is skipped. Next: [`crate::store`].

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use afw_parsers::Time;

use crate::analysis::claims::Standing;
use crate::analysis::fold::{Fold, Outcome};
use crate::analysis::merge::Partial;
use crate::analysis::scan::{Rejected, Scan};
use crate::cli::output::unwritten;
use crate::cli::print::Printer;
use crate::cli::{Failure, now};
use crate::config::Config;
use crate::detect::correlate::Fired;
use crate::detect::correlate::shards::Counted;
use crate::enrich::crawler::{Claim, Verdict};
use crate::indicator::Update;
use crate::report::summary::{Delivery, LogSummary, Summary};
use crate::report::{Scope, Sightings, Statistics};
use crate::sink::{Sink, Workers};
use crate::source::{Batch, Cursor};
use crate::store::{Effects, FileCount, Item, Store};
use crate::text::shown;

use super::checks::Checks;
use super::notify::Notify;
use super::proxy::Fronts;
use super::signals::Signals;
use super::start::{Left, left, store_failure};

/// Work is committed at least this often while lines come: with the time that reading and committing take, within 250 ms.
const COMMIT_EVERY: Duration = Duration::from_millis(225);
/// With nothing to commit the outbox is still held to its limits this often. Such a commit writes nothing.
const TEND_EVERY: Duration = Duration::from_secs(5);
/// So many items for sinks are committed at once even if less time has passed; bounds memory.
const COMMIT_ITEMS: usize = 4096;
/// How long the sinks may still send after a signal.
const GRACE: Duration = Duration::from_secs(5);
/// How long workers may take to end when all that was worth waiting for has been waited for.
const LAST: Duration = Duration::from_millis(500);
/// How long a failed commit waits before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a run keeps.
pub struct Run {
    /// The sequential half of analysis.
    pub fold: Fold,
    /// Standard output.
    pub printer: Printer,
    /// Counts over all lines taken.
    pub statistics: Statistics,
    /// Counts over what is told of the findings, where that is not all.
    pub told: Statistics,
    /// Counts over sightings, when a report is wanted.
    pub sightings: Option<Sightings>,
    /// Records handed to sinks.
    pub records: u64,
    /// The store with its sinks, when anything is stored.
    pub keep: Option<Keep>,
    /// Where rejected lines go.
    pub rejects: Option<BufWriter<File>>,
    /// Signals.
    pub signals: Signals,
    /// Who asks name servers about crawlers' claims, when that is wanted.
    pub checks: Option<Checks>,
    /// Who hears how the service is.
    pub notify: Notify,
    /// Indicators told for the first time.
    pub indicators: u64,
    /// Proxies that nobody named.
    pub fronts: Fronts,
}

/// The durable side of a run.
pub struct Keep {
    /// The database.
    pub store: Store,
    /// Sinks, in the order that items count them.
    pub sinks: Vec<Arc<dyn Sink>>,
    /// Their workers.
    pub workers: Workers,
    /// Cursors, windows and indicators are stored, not only what goes to sinks.
    pub resumes: bool,
    /// How long reading waits for a full outbox; `None` waits for ever.
    patience: Option<Duration>,
    effects: Effects,
    /// Where the cursor of each file stands in the effects.
    places: HashMap<i64, usize>,
    committed: Instant,
}

impl Keep {
    /// Nothing gathered yet.
    pub fn new(
        store: Store,
        sinks: Vec<Arc<dyn Sink>>,
        workers: Workers,
        resumes: bool,
        patience: Option<Duration>,
    ) -> Self {
        Self {
            store,
            sinks,
            workers,
            resumes,
            patience,
            effects: Effects::default(),
            places: HashMap::new(),
            committed: Instant::now(),
        }
    }

    /// Lets the sinks send for so long, or after a signal for a shorter time, ends their workers, and says what still
    /// waits.
    pub fn finish(self, patience: Duration, signals: &Signals) -> Left {
        let Self {
            store,
            sinks,
            workers,
            ..
        } = self;
        if !sinks.is_empty() {
            workers.drain_unless(patience, &|| signals.end().is_some());
        }
        workers.stop(if signals.end().is_some() { GRACE } else { LAST });
        // What cannot be read cannot be counted; the store has said so on every commit before.
        left(&store).unwrap_or_default()
    }

    fn is_due(&self) -> bool {
        self.due_in().is_zero() || self.effects.items.len() >= COMMIT_ITEMS
    }

    /// How long until a commit is due. At once when work comes after a pause, so that a quiet log waits for nobody.
    fn due_in(&self) -> Duration {
        let pause = if self.has_work() { COMMIT_EVERY } else { TEND_EVERY };
        pause.saturating_sub(self.committed.elapsed())
    }

    fn has_work(&self) -> bool {
        let Effects {
            cursors,
            items,
            forgotten,
            ..
        } = &self.effects;
        !(cursors.is_empty() && items.is_empty() && forgotten.is_empty())
    }
}

impl Run {
    /// Takes found lines of a scan: counts them in windows, prints and gathers what follows from each.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn take(&mut self, scan: &mut Scan, found: Range<usize>) -> io::Result<()> {
        let mut counted = self.fold.count(scan, found.clone());
        self.take_counted(scan, found, &mut counted)
    }

    /// Takes found lines of a scan whose ticks are counted: the next ones of which `counted` tells what fired.
    ///
    /// # Errors
    /// As [`Run::take`].
    pub fn take_counted(
        &mut self,
        scan: &mut Scan,
        found: Range<usize>,
        counted: &mut Counted,
    ) -> io::Result<()> {
        for at in found {
            self.take_fired(scan, at, counted.next_line())?;
        }
        Ok(())
    }

    /// Takes one found line of a scan; `fired` are the correlations that fired on it.
    #[inline]
    fn take_fired(&mut self, scan: &mut Scan, found: usize, fired: Vec<Fired>) -> io::Result<()> {
        // Most lines are only counted. With its first line all that a batch asks of name servers is asked.
        match found > 0 && fired.is_empty() && scan.is_only_counted(found) {
            true => Ok(()),
            false => self.conclude(scan, found, fired),
        }
    }

    /// What follows from a line of which something is said, on which something fired, or that is the first of a batch.
    fn conclude(&mut self, scan: &mut Scan, found: usize, fired: Vec<Fired>) -> io::Result<()> {
        if found == 0 || scan.said(found).is_some() {
            self.check(scan, found)?;
            self.print_event(scan, found)?;
        }
        let outcome = self.fold.take_counted(scan, found, fired);
        if outcome.is_nothing() {
            return Ok(());
        }
        let crowded = outcome.crowded;
        self.outcome(outcome)?;
        match crowded {
            Some(claim) => self.decide_now(claim),
            None => Ok(()),
        }
    }

    fn print_event(&mut self, scan: &mut Scan, found: usize) -> io::Result<()> {
        let event = scan.said_mut(found).and_then(|said| said.event.take());
        match event {
            Some(event) => self.printer.event(&event.0, event.1.as_deref()),
            None => Ok(()),
        }
    }

    /// Where a line's client says that it is a crawler: asks for it and, in a replay, waits for the verdict.
    fn check(&mut self, scan: &mut Scan, found: usize) -> io::Result<()> {
        if let Some(checks) = self.checks.as_mut().filter(|checks| found == 0 && checks.waits()) {
            // All that the batch asks is asked at once, so that little is left to wait for.
            let claims = scan.said.iter().filter_map(|said| said.claim);
            claims
                .filter(|claimed| {
                    claimed.open && self.fold.claims().known().verdict(&claimed.claim).is_none()
                })
                .for_each(|claimed| checks.ask(claimed.claim));
        }
        if self.fold.meet(scan, found) != Standing::Awaited || !self.waits() {
            return Ok(());
        }
        if let Some(claimed) = scan.said(found).and_then(|said| said.claim) {
            self.wait_for(claimed.claim)?;
            self.fold.meet(scan, found);
        }
        Ok(())
    }

    fn waits(&self) -> bool {
        self.checks.as_ref().is_some_and(|checks| checks.waits())
    }

    fn wait_for(&mut self, claim: Claim) -> io::Result<()> {
        let Self {
            checks,
            fold,
            signals,
            ..
        } = self;
        let outcomes = checks
            .as_mut()
            .map(|checks| checks.wait_for(claim, fold, signals));
        self.outcomes(outcomes.unwrap_or_default())
    }

    /// No more lines of this client can be held. Nobody waits for a name server here: it is unknown for now.
    fn decide_now(&mut self, claim: Claim) -> io::Result<()> {
        let outcomes = self.fold.decide(&[(claim, Verdict::Unknown, Time::default())]);
        self.outcomes(outcomes)
    }

    /// Takes in what name servers have decided.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn settle(&mut self) -> io::Result<()> {
        let outcomes = match &mut self.checks {
            Some(checks) => checks.settle(&mut self.fold),
            None => return Ok(()),
        };
        self.outcomes(outcomes)
    }

    /// Lines that still wait are judged without a verdict: nobody will be there to do it later.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn release(&mut self) -> io::Result<()> {
        let awaited = self.fold.claims().awaited();
        let unknown: Vec<_> = awaited
            .into_iter()
            .filter(|claim| self.fold.claims().holds(claim))
            .map(|claim| (claim, Verdict::Unknown, Time::default()))
            .collect();
        let outcomes = self.fold.decide(&unknown);
        self.outcomes(outcomes)
    }

    fn outcomes(&mut self, outcomes: Vec<Outcome>) -> io::Result<()> {
        outcomes.into_iter().try_for_each(|outcome| self.outcome(outcome))
    }

    fn outcome(&mut self, outcome: Outcome) -> io::Result<()> {
        let Outcome {
            finding,
            indicators,
            items,
            notices,
            late,
            crowded: _,
        } = outcome;
        for notice in notices {
            tracing::warn!("{notice}");
        }
        if let Some(finding) = &finding {
            self.statistics.finding(finding, late, &Scope::default());
            let scope = self.printer.scope();
            if !scope.is_all() {
                self.told.finding(finding, late, scope);
            }
            self.fronts.finding(finding);
            if let Some(sightings) = &mut self.sightings {
                sightings.finding(finding);
            }
            self.printer.finding(finding)?;
        }
        for Update { indicator, .. } in &indicators {
            self.indicators += u64::from(indicator.revision == 1);
            self.printer.update(indicator)?;
        }
        self.items(items);
        Ok(())
    }

    fn items(&mut self, items: Vec<Item>) {
        self.records += items.len() as u64;
        if let Some(keep) = &mut self.keep {
            keep.effects.items.extend(items);
        }
    }

    /// What waits in the outbox, in records.
    pub fn waiting(&self) -> u64 {
        let receivers = self.keep.as_ref().and_then(|keep| keep.store.receivers().ok());
        let waiting = receivers
            .iter()
            .flatten()
            .map(crate::store::Receiver::waiting_events);
        waiting.sum()
    }

    /// Gives the sinks so much time and tells what became of their records.
    pub fn deliver(&mut self, config: &Config, patience: Duration) -> Delivery {
        let mut delivery = Delivery {
            sinks: super::sinks::names(config),
            records: self.records,
            dry_run: config.output.dry_run,
            ..Delivery::default()
        };
        let Some(keep) = self.keep.take() else {
            return delivery;
        };
        let left = keep.finish(patience, &self.signals);
        left.say();
        delivery.waiting = left.waiting;
        delivery.dead = left.dead;
        delivery
    }

    /// All that was found, at the end. What was sighted before the first line of this run was told by the run that
    /// read it.
    pub fn summary(
        &mut self,
        config: &Config,
        logs: Vec<LogSummary>,
        delivery: Delivery,
        elapsed: Duration,
    ) -> Summary {
        let mut total = std::mem::take(&mut self.statistics);
        let scope = self.printer.scope().clone();
        if !scope.is_all() {
            let Statistics {
                sighted,
                exempt,
                classes,
                ..
            } = std::mem::take(&mut self.told);
            (total.sighted, total.exempt, total.classes) = (sighted, exempt, classes);
        }
        let is_new = |seen: Option<Time>| match seen {
            Some(_) => total.first.is_some() && seen >= total.first,
            None => total.timeless > 0,
        };
        let mut indicators = self.fold.indicators();
        indicators.retain(|indicator| is_new(indicator.last_seen) && scope.indicator(indicator));
        let clients = self
            .fold
            .clients(|seen, hosts| is_new(seen) && scope.any_host(hosts));
        Summary {
            logs,
            total,
            indicators,
            clients,
            scope,
            elapsed,
            delivery,
            geoip: !config.analysis.geoip.is_empty(),
            claims: self.fold.claims().counts(),
            dns: self.checks.is_some(),
            counters: self.fold.take_counters(),
            interrupted: false,
            proxy: self.fronts.likely(config),
        }
    }

    /// A batch is used up: its counts and requests are gathered, its cursor moves with the next commit.
    ///
    /// # Errors
    /// The rejects file cannot be written.
    pub fn batch(&mut self, scan: &mut Scan) -> io::Result<()> {
        self.fold.count_clients(scan, None);
        self.statistics.merge(&scan.statistics);
        self.write_rejects(&scan.batch, &scan.rejected)?;
        let items = std::mem::take(&mut scan.requests);
        self.items(items);
        if let Some(keep) = self.keep.as_mut().filter(|keep| keep.resumes) {
            keep.advance(scan);
        }
        Ok(())
    }

    /// `FILE:OFFSET: reason: line`, one rejected line a line.
    fn write_rejects(&mut self, batch: &Batch, rejected: &[Rejected]) -> io::Result<()> {
        let Some(file) = &mut self.rejects else {
            return Ok(());
        };
        for Rejected { line, reject } in rejected {
            let offset = batch.offset(*line);
            let text = serde_json::json!({
                "file": batch.file.as_ref(), "offset": offset, "reason": reject.reason.name(), "at": reject.at,
                "line": shown(batch.line(*line)),
            });
            writeln!(file, "{text}").map_err(|error| unwritten("--rejects", &error))?;
        }
        Ok(())
    }

    /// Commits when it is time, and then waits while the outbox is full; false when a signal ended the waiting.
    ///
    /// # Errors
    /// The store is damaged.
    pub fn commit_if_due(&mut self, partials: &mut dyn FnMut() -> Vec<Partial>) -> Result<bool, Failure> {
        match &self.keep {
            Some(keep) if keep.is_due() => self.commit(partials()),
            _ => Ok(true),
        }
    }

    /// Files that are gone for good need no cursor any more; their lines stay counted.
    pub fn forget(&mut self, ids: &[i64]) {
        if let Some(keep) = self.keep.as_mut().filter(|keep| keep.resumes) {
            keep.effects.forgotten.extend_from_slice(ids);
        }
    }

    /// How long until a commit is due; `None` when nothing is stored.
    pub fn commit_in(&self) -> Option<Duration> {
        self.keep.as_ref().map(Keep::due_in)
    }

    /// Makes everything gathered durable, with `partials` for batches that are not used up; false when a signal ended the waiting for a disk or outbox with room.
    ///
    /// # Errors
    /// The store is damaged.
    pub fn commit(&mut self, partials: Vec<Partial>) -> Result<bool, Failure> {
        let Some(keep) = &mut self.keep else {
            return Ok(true);
        };
        if keep.resumes {
            for Partial {
                cursor,
                lines,
                rejects,
            } in partials
            {
                keep.move_to(cursor, lines, rejects, None);
            }
            keep.effects.states.extend(self.fold.drain_dirty());
        }
        keep.effects.counters.extend(self.fold.take_counters());
        keep.commit(&self.signals, &mut self.notify)
    }
}

impl Keep {
    /// The cursor of a used-up batch, and its counts.
    fn advance(&mut self, scan: &Scan) {
        let mut cursor = scan.batch.cursor.clone();
        cursor.layout = scan.layout.as_ref().map(afw_parsers::Layout::state);
        let (lines, rejects) = (
            scan.statistics.lines - scan.counted.0,
            scan.statistics.rejects() - scan.counted.1,
        );
        let last = scan.statistics.last.map(afw_parsers::Time::nanos);
        self.move_to(cursor, lines, rejects, last);
    }

    /// Notes how far a file was taken. A stream has no place to come back to, but its lines count.
    pub fn move_to(&mut self, cursor: Cursor, lines: u64, rejects: u64, last_time_nanos: Option<i64>) {
        let format = cursor
            .layout
            .as_deref()
            .and_then(afw_parsers::Layout::from_state)
            .map(|layout| layout.name().to_owned());
        let next = self.effects.cursors.len();
        let at = *self.places.entry(cursor.id).or_insert(next);
        match self.effects.cursors.get_mut(at) {
            Some(known) => *known = cursor,
            None => self.effects.cursors.push(cursor),
        }
        self.effects.counts.push(FileCount {
            cursor: at,
            lines,
            rejects,
            last_time_nanos,
            format,
        });
    }

    fn commit(&mut self, signals: &Signals, notify: &mut Notify) -> Result<bool, Failure> {
        let mut complained = false;
        loop {
            match self.store.commit(&self.effects, &self.sinks, now()) {
                Ok(committed) => {
                    if complained {
                        tracing::info!("the store can be written again");
                    }
                    self.effects = Effects::default();
                    self.places.clear();
                    self.committed = Instant::now();
                    if committed.frozen > 0 {
                        self.workers.wake();
                    }
                    self.tidy()?;
                    return if committed.full {
                        self.wait_for_room(signals, notify)
                    } else {
                        Ok(true)
                    };
                }
                Err(error) if error.is_retryable() => {
                    if !std::mem::replace(&mut complained, true) {
                        let hint = error.hint().map(|hint| format!("\nhint: {hint}"));
                        let hint = hint.unwrap_or_default();
                        tracing::error!("{error}; reading waits and nothing is lost{hint}");
                    }
                    if signals.end().is_some() {
                        return Ok(false);
                    }
                    // It waits for a reason that was said: to be restarted would not help.
                    notify.alive();
                    std::thread::sleep(RETRY_AFTER);
                }
                Err(error) => return Err(store_failure(&error)),
            }
        }
    }

    /// After a commit there is time until the next.
    fn tidy(&mut self) -> Result<(), Failure> {
        if !self.resumes {
            return Ok(());
        }
        match self.store.tidy(now()) {
            Err(error) if !error.is_retryable() => Err(store_failure(&error)),
            // A disk that is full will be said of the next commit, after which this is tried again.
            _ => Ok(()),
        }
    }

    /// The log is the buffer: reading waits until the sinks have made room in the outbox.
    fn wait_for_room(&mut self, signals: &Signals, notify: &mut Notify) -> Result<bool, Failure> {
        tracing::warn!(
            "the outbox is full: reading waits until the sinks take something (`afw status`, `afw outbox list`)"
        );
        let started = Instant::now();
        while self
            .store
            .outbox_full(now())
            .map_err(|error| store_failure(&error))?
        {
            let waited_enough = self
                .patience
                .is_some_and(|patience| started.elapsed() >= patience);
            if signals.end().is_some() || waited_enough {
                return Ok(false);
            }
            notify.alive();
            std::thread::sleep(Duration::from_millis(200));
        }
        tracing::info!("the outbox has room again");
        Ok(true)
    }
}
