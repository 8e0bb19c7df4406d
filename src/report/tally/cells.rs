//! [`Cells`]: how often each combination of values was met, exact while there is room, else a fair sample.
//!
//! Every line has a level, drawn from its place in its log: three lines in four have level 0, three of the rest level 1,
//! and so on. When a table is full, its threshold rises by one and every cell of a lower level goes: what stays is one
//! line in four, in sixteen, …, whatever the lines are. Which lines stay depends on the lines alone, not on their order
//! nor on how they were shared among threads; so partial tables can be joined in any order. The true count of something
//! shown as `n`, estimated from one line in `s`, lies within `2·√((s-1)·n)` of it in 95 of 100 cases. Steps of four
//! because each level that a kind of request is met with takes a cell of its own.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// Highest level: one line in a thousand million.
pub const MAX_LEVEL: u8 = 15;
/// Of how many lines of a level or above one is above, as a power of two.
const STEP_BITS: u32 = 2;

/// Of so many lines one has that level or a higher one.
pub const fn lines_per(level: u8) -> u64 {
    1 << (STEP_BITS * level as u32)
}

/// A bound: so many cells that a table of `1 << bits` places is as full as the standard library's may be, without the one
/// more that tells that it is over its bound.
pub const fn full(bits: u32) -> usize {
    (7 << (bits - 3)) - 1
}

/// How many of the latest cells are counted apart, as a power of two: they stay in the processor's nearest caches, where
/// the whole table does not fit.
const RECENT_BITS: u32 = 9;
const RECENT: usize = 1 << RECENT_BITS;

/// How many counts go into the table together.
const TOGETHER: usize = 64;

/// What a table counts by; the level of the line is part of it.
pub trait Key: Copy + Default + Eq + Hash + Ord {
    /// The level of the lines that this cell counts.
    fn level(&self) -> u8;

    /// Bits that mostly differ where keys do; who chooses them to be equal only slows counting to the table's own speed.
    fn bits(&self) -> u64;
}

/// Counts by key.
#[derive(Debug, Clone)]
pub struct Cells<K> {
    counts: HashMap<K, u64, RandomState>,
    /// Counts that are not in the table yet, each at the place that its bits say.
    recent: Box<[(K, u64); RECENT]>,
    /// Counts that had to leave their place and go into the table together: each waits for memory, and so several do at
    /// the same time.
    displaced: Vec<(K, u64)>,
    max: usize,
    threshold: u8,
}

impl<K: Key> Cells<K> {
    /// An empty table of at most `max` cells.
    pub fn new(max: usize) -> Self {
        Self {
            counts: HashMap::default(),
            recent: Box::new([(K::default(), 0); RECENT]),
            displaced: Vec::new(),
            max: max.max(1),
            threshold: 0,
        }
    }

    /// Whether lines of that level are counted.
    #[inline]
    pub fn takes(&self, level: u8) -> bool {
        level >= self.threshold
    }

    /// Counts one line. The caller has asked [`Cells::takes`].
    #[inline]
    pub fn add(&mut self, key: K) {
        self.add_many(key, 1);
        if self.is_over() {
            self.shrink();
        }
    }

    /// Counts one line of a kind that is likely to come again soon, and says whether there are more cells now than may
    /// be, which is the caller's business. The caller has asked [`Cells::takes`]; what it counts is in the table for
    /// certain after [`Cells::settle`].
    #[inline]
    pub fn add_recent(&mut self, key: K) -> bool {
        let place = (key.bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - RECENT_BITS)) as usize;
        match self.recent.get_mut(place) {
            Some((own, count)) if *own == key => {
                *count += 1;
                false
            }
            _ => self.displace(place, key),
        }
    }

    /// Counts a line in the place of an older one, which goes into the table.
    #[inline(never)]
    fn displace(&mut self, place: usize, key: K) -> bool {
        if let Some(place) = self.recent.get_mut(place) {
            let old = std::mem::replace(place, (key, 1));
            if old.1 > 0 {
                self.displaced.push(old);
            }
        }
        self.displaced.len() >= TOGETHER && self.put_displaced()
    }

    /// Puts displaced counts into the table until there are none, or until there are more cells than may be.
    fn put_displaced(&mut self) -> bool {
        while let Some((key, count)) = self.displaced.pop() {
            self.add_old(key, count);
            if self.is_over() {
                return true;
            }
        }
        false
    }

    /// Counts lines of kinds that are likely to come again soon, as far as their levels are counted, within the bound.
    #[inline]
    pub fn add_all(&mut self, keys: impl Iterator<Item = K>) {
        for key in keys {
            if self.takes(key.level()) && self.add_recent(key) {
                self.shrink();
            }
        }
    }

    fn add_old(&mut self, key: K, count: u64) {
        if count > 0 && self.takes(key.level()) {
            self.add_many(key, count);
        }
    }

    /// Puts the recent counts into the table.
    pub fn settle(&mut self) {
        for (key, count) in self.take_recent() {
            self.add_old(key, count);
        }
    }

    /// The counts that are not in the table yet, which are nowhere then.
    fn take_recent(&mut self) -> impl Iterator<Item = (K, u64)> + use<K> {
        let nothing = Box::new([(K::default(), 0); RECENT]);
        let recent = std::mem::replace(&mut self.recent, nothing);
        (recent as Box<[_]>)
            .into_iter()
            .chain(std::mem::take(&mut self.displaced))
    }

    /// Counts without looking at the bound: for callers that have a way of their own to stay within it.
    #[inline]
    pub fn add_many(&mut self, key: K, count: u64) {
        *self.counts.entry(key).or_default() += count;
    }

    /// Whether there are more cells than may be.
    pub fn is_over(&self) -> bool {
        self.counts.len() > self.max
    }

    /// One line in so many was counted; 1 is exact.
    pub fn sampled(&self) -> u64 {
        lines_per(self.threshold)
    }

    /// Lines of lower levels count no more.
    pub fn raise_to(&mut self, level: u8) {
        let level = level.min(MAX_LEVEL);
        if level > self.threshold {
            self.threshold = level;
            self.counts.retain(|key, _| key.level() >= level);
        }
    }

    /// Every key as `to` says; what becomes equal is added up.
    pub fn rekey(&mut self, to: impl Fn(K) -> K) {
        // As much room as it may need, so that it does not grow step by step once more.
        let room = HashMap::with_capacity_and_hasher(self.max + 1, RandomState::default());
        let old = std::mem::replace(&mut self.counts, room);
        let recent = self.take_recent();
        for (key, count) in old.into_iter().chain(recent) {
            if count > 0 && self.takes(key.level()) {
                self.add_many(to(key), count);
            }
        }
    }

    /// Takes in another table whose keys `to` translates; the bound is for the caller or the next [`Cells::shrink`].
    pub fn merge(&mut self, other: &Self, to: impl Fn(K) -> K) {
        self.raise_to(other.threshold);
        for (key, count) in other.iter() {
            if self.takes(key.level()) {
                self.add_many(to(*key), count);
            }
        }
    }

    /// Raises the threshold until the table is within its bound; what is not settled is not looked at.
    #[cold]
    pub fn shrink(&mut self) {
        while self.is_over() && self.threshold < MAX_LEVEL {
            self.raise_to(self.threshold + 1);
        }
    }

    /// The cells in no order, counts as counted (not scaled up). What is not settled may come apart.
    pub fn iter(&self) -> impl Iterator<Item = (&K, u64)> {
        let recent = self.recent.iter().chain(&self.displaced);
        let recent = recent.map(|(key, count)| (key, *count));
        let recent = recent.filter(|(key, count)| *count > 0 && self.takes(key.level()));
        self.counts.iter().map(|(key, count)| (key, *count)).chain(recent)
    }
}

/// The level of a line: how many low bits of its hash are zero.
pub fn level_of(log: u32, offset: u64) -> u8 {
    // Two rounds of splitmix64's finisher; neighbours differ in every bit.
    let mut bits = offset ^ (u64::from(log) << 40) ^ 0x9e37_79b9_7f4a_7c15;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    // At most 15, which fits.
    (bits.trailing_zeros() / STEP_BITS).min(u32::from(MAX_LEVEL)) as u8
}

#[cfg(test)]
mod tests;
