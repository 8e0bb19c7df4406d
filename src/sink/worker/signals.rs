//! What workers and their owner tell each other: one lock, one condition variable.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::SinkStatus;

/// What workers and their owner tell each other.
#[derive(Debug)]
pub(super) struct Shared {
    pub state: Mutex<Signals>,
    pub changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Grows when there may be something to do.
    pub wakes: u64,
    /// Grows when everything open is to be closed and sent.
    pub drains: u64,
    /// Grows when waits are to be cut short.
    pub kicks: u64,
    pub stop: bool,
    pub workers: Vec<Progress>,
}

#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub status: SinkStatus,
    /// The last drain after which nothing waited.
    pub drained: u64,
    /// Grows with each batch that left the outbox.
    pub moved: u64,
    /// A batch is on its way.
    pub sending: bool,
    pub ended: bool,
}

impl Shared {
    /// The signals; a worker that panicked leaves them usable.
    pub fn lock(&self) -> MutexGuard<'_, Signals> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn wait<'a>(&self, guard: MutexGuard<'a, Signals>, time: Duration) -> MutexGuard<'a, Signals> {
        self.changed
            .wait_timeout(guard, time)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    pub fn signal(&self, change: impl FnOnce(&mut Signals)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}
