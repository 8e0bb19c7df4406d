//! `LogFormat`: Apache's directives, their modifiers and where each value goes.

use std::borrow::Cow;

use crate::compile::nginx::header_name;
use crate::compile::sink::Sink;
use crate::compile::{FormatError, Part, strftime};
use crate::record::Moment;

/// The parts of a format and what its time stands for. The format is what the configuration's own quoting leaves,
/// except that the `\"` of a configuration file is also taken; `\n`, `\t`, `\r` and `\\` are the format's own.
pub(crate) fn parts(format: &str) -> Result<(Vec<Part>, Moment), FormatError> {
    let mut reader = Reader {
        format,
        at: 0,
        literal: Vec::new(),
        parts: Vec::new(),
        ends: Vec::new(),
    };
    while let Some(byte) = reader.next() {
        match byte {
            b'%' => reader.directive()?,
            b'\\' => reader.backslash(),
            _ => reader.literal.push(byte),
        }
    }
    reader.flush();
    settle(&mut reader.parts);
    let moment = one_moment(&mut reader.parts, &reader.ends);
    whole_date(&reader.parts)?;
    Ok((reader.parts, moment))
}

/// Position in the format and what was read so far.
struct Reader<'f> {
    format: &'f str,
    at: usize,
    literal: Vec<u8>,
    parts: Vec<Part>,
    /// Which parts are times of the request's end.
    ends: Vec<usize>,
}

impl<'f> Reader<'f> {
    fn peek(&self) -> Option<u8> {
        self.format.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.parts.push(Part::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn backslash(&mut self) {
        match self.next() {
            Some(b'n') => self.literal.push(b'\n'),
            Some(b't') => self.literal.push(b'\t'),
            Some(b'r') => self.literal.push(b'\r'),
            Some(byte @ (b'"' | b'\\')) => self.literal.push(byte),
            Some(byte) => self.literal.extend([b'\\', byte]),
            None => self.literal.push(b'\\'),
        }
    }

    /// What follows `%`: modifiers in any order, then the letter.
    fn directive(&mut self) -> Result<(), FormatError> {
        let start = self.at - 1;
        let mut argument = None;
        loop {
            match self.next() {
                Some(b'%') => {
                    self.literal.push(b'%');
                    return Ok(());
                }
                Some(b'!' | b'<' | b'>' | b',' | b'0'..=b'9') => {}
                Some(b'{') => argument = Some(self.argument(start)?),
                Some(b'^') => {
                    let letters = self.format.get(self.at..self.at + 2);
                    self.at += 2;
                    return self.value(trailer(letters, argument, start)?, start, false);
                }
                Some(letter) => return self.letter(letter, argument, start),
                None => return Err(FormatError::new("the format ends within a directive", start)),
            }
        }
    }

    fn argument(&mut self, start: usize) -> Result<&'f str, FormatError> {
        let rest = self.format.get(self.at..).unwrap_or_default();
        match rest.find('}') {
            Some(end) => {
                self.at += end + 1;
                Ok(rest.get(..end).unwrap_or_default())
            }
            None => Err(FormatError::new("no \"}\" closes this argument", start)),
        }
    }

    fn letter(&mut self, letter: u8, argument: Option<&'f str>, start: usize) -> Result<(), FormatError> {
        if letter == b't' {
            return self.time(argument, start);
        }
        match sink(letter, argument) {
            Some(sink) => self.value(sink, start, false),
            None => Err(unknown(self.format, start, self.at)),
        }
    }

    /// `%t` writes its own brackets; `%{format}t` does not.
    fn time(&mut self, argument: Option<&str>, start: usize) -> Result<(), FormatError> {
        let Some(format) = argument.filter(|format| !format.is_empty()) else {
            return self.value(Sink::TimeClf, start, true);
        };
        match strftime::items(format) {
            Some(items) => {
                self.value(Sink::TimeParts(items), start, false)?;
                if format.starts_with("end:") {
                    self.ends.push(self.parts.len() - 1);
                }
                Ok(())
            }
            None => Err(
                FormatError::new("this time format cannot be read back", start).hint(
                    "%t, %{%Y-%m-%dT%H:%M:%S%z}t, %{sec}t, %{msec_frac}t and the usual strftime letters can",
                ),
            ),
        }
    }

    fn value(&mut self, sink: Sink, at: usize, bracketed: bool) -> Result<(), FormatError> {
        if bracketed {
            self.literal.push(b'[');
        }
        self.flush();
        self.parts.push(Part::Value { sink, at });
        if bracketed {
            self.literal.push(b']');
        }
        Ok(())
    }
}

fn unknown(format: &str, start: usize, end: usize) -> FormatError {
    let shown = format
        .get(start..end)
        .or_else(|| format.get(start..))
        .unwrap_or("%");
    let shown: String = shown
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    FormatError::new(format!("Apache has no directive \"{shown}\""), start)
}

/// `^ti`, `^to`: trailers; `^FB`: microseconds to the first byte.
fn trailer(letters: Option<&str>, argument: Option<&str>, start: usize) -> Result<Sink, FormatError> {
    match (letters, argument) {
        (Some("ti" | "to"), Some(name)) => Ok(Sink::Extra(Cow::Owned(format!(
            "trailer_{}",
            name.to_ascii_lowercase()
        )))),
        (Some("FB"), None) => Ok(Sink::Extra(Cow::Borrowed("time_to_first_byte_us"))),
        _ => Err(FormatError::new("Apache has no such two-letter directive", start)
            .hint("%{Name}^ti, %{Name}^to and %^FB exist")),
    }
}

const SECOND: u64 = 1_000_000_000;

/// Where the value of a letter goes; `None` for a letter or argument that Apache does not know.
fn sink(letter: u8, argument: Option<&str>) -> Option<Sink> {
    let extra = |name: &'static str| Sink::Extra(Cow::Borrowed(name));
    Some(match (letter, argument) {
        (b'a', None) => Sink::Peer,
        (b'h', None) => extra("remote_host"),
        (b'a' | b'h', Some("c")) => extra("connection_peer"),
        (b'A', _) => extra("server_addr"),
        (b'l', None) => Sink::Ident,
        (b'u', None) => Sink::User,
        (b'r', None) => Sink::Request,
        (b's', None) => Sink::Status,
        (b'b' | b'B', None) => Sink::BodyBytes,
        (b'I', None) => Sink::RequestBytes,
        (b'O', None) => Sink::ResponseBytes,
        (b'S', None) => extra("bytes_in_and_out"),
        (b'D', None) => Sink::Duration(SECOND / 1_000_000),
        (b'T', None | Some("s")) => Sink::Duration(SECOND),
        (b'T', Some("ms")) => Sink::Duration(SECOND / 1_000),
        (b'T', Some("us")) => Sink::Duration(SECOND / 1_000_000),
        (b'm', None) => Sink::Method,
        (b'U', None) => Sink::Path,
        (b'q', None) => Sink::QueryMark,
        (b'H', None) => Sink::Protocol,
        (b'f', None) => extra("filename"),
        (b'R', None) => extra("handler"),
        (b'v' | b'V', None) => Sink::ServerName,
        (b'p', None | Some("canonical")) => Sink::ServerPort,
        (b'p', Some("local")) => extra("local_port"),
        (b'p', Some("remote")) => Sink::PeerPort,
        (b'P', None | Some("pid" | "tid" | "hextid")) => extra("process"),
        (b'k', None) => extra("keepalive_requests"),
        (b'L', None | Some("c")) => extra("log_id"),
        (b'X', None) => extra("connection_status"),
        (b'F', None) => extra("flushed"),
        (b'i', Some(name)) => request_header(name),
        (b'o', Some(name)) => Sink::Extra(Cow::Owned(format!("response_{}", name.to_ascii_lowercase()))),
        (b'C', Some(name)) => Sink::Extra(Cow::Owned(format!("cookie_{name}"))),
        (b'e', Some("UNIQUE_ID")) => Sink::RequestId,
        (b'e' | b'n', Some(name)) => Sink::Extra(Cow::Owned(name.to_owned())),
        (b'x' | b'c', Some(name)) => tls(name),
        _ => return None,
    })
}

fn request_header(name: &str) -> Sink {
    match name.to_ascii_lowercase().as_str() {
        "referer" => Sink::Referrer,
        "user-agent" => Sink::UserAgent,
        "host" => Sink::Host,
        other => Sink::Header(header_name(other)),
    }
}

fn tls(name: &str) -> Sink {
    match name {
        "SSL_PROTOCOL" | "version" => Sink::TlsVersion,
        "SSL_CIPHER" | "cipher" => Sink::TlsCipher,
        "SSL_TLS_SNI" => Sink::TlsServerName,
        other => Sink::Extra(Cow::Owned(other.to_ascii_lowercase())),
    }
}

/// The peer is `%a`; without it `%h`, which may be a name; without both `%{c}a`. The path of `%U` is decoded, so
/// beside `%r` it is only kept.
fn settle(parts: &mut [Part]) {
    crate::compile::promote(parts, &["remote_host", "connection_peer"]);
    if !crate::compile::has(parts, &Sink::Request) {
        return;
    }
    for part in parts {
        match part {
            Part::Value {
                sink: sink @ Sink::Path,
                ..
            } => *sink = Sink::Extra(Cow::Borrowed("path")),
            Part::Value {
                sink: sink @ Sink::QueryMark,
                ..
            } => *sink = Sink::Extra(Cow::Borrowed("query")),
            _ => {}
        }
    }
}

/// Refuses times that name no date: every line would be of 1 January, or none.
fn whole_date(parts: &[Part]) -> Result<(), FormatError> {
    let pieces = parts.iter().filter_map(|part| match part {
        Part::Value {
            sink: Sink::TimeParts(items),
            at,
        } => Some((items, *at)),
        _ => None,
    });
    let Some((_, first)) = pieces.clone().next() else {
        return Ok(());
    };
    let items = pieces.flat_map(|(items, _)| items);
    if crate::compile::has(parts, &Sink::TimeClf) || strftime::name_a_date(items) {
        return Ok(());
    }
    let error = FormatError::new("this time names no day of a year", first);
    Err(error.hint("%t, %{sec}t, or a time with %F, with %Y, %m and %d, or with %Y and %j: weeks (%U, %V, %W) name no day"))
}

/// What the time of the record stands for: the request's start where the format has it whole, else its end. The
/// times of the other moment are read past.
fn one_moment(parts: &mut [Part], ends: &[usize]) -> Moment {
    let whole = |of_end: bool| {
        parts.iter().enumerate().any(|(at, part)| match part {
            Part::Value {
                sink: Sink::TimeClf, ..
            } => !of_end,
            Part::Value {
                sink: Sink::TimeParts(items),
                ..
            } => ends.contains(&at) == of_end && strftime::names_a_day(items),
            _ => false,
        })
    };
    let moment = match (whole(false), ends) {
        (true, _) | (_, []) => Moment::Start,
        _ => Moment::End,
    };
    if moment == Moment::Start || whole(true) {
        for (at, part) in parts.iter_mut().enumerate() {
            if let Part::Value { sink, .. } = part
                && let Sink::TimeParts(items) = sink
                && ends.contains(&at) == (moment == Moment::Start)
            {
                *sink = Sink::OtherTime(std::mem::take(items));
            }
        }
    }
    moment
}
