//! [`StoreError`]: what can go wrong with the state database, and what to do about it.
//!
//! Every error names the file. [`StoreError::is_retryable`] tells a passing trouble (full disk, busy) from one that
//! needs a person; the way out stands in [`StoreError::hint`]. Next: [`super::open`].

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::text::system_message;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is no intact store. Nothing was changed.
    #[error("state database {} is damaged: {what}", path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What the check found.
        what: String,
    },
    /// The file was written by a newer afw.
    #[error("state database {} has schema version {found}, but this afw knows only up to {known}", path.display())]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Version in the file.
        found: i64,
        /// Newest version this program can read.
        known: i64,
    },
    /// No space left.
    #[error("cannot {what} in {}: the disk is full", path.display())]
    Full {
        /// The database file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
    },
    /// The file or its file system is read-only.
    #[error("cannot {what} in {}: it is read-only", path.display())]
    ReadOnly {
        /// The database file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
    },
    /// Another process held the database for too long.
    #[error("cannot {what} in {}: another process keeps it busy", path.display())]
    Busy {
        /// The database file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {what} {}: {}", path.display(), system_message(source))]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// What is open has another name, or none, on disk by now: what is written there is lost.
    #[error("{} was removed or replaced while it is in use", path.display())]
    Gone {
        /// The database or lock file.
        path: PathBuf,
    },
    /// Any other trouble SQLite reports.
    #[error("cannot {what} in {}: {source}", path.display())]
    Sql {
        /// The database file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without anyone changing data: the caller keeps what it has, waits
    /// and tries again.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Damaged { .. } | Self::Newer { .. })
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { path, .. } => Some(set_aside(path)),
            Self::Newer { .. } => {
                Some("install the afw that wrote it, or use another --state-dir".to_owned())
            }
            Self::Full { .. } => Some("free some space; reading goes on by itself".to_owned()),
            Self::ReadOnly { path, .. } => Some(format!(
                "make {} writable for this user, or use another --state-dir",
                path.parent().unwrap_or(path).display()
            )),
            Self::Gone { .. } => {
                Some("put it back, or end this afw and start again: it cannot go on without it".to_owned())
            }
            Self::Busy { .. } => Some("end the program that holds it open (`fuser afw.db`)".to_owned()),
            Self::Io { path, source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some(format!(
                    "{} belongs to another user: run as that one, or name a directory of your own with --state-dir",
                    path.parent().unwrap_or(path).display()
                ))
            }
            Self::Io { path, .. } | Self::Sql { path, .. } => Some(format!(
                "check the disk and the permissions of {}",
                path.parent().unwrap_or(path).display()
            )),
        }
    }

    /// The error for something SQLite said while `what` was tried.
    pub(super) fn sql(path: &Path, what: &'static str, source: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged {
                path,
                what: source.to_string(),
            },
            Some(ErrorCode::DiskFull) => Self::Full { path, what },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path, what },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path, what },
            // SQLite does not say why the system refused: the disk is asked.
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => match disk_says(&path) {
                Some(refusal) => Self::io(&path, what, refusal),
                None => Self::Sql { path, what, source },
            },
            _ => Self::Sql { path, what, source },
        }
    }

    /// The error for something the operating system said while `what` was tried.
    pub(crate) fn io(path: &Path, what: &'static str, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path, what },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path, what },
            _ => Self::Io { path, what, source },
        }
    }
}

/// Why no file can be written beside the database, if that is so: tried with a small one.
fn disk_says(path: &Path) -> Option<io::Error> {
    let probe = path.with_file_name(format!(".afw.probe.{}", std::process::id()));
    let write = || {
        let mut file = fs::File::create_new(&probe)?;
        file.write_all(&[0; 64 << 10])?;
        file.sync_all()
    };
    let refusal = write().err();
    // Not there when it could not be made.
    let _ = fs::remove_file(&probe);
    refusal.filter(|error| error.kind() != io::ErrorKind::AlreadyExists)
}

/// How to start again without losing what is there. The commands can be run as they stand.
fn set_aside(path: &Path) -> String {
    let aside = (1..100)
        .map(|number| path.with_file_name(format!("damaged-{number}")))
        .find(|aside| !aside.exists());
    let aside = quoted(&aside.unwrap_or_else(|| path.with_file_name("damaged")));
    let path = quoted(path);
    format!(
        "try `sqlite3 {path} .recover | sqlite3 recovered.db`, or set it aside with `mkdir {aside} && mv {path}* {aside}` \
         and start again: afw then knows no positions, windows or waiting deliveries, so choose with --from start|end \
         what to read again"
    )
}

/// A path as a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&byte);
    if text.bytes().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_out_can_be_pasted_into_a_shell() {
        for (path, word) in [("/a/afw.db", "/a/afw.db"), ("/a b'c;/x", r"'/a b'\''c;/x'")] {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }

    #[test]
    fn the_disk_is_asked_why_it_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(disk_says(&dir.path().join("afw.db")).is_none());
        let gone = disk_says(&dir.path().join("gone/afw.db")).unwrap();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
