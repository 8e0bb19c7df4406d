//! [`Known`]: what name servers decided about claims, for as long as it holds.
//!
//! Bounded: clients choose the claims. When it is full, what is old goes first, then what proves nothing, then all.
//! Pure; times are wall-clock times that the driver passes in. Its rows survive restarts.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use afw_parsers::Time;
use foldhash::quality::RandomState;

use super::{Verdict, crawler};
use crate::rows::{Reader, Writer};

/// How many claims are remembered.
pub const MAX_KNOWN: usize = 16_384;
const VERSION: u8 = 1;

/// An address says that it is a crawler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim {
    /// Who says so.
    pub address: IpAddr,
    /// Key of the crawler ([`super::Crawler::key`]).
    pub crawler: &'static str,
}

impl Claim {
    /// Bytes that tell it from every other claim: the address, then the crawler's key.
    pub fn key(&self) -> Vec<u8> {
        let mut row = Writer::default();
        match self.address {
            IpAddr::V4(v4) => row.byte(4).raw(&v4.octets()),
            IpAddr::V6(v6) => row.byte(6).raw(&v6.octets()),
        };
        row.raw(self.crawler.as_bytes());
        row.finish()
    }

    /// Reads [`Claim::key`]; `None` for a crawler that is no longer in the table.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let (family, rest) = key.split_first()?;
        let (address, name) = match family {
            4 => {
                let (octets, name) = rest.split_first_chunk::<4>()?;
                (IpAddr::from(*octets), name)
            }
            6 => {
                let (octets, name) = rest.split_first_chunk::<16>()?;
                (IpAddr::from(*octets), name)
            }
            _ => return None,
        };
        let crawler = crawler(std::str::from_utf8(name).ok()?)?.key;
        Some(Self { address, crawler })
    }

    /// Whether reverse DNS can decide it at all.
    pub fn is_askable(&self) -> bool {
        crawler(self.crawler).is_some_and(|crawler| !crawler.domains.is_empty())
    }
}

/// Verdicts by claim.
#[derive(Debug, Clone, Default)]
pub struct Known {
    verdicts: HashMap<Claim, Entry, RandomState>,
    /// Addresses with at least one verified claim.
    verified: HashSet<IpAddr, RandomState>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    verdict: Verdict,
    until: Time,
}

impl Known {
    /// What was decided of a claim, be it old.
    pub fn verdict(&self, claim: &Claim) -> Option<Verdict> {
        self.verdicts.get(claim).map(|entry| entry.verdict)
    }

    /// Whether a claim should be asked for (again): it is not known, or what is known is old.
    pub fn is_due(&self, claim: &Claim, now: Time) -> bool {
        self.verdicts.get(claim).is_none_or(|entry| now >= entry.until)
    }

    /// Whether the address is a crawler's by any of its claims.
    #[inline]
    pub fn is_verified(&self, address: IpAddr) -> bool {
        !self.verified.is_empty() && self.verified.contains(&address)
    }

    /// Takes a verdict that holds `until` a time; the claims that had to be forgotten for it.
    pub fn insert(&mut self, claim: Claim, verdict: Verdict, now: Time, until: Time) -> Vec<Claim> {
        let gone = self.make_room(now);
        self.verdicts.insert(claim, Entry { verdict, until });
        if verdict == Verdict::Verified {
            self.verified.insert(claim.address);
        } else if self.verified.contains(&claim.address) {
            self.gather_verified();
        }
        gone
    }

    fn make_room(&mut self, now: Time) -> Vec<Claim> {
        let mut gone = Vec::new();
        let stays: [fn(&Entry, Time) -> bool; 3] = [
            |entry, now| now < entry.until,
            |entry, _| entry.verdict == Verdict::Verified,
            |_, _| false,
        ];
        for stays in stays {
            if self.verdicts.len() < MAX_KNOWN {
                break;
            }
            self.verdicts.retain(|claim, entry| {
                let stays = stays(entry, now);
                gone.extend((!stays).then_some(*claim));
                stays
            });
        }
        if !gone.is_empty() {
            self.gather_verified();
        }
        gone
    }

    fn gather_verified(&mut self) {
        let verified = self
            .verdicts
            .iter()
            .filter(|(_, entry)| entry.verdict == Verdict::Verified);
        self.verified = verified.map(|(claim, _)| claim.address).collect();
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.verdicts.len()
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.verdicts.is_empty()
    }

    /// The row of a claim's verdict, to be stored.
    pub fn row(&self, claim: &Claim) -> Option<Vec<u8>> {
        let entry = self.verdicts.get(claim)?;
        let mut row = Writer::versioned(VERSION);
        row.byte(number(entry.verdict)).int(entry.until.secs());
        Some(row.finish())
    }

    /// Takes back a stored row; `None` when it is damaged.
    pub fn restore(&mut self, claim: Claim, row: &[u8]) -> Option<()> {
        let mut row = Reader::versioned(row, VERSION)?;
        let verdict = match row.byte()? {
            0 => Verdict::Unknown,
            1 => Verdict::Verified,
            2 => Verdict::Fake,
            _ => return None,
        };
        let until = Time::from_secs(row.int()?)?;
        row.end()?;
        self.insert(claim, verdict, Time::default(), until);
        Some(())
    }
}

const fn number(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Unknown => 0,
        Verdict::Verified => 1,
        Verdict::Fake => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(number: u32) -> Claim {
        Claim {
            address: IpAddr::from(std::net::Ipv4Addr::from(number)),
            crawler: "googlebot",
        }
    }

    fn at(secs: i64) -> Time {
        Time::from_secs(secs).unwrap()
    }

    #[test]
    fn claims_and_verdicts_survive_as_rows() {
        let mut known = Known::default();
        for (text, verdict) in [
            ("66.249.66.1", Verdict::Verified),
            ("2001:4860::1", Verdict::Fake),
            ("8.8.8.8", Verdict::Unknown),
        ] {
            let claim = Claim {
                address: text.parse().unwrap(),
                crawler: "bingbot",
            };
            known.insert(claim, verdict, at(0), at(100));
            assert_eq!(Claim::from_key(&claim.key()), Some(claim));
            let mut again = Known::default();
            again.restore(claim, &known.row(&claim).unwrap()).unwrap();
            assert_eq!(again.verdict(&claim), Some(verdict));
            assert_eq!(again.is_verified(claim.address), verdict == Verdict::Verified);
            assert!(!again.is_due(&claim, at(99)) && again.is_due(&claim, at(100)));
        }
        for damaged in [
            &b""[..],
            b"\x04\x01",
            b"\x04\x01\x02\x03\x04nobody",
            b"\x09abcdgooglebot",
        ] {
            assert_eq!(Claim::from_key(damaged), None);
        }
        for damaged in [&b""[..], b"\x01", b"\x01\x07\x02", b"\x01\x01\x02x"] {
            assert_eq!(Known::default().restore(claim(1), damaged), None);
        }
    }

    #[test]
    fn another_verdict_takes_the_place_of_the_old_one() {
        let mut known = Known::default();
        known.insert(claim(1), Verdict::Verified, at(0), at(1));
        assert!(known.is_verified(claim(1).address));
        known.insert(claim(1), Verdict::Unknown, at(0), at(1));
        assert!(!known.is_verified(claim(1).address));
    }

    #[test]
    fn a_crowd_of_liars_does_not_push_the_verified_out() {
        let mut known = Known::default();
        known.insert(claim(0), Verdict::Verified, at(0), at(1_000));
        let mut gone = 0;
        for number in 1..=3 * MAX_KNOWN as u32 {
            gone += known.insert(claim(number), Verdict::Fake, at(0), at(1_000)).len();
            assert!(known.len() <= MAX_KNOWN);
        }
        assert!(known.is_verified(claim(0).address));
        assert_eq!(known.len() + gone, 1 + 3 * MAX_KNOWN);
    }
}
