//! What is on the disk after a crash: any beginning of the write-ahead log gives a store in which cursor and effects
//! agree.

use super::*;
use crate::store::FILE;

/// Commit number `n` moves the cursor to `n`, brings three records, writes one state row anew and lets another go.
fn step(n: u64) -> Effects {
    let mut effects = items(0, (n - 1) * 3..n * 3);
    let state = |key: u64, value: Option<u64>| {
        let value = value.map(|value| value.to_be_bytes().to_vec());
        State::other(key.to_be_bytes().to_vec(), value)
    };
    effects.states = vec![
        state(0, Some(n)),
        state(n, Some(n)),
        state(n.saturating_sub(2).max(1), (n < 3).then_some(1)),
    ];
    effects.cursors.push(cursor(1, n));
    effects.counts.push(FileCount {
        cursor: 0,
        lines: 3,
        ..FileCount::default()
    });
    effects
}

/// When commit number `n` comes: every few of them the journal of state rows is put away.
fn time(n: u64) -> Time {
    at(n as i64 * 2500)
}

/// All records in the outbox, frozen and open, in order.
fn records(store: &mut Store, sink: &dyn Sink) -> Vec<u64> {
    store.close(sink, Close::All, at(0)).unwrap();
    let ids: Vec<String> = store.outbox().unwrap().into_iter().map(|row| row.id).collect();
    let mut records = Vec::new();
    for id in ids {
        let (_, body) = store.show_batch(&id).unwrap().unwrap();
        records.extend(
            String::from_utf8(body)
                .unwrap()
                .split('\n')
                .map(|n| n.parse::<u64>().unwrap()),
        );
    }
    records
}

/// The state rows that commit number `n` leaves.
fn states(n: u64) -> Vec<State> {
    let rows = [(0, n), (n.saturating_sub(1), n.saturating_sub(1)), (n, n)];
    let there: std::collections::BTreeMap<u64, u64> =
        rows.into_iter().filter(|(_, value)| *value > 0).collect();
    let row = |(key, value): (u64, u64)| {
        State::other(key.to_be_bytes().to_vec(), Some(value.to_be_bytes().to_vec()))
    };
    there.into_iter().map(row).collect()
}

/// That everything up to the stored cursor is there exactly once, and nothing beyond it.
fn assert_consistent(store: &mut Store, sink: &dyn Sink) -> u64 {
    let files = store.files().unwrap();
    let reached = files.first().map_or(0, |file| file.cursor.offset);
    assert_eq!(files.first().map_or(0, |file| file.lines), reached * 3);
    assert!(
        records(store, sink).into_iter().eq(0..reached * 3),
        "cursor at {reached}"
    );
    assert_eq!(
        store.states(StateKind::Other).unwrap(),
        states(reached),
        "cursor at {reached}"
    );
    reached
}

#[test]
fn every_cut_of_the_log_leaves_cursor_and_effects_together() {
    let dir = tempfile::tempdir().unwrap();
    let sinks = [lines("a", 4)];
    let mut store = Store::open(dir.path()).unwrap();
    for n in 1..=12 {
        store.commit(&step(n), &sinks, time(n)).unwrap();
        store.tidy(time(n)).unwrap();
    }
    let [base, log] = [FILE, "afw.db-wal"].map(|name| std::fs::read(dir.path().join(name)).unwrap());
    let mut reached = HashMap::new();
    // Past the header, at odd places; with the rest missing, and with the rest torn.
    for cut in (32..=log.len()).step_by(1777) {
        for torn in [false, true] {
            let crashed = tempfile::tempdir().unwrap();
            let mut image = log.clone();
            if torn {
                image.iter_mut().skip(cut).for_each(|byte| *byte ^= 0xa5);
            } else {
                image.truncate(cut);
            }
            std::fs::write(crashed.path().join(FILE), &base).unwrap();
            std::fs::write(crashed.path().join("afw.db-wal"), &image).unwrap();
            let mut store = Store::open(crashed.path()).unwrap();
            let at = assert_consistent(&mut store, sinks[0].as_ref());
            *reached.entry(at).or_insert(0) += 1;
        }
    }
    assert!(reached.len() > 10, "the cuts fell between commits: {reached:?}");
}

/// The child of the test below: commits for ever.
#[test]
#[ignore = "run by another test"]
fn commit_until_killed() {
    let Some(dir) = std::env::var_os("AFW_CRASH_DIR") else {
        return;
    };
    let sinks = [lines("a", 4)];
    let mut store = Store::open(dir.as_ref()).unwrap();
    let mut reached = store.cursors().unwrap().first().map_or(0, |cursor| cursor.offset);
    loop {
        reached += 1;
        store.commit(&step(reached), &sinks, time(reached)).unwrap();
        store.tidy(time(reached)).unwrap();
    }
}

#[test]
fn a_killed_process_leaves_cursor_and_effects_together() {
    let dir = tempfile::tempdir().unwrap();
    let sinks = [lines("a", 4)];
    let mut watch = Store::open(dir.path()).unwrap();
    let mut reached = 0;
    for round in 1..=8 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "store::tests::crash::commit_until_killed",
                "--ignored",
                "-q",
            ])
            .env("AFW_CRASH_DIR", dir.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let target = reached + round * 3;
        while watch
            .cursors()
            .unwrap()
            .first()
            .is_none_or(|cursor| cursor.offset < target)
        {
            assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        reached = assert_consistent(&mut watch, sinks[0].as_ref());
        assert!(reached >= target);
    }
}
