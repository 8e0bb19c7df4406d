//! [`Ends`]: where lines end, all newlines of the bytes at hand, found sixty-four bytes at a time.
//!
//! One pass with the widest vectors of the processor instead of a search from each line to the next, and whether there
//! are zero bytes falls out of it. So much is looked at ahead that the processor is asked what it can do seldom, and so
//! little that it lies on the stack: there may be many logs. What is compiled for each processor must be `inline(always)`,
//! closures too: what is not is called for each vector. Used by [`super::Framer`] alone.

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x64};
use memchr::memchr;

/// Bytes looked at in one go.
const BLOCK: usize = 64;
/// Blocks looked at ahead.
const BLOCKS: usize = 64;

/// Walks over the newlines of some bytes, which are shown to it each time and must be the same.
#[derive(Debug)]
pub(super) struct Ends {
    level: Level,
    /// A bit for each newline of the blocks that were looked at and is still to be told.
    newlines: [u64; BLOCKS],
    /// Index of the first byte of the first of these blocks, and behind the last one that was looked at.
    start: usize,
    looked: usize,
    /// Which of the blocks is at hand.
    block: usize,
    /// Index of the first zero byte among those looked at.
    zero: Option<usize>,
}

impl Ends {
    /// Those from an index on.
    pub(super) fn new(level: Level, from: usize) -> Self {
        Self {
            level,
            newlines: [0; BLOCKS],
            start: from,
            looked: from,
            block: 0,
            zero: None,
        }
    }

    /// Index of the next newline.
    #[inline]
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<usize> {
        loop {
            for newlines in self.newlines.get_mut(self.block..)? {
                if *newlines != 0 {
                    let at = self.start + self.block * BLOCK + newlines.trailing_zeros() as usize;
                    *newlines &= *newlines - 1;
                    return Some(at);
                }
                self.block += 1;
            }
            self.look(bytes)?;
        }
    }

    /// Whether there is a zero byte before the newline that was told last and not before the index given to
    /// [`Ends::pass_zeros`] last.
    #[inline]
    pub(super) fn is_zero_before(&self, end: usize) -> bool {
        self.zero.is_some_and(|zero| zero < end)
    }

    /// Forgets zero bytes before an index.
    pub(super) fn pass_zeros(&mut self, bytes: &[u8], end: usize) {
        let rest = bytes.get(end..self.looked).unwrap_or_default();
        self.zero = memchr(0, rest).map(|found| end + found);
    }

    /// Looks at the next blocks; `None` when there are none.
    fn look(&mut self, bytes: &[u8]) -> Option<()> {
        let end = bytes.len().min(self.looked + BLOCK * BLOCKS);
        let fresh = bytes.get(self.looked..end).filter(|fresh| !fresh.is_empty())?;
        let newlines = &mut self.newlines;
        if dispatch!(self.level, simd => mark(simd, fresh, newlines)) && self.zero.is_none() {
            self.zero = memchr(0, fresh).map(|found| self.looked + found);
        }
        (self.start, self.looked, self.block) = (self.looked, end, 0);
        Some(())
    }
}

/// Marks the newlines of at most as many bytes as there are bits. Whether there is a zero byte.
#[inline(always)]
fn mark<S: Simd>(simd: S, bytes: &[u8], newlines: &mut [u64; BLOCKS]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut zeros = 0;
    for (block, newlines) in blocks.iter().zip(newlines.iter_mut()) {
        zeros |= look(simd, block, newlines);
    }
    for (last, newlines) in newlines.iter_mut().enumerate().skip(blocks.len()) {
        *newlines = 0;
        if last == blocks.len() && !rest.is_empty() {
            let mut block = [b' '; BLOCK];
            block
                .iter_mut()
                .zip(rest)
                .for_each(|(place, byte)| *place = *byte);
            zeros |= look(simd, &block, newlines);
        }
    }
    zeros != 0
}

/// Marks the newlines of one block. A bit for each zero byte.
#[inline(always)]
fn look<S: Simd>(simd: S, block: &[u8; BLOCK], newlines: &mut u64) -> u64 {
    let block = u8x64::simd_from(simd, *block);
    *newlines = block.simd_eq(u8x64::splat(simd, b'\n')).to_bitmask();
    block.simd_eq(u8x64::splat(simd, 0)).to_bitmask()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_newlines_and_zeros_are_found(
            pieces in proptest::collection::vec(("[\\n\\x00a-z]{0,90}|[a-z]{60,70}", 0..3000_usize), 1..8),
            from in 0..80_usize,
        ) {
            let piece = |(text, more): (String, usize)| text + &"x".repeat(more);
            let bytes: String = pieces.into_iter().map(piece).collect();
            let bytes = bytes.as_bytes();
            for level in [Level::new(), Level::baseline()] {
                let mut ends = Ends::new(level, from);
                let mut told = from.min(bytes.len());
                for end in (from..bytes.len()).filter(|&at| bytes[at] == b'\n') {
                    prop_assert_eq!(ends.next(bytes), Some(end));
                    let holed = bytes[told..end].contains(&0);
                    prop_assert_eq!(ends.is_zero_before(end), holed);
                    if holed {
                        ends.pass_zeros(bytes, end);
                    }
                    told = end;
                }
                prop_assert_eq!(ends.next(bytes), None);
                prop_assert_eq!(ends.next(bytes), None);
            }
        }
    }
}
