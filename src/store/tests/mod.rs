//! The promises of the store, on a real database in a temporary directory.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

mod crash;
mod model;
mod versions;

use super::outbox::{BatchState, Which};
use super::queue::{Claimed, Next, RefusedRecord};
use super::receivers::Outlook;
use super::*;
use crate::sink::{Answer, Frozen, Limits, Sink};

/// A sink whose batches are lines; it delivers nothing.
#[derive(Debug)]
struct Lines {
    name: String,
    limits: Limits,
}

impl Sink for Lines {
    fn name(&self) -> &str {
        &self.name
    }
    fn limits(&self) -> Limits {
        self.limits
    }
    fn freeze(&self, records: &[&[u8]]) -> Vec<u8> {
        records.join(&b'\n')
    }
    fn records(&self, body: &[u8]) -> Option<Vec<Vec<u8>>> {
        Some(body.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect())
    }
    fn deliver(&self, _: &Frozen) -> Answer {
        Answer::Accepted
    }
}

fn lines(name: &str, events: usize) -> Arc<dyn Sink> {
    let limits = Limits {
        events,
        bytes: 1 << 20,
        age: Duration::from_secs(2),
    };
    Arc::new(Lines {
        name: name.to_owned(),
        limits,
    })
}

fn at(millis: i64) -> Time {
    from_millis(1_700_000_000_000 + millis)
}

fn items(sink: usize, records: impl IntoIterator<Item = impl ToString>) -> Effects {
    let items = records.into_iter().map(|record| Item {
        sink,
        bytes: record.to_string().into_bytes(),
    });
    Effects {
        items: items.collect(),
        ..Effects::default()
    }
}

fn cursor(id: i64, offset: u64) -> Cursor {
    Cursor {
        id,
        path: PathBuf::from(format!("/var/log/{id}.log")),
        head_len: 1024,
        head_hash: u64::MAX - 1,
        device: 3,
        inode: u64::MAX,
        modified_nanos: -5,
        offset,
        proof_len: 64,
        proof_hash: 1 << 63,
        finished: id == 2,
        layout: (id == 1).then(|| "w3c\n#Fields: a b".to_owned()),
    }
}

fn claim(store: &mut Store, sink: &dyn Sink, owner: &Owner, now: Time) -> Option<Claimed> {
    let row = store.receiver(sink.name()).unwrap().row;
    match store.claim(row, owner, Duration::from_secs(60), now).unwrap() {
        Next::Ready(claimed) => Some(claimed),
        Next::Empty => None,
        other => panic!("{other:?}"),
    }
}

fn body(claimed: &Claimed) -> String {
    String::from_utf8(claimed.batch.body.clone()).unwrap()
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let effects = Effects {
        cursors: vec![cursor(1, 10), cursor(2, u64::MAX), cursor(0, 99)],
        counts: vec![
            FileCount {
                cursor: 0,
                lines: 3,
                rejects: 1,
                last_time_nanos: Some(7),
                format: Some("nginx".into()),
            },
            FileCount {
                cursor: 2,
                lines: 5,
                rejects: 2,
                ..FileCount::default()
            },
        ],
        states: vec![
            State {
                kind: StateKind::Window,
                key: vec![0, 255],
                value: Some(vec![1]),
            },
            State {
                kind: StateKind::Indicator,
                key: vec![0, 255],
                value: Some(vec![2]),
            },
        ],
        counters: vec![("rejects.time".into(), 4), ("nothing".into(), 0)],
        ..Effects::default()
    };
    let mut store = Store::open(dir.path()).unwrap();
    store.commit(&effects, &[], at(0)).unwrap();
    drop(store);

    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.cursors().unwrap(), [cursor(1, 10), cursor(2, u64::MAX)]);
    let files = store.files().unwrap();
    let first = &files[0];
    assert_eq!((first.lines, first.rejects, first.updated), (3, 1, at(0)));
    assert_eq!(
        (first.last_time, first.format.as_deref()),
        (Some(Time::from_nanos(7)), Some("nginx"))
    );
    assert_eq!(store.states(StateKind::Window).unwrap(), effects.states[..1]);
    assert_eq!(
        store.state(StateKind::Indicator, &[0, 255]).unwrap(),
        Some(vec![2])
    );
    assert_eq!(store.state_count(StateKind::Other).unwrap(), 0);
    let counters = [(FORGOTTEN_LINES, 5), (FORGOTTEN_REJECTS, 2), ("rejects.time", 4)];
    assert_eq!(
        store.counters().unwrap(),
        counters.map(|(name, value)| (name.to_owned(), value))
    );
}

#[test]
fn counts_add_up_and_survive_forgetting_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    for (lines, time, format) in [
        (2, Some(50), Some("a")),
        (3, Some(40), None),
        (4, None, Some("b")),
    ] {
        let count = FileCount {
            cursor: 0,
            lines,
            rejects: 1,
            last_time_nanos: time,
            format: format.map(str::to_owned),
        };
        let effects = Effects {
            cursors: vec![cursor(1, lines)],
            counts: vec![count],
            ..Effects::default()
        };
        store.commit(&effects, &[], at(0)).unwrap();
    }
    let files = store.files().unwrap();
    assert_eq!(
        (files[0].lines, files[0].rejects, files[0].cursor.offset),
        (9, 3, 4)
    );
    assert_eq!(
        (files[0].last_time, files[0].format.as_deref()),
        (Some(Time::from_nanos(50)), Some("b"))
    );

    store
        .commit(
            &Effects {
                forgotten: vec![1, 77],
                ..Effects::default()
            },
            &[],
            at(1),
        )
        .unwrap();
    assert_eq!(store.cursors().unwrap(), []);
    assert_eq!(store.counters().unwrap()[0], (FORGOTTEN_LINES.to_owned(), 9));
}

#[test]
fn a_deleted_state_row_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    for value in [Some(vec![1]), Some(vec![2]), None] {
        let row = State {
            kind: StateKind::Window,
            key: b"k".to_vec(),
            value,
        };
        store
            .commit(
                &Effects {
                    states: vec![row],
                    ..Effects::default()
                },
                &[],
                at(0),
            )
            .unwrap();
    }
    assert_eq!(store.states(StateKind::Window).unwrap(), []);
}

#[test]
fn full_batches_are_frozen_at_once_and_the_rest_waits_for_its_age() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 3), lines("b", 100)];
    let mut effects = items(0, 1..=7);
    effects.items.extend(items(1, ["x"]).items);
    assert_eq!(store.commit(&effects, &sinks, at(0)).unwrap().frozen, 2);

    let owner = Owner::register(dir.path()).unwrap();
    for expected in ["1\n2\n3", "4\n5\n6"] {
        let claimed = claim(&mut store, sinks[0].as_ref(), &owner, at(0)).unwrap();
        assert_eq!((body(&claimed).as_str(), claimed.batch.events), (expected, 3));
        store.acknowledge(&claimed, at(1)).unwrap();
    }
    assert_eq!(claim(&mut store, sinks[0].as_ref(), &owner, at(0)), None);
    assert_eq!(store.close(sinks[0].as_ref(), Close::Due, at(1999)).unwrap(), 0);
    assert_eq!(store.close(sinks[0].as_ref(), Close::Due, at(2000)).unwrap(), 1);
    let last = claim(&mut store, sinks[0].as_ref(), &owner, at(2000)).unwrap();
    assert_eq!(body(&last), "7");
    store.acknowledge(&last, at(3000)).unwrap();

    let receivers = store.receivers().unwrap();
    let (a, b) = (&receivers[0], &receivers[1]);
    assert_eq!(
        (
            a.delivered_batches,
            a.delivered_events,
            a.waiting_events(),
            a.pending_bytes
        ),
        (3, 7, 0, 0)
    );
    assert_eq!((a.oldest, a.last_success), (None, Some(at(3000))));
    assert_eq!(
        (b.open_events, b.open_since, b.oldest, b.pending_bytes),
        (1, Some(at(0)), Some(at(0)), 1)
    );
}

#[test]
fn age_counts_from_the_first_record_of_the_batch_over_many_commits() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 100)];
    for (millis, frozen) in [(0, 0), (700, 0), (1400, 0), (2100, 1), (2200, 0), (4200, 1)] {
        let committed = store.commit(&items(0, [millis]), &sinks, at(millis)).unwrap();
        assert_eq!(committed.frozen, frozen, "{millis}");
    }
    let rows = store.outbox().unwrap();
    assert_eq!(rows.iter().map(|row| row.events).collect::<Vec<_>>(), [4, 2]);
    assert_eq!(rows[1].created, at(2200));
}

#[test]
fn an_offer_keeps_its_id_and_bytes_through_failure_and_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 1)];
    store.commit(&items(0, ["one", "two"]), &sinks, at(0)).unwrap();
    let owner = Owner::register(dir.path()).unwrap();
    let first = claim(&mut store, sinks[0].as_ref(), &owner, at(0)).unwrap();
    let outlook = Outlook {
        condition: Condition::Retrying,
        failures: 1,
        next_attempt: Some(at(1000)),
    };
    store
        .put_back(&first, &outlook, (Some(503), "busy"), at(10))
        .unwrap();

    let row = &store.outbox().unwrap()[0];
    assert_eq!(
        (row.state, row.attempts, row.next_attempt),
        (BatchState::Pending, 1, Some(at(1000)))
    );
    assert_eq!((row.status, row.error.as_deref()), (Some(503), Some("busy")));
    let receiver = store.receiver("a").unwrap();
    assert_eq!(
        (receiver.condition, receiver.last_status),
        (Condition::Retrying, Some(503))
    );

    drop((store, owner));
    let mut store = Store::open(dir.path()).unwrap();
    let owner = Owner::register(dir.path()).unwrap();
    let again = claim(&mut store, sinks[0].as_ref(), &owner, at(0)).unwrap();
    assert_eq!(
        (again.batch.id, again.batch.body),
        (first.batch.id, first.batch.body)
    );
    assert_eq!((first.batch.attempt, again.batch.attempt), (1, 2));
}

#[test]
fn a_living_sender_keeps_others_out_and_a_dead_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 1)];
    store.commit(&items(0, ["one", "two"]), &sinks, at(0)).unwrap();
    let (first, second) = (
        Owner::register(dir.path()).unwrap(),
        Owner::register(dir.path()).unwrap(),
    );
    let claimed = claim(&mut store, sinks[0].as_ref(), &first, at(0)).unwrap();
    let row = store.receiver("a").unwrap().row;
    let lease = Duration::from_secs(60);
    assert_eq!(store.claim(row, &second, lease, at(59_999)).unwrap(), Next::Busy);
    drop(first);
    let again = claim(&mut store, sinks[0].as_ref(), &second, at(1)).unwrap();
    assert_eq!(again.batch.id, claimed.batch.id);
}

#[test]
fn a_lease_ends_by_its_time_even_if_its_owner_lives() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 1)];
    store.commit(&items(0, ["one"]), &sinks, at(0)).unwrap();
    let (first, second) = (
        Owner::register(dir.path()).unwrap(),
        Owner::register(dir.path()).unwrap(),
    );
    claim(&mut store, sinks[0].as_ref(), &first, at(0)).unwrap();
    assert!(claim(&mut store, sinks[0].as_ref(), &second, at(60_000)).is_some());
}

#[test]
fn a_refused_batch_is_halved_until_the_offender_stands_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 10)];
    store.commit(&items(0, 0..10), &sinks, at(0)).unwrap();
    let owner = Owner::register(dir.path()).unwrap();
    let (mut taken, mut ids) = (Vec::new(), Vec::new());
    while let Some(claimed) = claim(&mut store, sinks[0].as_ref(), &owner, at(5)) {
        ids.push(claimed.batch.id.clone());
        let text = body(&claimed);
        if text.split('\n').any(|record| record == "6") {
            store
                .refuse(&claimed, sinks[0].as_ref(), (422, "bad record"), at(6))
                .unwrap();
        } else {
            taken.extend(text.split('\n').map(str::to_owned));
            store.acknowledge(&claimed, at(6)).unwrap();
        }
    }
    assert_eq!(
        taken,
        ["0", "1", "2", "3", "4", "5", "7", "8", "9"],
        "in order, each once"
    );
    ids.sort();
    let offers = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), offers, "every part has its own id");

    let rows = store.outbox().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].state, rows[0].status, rows[0].events),
        (BatchState::Dead, Some(422), 1)
    );
    let (row, shown) = store.show_batch(&rows[0].id).unwrap().unwrap();
    assert_eq!((row.error.as_deref(), shown), (Some("bad record"), b"6".to_vec()));
    let receiver = store.receiver("a").unwrap();
    assert_eq!(
        (
            receiver.delivered_events,
            receiver.dead_events,
            receiver.pending_events
        ),
        (9, 1, 0)
    );
}

#[test]
fn a_partly_taken_batch_leaves_dead_letters_and_a_rest() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 5)];
    store.commit(&items(0, 0..5), &sinks, at(0)).unwrap();
    let owner = Owner::register(dir.path()).unwrap();
    let claimed = claim(&mut store, sinks[0].as_ref(), &owner, at(0)).unwrap();
    let refused = [RefusedRecord {
        index: 1,
        status: 400,
        error: "mapping".into(),
    }];
    store
        .take_partly(&claimed, sinks[0].as_ref(), (&refused, &[3, 4]), at(1))
        .unwrap();
    let rest = claim(&mut store, sinks[0].as_ref(), &owner, at(1)).unwrap();
    assert_eq!(body(&rest), "3\n4");
    let receiver = store.receiver("a").unwrap();
    assert_eq!(
        (
            receiver.delivered_events,
            receiver.dead_events,
            receiver.pending_events
        ),
        (2, 1, 2)
    );
}

#[test]
fn dead_letters_are_tried_again_with_the_same_id_or_dropped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 1)];
    store.commit(&items(0, ["x", "y", "z"]), &sinks, at(0)).unwrap();
    let owner = Owner::register(dir.path()).unwrap();
    for _ in 0..2 {
        let claimed = claim(&mut store, sinks[0].as_ref(), &owner, at(0)).unwrap();
        store
            .refuse(&claimed, sinks[0].as_ref(), (400, "no"), at(1))
            .unwrap();
    }
    let dead: Vec<String> = store
        .outbox()
        .unwrap()
        .into_iter()
        .filter(|row| row.state == BatchState::Dead)
        .map(|row| row.id)
        .collect();
    assert_eq!(dead.len(), 2);
    let kick = store.receiver("a").unwrap().kick;
    assert_eq!(store.retry_batches(Which::Ids(&dead[..1])).unwrap(), 1);
    assert!(store.receiver("a").unwrap().kick > kick);
    let again = claim(&mut store, sinks[0].as_ref(), &owner, at(2)).unwrap();
    assert_eq!(
        (again.batch.id.as_str(), body(&again).as_str()),
        (dead[0].as_str(), "x")
    );
    assert_eq!(store.drop_batches(Which::Dead).unwrap(), 1);
    assert_eq!(store.drop_batches(Which::Ids(&["nobody".to_owned()])).unwrap(), 0);
    assert_eq!(store.retry_batches(Which::Dead).unwrap(), 0);
    let receiver = store.receiver("a").unwrap();
    assert_eq!(
        (
            receiver.dropped_events,
            receiver.dead_batches,
            receiver.pending_batches
        ),
        (1, 0, 2)
    );
}

#[test]
fn a_full_outbox_stops_reading_or_drops_the_oldest_and_counts() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 1)];
    let limits = OutboxLimits {
        bytes: 25,
        ..OutboxLimits::default()
    };
    store.set_outbox_limits(limits);
    assert!(
        !store
            .commit(&items(0, ["0123456789", "0123456789"]), &sinks, at(0))
            .unwrap()
            .full
    );
    assert!(
        store
            .commit(&items(0, ["0123456789"]), &sinks, at(1))
            .unwrap()
            .full
    );
    assert!(store.outbox_full(at(2)).unwrap());

    store.set_outbox_limits(OutboxLimits {
        overflow: Overflow::DropOldest,
        ..limits
    });
    let committed = store.commit(&items(0, ["abcdefghij"]), &sinks, at(3)).unwrap();
    assert_eq!((committed.full, committed.dropped), (false, 2));
    assert_eq!(store.receiver("a").unwrap().pending_events, 2);
    assert_eq!(
        store.counters().unwrap(),
        [("outbox.dropped_events".to_owned(), 2)]
    );
}

#[test]
fn a_waiting_batch_older_than_the_limit_fills_the_outbox() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 1)];
    store.set_outbox_limits(OutboxLimits {
        age: Some(Duration::from_secs(10)),
        ..OutboxLimits::default()
    });
    store.commit(&items(0, ["x"]), &sinks, at(0)).unwrap();
    assert!(!store.outbox_full(at(9_999)).unwrap());
    assert!(store.outbox_full(at(10_000)).unwrap());
}

/// A batch is dropped by hand while it is on its way, and a newer one gets its row number: whatever the answer to the
/// first is, the newer one stays, and the dropped one does not come back.
#[test]
fn the_answer_to_a_batch_that_was_dropped_meanwhile_touches_no_other() {
    for answer in ["taken", "later", "refused", "refused alone", "partly"] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let size = if answer == "refused alone" { 1 } else { 3 };
        let sinks = [lines("a", size)];
        let sink = sinks[0].as_ref();
        store.commit(&items(0, 0..size), &sinks, at(0)).unwrap();
        let owner = Owner::register(dir.path()).unwrap();
        let claimed = claim(&mut store, sink, &owner, at(0)).unwrap();
        let id = claimed.batch.id.clone();
        assert_eq!(store.drop_batches(Which::Ids(&[id])).unwrap(), 1);
        store.commit(&items(0, 10..10 + size), &sinks, at(1)).unwrap();
        match answer {
            "taken" => store.acknowledge(&claimed, at(2)),
            "later" => store.put_back(&claimed, &Outlook::default(), (Some(503), "later"), at(2)),
            "partly" => store.take_partly(&claimed, sink, (&[], &[1]), at(2)),
            _ => store.refuse(&claimed, sink, (400, "no"), at(2)).map(drop),
        }
        .unwrap();
        let rows = store.outbox().unwrap();
        assert_eq!(rows.len(), 1, "{answer}");
        assert_eq!(
            (rows[0].state, rows[0].error.as_deref()),
            (BatchState::Pending, None)
        );
        let newer = claim(&mut store, sink, &owner, at(3)).unwrap();
        assert_eq!(newer.row, claimed.row, "the case needs a row number used again");
        assert!(body(&newer).starts_with("10"), "{answer}: {}", body(&newer));
        let receiver = store.receiver("a").unwrap();
        assert_eq!(
            (receiver.dropped_events, receiver.delivered_events),
            (size as u64, 0)
        );
    }
}

#[test]
fn stored_bytes_that_changed_are_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 1)];
    store.commit(&items(0, ["x"]), &sinks, at(0)).unwrap();
    store
        .database
        .connection
        .execute("UPDATE body SET bytes = x'00'", [])
        .unwrap();
    let owner = Owner::register(dir.path()).unwrap();
    let row = store.receiver("a").unwrap().row;
    let next = store.claim(row, &owner, Duration::from_secs(60), at(0)).unwrap();
    assert!(matches!(next, Next::Damaged { .. }), "{next:?}");
    assert_eq!(store.outbox().unwrap()[0].state, BatchState::Dead);
}

#[test]
fn a_commit_that_fails_leaves_everything_as_it_was_and_can_be_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 3)];
    let mut effects = items(0, 0..5);
    effects.cursors.push(cursor(1, 10));
    let pages: i64 = store
        .database
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    store
        .database
        .connection
        .pragma_update(None, "max_page_count", pages)
        .unwrap();
    effects.states.push(State {
        kind: StateKind::Other,
        key: b"big".to_vec(),
        value: Some(vec![7; 1 << 20]),
    });
    let error = store.commit(&effects, &sinks, at(0)).unwrap_err();
    assert!(
        matches!(error, StoreError::Full { .. }) && error.is_retryable(),
        "{error}"
    );
    assert_eq!(store.cursors().unwrap(), []);
    assert_eq!(store.outbox().unwrap(), []);

    store
        .database
        .connection
        .pragma_update(None, "max_page_count", 1 << 20)
        .unwrap();
    assert_eq!(store.commit(&effects, &sinks, at(1)).unwrap().frozen, 1);
    assert_eq!(store.cursors().unwrap(), [cursor(1, 10)]);
    assert_eq!(store.receiver("a").unwrap().open_events, 2);
}

#[test]
fn a_read_only_disk_is_reported_and_recovered_from() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let effects = Effects {
        cursors: vec![cursor(1, 10)],
        ..Effects::default()
    };
    store
        .database
        .connection
        .pragma_update(None, "query_only", true)
        .unwrap();
    let error = store.commit(&effects, &[], at(0)).unwrap_err();
    assert!(
        matches!(error, StoreError::ReadOnly { .. }) && error.is_retryable(),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("--state-dir"));
    store
        .database
        .connection
        .pragma_update(None, "query_only", false)
        .unwrap();
    store.commit(&effects, &[], at(0)).unwrap();
    assert_eq!(store.cursors().unwrap(), [cursor(1, 10)]);
}

#[test]
fn dead_letters_have_a_limit_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 1)];
    let owner = Owner::register(dir.path()).unwrap();
    store.set_outbox_limits(OutboxLimits {
        dead_bytes: 20,
        ..OutboxLimits::default()
    });
    for n in 0..5 {
        store
            .commit(&items(0, [format!("record-{n}.")]), &sinks, at(n))
            .unwrap();
        let claimed = claim(&mut store, sinks[0].as_ref(), &owner, at(n)).unwrap();
        store
            .refuse(&claimed, sinks[0].as_ref(), (400, "no"), at(n))
            .unwrap();
    }
    store.commit(&Effects::default(), &sinks, at(9)).unwrap();
    assert_eq!(store.receiver("a").unwrap().dead_batches, 2);
    assert_eq!(
        store.counters().unwrap(),
        [("outbox.dropped_dead_letters".to_owned(), 3)]
    );
}
