//! One followed file: opened when there is something to read, proved to be the one that was known, read to its
//! end, closed when idle.
//!
//! Here is what is known of it and when it is open; it neither chooses whose turn it is nor tells anyone. Next: `pass`,
//! which reads on, `direct`, which proves a plain file to be the known one, and `end`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

mod direct;
mod end;
mod pass;

pub(super) use self::end::cursor_at_end;

use self::direct::{Direct, holds};
use crate::source::Cursor;
use crate::source::discover::Found;
use crate::source::identity::{Key, modified_nanos};
use crate::source::names::Name;
use crate::source::probe::Probe;
use crate::source::reader::FileReader;
use crate::text::of_path;

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

    /// Opens what waits to be read, once, so that it is there when its turn comes though it be removed by then.
    pub(super) fn hold(&mut self, cap: usize) {
        self.was_held = true;
        self.open = self.open_direct(cap).ok().flatten();
    }

    /// It has to wait for its turn and may be removed before.
    pub(super) fn is_at_risk(&self) -> bool {
        self.dirty && self.superseded && !self.was_held && self.open.is_none() && self.has_unread()
    }
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
