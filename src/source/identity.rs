//! How a file is known again: hashes of its decoded head and of the bytes before an offset, device and inode as a
//! hint.
//!
//! The hash is the first eight bytes of SHA-256: the same on every platform and in every version, and nobody can
//! write a log that looks like another on purpose. Next: [`super::rotation`], which decides with these.

use std::fs::Metadata;

use sha2::{Digest, Sha256};

/// Most bytes of a head or of a proof that are hashed.
pub const HASHED_BYTES: usize = 1024;

/// Device and inode of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Key {
    /// Device.
    pub device: u64,
    /// Inode.
    pub inode: u64,
}

impl Key {
    /// The key in a file's metadata.
    #[cfg(unix)]
    pub fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            device: meta.dev(),
            inode: meta.ino(),
        }
    }

    /// Platforms without inodes know files by content alone.
    #[cfg(not(unix))]
    pub fn of(_: &Metadata) -> Self {
        Self::default()
    }

    /// False for streams and where the platform has no inodes.
    pub fn is_known(self) -> bool {
        self != Self::default()
    }
}

/// When a file was last modified, in nanoseconds since the epoch; 0 when unknown.
pub fn modified_nanos(meta: &Metadata) -> i64 {
    meta.modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_nanos()).ok())
        .unwrap_or_default()
}

/// The stable hash of some bytes; 0 for none.
pub fn hash(bytes: &[u8]) -> u64 {
    if bytes.is_empty() {
        return 0;
    }
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The last bytes of a stream, as many as a proof takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail(Vec<u8>);

impl Trail {
    /// Adds bytes at the end; what is older than a proof's length is forgotten.
    pub fn push(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.len().checked_sub(HASHED_BYTES) {
            self.0.clear();
            self.0.extend_from_slice(bytes.get(last..).unwrap_or_default());
            return;
        }
        let excess = (self.0.len() + bytes.len()).saturating_sub(HASHED_BYTES);
        self.0.drain(..excess);
        self.0.extend_from_slice(bytes);
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes, and their hash.
    pub fn proof(&self) -> (u32, u64) {
        (self.0.len() as u32, hash(&self.0))
    }
}

/// The first decoded bytes of a file, as many as it has, up to [`HASHED_BYTES`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head(Vec<u8>);

impl Head {
    /// Adds what stands at `offset` in the decoded stream, if it continues the head.
    pub fn feed(&mut self, offset: u64, bytes: &[u8]) {
        let held = self.0.len();
        if held >= HASHED_BYTES {
            return;
        }
        let Some(skip) = (held as u64)
            .checked_sub(offset)
            .and_then(|skip| usize::try_from(skip).ok())
        else {
            return;
        };
        let fresh = bytes.get(skip..).unwrap_or_default();
        self.0
            .extend_from_slice(fresh.get(..HASHED_BYTES - held).unwrap_or(fresh));
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes, and their hash.
    pub fn identity(&self) -> (u32, u64) {
        (self.0.len() as u32, hash(&self.0))
    }

    /// Hash of the first `len` bytes; `None` when there are not that many.
    pub fn hash_of(&self, len: u32) -> Option<u64> {
        self.0.get(..len as usize).map(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(hash(b""), 0);
        assert_eq!(hash(b"abc"), 0xba78_16bf_8f01_cfea);
    }

    #[test]
    fn a_trail_keeps_the_last_bytes_however_they_come() {
        let all: Vec<u8> = (0..5000_u32).map(|n| (n % 251) as u8).collect();
        for step in [1, 7, 1000, 1024, 1025, 5000] {
            let mut trail = Trail::default();
            all.chunks(step).for_each(|chunk| trail.push(chunk));
            assert_eq!(trail.bytes(), &all[5000 - HASHED_BYTES..], "{step}");
        }
    }

    #[test]
    fn a_head_grows_and_ignores_what_it_has() {
        let mut head = Head::default();
        head.feed(0, b"abc");
        head.feed(1, b"bcd");
        head.feed(9, b"zzz");
        assert_eq!(head.bytes(), b"abcd");
        assert_eq!(head.hash_of(3), Some(hash(b"abc")));
        assert_eq!(head.hash_of(5), None);
        head.feed(4, &[b'x'; 5000]);
        assert_eq!(head.identity().0, 1024);
    }
}
