//! What stands behind the user agent: nginx main's forwarded-for, mod_logio's two counts, ingress-nginx's
//! upstream, or something of the administrator's own.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

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
    /// One quoted value that is no list of addresses, kept as the extra value `tail`.
    Quoted,
    /// One quoted value that is a plain number, kept as the extra value `tail`.
    Number,
    /// ` %I %O`.
    InOut,
    /// ingress-nginx's nine fields.
    Ingress,
    /// Two numbers that cannot be bytes of this request and its answer, kept as the extra value `tail`.
    Numbers,
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
    let tail = known(text, record, dialect);
    if matches!(tail, Tail::Quoted | Tail::Number | Tail::Numbers | Tail::Other) {
        if tail == Tail::Other {
            first_list(text, record, dialect);
        }
        record
            .more_mut()
            .extra
            .push((Cow::Borrowed("tail"), Cow::Borrowed(text)));
    }
    Ok((&[], tail))
}

fn known<'a>(text: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Tail {
    if let Some(tail) = one_value(text, record, dialect) {
        tail
    } else if let Some(tail) = two_numbers(text, record) {
        tail
    } else if ingress(text, record).is_ok() {
        Tail::Ingress
    } else {
        Tail::Other
    }
}

/// One quoted value and nothing behind it. A plain number is a compression ratio or a duration that an administrator
/// logs there.
fn one_value<'a>(text: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Option<Tail> {
    let (b"", value) = leaf::quoted(text, dialect).ok()? else {
        return None;
    };
    if leaf::nanos_of_seconds(value).is_some() {
        return Some(Tail::Number);
    }
    if !is_forwarded_for(value) {
        return Some(Tail::Quoted);
    }
    put_forwarded_for(value, record, dialect);
    Some(Tail::ForwardedFor)
}

/// Takes the one quoted value of a line for the forwarding header, whatever it holds: in nginx `main` it is nothing else.
#[cold]
pub(crate) fn quoted_is_forwarded_for(record: &mut Record<'_>, dialect: Escape) {
    let extra = &mut record.more.extra;
    let tail = extra.pop_if(|(name, _)| name == "tail");
    if let Some((_, Cow::Borrowed(text))) = tail
        && let Ok((_, value)) = leaf::quoted(text, dialect)
    {
        put_forwarded_for(value, record, dialect);
    }
}

/// The same, of a log that names no column: servers that were asked are none.
pub(crate) fn is_forwarded_for(value: &[u8]) -> bool {
    is_list(value) && !is_upstream(value)
}

/// Whether a list is one of servers with their ports (`$upstream_addr`): private addresses and ports that servers have.
/// Gateways write the ports of clients, too, which a client may choose.
fn is_upstream(list: &[u8]) -> bool {
    let served = |port| port < 1024 || matches!(port, 3000 | 5000 | 8000 | 8080 | 8081 | 8443 | 8888 | 9000);
    list.split(|&b| b == b',').all(|entry| {
        let peer = crate::address::peer(entry.trim_ascii());
        peer.is_some_and(|peer| is_private(peer.ip) && peer.port.is_some_and(served))
    })
}

/// Whether an address is of a network of one's own, where upstream servers are.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared(v4),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

/// Whether an address is of `100.64.0.0/10`, which clouds and overlay networks use within.
fn is_shared(v4: Ipv4Addr) -> bool {
    matches!(v4.octets(), [100, 64..=127, ..])
}

/// Keeps a list of forwarders, unless there is none.
pub(super) fn put_forwarded_for<'a>(value: &'a [u8], record: &mut Record<'a>, dialect: Escape) {
    if let Some(value) = present(value, dialect) {
        let headers = &mut record.more_mut().headers;
        headers.push((Cow::Borrowed("x-forwarded-for"), value));
    }
}

/// Whether a value can be a forwarding header that a proxy wrote: what precedes the last entry is the client's, and may
/// be anything.
pub(crate) fn is_list(value: &[u8]) -> bool {
    let last = crate::address::last_entry(value);
    matches!(last, b"-" | b"")
        || last.eq_ignore_ascii_case(b"unknown")
        || crate::address::peer(last).is_some()
}

/// The first of several further values, if it is a list of addresses and nothing else, is the forwarded-for that
/// so many formats append to combined.
fn first_list<'a>(text: &'a [u8], record: &mut Record<'a>, dialect: Escape) {
    if let Ok((_, value)) = leaf::quoted(text, dialect)
        && !is_upstream(value)
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

/// No request of HTTP/1 is shorter: `GET / HTTP/1.0` and its two line ends.
const SHORTEST_REQUEST: u64 = 18;

/// mod_logio's bytes received and sent; or two numbers of the administrator's, such as a duration in seconds and in
/// microseconds, of which one is too small for that.
fn two_numbers<'a>(text: &'a [u8], record: &mut Record<'a>) -> Option<Tail> {
    let (rest, (received, sent)) = (
        leaf::number_or_dash,
        preceded(tag(&b" "[..]), leaf::number_or_dash),
    )
        .parse(text)
        .ok()?;
    if !rest.is_empty() {
        return None;
    }
    let asked = record.method.is_some() && record.status.is_some();
    let too_short = asked && received.is_some_and(|received| received < SHORTEST_REQUEST);
    if too_short
        || sent
            .zip(record.body_bytes)
            .is_some_and(|(sent, body)| sent < body)
    {
        return Some(Tail::Numbers);
    }
    let more = record.more_mut();
    (more.request_bytes, more.response_bytes) = (received, sent);
    Some(Tail::InOut)
}

/// `$request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr
/// $upstream_response_length $upstream_response_time $upstream_status $req_id`. Upstream values may be lists
/// (`a, b`), so they are taken as words up to the request id, which is the last one. Before version 0.24 there was no
/// alternative.
fn ingress<'a>(text: &'a [u8], record: &mut Record<'a>) -> Parsed<'a, ()> {
    let bracketed = || delimited(tag(&b" ["[..]), take_till(|b| b == b']'), tag(&b"]"[..]));
    let (rest, (length, duration, upstream)) = (
        leaf::number_or_dash,
        preceded(tag(&b" "[..]), leaf::seconds_ns),
        bracketed(),
    )
        .parse(text)?;
    let rest = match bracketed().parse(rest) {
        Ok((rest, _alternative)) => rest,
        Err(_) if values(rest) == 5 => rest,
        Err(stop) => return Err(stop),
    };
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

/// How many values these are that are separated by spaces; each may be a list (`a, b : c`).
fn values(words: &[u8]) -> usize {
    let words = words.split(|&b| b == b' ').filter(|word| !word.is_empty());
    words
        .fold((0, false), |(count, goes_on), word| match word {
            b":" => (count, true),
            word => (count + usize::from(!goes_on), word.ends_with(b",")),
        })
        .0
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
