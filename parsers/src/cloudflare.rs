//! Cloudflare Logpush: the datasets `http_requests` and `firewall_events`, one JSON object a line.
//!
//! A job logs the fields it was told to, in any order, with times in any of five forms; names changed over the
//! years, and the GraphQL API has its own for the same things. Absent is said in many ways: nothing, `none`, `00`,
//! `unknown`, zero. The time of a record is the start of the request, the peer of Cloudflare's edge is the client.

use std::borrow::Cow;

use crate::address;
use crate::clock;
use crate::columns::{Columns, csv};
use crate::header;
use crate::json::{Value, Walker};
use crate::line::{Line, Skip};
use crate::memo::{TimeMemo, decimal};
use crate::parts;
use crate::record::{Bytes, Moment, Record};
use crate::reject::{Reason, Reject};
use crate::request;
use crate::time::Time;

mod fields;
pub(crate) mod table;

pub use fields::{fields, fields_of};
use table::{Field, field};

/// Which dataset a line is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dataset {
    /// One line a request.
    Http,
    /// One line for each rule that matched a request.
    Firewall,
}

/// Reads one line as a record of this dataset: NDJSON, an element of an array over several lines, or CSV with known
/// columns.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
    columns: Option<&Columns>,
    dataset: Dataset,
) -> Result<Line, Reject> {
    let Some(object) = parts::element(line) else {
        return match columns {
            _ if parts::is_bracket(line) => Ok(Line::Skip(Skip::Comment)),
            Some(columns) => csv::parse(line, record, times, columns, dataset),
            None => Err(Reject::new(Reason::UnknownFormat, 0)),
        };
    };
    let mut walker = Walker::object(object)?;
    let mut seen = Seen::default();
    while let Some(key) = walker.key()? {
        let value = walker.value()?;
        match field(key) {
            Some(Field::SecurityActions) if value == Value::Array => {
                seen.actions = last_word(&mut walker)?;
                continue;
            }
            Some(field) => seen.put(field, value, record, times, walker.at())?,
            None => {}
        }
        walker.skip(value)?;
    }
    walker.finish()?;
    seen.finish(record, dataset)
}

/// What is put together once the whole line is read.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    /// How a value's escapes are undone.
    undo: fn(Value<'a>) -> Bytes<'a>,
    start: Option<Time>,
    end: Option<Time>,
    datetime: Option<Time>,
    path: Option<Bytes<'a>>,
    query: Option<Bytes<'a>>,
    referrer: [Option<Bytes<'a>>; 4],
    /// The action that ended the request, or the firewall event's.
    action: Option<&'a [u8]>,
    /// The last of all actions.
    actions: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
    /// Whether there was a field that only `http_requests` has.
    http: bool,
    ray: bool,
}

impl Default for Seen<'_> {
    fn default() -> Self {
        Self::new(Value::unescape)
    }
}

impl<'a> Seen<'a> {
    /// Nothing seen yet, of a line whose values are unescaped so.
    pub(crate) fn new(undo: fn(Value<'a>) -> Bytes<'a>) -> Self {
        Self {
            undo,
            start: None,
            end: None,
            datetime: None,
            path: None,
            query: None,
            referrer: [const { None }; 4],
            action: None,
            actions: None,
            source: None,
            http: false,
            ray: false,
        }
    }

    /// Takes one field, as JSON or as a column of a CSV file gives it.
    pub(crate) fn put(
        &mut self,
        field: Field,
        value: Value<'a>,
        record: &mut Record<'a>,
        times: &mut TimeMemo,
        at: usize,
    ) -> Result<(), Reject> {
        let raw = value.raw();
        let time = |times: &mut TimeMemo| match raw {
            b"" => Ok(None),
            _ => timestamp(value, times)
                .map(Some)
                .ok_or(Reject::new(Reason::Time, at)),
        };
        match field {
            Field::EdgeStartTimestamp => {
                self.http = true;
                self.start = time(times)?;
            }
            Field::EdgeEndTimestamp => {
                self.http = true;
                self.end = time(times)?;
            }
            Field::Datetime => self.datetime = time(times)?,
            _ if raw.is_empty() => {}
            Field::ClientIp => {
                record.peer_text = raw;
                record.peer = address::ip(raw);
                record.more_mut().client = record.peer;
            }
            Field::EdgeResponseStatus => {
                let status = decimal(raw).filter(|status| *status <= 999);
                let status = status.ok_or(Reject::new(Reason::Status, at))?;
                record.status = u16::try_from(status).ok().filter(|status| *status != 0);
            }
            Field::RequestUri => {
                self.http = true;
                record.target = Some((self.undo)(value));
            }
            Field::RequestPath => self.path = Some((self.undo)(value)),
            Field::RequestQuery => self.query = Some((self.undo)(value)),
            Field::Method => record.method = Some((self.undo)(value)),
            Field::Protocol => record.http_version = request::version(raw),
            Field::Host => header::host(value, record),
            Field::UserAgent => record.put_agent(Some((self.undo)(value))),
            Field::Referer => record.referrer = Some((self.undo)(value)),
            Field::RefererPart(part) => {
                if let Some(slot) = self.referrer.get_mut(usize::from(part)) {
                    *slot = Some((self.undo)(value));
                }
            }
            Field::Action => self.action = Some(raw),
            Field::SecurityAction if is_none(raw) => {}
            Field::SecurityAction => self.action = Some(raw),
            // In CSV the array is a text; its last word is the rule that ended the request.
            Field::SecurityActions => {
                let mut words = raw.split(|b| !b.is_ascii_alphanumeric());
                self.actions = words.rfind(|word| !word.is_empty());
            }
            Field::Source => self.source = Some(raw),
            Field::HttpOnly => self.http = true,
            _ => {
                self.ray |= field == Field::RayId;
                put_more(field, raw, (self.undo)(value), record);
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self, record: &mut Record<'a>, dataset: Dataset) -> Result<Line, Reject> {
        // `http_requests` has no `Datetime`, but the GraphQL API calls the time of both so.
        let kind = if self.datetime.is_some() && !self.http {
            Dataset::Firewall
        } else {
            Dataset::Http
        };
        let request = record.method.is_some()
            || record.target.is_some()
            || self.path.is_some()
            || record.host.is_some()
            || record.status.is_some();
        let named = record.peer.is_some() || self.ray;
        if kind != dataset || !named || !request {
            return Err(Reject::new(Reason::JsonShape, 0));
        }
        let time = self.start.or(self.datetime).or(self.end);
        record.time = Some(time.ok_or(Reject::new(Reason::Time, 0))?);
        record.more.moment = if self.start.is_none() && self.datetime.is_none() {
            Moment::End
        } else {
            Moment::Start
        };
        if let (Some(start), Some(end)) = (self.start, self.end) {
            record.more_mut().duration_ns = u64::try_from(end.since(start)).ok();
        }
        self.target(record);
        self.whole_referrer(record);
        self.decisions(record);
        Ok(Line::Record)
    }

    /// `ClientRequestURI` is the target; without it, path and query are put together.
    fn target(&mut self, record: &mut Record<'a>) {
        if record.target.is_some() {
            return;
        }
        let query = self.query.take();
        let query = query
            .as_deref()
            .map(|query| query.strip_prefix(b"?").unwrap_or(query));
        record.target = match (self.path.take(), query) {
            (Some(path), Some(query)) if !query.is_empty() => {
                Some(Cow::Owned([&path[..], b"?", query].concat()))
            }
            (path, _) => path,
        };
    }

    /// The firewall's referrer comes in four parts.
    fn whole_referrer(&mut self, record: &mut Record<'a>) {
        let [scheme, host, path, query] = &self.referrer;
        let Some(host) = host.as_deref().filter(|_| record.referrer.is_none()) else {
            return;
        };
        // A scheme that is none is a placeholder of the documentation, seen in the wild.
        let scheme = scheme
            .as_deref()
            .filter(|s| s.iter().all(u8::is_ascii_alphanumeric));
        let query = query.as_deref().unwrap_or_default();
        let mark: &[u8] = if query.is_empty() || query.starts_with(b"?") {
            b""
        } else {
            b"?"
        };
        let path = path.as_deref().unwrap_or_default();
        let parts = [scheme.unwrap_or(b"https"), b"://", host, path, mark, query];
        record.referrer = Some(Cow::Owned(parts.concat()));
    }

    /// Action and source in lower case, as both datasets are compared.
    fn decisions(&self, record: &mut Record<'a>) {
        let action = self.action.or(self.actions);
        if let Some(action) = action.filter(|action| !is_none(action)) {
            record.more_mut().action = Some(lower(action));
        }
        if let Some(source) = self.source.filter(|source| !is_none(source)) {
            let source = lower(source);
            record.more_mut().extra.push(("source".into(), source));
        }
    }
}

/// Fields of the rarely logged rest.
fn put_more<'a>(field: Field, raw: &'a [u8], text: Bytes<'a>, record: &mut Record<'a>) {
    let number = || decimal(raw);
    let more = record.more_mut();
    match field {
        Field::Asn => {
            more.asn = number()
                .and_then(|asn| u32::try_from(asn).ok())
                .filter(|asn| *asn != 0)
        }
        Field::Country => more.country = country(raw),
        Field::RayId => more.request_id = Some(text).filter(|ray| **ray != *b"00"),
        Field::SrcPort => {
            more.peer_port = number()
                .and_then(|port| u16::try_from(port).ok())
                .filter(|port| *port != 0);
        }
        Field::Scheme => more.scheme = Some(text).filter(|scheme| !is_none(scheme)),
        Field::RequestBytes => more.request_bytes = number(),
        Field::ResponseBytes => more.response_bytes = number(),
        Field::BodyBytes => record.body_bytes = number(),
        Field::SslProtocol if !is_none(raw) => more.tls_version = Some(tls_version(raw)),
        Field::SslCipher if !is_none(raw) => more.tls_cipher = Some(text),
        Field::Ja3 => more.ja3 = Some(text),
        Field::Ja4 => more.ja4 = Some(text),
        Field::WorkerSubrequest => more.subrequest |= raw == b"true",
        Field::RequestSource => more.subrequest |= raw != b"eyeball" && !is_none(raw),
        // 0 is the rule that matched last, and the one that ended the request if any did.
        Field::MatchIndex => more.repeats = number().is_some_and(|index| index > 0),
        Field::ParentRayId => more.subrequest |= raw != b"00",
        _ => {}
    }
}

/// A time in any of the five forms of Logpush, or as the digits of a number in quotes.
fn timestamp(value: Value<'_>, times: &mut TimeMemo) -> Option<Time> {
    match value {
        Value::Text(text) if text.raw.iter().all(u8::is_ascii_digit) => clock::epoch(text.raw),
        other => clock::of_json(other, times).ok(),
    }
}

/// The last element of an array of words: the rule that ended the request, if one did.
fn last_word<'a>(walker: &mut Walker<'a>) -> Result<Option<&'a [u8]>, Reject> {
    let mut last = None;
    while let Some(element) = walker.element()? {
        walker.skip(element)?;
        last = Some(element.raw());
    }
    Ok(last)
}

/// The many ways in which Logpush says that there is nothing.
fn is_none(raw: &[u8]) -> bool {
    raw.is_empty()
        || raw == b"00"
        || raw.eq_ignore_ascii_case(b"none")
        || raw.eq_ignore_ascii_case(b"unknown")
        || raw == b"[]"
        || raw == b"{}"
}

fn lower(raw: &[u8]) -> Bytes<'_> {
    if raw.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(raw.to_ascii_lowercase())
    } else {
        Cow::Borrowed(raw)
    }
}

/// Two letters; `xx` and `t1` (Tor) are no countries but what Cloudflare says, so they stay, except the unknown.
fn country(raw: &[u8]) -> Option<[u8; 2]> {
    match *raw {
        [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphanumeric() => {
            let code = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
            (code != *b"XX").then_some(code)
        }
        _ => None,
    }
}

fn tls_version(raw: &[u8]) -> Bytes<'_> {
    match raw.strip_prefix(b"TLSv") {
        Some(b"1") => Cow::Borrowed(b"1.0"),
        Some(version) => Cow::Borrowed(version),
        None => Cow::Borrowed(raw),
    }
}

#[cfg(test)]
mod tests;
