//! Counting in a table that is too small, in one go and in parts.

use super::*;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Line {
    name: u32,
    level: u8,
}

impl Key for Line {
    fn level(&self) -> u8 {
        self.level
    }

    fn bits(&self) -> u64 {
        u64::from(self.name) << 8 | u64::from(self.level)
    }
}

/// `names` names, the first met every second line, over the lines of `range`.
fn counted(range: std::ops::Range<u64>, max: usize) -> Cells<Line> {
    let mut cells = Cells::new(max);
    for at in range {
        let level = level_of(0, at * 173);
        let name = if at % 2 == 0 { 0 } else { at as u32 };
        if cells.takes(level) {
            cells.add_recent(Line { name, level });
        }
        if cells.is_over() {
            cells.shrink();
        }
    }
    cells
}

fn sorted(cells: &Cells<Line>) -> Vec<(Line, u64)> {
    let mut all: Vec<_> = cells.iter().map(|(key, count)| (*key, count)).collect();
    all.sort_unstable();
    all
}

#[test]
fn the_sample_is_the_same_however_the_lines_are_shared() {
    let mut whole = counted(0..40_000, 512);
    whole.settle();
    whole.shrink();
    let mut joined = Cells::new(512);
    for part in [30_000..40_000, 0..7, 7..30_000] {
        joined.merge(&counted(part, 512), |key| key);
        joined.shrink();
    }
    assert!(whole.sampled() > 1);
    assert_eq!(whole.sampled(), joined.sampled());
    assert_eq!(sorted(&whole), sorted(&joined));
}

#[test]
fn the_estimate_is_within_the_error_that_is_told() {
    let cells = counted(0..40_000, 512);
    let counted: u64 = cells
        .iter()
        .filter(|(key, _)| key.name == 0)
        .map(|(_, count)| count)
        .sum();
    let estimate = (counted * cells.sampled()) as f64;
    let error = 2.0 * ((cells.sampled() - 1) as f64 * 20_000.0).sqrt();
    assert!((estimate - 20_000.0).abs() < error, "{estimate} ± {error}");
}

#[test]
fn what_is_counted_apart_is_what_is_counted_at_once() {
    let (mut apart, mut at_once) = (Cells::new(1 << 20), Cells::new(1 << 20));
    for at in 0..40_000_u32 {
        let key = Line {
            name: at.wrapping_mul(at) % 3_000,
            level: level_of(0, at.into()),
        };
        apart.add_recent(key);
        at_once.add(key);
    }
    let joined = |cells: &Cells<Line>| {
        let mut sums = std::collections::BTreeMap::new();
        cells
            .iter()
            .for_each(|(key, count)| *sums.entry(*key).or_insert(0) += count);
        sums
    };
    assert_eq!(joined(&apart), joined(&at_once));
    assert!(
        sorted(&apart).len() > sorted(&at_once).len(),
        "some are not settled"
    );
    // What a higher threshold drops is dropped wherever it is counted.
    apart.raise_to(2);
    at_once.raise_to(2);
    assert_eq!(joined(&apart), joined(&at_once));
    apart.settle();
    assert_eq!(sorted(&apart), sorted(&at_once));
}

#[test]
fn nothing_is_lost_while_there_is_room() {
    let cells = counted(0..400, 1_000);
    assert_eq!(cells.sampled(), 1);
    assert_eq!(cells.iter().map(|(_, count)| count).sum::<u64>(), 400);
}
