//! Decoding: what a file holds is known by its first bytes, not by its name.
//!
//! [`Decoder`] turns any reader into its plain bytes: gzip (many members, zero padding), zstd, bzip2, xz, UTF-16
//! with a byte order mark, or nothing at all. Memory is bounded whatever the data says: zstd windows up to
//! 128 MiB, xz dictionaries likewise. A broken archive gives every byte before its fault and then a [`Fault`].
//! Must not know of lines; next: [`super::frame`].

use std::io::{self, Read};

mod codec;
#[cfg(test)]
mod tests;
mod unpack;
mod utf16;

use self::unpack::Unpack;
use self::utf16::Utf16;

/// How bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// Not at all.
    Plain,
    /// gzip, RFC 1952.
    Gzip,
    /// Zstandard, RFC 8878.
    Zstd,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// An archive that holds files of its own (zip, 7z) or a coding that is not read (lz4, compress).
    Unsupported(&'static str),
}

/// Magic bytes and what they announce.
const MAGICS: [(&[u8], Coding); 9] = [
    (b"\x1f\x8b", Coding::Gzip),
    (b"\x28\xb5\x2f\xfd", Coding::Zstd),
    (b"\xfd7zXZ\0", Coding::Xz),
    (b"PK\x03\x04", Coding::Unsupported("zip")),
    (b"7z\xbc\xaf\x27\x1c", Coding::Unsupported("7z")),
    (b"\x04\x22\x4d\x18", Coding::Unsupported("lz4")),
    (b"\x1f\x9d", Coding::Unsupported("compress (.Z)")),
    (b"\x1f\xa0", Coding::Unsupported("compress (.Z)")),
    (b"Rar!\x1a\x07", Coding::Unsupported("rar")),
];

/// Bytes needed to know bzip2.
const BZIP2_BYTES: usize = 6;

impl Coding {
    /// The coding that these first bytes announce; `None` while they are too few to tell.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        if is_skippable(head) {
            return Some(Self::Zstd);
        }
        if let Some(known) = sniff_bzip2(head) {
            return known.then_some(Self::Bzip2);
        }
        for (magic, coding) in MAGICS {
            if head.starts_with(magic) {
                return Some(coding);
            }
        }
        let undecided = MAGICS.iter().any(|(magic, _)| magic.starts_with(head));
        (!undecided).then_some(Self::Plain)
    }

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Unsupported(name) => name,
        }
    }

    /// True for everything but plain bytes.
    pub const fn is_packed(self) -> bool {
        !matches!(self, Self::Plain)
    }
}

/// bzip2's `BZh`, a block size from 1 to 9, and the first bytes of a block or of the end: a host name may begin with
/// less. `Some(false)` while there are too few bytes to tell.
fn sniff_bzip2(head: &[u8]) -> Option<bool> {
    let fits = |(at, byte): (usize, &u8)| match at {
        0..3 => b"BZh".get(at) == Some(byte),
        3 => (b'1'..=b'9').contains(byte),
        4 => matches!(byte, b'1' | 0x17),
        _ => matches!(byte, b'A' | 0x72),
    };
    let told = head.len().min(BZIP2_BYTES);
    let begins = told > 0 && head.iter().take(told).enumerate().all(fits);
    begins.then_some(told == BZIP2_BYTES)
}

/// A zstd skippable frame: 0x184D2A50 to 0x184D2A5F, little endian (RFC 8878, 3.1.2).
fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Why decoding stopped before the end.
#[derive(Debug)]
pub enum Fault {
    /// The data ends in the middle: still being written, or cut off.
    Truncated(Coding),
    /// The data is damaged.
    Corrupt(Coding, String),
    /// Decoding would need more memory than allowed.
    TooLarge(Coding),
    /// Not a coding that is read.
    Unsupported(&'static str),
    /// The system could not read.
    Io(io::Error),
}

impl Fault {
    /// What happened, for people.
    pub fn what(&self) -> String {
        match self {
            Self::Truncated(coding) => format!("truncated {} data", coding.name()),
            Self::Corrupt(coding, why) => format!("corrupt {} data ({why})", coding.name()),
            Self::TooLarge(coding) => format!("{} data needs more than 128 MiB to decode", coding.name()),
            Self::Unsupported(name) => format!("{name} archive, which is not read"),
            Self::Io(error) => error.to_string(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Truncated(_) | Self::Corrupt(..) => {
                "every line before this place was read; restore the file to read the rest"
            }
            Self::TooLarge(_) => {
                "unpack it and pipe it in: `zstdcat --long=31 FILE | afw replay -` or `xzcat FILE | afw replay -`"
            }
            Self::Unsupported(_) => "unpack it first",
            Self::Io(_) => "check the disk and the file's permissions",
        }
    }
}

/// Reads the plain bytes of whatever `inner` holds.
pub struct Decoder<R> {
    bytes: Unpack<R>,
    text: Text,
}

/// What the decoded bytes are.
enum Text {
    /// Not known yet: fewer bytes came than a byte order mark has.
    Unknown(Vec<u8>),
    /// Bytes read while that was found out and not handed on yet.
    Held(Vec<u8>),
    /// Bytes as they are.
    Bytes,
    /// UTF-16, handed on as UTF-8.
    Utf16(Utf16),
}

impl<R: Read> Decoder<R> {
    /// A decoder over `inner`, which stands at its first byte.
    pub fn new(inner: R) -> Self {
        Self {
            bytes: Unpack::new(inner),
            text: Text::Unknown(Vec::new()),
        }
    }

    /// A decoder over plain bytes from somewhere in the middle: nothing is sniffed.
    pub fn plain(inner: R) -> Self {
        Self {
            bytes: Unpack::plain(inner),
            text: Text::Bytes,
        }
    }

    /// The coding, once enough bytes were read to know it.
    pub fn coding(&self) -> Option<Coding> {
        self.bytes.coding()
    }

    /// True when the bytes are UTF-16 and are turned into UTF-8 on the way.
    pub fn is_transcoded(&self) -> bool {
        matches!(self.text, Text::Utf16(_))
    }

    /// Bytes taken from `inner` so far, before decoding.
    pub fn raw_bytes(&self) -> u64 {
        self.bytes.raw_bytes()
    }

    /// The reader inside.
    pub fn inner(&self) -> &R {
        self.bytes.inner()
    }

    /// Fills the front of `out`; 0 is the end (for plain bytes: the end as of now, and more may come).
    ///
    /// # Errors
    /// A [`Fault`] where decoding cannot go on; all bytes before it were given by earlier calls.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        loop {
            match &mut self.text {
                Text::Bytes => return self.bytes.read(out),
                Text::Held(held) => {
                    let count = hand_on(held, out);
                    if held.is_empty() {
                        self.text = Text::Bytes;
                    }
                    return Ok(count);
                }
                Text::Utf16(utf16) => return utf16.read(&mut self.bytes, out),
                Text::Unknown(held) => {
                    if !learn(held, &mut self.bytes)? {
                        return Ok(0);
                    }
                    self.text = match Utf16::from_mark(held) {
                        Some(utf16) => Text::Utf16(utf16),
                        None => Text::Held(std::mem::take(held)),
                    };
                }
            }
        }
    }
}

/// Reads until it is clear whether the bytes begin with a byte order mark; false when nothing is there yet.
fn learn<R: Read>(held: &mut Vec<u8>, bytes: &mut Unpack<R>) -> Result<bool, Fault> {
    while held.is_empty() || matches!(held.as_slice(), [0xfe | 0xff]) {
        let mut byte = [0; 1];
        if bytes.read(&mut byte)? == 0 {
            return Ok(false);
        }
        held.extend_from_slice(&byte);
    }
    Ok(true)
}

/// Moves bytes from the front of `held` to the front of `out`.
fn hand_on(held: &mut Vec<u8>, out: &mut [u8]) -> usize {
    let count = held.len().min(out.len());
    for (to, byte) in out.iter_mut().zip(held.drain(..count)) {
        *to = byte;
    }
    count
}
