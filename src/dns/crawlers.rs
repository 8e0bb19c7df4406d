//! [`Crawlers`]: claims in, verdicts out, with the name server asked in between on threads of their own.
//!
//! Everything is bounded: the queue, the memory, the questions a second. What does not fit is counted and stays
//! unknown until the address claims again.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use crate::enrich::crawler::{Claim, Failure, Verdict, crawler, prove};

/// Stack of a thread that asks: it holds one message.
const STACK_BYTES: usize = 256 << 10;

/// How much is remembered, and how fast is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Threads that ask.
    pub threads: usize,
    /// Claims checked a second, all threads together.
    pub per_second: u32,
    /// Claims that wait.
    pub queue: usize,
    /// Verdicts remembered.
    pub remembered: usize,
    /// How long a proven claim holds.
    pub verified: Duration,
    /// How long a disproven or undecided claim holds.
    pub negative: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            threads: 8,
            per_second: 50,
            queue: 4_096,
            remembered: 1 << 16,
            verified: Duration::from_secs(24 * 3600),
            negative: Duration::from_secs(3600),
        }
    }
}

/// What became of claims since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Proven by DNS.
    pub verified: u64,
    /// Disproven by DNS.
    pub fake: u64,
    /// Asked, and not decided.
    pub unknown: u64,
    /// Not asked because too many waited.
    pub dropped: u64,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It was decided before, and that still holds.
    Known(Verdict),
    /// The verdict will come with [`Crawlers::verdicts`].
    Waiting,
    /// Too many claims wait; nothing will come.
    Dropped,
}

/// Checks crawlers' claims with one name server.
#[derive(Debug)]
pub struct Crawlers {
    asking: Arc<Asking>,
}

#[derive(Debug)]
struct Asking {
    limits: Limits,
    state: Mutex<State>,
    /// Told when there is work or none is wanted any more.
    work: Condvar,
    /// Told when a claim is decided.
    decided: Condvar,
    /// Replies of the name server, whatever they say.
    answered: AtomicU64,
}

#[derive(Debug)]
struct State {
    known: HashMap<Claim, Known>,
    queue: VecDeque<Claim>,
    /// Claims that threads are at.
    busy: usize,
    news: Vec<(Claim, Verdict)>,
    counts: Counts,
    next_start: Instant,
    stop: bool,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    verdict: Verdict,
    until: Instant,
    /// In the queue or being asked.
    waiting: bool,
}

impl Crawlers {
    /// Threads that ask this name server.
    pub fn new(client: &Client, limits: Limits) -> Self {
        let asking = Arc::new(Asking {
            limits,
            state: Mutex::new(State {
                known: HashMap::new(),
                queue: VecDeque::new(),
                busy: 0,
                news: Vec::new(),
                counts: Counts::default(),
                next_start: Instant::now(),
                stop: false,
            }),
            work: Condvar::new(),
            decided: Condvar::new(),
            answered: AtomicU64::new(0),
        });
        for number in 0..limits.threads.max(1) {
            let (asking, client) = (asking.clone(), client.clone());
            let thread = thread::Builder::new()
                .name(format!("dns-{number}"))
                .stack_size(STACK_BYTES);
            // A thread that cannot be started leaves claims unknown, which is what they are.
            drop(thread.spawn(move || asking.run(&client)));
        }
        Self { asking }
    }

    /// Asks in the background whether a claim is true.
    pub fn ask(&self, claim: Claim) -> Asked {
        if !claim.is_askable() {
            return Asked::Known(Verdict::Unknown);
        }
        self.asking.ask(claim, Instant::now())
    }

    /// What the name server decided since this was last called.
    pub fn verdicts(&self) -> Vec<(Claim, Verdict)> {
        std::mem::take(&mut self.asking.state().news)
    }

    /// Waits until there are verdicts to take, but not longer.
    pub fn wait(&self, timeout: Duration) {
        let asking = &self.asking;
        let none = |state: &mut State| state.news.is_empty();
        drop(asking.decided.wait_timeout_while(asking.state(), timeout, none));
    }

    /// Waits until every claim is decided; false when that took longer.
    pub fn settle(&self, timeout: Duration) -> bool {
        let asking = &self.asking;
        let open = |state: &mut State| state.busy > 0 || !state.queue.is_empty();
        let waited = asking.decided.wait_timeout_while(asking.state(), timeout, open);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// How many replies the name server gave, whatever they say: that it lives.
    pub fn answered(&self) -> u64 {
        self.asking.answered.load(Ordering::Relaxed)
    }

    /// What became of the claims.
    pub fn counts(&self) -> Counts {
        self.asking.state().counts
    }
}

impl Drop for Crawlers {
    /// Threads end by themselves after the question they are at.
    fn drop(&mut self) {
        self.asking.state().stop = true;
        self.asking.work.notify_all();
    }
}

impl Asking {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a claim that is not known or was decided long ago.
    fn ask(&self, claim: Claim, now: Instant) -> Asked {
        let mut state = self.state();
        let known = state.known.get(&claim).copied();
        match known {
            Some(known) if known.waiting => return Asked::Waiting,
            Some(known) if now < known.until => return Asked::Known(known.verdict),
            _ => {}
        }
        if state.queue.len() >= self.limits.queue {
            state.counts.dropped += 1;
            return Asked::Dropped;
        }
        state.make_room(self.limits.remembered, now);
        let waiting = Known {
            verdict: Verdict::Unknown,
            until: now,
            waiting: true,
        };
        state.known.insert(claim, waiting);
        state.queue.push_back(claim);
        drop(state);
        self.work.notify_one();
        Asked::Waiting
    }

    fn run(&self, client: &Client) {
        while let Some(claim) = self.next() {
            let mut ask = |question: &_| {
                let answer = client.ask(question);
                let silent = matches!(answer, Err(Failure::TimedOut | Failure::Network));
                self.answered.fetch_add(u64::from(!silent), Ordering::Relaxed);
                answer
            };
            let verdict = crawler(claim.crawler).map_or(Verdict::Unknown, |crawler| {
                prove(claim.address, crawler, &mut ask)
            });
            self.decide(claim, verdict, Instant::now());
        }
    }

    /// The next claim, when the rate allows it; `None` when no more are wanted.
    fn next(&self) -> Option<Claim> {
        let mut state = self.state();
        loop {
            if state.stop {
                return None;
            }
            let now = Instant::now();
            let pause = state.next_start.saturating_duration_since(now);
            if state.queue.is_empty() {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else if !pause.is_zero() {
                let waited = self.work.wait_timeout(state, pause);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                state.next_start = now + Duration::from_secs(1) / self.limits.per_second.max(1);
                state.busy += 1;
                return state.queue.pop_front();
            }
        }
    }

    fn decide(&self, claim: Claim, verdict: Verdict, now: Instant) {
        let mut state = self.state();
        let (count, lifetime) = match verdict {
            Verdict::Verified => (&mut state.counts.verified, self.limits.verified),
            Verdict::Fake => (&mut state.counts.fake, self.limits.negative),
            Verdict::Unknown => (&mut state.counts.unknown, self.limits.negative),
        };
        *count += 1;
        let known = Known {
            verdict,
            until: now + lifetime,
            waiting: false,
        };
        state.known.insert(claim, known);
        if state.news.len() < self.limits.remembered {
            state.news.push((claim, verdict));
        }
        state.busy = state.busy.saturating_sub(1);
        drop(state);
        self.decided.notify_all();
    }
}

impl State {
    /// Forgets what is old, then what proves nothing, then everything but what is being asked.
    fn make_room(&mut self, most: usize, now: Instant) {
        if self.known.len() < most {
            return;
        }
        self.known.retain(|_, known| known.waiting || now < known.until);
        if self.known.len() >= most {
            self.known
                .retain(|_, known| known.waiting || known.verdict == Verdict::Verified);
        }
        if self.known.len() >= most {
            self.known.retain(|_, known| known.waiting);
        }
    }
}
