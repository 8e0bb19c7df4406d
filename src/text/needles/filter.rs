//! [`Filter`]: where in a text one of many texts may begin, told by three bytes alone.
//!
//! For each pair of bytes there are 32 bits, one for each kind of byte that may stand behind it. A bit that is set wrongly
//! costs some steps of the automaton; none is ever missing.

/// How many bytes it looks at.
pub const REACH: usize = 3;

/// Bits that are told apart of each byte of a pair.
const BITS: u32 = 7;
const PAIRS: usize = 1 << (2 * BITS);

/// So few texts begin at so few places that the automaton alone is as fast; its tables would take more room than they.
const FEW: usize = 64;

/// The first bytes of texts, unless there are few.
#[derive(Debug, Default)]
pub struct Filter(Option<Box<[u32; PAIRS]>>);

impl Filter {
    /// For these texts, given in lower case.
    pub fn of(texts: &[&[u8]]) -> Self {
        if texts.len() < FEW {
            return Self(None);
        }
        let mut table = Box::new([0; PAIRS]);
        let mut set = |first: u8, second: u8, kinds: u32| {
            if let Some(known) = table.get_mut(pair(pair(0, first), second)) {
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
        Self(Some(table))
    }

    /// The first place from `start` on where a text may begin.
    #[inline]
    pub fn next(&self, text: &[u8], start: usize) -> Option<usize> {
        let rest = text.get(start..)?;
        let Some(table) = &self.0 else {
            return (!rest.is_empty()).then_some(start);
        };
        if let [first, second, behind @ ..] = rest {
            let mut before = pair(pair(0, *first), *second);
            for (place, byte) in behind.iter().enumerate() {
                if table[before] & kind(*byte) != 0 {
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
