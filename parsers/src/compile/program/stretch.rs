//! [`Stretches`]: how a line is told that divides in one way alone, so that nobody need search it for another.
//!
//! Quotes that no client can write cut a line into stretches. Where each value of a stretch ends at a literal with a space in it,
//! and the line has no more spaces there than the literals have, the first space is the first literal's, and so on to the
//! last. What else could be read must not be decided here: a line with one space more is searched.

use super::{Program, Step};
use crate::compile::sink::{Kind, Sink};
use crate::memo::TimeMemo;
use crate::record::Record;

/// What stands in the literals between most values, the commonest first.
const DIVIDERS: [u8; 5] = [b' ', b'\t', b'|', b';', b','];

/// The stretches of a format.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stretches {
    /// What divides the values.
    divider: u8,
    /// How often it stands in each stretch of a line whose values hold none; `None` where one value is the whole stretch.
    counts: Box<[Option<usize>]>,
}

impl Stretches {
    /// The stretches of a format; `None` where not all its values are divided by one byte.
    pub(super) fn of(lead: &[u8], steps: &[Step]) -> Option<Self> {
        DIVIDERS
            .into_iter()
            .find_map(|divider| Self::divided_by(divider, lead, steps))
    }

    fn divided_by(divider: u8, lead: &[u8], steps: &[Step]) -> Option<Self> {
        let mut counts = vec![Some(0)];
        push(lead, divider, &mut counts);
        let mut before = lead;
        for (at, step) in steps.iter().enumerate() {
            let whole = before.ends_with(b"\"") && step.end.starts_with(b"\"");
            let own = if whole {
                None
            } else {
                Some(dividers_in(&step.sink, divider)?)
            };
            let is_last = at + 1 == steps.len();
            if !whole && !is_last && !step.end.iter().any(|byte| [divider, b'"'].contains(byte)) {
                return None;
            }
            let count = counts.last_mut()?;
            *count = count.zip(own).map(|(count, own)| count + own);
            push(&step.end, divider, &mut counts);
            before = &step.end;
        }
        let counts = counts.into();
        Some(Self { divider, counts })
    }

    /// Whether a line has as many dividers in each stretch as the format, and nothing is escaped in it.
    #[inline]
    pub(super) fn are_kept_in(&self, line: &[u8]) -> bool {
        let mut quotes = memchr::memchr_iter(b'"', line);
        let mut from = 0;
        for count in &self.counts {
            let to = quotes.next();
            let stretch = line.get(from..to.unwrap_or(line.len())).unwrap_or_default();
            let is = |count: usize| memchr::memchr_iter(self.divider, stretch).count() == count;
            // Behind the last quote of the line there is one stretch, and none before it.
            if from > line.len() || !count.is_none_or(is) {
                return false;
            }
            from = to.map_or(line.len() + 1, |quote| quote + 1);
        }
        from > line.len() && memchr::memchr(b'\\', line).is_none()
    }
}

impl Program {
    /// Reads a line that divides in one way alone, if it is seen at a glance.
    #[inline]
    pub(super) fn reads_once<'a>(
        &self,
        line: &'a [u8],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
    ) -> bool {
        let once = self
            .stretches
            .as_ref()
            .is_some_and(|stretches| stretches.are_kept_in(line));
        let may = once || self.only_user && !self.forgeable;
        may && self.straight(line, record, memo).is_ok() && (once || self.is_certain(record))
    }

    /// Whether the header that names the client can end nowhere else: the user has no spaces, and it none but those
    /// of its list.
    fn is_certain(&self, record: &Record<'_>) -> bool {
        let plain = |text: &[u8]| memchr::memchr(b' ', text).is_none();
        let list = |text: &[u8]| {
            memchr::memchr_iter(b' ', text).all(|at| text.get(..at).is_some_and(|t| t.ends_with(b",")))
        };
        record.user.as_deref().is_none_or(plain) && record.more.headers.iter().all(|(_, value)| list(value))
    }
}

/// Takes a literal into the stretches: each quote begins another.
fn push(literal: &[u8], divider: u8, counts: &mut Vec<Option<usize>>) {
    for (at, text) in literal.split(|&byte| byte == b'"').enumerate() {
        if at > 0 {
            counts.push(Some(0));
        }
        if let Some(Some(count)) = counts.last_mut() {
            *count += memchr::memchr_iter(divider, text).count();
        }
    }
}

/// How many dividers each value of a sink has, if it can be told: others have none in most lines.
fn dividers_in(sink: &Sink, divider: u8) -> Option<usize> {
    match sink {
        Sink::TimeClf => Some(usize::from(divider == b' ')),
        Sink::TimeParts(_) | Sink::OtherTime(_) => None,
        // These are not read where they hold a space.
        Sink::Peer | Sink::ValidHost | Sink::TimeIso => Some(0),
        _ => (sink.kind() != Kind::Word || divider == b' ').then_some(0),
    }
}
