//! [`Sink`]: where a value of a compiled format goes in the record, what it may look like, and how it is read.

use std::borrow::Cow;

use crate::address;
use crate::clf::head::split_port;
use crate::compile::pair::Pair;
use crate::compile::strftime::{Clock, Item};
use crate::leaf;
use crate::memo::{self, TimeMemo};
use crate::record::{Bytes, Record};
use crate::reject::Reason;
use crate::request;
use crate::time::Time;
use crate::unescape::Escape;

/// Name of a header or further value.
pub(crate) type Name = Cow<'static, str>;

/// Where a value goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sink {
    /// Nowhere.
    Skip,
    /// The peer.
    Peer,
    /// The peer's port.
    PeerPort,
    /// The authenticated user.
    User,
    /// The request line.
    Request,
    /// The method alone.
    Method,
    /// The raw target.
    Target,
    /// The path, decoded by the server; used when nothing rawer is logged.
    Path,
    /// The query without `?`.
    Query,
    /// The query with its `?`, or nothing.
    QueryMark,
    /// The protocol (`HTTP/1.1`).
    Protocol,
    /// The status.
    Status,
    /// Bytes of the body.
    BodyBytes,
    /// Bytes of the response with its head.
    ResponseBytes,
    /// Bytes of the request.
    RequestBytes,
    /// Duration in this many nanoseconds per unit.
    Duration(u64),
    /// `10/Oct/2000:13:55:36 -0700`.
    TimeClf,
    /// ISO 8601.
    TimeIso,
    /// Unix time in this many nanoseconds per unit, perhaps with a fraction.
    TimeEpoch(u64),
    /// A part of the time by `strftime`.
    TimeParts(Vec<Item>),
    /// `Referer`.
    Referrer,
    /// `User-Agent`.
    UserAgent,
    /// Host, perhaps with a port.
    Host,
    /// nginx's `$host`: a host with a space it takes for none.
    ValidHost,
    /// The server's own name; the host when no other is logged.
    ServerName,
    /// The server's port.
    ServerPort,
    /// `http` or `https`.
    Scheme,
    /// TLS version (`TLSv1.3`).
    TlsVersion,
    /// TLS cipher.
    TlsCipher,
    /// Server name indication.
    TlsServerName,
    /// JA3 hash.
    Ja3,
    /// JA4 fingerprint.
    Ja4,
    /// Country code.
    Country,
    /// Autonomous system number.
    Asn,
    /// Request id.
    RequestId,
    /// Apache's `%l`: `-` on all servers but those that ask the client's own machine who it is.
    Ident,
    /// `$is_args`: the `?` before a query, or nothing.
    IsArgs,
    /// `$pipe`: one byte.
    Pipe,
    /// Another moment than the one that the record's time stands for: it must be a time, and is not kept.
    OtherTime(Vec<Item>),
    /// Two values side by side, of which the second tells where it begins.
    Pair(Box<Pair>),
    /// Another request header.
    Header(Name),
    /// Any other value.
    Extra(Name),
}

/// What a value of a sink may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Digits, sign and point: a space or a bracket ends it, any letter too.
    Number,
    /// One word without spaces.
    Word,
    /// Anything, spaces included; the client may have chosen it.
    Text,
}

/// How the values of a line are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// The escaping to undo.
    pub undo: Escape,
    /// Whether an empty header was absent: `escape=json` and `none` print nothing for one.
    pub empty_is_absent: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            undo: Escape::None,
            empty_is_absent: false,
        }
    }
}

/// What only the whole line gives: parts of the time and of the target.
#[derive(Debug, Default)]
pub(crate) struct Pieces<'a> {
    clock: Option<Clock>,
    path: Option<Bytes<'a>>,
    query: Option<Bytes<'a>>,
    server_name: Option<Bytes<'a>>,
}

impl Sink {
    /// What a value may contain.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::PeerPort
            | Self::Status
            | Self::BodyBytes
            | Self::ResponseBytes
            | Self::RequestBytes
            | Self::Duration(_)
            | Self::TimeEpoch(_)
            | Self::ServerPort => Kind::Number,
            Self::Peer
            | Self::Method
            | Self::Protocol
            | Self::TimeIso
            | Self::ServerName
            | Self::ValidHost
            | Self::Scheme
            | Self::TlsVersion
            | Self::TlsCipher
            | Self::TlsServerName
            | Self::Ja3
            | Self::Ja4
            | Self::Country
            | Self::Asn
            | Self::Ident
            | Self::IsArgs
            | Self::Pipe
            | Self::RequestId => Kind::Word,
            Self::Pair(pair) => pair.kind(),
            Self::Skip
            | Self::User
            | Self::Request
            | Self::Target
            | Self::Path
            | Self::Query
            | Self::QueryMark
            | Self::TimeClf
            | Self::TimeParts(_)
            | Self::OtherTime(_)
            | Self::Referrer
            | Self::UserAgent
            | Self::Host
            | Self::Header(_)
            | Self::Extra(_) => Kind::Text,
        }
    }

    /// Whether the value tells what was asked, what came of it, or when.
    pub(crate) fn is_telling(&self) -> bool {
        let is_path = matches!(self, Self::Path | Self::Query | Self::QueryMark | Self::Pair(_));
        self.is_time()
            || is_path
            || matches!(self, Self::Request | Self::Method | Self::Target | Self::Status)
    }

    /// Whether the value tells when.
    pub(crate) fn is_time(&self) -> bool {
        matches!(
            self,
            Self::TimeClf | Self::TimeIso | Self::TimeEpoch(_) | Self::TimeParts(_)
        )
    }

    /// Whether an unescaped value is what this sink takes; the cheap half of [`Sink::fill`].
    pub(crate) fn check(&self, value: &[u8], memo: &mut TimeMemo) -> Result<(), Reason> {
        let mut record = Record::default();
        match self {
            Self::Peer
            | Self::PeerPort
            | Self::ValidHost
            | Self::Status
            | Self::TimeClf
            | Self::TimeIso
            | Self::TimeEpoch(_) => self.fill(
                value,
                Dialect::default(),
                &mut record,
                &mut Pieces::default(),
                memo,
            ),
            Self::Pair(pair) => pair.check(value, memo),
            Self::TimeParts(items) | Self::OtherTime(items) => {
                match items.is_empty() || Clock::default().read(items, value).is_some() {
                    true => Ok(()),
                    false => Err(Reason::Time),
                }
            }
            _ if self.kind() == Kind::Number => number(value).map(|_| ()),
            _ if self.kind() == Kind::Word && value.contains(&b' ') => Err(Reason::Literal),
            _ => Ok(()),
        }
    }

    /// Puts a value into the record. `-` and nothing mean that there is none; only the referer and the user agent
    /// tell an empty header from an absent one, where the server does.
    #[inline]
    pub(crate) fn fill<'a>(
        &self,
        value: &'a [u8],
        dialect: Dialect,
        record: &mut Record<'a>,
        pieces: &mut Pieces<'a>,
        memo: &mut TimeMemo,
    ) -> Result<(), Reason> {
        match self {
            Self::Peer => return fill_peer(value, record),
            // `$msec` is finer, wherever it stands.
            Self::TimeClf => {
                let time = memo.clf(value).ok_or(Reason::Time)?;
                record.time.get_or_insert(time);
            }
            Self::Request => request::fill(value, dialect.undo, record),
            Self::Status => record.status = status(value)?,
            Self::BodyBytes => record.body_bytes = number(value)?,
            Self::Referrer => record.referrer = header(value, dialect),
            Self::UserAgent => record.put_agent(header(value, dialect)),
            Self::TimeIso => {
                let time = memo.iso(value).ok_or(Reason::Time)?;
                record.time.get_or_insert(time);
            }
            Self::TimeEpoch(unit) => record.time = Some(epoch(value, *unit).ok_or(Reason::Time)?),
            _ if matches!(value, b"-" | b"") => {}
            Self::Pair(pair) => return pair.fill(value, dialect, record, pieces, memo),
            _ => return self.fill_rare(value, dialect, record, pieces),
        }
        Ok(())
    }

    fn fill_rare<'a>(
        &self,
        value: &'a [u8],
        dialect: Dialect,
        record: &mut Record<'a>,
        pieces: &mut Pieces<'a>,
    ) -> Result<(), Reason> {
        let text = || dialect.undo.undo(value);
        match self {
            Self::User => {
                record.user = Some(if value == b"\"\"" {
                    Cow::Borrowed(b"")
                } else {
                    text()
                })
            }
            Self::Method => record.method = Some(text()),
            Self::Target => record.target = Some(text()),
            // A space is of the target before it, which Apache's `%U` decodes.
            Self::Protocol if value.contains(&b' ') => return Err(Reason::Literal),
            Self::Protocol => record.http_version = request::version(value),
            Self::ValidHost if value.contains(&b' ') => return Err(Reason::Literal),
            Self::Host | Self::ValidHost => fill_host(value, dialect.undo, record),
            Self::Path => pieces.path = Some(text()),
            Self::Query => pieces.query = Some(text()),
            Self::QueryMark => {
                pieces.query = Some(dialect.undo.undo(value.strip_prefix(b"?").unwrap_or(value)))
            }
            Self::ServerName => pieces.server_name = Some(text()),
            Self::TimeParts(items) => {
                let read = pieces.clock.get_or_insert_default().read(items, value);
                return read.ok_or(Reason::Time);
            }
            _ => return self.fill_more(value, text(), record),
        }
        Ok(())
    }

    fn fill_more<'a>(&self, value: &'a [u8], text: Bytes<'a>, record: &mut Record<'a>) -> Result<(), Reason> {
        let more = record.more_mut();
        match self {
            Self::PeerPort => more.peer_port = port(value)?,
            Self::ServerPort => more.server_port = port(value)?,
            Self::ResponseBytes => more.response_bytes = number(value)?,
            Self::RequestBytes => more.request_bytes = number(value)?,
            Self::Duration(unit) => more.duration_ns = duration(value, *unit)?,
            Self::Scheme => more.scheme = Some(text),
            Self::TlsVersion => more.tls_version = Some(tls_version(value, text)),
            Self::TlsCipher => more.tls_cipher = Some(text),
            Self::TlsServerName => more.tls_server_name = Some(text),
            Self::Ja3 => more.ja3 = Some(text),
            Self::Ja4 => more.ja4 = Some(text),
            Self::RequestId => more.request_id = Some(text),
            Self::Country => {
                if let [a, b] = value.to_ascii_uppercase()[..] {
                    more.country = Some([a, b]);
                }
            }
            Self::Asn => {
                let digits = value.strip_prefix(b"AS").unwrap_or(value);
                more.asn = memo::decimal(digits).and_then(|asn| u32::try_from(asn).ok());
            }
            Self::Ident => more.extra.push((Cow::Borrowed("ident"), text)),
            Self::Header(name) => more.headers.push((name.clone(), text)),
            Self::Extra(name) => more.extra.push((name.clone(), text)),
            _ => {}
        }
        Ok(())
    }
}

impl<'a> Pieces<'a> {
    /// Leaves the query out.
    #[cold]
    pub(crate) fn forget_query(&mut self) {
        self.query = None;
    }

    /// Puts together what the pieces make, where nothing better was logged whole.
    #[inline]
    pub(crate) fn finish(self, record: &mut Record<'a>) -> Result<(), Reason> {
        if let Some(clock) = self.clock {
            record.time = Some(match record.time {
                None => {
                    if clock.is_zoneless() {
                        record.more_mut().zoneless = true;
                    }
                    clock.time()?
                }
                Some(time) => clock.refine(time),
            });
        }
        if record.target.is_none()
            && let Some(path) = self.path
        {
            record.target = Some(match self.query {
                None => path,
                Some(query) => Cow::Owned([&path[..], b"?", &query[..]].concat()),
            });
        }
        if record.host.is_none() && self.server_name.as_deref().is_some_and(|name| name != b"_") {
            record.host = self.server_name;
        }
        Ok(())
    }
}

fn fill_peer<'a>(value: &'a [u8], record: &mut Record<'a>) -> Result<(), Reason> {
    record.peer_text = value;
    match address::peer(value) {
        Some(peer) => {
            record.peer = Some(peer.ip);
            if peer.port.is_some() {
                record.more_mut().peer_port = peer.port;
            }
            Ok(())
        }
        None if matches!(value, b"-" | b"") || address::is_host_name(value) => Ok(()),
        None => Err(Reason::Address),
    }
}

fn fill_host<'a>(value: &'a [u8], dialect: Escape, record: &mut Record<'a>) {
    let (host, port) = split_port(value);
    record.host = Some(dialect.undo(host));
    if port.is_some() {
        record.more_mut().server_port = port;
    }
}

fn header(value: &[u8], dialect: Dialect) -> Option<Bytes<'_>> {
    let absent = value == b"-" || (value.is_empty() && dialect.empty_is_absent);
    (!absent).then(|| dialect.undo.undo(value))
}

fn status(value: &[u8]) -> Result<Option<u16>, Reason> {
    match leaf::status(value) {
        Ok(([], status)) => Ok(status),
        _ if value.is_empty() => Ok(None),
        _ => Err(Reason::Status),
    }
}

fn number(value: &[u8]) -> Result<Option<u64>, Reason> {
    if matches!(value, b"-" | b"") {
        return Ok(None);
    }
    match memo::decimal(value) {
        Some(number) => Ok(Some(number)),
        None => leaf::nanos_of_seconds(value).map(|_| None).ok_or(Reason::Number),
    }
}

fn port(value: &[u8]) -> Result<Option<u16>, Reason> {
    Ok(number(value)?.and_then(|port| u16::try_from(port).ok()))
}

/// A number of units, perhaps with a fraction, in nanoseconds.
fn duration(value: &[u8], unit: u64) -> Result<Option<u64>, Reason> {
    let nanos_of_unit = leaf::nanos_of_seconds(value).ok_or(Reason::Number)?;
    let nanos = u128::from(nanos_of_unit) * u128::from(unit) / 1_000_000_000;
    Ok(u64::try_from(nanos).ok())
}

fn epoch(value: &[u8], unit: u64) -> Option<Time> {
    let nanos = duration(value, unit).ok()??;
    i64::try_from(nanos).ok().map(Time::from_nanos)
}

/// `TLSv1.3` → `1.3`, `SSLv3` stays.
fn tls_version<'a>(value: &'a [u8], text: Bytes<'a>) -> Bytes<'a> {
    match value.strip_prefix(b"TLSv") {
        Some(b"1") => Cow::Borrowed(b"1.0"),
        Some(version) => Cow::Borrowed(version),
        None => text,
    }
}
