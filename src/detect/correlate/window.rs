//! [`Window`]: what one correlation remembers of one key.
//!
//! A window keeps marks sorted by event time, as far back as the rule's timespan and the tolerance for disorder
//! reach. A mark that comes late but within the tolerance takes its place in time, and every window it could
//! complete is looked at. An older mark is late: it is left out and counted. A mark older still, by
//! [`STEP_BACK_NANOS`], starts the window anew: the log itself stepped back (files joined in the wrong order, a clock
//! set right), and what was remembered lies in a future that this part of the log does not know. Which keys exist,
//! and how many, is the correlator's business.
//!
//! How marks are kept and counted stands in `marks`. A value (and a rule of `temporal`) stands at its newest time only, which is exact for a log in
//! order. `temporal_ordered` keeps the [`ORDERED_PER_BASE`](super::ORDERED_PER_BASE) newest marks of each rule.

use super::marks::{Mark, Marks, count_ending, longest_chain, repeats};
use super::rule::Kind;
use super::shape::{EXACT_VALUES, Shape};
use super::sketch::Sketch;
use crate::rows::{Reader, Writer};

/// How much older than the newest mark a mark must be to mean that the log stepped back: one hour, which is the
/// step of summer time and more than any ordinary request lasts.
pub const STEP_BACK_NANOS: i64 = 3_600_000_000_000;

/// The state of one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Window {
    /// One mark: most keys never have more, and an attacker can make any number of those.
    One(Mark),
    /// Several.
    Many(Marks),
    /// More distinct values than are kept exactly.
    Sketch(Box<Sketch>),
    /// None yet: those before completed it.
    Spent,
}

/// What came of one mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The mark was later than the tolerance: left out, or the beginning of a new window.
    pub late: bool,
    /// The count that completed the window, if it did.
    pub fired: Option<u64>,
}

/// How a mark comes to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Later than the tolerance: left out.
    Late,
    /// So late that the log itself stepped back: the window begins anew.
    SteppedBack,
    /// Within reach of those after the horizon, if there are any.
    Within { horizon: i64 },
}

impl Arrival {
    /// For a window with a newest mark.
    #[inline]
    pub fn of(time: i64, newest: i64, reach_nanos: i64) -> Self {
        let horizon = newest.max(time).saturating_sub(reach_nanos);
        match time < horizon {
            true if newest.saturating_sub(time) < STEP_BACK_NANOS => Self::Late,
            true => Self::SteppedBack,
            false => Self::Within { horizon },
        }
    }
}

impl Window {
    /// A window with its first mark.
    pub fn first(shape: &Shape, time: i64, tag: u64) -> (Self, Outcome) {
        let tag = if shape.kind == Kind::EventCount { 1 } else { tag };
        let window = Self::One(Mark { time, tag });
        let fired = (shape.threshold <= 1).then_some(1);
        (window, Outcome { late: false, fired })
    }

    /// Asks for the memory of marks that the next one is put beside.
    #[inline]
    pub fn fetch(&self) {
        if let Self::Many(marks) = self {
            marks.fetch();
        }
    }

    /// Event time of the newest mark.
    #[inline]
    pub fn newest(&self) -> i64 {
        match self {
            Self::One(mark) => mark.time,
            Self::Many(marks) => marks.newest(),
            Self::Sketch(sketch) => sketch.newest(),
            Self::Spent => i64::MIN,
        }
    }

    /// Memory held beyond the window itself, in bytes, as an average over how vectors grow. It follows from the
    /// marks that matter alone, so that a window read back from its row counts the same.
    #[inline]
    pub fn bytes(&self) -> usize {
        match self {
            Self::One(_) | Self::Spent => 0,
            Self::Many(marks) => match marks.len() {
                0 | 1 => 0,
                live => 2 * live * size_of::<Mark>(),
            },
            Self::Sketch(sketch) => sketch.bytes(),
        }
    }

    /// The last event time, in nanoseconds, at which a mark may still complete it.
    #[inline]
    pub fn lasts_until(&self, reach: i64) -> i64 {
        self.newest().saturating_add(reach)
    }

    /// True when counts are estimated rather than exact.
    pub const fn estimates(&self) -> bool {
        matches!(self, Self::Sketch(_))
    }

    /// Adds a mark and says whether it completes the window. The caller removes a window that fired.
    #[inline]
    pub fn observe(&mut self, shape: &Shape, time: i64, tag: u64) -> Outcome {
        let arrival = match self {
            Self::Spent => Arrival::Within { horizon: time },
            _ => Arrival::of(time, self.newest(), shape.reach_nanos),
        };
        let late = !matches!(arrival, Arrival::Within { .. });
        let fired = match arrival {
            Arrival::Late => None,
            Arrival::SteppedBack => {
                let (first, outcome) = Self::first(shape, time, tag);
                *self = first;
                outcome.fired
            }
            Arrival::Within { horizon } => {
                let at = self.place(shape, time, tag, horizon);
                at.and_then(|at| self.completes(at, shape, horizon))
            }
        };
        if shape.may_outgrow() {
            self.outgrow(shape);
        }
        Outcome { late, fired }
    }

    /// Puts a mark that is not before the horizon in its place, and says where that is; `None` when nothing changed.
    #[inline]
    pub fn place(&mut self, shape: &Shape, time: i64, tag: u64, horizon: i64) -> Option<usize> {
        if self.newest() < horizon {
            *self = Self::first(shape, time, tag).0;
            return Some(0);
        }
        if let Self::One(only) = self
            && !repeats(shape.kind, only, time, tag)
        {
            *self = Self::Many(Marks::beginning_with(*only));
        }
        match self {
            Self::One(only) => only.repeat(shape.kind, time).map(|_| 0),
            Self::Many(marks) => marks.place(shape.kind, time, tag, horizon),
            Self::Sketch(sketch) => sketch.insert(time, tag).then_some(0),
            Self::Spent => None,
        }
    }

    /// What no count over its marks can exceed.
    #[inline]
    pub fn most(&self, kind: Kind) -> u64 {
        match self {
            Self::One(only) if kind == Kind::EventCount => only.tag,
            Self::One(_) => 1,
            Self::Many(marks) => marks.most(kind),
            Self::Sketch(_) | Self::Spent => u64::MAX,
        }
    }

    /// The count of a window that the mark at this place completes, if it completes one; marks before the horizon do not
    /// count.
    #[inline]
    pub fn completes(&self, at: usize, shape: &Shape, horizon: i64) -> Option<u64> {
        let count = match self {
            Self::One(only) if shape.kind == Kind::EventCount => only.tag,
            Self::One(_) => 1,
            Self::Many(marks) => return marks.completes(at, shape, horizon),
            Self::Sketch(sketch) => sketch.estimate(),
            Self::Spent => 0,
        };
        (count >= shape.threshold).then_some(count)
    }

    /// Turns many exact values into a sketch.
    fn outgrow(&mut self, shape: &Shape) {
        let Self::Many(marks) = self else { return };
        if marks.len() <= EXACT_VALUES {
            return;
        }
        let mut sketch = Sketch::new(shape.span_nanos, marks.newest());
        for mark in marks.live() {
            sketch.insert(mark.time, mark.tag);
        }
        *self = Self::Sketch(Box::new(sketch));
    }

    /// The count that the threshold is compared with, for the window that ends at the newest mark.
    pub fn count(&self, shape: &Shape) -> u64 {
        let marks = match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Many(marks) => marks.all(),
            Self::Sketch(sketch) => return sketch.estimate(),
            Self::Spent => return 0,
        };
        let Some(last) = marks.len().checked_sub(1) else {
            return 0;
        };
        match shape.kind {
            Kind::TemporalOrdered => {
                let start = self.newest().saturating_sub(shape.span_nanos);
                let before = marks.partition_point(|mark| mark.time < start);
                u64::from(longest_chain(marks.get(before..).unwrap_or_default(), shape))
            }
            Kind::EventCount | Kind::ValueCount | Kind::Temporal => {
                count_ending(marks, last, shape, i64::MIN)
            }
        }
    }

    /// Appends the marks that still matter.
    pub fn write(&self, shape: &Shape, writer: &mut Writer) {
        let (kept, floor) = match self {
            Self::One(only) => (std::slice::from_ref(only), 0),
            Self::Many(marks) => (marks.live(), marks.floor()),
            Self::Sketch(sketch) => {
                writer.byte(2);
                return sketch.write(writer);
            }
            Self::Spent => {
                writer.byte(3);
                return;
            }
        };
        let mut previous = Mark { time: 0, tag: floor };
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
            3 => Some(Self::Spent),
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
            _ => Some(Self::Many(Marks::new(marks, shape.reach_nanos))),
        }
    }
}

#[cfg(test)]
#[path = "window/tests.rs"]
pub(super) mod tests;
