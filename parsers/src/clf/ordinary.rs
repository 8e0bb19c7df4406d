//! The combined line as nearly all are: an address, nobody's name, a request that parts in three, a status, a size and
//! two headers without escapes; in nginx `main` a third.
//!
//! Reads the same as the grammar ([`super::family`]) in one go: each piece is looked at once, and nothing is written
//! before all of it is known. What is in any way different is the grammar's, which also tells why a line is refused.
//! Leaves that every line is read with are `inline(always)`: a line takes some hundred instructions, and calls were a
//! tenth of them.

use std::borrow::Cow;
use std::net::IpAddr;

use fearless_simd::{Level, Simd, dispatch};

use super::quotes::Quotes;
use super::tail;
use crate::address;
use crate::format::Format;
use crate::lanes::after;
use crate::leaf;
use crate::memo::TimeMemo;
use crate::record::Record;
use crate::request;
use crate::unescape::Escape;

/// Reads the ordinary lines of a format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ordinary {
    format: Format,
    /// What the processor can do.
    level: Level,
}

impl Ordinary {
    /// A reader, if ordinary lines are lines of this format.
    pub(crate) fn of(format: Format) -> Option<Self> {
        let is_own = matches!(
            format,
            Format::NginxCombined | Format::ApacheCombined | Format::NginxMain
        );
        is_own.then(|| Self {
            format,
            level: Level::new(),
        })
    }

    /// Reads an ordinary line into a record, which is cleared first; `None` for any other line, and the record is as it
    /// was.
    #[inline]
    pub(crate) fn read<'a>(self, line: &'a [u8], record: &mut Record<'a>, memo: &mut TimeMemo) -> Option<()> {
        dispatch!(self.level, simd => read(simd, line, self.format, record, memo))
    }
}

/// The same with the vectors of one processor.
#[inline(always)]
fn read<'a, S: Simd>(
    simd: S,
    line: &'a [u8],
    format: Format,
    record: &mut Record<'a>,
    memo: &mut TimeMemo,
) -> Option<()> {
    let (peer, rest) = peer(line)?;
    let peer_text = line.get(..line.len() - rest.len())?;
    let rest = after(rest, b" - - [")?;
    let (time, rest) = rest.split_first_chunk()?;
    let rest = after(rest, b"] \"")?;
    let mut quotes = Quotes::new(simd, line, line.len() - rest.len());
    let (request, rest) = value(line, rest, &mut quotes)?;
    let (method, target, version) = request::split(request)?;
    let [b' ', rest @ ..] = rest else { return None };
    let (status, rest) = leaf::plain_status(rest)?;
    let [b' ', rest @ ..] = rest else { return None };
    let (bytes, rest) = match leaf::plain_size(rest) {
        Some(read) => read,
        None => leaf::number_or_dash(rest)
            .ok()
            .map(|(rest, bytes)| (bytes, rest))?,
    };
    let (referrer, rest) = header(line, rest, &mut quotes)?;
    let (agent, rest) = header(line, rest, &mut quotes)?;
    let (forwarded_for, b"") = (match format {
        Format::NginxMain => header(line, rest, &mut quotes)?,
        _ => (&b"-"[..], rest),
    }) else {
        return None;
    };
    let time = memo.clf_text(time)?;
    record.restart(line);
    record.time = Some(time);
    record.peer = Some(peer);
    record.peer_text = peer_text;
    record.method = Some(Cow::Borrowed(method));
    record.target = Some(Cow::Borrowed(target));
    record.http_version = version;
    record.status = Some(status);
    record.body_bytes = bytes;
    record.referrer = (referrer != b"-").then_some(Cow::Borrowed(referrer));
    record.put_agent((agent != b"-").then_some(Cow::Borrowed(agent)));
    if forwarded_for != b"-" {
        tail::put_forwarded_for(forwarded_for, record, Escape::None);
    }
    format.accept(record);
    Some(())
}

/// An address without a port, and what follows it.
#[inline(always)]
fn peer(line: &[u8]) -> Option<(IpAddr, &[u8])> {
    if let Some((ip, rest)) = address::v4(line) {
        return Some((IpAddr::V4(ip), rest));
    }
    let (ip, rest) = address::v6(line)?;
    Some((address::canonical(IpAddr::V6(ip)), rest))
}

/// A [`value`] behind a space and the quote that opens it.
#[inline(always)]
fn header<'a, S: Simd>(
    line: &'a [u8],
    rest: &'a [u8],
    quotes: &mut Quotes<'a, S>,
) -> Option<(&'a [u8], &'a [u8])> {
    let rest = after(rest, b" \"")?;
    quotes.next();
    value(line, rest, quotes)
}

/// A value without escapes with which `rest`, the end of `line`, begins, and what follows the quote behind it.
#[inline(always)]
fn value<'a, S: Simd>(
    line: &'a [u8],
    rest: &'a [u8],
    quotes: &mut Quotes<'a, S>,
) -> Option<(&'a [u8], &'a [u8])> {
    let end = quotes.next()?.checked_sub(line.len() - rest.len())?;
    match rest.split_at_checked(end)? {
        (text, [b'"', rest @ ..]) => Some((text, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::clf;
    use crate::line::Line;

    fn of_grammar(line: &[u8], format: Format, dialect: Escape) -> Option<Record<'_>> {
        let mut record = Record {
            line: Cow::Borrowed(line),
            ..Record::default()
        };
        let read = format.parse(line, &mut record, &mut TimeMemo::new(), dialect, None);
        (read.ok()? == Line::Record).then_some(record)
    }

    /// A record full of what another line left.
    fn used() -> Record<'static> {
        let line = br#"h:80 192.0.2.1 - bob [10/Oct/2000:13:55:36 -0700] "\x16" 200 7 "r" "a" "203.0.113.1""#;
        let mut record = Record::default();
        clf::parse(line, &mut record, &mut TimeMemo::new(), Escape::Nginx).unwrap();
        assert!(record.more.used && record.malformed_request.is_some() && record.user.is_some());
        record
    }

    proptest! {
        #[test]
        fn reads_as_the_grammar_does(
            peer in select(&["192.0.2.7", "1.2.3.4:5", "255.255.255.255", "256.1.1.1", "2001:db8::1", "[::1]", "[::1]:80", "::ffff:1.2.3.4", "host", "-", ""][..]),
            names in select(&[" - - ", " - bob ", " ", " - - - "][..]),
            time in select(&["[10/Oct/2000:13:55:36 -0700]", "[1/Oct/2000:13:55:36 -0700]", "[10/Okt/2000:13:55:36 -0700]", "[-]"][..]),
            request in select(&["GET / HTTP/1.1", "POST /a b HTTP/2.0", "GET /x", "-", "", r"\x16\x03", r#"GET /\" HTTP/1.1"#, "PUT  HTTP/1.1", "get /a?\"b HTTP/1.0"][..]),
            status in select(&["200", "99", "0200", "-", "000", "2000"][..]),
            size in select(&["0", "1234567", "12345678", "123456789012345678901", "-", "x", ""][..]),
            referrer in select(&["-", "", "http://r/", r"a\\", "a\"b", "- \" \"x"][..]),
            agent in select(&["-", "", "curl/8", r"\x22", r#"\""#, "a\"b"][..]),
            end in select(&["", "", " ", " \"-\"", " \"-\" ", " \"\"", " \"203.0.113.7, 10.0.0.1\"", " \"10.0.0.1:8080\"", " \"1.5\"", " \"a\"", " \"a\\x22\"", " \"-\" \"-\"", "\"", " 1 2", "\""][..]),
            long in 0..200_usize,
            longer in 0..200_usize,
        ) {
            let (long, longer) = ("a".repeat(long), "b".repeat(longer));
            let line = format!("{peer}{names}{time} \"{request}{long}\" {status} {size} \"{referrer}\" \"{agent}{longer}\"{end}");
            for cut in [line.len(), line.len() - 1, line.len() / 2] {
                let line = &line.as_bytes()[..cut];
                for (format, dialect) in [
                    (Format::NginxCombined, Escape::Nginx),
                    (Format::ApacheCombined, Escape::Either),
                    (Format::NginxMain, Escape::Either),
                ] {
                    let mut record = used();
                    let read = Ordinary::of(format).unwrap().read(line, &mut record, &mut TimeMemo::new());
                    let wanted = match read {
                        Some(()) => of_grammar(line, format, dialect),
                        None => Some(used()),
                    };
                    prop_assert_eq!(Some(record), wanted, "{}", String::from_utf8_lossy(line));
                }
            }
        }
    }

    #[test]
    fn reads_what_is_ordinary() {
        let format = Format::ApacheCombined;
        for (format, line) in [
            (
                format,
                &br#"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.1" 200 5 "-" "curl/8""#[..],
            ),
            (
                format,
                br#"2001:db8::7 - - [10/Oct/2000:13:55:36 -0700] "POST / HTTP/2.0" 404 - "http://r/" "-""#,
            ),
            (
                Format::NginxMain,
                br#"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "curl/8" "-""#,
            ),
            (
                Format::NginxMain,
                br#"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "-" "192.0.2.9""#,
            ),
        ] {
            let mut record = used();
            let ordinary = Ordinary::of(format).unwrap();
            assert!(ordinary.read(line, &mut record, &mut TimeMemo::new()).is_some());
            assert_eq!(Some(record), of_grammar(line, format, Escape::Apache));
        }
    }
}
