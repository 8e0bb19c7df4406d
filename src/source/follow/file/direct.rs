//! A plain file that is open, and the proof that it is still what was read: its head, and the bytes before the place up
//! to which was read, which come with each read again.
//!
//! It never decides what to do about a file that is another one now. Next: `pass`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::{Open, Pass};
use crate::source::Cursor;
use crate::source::frame::Framer;
use crate::source::identity::{HASHED_BYTES, Head, Trail, hash};
use crate::source::probe::{Probe, read_before};

/// A plain file, open.
pub(super) struct Direct {
    pub(super) file: File,
    pub(super) framer: Framer,
    pub(super) head: Head,
    /// The bytes before the place up to which was read.
    recent: Trail,
}

/// True when a file has the head and, if it is plain, the bytes before the offset that a cursor says.
pub(super) fn holds(probe: &Probe, cursor: &Cursor) -> bool {
    let before = || read_before(&probe.file, cursor.offset, cursor.proof_len as usize);
    let proved =
        || before().is_ok_and(|before| before.is_some_and(|bytes| hash(&bytes) == cursor.proof_hash));
    probe.head.hash_of(cursor.head_len) == Some(cursor.head_hash) && (!probe.direct || proved())
}

/// Opens a plain file at the cursor, if its head and the bytes before the offset are those that were known.
pub(super) fn direct(file: File, cursor: &Cursor, cap: usize, head: Head) -> io::Result<Option<Open>> {
    let known_head = head.hash_of(cursor.head_len) == Some(cursor.head_hash);
    let Some(before) = read_before(&file, cursor.offset, HASHED_BYTES)? else {
        return Ok(None);
    };
    let proof = before
        .len()
        .checked_sub(cursor.proof_len as usize)
        .and_then(|from| before.get(from..));
    if !known_head || proof.map(hash) != Some(cursor.proof_hash) {
        return Ok(None);
    }
    let mut recent = Trail::default();
    recent.push(&before);
    let framer = Framer::new(cap, cursor.offset, recent.clone());
    Ok(Some(Open::Direct(Box::new(Direct {
        file,
        framer,
        head,
        recent,
    }))))
}

impl Direct {
    /// The bytes before the place up to which was read are what they were.
    pub(super) fn is_same(&self) -> bool {
        let known = self.recent.bytes();
        let mut room = vec![0; known.len()];
        let from = self.framer.position() - known.len() as u64;
        read_at(&self.file, &mut room, from).is_ok_and(|count| room.get(..count) == Some(known))
    }

    /// Reads once, together with the bytes before: when those have changed, the file was cut and written anew.
    pub(super) fn read_more(&mut self, most: usize) -> io::Result<Pass> {
        let known = self.recent.bytes();
        let mut room = vec![0; known.len() + most.max(1)];
        let from = self.framer.position() - known.len() as u64;
        let count = read_at(&self.file, &mut room, from)?;
        let Some(fresh) = room.get(..count).and_then(|read| read.strip_prefix(known)) else {
            return Ok(Pass::Replaced);
        };
        if fresh.is_empty() {
            return Ok(Pass::End);
        }
        self.head.feed(self.framer.position(), fresh);
        self.framer.push(fresh);
        self.recent.push(fresh);
        Ok(Pass::More)
    }
}

fn read_at(file: &File, room: &mut [u8], from: u64) -> io::Result<usize> {
    loop {
        match file.read_at(room, from) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
