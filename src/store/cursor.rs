//! Rows of files: cursors, and how many lines each gave. Next: [`super::commit`].

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use afw_parsers::Time;
use rusqlite::{Connection, Row, params};

use super::number::{signed, unsigned};
use super::{Effects, FORGOTTEN_LINES, FORGOTTEN_REJECTS, FileCount, Store, StoreError, from_millis, state};
use crate::source::Cursor;

/// What the store knows of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRow {
    /// How far it was read.
    pub cursor: Cursor,
    /// Complete lines taken from it.
    pub lines: u64,
    /// Lines that no grammar accepted.
    pub rejects: u64,
    /// Event time of its newest line.
    pub last_time: Option<Time>,
    /// Name of the format that won.
    pub format: Option<String>,
    /// When this row last changed.
    pub updated: Time,
}

impl Store {
    /// The stored cursors, by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn cursors(&self) -> Result<Vec<Cursor>, StoreError> {
        Ok(self.files()?.into_iter().map(|row| row.cursor).collect())
    }

    /// The stored files with their counts, by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn files(&self) -> Result<Vec<FileRow>, StoreError> {
        let read = || -> rusqlite::Result<Vec<FileRow>> {
            let mut statement = self.database.connection.prepare_cached(SELECT)?;
            statement.query_map([], file_row)?.collect()
        };
        read().map_err(|error| self.database.failed("read the cursors", error))
    }
}

const SELECT: &str = "SELECT id, path, head_len, head_hash, device, inode, modified_nanos, offset, proof_len, \
     proof_hash, finished, layout, lines, rejects, last_time_nanos, format, updated FROM file ORDER BY id";

fn file_row(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    Ok(FileRow {
        cursor: Cursor {
            id: row.get(0)?,
            path: path_of(row.get(1)?),
            head_len: row.get(2)?,
            head_hash: unsigned(row.get(3)?),
            device: unsigned(row.get(4)?),
            inode: unsigned(row.get(5)?),
            modified_nanos: row.get(6)?,
            offset: unsigned(row.get(7)?),
            proof_len: row.get(8)?,
            proof_hash: unsigned(row.get(9)?),
            finished: row.get(10)?,
            layout: row.get(11)?,
        },
        lines: unsigned(row.get(12)?),
        rejects: unsigned(row.get(13)?),
        last_time: row.get::<_, Option<i64>>(14)?.map(Time::from_nanos),
        format: row.get(15)?,
        updated: from_millis(row.get(16)?),
    })
}

/// Writes the cursors, counts and forgotten files of a commit.
pub(super) fn write(connection: &Connection, effects: &Effects, now: i64) -> rusqlite::Result<()> {
    for cursor in effects.cursors.iter().filter(|cursor| cursor.id != 0) {
        put(connection, cursor, now)?;
    }
    for count in &effects.counts {
        match effects.cursors.get(count.cursor).map(|cursor| cursor.id) {
            Some(id) if id != 0 => add(connection, id, count)?,
            _ => add_loose(connection, count.lines, count.rejects)?,
        }
    }
    for id in &effects.forgotten {
        forget(connection, *id)?;
    }
    Ok(())
}

fn put(connection: &Connection, cursor: &Cursor, now: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO file (id, path, head_len, head_hash, device, inode, modified_nanos, offset, proof_len,
                 proof_hash, finished, layout, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (id) DO UPDATE SET path = ?2, head_len = ?3, head_hash = ?4, device = ?5, inode = ?6,
                 modified_nanos = ?7, offset = ?8, proof_len = ?9, proof_hash = ?10, finished = ?11, layout = ?12,
                 updated = ?13",
        )?
        .execute(params![
            cursor.id,
            path_bytes(&cursor.path),
            cursor.head_len,
            signed(cursor.head_hash),
            signed(cursor.device),
            signed(cursor.inode),
            cursor.modified_nanos,
            signed(cursor.offset),
            cursor.proof_len,
            signed(cursor.proof_hash),
            cursor.finished,
            cursor.layout,
            now,
        ])
        .map(drop)
}

fn add(connection: &Connection, id: i64, count: &FileCount) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE file SET lines = lines + ?2, rejects = rejects + ?3, format = coalesce(?5, format),
                 last_time_nanos = CASE WHEN last_time_nanos > ?4 THEN last_time_nanos
                                        ELSE coalesce(?4, last_time_nanos) END
             WHERE id = ?1",
        )?
        .execute(params![
            id,
            signed(count.lines),
            signed(count.rejects),
            count.last_time_nanos,
            count.format
        ])
        .map(drop)
}

/// Counts lines that belong to no stored file.
fn add_loose(connection: &Connection, lines: u64, rejects: u64) -> rusqlite::Result<()> {
    state::add_counter(connection, FORGOTTEN_LINES, lines)?;
    state::add_counter(connection, FORGOTTEN_REJECTS, rejects)
}

fn forget(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("DELETE FROM file WHERE id = ?1 RETURNING lines, rejects")?;
    let gone: Vec<(i64, i64)> = statement
        .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (lines, rejects) in gone {
        add_loose(connection, unsigned(lines), unsigned(rejects))?;
    }
    Ok(())
}

#[cfg(unix)]
fn path_bytes(path: &Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}

#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> PathBuf {
    let text: OsString = std::os::unix::ffi::OsStringExt::from_vec(bytes);
    PathBuf::from(text)
}

#[cfg(not(unix))]
fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from(String::from_utf8_lossy(&bytes).into_owned()))
}
