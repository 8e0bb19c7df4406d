//! The files that are known, and which of them a file that is seen is: gathers the evidence for
//! [`super::rotation::decide`] from disk.
//!
//! Next: [`super::replay`], which reads what is decided here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::hash::Hash;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Instant;

use super::Cursor;
use super::decode::{Coding, Decoder, Fault};
use super::discover::{Family, Found};
use super::identity::{HASHED_BYTES, Head, Key, Trail, hash, modified_nanos};
use super::names::{Generation, Name};
use super::rotation::{Compared, Known, Seen, Step, decide};

/// So many known files with one head are looked at, the last known ones first. More have one only where each begins
/// with a long header, and then the bytes before the offset tell them apart.
const MOST_ALIKE: usize = 256;

/// All files known, by what they may be recognised by.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: BTreeMap<i64, Entry>,
    by_inode: HashMap<u64, BTreeSet<i64>>,
    /// Length and hash of a head to the files that have it, by the number of their log.
    by_head: HashMap<(u32, u64), BTreeSet<(u32, i64)>>,
    by_log: HashMap<u32, BTreeSet<i64>>,
    logs: HashMap<Family, u32>,
    head_lens: BTreeMap<u32, usize>,
    last_id: i64,
}

/// A known file.
#[derive(Debug, Clone)]
pub struct Entry {
    /// How far it was read.
    pub cursor: Cursor,
    /// The log it belongs to.
    pub family: Family,
    /// Which generation it was when last seen.
    pub generation: Generation,
    /// The file it is read from, while that lies somewhere.
    pub present: Option<Key>,
    /// That file has no name any more: which generation it would be is not known.
    pub nameless: bool,
    /// Since when it lies nowhere, if it does not.
    pub gone_since: Instant,
}

/// What a file that is seen turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The known file with this number: go on at its offset.
    Resume(i64),
    /// The known file with this number, with nothing new in it.
    Exhausted(i64),
    /// A copy of the known file with this number, which is still there.
    Copy(i64),
    /// Perhaps a copy in the making, of the known file with this number.
    Wait(i64),
    /// A file not known.
    New,
}

impl Entry {
    /// A known file that lies at `present`.
    pub fn new(cursor: Cursor, family: Family, generation: Generation, present: Option<Key>) -> Self {
        Self {
            cursor,
            family,
            generation,
            present,
            nameless: false,
            gone_since: Instant::now(),
        }
    }
}

impl Ledger {
    /// A ledger of stored cursors.
    pub fn new(cursors: &[Cursor]) -> Self {
        let mut ledger = Self::default();
        for cursor in cursors {
            let (family, name) = Family::of(&cursor.path);
            ledger.last_id = ledger.last_id.max(cursor.id);
            ledger.insert(Entry::new(cursor.clone(), family, name.generation, None));
        }
        ledger
    }

    /// A number for a file not known so far.
    pub fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// Adds or replaces a known file.
    pub fn insert(&mut self, entry: Entry) {
        let id = entry.cursor.id;
        self.remove(id);
        self.last_id = self.last_id.max(id);
        let next = self.logs.len() as u32;
        let log = *self.logs.entry(entry.family.clone()).or_insert(next);
        let head = (entry.cursor.head_len, entry.cursor.head_hash);
        self.by_inode.entry(entry.cursor.inode).or_default().insert(id);
        self.by_head.entry(head).or_default().insert((log, id));
        self.by_log.entry(log).or_default().insert(id);
        *self.head_lens.entry(entry.cursor.head_len).or_default() += 1;
        self.entries.insert(id, entry);
    }

    /// Forgets a file.
    pub fn remove(&mut self, id: i64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        let cursor = &entry.cursor;
        let head = (cursor.head_len, cursor.head_hash);
        let log = self.logs.get(&entry.family).copied().unwrap_or_default();
        forget(&mut self.by_inode, cursor.inode, id);
        forget(&mut self.by_head, head, (log, id));
        forget(&mut self.by_log, log, id);
        if let Some(count) = self.head_lens.get_mut(&cursor.head_len) {
            *count -= 1;
            if *count == 0 {
                self.head_lens.remove(&cursor.head_len);
            }
        }
        Some(entry)
    }

    /// Takes over a newer cursor of a known file.
    pub fn update(&mut self, cursor: &Cursor) {
        if let Some(entry) = self.entries.get_mut(&cursor.id) {
            let same = entry.cursor.head_len == cursor.head_len
                && entry.cursor.head_hash == cursor.head_hash
                && entry.cursor.inode == cursor.inode;
            if same {
                entry.cursor.clone_from(cursor);
                return;
            }
        }
        if let Some(mut entry) = self.remove(cursor.id) {
            entry.cursor.clone_from(cursor);
            self.insert(entry);
        }
    }

    /// Notes that a known file is read from the one that was found, and what more of its head that shows.
    pub fn bind(&mut self, id: i64, found: &Found, probe: Option<&Probe>) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.present = Some(found.key);
        entry.nameless = false;
        entry.generation = found.generation.clone();
        if entry.family != found.family
            && let Some(entry) = self.remove(id)
        {
            self.insert(Entry {
                family: found.family.clone(),
                ..entry
            });
        }
        if let (Some(probe), Some(entry)) = (probe, self.entries.get(&id)) {
            let mut cursor = entry.cursor.clone();
            (cursor.head_len, cursor.head_hash) = probe.head.identity();
            self.update(&cursor);
        }
    }

    /// Notes that the file a known one was read from is gone.
    pub fn unbind(&mut self, id: i64) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.present = None;
            entry.nameless = false;
            entry.gone_since = Instant::now();
        }
    }

    /// A known file.
    pub fn get(&self, id: i64) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// A known file, to change what is not in its cursor.
    pub fn get_mut(&mut self, id: i64) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    /// All known files by number.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// A known file that needs not be opened to be known: finished, and nothing about it has changed.
    pub fn untouched(&self, found: &Found) -> Option<i64> {
        let ids = self.by_inode.get(&found.key.inode)?;
        ids.iter().copied().find(|id| {
            self.get(*id).is_some_and(|entry| {
                let cursor = &entry.cursor;
                let free = entry.present.is_none() || entry.present == Some(found.key);
                free && cursor.finished
                    && cursor.device == found.key.device
                    && cursor.modified_nanos == found.modified_nanos
                    && cursor.modified_nanos != 0
                    && cursor.path == found.path
            })
        })
    }

    /// What a file is, going by its inode alone as a hint, proved by content. The first of two rounds: all files
    /// go through this one before any goes through [`Ledger::claim`].
    pub fn claim_by_inode(&self, found: &Found, probe: &mut Probe) -> Option<Claim> {
        let ids = self.by_inode.get(&found.key.inode).cloned().unwrap_or_default();
        let steps = ids.into_iter().filter_map(|id| {
            let entry = self.get(id)?;
            // An empty file proves nothing: its inode may be another's by now.
            let proves = entry.cursor.head_len > 0;
            (proves && is_hinted(entry, found)).then(|| (id, self.step(entry, found, probe)))
        });
        let best = steps.max_by_key(|(id, step)| match step {
            Step::Resume => (2, self.get(*id).map_or(0, |entry| entry.cursor.offset)),
            Step::Exhausted => (1, 0),
            _ => (0, 0),
        });
        match best {
            Some((id, Step::Resume)) => Some(Claim::Resume(id)),
            Some((id, Step::Exhausted)) => Some(Claim::Exhausted(id)),
            _ => None,
        }
    }

    /// What a file is, going by content.
    pub fn claim(&self, found: &Found, probe: &mut Probe) -> Claim {
        if let Some(claim) = self.claim_by_inode(found, probe) {
            return claim;
        }
        let mut best = self.was_empty(found).map_or(Claim::New, Claim::Resume);
        let mut best_rank = (0, 0);
        for id in self.candidates(found, probe) {
            let Some(entry) = self.get(id) else { continue };
            let offset = entry.cursor.offset;
            let (rank, claim) = match self.step(entry, found, probe) {
                Step::Resume => (4, Claim::Resume(id)),
                Step::Exhausted => (3, Claim::Exhausted(id)),
                Step::Copy => (2, Claim::Copy(id)),
                Step::Wait => (1, Claim::Wait(id)),
                Step::Restart | Step::Unrelated => continue,
            };
            if (rank, offset) > best_rank {
                best_rank = (rank, offset);
                best = claim;
            }
        }
        best
    }

    /// Whether a known file was cut where this one lies, and is not known to lie elsewhere.
    pub fn has_lost_one(&self, found: &Found) -> bool {
        let ids = self.by_inode.get(&found.key.inode).into_iter().flatten();
        ids.filter_map(|id| self.get(*id))
            .any(|entry| entry.present.is_none() && entry.cursor.path == found.path)
    }

    /// The known file that had no content yet and whose inode this one has.
    fn was_empty(&self, found: &Found) -> Option<i64> {
        let ids = self.by_inode.get(&found.key.inode)?;
        let fits = |entry: &Entry| entry.cursor.head_len == 0 && is_hinted(entry, found);
        ids.iter().copied().find(|id| self.get(*id).is_some_and(fits))
    }

    /// Known files that a file may be, the last known ones first: those of its log with its head, those of other
    /// logs that are gone and had its whole head, and, while it is shorter than a head, those it may become.
    fn candidates(&self, found: &Found, probe: &Probe) -> Vec<i64> {
        let mut ids = Vec::new();
        let log = self.logs.get(&found.family).copied();
        for (&len, _) in self.head_lens.range(1..) {
            let Some(hash) = probe.head.hash_of(len) else {
                break;
            };
            let Some(same) = self.by_head.get(&(len, hash)) else {
                continue;
            };
            if let Some(log) = log {
                ids.extend(
                    same.range((log, i64::MIN)..=(log, i64::MAX))
                        .rev()
                        .map(|(_, id)| *id)
                        .take(MOST_ALIKE),
                );
            }
            if len as usize == HASHED_BYTES {
                let others = same
                    .iter()
                    .rev()
                    .take(MOST_ALIKE)
                    .filter(|(other, _)| Some(*other) != log);
                ids.extend(others.map(|(_, id)| *id).filter(|id| self.is_gone(*id)));
            }
        }
        let short = probe.head.bytes().len() < HASHED_BYTES && found.generation != Generation::Live;
        if let (true, Some(log)) = (short, log) {
            let all = self
                .by_log
                .get(&log)
                .into_iter()
                .flat_map(|ids| ids.iter().rev().take(MOST_ALIKE));
            ids.extend(all.copied().filter(|id| self.may_become(*id, found, probe)));
        }
        ids
    }

    fn is_gone(&self, id: i64) -> bool {
        self.get(id).is_some_and(|entry| entry.present.is_none())
    }

    /// A known file that is still there, of which a shorter one may be a copy in the making.
    fn may_become(&self, id: i64, found: &Found, probe: &Probe) -> bool {
        self.get(id).is_some_and(|entry| {
            let longer = entry.cursor.head_len as usize > probe.head.bytes().len();
            entry.present.is_some() && longer && is_near(entry, found)
        })
    }

    fn step(&self, entry: &Entry, found: &Found, probe: &mut Probe) -> Step {
        let cursor = &entry.cursor;
        let known = Known {
            head_len: cursor.head_len,
            present: entry.present.is_some_and(|key| key != found.key),
            nameless: entry.nameless,
        };
        let head = match probe.head.hash_of(cursor.head_len) {
            Some(hash) if hash == cursor.head_hash => Compared::Equal,
            Some(_) => Compared::Differs,
            None if known.present && probe.is_prefix_of(&cursor.path, entry.present) => Compared::ShortPrefix,
            None => Compared::Short,
        };
        let proof = if head == Compared::Equal {
            probe.compare_proof(cursor)
        } else {
            Compared::Short
        };
        let name_packed = Name::parse(&found.path.to_string_lossy()).packed;
        let seen = Seen {
            same_inode: same_inode(entry, found),
            same_log: entry.family == found.family,
            rotated: found.generation != Generation::Live || name_packed || probe.coding.is_packed(),
            near: is_near(entry, found),
            head,
            proof,
        };
        decide(known, seen)
    }
}

fn forget<K: Hash + Eq, V: Ord>(index: &mut HashMap<K, BTreeSet<V>>, key: K, value: V) {
    if let Some(values) = index.get_mut(&key) {
        values.remove(&value);
        if values.is_empty() {
            index.remove(&key);
        }
    }
}

/// By their names, a file can be a copy of a known one.
fn is_near(entry: &Entry, found: &Found) -> bool {
    entry.nameless || entry.generation == Generation::Live || entry.generation == found.generation
}

/// Same inode, and that known file is not read from another one now.
fn is_hinted(entry: &Entry, found: &Found) -> bool {
    same_inode(entry, found) && entry.present.is_none_or(|key| key == found.key)
}

/// Device numbers may change over a reboot; a path that stayed stands in for them.
fn same_inode(entry: &Entry, found: &Found) -> bool {
    let cursor = &entry.cursor;
    cursor.inode == found.key.inode
        && cursor.inode != 0
        && (cursor.device == found.key.device || cursor.path == found.path)
}

/// A file looked into.
#[derive(Debug)]
pub struct Probe {
    /// The open file.
    pub file: File,
    /// Its key, of the open file.
    pub key: Key,
    /// Its size on disk in bytes.
    pub size: u64,
    /// When it was last modified.
    pub modified_nanos: i64,
    /// Its head, decoded.
    pub head: Head,
    /// How it is packed; plain while it has too few bytes to tell.
    pub coding: Coding,
    /// Its bytes are the decoded ones: offsets can be gone to.
    pub direct: bool,
    /// It ends within its first bytes, and in a way in which only a file in the making does.
    pub torn: bool,
}

impl Probe {
    /// Opens a file and reads its head.
    ///
    /// # Errors
    /// Whatever the system says to opening or reading.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "is no file any more"));
        }
        let mut decoder = Decoder::new((&file).take(1 << 20));
        let mut head = Head::default();
        let mut room = [0; HASHED_BYTES];
        let mut torn = false;
        while let Some(rest) = HASHED_BYTES
            .checked_sub(head.bytes().len())
            .filter(|rest| *rest > 0)
        {
            match decoder.read(room.get_mut(..rest).unwrap_or_default()) {
                Ok(0) => break,
                Err(fault) => {
                    torn = matches!(fault, Fault::Truncated(_));
                    break;
                }
                Ok(count) => head.feed(head.bytes().len() as u64, room.get(..count).unwrap_or_default()),
            }
        }
        let coding = decoder.coding().unwrap_or(Coding::Plain);
        let direct = !coding.is_packed() && !decoder.is_transcoded();
        let (key, size, modified_nanos) = (Key::of(&meta), meta.len(), modified_nanos(&meta));
        torn |= direct && Coding::sniff(head.bytes()).is_none();
        Ok(Self {
            file,
            key,
            size,
            modified_nanos,
            head,
            coding,
            direct,
            torn,
        })
    }

    /// The bytes before `offset` against the cursor's hash of them.
    fn compare_proof(&self, cursor: &Cursor) -> Compared {
        if self.direct && self.size < cursor.offset {
            return Compared::Short;
        }
        match self.before(cursor.offset, cursor.proof_len as usize) {
            Ok(Some(bytes)) if hash(&bytes) == cursor.proof_hash => Compared::Equal,
            Ok(Some(_)) => Compared::Differs,
            Ok(None) | Err(_) => Compared::Short,
        }
    }

    /// The last `len` decoded bytes before `offset`; `None` when there are not so many.
    ///
    /// # Errors
    /// Whatever the system says to reading.
    pub fn before(&self, offset: u64, len: usize) -> io::Result<Option<Vec<u8>>> {
        if offset == 0 {
            return Ok(Some(Vec::new()));
        }
        if self.direct {
            return read_before(&self.file, offset, len);
        }
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        let mut decoder = Decoder::new(file);
        let Some(trail) = pass(&mut decoder, offset) else {
            return Ok(None);
        };
        Ok(trail
            .bytes()
            .len()
            .checked_sub(len)
            .and_then(|from| trail.bytes().get(from..))
            .map(<[u8]>::to_vec))
    }

    /// True when all that is in this file is the beginning of the file at `path`, if that is still the one meant.
    fn is_prefix_of(&self, path: &Path, meant: Option<Key>) -> bool {
        let Ok(other) = Self::open(path) else {
            return false;
        };
        Some(other.key) == meant && other.head.bytes().starts_with(self.head.bytes())
    }
}

/// Opens a file that was listed as one. Where a pipe has taken its place, this must not wait for its writer.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
    options.open(path)
}

/// Reads up to `len` bytes that end at `offset` of a plain file.
///
/// # Errors
/// Whatever the system says to reading.
pub fn read_before(file: &File, offset: u64, len: usize) -> io::Result<Option<Vec<u8>>> {
    let len = len.min(usize::try_from(offset).unwrap_or(usize::MAX));
    let mut file = file;
    file.seek(SeekFrom::Start(offset - len as u64))?;
    let mut bytes = Vec::with_capacity(len);
    file.take(len as u64).read_to_end(&mut bytes)?;
    Ok((bytes.len() == len).then_some(bytes))
}

/// Decodes and lets go of the first `offset` bytes; gives the last of them. `None` when there are not so many.
pub fn pass<R: Read>(decoder: &mut Decoder<R>, offset: u64) -> Option<Trail> {
    let mut trail = Trail::default();
    let mut room = vec![0; 64 << 10];
    let mut left = offset;
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(room.len());
        let count = decoder
            .read(room.get_mut(..want)?)
            .ok()
            .filter(|count| *count > 0)?;
        trail.push(room.get(..count)?);
        left -= count as u64;
    }
    Some(trail)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let (sender, opened) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(Probe::open(&path).map(|_| ())));
        let opened = opened.recv_timeout(std::time::Duration::from_secs(5));
        let error = opened.expect("opening returns").expect_err("it is no file");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
