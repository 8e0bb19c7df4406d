//! [`AddressCache`]: all facts about an address, looked up once and then found in a few nanoseconds.
//!
//! One cache a thread. A hit allocates nothing.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::lists::Role;
use super::sets::Sets;
use super::{AddressFacts, Databases, Exempt, Exemptions, Lists, Marks, Place};

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
    table: Sets<IpAddr, AddressFacts>,
    /// Decoded records by database and offset.
    places: HashMap<(usize, usize), Place, RandomState>,
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
            hasher: RandomState::default(),
            table: Sets::new(addresses),
            places: HashMap::default(),
            nobody: AddressFacts::default(),
            misses: 0,
        }
    }

    /// The facts about an address.
    #[inline]
    pub fn facts(&mut self, address: IpAddr) -> &AddressFacts {
        let hash = self.hasher.hash_one(key(address));
        let slot = match self.table.find(hash, |stored| *stored == address) {
            Some(slot) => slot,
            None => self.admit(hash, address),
        };
        self.table.value(slot).unwrap_or(&self.nobody)
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
        *self = Self::new(databases, lists, exemptions, self.table.capacity());
    }

    /// Looks the address up and keeps what it finds.
    #[cold]
    fn admit(&mut self, hash: u64, address: IpAddr) -> usize {
        self.misses += 1;
        let facts = self.look_up(address);
        self.table.insert(hash, address, facts)
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
