//! [`AddressCache`]: all facts about an address, looked up once and then found in a few nanoseconds.
//!
//! One cache a thread. It is a table of sets of four slots: an address lives in one set, found by a seeded hash, so
//! that clients cannot choose addresses that crowd one set. The table doubles until its bound; then a set forgets
//! its slots in turn. Forgetting costs a new lookup and never changes a fact. A hit allocates nothing.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::lists::Role;
use super::{AddressFacts, Databases, Exempt, Exemptions, Lists, Marks, Place};

/// Slots of a set.
const WAYS: usize = 4;
/// Sets at the beginning.
const FIRST_SETS: usize = 256;
/// How many addresses a cache holds unless told otherwise, about 10 MB.
pub const DEFAULT_ADDRESSES: usize = 1 << 17;
/// How many database records are kept decoded. Country databases have some hundreds, ASN ones some ten thousands.
const MAX_PLACES: usize = 1 << 16;

/// Facts about addresses, cached.
#[derive(Debug)]
pub struct AddressCache {
    databases: Arc<Databases>,
    lists: Arc<Lists>,
    exemptions: Arc<Exemptions>,
    hasher: RandomState,
    /// `WAYS` keys a set: the address as a number, mapped for IPv4; `EMPTY` where nobody lives.
    keys: Vec<u128>,
    facts: Vec<AddressFacts>,
    max_sets: usize,
    used: usize,
    turn: usize,
    /// Decoded records by database and offset.
    places: HashMap<(usize, usize), Place, RandomState>,
    nobody: AddressFacts,
    unspecified: AddressFacts,
    misses: u64,
}

/// `::`, which is nobody's address; its facts are kept aside.
const EMPTY: u128 = 0;

impl AddressCache {
    /// A cache over this data for at most `addresses` addresses.
    pub fn new(
        databases: Arc<Databases>,
        lists: Arc<Lists>,
        exemptions: Arc<Exemptions>,
        addresses: usize,
    ) -> Self {
        let max_sets = (addresses / WAYS).next_power_of_two().max(FIRST_SETS);
        let mut cache = Self {
            databases,
            lists,
            exemptions,
            hasher: RandomState::default(),
            keys: Vec::new(),
            facts: Vec::new(),
            max_sets,
            used: 0,
            turn: 0,
            places: HashMap::default(),
            nobody: AddressFacts::default(),
            unspecified: AddressFacts::default(),
            misses: 0,
        };
        cache.resize(FIRST_SETS);
        cache.unspecified = cache.look_up(IpAddr::from([0u8; 16]));
        cache
    }

    /// The facts about an address.
    #[inline]
    pub fn facts(&mut self, address: IpAddr) -> &AddressFacts {
        let key = key(address);
        let at = match self.find(key) {
            Some(at) => at,
            None => self.admit(key, address),
        };
        self.facts.get(at).unwrap_or(&self.unspecified)
    }

    /// Facts for a line that tells no client address.
    pub const fn nobody(&self) -> &AddressFacts {
        &self.nobody
    }

    /// How many times an address was not in the cache.
    pub const fn misses(&self) -> u64 {
        self.misses
    }

    /// Takes new data; everything cached is forgotten.
    pub fn replace(&mut self, databases: Arc<Databases>, lists: Arc<Lists>, exemptions: Arc<Exemptions>) {
        *self = Self::new(databases, lists, exemptions, self.max_sets * WAYS);
    }

    #[inline]
    fn find(&mut self, key: u128) -> Option<usize> {
        let first = self.first_slot(key);
        let set = self.keys.get(first..first + WAYS)?;
        let way = set.iter().position(|slot| *slot == key)?;
        (key != EMPTY).then_some(first + way)
    }

    #[inline]
    fn first_slot(&self, key: u128) -> usize {
        let sets = self.keys.len() / WAYS;
        #[expect(clippy::cast_possible_truncation, reason = "only the low bits select the set")]
        let hash = self.hasher.hash_one(key) as usize;
        (hash & (sets - 1)) * WAYS
    }

    /// Looks the address up and gives it a slot.
    #[cold]
    fn admit(&mut self, key: u128, address: IpAddr) -> usize {
        self.misses += 1;
        if key == EMPTY {
            return usize::MAX;
        }
        let facts = self.look_up(address);
        let sets = self.keys.len() / WAYS;
        let crowded = self.used * 2 > self.keys.len() || (self.is_full(key) && self.used > sets);
        if crowded && sets < self.max_sets {
            self.resize(sets * 2);
        }
        self.place(key, facts)
    }

    fn is_full(&self, key: u128) -> bool {
        let first = self.first_slot(key);
        self.keys
            .get(first..first + WAYS)
            .is_some_and(|set| !set.contains(&EMPTY))
    }

    /// Puts facts into a free slot of the key's set, or into the next in turn.
    fn place(&mut self, key: u128, facts: AddressFacts) -> usize {
        let first = self.first_slot(key);
        let set = self.keys.get(first..first + WAYS).unwrap_or_default();
        let free = set.iter().position(|slot| *slot == EMPTY);
        if free.is_some() {
            self.used += 1;
        }
        self.turn = (self.turn + 1) % WAYS;
        let at = first + free.unwrap_or(self.turn);
        if let (Some(slot), Some(stored)) = (self.keys.get_mut(at), self.facts.get_mut(at)) {
            *slot = key;
            *stored = facts;
        }
        at
    }

    fn resize(&mut self, sets: usize) {
        let keys = std::mem::replace(&mut self.keys, vec![EMPTY; sets * WAYS]);
        let facts = std::mem::replace(&mut self.facts, vec![AddressFacts::default(); sets * WAYS]);
        self.used = 0;
        for (key, facts) in keys.into_iter().zip(facts).filter(|(key, _)| *key != EMPTY) {
            self.place(key, facts);
        }
    }

    /// Everything there is to know, looked up in the data.
    fn look_up(&mut self, address: IpAddr) -> AddressFacts {
        let place = self.located(address);
        let mut names: Vec<Arc<str>> = Vec::new();
        let (mut listed, mut edge) = (false, false);
        for list in self.lists.containing(address, place.asn) {
            listed |= list.role() == Role::Threat;
            edge |= list.role() == Role::Edge;
            names.push(list.name().clone());
        }
        let marks = Marks::NAMES
            .iter()
            .filter(|(mark, _)| place.marks.contains(*mark));
        names.extend(marks.map(|(_, name)| Arc::from(*name)));
        names.sort_unstable();
        names.dedup();
        AddressFacts {
            country: place.country,
            asn: place.asn,
            as_org: place.as_org,
            lists: if names.is_empty() {
                Arc::default()
            } else {
                names.into()
            },
            listed,
            exempt: self
                .exemptions
                .reason(address)
                .or(edge.then_some(Exempt::CdnEdge)),
        }
    }

    /// What the databases say; records that many addresses share are decoded once.
    fn located(&mut self, address: IpAddr) -> Place {
        let address = address.to_canonical();
        let mut place = Place::default();
        for (index, database) in self.databases.iter().enumerate() {
            let Some(offset) = database.record_at(address) else {
                continue;
            };
            if self.places.len() >= MAX_PLACES {
                self.places.clear();
            }
            let known = self.places.entry((index, offset));
            place.complete(known.or_insert_with(|| database.place(address)));
        }
        place
    }
}

#[inline]
fn key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

#[cfg(test)]
mod tests;
