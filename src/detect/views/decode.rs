//! One layer of encoding undone: `%41`, `%u0041`, `+` in a query, overlong UTF-8 and full-width letters.
//!
//! In linear time, into a buffer that is used again. Next: [`super::tidy`].

use std::borrow::Cow;

/// Whether [`decode()`] could change the text.
pub fn is_encoded(text: &[u8], plus: bool) -> bool {
    match plus {
        true => memchr::memchr2(b'%', b'+', text).is_some() || !text.is_ascii(),
        false => memchr::memchr(b'%', text).is_some() || !text.is_ascii(),
    }
}

/// Percent-decoded once, strictly `%XX` and nothing else; what is no escape stays.
pub fn percent_decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = (byte == b'%').then(|| hex_pair(after)).flatten();
        out.push(escape.unwrap_or(byte));
        rest = match escape {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    Cow::Owned(out)
}

/// Undoes one layer of encoding, appending to `out`. Says whether anything changed.
pub fn decode(text: &[u8], plus: bool, out: &mut Vec<u8>) -> bool {
    if !is_encoded(text, plus) {
        out.extend_from_slice(text);
        return false;
    }
    let from = out.len();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let used = match byte {
            b'%' => unescape(after, out),
            b'+' if plus => {
                out.push(b' ');
                0
            }
            _ => {
                out.push(byte);
                0
            }
        };
        rest = after.get(used..).unwrap_or_default();
    }
    fold_overlong(out, from);
    out.get(from..) != Some(text)
}

/// Appends what the escape after a `%` stands for, or the `%` itself; says how many bytes after it were used.
fn unescape(after: &[u8], out: &mut Vec<u8>) -> usize {
    if let Some(byte) = hex_pair(after) {
        out.push(byte);
        return 2;
    }
    let wide = match after {
        [b'u' | b'U', rest @ ..] => hex_pair(rest).zip(hex_pair(rest.get(2..).unwrap_or_default())),
        _ => None,
    };
    let Some((high, low)) = wide else {
        out.push(b'%');
        return 0;
    };
    let unit = u32::from(high) << 8 | u32::from(low);
    // A lone half of a surrogate pair stands for no character; it is kept as the replacement character.
    let letter = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    5
}

fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| (*text.get(at)? as char).to_digit(16);
    Some((digit(0)? << 4 | digit(1)?) as u8)
}

/// Replaces overlong UTF-8 of ASCII and full-width forms of ASCII by the ASCII that lax decoders read, in place from
/// `from` on.
fn fold_overlong(bytes: &mut Vec<u8>, from: usize) {
    if bytes.get(from..).is_none_or(<[u8]>::is_ascii) {
        return;
    }
    let mut read = from;
    let mut write = from;
    while let Some(&byte) = bytes.get(read) {
        let (value, used) = match folded(bytes.get(read..).unwrap_or_default()) {
            Some((value, used)) => (value, used),
            None => (byte, 1),
        };
        if let Some(slot) = bytes.get_mut(write) {
            *slot = value;
        }
        read += used;
        write += 1;
    }
    bytes.truncate(write);
}

/// The ASCII byte that an overlong or full-width sequence at the start stands for, and its length.
fn folded(bytes: &[u8]) -> Option<(u8, usize)> {
    let low = |byte: u8| u32::from(byte & 0x3f);
    let (code, used) = match *bytes {
        // Two bytes: the second's upper bits are ignored by some decoders, but not its first two.
        [lead @ 0xc0..=0xc1, a @ 0x80..=0xbf, ..] => (u32::from(lead & 1) << 6 | low(a), 2),
        [0xe0, a @ 0x80..=0x81, b @ 0x80..=0xbf, ..] => (low(a) << 6 | low(b), 3),
        [0xf0, 0x80, a @ 0x80..=0x81, b @ 0x80..=0xbf, ..] => (low(a) << 6 | low(b), 4),
        // U+FF01 to U+FF5E: `！` to `～`.
        [0xef, a @ 0xbc..=0xbd, b @ 0x80..=0xbf, ..] => {
            let letter = 0xf000 | low(a) << 6 | low(b);
            ((0xff01..=0xff5e).contains(&letter).then(|| letter - 0xfee0)?, 3)
        }
        _ => return None,
    };
    u8::try_from(code).ok().map(|byte| (byte, used))
}
