//! [`Window`]: what one correlation remembers of one key.
//!
//! A window keeps marks sorted by event time, as far back as the rule's timespan and the tolerance for disorder
//! reach. A mark that comes late but within the tolerance takes its place in time, and every window it could
//! complete is looked at. An older mark is late: it is left out and counted. A mark older still, by
//! [`STEP_BACK_NANOS`], starts the window anew: the log itself stepped back (files joined in the wrong order, a clock
//! set right), and what was remembered lies in a future that this part of the log does not know. Which keys exist,
//! and how many, is the correlator's business.
//!
//! What a mark's tag means depends on the kind: events up to and including this instant; a value's hash; the number
//! of the base rule. A value (and a rule of `temporal`) stands at its newest time only, which is exact for a log in
//! order. `temporal_ordered` keeps the [`ORDERED_PER_BASE`] newest marks of each rule.

use super::rule::Kind;
use super::sketch::Sketch;
use crate::rows::{Reader, Writer};

/// Distinct values that are kept exactly; a rule that asks for more is answered by [`Sketch`] beyond them.
pub const EXACT_VALUES: usize = 1024;

/// Marks that `temporal_ordered` keeps of each base rule.
pub const ORDERED_PER_BASE: usize = 16;

/// How much older than the newest mark a mark must be to mean that the log stepped back: one hour, which is the
/// step of summer time and more than any ordinary request lasts.
pub const STEP_BACK_NANOS: i64 = 3_600_000_000_000;

/// What a window must know of its rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub kind: Kind,
    pub span_nanos: i64,
    /// Disorder that is put right, beyond the span.
    pub tolerance_nanos: i64,
    pub threshold: u64,
    /// Number of base rules.
    pub bases: usize,
}

impl Shape {
    /// How far back from its newest mark a window remembers.
    pub const fn reach(&self) -> i64 {
        self.span_nanos.saturating_add(self.tolerance_nanos)
    }
}

/// One instant and what happened then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub time: i64,
    pub tag: u64,
}

/// The state of one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Window {
    /// One mark: most keys never have more, and an attacker can make any number of those.
    One(Mark),
    /// Marks in order of time, never empty.
    #[expect(
        clippy::box_collection,
        reason = "a window is three words, and there are a million of them"
    )]
    Many(Box<Vec<Mark>>),
    /// More distinct values than are kept exactly.
    Sketch(Box<Sketch>),
}

/// What came of one mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The mark was later than the tolerance: left out, or the beginning of a new window.
    pub late: bool,
    /// The count that completed the window, if it did.
    pub fired: Option<u64>,
}

impl Window {
    /// A window with its first mark.
    pub fn first(shape: &Shape, time: i64, tag: u64) -> (Self, Outcome) {
        let tag = if shape.kind == Kind::EventCount { 1 } else { tag };
        let window = Self::One(Mark { time, tag });
        let fired = (shape.threshold <= 1).then_some(1);
        (window, Outcome { late: false, fired })
    }

    /// Event time of the newest mark.
    pub fn newest(&self) -> i64 {
        match self {
            Self::One(mark) => mark.time,
            Self::Many(marks) => marks.last().map_or(i64::MIN, |mark| mark.time),
            Self::Sketch(sketch) => sketch.newest(),
        }
    }

    /// Memory held beyond the window itself, in bytes, as an average over how vectors grow. It follows from the
    /// marks that matter alone, so that a window read back from its row counts the same.
    pub fn bytes(&self, shape: &Shape) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(marks) => match live(marks, self.newest().saturating_sub(shape.reach())).len() {
                0 | 1 => 0,
                live => size_of::<Vec<Mark>>() + 2 * live * size_of::<Mark>(),
            },
            Self::Sketch(sketch) => sketch.bytes(),
        }
    }

    /// True when counts are estimated rather than exact.
    pub const fn estimates(&self) -> bool {
        matches!(self, Self::Sketch(_))
    }

    /// Adds a mark and says whether it completes the window. The caller removes a window that fired.
    pub fn observe(&mut self, shape: &Shape, time: i64, tag: u64) -> Outcome {
        let newest = self.newest();
        let horizon = newest.max(time).saturating_sub(shape.reach());
        let late = time < horizon;
        if late && newest.saturating_sub(time) < STEP_BACK_NANOS {
            return Outcome { late, fired: None };
        }
        if late || newest < horizon {
            let (first, outcome) = Self::first(shape, time, tag);
            *self = first;
            return Outcome { late, ..outcome };
        }
        let fired = match self {
            Self::Sketch(sketch) => {
                let grew = sketch.insert(time, tag);
                grew.then(|| sketch.estimate())
                    .filter(|&count| count >= shape.threshold)
            }
            Self::One(only) if repeats(shape.kind, only, time, tag) => {
                let fired = only.repeat(shape.kind, time);
                fired.filter(|&count| count >= shape.threshold)
            }
            Self::One(only) => {
                let mut marks = Box::new(Vec::with_capacity(2));
                marks.push(*only);
                let fired = insert(&mut marks, shape, time, tag, horizon);
                *self = Self::Many(marks);
                fired
            }
            Self::Many(marks) => insert(marks, shape, time, tag, horizon),
        };
        self.outgrow(shape, horizon);
        Outcome { late: false, fired }
    }

    /// Turns many exact values into a sketch where the rule asks for more than are kept.
    fn outgrow(&mut self, shape: &Shape, horizon: i64) {
        let Self::Many(marks) = self else { return };
        if shape.kind != Kind::ValueCount || shape.threshold <= EXACT_VALUES as u64 {
            return;
        }
        let live = live(marks, horizon);
        if live.len() <= EXACT_VALUES {
            return;
        }
        let mut sketch = Sketch::new(shape.span_nanos, live.last().map_or(0, |mark| mark.time));
        for mark in live {
            sketch.insert(mark.time, mark.tag);
        }
        *self = Self::Sketch(Box::new(sketch));
    }

    /// The count that the threshold is compared with, for the window that ends at the newest mark.
    pub fn count(&self, shape: &Shape) -> u64 {
        let marks = match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Many(marks) => marks.as_slice(),
            Self::Sketch(sketch) => return sketch.estimate(),
        };
        let Some(last) = marks.len().checked_sub(1) else {
            return 0;
        };
        match shape.kind {
            Kind::TemporalOrdered => u64::from(longest_chain(
                marks,
                shape,
                self.newest().saturating_sub(shape.span_nanos),
            )),
            Kind::EventCount | Kind::ValueCount | Kind::Temporal => {
                count_ending(marks, last, shape, i64::MIN)
            }
        }
    }

    /// Appends the marks that still matter.
    pub fn write(&self, shape: &Shape, writer: &mut Writer) {
        let horizon = self.newest().saturating_sub(shape.reach());
        let marks = match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Many(marks) => marks.as_slice(),
            Self::Sketch(sketch) => {
                writer.byte(2);
                return sketch.write(writer);
            }
        };
        let kept = live(marks, horizon);
        let before = marks.len() - kept.len();
        let floor = before.checked_sub(1).and_then(|at| marks.get(at));
        let mut previous = Mark {
            time: 0,
            tag: floor.map_or(0, |mark| mark.tag),
        };
        writer.byte(1).uint(kept.len() as u64);
        for mark in kept {
            writer.int(mark.time.wrapping_sub(previous.time));
            match shape.kind {
                Kind::EventCount => writer.uint(mark.tag.saturating_sub(previous.tag)),
                Kind::ValueCount => writer.fixed(mark.tag),
                Kind::Temporal | Kind::TemporalOrdered => writer.uint(mark.tag),
            };
            previous = *mark;
        }
    }

    /// Reads what [`Window::write`] wrote; `None` for damaged bytes.
    pub fn read(shape: &Shape, reader: &mut Reader) -> Option<Self> {
        match reader.byte()? {
            1 => Self::read_marks(shape, reader),
            2 if shape.kind == Kind::ValueCount => {
                Sketch::read(shape.span_nanos, reader).map(|sketch| Self::Sketch(Box::new(sketch)))
            }
            _ => None,
        }
    }

    fn read_marks(shape: &Shape, reader: &mut Reader) -> Option<Self> {
        let count = reader.count(2)?;
        let mut marks: Vec<Mark> = Vec::with_capacity(count);
        let (mut time, mut total) = (0i64, 0u64);
        for _ in 0..count {
            time = time.wrapping_add(reader.int()?);
            let tag = match shape.kind {
                Kind::EventCount => {
                    total = total.checked_add(reader.uint()?)?;
                    total
                }
                Kind::ValueCount => reader.fixed()?,
                Kind::Temporal | Kind::TemporalOrdered => reader.uint()?,
            };
            if marks.last().is_some_and(|last| last.time > time) {
                return None;
            }
            marks.push(Mark { time, tag });
        }
        match marks.as_slice() {
            [] => None,
            [only] => Some(Self::One(*only)),
            _ => Some(Self::Many(Box::new(marks))),
        }
    }
}

impl Mark {
    /// The same thing again, for a window that holds nothing else.
    fn repeat(&mut self, kind: Kind, time: i64) -> Option<u64> {
        self.time = self.time.max(time);
        if kind == Kind::EventCount {
            self.tag += 1;
            return Some(self.tag);
        }
        None
    }
}

/// True when a mark adds no second one to a window of one.
fn repeats(kind: Kind, only: &Mark, time: i64, tag: u64) -> bool {
    match kind {
        Kind::EventCount => only.time == time,
        Kind::ValueCount | Kind::Temporal => only.tag == tag,
        Kind::TemporalOrdered => only.time == time && only.tag == tag,
    }
}

/// The marks at or after the horizon.
fn live(marks: &[Mark], horizon: i64) -> &[Mark] {
    let stale = marks.partition_point(|mark| mark.time < horizon);
    marks.get(stale..).unwrap_or_default()
}

/// Puts a mark in its place; the count that completes a window, if one is complete now.
fn insert(marks: &mut Vec<Mark>, shape: &Shape, time: i64, tag: u64, horizon: i64) -> Option<u64> {
    forget(marks, shape.kind, horizon);
    let at = match shape.kind {
        Kind::EventCount => insert_event(marks, time),
        Kind::ValueCount | Kind::Temporal => insert_value(marks, time, tag)?,
        Kind::TemporalOrdered => {
            insert_ordered(marks, time, tag)?;
            let chain = longest_chain(marks, shape, horizon);
            return (chain as usize >= shape.bases).then_some(u64::from(chain));
        }
    };
    let end = marks.get(at)?.time.saturating_add(shape.span_nanos);
    let last = marks.partition_point(|mark| mark.time <= end);
    (at..last)
        .map(|last| count_ending(marks, last, shape, horizon))
        .find(|&count| count >= shape.threshold)
}

/// Drops marks before the horizon once they are half of all, so that dropping costs nothing on average.
fn forget(marks: &mut Vec<Mark>, kind: Kind, horizon: i64) {
    let stale = marks.partition_point(|mark| mark.time < horizon);
    if stale * 2 <= marks.len() {
        return;
    }
    let floor = stale
        .checked_sub(1)
        .and_then(|at| marks.get(at))
        .map_or(0, |mark| mark.tag);
    marks.drain(..stale);
    if kind == Kind::EventCount {
        marks.iter_mut().for_each(|mark| mark.tag -= floor);
    }
    if marks.capacity() > 4 * marks.len() + 8 {
        marks.shrink_to(2 * marks.len());
    }
}

/// Counts one event at its instant; later instants have seen it too.
fn insert_event(marks: &mut Vec<Mark>, time: i64) -> usize {
    let after = marks.partition_point(|mark| mark.time <= time);
    let at = match after.checked_sub(1).and_then(|at| marks.get(at)) {
        Some(same) if same.time == time => after - 1,
        before => {
            let tag = before.map_or(0, |mark| mark.tag);
            marks.insert(after, Mark { time, tag });
            after
        }
    };
    marks.iter_mut().skip(at).for_each(|mark| mark.tag += 1);
    at
}

/// Moves a value to this time unless it was seen later; `None` when nothing changed.
fn insert_value(marks: &mut Vec<Mark>, time: i64, tag: u64) -> Option<usize> {
    // From the back: a value that comes again came lately.
    if let Some(at) = marks.iter().rposition(|mark| mark.tag == tag) {
        if marks.get(at).is_none_or(|mark| mark.time >= time) {
            return None;
        }
        marks.remove(at);
    }
    let at = marks.partition_point(|mark| mark.time <= time);
    marks.insert(at, Mark { time, tag });
    Some(at)
}

/// Adds a mark of one rule and drops that rule's oldest beyond the number kept; `None` when that was the new one.
fn insert_ordered(marks: &mut Vec<Mark>, time: i64, tag: u64) -> Option<usize> {
    let at = marks.partition_point(|mark| mark.time <= time);
    marks.insert(at, Mark { time, tag });
    let mut same = marks.iter().enumerate().filter(|(_, mark)| mark.tag == tag);
    let oldest = same.next().map(|(at, _)| at)?;
    if same.count() < ORDERED_PER_BASE {
        return Some(at);
    }
    marks.remove(oldest);
    (oldest != at).then(|| at.saturating_sub(1))
}

/// The count of the window that ends with the mark at `last`.
fn count_ending(marks: &[Mark], last: usize, shape: &Shape, horizon: i64) -> u64 {
    let Some(end) = marks.get(last) else { return 0 };
    let start = end.time.saturating_sub(shape.span_nanos).max(horizon);
    let first = marks.partition_point(|mark| mark.time < start);
    if shape.kind == Kind::EventCount {
        let before = first.checked_sub(1).and_then(|at| marks.get(at));
        return end.tag.saturating_sub(before.map_or(0, |mark| mark.tag));
    }
    (last + 1).saturating_sub(first) as u64
}

/// How many of the rules, from the first on, can be found one after the other within a window.
fn longest_chain(marks: &[Mark], shape: &Shape, horizon: i64) -> u32 {
    // For each rule, the latest start of a chain that ends with it.
    let mut starts: [Option<i64>; super::rule::MAX_BASES] = [None; super::rule::MAX_BASES];
    let mut longest = 0;
    for mark in live(marks, horizon) {
        let base = mark.tag as usize;
        let start = match base.checked_sub(1) {
            None => Some(mark.time),
            Some(before) => starts.get(before).copied().flatten(),
        };
        let within = start.filter(|start| mark.time.saturating_sub(*start) <= shape.span_nanos);
        if let (Some(start), Some(slot)) = (within, starts.get_mut(base)) {
            *slot = Some(start);
            longest = longest.max(base as u32 + 1);
        }
    }
    longest
}

#[cfg(test)]
#[path = "window/tests.rs"]
pub(super) mod tests;
