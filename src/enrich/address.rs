//! [`AddressCache`]: all facts about an address, looked up once and then found in a few nanoseconds.
//!
//! One cache a thread. Facts are few and addresses are many, so an address is kept as a number into a table of
//! distinct facts: both tables stay small enough for the processor's own caches. A hit allocates nothing. The hash is
//! seeded, for clients choose the addresses. At its bound the cache begins anew, which costs lookups and never changes
//! a fact.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::lists::Role;
use super::{AddressFacts, Databases, Exempt, Exemptions, Lists, Marks, Place};

mod table;

use table::Table;

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
    /// The place in `facts` of each address.
    numbers: Table,
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
            numbers: Table::new(),
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
        let place = match self.numbers.find(address) {
            Some(place) => place,
            None => self.admit(address),
        };
        self.facts.get(place as usize).unwrap_or(&self.nobody)
    }

    /// Asks for the memory that [`AddressCache::facts`] begins with.
    #[inline]
    pub fn fetch(&self, address: IpAddr) {
        self.numbers.fetch(address);
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
        if self.numbers.len() >= self.max_addresses {
            self.numbers.clear();
            self.facts.clear();
            self.met.clear();
        }
        let facts = self.look_up(address);
        let place = match self.met.get(&facts) {
            Some(place) => *place,
            None => self.keep(facts),
        };
        self.numbers.insert(address, place);
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

#[cfg(test)]
mod tests;
