//! What stands before the time: who asked.
//!
//! Ordinarily `peer ident user`. Before it may stand a virtual host, or a forwarding header (a list of
//! addresses, quoted or not). Everything here is written so that the *right-most* address before the ident is
//! the peer: what stands to its left came from a header, and a header can be forged.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::address;
use crate::leaf::{self, Parsed, stop};
use crate::memo::CLF_LEN;
use crate::raw;
use crate::record::{Bytes, Record};
use crate::reject::Reason;
use crate::unescape::Escape;

/// Reads up to the `[` of the time; the value says whether a virtual host stood first.
#[inline]
pub(crate) fn read<'a>(line: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Parsed<'a, bool> {
    if let Some((ip, rest)) = address::v4(line)
        && rest.first_chunk() == Some(b" - - [")
        && let Some(after) = rest.get(5..)
    {
        record.peer = Some(IpAddr::V4(ip));
        record.peer_text = line.get(..line.len() - rest.len()).unwrap_or_default();
        return Ok((after, false));
    }
    let Ok((rest, first)) = leaf::word(line) else {
        return other(line, line, record, dialect);
    };
    if rest.first_chunk() == Some(b"- - [")
        && let Some(rest) = rest.get(4..)
    {
        set_peer(line, first, record)?;
        return Ok((rest, false));
    }
    other(line, rest, record, dialect)
}

/// The heads that are not `peer - - [`.
fn other<'a>(
    line: &'a [u8],
    after_first: &'a [u8],
    record: &mut Record<'a>,
    dialect: Escape,
) -> Parsed<'a, bool> {
    let Some((names, rest)) = before_time(line) else {
        return stop(
            after_first,
            if after_first.is_empty() {
                Reason::Truncated
            } else {
                Reason::Time
            },
        );
    };
    let names = names.trim_ascii_start();
    let in_quotes = names.starts_with(b"\"");
    let (names, forwarded) = forwarded(names, dialect);
    let Some(names) = Names::split(names) else {
        return stop(line, Reason::Address);
    };
    // Behind a header that nothing delimits: what reads as the user may be the true head. A name with a port is a host's.
    let open = names.vhost.filter(|host| split_port(host).1.is_none());
    let is_open = open.is_some() || forwarded.is_some() && !in_quotes;
    // Of two addresses alone, either may be the peer and the other a header.
    let bare = names.rest.is_empty() && open.is_some_and(|host| address::peer(host).is_some());
    if bare || is_open && raw::holds_head(names.rest) {
        record.put_unclear(Cow::Borrowed("x-forwarded-for"));
        return Ok((rest, names.vhost.is_some()));
    }
    names.fill(line, record, dialect)?;
    if let Some(list) = forwarded {
        record
            .more_mut()
            .headers
            .push((Cow::Borrowed("x-forwarded-for"), Cow::Borrowed(list)));
    }
    Ok((rest, names.vhost.is_some()))
}

/// Takes the first word for the virtual host where it may be a forwarding header: in a log that was declared to begin with one.
#[cold]
pub(crate) fn host_as_declared<'a>(line: &'a [u8], record: &mut Record<'a>, dialect: Escape) {
    let names = before_time(line).and_then(|(names, _)| Names::split(names.trim_ascii_start()));
    if let Some(names) = names.filter(|names| names.vhost.is_some())
        && names.fill(line, record, dialect).is_ok()
    {
        record.more.unclear.clear();
    }
}

/// Whether a quote that nobody escaped cannot have moved the peer: it stands in no header before it. Behind an ident of
/// `-` comes the user, who may hold anything.
pub(crate) fn is_plain(names: &[u8]) -> bool {
    let ident = next(names).and_then(|(first, rest)| Some((first, next(rest)?.0)));
    memchr::memchr(b'"', names).is_none()
        || ident.is_some_and(|(first, ident)| ident == b"-" && !first.starts_with(b"\""))
}

/// `[vhost] peer [ident user]`, separated by single spaces; the user may hold spaces of its own.
struct Names<'a> {
    vhost: Option<&'a [u8]>,
    peer: &'a [u8],
    user: &'a [u8],
    /// All that follows the peer.
    rest: &'a [u8],
}

impl<'a> Names<'a> {
    fn fill(&self, line: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Parsed<'a, ()> {
        set_peer(line, self.peer, record)?;
        if let Some(host) = self.vhost {
            set_host(host, record);
        }
        record.user = user_name(self.user, dialect);
        Ok((line, ()))
    }

    fn split(text: &'a [u8]) -> Option<Self> {
        let (first, after_first) = next(text)?;
        let Some((second, after_second)) = next(after_first) else {
            return address::peer(first).map(|_| Self {
                vhost: None,
                peer: first,
                user: b"-",
                rest: b"",
            });
        };
        if is_vhost(first, second, after_second) {
            let user = next(after_second).map_or(&b"-"[..], |(_ident, user)| user);
            return Some(Self {
                vhost: Some(first),
                peer: second,
                user,
                rest: after_second,
            });
        }
        // A word that is no address can begin any line (`Oct 10 …` in syslog), so it is a host name only before an
        // ident of `-`, or when it looks like one.
        let plain = second == b"-" || address::peer(first).is_some() || first.contains(&b'.');
        plain.then_some(Self {
            vhost: None,
            peer: first,
            user: after_second,
            rest: after_first,
        })
    }
}

/// The word before the first space, and what follows it.
fn next(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    Some((text.get(..end)?, text.get(end + 1..).unwrap_or_default()))
}

/// Whether `first second rest` is `vhost peer ident user` and not `peer ident user`, where the user may hold
/// spaces. A server without identd writes the ident as `-`, so that settles it; an address in its place is
/// the peer behind a virtual host, and so is a name if the ident behind it is `-`. An ident that is an address
/// (`peer 192.0.2.1 bob`) cannot be told from a virtual host by its place; it needs identd, which no browser has.
fn is_vhost(first: &[u8], second: &[u8], rest: &[u8]) -> bool {
    if second == b"-" {
        return is_before_nobody(first, rest);
    }
    let idents = rest.is_empty() || rest.contains(&b' ');
    if address::peer(second).is_some() {
        // The client chose the name, so it may be any word; a quote is of another format.
        return idents && !first.contains(&b'"');
    }
    let (host, port) = split_port(first);
    let named = port.is_some() || rest.starts_with(b"- ");
    idents && named && address::is_host_name(host) && address::is_host_name(second)
}

/// Whether `first - rest` is `vhost - ident user`, where the peer is not known: behind a name with a port, or where nobody is
/// named in all three places.
fn is_before_nobody(first: &[u8], rest: &[u8]) -> bool {
    let (host, port) = split_port(first);
    let nobody = rest == b"- -" || (port.is_some() && rest.starts_with(b"- "));
    nobody && address::peer(first).is_none() && address::is_host_name(host)
}

/// Takes a forwarding list from the front: `a, b, c peer …`, `"a, b" peer …`, or `a, b, peer …`, where the last
/// of the list is the nearest hop and so the peer.
fn forwarded(names: &[u8], dialect: Escape) -> (&[u8], Option<&[u8]>) {
    if let Some(rest) = names.strip_prefix(b"\"")
        && let Some(end) = leaf::closing_quote(rest, dialect)
        && let (list, [b'"', b' ', names @ ..]) = rest.split_at(end)
        // A server that escapes ended nothing behind a backslash: the true end stands further on.
        && !(dialect == Escape::None && list.ends_with(b"\\") && names.contains(&b'"'))
    {
        return (names, Some(list).filter(|list| *list != b"-"));
    }
    let mut end = 0;
    while let Some((word, rest)) = names.get(end..).and_then(next)
        && word.ends_with(b",")
    {
        end = names.len() - rest.len();
    }
    // `end` is where the last entry of the list begins, the one without a comma behind it.
    let last_and_more = names.get(end..).unwrap_or_default();
    if end == 0 {
        return (names, None);
    }
    match next(last_and_more) {
        Some((last, more)) if next(more).is_some_and(|(word, _)| address::peer(word).is_some()) => {
            (more, names.get(..end + last.len()))
        }
        _ => (
            last_and_more,
            names
                .get(..end)
                .map(|list| list.strip_suffix(b", ").unwrap_or(list)),
        ),
    }
}

/// Takes for the virtual host what reads as a forwarding header of one entry, `203.0.113.9, 192.0.2.7 - -`: in a log where the
/// host stands first, the client chose it. False where there is none.
#[cold]
pub(crate) fn host_of_list<'a>(line: &'a [u8], record: &mut Record<'a>) -> bool {
    let first = next(line).map_or(line, |(first, _)| first);
    let is_host = record
        .header("x-forwarded-for")
        .is_some_and(|list| first.strip_suffix(b",") == Some(list));
    if is_host {
        record.more.headers.clear();
        set_host(first, record);
    }
    is_host
}

/// Splits before the ` [` of the time. The user may hold anything but a raw quote, so the first ` [time] "` is
/// the real one.
fn before_time(text: &[u8]) -> Option<(&[u8], &[u8])> {
    memchr::memchr_iter(b'[', text).find_map(|at| {
        let (names, rest) = text.split_at_checked(at)?;
        let long = rest.get(3) == Some(&b'/') && rest.get(27..30) == Some(b"] \"");
        let short = rest.get(2) == Some(&b'/') && rest.get(26..29) == Some(b"] \"");
        let names = names.strip_suffix(b" ").filter(|_| long || short)?;
        Some((names, rest))
    })
}

/// Where the times stand that a quote follows. In a line of the family is one, unless a client of a server that escapes
/// nothing wrote another, or two lines are one.
#[cold]
pub(crate) fn times(line: &[u8]) -> Vec<usize> {
    let is_time = |text: &[u8]| match text.len() {
        CLF_LEN => text.get(2) == Some(&b'/'),
        length => length + 1 == CLF_LEN && text.get(1) == Some(&b'/'),
    };
    // Behind the closing quote of a request that holds a time stands a space.
    let closes = |(at, text): &(usize, &[u8])| {
        line.get(at + text.len() + 2..)
            .is_some_and(|rest| rest.starts_with(b" \" "))
    };
    let times = raw::bracketed(line).filter(|(_, text)| is_time(text)).enumerate();
    times
        .filter(|(number, time)| *number == 0 || !closes(time))
        .map(|(_, (at, _))| at)
        .collect()
}

/// `-` is none; Apache writes `""` for an empty user. Some put it in quotes (`"%u"`), which servers that escape write in no name.
fn user_name(text: &[u8], dialect: Escape) -> Option<Bytes<'_>> {
    let text = match text {
        [b'"', name @ .., b'"'] if !name.is_empty() && dialect != Escape::None => name,
        text => text,
    };
    match text {
        b"-" | b"" => None,
        b"\"\"" => Some(Cow::Borrowed(b"")),
        _ => Some(dialect.undo(text)),
    }
}

/// Takes `[$the_real_ip] - ` from the user, before whom ingress-nginx wrote it up to version 0.26. It is kept as an extra
/// value: a user may be named so, too.
#[cold]
pub(crate) fn real_ip<'a>(record: &mut Record<'a>) {
    let parts = record.user.as_deref().and_then(real_ip_and_user);
    let Some((real, user)) = parts.map(|(real, user)| (real.len(), user.len())) else {
        return;
    };
    let part = |text: &Bytes<'a>, from: usize, length: usize| match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(from..from + length).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(from..from + length).unwrap_or_default().to_vec()),
    };
    let all = record.user.take().unwrap_or_default();
    record.user = Some(part(&all, all.len() - user, user)).filter(|user| **user != *b"-");
    let extra = &mut record.more_mut().extra;
    extra.push((Cow::Borrowed("the_real_ip"), part(&all, 1, real)));
}

/// `[192.0.2.7] - bob` → the address and the name.
fn real_ip_and_user(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"[")?;
    let (real, rest) = inside.split_at_checked(memchr::memchr(b']', inside)?)?;
    let user = rest.strip_prefix(b"] - ")?;
    address::peer(real).map(|_| (real, user))
}

/// Sets the peer; `-` (a piped or synthetic line) is a peer that is not known.
#[inline]
pub(crate) fn set_peer<'a>(line: &'a [u8], text: &'a [u8], record: &mut Record<'a>) -> Parsed<'a, ()> {
    record.peer_text = if text == b"-" { b"" } else { text };
    if let Some(peer) = address::peer(text) {
        record.peer = Some(peer.ip);
        if peer.port.is_some() {
            record.more_mut().peer_port = peer.port;
        }
    } else if text != b"-" && !address::is_host_name(text) {
        return stop(line, Reason::Address);
    }
    Ok((line, ()))
}

/// `host:port`, `host` or `-`.
pub(crate) fn set_host<'a>(text: &'a [u8], record: &mut Record<'a>) {
    let (host, port) = split_port(text);
    if !matches!(host, b"-" | b"" | b"_") {
        record.host = Some(Cow::Borrowed(host));
    }
    if port.is_some() {
        record.more_mut().server_port = port;
    }
}

/// `host:443` → `host`, 443. The colons of a bare IPv6 address are no port's.
pub(crate) fn split_port(text: &[u8]) -> (&[u8], Option<u16>) {
    let Some(colon) = memchr::memrchr(b':', text) else {
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
