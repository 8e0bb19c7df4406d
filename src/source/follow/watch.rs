//! Waking up: one watch per directory, changes collected until they are asked for.
//!
//! Only a hint. What really changed is found out by looking, and a slow poll finds what no event told (network
//! file systems, a full event queue, no watches left).

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use crate::source::discover::openable;
use crate::source::identity::Key;

/// More changed files than this between two looks are not told apart any more.
const MAX_FILES: usize = 4096;
/// How long further changes are collected after the first.
const COALESCE: Duration = Duration::from_millis(10);
/// How long the changes of a rest may take to be told. What is told later waits for the next look.
const TELLING: Duration = Duration::from_millis(2);

/// What changed since it was last asked for.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Files that were written to, by absolute path.
    pub(super) files: HashSet<PathBuf>,
    /// Something appeared, went, or was renamed.
    pub(super) names: bool,
    /// Events were lost: anything may have changed.
    pub(super) lost: bool,
}

/// Wakes a waiting [`super::Follower`] from any thread.
#[derive(Debug, Clone)]
pub struct Waker(SyncSender<()>);

impl Waker {
    /// Ends a wait, or the next one.
    pub fn wake(&self) {
        // A full channel means that a wake-up is already on its way.
        let _ = self.0.try_send(());
    }
}

pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// The watched directories, each with its key: under a path may soon be another directory.
    watched: HashMap<PathBuf, Key>,
    changes: Arc<Mutex<Changes>>,
    waker: Waker,
    woken: Receiver<()>,
    complaint: Option<String>,
    /// Every directory asked for is watched.
    whole: bool,
}

impl Watch {
    pub(super) fn new() -> Self {
        let (sender, woken) = sync_channel(1);
        let waker = Waker(sender);
        let changes = Arc::new(Mutex::new(Changes::default()));
        let (noted, wake) = (Arc::clone(&changes), waker.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let mut changes = noted.lock().unwrap_or_else(PoisonError::into_inner);
            if changes.note(event) {
                drop(changes);
                wake.wake();
            }
        });
        let complaint = watcher.as_ref().err().map(|error| format!("{error}"));
        Self {
            whole: watcher.is_ok(),
            watcher: watcher.ok(),
            watched: HashMap::new(),
            changes,
            waker,
            woken,
            complaint,
        }
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Why watches do not work, told once.
    pub(super) fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    /// Watches these directories (or, where one is not there, the nearest one above it) and no others.
    pub(super) fn set(&mut self, directories: &[PathBuf]) {
        let wanted: HashSet<PathBuf> = directories.iter().filter_map(|dir| existing(dir)).collect();
        let old: Vec<PathBuf> = self
            .watched
            .keys()
            .filter(|dir| !wanted.contains(*dir))
            .cloned()
            .collect();
        for directory in old {
            self.watched.remove(&directory);
            if let Some(watcher) = &mut self.watcher {
                // A directory that is gone has lost its watch already.
                let _ = watcher.unwatch(&directory);
            }
        }
        for directory in wanted {
            let key = std::fs::metadata(&directory)
                .map(|meta| Key::of(&meta))
                .unwrap_or_default();
            if self.watched.get(&directory) != Some(&key) {
                self.add(&directory);
                self.watched.insert(directory, key);
            }
        }
    }

    fn add(&mut self, directory: &Path) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) else {
            return;
        };
        self.whole = false;
        if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) {
            self.complaint = Some(String::from(
                "no more watches (raise fs.inotify.max_user_watches); files are polled instead",
            ));
        }
    }

    /// False once a directory could not be watched.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// What changed since the last call.
    pub(super) fn changes(&self) -> Changes {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hears of no change for so long, then of all: as long as nobody listens, the system makes one event of many writes
    /// to a file, and nobody is woken for each.
    pub(super) fn rest(&self, pause: Duration) {
        let untold = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        std::thread::sleep(pause);
        drop(untold);
        std::thread::sleep(TELLING);
        while self.woken.try_recv().is_ok() {}
    }

    /// Waits for a change or a wake-up, and a moment longer for those that come with it.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        match self.woken.recv_timeout(timeout) {
            Ok(()) => {
                std::thread::sleep(COALESCE.min(timeout));
                while self.woken.try_recv().is_ok() {}
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }
}

impl Changes {
    /// Notes an event; false when it means nothing to us. Our own opening of files is such.
    fn note(&mut self, event: notify::Result<Event>) -> bool {
        let Ok(event) = event else {
            self.lost = true;
            return true;
        };
        if event.need_rescan() {
            self.lost = true;
            return true;
        }
        match event.kind {
            EventKind::Access(_) => return false,
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => {}
            _ => self.names = true,
        }
        if self.files.len() + event.paths.len() > MAX_FILES {
            self.lost = true;
            self.files.clear();
        } else {
            self.files.extend(event.paths);
        }
        true
    }
}

/// The nearest directory that is there, as an absolute path.
fn existing(directory: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(openable(directory)).ok()?;
    absolute
        .ancestors()
        .find(|dir| dir.is_dir())
        .map(Path::to_path_buf)
}
