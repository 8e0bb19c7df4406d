//! The correlator against the obvious evaluator: any cut, any restart, any eviction the same.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::rule::{Base, Group, Kind, Net};
use super::super::window::STEP_BACK_NANOS;
use super::super::window::tests::Obvious;
use super::*;
use crate::detect::{Class, Confidence, Level};

impl Correlator {
    /// Counts the ticks of a line, by its number, as if this were the only table; what alerts.
    pub fn observe(&mut self, at: usize, line: Line, ticks: &[Tick]) -> Vec<Fired> {
        let mut fired = Vec::new();
        for tick in ticks {
            let due = Due::new((at as u64, line.0), tick, self.name(tick));
            self.complete(&due, |done| fired.push(done));
        }
        fired.retain(|done| done.alerts);
        fired.sort_by_key(Fired::order);
        fired
    }
}

/// The ticks of a line as routes lead to them: one for all members of a series.
pub(in crate::detect::correlate) fn joined(rules: &[Correlation<Named>], mut ticks: Vec<Tick>) -> Vec<Tick> {
    let all = series::gather(rules);
    let mut met = Vec::new();
    ticks.retain_mut(|tick| {
        let is_of = |series: &series::Series| series.members.contains(&tick.correlation);
        let Some(number) = all.iter().position(is_of) else {
            return true;
        };
        tick.correlation = (rules.len() + number) as u32;
        met.push(number);
        met.iter().filter(|&&other| other == number).count() == 1
    });
    ticks
}

pub(in crate::detect::correlate) type Named = &'static str;

pub(in crate::detect::correlate) fn correlation(
    id: &str,
    kind: Kind,
    threshold: u64,
    bases: &[RuleRef],
    alerts: bool,
) -> Correlation<Named> {
    Correlation {
        info: Arc::new(RuleInfo {
            id: id.into(),
            title: id.into(),
            level: Level::High,
            class: Class::Scan,
            confidence: Confidence::default(),
            names: crate::detect::Names::default(),
            tags: Vec::new(),
            source: "test".into(),
        }),
        alerts,
        kind,
        bases: bases
            .iter()
            .map(|&rule| Base {
                rule,
                id: format!("{rule:?}").into(),
                group_by: vec![Group::Client(Net::HOST)],
                field: (kind == Kind::ValueCount).then_some("path"),
            })
            .collect(),
        timespan_nanos: 10,
        threshold,
    }
}

/// One of each kind, a chain, and such as count what the first two count over spans of their own.
pub(in crate::detect::correlate) fn rules() -> Vec<Correlation<Named>> {
    use RuleRef::{Correlation as Below, Rule};
    let over = |timespan_nanos, correlation| Correlation {
        timespan_nanos,
        ..correlation
    };
    vec![
        correlation("events", Kind::EventCount, 3, &[Rule(0), Rule(1)], true),
        correlation("values", Kind::ValueCount, 3, &[Rule(0)], true),
        correlation("temporal", Kind::Temporal, 2, &[Rule(0), Rule(1)], true),
        correlation("quiet", Kind::EventCount, 2, &[Rule(2)], false),
        correlation("chain", Kind::TemporalOrdered, 2, &[Below(3), Rule(1)], true),
        over(
            25,
            correlation("more events", Kind::EventCount, 5, &[Rule(0), Rule(1)], true),
        ),
        over(
            40,
            correlation("more values", Kind::ValueCount, 4, &[Rule(0)], true),
        ),
        over(
            4,
            correlation("few events", Kind::EventCount, 2, &[Rule(0), Rule(1)], false),
        ),
        correlation("any value", Kind::ValueCount, 1, &[Rule(0)], true),
    ]
}

pub(in crate::detect::correlate) fn options() -> Options {
    Options {
        tolerance_nanos: 5,
        ..Options::default()
    }
}

/// A line: time, client, rule, value.
pub(in crate::detect::correlate) type Line = (i64, u8, u32, u64);

pub(in crate::detect::correlate) fn ticks_of((_, client, rule, value): Line) -> Vec<Tick> {
    let tick = |correlation, base, value| Tick {
        correlation,
        base,
        key: u128::from(client),
        value,
    };
    match rule {
        0 | 3 => {
            let mut ticks = vec![
                tick(0, 0, 0),
                tick(1, 0, value),
                tick(2, 0, 0),
                tick(5, 0, 0),
                tick(6, 0, value),
                tick(7, 0, 0),
                tick(8, 0, value),
            ];
            // Rules 0 and 1 hit.
            if rule == 3 {
                ticks.insert(3, tick(2, 1, 1));
                ticks.push(tick(4, 1, 1));
            }
            ticks
        }
        1 => vec![
            tick(0, 1, 0),
            tick(2, 1, 1),
            tick(5, 1, 0),
            tick(7, 1, 0),
            tick(4, 1, 1),
        ],
        _ => vec![tick(3, 0, 0), tick(4, 0, 0)],
    }
}

pub(in crate::detect::correlate) fn lines() -> impl Strategy<Value = Vec<Line>> {
    let step = prop_oneof![9 => 0i64..3, 1 => -8i64..0, 1 => 5i64..30];
    proptest::collection::vec((step, 0u8..4, 0u32..4, 0u64..5), 1..150).prop_map(|steps| {
        let mut time = 1_000;
        let lines = steps.into_iter().map(|(step, client, rule, value)| {
            time += step;
            (time, client, rule, value)
        });
        lines.collect()
    })
}

/// Which correlation fired on which line, with a restart from stored rows after the lines named.
fn run(lines: &[Line], options: &Options, restarts: &[usize]) -> (Vec<(usize, u32)>, Counters) {
    let rules = rules();
    let mut correlator = Correlator::new(&rules, options.clone());
    let mut stored: BTreeMap<Vec<u8>, State> = BTreeMap::new();
    let mut fired = Vec::new();
    let mut counters = Counters::default();
    for (at, &line) in lines.iter().enumerate() {
        let done = correlator.observe(at, line, &joined(&rules, ticks_of(line)));
        fired.extend(done.iter().map(|fired| (at, fired.correlation)));
        if restarts.contains(&at) {
            commit(correlator.drain_dirty(), &mut stored);
            counters = counters.with(correlator.take_counters());
            correlator = Correlator::new(&rules, options.clone());
            let restored = correlator.restore(stored.values().cloned());
            assert_eq!(restored.windows, stored.len());
        } else if at % 3 == 0 {
            commit(correlator.drain_dirty(), &mut stored);
        }
    }
    commit(correlator.drain_dirty(), &mut stored);
    assert_eq!(correlator.drain_dirty(), []);
    assert_eq!(correlator.windows(), stored.len());
    counters = counters.with(correlator.take_counters());
    (fired, counters)
}

pub(in crate::detect::correlate) fn commit(rows: Vec<State>, stored: &mut BTreeMap<Vec<u8>, State>) {
    for state in rows {
        if state.value.is_some() {
            stored.insert(state.key.clone(), state);
        } else {
            assert!(
                stored.remove(&state.key).is_some(),
                "only stored rows are deleted"
            );
        }
    }
}

/// Those that share windows.
fn shared() -> [u32; 5] {
    [0, 1, 5, 6, 7]
}

/// Their ticks.
fn shared_ticks(line: Line) -> Vec<Tick> {
    let mut ticks = ticks_of(line);
    ticks.retain(|tick| shared().contains(&tick.correlation));
    ticks
}

/// The rows of one rule that shares with none after these lines.
fn alone(rule: u32, lines: &[Line]) -> Vec<State> {
    let mut correlator = Correlator::new(&rules()[rule as usize..=rule as usize], options());
    for (at, &line) in lines.iter().enumerate() {
        for mut tick in ticks_of(line).into_iter().filter(|tick| tick.correlation == rule) {
            tick.correlation = 0;
            correlator.observe(at, line, &[tick]);
        }
    }
    correlator.drain_dirty()
}

/// The same by the obvious evaluator, for lines whose windows are never retired early.
fn obvious(lines: &[Line]) -> Vec<(usize, u32)> {
    let rules = rules();
    let mut windows: BTreeMap<(u32, u8), Obvious> = BTreeMap::new();
    let mut fired = Vec::new();
    for (at, &line) in lines.iter().enumerate() {
        let mut on_line = Vec::new();
        for tick in ticks_of(line) {
            let rule = &rules[tick.correlation as usize];
            if let RuleRef::Correlation(below) = rule.bases[tick.base as usize].rule
                && !on_line.contains(&below)
            {
                continue;
            }
            // What is left of a line that completed a window is consumed with it.
            if rule.kind == Kind::Temporal && on_line.contains(&tick.correlation) {
                continue;
            }
            let shape = Plan::new(rule, 0, &options()).shape;
            let window = windows
                .entry((tick.correlation, line.1))
                .or_insert_with(|| Obvious::new(shape));
            if window.observe(line.0, tick.value).1 {
                on_line.push(tick.correlation);
                if rule.alerts {
                    fired.push((at, tick.correlation));
                }
            }
        }
    }
    fired
}

proptest! {
    #[test]
    fn it_fires_when_the_obvious_evaluator_does(mut lines in lines()) {
        // In order: a retired window can then not be told from one that forgot everything.
        lines.sort_by_key(|line| line.0);
        prop_assert_eq!(run(&lines, &options(), &[]).0, obvious(&lines));
    }

    #[test]
    fn one_client_out_of_order_is_counted_as_the_obvious_evaluator_does(
        mut lines in lines(),
        jumps in proptest::collection::vec((0usize..150, -2i64..3), 0..3),
        restarts in proptest::collection::vec(0usize..150, 0..4),
    ) {
        // Of one client nothing is retired before its time.
        for (from, hours) in jumps {
            lines.iter_mut().skip(from).for_each(|line| line.0 += hours * STEP_BACK_NANOS);
        }
        lines.iter_mut().for_each(|line| line.1 = 0);
        prop_assert_eq!(run(&lines, &options(), &restarts).0, obvious(&lines));
    }

    #[test]
    fn a_store_without_series_is_taken_over(mut lines in lines(), cut in 0usize..150) {
        lines.iter_mut().for_each(|line| line.1 = 0);
        let cut = cut.min(lines.len());
        let mut correlator = Correlator::new(&rules(), options());
        let alone = shared().into_iter().flat_map(|rule| alone(rule, &lines[..cut]));
        correlator.restore(alone);
        let mut fired = Vec::new();
        for (at, &line) in lines.iter().enumerate().skip(cut) {
            let done = correlator.observe(at, line, &joined(&rules(), shared_ticks(line)));
            fired.extend(done.iter().map(|fired| (at, fired.correlation)));
        }
        let mut expected = obvious(&lines);
        expected.retain(|(at, correlation)| *at >= cut && shared().contains(correlation));
        prop_assert_eq!(fired, expected);
    }

    #[test]
    fn a_restart_anywhere_changes_nothing(
        lines in lines(),
        restarts in proptest::collection::vec(0usize..150, 0..8),
        max_keys in 1usize..12,
        max_bytes in 0usize..600,
    ) {
        let options = Options { max_keys, max_bytes, ..options() };
        let whole = run(&lines, &options, &[]);
        let cut = run(&lines, &options, &restarts);
        prop_assert_eq!(whole, cut);
    }
}

#[test]
fn keys_are_bounded_and_evictions_counted() {
    let lines: Vec<Line> = (0..200).map(|n| (n / 50, (n % 100) as u8, 0, 0)).collect();
    let options = Options {
        max_keys: 50,
        ..options()
    };
    let (_, counters) = run(&lines, &options, &[]);
    assert!(counters.evicted > 100);
    let mut correlator = Correlator::new(&rules(), options);
    for (at, &line) in lines.iter().enumerate() {
        for tick in joined(&rules(), ticks_of(line)) {
            correlator.observe(at, line, &[tick]);
            assert!(correlator.windows() <= 50);
        }
    }
}

#[test]
fn what_is_over_leaves_by_itself() {
    let lines: Vec<Line> = (0..2_000).map(|n| (n * 10, (n % 250) as u8, 0, 0)).collect();
    let (_, counters) = run(&lines, &options(), &[700]);
    assert_eq!(counters.evicted, 0);
    assert!(counters.retired > 5_900, "{counters:?}");
}

#[test]
fn windows_of_changed_rules_and_damaged_rows_are_dropped_and_deleted() {
    let mut correlator = Correlator::new(&rules(), options());
    let ticks = joined(&rules(), ticks_of((5, 1, 0, 3)));
    correlator.observe(0, (5, 1, 0, 3), &ticks);
    let mut rows = correlator.drain_dirty();
    assert_eq!(rows.len(), 3);
    // The third is that of the changed rule.
    rows[0].value = Some(vec![1, 2, 9]);
    rows.push(row::row(vec![1, 2], Some(vec![1])));
    let mut changed = rules();
    changed[2].threshold = 7;
    let mut next = Correlator::new(&changed, options());
    let restored = next.restore(rows);
    assert_eq!(
        restored,
        Restored {
            windows: 1,
            orphaned: 1,
            damaged: 2
        }
    );
    let deleted = next.drain_dirty();
    assert_eq!(deleted.iter().filter(|row| row.value.is_none()).count(), 3);
}

#[test]
fn a_rule_that_only_feeds_a_chain_is_silent() {
    let lines = [(1, 9, 2, 0), (2, 9, 2, 0), (3, 9, 1, 0)];
    assert_eq!(run(&lines, &options(), &[]).0, [(2, 4)]);
    let out_of_order = [(1, 9, 1, 0), (2, 9, 2, 0), (3, 9, 2, 0)];
    assert_eq!(run(&out_of_order, &options(), &[]).0, []);
}

#[test]
fn those_that_count_the_same_share_a_window_until_one_fires() {
    let mut correlator = Correlator::new(&rules(), options());
    let mut observe = |time| {
        let line = (time, 1, 0, 0);
        let fired = correlator.observe(time as usize, line, &joined(&rules(), ticks_of(line)));
        let fired = fired.iter().map(|fired| fired.correlation);
        let fired: Vec<u32> = fired.filter(|fired| shared().contains(fired)).collect();
        (fired, correlator.windows())
    };
    // Events, values and what is temporal: three windows for six rules.
    assert_eq!(observe(0), (vec![], 3));
    // The few events are there, silently, and then the three; the five of a longer span are not.
    assert_eq!(observe(1), (vec![], 4));
    assert_eq!(observe(2), (vec![0], 5));
    assert_eq!(observe(3), (vec![], 5));
    assert_eq!(observe(4), (vec![5], 6));
}

/// Two lines under all rules, and what the first rule of others says of a third.
fn after_two_lines(others: &[Correlation<Named>]) -> (Restored, Option<u64>) {
    let mut correlator = Correlator::new(&rules(), options());
    for time in [5, 6] {
        let ticks = joined(&rules(), ticks_of((time, 1, 1, 0)));
        correlator.observe(time as usize, (time, 1, 1, 0), &ticks);
    }
    let rows = correlator.drain_dirty();
    let mut next = Correlator::new(others, options());
    let restored = next.restore(rows);
    let ticks = joined(others, ticks_of((7, 1, 1, 0)));
    let fired = next.observe(7, (7, 1, 1, 0), &ticks[..1]);
    // What was taken over is stored anew, where it belongs now.
    let mut again = Correlator::new(others, options());
    assert_eq!(again.restore(next.drain_dirty()).damaged, 0);
    let first = fired.iter().find(|fired| fired.correlation == 0);
    (restored, first.map(|fired| fired.count))
}

#[test]
fn a_rule_goes_on_when_others_go_and_begins_anew_when_it_changes() {
    let mut rules = rules();
    assert_eq!(after_two_lines(&rules).1, Some(3));
    assert_eq!(after_two_lines(&rules[..1]).1, Some(3));
    assert_eq!(after_two_lines(&rules[..1]).0.windows, 1);
    rules[0].threshold = 2;
    assert_eq!(after_two_lines(&rules).1, None);
    assert_eq!(after_two_lines(&rules[..1]).1, None);
    rules[0].threshold = 3;
    rules[5].threshold = 9;
    assert_eq!(after_two_lines(&rules).1, Some(3));
}

#[test]
fn lines_that_nothing_tells_apart_are_counted_each() {
    let mut correlator = Correlator::new(&rules(), options());
    let line = (5, 1, 1, 0);
    let mut fired = Vec::new();
    for _ in 0..5 {
        let done = correlator.observe(0, line, &joined(&rules(), shared_ticks(line)));
        fired.extend(done.iter().map(|fired| (fired.correlation, fired.count)));
    }
    assert_eq!(fired, [(0, 3), (5, 5)]);
}

#[test]
fn a_million_keys_stay_within_the_stated_memory() {
    let options = Options {
        persist: false,
        ..Options::default()
    };
    let mut correlator = Correlator::new(&rules(), options);
    for key in 0..1_000_100u128 {
        let tick = Tick {
            correlation: 0,
            base: 0,
            key,
            value: 0,
        };
        let ticks = joined(&rules(), vec![tick]);
        correlator.observe(key as usize, (0, 0, 0, 0), &ticks);
    }
    assert_eq!(correlator.windows(), 1_000_000);
    assert_eq!(correlator.take_counters().evicted, 100);
    assert!(correlator.bytes() < 100 << 20, "{}", correlator.bytes());
}
