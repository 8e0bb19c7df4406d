//! [`Keys`]: a bounded table of windows, least recently touched first out.
//!
//! Windows lie in one slab; a second table finds them by correlation (or series) and key, and [`Order`] links those of each correlation in
//! the order in which they were last touched. A window with one mark costs 64 bytes here, 8 in the order and 10 to 20 in
//! the finding table: a million keys stay under 100 MiB. The order of touching is part of the state, so that what is
//! evicted does not depend on restarts. Nothing is ever iterated in the order of a hash.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;

use super::marks::Mark;
use super::order::Order;
use super::window::Window;
use crate::index::{Index, fetch};

/// A window with its key: one line of the processor's cache.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Slot {
    key: [u64; 2],
    pub window: Window,
    /// Number of the touch, growing; persisted.
    pub touched: u64,
    pub correlation: u32,
    /// Of the window of a series: a bit for each member that has one of its own.
    pub parted: u8,
    pub dirty: bool,
    pub stored: bool,
    live: bool,
}

impl Slot {
    pub const fn key(&self) -> u128 {
        whole(self.key)
    }
}

/// A correlation (or series, numbered behind them) and a key of it, hashed once for finding and adding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub correlation: u32,
    /// Where it probably is.
    at: u32,
    key: [u64; 2],
    hash: u64,
}

impl Name {
    pub const fn key(&self) -> u128 {
        whole(self.key)
    }

    #[inline]
    fn is_of(&self, slot: &Slot) -> bool {
        slot.key == self.key && slot.correlation == self.correlation
    }
}

/// The table.
#[derive(Debug)]
pub(super) struct Keys {
    slots: Vec<Slot>,
    free: Vec<u32>,
    index: Index,
    hasher: RandomState,
    order: Order,
}

impl Keys {
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: Index::new(),
            hasher: RandomState::default(),
            order: Order::default(),
        }
    }

    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Bytes held by the table itself, without what windows hold beyond their slot.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + self.free.capacity() * size_of::<u32>()
            + self.order.bytes()
            + self.index.bytes()
    }

    #[inline]
    pub fn slot(&self, at: u32) -> Option<&Slot> {
        self.slots.get(at as usize).filter(|slot| slot.live)
    }

    #[inline]
    pub fn slot_mut(&mut self, at: u32) -> Option<&mut Slot> {
        self.slots.get_mut(at as usize).filter(|slot| slot.live)
    }

    /// The name by which a window is found.
    #[inline]
    pub fn name(&self, correlation: u32, key: u128) -> Name {
        let key = halves(key);
        let hash = hash(&self.hasher, correlation, key);
        Name {
            correlation,
            at: u32::MAX,
            key,
            hash,
        }
    }

    /// Whether a slot has that window.
    #[inline]
    pub fn is_at(&self, at: u32, name: &Name) -> bool {
        self.slot(at).is_some_and(|slot| name.is_of(slot))
    }

    #[inline]
    pub fn find(&self, name: &Name) -> Option<u32> {
        if self.is_at(name.at, name) {
            return Some(name.at);
        }
        let is = |at: u32| self.slots.get(at as usize).is_some_and(|slot| name.is_of(slot));
        self.index.find(name.hash, is)
    }

    /// Asks for the memory that finding a window begins with.
    #[inline]
    pub fn fetch_place(&self, name: &Name) {
        self.index.fetch(name.hash);
    }

    /// Looks for where that window probably is, and asks for its memory.
    #[inline]
    pub fn fetch_slot(&self, name: &mut Name) {
        if let Some(at) = self.index.find(name.hash, |_| true) {
            fetch(&self.slots, at as usize);
            self.order.fetch(at);
            name.at = at;
        }
    }

    /// Asks for what touching that window will look at beside it.
    #[inline]
    pub fn fetch_beside(&self, name: &Name) {
        if let Some(slot) = self.slots.get(name.at as usize) {
            self.order.fetch_beside(name.at);
            slot.window.fetch();
        }
    }

    /// Asks for what looking at windows that will soon be the oldest of a correlation and taking them out will need.
    pub fn fetch_oldest(&mut self, correlation: u32) {
        let Some((next, sooner)) = self.order.scout(correlation) else {
            return;
        };
        fetch(&self.slots, next as usize);
        self.order.fetch(next);
        if let Some(slot) = self.slots.get(sooner as usize) {
            self.index.fetch(hash(&self.hasher, slot.correlation, slot.key));
            slot.window.fetch();
            self.order.fetch_beside(sooner);
        }
    }

    /// Adds a window as the most recently touched. The caller has looked that there is none.
    pub fn add(&mut self, name: &Name, window: Window, touched: u64) -> u32 {
        let slot = Slot {
            key: name.key,
            window,
            touched,
            correlation: name.correlation,
            parted: 0,
            dirty: false,
            stored: false,
            live: true,
        };
        let at = self.place(slot);
        self.index.insert(name.hash, at);
        self.order.push(name.correlation, at);
        at
    }

    /// Puts a slot where one is free, or at the end.
    fn place(&mut self, slot: Slot) -> u32 {
        let free = self.free.pop();
        match free.and_then(|at| Some((at, self.slots.get_mut(at as usize)?))) {
            Some((at, vacant)) => {
                *vacant = slot;
                at
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        }
    }

    /// Finds a window and marks it as the most recently touched.
    #[inline]
    pub fn touch(&mut self, name: &Name, touched: u64) -> Option<(u32, &mut Slot)> {
        let at = self.find(name)?;
        self.order.renew(name.correlation, at);
        let slot = self.slots.get_mut(at as usize)?;
        slot.touched = touched;
        Some((at, slot))
    }

    /// Takes a window out; its slot serves another key.
    #[inline]
    pub fn remove(&mut self, at: u32) {
        let Some(slot) = self.slots.get_mut(at as usize).filter(|slot| slot.live) else {
            return;
        };
        slot.live = false;
        slot.window = Window::One(Mark { time: 0, tag: 0 });
        let hash = hash(&self.hasher, slot.correlation, slot.key);
        self.index.remove(hash, at);
        self.order.remove(slot.correlation, at);
        self.free.push(at);
    }

    /// The window that was touched least recently.
    pub fn oldest(&self) -> Option<u32> {
        let oldest = self.order.oldest();
        oldest.min_by_key(|&at| self.slot(at).map_or(u64::MAX, |slot| slot.touched))
    }

    /// The window of one correlation that was touched least recently; `None` also when it is known not to be over now,
    /// an event time in nanoseconds.
    #[inline]
    pub fn oldest_of(&self, correlation: u32, now: i64) -> Option<u32> {
        self.order.oldest_of(correlation, now)
    }

    /// Remembers that the oldest window of a correlation is not over up to this event time, as long as it is not touched.
    #[inline]
    pub fn keep_quiet(&mut self, correlation: u32, until: i64) {
        self.order.keep_quiet(correlation, until);
    }

    /// Every window, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.live)
    }
}

/// The last of three writes folds the first two once more: the upper half, by which is found, is well mixed.
#[inline]
fn hash(hasher: &RandomState, correlation: u32, [high, low]: [u64; 2]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write_u64(high);
    hasher.write_u64(low);
    hasher.write_u32(correlation);
    hasher.finish()
}

const fn halves(key: u128) -> [u64; 2] {
    [(key >> 64) as u64, key as u64]
}

const fn whole([high, low]: [u64; 2]) -> u128 {
    ((high as u128) << 64) | low as u128
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one() -> Window {
        Window::One(Mark { time: 0, tag: 0 })
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_last_touch(steps in proptest::collection::vec((0u8..3, 0u128..12), 1..200)) {
            let mut keys = Keys::new();
            let mut order: Vec<u128> = Vec::new();
            for (number, (step, key)) in steps.into_iter().enumerate() {
                let name = keys.name((key % 2) as u32, key);
                match (step, keys.find(&name)) {
                    (0, Some(at)) => {
                        prop_assert_eq!(keys.slot(at).map(Slot::key), Some(key));
                        keys.remove(at);
                        prop_assert!(keys.slot(at).is_none());
                        order.retain(|&other| other != key);
                    }
                    (_, Some(at)) => {
                        let touched = keys.touch(&name, number as u64);
                        prop_assert_eq!(touched.map(|(at, _)| at), Some(at));
                        order.retain(|&other| other != key);
                        order.push(key);
                    }
                    (_, None) => {
                        keys.add(&name, one(), number as u64);
                        order.push(key);
                    }
                }
                prop_assert_eq!(keys.len(), order.len());
                let oldest = keys.oldest().and_then(|at| keys.slot(at)).map(Slot::key);
                prop_assert_eq!(oldest, order.first().copied());
            }
            while let Some(at) = keys.oldest() {
                prop_assert_eq!(keys.slot(at).map(Slot::key), Some(order.remove(0)));
                keys.remove(at);
            }
            prop_assert!(order.is_empty());
        }
    }

    #[test]
    fn a_key_stays_within_the_stated_memory() {
        let mut keys = Keys::new();
        for key in 0..100_000u128 {
            let name = keys.name(3, key << 64 | 1);
            keys.add(&name, one(), key as u64);
        }
        assert!(size_of::<Slot>() <= 64, "{}", size_of::<Slot>());
        assert!(keys.bytes() <= 10 << 20, "{}", keys.bytes());
        assert_eq!(
            keys.find(&keys.name(3, 77 << 64 | 1))
                .and_then(|at| keys.slot(at))
                .map(|slot| slot.touched),
            Some(77)
        );
        assert_eq!(keys.find(&keys.name(2, 77 << 64 | 1)), None);
    }
}
