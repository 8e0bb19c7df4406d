//! [`named`]: what people call nginx's variables in JSON of their own, and what each means.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::compile::sink::Sink;

/// Names are shorter, in bytes.
pub(super) const LONGEST_NAME: usize = 40;

/// The name in lower case, `-` and `.` as `_`, without a leading `@` or `$`.
pub(super) fn lower<'k>(name: &[u8], key: &'k mut [u8; LONGEST_NAME]) -> Option<&'k [u8]> {
    let name = name
        .strip_prefix(b"@")
        .or_else(|| name.strip_prefix(b"$"))
        .unwrap_or(name);
    let key = key.get_mut(..name.len())?;
    for (to, from) in key.iter_mut().zip(name) {
        *to = match from {
            b'-' | b'.' => b'_',
            byte => byte.to_ascii_lowercase(),
        };
    }
    Some(key)
}

const SECOND: u64 = 1_000_000_000;

/// Time in whatever form.
const TIME: Sink = Sink::TimeEpoch(SECOND);

/// Whether a sink tells who asked, what, when, or with what answer.
pub(super) fn is_decisive(sink: &Sink) -> bool {
    let named = matches!(
        sink,
        Sink::Peer | Sink::Header(_) | Sink::UserAgent | Sink::Referrer | Sink::User
    );
    named || sink.is_telling()
}

/// A name, what it means, and its place among [`NAMES`].
pub(super) type Named = (usize, &'static (&'static str, Sink));

/// What a name in lower case means.
pub(super) fn named(key: &[u8]) -> Option<Named> {
    let by_length = BY_LENGTH.get(key.len())?;
    by_length
        .iter()
        .find(|(_, (known, _))| known.as_bytes() == key)
        .copied()
}

/// [`NAMES`] by the length of the name, which tells nearly all apart.
static BY_LENGTH: LazyLock<Vec<Vec<Named>>> = LazyLock::new(|| {
    let names = || NAMES.iter().enumerate();
    let of = |length| names().filter(|(_, (name, _))| name.len() == length).collect();
    (0..LONGEST_NAME).map(of).collect()
});

/// Ends of further names, of what the server made of the path: `document_uri`, `fastcgi_script_name`, `request_filename`.
/// Apache's `filename` (`%f`) is none: it differs from every path.
const MADE_OF_PATH: [&[u8]; 3] = [b"_uri", b"script_name", b"request_filename"];

/// Whether a name that means nothing else ([`named`]) is of a path that the server made of the request.
pub(super) fn is_made_of_path(key: &[u8]) -> bool {
    MADE_OF_PATH.iter().any(|end| key.ends_with(end))
}

// Each has a bit in `Seen`.
const _: () = assert!(NAMES.len() <= 128);

/// What people call nginx's variables.
pub(super) const NAMES: &[(&str, Sink)] = &[
    ("time", TIME),
    ("timestamp", TIME),
    ("time_local", TIME),
    ("time_iso8601", TIME),
    ("date", TIME),
    ("datetime", TIME),
    ("msec", TIME),
    ("ts", TIME),
    ("timelocal", TIME),
    ("time_iso_8601", TIME),
    ("local_time", TIME),
    ("remote_addr", Sink::Peer),
    ("remote_ip", Sink::Peer),
    ("remoteip", Sink::Peer),
    ("client_ip", Sink::Peer),
    ("clientip", Sink::Peer),
    ("client", Sink::Peer),
    ("ip", Sink::Peer),
    ("remote", Sink::Peer),
    ("remote_port", Sink::PeerPort),
    ("remote_user", Sink::User),
    ("user", Sink::User),
    ("request", Sink::Request),
    ("request_line", Sink::Request),
    ("request_method", Sink::Method),
    ("method", Sink::Method),
    ("verb", Sink::Method),
    ("request_uri", Sink::Target),
    ("request_url", Sink::Target),
    ("uri", Sink::Path),
    ("url", Sink::Path),
    ("path", Sink::Path),
    ("request_path", Sink::Path),
    ("args", Sink::Query),
    ("query_string", Sink::Query),
    ("query", Sink::QueryMark),
    ("server_protocol", Sink::Protocol),
    ("protocol", Sink::Protocol),
    ("http_version", Sink::Protocol),
    ("status", Sink::Status),
    ("response_status", Sink::Status),
    ("http_status", Sink::Status),
    ("response", Sink::Status),
    ("code", Sink::Status),
    ("status_code", Sink::Status),
    ("body_bytes_sent", Sink::BodyBytes),
    ("body_bytes", Sink::BodyBytes),
    ("bytes", Sink::BodyBytes),
    ("size", Sink::BodyBytes),
    ("length", Sink::BodyBytes),
    ("bytes_sent", Sink::ResponseBytes),
    ("request_length", Sink::RequestBytes),
    ("request_time", Sink::Duration(SECOND)),
    ("request_duration", Sink::Duration(SECOND)),
    ("generation_time_milli", Sink::Duration(SECOND / 1_000)),
    ("http_referer", Sink::Referrer),
    ("http_referrer", Sink::Referrer),
    ("referer", Sink::Referrer),
    ("referrer", Sink::Referrer),
    ("http_user_agent", Sink::UserAgent),
    ("user_agent", Sink::UserAgent),
    ("useragent", Sink::UserAgent),
    ("agent", Sink::UserAgent),
    ("ua", Sink::UserAgent),
    ("host", Sink::Host),
    ("http_host", Sink::Host),
    ("vhost", Sink::Host),
    ("domain", Sink::Host),
    ("server_name", Sink::ServerName),
    ("server_port", Sink::ServerPort),
    ("scheme", Sink::Scheme),
    ("http_scheme", Sink::Scheme),
    ("ssl_protocol", Sink::TlsVersion),
    ("ssl_cipher", Sink::TlsCipher),
    ("ssl_server_name", Sink::TlsServerName),
    ("ssl_ja3_hash", Sink::Ja3),
    ("ja3", Sink::Ja3),
    ("ja4", Sink::Ja4),
    ("country", Sink::Country),
    ("country_code", Sink::Country),
    ("geoip_country_code", Sink::Country),
    ("request_id", Sink::RequestId),
    (
        "http_x_forwarded_for",
        Sink::Header(Cow::Borrowed("x-forwarded-for")),
    ),
    ("x_forwarded_for", Sink::Header(Cow::Borrowed("x-forwarded-for"))),
    ("xff", Sink::Header(Cow::Borrowed("x-forwarded-for"))),
    (
        "proxy_add_x_forwarded_for",
        Sink::Header(Cow::Borrowed("x-forwarded-for")),
    ),
    ("http_x_real_ip", Sink::Header(Cow::Borrowed("x-real-ip"))),
    (
        "http_cf_connecting_ip",
        Sink::Header(Cow::Borrowed("cf-connecting-ip")),
    ),
    ("upstream_addr", Sink::Extra(Cow::Borrowed("upstream_addr"))),
    ("upstream_status", Sink::Extra(Cow::Borrowed("upstream_status"))),
    (
        "upstream_response_time",
        Sink::Extra(Cow::Borrowed("upstream_response_time")),
    ),
];
