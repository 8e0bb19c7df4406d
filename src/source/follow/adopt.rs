//! Taking in what a listing shows: which files are the known ones under new names, which are copies, which are new
//! and where to begin in them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::file::{Age, Followed, cursor_at_end, is_derived};
use super::parked::{Parked, Why};
use super::stream::Stream;
use super::{Follower, absolute};
use crate::source::Cursor;
use crate::source::discover::{Family, Found, Origin};
use crate::source::identity::Key;
use crate::source::ledger::{Claim, Entry};
use crate::source::names::Generation;
use crate::source::probe::{Probe, read_before};
use crate::source::spec::From;

/// So many listings are made for the copies of a log that is cut again each time.
const LOOKS_FOR_COPIES: u8 = 3;

/// Whether a generation was written after a known one where their names do not tell: numbers beside dates.
fn is_later(found: &Found, known: &Found) -> bool {
    !found.generation.tells_age(&known.generation) && found.modified_nanos >= known.modified_nanos
}

impl Follower {
    /// Takes in a listing.
    pub(super) fn adopt(&mut self, listing: Vec<Found>) {
        let first = !std::mem::replace(&mut self.adopted, true);
        self.start_streams(&listing);
        let listing: Vec<Found> = listing.into_iter().filter(|found| !found.stream).collect();
        let mut fresh = self.recognise_by_key(&listing);
        self.let_cut_files_go(&listing, &mut fresh);
        fresh.retain(|(_, found)| !self.stays_parked(found));
        self.adopt_by_inode(&mut fresh);
        self.adopt_by_content(&listing, fresh, first);
        self.note_missed(&listing, first);
        self.index_paths(&listing);
        self.mark_superseded();
    }

    /// Remembers what was there at start and could not be taken in yet.
    fn note_missed(&mut self, listing: &[Found], first: bool) {
        if first {
            let missed = listing.iter().filter(|found| self.is_held(&found.family));
            self.there_at_start = missed.map(|found| found.key).collect();
        } else if self.held.is_empty() {
            self.there_at_start.clear();
        }
    }

    /// A file of this log is not where it was listed.
    fn is_held(&self, family: &Family) -> bool {
        self.logs.get(family).is_some_and(|log| self.held.contains(log))
    }

    fn start_streams(&mut self, listing: &[Found]) {
        let mut paths: Vec<&Path> = listing
            .iter()
            .filter(|f| f.stream)
            .map(|f| f.path.as_path())
            .collect();
        if self.origins.iter().any(|origin| matches!(origin, Origin::Stdin)) {
            paths.push(Path::new("-"));
        }
        for path in paths {
            if self.streams.iter().all(|stream| stream.path != path) {
                let family = crate::source::discover::Family::of(path).0;
                let log = self.log_number(&family);
                let waker = self.watch.waker();
                self.streams
                    .push(Stream::start(path, log, self.spec.line_cap, waker));
            }
        }
    }

    /// Files that are followed already, under whatever name; gives the others with their place in the listing.
    fn recognise_by_key(&mut self, listing: &[Found]) -> Vec<(usize, Found)> {
        let mut fresh = Vec::new();
        let listed: HashSet<Key> = listing.iter().map(|found| found.key).collect();
        let ages = self.ages();
        let mut mistaken = Vec::new();
        for (place, found) in listing.iter().enumerate() {
            let Some(file) = self.by_key.get(&found.key).and_then(|id| self.files.get_mut(id)) else {
                fresh.push((place, found.clone()));
                continue;
            };
            if !file.is_now(found) {
                mistaken.push(file.id);
                fresh.push((place, found.clone()));
                continue;
            }
            if file.seen(found, place) {
                self.ledger.update(&file.cursor);
                if let Some(entry) = self.ledger.get_mut(file.id) {
                    entry.generation = found.generation.clone();
                }
                self.out.batches.push(file.empty_batch());
            }
        }
        mistaken.into_iter().for_each(|id| self.let_go(id));
        let lost: Vec<i64> = self
            .files
            .values()
            .filter(|file| !listed.contains(&file.found.key))
            .map(|file| file.id)
            .collect();
        for id in lost {
            let kept = self
                .files
                .get_mut(&id)
                .is_some_and(|file| file.orphan || file.lose_name(self.spec.line_cap));
            if let (true, Some(entry)) = (kept, self.ledger.get_mut(id)) {
                entry.nameless = true;
            }
            if !kept {
                self.let_go(id);
                self.names_changed = false;
            }
        }
        self.place_orphans(ages);
        self.parked.retain(|key, _| listed.contains(key));
        fresh
    }

    /// All files in the order of reading.
    fn ages(&self) -> Vec<Age> {
        let mut ages: Vec<Age> = self.files.values().map(Followed::age).collect();
        ages.sort_unstable();
        ages
    }

    /// Files that a listing does not show come after those, as the files were before it, that they came after.
    fn place_orphans(&mut self, before: Vec<Age>) {
        let mut next = (0, 0);
        for Age { log, id, .. } in before {
            let Some(file) = self.files.get_mut(&id) else {
                continue;
            };
            if next.0 != log {
                next = (log, 0);
            }
            if file.orphan {
                file.order = next.1;
            } else {
                next.1 = file.order + 1;
            }
        }
    }

    /// Where files not known lie beside ones that changed, one may be the copy of another that was cut: those that
    /// were cut have to be known first.
    fn let_cut_files_go(&mut self, listing: &[Found], fresh: &mut Vec<(usize, Found)>) {
        let logs: HashSet<u32> = fresh
            .iter()
            .filter_map(|(_, found)| self.logs.get(&found.family).copied())
            .collect();
        let cut: Vec<(i64, usize)> = self
            .files
            .values()
            .filter(|file| logs.contains(&file.log) && file.dirty && !file.orphan && !file.is_same())
            .map(|file| (file.id, file.order))
            .collect();
        for (id, place) in cut {
            self.let_go(id);
            fresh.extend(listing.get(place).map(|found| (place, found.clone())));
        }
        fresh.sort_by_key(|(place, _)| *place);
        self.names_changed = false;
    }

    /// First round: files whose inode says which they are, proved by content.
    fn adopt_by_inode(&mut self, fresh: &mut Vec<(usize, Found)>) {
        let all = std::mem::take(fresh);
        for (place, found) in all {
            if let Some(id) = self.ledger.untouched(&found) {
                self.bind(found, place, id, None, false);
                continue;
            }
            let claim = Probe::open(&found.path)
                .ok()
                .filter(|probe| probe.key == found.key)
                .and_then(|mut probe| Some((self.ledger.claim_by_inode(&found, &mut probe)?, probe)));
            match claim {
                Some((Claim::Resume(id), probe)) => {
                    let done = self.is_done(id, &probe);
                    self.bind(found, place, id, Some(&probe), !done);
                }
                Some((Claim::Exhausted(id), probe)) => self.shrink(found, place, id, &probe),
                _ => fresh.push((place, found)),
            }
        }
    }

    /// Nothing is to be read of a file that was recognised by its inode.
    fn is_done(&self, id: i64, probe: &Probe) -> bool {
        let Some(entry) = self.ledger.get(id) else {
            return true;
        };
        let packed_and_read = probe.coding.is_packed() && entry.cursor.finished;
        packed_and_read || (probe.direct && probe.size == entry.cursor.offset)
    }

    /// Second round: by content.
    fn adopt_by_content(&mut self, listing: &[Found], fresh: Vec<(usize, Found)>, first: bool) {
        if fresh.is_empty() {
            return;
        }
        // As it was before any of these was taken in.
        let newest = self.newest_by_log();
        for (place, found) in fresh {
            // Newer files of a log must not be known before the one that was missed: it would be taken for one from
            // before the log was first read.
            if self.is_held(&found.family) {
                continue;
            }
            let mut probe = match Probe::open(&found.path) {
                Ok(probe) if probe.key == found.key => probe,
                Ok(_) => {
                    let log = self.log_number(&found.family);
                    self.hold(log);
                    continue;
                }
                Err(error) => {
                    self.unreadable(&found, first, &error);
                    continue;
                }
            };
            let in_the_making = probe.size == 0 || (probe.torn && !self.is_settled(&found));
            if in_the_making && is_derived(&found) {
                self.park(&found, Why::InTheMaking);
                continue;
            }
            match self.ledger.claim(&found, &mut probe) {
                Claim::Resume(id) => self.bind(found, place, id, Some(&probe), true),
                Claim::Exhausted(_) => self.park(&found, Why::NotWanted),
                Claim::Copy(id) => {
                    let finished = self.ledger.get(id).is_some_and(|entry| entry.cursor.finished);
                    self.park(&found, Why::Copy(id, finished));
                }
                Claim::Wait(id) => self.park(&found, Why::Beginning(id)),
                Claim::New if self.is_unasked(listing, place, &found, &newest) => {
                    self.park(&found, Why::NotWanted)
                }
                Claim::New if self.may_have_been_copied(&found, &probe) => {
                    let log = self.log_number(&found.family);
                    self.hold(log);
                }
                Claim::New => self.enter(found, place, &probe, first),
            }
        }
    }

    /// Whether a copy of what lay here may be younger than the listing: a known file was cut, and no listing was made
    /// since this content was seen in its place. A log that is cut over and over is read all the same.
    fn may_have_been_copied(&mut self, found: &Found, probe: &Probe) -> bool {
        let head = probe.head.identity();
        let (again, looks) = match self.cut.remove(&found.path) {
            Some(((0, _), looks)) => (head.0 > 0, looks),
            Some(((len, hash), looks)) => (probe.head.hash_of(len) != Some(hash), looks),
            None => (self.ledger.has_lost_one(found), 0),
        };
        let again = again && looks < LOOKS_FOR_COPIES;
        if again {
            self.cut.insert(found.path.clone(), (head, looks + 1));
        }
        again
    }

    /// A generation beside a named file that was there before the log was first read.
    fn is_unasked(
        &self,
        listing: &[Found],
        place: usize,
        found: &Found,
        newest: &HashMap<Family, i64>,
    ) -> bool {
        if !found.sibling || matches!(found.generation, Generation::Other(_)) {
            return found.sibling;
        }
        let known_here = |other: &Found| {
            let file = self.by_key.get(&other.key).and_then(|id| self.files.get(id));
            file.is_some_and(|file| file.cursor.head_len > 0)
        };
        let mut family = listing
            .iter()
            .enumerate()
            .filter(|(_, other)| other.family == found.family);
        match family.find(|(_, other)| known_here(other)) {
            Some((first_known, oldest)) => place < first_known && !is_later(found, oldest),
            None => newest
                .get(&found.family)
                .is_none_or(|newest| found.modified_nanos < *newest),
        }
    }

    /// When the newest known file of each log was modified.
    fn newest_by_log(&self) -> HashMap<Family, i64> {
        let mut newest = HashMap::new();
        for entry in self.ledger.entries() {
            let time = newest.entry(entry.family.clone()).or_default();
            *time = entry.cursor.modified_nanos.max(*time);
        }
        newest
    }

    pub(super) fn begins_at_end(&self, found: &Found, first: bool) -> bool {
        let was_there = first || self.there_at_start.contains(&found.key);
        was_there && self.spec.from == From::End && !self.known.contains(&found.family)
    }

    /// Follows a file not known so far.
    fn enter(&mut self, found: Found, place: usize, probe: &Probe, first: bool) {
        let until = match self.parked.remove(&found.key) {
            Some(Parked {
                why: Why::Unreadable(from),
                ..
            }) => from,
            _ => None,
        };
        let id = self.ledger.next_id();
        let mut cursor = Cursor {
            id,
            path: found.path.clone(),
            ..Cursor::default()
        };
        (cursor.head_len, cursor.head_hash) = probe.head.identity();
        if until.is_some() || self.begins_at_end(&found, first) {
            match cursor_at_end(probe, id, &found.path, until, self.spec.line_cap) {
                Ok(at_end) => {
                    cursor = Cursor {
                        finished: at_end.finished || is_derived(&found),
                        ..at_end
                    }
                }
                Err(error) => return self.unreadable(&found, first, &error),
            }
        }
        let (family, generation) = (found.family.clone(), found.generation.clone());
        let at_end = probe.direct && cursor.offset == probe.size;
        let dirty = !cursor.finished && !at_end;
        self.ledger
            .insert(Entry::new(cursor, family, generation, Some(found.key)));
        self.bind(found, place, id, None, dirty);
        if let Some(file) = self.files.get(&id) {
            self.out.batches.push(file.empty_batch());
        }
    }

    /// A file that was cut back within what was read of it, its beginning the same: goes on at its new end.
    fn shrink(&mut self, found: Found, place: usize, id: i64, probe: &Probe) {
        let Some(entry) = self.ledger.get(id) else {
            return;
        };
        let mut cursor = entry.cursor.clone();
        if !probe.direct {
            return self.park(&found, Why::NotWanted);
        }
        if let Ok(Some(before)) = read_before(&probe.file, probe.size, crate::source::identity::HASHED_BYTES)
        {
            let what = format!("was cut back from {} to {} bytes", cursor.offset, probe.size);
            self.notice(&found.path, &what);
            cursor.offset = probe.size;
            cursor.proof_len = before.len() as u32;
            cursor.proof_hash = crate::source::identity::hash(&before);
            self.ledger.update(&cursor);
            self.bind(found, place, id, Some(probe), true);
            if let Some(file) = self.files.get(&id) {
                self.out.batches.push(file.empty_batch());
            }
        }
    }

    /// Reads a known file under the name it was found by.
    fn bind(&mut self, found: Found, place: usize, id: i64, probe: Option<&Probe>, dirty: bool) {
        self.ledger.bind(id, &found, probe);
        let Some(entry) = self.ledger.get(id) else {
            return;
        };
        let cursor = entry.cursor.clone();
        let stored = (cursor.path.clone(), cursor.inode, cursor.device);
        let log = self.log_number(&found.family);
        self.parked.remove(&found.key);
        if let Some(old) = self.files.remove(&id) {
            self.by_key.remove(&old.found.key);
        }
        self.by_key.insert(found.key, id);
        let mut file = Followed::new(found, log, cursor, place);
        file.dirty = dirty;
        file.cursor.finished &= !dirty;
        let now = (file.cursor.path.clone(), file.cursor.inode, file.cursor.device);
        self.ledger.update(&file.cursor);
        if stored != now {
            self.out.batches.push(file.empty_batch());
        }
        self.files.insert(id, file);
    }

    /// Which path leads to which file, for the watches.
    fn index_paths(&mut self, listing: &[Found]) {
        let mut paths = HashMap::new();
        for file in self.files.values() {
            paths.extend(absolute(&file.found).map(|path| (path, file.id)));
            paths.extend(file.target.clone().map(|path| (path, file.id)));
        }
        self.by_path = paths;
        let waited_for = |found: &&Found| {
            let parked = self.parked.get(&found.key);
            parked.is_some_and(|parked| {
                matches!(
                    parked.why,
                    Why::InTheMaking | Why::Beginning(_) | Why::Unreadable(_)
                )
            })
        };
        self.parked_paths = listing.iter().filter(waited_for).filter_map(absolute).collect();
    }
}
