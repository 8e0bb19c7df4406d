//! Crawlers whose claim can be checked: who they are, and whether a claim is true.
//!
//! A user agent that names one of these crawlers makes a claim. `table` says which tokens make it, which list of
//! published addresses and which names of reverse DNS prove it. [`Published`] decides by addresses alone; `proof`
//! decides by forward-confirmed reverse DNS, as steps that ask a function for answers; `message` reads and writes the
//! DNS messages; [`Known`] remembers what was decided. All pure: sockets, threads and the cache are in [`crate::dns`].
//!
//! Unknown is never called fake: a claim is fake only when the operator promised a proof and it fails.

mod known;
pub mod message;
mod proof;
mod published;
mod table;

pub use known::{Claim, Known, MAX_KNOWN};
pub use proof::{Answer, Failure, prove};
pub use published::Published;
pub use table::{CRAWLERS, Crawler};

/// Whether a claim is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Verdict {
    /// The address is the crawler's.
    Verified,
    /// The address is not the crawler's, by the operator's own rule.
    Fake,
    /// It cannot be told, or not yet.
    #[default]
    Unknown,
}

impl Verdict {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Fake => "fake",
            Self::Unknown => "unknown",
        }
    }
}

/// The crawler of a key ([`crate::enrich::AgentFacts::claims`]).
pub fn crawler(key: &str) -> Option<&'static Crawler> {
    CRAWLERS.iter().find(|crawler| crawler.key == key)
}

/// The crawler whose published addresses a list of that name holds; case does not matter.
pub fn operator(list: &str) -> Option<&'static Crawler> {
    let named = |crawler: &&Crawler| crawler.lists.iter().any(|name| name.eq_ignore_ascii_case(list));
    CRAWLERS.iter().find(named)
}

/// How many clients' claims are true, false, or stayed open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClaimCounts {
    /// Clients that are the crawler they say they are.
    pub verified: u64,
    /// Clients that are not.
    pub fake: u64,
    /// Clients of which it is not known.
    pub unverified: u64,
}
