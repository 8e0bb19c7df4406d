//! [`LogReader`]: reads the files of one log, from oldest to newest, each where the last run ended.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Log, LogFile};
use crate::source::discover::{Family, Found, directory_of, openable};
use crate::source::identity::Key;
use crate::source::ledger::{Claim, Entry, Ledger};
use crate::source::names::Generation;
use crate::source::probe::Probe;
use crate::source::reader::FileReader;
use crate::source::spec::Trouble;
use crate::source::{Batch, Cursor};

/// After so many batches without a line [`LogReader::peek_head`] gives up.
const PEEKED_BATCHES: usize = 8;

/// Reads the files of one log, from oldest to newest.
pub struct LogReader {
    log: Log,
    ledger: Ledger,
    first_id: i64,
    queue: VecDeque<LogFile>,
    current: Option<FileReader>,
    ready: VecDeque<Result<Batch, Trouble>>,
    raw_bytes: u64,
}

impl LogReader {
    pub(super) fn new(log: Log, resume: &[Cursor]) -> Self {
        let mut reader = Self {
            log,
            ledger: Ledger::new(resume),
            first_id: resume.iter().map(|cursor| cursor.id).max().unwrap_or_default(),
            queue: VecDeque::new(),
            current: None,
            ready: VecDeque::new(),
            raw_bytes: 0,
        };
        reader.enqueue();
        reader
    }

    /// The next batch, or a file's trouble, after which reading goes on with the next file. A batch may hold no line:
    /// with cursors, when only the cursor has changed, and when much was read that holds none.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator could not be peeked into for its head"
    )]
    pub fn next(&mut self) -> Option<Result<Batch, Trouble>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            self.advance()?;
        }
    }

    /// The first lines that [`LogReader::next`] will give, without giving them: to recognise a format. None when a
    /// file begins with a hole that does not end soon.
    pub fn peek_head(&mut self) -> Vec<&[u8]> {
        let has_lines =
            |item: &Result<Batch, Trouble>| item.as_ref().is_ok_and(|batch| !batch.lines.is_empty());
        while !self.ready.iter().any(has_lines) && self.ready.len() < PEEKED_BATCHES {
            if self.advance().is_none() {
                break;
            }
        }
        let first = self
            .ready
            .iter()
            .filter_map(|item| item.as_ref().ok())
            .find(|b| !b.lines.is_empty());
        first.map(Batch::head).unwrap_or_default()
    }

    /// Takes back the buffer of a batch that is used up: the next batch needs no fresh memory.
    pub fn reuse(&mut self, bytes: Vec<u8>) {
        if let Some(current) = &mut self.current {
            current.reuse(bytes);
        }
    }

    /// Bytes read from disk so far, before decoding: progress, to be held against [`Log::bytes`].
    pub fn raw_bytes(&self) -> u64 {
        self.raw_bytes + self.current.as_ref().map_or(0, FileReader::raw_bytes)
    }

    /// Does the next piece of work, which may put something into `ready`; `None` when there is none left.
    fn advance(&mut self) -> Option<()> {
        let Some(current) = &mut self.current else {
            let file = self.queue.pop_front()?;
            self.begin(&file);
            return Some(());
        };
        match current.next() {
            Some(Ok(batch)) => {
                self.ledger.update(&batch.cursor);
                self.ready.push_back(Ok(batch));
            }
            other => {
                if let Some(Err(trouble)) = other {
                    self.ready.push_back(Err(trouble));
                }
                self.end();
            }
        }
        Some(())
    }

    /// The current file is read.
    fn end(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        self.raw_bytes += current.raw_bytes();
        let cursor = current.cursor();
        let changed = self
            .ledger
            .get(cursor.id)
            .is_some_and(|entry| entry.cursor != cursor);
        self.ledger.update(&cursor);
        if self.log.settings.resume && changed && cursor.id != 0 {
            self.ready.push_back(Ok(current.empty_batch()));
        }
    }

    /// Decides which files are to be looked at, in which order.
    fn enqueue(&mut self) {
        let log = &self.log;
        if !log.settings.resume {
            self.queue = log.files.iter().cloned().collect();
            return;
        }
        let family = log.siblings.first().map(|file| file.found.family.clone());
        self.ledger_keep(family.as_ref());
        let known = self.ledger.entries().next().is_some();
        let files: Vec<LogFile> = if known {
            self.log.siblings.clone()
        } else {
            self.log.files.clone()
        };
        // First round: files whose inode is known; so that no copy takes the place of the file itself.
        for file in &files {
            self.bind_by_inode(&file.found);
        }
        let newest = self
            .ledger
            .entries()
            .map(|entry| entry.cursor.modified_nanos)
            .max()
            .unwrap_or_default();
        let known: Vec<Option<i64>> = files.iter().map(|file| self.known_as(file)).collect();
        let has_content = |id: &i64| {
            self.ledger
                .get(*id)
                .is_some_and(|entry| entry.cursor.head_len > 0)
        };
        let first = known.iter().position(|id| id.as_ref().is_some_and(has_content));
        for ((place, file), known) in files.into_iter().enumerate().zip(known) {
            // A generation that nobody named and that was never read counts only when it is newer.
            let newer = first.map_or(file.found.modified_nanos >= newest, |first| place > first);
            let generation = !matches!(file.found.generation, Generation::Other(_));
            if known.is_some() || (newer && generation) || !file.found.sibling {
                self.queue.push_back(file);
            }
        }
    }

    /// Keeps cursors of this log, and those whose file lies in none of the places a log's name tells.
    fn ledger_keep(&mut self, family: Option<&Family>) {
        let others: Vec<i64> = self
            .ledger
            .entries()
            .filter(|entry| Some(&entry.family) != family)
            .map(|entry| entry.cursor.id)
            .collect();
        let inodes: Vec<Key> = self.log.siblings.iter().map(|file| file.found.key).collect();
        for id in others {
            let hinted = self.ledger.get(id).is_some_and(|entry| {
                inodes
                    .iter()
                    .any(|key| key.inode == entry.cursor.inode && key.device == entry.cursor.device)
            });
            if !hinted {
                self.ledger.remove(id);
            }
        }
    }

    fn bind_by_inode(&mut self, found: &Found) {
        if found.stream {
            return;
        }
        if let Some(id) = self.ledger.untouched(found) {
            return self.ledger.bind(id, found, None);
        }
        let Ok(mut probe) = Probe::open(&found.path) else {
            return;
        };
        if let Some(Claim::Resume(id) | Claim::Exhausted(id)) = self.ledger.claim_by_inode(found, &mut probe)
        {
            self.ledger.bind(id, found, Some(&probe));
        }
    }

    /// The number of the known file that a file is, or whose content it holds.
    fn known_as(&self, file: &LogFile) -> Option<i64> {
        let bound = self
            .ledger
            .entries()
            .find(|entry| entry.present == Some(file.found.key));
        if let Some(entry) = bound {
            return Some(entry.cursor.id);
        }
        let mut probe = Probe::open(&file.path).ok()?;
        match self.ledger.claim(&file.found, &mut probe) {
            Claim::Resume(id) | Claim::Exhausted(id) => Some(id),
            _ => None,
        }
    }

    /// Opens a file and finds out where to read on in it.
    fn begin(&mut self, file: &LogFile) {
        let (cap, room) = (self.log.settings.line_cap, self.log.settings.batch_bytes);
        if file.found.stream {
            match FileReader::stream(&file.path, self.log.number, cap, room) {
                Ok(reader) => self.current = Some(reader),
                Err(error) => self.ready.push_back(Err(Trouble::io(&file.path, &error))),
            }
            return;
        }
        if let Some(id) = self.ledger.untouched(&file.found) {
            return self.ledger.bind(id, &file.found, None);
        }
        let (path, mut probe) = match open_meant(&file.found) {
            Ok(opened) => opened,
            Err(trouble) => return self.ready.push_back(Err(trouble)),
        };
        let found = Found {
            path,
            ..file.found.clone()
        };
        let id = match self.ledger.claim(&found, &mut probe) {
            Claim::Resume(id) | Claim::Copy(id) => id,
            // What the copy lacks was read from its original.
            Claim::Exhausted(_) | Claim::Wait(_) => return,
            Claim::New => self.enter(file, &found),
        };
        self.ledger.bind(id, &found, None);
        let Some(entry) = self.ledger.get(id) else {
            return;
        };
        let takes_rest = !self.log.settings.resume || self.is_closed(&found, &probe);
        let opened = FileReader::file(&found, probe, &entry.cursor, self.log.number, cap, room);
        match opened {
            Ok(reader) => self.current = Some(reader.taking_rest(takes_rest)),
            Err(error) => self.ready.push_back(Err(Trouble::io(&found.path, &error))),
        }
    }

    /// Notes a file that was not known.
    fn enter(&mut self, file: &LogFile, found: &Found) -> i64 {
        let id = self.first_id + file.index;
        let cursor = Cursor {
            id,
            path: found.path.clone(),
            ..Cursor::default()
        };
        let (family, generation) = (found.family.clone(), found.generation.clone());
        self.ledger
            .insert(Entry::new(cursor, family, generation, Some(found.key)));
        id
    }

    /// True when nothing will be added to a file: it is rotated or compressed, or a newer generation is there.
    fn is_closed(&self, found: &Found, probe: &Probe) -> bool {
        let newest = self
            .log
            .siblings
            .last()
            .is_some_and(|file| file.found.key == found.key);
        probe.coding.is_packed() || !newest
    }
}

/// Opens the file that was listed; when it was rotated since, under the name it has now.
fn open_meant(found: &Found) -> Result<(PathBuf, Probe), Trouble> {
    let opened = Probe::open(&found.path);
    match opened {
        Ok(probe) if probe.key == found.key || !found.key.is_known() => Ok((found.path.clone(), probe)),
        other => match moved_to(directory_of(&found.path), found.key) {
            Some(moved) => Ok(moved),
            None => Err(match other {
                Err(error) => Trouble::io(&found.path, &error),
                Ok(_) => Trouble::new(
                    &found.path,
                    "was replaced while logs were read, its old content not read",
                )
                .hint("run again"),
            }),
        },
    }
}

/// Looks for a file with this key in a directory.
fn moved_to(directory: &Path, key: Key) -> Option<(PathBuf, Probe)> {
    fs::read_dir(openable(directory))
        .ok()?
        .flatten()
        .find_map(|entry| {
            let path = directory.join(entry.file_name());
            let same = fs::metadata(&path).is_ok_and(|meta| meta.is_file() && Key::of(&meta) == key);
            if !same {
                return None;
            }
            Probe::open(&path)
                .ok()
                .filter(|probe| probe.key == key)
                .map(|probe| (path, probe))
        })
}
