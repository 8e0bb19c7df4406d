//! What a user agent says about itself: [`read`], and [`AgentCache`], which remembers it.
//!
//! Three steps, each a table: names of programs (`names`), words that only programs use of themselves (`words`), and
//! the shape in which browsers and apps introduce themselves (`browser`). A text that fits none of them is unknown,
//! not suspicious. What a user agent says is a claim; whether a crawler's is true is settled in
//! [`crate::enrich::crawler`]. Pure.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{AgentFacts, AgentType};
use crate::numbered::Numbers;
use crate::text::shown;

mod browser;
mod names;
mod scan;
mod words;

use scan::Scan;

/// How many user agents a cache remembers unless told otherwise.
pub const DEFAULT_AGENTS: usize = 1 << 14;
/// How many user agents are met lately; a power of two.
const RECENT: usize = 1 << 10;
/// Longest text that is read; browsers stay under 500 bytes.
const MAX_BYTES: usize = 1_024;

/// Caches come and go, and no two give a text the same number.
static AGENTS: Numbers = Numbers::new();

/// Facts about user agents, remembered. One cache a thread; a hit allocates nothing.
#[derive(Debug)]
pub struct AgentCache {
    max_agents: usize,
    known: Vec<(Box<[u8]>, AgentFacts)>,
    /// Places in `known` by the hash of the text, which is seeded: clients choose the texts.
    places: HashTable<u32>,
    hasher: RandomState,
    /// Places that were met lately, each where [`sample`] says; looked at first.
    recent: Box<[u32]>,
    absent: AgentFacts,
    misses: u64,
}

impl AgentCache {
    /// A cache for at most `agents` user agents.
    pub fn new(agents: usize) -> Self {
        Self {
            max_agents: agents.clamp(1, 1 << 24),
            known: Vec::new(),
            places: HashTable::new(),
            hasher: RandomState::default(),
            recent: vec![0; RECENT].into(),
            absent: AgentFacts {
                odd: Some(Odd::Absent),
                ..AgentFacts::default()
            },
            misses: 0,
        }
    }

    /// The facts about a user agent; `None` when the log has the field and the client sent none.
    #[inline]
    pub fn facts(&mut self, agent: Option<&[u8]>) -> &AgentFacts {
        let Some(text) = agent else {
            return &self.absent;
        };
        let text = text.get(..MAX_BYTES).unwrap_or(text);
        let slot = sample(text);
        let mut place = self.recent.get(slot).copied().unwrap_or(0);
        let known = self.known.get(place as usize);
        if known.is_none_or(|(known, _)| **known != *text) {
            place = self.place(text);
            if let Some(recent) = self.recent.get_mut(slot) {
                *recent = place;
            }
        }
        self.known
            .get(place as usize)
            .map_or(&self.absent, |(_, facts)| facts)
    }

    /// The place of a text that was not met lately.
    #[inline(never)]
    fn place(&mut self, text: &[u8]) -> u32 {
        let known = &self.known;
        let is = |place: &u32| {
            known
                .get(*place as usize)
                .is_some_and(|(known, _)| **known == *text)
        };
        match self.places.find(self.hasher.hash_one(text), is) {
            Some(place) => *place,
            None => self.admit(text),
        }
    }

    /// Reads a text and keeps what it says. At the bound everything is read anew.
    #[cold]
    fn admit(&mut self, text: &[u8]) -> u32 {
        self.misses += 1;
        if self.known.len() >= self.max_agents {
            self.places.clear();
            self.known.clear();
        }
        let place = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        let whole = text.len() < MAX_BYTES;
        let facts = AgentFacts {
            number: if whole { AGENTS.next() } else { 0 },
            text: whole.then(|| shown(text).into()),
            ..read(text)
        };
        self.known.push((text.into(), facts));
        let Self { known, hasher, .. } = self;
        let hash = |place: &u32| {
            known
                .get(*place as usize)
                .map_or(0, |(text, _)| hasher.hash_one(text))
        };
        self.places.insert_unique(hasher.hash_one(text), place, hash);
        place
    }

    /// How many times a user agent was not in the cache.
    pub const fn misses(&self) -> u64 {
        self.misses
    }
}

/// A place for a text by its length and a few of its bytes, which tell nearly all user agents apart: less work than a
/// hash of all bytes, and nothing depends on it.
#[inline]
fn sample(text: &[u8]) -> usize {
    let word = |at: usize| {
        let word = text.get(at..).and_then(<[u8]>::first_chunk);
        word.map_or(0, |word| u64::from_le_bytes(*word))
    };
    let end = text.len();
    let middle = word(end / 2).rotate_left(21) ^ word(end / 4).rotate_left(42);
    let mix = word(end.saturating_sub(24)) ^ middle ^ end as u64;
    (mix.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - RECENT.ilog2())) as usize
}

/// What is odd about a user agent, whatever it claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Odd {
    /// None was sent.
    Absent,
    /// It is empty or blank.
    Empty,
    /// It holds bytes that no program writes (control bytes, quotes, an attack).
    Malformed,
    /// A browser's frame without what every browser puts into it (`Mozilla/5.0` alone).
    Bare,
    /// A browser and a system that never existed together.
    Impossible,
}

impl Odd {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Empty => "empty",
            Self::Malformed => "malformed",
            Self::Bare => "bare",
            Self::Impossible => "impossible",
        }
    }
}

/// Reads a user agent.
pub fn read(text: &[u8]) -> AgentFacts {
    let text = text.get(..MAX_BYTES).unwrap_or(text).trim_ascii();
    if text.is_empty() {
        return AgentFacts {
            odd: Some(Odd::Empty),
            ..AgentFacts::default()
        };
    }
    let lower = text.to_ascii_lowercase();
    let scan = Scan::new(&lower);
    let named = scan
        .name
        .as_ref()
        .map(|(kind, at)| (*kind, words::product_at(text, at)));
    let mut facts = match named.or_else(|| words::program(text, &scan)) {
        None => browser::read(text, &lower, &scan),
        Some((AgentType::Browser, name)) => browser::named(&lower, &name),
        Some((kind, name)) => program(&lower, kind, &name),
    };
    facts.claims = scan.claims;
    facts.system = scan.system.map(Arc::from);
    if malformed(text) {
        facts.odd = Some(Odd::Malformed);
    }
    facts
}

/// Facts about a program that gives its name.
fn program(lower: &[u8], kind: AgentType, name: &str) -> AgentFacts {
    AgentFacts {
        kind,
        major: major_after(lower, name),
        name: Some(name.into()),
        ..AgentFacts::default()
    }
}

/// Control bytes, a back-tick, or the brackets of templates and markup: no program names itself so.
fn malformed(text: &[u8]) -> bool {
    text.iter()
        .any(|byte| byte.is_ascii_control() || matches!(byte, b'<' | b'`'))
        || memchr::memmem::find(text, b"${").is_some()
        || memchr::memmem::find(text, b"() {").is_some()
}

/// The number behind `name/`, `name ` or `name-`.
fn major_after(text: &[u8], name: &str) -> Option<u32> {
    let at = find_ignoring_case(text, name.as_bytes())? + name.len();
    let rest = text.get(at..)?;
    let digits = rest.strip_prefix(b"/").or_else(|| rest.strip_prefix(b" "))?;
    number(digits.strip_prefix(b"v").unwrap_or(digits))
}

/// The decimal number in front, at most six digits.
fn number(text: &[u8]) -> Option<u32> {
    let len = text
        .iter()
        .take(7)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    std::str::from_utf8(text.get(..len)?).ok()?.parse().ok()
}

fn find_ignoring_case(text: &[u8], name: &[u8]) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    text.windows(name.len())
        .position(|window| window.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
