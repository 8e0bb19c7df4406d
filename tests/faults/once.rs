//! Promise 2 in bulk: many sightings through a slow receiver that sometimes fails, the sender killed at random between.
//!
//! `AFW_SIGHTINGS` says how many (20,000 unless set), `AFW_KILLS` how often it is killed (6), `AFW_SEED` when (1).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::receiver::{Receiver, Reply, Request};
use crate::stage::{checked, resident_kib, write_log};
use crate::support::Running;
use crate::{sender, stage};

/// How long the receiver takes for a batch.
const SLOW: Duration = Duration::from_millis(25);

/// What the receiver has taken.
#[derive(Default)]
struct Ledger {
    /// The id that brought each record, by its place in `ids`.
    owner: Vec<Option<u32>>,
    ids: HashMap<String, (u32, Vec<u8>)>,
    offers: usize,
    repeated: usize,
    faults: Vec<String>,
}

impl Ledger {
    /// Takes an offer, unless it was taken before.
    fn take(&mut self, key: &str, body: &[u8], records: &[usize]) {
        let next = u32::try_from(self.ids.len()).unwrap();
        if let Some((_, before)) = self.ids.get(key) {
            self.repeated += 1;
            if before != body {
                self.faults.push(format!("id {key} came with other bytes"));
            }
            return;
        }
        self.ids.insert(key.to_owned(), (next, body.to_vec()));
        for record in records {
            match self.owner.get_mut(*record) {
                Some(owner @ None) => *owner = Some(next),
                Some(Some(_)) => self.faults.push(format!("record {record} came under two ids")),
                None => self.faults.push(format!("record {record} was never sighted")),
            }
        }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let records = match checked(request) {
            Ok(records) => records,
            Err(fault) => {
                self.faults.push(fault);
                return Reply::Status(500);
            }
        };
        self.offers += 1;
        match self.offers % 97 {
            31 => return Reply::Status(503),
            62 => return Reply::Hang,
            _ => {}
        }
        self.take(
            request.header("idempotency-key").unwrap(),
            &request.body,
            &records,
        );
        // Now and then it takes a batch and its answer gets lost.
        if self.offers % 97 == 93 {
            Reply::Close
        } else {
            Reply::Status(202)
        }
    }
}

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

#[test]
fn every_sighting_is_received_once_by_its_id() {
    let sightings = usize::try_from(number("AFW_SIGHTINGS", 20_000)).unwrap();
    let kills = number("AFW_KILLS", 6);
    let mut random = number("AFW_SEED", 1) | 1;
    println!("AFW_SIGHTINGS={sightings} AFW_KILLS={kills} AFW_SEED={random}");
    let dir = tempfile::tempdir().unwrap();
    write_log(dir.path(), sightings);
    let ledger = Arc::new(Mutex::new(Ledger {
        owner: vec![None; sightings],
        ..Ledger::default()
    }));
    let books = Arc::clone(&ledger);
    let receiver = Receiver::start(move |request| {
        std::thread::sleep(SLOW);
        books.lock().unwrap().answer(request)
    });
    let url = receiver.url("/v1/events");
    let (began, mut peak_kib, mut killed) = (Instant::now(), 0, 0);
    loop {
        let mut running = Running(sender::real(dir.path(), &url).spawn().unwrap());
        // The first kills fall into reading, the later ones into sending.
        random = stage::next(random);
        let most = if killed < kills / 2 { 600 } else { 3000 };
        let life = Duration::from_millis(20 + random % most);
        let started = Instant::now();
        let ended = loop {
            peak_kib = peak_kib.max(resident_kib(running.0.id()));
            if let Some(status) = running.0.try_wait().unwrap() {
                break Some(status);
            }
            if killed < kills && started.elapsed() > life {
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        match ended {
            Some(status) if status.success() => break,
            // It gave up on a receiver that failed: the next run goes on.
            Some(status) => assert_eq!(status.code(), Some(4)),
            None => {
                running.kill();
                killed += 1;
            }
        }
    }
    let took = began.elapsed().as_secs_f64();
    let ledger = ledger.lock().unwrap();
    let missing = ledger.owner.iter().filter(|owner| owner.is_none()).count();
    println!(
        "{sightings} sightings: {} received once each, {missing} missing; {} batches in {} offers, {} offers of batches \
         that had been taken; {killed} kills; {took:.1} s; peak {peak_kib} KiB",
        sightings - missing,
        ledger.ids.len(),
        ledger.offers,
        ledger.repeated
    );
    assert_eq!(ledger.faults, [""; 0]);
    assert_eq!(missing, 0);
    assert!(peak_kib < 256 << 10, "{peak_kib} KiB");
}
