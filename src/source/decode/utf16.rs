//! UTF-16 to UTF-8: some Windows tools write logs so. A half that has no partner becomes U+FFFD.

use std::io::Read;

use super::unpack::Unpack;
use super::{Fault, hand_on};

/// The state of a transcoding: bytes that came and bytes that wait to be handed on.
pub(super) struct Utf16 {
    big_endian: bool,
    units: Vec<u8>,
    ready: Vec<u8>,
}

impl Utf16 {
    /// Begins when `head` is a UTF-16 byte order mark, which is left out of the text.
    pub(super) fn from_mark(head: &[u8]) -> Option<Self> {
        let big_endian = match head {
            [0xfe, 0xff] => true,
            [0xff, 0xfe] => false,
            _ => return None,
        };
        Some(Self {
            big_endian,
            units: Vec::new(),
            ready: Vec::new(),
        })
    }

    /// The next bytes of the text; 0 when there are none as of now.
    pub(super) fn read<R: Read>(&mut self, bytes: &mut Unpack<R>, out: &mut [u8]) -> Result<usize, Fault> {
        while self.ready.is_empty() {
            let mut raw = [0; 8192];
            let count = bytes.read(&mut raw)?;
            if count == 0 {
                return Ok(0);
            }
            self.units.extend_from_slice(raw.get(..count).unwrap_or_default());
            self.transcode();
        }
        Ok(hand_on(&mut self.ready, out))
    }

    /// Turns all whole characters that came into UTF-8; half of a unit or of a surrogate pair waits.
    fn transcode(&mut self) {
        let mut units: Vec<u16> = self.units.chunks_exact(2).map(|pair| self.unit(pair)).collect();
        if units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            units.pop();
        }
        self.units.drain(..units.len() * 2);
        let mut utf8 = [0; 4];
        for letter in char::decode_utf16(units) {
            let letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.ready
                .extend_from_slice(letter.encode_utf8(&mut utf8).as_bytes());
        }
    }

    fn unit(&self, pair: &[u8]) -> u16 {
        match *pair {
            [a, b] if self.big_endian => u16::from_be_bytes([a, b]),
            [a, b] => u16::from_le_bytes([a, b]),
            _ => 0,
        }
    }
}
