//! [`Record`]: one parsed line, borrowed from the line it was read from.
//!
//! A record says what the log says and nothing more: no client resolution, no enrichment, no verdict. Every
//! text is already unescaped once, by the rules of the server that wrote the line; a text without escapes is
//! borrowed, so an ordinary line allocates nothing. Absent (`-`, missing) is `None`; sent but empty is
//! `Some(b"")`.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::columns::csv::Row;
use crate::format::Format;
use crate::time::Time;

/// Text of a log line: bytes, not necessarily UTF-8.
pub type Bytes<'a> = Cow<'a, [u8]>;

/// What instant of the request [`Record::time`] stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Moment {
    /// When the line was written, after the answer (nginx, Caddy).
    #[default]
    End,
    /// When the request arrived (Apache `%t`, Cloudflare `EdgeStartTimestamp`).
    Start,
}

/// A server whose formats are compiled from its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Server {
    /// nginx and its kin: `log_format`.
    Nginx,
    /// Apache httpd and its kin: `LogFormat`.
    Apache,
}

impl Server {
    /// Its name, as it begins the names of its presets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "apache",
        }
    }

    /// The preset that stands for what it writes when nothing else is told.
    pub(crate) fn combined(self) -> Format {
        match self {
            Self::Nginx => Format::NginxCombined,
            Self::Apache => Format::ApacheCombined,
        }
    }
}

/// One parsed access-log line.
///
/// The first block is filled by nearly every format and is what the hot path reads; [`Record::more`] holds what
/// few formats log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record<'a> {
    /// The line as it stands in the log, without its line end and without any wrapper (syslog, Docker); owned only
    /// where the wrapper had it escaped.
    pub line: Bytes<'a>,
    /// The preset that accepted the line; `None` for a compiled format and for a line of no preset.
    pub format: Option<Format>,
    /// Whose configuration the compiled format is from that accepted the line.
    pub server: Option<Server>,
    /// Instant of the request, UTC.
    pub time: Option<Time>,
    /// The TCP peer (or what the server already put in its place), as an address; mapped IPv6 is unmapped.
    pub peer: Option<IpAddr>,
    /// The peer as logged: a host name or `unix:` when it is no address.
    pub peer_text: &'a [u8],
    /// Authenticated user, client-controlled text.
    pub user: Option<Bytes<'a>>,
    /// Request method, case kept.
    pub method: Option<Bytes<'a>>,
    /// Request target exactly as the client sent it: path with query, absolute form, authority form or `*`.
    pub target: Option<Bytes<'a>>,
    /// Protocol as a bare version: `1.1`, `2.0`, `3.0`, `0.9`.
    pub http_version: Option<&'a [u8]>,
    /// The whole request line when it cannot be split in method, target and protocol (binary junk, TLS bytes).
    pub malformed_request: Option<Bytes<'a>>,
    /// Final status; `None` for `-`, `0`, `000` and `009`.
    pub status: Option<u16>,
    /// Response body bytes, when the log has the body size.
    pub body_bytes: Option<u64>,
    /// `Referer` header.
    pub referrer: Option<Bytes<'a>>,
    /// `User-Agent` header.
    pub user_agent: Option<Bytes<'a>>,
    /// The line has a place for the `User-Agent` header, be it empty: without one, its absence tells nothing.
    pub has_agent_place: bool,
    /// `Host` header or virtual host, port removed.
    pub host: Option<Bytes<'a>>,
    /// The rarely logged rest.
    pub more: More<'a>,
}

/// What few formats log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct More<'a> {
    /// Whether anything below but the moment was set since the last [`Record::clear`].
    pub used: bool,
    /// What [`Record::time`] stands for.
    pub moment: Moment,
    /// Whether the line could have told the time's zone and did not, so that it was read as UTC.
    pub zoneless: bool,
    /// Duration of the request in nanoseconds.
    pub duration_ns: Option<u64>,
    /// The client as the server or edge itself resolved it (Caddy `client_ip`, Cloudflare `ClientIP`).
    pub client: Option<IpAddr>,
    /// The peer's port.
    pub peer_port: Option<u16>,
    /// The port the request came to.
    pub server_port: Option<u16>,
    /// `http` or `https`.
    pub scheme: Option<Bytes<'a>>,
    /// All response bytes including headers.
    pub response_bytes: Option<u64>,
    /// Request line, headers and body, in bytes.
    pub request_bytes: Option<u64>,
    /// TLS protocol version as `1.2`, `1.3`.
    pub tls_version: Option<Bytes<'a>>,
    /// TLS cipher name.
    pub tls_cipher: Option<Bytes<'a>>,
    /// Server name indication.
    pub tls_server_name: Option<Bytes<'a>>,
    /// JA3 hash of the client hello.
    pub ja3: Option<Bytes<'a>>,
    /// JA4 fingerprint of the client hello.
    pub ja4: Option<Bytes<'a>>,
    /// ISO 3166 country of the client as the log says, upper case.
    pub country: Option<[u8; 2]>,
    /// Autonomous system number of the client as the log says.
    pub asn: Option<u32>,
    /// Request id (`$request_id`, `RayID`, trace id).
    pub request_id: Option<Bytes<'a>>,
    /// What the edge or firewall did (`block`, `challenge`, ...), lower case.
    pub action: Option<Bytes<'a>>,
    /// True for a request that an edge made itself on behalf of another (Cloudflare worker sub-request).
    pub subrequest: bool,
    /// True for a further event of a request that another line tells: of the events that Cloudflare's firewall logs of
    /// one request, all but that with `MatchIndex` 0.
    pub repeats: bool,
    /// Request headers logged beside `Referer`, `User-Agent` and `Host`.
    pub headers: Vec<(Header<'a>, Bytes<'a>)>,
    /// Of a line of Logpush as CSV: where [`crate::cloudflare::fields_of`] finds the names of its columns.
    pub row: Option<Row>,
    /// Names of request headers that were sent, but may be something else than what is read: they name no client.
    pub unclear: Vec<Header<'a>>,
    /// Further named values, under the name the format gives them (`upstream_addr`, `ssl_protocol`).
    pub extra: Vec<(Cow<'a, str>, Bytes<'a>)>,
}

/// Name of a logged request header, lower case.
pub type Header<'a> = Cow<'a, str>;

impl<'a> Record<'a> {
    /// Empties the record so that its allocations serve the next line.
    #[inline(always)]
    pub fn clear(&mut self) {
        self.line = Cow::Borrowed(&[]);
        self.format = None;
        self.server = None;
        self.time = None;
        self.peer = None;
        self.peer_text = &[];
        self.user = None;
        self.method = None;
        self.target = None;
        self.http_version = None;
        self.malformed_request = None;
        self.status = None;
        self.body_bytes = None;
        self.referrer = None;
        self.user_agent = None;
        self.has_agent_place = false;
        self.host = None;
        self.more.moment = Moment::default();
        if self.more.used {
            self.clear_more();
        }
    }

    /// Empties the record for another try at a line.
    #[inline(always)]
    pub(crate) fn restart(&mut self, line: &'a [u8]) {
        self.clear();
        self.line = Cow::Borrowed(line);
    }

    #[cold]
    fn clear_more(&mut self) {
        let mut more = std::mem::take(&mut self.more);
        more.headers.clear();
        more.extra.clear();
        more.unclear.clear();
        self.more.headers = more.headers;
        self.more.extra = more.extra;
        self.more.unclear = more.unclear;
    }

    /// Whether the line would tell a `User-Agent` header had one been sent.
    pub fn tells_agent(&self) -> bool {
        self.has_agent_place || self.user_agent.is_some()
    }

    /// Puts the `User-Agent` header of a format that has a place for it.
    #[inline]
    pub(crate) fn put_agent(&mut self, agent: Option<Bytes<'a>>) {
        self.user_agent = agent;
        self.has_agent_place = true;
    }

    /// Takes back who asked whom, where that cannot be told from what a client wrote.
    #[cold]
    pub(crate) fn forget_names(&mut self) {
        self.forget_peer();
        (self.host, self.user) = (None, None);
        if self.more.used {
            self.more_mut().headers.clear();
        }
    }

    /// Leaves nobody to be the peer.
    #[cold]
    pub(crate) fn forget_peer(&mut self) {
        (self.peer, self.peer_text) = (None, &[]);
        if self.more.used {
            self.more_mut().peer_port = None;
        }
    }

    /// Takes over what was read from a copy of the line. What points into `outer` afterwards is found there again:
    /// addresses and versions hold nothing that a wrapper escapes.
    pub(crate) fn adopt(&mut self, read: Record<'_>, outer: &'a [u8]) {
        fn own<'a>(bytes: Option<Bytes<'_>>) -> Option<Bytes<'a>> {
            bytes.map(|bytes| Cow::Owned(bytes.into_owned()))
        }
        let found = |text: &[u8]| {
            let at = memchr::memmem::find(outer, text)?;
            outer.get(at..at + text.len())
        };
        let more = read.more;
        *self = Self {
            line: Cow::Owned(read.line.into_owned()),
            format: read.format,
            server: read.server,
            time: read.time,
            peer: read.peer,
            peer_text: found(read.peer_text).unwrap_or_default(),
            user: own(read.user),
            method: own(read.method),
            target: own(read.target),
            http_version: read.http_version.and_then(found),
            malformed_request: own(read.malformed_request),
            status: read.status,
            body_bytes: read.body_bytes,
            referrer: own(read.referrer),
            user_agent: own(read.user_agent),
            has_agent_place: read.has_agent_place,
            host: own(read.host),
            more: More {
                used: more.used,
                moment: more.moment,
                zoneless: more.zoneless,
                duration_ns: more.duration_ns,
                client: more.client,
                peer_port: more.peer_port,
                server_port: more.server_port,
                scheme: own(more.scheme),
                response_bytes: more.response_bytes,
                request_bytes: more.request_bytes,
                tls_version: own(more.tls_version),
                tls_cipher: own(more.tls_cipher),
                tls_server_name: own(more.tls_server_name),
                ja3: own(more.ja3),
                ja4: own(more.ja4),
                country: more.country,
                asn: more.asn,
                request_id: own(more.request_id),
                action: own(more.action),
                subrequest: more.subrequest,
                repeats: more.repeats,
                headers: named(more.headers),
                row: more.row,
                unclear: more.unclear.into_iter().map(owned).collect(),
                extra: named(more.extra),
            },
        };
    }

    /// The rare part, marked as used.
    pub fn more_mut(&mut self) -> &mut More<'a> {
        self.more.used = true;
        &mut self.more
    }

    /// Value of a logged request header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.more
            .headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_ref())
    }

    /// Marks a header that was sent, but cannot be told from what stands beside it.
    #[cold]
    pub(crate) fn put_unclear(&mut self, name: Header<'a>) {
        let more = self.more_mut();
        if !more.unclear.contains(&name) {
            more.unclear.push(name);
        }
    }

    /// Takes a header for one that names nobody.
    #[cold]
    pub(crate) fn doubt_header(&mut self, name: Header<'a>) {
        self.more_mut().headers.retain(|(header, _)| *header != name);
        self.put_unclear(name);
    }

    /// Whether a header was sent that may be something else than what is read.
    pub fn is_unclear(&self, name: &str) -> bool {
        self.more
            .unclear
            .iter()
            .any(|unclear| unclear.eq_ignore_ascii_case(name))
    }

    /// The target's path: what stands before the first `?`, and after the authority of an absolute form.
    pub fn path(&self) -> Option<&[u8]> {
        let target = strip_authority(self.target.as_deref()?);
        Some(memchr::memchr(b'?', target).map_or(target, |at| &target[..at]))
    }

    /// The target's query without `?`.
    pub fn query(&self) -> Option<&[u8]> {
        let target = self.target.as_deref()?;
        memchr::memchr(b'?', target).map(|at| &target[at + 1..])
    }
}

fn owned<'a>(name: Header<'_>) -> Header<'a> {
    Cow::Owned(name.into_owned())
}

fn named<'a>(values: Vec<(Cow<'_, str>, Bytes<'_>)>) -> Vec<(Cow<'a, str>, Bytes<'a>)> {
    values
        .into_iter()
        .map(|(name, value)| (owned(name), Cow::Owned(value.into_owned())))
        .collect()
}

/// `http://host/path` → `/path`; any other target is returned as it is.
fn strip_authority(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let Some(at) = memchr::memmem::find(target, b"://") else {
        return target;
    };
    if at > 8 || !target[..at].iter().all(u8::is_ascii_alphabetic) {
        return target;
    }
    let rest = &target[at + 3..];
    memchr::memchr2(b'/', b'?', rest).map_or(b"/", |slash| &rest[slash..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_target(target: &str) -> Record<'_> {
        Record {
            target: Some(Cow::Borrowed(target.as_bytes())),
            ..Record::default()
        }
    }

    #[test]
    fn path_and_query_of_every_target_form() {
        for (target, path, query) in [
            ("/a?b=c?d", "/a", Some("b=c?d")),
            ("/", "/", None),
            ("http://h.example/x?y", "/x", Some("y")),
            ("http://h.example", "/", None),
            ("http://h.example?y", "", Some("y")),
            ("/r?u=http://h/x", "/r", Some("u=http://h/x")),
            ("h.example:443", "h.example:443", None),
            ("*", "*", None),
        ] {
            let record = with_target(target);
            assert_eq!(record.path(), Some(path.as_bytes()), "{target}");
            assert_eq!(record.query(), query.map(str::as_bytes), "{target}");
        }
    }

    #[test]
    fn clearing_forgets_everything_but_capacity() {
        let mut record = with_target("/a");
        record.more_mut().headers.push(("x".into(), Cow::Borrowed(b"y")));
        record.clear();
        assert_eq!(record, Record::default());
        assert!(record.more.headers.capacity() > 0);
    }
}
