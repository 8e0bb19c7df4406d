//! One row played: a strict receiver that misbehaves, a sender that may be killed, and what can be seen of both.

use std::collections::{HashMap, HashSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use afw::store::outbox::BatchState;
use afw::store::{Effects, Item, Store};
use afw_parsers::Time;

use crate::receiver::{Door, Receiver, Reply, Request};
use crate::sender;
use crate::support::{Running, ingest};

/// Which clock a table is played by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The sender of this test, a hundred times as fast.
    Quick,
    /// The real binary.
    Real,
}

impl Clock {
    pub fn of_environment() -> Self {
        match std::env::var("AFW_FAULTS").as_deref() {
            Ok("real") => Self::Real,
            _ => Self::Quick,
        }
    }

    pub fn is_real(self) -> bool {
        self == Self::Real
    }

    /// A span of the design's clock on this one.
    pub fn span(self, secs: f64) -> Duration {
        let faster = if self.is_real() {
            1.0
        } else {
            f64::from(sender::FASTER)
        };
        Duration::from_secs_f64(secs / faster)
    }

    /// A span on this clock as seconds of the design's.
    pub fn design_secs(self, span: Duration) -> f64 {
        let faster = if self.is_real() {
            1.0
        } else {
            f64::from(sender::FASTER)
        };
        span.as_secs_f64() * faster
    }
}

/// What a receiver does with the n-th offer of these records.
pub type Play = Box<dyn Fn(&Offer) -> Reply + Send + Sync>;

/// An offer of a batch as the receiver sees it.
#[derive(Debug)]
pub struct Offer {
    /// Which one it is, from 0.
    pub n: usize,
    /// Time since the first, on the design's clock.
    pub secs: f64,
    /// Its records.
    pub records: Vec<usize>,
}

/// What happens beside the receiver.
pub enum Twist {
    None,
    /// Connections are treated like this.
    Door(Box<dyn Fn(usize) -> Door + Send + Sync>),
    /// The URL is at first one that leads nowhere, then the right one after a restart.
    Nowhere(&'static str),
    /// The sender is killed while the receiver keeps it waiting, so many times.
    Killed(usize),
    /// The wall clock jumps a year ahead and a year back between offers (under libfaketime, where it is installed), and
    /// records are stamped by such clocks.
    ClockJump,
    /// More records come while the receiver is down.
    Growing(usize),
}

/// One behaviour.
pub struct Row {
    pub name: &'static str,
    pub records: usize,
    /// Records that the receiver refuses for good.
    pub dead: usize,
    pub play: Play,
    pub twist: Twist,
    /// Spoken to over TLS.
    pub tls: bool,
    /// The receiver counts what it was offered as taken although its answer does not come back.
    pub silent: bool,
}

/// What an offer led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Taken,
    Refused,
    /// The receiver cannot now.
    Failed,
    /// Key, credit or address.
    Wrong,
}

struct Seen {
    at: Instant,
    key: String,
    body: Vec<u8>,
    records: Vec<usize>,
    verdict: Verdict,
    told: String,
}

/// What came of a row.
#[derive(Debug)]
pub struct Outcome {
    pub records: usize,
    pub offers: usize,
    pub batches: usize,
    /// Statuses and other ends, in runs: `503 ×5, 200 ×4`.
    pub told: String,
    /// Conditions of the sink in their order.
    pub conditions: String,
    /// Waits between offers that failed and the next, in seconds of the design's clock.
    pub waits: Vec<f64>,
    pub lost: usize,
    /// Records that came under two ids, beside those that were refused.
    pub twice: usize,
    /// Ids that came with two bodies.
    pub changed: usize,
    pub dead: usize,
    /// Requests while the breaker had to be open.
    pub while_open: usize,
    pub peak_kib: u64,
    pub restarts: usize,
    pub faults: Vec<String>,
}

impl Outcome {
    /// Fails unless the promises were kept.
    pub fn assert_kept(&self, row: &Row, base_kib: u64, clock: Clock) {
        let name = row.name;
        assert_eq!(self.faults, [""; 0], "{name}: deviations from the contract");
        assert_eq!((self.lost, self.twice, self.changed), (0, 0, 0), "{name}");
        assert_eq!(self.dead, row.dead, "{name}");
        assert_eq!(self.while_open, 0, "{name}: requests while the breaker is open");
        assert!(self.peak_kib < 64 << 10, "{name}: {} KiB", self.peak_kib);
        if !clock.is_real() {
            assert!(
                self.peak_kib < base_kib + (12 << 10),
                "{name}: {} KiB",
                self.peak_kib
            );
        }
    }
}

/// Plays a row to its end.
pub fn play(row: &Arc<Row>, clock: Clock) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(row, clock, dir.path());
    stage.prepare();
    if let Twist::Nowhere(url) = &row.twist {
        stage.lead_nowhere(url);
    }
    if let Twist::Killed(times) = row.twist {
        for time in 1..=times {
            let running = stage.start(None);
            stage.until(running, |stage, _| stage.seen.lock().unwrap().len() >= time * 2);
        }
    }
    stage.finish();
    stage.outcome()
}

struct Stage<'r> {
    row: &'r Row,
    clock: Clock,
    dir: &'r Path,
    url: String,
    receiver: Receiver,
    seen: Arc<Mutex<Vec<Seen>>>,
    faults: Arc<Mutex<Vec<String>>>,
    peak_kib: u64,
    starts: usize,
    /// Offers that went nowhere.
    nowhere: usize,
}

impl<'r> Stage<'r> {
    fn new(row: &'r Arc<Row>, clock: Clock, dir: &'r Path) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let faults: Arc<Mutex<Vec<String>>> = Arc::default();
        let doorman = Arc::clone(row);
        let door = move |connection: usize| match &doorman.twist {
            Twist::Door(door) => door(connection),
            _ => Door::Open,
        };
        let (keep, notes, player) = (Arc::clone(&seen), Arc::clone(&faults), Arc::clone(row));
        let respond = move |request: &Request| respond(&player, clock, request, &keep, &notes);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Receiver::behind(listener, door, respond);
        let mut url = receiver.url("/v1/events");
        if row.tls {
            url = url.replace("http:", "https:");
        }
        Self {
            row,
            clock,
            dir,
            url,
            receiver,
            seen,
            faults,
            peak_kib: 0,
            starts: 0,
            nowhere: 0,
        }
    }

    fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// How many records there are in all.
    fn records(&self) -> usize {
        self.row.records + self.growth()
    }

    /// Records that come while the sender runs.
    fn growth(&self) -> usize {
        match self.row.twist {
            Twist::Growing(more) if !self.clock.is_real() => more,
            _ => 0,
        }
    }

    /// The records: in the outbox already, or as a log that the real binary finds them in.
    fn prepare(&self) {
        if self.clock.is_real() {
            return write_log(self.dir, self.row.records);
        }
        let year = 365 * 86_400 * 1_000_000_000;
        let now = afw::drive::clock::now();
        let mut store = Store::open(&self.state()).unwrap();
        for (at, first) in (0..self.row.records).step_by(COMMIT).enumerate() {
            let now = match (&self.row.twist, at % 3) {
                (Twist::ClockJump, 0) => now.saturating_add(year),
                (Twist::ClockJump, 1) => now.saturating_add(-year),
                _ => now,
            };
            commit(&mut store, first..(first + COMMIT).min(self.row.records), now);
        }
    }

    fn start(&mut self, url: Option<&str>) -> Running {
        let url = url.unwrap_or(&self.url);
        self.starts += 1;
        let mut command = if self.clock.is_real() {
            sender::real(self.dir, url)
        } else {
            sender::quick(&self.state(), url)
        };
        if let (Twist::ClockJump, Some(library)) = (&self.row.twist, faketime()) {
            self.jump();
            command
                .env("LD_PRELOAD", library)
                .env("FAKETIME_TIMESTAMP_FILE", self.dir.join("clock"))
                .env("FAKETIME_NO_CACHE", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        Running(command.spawn().unwrap())
    }

    /// Sets the sender's wall clock by how many offers have come.
    fn jump(&self) {
        if matches!(self.row.twist, Twist::ClockJump) {
            let offset = ["+31536000", "-31536000", "+0"][self.seen.lock().unwrap().len() % 3];
            // Replaced whole: the sender reads it at any moment.
            std::fs::write(self.dir.join("clock.new"), offset).unwrap();
            std::fs::rename(self.dir.join("clock.new"), self.dir.join("clock")).unwrap();
        }
    }

    /// Waits until `done`, or the sender ends; then it is killed. True when it ended by itself and well.
    fn until(&mut self, mut running: Running, mut done: impl FnMut(&Self, Duration) -> bool) -> bool {
        let began = Instant::now();
        let most = if self.clock.is_real() { 900 } else { 90 };
        loop {
            self.peak_kib = self.peak_kib.max(resident_kib(running.0.id()));
            self.jump();
            if let Some(status) = running.0.try_wait().unwrap() {
                return status.success();
            }
            if done(self, began.elapsed()) {
                running.kill();
                return false;
            }
            let late = began.elapsed().as_secs() > most;
            assert!(!late, "{}: no end after {most} s: {}", self.row.name, self.told());
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// A hundred seconds of the design's clock at a URL that leads nowhere.
    fn lead_nowhere(&mut self, url: &str) {
        let span = self.clock.span(100.0);
        let running = self.start(Some(url));
        self.until(running, |_, elapsed| elapsed > span);
        let rows = Store::open(&self.state()).unwrap().outbox().unwrap();
        self.nowhere = rows.iter().map(|row| row.attempts as usize).sum();
    }

    /// Until nothing waits. What a paused or given-up sender leaves, the next one takes up.
    fn finish(&mut self) {
        let mut grown = 0;
        loop {
            let running = self.start(None);
            let growth = self.growth();
            let (state, first) = (self.state(), self.row.records);
            let ended = self.until(running, |_, _| {
                if grown < growth {
                    let mut store = Store::open(&state).unwrap();
                    let next = (grown + COMMIT).min(growth);
                    commit(&mut store, first + grown..first + next, afw::drive::clock::now());
                    grown = next;
                }
                false
            });
            if ended && grown == growth {
                return;
            }
        }
    }

    /// Runs of equal answers: `503 ×5, 202 ×4`.
    fn told(&self) -> String {
        let seen = self.seen.lock().unwrap();
        let mut runs: Vec<(String, usize)> = Vec::new();
        if self.nowhere > 0 {
            runs.push(("no connection".into(), self.nowhere));
        }
        for one in seen.iter() {
            match runs.last_mut() {
                Some((told, count)) if *told == one.told => *count += 1,
                _ => runs.push((one.told.clone(), 1)),
            }
        }
        let all: Vec<String> = runs
            .iter()
            .map(|(told, count)| format!("{told} ×{count}"))
            .collect();
        match all.as_slice() {
            [first @ .., last] if first.len() > 4 => format!("{}, … {last}", first[..3].join(", ")),
            _ => all.join(", "),
        }
    }

    fn conditions(&self) -> String {
        let text = std::fs::read_to_string(self.state().join("trace")).unwrap_or_default();
        let mut all: Vec<&str> = text.lines().collect();
        all.dedup();
        match all.len() {
            0..=7 => all.join(" → "),
            _ => format!("{} → … {}", all[..5].join(" → "), all[all.len() - 1]),
        }
    }

    fn outcome(&self) -> Outcome {
        let (dead, told) = (self.dead(), self.told());
        let seen = self.seen.lock().unwrap();
        let mut taken: HashMap<usize, &str> = HashMap::new();
        let mut bodies: HashMap<&str, &[u8]> = HashMap::new();
        let (mut twice, mut changed) = (HashSet::new(), HashSet::new());
        for one in seen.iter() {
            if bodies
                .insert(&one.key, &one.body)
                .is_some_and(|before| before != one.body)
            {
                changed.insert(one.key.as_str());
            }
        }
        // Whatever was not refused may have been taken, whether the sender was told or not.
        for one in seen.iter().filter(|one| one.verdict != Verdict::Refused) {
            for record in &one.records {
                if taken
                    .insert(*record, &one.key)
                    .is_some_and(|before| before != one.key)
                {
                    twice.insert(*record);
                }
            }
        }
        let known: HashSet<usize> = seen
            .iter()
            .filter(|one| one.verdict == Verdict::Taken)
            .flat_map(|one| one.records.iter().copied())
            .chain(dead.iter().copied())
            .collect();
        let _ = self.receiver.requests();
        Outcome {
            records: self.records(),
            offers: seen.len() + self.nowhere,
            batches: bodies.len(),
            told,
            conditions: self.conditions(),
            waits: waits(&seen, self.clock),
            lost: (0..self.records())
                .filter(|record| !known.contains(record))
                .count(),
            twice: twice.len(),
            changed: changed.len(),
            dead: dead.len(),
            while_open: while_open(&seen, self.clock),
            peak_kib: self.peak_kib,
            restarts: self.starts - 1,
            faults: self.faults.lock().unwrap().clone(),
        }
    }

    /// Records that became dead letters.
    fn dead(&self) -> Vec<usize> {
        let store = Store::open(&self.state()).unwrap();
        let rows = store.outbox().unwrap();
        assert!(rows.iter().all(|row| row.state == BatchState::Dead), "{rows:?}");
        let body = |id: &str| store.show_batch(id).unwrap().unwrap().1;
        rows.iter().flat_map(|row| records(&body(&row.id))).collect()
    }
}

/// Records that are committed together: a batch.
const COMMIT: usize = 500;

fn commit(store: &mut Store, records: std::ops::Range<usize>, now: Time) {
    let items = records
        .map(|n| Item {
            sink: 0,
            bytes: record(n),
        })
        .collect();
    let effects = Effects {
        items,
        ..Effects::default()
    };
    let sinks = sender::sinks("http://127.0.0.1:9/v1/events");
    store.commit(&effects, &sinks, now).unwrap();
}

/// One event in the contract's form; its path carries its number.
fn record(n: usize) -> Vec<u8> {
    format!(
        "{{\"type\":\"http_request\",\"ts\":\"2026-10-10T13:55:36.000Z\",\"ip\":\"198.51.100.7\",\"method\":\"GET\",\"path\":\"/shell.php/{n}\",\"status\":404,\"classification\":\"scanner\"}}"
    )
    .into_bytes()
}

/// A log of so many requests that one rule fires on, from few enough clients for the own-goal guard.
pub fn write_log(dir: &Path, records: usize) {
    let line = |n: usize| {
        format!(
            "45.83.{}.{} - - [10/Oct/2026:13:55:36 +0000] \"GET /shell.php/{n} HTTP/1.1\" 404 5 \"-\" \"x\"\n",
            n % 2,
            n % 200
        )
    };
    std::fs::write(dir.join("access.log"), (0..records).map(line).collect::<String>()).unwrap();
    let rule = "title: Shell\nid: 7b9bd2a6-6a3e-4b1c-9c1e-0d5b6a9c1f11\nlogsource:\n  category: webserver\ndetection:\n  \
                selection:\n    cs-uri-stem|startswith: /shell.php/\n  condition: selection\nlevel: high\n";
    std::fs::write(dir.join("rule.yml"), rule).unwrap();
}

/// The numbers of the records in a decoded body.
fn records(body: &[u8]) -> Vec<usize> {
    let text = String::from_utf8(body.to_vec()).unwrap();
    text.lines()
        .map(|line| number_of(&serde_json::from_str(line).unwrap()))
        .collect()
}

/// The number that the path of an event carries.
fn number_of(event: &serde_json::Value) -> usize {
    let path = event["path"].as_str().unwrap();
    path.rsplit('/').next().unwrap().parse().unwrap()
}

/// The records of a request that keeps to the contract, or what is wrong with it.
pub fn checked(request: &Request) -> Result<Vec<usize>, String> {
    let first = format!("{} {} HTTP/1.1", request.method, request.path);
    let headers: HashMap<String, String> = request.headers.iter().cloned().collect();
    let taken = ingest::check(&first, &headers, &request.body)?;
    Ok(taken.events.iter().map(number_of).collect())
}

/// The receiver's part: holds the request against the contract, answers as the row says, keeps what was seen.
fn respond(
    row: &Row,
    clock: Clock,
    request: &Request,
    seen: &Mutex<Vec<Seen>>,
    faults: &Mutex<Vec<String>>,
) -> Reply {
    let records = match checked(request) {
        Ok(records) => records,
        Err(fault) => {
            faults.lock().unwrap().push(fault);
            return Reply::Status(500);
        }
    };
    let mut seen = seen.lock().unwrap();
    let offer = Offer {
        n: seen.len(),
        secs: seen
            .first()
            .map_or(0.0, |first| clock.design_secs(first.at.elapsed())),
        records,
    };
    let reply = (row.play)(&offer);
    let (told, verdict) = verdict(&reply, row.silent);
    seen.push(Seen {
        at: Instant::now(),
        key: request.header("idempotency-key").unwrap().to_owned(),
        body: request.body.clone(),
        records: offer.records,
        verdict,
        told,
    });
    reply
}

fn verdict(reply: &Reply, silent: bool) -> (String, Verdict) {
    let unanswered = if silent { Verdict::Taken } else { Verdict::Failed };
    match reply {
        Reply::Status(status) | Reply::Answer { status, .. } => {
            let verdict = match status {
                200..=299 => Verdict::Taken,
                400 | 413 | 422 => Verdict::Refused,
                300..=399 | 401..=404 => Verdict::Wrong,
                _ => Verdict::Failed,
            };
            (status.to_string(), verdict)
        }
        Reply::SlowBody => ("200, endless body".into(), Verdict::Taken),
        Reply::Close => ("closed".into(), unanswered),
        Reply::Hang => ("silence".into(), unanswered),
        Reply::Garbage => ("garbage".into(), Verdict::Failed),
        Reply::Cut(_) => ("200, cut body".into(), Verdict::Taken),
        Reply::Torn => ("torn answer".into(), unanswered),
    }
}

/// Failures in a row that open the breaker, and the seconds it stays open.
const BREAKER: (usize, f64) = (5, 30.0);

/// Requests that came although five or more failures in a row had just been answered.
fn while_open(seen: &[Seen], clock: Clock) -> usize {
    // A request can be on its way for a moment before it is seen.
    let open = clock.span(BREAKER.1 * 0.9);
    let mut failures = 0;
    let mut count = 0;
    for pair in seen.windows(2) {
        let [before, after] = pair else { continue };
        failures = if before.verdict == Verdict::Failed {
            failures + 1
        } else {
            0
        };
        count += usize::from(failures >= BREAKER.0 && after.at - before.at < open);
    }
    count
}

/// The first waits after offers that were not taken or refused.
fn waits(seen: &[Seen], clock: Clock) -> Vec<f64> {
    seen.windows(2)
        .filter(|pair| matches!(pair[0].verdict, Verdict::Failed | Verdict::Wrong))
        .map(|pair| clock.design_secs(pair[1].at - pair[0].at))
        .collect()
}

/// The library that moves a process's wall clock, where it is installed.
fn faketime() -> Option<PathBuf> {
    let places = ["x86_64-linux-gnu/", "aarch64-linux-gnu/", ""];
    let mut paths = places.map(|place| PathBuf::from(format!("/usr/lib/{place}faketime/libfaketime.so.1")));
    paths.iter_mut().find(|path| path.exists()).map(std::mem::take)
}

/// Largest memory of a process so far; 0 when it has ended.
pub fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

/// The next of a row of random numbers (xorshift).
pub fn next(mut random: u64) -> u64 {
    random ^= random << 13;
    random ^= random >> 7;
    random ^ (random << 17)
}
