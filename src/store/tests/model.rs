//! Random sequences of everything that can happen to the outbox, against a model: each record is in exactly one place,
//! each id always has the same bytes, and the totals that triggers keep are the true ones.

use std::collections::{BTreeSet, HashSet};

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Action {
    /// So many records come.
    Commit(u8),
    /// The clock goes on by so many seconds, or back.
    Clock(i8),
    /// What is due is closed, or everything.
    Close(bool),
    /// A batch is offered and taken.
    Take,
    /// A batch is offered and refused, when it holds a record divisible by this.
    Refuse(u8),
    /// A batch is offered to no avail.
    Fail,
    /// A batch is offered; some records are taken, some refused, some wanted again.
    Partly(u8),
    /// The process is killed while it sends and starts again.
    Restart,
    /// All dead letters wait again.
    Retry,
    /// The oldest dead letter is dropped.
    Drop,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0..20_u8).prop_map(Action::Commit),
        1 => any::<i8>().prop_map(Action::Clock),
        2 => any::<bool>().prop_map(Action::Close),
        4 => Just(Action::Take),
        3 => (1..5_u8).prop_map(Action::Refuse),
        2 => Just(Action::Fail),
        1 => any::<u8>().prop_map(Action::Partly),
        1 => Just(Action::Restart),
        1 => Just(Action::Retry),
        1 => Just(Action::Drop),
    ]
}

/// The outbox under test, and what must be true of it.
struct Model {
    dir: tempfile::TempDir,
    store: Store,
    owner: Owner,
    sinks: [Arc<dyn Sink>; 1],
    now: i64,
    committed: u64,
    taken: BTreeSet<u64>,
    dropped: BTreeSet<u64>,
    bodies: HashMap<String, Vec<u8>>,
}

fn numbers(body: &[u8]) -> Vec<u64> {
    std::str::from_utf8(body)
        .unwrap()
        .split('\n')
        .map(|n| n.parse().unwrap())
        .collect()
}

impl Model {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            store: Store::open(dir.path()).unwrap(),
            owner: Owner::register(dir.path()).unwrap(),
            dir,
            sinks: [lines("a", 5)],
            now: 0,
            committed: 0,
            taken: BTreeSet::new(),
            dropped: BTreeSet::new(),
            bodies: HashMap::new(),
        }
    }

    fn claim(&mut self) -> Option<Claimed> {
        let claimed = claim(&mut self.store, self.sinks[0].as_ref(), &self.owner, at(self.now))?;
        let before = self
            .bodies
            .insert(claimed.batch.id.clone(), claimed.batch.body.clone());
        assert!(
            before.is_none_or(|before| before == claimed.batch.body),
            "an id came with other bytes"
        );
        Some(claimed)
    }

    fn take(&mut self, records: &[u64]) {
        for record in records {
            assert!(self.taken.insert(*record), "record {record} was taken twice");
        }
    }

    fn run(&mut self, action: &Action) {
        let now = at(self.now);
        let sink = Arc::clone(&self.sinks[0]);
        match action {
            Action::Commit(count) => {
                let next = self.committed + u64::from(*count);
                self.store
                    .commit(&items(0, self.committed..next), &self.sinks, now)
                    .unwrap();
                self.committed = next;
            }
            Action::Clock(seconds) => self.now += i64::from(*seconds) * 1000,
            Action::Close(all) => {
                let close = if *all { Close::All } else { Close::Due };
                self.store.close(sink.as_ref(), close, now).unwrap();
            }
            Action::Restart => {
                self.claim();
                self.store = Store::open(self.dir.path()).unwrap();
                self.owner = Owner::register(self.dir.path()).unwrap();
            }
            Action::Retry => drop(self.store.retry_batches(Which::Dead).unwrap()),
            Action::Drop => self.drop_one(),
            Action::Take | Action::Refuse(_) | Action::Fail | Action::Partly(_) => self.offer(action, now),
        }
    }

    fn offer(&mut self, action: &Action, now: Time) {
        let Some(claimed) = self.claim() else { return };
        let sink = Arc::clone(&self.sinks[0]);
        let records = numbers(&claimed.batch.body);
        match action {
            Action::Refuse(by) if records.iter().any(|record| record % u64::from(*by) == 0) => {
                self.store
                    .refuse(&claimed, sink.as_ref(), (422, "bad"), now)
                    .unwrap();
            }
            Action::Fail => {
                let outlook = Outlook {
                    condition: Condition::Retrying,
                    failures: 1,
                    next_attempt: None,
                };
                self.store
                    .put_back(&claimed, &outlook, (None, "reset"), now)
                    .unwrap();
            }
            Action::Partly(bits) => {
                let fate = |at: usize| (usize::from(*bits) >> (at % 4 * 2)) & 3;
                let (mut refused, mut again, mut taken) = (Vec::new(), Vec::new(), Vec::new());
                for (index, record) in records.iter().enumerate() {
                    match fate(index) {
                        0 => refused.push(RefusedRecord {
                            index,
                            status: 400,
                            error: String::new(),
                        }),
                        1 => again.push(index),
                        _ => taken.push(*record),
                    }
                }
                self.store
                    .take_partly(&claimed, sink.as_ref(), (&refused, &again), now)
                    .unwrap();
                self.take(&taken);
            }
            _ => {
                self.store.acknowledge(&claimed, now).unwrap();
                self.take(&records);
            }
        }
    }

    fn drop_one(&mut self) {
        let rows = self.store.outbox().unwrap();
        let Some(row) = rows.into_iter().find(|row| row.state == BatchState::Dead) else {
            return;
        };
        let (_, body) = self.store.show_batch(&row.id).unwrap().unwrap();
        self.dropped.extend(numbers(&body));
        assert_eq!(self.store.drop_batches(Which::Ids(&[row.id])).unwrap(), 1);
    }

    /// Every record is in one place, and the totals are true.
    fn check(&mut self) {
        let mut waiting = Vec::new();
        let (mut pending, mut dead, mut bytes) = (0, 0, 0);
        for row in self.store.outbox().unwrap() {
            let (_, body) = self.store.show_batch(&row.id).unwrap().unwrap();
            let records = numbers(&body);
            assert_eq!((row.events, row.bytes), (records.len() as u64, body.len() as u64));
            match row.state {
                BatchState::Pending => (pending, bytes) = (pending + row.events, bytes + row.bytes),
                BatchState::Dead => dead += row.events,
            }
            waiting.extend(records);
        }
        let receiver = self.store.receiver("a").unwrap();
        assert_eq!((receiver.pending_events, receiver.dead_events), (pending, dead));
        let open = self.committed - (pending + dead) - (self.taken.len() + self.dropped.len()) as u64;
        assert_eq!(receiver.open_events, open);
        assert_eq!(
            (receiver.delivered_events, receiver.dropped_events),
            (self.taken.len() as u64, self.dropped.len() as u64)
        );
        assert!(receiver.pending_bytes >= bytes && (open > 0 || receiver.pending_bytes == bytes));
        let unique: HashSet<u64> = waiting
            .iter()
            .chain(&self.taken)
            .chain(&self.dropped)
            .copied()
            .collect();
        assert_eq!(
            unique.len(),
            waiting.len() + self.taken.len() + self.dropped.len(),
            "a record in two places"
        );
    }
}

/// How many sequences; 1,000 with `AFW_FULL=1`.
fn cases() -> u32 {
    if std::env::var_os("AFW_FULL").is_some() {
        1000
    } else {
        24
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]
    #[test]
    fn each_record_is_in_one_place_whatever_happens(actions in proptest::collection::vec(action(), 1..60)) {
        let mut model = Model::new();
        for action in &actions {
            model.run(action);
            model.check();
        }
        // In the end everything can be delivered.
        model.store.retry_batches(Which::Dead).unwrap();
        model.run(&Action::Close(true));
        while model.store.receiver("a").unwrap().pending_batches > 0 {
            model.run(&Action::Take);
        }
        prop_assert_eq!(model.taken.len() + model.dropped.len(), model.committed as usize);
        let leftover: i64 = model.store.database.connection
            .query_row("SELECT (SELECT count(*) FROM body) + (SELECT count(*) FROM item)", [], |row| row.get(0)).unwrap();
        prop_assert_eq!(leftover, 0);
    }
}
