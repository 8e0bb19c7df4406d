//! [`Index`]: finds numbers by hash, what is there in one line of the processor's cache mostly, and [`fetch`]: asks for memory ahead.
//!
//! Millions of things that come in no order wait for memory, one behind the other. Who knows a little earlier what will be
//! looked at asks for it then; that takes a table that says where it will look, which those of the libraries do not. Used by
//! `detect` (windows) and `enrich` (addresses).
//!
//! Open addressing: an entry stands at the place that the upper bits of its hash name, or behind it, beside the half of the
//! hash that tells it from nearly all others. So the upper half of a hash must be well mixed, whoever chooses what is hashed.

pub use prefetch_index::prefetch_index as fetch;

/// No entry.
const EMPTY: u64 = u64::MAX;
/// Entries at first; a power of two.
const FEWEST: usize = 16;

/// Numbers by hash.
#[derive(Debug)]
pub struct Index {
    /// The upper half of a hash above a number. A power of two of them, at least one in five empty.
    entries: Vec<u64>,
    len: usize,
}

impl Index {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            entries: vec![EMPTY; FEWEST],
            len: 0,
        }
    }

    /// How many numbers it finds.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Bytes held.
    pub const fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<u64>()
    }

    /// Asks for the memory that looking for this hash begins with.
    #[inline]
    pub fn fetch(&self, hash: u64) {
        fetch(&self.entries, self.home(tag(hash)));
    }

    /// The first number with this hash of which `is` is true. Only the upper half of the hash counts.
    #[inline]
    pub fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.place(hash, is).map(|(_, number)| number)
    }

    /// Adds a number less than `u32::MAX`, which with the highest hash would be no entry.
    #[inline]
    pub fn insert(&mut self, hash: u64, number: u32) {
        debug_assert_ne!(number, u32::MAX);
        if (self.len + 1) * 5 > self.entries.len() * 4 {
            self.grow();
        }
        self.len += 1;
        self.put(tag(hash) | u64::from(number));
    }

    /// Takes a number out that was added with this hash.
    pub fn remove(&mut self, hash: u64, number: u32) {
        let Some((mut hole, _)) = self.place(hash, |other| other == number) else {
            return;
        };
        self.len -= 1;
        let mask = self.entries.len() - 1;
        let mut next = hole;
        // What stands behind it for want of a place moves up.
        loop {
            next = (next + 1) & mask;
            let entry = self.entry(next);
            if entry == EMPTY {
                break;
            }
            let home = self.home(entry);
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(hole) & mask {
                self.set(hole, entry);
                hole = next;
            }
        }
        self.set(hole, EMPTY);
    }

    /// Forgets all, and keeps the room.
    pub fn clear(&mut self) {
        self.entries.fill(EMPTY);
        self.len = 0;
    }

    /// Where an entry is, and its number.
    #[inline]
    fn place(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<(usize, u32)> {
        let tag = tag(hash);
        let mut at = self.home(tag);
        loop {
            let entry = self.entry(at);
            if entry == EMPTY {
                return None;
            }
            let number = entry as u32;
            if entry ^ tag <= u64::from(u32::MAX) && is(number) {
                return Some((at, number));
            }
            at = (at + 1) & (self.entries.len() - 1);
        }
    }

    #[inline]
    fn entry(&self, at: usize) -> u64 {
        self.entries.get(at).copied().unwrap_or(EMPTY)
    }

    #[inline]
    fn set(&mut self, at: usize, entry: u64) {
        if let Some(place) = self.entries.get_mut(at) {
            *place = entry;
        }
    }

    /// Where an entry would stand if it had the table for itself.
    #[inline]
    fn home(&self, entry: u64) -> usize {
        let bits = self.entries.len().trailing_zeros();
        (entry >> 32 << bits >> 32) as usize
    }

    #[inline]
    fn put(&mut self, entry: u64) {
        let mut at = self.home(entry);
        while self.entry(at) != EMPTY {
            at = (at + 1) & (self.entries.len() - 1);
        }
        self.set(at, entry);
    }

    #[cold]
    fn grow(&mut self) {
        let twice = vec![EMPTY; 2 * self.entries.len()];
        let before = std::mem::replace(&mut self.entries, twice);
        before
            .into_iter()
            .filter(|&entry| entry != EMPTY)
            .for_each(|entry| self.put(entry));
    }
}

/// The half of a hash that an entry keeps.
#[inline]
const fn tag(hash: u64) -> u64 {
    hash & !(u32::MAX as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few homes, at the end of the table too, so that entries stand behind each other and around the corner.
        #[test]
        fn it_finds_what_was_added_and_not_removed(steps in proptest::collection::vec((any::<bool>(), 0_u32..60), 1..300)) {
            let hash = |number: u32| u64::from(0xFFFF_FFF0_u32.wrapping_mul(number % 7)) << 32;
            let (mut index, mut known) = (Index::new(), std::collections::BTreeSet::new());
            for (adds, number) in steps {
                if adds && known.insert(number) {
                    index.insert(hash(number), number);
                } else if !adds {
                    known.remove(&number);
                    index.remove(hash(number), number);
                }
                prop_assert_eq!(index.len(), known.len());
                for number in 0..60 {
                    let found = index.find(hash(number), |other| other == number);
                    prop_assert_eq!(found, known.contains(&number).then_some(number));
                }
                let empty = index.entries.iter().filter(|&&entry| entry == EMPTY).count();
                prop_assert!(empty * 5 >= index.entries.len(), "{} of {}", empty, index.entries.len());
            }
            index.clear();
            prop_assert!((0..60).all(|number| index.find(hash(number), |_| true).is_none()));
        }
    }

    #[test]
    fn only_the_upper_half_of_a_hash_counts() {
        let mut index = Index::new();
        index.insert(7 << 32 | 1, 3);
        assert_eq!(index.find(7 << 32 | 2, |_| true), Some(3));
        assert_eq!(index.find(8 << 32 | 1, |_| true), None);
        index.remove(7 << 32, 3);
        assert_eq!((index.find(7 << 32, |_| true), index.len()), (None, 0));
    }
}
