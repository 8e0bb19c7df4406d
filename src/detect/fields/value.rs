//! The value of a field: [`text`] is the one function that reads it.
//!
//! Texts are as the log gave them, unescaped once; nothing is decoded or allocated. Next: [`super::super::views`].

use std::borrow::Cow;
use std::io::Write;

use super::{Field, agent_type, authority, extension};
use crate::detect::label;
use crate::enrich::identity;
use crate::event::Event;

/// A field's text: borrowed from the event, or a number or address written out in place. Never allocates.
#[derive(Debug, Clone, Copy)]
pub enum Text<'e> {
    /// Borrowed.
    Bytes(&'e [u8]),
    /// Written out.
    Short(Short),
}

/// At most 48 bytes of text.
#[derive(Debug, Clone, Copy)]
pub struct Short {
    bytes: [u8; 48],
    used: u8,
}

impl Short {
    fn of(value: impl std::fmt::Display) -> Self {
        let mut bytes = [0; 48];
        let mut rest: &mut [u8] = &mut bytes;
        // The longest value, a scoped address, has 45 characters; what would not fit is cut.
        let _ = write!(rest, "{value}");
        let used = (48 - rest.len()) as u8;
        Self { bytes, used }
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Short(short) => short.bytes.get(..usize::from(short.used)).unwrap_or_default(),
        }
    }
}

/// The field's value as a log, unescaped once, has it; `None` when the line does not tell it.
pub fn value<'e>(event: &Event<'e, '_>, field: &Field) -> Option<Cow<'e, [u8]>> {
    Some(match text(event, field)? {
        Text::Bytes(bytes) => Cow::Borrowed(bytes),
        short @ Text::Short(_) => Cow::Owned(short.to_vec()),
    })
}

/// As [`value`], without allocating.
pub fn text<'e>(event: &Event<'e, '_>, field: &Field) -> Option<Text<'e>> {
    match borrowed(event, field) {
        Some(bytes) => Some(Text::Bytes(bytes)),
        None if field.is_written() => written(event, field).map(Text::Short),
        None => None,
    }
}

/// Calls `each` with every value of the field until it says true; says whether it did.
pub fn any_value(event: &Event<'_, '_>, field: &Field, mut each: impl FnMut(&[u8]) -> bool) -> bool {
    match field {
        Field::Lists => event.address.lists.iter().any(|list| each(list.as_bytes())),
        Field::QueryOrTarget => [Field::Query, Field::Target]
            .iter()
            .any(|field| text(event, field).is_some_and(|value| each(&value))),
        field => text(event, field).is_some_and(|value| each(&value)),
    }
}

/// The value of a field that stands in the line, or in what is known of it, as it is.
#[inline]
pub fn borrowed<'e>(event: &Event<'e, '_>, field: &Field) -> Option<&'e [u8]> {
    let record = event.record;
    let more = &record.more;
    match field {
        Field::User => record.user.as_deref(),
        Field::Method => record.method.as_deref(),
        Field::Target => record.target.as_deref().or(record.malformed_request.as_deref()),
        Field::Query | Field::QueryOrTarget => record.query(),
        Field::Path => record.path(),
        Field::Extension => extension(record.path()?),
        Field::HttpVersion => record.http_version,
        Field::Host => record
            .target
            .as_deref()
            .and_then(authority)
            .or(record.host.as_deref()),
        Field::Scheme => more.scheme.as_deref(),
        Field::Referrer => record.referrer.as_deref(),
        Field::Agent => record.user_agent.as_deref(),
        Field::Header(name) => record.header(name),
        Field::TlsVersion => more.tls_version.as_deref(),
        Field::TlsCipher => more.tls_cipher.as_deref(),
        Field::TlsServerName => more.tls_server_name.as_deref(),
        Field::Ja3 => more.ja3.as_deref(),
        Field::Ja4 => more.ja4.as_deref(),
        Field::RequestId => more.request_id.as_deref(),
        Field::Action => more.action.as_deref(),
        Field::MalformedRequest => record.malformed_request.as_deref(),
        Field::Country => event
            .address
            .country
            .as_ref()
            .or(more.country.as_ref())
            .map(<[u8; 2]>::as_slice),
        Field::AsOrganization => event.address.as_org.as_deref().map(str::as_bytes),
        Field::Lists => event.address.lists.first().map(|list| list.as_bytes()),
        Field::AgentType => record
            .tells_agent()
            .then(|| agent_type(event.agent.kind).as_bytes()),
        Field::AgentOdd => event.agent.odd.map(|odd| odd.name().as_bytes()),
        Field::AgentEngine => event.agent.engine.map(str::as_bytes),
        Field::AgentContradiction => identity::contradiction(record, event.agent).map(str::as_bytes),
        Field::Listed => event.address.listed.then_some(b"true".as_slice()),
        Field::AgentName => event.agent.name.as_deref().map(str::as_bytes),
        Field::AgentSystem => event.agent.system.as_deref().map(str::as_bytes),
        Field::AgentVerified => Some(match event.is_verified_crawler() {
            true => b"true",
            false => b"false",
        }),
        Field::AgentVerdict => event.agent.claims.map(|_| event.verdict.name().as_bytes()),
        Field::Outcome => record.status.map(|status| match status {
            0..400 => b"success".as_slice(),
            _ => b"failure",
        }),
        Field::Peer if record.peer.is_none() => Some(record.peer_text).filter(|text| !text.is_empty()),
        Field::File => Some(event.file.as_bytes()),
        Field::Named(name) => more
            .extra
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_ref()),
        Field::Classification => label::of_record(record).map(str::as_bytes),
        _ => None,
    }
}

fn written(event: &Event<'_, '_>, field: &Field) -> Option<Short> {
    let record = event.record;
    match field {
        Field::Client => event.client.address.map(Short::of),
        Field::Peer => record.peer.map(Short::of),
        Field::Timestamp => record.time.map(|time| Short::of(time.to_rfc3339_millis())),
        Field::Date => record.time.map(date),
        Field::TimeOfDay => record.time.map(time_of_day),
        Field::Protocol => record.http_version.map(protocol),
        Field::Fingerprint => {
            identity::fingerprint(record).map(|hash| Short::of(format_args!("{hash:016x}")))
        }
        field => number(event, field).map(Short::of),
    }
}

/// The value of a field that is always a number ([`Field::is_number`]).
pub fn number(event: &Event<'_, '_>, field: &Field) -> Option<u64> {
    let record = event.record;
    let more = &record.more;
    Some(match field {
        Field::Status => u64::from(record.status?),
        Field::PeerPort => u64::from(more.peer_port?),
        Field::ServerPort => u64::from(more.server_port?),
        Field::ResponseBytes => more.response_bytes.or(record.body_bytes)?,
        Field::BodyBytes => record.body_bytes?,
        Field::RequestBytes => more.request_bytes?,
        Field::Millis => more.duration_ns? / 1_000_000,
        Field::Nanos => more.duration_ns?,
        Field::Asn => u64::from(event.address.asn.or(more.asn)?),
        Field::AgentMajor => u64::from(event.agent.major?),
        Field::Offset => event.offset,
        _ => return None,
    })
}

fn date(time: afw_parsers::Time) -> Short {
    let civil = time.civil();
    Short::of(format_args!(
        "{:04}-{:02}-{:02}",
        civil.year, civil.month, civil.day
    ))
}

fn time_of_day(time: afw_parsers::Time) -> Short {
    let civil = time.civil();
    Short::of(format_args!(
        "{:02}:{:02}:{:02}",
        civil.hour, civil.minute, civil.second
    ))
}

fn protocol(version: &[u8]) -> Short {
    Short::of(format_args!("HTTP/{}", String::from_utf8_lossy(version)))
}
