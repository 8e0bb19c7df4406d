//! Indicators by table and property: who becomes one, when it is emitted, and that restarts change nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::detect::{Class, Confidence, Level, RuleInfo, View};
use crate::enrich::Exempt;
use crate::event::Observable;
use crate::store::{State, StateKind};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;

fn sighting(id: &str, class: Class, confidence: f64) -> Sighting {
    let confidence = Confidence::new(confidence).unwrap();
    Sighting {
        rule: Arc::new(RuleInfo {
            id: id.into(),
            title: format!("Rule {id}").into(),
            level: Level::Medium,
            class,
            confidence,
            names: crate::detect::Names::default(),
            tags: vec![format!("tag.{id}").into()],
            source: "test".into(),
        }),
        class,
        confidence,
        view: View::Raw,
        correlation: false,
        common_page: false,
        observables: Vec::new(),
    }
}

fn finding(time: i64, client: &str, sightings: Vec<Sighting>) -> Finding {
    Finding {
        event: Arc::new(SightedEvent {
            time: Some(Time::from_nanos(time)),
            client: client.parse().ok(),
            host: Some("www.example.org".into()),
            method: Some("GET".into()),
            target: Some(format!("/{time}").into()),
            status: Some(404),
            offset: time as u64,
            ..SightedEvent::default()
        }),
        sightings,
    }
}

fn probe(time: i64, client: &str) -> Finding {
    finding(time, client, vec![sighting("env", Class::Probe, 0.8)])
}

fn script(time: i64, client: &str) -> Finding {
    finding(time, client, vec![sighting("curl", Class::Script, 0.3)])
}

fn none(_: &str) -> bool {
    false
}

/// Value and revision of what each finding made the program emit.
fn emitted(indicators: &mut Indicators, findings: &[Finding]) -> Vec<Vec<(String, u32)>> {
    let brief = |update: Update| (update.indicator.value.to_string(), update.indicator.revision);
    findings
        .iter()
        .map(|finding| indicators.observe(finding, none).into_iter().map(brief).collect())
        .collect()
}

#[test]
fn it_is_emitted_when_new_when_it_rises_and_hourly() {
    let mut indicators = Indicators::new(Options::default());
    let client = "192.0.2.7";
    let both = |time| {
        let other = sighting("sqli", Class::Exploit, 0.7);
        finding(time, client, vec![sighting("env", Class::Probe, 0.8), other])
    };
    let weaker = |time| finding(time, client, vec![sighting("old", Class::Anomaly, 0.1)]);
    let revisions: Vec<Option<u32>> = [
        probe(1, client),
        probe(2, client),
        probe(3, client),
        both(4),
        both(5),
        weaker(6),
        probe(HOUR, client),
        probe(HOUR + 4, client),
        probe(HOUR + 5, client),
    ]
    .iter()
    .map(|finding| {
        let updates = indicators.observe(finding, none);
        updates.first().map(|update| update.indicator.revision)
    })
    .collect();
    assert_eq!(
        revisions,
        [Some(1), None, None, Some(2), None, None, None, Some(3), None]
    );
    let last = &indicators.finish()[0];
    assert_eq!(
        (last.class, last.sightings, last.revision),
        (Class::Exploit, 11, 3)
    );
    assert_eq!(last.rules.iter().map(|rule| rule.count).sum::<u64>(), 11);
    assert_eq!(last.tags.len(), 3);
    assert_eq!(&*last.evidence[0].target.clone().unwrap(), "/1");
    assert_eq!(&*last.evidence[1].rule, "sqli");
}

#[test]
fn rules_that_see_the_same_thing_are_one_witness() {
    let confidence = |findings: &[Finding], held: fn(&str) -> bool| {
        let mut indicators = Indicators::new(Options::default());
        for finding in findings {
            indicators.observe(finding, held);
        }
        indicators.find("192.0.2.7").unwrap().confidence.value()
    };
    let absent = || sighting("absent", Class::Probe, 0.5);
    let script = || sighting("curl", Class::Script, 0.3);
    let scan = || Sighting {
        correlation: true,
        ..sighting("scan", Class::Scan, 0.7)
    };
    let line = |time, sightings| finding(time, "192.0.2.7", sightings);
    let probe = || sighting("env", Class::Probe, 0.8);
    for (findings, expected) in [
        // One request, whatever number of rules know it.
        (vec![line(1, vec![probe(), absent()])], 0.8),
        // The program and the course of things are other matters.
        (vec![line(1, vec![probe(), absent(), script(), scan()])], 0.958),
        // The weaker rule speaks for a line of its own.
        (
            vec![line(1, vec![probe(), absent()]), line(2, vec![absent()])],
            0.9,
        ),
    ] {
        assert_eq!(confidence(&findings, none), expected);
    }
    // When the strongest is held, the next speaks too; held or not, it counts for what is printed.
    let both = vec![line(1, vec![probe(), absent()])];
    assert_eq!(confidence(&both, |rule| rule == "env"), 0.9);
    let mut indicators = Indicators::new(Options::default());
    assert!(indicators.observe(&both[0], |rule| rule == "env")[0].deliver);
}

#[test]
fn a_script_client_never_becomes_one_by_repetition() {
    let mut indicators = Indicators::new(Options::default());
    for time in 0..5_000 {
        assert_eq!(indicators.observe(&script(time, "192.0.2.7"), none), []);
    }
    assert_eq!(indicators.finish(), []);
    assert_eq!(indicators.find("192.0.2.7").unwrap().sightings, 5_000);
    assert_eq!(indicators.observe(&probe(6_000, "192.0.2.7"), none).len(), 1);
}

#[test]
fn exempt_and_unknown_clients_never_become_one() {
    let mut indicators = Indicators::new(Options::default());
    let mut sighting = sighting("rfi", Class::Exploit, 0.9);
    sighting.observables = vec![Observable {
        kind: ValueType::Domain,
        value: "evil.example".into(),
        confidence: None,
    }];
    let mut exempt = finding(1, "10.0.0.1", vec![sighting.clone()]);
    Arc::get_mut(&mut exempt.event).unwrap().address.exempt = Some(Exempt::Reserved);
    assert_eq!(indicators.observe(&exempt, none), []);
    assert_eq!(indicators.profiles(), 0);
    let unknown = finding(2, "no address", vec![sighting]);
    let values: Vec<_> = emitted(&mut indicators, &[unknown]).concat();
    assert_eq!(values, [("evil.example".to_owned(), 1)]);
    let counters = indicators.take_counters();
    assert_eq!((counters.exempt, counters.unknown_client), (1, 1));
    let names: Vec<String> = counters.named().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["findings_exempt", "findings_unknown_client"]);
}

#[test]
fn names_in_payloads_push_no_address_out() {
    let mut indicators = Indicators::new(Options {
        max_profiles: 16,
        ..Options::default()
    });
    for n in 0..8 {
        indicators.observe(&probe(n, &format!("192.0.2.{n}")), none);
    }
    for n in 0..500 {
        let mut sighting = sighting("rfi", Class::Exploit, 0.9);
        sighting.observables = vec![Observable {
            kind: ValueType::Domain,
            value: format!("h{n}.evil.example").into(),
            confidence: None,
        }];
        indicators.observe(&finding(10 + n, "198.51.100.1", vec![sighting]), none);
    }
    let values: Vec<_> = indicators.finish().into_iter().map(|one| one.kind).collect();
    let addresses = values.iter().filter(|kind| **kind == ValueType::Ipv4).count();
    assert_eq!((addresses, values.len()), (9, 11));
    assert_eq!(indicators.take_counters().evicted_faint, 498);
}

#[test]
fn the_third_address_founds_the_prefix() {
    let mut indicators = Indicators::new(Options::default());
    let findings = [
        probe(1, "2001:db8:1:2::1"),
        probe(2, "2001:db8:1:2::2"),
        probe(3, "2001:db8:1:2::2"),
        probe(4, "2001:db8:1:3::3"),
        probe(5, "2001:db8:1:2:a::3"),
        probe(6, "2001:db8:1:2::1"),
    ];
    let one = |value: &str| vec![(value.to_owned(), 1)];
    assert_eq!(
        emitted(&mut indicators, &findings),
        [
            one("2001:db8:1:2::1"),
            one("2001:db8:1:2::2"),
            vec![],
            one("2001:db8:1:3::3"),
            one("2001:db8:1:2::/64"),
            vec![],
        ]
    );
    let finish = indicators.finish();
    let values: Vec<&str> = finish.iter().map(|indicator| &*indicator.value).collect();
    assert_eq!(values, ["2001:db8:1:2::/64", "2001:db8:1:3::3"]);
    assert_eq!((finish[0].sightings, finish[0].kind), (5, ValueType::Ipv6));
    assert_eq!(finish[0].address, "2001:db8:1:2::1".parse().ok());
    assert_eq!(finish[0].first_seen, Some(Time::from_nanos(1)));
    assert_eq!(indicators.find("2001:db8:1:2::ffff").unwrap().sightings, 5);
    assert_eq!(indicators.find("2001:db8:1:2::/64").unwrap().sightings, 5);
}

#[test]
fn held_rules_are_printed_and_not_delivered() {
    let mut indicators = Indicators::new(Options::default());
    let held = |rule: &str| rule == "env";
    let updates = indicators.observe(&probe(1, "192.0.2.7"), held);
    assert_eq!(
        updates.iter().map(|update| update.deliver).collect::<Vec<_>>(),
        [false]
    );
    assert_eq!(indicators.observe(&probe(2, "192.0.2.7"), held), []);
    // Another rule speaks for it: to be delivered, though hardly surer than before.
    let other = finding(3, "192.0.2.7", vec![sighting("sqli", Class::Probe, 0.5)]);
    let updates = indicators.observe(&other, held);
    assert_eq!(
        updates.iter().map(|update| update.deliver).collect::<Vec<_>>(),
        [true]
    );
    // Held no more: delivered with the next sighting.
    let mut indicators = Indicators::new(Options::default());
    indicators.observe(&probe(1, "192.0.2.8"), held);
    assert!(indicators.observe(&probe(2, "192.0.2.8"), none)[0].deliver);
    assert_eq!(indicators.observe(&probe(3, "192.0.2.8"), none), []);
}

#[test]
fn faint_profiles_make_room_first_and_both_are_counted() {
    let mut indicators = Indicators::new(Options {
        max_profiles: 10,
        ..Options::default()
    });
    for n in 0..5 {
        indicators.observe(&probe(n, &format!("192.0.2.{n}")), none);
    }
    for n in 0..100 {
        indicators.observe(&script(10 + n, &format!("198.51.100.{n}")), none);
        assert!(indicators.profiles() <= 10);
    }
    assert_eq!(indicators.finish().len(), 5);
    for n in 0..20 {
        indicators.observe(&probe(200 + n, &format!("203.0.113.{n}")), none);
    }
    let counters = indicators.take_counters();
    assert_eq!((counters.evicted_faint, counters.evicted), (100, 15));
    assert_eq!(indicators.finish().len(), 10);
}

#[test]
fn what_is_not_sighted_any_more_expires() {
    let mut indicators = Indicators::new(Options {
        expire_nanos: Some(24 * HOUR),
        ..Options::default()
    });
    indicators.observe(&probe(1, "192.0.2.1"), none);
    indicators.observe(&script(2, "192.0.2.2"), none);
    indicators.observe(&probe(30 * HOUR, "192.0.2.3"), none);
    assert_eq!(indicators.profiles(), 1);
    assert_eq!(indicators.take_counters().expired, 2);
    let again = indicators.observe(&probe(60 * HOUR, "192.0.2.3"), none);
    assert_eq!(
        (again[0].indicator.revision, again[0].indicator.sightings),
        (1, 1)
    );
}

#[test]
fn strongest_first_in_a_total_order() {
    let mut indicators = Indicators::new(Options::default());
    let plain =
        |time, client: &str, class, confidence| finding(time, client, vec![sighting("r", class, confidence)]);
    for one in [
        plain(1, "192.0.2.1", Class::Scan, 0.7),
        plain(2, "192.0.2.2", Class::Script, 0.9),
        plain(3, "192.0.2.3", Class::Probe, 0.9),
        plain(3, "192.0.2.4", Class::Probe, 0.9),
        plain(2, "192.0.2.5", Class::Probe, 0.9),
    ] {
        indicators.observe(&one, none);
    }
    let order: Vec<String> = indicators
        .finish()
        .iter()
        .map(|indicator| indicator.value.to_string())
        .collect();
    assert_eq!(
        order,
        ["192.0.2.5", "192.0.2.3", "192.0.2.4", "192.0.2.2", "192.0.2.1"]
    );
}

#[test]
fn damaged_rows_are_counted_and_deleted() {
    let mut indicators = Indicators::new(Options::default());
    indicators.observe(&probe(1, "192.0.2.7"), none);
    let mut rows = indicators.drain_dirty();
    let good = rows[0].clone();
    for cut in 0..good.value.as_ref().unwrap().len() {
        let value = good.value.as_ref().map(|value| value[..cut].to_vec());
        rows.push(State {
            value,
            ..good.clone()
        });
    }
    rows.push(State {
        key: b"nonsense".to_vec(),
        ..good.clone()
    });
    let damaged = rows.len() - 1;
    let mut next = Indicators::new(Options::default());
    assert_eq!(next.restore(rows), Restored { profiles: 1, damaged });
    assert_eq!(next.drain_dirty().len(), damaged);
    assert_eq!(next.finish(), indicators.finish());
}

#[test]
fn a_profile_larger_than_all_the_room_there_is_survives_a_restart() {
    let options = Options {
        max_bytes: 1,
        ..Options::default()
    };
    let mut indicators = Indicators::new(options.clone());
    indicators.observe(&probe(1, "192.0.2.7"), none);
    indicators.observe(&probe(2, "192.0.2.8"), none);
    let mut next = Indicators::new(options);
    next.restore(indicators.drain_dirty());
    assert_eq!(indicators.finish().len(), 1);
    assert_eq!(next.finish(), indicators.finish());
}

/// A row as it was written before [`Tally::led`](super::super::profile::Tally) was kept: one rule of 0.8, seen twice.
#[test]
fn rows_without_leads_count_every_sighting() {
    let mut row = crate::rows::Writer::versioned(1);
    row.uint(1).text("probe").int(1).int(2).uint(2).uint(1);
    row.text("env").text("Rule env").text("medium").uint(800).uint(2);
    row.uint(0)
        .maybe_uint(None)
        .maybe_uint(None)
        .maybe_text(None)
        .uint(0)
        .uint(0)
        .uint(0)
        .maybe_text(Some("192.0.2.7"))
        .byte(0);
    let row = State {
        kind: StateKind::Indicator,
        key: b"ipv4-addr:192.0.2.7".to_vec(),
        value: Some(row.finish()),
    };
    let mut indicators = Indicators::new(Options::default());
    assert_eq!(
        indicators.restore([row]),
        Restored {
            profiles: 1,
            damaged: 0
        }
    );
    assert_eq!(indicators.find("192.0.2.7").unwrap().confidence.value(), 0.813);
}

fn findings() -> impl Strategy<Value = Vec<Finding>> {
    let step = prop_oneof![8 => 0i64..100, 1 => 1_800 * SECOND..2 * HOUR];
    proptest::collection::vec((step, 0u8..9, 0usize..4, any::<bool>()), 1..80).prop_map(|steps| {
        let mut time = 0;
        let finding = |(step, client, rule, observes): (i64, u8, usize, bool)| {
            time += step;
            let client = match client {
                0..3 => format!("192.0.2.{client}"),
                _ => format!("2001:db8::{}:{client}", client % 2),
            };
            let mut sighting = [
                sighting("env", Class::Probe, 0.6),
                sighting("curl", Class::Script, 0.3),
                sighting("sqli", Class::Exploit, 0.9),
                sighting("agent", Class::Tool, 0.4),
            ][rule]
                .clone();
            if observes {
                sighting.observables.push(Observable {
                    kind: ValueType::UserAgent,
                    value: format!("tool/{rule}").into(),
                    confidence: None,
                });
            }
            self::finding(time, &client, vec![sighting])
        };
        steps.into_iter().map(finding).collect()
    })
}

/// All updates and the end, with a restart from stored rows after the findings named.
fn run(findings: &[Finding], options: &Options, restarts: &[usize]) -> (Vec<Update>, Vec<Indicator>) {
    let mut indicators = Indicators::new(options.clone());
    let mut stored: BTreeMap<Vec<u8>, State> = BTreeMap::new();
    let mut updates = Vec::new();
    for (at, finding) in findings.iter().enumerate() {
        updates.extend(indicators.observe(finding, |rule| rule == "env" && at % 7 == 0));
        if !restarts.contains(&at) && at % 3 > 0 {
            continue;
        }
        for state in indicators.drain_dirty() {
            if state.value.is_some() {
                stored.insert(state.key.clone(), state);
            } else {
                stored.remove(&state.key);
            }
        }
        assert_eq!(stored.len(), indicators.profiles());
        if restarts.contains(&at) {
            indicators = Indicators::new(options.clone());
            assert_eq!(indicators.restore(stored.values().cloned()).damaged, 0);
        }
    }
    (updates, indicators.finish())
}

proptest! {
    #[test]
    fn a_restart_anywhere_changes_nothing(
        findings in findings(),
        restarts in proptest::collection::vec(0usize..80, 0..6),
        max_profiles in 1usize..15,
        expire_hours in proptest::option::of(1i64..5),
        max_bytes in prop_oneof![Just(usize::MAX), 1_000usize..8_000, 0usize..2_000],
    ) {
        let options = Options {
            max_profiles,
            max_bytes,
            expire_nanos: expire_hours.map(|hours| hours * HOUR),
            ..Options::default()
        };
        prop_assert_eq!(run(&findings, &options, &restarts), run(&findings, &options, &[]));
    }
}

#[test]
fn sightings_without_times_are_merged_and_stored() {
    let timeless = |n| {
        let mut finding = probe(n, "192.0.2.7");
        Arc::make_mut(&mut finding.event).time = None;
        finding
    };
    let options = Options {
        expire_nanos: Some(10),
        persist: true,
        ..Options::default()
    };
    let mut indicators = Indicators::new(options.clone());
    indicators.observe(&timeless(1), none);
    indicators.observe(&timeless(2), none);
    let only = &indicators.finish()[0];
    assert_eq!((only.sightings, only.first_seen, only.last_seen), (2, None, None));
    let mut next = Indicators::new(options);
    assert_eq!(next.restore(indicators.drain_dirty()).profiles, 1);
    assert_eq!(next.finish(), indicators.finish());
    // A time that a later line tells counts, and lines without one change nothing of it.
    next.observe(&probe(50, "192.0.2.7"), none);
    next.observe(&timeless(3), none);
    let only = &next.finish()[0];
    let time = Some(Time::from_nanos(50));
    assert_eq!((only.sightings, only.first_seen, only.last_seen), (4, time, time));
}
