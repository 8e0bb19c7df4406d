//! `log_format`: nginx's variables and where each goes.

use std::borrow::Cow;

use crate::compile::sink::Sink;
use crate::compile::{FormatError, Part, has, nearest, promote};

/// Which names are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Only nginx's own: a person typed the format, and a slip should be told.
    Known,
    /// Any: nginx itself accepted the configuration, so `map` or a module defines them.
    Any,
}

/// The parts of a format. Variables are `$name` and `${name}`.
pub(crate) fn parts(format: &str, names: Names) -> Result<Vec<Part>, FormatError> {
    let mut parts = Vec::new();
    let mut rest = format;
    while let Some(dollar) = rest.find('$') {
        let (literal, variable) = rest.split_at(dollar);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.as_bytes().to_vec()));
        }
        let at = format.len() - variable.len();
        let (name, after) = name(variable.get(1..).unwrap_or_default(), at)?;
        parts.push(Part::Value {
            sink: variable_sink(name, at, names)?,
            at,
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.as_bytes().to_vec()));
    }
    settle(&mut parts);
    Ok(parts)
}

/// The name behind `$`, and what follows it.
fn name(text: &str, at: usize) -> Result<(&str, &str), FormatError> {
    if let Some(inside) = text.strip_prefix('{') {
        let Some((name, after)) = inside.split_once('}') else {
            return Err(FormatError::new("no \"}\" closes this variable", at));
        };
        let bad = name.find(|c: char| !is_name(c));
        return match bad {
            None if !name.is_empty() => Ok((name, after)),
            _ => Err(FormatError::new(
                "no variable has this name",
                at + 2 + bad.unwrap_or_default(),
            )),
        };
    }
    let end = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    match text.split_at(end) {
        ("", _) => Err(FormatError::new("a \"$\" without a variable's name", at)
            .hint("nginx knows no way to write a plain \"$\"; in a shell, put the format in single quotes")),
        split => Ok(split),
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Without `$remote_addr` the peer is what realip or the proxy protocol kept of it. `$uri` is decoded and
/// rewritten; where the raw request is logged too it is only kept.
fn settle(parts: &mut [Part]) {
    promote(
        parts,
        &["realip_remote_addr", "the_real_ip", "proxy_protocol_addr"],
    );
    if !has(parts, &Sink::Request) && !has(parts, &Sink::Target) {
        return;
    }
    for part in parts {
        match part {
            Part::Value {
                sink: sink @ Sink::Path,
                ..
            } => *sink = Sink::Extra(Cow::Borrowed("uri")),
            Part::Value {
                sink: sink @ (Sink::Query | Sink::IsArgs),
                ..
            } => *sink = Sink::Skip,
            _ => {}
        }
    }
}

fn variable_sink(name: &str, at: usize, names: Names) -> Result<Sink, FormatError> {
    if let Some((_, sink)) = named(name).or_else(|| prefixed(name)) {
        return Ok(sink);
    }
    if names == Names::Any {
        return Ok(Sink::Extra(Cow::Owned(name.to_owned())));
    }
    let error = FormatError::new(format!("nginx has no variable ${name}"), at);
    Err(
        match nearest(
            name,
            SINKS.iter().map(|(known, _)| *known).chain(PLAIN.iter().copied()),
        ) {
            Some(known) => error.hint(format!("${known} is meant?")),
            None => error.hint(
                "variables of your own (map, set) are known when the format is read with --format-from",
            ),
        },
    )
}

fn named(name: &str) -> Option<(&'static str, Sink)> {
    if let Some((known, sink)) = SINKS.iter().find(|(known, _)| *known == name) {
        return Some((known, sink.clone()));
    }
    let plain = PLAIN.iter().find(|known| **known == name)?;
    Some((plain, Sink::Extra(Cow::Borrowed(plain))))
}

/// The open prefixes: headers, cookies, arguments, and what modules define by the dozen.
fn prefixed(name: &str) -> Option<(&'static str, Sink)> {
    const EXTRA: &[&str] = &[
        "sent_http_",
        "sent_trailer_",
        "upstream_",
        "cookie_",
        "arg_",
        "geoip2_",
        "geoip_",
        "ssl_",
        "proxy_",
        "tcpinfo_",
        "jwt_",
        "otel_",
        "opentracing_",
        "modsecurity_",
        "secure_",
        "stub_",
        "connections_",
    ];
    if let Some(header) = name.strip_prefix("http_").filter(|header| !header.is_empty()) {
        return Some(("http_", Sink::Header(header_name(&header.replace('_', "-")))));
    }
    if name.starts_with("geoip2_") && (name.ends_with("country_code") || name.ends_with("country_iso_code")) {
        return Some(("geoip2_", Sink::Country));
    }
    if name.starts_with("geoip2_") && (name.ends_with("asn") || name.ends_with("autonomous_system_number")) {
        return Some(("geoip2_", Sink::Asn));
    }
    let prefix = EXTRA
        .iter()
        .find(|prefix| name.len() > prefix.len() && name.starts_with(**prefix))?;
    Some((prefix, Sink::Extra(Cow::Owned(name.to_owned()))))
}

/// A header's lower-case name, borrowed where it is a usual one, so that lines need no memory for it.
pub(crate) fn header_name(name: &str) -> Cow<'static, str> {
    const USUAL: &[&str] = &[
        "x-forwarded-for",
        "x-real-ip",
        "cf-connecting-ip",
        "true-client-ip",
        "x-client-ip",
        "forwarded",
        "x-cluster-client-ip",
        "fastly-client-ip",
        "x-original-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-request-id",
        "cf-ray",
        "cf-ipcountry",
        "cookie",
        "accept",
        "accept-language",
        "accept-encoding",
        "accept-charset",
        "authorization",
        "content-type",
        "content-length",
        "origin",
        "via",
        "range",
        "connection",
        "upgrade",
        "x-requested-with",
        "sec-ch-ua",
        "sec-fetch-site",
        "sec-fetch-mode",
        "sec-fetch-dest",
        "dnt",
        "host",
    ];
    let name = name.to_ascii_lowercase();
    USUAL
        .iter()
        .find(|usual| **usual == name)
        .map_or(Cow::Owned(name), |usual| Cow::Borrowed(usual))
}

const SECOND: u64 = 1_000_000_000;

/// Variables with a place of their own in the record.
static SINKS: &[(&str, Sink)] = &[
    ("remote_addr", Sink::Peer),
    ("remote_port", Sink::PeerPort),
    ("remote_user", Sink::User),
    ("time_local", Sink::TimeClf),
    ("time_iso8601", Sink::TimeIso),
    ("msec", Sink::TimeEpoch(SECOND)),
    ("request_time", Sink::Duration(SECOND)),
    ("status", Sink::Status),
    ("bytes_sent", Sink::ResponseBytes),
    ("body_bytes_sent", Sink::BodyBytes),
    ("request_length", Sink::RequestBytes),
    ("request", Sink::Request),
    ("request_method", Sink::Method),
    ("request_uri", Sink::Target),
    ("uri", Sink::Path),
    ("document_uri", Sink::Path),
    ("is_args", Sink::IsArgs),
    ("args", Sink::Query),
    ("query_string", Sink::Query),
    ("server_protocol", Sink::Protocol),
    ("host", Sink::ValidHost),
    ("http_host", Sink::Host),
    ("server_name", Sink::ServerName),
    ("server_port", Sink::ServerPort),
    ("scheme", Sink::Scheme),
    ("ssl_protocol", Sink::TlsVersion),
    ("ssl_cipher", Sink::TlsCipher),
    ("ssl_server_name", Sink::TlsServerName),
    ("http_ssl_ja3", Sink::Extra(Cow::Borrowed("ssl_ja3"))),
    ("http_ssl_ja3_hash", Sink::Ja3),
    ("ssl_ja3_hash", Sink::Ja3),
    ("ssl_ja4", Sink::Ja4),
    ("http_ssl_ja4", Sink::Ja4),
    ("geoip_country_code", Sink::Country),
    ("geoip2_data_country_code", Sink::Country),
    ("request_id", Sink::RequestId),
    ("req_id", Sink::RequestId),
    ("http_referer", Sink::Referrer),
    ("http_user_agent", Sink::UserAgent),
    (
        "proxy_add_x_forwarded_for",
        Sink::Header(Cow::Borrowed("x-forwarded-for")),
    ),
    ("binary_remote_addr", Sink::Skip),
    ("pipe", Sink::Pipe),
    ("pid", Sink::Skip),
    ("limit_rate", Sink::Skip),
    ("nginx_version", Sink::Skip),
];

/// Variables that are kept under their own name.
static PLAIN: &[&str] = &[
    "realip_remote_addr",
    "realip_remote_port",
    "proxy_protocol_addr",
    "proxy_protocol_port",
    "proxy_protocol_server_addr",
    "proxy_protocol_server_port",
    "server_addr",
    "hostname",
    "https",
    "request_body",
    "request_body_file",
    "request_completion",
    "request_filename",
    "document_root",
    "realpath_root",
    "connection",
    "connection_requests",
    "connection_time",
    "content_length",
    "content_type",
    "http2",
    "http3",
    "gzip_ratio",
    "date_local",
    "date_gmt",
    "invalid_referer",
    "memcached_key",
    "proxy_host",
    "proxy_port",
    "ssl_ciphers",
    "ssl_client_verify",
    "ssl_curve",
    "ssl_curves",
    "ssl_early_data",
    "ssl_session_id",
    "ssl_session_reused",
    "ssl_sigalg",
    "ssl_sigalgs",
    "ssl_alpn_protocol",
    "ssl_ech_status",
    "upstream_addr",
    "upstream_status",
    "upstream_response_time",
    "upstream_response_length",
    "upstream_cache_status",
    "upstream_connect_time",
    "upstream_header_time",
    "upstream_bytes_received",
    "upstream_bytes_sent",
    "uid_got",
    "uid_set",
    "uid_reset",
    "modern_browser",
    "ancient_browser",
    "msie",
    "slice_range",
    "userid",
    "namespace",
    "ingress_name",
    "service_name",
    "service_port",
    "location_path",
    "proxy_upstream_name",
    "proxy_alternative_upstream_name",
    "the_real_ip",
    "brotli_ratio",
    "zstd_ratio",
    "limit_req_status",
    "limit_conn_status",
    "tls1_ja3",
    "secure_link",
    "session_log_id",
    "the_x_forwarded_for",
    "request_scheme",
];
