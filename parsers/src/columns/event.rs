//! IIS's requests as events of Windows ("logging to ETW"): one `<Event …>` a line, as `wevtutil qe /f:xml` prints them and
//! agents forward them. What W3C logs have in columns stands in `<Data Name="…">` here, under nearly the same names.
//!
//! Only events of IIS's own provider are requests. All that a client sends is escaped, so the next `<` ends a value.
//! Source: Microsoft-Windows-IIS-Logging, event 6200. Next: [`super::w3c`].

use std::sync::LazyLock;

use memchr::memmem;

use super::Column;
use super::values::Value;
use super::w3c::{self, Row};
use crate::line::Line;
use crate::memo::TimeMemo;
use crate::record::Record;
use crate::reject::{Reason, Reject};
use crate::unescape::Escape;

/// Who writes the events.
const PROVIDER: &[u8] = b"Microsoft-Windows-IIS-Logging";
/// What such an event holds beside `EnabledFieldsFlags` and `CustomFields`.
const NAMES: [&str; 22] = [
    "date",
    "time",
    "c-ip",
    "cs-username",
    "s-sitename",
    "s-computername",
    "s-ip",
    "cs-method",
    "cs-uri-stem",
    "cs-uri-query",
    "sc-status",
    "sc-win32-status",
    "sc-bytes",
    "cs-bytes",
    "time-taken",
    "s-port",
    "csUser-Agent",
    "csCookie",
    "csReferer",
    "cs-version",
    "cs-host",
    "sc-substatus",
];

/// Where each of them goes; made once.
static COLUMNS: LazyLock<Vec<(&[u8], Column)>> = LazyLock::new(|| {
    let column = |name: &'static str| (name.as_bytes(), w3c::column(name));
    NAMES.map(column).into()
});

/// Whether a line stands around events: the declaration of XML, or the element that holds all of them.
pub(crate) fn is_around(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.starts_with(b"<?xml ") && line.ends_with(b"?>") || matches!(line, b"<Events>" | b"</Events>")
}

/// Reads one line.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Line, Reject> {
    let inside = line.trim_ascii().strip_prefix(b"<Event");
    if !matches!(inside, Some([b' ' | b'>', ..])) {
        return Err(Reject::new(Reason::UnknownFormat, 0));
    }
    let provider = memmem::find(line, b"<Provider Name=").map(|at| at + b"<Provider Name=".len());
    if provider.and_then(|at| quoted(line, at)).map(|(name, _)| name) != Some(PROVIDER) {
        return Err(Reject::new(Reason::NotAccess, 0));
    }
    let mut row = Row::new(None, false, Escape::Xml);
    let mut at = 0;
    while let Some(data) = next(line, at)? {
        at = data.end;
        if let Some((_, column)) = COLUMNS.iter().find(|(name, _)| *name == data.name) {
            let (text, start) = (data.text, data.start);
            let value = Value { text, quoted: false };
            row.fill(column, value, record, times)
                .map_err(|reason| Reject::new(reason, start))?;
        }
    }
    row.finish(record, times, at)
}

/// One `<Data>`.
struct Data<'a> {
    name: &'a [u8],
    text: &'a [u8],
    /// Where its text begins.
    start: usize,
    /// Where what follows it begins.
    end: usize,
}

/// The next `<Data Name="NAME">TEXT</Data>` or `<Data Name="NAME"/>`.
fn next(line: &[u8], from: usize) -> Result<Option<Data<'_>>, Reject> {
    const BEGIN: &[u8] = b"<Data Name=";
    let Some(at) = line.get(from..).and_then(|rest| memmem::find(rest, BEGIN)) else {
        return Ok(None);
    };
    let at = from + at + BEGIN.len();
    let (name, at) = quoted(line, at).ok_or(Reject::new(Reason::Literal, at))?;
    let rest = line.get(at..).unwrap_or_default();
    if rest.trim_ascii_start().starts_with(b"/>") {
        let (text, start, end) = (&b""[..], at, at);
        return Ok(Some(Data {
            name,
            text,
            start,
            end,
        }));
    }
    let Some(inside) = rest.strip_prefix(b">") else {
        return Err(Reject::new(Reason::Literal, at));
    };
    let start = at + 1;
    let length = memchr::memchr(b'<', inside).ok_or(Reject::new(Reason::Truncated, line.len()))?;
    let (text, behind) = inside.split_at(length);
    let end = start + length;
    if !behind.starts_with(b"</Data>") {
        return Err(Reject::new(Reason::Literal, end));
    }
    Ok(Some(Data {
        name,
        text,
        start,
        end,
    }))
}

/// The text between the quotes of either kind that begin at `at`, and where what follows begins.
fn quoted(line: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let (quote, inside) = line.get(at..)?.split_first()?;
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let length = memchr::memchr(*quote, inside)?;
    Some((inside.get(..length)?, at + length + 2))
}
