//! Numbers and fixed texts read from several bytes at once, in plain integers: without a branch for each byte.
//!
//! How many digits a number has is what no branch predictor knows. Used by [`crate::leaf`],
//! [`crate::address`] and [`crate::request`].

/// Bytes that hold any IPv4 address and what ends it.
const BLOCK: usize = 16;
/// A bit in each byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;

/// What follows a text that stands in front, compared as numbers: a pattern is compared byte by byte.
#[inline(always)]
pub(crate) fn after<'a, const N: usize>(text: &'a [u8], front: &[u8; N]) -> Option<&'a [u8]> {
    let (begin, rest) = text.split_first_chunk()?;
    (begin == front).then_some(rest)
}

/// How many digits stand in front of eight bytes, and the number that they make.
#[inline(always)]
pub(crate) fn digits(bytes: [u8; 8]) -> (usize, u64) {
    let values = u64::from_le_bytes(bytes) ^ (ONES * 0x30);
    let count = (others(values).trailing_zeros() / 8) as usize;
    // Shifted so that the last digit is the last byte; where there is none, nothing is left.
    let shift = 8 * (8 - count as u32);
    let ones = values.checked_shl(shift).unwrap_or(0);
    let pairs = (ones.wrapping_mul(10) + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let eight = (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff;
    (count, eight)
}

/// Four decimal octets of one to three digits with dots between them in front of sixteen bytes, and their length.
#[inline(always)]
pub(crate) fn octets(bytes: &[u8; BLOCK]) -> Option<([u8; 4], usize)> {
    let mut ends = ends_of_digits(bytes);
    let mut digits = [0; 4];
    // A count that is not one to three sets bits above the second.
    let (mut start, mut counts) = (0, 0);
    for (place, digits) in digits.iter_mut().enumerate() {
        let end = ends.trailing_zeros();
        ends &= ends.wrapping_sub(1);
        let count = end.wrapping_sub(start);
        counts |= count | count.wrapping_sub(1);
        let (word, bits) = (word_at(bytes, start as usize), 8 * (count & 3));
        if place < 3 && (word >> bits) as u8 != b'.' {
            return None;
        }
        // The last digit as the last byte, and nothing before the first.
        *digits = word.wrapping_shl(32 - bits) & 0x0f0f_0f0f;
        start = end + 1;
    }
    let (mut octets, mut values) = ([0; 4], 0);
    for (octet, digits) in octets.iter_mut().zip(digits) {
        let value = (digits >> 8 & 0xff) * 100 + (digits >> 16 & 0xff) * 10 + (digits >> 24);
        values |= value;
        *octet = value as u8;
    }
    (counts < 4 && values < 256).then_some((octets, start as usize - 1))
}

/// Four bytes from an index on; nothing where fewer are left.
#[inline]
fn word_at(bytes: &[u8; BLOCK], at: usize) -> u32 {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    word.map_or(0, u32::from_le_bytes)
}

/// One bit for each of sixteen bytes that is no digit.
#[inline]
fn ends_of_digits(bytes: &[u8; BLOCK]) -> u32 {
    let text = u128::from_le_bytes(*bytes);
    let bits = |half: u64| {
        let others = others(half ^ (ONES * 0x30));
        // Gathers the eighth bits of all bytes in the last byte.
        ((others >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
    };
    bits(text as u64) | bits((text >> 64) as u64) << 8
}

/// The eighth bit of each byte that is more than nine.
#[inline]
fn others(values: u64) -> u64 {
    (((values & (ONES * 0x7f)) + ONES * 0x76) | values) & (ONES * 0x80)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn digits_are_read_as_the_standard_library_reads_them(bytes in any::<[u8; 8]>(), number in 0_u64..100_000_000) {
            for bytes in [bytes, *format!("{number:<8}").as_bytes().first_chunk().unwrap()] {
                let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let number = std::str::from_utf8(&bytes[..count]).unwrap().parse().unwrap_or(0);
                prop_assert_eq!(digits(bytes), (count, number));
            }
        }

        #[test]
        fn octets_are_read_as_one_by_one(text in "([0-9]{1,3}\\.){3}[0-9]{1,4}.{0,4}|[0-9.:/ \\u{0}\\u{80}]{0,20}") {
            let padded = [text.as_bytes(), &[b' '; BLOCK]].concat();
            let numbers: Vec<&str> = text.split('.').collect();
            let fourth = numbers.get(3).map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap());
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= 3;
            let octet = |text: &str| text.parse::<u8>().ok().filter(|_| digits(text));
            let read = fourth.and_then(|fourth| {
                let read = [octet(numbers[0])?, octet(numbers[1])?, octet(numbers[2])?, octet(fourth)?];
                Some((read, numbers[..3].concat().len() + 3 + fourth.len()))
            });
            prop_assert_eq!(octets(padded.first_chunk().unwrap()), read, "{}", text);
        }
    }
}
