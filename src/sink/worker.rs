//! [`Workers`]: a thread for each sink that takes batches from the store and offers them until they are acknowledged,
//! refused for good, or the program ends.
//!
//! A worker has its own connection to the store and one request on its way at most. It never blocks reading: the main
//! thread only commits and wakes. When to try again is decided by [`super::pace`]; here the workers are started, waited
//! for and stopped. Next: [`thread`].

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use afw_parsers::Time;

use super::{Sink, Tuning};
use crate::store::{Condition, StoreError};

mod answer;
mod seldom;
mod signals;
mod thread;

use signals::{Progress, Shared, Signals};
use thread::Worker;

/// How often a wait looks up whether it was interrupted: signal handlers cannot wake it.
const LOOK_UP: Duration = Duration::from_millis(200);

/// A sink that works and moves nothing for so long is given up however short the drain: longer than a whole request.
const STALL: Duration = Duration::from_secs(12);

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

    /// Closes all open batches and waits until nothing waits any more. A sink that takes batches has all the time it
    /// needs. Gives up on a sink that is paused, at once; on one that fails, after `timeout` or when it is known not to be
    /// tried before; on one that does neither, after `timeout` or a little more than a request may take.
    pub fn drain(&self, timeout: Duration) -> Drained {
        self.wait_until_empty(timeout, None, &|| false)
    }

    /// [`Workers::drain`], given up as soon as `interrupted` says so.
    pub fn drain_unless(&self, timeout: Duration, interrupted: &dyn Fn() -> bool) -> Drained {
        self.wait_until_empty(timeout, None, interrupted)
    }

    /// Sends what can be sent within `grace`, ends the workers, and says for which sinks something still waits. A
    /// request that is still on its way then is left to its fate: its batch is offered again under the same id.
    pub fn stop(self, grace: Duration) -> Drained {
        let end = Instant::now() + grace;
        let drained = self.wait_until_empty(grace, Some(end), &|| false);
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

    fn wait_until_empty(
        &self,
        timeout: Duration,
        end: Option<Instant>,
        interrupted: &dyn Fn() -> bool,
    ) -> Drained {
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
            let over = end.is_some_and(|end| now >= end) || interrupted();
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
            signals = self.shared.wait(signals, (next - now).min(LOOK_UP));
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
            stalled: Instant::now() + timeout.max(STALL),
            moved: worker.moved,
            timeout,
        }
    }

    /// A sink that works may take as long as it needs; one that fails has until the deadline.
    fn hopes(&mut self, worker: &Progress, drain: u64, now: Instant) -> bool {
        if worker.moved != self.moved {
            self.moved = worker.moved;
            self.stalled = now + self.timeout.max(STALL);
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

/// The wall clock, for what is stored and shown. Waits go by a clock that cannot jump.
pub(super) fn wall_clock() -> Time {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
