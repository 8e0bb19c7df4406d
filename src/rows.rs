//! Compact bytes for state rows: varints, zigzag deltas, length-prefixed texts, read back without trust.
//!
//! The owners of state (windows, indicators, the guard) write their rows with [`Writer`] and put a version byte
//! first. [`Reader`] never panics and never allocates more than the row holds: a damaged row is `None`.

/// Appends values to a row.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A row that begins with its version.
    pub fn versioned(version: u8) -> Self {
        Self { bytes: vec![version] }
    }

    /// One byte.
    pub fn byte(&mut self, byte: u8) -> &mut Self {
        self.bytes.push(byte);
        self
    }

    /// An unsigned number in 7-bit groups, least significant first.
    pub fn uint(&mut self, mut value: u64) -> &mut Self {
        while value >= 0x80 {
            self.bytes.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.byte(value as u8)
    }

    /// A signed number; small magnitudes are short.
    pub fn int(&mut self, value: i64) -> &mut Self {
        self.uint(((value << 1) ^ (value >> 63)) as u64)
    }

    /// Eight bytes: for hashes, which varints would lengthen.
    pub fn fixed(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Bytes whose number the reader knows.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Bytes with their number.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.uint(bytes.len() as u64).raw(bytes)
    }

    /// A text with its length.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// A text that may be absent.
    pub fn maybe_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            None => self.byte(0),
            Some(text) => self.byte(1).text(text),
        }
    }

    /// A number that may be absent.
    pub fn maybe_uint(&mut self, value: Option<u64>) -> &mut Self {
        match value {
            None => self.byte(0),
            Some(value) => self.byte(1).uint(value),
        }
    }

    /// The row.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads a row front to back; every method is `None` once the bytes do not fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads a row whose first byte must be `version`.
    pub fn versioned(bytes: &'a [u8], version: u8) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        (first == version).then_some(Self { rest })
    }

    /// Reads bytes without a version, as row keys are.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// One byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// What [`Writer::uint`] wrote.
    pub fn uint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// What [`Writer::int`] wrote.
    pub fn int(&mut self) -> Option<i64> {
        let value = self.uint()?;
        Some(((value >> 1) as i64) ^ -((value & 1) as i64))
    }

    /// What [`Writer::fixed`] wrote.
    pub fn fixed(&mut self) -> Option<u64> {
        self.raw(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    /// The next `len` bytes.
    pub fn raw(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    /// How many things follow; `None` when the rest is too short for them at `least_bytes` each.
    pub fn count(&mut self, least_bytes: usize) -> Option<usize> {
        let count = usize::try_from(self.uint()?).ok()?;
        (count.checked_mul(least_bytes)? <= self.rest.len()).then_some(count)
    }

    /// What [`Writer::bytes`] wrote.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.count(1)?;
        self.raw(len)
    }

    /// What [`Writer::text`] wrote.
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// What [`Writer::maybe_text`] wrote.
    pub fn maybe_text(&mut self) -> Option<Option<&'a str>> {
        match self.byte()? {
            0 => Some(None),
            1 => self.text().map(Some),
            _ => None,
        }
    }

    /// What [`Writer::maybe_uint`] wrote.
    pub fn maybe_uint(&mut self) -> Option<Option<u64>> {
        match self.byte()? {
            0 => Some(None),
            1 => self.uint().map(Some),
            _ => None,
        }
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// `Some` when nothing is left over.
    pub fn end(self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(a: u64, b: i64, c: u64, text: String, maybe: Option<u64>, other: Option<String>) {
            let mut writer = Writer::versioned(7);
            writer.uint(a).int(b).fixed(c).text(&text).maybe_uint(maybe).maybe_text(other.as_deref()).byte(9);
            let bytes = writer.finish();
            prop_assert!(Reader::versioned(&bytes, 8).is_none());
            let mut reader = Reader::versioned(&bytes, 7).unwrap();
            prop_assert_eq!(reader.uint(), Some(a));
            prop_assert_eq!(reader.int(), Some(b));
            prop_assert_eq!(reader.fixed(), Some(c));
            prop_assert_eq!(reader.text(), Some(text.as_str()));
            prop_assert_eq!(reader.maybe_uint(), Some(maybe));
            prop_assert_eq!(reader.maybe_text(), Some(other.as_deref()));
            prop_assert_eq!(reader.byte(), Some(9));
            prop_assert_eq!(reader.end(), Some(()));
        }

        #[test]
        fn damaged_rows_are_refused_without_panic(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.count(2).is_some() && reader.text().is_some() && reader.int().is_some() {}
        }
    }
}
