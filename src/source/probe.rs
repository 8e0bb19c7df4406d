//! [`Probe`]: a file looked into: its head, how it is packed, and the bytes before an offset.
//!
//! It only reads, and it waits for nobody: a pipe in the place of a file is no file. Next: [`super::ledger`], which
//! tells known files by it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::Cursor;
use super::decode::{Coding, Decoder, Fault};
use super::identity::{HASHED_BYTES, Head, Key, Trail, hash, modified_nanos};
use super::rotation::Compared;

/// A file looked into.
#[derive(Debug)]
pub struct Probe {
    /// The open file.
    pub file: File,
    /// Its key, of the open file.
    pub key: Key,
    /// Its size on disk in bytes.
    pub size: u64,
    /// When it was last modified.
    pub modified_nanos: i64,
    /// Its head, decoded.
    pub head: Head,
    /// How it is packed; plain while it has too few bytes to tell.
    pub coding: Coding,
    /// Its bytes are the decoded ones: offsets can be gone to.
    pub direct: bool,
    /// It ends within its first bytes, and in a way in which only a file in the making does.
    pub torn: bool,
}

impl Probe {
    /// Opens a file and reads its head.
    ///
    /// # Errors
    /// Whatever the system says to opening or reading.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "is no file any more"));
        }
        let mut decoder = Decoder::new((&file).take(1 << 20));
        let mut head = Head::default();
        let mut room = [0; HASHED_BYTES];
        let mut torn = false;
        while let Some(rest) = HASHED_BYTES
            .checked_sub(head.bytes().len())
            .filter(|rest| *rest > 0)
        {
            match decoder.read(room.get_mut(..rest).unwrap_or_default()) {
                Ok(0) => break,
                Err(fault) => {
                    torn = matches!(fault, Fault::Truncated(_));
                    break;
                }
                Ok(count) => head.feed(head.bytes().len() as u64, room.get(..count).unwrap_or_default()),
            }
        }
        let coding = decoder.coding().unwrap_or(Coding::Plain);
        let direct = !coding.is_packed() && !decoder.is_transcoded();
        let (key, size, modified_nanos) = (Key::of(&meta), meta.len(), modified_nanos(&meta));
        torn |= direct && Coding::sniff(head.bytes()).is_none();
        Ok(Self {
            file,
            key,
            size,
            modified_nanos,
            head,
            coding,
            direct,
            torn,
        })
    }

    /// The bytes before `offset` against the cursor's hash of them.
    pub(super) fn compare_proof(&self, cursor: &Cursor) -> Compared {
        if self.direct && self.size < cursor.offset {
            return Compared::Short;
        }
        match self.before(cursor.offset, cursor.proof_len as usize) {
            Ok(Some(bytes)) if hash(&bytes) == cursor.proof_hash => Compared::Equal,
            Ok(Some(_)) => Compared::Differs,
            Ok(None) | Err(_) => Compared::Short,
        }
    }

    /// The last `len` decoded bytes before `offset`; `None` when there are not so many.
    ///
    /// # Errors
    /// Whatever the system says to reading.
    pub fn before(&self, offset: u64, len: usize) -> io::Result<Option<Vec<u8>>> {
        if offset == 0 {
            return Ok(Some(Vec::new()));
        }
        if self.direct {
            return read_before(&self.file, offset, len);
        }
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        let mut decoder = Decoder::new(file);
        let Some(trail) = pass(&mut decoder, offset) else {
            return Ok(None);
        };
        Ok(trail
            .bytes()
            .len()
            .checked_sub(len)
            .and_then(|from| trail.bytes().get(from..))
            .map(<[u8]>::to_vec))
    }

    /// True when all that is in this file is the beginning of the file at `path`, if that is still the one meant.
    pub(super) fn is_prefix_of(&self, path: &Path, meant: Option<Key>) -> bool {
        let Ok(other) = Self::open(path) else {
            return false;
        };
        Some(other.key) == meant && other.head.bytes().starts_with(self.head.bytes())
    }
}

/// Opens a file that was listed as one. Where a pipe has taken its place, this must not wait for its writer.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
    options.open(path)
}

/// Reads up to `len` bytes that end at `offset` of a plain file.
///
/// # Errors
/// Whatever the system says to reading.
pub fn read_before(file: &File, offset: u64, len: usize) -> io::Result<Option<Vec<u8>>> {
    let len = len.min(usize::try_from(offset).unwrap_or(usize::MAX));
    let mut file = file;
    file.seek(SeekFrom::Start(offset - len as u64))?;
    let mut bytes = Vec::with_capacity(len);
    file.take(len as u64).read_to_end(&mut bytes)?;
    Ok((bytes.len() == len).then_some(bytes))
}

/// Decodes and lets go of the first `offset` bytes; gives the last of them. `None` when there are not so many.
pub fn pass<R: Read>(decoder: &mut Decoder<R>, offset: u64) -> Option<Trail> {
    let mut trail = Trail::default();
    let mut room = vec![0; 64 << 10];
    let mut left = offset;
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(room.len());
        let count = decoder
            .read(room.get_mut(..want)?)
            .ok()
            .filter(|count| *count > 0)?;
        trail.push(room.get(..count)?);
        left -= count as u64;
    }
    Some(trail)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let (sender, opened) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(Probe::open(&path).map(|_| ())));
        let opened = opened.recv_timeout(std::time::Duration::from_secs(5));
        let error = opened.expect("opening returns").expect_err("it is no file");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
