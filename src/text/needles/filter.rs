//! [`Filter`]: where in a text one of many texts may begin, told by three bytes alone.
//!
//! For each pair of bytes there are 32 bits, one for each kind of byte that may stand behind it. A bit that is set wrongly
//! costs some steps of the automaton; none is ever missing.

/// How many bytes it looks at.
pub const REACH: usize = 3;

/// Bits that are told apart of each byte of a pair.
const BITS: u32 = 7;
const PAIRS: usize = 1 << (2 * BITS);

/// The first bytes of texts.
#[derive(Debug)]
pub struct Filter(Box<[u32; PAIRS]>);

impl Default for Filter {
    /// No texts.
    fn default() -> Self {
        Self(Box::new([0; PAIRS]))
    }
}

impl Filter {
    /// For these texts, given in lower case.
    pub fn of(texts: &[&[u8]]) -> Self {
        let mut filter = Self::default();
        let mut set = |first: u8, second: u8, kinds: u32| {
            if let Some(known) = filter.0.get_mut(pair(pair(0, first), second)) {
                *known |= kinds;
            }
        };
        for text in texts {
            match **text {
                [] => {}
                [only] => (0..=u8::MAX).for_each(|second| set(only, second, u32::MAX)),
                [first, second] => set(first, second, u32::MAX),
                [first, second, third, ..] => set(first, second, kind(third)),
            }
        }
        filter
    }

    /// The first place from `start` on where a text may begin.
    #[inline]
    pub fn next(&self, text: &[u8], start: usize) -> Option<usize> {
        let rest = text.get(start..)?;
        if let [first, second, behind @ ..] = rest {
            let mut before = pair(pair(0, *first), *second);
            for (place, byte) in behind.iter().enumerate() {
                if self.0[before] & kind(*byte) != 0 {
                    return Some(start + place);
                }
                before = pair(before, *byte);
            }
        }
        // Behind these places only short texts can begin, which the automaton finds as fast.
        let short = rest.len().saturating_sub(REACH - 1);
        (short < rest.len()).then_some(start + short)
    }
}

/// The pair of the second byte of another one and the byte behind it; bytes that differ by case alone are one.
#[inline]
const fn pair(before: usize, byte: u8) -> usize {
    (before << BITS | (byte | 0x20) as usize & ((1 << BITS) - 1)) % PAIRS
}

/// The bit of a byte behind a pair, whatever its case.
#[inline]
const fn kind(byte: u8) -> u32 {
    1 << (byte % u32::BITS as u8)
}
