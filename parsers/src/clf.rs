//! The Common Log Format and all that grew from it: nginx, Apache, LiteSpeed and Varnish access lines.
//!
//! One grammar reads the whole family: `[vhost[:port]] peer ident user [time] "request" status bytes`, then
//! perhaps `"referer" "agent"`, then perhaps a tail ([`tail`]). It says which [`Shape`] it saw, and a preset
//! accepts the shapes that are its own. What a client can choose (user, request, headers) never moves the
//! peer: the peer stands before all of it, and the user is anchored by the time and the quote behind it.

use std::borrow::Cow;

use crate::address;
use crate::foreign;
use crate::leaf::{self, Parsed};
use crate::line::Line;
use crate::memo::TimeMemo;
use crate::raw;
use crate::record::{Bytes, Record};
use crate::reject::{Reason, Reject};
use crate::request;
use crate::unescape::Escape;

pub(crate) mod head;
pub(crate) mod ordinary;
mod quotes;
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

/// Reads a common or combined line of a server that escapes nothing, where quotes of the client stand in the values.
pub(crate) fn parse_raw<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    memo: &mut TimeMemo,
) -> Result<Shape, Reject> {
    unescaped(line, record, memo)
        .map_err(|stop| leaf::reject(line, stop))
        .map(|(_, shape)| shape)
}

fn unescaped<'a>(line: &'a [u8], record: &mut Record<'a>, memo: &mut TimeMemo) -> Parsed<'a, Shape> {
    let (rest, vhost) = head::read(line, record, Escape::None)?;
    let names = line.strip_suffix(rest).unwrap_or_default();
    if !head::is_plain(names) {
        return leaf::stop(line, Reason::Address);
    }
    let (rest, time) = leaf::clf_time(rest, memo)?;
    record.time = Some(time);
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, agent) = raw::values(rest, record)?;
    let tail = Tail::None;
    Ok((rest, Shape { vhost, agent, tail }))
}

/// Reads a common or combined line, as `own` wants it, of a server that escapes nothing and is known for it. Where it cannot
/// be told which request is the true one, none is taken ([`raw::unclear`]).
pub(crate) fn parse_unescaped<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    memo: &mut TimeMemo,
    own: fn(Shape) -> bool,
) -> Result<(), Reject> {
    if parse(line, record, memo, Escape::Either).is_ok_and(own) {
        return Ok(());
    }
    record.restart(line);
    let times = head::times(line);
    if times.len() > 1 {
        let read = raw::unclear(line, &times, record);
        read.map_err(|stop| leaf::reject(line, stop))?;
        let first = times.first().and_then(|at| line.get(*at..));
        record.time = first.and_then(|text| leaf::clf_time(text, memo).ok().map(|(_, time)| time));
        return Ok(());
    }
    match own(parse_raw(line, record, memo)?) {
        true => Ok(()),
        false => Err(Reject::new(Reason::UnknownFormat, 0)),
    }
}

/// Reads a line of the family that stands in one more pair of quotes, as OpenLiteSpeed writes it.
pub(crate) fn parse_quoted<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    memo: &mut TimeMemo,
    dialect: Escape,
) -> Result<Line, Reject> {
    let inner = line.strip_prefix(b"\"").ok_or(Reject::new(Reason::Literal, 0))?;
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    let shape = parse(inner, record, memo, dialect).map_err(|r| Reject::new(r.reason, r.at + 1))?;
    match shape.tail {
        Tail::None => Ok(Line::Record),
        _ => Err(Reject::new(Reason::UnknownFormat, 0)),
    }
}

/// Takes the host from an absolute target (`http://host/path`); false for any other target.
pub(crate) fn host_of_target(record: &mut Record<'_>) -> bool {
    let Some(Cow::Borrowed(target)) = record.target else {
        return false;
    };
    let rest = target
        .strip_prefix(b"http://")
        .or_else(|| target.strip_prefix(b"https://"));
    let Some(host) = rest.and_then(|rest| rest.split(|&b| matches!(b, b'/' | b'?')).next()) else {
        return false;
    };
    head::set_host(host, record);
    !host.is_empty()
}

/// Takes the host from an absolute target where the log names none: the server that the client means.
#[cold]
pub(crate) fn host_of_absolute(record: &mut Record<'_>) {
    if record.host.is_some() {
        return;
    }
    let Some(Cow::Borrowed(target)) = record.target else {
        return;
    };
    let scheme = memchr::memmem::find(target.get(..8).unwrap_or(target), b"://");
    let rest = scheme
        .filter(|at| target.get(..*at).is_some_and(is_http))
        .and_then(|at| target.get(at + 3..));
    let authority = rest.and_then(|rest| rest.split(|&b| matches!(b, b'/' | b'?' | b'#')).next());
    let Some(host) = authority.and_then(|text| text.rsplit(|&b| b == b'@').next()) else {
        return;
    };
    let name = head::split_port(host).0;
    if address::is_host_name(name) || address::peer(name).is_some() {
        head::set_host(host, record);
    }
}

fn is_http(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https")
}

#[inline]
fn family<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    memo: &mut TimeMemo,
    dialect: Escape,
) -> Parsed<'a, Shape> {
    let (rest, vhost) = head::read(line, record, dialect)?;
    let (rest, time) = leaf::clf_time(rest, memo)?;
    record.time = Some(time);
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, request) = leaf::value(rest, dialect)?;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, status) = leaf::status(rest)?;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, bytes) = leaf::number_or_dash(rest)?;
    request::fill(request.text, request.dialect, record);
    record.status = status;
    record.body_bytes = bytes;
    let (rest, agent) = headers(rest, record, dialect)?;
    let no_protocol = || record.http_version.is_none_or(|version| version == b"0.9");
    if !agent && no_protocol() && foreign::is_ftp(request.text, status) {
        return leaf::stop(rest, Reason::NotAccess);
    }
    let (rest, tail) = tail::read(rest, record, dialect)?;
    if tail == Tail::Ingress {
        head::real_ip(record);
    }
    Ok((rest, Shape { vhost, agent, tail }))
}

/// ` "referer" "agent"`, or nothing.
#[inline]
fn headers<'a>(input: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Parsed<'a, bool> {
    let rest = match input {
        [b' ', b'"', b'-', b'"', b' ', rest @ ..] => rest,
        [b' ', rest @ ..] if rest.first() == Some(&b'"') => {
            let (rest, referrer) = leaf::value(rest, dialect)?;
            record.referrer = present(referrer.text, referrer.dialect);
            leaf::literal(rest, b" ")?.0
        }
        _ => return Ok((input, false)),
    };
    let (rest, agent) = leaf::value(rest, dialect)?;
    record.put_agent(present(agent.text, agent.dialect));
    Ok((rest, true))
}

/// `-` is absent, empty is sent but empty.
#[inline]
pub(crate) fn present(text: &[u8], dialect: Escape) -> Option<Bytes<'_>> {
    (text != b"-").then(|| dialect.undo(text))
}

#[cfg(test)]
mod tests;
