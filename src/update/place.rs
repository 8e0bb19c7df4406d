//! Puts a file in place whole: written beside its name, flushed, renamed over it.
//!
//! Readers see the old file or the new one, never half of one; who has the old one open keeps it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::UpdateError;

/// Replaces the file at `path`, whose folder must exist.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), UpdateError> {
    let written = write(path, bytes);
    written.map_err(|source| UpdateError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Makes the folder of a file.
pub(super) fn folder(path: &Path) -> Result<(), UpdateError> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    fs::create_dir_all(folder).map_err(|source| UpdateError::Write {
        path: folder.to_owned(),
        source,
    })
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path, &format!(".{}.new", std::process::id()));
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&new)
        .or_else(|error| {
            // What a process of this number left behind when it was killed.
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
            fs::remove_file(&new)?;
            OpenOptions::new().write(true).create_new(true).open(&new)
        });
    let mut file = made?;
    let moved = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&new, path));
    if moved.is_err() {
        drop(fs::remove_file(&new));
    }
    moved?;
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// A note kept beside a file: `NAME.SUFFIX`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The note beside a file that exists, trimmed; empty without one.
pub(super) fn note(path: &Path, suffix: &str) -> String {
    if !path.exists() {
        return String::new();
    }
    let text = fs::read_to_string(beside(path, suffix)).unwrap_or_default();
    text.trim().to_owned()
}
