//! [`Axis`] and [`Spans`]: which stretch of time the rows cover, cut into how many equal spans.

use std::collections::BTreeMap;

use crate::report::tally::timed::Timeline;

/// Lengths of the spans in seconds.
const SPANS: [i64; 15] = [
    1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_419_200,
];
/// A clock that is wrong in one line in so many does not stretch the time axis.
const ODD_SHARE: u64 = 2_000;
/// By how much odd lines must stretch the axis before they are set aside.
const STRETCH: i64 = 4;

/// Equal spans of time; requests outside have the numbers -1 and `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spans {
    /// Start of the first, seconds since the epoch.
    pub start: i64,
    /// Length of each in seconds.
    pub secs: i64,
    /// How many.
    pub count: i64,
}

/// The stretch of time that requests cover, not cut yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    /// The first and the last second.
    first: i64,
    last: i64,
    /// Length of the shortest spans that both timelines can be added up to.
    finest: i64,
}

impl Axis {
    /// What the requests cover.
    pub fn of(requests: &Timeline, sightings: &Timeline) -> Self {
        let mut by_start: BTreeMap<i64, u64> = BTreeMap::new();
        for (key, count) in requests.cells().iter() {
            *by_start.entry(key.span * requests.span_secs()).or_default() += count;
        }
        let (first, last) = covered(&by_start);
        Self {
            first,
            last: last + requests.span_secs() - 1,
            finest: requests.span_secs().max(sightings.span_secs()),
        }
    }

    /// At most `max` spans that cover it, as far as their lengths go.
    pub fn spans(self, max: usize) -> Spans {
        let Self { first, last, finest } = self;
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let count = |secs: i64| last.div_euclid(secs) - first.div_euclid(secs) + 1;
        let secs = SPANS
            .into_iter()
            .find(|secs| secs % finest == 0 && count(*secs) <= max);
        let secs = secs.unwrap_or(SPANS[SPANS.len() - 1]);
        Spans {
            start: first.div_euclid(secs) * secs,
            secs,
            count: count(secs),
        }
    }
}

impl Spans {
    /// The number of the span of an instant.
    pub fn number(self, secs: i64) -> i64 {
        (secs - self.start).div_euclid(self.secs).clamp(-1, self.count)
    }
}

/// First and last start that matter.
fn covered(by_start: &BTreeMap<i64, u64>) -> (i64, i64) {
    let (Some((&first, _)), Some((&last, _))) = (by_start.first_key_value(), by_start.last_key_value())
    else {
        return (0, 0);
    };
    let total: u64 = by_start.values().sum();
    let odd = (total / ODD_SHARE).max(u64::from(total >= 50));
    let after = |starts: &mut dyn Iterator<Item = (&i64, &u64)>| {
        let mut seen = 0;
        let beyond = starts.skip_while(|(_, count)| {
            seen += **count;
            seen <= odd
        });
        beyond.map(|(start, _)| *start).next()
    };
    let bulk = (after(&mut by_start.iter()), after(&mut by_start.iter().rev()));
    match bulk {
        (Some(from), Some(to)) if from <= to && (last - first) / STRETCH > (to - from).max(3600) => {
            (from, to)
        }
        _ => (first, last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tally::key::Traits;

    fn spans(times: impl IntoIterator<Item = i64>, max: usize) -> Spans {
        let mut requests = Timeline::new(10_000);
        times
            .into_iter()
            .for_each(|secs| requests.add(secs, Traits::default(), 0));
        Axis::of(&requests, &Timeline::new(9)).spans(max)
    }

    #[test]
    fn the_shortest_spans_that_are_few_enough() {
        let day = 1_700_000_000..1_700_086_400;
        let fine = spans(day.clone().step_by(7), 480);
        assert_eq!((fine.secs, fine.count), (300, 289));
        assert!(fine.start <= day.start && fine.number(day.start) == 0);
        assert_eq!(fine.number(day.end - 1), fine.count - 1);
        assert_eq!(spans(day.step_by(7), 30).secs, 3600);
        assert_eq!(
            spans([], 30),
            Spans {
                start: 0,
                secs: 1,
                count: 1
            }
        );
    }

    #[test]
    fn a_wrong_clock_does_not_squeeze_everything_into_one_span() {
        let lines = (0..3600).map(|at| 1_700_000_000 + at);
        let odd = spans(lines.clone().chain([0]), 480);
        assert_eq!(odd.secs, 10);
        assert_eq!(odd.number(0), -1);
        assert_eq!(odd.number(4_000_000_000), odd.count);
        // A gap that is no oddity stays.
        assert_eq!(
            spans(lines.chain((0..100).map(|at| 1_600_000_000 + at)), 480).number(1_600_000_000),
            0
        );
    }
}
