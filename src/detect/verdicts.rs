//! [`Verdicts`]: the hits of requests that come again and again in the same words.
//!
//! A verdict depends on the fields that the rules look at, and on nothing else. Their values, one behind the other, are
//! the key; of a number that is only compared, the key holds on which side of each limit it lies. A line in whose other
//! values a keyword was found is judged anew; rules that look at the time of day switch this off. Bounded, and emptied
//! when full: a client that sends a new request each time costs time, never memory, and never changes a result.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

mod key;

use super::compile::{AtomTest, Engine, Lazy, REST, Source};
use super::expr::Test;
use super::fields::{self, Field};
use super::signature::Hit;
use crate::event::Event;
use crate::numbered::Numbers;
use key::Key;

/// How many requests are remembered.
const MAX_KEYS: usize = 1 << 14;
/// The fields that every key has first.
const ALWAYS: [Field; 3] = [Field::Target, Field::Referrer, Field::Agent];

/// Tables like this come and go, and no two give a request the same number.
static REQUESTS: Numbers = Numbers::new();

/// Hits by key.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// What a key consists of beside target, referrer and agent; `None` when verdicts cannot be remembered.
    parts: Option<Vec<Part>>,
    key: Key,
    /// Whether the request at hand was not known and can be kept.
    can_keep: bool,
    hash: u64,
    known: HashTable<Known>,
    /// Number of the request at hand, when it is known.
    number: Option<u64>,
    lists: Lists,
    hasher: RandomState,
    /// Hashes of keys that came once, each in its place: what never comes again is not worth keeping.
    once: Vec<u64>,
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

/// Lists of hits by number: many requests have the same.
#[derive(Debug, Default)]
struct Lists {
    lists: Vec<Box<[Hit]>>,
    numbers: HashMap<Box<[Hit]>, u32, RandomState>,
}

impl Lists {
    fn number(&mut self, hits: &[Hit]) -> u32 {
        if let Some(number) = self.numbers.get(hits) {
            return *number;
        }
        let number = self.lists.len() as u32;
        self.lists.push(hits.into());
        self.numbers.insert(hits.into(), number);
        number
    }

    fn clear(&mut self) {
        self.lists.clear();
        self.numbers.clear();
    }
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
    /// What only formats with rarely logged values have.
    More(Vec<Self>),
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

    /// The hits of a request with the same values, when there was one; else remembers the key for [`Verdicts::keep`].
    pub fn find(&mut self, event: &Event<'_, '_>) -> Option<&[Hit]> {
        self.can_keep = false;
        self.number = None;
        let key = &mut self.key;
        key.clear();
        // What is no request has its text in the place of the target.
        let record = event.record;
        key.number(record.target.is_none().then_some(0));
        key.text(record.target.as_deref().or(record.malformed_request.as_deref()));
        key.text(record.referrer.as_deref());
        // Agents come again and again, and their texts are long.
        match event.agent.number {
            0 if !record.tells_agent() => key.unlogged(),
            0 => key.text(record.user_agent.as_deref()),
            number => key.number(Some(number)),
        }
        for part in self.parts.as_deref()? {
            part.add(event, key);
        }
        let key = key.get()?;
        self.hash = hash(&self.hasher, key);
        let known = self.known.find(self.hash, |known| *known.key == *key);
        self.can_keep = known.is_none();
        self.number = known.map(|known| known.number);
        known.and_then(|known| self.lists.lists.get(known.hits as usize).map(AsRef::as_ref))
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
        if !std::mem::take(&mut self.can_keep) || self.is_first() {
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

    /// Whether the key was not met lately.
    fn is_first(&mut self) -> bool {
        match self.once.get_mut(self.hash as usize % MAX_KEYS) {
            Some(place) => std::mem::replace(place, self.hash) != self.hash,
            None => true,
        }
    }
}

fn hash(hasher: &RandomState, key: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(key);
    hasher.finish()
}

impl Part {
    /// Adds what the key needs of an event. What most rules look at comes first and is read in place.
    #[inline]
    fn add(&self, event: &Event<'_, '_>, key: &mut Key) {
        let record = event.record;
        match self {
            Self::Number(Field::Status) => key.number(record.status.map(u64::from)),
            Self::Text(Field::Method) => key.text(record.method.as_deref()),
            Self::Text(Field::Listed) => key.number(event.address.listed.then_some(1)),
            Self::Text(Field::AgentVerdict) if event.agent.claims.is_none() => key.absent(),
            Self::Sides(Field::BodyBytes, limits) => {
                key.sides(record.body_bytes.map(|bytes| bytes as f64), limits);
            }
            Self::More(_) if !record.more.used => key.unlogged(),
            _ => self.add_other(event, key),
        }
    }

    #[inline(never)]
    fn add_other(&self, event: &Event<'_, '_>, key: &mut Key) {
        match self {
            Self::Text(Field::Lists) => {
                fields::any_value(event, &Field::Lists, |list| {
                    key.text(Some(list));
                    false
                });
                key.absent();
            }
            Self::Text(field) => key.text(fields::borrowed(event, field)),
            Self::Written(field) => key.text(fields::text(event, field).as_deref()),
            Self::Number(field) => key.number(fields::number(event, field)),
            Self::Sides(field, limits) => key.sides(value_of(event, field), limits),
            Self::More(parts) => {
                key.absent();
                parts.iter().for_each(|part| part.add(event, key));
            }
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
            Part::Written(_) | Part::Number(_) | Part::Sides(..) | Part::More(_) => None,
        })
        .collect();
    let follows = |field: &Field| {
        let from = field.follows_from();
        !from.is_empty() && from.iter().all(|from| texts.contains(from))
    };
    parts.retain(|part| match part {
        Part::Text(field) | Part::Written(field) | Part::Number(field) => !follows(field),
        Part::Sides(field, _) => !texts.contains(field) && !follows(field),
        Part::More(_) => true,
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
    Some(with_rare_last(parts))
}

/// The parts of fields that few formats log in one, so that the lines of the others pass over them at once.
fn with_rare_last(parts: Vec<Part>) -> Vec<Part> {
    let (rare, mut parts): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| match part {
        Part::Text(field) | Part::Written(field) | Part::Number(field) | Part::Sides(field, _) => {
            field.is_rarely_logged()
        }
        Part::More(_) => false,
    });
    if !rare.is_empty() {
        parts.push(Part::More(rare));
    }
    parts
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
