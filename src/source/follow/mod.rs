//! Following: logs as they grow, through rotation, truncation, compression and restarts.
//!
//! A [`Follower`] is driven by hand: [`Follower::poll`] looks and reads without blocking, [`Follower::wait`] blocks
//! until something may have changed. Every file that is followed has a cursor from its first sight on, so that a
//! restart knows what was there: batches without lines carry cursors that changed otherwise, and have to be
//! committed like the others. Next: `look`, which finds out what changed, `read`, `file`, which reads one file, and `watch`, which
//! wakes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

mod adopt;
mod file;
mod look;
mod mounts;
mod parked;
mod read;
mod stream;
mod tell;
#[cfg(test)]
mod tests;
mod watch;

pub use self::watch::Waker;

use self::file::Followed;
use self::parked::Parked;
use self::stream::Stream;
use self::watch::Watch;
use super::discover::{Family, Found, Origin};
use super::identity::Key;
use super::ledger::Ledger;
use super::names::Generation;
use super::spec::{Notice, SourceError, SourceSpec, Trouble};
use super::{Batch, Cursor};

/// Files of one log that are gone and still remembered, for an archive of them to be known.
const REMEMBERED: usize = 100;
/// So long out of sight and a file is gone: while a long chain is renamed, a listing may miss much of it.
const GONE: Duration = Duration::from_secs(10);
/// So long new names wait for such a listing, less than [`GONE`]; then they are taken as they show.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before names are looked at again that changed meanwhile.
const AGAIN: Duration = Duration::from_millis(10);
/// So long at most nothing is taken of streams while their writer may wait for it: four chunks of 64 KiB are held of each.
const STREAM_REST: Duration = Duration::from_millis(25);

/// Follows logs.
pub struct Follower {
    spec: SourceSpec,
    origins: Vec<Origin>,
    ledger: Ledger,
    /// Logs that had cursors when following began.
    known: HashSet<Family>,
    files: BTreeMap<i64, Followed>,
    by_key: HashMap<Key, i64>,
    by_path: HashMap<PathBuf, i64>,
    parked: HashMap<Key, Parked>,
    /// Parked files whose next change matters.
    parked_paths: HashSet<PathBuf>,
    /// Files that may have something to read or to finish.
    pending: BTreeSet<i64>,
    /// Files that are open.
    open: BTreeSet<i64>,
    logs: HashMap<Family, u32>,
    ignored: HashSet<u32>,
    streams: Vec<Stream>,
    watch: Watch,
    directories: Vec<(PathBuf, Option<SystemTime>)>,
    listed: Option<SystemTime>,
    looked: Option<Instant>,
    /// The last look at those files, too, of whose changes events tell.
    looked_at_all: Option<Instant>,
    names_changed: bool,
    /// Since when no listing missed nothing.
    restless_since: Option<Instant>,
    /// Logs of which a file is not where it was listed.
    held: HashSet<u32>,
    /// Logs that were cut: the head of what was seen in their place when a listing was asked for that shows the copy, and how
    /// many were asked for.
    cut: HashMap<PathBuf, ((u32, u64), u8)>,
    /// A listing was taken in: files that appear now were not there at start.
    adopted: bool,
    /// Files of the first listing that it was too late to take in.
    there_at_start: HashSet<Key>,
    told: HashSet<String>,
    out: Polled,
}

/// What a poll gives.
#[derive(Debug, Default)]
pub struct Polled {
    /// Lines, and cursors that changed. In order within a log.
    pub batches: Vec<Batch>,
    /// What a user should know, each once.
    pub notices: Vec<Notice>,
    /// What could not be read, each once until it changes.
    pub troubles: Vec<Trouble>,
    /// Cursors of files long gone, by number: the store may drop them.
    pub forgotten: Vec<i64>,
    /// Nothing more to read as of now.
    pub caught_up: bool,
    /// Only streams were asked for and all of them have ended.
    pub ended: bool,
}

/// One followed file, as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct FileStatus {
    /// Its path.
    pub path: PathBuf,
    /// Its log.
    pub log: u32,
    /// How far it is read.
    pub cursor: Cursor,
    /// Its size on disk in bytes.
    pub size: u64,
    /// Bytes not yet read; 0 for compressed files that are done.
    pub lag_bytes: u64,
    /// Whether it is open.
    pub open: bool,
}

impl Follower {
    /// A follower of what `spec` names, going on where `cursors` stand.
    ///
    /// # Errors
    /// When a PATH has wildcards that make no pattern.
    pub fn new(spec: &SourceSpec, cursors: &[Cursor]) -> Result<Self, SourceError> {
        let origins: Vec<Origin> = spec
            .paths
            .iter()
            .map(|path| Origin::parse(path))
            .collect::<Result<_, _>>()?;
        let ledger = Ledger::new(cursors);
        Ok(Self {
            spec: spec.clone(),
            origins,
            known: ledger.entries().map(|entry| entry.family.clone()).collect(),
            ledger,
            files: BTreeMap::new(),
            by_key: HashMap::new(),
            by_path: HashMap::new(),
            parked: HashMap::new(),
            parked_paths: HashSet::new(),
            pending: BTreeSet::new(),
            open: BTreeSet::new(),
            logs: HashMap::new(),
            ignored: HashSet::new(),
            streams: Vec::new(),
            watch: Watch::new(),
            directories: Vec::new(),
            listed: None,
            looked: None,
            looked_at_all: None,
            names_changed: true,
            restless_since: None,
            held: HashSet::new(),
            cut: HashMap::new(),
            adopted: false,
            there_at_start: HashSet::new(),
            told: HashSet::new(),
            out: Polled::default(),
        })
    }

    /// Takes in the logs that there are, without reading them: from here on it is settled where each of them begins, whatever
    /// is written before the first poll. While names change too quickly for a listing that is left to the poll.
    pub fn take_in(&mut self) {
        self.note_changes();
        if self.names_changed {
            self.list();
        }
    }

    /// Looks for changes and reads what there is, without blocking.
    pub fn poll(&mut self) -> Polled {
        self.note_changes();
        // Reading may show that a file was replaced, which asks for another look; not without end.
        for _ in 0..4 {
            let listed = !self.names_changed || self.list();
            self.out.caught_up = self.read();
            if !self.out.caught_up {
                self.hold_unread();
            }
            if !listed || !self.names_changed {
                break;
            }
        }
        self.close_idle();
        self.out.caught_up &= !self.names_changed;
        self.out.ended = self.origins.iter().all(|origin| matches!(origin, Origin::Stdin))
            && self.streams.iter().all(Stream::ended);
        std::mem::take(&mut self.out)
    }

    /// Waits for a change, a [`Waker`], or for `timeout` at most; false when nothing happened.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        let next = self
            .looked
            .map_or(Duration::ZERO, |at| self.spec.poll.saturating_sub(at.elapsed()));
        let pending = self.pending.iter().filter_map(|id| self.files.get(id));
        let retry = pending.filter_map(Followed::retry_at).min();
        let retry = retry.map_or(next, |at| at.saturating_duration_since(Instant::now()));
        let hopeful = self.restless_since.is_none_or(|since| since.elapsed() < PATIENCE);
        let again = if self.names_changed && hopeful {
            AGAIN
        } else {
            timeout
        };
        self.watch.wait(timeout.min(next).min(retry).min(again))
    }

    /// Sleeps for at most so long while a busy log grows: what comes meanwhile waits for the next poll together.
    pub fn gather(&self, pause: Duration) {
        let most = if self.streams.is_empty() {
            pause
        } else {
            STREAM_REST
        };
        self.watch.rest(pause.min(most));
    }

    /// Makes the next poll look at everything, whatever events came.
    pub fn look_again(&mut self) {
        self.looked = None;
        self.looked_at_all = None;
        self.listed = None;
        self.files.values_mut().for_each(Followed::retry_now);
    }

    /// Ends a [`Follower::wait`] from another thread.
    pub fn waker(&self) -> Waker {
        self.watch.waker()
    }

    /// Sets what the parser must know to go on in a file: carried in its cursors from now on.
    pub fn set_layout(&mut self, id: i64, layout: Option<String>) {
        if let Some(file) = self.files.get_mut(&id) {
            file.cursor.layout = layout;
            self.ledger.update(&file.cursor);
        }
    }

    /// Follows a log no longer: it is none that can be read.
    pub fn ignore(&mut self, log: u32) {
        self.ignored.insert(log);
        self.files
            .values_mut()
            .filter(|file| file.log == log)
            .for_each(Followed::close);
    }

    /// All files that are followed, by log and age.
    pub fn status(&self) -> Vec<FileStatus> {
        let mut files: Vec<&Followed> = self.files.values().collect();
        files.sort_by_key(|file| file.age());
        files
            .into_iter()
            .map(|file| FileStatus {
                path: file.found.path.clone(),
                log: file.log,
                cursor: file.cursor.clone(),
                size: file.found.size,
                lag_bytes: if file.cursor.finished {
                    0
                } else {
                    file.found.size.saturating_sub(file.cursor.offset)
                },
                open: file.is_open(),
            })
            .collect()
    }

    /// Bytes on disk that were not read yet, by what was last seen of the files.
    pub fn lag_bytes(&self) -> u64 {
        let plain = self.files.values().filter(|file| !file.cursor.finished);
        plain
            .map(|file| file.found.size.saturating_sub(file.cursor.offset))
            .sum()
    }

    /// Whether a stream is read that cannot be read again by another follower.
    pub fn reads_streams(&self) -> bool {
        self.streams.iter().any(|stream| !stream.ended())
    }

    /// Bytes given of each stream: its path and how many.
    pub fn streams(&self) -> Vec<(&Path, u64)> {
        self.streams
            .iter()
            .map(|stream| (stream.path.as_path(), stream.offset()))
            .collect()
    }

    /// Forgets files that are long gone, where others of their log are there: when all are out of sight, it is their
    /// disk that is gone, and may come back.
    fn forget_old(&mut self) {
        let mut gone: HashMap<&Family, Vec<i64>> = HashMap::new();
        for entry in self.ledger.entries() {
            if entry.present.is_none() && entry.gone_since.elapsed() >= GONE {
                gone.entry(&entry.family).or_default().push(entry.cursor.id);
            }
        }
        gone.retain(|family, ids| ids.len() > REMEMBERED && self.is_there(family));
        let old: Vec<i64> = gone
            .into_values()
            .flat_map(|ids| {
                let excess = ids.len().saturating_sub(REMEMBERED);
                ids.into_iter().take(excess)
            })
            .collect();
        for id in old {
            self.ledger.remove(id);
            self.out.forgotten.push(id);
        }
    }

    /// A file of this log is followed.
    fn is_there(&self, family: &Family) -> bool {
        let log = self.logs.get(family);
        log.is_some_and(|log| self.files.values().any(|file| file.log == *log && !file.orphan))
    }

    /// The number of a log.
    fn log_number(&mut self, family: &Family) -> u32 {
        let next = self.logs.len() as u32;
        *self.logs.entry(family.clone()).or_insert(next)
    }

    /// Marks which files have a newer generation beside them.
    fn mark_superseded(&mut self) {
        let mut newest: HashMap<u32, usize> = HashMap::new();
        for file in self.files.values().filter(|file| !file.orphan) {
            let order = newest.entry(file.log).or_default();
            *order = (*order).max(file.order);
        }
        for file in self.files.values_mut() {
            let live = file.found.generation == Generation::Live
                || !matches!(file.found.generation, Generation::Numbered(_))
                    && newest.get(&file.log) == Some(&file.order);
            file.superseded = file.orphan || !live;
        }
    }
}

/// The number of a file in the listing, the key and the path it has.
fn absolute(found: &Found) -> Option<PathBuf> {
    std::path::absolute(&found.path).ok()
}
