//! [`Owner`]: who holds the lease of a batch, and whether that process still lives.
//!
//! A lease names its owner and an end. The owner keeps a file of its name locked: the operating system lets go of the
//! lock with the process, so what a killed afw had claimed is free again at once, and what a living one is sending is
//! sent by nobody else. Next: [`super::queue`].

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StoreError;

/// What the files of owners begin with.
const PREFIX: &str = "afw.sender.";
/// Files of owners that are gone are removed when they are older than this: a younger one may be about to be locked.
const LEFTOVER_AGE: Duration = Duration::from_secs(60);

/// A sender of batches. Its leases end with this value.
#[derive(Debug)]
pub struct Owner {
    id: String,
    dir: PathBuf,
    _file: File,
}

impl Owner {
    /// A new owner in this state directory. Removes what killed ones left.
    ///
    /// # Errors
    /// When its file cannot be made or locked.
    pub fn register(dir: &Path) -> Result<Self, StoreError> {
        sweep(dir);
        let id = uuid::Uuid::new_v4().to_string();
        let path = file_of(dir, &id);
        let failed = |error| StoreError::io(&path, "create", error);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Self {
            id,
            dir: dir.to_path_buf(),
            _file: file,
        })
    }

    /// The name in the table.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the process behind another owner's name still lives.
    pub(super) fn is_alive(&self, other: &str) -> bool {
        // Names come from the table; one that is no UUID is nobody's.
        uuid::Uuid::try_parse(other).is_ok() && is_locked(&file_of(&self.dir, other))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // A file that stays is swept by the next afw.
        let _ = fs::remove_file(file_of(&self.dir, &self.id));
    }
}

fn file_of(dir: &Path, id: &str) -> PathBuf {
    dir.join(format!("{PREFIX}{id}"))
}

/// Whether somebody holds the lock. A file that is gone is held by nobody; one that cannot be asked might be.
fn is_locked(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => file.try_lock_shared().is_err(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Removes files of owners that are gone. Whatever goes wrong here only leaves an empty file lying about.
fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let is_owner = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX));
        if is_owner && is_old(&entry) && !is_locked(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_old(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|found| found.modified());
    modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEFTOVER_AGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_lives_as_long_as_its_value() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (
            Owner::register(dir.path()).unwrap(),
            Owner::register(dir.path()).unwrap(),
        );
        assert!(a.is_alive(b.id()));
        let id = b.id().to_owned();
        drop(b);
        assert!(!a.is_alive(&id));
        assert!(!a.is_alive("../../etc/passwd"));
    }

    #[test]
    fn an_unlocked_file_is_a_dead_owner() {
        let dir = tempfile::tempdir().unwrap();
        let a = Owner::register(dir.path()).unwrap();
        let id = uuid::Uuid::new_v4().to_string();
        fs::write(file_of(dir.path(), &id), "").unwrap();
        assert!(!a.is_alive(&id));
    }
}
