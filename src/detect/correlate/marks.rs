//! Marks in order of time: putting one in its place, forgetting old ones, counting those of a window.
//!
//! What a mark's tag means depends on the kind: events up to and including this instant; a value's hash; the number
//! of the base rule. Next: `window`, which decides what counts at all.

use super::rule::{Kind, MAX_BASES};
use super::window::Shape;

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

/// The marks at or after the horizon.
pub(super) fn live(marks: &[Mark], horizon: i64) -> &[Mark] {
    marks.get(stale(marks, horizon)..).unwrap_or_default()
}

/// How many marks stand before the horizon: none, nearly always.
fn stale(marks: &[Mark], horizon: i64) -> usize {
    match marks.first() {
        Some(first) if first.time < horizon => marks.partition_point(|mark| mark.time < horizon),
        _ => 0,
    }
}

/// Puts a mark in its place; the count that completes a window, if one is complete now.
pub(super) fn insert(marks: &mut Vec<Mark>, shape: &Shape, time: i64, tag: u64, horizon: i64) -> Option<u64> {
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
    if most(marks, shape.kind) < shape.threshold {
        return None;
    }
    let end = marks.get(at)?.time.saturating_add(shape.span_nanos);
    let last = marks.partition_point(|mark| mark.time <= end);
    (at..last)
        .map(|last| count_ending(marks, last, shape, horizon))
        .find(|&count| count >= shape.threshold)
}

/// What no window over these marks can exceed.
fn most(marks: &[Mark], kind: Kind) -> u64 {
    match kind {
        Kind::EventCount => marks.last().map_or(0, |mark| mark.tag),
        Kind::ValueCount | Kind::Temporal | Kind::TemporalOrdered => marks.len() as u64,
    }
}

/// Drops marks before the horizon once they are half of all, so that dropping costs nothing on average.
fn forget(marks: &mut Vec<Mark>, kind: Kind, horizon: i64) {
    let stale = stale(marks, horizon);
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
    if let Some(&Mark { time: newest, tag }) = marks.last()
        && newest < time
    {
        marks.push(Mark { time, tag: tag + 1 });
        return marks.len() - 1;
    }
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

/// How many of the rules, from the first on, can be found one after the other within a window.
pub(super) fn longest_chain(marks: &[Mark], shape: &Shape, horizon: i64) -> u32 {
    // For each rule, the latest start of a chain that ends with it.
    let mut starts: [Option<i64>; MAX_BASES] = [None; MAX_BASES];
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
