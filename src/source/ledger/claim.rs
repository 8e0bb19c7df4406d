//! Which known file a file that is seen is: gathers the evidence for [`crate::source::rotation::decide`] from disk.
//!
//! Nothing is opened or read here but through [`Probe`], and nothing of the ledger changes.

use super::{Entry, Ledger};
use crate::source::discover::Found;
use crate::source::identity::HASHED_BYTES;
use crate::source::names::{Generation, Name};
use crate::source::probe::Probe;
use crate::source::rotation::{Compared, Known, Seen, Step, decide};

/// So many known files with one head are looked at, the last known ones first. More have one only where each begins
/// with a long header, and then the bytes before the offset tell them apart.
const MOST_ALIKE: usize = 256;

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

impl Ledger {
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
