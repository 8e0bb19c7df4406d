//! [`Names`]: numbers for values that come again and again, so that tables need not hold texts.
//!
//! Bounded: when it is full, the owner says which numbers are still in use, and the others are given up.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Numbers for values.
#[derive(Debug, Clone)]
pub struct Names<V> {
    values: Vec<V>,
    places: HashTable<u32>,
    /// Seeded: clients choose the texts.
    hasher: RandomState,
    /// Numbers that were met lately, each at the place that its hash says; looked at first, for there are few of them.
    recent: Vec<u32>,
    max: usize,
}

/// How many are met lately.
const RECENT: usize = 1 << 10;

impl<V: Hash + Eq + Clone> Names<V> {
    /// None yet, and at most about `max`.
    pub fn new(max: usize) -> Self {
        Self {
            values: Vec::new(),
            places: HashTable::new(),
            hasher: RandomState::default(),
            recent: vec![u32::MAX; RECENT],
            max,
        }
    }

    /// The same for an owner that remembers by itself which it met lately.
    pub fn without_recent(max: usize) -> Self {
        Self {
            recent: Vec::new(),
            ..Self::new(max)
        }
    }

    /// Whether the owner should [`Names::keep`] only what is in use.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.values.len() >= self.max
    }

    /// The number of a value: found by `key`, which must hash as the value does and be what `is` compares; made by
    /// `new` when it is met for the first time.
    #[inline]
    pub fn number<Q: Hash + ?Sized>(
        &mut self,
        key: &Q,
        is: impl Fn(&V) -> bool,
        new: impl FnOnce() -> V,
    ) -> u32 {
        let hash = self.hasher.hash_one(key);
        let values = &self.values;
        let same = |place: &u32| values.get(*place as usize).is_some_and(&is);
        let slot = hash as usize % RECENT;
        if let Some(number) = self.recent.get(slot).filter(|number| same(number)) {
            return *number;
        }
        let number = match self.places.find(hash, same) {
            Some(place) => *place,
            None => self.push(hash, new()),
        };
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = number;
        }
        number
    }

    #[cold]
    fn push(&mut self, hash: u64, value: V) -> u32 {
        // There are fewer than 2^20 of them, see the bounds of the tally.
        let place = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value);
        let (values, hasher) = (&self.values, &self.hasher);
        self.places.insert_unique(hash, place, |place| {
            values
                .get(*place as usize)
                .map_or(0, |value| hasher.hash_one(value))
        });
        place
    }

    /// The value of a number.
    pub fn value(&self, number: u32) -> Option<&V> {
        self.values.get(number as usize)
    }

    /// All values in the order of their numbers.
    pub fn values(&self) -> &[V] {
        &self.values
    }

    /// Takes in the values of another; the new number of each.
    pub fn merge(&mut self, other: &Self) -> Vec<u32> {
        let renumber = |value: &V| self.number(value, |own| own == value, || value.clone());
        other.values.iter().map(renumber).collect()
    }

    /// Gives up the values that are not in use; the new number of each old one that is.
    pub fn keep(&mut self, in_use: impl Fn(u32) -> bool) -> Vec<u32> {
        let old = std::mem::take(&mut self.values);
        self.places.clear();
        self.recent.fill(u32::MAX);
        let mut numbers = Vec::with_capacity(old.len());
        for (number, value) in (0..).zip(old) {
            numbers.push(if in_use(number) {
                let hash = self.hasher.hash_one(&value);
                self.push(hash, value)
            } else {
                u32::MAX
            });
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(names: &mut Names<Box<[u8]>>, text: &str) -> u32 {
        let bytes = text.as_bytes();
        names.number(bytes, |own| **own == *bytes, || bytes.into())
    }

    #[test]
    fn a_value_keeps_its_number_until_it_is_given_up() {
        let mut names = Names::new(3);
        assert_eq!(
            [
                number(&mut names, "a"),
                number(&mut names, "b"),
                number(&mut names, "a")
            ],
            [0, 1, 0]
        );
        number(&mut names, "c");
        assert!(names.is_full());
        assert_eq!(names.keep(|number| number != 0), [u32::MAX, 0, 1]);
        assert_eq!([number(&mut names, "c"), number(&mut names, "a")], [1, 2]);
        let mut other = Names::new(3);
        number(&mut other, "x");
        number(&mut other, "b");
        assert_eq!(names.merge(&other), [3, 0]);
    }
}
