//! How far reading is behind what logs hold, by the store's rows and the files as they are now.

use std::fs;

use afw_parsers::Time;

use crate::source::Cursor;
use crate::source::identity::Key;
use crate::store::FileRow;

/// Bytes of a plain file that were not read yet; 0 for what is finished or gone.
pub fn lag_bytes(file: &FileRow) -> u64 {
    if file.cursor.finished {
        return 0;
    }
    size(&file.cursor).map_or(0, |size| size.saturating_sub(file.cursor.offset))
}

/// Seconds since the last line that was read, while more waits to be read; 0 when all is read.
pub fn lag_secs(file: &FileRow, now: Time) -> Option<i64> {
    if lag_bytes(file) == 0 {
        return Some(0);
    }
    file.last_time.map(|time| now.since(time).max(0) / 1_000_000_000)
}

/// The size of the file that was read, if it is still under its path: after a rotation another one is.
pub fn size(cursor: &Cursor) -> Option<u64> {
    let meta = fs::metadata(&cursor.path).ok()?;
    (Key::of(&meta).inode == cursor.inode).then_some(meta.len())
}
