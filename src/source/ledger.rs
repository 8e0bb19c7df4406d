//! [`Ledger`]: the files that are known, found again by what they may be recognised by.
//!
//! Which of them a file that is seen is: `ledger/claim.rs`. Next: [`super::replay`], which reads what is decided there.

mod claim;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Instant;

use super::Cursor;
use super::discover::{Family, Found};
use super::identity::Key;
use super::names::Generation;
use super::probe::Probe;

pub use claim::Claim;

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
}

fn forget<K: Hash + Eq, V: Ord>(index: &mut HashMap<K, BTreeSet<V>>, key: K, value: V) {
    if let Some(values) = index.get_mut(&key) {
        values.remove(&value);
        if values.is_empty() {
            index.remove(&key);
        }
    }
}
