//! W3C extended log lines: IIS, CloudFront, and whoever else writes `#Fields`.

use std::borrow::Cow;

use super::values::{Parting, Value, Values};
use super::{Column, Columns, Kind};
use crate::compile::sink::{Dialect, Pieces, Sink};
use crate::line::Line;
use crate::memo::TimeMemo;
use crate::record::{Bytes, Record};
use crate::reject::{Reason, Reject};
use crate::unescape::Escape;

/// Whose lines are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    /// IIS and all others: words between spaces.
    Iis,
    /// CloudFront: columns between tabs, percent-encoded agents.
    Cloudfront,
}

/// IIS 7 and later without its header, as a reader sees it that begins at the end of a file; IIS 6 lacks `cs(Referer)`.
const IIS: [&str; 2] = [
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken",
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken",
];
/// CloudFront's standard log, version 1.0 (Amazon CloudFront Developer Guide, "Standard log file fields").
const CLOUDFRONT: &str = "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end";

/// Columns that hold where no header was seen; made once.
static DEFAULTS: std::sync::LazyLock<Vec<Columns>> = std::sync::LazyLock::new(|| {
    IIS.iter()
        .chain([&CLOUDFRONT])
        .filter_map(|text| Columns::from_text(text))
        .collect()
});

/// Reads one line by the columns of the header, or by the defaults of the writer.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
    columns: Option<&Columns>,
    writer: Writer,
) -> Result<Line, Reject> {
    let cloudfront = writer == Writer::Cloudfront;
    if !line.first().is_some_and(|b| b.is_ascii_digit() || *b == b'"') {
        return Err(Reject::new(Reason::UnknownFormat, 0));
    }
    if let Some(columns) = columns
        && let Kind::W3c(_, theirs) = columns.kind()
    {
        if *theirs != cloudfront {
            return Err(Reject::new(Reason::UnknownFormat, 0));
        }
        return with_columns(line, record, times, columns);
    }
    let mut refused = Reject::new(Reason::UnknownFormat, 0);
    for columns in DEFAULTS.iter() {
        let Kind::W3c(_, theirs) = columns.kind() else {
            continue;
        };
        if *theirs != cloudfront {
            continue;
        }
        match with_columns(line, record, times, columns) {
            Ok(read) => return Ok(read),
            Err(reject) => refused = reject,
        }
    }
    Err(refused)
}

/// Tries the ways in which values may be parted, the likeliest first: IIS does not escape, so a client that sends a quote or
/// a tab must not hide its line. A record that could not be filled is as it came.
fn with_columns<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
    columns: &Columns,
) -> Result<Line, Reject> {
    let tabs = memchr::memchr(b'\t', line).map(|_| Parting::Tabs);
    let quotes = memchr::memchr(b'"', line).map(|_| Parting::Quotes);
    let mut refused = None;
    for parting in tabs.into_iter().chain(quotes).chain([Parting::Spaces]) {
        match parted(line, record, times, columns, parting) {
            Ok(read) => return Ok(read),
            Err(reject) => refused.get_or_insert(reject),
        };
        record.restart(line);
    }
    Err(refused.unwrap_or(Reject::new(Reason::Columns, 0)))
}

fn parted<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
    columns: &Columns,
    parting: Parting,
) -> Result<Line, Reject> {
    let Kind::W3c(names, cloudfront) = columns.kind() else {
        return Err(Reject::new(Reason::UnknownFormat, 0));
    };
    let mut values = Values::of(line, parting);
    let mut row = Row::new(columns.date(), *cloudfront, Escape::None);
    for column in names {
        let at = values.at();
        let Some(value) = values.next() else {
            return Err(Reject::new(Reason::Columns, line.len()));
        };
        row.fill(column, value, record, times)
            .map_err(|reason| Reject::new(reason, at))?;
    }
    if values.next().is_some() {
        return Err(Reject::new(Reason::Columns, values.at().min(line.len())));
    }
    row.finish(record, times, 0)
}

/// Date and time of day, joined without allocating.
struct Stamp {
    text: [u8; 40],
    end: usize,
    date: bool,
}

impl Stamp {
    fn new(date: Option<[u8; 10]>) -> Self {
        let mut stamp = Self {
            text: [b' '; 40],
            end: 0,
            date: false,
        };
        if let Some(date) = date {
            stamp.put(0, &date);
            stamp.date = true;
        }
        stamp
    }

    fn put(&mut self, at: usize, value: &[u8]) {
        if let Some(slot) = self.text.get_mut(at..at + value.len()) {
            slot.copy_from_slice(value);
            self.end = self.end.max(at + value.len());
        }
    }

    fn text(&self) -> Option<&[u8]> {
        self.text.get(..self.end).filter(|_| self.date && self.end > 11)
    }
}

/// The values of one line on their way into the record.
pub(super) struct Row<'a> {
    stamp: Stamp,
    pieces: Pieces<'a>,
    dialect: Dialect,
    cloudfront: bool,
}

impl<'a> Row<'a> {
    /// Of a day, where the values do not tell it.
    pub(super) fn new(date: Option<[u8; 10]>, cloudfront: bool, undo: Escape) -> Self {
        Self {
            stamp: Stamp::new(date),
            pieces: Pieces::default(),
            dialect: Dialect {
                undo,
                empty_is_absent: true,
            },
            cloudfront,
        }
    }

    /// Puts one value where its column says.
    pub(super) fn fill(
        &mut self,
        column: &Column,
        value: Value<'a>,
        record: &mut Record<'a>,
        times: &mut TimeMemo,
    ) -> Result<(), Reason> {
        let text = value.text;
        match column {
            Column::Date if text.len() == 10 => {
                self.stamp.put(0, text);
                self.stamp.date = true;
            }
            Column::Time if text.len() <= 29 => self.stamp.put(11, text),
            Column::Date | Column::Time => return Err(Reason::Time),
            Column::TimeTaken => {
                let unit = if text.contains(&b'.') {
                    1_000_000_000
                } else {
                    1_000_000
                };
                return self.sink(&Sink::Duration(unit), text, record, times);
            }
            Column::Uri => return self.uri(text, record, times),
            Column::Plus(sink) => {
                self.sink(sink, text, record, times)?;
                // Who quotes leaves spaces as they are; quotes around pluses are a client's.
                if !value.quoted || !text.contains(&b' ') {
                    self.undo_plus(sink, record);
                }
            }
            Column::Plain(sink) => {
                self.sink(sink, text, record, times)?;
                if self.cloudfront && matches!(sink, Sink::Header(_)) {
                    self.undo_plus(sink, record);
                }
            }
        }
        Ok(())
    }

    /// A path, perhaps behind a host, perhaps behind a scheme.
    fn uri(&mut self, text: &'a [u8], record: &mut Record<'a>, times: &mut TimeMemo) -> Result<(), Reason> {
        let is_scheme = |text: &[u8]| {
            text.iter()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
        };
        let scheme = memchr::memmem::find(text, b"://").filter(|at| text.get(..*at).is_some_and(is_scheme));
        let rest = match scheme {
            Some(at) => {
                self.sink(&Sink::Scheme, text.get(..at).unwrap_or_default(), record, times)?;
                text.get(at + 3..).unwrap_or_default()
            }
            None => text,
        };
        let nowhere = if scheme.is_some() { rest.len() } else { 0 };
        let path = match memchr::memchr2(b'/', b'?', rest) {
            // Only behind a scheme a name stands before a query.
            Some(at) if rest.get(at) == Some(&b'?') && scheme.is_none() => 0,
            at => at.unwrap_or(nowhere),
        };
        let (host, target) = rest.split_at_checked(path).unwrap_or((b"", rest));
        if !host.is_empty() {
            self.sink(&Sink::Host, host, record, times)?;
        }
        let target = if target.is_empty() { b"/" } else { target };
        self.sink(&Sink::Path, target, record, times)
    }

    /// Undoes how spaces are written in a value that was put into the record last.
    fn undo_plus(&self, sink: &Sink, record: &mut Record<'a>) {
        let decode = if self.cloudfront { percent } else { plus };
        match sink {
            Sink::UserAgent => record.user_agent = record.user_agent.take().map(decode),
            Sink::Header(name) => {
                let last = record.more.headers.last_mut();
                if let Some((_, value)) = last.filter(|(last, _)| last == name) {
                    *value = decode(std::mem::take(value));
                }
            }
            _ => {}
        }
    }

    fn sink(
        &mut self,
        sink: &Sink,
        text: &'a [u8],
        record: &mut Record<'a>,
        times: &mut TimeMemo,
    ) -> Result<(), Reason> {
        sink.fill(text, self.dialect, record, &mut self.pieces, times)
    }

    /// Puts together what several values make; `at` is where a line stands to blame that tells no time.
    pub(super) fn finish(
        self,
        record: &mut Record<'a>,
        times: &mut TimeMemo,
        at: usize,
    ) -> Result<Line, Reject> {
        let time = self.stamp.text().and_then(|text| times.iso(text));
        record.time = Some(time.ok_or(Reject::new(Reason::Time, at))?);
        self.pieces
            .finish(record)
            .map_err(|reason| Reject::new(reason, 0))?;
        // FTP and streaming servers write such logs too.
        let http = match record.method.as_deref() {
            Some(method) => method
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')),
            None => record.status.is_some(),
        };
        if !http {
            return Err(Reject::new(Reason::NotAccess, 0));
        }
        Ok(Line::Record)
    }
}

/// `+` stands for a space; of two in a row the second is one of its own (`;++http://` was `; +http://`).
fn plus(text: Bytes<'_>) -> Bytes<'_> {
    if memchr::memchr(b'+', &text).is_none() {
        return text;
    }
    let mut out = text.into_owned();
    let mut before = false;
    for byte in &mut out {
        before = *byte == b'+' && !before;
        if before {
            *byte = b' ';
        }
    }
    Cow::Owned(out)
}

/// CloudFront encodes once, and until 2020 the agent twice.
fn percent(text: Bytes<'_>) -> Bytes<'_> {
    if memchr::memchr(b'%', &text).is_none() {
        return text;
    }
    let once = decoded(&text);
    let twice = memchr::memmem::find(&once, b"%20").is_some();
    Cow::Owned(if twice { decoded(&once) } else { once })
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let hex = |digit: &u8| char::from(*digit).to_digit(16);
        match after {
            [high, low, later @ ..] if byte == b'%' => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    out.push((high << 4 | low) as u8);
                    rest = later;
                }
                _ => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    out
}

const fn extra(name: &'static str) -> Sink {
    Sink::Extra(Cow::Borrowed(name))
}

/// What a name of `#Fields` means.
pub(super) fn column(name: &str) -> Column {
    let lower = name.to_ascii_lowercase();
    let header = lower
        .strip_prefix("cs(")
        .and_then(|name| name.split(')').next())
        .map(str::to_owned);
    if let Some(header) = header {
        return match header.as_str() {
            "user-agent" => Column::Plus(Sink::UserAgent),
            "referer" | "referrer" => Column::Plus(Sink::Referrer),
            "host" => Column::Plain(Sink::Host),
            "x-forwarded-for" => Column::Plus(Sink::Header(Cow::Borrowed("x-forwarded-for"))),
            "cookie" => Column::Plain(Sink::Header(Cow::Borrowed("cookie"))),
            _ => Column::Plain(Sink::Header(Cow::Owned(header))),
        };
    }
    let sink = match lower.as_str() {
        "date" | "date-local" | "date-utc" => return Column::Date,
        "time" | "time-local" | "time-utc" => return Column::Time,
        "time-taken" | "timetakenms" => return Column::TimeTaken,
        "cs-uri" => return Column::Uri,
        "c-user-agent" | "cs-user-agent" | "csuser-agent" => return Column::Plus(Sink::UserAgent),
        "c-referrer" | "cs-referer" | "csreferer" => return Column::Plus(Sink::Referrer),
        "c-ip" => Sink::Peer,
        "c-port" => Sink::PeerPort,
        "cs-username" => Sink::User,
        "s-port" => Sink::ServerPort,
        "cs-method" => Sink::Method,
        "cs-uri-stem" => Sink::Path,
        "cs-uri-query" => Sink::Query,
        "sc-status" => Sink::Status,
        "sc-bytes" => Sink::ResponseBytes,
        "cs-bytes" => Sink::RequestBytes,
        "cs-version" | "cs-protocol-version" => Sink::Protocol,
        "cs-host" | "x-host-header" => Sink::Host,
        "cs-protocol" => Sink::Scheme,
        "cscookie" => Sink::Header(Cow::Borrowed("cookie")),
        "x-forwarded-for" | "s-xff" => {
            return Column::Plus(Sink::Header(Cow::Borrowed("x-forwarded-for")));
        }
        "ssl-protocol" => Sink::TlsVersion,
        "ssl-cipher" => Sink::TlsCipher,
        "x-edge-request-id" => Sink::RequestId,
        "c-country" | "cs-countrycode" => Sink::Country,
        "asn" => Sink::Asn,
        // Names that live for ever: none is copied for a line.
        "sc-substatus" => extra("sc_substatus"),
        "sc-win32-status" => extra("sc_win32_status"),
        "s-sitename" => extra("s_sitename"),
        "s-computername" => extra("s_computername"),
        "s-ip" => extra("s_ip"),
        "x-edge-location" => extra("x_edge_location"),
        "x-edge-result-type" => extra("x_edge_result_type"),
        _ => Sink::Skip,
    };
    Column::Plain(sink)
}
