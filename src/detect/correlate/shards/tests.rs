//! Windows in several tables against one table, and stretches against line by line.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::detect::correlate::correlator::tests::{
    Line, Named, commit, correlation, joined, lines, options, rules as simple, ticks_of,
};
use crate::detect::correlate::network::client_key;
use crate::detect::correlate::rule::{Kind, Net, RuleRef};

/// With chains: of pairs of clients whose events were counted, and of all of those.
fn rules() -> Vec<Correlation<Named>> {
    use RuleRef::Correlation as Below;
    let over = |timespan_nanos, correlation| Correlation {
        timespan_nanos,
        ..correlation
    };
    let mut rules = simple();
    rules.push(over(
        60,
        correlation("pairs", Kind::EventCount, 2, &[Below(0), Below(7)], true),
    ));
    rules.push(over(
        200,
        correlation("all pairs", Kind::EventCount, 2, &[Below(9)], true),
    ));
    rules
}

fn ticks(line: Line) -> Vec<Tick> {
    let chained = |correlation, base, key| Tick {
        correlation,
        base,
        key,
        value: 0,
    };
    let mut ticks = ticks_of(line);
    if line.2 < 2 {
        let pair = 100 + u128::from(line.1 / 2);
        ticks.extend([chained(9, 0, pair), chained(9, 1, pair), chained(10, 0, 200)]);
    }
    joined(&rules(), ticks)
}

/// On which line, counted from the first, which correlation fired with what count.
type Firings = Vec<(usize, u32, u64)>;

fn observe(shards: &mut Shards, at: usize, line: Line) -> Firings {
    let time = Time::from_nanos(line.0);
    let fired = shards.count([(time, ticks(line).as_slice())]).next_line();
    fired
        .into_iter()
        .map(|fired| (at, fired.correlation, fired.count))
        .collect()
}

/// Counts lines from one on as a stretch, the tables in an order that hangs on it.
fn count(shards: &mut Shards, from: usize, lines: &[Line]) -> Firings {
    for lines in lines.chunks(3) {
        let due = lines.iter().map(|&line| (Time::from_nanos(line.0), ticks(line)));
        let due: Vec<_> = due.collect();
        shards.gather(due.iter().map(|(time, ticks)| (*time, ticks.as_slice())));
    }
    let mut shares = shards.share_out();
    let turn = from % shares.len();
    shares.rotate_left(turn);
    shares.iter_mut().for_each(Share::count);
    let mut counted = shards.gather_in(shares);
    let lines = (from..from + lines.len()).map(|at| (at, counted.next_line()));
    let fired = lines.flat_map(|(at, fired)| fired.into_iter().map(move |fired| (at, fired)));
    fired
        .map(|(at, fired)| (at, fired.correlation, fired.count))
        .collect()
}

proptest! {
    #[test]
    fn many_tables_fire_as_one_does(mut lines in lines()) {
        // In order: a window that ended can then not be told from one that forgot everything.
        lines.sort_by_key(|line| line.0);
        let mut serial = Correlator::new(&rules(), options());
        let mut shards = Shards::of(&rules(), options(), 8);
        for (at, &line) in lines.iter().enumerate() {
            let fired = serial.observe(at, line, &ticks(line)).into_iter();
            let fired: Firings = fired.map(|fired| (at, fired.correlation, fired.count)).collect();
            prop_assert_eq!(fired, observe(&mut shards, at, line));
        }
        prop_assert_eq!(serial.take_counters().fired, shards.take_counters().fired);
    }

    #[test]
    fn stretches_of_any_length_are_counted_as_line_by_line(
        lines in lines(),
        cuts in proptest::collection::vec(1usize..40, 1..20),
        tables in prop_oneof![Just(1usize), Just(2), Just(8)],
        max_keys in 1usize..60,
        max_bytes in 0usize..3_000,
    ) {
        let options = Options { max_keys, max_bytes, ..options() };
        let mut single = Shards::of(&rules(), options.clone(), tables);
        let mut whole = Shards::of(&rules(), options, tables);
        let (mut at, mut cuts) = (0, cuts.into_iter().cycle());
        while at < lines.len() {
            let end = lines.len().min(at + cuts.next().unwrap());
            let stretch = &lines[at..end];
            let fired: Firings = (at..)
                .zip(stretch)
                .flat_map(|(at, &line)| observe(&mut single, at, line))
                .collect();
            prop_assert_eq!(fired, count(&mut whole, at, stretch));
            prop_assert_eq!(single.take_counters(), whole.take_counters());
            prop_assert_eq!(single.windows(), whole.windows());
            prop_assert_eq!(single.windows_by_rule(), whole.windows_by_rule());
            if end % 2 == 0 {
                prop_assert_eq!(single.drain_dirty(), whole.drain_dirty());
            }
            at = end;
        }
        prop_assert_eq!(single.drain_dirty(), whole.drain_dirty());
    }

    #[test]
    fn a_restart_anywhere_changes_nothing(
        lines in lines(),
        restarts in proptest::collection::vec(0usize..150, 0..8),
        max_keys in 9usize..60,
        max_bytes in 0usize..3_000,
    ) {
        let options = Options { max_keys, max_bytes, ..options() };
        let mut whole = Shards::of(&rules(), options.clone(), 8);
        let mut cut = Shards::of(&rules(), options.clone(), 8);
        let (mut stored, mut counters) = (BTreeMap::new(), Counters::default());
        for (at, &line) in lines.iter().enumerate() {
            prop_assert_eq!(observe(&mut whole, at, line), observe(&mut cut, at, line));
            if restarts.contains(&at) {
                commit(cut.drain_dirty(), &mut stored);
                counters = counters.with(cut.take_counters());
                cut = Shards::of(&rules(), options.clone(), 8);
                prop_assert_eq!(cut.restore(stored.values().cloned()).windows, stored.len());
            }
        }
        prop_assert_eq!(whole.take_counters(), counters.with(cut.take_counters()));
        prop_assert_eq!(whole.windows(), cut.windows());
    }

    #[test]
    fn any_number_of_tables_goes_on_from_the_rows_of_any_other(
        mut lines in lines(),
        at in 0usize..150,
        (before, after) in prop_oneof![Just((1usize, 8usize)), Just((8, 1)), Just((2, 8))],
    ) {
        lines.sort_by_key(|line| line.0);
        let at = at.min(lines.len());
        let mut shards = Shards::of(&rules(), options(), before);
        let mut serial = Shards::of(&rules(), options(), 1);
        for (number, &line) in lines[..at].iter().enumerate() {
            prop_assert_eq!(observe(&mut serial, number, line), observe(&mut shards, number, line));
        }
        let rows = shards.drain_dirty();
        let kept = rows.iter().filter(|row| row.value.is_some()).count();
        let mut shards = Shards::of(&rules(), options(), after);
        let restored = shards.restore(rows);
        prop_assert_eq!(restored, Restored { windows: kept, ..Restored::default() });
        prop_assert_eq!(shards.windows(), kept);
        for (number, &line) in (at..).zip(&lines[at..]) {
            prop_assert_eq!(observe(&mut serial, number, line), observe(&mut shards, number, line));
        }
    }

    #[test]
    fn all_tables_together_keep_to_the_limit(lines in lines(), max_keys in 9usize..60) {
        let mut shards = Shards::of(&rules(), Options { max_keys, ..options() }, 8);
        for (at, &(time, client, rule, value)) in lines.iter().enumerate() {
            observe(&mut shards, at, (time, (at % 97) as u8 ^ client, rule, value));
            prop_assert!(shards.windows() <= max_keys);
        }
    }
}

#[test]
fn the_number_of_tables_follows_from_the_limit_and_the_rules_alone() {
    let tables = |rules: &[Correlation<Named>], max_keys| {
        let options = Options {
            max_keys,
            ..options()
        };
        Shards::new(rules, options).tables.len()
    };
    assert_eq!(tables(&rules(), SHARDS * 4096), SHARDS + 1);
    assert_eq!(tables(&rules()[..3], SHARDS * 4096), SHARDS);
    assert_eq!(tables(&rules(), SHARDS * 4096 - 1), 1);
}

#[test]
fn damaged_rows_and_those_of_changed_chains_are_dropped_and_deleted() {
    let mut shards = Shards::new(&rules(), options());
    for at in 0..6 {
        observe(&mut shards, at, (at as i64, 1, 0, 0));
    }
    let mut rows = shards.drain_dirty();
    let whole = rows.len();
    rows.push(State {
        key: vec![1, 2],
        ..rows[0].clone()
    });
    let mut changed = rules();
    changed[9].threshold = 7;
    let mut next = Shards::new(&changed, options());
    let restored = next.restore(rows);
    let expected = Restored {
        windows: whole - 1,
        orphaned: 1,
        damaged: 1,
    };
    assert_eq!(restored, expected);
    assert_eq!(next.drain_dirty().len(), 2);
}

#[test]
fn clients_are_spread_over_all_tables() {
    let shards = Shards::new(&rules(), options());
    let mut counts = [[0; SHARDS]; 3];
    for number in 0..8_000u32 {
        let [.., high, low] = number.to_be_bytes();
        let clients = [
            IpAddr::from([198, 51, high, low]),
            IpAddr::from([0x2001, 0xdb8, 0, number as u16, 0, 0, 0, 1]),
            IpAddr::from([0x2001, number as u16, 0, 0, 0, 0, 0, 1]),
        ];
        for (client, counts) in clients.into_iter().zip(&mut counts) {
            counts[shards.shard_of(client_key(client, Net::HOST))] += 1;
        }
    }
    let even = 8_000 / SHARDS;
    for counts in counts {
        assert!(
            counts
                .iter()
                .all(|count| (even * 4 / 5..even * 6 / 5).contains(count)),
            "{counts:?}"
        );
    }
}

#[test]
fn progress_shows_one_clients_windows() {
    let mut shards = Shards::new(&rules(), options());
    for client in ["192.0.2.7", "192.0.2.9"] {
        let client: IpAddr = client.parse().unwrap();
        let mut ticks = joined(&rules(), ticks_of((5, 1, 0, 3)));
        ticks
            .iter_mut()
            .for_each(|tick| tick.key = client_key(client, Net::HOST));
        shards.count([(Time::from_nanos(5), ticks.as_slice())]);
    }
    let progress = shards.progress("192.0.2.7".parse().unwrap());
    let seen: Vec<(&str, u64, u64)> = progress
        .iter()
        .map(|window| (&*window.rule.id, window.count, window.threshold))
        .collect();
    assert_eq!(
        seen,
        [
            ("events", 1, 3),
            ("values", 1, 3),
            ("temporal", 1, 2),
            ("more events", 1, 5),
            ("more values", 1, 4),
            ("few events", 1, 2)
        ]
    );
    assert!(shards.progress("192.0.2.8".parse().unwrap()).is_empty());
    assert_eq!(shards.windows_by_rule()[0].1, 2);
}
