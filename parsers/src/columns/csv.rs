//! Logpush as CSV or TSV, with a header line or a list of fields that the administrator gives.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Columns, Kind};
use crate::cloudflare::table::{Field, field};
use crate::cloudflare::{Dataset, Seen};
use crate::json::{Text, Value};
use crate::line::Line;
use crate::memo::TimeMemo;
use crate::record::{Bytes, Record};
use crate::reject::{Reason, Reject};

/// What may stand between the columns.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// A header begins with a name, and the names of Logpush begin with a capital letter.
pub(crate) fn may_be_header(line: &[u8]) -> bool {
    let first = line.strip_prefix(b"\"").unwrap_or(line);
    first.first().is_some_and(u8::is_ascii_uppercase) && first.get(1).is_some_and(u8::is_ascii_alphanumeric)
}

/// The columns of a header line: names alone, at least two of them known to Logpush.
pub(crate) fn header(line: &[u8]) -> Option<(Vec<Option<Field>>, u8)> {
    if !may_be_header(line) {
        return None;
    }
    let separator = separator(line)?;
    let names: Vec<&[u8]> = names(line, separator).collect();
    let words = names.iter().all(|name| {
        !name.is_empty() && name.len() <= 64 && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
    });
    let fields: Vec<_> = names.iter().map(|name| field(name)).collect();
    let known = fields.iter().flatten().count();
    (words && known >= 2 && fields.contains(&Some(Field::ClientIp)) || (words && known >= 3))
        .then_some((fields, separator))
}

/// What stands between the names of a header.
fn separator(header: &[u8]) -> Option<u8> {
    SEPARATORS
        .into_iter()
        .find(|separator| header.contains(separator))
}

/// The names of a header, without their quotes.
fn names(header: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let names = header.split(move |&b| b == separator);
    names.map(<[u8]>::trim_ascii).map(|name| {
        name.strip_prefix(b"\"")
            .and_then(|n| n.strip_suffix(b"\""))
            .unwrap_or(name)
    })
}

/// Reads one line by the columns of the header.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
    columns: &Columns,
    dataset: Dataset,
) -> Result<Line, Reject> {
    let Kind::Logpush(names, separator) = columns.kind() else {
        return Err(Reject::new(Reason::UnknownFormat, 0));
    };
    let mut read = |quotes, record: &mut Record<'a>| {
        let line = read(line, record, times, names, *separator, quotes, dataset)?;
        let header = columns.shared_names();
        record.more_mut().row = Some(Row { header, quotes });
        Ok(line)
    };
    // Logpush does not document how it writes a quote. Doubled first: where `\"` is written, a line never looks like
    // one with doubled quotes, since every quote that a client sent has its backslash.
    match read(Quotes::Doubled, record) {
        Err(_) if memchr::memchr(b'\\', line).is_some() => {
            record.restart(line);
            read(Quotes::Backslash, record)
        }
        read => read,
    }
}

/// How a line was read whose columns a header names, so that it can be read again whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    header: Arc<str>,
    quotes: Quotes,
}

impl Row {
    /// The columns of such a line under their names; those that Logpush writes as text stay so.
    pub(crate) fn members<'l>(&self, line: &'l [u8]) -> Option<Vec<(&str, Value<'l>)>> {
        let separator = separator(self.header.as_bytes())?;
        let mut at = 0;
        let mut members = Vec::new();
        for name in names(self.header.as_bytes(), separator) {
            let (value, end) = value(line, at, separator, self.quotes)?;
            at = end + 1;
            members.push((std::str::from_utf8(name).ok()?, value));
        }
        Some(members)
    }

    /// The text of a value, with its escapes undone.
    pub(crate) fn undo<'l>(&self, value: Value<'l>) -> Bytes<'l> {
        self.quotes.undo()(value)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Doubled,
    Backslash,
}

impl Quotes {
    /// How a value's escapes are undone.
    fn undo<'a>(self) -> fn(Value<'a>) -> Bytes<'a> {
        match self {
            Self::Doubled => undoubled,
            Self::Backslash => Value::unescape,
        }
    }
}

fn read<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
    names: &[Option<Field>],
    separator: u8,
    quotes: Quotes,
    dataset: Dataset,
) -> Result<Line, Reject> {
    let mut seen = Seen::new(quotes.undo());
    let mut at = 0;
    for (index, name) in names.iter().enumerate() {
        let begin = at;
        let (value, end) = value(line, at, separator, quotes).ok_or(Reject::new(Reason::Columns, begin))?;
        let last = index + 1 == names.len();
        match line.get(end) {
            None if last => {}
            Some(byte) if *byte == separator && !last => {}
            _ => return Err(Reject::new(Reason::Columns, end.min(line.len()))),
        }
        at = end + 1;
        if let Some(field) = name {
            seen.put(*field, value, record, times, begin)?;
        }
    }
    seen.finish(record, dataset)
}

/// One value and the position behind it.
fn value(line: &[u8], at: usize, separator: u8, quotes: Quotes) -> Option<(Value<'_>, usize)> {
    let rest = line.get(at..)?;
    let Some(inside) = rest.strip_prefix(b"\"") else {
        let end = memchr::memchr(separator, rest).unwrap_or(rest.len());
        let raw = rest.get(..end)?;
        return (!raw.contains(&b'"')).then_some((unquoted(raw.trim_ascii()), at + end));
    };
    let mut escaped = false;
    let mut from = 0;
    let end = loop {
        let quote = from + memchr::memchr(b'"', inside.get(from..)?)?;
        let backslashes = inside
            .get(..quote)?
            .iter()
            .rev()
            .take_while(|&&b| b == b'\\')
            .count();
        if quotes == Quotes::Backslash && backslashes % 2 == 1 {
            from = quote + 1;
        } else if quotes == Quotes::Doubled && inside.get(quote + 1) == Some(&b'"') {
            escaped = true;
            from = quote + 2;
        } else {
            break quote;
        }
    };
    let raw = inside.get(..end)?;
    escaped |= quotes == Quotes::Backslash && memchr::memchr(b'\\', raw).is_some();
    Some((Value::Text(Text { raw, escaped }), at + end + 2))
}

/// Logpush quotes every text, but what others make of its files often has quotes only where it must.
fn unquoted(raw: &[u8]) -> Value<'_> {
    let number = raw.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    if number || raw == b"null" {
        Value::Bare(raw)
    } else {
        Value::Text(Text { raw, escaped: false })
    }
}

fn undoubled(value: Value<'_>) -> Bytes<'_> {
    match value {
        Value::Text(text) if text.escaped => Cow::Owned(single(text.raw)),
        other => Cow::Borrowed(other.raw()),
    }
}

/// `a""b` → `a"b`.
fn single(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut before = false;
    for &byte in text {
        before = byte == b'"' && !before;
        if byte != b'"' || before {
            out.push(byte);
        }
    }
    out
}
