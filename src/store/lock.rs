//! [`Lock`]: at most one afw reads logs into a state directory.
//!
//! An advisory lock of the operating system on `afw.lock`: it goes away with the process, however that ends. The file
//! holds the owner's process id for people. Next: [`super::open`].

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::open::{Place, create_dir};

/// Name of the lock file in the state directory.
const FILE: &str = "afw.lock";

/// Held as long as this value lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    place: Place,
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
        match file.try_lock() {
            Ok(()) => {
                // The id is for people only; a full disk must not keep afw from running.
                let _ = write_pid(&mut file);
                let place = Place::of(&path);
                Ok(Self { _file: file, place })
            }
            Err(std::fs::TryLockError::WouldBlock) => Err(LockError::Held {
                dir: dir.to_path_buf(),
                pid: read_pid(&mut file),
            }),
            Err(std::fs::TryLockError::Error(error)) => Err(StoreError::io(&path, "lock", error).into()),
        }
    }
}

fn open_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
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
        Lock::take(&state).unwrap();
    }
}
