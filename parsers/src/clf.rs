//! The Common Log Format and all that grew from it: nginx, Apache, LiteSpeed and Varnish access lines.
//!
//! One grammar reads the whole family: `[vhost[:port]] peer ident user [time] "request" status bytes`, then
//! perhaps `"referer" "agent"`, then perhaps a tail ([`tail`]). It says which [`Shape`] it saw, and a preset
//! accepts the shapes that are its own. What a client can choose (user, request, headers) never moves the
//! peer: the peer stands before all of it, and the user is anchored by the time and the quote behind it.

use std::borrow::Cow;

use crate::address;
use crate::leaf::{self, Parsed, stop};
use crate::memo::TimeMemo;
use crate::record::{Bytes, Record};
use crate::reject::{Reason, Reject};
use crate::request;
use crate::unescape::Escape;

pub(crate) mod tail;

pub(crate) use tail::Tail;

/// What of the family a line turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// A virtual host stands before the peer.
    pub vhost: bool,
    /// Referer and user agent are there.
    pub agent: bool,
    /// What follows them.
    pub tail: Tail,
}

/// Reads a line of any shape of the family.
#[inline]
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    memo: &mut TimeMemo,
    dialect: Escape,
) -> Result<Shape, Reject> {
    family(line, record, memo, dialect)
        .map_err(|stop| leaf::reject(line, stop))
        .map(|(_, shape)| shape)
}

#[inline]
fn family<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    memo: &mut TimeMemo,
    dialect: Escape,
) -> Parsed<'a, Shape> {
    let (rest, vhost) = head(line, record, dialect)?;
    let (rest, time) = leaf::clf_time(rest, memo)?;
    record.time = Some(time);
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, request) = leaf::quoted(rest, dialect)?;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, status) = leaf::status(rest)?;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, bytes) = leaf::number_or_dash(rest)?;
    request::fill(request, dialect, record);
    record.status = status;
    record.body_bytes = bytes;
    let (rest, agent) = headers(rest, record, dialect)?;
    let (rest, tail) = tail::read(rest, record, dialect)?;
    Ok((rest, Shape { vhost, agent, tail }))
}

/// ` "referer" "agent"`, or nothing.
#[inline]
fn headers<'a>(input: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Parsed<'a, bool> {
    let Some(rest) = input
        .strip_prefix(b" ")
        .filter(|rest| rest.first() == Some(&b'"'))
    else {
        return Ok((input, false));
    };
    let (rest, referrer) = leaf::quoted(rest, dialect)?;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, agent) = leaf::quoted(rest, dialect)?;
    record.referrer = present(referrer, dialect);
    record.user_agent = present(agent, dialect);
    Ok((rest, true))
}

/// `-` is absent, empty is sent but empty.
#[inline]
pub(crate) fn present(text: &[u8], dialect: Escape) -> Option<Bytes<'_>> {
    (text != b"-").then(|| dialect.undo(text))
}

/// Everything before the time: peer, ident and user, with or without a virtual host in front.
#[inline]
fn head<'a>(line: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Parsed<'a, bool> {
    let (rest, first) = leaf::word(line)?;
    if let Some(rest) = rest.strip_prefix(b"- - ")
        && rest.first() == Some(&b'[')
    {
        set_peer(line, first, record)?;
        return Ok((rest, false));
    }
    other_head(line, rest, first, record, dialect)
}

/// The heads that are not `peer - - [`: a user, an ident, a virtual host.
fn other_head<'a>(
    line: &'a [u8],
    rest: &'a [u8],
    first: &'a [u8],
    record: &mut Record<'a>,
    dialect: Escape,
) -> Parsed<'a, bool> {
    let (names, rest) = match before_time(rest) {
        Some(found) => found,
        None => {
            return stop(
                rest,
                if rest.is_empty() {
                    Reason::Truncated
                } else {
                    Reason::Time
                },
            );
        }
    };
    let Ok((after, second)) = leaf::word(names) else {
        return stop(names, Reason::Literal);
    };
    let vhost = is_vhost(first, second, after);
    let names = if vhost { after } else { names };
    set_peer(line, if vhost { second } else { first }, record)?;
    if vhost {
        set_host(first, record);
    }
    let user = match leaf::word(names) {
        Ok((user, _ident)) => user.strip_suffix(b" ").unwrap_or(user),
        Err(_) => return stop(names, Reason::Literal),
    };
    record.user = user_name(user, dialect);
    Ok((rest, vhost))
}

/// Whether `first second after[` is `vhost peer ident user [` and not `peer ident user [`, where the user may
/// hold spaces. A server without identd writes the ident as `-`, so that settles it; an address in its place is
/// the peer behind a virtual host, and so is a name if the ident behind it is `-`.
fn is_vhost(first: &[u8], second: &[u8], after: &[u8]) -> bool {
    let two_more = leaf::word(after).is_ok_and(|(user, _)| !user.is_empty());
    if second == b"-" || !two_more {
        return false;
    }
    address::peer(second).is_some()
        || has_port(first)
        || (after.starts_with(b"- ") && address::is_host_name(second))
}

/// Splits before the `[` of the time. The user may hold anything but a raw quote, so the first ` [time] "`
/// is the real one.
fn before_time(text: &[u8]) -> Option<(&[u8], &[u8])> {
    for at in memchr::memchr_iter(b'[', text) {
        let (names, rest) = text.split_at_checked(at)?;
        let framed = rest.get(27..30) == Some(b"] \"") && rest.get(3) == Some(&b'/');
        if framed && names.ends_with(b" ") {
            return Some((names, rest));
        }
    }
    None
}

/// `-` is none; Apache writes `""` for an empty user.
fn user_name(text: &[u8], dialect: Escape) -> Option<Bytes<'_>> {
    match text {
        b"-" | b"" => None,
        b"\"\"" => Some(Cow::Borrowed(b"")),
        _ => Some(dialect.undo(text)),
    }
}

#[inline]
pub(crate) fn set_peer<'a>(line: &'a [u8], text: &'a [u8], record: &mut Record<'a>) -> Parsed<'a, ()> {
    record.peer_text = text;
    if let Some(peer) = address::peer(text) {
        record.peer = Some(peer.ip);
        if peer.port.is_some() {
            record.more_mut().peer_port = peer.port;
        }
    } else if !address::is_host_name(text) {
        return stop(line, Reason::Address);
    }
    Ok((line, ()))
}

/// `host:port`, `host` or `-` before the peer.
pub(crate) fn set_host<'a>(text: &'a [u8], record: &mut Record<'a>) {
    let (host, port) = split_port(text);
    if host != b"-" {
        record.host = Some(Cow::Borrowed(host));
    }
    if port.is_some() {
        record.more_mut().server_port = port;
    }
}

fn has_port(text: &[u8]) -> bool {
    split_port(text).1.is_some()
}

/// `host:443` → `host`, 443. The colons of a bare IPv6 address are no port's.
pub(crate) fn split_port(text: &[u8]) -> (&[u8], Option<u16>) {
    let Some(colon) = text.iter().rposition(|&b| b == b':') else {
        return (text, None);
    };
    let (host, port) = (
        text.get(..colon).unwrap_or_default(),
        text.get(colon + 1..).unwrap_or_default(),
    );
    let bare_v6 = host.contains(&b':') && !host.ends_with(b"]");
    match crate::memo::decimal(port).and_then(|port| u16::try_from(port).ok()) {
        Some(port) if !bare_v6 => (host, Some(port)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests;
