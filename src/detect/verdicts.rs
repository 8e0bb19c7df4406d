//! [`Verdicts`]: the hits of requests that come again and again in the same words.
//!
//! A verdict depends on the fields that the rules look at, and on nothing else. Their values, one behind the other, are
//! the key; of a number that is only compared, the key holds on which side of each limit it lies. A line in whose other
//! values a keyword was found is judged anew; rules that look at the time of day switch this off. Bounded, and emptied
//! when full: a client that sends a new request each time costs time, never memory, and never changes a result.
//! What is decided on requests in words of their own stands in [`decisions`].

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

mod decisions;
mod key;
mod lists;
mod once;
mod parts;

use super::compile::Engine;
use super::signature::Hit;
use crate::event::Event;
use crate::numbered::Numbers;
pub(super) use decisions::{Decisions, varies_in};
pub(super) use key::Key;
use key::Mark;
use lists::Lists;
use once::Once;
use parts::Parts;

/// How many requests are remembered.
const MAX_KEYS: usize = 1 << 14;

/// Tables like this come and go, and no two give a request the same number.
static REQUESTS: Numbers = Numbers::new();

/// Hits by key.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// What a key consists of beside target, referrer and agent; `None` when verdicts cannot be remembered.
    parts: Option<Parts>,
    key: Key,
    /// How far the key at hand goes without target and referrer.
    shared: Mark,
    /// The same request's key with what was found in the place of target and referrer.
    digest: Key,
    /// Whether the request at hand was not known and can be kept.
    can_keep: bool,
    hash: u64,
    known: HashTable<Known>,
    /// Number of the request at hand, when it is known.
    number: Option<u64>,
    lists: Lists,
    hasher: RandomState,
    once: Once,
}

/// A request and its hits.
#[derive(Debug)]
struct Known {
    hash: u64,
    key: Box<[u8]>,
    /// Number of its list of hits.
    hits: u32,
    /// A number that no other request has.
    number: u64,
}

impl Verdicts {
    /// For these rules.
    pub fn new(engine: &Engine) -> Self {
        Self {
            parts: Parts::new(engine),
            once: Once::new(MAX_KEYS),
            ..Self::default()
        }
    }

    /// Whether anything can be remembered for these rules.
    pub const fn is_on(&self) -> bool {
        self.parts.is_some()
    }

    /// The hits of a request with the same values, when there was one; else remembers the key for [`Verdicts::keep`].
    pub fn find(&mut self, event: &Event<'_, '_>) -> Option<&[Hit]> {
        self.can_keep = false;
        self.number = None;
        let key = &mut self.key;
        key.clear();
        // What is no request has its text in the place of the target.
        let record = event.record;
        key.number(record.target.is_none().then_some(0));
        // Agents come again and again, and their texts are long.
        match event.agent.number {
            0 if !record.tells_agent() => key.unlogged(),
            0 => key.text(record.user_agent.as_deref()),
            number => key.number(Some(number)),
        }
        self.parts.as_ref()?.add(event, key);
        self.shared = key.mark();
        key.text(record.target.as_deref().or(record.malformed_request.as_deref()));
        key.text(record.referrer.as_deref());
        key.end();
        let key = key.get()?;
        self.hash = hash(&self.hasher, key);
        let known = self.known.find(self.hash, |known| *known.key == *key);
        self.can_keep = known.is_none();
        self.number = known.map(|known| known.number);
        known.and_then(|known| self.lists.get(known.hits))
    }

    /// The key of the request that was looked for without its target and referrer, for what was found in them to follow.
    pub fn digest(&mut self) -> &mut Key {
        self.digest.begin_as(&self.key, self.shared);
        &mut self.digest
    }

    /// Number of the request that was looked for last, when it was known: that of no other request, in this table or another.
    pub const fn number(&self) -> Option<u64> {
        self.number
    }

    /// Says that the request at hand was not looked for.
    pub const fn forget_number(&mut self) {
        self.number = None;
    }

    /// Remembers the hits of the request that [`Verdicts::find`] did not know.
    pub fn keep(&mut self, hits: &[Hit]) {
        if !std::mem::take(&mut self.can_keep) || self.once.is_first(self.hash) {
            return;
        }
        if self.known.len() >= MAX_KEYS {
            self.known.clear();
            self.lists.clear();
        }
        let Some(key) = self.key.get() else { return };
        let known = Known {
            hash: self.hash,
            key: key.into(),
            hits: self.lists.number(hits),
            number: REQUESTS.next(),
        };
        self.known.insert_unique(self.hash, known, |known| known.hash);
    }
}

fn hash(hasher: &RandomState, key: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(key);
    hasher.finish()
}
