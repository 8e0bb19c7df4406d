//! [`StoreError`]: what can go wrong with the state database, and what to do about it.
//!
//! Every error names the file. [`StoreError::is_retryable`] tells a passing trouble (full disk, busy) from one that
//! needs a person; the way out stands in [`StoreError::hint`]. Next: [`super::open`].

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

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
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
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
            Self::Busy { .. } | Self::Io { .. } | Self::Sql { .. } => None,
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

/// How to start again without losing what is there.
fn set_aside(path: &Path) -> String {
    let path = path.display();
    format!(
        "try `sqlite3 {path} .recover | sqlite3 recovered.db`, or set it aside with \
         `mkdir {path}.damaged && mv {path}* {path}.damaged/` and start again: afw then knows no positions, windows \
         or waiting deliveries, so choose with --from start|end what to read again"
    )
}
