//! [`Sets`]: a bounded table for what was looked up before.
//!
//! Sets of four slots: an entry lives in the one set that its seeded hash selects, so that clients cannot choose keys
//! that crowd one set. The table doubles until its bound; then a full set forgets its slots in turn. Forgetting costs
//! a new lookup and never changes an answer. Used by the address and the agent cache.

/// Slots of a set.
const WAYS: usize = 4;
/// Sets at the beginning.
const FIRST_SETS: usize = 64;

/// A bounded table of entries under their hashes.
#[derive(Debug)]
pub(super) struct Sets<K, V> {
    /// Hash of each slot's key; 0 where the slot is free.
    tags: Vec<u64>,
    entries: Vec<Option<(K, V)>>,
    max_sets: usize,
    used: usize,
    turn: usize,
}

impl<K, V> Sets<K, V> {
    /// A table for at least `entries` entries.
    pub(super) fn new(entries: usize) -> Self {
        let max_sets = (entries / WAYS).next_power_of_two().max(FIRST_SETS);
        let mut table = Self {
            tags: Vec::new(),
            entries: Vec::new(),
            max_sets,
            used: 0,
            turn: 0,
        };
        table.resize(FIRST_SETS);
        table
    }

    /// How many entries it holds at most.
    pub(super) const fn capacity(&self) -> usize {
        self.max_sets * WAYS
    }

    /// Slot of the entry with this hash whose key is the `same`.
    #[inline]
    pub(super) fn find(&self, hash: u64, same: impl Fn(&K) -> bool) -> Option<usize> {
        let tag = hash.max(1);
        let first = self.first_slot(tag);
        let set = self.tags.get(first..first + WAYS)?;
        for (way, stored) in set.iter().enumerate() {
            if *stored == tag
                && let Some(Some((key, _))) = self.entries.get(first + way)
                && same(key)
            {
                return Some(first + way);
            }
        }
        None
    }

    /// The value in a slot.
    #[inline]
    pub(super) fn value(&self, slot: usize) -> Option<&V> {
        self.entries.get(slot)?.as_ref().map(|(_, value)| value)
    }

    /// Takes an entry that is not in the table, and tells its slot.
    pub(super) fn insert(&mut self, hash: u64, key: K, value: V) -> usize {
        let tag = hash.max(1);
        let sets = self.tags.len() / WAYS;
        let crowded = self.used * 2 > self.tags.len() || (self.is_full(tag) && self.used > sets);
        if crowded && sets < self.max_sets {
            self.resize(sets * 2);
        }
        self.place(tag, (key, value))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "only the low bits select the set")]
    fn first_slot(&self, tag: u64) -> usize {
        let sets = self.tags.len() / WAYS;
        (tag as usize & (sets - 1)) * WAYS
    }

    fn is_full(&self, tag: u64) -> bool {
        let first = self.first_slot(tag);
        let set = self.tags.get(first..first + WAYS);
        set.is_some_and(|set| !set.contains(&0))
    }

    /// Puts an entry into a free slot of its set, or into the next in turn.
    fn place(&mut self, tag: u64, entry: (K, V)) -> usize {
        let first = self.first_slot(tag);
        let set = self.tags.get(first..first + WAYS).unwrap_or_default();
        let free = set.iter().position(|stored| *stored == 0);
        self.used += usize::from(free.is_some());
        self.turn = (self.turn + 1) % WAYS;
        let slot = first + free.unwrap_or(self.turn);
        if let (Some(stored), Some(place)) = (self.tags.get_mut(slot), self.entries.get_mut(slot)) {
            *stored = tag;
            *place = Some(entry);
        }
        slot
    }

    fn resize(&mut self, sets: usize) {
        let tags = std::mem::replace(&mut self.tags, vec![0; sets * WAYS]);
        let empty = std::iter::repeat_with(|| None).take(sets * WAYS).collect();
        let entries = std::mem::replace(&mut self.entries, empty);
        self.used = 0;
        for (tag, entry) in tags.into_iter().zip(entries) {
            if let Some(entry) = entry {
                self.place(tag, entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_what_it_took_and_stays_within_its_bound() {
        let mut table = Sets::new(1_000);
        let mut remembered = 0;
        for number in 0u64..100_000 {
            let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let slot = table.insert(hash, number, number * 2);
            assert_eq!(table.value(slot), Some(&(number * 2)));
            remembered += usize::from(table.find(hash, |key| *key == number).is_some());
            assert!(table.find(hash, |key| *key == number + 1).is_none());
        }
        assert_eq!(remembered, 100_000);
        assert_eq!(table.entries.len(), table.capacity());
        assert!(table.capacity() < 2_000);
    }

    #[test]
    fn equal_hashes_do_not_mix_keys_up() {
        let mut table = Sets::new(10);
        for key in 0..3 {
            table.insert(0, key, key);
        }
        let slot = table.find(0, |key| *key == 1).unwrap();
        assert_eq!(table.value(slot), Some(&1));
    }
}
