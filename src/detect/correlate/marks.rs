//! [`Marks`] in order of time: putting one in its place, forgetting old ones, counting those of a window.
//!
//! What a mark's tag means depends on the kind: events up to and including this instant; a value's hash; the number
//! of the base rule. Next: `window`, which decides what counts at all.

use super::rule::{Kind, MAX_BASES};
use super::shape::Shape;
use crate::index::fetch;

/// Marks that `temporal_ordered` keeps of each base rule.
pub const ORDERED_PER_BASE: usize = 16;

/// One instant and what happened then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub time: i64,
    pub tag: u64,
}

impl Mark {
    /// The same thing again, for a window that holds nothing else.
    pub fn repeat(&mut self, kind: Kind, time: i64) -> Option<u64> {
        self.time = self.time.max(time);
        if kind == Kind::EventCount {
            self.tag += 1;
            return Some(self.tag);
        }
        None
    }
}

/// True when a mark adds no second one to a window of one.
pub(super) fn repeats(kind: Kind, only: &Mark, time: i64, tag: u64) -> bool {
    match kind {
        Kind::EventCount => only.time == time,
        Kind::ValueCount | Kind::Temporal => only.tag == tag,
        Kind::TemporalOrdered => only.time == time && only.tag == tag,
    }
}

/// Marks of one key in order of time, never empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Marks {
    all: Vec<Mark>,
    /// How many stand before the reach of the newest and wait to be dropped.
    stale: usize,
}

impl Marks {
    /// Marks that are in order; `reach` is how far back from the newest they matter.
    pub fn new(all: Vec<Mark>, reach: i64) -> Self {
        let mut marks = Self { all, stale: 0 };
        marks.age(marks.newest().saturating_sub(reach));
        marks
    }

    /// A mark to which others will be added.
    pub fn beginning_with(mark: Mark) -> Self {
        let mut all = Vec::with_capacity(4);
        all.push(mark);
        Self { all, stale: 0 }
    }

    /// Event time of the newest.
    #[inline]
    pub fn newest(&self) -> i64 {
        self.all.last().map_or(i64::MIN, |mark| mark.time)
    }

    /// Asks for the memory of the oldest that matters, and of where the next goes.
    #[inline]
    pub fn fetch(&self) {
        fetch(&self.all, self.stale);
        fetch(&self.all, self.all.len());
    }

    /// All that are kept, the stale ones too.
    pub fn all(&self) -> &[Mark] {
        &self.all
    }

    /// For how many there is room.
    #[cfg(test)]
    pub const fn capacity(&self) -> usize {
        self.all.capacity()
    }

    /// Those that matter.
    pub fn live(&self) -> &[Mark] {
        self.all.get(self.stale..).unwrap_or_default()
    }

    /// How many matter.
    #[inline]
    pub const fn len(&self) -> usize {
        self.all.len() - self.stale
    }

    /// The tag of the last stale mark.
    #[inline]
    pub fn floor(&self) -> u64 {
        let last = self.stale.checked_sub(1).and_then(|at| self.all.get(at));
        last.map_or(0, |mark| mark.tag)
    }

    /// Puts a mark that is not before the horizon in its place, and says where that is; `None` when nothing changed. The
    /// horizon never moves back.
    #[inline]
    pub fn place(&mut self, kind: Kind, time: i64, tag: u64, horizon: i64) -> Option<usize> {
        self.age(horizon);
        if self.stale * 2 > self.all.len() {
            self.forget(kind);
        }
        match kind {
            Kind::EventCount => Some(self.insert_event(time)),
            Kind::ValueCount | Kind::Temporal => self.insert_value(time, tag),
            Kind::TemporalOrdered => self.insert_ordered(time, tag),
        }
    }

    /// The count of a window that the mark at this place completes, if it completes one.
    #[inline]
    pub fn completes(&self, at: usize, shape: &Shape, horizon: i64) -> Option<u64> {
        if shape.kind == Kind::TemporalOrdered {
            let chain = longest_chain(self.live(), shape);
            return (chain as usize >= shape.bases).then_some(u64::from(chain));
        }
        if self.most(shape.kind) < shape.threshold {
            return None;
        }
        self.complete(at, shape, horizon)
    }

    /// Counts the stale ones anew: with every step of time some more.
    #[inline]
    fn age(&mut self, horizon: i64) {
        while (self.all.get(self.stale)).is_some_and(|mark| mark.time < horizon) {
            self.stale += 1;
        }
    }

    /// What no window over these marks can exceed.
    #[inline]
    pub fn most(&self, kind: Kind) -> u64 {
        match kind {
            Kind::EventCount => (self.all.last()).map_or(0, |mark| mark.tag - self.floor()),
            Kind::ValueCount | Kind::Temporal | Kind::TemporalOrdered => self.len() as u64,
        }
    }

    /// The first count that reaches the threshold, of the windows that the mark at this place belongs to.
    #[inline(never)]
    fn complete(&self, at: usize, shape: &Shape, horizon: i64) -> Option<u64> {
        let end = self.all.get(at)?.time.saturating_add(shape.span_nanos);
        let last = self.all.partition_point(|mark| mark.time <= end);
        (at..last)
            .map(|last| count_ending(&self.all, last, shape, horizon))
            .find(|&count| count >= shape.threshold)
    }

    /// Drops stale marks: only once they are more than half of all, so that dropping costs nothing on average.
    #[cold]
    fn forget(&mut self, kind: Kind) {
        let floor = self.floor();
        self.all.drain(..self.stale);
        self.stale = 0;
        if kind == Kind::EventCount {
            self.all.iter_mut().for_each(|mark| mark.tag -= floor);
        }
        if self.all.capacity() > 4 * self.all.len() + 8 {
            self.all.shrink_to(2 * self.all.len());
        }
    }

    /// Counts one event at its instant.
    #[inline]
    fn insert_event(&mut self, time: i64) -> usize {
        let last = self.all.len().saturating_sub(1);
        match self.all.last_mut() {
            Some(newest) if newest.time == time => {
                newest.tag += 1;
                last
            }
            Some(&mut Mark { time: newest, tag }) if newest < time => {
                self.all.push(Mark { time, tag: tag + 1 });
                last + 1
            }
            _ => self.insert_earlier_event(time),
        }
    }

    /// Counts one event that later instants have seen too.
    #[cold]
    fn insert_earlier_event(&mut self, time: i64) -> usize {
        let after = self.after(time);
        let at = match after.checked_sub(1).and_then(|at| self.all.get(at)) {
            Some(same) if same.time == time => after - 1,
            before => {
                let tag = before.map_or(0, |mark| mark.tag);
                self.all.insert(after, Mark { time, tag });
                after
            }
        };
        self.all.iter_mut().skip(at).for_each(|mark| mark.tag += 1);
        at
    }

    /// Moves a value to this time unless it was seen later; `None` when nothing changed.
    fn insert_value(&mut self, time: i64, tag: u64) -> Option<usize> {
        // From the back: a value that comes again came lately.
        let known = self.all.iter().rposition(|mark| mark.tag == tag);
        let after = self.after(time);
        let Some(from) = known else {
            self.all.insert(after, Mark { time, tag });
            return Some(after);
        };
        let at = after.checked_sub(1)?;
        if self.all.get(from).is_none_or(|mark| mark.time >= time) {
            return None;
        }
        self.all.copy_within(from + 1..after, from);
        self.stale -= usize::from(from < self.stale);
        *self.all.get_mut(at)? = Mark { time, tag };
        Some(at)
    }

    /// Adds a mark of one rule and drops that rule's oldest beyond the number kept; `None` when it is that itself.
    #[inline(never)]
    fn insert_ordered(&mut self, time: i64, tag: u64) -> Option<usize> {
        let at = self.after(time);
        self.all.insert(at, Mark { time, tag });
        let mut same = self.all.iter().enumerate().filter(|(_, mark)| mark.tag == tag);
        let oldest = same.next().map(|(at, _)| at)?;
        if same.count() >= ORDERED_PER_BASE {
            self.all.remove(oldest);
            self.stale -= usize::from(oldest < self.stale);
            if oldest == at {
                return None;
            }
        }
        Some(at)
    }

    /// The place behind all marks up to this time: the end, nearly always.
    #[inline]
    fn after(&self, time: i64) -> usize {
        match self.all.last() {
            Some(newest) if newest.time > time => self.all.partition_point(|mark| mark.time <= time),
            _ => self.all.len(),
        }
    }
}

/// The count of the window that ends with the mark at `last`.
pub(super) fn count_ending(marks: &[Mark], last: usize, shape: &Shape, horizon: i64) -> u64 {
    let Some(end) = marks.get(last) else { return 0 };
    let start = end.time.saturating_sub(shape.span_nanos).max(horizon);
    let first = marks.partition_point(|mark| mark.time < start);
    if shape.kind == Kind::EventCount {
        let before = first.checked_sub(1).and_then(|at| marks.get(at));
        return end.tag.saturating_sub(before.map_or(0, |mark| mark.tag));
    }
    (last + 1).saturating_sub(first) as u64
}

/// How many of the rules, from the first on, can be found one after the other within a window over these marks.
pub(super) fn longest_chain(marks: &[Mark], shape: &Shape) -> u32 {
    // For each rule, the latest start of a chain that ends with it.
    let mut starts: [Option<i64>; MAX_BASES] = [None; MAX_BASES];
    let mut longest = 0;
    for mark in marks {
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
