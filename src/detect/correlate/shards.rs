//! [`Shards`]: all open windows, shared out by key among tables that never look at each other.
//!
//! **What is the same whatever happens.** How many tables there are follows from the limits alone, and which table has a
//! window from its key alone (correlations that share windows share keys too). So each table meets the same ticks in the
//! same order, and gives up the same windows, whether a few lines are counted at once
//! ([`Shards::count`]) or a whole `stretch` of them, table by table, on one thread or on many.
//!
//! **Chains.** What a correlation of correlations counts is known only once all tables below have told what fired on the
//! line: the windows of those are in a table of their own, which is asked last.
//!
//! **Bounds.** The limits are divided among the tables: each gives up the least recently touched of its own windows. The
//! mix is known to everybody, so who chooses keys can fill one table alone; that pushes out a quarter of all windows at most.
//!
//! **Restarts.** A row goes to the table of its key; rows do not tell how many tables wrote them.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;

use afw_parsers::Time;

use super::correlator::{Correlator, Counters, Options, Progress, Restored, read_key};
use super::rule::Correlation;
use super::tick::Tick;
use crate::detect::RuleInfo;
use crate::store::State;

mod stretch;

use stretch::Stretch;
pub use stretch::{Counted, Share};

/// Among how many tables keys are shared out, as long as each can have enough of them. A power of two. More would share work
/// out among more threads, but what is counted on one line, and all that comes after counting, cannot be shared out.
const SHARDS: usize = 4;
/// How many windows a table must be able to hold: with fewer it would show that not all windows are compared when the one that was
/// touched least recently is given up.
const FEWEST_KEYS: usize = 4096;

/// All open windows.
#[derive(Debug)]
pub struct Shards {
    /// The tables that share the keys, a power of two of them, and behind them that of the chained correlations, if there is one.
    tables: Vec<Correlator>,
    /// How many share the keys.
    shards: usize,
    /// By correlation, whether its windows are in the last table; empty when there is none for them.
    chained: Vec<bool>,
    stretch: Stretch,
}

impl Shards {
    /// No windows yet. The rules have passed [`super::rule::check`].
    pub fn new<F: Debug>(correlations: &[Correlation<F>], options: Options) -> Self {
        let shards = match options.max_keys >= SHARDS * FEWEST_KEYS {
            true => SHARDS,
            false => 1,
        };
        Self::of(correlations, options, shards)
    }

    /// With so many tables that share the keys. One alone has the chained correlations too.
    fn of<F: Debug>(correlations: &[Correlation<F>], mut options: Options, shards: usize) -> Self {
        let rules = Correlator::new(correlations, options.clone());
        let mut chained = rules.chained();
        if shards == 1 || !chained.contains(&true) {
            chained.clear();
        }
        let count = shards + usize::from(!chained.is_empty());
        options.max_keys /= count;
        options.max_bytes /= count;
        Self {
            tables: (0..count).map(|_| rules.another(&options)).collect(),
            shards,
            chained,
            stretch: Stretch::of(count),
        }
    }

    /// Counts the ticks of these lines at once, on this thread.
    pub fn count<'t>(&mut self, lines: impl IntoIterator<Item = (Time, &'t [Tick])>) -> Counted {
        self.gather(lines);
        let mut shares = self.share_out();
        shares.iter_mut().for_each(Share::count);
        self.gather_in(shares)
    }

    /// The table of a window.
    #[inline]
    fn table_of(&self, correlation: u32, key: u128) -> usize {
        match self.chained.get(correlation as usize) {
            Some(true) => self.shards,
            _ => self.shard_of(key),
        }
    }

    /// Which of the tables that share the keys has one: by the upper bits of a product, on which all bits of the key tell.
    #[inline]
    const fn shard_of(&self, key: u128) -> usize {
        let mixed = ((key >> 64) as u64 ^ key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed.rotate_left(SHARDS.ilog2()) as usize & (self.shards - 1)
    }

    /// The rows that changed since the last call: of each table what was deleted, then what was written.
    pub fn drain_dirty(&mut self) -> Vec<State> {
        self.tables.iter_mut().flat_map(Correlator::drain_dirty).collect()
    }

    /// Opens the windows that were stored. Rows of other kinds are passed over.
    pub fn restore(&mut self, rows: impl IntoIterator<Item = State>) -> Restored {
        let above = self.rows_of_chained();
        let mut shares: Vec<Vec<State>> = self.tables.iter().map(|_| Vec::new()).collect();
        for row in rows {
            let table = match read_key(&row.key) {
                Some((fingerprint, _)) if above.contains(&fingerprint) => self.shards,
                Some((_, key)) => self.shard_of(key),
                // Whichever table drops it.
                None => 0,
            };
            if let Some(share) = shares.get_mut(table) {
                share.push(row);
            }
        }
        let tables = self.tables.iter_mut().zip(shares);
        let restored = tables.map(|(table, share)| table.restore(share));
        restored.fold(Restored::default(), Restored::with)
    }

    /// The fingerprints of the correlations that have a table of their own.
    fn rows_of_chained(&self) -> BTreeSet<u64> {
        let fingerprints = self.tables.first().map(Correlator::fingerprints);
        let all = fingerprints.into_iter().flatten().zip(&self.chained);
        all.filter_map(|(fingerprint, chained)| chained.then_some(fingerprint))
            .collect()
    }

    /// The counters since the last call.
    pub fn take_counters(&mut self) -> Counters {
        let counters = self.tables.iter_mut().map(Correlator::take_counters);
        counters.fold(Counters::default(), Counters::with)
    }

    /// How many windows are open.
    pub fn windows(&self) -> usize {
        self.tables.iter().map(Correlator::windows).sum()
    }

    /// Bytes held by all windows.
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(Correlator::bytes).sum()
    }

    /// The open windows of one client, of the rules whose key is the client alone, in rule order.
    pub fn progress(&self, client: IpAddr) -> Vec<Progress> {
        let (rules, now) = (self.rules(), self.newest());
        let windows = (0..rules).filter_map(|correlation| {
            let key = self.tables.first()?.key_of(correlation, client)?;
            let table = self.tables.get(self.table_of(correlation, key))?;
            table.progress(correlation, key, now)
        });
        windows.collect()
    }

    /// The open windows by rule index, for `status`.
    pub fn windows_by_rule(&self) -> Vec<(Arc<RuleInfo>, usize)> {
        let now = self.newest();
        let mut tables = self.tables.iter().map(|table| table.windows_by_rule(now));
        let mut all = tables.next().unwrap_or_default();
        for more in tables {
            let pairs = all.iter_mut().zip(more);
            pairs.for_each(|((_, sum), (_, count))| *sum += count);
        }
        all
    }

    /// How many correlations there are.
    fn rules(&self) -> u32 {
        self.tables
            .first()
            .map_or(0, |table| table.fingerprints().count() as u32)
    }

    /// Event time of the newest mark of all, in nanoseconds.
    fn newest(&self) -> i64 {
        let newest = self.tables.iter().map(Correlator::newest);
        newest.max().unwrap_or(i64::MIN)
    }
}

#[cfg(test)]
mod tests;
