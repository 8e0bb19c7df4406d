//! The guard on made-up traffic: ordinary days, own goals, restarts.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::detect::{Class, Confidence, Level, View};
use crate::enrich::Exempt;
use crate::event::{SightedEvent, Sighting};

fn sighting(id: &str) -> Sighting {
    Sighting {
        rule: Arc::new(RuleInfo {
            id: id.into(),
            title: id.into(),
            level: Level::High,
            class: Class::Probe,
            confidence: Confidence::default(),
            names: crate::detect::Names::default(),
            tags: Vec::new(),
            source: "test".into(),
        }),
        class: Class::Probe,
        confidence: Confidence::default(),
        view: View::Raw,
        correlation: false,
        common_page: false,
        observables: Vec::new(),
    }
}

fn finding(secs: i64, client: u32, rule: &str) -> Finding {
    Finding {
        event: Arc::new(SightedEvent {
            time: Time::from_secs(secs),
            client: Some(Ipv4Addr::from_bits(client).into()),
            ..SightedEvent::default()
        }),
        sightings: vec![sighting(rule)],
    }
}

/// `lines` lines of `clients` clients, evenly over `minutes`; one client in `every` is marked.
fn traffic(guard: &mut Guard, from: i64, minutes: i64, lines: u32, clients: u32, every: u32) -> Vec<Notice> {
    let mut notices = Vec::new();
    for n in 0..lines {
        let secs = from + i64::from(n) * minutes * 60 / i64::from(lines);
        let client = n % clients;
        guard.line(
            Time::from_secs(secs).unwrap(),
            Some(Ipv4Addr::from_bits(client).into()),
        );
        if client.is_multiple_of(every) {
            guard.observe(&finding(secs, client, "r"));
        }
        notices.extend(guard.take_notices());
    }
    notices
}

#[test]
fn a_share_above_the_limit_is_held_once_and_said_once() {
    let mut guard = Guard::new(Limits::default(), false);
    let notices = traffic(&mut guard, 0, 9, 15_000, 1_200, 3);
    assert_eq!(notices.len(), 1);
    assert!(matches!(
        notices[0].held,
        Some(Reason::Share {
            marked: 400,
            clients: 1_200
        })
    ));
    assert!(guard.is_held("r") && !guard.is_held("other"));
    assert!(notices[0].to_string().contains("marks 400 of 1200 clients"));
}

#[test]
fn ordinary_traffic_is_not_held() {
    for (lines, clients, every) in [(15_000, 1_200, 4), (15_000, 1_000, 1), (10_000, 1_200, 1)] {
        let mut guard = Guard::new(Limits::default(), false);
        assert_eq!(
            traffic(&mut guard, 0, 9, lines, clients, every),
            [],
            "{lines} {clients}"
        );
    }
}

#[test]
fn too_many_new_addresses_in_a_minute_are_held() {
    let mut guard = Guard::new(Limits::default(), false);
    assert_eq!(traffic(&mut guard, 0, 4, 40_000, 8_000, u32::MAX), []);
    // 1,001 of 8,000 clients are no large share, but they came within one minute.
    let mut notices = Vec::new();
    for client in 1..=1_001 {
        guard.observe(&finding(300, client, "r"));
        notices.extend(guard.take_notices());
    }
    assert_eq!(notices[0].held, Some(Reason::Rate { per_minute: 1_001 }));
}

#[test]
fn a_held_rule_is_let_go_after_ten_quiet_minutes() {
    let mut guard = Guard::new(Limits::default(), false);
    traffic(&mut guard, 0, 9, 15_000, 1_200, 1);
    assert!(guard.is_held("r"));
    let notices = traffic(&mut guard, 600, 30, 60_000, 1_200, u32::MAX);
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].held, None);
    assert!(!guard.is_held("r"));
}

#[test]
fn exempt_and_unknown_clients_are_not_marked() {
    let mut guard = Guard::new(Limits::default(), false);
    traffic(&mut guard, 0, 9, 15_000, 1_200, u32::MAX);
    for client in 1..1_200 {
        let mut finding = finding(540, client, "r");
        let event = Arc::get_mut(&mut finding.event).unwrap();
        if client % 2 == 0 {
            event.address.exempt = Some(Exempt::Allowed);
        } else {
            event.client = None;
        }
        guard.observe(&finding);
    }
    assert_eq!(guard.take_notices(), []);
}

#[test]
fn many_clients_are_sampled_within_a_few_percent() {
    let mut guard = Guard::new(Limits::default(), false);
    let notices = traffic(&mut guard, 0, 9, 300_000, 300_000, 5);
    assert!(guard.clients.len() <= MAX_CLIENTS && guard.level > 0);
    let clients = (guard.clients.len() as u64) << guard.level;
    assert!((285_000..315_000).contains(&clients), "{clients}");
    let share = guard.rules[0].marked as f64 / guard.clients.len() as f64;
    assert!((0.18..0.22).contains(&share), "{share}");
    // One in five is no absurd share, but 6,600 new ones a minute are.
    assert!(matches!(notices[0].held, Some(Reason::Rate { .. })));
}

#[test]
fn one_line_from_the_future_does_not_blind_it() {
    let mut guard = Guard::new(Limits::default(), false);
    guard.line(Time::from_secs(4_000_000_000).unwrap(), None);
    assert_eq!(traffic(&mut guard, 0, 9, 15_000, 1_200, 1).len(), 1);
}

type Line = (i64, u32, u8);

fn marks(guard: &Guard) -> BTreeMap<(Arc<str>, u64), i64> {
    let by_id = |(&(rule, hash), &last)| ((guard.rules[rule as usize].id.clone(), hash), last);
    guard.marks.iter().map(by_id).collect()
}

/// Notices and held rules, with a restart from stored rows after the lines named.
fn run(lines: &[Line], restarts: &[usize]) -> (Vec<Notice>, Vec<Arc<str>>) {
    let limits = Limits {
        min_clients: 4,
        min_lines: 10,
        max_share_percent: 30,
        max_new_per_minute: 3,
    };
    let mut guard = Guard::new(limits.clone(), true);
    let mut stored: BTreeMap<Vec<u8>, State> = BTreeMap::new();
    let mut notices = Vec::new();
    for (at, &(secs, client, rule)) in lines.iter().enumerate() {
        guard.line(
            Time::from_secs(secs).unwrap(),
            Some(Ipv4Addr::from_bits(client).into()),
        );
        if rule < 3 {
            guard.observe(&finding(secs, client, &format!("rule{rule}")));
        }
        notices.extend(guard.take_notices());
        if at % 4 > 0 && !restarts.contains(&at) {
            continue;
        }
        for state in guard.drain_dirty() {
            if state.value.is_some() {
                stored.insert(state.key.clone(), state);
            } else {
                stored.remove(&state.key);
            }
        }
        assert!(stored.len() <= 1 + MINUTES as usize, "{}", stored.len());
        if restarts.contains(&at) {
            let mut next = Guard::new(limits.clone(), true);
            assert_eq!(next.restore(stored.values().cloned()), 0);
            assert_eq!((&next.clients, marks(&next)), (&guard.clients, marks(&guard)));
            guard = next;
        }
    }
    (notices, guard.held().cloned().collect())
}

proptest! {
    #[test]
    fn a_restart_anywhere_changes_nothing(
        steps in proptest::collection::vec(
            (prop_oneof![9 => 0i64..20, 1 => -300i64..900, 1 => -9_000i64..0], 0u32..12, 0u8..9),
            1..150,
        ),
        restarts in proptest::collection::vec(0usize..150, 0..6),
    ) {
        let mut secs = 1_000_000;
        let lines: Vec<Line> = steps
            .into_iter()
            .map(|(step, client, rule)| {
                secs += step;
                (secs, client, rule)
            })
            .collect();
        prop_assert_eq!(run(&lines, &restarts), run(&lines, &[]));
    }

    #[test]
    fn damaged_rows_are_counted_without_panic(key: Vec<u8>, value: Vec<u8>) {
        let mut guard = Guard::new(Limits::default(), true);
        for key in [b"guard".to_vec(), [b"guard/".as_slice(), &[0; 8]].concat(), key] {
            guard.restore([State {
                kind: crate::store::StateKind::Other,
                key,
                value: Some([&[1], value.as_slice()].concat()),
            }]);
        }
    }
}
