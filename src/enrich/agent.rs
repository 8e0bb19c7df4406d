//! What a user agent says about itself: [`read`], and [`AgentCache`], which remembers it.
//!
//! Three steps, each a table: names of programs (`names`), words that only programs use of themselves (`words`), and
//! the shape in which browsers and apps introduce themselves (`browser`). A text that fits none of them is unknown,
//! not suspicious. What a user agent says is a claim; whether a crawler's is true is settled in
//! [`crate::enrich::crawler`]. Pure.

use std::hash::BuildHasher;
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use foldhash::fast::RandomState;

use super::crawler::CRAWLERS;
use super::sets::Sets;
use super::{AgentFacts, AgentType};

mod browser;
mod names;
mod words;

use names::{NAMES, Place};

/// How many user agents a cache remembers unless told otherwise.
pub const DEFAULT_AGENTS: usize = 1 << 14;
/// Longest text that is read; browsers stay under 500 bytes.
const MAX_BYTES: usize = 1_024;

/// Facts about user agents, remembered. One cache a thread; a hit allocates nothing.
#[derive(Debug)]
pub struct AgentCache {
    hasher: RandomState,
    table: Sets<Box<[u8]>, AgentFacts>,
    absent: AgentFacts,
    misses: u64,
}

impl AgentCache {
    /// A cache for at most `agents` user agents.
    pub fn new(agents: usize) -> Self {
        Self {
            hasher: RandomState::default(),
            table: Sets::new(agents),
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
        let hash = self.hasher.hash_one(text);
        let slot = match self.table.find(hash, |stored| **stored == *text) {
            Some(slot) => slot,
            None => {
                self.misses += 1;
                self.table.insert(hash, text.into(), read(text))
            }
        };
        self.table.value(slot).unwrap_or(&self.absent)
    }

    /// How many times a user agent was not in the cache.
    pub const fn misses(&self) -> u64 {
        self.misses
    }
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
    let found = Found::in_text(&lower);
    let named = found.named.map(|(kind, at)| (kind, words::product_at(text, &at)));
    let mut facts = match named.or_else(|| words::program(text, &device(&lower))) {
        None => browser::read(text, &lower),
        Some((AgentType::Browser, name)) => browser::named(&lower, &name),
        Some((kind, name)) => program(&lower, kind, &name),
    };
    facts.claims = found.claims;
    facts.system = browser::system(&lower).map(Arc::from);
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

/// What the table of names finds.
#[derive(Default)]
struct Found {
    /// Kind, and where the name stands.
    named: Option<(AgentType, std::ops::Range<usize>)>,
    claims: Option<&'static str>,
}

impl Found {
    fn in_text(text: &[u8]) -> Self {
        let mut found = Self::default();
        let device = device(text);
        let mut best: Option<(u8, usize)> = None;
        let mut best_claim = usize::MAX;
        for hit in AUTOMATON
            .iter()
            .flat_map(|names| names.find_overlapping_iter(text))
        {
            let index = hit.pattern().as_usize();
            if let Some(name) = NAMES.get(index) {
                let weight = (names::weight(name.kind), name.text.len());
                let better = best.is_none_or(|best| weight > best);
                let of_device = name.kind != AgentType::App && device.contains(&hit.start());
                if better && !of_device && stands(name.place, text, hit.start(), hit.end()) {
                    best = Some(weight);
                    found.named = Some((name.kind, hit.start()..hit.end()));
                }
            } else if let Some((order, key)) = CLAIMS.get(index - NAMES.len())
                && *order < best_claim
                && stands(Place::Word, text, hit.start(), hit.end())
            {
                best_claim = *order;
                found.claims = Some(*key);
            }
        }
        found
    }
}

/// Where an Android browser names its device, whose maker may have called it anything (`rubyplus`, `MAVEN_10_PRO`).
fn device(lower: &[u8]) -> std::ops::Range<usize> {
    let Some(start) = memchr::memmem::find(lower, b"android").filter(|_| browser::is_frame(lower)) else {
        return 0..0;
    };
    let rest = lower.get(start..).unwrap_or_default();
    let end = memchr::memchr(b')', rest).map_or(lower.len(), |at| start + at);
    let model = lower.get(start..end).unwrap_or_default();
    if memchr::memmem::find(model, b"compatible").is_some() {
        0..0
    } else {
        start..end
    }
}

/// Whether a name found at `start..end` stands as its place demands.
fn stands(place: Place, text: &[u8], start: usize, end: usize) -> bool {
    let letter = |at: Option<usize>| {
        at.and_then(|at| text.get(at))
            .is_some_and(u8::is_ascii_alphanumeric)
    };
    let open = !letter(start.checked_sub(1));
    match place {
        Place::Word => open && !letter(Some(end)),
        Place::Head => open,
        Place::Start => start == 0,
        Place::Alone => start == 0 && text.len() - end < 16,
        Place::Any => true,
    }
}

/// Tokens of the crawler table, after the names: where in the table, and the key.
static CLAIMS: LazyLock<Vec<(usize, &'static str)>> = LazyLock::new(|| {
    let tokens = (0..)
        .zip(CRAWLERS)
        .flat_map(|(order, crawler)| crawler.tokens.iter().map(move |_| (order, crawler.key)));
    tokens.collect()
});

/// `None` could only mean that a few hundred short texts exceed the automaton's limits; a test sees that they do not.
static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let names = NAMES.iter().map(|name| name.text);
    let tokens = CRAWLERS.iter().flat_map(|crawler| crawler.tokens.iter().copied());
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(names.chain(tokens))
        .ok()
});

#[cfg(test)]
mod tests;
