//! [`Queue`]: what waits for a thread: batches to scan, and windows to count, which go first.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Job;
use crate::detect::correlate::shards::Share;

/// What a worker does next.
pub(super) enum Work {
    /// Scans a batch.
    Scan(Box<Job>),
    /// Counts what falls to one table of windows.
    Count(Box<Share>),
}

/// What waits for a thread.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Something waits, or nothing will any more.
    news: Condvar,
}

#[derive(Default)]
struct Waiting {
    scans: VecDeque<Job>,
    /// The thread that hands them in waits until all are counted.
    counts: Vec<Share>,
    ended: bool,
}

impl Queue {
    /// Hands in a batch.
    pub fn scan(&self, job: Job) {
        self.waiting().scans.push_back(job);
        self.news.notify_one();
    }

    /// Hands in what is to be counted, all but one share of which others than the caller may count.
    pub fn count(&self, shares: Vec<Share>, others: usize) {
        let wanted = others.min(shares.len().saturating_sub(1));
        self.waiting().counts = shares;
        (0..wanted).for_each(|_| self.news.notify_one());
    }

    /// The next batch that nobody has begun.
    pub fn next_scan(&self) -> Option<Job> {
        self.waiting().scans.pop_front()
    }

    /// What nobody has begun to count.
    pub fn next_count(&self) -> Option<Share> {
        self.waiting().counts.pop()
    }

    /// What a worker does next; it waits for it. `None` when nothing is left and nothing will come.
    pub fn next(&self) -> Option<Work> {
        let mut waiting = self.waiting();
        loop {
            let count = waiting.counts.pop().map(|share| Work::Count(Box::new(share)));
            let work = count.or_else(|| waiting.scans.pop_front().map(|job| Work::Scan(Box::new(job))));
            if work.is_some() || waiting.ended {
                return work;
            }
            waiting = self.news.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more will come.
    pub fn end(&self) {
        self.waiting().ended = true;
        self.news.notify_all();
    }

    /// Nobody who holds it does anything that could leave it half changed.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use afw_parsers::Layout;

    use super::*;
    use crate::detect::correlate::{Correlation, Shards};
    use crate::source::Batch;

    #[test]
    fn counting_goes_first_and_what_waits_is_done_before_the_end() {
        let queue = Queue::default();
        let job = Job {
            log: 7,
            number: 0,
            batch: Batch::default(),
            layout: Layout::auto(),
            spare: None,
        };
        queue.scan(job);
        let rules: [Correlation; 0] = [];
        let shares = Shards::new(&rules, Default::default()).share_out();
        let count = shares.len();
        queue.count(shares, 3);
        queue.end();
        assert!(queue.next_count().is_some(), "who waits for it may count too");
        for _ in 1..count {
            assert!(matches!(queue.next(), Some(Work::Count(_))));
        }
        assert!(queue.next_count().is_none());
        assert!(matches!(queue.next(), Some(Work::Scan(job)) if job.log == 7));
        assert!(queue.next().is_none() && queue.next_scan().is_none());
    }
}
