//! Where lines end: all newlines of the bytes at hand, found sixty-four bytes at a time.
//!
//! One pass with the widest vectors of the processor instead of a search from each line to the next, and whether there
//! are zero bytes falls out of it. What is compiled for each processor must be `inline(always)`, closures too: what is not is
//! called for each vector. Used by [`super::Framer`] alone.

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x64};
use memchr::memchr;

/// Bytes looked at in one go.
const BLOCK: usize = 64;

/// The newlines of some bytes; its room serves again.
#[derive(Debug)]
pub(super) struct Ends {
    level: Level,
    /// Their indices, in order.
    newlines: Vec<u32>,
    /// Index of the first zero byte.
    zero: Option<usize>,
}

impl Default for Ends {
    fn default() -> Self {
        Self {
            level: Level::new(),
            newlines: Vec::new(),
            zero: None,
        }
    }
}

impl Ends {
    /// Finds what stands in `bytes[from..]`.
    pub(super) fn find(&mut self, bytes: &[u8], from: usize) {
        self.newlines.clear();
        let fresh = bytes.get(from..).unwrap_or_default();
        let newlines = &mut self.newlines;
        let zeros = dispatch!(self.level, simd => mark(simd, fresh, from, newlines));
        self.zero = match zeros {
            true => memchr(0, fresh).map(|found| from + found),
            false => None,
        };
    }

    /// Indices of the newlines.
    pub(super) fn newlines(&self) -> impl Iterator<Item = usize> {
        self.newlines.iter().map(|&at| at as usize)
    }

    /// Index of the first zero byte.
    pub(super) fn zero(&self) -> Option<usize> {
        self.zero
    }
}

/// Adds the indices of newlines, the first byte's being `from`. Whether there is a zero byte.
#[inline(always)]
fn mark<S: Simd>(simd: S, bytes: &[u8], from: usize, newlines: &mut Vec<u32>) -> bool {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut at = from as u32;
    let mut zeros = 0;
    for block in blocks {
        zeros |= look(simd, block, at, newlines);
        at += BLOCK as u32;
    }
    let mut last = [b' '; BLOCK];
    if let Some(place) = last.get_mut(..rest.len()) {
        place.copy_from_slice(rest);
        zeros |= look(simd, &last, at, newlines);
    }
    zeros != 0
}

/// The same for one block, the first byte's index being `at`. A bit for each zero byte.
#[inline(always)]
fn look<S: Simd>(simd: S, block: &[u8; BLOCK], at: u32, newlines: &mut Vec<u32>) -> u64 {
    let block = u8x64::simd_from(simd, *block);
    let mut found = block.simd_eq(u8x64::splat(simd, b'\n')).to_bitmask();
    while found != 0 {
        newlines.push(at + found.trailing_zeros());
        found &= found - 1;
    }
    block.simd_eq(u8x64::splat(simd, 0)).to_bitmask()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_newlines_and_the_first_zero_are_found(bytes in "[\\n\\x00a-z]{0,300}|[a-z]{60,70}", from in 0..80_usize) {
            let bytes = bytes.as_bytes();
            let places = |byte| (from..bytes.len()).filter(move |&at| bytes[at] == byte);
            let wanted: Vec<usize> = places(b'\n').collect();
            for level in [Level::new(), Level::baseline()] {
                let mut ends = Ends { level, newlines: vec![7], zero: Some(7) };
                ends.find(bytes, from);
                prop_assert_eq!(&ends.newlines().collect::<Vec<_>>(), &wanted);
                prop_assert_eq!(ends.zero(), places(0).next());
            }
        }
    }
}
