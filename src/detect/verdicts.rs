//! [`Verdicts`]: the hits of requests that come again and again in the same words.
//!
//! A verdict depends on the fields that the rules look at, and on nothing else. Their values, one behind the other, are
//! the key, with a number for target and referrer ([`mod@wording`]) and for the agent; of a number that is only compared, the
//! key holds on which side of each limit it lies. A line in whose other
//! values a keyword was found is judged anew; rules that look at the time of day switch this off. Bounded, and emptied
//! when full: a client that sends a new request each time costs time, never memory, and never changes a result.
//! What is decided on requests in words of their own stands in [`decisions`].

use foldhash::quality::RandomState;
use hashbrown::HashTable;

mod decisions;
mod key;
mod lists;
mod once;
mod parts;
mod wording;

use super::compile::Engine;
use super::hit::Hit;
use crate::event::Event;
use crate::numbered::Numbers;
pub(super) use decisions::{Decisions, varies_in};
pub(super) use key::Key;
use key::{Mark, Told};
use lists::Lists;
use once::Once;
use parts::Parts;
use wording::{Wording, Wordings};

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
    wordings: Wordings,
    /// Hash of the request at hand, when it was not known and can be kept.
    new: Option<u64>,
    known: HashTable<Known>,
    /// The request at hand, when it is known.
    at_hand: Option<AtHand>,
    lists: Lists,
    hasher: RandomState,
    once: Once,
}

/// A request and its hits.
#[derive(Debug)]
struct Known {
    hash: u64,
    key: Told<Box<[u8]>>,
    /// Number of its list of hits.
    hits: u32,
    /// A number that no other request has.
    number: u64,
    /// What was left with it; 0 for nothing.
    remark: u64,
}

/// A known request.
#[derive(Debug, Clone, Copy)]
struct AtHand {
    hash: u64,
    number: u64,
    remark: u64,
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

    /// The hits of a request with the same values, when there was one, and the number of their list.
    pub fn find(&mut self, event: &Event<'_, '_>) -> Option<(u64, &[Hit])> {
        self.new = None;
        self.at_hand = None;
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
        let wording = wording(event)?;
        let words = self.wordings.hash(&wording);
        // Not of the number that target and referrer have: so it is not waited for.
        let hash = key.hash_with(words, &self.hasher);
        self.new = Some(hash);
        key.number(Some(self.wordings.find(words, &wording)?));
        let key = key.told()?;
        let known = self.known.find(hash, |known| known.key.borrowed() == key)?;
        self.new = None;
        self.at_hand = Some(AtHand {
            hash,
            number: known.number,
            remark: known.remark,
        });
        self.lists.get(known.hits)
    }

    /// The key of the request that was looked for without its target and referrer, for what was found in them to follow.
    pub fn digest(&mut self) -> &mut Key {
        self.digest.begin_as(&self.key, self.shared);
        &mut self.digest
    }

    /// Number of the request that was looked for last, when it was known: that of no other request, in this table or another.
    pub fn number(&self) -> Option<u64> {
        self.at_hand.map(|known| known.number)
    }

    /// What was left with the request that was looked for last, when it was known; 0 for nothing yet.
    pub fn remark(&self) -> Option<u64> {
        self.at_hand.map(|known| known.remark)
    }

    /// Leaves a word with the request that was looked for last, as long as it is known.
    pub fn leave(&mut self, remark: u64) {
        let Some(at_hand) = self.at_hand else { return };
        let same = |known: &Known| known.number == at_hand.number;
        if let Some(known) = self.known.find_mut(at_hand.hash, same) {
            known.remark = remark;
        }
    }

    /// Says that the request at hand was not looked for.
    pub const fn forget_number(&mut self) {
        self.at_hand = None;
    }

    /// Remembers the hits of the request that [`Verdicts::find`] did not know, from the second time on that it comes.
    pub fn keep(&mut self, event: &Event<'_, '_>, hits: &[Hit]) {
        let Some((hash, wording)) = self.new.take().zip(wording(event)) else {
            return;
        };
        self.key.go_back(self.shared);
        if self.key.told().is_none() || self.once.is_first(hash) {
            return;
        }
        if self.known.len() >= MAX_KEYS || self.wordings.len() >= MAX_KEYS {
            self.known.clear();
            self.wordings.clear();
            self.lists.clear();
        }
        self.key.go_back(self.shared);
        let words = self.wordings.hash(&wording);
        self.key.number(Some(self.wordings.number(words, &wording)));
        self.put(hash, hits);
    }

    /// Remembers the hits of the request whose key is at hand.
    fn put(&mut self, hash: u64, hits: &[Hit]) {
        let Some(key) = self.key.told() else { return };
        let known = Known {
            hash,
            key: key.keep(),
            hits: self.lists.number(hits),
            number: REQUESTS.next(),
            remark: 0,
        };
        self.known.insert_unique(hash, known, |known| known.hash);
    }
}

/// What a request is about and where it comes from; `None` when that is too long to be remembered.
#[inline]
fn wording<'r>(event: &Event<'r, '_>) -> Option<Wording<'r>> {
    let record = event.record;
    let target = record.target.as_deref().or(record.malformed_request.as_deref());
    Wording::new(target, record.referrer.as_deref())
}
