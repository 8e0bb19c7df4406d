//! The journal, against a plain model over commits, restarts, damage and clocks that go back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::{Effects, Store, StoreError, from_millis};

const KINDS: [StateKind; 3] = [StateKind::Window, StateKind::Indicator, StateKind::Other];

fn row(kind: StateKind, key: &[u8], value: Option<&[u8]>) -> State {
    State {
        kind,
        key: key.to_vec(),
        value: value.map(<[u8]>::to_vec),
    }
}

fn window(key: u64, value: &[u8]) -> State {
    row(StateKind::Window, &key.to_be_bytes(), Some(value))
}

/// Commits these rows, so many milliseconds after the first moment.
fn commit(store: &mut Store, states: Vec<State>, millis: i64) -> Result<(), StoreError> {
    let effects = Effects {
        states,
        ..Effects::default()
    };
    store.commit(&effects, &[], at(millis)).map(drop)
}

fn at(millis: i64) -> afw_parsers::Time {
    from_millis(1_700_000_000_000 + millis)
}

fn one<T: rusqlite::types::FromSql>(store: &Store, sql: &str) -> T {
    let connection = &store.database.connection;
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Rows in the journal, and their bytes.
fn held(store: &Store) -> (u64, u64) {
    let count = "SELECT count(*) FROM journal";
    let bytes = "SELECT coalesce(sum(length(rows)), 0) FROM journal";
    (unsigned(one(store, count)), unsigned(one(store, bytes)))
}

/// Rows in their places.
fn placed(store: &Store) -> i64 {
    one(store, "SELECT count(*) FROM state")
}

fn state() -> impl Strategy<Value = State> {
    let key = prop_oneof![Just(Vec::new()), proptest::collection::vec(0..4_u8, 1..3)];
    let value = proptest::option::weighted(0.7, proptest::collection::vec(any::<u8>(), 0..5));
    (0..3_usize, key, value).prop_map(|(kind, key, value)| State {
        kind: KINDS[kind],
        key,
        value,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever lies in the journal and what in its place, reading gives what was committed last; across restarts, and
    /// whatever the clock does.
    #[test]
    fn table_and_journal_read_as_one(
        commits in proptest::collection::vec((proptest::collection::vec(state(), 0..8), -2000..8000_i64, any::<bool>(), any::<bool>()), 1..12)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let mut model = BTreeMap::new();
        let mut now = 0;
        for (states, pause, tidies, restarts) in commits {
            now += pause;
            for state in &states {
                model.insert((state.kind.number(), state.key.clone()), state.value.clone());
            }
            commit(&mut store, states, now).unwrap();
            if tidies {
                store.tidy(at(now)).unwrap();
            }
            if restarts {
                store = Store::open(dir.path()).unwrap();
            }
            for kind in KINDS {
                let of_kind = model.iter().filter(|((number, _), _)| *number == kind.number());
                let there: Vec<State> = of_kind
                    .clone()
                    .filter(|(_, value)| value.is_some())
                    .map(|((_, key), value)| row(kind, key, value.as_deref()))
                    .collect();
                prop_assert_eq!(store.state_count(kind).unwrap(), there.len() as u64);
                prop_assert_eq!(store.states(kind).unwrap(), there);
                for ((_, key), value) in of_kind {
                    prop_assert_eq!(&store.state(kind, key).unwrap(), value);
                }
            }
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_and_nothing_else_panics(states in proptest::collection::vec(state(), 0..9), bytes: Vec<u8>) {
        let row = encode(&states);
        let mut changes = Changes::new();
        decode(&row, &mut changes).unwrap();
        for state in &states {
            let last = states.iter().rfind(|other| (other.kind, &other.key) == (state.kind, &state.key)).unwrap();
            prop_assert_eq!(changes[&(state.kind.number(), &state.key[..])], last.value.as_deref());
        }
        let whole: Vec<usize> = (0..=states.len()).map(|count| encode(&states[..count]).len()).collect();
        for cut in 0..row.len() {
            prop_assert_eq!(decode(&row[..cut], &mut Changes::new()).is_some(), whole.contains(&cut), "cut at {}", cut);
        }
        let _ = decode(&[&[VERSION], &bytes[..]].concat(), &mut Changes::new());
    }
}

#[test]
fn commits_append_to_the_journal_until_it_is_old() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    store.tidy(at(0)).unwrap();
    for n in 0..4 {
        commit(&mut store, vec![window(n, b"a")], n as i64 * 100).unwrap();
        store.tidy(at(OLDEST - 1)).unwrap();
    }
    assert_eq!((held(&store).0, placed(&store)), (4, 0));
    store.tidy(at(OLDEST)).unwrap();
    assert_eq!((held(&store), placed(&store)), ((0, 0), 4));
    commit(&mut store, vec![window(0, b"b")], OLDEST + 1).unwrap();
    store.tidy(at(OLDEST + 2)).unwrap();
    assert_eq!(
        (held(&store).0, placed(&store)),
        (1, 4),
        "its age begins with its first row"
    );
    store.tidy(at(0)).unwrap();
    assert_eq!((held(&store).0, placed(&store)), (0, 4), "the clock went back");
}

#[test]
fn a_large_journal_is_put_away_whatever_its_age() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let value = vec![7; DUE_BYTES as usize / 2];
    for n in 0..2 {
        assert_eq!(held(&store).0, n);
        commit(&mut store, vec![window(n, &value)], 0).unwrap();
        store.tidy(at(0)).unwrap();
    }
    assert_eq!((held(&store), placed(&store)), ((0, 0), 2));
}

#[test]
fn the_journal_is_bounded_in_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let value = vec![7; MOST_BYTES as usize / 10];
    let mut most = 0;
    for n in 0..25 {
        commit(&mut store, vec![window(n, &value)], 0).unwrap();
        let (rows, bytes) = held(&store);
        assert!(bytes <= MOST_BYTES, "{bytes} bytes");
        most = most.max(rows);
    }
    assert_eq!(most, 9);
    assert_eq!(store.state_count(StateKind::Window).unwrap(), 25);
    let large = vec![8; MOST_BYTES as usize + 1];
    commit(&mut store, vec![window(0, &large)], 0).unwrap();
    assert_eq!((held(&store), placed(&store)), ((0, 0), 25));
    assert_eq!(
        store.state(StateKind::Window, &0_u64.to_be_bytes()).unwrap(),
        Some(large)
    );
}

/// A commit that cannot put the journal away leaves it, and can be made again.
#[test]
fn a_commit_that_fails_leaves_the_journal_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    commit(&mut store, vec![window(1, b"a"), window(2, b"a")], 0).unwrap();
    let pages: i64 = one(&store, "PRAGMA page_count");
    let limit = |store: &Store, pages: i64| {
        let connection = &store.database.connection;
        connection.pragma_update(None, "max_page_count", pages).unwrap();
    };
    limit(&store, pages);
    let large = vec![window(1, &vec![9; MOST_BYTES as usize]), window(2, b"b")];
    let error = commit(&mut store, large.clone(), 0).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert_eq!((held(&store).0, placed(&store)), (1, 0));
    assert_eq!(
        store.states(StateKind::Window).unwrap(),
        [window(1, b"a"), window(2, b"a")]
    );
    limit(&store, 1 << 20);
    commit(&mut store, large.clone(), 0).unwrap();
    assert_eq!(store.states(StateKind::Window).unwrap(), large);
    assert_eq!(held(&store), (0, 0));
}

#[test]
fn a_damaged_journal_is_said_and_nothing_is_changed() {
    for bytes in [
        "x''",
        "x'02'",
        "x'0101'",
        "x'010101'",
        "x'01010161ff'",
        "x'0101016101ff'",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        commit(&mut store, vec![window(1, b"a")], 0).unwrap();
        let connection = &store.database.connection;
        connection
            .execute(&format!("UPDATE journal SET rows = {bytes}"), [])
            .unwrap();
        let errors = [
            store.states(StateKind::Window).map(drop).unwrap_err(),
            store.state_count(StateKind::Other).map(drop).unwrap_err(),
            store.tidy(at(OLDEST)).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, StoreError::Damaged { .. }), "{bytes}: {error}");
            assert!(error.to_string().contains("journal"), "{error}");
            assert!(!error.is_retryable() && error.hint().is_some());
        }
        assert_eq!((held(&store).0, placed(&store)), (1, 0));
    }
}

/// What a program of the first version left is read and changed as if it had written a journal.
#[test]
fn rows_of_a_store_without_a_journal_are_overlaid() {
    let dir = tempfile::tempdir().unwrap();
    let first = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/store/v1.db");
    std::fs::copy(first, dir.path().join(crate::store::FILE)).unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    assert_eq!((held(&store), placed(&store)), ((0, 0), 1));
    let changed = row(StateKind::Window, b"key", Some(b"newer"));
    commit(&mut store, vec![changed.clone()], 0).unwrap();
    assert_eq!(store.states(StateKind::Window).unwrap(), [changed]);
    commit(&mut store, vec![row(StateKind::Window, b"key", None)], 1).unwrap();
    assert_eq!(store.state_count(StateKind::Window).unwrap(), 0);
    assert_eq!(placed(&store), 1, "not yet in its place");
    commit(&mut store, vec![window(1, b"a")], OLDEST).unwrap();
    store.tidy(at(OLDEST)).unwrap();
    assert_eq!(store.states(StateKind::Window).unwrap(), [window(1, b"a")]);
    assert_eq!(placed(&store), 1);
}
