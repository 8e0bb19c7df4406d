//! [`Run`]: what a run does with what it finds: prints it, counts it and gathers what is to be stored.
//!
//! `tail` and `replay` share it. Clients that say they are crawlers: `run/claims.rs`. Next: [`super::keep`], which makes
//! it durable.

mod claims;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::time::Duration;

use afw_parsers::Time;

use crate::analysis::fold::{Fold, Outcome};
use crate::analysis::merge::Partial;
use crate::analysis::scan::{Rejected, Scan};
use crate::config::Config;
use crate::detect::correlate::Fired;
use crate::detect::correlate::shards::Counted;
use crate::drive::print::Printer;
use crate::indicator::Update;
use crate::report::summary::{Delivery, LogSummary, Summary};
use crate::report::{Scope, Sightings, Statistics};
use crate::source::Batch;
use crate::store::Item;
use crate::terminal::Failure;
use crate::terminal::output::unwritten;
use crate::text::shown;

use super::checks::Checks;
use super::keep::Keep;
use super::notify::Notify;
use super::proxy::Fronts;
use super::signals::Signals;

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
            keep.ship(items);
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
            keep.forget(ids);
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
        }
        keep.commit(&mut self.fold, &self.signals, &mut self.notify)
    }
}
