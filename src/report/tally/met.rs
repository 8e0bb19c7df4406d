//! What was met before: places ([`Met`]), paths and agents of requests ([`Asked`]). Small entries, so that many of them
//! stay in the processor's caches.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many are remembered, as a power of two.
const BITS: u32 = 12;

/// Where a client is, in one word and a number: its network, its country, and the number of its autonomous system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Whereabouts {
    /// From the low end: 48 bits of the network, 2 of the kind of address, 10 of the country, and whether `asn` is known.
    word: u64,
    asn: u32,
}

impl Whereabouts {
    /// What this client's place is told by; `country` is under 1024 ([`super::codes::country`]).
    pub fn of(client: Option<IpAddr>, asn: Option<u32>, country: u16) -> Self {
        let (network, kind) = match client {
            None => (0, 0),
            Some(IpAddr::V4(v4)) => (u64::from(v4.to_bits() >> 8), 1),
            // 48 bits of 128.
            Some(IpAddr::V6(v6)) => ((v6.to_bits() >> 80) as u64, 2),
        };
        Self {
            word: network | kind << 48 | u64::from(country) << 50 | u64::from(asn.is_some()) << 60,
            asn: asn.unwrap_or_default(),
        }
    }

    /// The client's /24 or /48.
    pub fn network(self) -> Option<IpAddr> {
        let network = self.word & ((1 << 48) - 1);
        match self.word >> 48 & 3 {
            0 => None,
            // 24 bits of 32.
            1 => Some(Ipv4Addr::from_bits((network << 8) as u32).into()),
            _ => Some(Ipv6Addr::from_bits(u128::from(network) << 80).into()),
        }
    }

    /// Number of the autonomous system.
    pub fn asn(self) -> Option<u32> {
        (self.word >> 60 & 1 == 1).then_some(self.asn)
    }

    /// Country, as a number.
    pub fn country(self) -> u16 {
        (self.word >> 50 & 1023) as u16
    }

    fn slot(self) -> usize {
        (self.word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS)) as usize
    }
}

/// A place met lately.
#[derive(Debug, Clone, Copy)]
struct Place {
    word: u64,
    asn: u32,
    number: u32,
}

impl Place {
    /// None: no place has such a word.
    const NOWHERE: Self = Self {
        word: u64::MAX,
        asn: 0,
        number: 0,
    };
}

/// Places met lately with their numbers, each where its word says.
#[derive(Debug, Clone)]
pub struct Met(Vec<Place>);

impl Met {
    /// None yet.
    pub fn new() -> Self {
        Self(vec![Place::NOWHERE; 1 << BITS])
    }

    /// The number of a place.
    pub fn number(&self, of: Whereabouts) -> Option<u32> {
        let place = self.0.get(of.slot())?;
        ((place.word, place.asn) == (of.word, of.asn)).then_some(place.number)
    }

    /// Remembers a place's number.
    pub fn remember(&mut self, of: Whereabouts, number: u32) {
        let Whereabouts { word, asn } = of;
        if let Some(place) = self.0.get_mut(of.slot()) {
            *place = Place { word, asn, number };
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.fill(Place::NOWHERE);
    }
}

/// Path and agent of a request, in one word that is left with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    path: u32,
    agent: u32,
}

/// Width of either number in a word, whose rest tells the epoch. There are far fewer paths and agents.
const NUMBER_BITS: u32 = 22;
const NUMBER: u64 = (1 << NUMBER_BITS) - 1;
/// Where the epoch stands.
const EPOCH_AT: u32 = 2 * NUMBER_BITS;

impl Asked {
    /// A path and an agent by their numbers.
    pub const fn new(path: u32, agent: u32) -> Self {
        Self { path, agent }
    }

    /// What a word tells; nothing, if numbers meant something else when it was left.
    #[inline]
    pub const fn of(word: u64, epoch: u64) -> Option<Self> {
        if word >> EPOCH_AT != epoch {
            return None;
        }
        // 22 bits each.
        Some(Self::new(
            (word & NUMBER) as u32,
            (word >> NUMBER_BITS & NUMBER) as u32,
        ))
    }

    /// The word to leave; 0, which is none, where a number or the epoch is more than it can tell.
    pub fn word(self, epoch: u64) -> u64 {
        let [path, agent] = [self.path, self.agent].map(u64::from);
        let fits = path <= NUMBER && agent <= NUMBER && epoch < 1 << (u64::BITS - EPOCH_AT);
        if fits {
            path | agent << NUMBER_BITS | epoch << EPOCH_AT
        } else {
            0
        }
    }

    /// Number of the path.
    pub const fn path(self) -> u32 {
        self.path
    }

    /// Number of the agent.
    pub const fn agent(self) -> u32 {
        self.agent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_tells_what_was_left_in_its_own_epoch_alone() {
        let asked = Asked::new(143_000, 5);
        let word = asked.word(1);
        assert_eq!(Asked::of(word, 1), Some(asked));
        assert_eq!(Asked::of(word, 2), None);
        assert_eq!(Asked::of(0, 1), None);
        let last = (1 << 20) - 1;
        assert_eq!(Asked::of(asked.word(last), last), Some(asked));
        assert_eq!(asked.word(last + 1), 0);
        assert_eq!(Asked::new(1 << 22, 0).word(1), 0);
    }

    #[test]
    fn places_are_one_where_network_system_and_country_are() {
        assert_eq!(size_of::<Place>(), 16);
        let client = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let of = Whereabouts::of;
        let some = of(client("81.2.69.160"), Some(7), 1023);
        assert_eq!(some, of(client("81.2.69.1"), Some(7), 1023));
        let others = [
            of(client("81.2.70.160"), Some(7), 1023),
            of(client("81.2.69.160"), Some(8), 1023),
            of(client("81.2.69.160"), Some(7), 1),
            of(client("::5102:45"), Some(7), 1023),
            of(client("0:51:245::"), Some(7), 1023),
            of(client("81.2.69.160"), None, 1023),
            of(client("81.2.69.160"), Some(0), 1023),
            of(None, Some(7), 1023),
        ];
        assert_eq!(some.network(), client("81.2.69.0"));
        assert_eq!((some.asn(), some.country()), (Some(7), 1023));
        assert_eq!(
            (others[5].asn(), others[6].asn(), others[7].network()),
            (None, Some(0), None)
        );
        let mut met = Met::new();
        met.remember(some, 5);
        assert_eq!(met.number(some), Some(5));
        assert!(
            others
                .iter()
                .all(|other| *other != some && met.number(*other).is_none())
        );
        let six = of(client("2001:db8:1:2::5"), None, 0);
        assert_eq!(six, of(client("2001:db8:1::7"), None, 0));
        assert_eq!(six.network(), client("2001:db8:1::"));
        assert_ne!(six, of(client("2001:db8:2::7"), None, 0));
        met.clear();
        assert_eq!(met.number(some), None);
    }
}
