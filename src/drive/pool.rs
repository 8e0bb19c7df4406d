//! [`Pool`]: scanners on as many threads as there are; batches in, scans out, matched by log and number.
//!
//! The caller's own thread is one of them. Alone it scans each batch as it comes: no queue, no copy. With others beside
//! it, it scans what none of them has begun instead of waiting for a scan. The order in which scans come back does not
//! matter: whoever submits numbers the batches and puts the scans in order again.
//!
//! The same threads count windows ([`Pool::count`]), which the caller waits for: so that goes first, and the caller counts
//! what none of them has begun, as all of them may be in the middle of a scan.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use afw_parsers::Layout;

use crate::analysis::{Kit, Scan, Scanner};
use crate::detect::correlate::shards::Share;
use crate::report::Tally;
use crate::source::Batch;

mod queue;

use queue::{Queue, Work};

/// From how many threads on windows are counted on all of them. With two, one scans what the other counts: neither waits,
/// and there is nothing to win.
const COUNTING: usize = 3;
/// Fewer ticks are counted sooner here than on a thread that must be woken.
const FEW_TICKS: usize = 256;

/// A batch to scan.
struct Job {
    log: usize,
    number: u64,
    batch: Batch,
    layout: Layout,
    /// A scan that is used up, whose memory serves again.
    spare: Option<Scan>,
}

/// A scan, with the log and the number of its batch.
pub struct Scanned {
    /// Index of the log.
    pub log: usize,
    /// Number of the batch within the log.
    pub number: u64,
    /// What was found.
    pub scan: Scan,
}

/// Scanners at work.
pub enum Pool {
    /// The caller's thread scans.
    Own {
        /// The scanner.
        scanner: Box<Scanner>,
        /// Scans not yet taken.
        ready: Vec<Scanned>,
    },
    /// Worker threads scan, and the caller's.
    Threads(Box<Threads>),
}

/// Worker threads, the queue to them and the channel from them, beside the caller's own thread.
pub struct Threads {
    own: Scanner,
    queue: Arc<Queue>,
    done: Receiver<Done>,
    /// Scans that came while something else was waited for.
    ready: Vec<Scanned>,
    handles: Vec<JoinHandle<Option<Box<Tally>>>>,
    /// Scans that are used up; never more than were under way at once.
    spares: Vec<Scan>,
}

/// What comes back from a worker.
enum Done {
    Scanned(Box<Scanned>),
    Counted(Box<Share>),
    /// It panicked, and has said so: what it was at is lost.
    Lost,
}

impl Pool {
    /// A pool of so many threads; one means the caller's own. Each counts for a report as `tally` does, if that is wanted.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn new(kit: &Arc<Kit>, threads: usize, tally: Option<&Tally>) -> std::io::Result<Self> {
        if threads <= 1 {
            return Ok(Self::Own {
                scanner: Box::new(Scanner::new(kit).counting(tally.cloned())),
                ready: Vec::new(),
            });
        }
        let threads = Threads::start(kit, threads, tally)?;
        Ok(Self::Threads(Box::new(threads)))
    }

    /// Ends the scanners; what they counted for a report, in no order.
    pub fn finish(&mut self) -> Vec<Tally> {
        match self {
            Self::Own { scanner, .. } => scanner.take_tally().into_iter().map(|tally| *tally).collect(),
            Self::Threads(threads) => threads.finish(),
        }
    }

    /// Counts so many ticks in windows, on all threads if it is worth it, and returns them counted, in no order; `None` when a
    /// worker has died.
    pub fn count(&mut self, mut shares: Vec<Share>, ticks: usize) -> Option<Vec<Share>> {
        match self {
            Self::Threads(threads) if ticks >= FEW_TICKS && threads.are_enough() => threads.count(shares),
            _ => {
                shares.iter_mut().for_each(Share::count);
                Some(shares)
            }
        }
    }

    /// Hands in a batch.
    pub fn submit(&mut self, log: usize, number: u64, batch: Batch, layout: &Layout) {
        match self {
            Self::Own { scanner, ready } => {
                let scan = scanner.scan(batch, layout);
                ready.push(Scanned { log, number, scan });
            }
            Self::Threads(threads) => {
                let layout = layout.clone();
                let job = Job {
                    log,
                    number,
                    batch,
                    layout,
                    spare: threads.spares.pop(),
                };
                threads.queue.scan(job);
            }
        }
    }

    /// Takes back a scan that is used up: its memory serves the next.
    pub fn reuse(&mut self, scan: Scan) {
        match self {
            Self::Own { scanner, .. } => scanner.reuse(scan),
            Self::Threads(threads) => threads.spares.push(scan),
        }
    }

    /// The next scan, of whatever batch; `None` when nothing is under way or a worker has died.
    pub fn take(&mut self) -> Option<Scanned> {
        match self {
            Self::Own { ready, .. } => ready.pop(),
            Self::Threads(threads) => threads.take(),
        }
    }
}

impl Threads {
    /// One thread less than `count`, beside the caller's.
    fn start(kit: &Arc<Kit>, count: usize, tally: Option<&Tally>) -> std::io::Result<Self> {
        // Neither queue nor channel is bounded: who submits keeps so many batches of each log under way at most, and hands in
        // those of the next log before all scans are taken.
        let queue = Arc::new(Queue::default());
        let (sender, done) = channel();
        let scanner = || Scanner::new(kit).counting(tally.cloned());
        let start = |number: usize| {
            let (queue, done) = (Arc::clone(&queue), sender.clone());
            let scanner = scanner();
            std::thread::Builder::new()
                .name(format!("scan-{number}"))
                .spawn(move || work(scanner, &queue, &Voice(done)))
        };
        let handles = (1..count).map(start).collect::<Result<_, _>>()?;
        Ok(Self {
            own: scanner(),
            queue,
            done,
            ready: Vec::new(),
            handles,
            spares: Vec::new(),
        })
    }

    /// A scan that is done, or one made here and now of a batch that nobody has begun, or the next that is done.
    fn take(&mut self) -> Option<Scanned> {
        if let Some(scanned) = self.ready.pop() {
            return Some(scanned);
        }
        let done = match self.done.try_recv() {
            Ok(done) => done,
            Err(_) => match self.queue.next_scan() {
                Some(job) => return Some(job.scan(&mut self.own)),
                None => self.done.recv().ok()?,
            },
        };
        match done {
            Done::Scanned(scanned) => Some(*scanned),
            Done::Counted(_) | Done::Lost => None,
        }
    }

    /// Whether it is worth it to share counting out.
    fn are_enough(&self) -> bool {
        self.handles.len() + 1 >= COUNTING
    }

    fn count(&mut self, shares: Vec<Share>) -> Option<Vec<Share>> {
        let all = shares.len();
        self.queue.count(shares, self.handles.len());
        let mut counted = Vec::with_capacity(all);
        while counted.len() < all {
            if let Some(mut share) = self.queue.next_count() {
                share.count();
                counted.push(share);
                continue;
            }
            match self.done.recv().ok()? {
                Done::Counted(share) => counted.push(*share),
                Done::Scanned(scanned) => self.ready.push(*scanned),
                Done::Lost => return None,
            }
        }
        Some(counted)
    }
}

impl Job {
    fn scan(self, scanner: &mut Scanner) -> Scanned {
        if let Some(spare) = self.spare {
            scanner.reuse(spare);
        }
        Scanned {
            log: self.log,
            number: self.number,
            scan: scanner.scan(self.batch, &self.layout),
        }
    }
}

/// What a worker tells by; its last word, should it panic, is that.
struct Voice(Sender<Done>);

impl Drop for Voice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Nobody listens any more when the pool is gone.
            let _ = self.0.send(Done::Lost);
        }
    }
}

/// A worker's life: until the pool is dropped.
fn work(mut scanner: Scanner, queue: &Queue, voice: &Voice) -> Option<Box<Tally>> {
    while let Some(work) = queue.next() {
        let done = match work {
            Work::Scan(job) => Done::Scanned(Box::new(job.scan(&mut scanner))),
            Work::Count(mut share) => {
                share.count();
                Done::Counted(share)
            }
        };
        if voice.0.send(done).is_err() {
            break;
        }
    }
    scanner.take_tally()
}

impl Threads {
    fn finish(&mut self) -> Vec<Tally> {
        // What is still under way is of no use to anybody.
        self.queue.end();
        let joined = self.handles.drain(..).map(JoinHandle::join);
        // A worker that panicked has already said so.
        let tallies = joined.filter_map(Result::ok).flatten();
        let all = tallies.chain(self.own.take_tally());
        all.map(|tally| *tally).collect()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_panics_says_so() {
        let (sender, done) = channel();
        let voice = Voice(sender);
        let worker = std::thread::spawn(move || {
            let _voice = voice;
            panic!("as it must");
        });
        assert!(worker.join().is_err());
        assert!(matches!(done.recv(), Ok(Done::Lost)));
    }
}
