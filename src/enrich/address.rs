//! [`AddressCache`]: all facts about an address, looked up once and then found in a few nanoseconds.
//!
//! One cache a thread. Facts are few and addresses are many, so an address is kept as a number into a table of
//! distinct facts: both tables stay small enough for the processor's own caches. A hit allocates nothing. The hash is
//! seeded, for clients choose the addresses. At its bound the cache begins anew, which costs lookups and never changes
//! a fact.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::lists::Role;
use super::{AddressFacts, Databases, Exempt, Exemptions, Lists, Marks, Place};
use crate::index::Index;

/// How many addresses a cache holds unless told otherwise, at most about 8 MB.
pub const DEFAULT_ADDRESSES: usize = 1 << 17;
/// How many database records are kept decoded. Country databases have some hundreds, ASN ones some ten thousands.
const MAX_PLACES: usize = 1 << 16;

/// Facts about addresses, cached.
#[derive(Debug)]
pub struct AddressCache {
    databases: Arc<Databases>,
    lists: Arc<Lists>,
    exemptions: Arc<Exemptions>,
    max_addresses: usize,
    /// The place in `facts` of each IPv4 address, by what `mixer` makes of it, which no other address has.
    v4: Index,
    mixer: Mixer,
    /// The place in `sixes` of each IPv6 address.
    v6: Index,
    /// IPv6 addresses, each with its place in `facts`.
    sixes: Vec<(u128, u32)>,
    hasher: RandomState,
    facts: Vec<AddressFacts>,
    /// The place of facts already met.
    met: HashMap<AddressFacts, u32, RandomState>,
    /// Decoded records by database and offset.
    decoded: HashMap<(usize, usize), Place, RandomState>,
    nobody: AddressFacts,
    misses: u64,
}

impl AddressCache {
    /// A cache over this data for at most `addresses` addresses.
    pub fn new(
        databases: Arc<Databases>,
        lists: Arc<Lists>,
        exemptions: Arc<Exemptions>,
        addresses: usize,
    ) -> Self {
        Self {
            databases,
            lists,
            exemptions,
            max_addresses: addresses.clamp(1, 1 << 24),
            v4: Index::new(),
            mixer: Mixer::new(),
            v6: Index::new(),
            sixes: Vec::new(),
            hasher: RandomState::default(),
            facts: Vec::new(),
            met: HashMap::default(),
            decoded: HashMap::default(),
            nobody: AddressFacts::default(),
            misses: 0,
        }
    }

    /// The facts about an address.
    #[inline]
    pub fn facts(&mut self, address: IpAddr) -> &AddressFacts {
        let place = match self.place(address) {
            Some(place) => place,
            None => self.admit(address),
        };
        self.facts.get(place as usize).unwrap_or(&self.nobody)
    }

    /// Asks for the memory that [`AddressCache::facts`] begins with.
    #[inline]
    pub fn fetch(&self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.v4.fetch(self.mixer.mix(v4)),
            IpAddr::V6(v6) => self.v6.fetch(self.hasher.hash_one(v6.to_bits())),
        }
    }

    #[inline]
    fn place(&self, address: IpAddr) -> Option<u32> {
        match address {
            IpAddr::V4(v4) => self.v4.find(self.mixer.mix(v4), |_| true),
            IpAddr::V6(v6) => {
                let bits = v6.to_bits();
                let six = |number: u32| self.sixes.get(number as usize);
                let is = |number| six(number).is_some_and(|(other, _)| *other == bits);
                let number = self.v6.find(self.hasher.hash_one(bits), is)?;
                six(number).map(|(_, place)| *place)
            }
        }
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
        *self = Self::new(databases, lists, exemptions, self.max_addresses);
    }

    /// Looks the address up and keeps what it finds.
    #[cold]
    fn admit(&mut self, address: IpAddr) -> u32 {
        self.misses += 1;
        if self.v4.len() + self.v6.len() >= self.max_addresses {
            self.v4.clear();
            self.v6.clear();
            self.sixes.clear();
            self.facts.clear();
            self.met.clear();
        }
        let facts = self.look_up(address);
        let place = match self.met.get(&facts) {
            Some(place) => *place,
            None => self.keep(facts),
        };
        match address {
            IpAddr::V4(v4) => self.v4.insert(self.mixer.mix(v4), place),
            IpAddr::V6(v6) => {
                let bits = v6.to_bits();
                self.v6
                    .insert(self.hasher.hash_one(bits), self.sixes.len() as u32);
                self.sixes.push((bits, place));
            }
        }
        place
    }

    /// A place for facts that were not met before; there are never more of them than addresses.
    fn keep(&mut self, facts: AddressFacts) -> u32 {
        let place = u32::try_from(self.facts.len()).unwrap_or(u32::MAX);
        self.facts.push(facts.clone());
        self.met.insert(facts, place);
        place
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
            if self.decoded.len() >= MAX_PLACES {
                self.decoded.clear();
            }
            let known = self.decoded.entry((index, offset));
            place.complete(known.or_insert_with(|| database.place(address)));
        }
        place
    }
}

/// Scatters IPv4 addresses, each to a place of its own among 2³², by odd factors that nobody knows who chooses addresses.
#[derive(Debug)]
struct Mixer([u32; 2]);

impl Mixer {
    fn new() -> Self {
        let seeds = RandomState::default().hash_one(0);
        Self([seeds as u32 | 1, (seeds >> 32) as u32 | 1])
    }

    /// What is found by, in the upper half.
    #[inline]
    const fn mix(&self, address: Ipv4Addr) -> u64 {
        let Self([first, second]) = self;
        let once = address.to_bits().wrapping_mul(*first);
        let twice = (once ^ once >> 15).wrapping_mul(*second);
        (twice as u64) << 32
    }
}

#[cfg(test)]
mod tests;
