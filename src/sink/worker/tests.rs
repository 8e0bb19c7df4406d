//! Workers against sinks that answer by script. Waits are milliseconds here; the real figures are tested as tables in
//! `pace`.

use std::collections::VecDeque;

use super::seldom::Seldom;
use super::*;
use crate::sink::{Answer, Frozen, Limits, RefusedRecord};
use crate::store::Store;
use crate::store::{Effects, Item};

/// Answers by script, then accepts. Remembers every offer.
#[derive(Debug, Default)]
struct Scripted {
    answers: Mutex<VecDeque<Answer>>,
    offers: Mutex<Vec<(String, Vec<u8>)>>,
    /// How long an answer takes.
    delay: Duration,
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            ..Self::default()
        })
    }

    fn offers(&self) -> Vec<(String, Vec<u8>)> {
        self.offers.lock().unwrap().clone()
    }
}

impl Sink for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }
    fn limits(&self) -> Limits {
        Limits {
            events: 4,
            bytes: 1 << 20,
            age: Duration::from_secs(3600),
        }
    }
    fn freeze(&self, records: &[&[u8]]) -> Vec<u8> {
        records.join(&b'\n')
    }
    fn records(&self, body: &[u8]) -> Option<Vec<Vec<u8>>> {
        Some(body.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect())
    }
    fn deliver(&self, batch: &Frozen) -> Answer {
        std::thread::sleep(self.delay);
        self.offers
            .lock()
            .unwrap()
            .push((batch.id.clone(), batch.body.clone()));
        self.answers
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Answer::Accepted)
    }
}

/// The same figures, a thousandth as long.
fn quick() -> Tuning {
    let millis = Duration::from_millis;
    Tuning {
        retry_first: millis(1),
        retry_cap: millis(30),
        pause_first: millis(30_000),
        breaker_open: millis(30),
        poll: millis(20),
        ..Tuning::default()
    }
}

fn unavailable(retry_after: Option<Duration>) -> Answer {
    Answer::Unavailable {
        status: Some(503),
        error: "busy".into(),
        retry_after,
    }
}

struct Bench {
    dir: tempfile::TempDir,
    store: Store,
    sink: Arc<Scripted>,
    sinks: Vec<Arc<dyn Sink>>,
}

impl Bench {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::with(Scripted::new(answers))
    }

    fn with(sink: Arc<Scripted>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        Self {
            dir,
            store,
            sinks: vec![Arc::clone(&sink) as Arc<dyn Sink>],
            sink,
        }
    }

    fn commit(&mut self, records: std::ops::Range<u32>) {
        let items = records
            .map(|n| Item {
                sink: 0,
                bytes: n.to_string().into_bytes(),
            })
            .collect();
        let effects = Effects {
            items,
            ..Effects::default()
        };
        self.store.commit(&effects, &self.sinks, wall_clock()).unwrap();
    }

    fn start(&self) -> Workers {
        Workers::start(self.dir.path(), &self.sinks, quick()).unwrap()
    }
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn everything_arrives_in_order_and_the_open_rest_with_the_drain() {
    let mut bench = Bench::new([]);
    let workers = bench.start();
    bench.commit(0..10);
    workers.wake();
    assert!(workers.drain(LONG).is_complete());
    let bodies: Vec<Vec<u8>> = bench.sink.offers().into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [&b"0\n1\n2\n3"[..], b"4\n5\n6\n7", b"8\n9"]);
    bench.commit(10..11);
    assert!(workers.stop(LONG).is_complete(), "stopping sends what is open");
    assert_eq!(bench.sink.offers().len(), 4);
}

#[test]
fn passing_failures_are_tried_again_with_the_same_id_and_bytes() {
    let mut bench = Bench::new((0..7).map(|_| unavailable(None)));
    bench.commit(0..4);
    let workers = bench.start();
    assert!(workers.drain(LONG).is_complete());
    let offers = bench.sink.offers();
    assert_eq!(offers.len(), 8);
    assert!(offers.iter().all(|offer| *offer == offers[0]));
    let receiver = bench.store.receiver("scripted").unwrap();
    assert_eq!(
        (receiver.condition, receiver.failures, receiver.delivered_events),
        (Condition::Working, 0, 4)
    );
    workers.stop(LONG);
}

#[test]
fn a_paused_sink_is_not_waited_for_and_a_flush_tries_it_at_once() {
    let wrong = Answer::Misconfigured {
        status: 401,
        body: "bad key".into(),
    };
    let mut bench = Bench::new([wrong]);
    bench.commit(0..4);
    let workers = bench.start();
    let started = Instant::now();
    let drained = workers.drain(LONG);
    assert!(!drained.is_complete() && started.elapsed() < LONG);
    assert_eq!(drained.waiting[0].condition, Condition::Paused);
    assert!(drained.waiting[0].error.as_deref().unwrap().contains("bad key"));
    let receiver = bench.store.receiver("scripted").unwrap();
    assert_eq!(
        (receiver.condition, receiver.last_status),
        (Condition::Paused, Some(401))
    );

    bench.store.flush_outbox().unwrap();
    while bench.sink.offers().len() < 2 {
        assert!(started.elapsed() < LONG);
        std::thread::yield_now();
    }
    assert!(workers.drain(LONG).is_complete());
    workers.stop(LONG);
}

#[test]
fn a_sink_that_works_is_given_its_time_and_one_that_fails_none() {
    let slow = Arc::new(Scripted {
        delay: Duration::from_millis(50),
        ..Scripted::default()
    });
    let mut bench = Bench::with(slow);
    bench.commit(0..12);
    let workers = bench.start();
    assert!(workers.drain(Duration::ZERO).is_complete());
    assert_eq!(bench.sink.offers().len(), 3);
    workers.stop(LONG);

    let mut bench = Bench::new(std::iter::repeat_n(unavailable(None), 1000));
    bench.commit(0..4);
    let workers = bench.start();
    let drained = workers.drain(Duration::ZERO);
    assert_eq!(drained.waiting[0].error.as_deref(), Some("busy"));
    workers.stop(Duration::ZERO);
}

#[test]
fn dead_letters_are_spoken_of_once_a_minute() {
    let mut graves = Seldom::default();
    let start = Instant::now();
    let told: Vec<Option<usize>> = [0, 1, 59, 60, 61, 200]
        .map(|secs| graves.tell(2, start + Duration::from_secs(secs)))
        .into();
    assert_eq!(told, [Some(2), None, None, Some(6), None, Some(4)]);
}

#[test]
fn a_kick_from_within_ends_a_pause() {
    let wrong = Answer::Misconfigured {
        status: 404,
        body: String::new(),
    };
    let mut bench = Bench::new([wrong]);
    bench.commit(0..4);
    let workers = bench.start();
    assert!(!workers.drain(LONG).is_complete());
    workers.kick();
    while bench.sink.offers().len() < 2 {
        std::thread::yield_now();
    }
    assert!(workers.stop(LONG).is_complete());
}

#[test]
fn what_the_receiver_asked_for_survives_a_restart() {
    let mut bench = Bench::new([unavailable(Some(Duration::from_secs(3600)))]);
    bench.commit(0..4);
    let workers = bench.start();
    assert!(
        !workers.drain(LONG).is_complete(),
        "known not to be tried in time"
    );
    workers.stop(LONG);
    let workers = bench.start();
    bench.store.flush_outbox().unwrap();
    workers.drain(Duration::from_millis(100));
    assert_eq!(bench.sink.offers().len(), 1);
    workers.stop(Duration::ZERO);
}

#[test]
fn a_poison_record_ends_alone_as_a_dead_letter() {
    let refused = || Answer::Refused {
        status: 422,
        body: "bad".into(),
    };
    // [0 1 2 3] refused, [0 1] refused, [0] taken, [1] refused, [2 3] taken.
    let mut bench = Bench::new([refused(), refused(), Answer::Accepted, refused()]);
    bench.commit(0..4);
    let workers = bench.start();
    assert!(workers.drain(LONG).is_complete());
    let bodies: Vec<Vec<u8>> = bench.sink.offers().into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [&b"0\n1\n2\n3"[..], b"0\n1", b"0", b"1", b"2\n3"]);
    let receiver = bench.store.receiver("scripted").unwrap();
    assert_eq!((receiver.delivered_events, receiver.dead_events), (3, 1));
    workers.stop(LONG);
}

#[test]
fn a_partly_taken_batch_sends_its_rest_again() {
    let refused = vec![RefusedRecord {
        index: 0,
        status: 400,
        error: "mapping".into(),
    }];
    let mut bench = Bench::new([Answer::Partly {
        refused,
        again: vec![2, 3],
    }]);
    bench.commit(0..4);
    let workers = bench.start();
    assert!(workers.drain(LONG).is_complete());
    assert_eq!(bench.sink.offers()[1].1, b"2\n3");
    let receiver = bench.store.receiver("scripted").unwrap();
    assert_eq!((receiver.delivered_events, receiver.dead_events), (3, 1));
    workers.stop(LONG);
}

#[test]
fn two_processes_send_each_batch_once() {
    let mut bench = Bench::new([]);
    let (first, second) = (bench.start(), bench.start());
    for at in 0..50 {
        bench.commit(at * 4..at * 4 + 4);
        first.wake();
        second.wake();
    }
    assert!(first.drain(LONG).is_complete() && second.drain(LONG).is_complete());
    let mut ids: Vec<String> = bench.sink.offers().into_iter().map(|(id, _)| id).collect();
    let offers = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), offers), (50, 50));
    first.stop(LONG);
    second.stop(LONG);
}
