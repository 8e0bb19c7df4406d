//! [`Verdicts`]: the hits of requests that come again and again in the same words.
//!
//! A verdict depends on the fields that the rules look at, and on nothing else. Their texts, joined, are the key; of a
//! number that is only compared, the key holds on which side of each limit it lies. A line in whose other values a
//! keyword was found is judged anew; rules that look at the time of day switch this off. Bounded, and emptied when full: a client that sends a new request each
//! time costs time, never memory, and never changes a result.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

mod key;

use super::compile::{AtomTest, Engine, Lazy, REST, Source};
use super::expr::Test;
use super::fields::{self, Field};
use super::signature::Hit;
use crate::event::Event;
use key::{Texts, Words};

/// How many requests are remembered.
const MAX_KEYS: usize = 1 << 14;
/// The longest key that is remembered, in bytes.
const MAX_KEY: usize = 1024;
/// The fields that every key has first.
const ALWAYS: [Field; 3] = [Field::Target, Field::Referrer, Field::Agent];

/// Hits by key.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// What a key consists of beside target, referrer and agent; `None` when verdicts cannot be remembered.
    parts: Option<Vec<Part>>,
    words: Words,
    key: Vec<u8>,
    /// Whether the request at hand was not known and can be kept.
    can_keep: bool,
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
    words: Box<[u64]>,
    texts: Box<[u8]>,
    hits: Box<[Hit]>,
}

/// One part of a key.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// The field's text, which stands in the line.
    Text(Field),
    /// The field's text, written out.
    Written(Field),
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
        self.key.clear();
        self.can_keep = false;
        let mut texts = Texts::default();
        let words = &mut self.words;
        words.clear();
        if event.record.target.is_none() {
            // What is no request has the words of one at most in its text.
            words.absent();
        }
        words.text(fields::borrowed(event, &Field::Target), &mut texts);
        words.text(fields::borrowed(event, &Field::Referrer), &mut texts);
        // Agents come again and again, and their texts are long.
        match event.agent.number {
            0 if !event.record.tells_agent() => words.unlogged(),
            0 => words.text(fields::borrowed(event, &Field::Agent), &mut texts),
            number => words.number_of_text(number),
        }
        for part in self.parts.as_deref()? {
            part.add(event, words, &mut texts);
        }
        let (words, texts) = (words.get()?, texts.get()?);
        self.hash = hash(&self.hasher, words, texts);
        let known = self.known.find(self.hash, |known| known.is(words, texts));
        if known.is_none() && texts.iter().map(|text| text.len()).sum::<usize>() <= MAX_KEY {
            texts.iter().for_each(|text| self.key.extend_from_slice(text));
            self.can_keep = true;
        }
        known.map(|known| &*known.hits)
    }

    /// Remembers the hits of the request that [`Verdicts::find`] did not know.
    pub fn keep(&mut self, hits: &[Hit]) {
        if !std::mem::take(&mut self.can_keep) || self.is_first() {
            return;
        }
        if self.known.len() >= MAX_KEYS {
            self.known.clear();
        }
        let known = Known {
            hash: self.hash,
            words: self.words.get().unwrap_or_default().into(),
            texts: self.key.as_slice().into(),
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

fn hash(hasher: &RandomState, words: &[u64], texts: &[&[u8]]) -> u64 {
    let mut hasher = hasher.build_hasher();
    words.iter().for_each(|word| hasher.write_u64(*word));
    texts.iter().for_each(|text| hasher.write(text));
    hasher.finish()
}

impl Known {
    /// Whether it has these words and texts. The words hold the lengths of the texts, so no two can look like one.
    fn is(&self, words: &[u64], texts: &[&[u8]]) -> bool {
        let mut rest = Some(&*self.texts).filter(|_| *self.words == *words);
        for text in texts {
            rest = rest.and_then(|rest| rest.strip_prefix(*text));
        }
        rest.is_some_and(<[u8]>::is_empty)
    }
}

impl Part {
    /// Adds what the key needs of an event.
    fn add<'e>(&self, event: &Event<'e, '_>, words: &mut Words, texts: &mut Texts<'e>) {
        match self {
            Self::Text(Field::Lists) => {
                fields::any_value(event, &Field::Lists, |list| {
                    words.written(list);
                    false
                });
                words.absent();
            }
            Self::Text(field) => words.text(fields::borrowed(event, field), texts),
            Self::Written(field) => match fields::text(event, field) {
                Some(text) => words.written(&text),
                None => words.absent(),
            },
            Self::Number(field) => {
                let number = fields::number(event, field);
                words.push(u64::from(number.is_some()));
                words.push(number.unwrap_or(0));
            }
            Self::Sides(field, limits) => words.sides(value_of(event, field), limits),
        }
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
    let mut parts = ALWAYS.map(Part::Text).to_vec();
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
            Part::Written(_) | Part::Number(_) | Part::Sides(..) => None,
        })
        .collect();
    let follows = |field: &Field| {
        let from = field.follows_from();
        !from.is_empty() && from.iter().all(|from| texts.contains(from))
    };
    parts.retain(|part| match part {
        Part::Text(field) | Part::Written(field) | Part::Number(field) => !follows(field),
        Part::Sides(field, _) => !texts.contains(field) && !follows(field),
    });
    parts.drain(..ALWAYS.len());
    for part in &mut parts {
        if let Part::Text(field) = part
            && field.is_written()
        {
            *part = match field.is_number() {
                true => Part::Number(field.clone()),
                false => Part::Written(field.clone()),
            };
        }
    }
    Some(parts)
}

/// Adds what one test looks at; `None` for what no key can hold.
fn depend(parts: &mut Vec<Part>, lazy: &Lazy, slot: Option<usize>, guarded: bool) -> Option<()> {
    for test in lazy.checks.iter().map(|check| &check.test) {
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
