//! One followed file: opened when there is something to read, proved to be the one that was known, read to its
//! end, closed when idle.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::source::decode::Decoder;
use crate::source::discover::Found;
use crate::source::frame::{Framed, Framer};
use crate::source::identity::{HASHED_BYTES, Head, Key, Trail, hash, modified_nanos};
use crate::source::ledger::{Probe, read_before};
use crate::source::names::Name;
use crate::source::reader::FileReader;
use crate::source::spec::Trouble;
use crate::source::{Batch, Cursor};
use crate::text::of_path;

/// Most bytes read at once.
const READ_BYTES: usize = 256 << 10;
/// Bytes read first: a log that is followed has seldom grown by more, and room for them has to be made each time.
const FIRST_BYTES: usize = 32 << 10;

/// How a file is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) line_cap: usize,
    pub(super) batch_bytes: usize,
    pub(super) settle: Duration,
}

/// A file that is followed.
pub(super) struct Followed {
    pub(super) id: i64,
    pub(super) log: u32,
    pub(super) found: Found,
    /// Where a symbolic link led when the file was found.
    pub(super) target: Option<PathBuf>,
    pub(super) cursor: Cursor,
    /// Place among the files of its log, the oldest first.
    pub(super) order: usize,
    /// There may be something to read.
    pub(super) dirty: bool,
    /// It has no name any more; read through its open descriptor.
    pub(super) orphan: bool,
    /// A newer generation of its log is there, or its name says that it is rotated.
    pub(super) superseded: bool,
    shown: Arc<str>,
    open: Option<Open>,
    last_read: Instant,
    /// Events tell of all its changes.
    pub(super) announced: bool,
    /// When it was last seen to have another size or time.
    changed: Instant,
    /// Bytes came since it was opened.
    fresh: bool,
    retry_at: Option<Instant>,
    /// It was opened ahead of its turn, or that was tried.
    was_held: bool,
    told: Option<(u64, i64)>,
}

/// A file's place in the order of reading: log by log, and in each the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Age {
    pub(super) log: u32,
    order: usize,
    /// What lost its name is older than what was listed in its place.
    named: bool,
    pub(super) id: i64,
}

enum Open {
    Direct(Box<Direct>),
    Whole(Box<FileReader>),
}

/// A plain file, open.
struct Direct {
    file: File,
    framer: Framer,
    head: Head,
    /// The bytes before the place up to which was read.
    recent: Trail,
}

/// How a piece of reading ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// More is to be read.
    More,
    /// At the end as of now.
    End,
    /// The file under this path is another one, or has other content.
    Replaced,
    /// It could not be read; the trouble was told.
    Failed,
}

impl Followed {
    pub(super) fn new(found: Found, log: u32, cursor: Cursor, order: usize) -> Self {
        let link = fs::symlink_metadata(&found.path).is_ok_and(|meta| meta.is_symlink());
        Self {
            id: cursor.id,
            log,
            target: if link {
                fs::canonicalize(&found.path).ok()
            } else {
                None
            },
            shown: of_path(&found.path).into(),
            cursor: Cursor {
                path: found.path.clone(),
                device: found.key.device,
                inode: found.key.inode,
                modified_nanos: found.modified_nanos,
                ..cursor
            },
            found,
            order,
            dirty: true,
            orphan: false,
            superseded: false,
            open: None,
            last_read: Instant::now(),
            announced: false,
            changed: Instant::now(),
            fresh: false,
            retry_at: None,
            was_held: false,
            told: None,
        }
    }

    pub(super) fn age(&self) -> Age {
        Age {
            log: self.log,
            order: self.order,
            named: !self.orphan,
            id: self.id,
        }
    }

    /// Its path leads to it through a symbolic link.
    pub(super) fn is_link(&self) -> bool {
        self.target.is_some()
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Something may be there to read, or to finish.
    pub(super) fn is_pending(&self) -> bool {
        self.dirty || (self.superseded && !self.cursor.finished)
    }

    /// Nothing was read since it was opened, and nothing waits: not worth a descriptor.
    pub(super) fn is_idle(&self) -> bool {
        !self.orphan && !self.superseded && !self.fresh && self.waiting() == 0
    }

    /// Closed, and longer than it was read.
    pub(super) fn has_unread(&self) -> bool {
        self.open.is_none() && self.found.size > self.cursor.offset
    }

    pub(super) fn last_read(&self) -> Instant {
        self.last_read
    }

    /// Lets the descriptor go. What waits for the rest of its line is read again later.
    pub(super) fn close(&mut self) {
        self.open = None;
        self.fresh = false;
    }

    /// Takes over what a new look at the directory says; true when the cursor has to be stored anew.
    pub(super) fn seen(&mut self, found: &Found, order: usize) -> bool {
        self.order = order;
        self.note_change(found.size, found.modified_nanos);
        let moved = self.found.path != found.path;
        if moved {
            self.shown = of_path(&found.path).into();
            self.cursor.path.clone_from(&found.path);
        }
        self.orphan = false;
        self.found = found.clone();
        moved
    }

    /// Looks whether the file has changed; false when its path leads to another one or nowhere.
    pub(super) fn look(&mut self) -> bool {
        if self.orphan {
            self.dirty |= self.open_size().is_some_and(|size| size > self.position());
            return true;
        }
        match fs::metadata(&self.found.path) {
            Ok(meta) if Key::of(&meta) == self.found.key => {
                let (size, modified) = (meta.len(), modified_nanos(&meta));
                self.note_change(size, modified);
                self.found.size = size;
                self.found.modified_nanos = modified;
                true
            }
            _ => false,
        }
    }

    fn note_change(&mut self, size: u64, modified_nanos: i64) {
        if self.found.size != size || self.found.modified_nanos != modified_nanos {
            self.dirty = true;
            self.changed = Instant::now();
        }
    }

    /// The path is gone: keeps the file by its descriptor, or by where its link led. False when there is neither.
    pub(super) fn lose_name(&mut self, cap: usize) -> bool {
        if self.open.is_none()
            && let Some(target) = self.target.take()
            && fs::metadata(&target).is_ok_and(|meta| Key::of(&meta) == self.found.key)
        {
            self.found.path = target;
            self.open = self.open_direct(cap).ok().flatten();
        }
        self.orphan = matches!(self.open, Some(Open::Direct(_)));
        self.dirty |= self.orphan;
        self.orphan
    }

    fn open_size(&self) -> Option<u64> {
        match &self.open {
            Some(Open::Direct(direct)) => direct.file.metadata().ok().map(|meta| meta.len()),
            _ => None,
        }
    }

    fn position(&self) -> u64 {
        match &self.open {
            Some(Open::Direct(direct)) => direct.framer.position(),
            _ => self.cursor.offset,
        }
    }

    /// Bytes that wait for the rest of their line.
    pub(super) fn waiting(&self) -> u64 {
        match &self.open {
            Some(Open::Direct(direct)) => direct.framer.waiting(),
            _ => 0,
        }
    }

    /// True when nothing was written for as long as a file needs to settle.
    pub(super) fn is_quiet(&self, settle: Duration) -> bool {
        let old = is_quiet(self.found.modified_nanos, settle) || self.changed.elapsed() >= settle;
        (old && !self.orphan) || self.last_read.elapsed() >= settle
    }

    /// Tries at once what was put off.
    pub(super) fn retry_now(&mut self) {
        self.retry_at = None;
    }

    /// False when a plain file was cut, or has other content now before the place up to which it was read.
    pub(super) fn is_same(&self) -> bool {
        match &self.open {
            Some(Open::Direct(open)) => open.is_same(),
            Some(Open::Whole(_)) => true,
            None => self.is_at(&self.found.path),
        }
    }

    /// True when a file that has this one's key is this one: it may have got the inode of one that was removed.
    pub(super) fn is_now(&self, found: &Found) -> bool {
        let unmoved = self.found.path == found.path;
        self.open.is_some() || unmoved || (self.cursor.head_len > 0 && self.is_at(&found.path))
    }

    fn is_at(&self, path: &Path) -> bool {
        let known = |probe: &Probe| probe.key == self.found.key && holds(probe, &self.cursor);
        Probe::open(path).is_ok_and(|probe| known(&probe))
    }

    /// When reading a torn archive is tried again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Reads on, up to about a batch.
    pub(super) fn read(
        &mut self,
        limits: Limits,
        batches: &mut Vec<Batch>,
        troubles: &mut Vec<Trouble>,
    ) -> Pass {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return Pass::End;
        }
        self.retry_at = None;
        if self.open.is_none() {
            match self.open_as_it_is(limits) {
                Ok(Some(open)) => self.open = Some(open),
                Ok(None) => return Pass::Replaced,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Pass::Replaced,
                Err(error) => return self.fail(Trouble::io(&self.found.path, &error), troubles),
            }
        }
        match &self.open {
            Some(Open::Direct(_)) => self.read_direct(limits, batches, troubles),
            _ => self.read_whole(limits, batches, troubles),
        }
    }

    fn fail(&mut self, trouble: Trouble, troubles: &mut Vec<Trouble>) -> Pass {
        let state = (self.found.size, self.found.modified_nanos);
        if self.told != Some(state) {
            self.told = Some(state);
            troubles.push(trouble);
        }
        self.dirty = false;
        self.open = None;
        Pass::Failed
    }

    /// Opens the file and proves that it is the known one; `None` when it is not.
    fn open_as_it_is(&mut self, limits: Limits) -> io::Result<Option<Open>> {
        let probe = Probe::open(&self.found.path)?;
        if probe.key != self.found.key {
            return Ok(None);
        }
        if probe.direct {
            return direct(probe.file, &self.cursor, limits.line_cap, probe.head);
        }
        let begun = Instant::now();
        let same = probe.head.hash_of(self.cursor.head_len) == Some(self.cursor.head_hash);
        if !same {
            return Ok(None);
        }
        let (cap, room) = (limits.line_cap, limits.batch_bytes);
        let whole = probe.coding.is_packed() || (self.superseded && self.is_quiet(limits.settle));
        let reader = FileReader::file(&self.found, probe, &self.cursor, self.log, cap, room);
        self.last_read = begun;
        match reader {
            Ok(reader) => Ok(Some(Open::Whole(Box::new(reader.taking_rest(whole))))),
            // Shorter than what was read of it: an archive in the making.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens what waits to be read, once, so that it is there when its turn comes though it be removed by then.
    pub(super) fn hold(&mut self, cap: usize) {
        self.was_held = true;
        self.open = self.open_direct(cap).ok().flatten();
    }

    /// It has to wait for its turn and may be removed before.
    pub(super) fn is_at_risk(&self) -> bool {
        self.dirty && self.superseded && !self.was_held && self.open.is_none() && self.has_unread()
    }

    fn open_direct(&self, cap: usize) -> io::Result<Option<Open>> {
        let probe = Probe::open(&self.found.path)?;
        if probe.key != self.found.key || !probe.direct {
            return Ok(None);
        }
        direct(probe.file, &self.cursor, cap, probe.head)
    }

    fn read_direct(&mut self, limits: Limits, batches: &mut Vec<Batch>, troubles: &mut Vec<Trouble>) -> Pass {
        let Some(Open::Direct(open)) = &mut self.open else {
            return Pass::End;
        };
        let before = open.framer.position();
        let (mut pass, mut room) = (Pass::More, FIRST_BYTES);
        while pass == Pass::More && open.framer.position() - before < limits.batch_bytes as u64 {
            let at = open.framer.position();
            match open.read_more(room.min(limits.batch_bytes)) {
                Ok(more) => pass = more,
                Err(error) => return self.fail(Trouble::io(&self.found.path, &error), troubles),
            }
            if open.framer.position() - at >= room as u64 {
                room = READ_BYTES.min(room * 2);
            }
        }
        if open.framer.position() > before {
            self.last_read = Instant::now();
            self.fresh = true;
        }
        let mut framed = Vec::new();
        while let Some(lines) = open.framer.take() {
            framed.push(lines);
        }
        // Known from its first bytes on, even before it has a whole line.
        (self.cursor.head_len, self.cursor.head_hash) = open.head.identity();
        for lines in framed {
            let batch = self.batch(lines);
            batches.push(batch);
        }
        self.told = None;
        if pass == Pass::End {
            self.dirty = false;
        }
        pass
    }

    fn read_whole(&mut self, limits: Limits, batches: &mut Vec<Batch>, troubles: &mut Vec<Trouble>) -> Pass {
        let Some(Open::Whole(reader)) = &mut self.open else {
            return Pass::End;
        };
        match reader.next() {
            Some(Ok(batch)) => {
                self.cursor = Cursor {
                    id: self.id,
                    layout: self.cursor.layout.take(),
                    ..batch.cursor.clone()
                };
                let batch = Batch {
                    cursor: self.cursor.clone(),
                    ..batch
                };
                batches.push(batch);
                return Pass::More;
            }
            None => {
                self.cursor = Cursor {
                    layout: self.cursor.layout.take(),
                    ..reader.cursor()
                };
                batches.push(self.empty_batch());
            }
            Some(Err(trouble)) => {
                // Perhaps it is still being written: look again, but not more often than it costs.
                let cost = self.last_read.elapsed();
                if self.is_quiet(limits.settle) {
                    return self.fail(trouble, troubles);
                }
                self.retry_at = Some(Instant::now() + (cost * 4).max(Duration::from_millis(50)));
                self.open = None;
                return Pass::Failed;
            }
        }
        self.open = None;
        self.dirty = false;
        self.last_read = Instant::now();
        Pass::End
    }

    /// The file is rotated or gone and has been quiet: its unterminated last line is a line, and it is let go.
    pub(super) fn finish(&mut self, batches: &mut Vec<Batch>) {
        if let Some(Open::Direct(open)) = &mut self.open
            && let Some(lines) = open.framer.take_rest()
        {
            let batch = self.batch(lines);
            batches.push(batch);
        }
        self.cursor.finished = true;
        self.cursor.modified_nanos = self.found.modified_nanos;
        batches.push(self.empty_batch());
        self.open = None;
    }

    /// A batch without lines that carries the cursor.
    pub(super) fn empty_batch(&self) -> Batch {
        let (file, log, base) = (self.shown.clone(), self.log, self.cursor.offset);
        Batch {
            file,
            log,
            base,
            cursor: self.cursor.clone(),
            ..Batch::default()
        }
    }

    fn batch(&mut self, framed: Framed) -> Batch {
        let cursor = &mut self.cursor;
        (cursor.proof_len, cursor.proof_hash) = framed.proof;
        cursor.offset = framed.end;
        cursor.modified_nanos = self.found.modified_nanos;
        cursor.finished = false;
        let (file, log, cursor) = (self.shown.clone(), self.log, cursor.clone());
        Batch {
            file,
            log,
            bytes: framed.bytes,
            lines: framed.lines,
            base: framed.base,
            cursor,
        }
    }
}

/// True when a file has the head and, if it is plain, the bytes before the offset that a cursor says.
fn holds(probe: &Probe, cursor: &Cursor) -> bool {
    let before = || read_before(&probe.file, cursor.offset, cursor.proof_len as usize);
    let proved =
        || before().is_ok_and(|before| before.is_some_and(|bytes| hash(&bytes) == cursor.proof_hash));
    probe.head.hash_of(cursor.head_len) == Some(cursor.head_hash) && (!probe.direct || proved())
}

/// Opens a plain file at the cursor, if its head and the bytes before the offset are those that were known.
fn direct(file: File, cursor: &Cursor, cap: usize, head: Head) -> io::Result<Option<Open>> {
    let known_head = head.hash_of(cursor.head_len) == Some(cursor.head_hash);
    let Some(before) = read_before(&file, cursor.offset, HASHED_BYTES)? else {
        return Ok(None);
    };
    let proof = before
        .len()
        .checked_sub(cursor.proof_len as usize)
        .and_then(|from| before.get(from..));
    if !known_head || proof.map(hash) != Some(cursor.proof_hash) {
        return Ok(None);
    }
    let mut recent = Trail::default();
    recent.push(&before);
    let framer = Framer::new(cap, cursor.offset, recent.clone());
    Ok(Some(Open::Direct(Box::new(Direct {
        file,
        framer,
        head,
        recent,
    }))))
}

impl Direct {
    /// The bytes before the place up to which was read are what they were.
    fn is_same(&self) -> bool {
        let known = self.recent.bytes();
        let mut room = vec![0; known.len()];
        let from = self.framer.position() - known.len() as u64;
        read_at(&self.file, &mut room, from).is_ok_and(|count| room.get(..count) == Some(known))
    }

    /// Reads once, together with the bytes before: when those have changed, the file was cut and written anew.
    fn read_more(&mut self, most: usize) -> io::Result<Pass> {
        let known = self.recent.bytes();
        let mut room = vec![0; known.len() + most.max(1)];
        let from = self.framer.position() - known.len() as u64;
        let count = read_at(&self.file, &mut room, from)?;
        let Some(fresh) = room.get(..count).and_then(|read| read.strip_prefix(known)) else {
            return Ok(Pass::Replaced);
        };
        if fresh.is_empty() {
            return Ok(Pass::End);
        }
        self.head.feed(self.framer.position(), fresh);
        self.framer.push(fresh);
        self.recent.push(fresh);
        Ok(Pass::More)
    }
}

fn read_at(file: &File, room: &mut [u8], from: u64) -> io::Result<usize> {
    loop {
        match file.read_at(room, from) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A cursor that stands at the end of a file that will not be read from its start: after its last whole line, at
/// most `limit` bytes in. A compressed file is taken as done.
pub(super) fn cursor_at_end(
    probe: &Probe,
    id: i64,
    path: &Path,
    limit: Option<u64>,
    cap: usize,
) -> io::Result<Cursor> {
    let (head_len, head_hash) = probe.head.identity();
    let mut cursor = Cursor {
        id,
        path: path.into(),
        head_len,
        head_hash,
        device: probe.key.device,
        inode: probe.key.inode,
        modified_nanos: probe.modified_nanos,
        ..Cursor::default()
    };
    if probe.coding.is_packed() {
        cursor.finished = true;
        return Ok(cursor);
    }
    let (offset, before) = if probe.direct {
        let offset = last_line_end(&probe.file, limit.unwrap_or(probe.size).min(probe.size))?;
        (
            offset,
            read_before(&probe.file, offset, HASHED_BYTES)?.unwrap_or_default(),
        )
    } else {
        let mut file = &probe.file;
        file.seek(SeekFrom::Start(0))?;
        let mut decoder = Decoder::new(file);
        let mut framer = Framer::new(cap, 0, Trail::default());
        let mut trail = Trail::default();
        while framer
            .fill(READ_BYTES, |room| decoder.read(room))
            .is_ok_and(|count| count > 0)
        {
            while let Some(framed) = framer.take() {
                trail.push(&framed.bytes);
            }
        }
        (cursor.proof_len, cursor.proof_hash) = framer.proof();
        cursor.offset = framer.taken();
        return Ok(cursor);
    };
    cursor.offset = offset;
    cursor.proof_len = before.len() as u32;
    cursor.proof_hash = hash(&before);
    Ok(cursor)
}

/// Offset after the last newline within the first `size` bytes.
fn last_line_end(file: &File, size: u64) -> io::Result<u64> {
    let mut end = size;
    while end > 0 {
        let Some(bytes) = read_before(file, end, READ_BYTES)? else {
            return Ok(size);
        };
        if let Some(found) = memchr::memrchr(b'\n', &bytes) {
            return Ok(end - bytes.len() as u64 + found as u64 + 1);
        }
        end -= bytes.len() as u64;
    }
    Ok(0)
}

/// True when a modification is so long ago.
pub(super) fn is_quiet(modified_nanos: i64, settle: Duration) -> bool {
    let since = Duration::from_nanos(u64::try_from(modified_nanos).unwrap_or_default());
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH + since)
        .is_ok_and(|age| age >= settle)
}

/// True for names that compression or rotation made: an empty file of such a name is one in the making.
pub(super) fn is_derived(found: &Found) -> bool {
    let name = found.path.file_name().unwrap_or_default().to_string_lossy();
    found.generation != crate::source::names::Generation::Live || Name::parse(&name).packed
}
