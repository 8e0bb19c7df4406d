//! [`Timeline`]: counts by span of time and traits, in spans as short as there is room for.
//!
//! It begins with seconds. When it is full the spans become longer, step by step along a fixed way, so that the end
//! depends on the lines alone: a part of the lines never needs longer spans than all of them. From an hour on, longer
//! spans and fairer samples ([`super::cells`]) take turns.

use super::cells::{Cells, MAX_LEVEL};
use super::key::{Timed, Traits};

/// Lengths of the spans in seconds; each divides the next. Few steps: with each the table is filled anew.
const SPANS: [i64; 13] = [
    1, 10, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_419_200,
];
/// Place of the hour in [`SPANS`].
const HOUR: usize = 6;

/// Counts by span and traits.
#[derive(Debug, Clone)]
pub struct Timeline {
    cells: Cells<Timed>,
    step: usize,
    /// The second of the last line and its span: lines of one second follow each other, and dividing is slow.
    last: (i64, i64),
}

/// Span and lowest level of a step of the way.
fn step(number: usize) -> (i64, u8) {
    let beyond = number.saturating_sub(HOUR);
    let at = (number.min(HOUR) + beyond / 2).min(SPANS.len() - 1);
    let level = beyond
        .div_ceil(2)
        .max(beyond.saturating_sub(SPANS.len() - 1 - HOUR));
    let level = u8::try_from(level).unwrap_or(MAX_LEVEL).min(MAX_LEVEL);
    (SPANS.get(at).copied().unwrap_or(1), level)
}

impl Timeline {
    /// An empty one of at most `max` cells.
    pub fn new(max: usize) -> Self {
        Self {
            cells: Cells::new(max),
            step: 0,
            last: (0, 0),
        }
    }

    /// Length of the spans in seconds.
    pub fn span_secs(&self) -> i64 {
        step(self.step).0
    }

    /// The counts.
    pub fn cells(&self) -> &Cells<Timed> {
        &self.cells
    }

    /// Counts one line of that level.
    #[inline]
    pub fn add(&mut self, secs: i64, traits: Traits, level: u8) {
        if !self.cells.takes(level) {
            return;
        }
        if secs != self.last.0 {
            self.last = (secs, secs.div_euclid(self.span_secs()));
        }
        let span = self.last.1;
        if self.cells.add_recent(Timed { span, traits }) {
            self.shrink();
        }
    }

    /// Puts everything into the table and keeps the bound: what is counted is final until more is added.
    pub fn settle(&mut self) {
        self.cells.settle();
        self.shrink();
    }

    /// Takes in another whose hosts have these numbers here.
    pub fn merge(&mut self, other: &Self, hosts: &[u32]) {
        self.go_to(self.step.max(other.step));
        let (from, to) = (other.span_secs(), self.span_secs());
        self.cells.merge(&other.cells, |key| Timed {
            span: (key.span * from).div_euclid(to),
            traits: key.traits.translated(hosts),
        });
        self.settle();
    }

    /// Every host number as `hosts` says.
    pub fn renumber(&mut self, hosts: &[u32]) {
        self.cells.rekey(|key| Timed {
            traits: key.traits.translated(hosts),
            ..key
        });
    }

    #[cold]
    fn shrink(&mut self) {
        while self.cells.is_over() && step(self.step).1 < MAX_LEVEL {
            self.go_to(self.step + 1);
        }
    }

    fn go_to(&mut self, number: usize) {
        let (from, (to, level)) = (self.span_secs(), step(number));
        self.step = number;
        self.last = (0, 0);
        self.cells.raise_to(level);
        if from != to {
            self.cells.rekey(|key| Timed {
                span: (key.span * from).div_euclid(to),
                ..key
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells::level_of;
    use super::super::key::{LEVEL, STATUS};
    use super::*;

    #[test]
    fn the_way_goes_through_longer_spans_and_then_rarer_lines() {
        let way: Vec<(i64, u8)> = (0..60).map(step).collect();
        assert_eq!(way[..5], [(1, 0), (10, 0), (60, 0), (300, 0), (600, 0)]);
        assert_eq!(
            way[6..11],
            [(3600, 0), (3600, 1), (10_800, 1), (10_800, 2), (21_600, 2)]
        );
        assert!(way.windows(2).all(
            |two| two[0].0 <= two[1].0 && two[0].1 <= two[1].1 && two[0] != two[1] || two[1].1 == MAX_LEVEL
        ));
        assert_eq!(way.last(), Some(&(2_419_200, MAX_LEVEL)));
        assert!(SPANS.windows(2).all(|two| two[1] % two[0] == 0));
    }

    fn counted(lines: impl Iterator<Item = u64>) -> Timeline {
        let mut timeline = Timeline::new(300);
        for line in lines {
            let level = level_of(0, line);
            let traits = Traits::default().with(LEVEL, level.into()).with(STATUS, line % 7);
            timeline.add(line as i64 * 11 - 50_000, traits, level);
        }
        timeline.settle();
        timeline
    }

    #[test]
    fn parts_joined_in_any_order_are_the_whole() {
        let whole = counted(0..20_000);
        let mut joined = Timeline::new(300);
        for part in [2, 0, 1] {
            joined.merge(&counted((0..20_000).filter(|line| line % 3 == part)), &[0]);
        }
        assert!(whole.span_secs() >= 3600, "{}", whole.span_secs());
        assert_eq!(
            (whole.span_secs(), whole.cells.sampled()),
            (joined.span_secs(), joined.cells.sampled())
        );
        let sorted = |timeline: &Timeline| {
            let mut all: Vec<_> = timeline.cells.iter().map(|(key, count)| (*key, count)).collect();
            all.sort_unstable();
            all
        };
        assert_eq!(sorted(&whole), sorted(&joined));
    }
}
