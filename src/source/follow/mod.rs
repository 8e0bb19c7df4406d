//! Following: logs as they grow, through rotation, truncation, compression and restarts.
//!
//! A [`Follower`] is driven by hand: [`Follower::poll`] looks and reads without blocking, [`Follower::wait`] blocks
//! until something may have changed. Every file that is followed has a cursor from its first sight on, so that a
//! restart knows what was there: batches without lines carry cursors that changed otherwise, and have to be
//! committed like the others. Next: `file`, which reads one file, and `watch`, which wakes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

mod adopt;
mod file;
mod mounts;
mod stream;
#[cfg(test)]
mod tests;
mod watch;

pub use self::watch::Waker;

use self::adopt::Parked;
use self::file::{Age, Followed, Limits, Pass};
use self::mounts::Mounts;
use self::stream::Stream;
use self::watch::Watch;
use super::discover::{Family, Found, Origin, Scan};
use super::identity::Key;
use super::ledger::Ledger;
use super::names::Generation;
use super::settle::{Listing, is_restless, settled_scan};
use super::spec::{Notice, SourceError, SourceSpec, Trouble};
use super::{Batch, Cursor};

/// Batches of this many times the size asked for are read in one poll.
const BATCHES_A_POLL: usize = 8;
/// What a line is taken to cost in memory beside its bytes, at least.
const LINE_BYTES: usize = 64;
/// Files of one log that are gone and still remembered, for an archive of them to be known.
const REMEMBERED: usize = 100;
/// Every so many polls, files are looked at too of whose changes events tell.
const POLLS_OF_TOLD: u32 = 6;
/// So long out of sight and a file is gone: while a long chain is renamed, a listing may miss much of it.
const GONE: Duration = Duration::from_secs(10);
/// So long one poll looks for a listing that misses nothing.
const LISTING: Duration = Duration::from_millis(50);
/// So long new names wait for such a listing, less than [`GONE`]; then they are taken as they show.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before names are looked at again that changed meanwhile.
const AGAIN: Duration = Duration::from_millis(10);
/// So long at most nothing is taken of streams while their writer may wait for it: four chunks of 64 KiB are held of each.
const STREAM_REST: Duration = Duration::from_millis(25);
/// So many things told are remembered, for each to be told once; beyond that they may be told again.
const TOLD: usize = 10_000;

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

    /// Takes in what the watches say, and looks at everything when it is time to.
    fn note_changes(&mut self) {
        let changes = self.watch.changes();
        self.names_changed |= changes.names;
        let due = self.looked.is_none_or(|at| at.elapsed() >= self.spec.poll) || changes.lost;
        if due {
            self.looked = Some(Instant::now());
            self.look(changes.lost);
        }
        for path in changes.files {
            if let Some(file) = self.by_path.get(&path).and_then(|id| self.files.get_mut(id)) {
                file.look();
                // An archive that was read tells of a change by its size or time; renaming it is none.
                file.dirty |= !file.cursor.finished;
                self.pending.insert(file.id);
            } else {
                // An archive in the making was written to, or an unreadable file became readable.
                self.names_changed |= self.parked_paths.contains(&path);
            }
        }
        if let Some(what) = self.watch.complaint() {
            self.notice(Path::new("notify"), &what);
        }
    }

    /// The slow poll: every file of whose changes no event may tell, now and then the others too, and every directory
    /// that changed since it was listed.
    fn look(&mut self, at_all: bool) {
        let mut lost = false;
        let pause = self.spec.poll * POLLS_OF_TOLD;
        let at_all = at_all || self.looked_at_all.is_none_or(|at| at.elapsed() >= pause);
        if at_all {
            self.looked_at_all = Some(Instant::now());
        }
        let files = self.files.values_mut().filter(|file| at_all || !file.announced);
        for file in files {
            lost |= !file.look();
        }
        let settled = |time: SystemTime, listed: SystemTime| {
            listed
                .duration_since(time)
                .is_ok_and(|age| age > Duration::from_secs(2))
        };
        let listed = self.listed;
        let unchanged = listed.is_some_and(|listed| {
            self.directories.iter().all(|(directory, modified)| {
                let now = modified_at(directory);
                now == *modified && now.is_none_or(|time| settled(time, listed))
            })
        });
        self.names_changed |= lost || !unchanged || !self.parked_paths.is_empty();
        self.gather_pending();
        self.forget_old();
    }

    /// Lists all origins and takes in what is new, renamed or gone; false when that has to wait.
    fn list(&mut self) -> bool {
        let began = SystemTime::now();
        let Some(scan) = self.settled_scan() else {
            return false;
        };
        self.names_changed = false;
        self.held.clear();
        self.listed = Some(began);
        self.directories = scan
            .directories
            .iter()
            .map(|dir| (dir.clone(), modified_at(dir)))
            .collect();
        self.watch.set(&scan.directories);
        self.tell(&scan);
        self.adopt(scan.files);
        if !self.names_changed {
            self.restless_since = None;
        }
        self.note_announced(&scan.directories);
        self.gather_pending();
        true
    }

    /// A listing that misses nothing; none while names change too quickly for one. Not without end: a directory that
    /// never rests is read too.
    fn settled_scan(&mut self) -> Option<Scan> {
        match settled_scan(&self.origins, true, LISTING) {
            Listing::Whole(scan) => Some(scan),
            Listing::Torn(scan) if self.is_out_of_patience() => Some(scan),
            Listing::Torn(_) => None,
        }
    }

    /// Names have changed too quickly for too long; begins to count when they did not so far.
    fn is_out_of_patience(&mut self) -> bool {
        let since = self.restless_since.get_or_insert_with(Instant::now);
        since.elapsed() >= PATIENCE
    }

    /// A file of a log is not where it was listed: until a listing shows it, nothing of the log is read, because what
    /// came after it would be read before it.
    fn hold(&mut self, log: u32) {
        self.names_changed = true;
        if !self.is_out_of_patience() {
            self.held.insert(log);
        }
    }

    /// Notes of which files' changes events tell.
    fn note_announced(&mut self, directories: &[PathBuf]) {
        let mounts = if self.watch.is_whole() {
            Mounts::read()
        } else {
            Mounts::default()
        };
        let devices: HashMap<&Path, u64> = directories
            .iter()
            .filter_map(|directory| {
                let meta = std::fs::metadata(super::discover::openable(directory)).ok()?;
                Some((directory.as_path(), Key::of(&meta).device))
            })
            .collect();
        for file in self.files.values_mut() {
            let device = devices
                .get(super::discover::directory_of(&file.found.path))
                .copied();
            file.announced = !file.is_link() && mounts.tell_all(&file.found, device);
        }
    }

    /// Notes all files that may have something to read or to finish.
    fn gather_pending(&mut self) {
        self.pending = self
            .files
            .values()
            .filter(|file| file.is_pending())
            .map(|file| file.id)
            .collect();
    }

    /// Says what was skipped and what is missing, once.
    fn tell(&mut self, scan: &Scan) {
        for notice in &scan.notices {
            self.notice(&notice.path, &notice.what);
        }
        for trouble in &scan.troubles {
            if trouble.what.starts_with("no such file") {
                self.notice(&trouble.path, "not there yet, waiting for it");
            } else {
                self.trouble(trouble.clone());
            }
        }
    }

    fn notice(&mut self, path: &Path, what: &str) {
        let notice = Notice {
            path: path.into(),
            what: what.into(),
        };
        if self.is_news(notice.to_string()) {
            self.out.notices.push(notice);
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        if self.is_news(trouble.to_string()) {
            self.out.troubles.push(trouble);
        }
    }

    /// Notes what is told; false when it was told before.
    fn is_news(&mut self, text: String) -> bool {
        if self.told.len() >= TOLD {
            self.told.clear();
        }
        self.told.insert(text)
    }

    /// Reads what there is, log by log and in each the oldest file first; true when nothing is left.
    fn read(&mut self) -> bool {
        let mut left = self.spec.batch_bytes.saturating_mul(BATCHES_A_POLL);
        let mut caught_up = true;
        for stream in &mut self.streams {
            caught_up &= stream.poll(
                self.spec.batch_bytes,
                &mut self.out.batches,
                &mut self.out.troubles,
            );
        }
        let mut order: Vec<Age> = self
            .pending
            .iter()
            .filter_map(|id| self.files.get(id))
            .filter(|file| !self.ignored.contains(&file.log) && !self.held.contains(&file.log))
            .map(Followed::age)
            .collect();
        order.sort_unstable();
        let mut blocked = None;
        for Age { log, id, .. } in order {
            if blocked == Some(log) {
                continue;
            }
            if left == 0 {
                return false;
            }
            if !self.read_file(id, &mut left) {
                blocked = Some(log);
                caught_up = false;
            }
            self.note_state(id);
        }
        caught_up
    }

    /// Opens the oldest files that wait for their turn: a log that is rotated faster than it is read may be removed
    /// first. Half of all descriptors at most.
    fn hold_unread(&mut self) {
        let waits = |id: &i64| self.files.get(id).is_some_and(Followed::is_at_risk);
        let mut waiting: Vec<i64> = self.pending.iter().copied().filter(waits).collect();
        waiting.sort_by_key(|id| self.files.get(id).map(Followed::age));
        let room = (self.spec.max_open / 2).saturating_sub(self.open.len());
        for id in waiting.into_iter().take(room) {
            if let Some(file) = self.files.get_mut(&id) {
                file.hold(self.spec.line_cap);
            }
            self.note_state(id);
        }
    }

    /// Keeps the lists of open and of pending files true for one file.
    fn note_state(&mut self, id: i64) {
        let file = self.files.get(&id);
        if !file.is_some_and(Followed::is_pending) {
            self.pending.remove(&id);
        }
        if file.is_some_and(Followed::is_open) {
            self.open.insert(id);
        } else {
            self.open.remove(&id);
        }
    }

    /// Reads one file to its end, as far as the budget goes; false when newer files of its log have to wait.
    fn read_file(&mut self, id: i64, left: &mut usize) -> bool {
        let limits = Limits {
            line_cap: self.spec.line_cap,
            batch_bytes: self.spec.batch_bytes,
            settle: self.spec.settle,
        };
        let Some(file) = self.files.get_mut(&id) else {
            return true;
        };
        let begun = self.out.batches.len();
        let blank = (file.cursor.head_len == 0).then(|| file.cursor.clone());
        let settled = file.superseded && !file.cursor.finished && file.is_quiet(limits.settle);
        // The end of a settled file may hold a line that waits; that is read again if the file was closed.
        file.dirty |= settled && file.has_unread();
        let mut pass = if file.dirty { Pass::More } else { Pass::End };
        while pass == Pass::More && *left > 0 {
            let first = self.out.batches.len();
            pass = file.read(limits, &mut self.out.batches, &mut self.out.troubles);
            let read: usize = self
                .out
                .batches
                .iter()
                .skip(first)
                .map(|batch| batch.bytes.len() + batch.lines.len() * LINE_BYTES)
                .sum();
            *left = left.saturating_sub(read.max(1));
        }
        let done = file.superseded && pass == Pass::End && !file.dirty && !file.cursor.finished;
        if done && file.is_quiet(limits.settle) {
            file.finish(&mut self.out.batches);
        } else if pass == Pass::End && file.is_idle() {
            file.close();
        }
        let (cursor, log) = (file.cursor.clone(), file.log);
        if let Some(blank) = blank.filter(|_| self.may_follow_a_copy(id)) {
            self.out.batches.truncate(begun);
            self.put_off(id, blank);
            return false;
        }
        self.ledger.update(&cursor);
        match pass {
            Pass::Replaced => {
                self.let_go(id);
                self.hold(log);
                false
            }
            Pass::More => false,
            _ => {
                if self
                    .files
                    .get(&id)
                    .is_some_and(|file| file.orphan && file.cursor.finished)
                {
                    self.let_go(id);
                }
                true
            }
        }
    }

    /// The first that was read of a log that was known to be empty may have come after what a copytruncate saved into
    /// a copy younger than the listing: nothing in the log itself would tell.
    fn may_follow_a_copy(&self, id: i64) -> bool {
        let live = self.files.get(&id).filter(|file| !file.superseded);
        live.filter(|file| file.cursor.head_len > 0).is_some_and(|file| {
            let directory = super::discover::directory_of(&file.found.path);
            self.listed.is_none_or(|listed| is_restless(directory, listed))
        })
    }

    /// Reads a file again from where it stood, known by its beginning now, once a listing was made after that was seen.
    fn put_off(&mut self, id: i64, before: Cursor) {
        let Some(file) = self.files.get_mut(&id) else {
            return;
        };
        file.close();
        let (log, known) = (file.log, &file.cursor);
        let (head_len, head_hash) = (known.head_len, known.head_hash);
        self.ledger.update(&Cursor {
            head_len,
            head_hash,
            ..before
        });
        self.let_go(id);
        self.hold(log);
    }

    /// The file under a followed path is another one now, or it has no name and is read to its end.
    fn let_go(&mut self, id: i64) {
        let Some(file) = self.files.remove(&id) else {
            return;
        };
        let waiting = file.waiting();
        if waiting > 0 && !file.cursor.finished {
            let what = format!("was cut with {waiting} bytes of an unterminated line in it");
            self.notice(&file.found.path, &what);
        }
        if self.by_key.get(&file.found.key) == Some(&id) {
            self.by_key.remove(&file.found.key);
        }
        for path in absolute(&file.found).into_iter().chain(file.target.clone()) {
            if self.by_path.get(&path) == Some(&id) {
                self.by_path.remove(&path);
            }
        }
        self.ledger.unbind(id);
        self.names_changed = true;
    }

    /// Closes files that were idle for long, and the longest idle ones when too many are open.
    fn close_idle(&mut self) {
        let mut open: Vec<(Instant, i64)> = Vec::new();
        for id in &self.open {
            match self.files.get_mut(id) {
                Some(file) if file.dirty || file.orphan => {}
                Some(file) if file.last_read().elapsed() >= self.spec.idle_close => file.close(),
                Some(file) => open.push((file.last_read(), file.id)),
                None => {}
            }
        }
        let excess = open.len().saturating_sub(self.spec.max_open);
        open.sort_unstable();
        for (_, id) in open.into_iter().take(excess) {
            if let Some(file) = self.files.get_mut(&id) {
                file.close();
            }
        }
        self.open
            .retain(|id| self.files.get(id).is_some_and(Followed::is_open));
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

fn modified_at(directory: &Path) -> Option<SystemTime> {
    std::fs::metadata(super::discover::openable(directory))
        .and_then(|meta| meta.modified())
        .ok()
}

/// The number of a file in the listing, the key and the path it has.
fn absolute(found: &Found) -> Option<PathBuf> {
    std::path::absolute(&found.path).ok()
}
