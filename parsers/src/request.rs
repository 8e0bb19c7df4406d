//! The request line: method, target and protocol, or what stands there when it is none.
//!
//! Never trust three words: old and lenient servers log paths with raw spaces, so the method ends at the first
//! space and the protocol begins at the last.

use std::borrow::Cow;

use crate::lanes::after;
use crate::record::Record;
use crate::unescape::Escape;

/// Longest method taken for one; longer first words are junk.
const LONGEST_METHOD: usize = 32;

/// Fills the request fields of a record from a still escaped request line (without its quotes).
///
/// `-` and nothing at all mean that the client sent no request. What cannot be split (TLS bytes, other
/// protocols) goes whole to [`Record::malformed_request`].
#[inline]
pub(crate) fn fill<'a>(text: &'a [u8], dialect: Escape, record: &mut Record<'a>) {
    if let Some((method, target, version)) = split(text) {
        record.method = Some(Cow::Borrowed(method));
        record.target = Some(dialect.undo(target));
        record.http_version = version;
    } else if !matches!(text, b"-" | b"") {
        record.malformed_request = Some(dialect.undo(text));
    }
}

/// Method, target and bare version.
type Split<'a> = (&'a [u8], &'a [u8], Option<&'a [u8]>);

/// Whether a request line ends as one does, with its protocol.
pub(crate) fn is_whole(text: &[u8]) -> bool {
    split(text).is_some_and(|(_, _, version)| version.is_some_and(|version| version != b"0.9"))
}

/// Splits a request line; a request without protocol is HTTP/0.9, one with `-` in its place has none.
#[inline(always)]
pub(crate) fn split(text: &[u8]) -> Option<Split<'_>> {
    let (method, rest) = match after(text, b"GET ") {
        Some(rest) => (text.get(..3)?, rest),
        None => method(text)?,
    };
    if let Some((target, end)) = rest.split_last_chunk()
        && end == b" HTTP/1.1"
        && !target.is_empty()
    {
        return Some((method, target, Some(b"1.1")));
    }
    match protocol(rest) {
        Some((target, version)) if !target.is_empty() => Some((method, target, version)),
        // HTTP/0.9 knows no other method.
        None if rest.first() == Some(&b'/') => {
            Some((method, rest, (method == b"GET").then_some(&b"0.9"[..])))
        }
        _ => None,
    }
}

/// The method, and what stands behind the space after it.
#[inline]
fn method(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = text
        .iter()
        .take(LONGEST_METHOD + 1)
        .position(|&b| !b.is_ascii_uppercase())?;
    let space = if text.get(space) == Some(&b' ') {
        space
    } else {
        odd_method(text)?
    };
    let (method, rest) = (text.get(..space)?, text.get(space + 1..)?);
    (!method.is_empty()).then_some((method, rest))
}

/// Length of a method that is not all upper-case letters.
#[cold]
fn odd_method(text: &[u8]) -> Option<usize> {
    let space = text.iter().take(LONGEST_METHOD + 1).position(|&b| b == b' ')?;
    text.get(..space)?
        .iter()
        .all(|&b| is_method_byte(b))
        .then_some(space)
}

/// `/path HTTP/1.1` → `/path`, `1.1`.
#[inline]
fn protocol(rest: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let space = rest.iter().rposition(|&b| b == b' ')?;
    let (target, protocol) = (rest.get(..space)?, rest.get(space + 1..)?);
    if protocol == b"-" {
        return Some((target, None));
    }
    Some((target, Some(version(protocol)?)))
}

/// `HTTP/1.1` → `1.1`; `HTTP/2` and `HTTP/3` → `2.0`, `3.0`; anything else is no protocol.
#[inline]
pub(crate) fn version(protocol: &[u8]) -> Option<&[u8]> {
    match protocol
        .strip_prefix(b"HTTP/")
        .or_else(|| protocol.strip_prefix(b"http/"))?
    {
        b"1" => Some(b"1.0"),
        b"2" => Some(b"2.0"),
        b"3" => Some(b"3.0"),
        version @ [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => Some(version),
        _ => None,
    }
}

/// A byte of an RFC 9110 token.
#[inline]
fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits() {
        for (text, want) in [
            ("GET / HTTP/1.1", Some(("GET", "/", "1.1"))),
            ("GET /a b c HTTP/1.0", Some(("GET", "/a b c", "1.0"))),
            ("GET /x HTTP/1.1 HTTP/1.1", Some(("GET", "/x HTTP/1.1", "1.1"))),
            ("GET / HTTP/2", Some(("GET", "/", "2.0"))),
            ("GET /old", Some(("GET", "/old", "0.9"))),
            ("GET /cut off", Some(("GET", "/cut off", "0.9"))),
            ("PRI * HTTP/2.0", Some(("PRI", "*", "2.0"))),
            ("CONNECT h:443 HTTP/1.1", Some(("CONNECT", "h:443", "1.1"))),
            ("GET http://h/ HTTP/1.1", Some(("GET", "http://h/", "1.1"))),
            ("get /a HTTP/1.1", Some(("get", "/a", "1.1"))),
            ("GET  HTTP/1.1", None),
            ("GET -", None),
            ("GET", None),
            ("HELP ME", None),
            (r"\x16\x03\x01 / HTTP/1.1", None),
            ("SSH-2.0-Go", None),
            ("", None),
            ("-", None),
        ] {
            let got = split(text.as_bytes());
            let want = want.map(|(m, t, v)| (m.as_bytes(), t.as_bytes(), Some(v.as_bytes())));
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn only_get_is_asked_without_a_protocol() {
        assert_eq!(split(b"POST /cut"), Some((&b"POST"[..], &b"/cut"[..], None)));
    }

    #[test]
    fn junk_is_kept_whole_and_unescaped() {
        let mut record = Record::default();
        fill(br"\x16\x03\x01", Escape::Nginx, &mut record);
        assert_eq!(record.malformed_request.as_deref(), Some(&b"\x16\x03\x01"[..]));
        assert_eq!(record.method, None);
        let mut record = Record::default();
        fill(b"-", Escape::Nginx, &mut record);
        assert_eq!(record, Record::default());
    }
}
