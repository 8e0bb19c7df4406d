//! [`Parts`]: which values of a request its key must hold, given what the rules look at.
//!
//! What most rule sets look at is told apart and read in place; the others follow in a list. Next: [`super::key`].

use super::key::Key;
use crate::detect::compile::{AtomTest, Engine, Lazy, REST, Source};
use crate::detect::expr::Test;
use crate::detect::fields::{self, Field};
use crate::event::Event;

/// The fields that every key has first.
const ALWAYS: [Field; 3] = [Field::Target, Field::Referrer, Field::Agent];

/// What a key consists of beside target, referrer and agent.
#[derive(Debug, Default)]
pub struct Parts {
    status: bool,
    method: bool,
    host: bool,
    listed: bool,
    agent_verdict: bool,
    /// What the number of body bytes is compared with.
    body_limits: Vec<f64>,
    others: Vec<Part>,
    /// What few formats log; the lines of the others pass over them at once.
    rare: Vec<Part>,
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

impl Parts {
    /// What a key needs for these rules; `None` when a rule looks at more than a key can hold.
    pub fn new(engine: &Engine) -> Option<Self> {
        let mut parts = Self::default();
        for part in list(engine)? {
            match part {
                Part::Number(Field::Status) => parts.status = true,
                Part::Text(Field::Method) => parts.method = true,
                Part::Text(Field::Host) => parts.host = true,
                Part::Text(Field::Listed) => parts.listed = true,
                Part::Text(Field::AgentVerdict) => parts.agent_verdict = true,
                Part::Sides(Field::BodyBytes, limits) => parts.body_limits = limits,
                part if part.field().is_rarely_logged() => parts.rare.push(part),
                part => parts.others.push(part),
            }
        }
        Some(parts)
    }

    /// Adds what the key needs of an event.
    #[inline]
    pub fn add(&self, event: &Event<'_, '_>, key: &mut Key) {
        let record = event.record;
        if self.status {
            key.number(record.status.map(u64::from));
        }
        if self.method {
            key.method(record.method.as_deref());
        }
        if self.host {
            key.text(host(event));
        }
        if self.listed {
            key.number(event.address.listed.then_some(1));
        }
        if self.agent_verdict {
            let claims = event.agent.claims;
            key.text(claims.and_then(|_| fields::borrowed(event, &Field::AgentVerdict)));
        }
        if !self.body_limits.is_empty() {
            key.sides(record.body_bytes.map(|bytes| bytes as f64), &self.body_limits);
        }
        self.others.iter().for_each(|part| part.add(event, key));
        match self.rare.as_slice() {
            [] => {}
            _ if !record.more.used => key.unlogged(),
            rare => {
                key.absent();
                rare.iter().for_each(|part| part.add(event, key));
            }
        }
    }
}

/// The value of [`Field::Host`], which is another than the log's only where the target is a whole URL.
#[inline]
fn host<'e>(event: &Event<'e, '_>) -> Option<&'e [u8]> {
    match event.record.target.as_deref() {
        Some([b'/', ..]) => event.record.host.as_deref(),
        _ => fields::borrowed(event, &Field::Host),
    }
}

impl Part {
    const fn field(&self) -> &Field {
        match self {
            Self::Text(field) | Self::Written(field) | Self::Number(field) | Self::Sides(field, _) => field,
        }
    }

    fn add(&self, event: &Event<'_, '_>, key: &mut Key) {
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

/// All parts of a key but those that every key has.
fn list(engine: &Engine) -> Option<Vec<Part>> {
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
            // Any of several lists may be on another side of a limit.
            (Test::Compare(_, limit), Some(field)) if *field != Field::Lists => {
                add_limit(parts, field, *limit)
            }
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
