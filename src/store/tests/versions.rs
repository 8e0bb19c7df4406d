//! A stored database of each released schema version opens, with everything in it.

use std::path::{Path, PathBuf};

use super::*;
use crate::store::schema::STEPS;

fn stored(version: usize) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/store/v{version}.db"))
}

/// What every stored database holds.
fn effects() -> Effects {
    let mut effects = items(0, 0..7);
    effects.cursors = vec![cursor(1, 1234), cursor(2, 99)];
    effects.counts = vec![FileCount {
        cursor: 0,
        lines: 40,
        rejects: 2,
        last_time_nanos: Some(5),
        format: Some("nginx-combined".into()),
    }];
    effects.states = vec![State {
        kind: StateKind::Window,
        key: b"key".to_vec(),
        value: Some(b"value".to_vec()),
    }];
    effects.counters = vec![("rejects.time".into(), 2)];
    effects
}

#[test]
fn every_version_has_a_stored_database_and_it_opens() {
    for version in 1..=STEPS.len() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(stored(version), dir.path().join(FILE)).unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        store.check().unwrap();
        assert_eq!(store.cursors().unwrap(), effects().cursors, "version {version}");
        assert_eq!(store.files().unwrap()[0].lines, 40);
        assert_eq!(store.states(StateKind::Window).unwrap(), effects().states);
        assert_eq!(store.counters().unwrap(), effects().counters);
        let receiver = store.receiver("a").unwrap();
        assert_eq!(
            (
                receiver.pending_events,
                receiver.dead_events,
                receiver.open_events
            ),
            (3, 3, 1)
        );
        let owner = Owner::register(dir.path()).unwrap();
        let claimed = claim(&mut store, lines("a", 3).as_ref(), &owner, at(0)).unwrap();
        assert_eq!((body(&claimed).as_str(), claimed.batch.attempt), ("3\n4\n5", 1));
    }
}

/// Writes the database of the present version: `cargo test write_the_stored_database -- --ignored`. To be run once,
/// when a version is added.
#[test]
#[ignore = "writes testdata"]
fn write_the_stored_database() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let sinks = [lines("a", 3)];
    store.commit(&effects(), &sinks, at(0)).unwrap();
    let owner = Owner::register(dir.path()).unwrap();
    let claimed = claim(&mut store, sinks[0].as_ref(), &owner, at(0)).unwrap();
    let whole = Whole(Arc::clone(&sinks[0]));
    store.refuse(&claimed, &whole, (422, "bad"), at(1)).unwrap();
    drop(store);
    let path = stored(STEPS.len());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::copy(dir.path().join(FILE), path).unwrap();
}

/// A sink whose batches cannot be split.
struct Whole(Arc<dyn Sink>);

impl Sink for Whole {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn limits(&self) -> Limits {
        self.0.limits()
    }
    fn freeze(&self, records: &[&[u8]]) -> Vec<u8> {
        self.0.freeze(records)
    }
    fn records(&self, _: &[u8]) -> Option<Vec<Vec<u8>>> {
        None
    }
    fn deliver(&self, batch: &Frozen) -> Answer {
        self.0.deliver(batch)
    }
}
