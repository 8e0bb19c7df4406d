//! [`Workers`]: a thread for each sink that takes batches from the store and offers them until they are acknowledged,
//! refused for good, or the program ends.
//!
//! A worker has its own connection to the store and one request on its way at most. It never blocks reading: the main
//! thread only commits and wakes. When to try again is decided by [`super::pace`]; here are the clock, the threads and
//! the waiting. Next: [`crate::store::queue`].

use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use afw_parsers::Time;

use super::pace::{Outcome, Pace, Tuning};
use super::{Answer, Sink};
use crate::store::queue::{Claimed, Next};
use crate::store::receivers::Outlook;
use crate::store::{Close, Condition, Owner, Store, StoreError};

/// Wait after the store itself failed (a full disk).
const STORE_WAIT: Duration = Duration::from_secs(1);

/// The running workers. Dropping this without [`Workers::stop`] leaves them to the end of the process.
#[derive(Debug)]
pub struct Workers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What one worker is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkStatus {
    /// Name of the sink.
    pub name: String,
    /// How delivery goes.
    pub condition: Condition,
    /// When it is tried again, if it waits.
    pub next_attempt: Option<Instant>,
    /// What went wrong last, until a batch is acknowledged.
    pub error: Option<String>,
}

/// How a drain ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    /// Sinks for which something still waits.
    pub waiting: Vec<SinkStatus>,
}

impl Drained {
    /// Whether nothing waits any more.
    pub fn is_complete(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// What workers and their owner tell each other.
#[derive(Debug)]
struct Shared {
    state: Mutex<Signals>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Signals {
    /// Grows when there may be something to do.
    wakes: u64,
    /// Grows when everything open is to be closed and sent.
    drains: u64,
    /// Grows when waits are to be cut short.
    kicks: u64,
    stop: bool,
    workers: Vec<Progress>,
}

#[derive(Debug, Clone)]
struct Progress {
    status: SinkStatus,
    /// The last drain after which nothing waited.
    drained: u64,
    /// Grows with each batch that left the outbox.
    moved: u64,
    /// A batch is on its way.
    sending: bool,
    ended: bool,
}

impl Shared {
    /// The signals; a worker that panicked leaves them usable.
    fn lock(&self) -> MutexGuard<'_, Signals> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, Signals>, time: Duration) -> MutexGuard<'a, Signals> {
        self.changed
            .wait_timeout(guard, time)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn signal(&self, change: impl FnOnce(&mut Signals)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

impl Workers {
    /// Starts a worker for each sink over the store of a state directory that is already open.
    ///
    /// # Errors
    /// When the store cannot be opened again.
    pub fn start(dir: &Path, sinks: &[Arc<dyn Sink>], tuning: Tuning) -> Result<Self, StoreError> {
        let workers = sinks.iter().map(|sink| Progress {
            status: SinkStatus {
                name: sink.name().to_owned(),
                condition: Condition::Working,
                next_attempt: None,
                error: None,
            },
            drained: 0,
            moved: 0,
            sending: false,
            ended: false,
        });
        let shared = Arc::new(Shared {
            state: Mutex::new(Signals {
                workers: workers.collect(),
                ..Signals::default()
            }),
            changed: Condvar::new(),
        });
        let mut threads = Vec::with_capacity(sinks.len());
        for (index, sink) in sinks.iter().enumerate() {
            let worker = Worker::new(dir, Arc::clone(sink), index, Arc::clone(&shared), tuning)?;
            let spawned = std::thread::Builder::new()
                .name(format!("sink-{index}"))
                .spawn(move || worker.run())
                .map_err(|error| StoreError::io(dir, "start a sink for", error))?;
            threads.push(spawned);
        }
        Ok(Self { shared, threads })
    }

    /// Says that a commit may have brought something. Cheap.
    pub fn wake(&self) {
        self.shared.signal(|signals| signals.wakes += 1);
    }

    /// Cuts every wait short that the receiver did not ask for: what was wrong may have been mended (SIGHUP).
    pub fn kick(&self) {
        self.shared.signal(|signals| signals.kicks += 1);
    }

    /// What each worker is at, in the order of the sinks.
    pub fn status(&self) -> Vec<SinkStatus> {
        self.shared
            .lock()
            .workers
            .iter()
            .map(|worker| worker.status.clone())
            .collect()
    }

    /// Closes all open batches and waits until nothing waits any more. Gives up on a sink that is paused, at once; on one
    /// that fails or makes no progress, after `timeout` or when it is known not to be tried before.
    pub fn drain(&self, timeout: Duration) -> Drained {
        self.wait_until_empty(timeout, None)
    }

    /// Sends what can be sent within `grace`, ends the workers, and says for which sinks something still waits. A
    /// request that is still on its way then is left to its fate: its batch is offered again under the same id.
    pub fn stop(self, grace: Duration) -> Drained {
        let end = Instant::now() + grace;
        let drained = self.wait_until_empty(grace, Some(end));
        self.shared.signal(|signals| signals.stop = true);
        let mut signals = self.shared.lock();
        while signals.workers.iter().any(|worker| !worker.ended) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return drained;
            }
            signals = self.shared.wait(signals, left);
        }
        drop(signals);
        for thread in self.threads {
            // A worker that panicked has been reported by the panic hook.
            let _ = thread.join();
        }
        drained
    }

    fn wait_until_empty(&self, timeout: Duration, end: Option<Instant>) -> Drained {
        let mut signals = self.shared.lock();
        signals.drains += 1;
        let drain = signals.drains;
        self.shared.changed.notify_all();
        let mut watches: Vec<Watch> = signals
            .workers
            .iter()
            .map(|worker| Watch::new(worker, timeout))
            .collect();
        loop {
            let now = Instant::now();
            let hopes: Vec<bool> = signals
                .workers
                .iter()
                .zip(&mut watches)
                .map(|(worker, watch)| watch.hopes(worker, drain, now))
                .collect();
            let over = end.is_some_and(|end| now >= end);
            if over || !hopes.contains(&true) {
                let waiting = signals.workers.iter().filter(|worker| worker.drained < drain);
                return Drained {
                    waiting: waiting.map(|worker| worker.status.clone()).collect(),
                };
            }
            let deadline = watches
                .iter()
                .zip(&hopes)
                .filter(|(_, hope)| **hope)
                .map(|(watch, _)| watch.deadline);
            let next = deadline.chain(end).min().unwrap_or(now);
            let next = if next <= now {
                now + Duration::from_millis(50)
            } else {
                next
            };
            signals = self.shared.wait(signals, next - now);
        }
    }
}

/// Whether it is worth waiting for one worker.
struct Watch {
    deadline: Instant,
    stalled: Instant,
    moved: u64,
    timeout: Duration,
}

impl Watch {
    fn new(worker: &Progress, timeout: Duration) -> Self {
        let deadline = Instant::now() + timeout;
        Self {
            deadline,
            stalled: deadline,
            moved: worker.moved,
            timeout,
        }
    }

    /// A sink that works may take as long as it needs; one that fails has until the deadline.
    fn hopes(&mut self, worker: &Progress, drain: u64, now: Instant) -> bool {
        if worker.moved != self.moved {
            self.moved = worker.moved;
            self.stalled = now + self.timeout;
        }
        if worker.drained >= drain || worker.ended {
            return false;
        }
        match worker.status.condition {
            Condition::Paused => now < self.deadline && is_being_tried(worker, now),
            Condition::Working => now < self.stalled,
            Condition::Retrying | Condition::Held | Condition::Open | Condition::Probing => {
                now < self.deadline && worker.status.next_attempt.is_none_or(|next| next < self.deadline)
            }
        }
    }
}

/// Whether a batch is on its way, or will be in a moment.
fn is_being_tried(worker: &Progress, now: Instant) -> bool {
    worker.sending || worker.status.next_attempt.is_none_or(|next| next <= now)
}

/// One sink's thread.
struct Worker {
    sink: Arc<dyn Sink>,
    index: usize,
    shared: Arc<Shared>,
    tuning: Tuning,
    store: Store,
    owner: Owner,
    pace: Pace,
    /// Moment from which the pace counts.
    origin: Instant,
    row: i64,
    /// When the first open record came, as last seen.
    open_since: Option<Time>,
    /// Whether there may be batches to offer.
    pending: bool,
    seen: Seen,
}

/// What of the signals was taken note of.
#[derive(Debug, Default)]
struct Seen {
    wakes: u64,
    drains: u64,
    kicks: u64,
    kick_row: i64,
    data_version: Option<i64>,
}

/// What comes after a turn.
enum Turn {
    /// There may be more to do at once.
    Again,
    /// Nothing waits; look again at this moment at the latest.
    Idle(Instant),
    /// Something waits, but not before this moment.
    Blocked(Instant),
}

impl Worker {
    fn new(
        dir: &Path,
        sink: Arc<dyn Sink>,
        index: usize,
        shared: Arc<Shared>,
        tuning: Tuning,
    ) -> Result<Self, StoreError> {
        let mut store = Store::attach(dir)?;
        let receiver = store.receiver(sink.name())?;
        let mut pace = Pace::new(&tuning);
        let now = wall_clock();
        if receiver.condition == Condition::Held
            && let (Some(since), Some(until)) = (receiver.held_at, receiver.next_attempt)
            && since <= now
            && now < until
        {
            pace.hold(nanos(until.since(now)));
        }
        Ok(Self {
            sink,
            index,
            shared,
            tuning,
            store,
            owner: Owner::register(dir)?,
            pace,
            origin: Instant::now(),
            row: receiver.row,
            open_since: receiver.open_since,
            pending: true,
            seen: Seen {
                kick_row: receiver.kick,
                ..Seen::default()
            },
        })
    }

    fn run(mut self) {
        while !self.shared.lock().stop {
            let until = match self.turn() {
                Ok(Turn::Again) => continue,
                Ok(Turn::Idle(until)) => {
                    self.progress(|worker, drains| worker.drained = drains);
                    until
                }
                Ok(Turn::Blocked(until)) => until,
                Err(error) => {
                    tracing::error!(sink = self.sink.name(), "{error}");
                    Instant::now() + STORE_WAIT
                }
            };
            self.sleep(until);
        }
        self.progress(|worker, _| worker.ended = true);
    }

    /// Changes what others see of this worker, and wakes who waits for it.
    fn progress(&self, change: impl FnOnce(&mut Progress, u64)) {
        let (index, drains) = (self.index, self.seen.drains);
        self.shared.signal(|signals| {
            if let Some(worker) = signals.workers.get_mut(index) {
                change(worker, drains);
            }
        });
    }

    /// Waits for a signal, the given moment, or the next look at what other processes did.
    fn sleep(&mut self, until: Instant) {
        let until = until.min(Instant::now() + self.tuning.poll);
        let mut signals = self.shared.lock();
        loop {
            let news = (signals.wakes, signals.drains, signals.kicks)
                != (self.seen.wakes, self.seen.drains, self.seen.kicks);
            let left = until.saturating_duration_since(Instant::now());
            if news || signals.stop || left.is_zero() {
                return;
            }
            signals = self.shared.wait(signals, left);
        }
    }

    /// Takes note of what happened elsewhere, closes what is due, offers one batch.
    fn turn(&mut self) -> Result<Turn, StoreError> {
        let drain = self.look()?;
        self.close_due(drain)?;
        let now = self.origin.elapsed();
        if !self.pending {
            return self.idle();
        }
        if !self.pace.start(now) {
            return Ok(Turn::Blocked(
                self.origin + self.pace.ready().max(now + self.tuning.poll / 4),
            ));
        }
        match self
            .store
            .claim(self.row, &self.owner, self.tuning.lease, wall_clock())
        {
            Ok(Next::Ready(claimed)) => {
                self.offer(&claimed)?;
                Ok(Turn::Again)
            }
            Ok(Next::Damaged { id }) => {
                self.pace.cancelled();
                tracing::error!(
                    sink = self.sink.name(),
                    batch = id,
                    "stored batch is damaged and was not sent"
                );
                Ok(Turn::Again)
            }
            Ok(Next::Empty) => {
                self.pace.cancelled();
                self.pending = false;
                self.idle()
            }
            Ok(Next::Busy) => {
                self.pace.cancelled();
                Ok(Turn::Blocked(Instant::now() + self.tuning.poll))
            }
            Err(error) => {
                self.pace.cancelled();
                Err(error)
            }
        }
    }

    /// Nothing waits: gives back room, and says when the open records will be due.
    fn idle(&mut self) -> Result<Turn, StoreError> {
        self.store.shrink()?;
        let now = Instant::now();
        let due = self.open_since.map_or(self.tuning.poll, |since| {
            let age = nanos(wall_clock().since(since));
            self.sink.limits().age.saturating_sub(age)
        });
        Ok(Turn::Idle(now + due.min(self.tuning.poll)))
    }

    /// Reads signals and, when another connection wrote, the sink's row. True when everything open is to be closed.
    fn look(&mut self) -> Result<bool, StoreError> {
        let (kicked, drain) = {
            let signals = self.shared.lock();
            let news = (
                signals.kicks != self.seen.kicks,
                signals.drains != self.seen.drains,
            );
            self.seen.wakes = signals.wakes;
            self.seen.kicks = signals.kicks;
            self.seen.drains = signals.drains;
            news
        };
        if kicked {
            self.kick();
        }
        let version = Some(self.store.data_version()?);
        if version == self.seen.data_version {
            return Ok(drain);
        }
        self.seen.data_version = version;
        let receiver = self.store.receiver(self.sink.name())?;
        self.open_since = receiver.open_since;
        let asked = receiver.kick != self.seen.kick_row;
        self.seen.kick_row = receiver.kick;
        self.pending = receiver.pending_batches > 0;
        if asked {
            self.kick();
        }
        Ok(drain || asked)
    }

    /// Tries again at once, unless the receiver itself asked for the wait.
    fn kick(&mut self) {
        self.pace.kick();
        let condition = self.pace.condition();
        self.progress(|worker, _| {
            worker.status.condition = condition;
            if condition != Condition::Held {
                worker.status.next_attempt = None;
            }
        });
    }

    /// Closes open records that are old enough, or all.
    fn close_due(&mut self, all: bool) -> Result<(), StoreError> {
        let Some(since) = self.open_since else {
            return Ok(());
        };
        let (now, age) = (wall_clock(), self.sink.limits().age);
        let due = now < since || nanos(now.since(since)) >= age;
        if !all && !due {
            return Ok(());
        }
        let close = if all { Close::All } else { Close::Due };
        self.store.close(self.sink.as_ref(), close, now)?;
        let receiver = self.store.receiver(self.sink.name())?;
        self.open_since = receiver.open_since;
        self.pending = receiver.pending_batches > 0;
        Ok(())
    }

    /// Offers a batch once and writes down what came of it.
    fn offer(&mut self, claimed: &Claimed) -> Result<(), StoreError> {
        self.progress(|worker, _| worker.sending = true);
        let answer = self.sink.deliver(&claimed.batch);
        self.pace.ended(outcome(&answer), self.origin.elapsed(), random());
        let outlook = self.outlook();
        let now = wall_clock();
        let written = match &answer {
            Answer::Accepted => self.store.acknowledge(claimed, now),
            Answer::Partly { refused, again } => {
                let parts = (refused.as_slice(), again.as_slice());
                self.store
                    .take_partly(claimed, self.sink.as_ref(), parts, now)
                    .and_then(|()| self.store.note_outlook(self.row, &outlook))
            }
            Answer::Refused { status, body } => {
                self.store
                    .refuse(claimed, self.sink.as_ref(), (*status, body), now)
            }
            Answer::Misconfigured { status, body } => {
                self.store.put_back(claimed, &outlook, (Some(*status), body), now)
            }
            Answer::Unavailable { status, error, .. } => {
                self.store.put_back(claimed, &outlook, (*status, error), now)
            }
        };
        self.report(claimed, &answer);
        written
    }

    /// How delivery goes, for the store: with the wall clock.
    fn outlook(&self) -> Outlook {
        let wait = self.pace.ready().saturating_sub(self.origin.elapsed());
        let wait_nanos = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
        Outlook {
            condition: self.pace.condition(),
            failures: self.pace.failures(),
            next_attempt: (!wait.is_zero()).then(|| wall_clock().saturating_add(wait_nanos)),
        }
    }

    /// Says what changed, to those who read messages and those who wait.
    fn report(&self, claimed: &Claimed, answer: &Answer) {
        let (sink, batch) = (self.sink.name(), claimed.batch.id.as_str());
        let error = complaint(answer);
        match (answer, &error) {
            (Answer::Misconfigured { .. }, Some(error)) => {
                tracing::warn!(
                    sink,
                    "paused: {error}; key, credit or address is wrong, nothing is lost"
                );
            }
            (Answer::Unavailable { .. }, Some(error)) => {
                tracing::warn!(sink, batch, "not delivered yet: {error}")
            }
            (_, Some(error)) => {
                tracing::warn!(sink, batch, events = claimed.batch.events, "refused: {error}")
            }
            (_, None) => tracing::debug!(sink, batch, events = claimed.batch.events, "delivered"),
        }
        let condition = self.pace.condition();
        let ready = self.origin + self.pace.ready();
        self.progress(|worker, _| {
            worker.sending = false;
            worker.moved += u64::from(matches!(condition, Condition::Working));
            worker.status.condition = condition;
            worker.status.next_attempt = (ready > Instant::now()).then_some(ready);
            worker.status.error = error;
        });
    }
}

/// What an answer says about the receiver.
fn outcome(answer: &Answer) -> Outcome {
    match answer {
        Answer::Accepted => Outcome::Taken,
        Answer::Partly { again, .. } if again.is_empty() => Outcome::Taken,
        Answer::Partly { .. } => Outcome::Unavailable { retry_after: None },
        Answer::Refused { .. } => Outcome::Refused,
        Answer::Misconfigured { .. } => Outcome::Misconfigured,
        Answer::Unavailable { retry_after, .. } => Outcome::Unavailable {
            retry_after: *retry_after,
        },
    }
}

/// An answer in words, unless it is good.
fn complaint(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Accepted => None,
        Answer::Partly { refused, again } => (!refused.is_empty() || !again.is_empty()).then(|| {
            format!(
                "{} records refused, {} to be sent again",
                refused.len(),
                again.len()
            )
        }),
        Answer::Refused { status, body } | Answer::Misconfigured { status, body } => {
            Some(format!("status {status}: {}", body.escape_debug()))
        }
        Answer::Unavailable { error, .. } => Some(error.escape_debug().to_string()),
    }
}

/// The wall clock, for what is stored and shown. Waits go by a clock that cannot jump.
pub(super) fn wall_clock() -> Time {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// A number in 0..1 that differs from process to process and call to call.
fn random() -> f64 {
    let bits = std::hash::RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
