//! The views of a text that a client encodes: percent-decoded once and twice, and normalised.
//!
//! Attackers hide what they send behind encodings that servers and applications undo one after the other; rules are
//! written for what comes out. [`decode()`] undoes one layer: `%41`, `%u0041`, `+` in a query, overlong UTF-8 and
//! full-width letters. [`normalise_path`] and [`normalise_query`] then take out what means nothing: `//`, `/./`,
//! `;param`, back-slashes, NUL, SQL comments. All work in linear time into buffers that are used again; none looks
//! at rules. Next: [`super::signature`].

mod decode;
mod tidy;

use std::ops::Range;

pub use decode::{decode, is_encoded, percent_decoded};
pub use tidy::normalise_path;
use tidy::{normalise_query, path_is_odd, text_is_odd};

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
