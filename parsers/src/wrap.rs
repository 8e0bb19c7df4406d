//! Wrappers: what syslog, containers and collectors put around a line, taken off again.
//!
//! Everything here only finds the inner line; whether that is an access line is the formats' business. A wrapper is
//! written by the machine and stands before all that a client can choose, so nothing inside can pass for one.

use std::borrow::Cow;

use crate::address;
use crate::json::{Text, Value, Walker};
use crate::memo::{TimeMemo, decimal, month};
use crate::record::Bytes;

mod behind;

pub(crate) use behind::{Left, behind};

/// A line taken out of its wrapper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wrapped<'a> {
    pub inner: Inner<'a>,
    pub by: By<'a>,
}

/// The inner line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inner<'a> {
    /// As it stands.
    Plain(&'a [u8]),
    /// The inside of a JSON string.
    Json(Text<'a>),
    /// The numbers of a JSON array of bytes, as the journal writes what is no printable text.
    Numbers(&'a [u8]),
    /// A part of a line that its runtime cut, and not the last.
    Part(&'a [u8]),
}

/// Docker cuts lines into parts of so many bytes; escaped in JSON they are no shorter.
const DOCKER_PART: usize = 16 * 1024;

impl Wrapped<'_> {
    /// Whether the rest of the line stands in the next entry. Collectors take the line ends off Docker's entries; in
    /// such a log (`bare`) no entry tells.
    pub(crate) fn goes_on(&self, bare: bool) -> bool {
        match self.inner {
            Inner::Part(_) => true,
            Inner::Json(text) => {
                !bare && self.by == By::Docker && text.raw.len() >= DOCKER_PART && !text.raw.ends_with(b"\\n")
            }
            _ => false,
        }
    }

    /// Whether an entry of Docker's that is too short for a part ends without a line end; `None` of any other.
    pub(crate) fn is_bare(&self) -> Option<bool> {
        match self.inner {
            Inner::Json(text) if self.by == By::Docker && text.raw.len() < DOCKER_PART => {
                Some(!text.raw.ends_with(b"\\n"))
            }
            _ => None,
        }
    }
}

/// How many wrappers are taken off one line: a collector's and the container's.
pub(crate) const WRAPPERS: usize = 2;

/// What stands in the wrappers of a line; the line itself if it has none.
pub(crate) fn innermost<'a>(line: &'a [u8], times: &mut TimeMemo) -> Bytes<'a> {
    innermost_of(line, times, WRAPPERS)
}

fn innermost_of<'a>(line: &'a [u8], times: &mut TimeMemo, wrappers: usize) -> Bytes<'a> {
    let wrapped = (wrappers > 0).then(|| unwrap(line, times)).flatten();
    match wrapped.map(|wrapped| wrapped.inner) {
        Some(Inner::Plain(inner)) => innermost_of(inner, times, wrappers - 1),
        Some(Inner::Json(text)) => {
            let inner = text.unescape();
            let inner = inner.trim_ascii_end();
            Cow::Owned(innermost_of(inner, times, wrappers - 1).into_owned())
        }
        Some(Inner::Numbers(text)) => {
            Cow::Owned(innermost_of(&numbers(text), times, wrappers - 1).into_owned())
        }
        Some(Inner::Part(_)) | None => Cow::Borrowed(line),
    }
}

/// The bytes that an array names; what is no byte ends them.
pub(crate) fn numbers(text: &[u8]) -> Vec<u8> {
    text.split(|&b| b == b',')
        .map_while(|number| u8::try_from(decimal(number.trim_ascii())?).ok())
        .collect()
}

/// Whether a line is a field of the journal's export format, where the message is one of many lines.
pub(crate) fn is_journal_field(line: &[u8]) -> bool {
    const STARTS: [&[u8]; 5] = [b"PRIORITY=", b"SYSLOG_", b"CODE_", b"INVOCATION_ID=", b"TID="];
    let Some(end) = memchr::memchr(b'=', line.get(..64).unwrap_or(line)) else {
        return false;
    };
    let name = line.get(..end).unwrap_or_default();
    let named = name
        .iter()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
    named && (name.len() > 1 && name.starts_with(b"_") || STARTS.iter().any(|start| line.starts_with(start)))
}

/// Who wrote the line, as far as the wrapper tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By<'a> {
    /// This program, by its name in syslog or the journal.
    Program(&'a [u8]),
    /// A container's standard error.
    Stderr,
    /// Docker, whose entry is a part of a line when no newline ends it.
    Docker,
    /// Not told.
    Unknown,
}

impl By<'_> {
    /// Whether a line that is no access line is so by right: another program's, or a server's standard error. What a
    /// web server wrote and nobody can read is a reject all the same.
    pub(crate) fn other_stream(self) -> bool {
        const SERVERS: [&[u8]; 9] = [
            b"nginx", b"apache", b"httpd", b"caddy", b"haproxy", b"traefik", b"envoy", b"varnish", b"ingress",
        ];
        match self {
            Self::Program(name) => !SERVERS
                .iter()
                .any(|server| memchr::memmem::find(&name.to_ascii_lowercase(), server).is_some()),
            Self::Stderr => true,
            Self::Docker | Self::Unknown => false,
        }
    }
}

/// The inner line, if the line is a wrapped one.
pub(crate) fn unwrap<'a>(line: &'a [u8], times: &mut TimeMemo) -> Option<Wrapped<'a>> {
    match line.first()? {
        b'{' => json(line),
        b'<' => {
            let end = memchr::memchr(b'>', line.get(..6).unwrap_or(line))?;
            decimal(line.get(1..end)?).filter(|priority| *priority < 192)?;
            let rest = line.get(end + 1..)?;
            rfc5424(rest, times).or_else(|| syslog(rest, times))
        }
        b'0'..=b'9' => match counted(line) {
            Some(line) => unwrap(line, times),
            None => container(line, times).or_else(|| syslog(line, times)),
        },
        b'M' if line.starts_with(b"MESSAGE=") => plain(line.get(b"MESSAGE=".len()..)?, By::Unknown),
        b'A'..=b'Z' => syslog(line, times).or_else(|| compose(line)),
        _ => compose(line),
    }
}

/// RFC 6587: the length of the entry stands before its priority.
fn counted(line: &[u8]) -> Option<&[u8]> {
    let (length, rest) = word(line.get(..8).unwrap_or(line))?;
    decimal(length)?;
    rest.starts_with(b"<").then(|| line.get(length.len() + 1..))?
}

/// The message of a syslog entry, without the cookie of JSON and the mark of UTF-8 that may stand first.
fn message<'a>(text: &'a [u8], by: By<'a>) -> Option<Wrapped<'a>> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let json = text
        .trim_ascii_start()
        .strip_prefix(b"@cee:")
        .map(<[u8]>::trim_ascii_start);
    plain(json.unwrap_or(text), by)
}

fn plain<'a>(inner: &'a [u8], by: By<'a>) -> Option<Wrapped<'a>> {
    Some(Wrapped {
        inner: Inner::Plain(inner),
        by,
    })
}

/// The word before the first space, and what follows the space.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', text)?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// RFC 5424 behind its priority: `1 TIME HOST APP PROC MSGID - MESSAGE`.
fn rfc5424<'a>(text: &'a [u8], times: &mut TimeMemo) -> Option<Wrapped<'a>> {
    let rest = text.strip_prefix(b"1 ")?;
    let (time, rest) = word(rest)?;
    if time != b"-" {
        times.iso(time)?;
    }
    let (_host, rest) = word(rest)?;
    let (app, rest) = word(rest)?;
    let (_process, rest) = word(rest)?;
    let (_message_id, rest) = word(rest)?;
    let rest = structured_data(rest)?;
    let inner = rest.strip_prefix(b" ").unwrap_or(rest);
    message(inner, By::Program(app))
}

/// Goes behind `-` or `[id name="value"]…`, where `\"`, `\\` and `\]` stand for themselves inside a value.
fn structured_data(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return Some(rest);
    }
    let mut rest = text;
    while let Some(inside) = rest.strip_prefix(b"[") {
        let (mut quoted, mut escaped) = (false, false);
        let end = inside.iter().position(|&byte| {
            let ends = byte == b']' && !quoted;
            if escaped {
                escaped = false;
            } else if quoted && byte == b'\\' {
                escaped = true;
            } else if byte == b'"' {
                quoted = !quoted;
            }
            ends
        })?;
        rest = inside.get(end + 1..)?;
    }
    (rest.len() < text.len()).then_some(rest)
}

/// RFC 3164 and what syslog daemons and `journalctl` make of it: `Oct 10 13:55:36 host program[12]: message`, the
/// time also with a fraction, a year, or in ISO 8601; the host may be missing.
fn syslog<'a>(text: &'a [u8], times: &mut TimeMemo) -> Option<Wrapped<'a>> {
    let rest = old_time(text).or_else(|| {
        let (time, rest) = word(text)?;
        (time.get(10) == Some(&b'T') && times.iso(time).is_some()).then_some(rest)
    })?;
    let (first, after_first) = word(rest)?;
    if let Some(program) = program(first) {
        return message(after_first, By::Program(program));
    }
    if let Some((second, inner)) = word(after_first)
        && let Some(program) = program(second).or_else(|| bare_tag(second, inner))
    {
        return message(inner, By::Program(program));
    }
    plain(after_first, By::Unknown)
}

/// `nginx:`, `nginx[12]:` → `nginx`.
fn program(word: &[u8]) -> Option<&[u8]> {
    let tag = word.strip_suffix(b":")?;
    let end = memchr::memchr(b'[', tag).unwrap_or(tag.len());
    let name = tag.get(..end)?;
    let named = name.iter().any(u8::is_ascii_alphabetic) && !name.contains(&b':');
    let pid = tag.get(end..)?;
    (named && (pid.is_empty() || pid.ends_with(b"]"))).then_some(name)
}

/// A tag that lost its colon: one word before the address of a peer, where a virtual host would be a name with dots.
fn bare_tag<'a>(word: &'a [u8], inner: &[u8]) -> Option<&'a [u8]> {
    let named = word.iter().any(u8::is_ascii_alphabetic)
        && word
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && word != b"localhost";
    let next = inner.split(|&b| b == b' ').next()?;
    (named && address::peer(next).is_some()).then_some(word)
}

/// Goes behind `Oct 10 13:55:36 `, perhaps with a fraction or a year.
fn old_time(text: &[u8]) -> Option<&[u8]> {
    let (name, rest) = text.split_first_chunk::<3>()?;
    month(*name)?;
    let rest = rest.strip_prefix(b" ")?.trim_ascii_start();
    let (day, rest) = word(rest)?;
    decimal(day).filter(|day| (1..=31).contains(day))?;
    let (mut time, mut rest) = word(rest)?;
    if time.len() == 4 && decimal(time).is_some() {
        (time, rest) = word(rest)?;
    }
    let [_, _, b':', _, _, b':', _, _, fraction @ ..] = time else {
        return None;
    };
    (fraction.is_empty() || fraction.starts_with(b".")).then_some(rest)
}

/// `2026-01-31T07:08:09.123456789Z stdout F line` (CRI), or the time alone (`docker logs -t`).
fn container<'a>(line: &'a [u8], times: &mut TimeMemo) -> Option<Wrapped<'a>> {
    let (time, rest) = word(line)?;
    if time.get(10) != Some(&b'T') {
        return None;
    }
    times.iso(time)?;
    let (stream, tail) = word(rest).unwrap_or((rest, b""));
    let by = match stream {
        b"stdout" => By::Unknown,
        b"stderr" => By::Stderr,
        _ if rest.starts_with(b"{") || rest.first().is_some_and(u8::is_ascii_digit) => {
            return plain(rest, By::Unknown);
        }
        _ => return None,
    };
    match word(tail).unwrap_or((tail, b"")) {
        (tags, part) if tags == b"P" || tags.starts_with(b"P:") => Some(Wrapped {
            inner: Inner::Part(part),
            by,
        }),
        (tags, inner) if tags == b"F" || tags.starts_with(b"F:") => plain(inner, by),
        _ => None,
    }
}

/// `web-1  | line`, as `docker compose logs` prints.
fn compose(line: &[u8]) -> Option<Wrapped<'_>> {
    let bar = memchr::memchr(b'|', line.get(..80).unwrap_or(line))?;
    let name = line.get(..bar)?.strip_suffix(b" ")?.trim_ascii_end();
    let named = name.iter().any(u8::is_ascii_alphabetic)
        && name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let inner = line.get(bar + 1..)?.strip_prefix(b" ")?;
    named.then_some(plain(inner, By::Unknown)?)
}

/// A JSON object that carries the line in one member: Docker's `log`, the journal's `MESSAGE`, a collector's
/// `message`.
fn json(line: &[u8]) -> Option<Wrapped<'_>> {
    let mut walker = Walker::object(line).ok()?;
    let (mut inner, mut bytes, mut by) = (None, None, By::Unknown);
    let mut docker = false;
    while let Some(key) = walker.key().ok()? {
        let value = walker.value().ok()?;
        let begin = walker.rest();
        walker.skip(value).ok()?;
        match (key, value) {
            (b"MESSAGE", Value::Array) => {
                let array = begin.get(..begin.len() - walker.rest().len())?;
                bytes = array.strip_suffix(b"]");
            }
            (b"log", Value::Text(text)) => {
                docker = true;
                inner = Some(text);
            }
            (b"MESSAGE" | b"message", Value::Text(text)) => inner = inner.or(Some(text)),
            (b"stream", Value::Text(text)) if text.raw == b"stderr" => by = By::Stderr,
            (b"SYSLOG_IDENTIFIER", Value::Text(text)) => by = By::Program(text.raw),
            _ => {}
        }
    }
    if docker && by == By::Unknown {
        by = By::Docker;
    }
    if let Some(text) = bytes.filter(|_| inner.is_none()) {
        let inner = Inner::Numbers(text);
        return Some(Wrapped { inner, by });
    }
    // A message that a program wrote about itself has no room for a request.
    let inner = inner.filter(|text| text.raw.len() >= 20 || text.raw.starts_with(b"#"))?;
    Some(Wrapped {
        inner: Inner::Json(inner),
        by,
    })
}

#[cfg(test)]
mod tests;
