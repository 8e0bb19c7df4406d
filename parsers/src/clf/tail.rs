//! What stands behind the user agent: nginx main's forwarded-for, mod_logio's two counts, ingress-nginx's
//! upstream, or something of the administrator's own.

use std::borrow::Cow;

use nom::Parser;
use nom::bytes::complete::{tag, take_till};
use nom::sequence::{delimited, preceded};

use crate::clf::present;
use crate::leaf::{self, Parsed, stop};
use crate::record::Record;
use crate::reject::Reason;
use crate::unescape::Escape;

/// Which tail a line has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// None: the line ends.
    None,
    /// ` "$http_x_forwarded_for"` (nginx `main`).
    ForwardedFor,
    /// ` %I %O`.
    InOut,
    /// ingress-nginx's nine fields.
    Ingress,
    /// Anything else, kept as the extra value `tail`.
    Other,
}

/// Reads the tail. A line with an unknown one is a record all the same: what comes before it is complete.
#[inline]
pub(crate) fn read<'a>(input: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Parsed<'a, Tail> {
    if input.is_empty() {
        return Ok((input, Tail::None));
    }
    some(input, record, dialect)
}

fn some<'a>(input: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Parsed<'a, Tail> {
    let text = input.trim_ascii();
    if text.is_empty() {
        return Ok((&[], Tail::None));
    }
    if input.first() != Some(&b' ') {
        return stop(input, Reason::Literal);
    }
    let tail = if forwarded_for(text, record, dialect).is_ok() {
        Tail::ForwardedFor
    } else if in_out(text, record).is_ok() {
        Tail::InOut
    } else if ingress(text, record).is_ok() {
        Tail::Ingress
    } else {
        first_list(text, record, dialect);
        record
            .more_mut()
            .extra
            .push((Cow::Borrowed("tail"), Cow::Borrowed(text)));
        Tail::Other
    };
    Ok((&[], tail))
}

/// One quoted value and nothing behind it. A plain number is no list of addresses: it is a compression ratio or a
/// duration that an administrator logs there.
fn forwarded_for<'a>(text: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Parsed<'a, ()> {
    let (rest, value) = leaf::quoted(text, dialect)?;
    if !rest.is_empty() || leaf::nanos_of_seconds(value).is_some() {
        return stop(rest, Reason::Literal);
    }
    if let Some(value) = present(value, dialect) {
        record
            .more_mut()
            .headers
            .push((Cow::Borrowed("x-forwarded-for"), value));
    }
    Ok((rest, ()))
}

/// The first of several further values, if it is a list of addresses and nothing else, is the forwarded-for that
/// so many formats append to combined.
fn first_list<'a>(text: &'a [u8], record: &mut Record<'a>, dialect: Escape) {
    if let Ok((_, value)) = leaf::quoted(text, dialect)
        && value
            .split(|&b| b == b',')
            .all(|entry| crate::address::peer(entry.trim_ascii()).is_some())
    {
        record
            .more_mut()
            .headers
            .push((Cow::Borrowed("x-forwarded-for"), Cow::Borrowed(value)));
    }
}

fn in_out<'a>(text: &'a [u8], record: &mut Record<'a>) -> Parsed<'a, ()> {
    let (rest, (received, sent)) = (
        leaf::number_or_dash,
        preceded(tag(&b" "[..]), leaf::number_or_dash),
    )
        .parse(text)?;
    if !rest.is_empty() {
        return stop(rest, Reason::Literal);
    }
    let more = record.more_mut();
    (more.request_bytes, more.response_bytes) = (received, sent);
    Ok((rest, ()))
}

/// `$request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr
/// $upstream_response_length $upstream_response_time $upstream_status $req_id`. Upstream values may be lists
/// (`a, b`), so they are taken as words up to the request id, which is the last one.
fn ingress<'a>(text: &'a [u8], record: &mut Record<'a>) -> Parsed<'a, ()> {
    let bracketed = || delimited(tag(&b" ["[..]), take_till(|b| b == b']'), tag(&b"]"[..]));
    let (rest, (length, duration, upstream, _alternative)) = (
        leaf::number_or_dash,
        preceded(tag(&b" "[..]), leaf::seconds_ns),
        bracketed(),
        bracketed(),
    )
        .parse(text)?;
    let Some(words) = rest.strip_prefix(b" ") else {
        return stop(rest, Reason::Literal);
    };
    let id = words
        .iter()
        .rposition(|&b| b == b' ')
        .map_or(words, |at| words.get(at + 1..).unwrap_or_default());
    let more = record.more_mut();
    (more.request_bytes, more.duration_ns) = (length, duration);
    more.request_id = present(id, Escape::None);
    if let Some(name) = present(upstream, Escape::None).filter(|name| !name.is_empty()) {
        more.extra.push((Cow::Borrowed("proxy_upstream_name"), name));
    }
    if let Some(addresses) = present(list(words), Escape::None) {
        more.extra.push((Cow::Borrowed("upstream_addr"), addresses));
    }
    Ok((&[], ()))
}

/// The first value of several that are separated by spaces; a value may be a list (`a, b : c`).
fn list(words: &[u8]) -> &[u8] {
    let mut end = 0;
    loop {
        let rest = words.get(end..).unwrap_or_default();
        end += memchr::memchr(b' ', rest).unwrap_or(rest.len());
        let so_far = words.get(..end).unwrap_or_default();
        let goes_on = so_far.ends_with(b",") || words.get(end..).is_some_and(|rest| rest.starts_with(b" : "));
        if !goes_on || end >= words.len() {
            return so_far;
        }
        end += if so_far.ends_with(b",") { 1 } else { 3 };
    }
}
