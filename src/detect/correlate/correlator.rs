//! [`Correlator`]: open windows, fed with ticks in the order of the merged logs. One can hold all there are; `shards` shares
//! them out among several, which never look at each other.
//!
//! **When it fires.** On the tick that makes a key's condition true; that tick's line carries the sighting. The
//! window is consumed, with all that the line says for it: an attack that goes on fires again after another full
//! threshold.
//!
//! **Event time.** Only the times in the ticks count, and each key goes by its own newest one. A tick out of order by
//! up to the timespan and the tolerance (60 s, at most the timespan) still counts where it belongs; a later one is
//! left out and counted ([`Counters::late`]).
//!
//! **Bounds.** An attacker chooses the keys, so their number and memory are bounded ([`Options`]). Each tick first
//! retires up to two windows of its rule that nothing can complete any more; when that does not suffice, the least recently
//! touched window goes, and that is counted ([`Counters::evicted`]).
//!
//! **Series.** Correlations that count the same by the same key share ticks and one window (`series`, `shared`).
//!
//! **Chains.** A correlation that counts another one gets its ticks from the same line: the ticker gives them with
//! the line, and they count only when the correlation below fired on that line. Where that is another table's it must be
//! told.
//!
//! **Restarts.** [`Correlator::drain_dirty`] gives the rows that changed, [`Correlator::restore`] takes them back;
//! what follows is the same as without the restart. Nothing depends on how ticks are cut into calls.

use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;

use afw_parsers::Time;

use super::due::Due;
use super::keys::{Keys, Name, Slot};
use super::network::client_key;
use super::rule::{Correlation, Kind, RuleRef, depths};
use super::series;
use super::shape::Shape;
use super::tick::Tick;
use super::window::{Outcome, Window};
use crate::detect::RuleInfo;
use crate::store::State;

mod plan;
mod row;
mod shared;
mod values;

use plan::{Plan, SeriesPlan};
pub(super) use row::read_key;
pub use values::{Counters, Fired, Options, Progress, Restored};

/// A table of open windows.
#[derive(Debug)]
pub struct Correlator {
    plans: Arc<[Plan]>,
    /// Their windows are numbered behind those of the plans.
    series: Arc<[SeriesPlan]>,
    options: Options,
    keys: Keys,
    /// Bytes that windows hold beyond their slots.
    held: usize,
    touches: u64,
    counters: Counters,
    /// Number of the line at hand, and what fired on it, with the key where that was in this table.
    line: u64,
    fired: Vec<(u32, Option<u128>)>,
    dirty: Vec<u32>,
    gone: Vec<(u32, u128)>,
    rows_gone: Vec<Vec<u8>>,
}

impl Correlator {
    /// No windows yet. The rules have passed [`super::rule::check`].
    pub fn new<F: Debug>(correlations: &[Correlation<F>], options: Options) -> Self {
        let depths = depths(correlations).into_iter();
        let plans = correlations.iter().zip(depths).map(|(correlation, depth)| {
            // One in a circle was refused by `check`, and never ticks.
            Plan::new(correlation, depth.unwrap_or(u32::MAX), &options)
        });
        let mut plans: Vec<Plan> = plans.collect();
        let series = series::gather(correlations).into_iter().zip(plans.len() as u32..);
        let series = series.filter_map(|(series, owner)| SeriesPlan::new(series, owner, &mut plans));
        let series = series.collect();
        Self::of(plans.into(), series, options)
    }

    /// A table for the same rules within other limits, without windows yet.
    pub(super) fn another(&self, options: &Options) -> Self {
        Self::of(Arc::clone(&self.plans), Arc::clone(&self.series), options.clone())
    }

    fn of(plans: Arc<[Plan]>, series: Arc<[SeriesPlan]>, mut options: Options) -> Self {
        options.max_keys = options.max_keys.max(1);
        Self {
            plans,
            series,
            options,
            keys: Keys::new(),
            held: 0,
            touches: 0,
            counters: Counters::default(),
            line: 0,
            fired: Vec::new(),
            dirty: Vec::new(),
            gone: Vec::new(),
            rows_gone: Vec::new(),
        }
    }

    /// Counts one tick of a line; `fired` hears of each window that it completes, be it of a rule that only feeds others.
    /// Inlined into the two that count many ticks: a call for each is a fiftieth of what a line takes.
    #[inline(always)]
    pub(super) fn complete(&mut self, due: &Due, mut fired: impl FnMut(Fired)) {
        self.come_to(due.line);
        let Some(plan) = self.plans.get(due.name.correlation as usize) else {
            return self.complete_series(due, &mut fired);
        };
        if plan.is_chained() && !self.is_below_fired(plan, due) {
            return;
        }
        let shape = plan.shape;
        if shape.kind == Kind::Temporal && self.has_fired(due) {
            return;
        }
        self.retire(due.name.correlation, due.time);
        let (at, outcome) = self.count_alone(&shape, due);
        if let Some(done) = self.settle(at, outcome, due) {
            fired(done);
        }
    }

    /// What came of a correlation's tick.
    #[inline]
    fn settle(&mut self, at: u32, outcome: Outcome, due: &Due) -> Option<Fired> {
        self.counters.late += u64::from(outcome.late);
        let count = outcome.fired?;
        self.fire(at, due, count)
    }

    /// Ends a window that is complete.
    #[cold]
    fn fire(&mut self, at: u32, due: &Due, count: u64) -> Option<Fired> {
        let correlation = due.name.correlation;
        self.counters.fired += 1;
        self.fired.push((correlation, Some(due.name.key())));
        let estimated = self.keys.slot(at).is_some_and(|slot| slot.window.estimates());
        match self.plans.get(correlation as usize)?.series {
            None => self.remove(at),
            Some(_) => self.spend(at, due),
        }
        let plan = self.plans.get(correlation as usize)?;
        Some(Fired {
            depth: plan.depth,
            correlation,
            rule: Arc::clone(&plan.info),
            alerts: plan.alerts,
            count,
            estimated,
        })
    }

    /// Hears that a correlation whose windows are elsewhere fired on a line.
    pub(super) fn hear(&mut self, line: u64, correlation: u32) {
        self.come_to(line);
        self.fired.push((correlation, None));
    }

    /// Counts a tick in a window of the correlation's own.
    fn count_alone(&mut self, shape: &Shape, due: &Due) -> (u32, Outcome) {
        self.touches += 1;
        let (at, outcome) = match self.keys.touch(&due.name, self.touches) {
            Some((at, Slot { window, .. })) => {
                let before = window.bytes();
                let outcome = window.observe(shape, due.time, due.value);
                self.held = (self.held + window.bytes()).saturating_sub(before);
                (at, outcome)
            }
            None => {
                let (window, outcome) = Window::first(shape, due.time, due.value);
                (self.keys.add(&due.name, window, self.touches), outcome)
            }
        };
        self.note(at);
        self.bound(at, due.time);
        (at, outcome)
    }

    /// By what the window of a tick is found.
    #[inline]
    pub(super) fn name(&self, tick: &Tick) -> Name {
        self.keys.name(tick.correlation, tick.key)
    }

    /// Asks for the memory that finding the windows of ticks begins with.
    pub(super) fn foresee(&self, due: &[Due]) {
        due.iter().for_each(|due| self.keys.fetch_place(&due.name));
    }

    /// Looks for the windows of ticks for which that was asked, and asks for their memory.
    pub(super) fn find_ahead(&self, due: &mut [Due]) {
        due.iter_mut().for_each(|due| self.keys.fetch_slot(&mut due.name));
    }

    /// Asks for what counting ticks will look at beside the windows that were found ahead.
    pub(super) fn foresee_beside(&self, due: &[Due]) {
        due.iter().for_each(|due| self.keys.fetch_beside(&due.name));
    }

    /// Whether the base that ticks is a detection rule, or a correlation that fired on this line.
    fn is_below_fired(&self, plan: &Plan, due: &Due) -> bool {
        match plan.bases.get(due.base as usize) {
            Some(RuleRef::Correlation(below)) => self.fired.iter().any(|(fired, _)| fired == below),
            Some(RuleRef::Rule(_)) => true,
            None => false,
        }
    }

    /// Whether the line has completed this window already. It ticks once for each rule of a `temporal` correlation that hit, and
    /// none of that is left over, or the order in which rules are listed would tell when the next window is complete.
    #[inline]
    fn has_fired(&self, due: &Due) -> bool {
        let this = (due.name.correlation, Some(due.name.key()));
        self.fired.contains(&this)
    }

    /// Forgets what fired on the line before.
    #[inline]
    fn come_to(&mut self, line: u64) {
        if self.line != line {
            self.line = line;
            self.fired.clear();
        }
    }

    /// Ends up to two windows of the tick's rule that no tick from now on can complete. Windows of one rule end in the
    /// order of touching; those of a rule that counts nothing any more wait until there are too many windows.
    fn retire(&mut self, correlation: u32, now: i64) {
        for _ in 0..2 {
            let Some(at) = self.keys.oldest_of(correlation, now) else {
                return;
            };
            let slot = self.keys.slot(at);
            let until = slot.map_or(i64::MAX, |slot| self.lasts_until(slot));
            if now <= until {
                self.keys.keep_quiet(correlation, until);
                return;
            }
            self.remove(at);
            self.keys.fetch_oldest(correlation);
            self.counters.retired += 1;
        }
    }

    /// The last event time, in nanoseconds, at which a tick may still complete a window or one beside it.
    #[inline]
    fn lasts_until(&self, slot: &Slot) -> i64 {
        let reach = self.shape(slot.correlation).map_or(0, |shape| shape.reach_nanos);
        let until = slot.window.lasts_until(reach);
        match slot.parted {
            0 => until,
            _ => self
                .lasts_beside(slot)
                .max()
                .map_or(until, |beside| until.max(beside)),
        }
    }

    /// What a window must know of its correlation or series.
    #[inline]
    fn shape(&self, owner: u32) -> Option<&Shape> {
        let of_plan = self.plans.get(owner as usize).map(|plan| &plan.shape);
        of_plan.or_else(|| Some(&self.series(owner)?.shape))
    }

    /// Whether there are more windows, or larger ones, than may be.
    #[inline]
    fn is_full(&self) -> bool {
        self.keys.len() > self.options.max_keys || self.held > self.options.max_bytes
    }

    /// Keeps to the limits after a tick of the window at hand.
    #[inline]
    fn bound(&mut self, at_hand: u32, now: i64) {
        if self.is_full() {
            self.evict(at_hand, now);
        }
    }

    /// Gives up the least recently touched windows, but not the one at hand, until the limits hold.
    #[cold]
    fn evict(&mut self, at_hand: u32, now: i64) {
        while self.is_full() {
            let Some(at) = self.keys.oldest().filter(|&at| at != at_hand) else {
                return;
            };
            let Some(slot) = self.keys.slot(at) else { return };
            let windows = 1 + self.lasts_beside(slot).count() as u64;
            match self.lasts_until(slot) < now {
                true => self.counters.retired += windows,
                false => self.counters.evicted += windows,
            }
            self.remove(at);
        }
    }

    fn note(&mut self, at: u32) {
        if !self.options.persist {
            return;
        }
        if let Some(slot) = self.keys.slot_mut(at)
            && !slot.dirty
        {
            slot.dirty = true;
            self.dirty.push(at);
        }
    }

    /// Ends a window, and those that members of a series have beside it.
    fn remove(&mut self, at: u32) {
        let Some(slot) = self.keys.slot(at) else { return };
        if slot.parted > 0 {
            return self.remove_series(at);
        }
        self.held = self.held.saturating_sub(slot.window.bytes());
        if self.options.persist && slot.stored {
            self.gone.push((slot.correlation, slot.key()));
        }
        self.keys.remove(at);
    }

    /// The rows that changed since the last call: what was deleted, then what was written.
    pub fn drain_dirty(&mut self) -> Vec<State> {
        row::drain(self)
    }

    /// Opens the windows that were stored. Rows of other kinds are passed over.
    pub fn restore(&mut self, rows: impl IntoIterator<Item = State>) -> Restored {
        row::restore(self, rows)
    }

    /// The counters since the last call.
    pub fn take_counters(&mut self) -> Counters {
        std::mem::take(&mut self.counters)
    }

    /// How many windows are open.
    pub fn windows(&self) -> usize {
        self.keys.len()
    }

    /// Bytes held by all windows.
    pub fn bytes(&self) -> usize {
        self.keys.bytes() + self.held
    }

    /// The key of one client's window of a correlation whose key is the client alone.
    pub(super) fn key_of(&self, correlation: u32, client: IpAddr) -> Option<u128> {
        let plan = self.plans.get(correlation as usize)?;
        Some(client_key(client, plan.client?))
    }

    /// How far the window of a key has come, if it is open at an event time in nanoseconds.
    pub(super) fn progress(&self, correlation: u32, key: u128, now: i64) -> Option<Progress> {
        let plan = self.plans.get(correlation as usize)?;
        let window = self.window(correlation, key)?;
        is_open(plan, window, now).then(|| Progress {
            rule: Arc::clone(&plan.info),
            count: window.count(&plan.shape),
            threshold: plan.shape.threshold,
            newest: Time::from_nanos(window.newest()),
            estimated: window.estimates(),
        })
    }

    /// Event time of the newest mark of all, in nanoseconds.
    pub(super) fn newest(&self) -> i64 {
        let newest = self.keys.iter().map(|slot| slot.window.newest());
        newest.max().unwrap_or(i64::MIN)
    }

    /// By correlation, what its rows begin with when it shares with no other.
    pub(super) fn fingerprints(&self) -> impl Iterator<Item = u64> {
        self.plans.iter().map(|plan| plan.fingerprint)
    }

    /// By correlation, whether it counts others.
    pub(super) fn chained(&self) -> Vec<bool> {
        self.plans.iter().map(Plan::is_chained).collect()
    }

    /// The windows that are open at an event time in nanoseconds, by rule index.
    pub(super) fn windows_by_rule(&self, now: i64) -> Vec<(Arc<RuleInfo>, usize)> {
        let mut counts = vec![0; self.plans.len()];
        for slot in self.keys.iter() {
            for correlation in self.counters_of(slot) {
                let plan = self.plans.get(correlation as usize);
                let is_open = plan.is_some_and(|plan| is_open(plan, &slot.window, now));
                if let Some(count) = counts.get_mut(correlation as usize) {
                    *count += usize::from(is_open);
                }
            }
        }
        self.plans
            .iter()
            .map(|plan| Arc::clone(&plan.info))
            .zip(counts)
            .collect()
    }
}

/// Whether a tick may still complete the window for one of those that look at it, at an event time in nanoseconds.
fn is_open(plan: &Plan, window: &Window, now: i64) -> bool {
    window.lasts_until(plan.shape.reach_nanos) >= now
}

#[cfg(test)]
#[path = "correlator/tests.rs"]
pub(super) mod tests;
