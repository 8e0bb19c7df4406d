//! [`Verdicts`]: the hits of requests that come again and again in the same words.
//!
//! A verdict depends on the fields that the rules look at, and on nothing else. Their texts, joined, are the key; of a
//! number that is only compared, the key holds on which side of each limit it lies. A line in whose other values a
//! keyword was found is judged anew; rules that look at the time of day switch this off. Bounded, and emptied when full: a client that sends a new request each
//! time costs time, never memory, and never changes a result.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::compile::{AtomTest, Engine, Lazy, REST, Source};
use super::expr::Test;
use super::fields::{self, Field, Text};
use super::signature::Hit;
use crate::event::Event;

/// How many requests are remembered.
const MAX_KEYS: usize = 1 << 14;
/// The longest key that is remembered, in bytes.
const MAX_KEY: usize = 1024;
/// The most texts of a key; rules that look at more fields than that are judged on every line.
const MAX_TEXTS: usize = 12;

/// Hits by key.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// What a key consists of; `None` when verdicts cannot be remembered.
    parts: Option<Vec<Part>>,
    /// Short texts, lengths of long ones, and all that is no text, of the request at hand. With its long texts it makes
    /// the key.
    head: Vec<u8>,
    key: Vec<u8>,
    hash: u64,
    known: HashTable<Known>,
    hasher: RandomState,
    /// Hashes of keys that came once, each in its place: what never comes again is not worth keeping.
    once: Vec<u64>,
}

/// A request and its hits.
#[derive(Debug)]
struct Known {
    hash: u64,
    key: Box<[u8]>,
    hits: Box<[Hit]>,
}

/// One part of a key.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// The field's text.
    Text(Field),
    /// The field's number.
    Number(Field),
    /// On which side of each of these limits the field's number lies.
    Sides(Field, Vec<f64>),
}

impl Verdicts {
    /// For these rules.
    pub fn new(engine: &Engine) -> Self {
        Self {
            parts: parts(engine),
            once: vec![0; MAX_KEYS],
            ..Self::default()
        }
    }

    /// Whether anything can be remembered for these rules.
    pub const fn is_on(&self) -> bool {
        self.parts.is_some()
    }

    /// The hits of a request of the same words, when there was one; else remembers the key for [`Verdicts::keep`].
    pub fn find(&mut self, event: &Event<'_, '_>) -> Option<&[Hit]> {
        self.head.clear();
        self.key.clear();
        let parts = self.parts.as_deref()?;
        let mut texts: [&[u8]; MAX_TEXTS] = [b""; MAX_TEXTS];
        let mut used = 0;
        for part in parts {
            let text = part.add(event, &mut self.head);
            if !text.is_empty() {
                *texts.get_mut(used)? = text;
                used += 1;
            }
        }
        let texts = texts.get(..used)?;
        let mut hasher = self.hasher.build_hasher();
        hasher.write(&self.head);
        texts.iter().for_each(|text| hasher.write(text));
        self.hash = hasher.finish();
        let known = self
            .known
            .find(self.hash, |known| is(&known.key, &self.head, texts));
        if known.is_none() && self.head.len() + texts.iter().map(|text| text.len()).sum::<usize>() <= MAX_KEY
        {
            self.key.extend_from_slice(&self.head);
            texts.iter().for_each(|text| self.key.extend_from_slice(text));
        }
        known.map(|known| &*known.hits)
    }

    /// Remembers the hits of the request that [`Verdicts::find`] did not know.
    pub fn keep(&mut self, hits: &[Hit]) {
        if self.key.is_empty() || self.is_first() {
            return;
        }
        if self.known.len() >= MAX_KEYS {
            self.known.clear();
        }
        let known = Known {
            hash: self.hash,
            key: self.key.as_slice().into(),
            hits: hits.into(),
        };
        self.known.insert_unique(self.hash, known, |known| known.hash);
    }

    /// Whether the key was not met lately.
    fn is_first(&mut self) -> bool {
        match self.once.get_mut(self.hash as usize % MAX_KEYS) {
            Some(place) => std::mem::replace(place, self.hash) != self.hash,
            None => true,
        }
    }
}

/// Whether a key is this head and these texts. The head holds the lengths of the texts, so no two can look like one.
fn is(key: &[u8], head: &[u8], texts: &[&[u8]]) -> bool {
    let mut rest = key.strip_prefix(head);
    for text in texts {
        rest = rest.and_then(|rest| rest.strip_prefix(*text));
    }
    rest.is_some_and(<[u8]>::is_empty)
}

impl Part {
    /// Writes what the key needs of an event; a text that is too long for a word of the head is only announced there,
    /// and given back.
    fn add<'e>(&self, event: &Event<'e, '_>, head: &mut Vec<u8>) -> &'e [u8] {
        match self {
            Self::Text(Field::Lists) => {
                fields::any_value(event, &Field::Lists, |list| {
                    add_text(head, list);
                    false
                });
                add_word(head, ABSENT);
            }
            // Agents come again and again, and their texts are long.
            Self::Text(Field::Agent) if event.agent.number > 0 => {
                add_word(head, NUMBERED | event.agent.number);
            }
            Self::Text(field) => match fields::text(event, field) {
                Some(Text::Bytes(text)) => return announce(head, text),
                Some(text) => add_text(head, &text),
                None => add_word(head, ABSENT),
            },
            Self::Number(field) => {
                let number = fields::number(event, field);
                add_word(head, u64::from(number.is_some()));
                add_word(head, number.unwrap_or(0));
            }
            Self::Sides(field, limits) => add_sides(head, value_of(event, field), limits),
        }
        b""
    }
}

/// No value.
const ABSENT: u64 = 0xFF << 56;
/// An agent's number in place of its text.
const NUMBERED: u64 = 0xFE << 56;
/// The length of a text that stands elsewhere.
const LONG: u64 = 0xFD << 56;
/// Texts up to so many bytes stand in a word of the head, beneath their length.
const WORD_TEXT: usize = 7;

fn add_word(head: &mut Vec<u8>, word: u64) {
    head.extend_from_slice(&word.to_le_bytes());
}

/// Writes a short text, or the length of a longer one, which is given back.
fn announce<'t>(head: &mut Vec<u8>, text: &'t [u8]) -> &'t [u8] {
    if text.len() > WORD_TEXT {
        add_word(head, LONG | text.len() as u64);
        return text;
    }
    let short = text
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    add_word(head, (text.len() as u64) << 56 | short);
    b""
}

/// Length first, so that no text can look like two.
fn add_text(head: &mut Vec<u8>, text: &[u8]) {
    let long = announce(head, text);
    head.extend_from_slice(long);
}

/// On which side of each limit a number lies, in two bits each.
fn add_sides(head: &mut Vec<u8>, number: Option<f64>, limits: &[f64]) {
    let side = |limit: &f64| match number.and_then(|number| number.partial_cmp(limit)) {
        None => 0,
        Some(Ordering::Less) => 1,
        Some(Ordering::Equal) => 2,
        Some(Ordering::Greater) => 3,
    };
    for limits in limits.chunks(32) {
        add_word(
            head,
            limits.iter().fold(0, |sides, limit| sides << 2 | side(limit)),
        );
    }
}

/// A field's value as comparisons see it.
fn value_of(event: &Event<'_, '_>, field: &Field) -> Option<f64> {
    if field.is_number() {
        return fields::number(event, field).map(|number| number as f64);
    }
    let text = fields::text(event, field)?;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}

/// The parts of a key for these rules; `None` when a rule looks at more than a key can hold.
fn parts(engine: &Engine) -> Option<Vec<Part>> {
    let mut parts = vec![
        Part::Text(Field::Target),
        Part::Text(Field::Referrer),
        Part::Text(Field::Agent),
    ];
    for slot in &engine.slots {
        match &slot.source {
            // Values of the rest of the line are searched before a verdict is looked up.
            Source::Rest if !slot.learned.is_empty() => return None,
            Source::Rest => {}
            Source::Field(field) => add(&mut parts, Part::Text(field.clone())),
        }
    }
    for atom in &engine.atoms {
        let (AtomTest::Guarded(lazy) | AtomTest::Lazy(lazy)) = &atom.test else {
            continue;
        };
        let guarded = matches!(atom.test, AtomTest::Guarded(_));
        depend(&mut parts, lazy, atom.slot, guarded)?;
    }
    let texts: Vec<Field> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(field) => Some(field.clone()),
            Part::Number(_) | Part::Sides(..) => None,
        })
        .collect();
    let follows = |field: &Field| {
        let from = field.follows_from();
        !from.is_empty() && from.iter().all(|from| texts.contains(from))
    };
    parts.retain(|part| match part {
        Part::Text(field) | Part::Number(field) => !follows(field),
        Part::Sides(field, _) => !texts.contains(field) && !follows(field),
    });
    for part in &mut parts {
        if let Part::Text(field) = part
            && field.is_number()
        {
            *part = Part::Number(field.clone());
        }
    }
    Some(parts)
}

/// Adds what one test looks at; `None` for what no key can hold.
fn depend(parts: &mut Vec<Part>, lazy: &Lazy, slot: Option<usize>, guarded: bool) -> Option<()> {
    for test in &lazy.tests {
        match (test, &lazy.field) {
            (Test::TimePart(..), _) => return None,
            (Test::SameAs { field, .. }, own) => {
                add(parts, Part::Text(field.clone()));
                own.iter().for_each(|own| add(parts, Part::Text(own.clone())));
            }
            (Test::Compare(_, limit), Some(field)) => add_limit(parts, field, *limit),
            (_, Some(field)) => add(parts, Part::Text(field.clone())),
            (_, None) if slot.is_some_and(|slot| slot != REST || guarded) => {}
            (_, None) => return None,
        }
    }
    Some(())
}

fn add(parts: &mut Vec<Part>, part: Part) {
    if !parts.contains(&part) {
        parts.push(part);
    }
}

fn add_limit(parts: &mut Vec<Part>, field: &Field, limit: f64) {
    let known = parts.iter_mut().find_map(|part| match part {
        Part::Sides(of, limits) if of == field => Some(limits),
        _ => None,
    });
    match known {
        Some(limits) if limits.contains(&limit) => {}
        Some(limits) => limits.push(limit),
        None => parts.push(Part::Sides(field.clone(), vec![limit])),
    }
}
