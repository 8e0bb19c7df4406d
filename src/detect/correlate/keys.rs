//! [`Keys`]: a bounded table of windows, least recently touched first out.
//!
//! Windows lie in one slab, linked by correlation in the order in which they were last touched; a second table finds
//! them by correlation and key. A window with one mark costs 64 bytes here and some 8 in the finding table: a million keys
//! stay under 100 MiB even while the slab grows. The order of touching is part of the state, so that what is evicted
//! does not depend on restarts. Nothing is ever iterated in the order of a hash.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::marks::Mark;
use super::window::Window;

/// No slot.
const NONE: u32 = u32::MAX;

/// A window with its key and its place in the order of touching: one line of the processor's cache.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Slot {
    key: [u64; 2],
    pub window: Window,
    /// Number of the touch, growing; persisted.
    pub touched: u64,
    pub correlation: u32,
    older: u32,
    newer: u32,
    pub dirty: bool,
    pub stored: bool,
    live: bool,
}

impl Slot {
    pub const fn key(&self) -> u128 {
        ((self.key[0] as u128) << 64) | self.key[1] as u128
    }
}

/// The table.
#[derive(Debug)]
pub(super) struct Keys {
    slots: Vec<Slot>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: RandomState,
    /// The order of touching, by correlation.
    ends: Vec<Ends>,
}

/// Where the windows of one correlation begin and end in the order of touching.
#[derive(Debug, Clone, Copy)]
struct Ends {
    oldest: u32,
    newest: u32,
    /// The oldest is not over before this event time, in nanoseconds; unknown since it was touched or is another.
    quiet_until: i64,
}

impl Ends {
    const EMPTY: Self = Self {
        oldest: NONE,
        newest: NONE,
        quiet_until: i64::MIN,
    };

    const fn set_oldest(&mut self, at: u32) {
        self.oldest = at;
        self.quiet_until = i64::MIN;
    }
}

impl Keys {
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::default(),
            ends: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Bytes held by the table itself, without what windows hold beyond their slot.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + self.free.capacity() * size_of::<u32>()
            + self.index.capacity() * 8 / 7 * (size_of::<u32>() + 1)
    }

    pub fn slot(&self, at: u32) -> Option<&Slot> {
        self.slots.get(at as usize).filter(|slot| slot.live)
    }

    pub fn slot_mut(&mut self, at: u32) -> Option<&mut Slot> {
        self.slots.get_mut(at as usize).filter(|slot| slot.live)
    }

    pub fn find(&self, correlation: u32, key: u128) -> Option<u32> {
        let key = halves(key);
        let slots = &self.slots;
        self.index
            .find(self.hash(correlation, key), |&at| is(slots, at, correlation, key))
            .copied()
    }

    /// Adds a window as the most recently touched. The caller has looked that there is none.
    pub fn add(&mut self, correlation: u32, key: u128, window: Window, touched: u64) -> u32 {
        let slot = Slot {
            key: halves(key),
            window,
            touched,
            correlation,
            older: NONE,
            newer: NONE,
            dirty: false,
            stored: false,
            live: true,
        };
        let hashed = self.hash(correlation, slot.key);
        let at = match self.free.pop() {
            Some(at) => {
                if let Some(free) = self.slots.get_mut(at as usize) {
                    *free = slot;
                }
                at
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        let Self {
            index, slots, hasher, ..
        } = self;
        index.insert_unique(hashed, at, |&at| {
            slots
                .get(at as usize)
                .map_or(0, |slot| hash(hasher, slot.correlation, slot.key))
        });
        self.link_newest(at);
        at
    }

    /// Marks a window as the most recently touched.
    pub fn touch(&mut self, at: u32, touched: u64) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(at as usize).filter(|slot| slot.live)?;
        slot.touched = touched;
        let (correlation, older, newer) = (slot.correlation, slot.older, slot.newer);
        // None is newer than the one that was touched last.
        if newer != NONE {
            self.close_gap(correlation, older, newer);
            self.link_newest(at);
        } else if older == NONE {
            self.ends(correlation).set_oldest(at);
        }
        self.slots.get_mut(at as usize)
    }

    /// Takes a window out; its slot serves another key.
    pub fn remove(&mut self, at: u32) -> Option<Slot> {
        let (correlation, key) = self.slot(at).map(|slot| (slot.correlation, slot.key))?;
        self.unlink(at);
        let hash = self.hash(correlation, key);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == at) {
            entry.remove();
        }
        self.free.push(at);
        let vacant = Slot {
            key: [0; 2],
            window: Window::One(Mark { time: 0, tag: 0 }),
            touched: 0,
            correlation: 0,
            older: NONE,
            newer: NONE,
            dirty: false,
            stored: false,
            live: false,
        };
        self.slots
            .get_mut(at as usize)
            .map(|slot| std::mem::replace(slot, vacant))
    }

    /// The window that was touched least recently.
    pub fn oldest(&self) -> Option<u32> {
        let oldest = self
            .ends
            .iter()
            .filter_map(|ends| Some((ends.oldest, self.slot(ends.oldest)?)));
        oldest.min_by_key(|(_, slot)| slot.touched).map(|(at, _)| at)
    }

    /// The window of one correlation that was touched least recently; `None` also when it is known not to be over now,
    /// an event time in nanoseconds.
    pub fn oldest_of(&self, correlation: u32, now: i64) -> Option<u32> {
        let ends = self.ends.get(correlation as usize)?;
        (ends.oldest != NONE && now > ends.quiet_until).then_some(ends.oldest)
    }

    /// Remembers that the oldest window of a correlation is not over up to this event time, as long as it is not touched.
    pub fn keep_quiet(&mut self, correlation: u32, until: i64) {
        self.ends(correlation).quiet_until = until;
    }

    /// Every window, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.live)
    }

    fn hash(&self, correlation: u32, key: [u64; 2]) -> u64 {
        hash(&self.hasher, correlation, key)
    }

    /// The ends of a correlation's order.
    fn ends(&mut self, correlation: u32) -> &mut Ends {
        let at = correlation as usize;
        if self.ends.len() <= at {
            self.ends.resize(at + 1, Ends::EMPTY);
        }
        &mut self.ends[at]
    }

    fn link_newest(&mut self, at: u32) {
        let Some(correlation) = self.slots.get(at as usize).map(|slot| slot.correlation) else {
            return;
        };
        let before = std::mem::replace(&mut self.ends(correlation).newest, at);
        if let Some(slot) = self.slots.get_mut(at as usize) {
            slot.older = before;
            slot.newer = NONE;
        }
        match self.slots.get_mut(before as usize) {
            Some(slot) => slot.newer = at,
            None => self.ends(correlation).set_oldest(at),
        }
    }

    fn unlink(&mut self, at: u32) {
        if let Some(slot) = self.slots.get(at as usize) {
            self.close_gap(slot.correlation, slot.older, slot.newer);
        }
    }

    /// Makes neighbours of the two beside a window that leaves its place.
    fn close_gap(&mut self, correlation: u32, older: u32, newer: u32) {
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.ends(correlation).set_oldest(newer),
        }
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.ends(correlation).newest = older,
        }
    }
}

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

fn is(slots: &[Slot], at: u32, correlation: u32, key: [u64; 2]) -> bool {
    slots
        .get(at as usize)
        .is_some_and(|slot| slot.correlation == correlation && slot.key == key)
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
                match (step, keys.find(1, key)) {
                    (0, Some(at)) => {
                        prop_assert_eq!(keys.remove(at).map(|slot| slot.key()), Some(key));
                        order.retain(|&other| other != key);
                    }
                    (_, Some(at)) => {
                        keys.touch(at, number as u64);
                        order.retain(|&other| other != key);
                        order.push(key);
                    }
                    (_, None) => {
                        keys.add(1, key, one(), number as u64);
                        order.push(key);
                    }
                }
                prop_assert_eq!(keys.len(), order.len());
                let oldest = keys.oldest().and_then(|at| keys.slot(at)).map(Slot::key);
                prop_assert_eq!(oldest, order.first().copied());
            }
            while let Some(at) = keys.oldest() {
                prop_assert_eq!(keys.remove(at).map(|slot| slot.key()), Some(order.remove(0)));
            }
            prop_assert!(order.is_empty());
        }
    }

    #[test]
    fn a_key_stays_within_the_stated_memory() {
        let mut keys = Keys::new();
        for key in 0..100_000u128 {
            keys.add(3, key << 64 | 1, one(), key as u64);
        }
        assert!(size_of::<Slot>() <= 64, "{}", size_of::<Slot>());
        assert!(keys.bytes() < 10 << 20, "{}", keys.bytes());
        assert_eq!(
            keys.find(3, 77 << 64 | 1)
                .and_then(|at| keys.slot(at))
                .map(|slot| slot.touched),
            Some(77)
        );
        assert_eq!(keys.find(2, 77 << 64 | 1), None);
    }
}
