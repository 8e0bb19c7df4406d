//! [`Lock`]: at most one afw reads logs into a state directory.
//!
//! An advisory lock of the operating system on `afw.lock`: it goes away with the process, however that ends. The file
//! holds the owner's process id, and on a second line whether it takes reloads. Next: [`super::open`].

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StoreError;
use super::open::{Place, create_dir};

/// Name of the lock file in the state directory.
const FILE: &str = "afw.lock";
/// Second line of the file of a process that takes reloads.
const RELOADS: &str = "reloads";
/// So often a lock is tried for: who only looks whether it is held holds it for a moment.
const ATTEMPTS: u32 = 5;
/// How long between two of these.
const PAUSE: Duration = Duration::from_millis(20);

/// Held as long as this value lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
    place: Place,
}

/// Who holds the lock of a state directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its process id, when it could be read.
    pub pid: Option<u32>,
    /// Whether it is one that takes reloads: SIGHUP ends any other.
    pub reloads: bool,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another afw{} uses the state directory {}", holder(*pid), dir.display())]
    Held {
        /// The state directory.
        dir: PathBuf,
        /// Process id of the holder, when it could be read.
        pid: Option<u32>,
    },
    /// The file could not be made or opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LockError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Held { .. } => {
                Some("wait for it, stop it, or give this one its own --state-dir".to_owned())
            }
            Self::Store(error) => error.hint(),
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

impl Lock {
    /// Where it lies: removed from there, it keeps nobody out.
    pub(super) fn place(&self) -> Place {
        self.place.clone()
    }

    /// Takes the lock of a state directory, which is created when it is not there. Does not wait.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process has it.
    pub fn take(dir: &Path) -> Result<Self, LockError> {
        create_dir(dir)?;
        let path = dir.join(FILE);
        let mut file = open_file(&path).map_err(|error| StoreError::io(&path, "open", error))?;
        match try_lock(&file) {
            Ok(()) => {
                // The id is for people and for reloads; a full disk must not keep afw from running.
                let _ = write_holder(&mut file, false);
                let place = Place::of(&path);
                Ok(Self { file, place })
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held {
                dir: dir.to_path_buf(),
                pid: read_holder(&mut file).pid,
            }),
            Err(TryLockError::Error(error)) => Err(StoreError::io(&path, "lock", error).into()),
        }
    }

    /// Says that this process takes reloads from now on.
    pub fn takes_reloads(&mut self) {
        // Who cannot read it there is told that nothing runs that could be reloaded.
        let _ = write_holder(&mut self.file, true);
    }

    /// Who holds the lock of a state directory, if anybody does. Makes nothing.
    ///
    /// # Errors
    /// The lock file is there and cannot be opened.
    pub fn holder(dir: &Path) -> Result<Option<Holder>, StoreError> {
        let path = dir.join(FILE);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(&path, "open", error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(read_holder(&mut file))),
            Err(TryLockError::Error(error)) => Err(StoreError::io(&path, "lock", error)),
        }
    }
}

fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 1..ATTEMPTS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            other => return other,
        }
    }
    file.try_lock()
}

fn open_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write_holder(file: &mut File, reloads: bool) -> std::io::Result<()> {
    let reloads = if reloads { RELOADS } else { "" };
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}\n{reloads}", std::process::id())
}

fn read_holder(file: &mut File) -> Holder {
    let mut text = String::new();
    // What cannot be read is not known.
    let _ = file.take(64).read_to_string(&mut text);
    let mut lines = text.lines().map(str::trim);
    Holder {
        pid: lines.next().and_then(|line| line.parse().ok()),
        reloads: lines.next() == Some(RELOADS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_and_names_the_holder_until_the_first_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("a/b");
        let first = Lock::take(&state).unwrap();
        let Err(LockError::Held { pid, .. }) = Lock::take(&state) else {
            panic!("the lock was given twice");
        };
        assert_eq!(pid, Some(std::process::id()));
        drop(first);
        assert_eq!(Lock::holder(&state).unwrap(), None);
        Lock::take(&state).unwrap();
    }

    #[test]
    fn whether_the_holder_takes_reloads_is_known() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Lock::holder(dir.path()).unwrap(), None, "there is no lock");
        let mut lock = Lock::take(dir.path()).unwrap();
        let pid = Some(std::process::id());
        let holder = |reloads| Some(Holder { pid, reloads });
        assert_eq!(Lock::holder(dir.path()).unwrap(), holder(false));
        lock.takes_reloads();
        assert_eq!(Lock::holder(dir.path()).unwrap(), holder(true));
    }
}
