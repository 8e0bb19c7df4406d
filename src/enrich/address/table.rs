//! [`Table`]: a number for each address, found in one line of the processor's cache, which can be asked for ahead.
//!
//! Of an IPv4 address the entry that finds it tells all; IPv6 addresses lie beside in the order in which they came. Hashes are
//! seeded, for clients choose the addresses. Next: [`crate::index`].

use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr};

use foldhash::quality::RandomState;

use crate::index::Index;

/// Numbers by address.
#[derive(Debug)]
pub(super) struct Table {
    /// By what `mixer` makes of an address, which no other has.
    v4: Index,
    mixer: Mixer,
    /// Where in `sixes` an address is.
    v6: Index,
    hasher: RandomState,
    sixes: Vec<(u128, u32)>,
}

impl Table {
    /// None yet.
    pub fn new() -> Self {
        Self {
            v4: Index::new(),
            mixer: Mixer::new(),
            v6: Index::new(),
            hasher: RandomState::default(),
            sixes: Vec::new(),
        }
    }

    /// How many addresses have one.
    pub const fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.v4.clear();
        self.v6.clear();
        self.sixes.clear();
    }

    /// Asks for the memory that [`Table::find`] begins with.
    #[inline]
    pub fn fetch(&self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.v4.fetch(self.mixer.mix(v4)),
            IpAddr::V6(v6) => self.v6.fetch(self.hasher.hash_one(v6.to_bits())),
        }
    }

    /// The number of an address.
    #[inline]
    pub fn find(&self, address: IpAddr) -> Option<u32> {
        match address {
            IpAddr::V4(v4) => self.v4.find(self.mixer.mix(v4), |_| true),
            IpAddr::V6(v6) => self.six(v6.to_bits()),
        }
    }

    fn six(&self, bits: u128) -> Option<u32> {
        let at = |place: u32| self.sixes.get(place as usize);
        let is = |place| at(place).is_some_and(|(other, _)| *other == bits);
        let place = self.v6.find(self.hasher.hash_one(bits), is)?;
        at(place).map(|(_, number)| *number)
    }

    /// Gives an address its number; the caller has looked that it has none.
    pub fn insert(&mut self, address: IpAddr, number: u32) {
        match address {
            IpAddr::V4(v4) => self.v4.insert(self.mixer.mix(v4), number),
            IpAddr::V6(v6) => {
                let (bits, place) = (v6.to_bits(), self.sixes.len() as u32);
                self.v6.insert(self.hasher.hash_one(bits), place);
                self.sixes.push((bits, number));
            }
        }
    }
}

/// Scatters IPv4 addresses, each to a place of its own among 2³², by odd factors that nobody knows who chooses addresses.
/// Two rounds would leave regular addresses in heaps for some factors.
#[derive(Debug)]
struct Mixer([u32; 3]);

impl Mixer {
    fn new() -> Self {
        let hasher = RandomState::default();
        Self([0, 1, 2].map(|number| hasher.hash_one(number) as u32 | 1))
    }

    /// What is found by, in the upper half.
    #[inline]
    const fn mix(&self, address: Ipv4Addr) -> u64 {
        let Self([first, second, third]) = self;
        let once = address.to_bits().wrapping_mul(*first);
        let twice = (once ^ once >> 16).wrapping_mul(*second);
        let thrice = (twice ^ twice >> 15).wrapping_mul(*third);
        (thrice as u64) << 32
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_addresses_are_mixed_to_the_same() {
        for _ in 0..5 {
            let mixer = Mixer::new();
            let near = (0..50_000).chain(u32::MAX - 50_000..=u32::MAX);
            let apart = (0..50_000).map(|number| number << 16 | number >> 8);
            let all: BTreeSet<u32> = near.chain(apart).collect();
            let mixed: BTreeSet<u64> = all
                .iter()
                .map(|bits| mixer.mix(Ipv4Addr::from_bits(*bits)))
                .collect();
            assert_eq!(mixed.len(), all.len());
            assert!(mixed.iter().all(|mixed| mixed << 32 == 0));
        }
    }

    /// How far each entry of a table at its fullest stands from where it should, on average.
    fn displacement(hashes: impl Iterator<Item = u64>) -> f64 {
        let mut places = vec![0_u32; 1 << 14];
        hashes.for_each(|hash| places[(hash >> 50) as usize] += 1);
        // Who does not find room at a place waits for the next.
        let (mut waiting, mut waited) = (0_u64, 0_u64);
        for _ in 0..2 {
            waited = 0;
            for came in &places {
                waiting = (waiting + u64::from(*came)).saturating_sub(1);
                waited += waiting;
            }
        }
        waited as f64 / FULL as f64
    }

    /// Four fifths of 2¹⁴.
    const FULL: u32 = 13_107;

    #[test]
    fn regular_addresses_do_not_heap_up() {
        for _ in 0..100 {
            let (mixer, hasher) = (Mixer::new(), RandomState::default());
            for shift in 0..19 {
                let fours = (0..FULL).map(|number| mixer.mix(Ipv4Addr::from_bits(number << shift)));
                let four = displacement(fours);
                let sixes =
                    (0..u128::from(FULL)).map(|number| hasher.hash_one(0x2001_0db8 << 96 | number << shift));
                let six = displacement(sixes);
                assert!(four < 20.0 && six < 20.0, "{shift}: {four} {six} {mixer:?}");
            }
        }
    }

    #[test]
    fn each_address_has_the_number_that_it_was_given() {
        let four = |number: u32| IpAddr::from(Ipv4Addr::from_bits(number << 16));
        let six = |number: u32| IpAddr::from((u128::from(number) << 64).to_be_bytes());
        let mut table = Table::new();
        for _ in 0..2 {
            for number in 0..3_000 {
                assert_eq!((table.find(four(number)), table.find(six(number))), (None, None));
                table.insert(four(number), 2 * number);
                table.insert(six(number), 2 * number + 1);
                table.fetch(six(number));
            }
            assert_eq!(table.len(), 6_000);
            for number in 0..3_000 {
                assert_eq!(table.find(four(number)), Some(2 * number));
                assert_eq!(table.find(six(number)), Some(2 * number + 1));
            }
            table.clear();
        }
    }
}
