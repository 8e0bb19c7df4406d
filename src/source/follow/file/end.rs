//! Where a file stands that is not read from its start: after its last whole line, or done when it is compressed.
//!
//! It reads as much as that takes and gives no line. Next: `super::super::adopt`, which asks for it.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use super::pass::READ_BYTES;
use crate::source::Cursor;
use crate::source::decode::Decoder;
use crate::source::frame::Framer;
use crate::source::identity::{HASHED_BYTES, Trail, hash};
use crate::source::probe::{Probe, read_before};

/// A cursor that stands at the end of a file that will not be read from its start: after its last whole line, at
/// most `limit` bytes in. A compressed file is taken as done.
pub(in crate::source::follow) fn cursor_at_end(
    probe: &Probe,
    id: i64,
    path: &Path,
    limit: Option<u64>,
    cap: usize,
) -> io::Result<Cursor> {
    let (head_len, head_hash) = probe.head.identity();
    let mut cursor = Cursor {
        id,
        path: path.into(),
        head_len,
        head_hash,
        device: probe.key.device,
        inode: probe.key.inode,
        modified_nanos: probe.modified_nanos,
        ..Cursor::default()
    };
    if probe.coding.is_packed() {
        cursor.finished = true;
        return Ok(cursor);
    }
    let (offset, before) = if probe.direct {
        let offset = last_line_end(&probe.file, limit.unwrap_or(probe.size).min(probe.size))?;
        (
            offset,
            read_before(&probe.file, offset, HASHED_BYTES)?.unwrap_or_default(),
        )
    } else {
        let mut file = &probe.file;
        file.seek(SeekFrom::Start(0))?;
        let mut decoder = Decoder::new(file);
        let mut framer = Framer::new(cap, 0, Trail::default());
        let mut trail = Trail::default();
        while framer
            .fill(READ_BYTES, |room| decoder.read(room))
            .is_ok_and(|count| count > 0)
        {
            while let Some(framed) = framer.take() {
                trail.push(&framed.bytes);
            }
        }
        (cursor.proof_len, cursor.proof_hash) = framer.proof();
        cursor.offset = framer.taken();
        return Ok(cursor);
    };
    cursor.offset = offset;
    cursor.proof_len = before.len() as u32;
    cursor.proof_hash = hash(&before);
    Ok(cursor)
}

/// Offset after the last newline within the first `size` bytes.
fn last_line_end(file: &File, size: u64) -> io::Result<u64> {
    let mut end = size;
    while end > 0 {
        let Some(bytes) = read_before(file, end, READ_BYTES)? else {
            return Ok(size);
        };
        if let Some(found) = memchr::memrchr(b'\n', &bytes) {
            return Ok(end - bytes.len() as u64 + found as u64 + 1);
        }
        end -= bytes.len() as u64;
    }
    Ok(0)
}
