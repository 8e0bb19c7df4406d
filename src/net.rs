//! Networks: [`Cidr`], membership in many of them ([`Ranges`]) and the longest one that matches ([`PrefixMap`]).
//!
//! Addresses are compared as numbers within their family; an IPv4-mapped IPv6 address is IPv4 everywhere. Pure
//! values without I/O. Used by [`crate::client`] and [`crate::enrich`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use afw_parsers::address;

/// A network: an address and how many of its leading bits count. Host bits are cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// A text that is no network. Who tells it names the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no address and no network in CIDR notation")]
pub struct CidrError;

impl Cidr {
    /// The network of the first `prefix` bits of an address; `None` when the family has fewer bits. A network
    /// inside `::ffff:0:0/96` is its IPv4 network.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let (address, prefix) = match address {
            IpAddr::V6(v6) if prefix >= 96 => match v6.to_ipv4_mapped() {
                Some(v4) => (IpAddr::V4(v4), prefix - 96),
                None => (address, prefix),
            },
            _ => (address, prefix),
        };
        let network = match address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask32(prefix)?)),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask128(prefix)?)),
        };
        Some(Self { network, prefix })
    }

    /// The network of one address.
    pub fn host(address: IpAddr) -> Self {
        let network = address.to_canonical();
        let prefix = if network.is_ipv4() { 32 } else { 128 };
        Self { network, prefix }
    }

    /// The first address.
    pub const fn network(self) -> IpAddr {
        self.network
    }

    /// How many leading bits count.
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// The last address.
    pub fn last(self) -> IpAddr {
        match self.network {
            IpAddr::V4(v4) => {
                let host = !mask32(self.prefix).unwrap_or(u32::MAX);
                IpAddr::V4(Ipv4Addr::from(u32::from(v4) | host))
            }
            IpAddr::V6(v6) => {
                let host = !mask128(self.prefix).unwrap_or(u128::MAX);
                IpAddr::V6(Ipv6Addr::from(u128::from(v6) | host))
            }
        }
    }

    /// Whether the address lies in the network.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(v4)) => {
                mask32(self.prefix).is_some_and(|mask| u32::from(v4) & mask == u32::from(network))
            }
            (IpAddr::V6(network), IpAddr::V6(v6)) => {
                mask128(self.prefix).is_some_and(|mask| u128::from(v6) & mask == u128::from(network))
            }
            _ => false,
        }
    }

    /// Whether all of `other` lies in this network.
    pub fn covers(self, other: Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.network)
    }
}

/// The leading `prefix` bits set; `None` above 32.
fn mask32(prefix: u8) -> Option<u32> {
    let shift = 32u32.checked_sub(u32::from(prefix))?;
    Some(u32::MAX.checked_shl(shift).unwrap_or(0))
}

/// The leading `prefix` bits set; `None` above 128.
fn mask128(prefix: u8) -> Option<u128> {
    let shift = 128u32.checked_sub(u32::from(prefix))?;
    Some(u128::MAX.checked_shl(shift).unwrap_or(0))
}

impl FromStr for Cidr {
    type Err = CidrError;

    /// `192.0.2.0/24`, `2001:db8::/32` or a single address; host bits may be set.
    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.trim().split_once('/') {
            None => (text.trim(), None),
            Some((address, prefix)) => (address, Some(prefix)),
        };
        let address: IpAddr = address.parse().map_err(|_| CidrError)?;
        match prefix {
            None => Some(Self::host(address)),
            Some(digits) if digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().and_then(|prefix| Self::new(address, prefix))
            }
            Some(_) => None,
        }
        .ok_or(CidrError)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// Reads one address as logs and headers write it (port, brackets, zone, mapped), surrounding blanks and one pair
/// of quotes ignored.
pub fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = text.trim_ascii();
    let text = match text {
        [b'"', inner @ .., b'"'] => inner.trim_ascii(),
        other => other,
    };
    address::ip(text).map(|ip| ip.to_canonical())
}

/// Which addresses lie in any of many networks: sorted ranges without overlap, found by binary search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
    /// One bit for each first byte of an IPv4 address with which one of the ranges begins, ends or goes on.
    first: [u64; 4],
}

impl Ranges {
    /// Whether no address is inside.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether the address lies in one of the networks.
    #[inline]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.may_hold(v4) && within(&self.v4, u32::from(v4)),
            IpAddr::V6(v6) => within(&self.v6, u128::from(v6)),
        }
    }

    /// Told by the first byte alone; most addresses lie in none of a few networks.
    fn may_hold(&self, v4: Ipv4Addr) -> bool {
        let first = usize::from(v4.octets()[0]);
        self.first
            .get(first / 64)
            .is_some_and(|bits| bits >> (first % 64) & 1 == 1)
    }

    /// Whether every address of the network lies in the ranges.
    pub fn covers(&self, cidr: Cidr) -> bool {
        match (cidr.network(), cidr.last()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => spans(&self.v4, u32::from(first), u32::from(last)),
            (IpAddr::V6(first), IpAddr::V6(last)) => spans(&self.v6, u128::from(first), u128::from(last)),
            _ => false,
        }
    }
}

impl FromIterator<Cidr> for Ranges {
    fn from_iter<I: IntoIterator<Item = Cidr>>(cidrs: I) -> Self {
        let mut ranges = Self::default();
        for cidr in cidrs {
            match (cidr.network(), cidr.last()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => ranges.v4.push((first.into(), last.into())),
                (IpAddr::V6(first), IpAddr::V6(last)) => ranges.v6.push((first.into(), last.into())),
                _ => {}
            }
        }
        ranges.v4 = merged(ranges.v4, |n| n.checked_add(1));
        ranges.v6 = merged(ranges.v6, |n| n.checked_add(1));
        ranges.first = first_bytes(&ranges.v4);
        ranges
    }
}

/// One bit for each first byte of the addresses in the ranges.
fn first_bytes(ranges: &[(u32, u32)]) -> [u64; 4] {
    let mut first = [0; 4];
    for byte in ranges.iter().flat_map(|(from, to)| from >> 24..=to >> 24) {
        if let Some(bits) = first.get_mut(byte as usize / 64) {
            *bits |= 1 << (byte % 64);
        }
    }
    first
}

fn within<N: Copy + Ord>(ranges: &[(N, N)], number: N) -> bool {
    spans(ranges, number, number)
}

fn spans<N: Copy + Ord>(ranges: &[(N, N)], first: N, last: N) -> bool {
    let after = ranges.partition_point(|range| range.0 <= first);
    let found = after.checked_sub(1).and_then(|at| ranges.get(at));
    found.is_some_and(|range| last <= range.1)
}

/// Sorted, with overlapping and touching ranges joined.
fn merged<N: Copy + Ord>(mut ranges: Vec<(N, N)>, next: impl Fn(N) -> Option<N>) -> Vec<(N, N)> {
    ranges.sort_unstable();
    let mut joined: Vec<(N, N)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(open) if next(open.1).is_none_or(|after| first <= after) => open.1 = open.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined.shrink_to_fit();
    joined
}

/// Networks with a value each; an address finds the value of the longest network that contains it.
///
/// Networks nest or are disjoint, so they flatten into sorted segments that each belong to one network: a lookup is
/// one binary search.
#[derive(Debug, Clone, PartialEq)]
pub struct PrefixMap<T> {
    entries: Vec<(Cidr, T)>,
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u32)>,
}

/// Segment of no network.
const NOBODY: u32 = u32::MAX;

impl<T> PrefixMap<T> {
    /// Of several values for the same network the first stays.
    pub fn new(entries: impl IntoIterator<Item = (Cidr, T)>) -> Self {
        let mut entries: Vec<(Cidr, T)> = entries.into_iter().collect();
        entries.sort_by_key(|(cidr, _)| *cidr);
        entries.dedup_by_key(|(cidr, _)| *cidr);
        entries.truncate(NOBODY as usize);
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for (index, (cidr, _)) in (0u32..).zip(&entries) {
            match (cidr.network(), cidr.last()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.into(), last.into(), index)),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.into(), last.into(), index)),
                _ => {}
            }
        }
        Self {
            v4: flattened(&v4, |n: u32| n.checked_add(1)),
            v6: flattened(&v6, |n: u128| n.checked_add(1)),
            entries,
        }
    }

    /// How many networks there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no network.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The longest network that contains the address, and its value.
    #[inline]
    pub fn find(&self, address: IpAddr) -> Option<(Cidr, &T)> {
        let owner = match address.to_canonical() {
            IpAddr::V4(v4) => owner(&self.v4, u32::from(v4)),
            IpAddr::V6(v6) => owner(&self.v6, u128::from(v6)),
        }?;
        let (cidr, value) = self.entries.get(owner as usize)?;
        Some((*cidr, value))
    }

    /// Every network with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Cidr, &T)> {
        self.entries.iter().map(|(cidr, value)| (*cidr, value))
    }
}

fn owner<N: Copy + Ord>(segments: &[(N, u32)], number: N) -> Option<u32> {
    let after = segments.partition_point(|segment| segment.0 <= number);
    let segment = segments.get(after.checked_sub(1)?)?;
    (segment.1 != NOBODY).then_some(segment.1)
}

/// Networks sorted by first address and then by prefix (wide before narrow) → where each segment begins and whose
/// it is.
fn flattened<N: Copy + Ord>(networks: &[(N, N, u32)], next: impl Fn(N) -> Option<N>) -> Vec<(N, u32)> {
    let mut segments: Vec<(N, u32)> = Vec::with_capacity(networks.len() * 2);
    let mut open: Vec<(N, u32)> = Vec::new();
    let mut begin = |at: N, who: u32| {
        match segments.last_mut() {
            Some(last) if last.0 == at => last.1 = who,
            _ => segments.push((at, who)),
        };
    };
    let close = |open: &mut Vec<(N, u32)>, begin: &mut dyn FnMut(N, u32)| {
        if let Some((last, _)) = open.pop()
            && let Some(after) = next(last)
        {
            begin(after, open.last().map_or(NOBODY, |outer| outer.1));
        }
    };
    for &(first, last, index) in networks {
        while open.last().is_some_and(|outer| outer.0 < first) {
            close(&mut open, &mut begin);
        }
        begin(first, index);
        open.push((last, index));
    }
    while !open.is_empty() {
        close(&mut open, &mut begin);
    }
    segments.shrink_to_fit();
    segments
}

#[cfg(test)]
mod tests;
