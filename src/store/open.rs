//! Opening the database: create, check, migrate.
//!
//! A new store is built beside its place and linked there when it is complete, so an `afw.db` that exists has always
//! been whole once: an empty or foreign file is damage and never taken for a fresh start. Next: [`super::schema`].

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::StoreError;
use super::schema::{APPLICATION_ID, STEPS};
use crate::source::identity::Key;

/// Name of the database in the state directory.
pub const FILE: &str = "afw.db";
/// How long the check at opening may take. A large store is then checked as far as that went; every stored batch
/// carries a hash of its own, and `Store::check` reads everything.
const CHECK_TIME: Duration = Duration::from_millis(200);
/// How long a statement waits for another process's transaction. Transactions here last milliseconds.
const BUSY_TIME: Duration = Duration::from_secs(10);
/// The write-ahead log is cut back to this size in bytes when it was longer.
const WAL_KEEP_BYTES: i64 = 16 << 20;

/// An open connection and the path it was opened by.
#[derive(Debug)]
pub(super) struct Database {
    pub connection: Connection,
    pub path: PathBuf,
    place: Place,
}

/// A file that is open and must stay where it is: what is written to a removed one is lost, and said by nobody.
#[derive(Debug, Clone)]
pub(super) struct Place {
    path: PathBuf,
    key: Option<Key>,
}

impl Place {
    /// Where a file that was just opened lies.
    pub fn of(path: &Path) -> Self {
        let (path, key) = (path.to_path_buf(), key_of(path));
        Self { path, key }
    }

    /// That the same file still lies there.
    pub fn check(&self) -> Result<(), StoreError> {
        if key_of(&self.path) == self.key {
            return Ok(());
        }
        let path = self.path.clone();
        Err(StoreError::Gone { path })
    }
}

impl Database {
    /// Opens the store of a state directory, made when it is not there.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        create_dir(dir)?;
        if !exists(dir)? {
            create(dir)?;
        }
        let mut database = Self::connect(dir)?;
        database.verify()?;
        database.migrate(STEPS)?;
        Ok(database)
    }

    /// Opens a store that this process has already checked.
    pub fn connect(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)
            .map_err(|error| StoreError::sql(&path, "open the store", error))?;
        let place = Place::of(&path);
        let database = Self {
            connection,
            path,
            place,
        };
        database
            .configure()
            .map_err(|error| database.failed("open the store", error))?;
        Ok(database)
    }

    /// `synchronous = FULL`: one fsync a commit, and commits are few (at most four a second, and one a batch). NORMAL
    /// would be safe against `kill -9`, but a power cut could take back a commit whose batch had been sent already:
    /// the lines would be read again and sent under a second id.
    fn configure(&self) -> rusqlite::Result<()> {
        self.connection.busy_timeout(BUSY_TIME)?;
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        self.connection
            .pragma_update(None, "journal_size_limit", WAL_KEEP_BYTES)?;
        self.connection.pragma_update(None, "temp_store", "MEMORY")?;
        self.connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    }

    /// That the open file is still the one at its path. SQLite would not say so.
    pub fn in_place(&self) -> Result<(), StoreError> {
        self.place.check()
    }

    /// The error for something SQLite said about this database.
    pub fn failed(&self, what: &'static str, error: rusqlite::Error) -> StoreError {
        StoreError::sql(&self.path, what, error)
    }

    fn damaged(&self, what: impl Into<String>) -> StoreError {
        StoreError::Damaged {
            path: self.path.clone(),
            what: what.into(),
        }
    }

    fn pragma(&self, name: &str) -> Result<i64, StoreError> {
        self.connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|error| self.failed("read the store", error))
    }

    /// That this is a store, of a version this program knows, and sound as far as can be told in little time.
    fn verify(&mut self) -> Result<(), StoreError> {
        if self.pragma("application_id")? != APPLICATION_ID {
            return Err(self.damaged("it was not written by afw"));
        }
        let found = self.pragma("user_version")?;
        let known = STEPS.len() as i64;
        if found > known {
            let path = self.path.clone();
            return Err(StoreError::Newer { path, found, known });
        }
        if found < 1 {
            return Err(self.damaged("it has no tables"));
        }
        self.quick_check(Some(CHECK_TIME)).map(drop)
    }

    /// `PRAGMA quick_check`, within `limit`; true when it came to its end.
    fn quick_check(&mut self, limit: Option<Duration>) -> Result<bool, StoreError> {
        if let Some(limit) = limit {
            let end = Instant::now() + limit;
            self.watch(Some(move || Instant::now() >= end))?;
        }
        let answer: rusqlite::Result<Option<String>> = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .optional();
        self.watch(None::<fn() -> bool>)?;
        match answer {
            Ok(Some(text)) if text != "ok" => Err(self.damaged(text)),
            Ok(_) => Ok(true),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {
                Ok(false)
            }
            Err(error) => Err(self.failed("check the store", error)),
        }
    }

    /// Has SQLite ask now and then whether to give up.
    fn watch<F: FnMut() -> bool + Send + 'static>(&mut self, give_up: Option<F>) -> Result<(), StoreError> {
        self.connection
            .progress_handler(10_000, give_up)
            .map_err(|error| StoreError::sql(&self.path, "check the store", error))
    }

    /// The full check: structure, indexes and their agreement with the tables. Takes as long as it takes.
    pub fn check(&mut self) -> Result<(), StoreError> {
        let text: String = self
            .connection
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|error| self.failed("check the store", error))?;
        if text == "ok" {
            Ok(())
        } else {
            Err(self.damaged(text))
        }
    }

    /// Applies the steps that this store has not had yet, all of them or none.
    fn migrate(&mut self, steps: &[&str]) -> Result<(), StoreError> {
        let version = usize::try_from(self.pragma("user_version")?).unwrap_or(0);
        if version >= steps.len() {
            return Ok(());
        }
        let what = "bring the store to the present schema";
        apply(&mut self.connection, steps, version).map_err(|error| StoreError::sql(&self.path, what, error))
    }
}

/// Device and inode of the file at a path, if there is one.
fn key_of(path: &Path) -> Option<Key> {
    fs::metadata(path).map(|found| Key::of(&found)).ok()
}

/// Applies `steps[from..]` in one transaction. Another process may have been faster: the version is read again inside.
fn apply(connection: &mut Connection, steps: &[&str], from: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let now: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let from = from.max(usize::try_from(now).unwrap_or(0));
    for step in steps.iter().skip(from) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", steps.len() as i64)?;
    transaction.commit()
}

/// Makes a directory and its parents, readable for this user alone. An existing one is left as it is.
pub(super) fn create_dir(dir: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(dir)
        .map_err(|error| StoreError::io(dir, "create the state directory", error))
}

/// Whether there is a database. One that is empty, or gone while its write-ahead log stayed, is damage.
fn exists(dir: &Path) -> Result<bool, StoreError> {
    let path = dir.join(FILE);
    let damaged = |what: &str| StoreError::Damaged {
        path: path.clone(),
        what: what.to_owned(),
    };
    match fs::metadata(&path) {
        Ok(found) if found.len() == 0 => Err(damaged("it is empty")),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let log = fs::metadata(dir.join(format!("{FILE}-wal")));
            match log {
                Ok(log) if log.len() > 0 => {
                    Err(damaged("it is gone, but its write-ahead log afw.db-wal is there"))
                }
                _ => Ok(false),
            }
        }
        Err(error) => Err(StoreError::io(&path, "open", error)),
    }
}

/// Builds a whole new store beside its place, then links it there. Loses gracefully to another process that does the
/// same at this moment.
fn create(dir: &Path) -> Result<(), StoreError> {
    let made = tempfile_in(dir)?;
    let result = fill(&made).and_then(|()| link(&made, &dir.join(FILE)));
    // What is left of the temporary name serves nothing more, whether linked or failed.
    let _ = fs::remove_file(&made);
    result
}

fn tempfile_in(dir: &Path) -> Result<PathBuf, StoreError> {
    let path = dir.join(format!(".afw.db.{}", uuid::Uuid::new_v4()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&path)
        .map_err(|error| StoreError::io(&path, "create", error))?;
    Ok(path)
}

fn fill(path: &Path) -> Result<(), StoreError> {
    let build = || -> rusqlite::Result<()> {
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        apply(&mut connection, STEPS, 0)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error)
    };
    build().map_err(|error| StoreError::sql(path, "create the store", error))?;
    let synced = fs::File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| StoreError::io(path, "write", error))
}

fn link(made: &Path, path: &Path) -> Result<(), StoreError> {
    match fs::hard_link(made, path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // File systems without hard links: the rename can at worst replace an equally new store.
        Err(_) if !path.exists() => {
            fs::rename(made, path).map_err(|error| StoreError::io(path, "create", error))
        }
        Err(error) => Err(StoreError::io(path, "create", error)),
    }
}

#[cfg(test)]
mod tests;
