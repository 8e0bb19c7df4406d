//! The views of a text that a client encodes: percent-decoded once and twice, and normalised.
//!
//! Attackers hide what they send behind encodings that servers and applications undo one after the other; rules are
//! written for what comes out. [`decode`] undoes one layer: `%41`, `%u0041`, `+` in a query, overlong UTF-8 and
//! full-width letters. [`normalise_path`] and [`normalise_query`] then take out what means nothing: `//`, `/./`,
//! `;param`, back-slashes, NUL, SQL comments. All work in linear time into buffers that are used again; none looks
//! at rules. Next: [`super::signature`].

use std::borrow::Cow;
use std::ops::Range;

/// A request target on one view: its bytes and where its parts are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetView {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Where path and query stand.
    pub parts: Parts,
}

/// Where the parts of a target stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// The path, without the authority of an absolute form.
    pub path: Range<usize>,
    /// The query, without its `?`.
    pub query: Option<Range<usize>>,
}

impl Parts {
    /// The parts of a target as the client sent it.
    pub fn of(target: &[u8]) -> Self {
        let start = path_start(target);
        let question = memchr::memchr(b'?', target);
        let end = question.unwrap_or(target.len());
        Self {
            path: start.min(end)..end,
            query: question.map(|at| at + 1..target.len()),
        }
    }
}

/// Where the path begins: after `http://host` of an absolute form.
fn path_start(target: &[u8]) -> usize {
    if target.first() == Some(&b'/') {
        return 0;
    }
    match memchr::memmem::find(target, b"://") {
        Some(at) if at <= 8 && target.iter().take(at).all(u8::is_ascii_alphabetic) => {
            let rest = target.get(at + 3..).unwrap_or_default();
            at + 3 + memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len())
        }
        _ => 0,
    }
}

/// What bytes mean to views: 1 for those that one may change wherever they stand, 2 for a slash, 4 for what may change
/// behind a slash.
static MEANING: [u8; 256] = {
    let mut meaning = [1; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        meaning[byte as usize] = match byte {
            b'%' | b'+' | b'*' | b';' | b'\\' => 1,
            b'/' => 2 | 4,
            b'.' => 4,
            _ => 0,
        };
        byte += 1;
    }
    meaning
};

/// Whether no view of a target can differ from it; false also where one must look more closely.
pub fn is_plain(target: &[u8]) -> bool {
    let (mut odd, mut before) = (0, 0);
    for byte in target {
        let meaning = MEANING[usize::from(*byte)];
        odd |= (meaning & 1) | (meaning >> 1 & before);
        before = meaning & 2;
    }
    odd == 0 && target.first() == Some(&b'/')
}

/// Whether [`decode`] could change the text.
pub fn is_encoded(text: &[u8], plus: bool) -> bool {
    match plus {
        true => memchr::memchr2(b'%', b'+', text).is_some() || !text.is_ascii(),
        false => memchr::memchr(b'%', text).is_some() || !text.is_ascii(),
    }
}

/// Undoes one layer of encoding of a target into `out`. Says whether anything changed.
pub fn decode_target(target: &[u8], parts: &Parts, out: &mut TargetView) -> bool {
    out.bytes.clear();
    if !is_encoded(target, true) {
        out.bytes.extend_from_slice(target);
        out.parts = parts.clone();
        return false;
    }
    let part = |range: Range<usize>| target.get(range).unwrap_or_default();
    let mut changed = decode(part(0..parts.path.start), false, &mut out.bytes);
    let start = out.bytes.len();
    changed |= decode(part(parts.path.clone()), false, &mut out.bytes);
    let end = out.bytes.len();
    let query = parts.query.clone().map(|range| {
        out.bytes.push(b'?');
        changed |= decode(part(range), true, &mut out.bytes);
        end + 1..out.bytes.len()
    });
    out.parts = Parts {
        path: start..end,
        query,
    };
    changed
}

/// Normalises path and query of a target into `out`. Says whether anything changed.
pub fn normalise_target(target: &[u8], parts: &Parts, out: &mut TargetView) -> bool {
    let part = |range: Range<usize>| target.get(range).unwrap_or_default();
    let path = part(parts.path.clone());
    let query = parts.query.clone().map(part);
    if !path_is_odd(path) && !query.is_some_and(text_is_odd) {
        return false;
    }
    out.bytes.clear();
    out.bytes.extend_from_slice(part(0..parts.path.start));
    let start = out.bytes.len();
    normalise_path(path, &mut out.bytes);
    let end = out.bytes.len();
    let query = query.map(|query| {
        out.bytes.push(b'?');
        normalise_query(query, &mut out.bytes);
        end + 1..out.bytes.len()
    });
    out.parts = Parts {
        path: start..end,
        query,
    };
    out.bytes != target
}

/// Undoes one layer of encoding of any other text, with `+` as space after the first `?`. Says whether anything
/// changed.
pub fn decode_text(text: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let at = memchr::memchr(b'?', text).unwrap_or(text.len());
    let (head, tail) = text.split_at(at);
    let changed = decode(head, false, out);
    decode(tail, true, out) || changed
}

/// As [`normalise_target`], for any other text.
pub fn normalise_text(text: &[u8], out: &mut Vec<u8>) -> bool {
    if !text_is_odd(text) {
        return false;
    }
    out.clear();
    normalise_query(text, out);
    out != text
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

/// Whether [`normalise_path`] could change the path.
fn path_is_odd(path: &[u8]) -> bool {
    memchr::memchr3(b';', b'\\', 0, path).is_some()
        || memchr::memchr_iter(b'/', path).any(|at| matches!(path.get(at + 1), Some(b'/' | b'.')))
}

/// Appends the path with back-slashes as slashes, without NUL and `;param`, empty and `.` segments left out and `..`
/// resolved.
pub fn normalise_path(path: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    let mut ends_in_slash = false;
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        let end = memchr::memchr(b';', segment).unwrap_or(segment.len());
        let name = segment.get(..end).unwrap_or_default();
        let start = out.len();
        out.push(b'/');
        out.extend(name.iter().filter(|byte| **byte != 0));
        ends_in_slash = true;
        match out.get(start..).unwrap_or_default() {
            b"/" | b"/." => out.truncate(start),
            b"/.." => {
                out.truncate(start);
                drop_segment(out, from);
            }
            _ => ends_in_slash = false,
        }
    }
    if ends_in_slash || out.len() == from {
        out.push(b'/');
    }
}

/// Takes the last segment off a path that begins at `from`.
fn drop_segment(out: &mut Vec<u8>, from: usize) {
    let path = out.get(from..).unwrap_or_default();
    let keep = memchr::memrchr(b'/', path).unwrap_or(0);
    out.truncate(from + keep);
}

/// Whether [`normalise_query`] could change the text.
fn text_is_odd(text: &[u8]) -> bool {
    let next = |at: usize, byte: u8| text.get(at + 1) == Some(&byte);
    memchr::memchr3(b'\\', 0, b'*', text).is_some()
        || memchr::memchr_iter(b' ', text).any(|at| next(at, b' '))
        // Folded, not stopped at the first: that runs over many bytes at once.
        || text.iter().fold(false, |odd, byte| odd | (*byte < b' ') | (*byte == HARD_SPACE))
        || memchr::memchr_iter(b'/', text).any(|at| next(at, b'.') && next(at + 1, b'/'))
}

/// A space that does not break in Latin-1, which MySQL takes for white space.
const HARD_SPACE: u8 = 0xa0;

/// Appends a query or other free text: NUL left out, back-slashes as slashes, `/./` as `/`, SQL comments and runs of
/// white space as one space, for which databases take any control character. The text of a `/*!50000 ...*/` comment stays,
/// since MySQL runs it.
pub fn normalise_query(text: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    // From the last end of a line on, in bytes; none is as long as the text where there is no such end.
    let last_line = memchr::memrchr(b'\n', text).map_or(usize::MAX, |at| text.len() - at);
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            0 => {}
            1..=b' ' => push_space(out, from),
            // Behind ASCII it is no part of a letter in UTF-8.
            HARD_SPACE
                if out
                    .get(from..)
                    .unwrap_or_default()
                    .last()
                    .is_none_or(u8::is_ascii) =>
            {
                push_space(out, from);
            }
            // Only before the last line's end, so that each is looked for once.
            b'#' | b'-' if after.len() >= last_line => match skip_line(byte, after) {
                Some(behind) => {
                    rest = behind;
                    push_space(out, from);
                }
                None => out.push(byte),
            },
            b'\\' => push_slash(out, from),
            b'/' if after.first() == Some(&b'*') => {
                rest = skip_comment(after.get(1..).unwrap_or_default());
                push_space(out, from);
            }
            b'*' if after.first() == Some(&b'/') => {
                rest = after.get(1..).unwrap_or_default();
                push_space(out, from);
            }
            b'/' => push_slash(out, from),
            other => out.push(other),
        }
    }
}

fn push_space(out: &mut Vec<u8>, from: usize) {
    if out.len() == from || out.last() != Some(&b' ') {
        out.push(b' ');
    }
}

/// Appends a slash; `/.` before it is taken back.
fn push_slash(out: &mut Vec<u8>, from: usize) {
    if out.get(from..).is_some_and(|text| text.ends_with(b"/.")) {
        out.truncate(out.len() - 1);
        return;
    }
    out.push(b'/');
}

/// What stands after a comment whose `/*` was read; the inside of a MySQL version comment stays to be read.
fn skip_comment(inside: &[u8]) -> &[u8] {
    if let Some(run) = inside.strip_prefix(b"!") {
        let digits = run
            .iter()
            .take(6)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        return run.get(digits..).unwrap_or_default();
    }
    match memchr::memmem::find(inside, b"*/") {
        Some(end) => inside.get(end + 2..).unwrap_or_default(),
        // Unclosed: databases read to the end, but hiding the rest would help who sends it.
        None => inside,
    }
}

/// What stands behind a comment that goes to the end of its line, of which this is the first byte; none where no line follows.
fn skip_line(first: u8, after: &[u8]) -> Option<&[u8]> {
    let comment = match first {
        b'-' => after.strip_prefix(b"-")?,
        _ => after,
    };
    let end = memchr::memchr(b'\n', comment)?;
    comment.get(end + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(target: &str) -> String {
        let mut out = TargetView::default();
        decode_target(target.as_bytes(), &Parts::of(target.as_bytes()), &mut out);
        String::from_utf8_lossy(&out.bytes).into_owned()
    }

    fn normalised(target: &str) -> String {
        let mut out = TargetView::default();
        match normalise_target(target.as_bytes(), &Parts::of(target.as_bytes()), &mut out) {
            true => String::from_utf8_lossy(&out.bytes).into_owned(),
            false => target.to_owned(),
        }
    }

    #[test]
    fn one_layer_is_undone() {
        for (target, expected) in [
            ("/a+b?c+d", "/a+b?c d"),
            ("/%2e%2E%2f", "/../"),
            ("/%252e", "/%2e"),
            ("/%u002e%U002f", "/./"),
            ("/%c0%ae%c0%af", "/./"),
            ("/%e0%80%af", "//"),
            ("/%f0%80%80%af", "//"),
            ("/%ef%bc%8f%uff0e", "//."),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/%zz%41", "/%zzA"),
            ("/%u00", "/%u00"),
            ("/%3fx?y", "/?x?y"),
            ("/é", "/é"),
        ] {
            assert_eq!(decoded(target), expected, "{target}");
        }
    }

    #[test]
    fn parts_stay_what_they_were_when_a_question_mark_is_decoded() {
        let mut out = TargetView::default();
        let target = b"http://h/%3fx?a%3db";
        assert!(decode_target(target, &Parts::of(target), &mut out));
        assert_eq!(&out.bytes[out.parts.path.clone()], b"/?x");
        assert_eq!(&out.bytes[out.parts.query.clone().unwrap()], b"a=b");
    }

    #[test]
    fn a_hard_space_of_latin_1_is_white_space() {
        let mut out = Vec::new();
        assert!(normalise_text(b"1\xa0union\xa0\xa0select \xc3\xa0", &mut out));
        assert_eq!(out, b"1 union select \xc3\xa0");
    }

    #[test]
    fn what_means_nothing_is_taken_out() {
        for (target, expected) in [
            ("//wp-admin/", "/wp-admin/"),
            ("/a/./b/../c", "/a/c"),
            ("/../../etc/passwd", "/etc/passwd"),
            ("/a;x=1/b;y", "/a/b"),
            ("/a\\..\\b", "/b"),
            ("/a/..", "/"),
            ("/.env", "/.env"),
            ("/a.\0php", "/a.php"),
            ("/x?a=1/**/or/**/1", "/x?a=1 or 1"),
            ("/x?a=/*!50000union*/select", "/x?a= union select"),
            ("/x?a=1/*or 1", "/x?a=1 or 1"),
            ("/x?a=1#x\nor--y\n1", "/x?a=1 or 1"),
            ("/x?a=1#x or--y", "/x?a=1#x or--y"),
            ("/x?a=b-c\n#1-\n\n-2#", "/x?a=b-c -2#"),
            ("/x?a=\u{1}or\u{2}\u{1f}1", "/x?a= or 1"),
            ("/x?a=à", "/x?a=à"),
            ("/x?a  \t b", "/x?a b"),
            ("/x?f=\\etc\\.\\passwd", "/x?f=/etc/passwd"),
            ("/x?u=http://h/", "/x?u=http://h/"),
        ] {
            assert_eq!(normalised(target), expected, "{target}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_decode_and_never_grow(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            let parts = Parts::of(&text);
            let mut once = TargetView::default();
            decode_target(&text, &parts, &mut once);
            proptest::prop_assert!(once.bytes.len() <= text.len());
            proptest::prop_assert!(once.bytes.get(once.parts.path.clone()).is_some());
            let mut flat = TargetView::default();
            normalise_target(&once.bytes, &once.parts, &mut flat);
            proptest::prop_assert!(flat.bytes.len() <= once.bytes.len() + 1);
        }

        #[test]
        fn text_without_escapes_stays(text in "[a-z/?=&.]{0,40}") {
            let mut out = TargetView::default();
            let parts = Parts::of(text.as_bytes());
            proptest::prop_assert!(!decode_target(text.as_bytes(), &parts, &mut out));
            proptest::prop_assert_eq!(&out.parts, &parts);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_plain_has_no_other_view(target in "/?[!-~]{0,12}|/[ -~é\t]{0,4}|(/|\\?|\\.|a|Ä|=|&|%2e){0,8}") {
            let parts = Parts::of(target.as_bytes());
            let mut view = TargetView::default();
            if is_plain(target.as_bytes()) {
                proptest::prop_assert!(!decode_target(target.as_bytes(), &parts, &mut view));
                proptest::prop_assert!(!normalise_target(target.as_bytes(), &parts, &mut view));
            }
        }
    }

    #[test]
    fn ordinary_targets_are_plain() {
        for target in ["/", "/a/b.html", "/a-b_c/?x=1&y=~z", "/img/logo@2x.png?v=3.7.1,2"] {
            assert!(is_plain(target.as_bytes()), "{target}");
        }
        for target in [
            "", "a", "/a//b", "/.env", "/a/../b", "/a;b", "/a b", "/a+b", "/%41", "/é",
        ] {
            assert!(!is_plain(target.as_bytes()), "{target}");
        }
    }
}
