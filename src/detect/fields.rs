//! [`Field`]: what a rule may ask of an event, by any of its names, and [`text`], the one function that reads it.
//!
//! Names come from three places: Sigma's taxonomies for web servers and proxies (the W3C extended log names),
//! Elastic's common schema, and our own under `afw.`. Nothing is decoded here: texts are as the log gave them,
//! unescaped once; [`super::views`] decodes. What no log has is no field: [`Field::parse`] does not know it.
//! Next: [`super::rules`].

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;

use crate::enrich::{AgentType, identity};
use crate::event::Event;

/// One field of an event. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The instant as RFC 3339, UTC.
    Timestamp,
    /// The day, `2026-01-31`, UTC.
    Date,
    /// The time of day, `23:59:59`, UTC.
    TimeOfDay,
    /// The resolved client's address.
    Client,
    /// The TCP peer as an address, or the text that the log has in its place.
    Peer,
    /// The peer's port.
    PeerPort,
    /// The port the request came to.
    ServerPort,
    /// The authenticated user.
    User,
    /// The request method.
    Method,
    /// The whole request target; the malformed request line when there is none.
    Target,
    /// Sigma's `cs-uri-query`: matches the query or the whole target. Read as one value it is the query.
    QueryOrTarget,
    /// The target's path.
    Path,
    /// The query without `?`.
    Query,
    /// What follows the last dot of the path's last segment.
    Extension,
    /// The protocol as W3C logs write it: `HTTP/1.1`.
    Protocol,
    /// The protocol's bare version: `1.1`.
    HttpVersion,
    /// The host: of an absolute target if it is one, else of the `Host` header; without port.
    Host,
    /// `http` or `https`.
    Scheme,
    /// The response status.
    Status,
    /// The `Referer` header.
    Referrer,
    /// The `User-Agent` header.
    Agent,
    /// Any other request header, by its lower-case name.
    Header(Arc<str>),
    /// All response bytes, or those of the body where the log has no more.
    ResponseBytes,
    /// Bytes of the response body.
    BodyBytes,
    /// Bytes of the request.
    RequestBytes,
    /// Duration in milliseconds.
    Millis,
    /// Duration in nanoseconds.
    Nanos,
    /// TLS protocol version.
    TlsVersion,
    /// TLS cipher.
    TlsCipher,
    /// TLS server name indication.
    TlsServerName,
    /// JA3 hash.
    Ja3,
    /// JA4 fingerprint.
    Ja4,
    /// ISO 3166 country of the client.
    Country,
    /// Number of the client's autonomous system.
    Asn,
    /// Organisation of the client's autonomous system.
    AsOrganization,
    /// The request's id.
    RequestId,
    /// What an edge or firewall did.
    Action,
    /// `success` below status 400, else `failure`.
    Outcome,
    /// Each list that contains the client; read as one value it is the first.
    Lists,
    /// Kind of program by its user agent.
    AgentType,
    /// Product name of the user agent.
    AgentName,
    /// Major version of the product.
    AgentMajor,
    /// Operating system family of the user agent.
    AgentSystem,
    /// Whether the client is a crawler whose claim was verified: `true` or `false`.
    AgentVerified,
    /// What became of the claim to be a crawler: `verified`, `fake` or `unknown`; absent where nothing is claimed.
    AgentVerdict,
    /// What is odd about the user agent: `absent`, `empty`, `malformed`, `bare` or `impossible`.
    AgentOdd,
    /// Engine of the browser that the user agent names.
    AgentEngine,
    /// What the client hints say against the user agent ([`identity::contradiction`]).
    AgentContradiction,
    /// The hash of what stays the same over a program's requests ([`identity::fingerprint`]), 16 hexadecimal digits.
    Fingerprint,
    /// `true` where a list that is a reason for suspicion contains the client; absent otherwise.
    Listed,
    /// The AppFirewall label, for status 404 only.
    Classification,
    /// The request line that could not be split.
    MalformedRequest,
    /// Path of the log file.
    File,
    /// Offset of the line in its file.
    Offset,
    /// A further value under the name that the log's format gives it, lower case.
    Named(Arc<str>),
}

/// Every fixed name, lower case, sorted by taxonomy: W3C of web servers, W3C of proxies, ECS, our own.
const NAMES: &[(&str, Field)] = &[
    ("date", Field::Date),
    ("time", Field::TimeOfDay),
    ("c-ip", Field::Client),
    ("c-port", Field::PeerPort),
    ("cs-username", Field::User),
    ("cs-user", Field::User),
    ("cs-method", Field::Method),
    ("cs-uri", Field::Target),
    ("cs-uri-stem", Field::Path),
    ("cs-uri-path", Field::Path),
    ("cs-uri-query", Field::QueryOrTarget),
    ("cs-uri-extension", Field::Extension),
    ("cs-uri-scheme", Field::Scheme),
    ("cs-version", Field::Protocol),
    ("cs-host", Field::Host),
    ("cs-user-agent", Field::Agent),
    ("cs(user-agent)", Field::Agent),
    ("cs-useragent", Field::Agent),
    ("cs-referer", Field::Referrer),
    ("cs-referrer", Field::Referrer),
    ("cs(referer)", Field::Referrer),
    ("cs(host)", Field::Host),
    ("cs-bytes", Field::RequestBytes),
    ("sc-bytes", Field::ResponseBytes),
    ("sc-status", Field::Status),
    ("s-port", Field::ServerPort),
    ("time-taken", Field::Millis),
    ("c-uri", Field::Target),
    ("c-uri-stem", Field::Path),
    ("c-uri-path", Field::Path),
    ("c-uri-query", Field::QueryOrTarget),
    ("c-uri-extension", Field::Extension),
    ("c-uri-scheme", Field::Scheme),
    ("c-useragent", Field::Agent),
    ("c-user-agent", Field::Agent),
    ("c-referer", Field::Referrer),
    ("c-referrer", Field::Referrer),
    ("r-dns", Field::Host),
    ("src_ip", Field::Client),
    ("src_port", Field::PeerPort),
    ("dst_port", Field::ServerPort),
    ("@timestamp", Field::Timestamp),
    ("source.ip", Field::Client),
    ("source.address", Field::Client),
    ("source.port", Field::PeerPort),
    ("source.geo.country_iso_code", Field::Country),
    ("source.as.number", Field::Asn),
    ("source.as.organization.name", Field::AsOrganization),
    ("client.ip", Field::Client),
    ("client.address", Field::Client),
    ("client.port", Field::PeerPort),
    ("client.geo.country_iso_code", Field::Country),
    ("client.as.number", Field::Asn),
    ("client.as.organization.name", Field::AsOrganization),
    ("destination.domain", Field::Host),
    ("destination.port", Field::ServerPort),
    ("server.port", Field::ServerPort),
    ("user.name", Field::User),
    ("user_agent.original", Field::Agent),
    ("user_agent.name", Field::AgentName),
    ("user_agent.version", Field::AgentMajor),
    ("user_agent.os.name", Field::AgentSystem),
    ("http.request.method", Field::Method),
    ("http.request.referrer", Field::Referrer),
    ("http.request.bytes", Field::RequestBytes),
    ("http.request.id", Field::RequestId),
    ("http.response.status_code", Field::Status),
    ("http.response.bytes", Field::ResponseBytes),
    ("http.response.body.bytes", Field::BodyBytes),
    ("http.version", Field::HttpVersion),
    ("url.original", Field::Target),
    ("url.full", Field::Target),
    ("url.path", Field::Path),
    ("url.query", Field::Query),
    ("url.extension", Field::Extension),
    ("url.domain", Field::Host),
    ("url.scheme", Field::Scheme),
    ("url.port", Field::ServerPort),
    ("tls.client.ja3", Field::Ja3),
    ("tls.client.ja4", Field::Ja4),
    ("tls.client.server_name", Field::TlsServerName),
    ("tls.version", Field::TlsVersion),
    ("tls.cipher", Field::TlsCipher),
    ("event.action", Field::Action),
    ("event.duration", Field::Nanos),
    ("event.outcome", Field::Outcome),
    ("log.file.path", Field::File),
    ("log.offset", Field::Offset),
    ("afw.peer_ip", Field::Peer),
    ("afw.lists", Field::Lists),
    ("afw.classification", Field::Classification),
    ("afw.agent.type", Field::AgentType),
    ("afw.agent.name", Field::AgentName),
    ("afw.agent.major", Field::AgentMajor),
    ("afw.agent.system", Field::AgentSystem),
    ("afw.agent.verified", Field::AgentVerified),
    ("afw.agent.verdict", Field::AgentVerdict),
    ("afw.agent.odd", Field::AgentOdd),
    ("afw.agent.engine", Field::AgentEngine),
    ("afw.agent.contradiction", Field::AgentContradiction),
    ("afw.fingerprint", Field::Fingerprint),
    ("afw.listed", Field::Listed),
    ("afw.malformed_request", Field::MalformedRequest),
];

/// Taxonomy names whose values only some formats log; they are looked up under these names.
const LOGGED_BY_SOME: [&str; 9] = [
    "s-ip",
    "s-computername",
    "s-sitename",
    "sc-substatus",
    "sc-win32-status",
    "s-action",
    "s-hierarchy",
    "dst_ip",
    "cs-protocol",
];

/// Prefixes that name a request header; `-` and `_` are one.
const HEADER_PREFIXES: [&str; 2] = ["cs(", "http.request.headers."];

impl Field {
    /// The field of that name in any taxonomy, in any case; `None` when no web log has it.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if let Some((_, field)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Some(field.clone());
        }
        if let "cs-cookie" | "cs(cookie)" = name.as_str() {
            return Some(Self::Header("cookie".into()));
        }
        if let "x-forwarded-for" | "x_forwarded_for" | "cs-x-forwarded-for" = name.as_str() {
            return Some(Self::Header("x-forwarded-for".into()));
        }
        if LOGGED_BY_SOME.contains(&name.as_str()) {
            return Some(Self::Named(name.into()));
        }
        let header = HEADER_PREFIXES
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))?;
        let header = header.strip_suffix(')').unwrap_or(header).replace('_', "-");
        (!header.is_empty()).then(|| Self::Header(header.into()))
    }

    /// All names of all taxonomies.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name).chain(LOGGED_BY_SOME)
    }

    /// A field that no taxonomy of web logs has. It matches only where a log's own format has a value of that
    /// name; the loader warns of it.
    pub fn foreign(name: &str) -> Self {
        Self::Named(name.to_ascii_lowercase().into())
    }

    /// The name by which messages call it: the first in the taxonomies.
    pub fn name(&self) -> String {
        match self {
            Self::Header(name) => format!("cs({name})"),
            Self::Named(name) => name.to_string(),
            field => NAMES
                .iter()
                .find(|(_, known)| known == field)
                .map_or_else(String::new, |(name, _)| (*name).to_owned()),
        }
    }

    /// Whether its text is written by the client as part of a URL or payload, so that the decoded views apply.
    pub fn is_encoded(&self) -> bool {
        self.is_target() || matches!(self, Self::Referrer | Self::Agent | Self::Header(_))
    }

    /// Whether the value is always a number, which [`number`] reads.
    pub const fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Status
                | Self::PeerPort
                | Self::ServerPort
                | Self::ResponseBytes
                | Self::BodyBytes
                | Self::RequestBytes
                | Self::Millis
                | Self::Nanos
                | Self::Asn
                | Self::AgentMajor
                | Self::Offset
        )
    }

    /// Whether the text stands nowhere in the line as it is, so that [`text`] writes it out.
    pub const fn is_written(&self) -> bool {
        self.is_number()
            || matches!(
                self,
                Self::Client
                    | Self::Peer
                    | Self::Timestamp
                    | Self::Date
                    | Self::TimeOfDay
                    | Self::Protocol
                    | Self::Fingerprint
            )
    }

    /// Whether the value stands in [`afw_parsers::record::More`] alone, which most lines do not have.
    pub const fn is_rarely_logged(&self) -> bool {
        matches!(
            self,
            Self::Scheme
                | Self::TlsVersion
                | Self::TlsCipher
                | Self::TlsServerName
                | Self::Ja3
                | Self::Ja4
                | Self::RequestId
                | Self::Action
                | Self::Named(_)
                | Self::AgentContradiction
                | Self::PeerPort
                | Self::ServerPort
                | Self::RequestBytes
                | Self::Millis
                | Self::Nanos
        )
    }

    /// The fields that this one's value follows from, when they are others and nothing else counts.
    pub const fn follows_from(&self) -> &'static [Self] {
        match self {
            Self::Path | Self::Query | Self::QueryOrTarget | Self::Extension => &[Self::Target],
            Self::AgentType
            | Self::AgentOdd
            | Self::AgentName
            | Self::AgentSystem
            | Self::AgentEngine
            | Self::AgentMajor => &[Self::Agent],
            Self::Outcome => &[Self::Status],
            Self::Classification => &[Self::Target, Self::Status],
            _ => &[],
        }
    }

    /// Whether it is the request target or a part of it.
    pub fn is_target(&self) -> bool {
        matches!(
            self,
            Self::Target | Self::QueryOrTarget | Self::Path | Self::Query | Self::Extension
        )
    }
}

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
        Field::Classification => super::label::of_record(record).map(str::as_bytes),
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

/// What follows the last dot of a path's last segment; `None` without a dot.
pub fn extension(path: &[u8]) -> Option<&[u8]> {
    let dot = memchr::memrchr2(b'.', b'/', path)?;
    (path.get(dot) == Some(&b'.')).then(|| path.get(dot + 1..).unwrap_or_default())
}

/// The host that an absolute (`http://user@host:80/x`) or authority form (`host:443`) names, without port.
pub fn authority(target: &[u8]) -> Option<&[u8]> {
    if matches!(target.first(), Some(b'/' | b'*') | None) {
        return None;
    }
    let authority = match memchr::memmem::find(target, b"://") {
        Some(at) if at <= 8 => {
            let rest = target.get(at + 3..)?;
            let end = memchr::memchr3(b'/', b'?', b'#', rest).unwrap_or(rest.len());
            rest.get(..end)?
        }
        _ => Some(target).filter(|target| ends_in_port(target))?,
    };
    let host = memchr::memrchr(b'@', authority).map_or(authority, |at| &authority[at + 1..]);
    let end = match host.first() {
        Some(b'[') => memchr::memchr(b']', host).map_or(host.len(), |at| at + 1),
        _ => memchr::memchr(b':', host).unwrap_or(host.len()),
    };
    host.get(..end).filter(|host| !host.is_empty())
}

/// Whether the text is one token that ends in a colon and a port, as the target of `CONNECT` does.
fn ends_in_port(target: &[u8]) -> bool {
    memchr::memrchr(b':', target).is_some_and(|at| {
        let port = target.get(at + 1..).unwrap_or_default();
        (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit)
    }) && memchr::memchr3(b'/', b' ', b'?', target).is_none()
}

/// The name of an agent's type in output and rules.
pub const fn agent_type(kind: AgentType) -> &'static str {
    match kind {
        AgentType::Browser => "browser",
        AgentType::App => "app",
        AgentType::Script => "script",
        AgentType::Scanner => "scanner",
        AgentType::Headless => "headless",
        AgentType::Crawler => "crawler",
        AgentType::AiCrawler => "ai-crawler",
        AgentType::Feed => "feed",
        AgentType::Preview => "preview",
        AgentType::Monitoring => "monitoring",
        AgentType::Unknown => "unknown",
    }
}

/// The client's address, when the text of a field is one.
pub fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::with_event;

    #[test]
    fn names_of_all_taxonomies_in_any_case() {
        for (name, field) in [
            ("CS-Method", Field::Method),
            ("cs-uri-query", Field::QueryOrTarget),
            ("url.query", Field::Query),
            ("c-useragent", Field::Agent),
            ("cs(Accept)", Field::Header("accept".into())),
            (
                "http.request.headers.accept_language",
                Field::Header("accept-language".into()),
            ),
            ("cs-cookie", Field::Header("cookie".into())),
            ("s-ip", Field::Named("s-ip".into())),
            ("afw.lists", Field::Lists),
        ] {
            assert_eq!(Field::parse(name), Some(field), "{name}");
        }
        for name in ["Image", "CommandLine", "", "cs()"] {
            assert_eq!(Field::parse(name), None, "{name}");
        }
    }

    #[test]
    fn every_name_is_lower_case_and_stands_once() {
        for (at, (name, _)) in NAMES.iter().enumerate() {
            assert_eq!(*name, name.to_ascii_lowercase());
            assert!(NAMES[..at].iter().all(|(other, _)| other != name), "{name}");
        }
    }

    #[test]
    fn values_of_an_event() {
        let line = "http://u@shop.example:8080/a.b/c.PHP?x=1.y";
        with_event(line, |event| {
            for (name, expected) in [
                ("cs-uri", Some(line)),
                ("cs-uri-stem", Some("/a.b/c.PHP")),
                ("c-uri-extension", Some("PHP")),
                ("url.query", Some("x=1.y")),
                ("cs-host", Some("shop.example")),
                ("sc-status", Some("404")),
                ("cs-method", Some("GET")),
                ("c-ip", Some("192.0.2.1")),
                ("cs-version", Some("HTTP/1.1")),
                ("date", Some("2026-01-31")),
                ("time", Some("23:59:58")),
                ("cs-cookie", None),
                ("event.outcome", Some("failure")),
            ] {
                let field = Field::parse(name).unwrap();
                assert_eq!(
                    value(event, &field).as_deref(),
                    expected.map(str::as_bytes),
                    "{name}"
                );
            }
        });
    }

    #[test]
    fn authorities() {
        for (target, host) in [
            ("/a", None),
            ("*", None),
            ("", None),
            ("h.example:443", Some("h.example")),
            ("[::1]:443", Some("[::1]")),
            ("https://h.example", Some("h.example")),
            ("http://h.example?x@y", Some("h.example")),
            ("http:///x", None),
            ("a:b", None),
        ] {
            assert_eq!(authority(target.as_bytes()), host.map(str::as_bytes), "{target}");
        }
    }

    #[test]
    fn extensions() {
        for (path, expected) in [
            ("/a.php", Some("php")),
            ("/a.b/c", None),
            ("/a.", Some("")),
            ("/", None),
        ] {
            assert_eq!(extension(path.as_bytes()), expected.map(str::as_bytes), "{path}");
        }
    }
}
