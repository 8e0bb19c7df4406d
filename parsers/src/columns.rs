//! Formats whose columns a header line names: W3C extended logs (IIS and others), CloudFront, Logpush as CSV.
//!
//! The header is the only thing a parser remembers from line to line. As text it is part of the layout, so it is
//! stored beside the cursor and a reader that begins in the middle of a file still knows the columns.

use std::sync::Arc;

use crate::cloudflare::table::Field;
use crate::compile::sink::Sink;
use crate::memo::TimeMemo;
use crate::wrap;

pub(crate) mod csv;
pub(crate) mod event;
pub(crate) mod iis;
mod values;
pub(crate) mod w3c;

/// The columns that a header names, ready for use.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Columns {
    /// The header as it goes into the layout's state.
    text: String,
    /// The same without its date, for records that are read again.
    names: Arc<str>,
    /// `#Date`, for logs that write the time of day alone.
    date: Option<[u8; 10]>,
    kind: Kind,
}

/// Whose columns they are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// Only a date was seen so far.
    None,
    /// `#Fields:` of a W3C log; true for CloudFront's.
    W3c(Vec<Column>, bool),
    /// Names of Logpush fields and what separates them.
    Logpush(Vec<Option<Field>>, u8),
}

/// What a W3C column holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column {
    /// `yyyy-mm-dd`.
    Date,
    /// `HH:MM:SS`, perhaps with a fraction.
    Time,
    /// Milliseconds, or seconds if there is a point.
    TimeTaken,
    /// A path, or a URL without scheme (`www.example/path`).
    Uri,
    /// A text in which `+` or `%20` stands for a space.
    Plus(Sink),
    /// Anything else.
    Plain(Sink),
}

/// Longest header that is kept; a real one is far shorter.
const LONGEST: usize = 8 * 1024;

impl Columns {
    /// The columns after this line, if it is a header line; `before` are those that held so far.
    pub(crate) fn after(line: &[u8], before: Option<&Self>) -> Option<Self> {
        if line.len() > LONGEST {
            return None;
        }
        let before_date = before.and_then(|columns| columns.date);
        if let Some(names) = line.strip_prefix(b"#Fields:") {
            return Some(Self::w3c(names, before_date));
        }
        if let Some(date) = line.strip_prefix(b"#Date:") {
            let date = iso_date(date.trim_ascii_start())?;
            let kind = before.map_or(Kind::None, |columns| columns.kind.clone());
            let names = before.map_or("", |columns| columns.names());
            return Some(Self::new(names.to_owned(), Some(date), kind));
        }
        let (names, separator) = csv::header(line)?;
        let text = String::from_utf8(line.to_vec()).ok()?;
        Some(Self::new(text, before_date, Kind::Logpush(names, separator)))
    }

    /// The same for a line as it stands in the log, where `#Fields:` and `#Date:` may be wrapped like any line.
    pub(crate) fn after_line(line: &[u8], before: Option<&Self>, times: &mut TimeMemo) -> Option<Self> {
        if may_be_header(line) {
            return Self::after(line, before);
        }
        if !may_wrap_header(line) {
            return None;
        }
        let inner = wrap::innermost(line, times);
        inner.starts_with(b"#").then(|| Self::after(&inner, before))?
    }

    /// Columns from the text kept in a layout.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut columns = None;
        for line in text.lines() {
            columns = Self::after(line.as_bytes(), columns.as_ref()).or(columns);
        }
        columns
    }

    fn w3c(names: &[u8], date: Option<[u8; 10]>) -> Self {
        let clean = String::from_utf8_lossy(names);
        let names: Vec<&str> = clean.split_whitespace().collect();
        let cloudfront = names.contains(&"x-edge-location");
        let columns = names.iter().map(|name| w3c::column(name)).collect();
        let text = format!("#Fields: {}", names.join(" "));
        Self::new(text, date, Kind::W3c(columns, cloudfront))
    }

    fn new(names: String, date: Option<[u8; 10]>, kind: Kind) -> Self {
        let mut text = String::new();
        if let Some(date) = date {
            text.push_str("#Date: ");
            text.push_str(&String::from_utf8_lossy(&date));
            text.push_str(if names.is_empty() { "" } else { "\n" });
        }
        text.push_str(&names);
        Self {
            text,
            names: names.into(),
            date,
            kind,
        }
    }

    /// The header without its date.
    fn names(&self) -> &str {
        &self.names
    }

    /// The same, to be kept with a record.
    pub(crate) fn shared_names(&self) -> Arc<str> {
        Arc::clone(&self.names)
    }

    /// The text that [`Columns::from_text`] reads again.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whether the lines are rows of CSV.
    pub(crate) fn are_of_rows(&self) -> bool {
        matches!(self.kind, Kind::Logpush(..))
    }

    pub(crate) fn date(&self) -> Option<[u8; 10]> {
        self.date
    }
}

/// Whether a line can be a header line, bare or in wrappers.
pub(crate) fn may_hold_header(line: &[u8]) -> bool {
    let line = crate::address::without_marks(line);
    may_be_header(line) || may_wrap_header(line)
}

/// Whether a header may stand in the wrappers of a line, which are short.
fn may_wrap_header(line: &[u8]) -> bool {
    let start = line.get(..LONGEST_WRAPPER).unwrap_or(line);
    memchr::memchr_iter(b'#', start).any(|at| {
        let text = start.get(at..).unwrap_or_default();
        at > 0 && (text.starts_with(b"#Fields:") || text.starts_with(b"#Date:"))
    })
}

/// How far into a line its header is looked for.
const LONGEST_WRAPPER: usize = 512;

/// Whether a line can be a header line at all; the cheap question before [`Columns::after`].
#[inline]
fn may_be_header(line: &[u8]) -> bool {
    line.starts_with(b"#") || csv::may_be_header(line)
}

fn iso_date(text: &[u8]) -> Option<[u8; 10]> {
    let date = *text.first_chunk::<10>()?;
    let shaped = date.iter().enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    shaped.then_some(date)
}

#[cfg(test)]
mod tests;
