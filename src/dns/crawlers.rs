//! [`Crawlers`]: claims in, verdicts out, with the name server asked in between on threads of their own.
//!
//! Everything is bounded: the queue, the memory, the questions a second. What does not fit is counted and stays
//! unknown until the address claims again.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use crate::enrich::crawler::{Published, Verdict, crawler, prove};

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
            threads: 2,
            per_second: 20,
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

type Claim = (IpAddr, &'static str);

/// Checks crawlers' claims.
#[derive(Debug)]
pub struct Crawlers {
    published: RwLock<Arc<Published>>,
    asking: Option<Arc<Asking>>,
}

#[derive(Debug)]
struct Asking {
    limits: Limits,
    state: Mutex<State>,
    /// Told when there is work or none is wanted any more.
    work: Condvar,
    /// Told when a claim is decided.
    decided: Condvar,
}

#[derive(Debug)]
struct State {
    known: HashMap<Claim, Known>,
    queue: VecDeque<Claim>,
    /// Claims that threads are at.
    busy: usize,
    news: Vec<(IpAddr, &'static str, Verdict)>,
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
    /// Decides by published addresses alone.
    pub fn offline(published: Published) -> Self {
        Self {
            published: RwLock::new(Arc::new(published)),
            asking: None,
        }
    }

    /// Decides by published addresses, else by asking this name server.
    pub fn asking(published: Published, client: &Client, limits: Limits) -> Self {
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
        });
        for number in 0..limits.threads.max(1) {
            let (asking, client) = (asking.clone(), client.clone());
            let thread = thread::Builder::new().name(format!("dns-{number}"));
            // A thread that cannot be started leaves claims unknown, which is what they are.
            drop(thread.spawn(move || asking.run(&client)));
        }
        Self {
            published: RwLock::new(Arc::new(published)),
            asking: Some(asking),
        }
    }

    /// Whether a name server is asked.
    pub const fn asks(&self) -> bool {
        self.asking.is_some()
    }

    /// Takes fresh published addresses.
    pub fn replace(&self, published: Published) {
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(published);
    }

    /// What is known of a claim now; what can be asked is asked in the background ([`Crawlers::verdicts`] tells).
    pub fn claim(&self, address: IpAddr, asn: Option<u32>, claim: &str) -> Verdict {
        let address = address.to_canonical();
        let published = self
            .published
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(verdict) = published.verdict(address, asn, claim) {
            return verdict;
        }
        match (&self.asking, crawler(claim)) {
            (Some(asking), Some(crawler)) if !crawler.domains.is_empty() => {
                asking.claim((address, crawler.key), Instant::now())
            }
            _ => Verdict::Unknown,
        }
    }

    /// What the name server decided since this was last called.
    pub fn verdicts(&self) -> Vec<(IpAddr, &'static str, Verdict)> {
        self.asking
            .as_ref()
            .map_or_else(Vec::new, |asking| std::mem::take(&mut asking.state().news))
    }

    /// Waits until every claim is decided; false when that took longer.
    pub fn settle(&self, timeout: Duration) -> bool {
        let Some(asking) = &self.asking else { return true };
        let open = |state: &mut State| state.busy > 0 || !state.queue.is_empty();
        let waited = asking.decided.wait_timeout_while(asking.state(), timeout, open);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// What became of the claims.
    pub fn counts(&self) -> Counts {
        self.asking
            .as_ref()
            .map_or_else(Counts::default, |asking| asking.state().counts)
    }
}

impl Drop for Crawlers {
    /// Threads end by themselves after the question they are at.
    fn drop(&mut self) {
        if let Some(asking) = &self.asking {
            asking.state().stop = true;
            asking.work.notify_all();
        }
    }
}

impl Asking {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The verdict on a claim, which is asked for if it is missing or old. An old verdict holds until the new one.
    fn claim(&self, claim: Claim, now: Instant) -> Verdict {
        let mut state = self.state();
        let known = state.known.get(&claim).copied();
        let verdict = known.map_or(Verdict::Unknown, |known| known.verdict);
        if known.is_some_and(|known| known.waiting || now < known.until) {
            return verdict;
        }
        if state.queue.len() >= self.limits.queue {
            state.counts.dropped += 1;
            return verdict;
        }
        state.make_room(self.limits.remembered, now);
        let waiting = Known {
            verdict,
            until: now,
            waiting: true,
        };
        state.known.insert(claim, waiting);
        state.queue.push_back(claim);
        drop(state);
        self.work.notify_one();
        verdict
    }

    fn run(&self, client: &Client) {
        while let Some((address, key)) = self.next() {
            let verdict = crawler(key).map_or(Verdict::Unknown, |crawler| {
                prove(address, crawler, &mut |question| client.ask(question))
            });
            self.decide((address, key), verdict, Instant::now());
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
            state.news.push((claim.0, claim.1, verdict));
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
