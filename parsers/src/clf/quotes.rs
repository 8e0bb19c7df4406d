//! Where the quotes and backslashes of a line stand, found sixty-four bytes at a time.
//!
//! One look at the line instead of a search for the end of each value. All of it is `inline(always)`, so that it is compiled for
//! each processor. Used by [`super::ordinary`] alone.

use fearless_simd::{Simd, prelude::*, u8x64};

/// Bytes looked at in one go.
const BLOCK: usize = 64;

/// Walks over the quotes and backslashes of a line. A line shorter than a block has none that it sees.
pub(super) struct Quotes<'a, S> {
    simd: S,
    line: &'a [u8],
    /// Index of the first bit of `found`, and of the first byte that was not yet looked at.
    block: usize,
    next: usize,
    /// A bit for each of them in the block that is still to be told.
    found: u64,
}

impl<'a, S: Simd> Quotes<'a, S> {
    /// Those of `line` from an index on.
    #[inline(always)]
    pub(super) fn new(simd: S, line: &'a [u8], from: usize) -> Self {
        Self {
            simd,
            line,
            block: from,
            next: from,
            found: 0,
        }
    }

    /// Index of the next one.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            self.look()?;
        }
        let at = self.block + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        Some(at)
    }

    /// Looks at the next block; the last one of a line is its last bytes, without those that were seen.
    #[inline(always)]
    fn look(&mut self) -> Option<()> {
        let rest = self.line.get(self.next..).filter(|rest| !rest.is_empty())?;
        let (block, seen) = match rest.first_chunk::<BLOCK>() {
            Some(block) => (block, 0),
            None => (self.line.last_chunk()?, BLOCK - rest.len()),
        };
        let bytes = u8x64::simd_from(self.simd, *block);
        let quotes = bytes.simd_eq(u8x64::splat(self.simd, b'"'));
        let backslashes = bytes.simd_eq(u8x64::splat(self.simd, b'\\'));
        self.found = (quotes | backslashes).to_bitmask() >> seen;
        self.block = self.next;
        self.next += BLOCK;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_of_a_line_are_found(line in "[\"\\\\a-c]{64,300}", from in 0..64_usize) {
            let line = line.as_bytes();
            let wanted: Vec<usize> = (from..line.len()).filter(|&at| matches!(line[at], b'"' | b'\\')).collect();
            for level in [Level::new(), Level::baseline()] {
                let found: Vec<usize> = dispatch!(level, simd => {
                    let mut quotes = Quotes::new(simd, line, from);
                    std::iter::from_fn(|| quotes.next()).collect()
                });
                prop_assert_eq!(&found, &wanted);
            }
        }
    }

    #[test]
    fn a_short_line_has_none() {
        let line = [b'"'; BLOCK - 1];
        let found = dispatch!(Level::new(), simd => Quotes::new(simd, &line, 0).next());
        assert_eq!(found, None);
    }
}
