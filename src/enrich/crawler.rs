//! Crawlers whose claim can be checked: who they are, and where they say they come from.
//!
//! A user agent that names one of these crawlers makes a claim. `table` says which tokens make it, which list of
//! published addresses and which names of reverse DNS prove it. Pure data; what checks claims follows from it.

mod table;

pub use table::{CRAWLERS, Crawler};

/// The crawler of a key ([`crate::enrich::AgentFacts::claims`]).
pub fn crawler(key: &str) -> Option<&'static Crawler> {
    CRAWLERS.iter().find(|crawler| crawler.key == key)
}

/// The crawler whose published addresses a list of that name holds; case does not matter.
pub fn operator(list: &str) -> Option<&'static Crawler> {
    let named = |crawler: &&Crawler| crawler.lists.iter().any(|name| name.eq_ignore_ascii_case(list));
    CRAWLERS.iter().find(named)
}
