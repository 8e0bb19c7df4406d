//! What follows the time in a line of the Common Log Format, of a server that escapes nothing (Caddy's `transform`,
//! Traefik): `"request" status bytes`, perhaps `"referrer" "agent"`.
//!
//! A client that sends a quote ends no value with it: the line is divided where everything fits. The peer stands before
//! all of this, so no division moves it; of several the first is taken, since a request target holds no space.
//!
//! A second time with a quote behind it tells that a client wrote one, as his name or as his agent, or that a line was cut
//! and another written behind it. Then nothing tells which request was asked, and none is taken apart ([`unclear`]).

use std::borrow::Cow;

use crate::clf::{head, present};
use crate::foreign;
use crate::leaf::{self, Parsed, stop};
use crate::record::Record;
use crate::reject::Reason;
use crate::request;
use crate::unescape::Escape;

/// Longest text in brackets that is looked at as a time.
const LONGEST_TIME: usize = 48;

/// The texts in brackets that a quote follows, `[text] "`, and where each begins. A time stands there.
pub(crate) fn bracketed(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    memchr::memmem::find_iter(text, b"] \"").filter_map(|end| {
        let from = end.saturating_sub(LONGEST_TIME);
        let open = from + memchr::memrchr(b'[', text.get(from..end)?)?;
        Some((open, text.get(open + 1..end)?))
    })
}

/// Keeps of a line with times at these places what is certain: the peer, unless another line may begin within this one,
/// and the text of all requests, so that rules see them.
#[cold]
pub(crate) fn unclear<'a>(line: &'a [u8], times: &[usize], record: &mut Record<'a>) -> Parsed<'a, ()> {
    let (behind, peer) = leaf::word(line)?;
    let (asked, ()) = leaf::literal(behind, b"- ")?;
    head::set_peer(line, peer, record)?;
    if is_glued(line, times) {
        record.restart(line);
    }
    record.malformed_request = Some(Cow::Borrowed(asked));
    Ok((&[], ()))
}

/// Whether another line begins behind a time of this one, which was cut.
pub(crate) fn is_glued(line: &[u8], times: &[usize]) -> bool {
    let mut between = times
        .windows(2)
        .filter_map(|pair| line.get(*pair.first()?..*pair.last()?));
    between.any(holds_head)
}

/// Whether a text holds what may be the peer of another line, and its ident: `192.0.2.7 - `.
pub(crate) fn holds_head(text: &[u8]) -> bool {
    memchr::memmem::find_iter(text, b" - ").any(|at| {
        let word = text.get(..at).and_then(|text| text.rsplit(|&b| b == b' ').next());
        word.is_some_and(|word| {
            word.last().is_some_and(u8::is_ascii_hexdigit) && word.iter().any(|b| matches!(b, b'.' | b':'))
        })
    })
}

/// Reads up to the end of the line; the value says whether referrer and agent are there.
pub(crate) fn values<'a>(input: &'a [u8], record: &mut Record<'a>) -> Parsed<'a, bool> {
    let (inside, ()) = leaf::literal(input, b"\"")?;
    let Some(asked) = Asked::first(inside) else {
        return stop(inside, Reason::Literal);
    };
    let headers = match asked.rest {
        [] => None,
        rest => match headers(rest) {
            None => return stop(rest, Reason::Literal),
            headers => headers,
        },
    };
    if headers.is_none() && foreign::is_ftp(asked.request, asked.status) {
        return stop(asked.rest, Reason::NotAccess);
    }
    request::fill(asked.request, Escape::None, record);
    record.status = asked.status;
    record.body_bytes = asked.bytes;
    if let Some((referrer, agent)) = headers {
        record.referrer = present(referrer, Escape::None);
        record.put_agent(present(agent, Escape::None));
    }
    Ok((&[], headers.is_some()))
}

/// A request with the numbers that follow it.
struct Asked<'a> {
    request: &'a [u8],
    status: Option<u16>,
    bytes: Option<u64>,
    rest: &'a [u8],
}

impl<'a> Asked<'a> {
    /// The first division whose request ends as one does, or the first of all.
    fn first(inside: &'a [u8]) -> Option<Self> {
        let mut first = None;
        for at in memchr::memchr_iter(b'"', inside) {
            let Some(asked) = Self::at(inside, at) else {
                continue;
            };
            if request::is_whole(asked.request) {
                return Some(asked);
            }
            first.get_or_insert(asked);
        }
        first
    }

    /// The division at this quote, if two numbers follow it and then headers or nothing.
    fn at(inside: &'a [u8], quote: usize) -> Option<Self> {
        let (request, rest) = inside.split_at_checked(quote)?;
        let (rest, status) = leaf::status(rest.strip_prefix(b"\" ")?).ok()?;
        let (rest, bytes) = leaf::number_or_dash(rest.strip_prefix(b" ")?).ok()?;
        (rest.is_empty() || rest.starts_with(b" \"")).then_some(Self {
            request,
            status,
            bytes,
            rest,
        })
    }
}

/// ` "referrer" "agent"` to the end of the line.
fn headers(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = rest.strip_prefix(b" \"")?.strip_suffix(b"\"")?;
    let between = memchr::memmem::find(inside, b"\" \"")?;
    Some((inside.get(..between)?, inside.get(between + 3..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, Option<u16>, String)> {
        let mut record = Record::default();
        values(line.as_bytes(), &mut record).ok()?;
        let text =
            |value: Option<crate::Bytes<'_>>| String::from_utf8(value.unwrap_or_default().into()).unwrap();
        Some((text(record.target), record.status, text(record.user_agent)))
    }

    #[test]
    fn quotes_of_a_client_end_nothing() {
        for (line, target, status, agent) in [
            (r#""GET /a HTTP/1.1" 200 5"#, "/a", 200, ""),
            (r#""GET /a"x HTTP/1.1" 200 5"#, "/a\"x", 200, ""),
            (r#""GET /a HTTP/1.1" 200 5 "-" "a"b""#, "/a", 200, "a\"b"),
            (r#""GET /a HTTP/1.1" 200 5 "r"x" "a" "b""#, "/a", 200, "a\" \"b"),
            (
                r#""GET /a" 200 5 "-" "x" HTTP/1.1" 404 5 "-" "b""#,
                "/a\" 200 5 \"-\" \"x\"",
                404,
                "b",
            ),
            (r#""GET /old" 200 5 "-" "\"""#, "/old", 200, "\\\""),
        ] {
            let want = Some((target.to_owned(), Some(status), agent.to_owned()));
            assert_eq!(read(line), want, "{line}");
        }
        for line in [
            "",
            r#""GET /a HTTP/1.1" 200"#,
            r#""GET /a HTTP/1.1" 200 5 x"#,
            r#""GET /a HTTP/1.1" 200 5 "-" "cut"#,
            r#""GET /a HTTP/1.1" 200 5 "-""#,
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn many_quotes_cost_little() {
        for piece in ["\"", "\" 2 2 \"", "\" 200 5 \"x", "\" \""] {
            let line = format!("\"{}", piece.repeat(200_000));
            let _ = read(&line);
        }
    }
}
