//! [`Pool`]: scanners on as many threads as there are; batches in, scans out, matched by log and number.
//!
//! The caller's own thread is one of them. Alone it scans each batch as it comes: no channel, no copy. With others beside
//! it, it scans what none of them has begun instead of waiting for a scan: what comes after scanning cannot be shared
//! out, so that thread is often the busiest. The order in which scans come back does not matter: whoever submits numbers
//! the batches and puts the scans in order again.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use afw_parsers::Layout;

use crate::analysis::{Kit, Scan, Scanner};
use crate::report::Tally;
use crate::source::Batch;

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

/// Worker threads and the channels to and from them, beside the caller's own thread.
pub struct Threads {
    own: Scanner,
    jobs: Option<SyncSender<Job>>,
    queue: Arc<Mutex<Receiver<Job>>>,
    scans: Receiver<Scanned>,
    handles: Vec<JoinHandle<Option<Box<Tally>>>>,
    /// Scans that are used up; never more than were under way at once.
    spares: Vec<Scan>,
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

    /// Hands in a batch. Blocks while all threads are busy and enough batches wait.
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
                if let Some(jobs) = &threads.jobs {
                    // A send fails only when every worker has died, and then `take` says so.
                    let _ = jobs.send(job);
                }
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

    /// The next scan, of whatever batch; `None` when nothing is under way or the workers have died.
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
        let (jobs, queue) = sync_channel::<Job>(count * 2);
        // Without a bound of its own: who submits keeps so many batches of each log under way at most, and hands in those of
        // the next log before all scans are taken. Workers that waited to get rid of theirs would wait for ever.
        let (done, scans) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let scanner = || Scanner::new(kit).counting(tally.cloned());
        let start = |number: usize| {
            let (queue, done) = (Arc::clone(&queue), done.clone());
            let scanner = scanner();
            std::thread::Builder::new()
                .name(format!("scan-{number}"))
                .spawn(move || work(scanner, &queue, &done))
        };
        let handles = (1..count).map(start).collect::<Result<_, _>>()?;
        Ok(Self {
            own: scanner(),
            jobs: Some(jobs),
            queue,
            scans,
            handles,
            spares: Vec::new(),
        })
    }

    /// A scan that is done, or one made here and now of a batch that nobody has begun, or the next that is done.
    fn take(&mut self) -> Option<Scanned> {
        if let Ok(scanned) = self.scans.try_recv() {
            return Some(scanned);
        }
        // A worker that waits for a job holds the lock: then there is none.
        let job = self.queue.try_lock().ok().and_then(|queue| queue.try_recv().ok());
        match job {
            Some(job) => Some(job.scan(&mut self.own)),
            None => self.scans.recv().ok(),
        }
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

/// A worker's life: until the pool is dropped.
fn work(mut scanner: Scanner, queue: &Mutex<Receiver<Job>>, done: &Sender<Scanned>) -> Option<Box<Tally>> {
    loop {
        let job = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return scanner.take_tally(),
        };
        let Ok(job) = job else {
            return scanner.take_tally();
        };
        if done.send(job.scan(&mut scanner)).is_err() {
            return scanner.take_tally();
        }
    }
}

impl Threads {
    fn finish(&mut self) -> Vec<Tally> {
        self.jobs = None;
        // Workers may be blocked on a full channel; what is still under way is of no use to anybody.
        while self.scans.recv().is_ok() {}
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
