//! Windows against the slowest evaluator that is obviously right, and by table.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::marks::ORDERED_PER_BASE;
use super::*;

fn shape(kind: Kind, span: i64, tolerance: i64, threshold: u64, bases: usize) -> Shape {
    Shape {
        kind,
        span_nanos: span,
        reach_nanos: span + tolerance,
        threshold,
        bases,
    }
}

/// Every mark since the last firing, looked at from scratch each time.
pub(crate) struct Obvious {
    shape: Shape,
    seen: Vec<(i64, u64)>,
}

impl Obvious {
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            shape,
            seen: Vec::new(),
        }
    }

    /// Whether the mark was late, and whether it fired.
    pub(crate) fn observe(&mut self, time: i64, tag: u64) -> (bool, bool) {
        let newest = self.seen.iter().map(|seen| seen.0).max().unwrap_or(time);
        let late = time < newest - self.shape.reach_nanos;
        if late && newest - time < STEP_BACK_NANOS {
            return (true, false);
        }
        if late {
            self.seen.clear();
        }
        self.seen.push((time, tag));
        let newest = self.seen.iter().map(|seen| seen.0).max().unwrap_or(time);
        self.seen.retain(|seen| seen.0 >= newest - self.shape.reach_nanos);
        let fired = self.complete();
        if fired {
            self.seen.clear();
        }
        (late, fired)
    }

    fn complete(&self) -> bool {
        let span = self.shape.span_nanos;
        let counted: Vec<i64> = match self.shape.kind {
            Kind::EventCount => self.seen.iter().map(|seen| seen.0).collect(),
            Kind::ValueCount | Kind::Temporal => {
                let mut newest: BTreeMap<u64, i64> = BTreeMap::new();
                for &(time, tag) in &self.seen {
                    let slot = newest.entry(tag).or_insert(time);
                    *slot = time.max(*slot);
                }
                newest.into_values().collect()
            }
            Kind::TemporalOrdered => return self.chain(),
        };
        counted.iter().any(|&end| {
            let inside = counted.iter().filter(|&&time| time <= end && time >= end - span);
            inside.count() as u64 >= self.shape.threshold
        })
    }

    fn chain(&self) -> bool {
        let mut sorted = self.seen.clone();
        sorted.sort_by_key(|seen| seen.0);
        let kept: Vec<(i64, u64)> = (0..sorted.len())
            .filter(|&at| {
                let newer = sorted[at + 1..].iter().filter(|seen| seen.1 == sorted[at].1);
                newer.count() < ORDERED_PER_BASE
            })
            .map(|at| sorted[at])
            .collect();
        (0..kept.len()).any(|first| {
            let mut wanted = 0;
            for &(time, tag) in &kept[first..] {
                if tag == wanted && time - kept[first].0 <= self.shape.span_nanos {
                    wanted += 1;
                }
            }
            wanted as usize == self.shape.bases
        })
    }
}

/// Feeds a window as the correlator does: gone once it fired, and through a row now and then.
fn feed(shape: &Shape, marks: &[(i64, u64)], stored_every: usize) -> Vec<(bool, bool)> {
    let mut window: Option<Window> = None;
    let mut outcomes = Vec::new();
    for (at, &(time, tag)) in marks.iter().enumerate() {
        let outcome = match &mut window {
            Some(window) => window.observe(shape, time, tag),
            none => {
                let (first, outcome) = Window::first(shape, time, tag);
                *none = Some(first);
                outcome
            }
        };
        if outcome.fired.is_some() {
            window = None;
        }
        if at % stored_every == stored_every - 1 {
            window = window.map(|window| stored(shape, &window));
        }
        outcomes.push((outcome.late, outcome.fired.is_some()));
    }
    outcomes
}

fn stored(shape: &Shape, window: &Window) -> Window {
    let mut writer = Writer::versioned(1);
    window.write(shape, &mut writer);
    let bytes = writer.finish();
    let mut reader = Reader::versioned(&bytes, 1).unwrap();
    let read = Window::read(shape, &mut reader).unwrap();
    reader.end().unwrap();
    assert_eq!(read.bytes(), window.bytes());
    read
}

fn marks() -> impl Strategy<Value = Vec<(i64, u64)>> {
    let step = prop_oneof![8 => 0i64..4, 2 => -12i64..0, 1 => 10i64..40];
    proptest::collection::vec((step, 0u64..4), 1..120).prop_map(|steps| {
        let mut time = 1_000;
        steps
            .into_iter()
            .map(|(step, tag)| {
                time += step;
                (time, tag)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn a_window_fires_when_the_obvious_evaluator_does(
        marks in marks(),
        kind in 0usize..4,
        span in 1i64..20,
        tolerance in 0i64..10,
        threshold in 1u64..6,
        stored_every in 1usize..10,
    ) {
        let kind = [Kind::EventCount, Kind::ValueCount, Kind::Temporal, Kind::TemporalOrdered][kind];
        let bases = if kind == Kind::TemporalOrdered { 2 + threshold as usize % 3 } else { 4 };
        let threshold = if kind == Kind::TemporalOrdered { bases as u64 } else { threshold };
        let shape = shape(kind, span, tolerance, threshold, bases);
        let marks: Vec<_> = marks.into_iter().map(|(time, tag)| (time, tag % bases as u64)).collect();
        let mut obvious = Obvious::new(shape);
        let expected: Vec<_> = marks.iter().map(|&(time, tag)| obvious.observe(time, tag)).collect();
        prop_assert_eq!(&feed(&shape, &marks, usize::MAX), &expected);
        prop_assert_eq!(&feed(&shape, &marks, stored_every), &expected);
    }
}

#[test]
fn a_continuing_attack_fires_once_per_threshold() {
    let shape = shape(Kind::EventCount, 60, 0, 10, 1);
    let marks: Vec<_> = (0..35).map(|time| (time, 0)).collect();
    let fired: Vec<_> = feed(&shape, &marks, 7)
        .iter()
        .enumerate()
        .filter(|(_, outcome)| outcome.1)
        .map(|(at, _)| at)
        .collect();
    assert_eq!(fired, [9, 19, 29]);
}

#[test]
fn both_ends_of_the_span_belong_to_the_window() {
    let shape = shape(Kind::EventCount, 60, 0, 2, 1);
    assert!(feed(&shape, &[(0, 0), (60, 0)], 1)[1].1);
    assert!(!feed(&shape, &[(0, 0), (61, 0)], 1)[1].1);
}

#[test]
fn order_matters_where_the_rule_says_so() {
    let ordered = shape(Kind::TemporalOrdered, 60, 0, 2, 2);
    let any = shape(Kind::Temporal, 60, 0, 2, 2);
    assert!(feed(&ordered, &[(0, 0), (5, 1)], 1)[1].1);
    assert!(!feed(&ordered, &[(0, 1), (5, 0)], 1)[1].1);
    assert!(feed(&any, &[(0, 1), (5, 0)], 1)[1].1);
}

#[test]
fn a_log_that_steps_back_an_hour_begins_anew() {
    let shape = shape(Kind::EventCount, 60, 0, 2, 1);
    let marks = [
        (2 * STEP_BACK_NANOS, 0),
        (2 * STEP_BACK_NANOS - 100, 0),
        (STEP_BACK_NANOS, 0),
        (STEP_BACK_NANOS + 1, 0),
    ];
    let outcomes = feed(&shape, &marks, 1);
    assert_eq!(
        outcomes,
        [(false, false), (true, false), (true, false), (false, true)]
    );
}

#[test]
fn beyond_the_cap_distinct_values_are_estimated() {
    let shape = shape(Kind::ValueCount, 60_000, 0, 5_000, 1);
    let hash = |n: u64| {
        let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z ^ (z >> 31)
    };
    let (mut window, _) = Window::first(&shape, 0, hash(0));
    let mut fired_at = None;
    for n in 1..6_000 {
        assert_eq!(window.estimates(), n > EXACT_VALUES as u64, "{n}");
        if n % 1_000 == 0 {
            window = stored(&shape, &window);
        }
        if window.observe(&shape, n as i64, hash(n)).fired.is_some() {
            fired_at = Some(n);
            break;
        }
    }
    let fired_at = fired_at.unwrap();
    assert!((4_600..5_400).contains(&fired_at), "{fired_at}");
    assert!(window.bytes() < 20_000);
}

#[test]
fn marks_that_left_the_window_leave_memory() {
    let shape = shape(Kind::EventCount, 100, 0, 1_000, 1);
    let (mut window, _) = Window::first(&shape, 0, 0);
    for time in 1..100_000 {
        assert_eq!(window.observe(&shape, time, 0).fired, None);
        let Window::Many(marks) = &window else { continue };
        assert!(marks.capacity() < 500, "{}", marks.capacity());
    }
    assert_eq!(window.count(&shape), 101);
}

#[test]
fn damaged_rows_are_refused() {
    let shape = shape(Kind::EventCount, 100, 0, 1_000, 1);
    for bytes in [
        &[][..],
        &[4],
        &[1, 0],
        &[1, 200, 1],
        &[1, 2, 4, 1, 1, 1],
        &[2, 0, 0],
    ] {
        assert!(
            Window::read(&shape, &mut Reader::new(bytes)).is_none(),
            "{bytes:?}"
        );
    }
}
