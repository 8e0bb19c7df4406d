//! JSON access lines that an administrator composed by hand in nginx's `log_format`.
//!
//! Such lines are often not quite JSON: numbers of an absent upstream leave `"ut":,` or `"ut":-`, several upstreams
//! leave `0.1, 0.2`, default escaping leaves `\xHH`, and `escape=json` copies bytes that are no UTF-8. So the object
//! is scanned, not parsed: names in quotes, values up to the comma that the next name follows. Only the top level
//! is looked at, and only under the names people give nginx's variables.
//!
//! `remote_addr` is the peer whatever else is logged: other names often hold a header, which the client writes. With
//! `escape=none` a client can write whole members, and end the object; such a line is read in [`unclear`].

use crate::compile::sink::{Dialect, Pieces, Sink};
use crate::leaf;
use crate::line::Line;
use crate::memo::{self, TimeMemo};
use crate::record::Record;
use crate::reject::{Reason, Reject};
use crate::time::Time;
use crate::unescape::Escape;

mod names;
mod unclear;

use names::{LONGEST_NAME, is_decisive, lower, named};

/// Reads one line. A line without client, request, status and time is some other JSON.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Line, Reject> {
    let mut scan = Scan::new(line, false)?;
    match attempt(line, &mut scan, record, times) {
        Ok(Doubled(false)) if !scan.broken => Ok(Line::Record),
        Err(refused) if !scan.broken => Err(refused),
        _ => unclear::parse(line, scan.broken, record, times),
    }
}

/// Whether a name that tells who asked, what, when and with what answer, stands in the line twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Doubled(bool);

fn attempt<'a>(
    line: &'a [u8],
    scan: &mut Scan<'a>,
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Doubled, Reject> {
    let mut seen = Seen::default();
    while let Some((name, value)) = scan.next() {
        let at = line.len() - scan.rest.len();
        fill(name, value, record, &mut seen, times).map_err(|reason| Reject::new(reason, at))?;
    }
    if seen.path.is_some() && seen.is_rewritten() {
        // The query of what the server made of the request.
        seen.pieces.forget_query();
    }
    seen.pieces
        .finish(record)
        .map_err(|reason| Reject::new(reason, 0))?;
    let asked = record.target.is_some() || record.malformed_request.is_some() || record.method.is_some();
    let named = !record.peer_text.is_empty() && asked;
    if !named || record.time.is_none() || !scan.status {
        return Err(Reject::new(
            if scan.broken {
                Reason::Json
            } else {
                Reason::JsonShape
            },
            0,
        ));
    }
    Ok(Doubled(seen.doubled))
}

/// What is put together while a line is read.
#[derive(Default)]
struct Seen<'a> {
    pieces: Pieces<'a>,
    /// Whether there was a `remote_addr`.
    remote_addr: bool,
    /// A bit for each of [`names::NAMES`] that was there.
    names: u128,
    /// Whether one that tells who asked and what was there twice.
    doubled: bool,
    /// The request, if it was a path alone, as the client sent it.
    path: Option<&'a [u8]>,
    /// A path that stood under another name, which the server may have made of it, without its query.
    beside: Option<&'a [u8]>,
    /// Whether there were two of these, and they differ.
    besides_differ: bool,
}

impl<'a> Seen<'a> {
    /// Notes a path under another name than the request's.
    fn put_beside(&mut self, value: &'a [u8]) {
        let path = value.split(|&b| b == b'?').next().unwrap_or_default();
        let first = *self.beside.get_or_insert(path);
        self.besides_differ |= first != path;
    }

    /// Whether the server asked itself for another path than the client did.
    fn is_rewritten(&self) -> bool {
        self.besides_differ || self.beside.is_some() && self.beside != self.path
    }
}

const DIALECT: Dialect = Dialect {
    undo: Escape::Json,
    empty_is_absent: true,
};

/// The peer: `remote_addr`, else the first other name that holds an address.
fn fill_peer<'a>(
    key: &[u8],
    value: &'a [u8],
    record: &mut Record<'a>,
    seen: &mut Seen<'a>,
    times: &mut TimeMemo,
) -> Result<(), Reason> {
    let named = key == b"remote_addr";
    if !named && (seen.remote_addr || record.peer.is_some()) {
        return Ok(());
    }
    seen.remote_addr |= named;
    record.peer = None;
    let filled = Sink::Peer.fill(value, DIALECT, record, &mut seen.pieces, times);
    match filled {
        Err(_) if named => Err(Reason::JsonShape),
        Err(_) => {
            record.peer_text = b"";
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn fill<'a>(
    name: &'a [u8],
    value: &'a [u8],
    record: &mut Record<'a>,
    seen: &mut Seen<'a>,
    times: &mut TimeMemo,
) -> Result<(), Reason> {
    let mut key = [0; LONGEST_NAME];
    let Some(key) = lower(name, &mut key) else {
        return Ok(());
    };
    let Some((at, (_, sink))) = named(key) else {
        if names::is_made_of_path(key) {
            seen.put_beside(value);
        }
        return Ok(());
    };
    seen.doubled |= seen.names >> at & 1 == 1 && is_decisive(sink);
    seen.names |= 1 << at;
    if matches!(sink, Sink::TimeEpoch(_)) {
        record.time = any_time(value, times).map_or(record.time, |time| finer(record.time, time));
        return Ok(());
    }
    // Under other names stands what an upstream or an application answered; nginx's own is never replaced by it.
    if matches!(sink, Sink::Status) && key != b"status" {
        if record.status.is_none() {
            let _ = sink.fill(value, DIALECT, record, &mut seen.pieces, times);
        }
        return Ok(());
    }
    // A method stands before a path; Apache's `%U` is decoded and may hold spaces.
    if key == b"request" && value.starts_with(b"/") && memchr::memmem::find(value, b" HTTP/").is_none() {
        // Beside a path alone stands the query.
        seen.path = Some(value).filter(|path| !path.contains(&b'?'));
        if seen.path.is_none() {
            record.target = Some(Escape::Json.undo(value));
            return Ok(());
        }
        return Sink::Path.fill(value, DIALECT, record, &mut seen.pieces, times);
    }
    if matches!(sink, Sink::Path) {
        seen.put_beside(value);
        if seen.path.is_some() {
            return Ok(());
        }
    }
    // A path that is logged beside the request line is rewritten; the first raw one stays.
    if matches!(sink, Sink::Target) && record.target.is_some() {
        return Ok(());
    }
    if matches!(sink, Sink::Peer) {
        return fill_peer(key, value, record, seen, times);
    }
    match sink.fill(value, DIALECT, record, &mut seen.pieces, times) {
        Err(Reason::Status) => Err(Reason::JsonShape),
        // Other names mean other things elsewhere; what does not fit is not this.
        _ => Ok(()),
    }
}

/// A time in any form. A number of so few seconds is a duration that somebody calls `time`.
fn any_time(value: &[u8], times: &mut TimeMemo) -> Option<Time> {
    /// In 1973.
    const EARLIEST_SECS: i64 = 100_000_000;
    // Apache's `%t` brings brackets.
    let value = match value {
        [b'[', inside @ .., b']'] => inside,
        value => value,
    };
    times
        .clf(value)
        .or_else(|| times.iso(value))
        .or_else(|| memo::epoch(value).filter(|time| time.secs() >= EARLIEST_SECS))
}

/// Of two times of one line the later one, but the finer one where both tell the same second.
fn finer(known: Option<Time>, time: Time) -> Option<Time> {
    let same = known.filter(|known| known.secs() == time.secs());
    same.filter(|known| known.nanos() > time.nanos()).or(Some(time))
}

/// A scan over the top level of one object.
struct Scan<'a> {
    rest: &'a [u8],
    /// Whether the text stopped being an object.
    broken: bool,
    /// Whether a status was seen, empty or not.
    status: bool,
    /// Whether a quote ends a string only where the next member or the end of the object follows.
    lenient: bool,
}

impl<'a> Scan<'a> {
    fn new(line: &'a [u8], lenient: bool) -> Result<Self, Reject> {
        let inside = line
            .trim_ascii()
            .strip_prefix(b"{")
            .ok_or(Reject::new(Reason::UnknownFormat, 0))?;
        match inside.strip_suffix(b"}") {
            Some(rest) => Ok(Self {
                rest,
                broken: false,
                status: false,
                lenient,
            }),
            None => Err(Reject::new(Reason::Truncated, line.len())),
        }
    }

    /// The next name and its value, quotes removed, still escaped; a nested value is skipped.
    fn next(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        loop {
            let start = self.rest.trim_ascii_start();
            let start = start.strip_prefix(b",").unwrap_or(start).trim_ascii_start();
            let Ok((after, name)) = leaf::quoted(start, Escape::Json) else {
                self.broken = !start.is_empty();
                return None;
            };
            let Some(value) = after.trim_ascii_start().strip_prefix(b":") else {
                self.broken = true;
                return None;
            };
            let value = value.trim_ascii_start();
            let nested = matches!(value.first(), Some(b'{' | b'['));
            let (text, rest) = if nested {
                nested_value(value)
            } else if self.lenient && value.starts_with(b"\"") {
                string_with_quotes(value)
            } else {
                flat_value(value)
            }
            .or_else(|| {
                self.broken = true;
                None
            })?;
            self.rest = rest;
            self.status |= name.ends_with(b"status") || name == b"status_code";
            // Other programs log their answers under this name.
            self.status |= name == b"response" && !nested && is_status(text);
            if !nested {
                return Some((name, text));
            }
        }
    }
}

/// Whether a value may be a status, or stands for none.
fn is_status(value: &[u8]) -> bool {
    matches!(value, b"" | b"-" | [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'])
}

/// A string, or what stands before the comma that a name follows.
fn flat_value(value: &[u8]) -> Option<(&[u8], &[u8])> {
    if value.first() == Some(&b'"') {
        return leaf::quoted(value, Escape::Json)
            .ok()
            .map(|(rest, text)| (text, rest));
    }
    let end = memchr::memchr_iter(b',', value)
        .find(|&at| {
            value
                .get(at + 1..)
                .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""))
        })
        .unwrap_or(value.len());
    let (text, rest) = value.split_at_checked(end)?;
    let text = text.trim_ascii();
    Some((if text == b"null" { b"" } else { text }, rest))
}

/// A string that may hold quotes of its own.
fn string_with_quotes(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = value.get(1..)?;
    let mut end = leaf::closing_quote(inside, Escape::Json)?;
    loop {
        let rest = inside.get(end + 1..)?;
        if ends_member(rest) {
            return Some((inside.get(..end)?, rest));
        }
        end += 1 + leaf::closing_quote(rest, Escape::Json)?;
    }
}

/// Whether what follows a string is the next member or the end of the object.
fn ends_member(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
    let Some(name) = rest.strip_prefix(b"\"") else {
        return rest.is_empty();
    };
    let end = name.iter().take(LONGEST_NAME * 2).position(|&b| b == b'"');
    let after = end.and_then(|end| name.get(end + 1..));
    after.is_some_and(|after| after.trim_ascii_start().starts_with(b":"))
}

/// An object or array, by counting what opens and closes outside strings.
fn nested_value(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match value.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => at += 1 + leaf::closing_quote(value.get(at + 1..)?, Escape::Json)?,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return value.split_at_checked(at);
        }
    }
}

#[cfg(test)]
mod tests;
