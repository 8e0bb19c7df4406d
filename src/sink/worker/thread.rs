//! [`Worker`]: one sink's thread. Looks what changed, closes what is due, offers one batch, waits.
//!
//! Next: [`crate::sink::pace`], [`crate::store::queue`].

use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use afw_parsers::Time;

use super::answer::{complaint, outcome};
use super::seldom::Seldom;
use super::signals::{Progress, Shared};
use super::wall_clock;
use crate::sink::pace::Pace;
use crate::sink::{Answer, Sink, Tuning};
use crate::store::queue::{Claimed, Next};
use crate::store::receivers::Outlook;
use crate::store::{Close, Condition, Owner, Store, StoreError};

/// Wait after the store itself failed (a full disk).
const STORE_WAIT: Duration = Duration::from_secs(1);

/// One sink's thread.
pub(super) struct Worker {
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
    graves: Seldom,
    /// What the store said last when it failed, and how often that was kept quiet.
    trouble: String,
    troubles: Seldom,
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
    pub fn new(
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
            graves: Seldom::default(),
            trouble: String::new(),
            troubles: Seldom::default(),
        })
    }

    pub fn run(mut self) {
        while !self.shared.lock().stop {
            let until = match self.turn() {
                Ok(Turn::Again) => continue,
                Ok(Turn::Idle(until)) => {
                    self.progress(|worker, drains| worker.drained = drains);
                    until
                }
                Ok(Turn::Blocked(until)) => until,
                Err(error) => {
                    self.lament(&error);
                    Instant::now() + STORE_WAIT
                }
            };
            self.sleep(until);
        }
        self.progress(|worker, _| worker.ended = true);
    }

    /// Says that the store failed: a disk that stays full is no news every second.
    fn lament(&mut self, error: &StoreError) {
        let text = error.to_string();
        if text != self.trouble {
            (self.trouble, self.troubles) = (text, Seldom::default());
        }
        if self.troubles.tell(1, Instant::now()).is_some() {
            tracing::error!(
                sink = self.sink.name(),
                "{error}; nothing is lost, it is tried again every second"
            );
        }
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
        let buried = match &answer {
            Answer::Accepted => self.store.acknowledge(claimed, now).map(|()| 0),
            Answer::Partly { refused, again } => {
                let parts = (refused.as_slice(), again.as_slice());
                self.store
                    .take_partly(claimed, self.sink.as_ref(), parts, now)
                    .and_then(|()| self.store.note_outlook(self.row, &outlook))
                    .map(|()| refused.len())
            }
            Answer::Refused { status, body } => self
                .store
                .refuse(claimed, self.sink.as_ref(), (*status, body), now)
                .map(usize::from),
            Answer::Misconfigured { status, body } => self
                .store
                .put_back(claimed, &outlook, (Some(*status), body), now)
                .map(|()| 0),
            Answer::Unavailable { status, error, .. } => self
                .store
                .put_back(claimed, &outlook, (*status, error), now)
                .map(|()| 0),
        };
        self.report(claimed, &answer, *buried.as_ref().unwrap_or(&0));
        buried.map(drop)
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

    /// Says what changed, to those who read messages and those who wait. `buried` records became dead letters.
    fn report(&mut self, claimed: &Claimed, answer: &Answer, buried: usize) {
        let error = complaint(answer);
        if let Some(error) = &error {
            self.complain(claimed, answer, error, buried);
        } else {
            let (sink, batch) = (self.sink.name(), claimed.batch.id.as_str());
            tracing::debug!(sink, batch, events = claimed.batch.events, "delivered");
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

    /// Says what went wrong. The steps by which a bad record is found are no news, and a thousand bad records no thousand.
    fn complain(&mut self, claimed: &Claimed, answer: &Answer, error: &str, buried: usize) {
        let told = if buried > 0 {
            self.graves.tell(buried, Instant::now())
        } else {
            None
        };
        let (sink, batch) = (self.sink.name(), claimed.batch.id.as_str());
        match answer {
            Answer::Misconfigured { .. } => {
                tracing::warn!(
                    sink,
                    "paused: {error}; key, credit or address is wrong, nothing is lost"
                );
            }
            Answer::Unavailable { .. } => tracing::warn!(sink, batch, "not delivered yet: {error}"),
            _ => match told {
                Some(events) => tracing::warn!(sink, batch, events, "refused, now a dead letter: {error}"),
                None => tracing::debug!(sink, batch, events = claimed.batch.events, "refused: {error}"),
            },
        }
    }
}

fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// A number in 0..1 that differs from process to process and call to call.
fn random() -> f64 {
    let bits = std::hash::RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
