//! JSON access lines that an administrator composed by hand in nginx's `log_format`.
//!
//! Such lines are often not quite JSON: numbers of an absent upstream leave `"ut":,` or `"ut":-`, several upstreams
//! leave `0.1, 0.2`, default escaping leaves `\xHH`, and `escape=json` copies bytes that are no UTF-8. So the object
//! is scanned, not parsed: names in quotes, values up to the comma that the next name follows. Only the top level
//! is looked at, and only under the names people give nginx's variables.
//!
//! `remote_addr` is the peer whatever else is logged: other names often hold a header, which the client writes. With
//! `escape=none` a client can write whole members, and end the object; such a line is read in [`unclear`].

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::compile::sink::{Dialect, Pieces, Sink};
use crate::leaf;
use crate::memo::{self, TimeMemo};
use crate::parser::Line;
use crate::record::Record;
use crate::reject::{Reason, Reject};
use crate::time::Time;
use crate::unescape::Escape;

mod unclear;

/// Reads one line. A line without client, request, status and time is some other JSON.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Line, Reject> {
    let mut scan = Scan::new(line, false)?;
    match attempt(line, &mut scan, record, times) {
        Ok(Doubled(false)) if !scan.broken => Ok(Line::Record),
        Err(refused) if !scan.broken => Err(refused),
        _ => unclear::parse(line, scan.broken, record, times),
    }
}

/// Whether a name that tells who asked, what, when and with what answer, stands in the line twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Doubled(bool);

fn attempt<'a>(
    line: &'a [u8],
    scan: &mut Scan<'a>,
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Doubled, Reject> {
    let mut seen = Seen::default();
    while let Some((name, value)) = scan.next() {
        let at = line.len() - scan.rest.len();
        fill(name, value, record, &mut seen, times).map_err(|reason| Reject::new(reason, at))?;
    }
    if seen.path.is_some() && seen.is_rewritten() {
        // The query of what the server made of the request.
        seen.pieces.forget_query();
    }
    seen.pieces
        .finish(record)
        .map_err(|reason| Reject::new(reason, 0))?;
    let asked = record.target.is_some() || record.malformed_request.is_some() || record.method.is_some();
    let named = !record.peer_text.is_empty() && asked;
    if !named || record.time.is_none() || !scan.status {
        return Err(Reject::new(
            if scan.broken {
                Reason::Json
            } else {
                Reason::JsonShape
            },
            0,
        ));
    }
    Ok(Doubled(seen.doubled))
}

/// What is put together while a line is read.
#[derive(Default)]
struct Seen<'a> {
    pieces: Pieces<'a>,
    /// Whether there was a `remote_addr`.
    remote_addr: bool,
    /// A bit for each of [`NAMES`] that was there.
    names: u128,
    /// Whether one that tells who asked and what was there twice.
    doubled: bool,
    /// The request, if it was a path alone, as the client sent it.
    path: Option<&'a [u8]>,
    /// A path that stood under another name, which the server may have made of it, without its query.
    beside: Option<&'a [u8]>,
    /// Whether there were two of these, and they differ.
    besides_differ: bool,
}

impl<'a> Seen<'a> {
    /// Notes a path under another name than the request's.
    fn put_beside(&mut self, value: &'a [u8]) {
        let path = value.split(|&b| b == b'?').next().unwrap_or_default();
        let first = *self.beside.get_or_insert(path);
        self.besides_differ |= first != path;
    }

    /// Whether the server asked itself for another path than the client did.
    fn is_rewritten(&self) -> bool {
        self.besides_differ || self.beside.is_some() && self.beside != self.path
    }
}

const DIALECT: Dialect = Dialect {
    undo: Escape::Json,
    empty_is_absent: true,
};

/// The peer: `remote_addr`, else the first other name that holds an address.
fn fill_peer<'a>(
    key: &[u8],
    value: &'a [u8],
    record: &mut Record<'a>,
    seen: &mut Seen<'a>,
    times: &mut TimeMemo,
) -> Result<(), Reason> {
    let named = key == b"remote_addr";
    if !named && (seen.remote_addr || record.peer.is_some()) {
        return Ok(());
    }
    seen.remote_addr |= named;
    record.peer = None;
    let filled = Sink::Peer.fill(value, DIALECT, record, &mut seen.pieces, times);
    match filled {
        Err(_) if named => Err(Reason::JsonShape),
        Err(_) => {
            record.peer_text = b"";
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn fill<'a>(
    name: &'a [u8],
    value: &'a [u8],
    record: &mut Record<'a>,
    seen: &mut Seen<'a>,
    times: &mut TimeMemo,
) -> Result<(), Reason> {
    let mut key = [0; LONGEST_NAME];
    let Some(key) = lower(name, &mut key) else {
        return Ok(());
    };
    let Some((at, (_, sink))) = named(key) else {
        if MADE_OF_PATH.iter().any(|end| key.ends_with(end)) {
            seen.put_beside(value);
        }
        return Ok(());
    };
    seen.doubled |= seen.names >> at & 1 == 1 && is_decisive(sink);
    seen.names |= 1 << at;
    if matches!(sink, Sink::TimeEpoch(_)) {
        record.time = any_time(value, times).map_or(record.time, |time| finer(record.time, time));
        return Ok(());
    }
    // Under other names stands what an upstream or an application answered; nginx's own is never replaced by it.
    if matches!(sink, Sink::Status) && key != b"status" {
        if record.status.is_none() {
            let _ = sink.fill(value, DIALECT, record, &mut seen.pieces, times);
        }
        return Ok(());
    }
    // A method stands before a path; Apache's `%U` is decoded and may hold spaces.
    if key == b"request" && value.starts_with(b"/") && memchr::memmem::find(value, b" HTTP/").is_none() {
        // Beside a path alone stands the query.
        seen.path = Some(value).filter(|path| !path.contains(&b'?'));
        if seen.path.is_none() {
            record.target = Some(Escape::Json.undo(value));
            return Ok(());
        }
        return Sink::Path.fill(value, DIALECT, record, &mut seen.pieces, times);
    }
    if matches!(sink, Sink::Path) {
        seen.put_beside(value);
        if seen.path.is_some() {
            return Ok(());
        }
    }
    // A path that is logged beside the request line is rewritten; the first raw one stays.
    if matches!(sink, Sink::Target) && record.target.is_some() {
        return Ok(());
    }
    if matches!(sink, Sink::Peer) {
        return fill_peer(key, value, record, seen, times);
    }
    match sink.fill(value, DIALECT, record, &mut seen.pieces, times) {
        Err(Reason::Status) => Err(Reason::JsonShape),
        // Other names mean other things elsewhere; what does not fit is not this.
        _ => Ok(()),
    }
}

const LONGEST_NAME: usize = 40;

/// The name in lower case, `-` and `.` as `_`, without a leading `@` or `$`.
fn lower<'k>(name: &[u8], key: &'k mut [u8; LONGEST_NAME]) -> Option<&'k [u8]> {
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

/// A time in any form. A number of so few seconds is a duration that somebody calls `time`.
fn any_time(value: &[u8], times: &mut TimeMemo) -> Option<Time> {
    /// In 1973.
    const EARLIEST_SECS: i64 = 100_000_000;
    // Apache's `%t` brings brackets.
    let value = match value {
        [b'[', inside @ .., b']'] => inside,
        value => value,
    };
    times
        .clf(value)
        .or_else(|| times.iso(value))
        .or_else(|| memo::epoch(value).filter(|time| time.secs() >= EARLIEST_SECS))
}

/// Of two times of one line the later one, but the finer one where both tell the same second.
fn finer(known: Option<Time>, time: Time) -> Option<Time> {
    let same = known.filter(|known| known.secs() == time.secs());
    same.filter(|known| known.nanos() > time.nanos()).or(Some(time))
}

/// A scan over the top level of one object.
struct Scan<'a> {
    rest: &'a [u8],
    /// Whether the text stopped being an object.
    broken: bool,
    /// Whether a status was seen, empty or not.
    status: bool,
    /// Whether a quote ends a string only where the next member or the end of the object follows.
    lenient: bool,
}

impl<'a> Scan<'a> {
    fn new(line: &'a [u8], lenient: bool) -> Result<Self, Reject> {
        let inside = line
            .trim_ascii()
            .strip_prefix(b"{")
            .ok_or(Reject::new(Reason::UnknownFormat, 0))?;
        match inside.strip_suffix(b"}") {
            Some(rest) => Ok(Self {
                rest,
                broken: false,
                status: false,
                lenient,
            }),
            None => Err(Reject::new(Reason::Truncated, line.len())),
        }
    }

    /// The next name and its value, quotes removed, still escaped; a nested value is skipped.
    fn next(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        loop {
            let start = self.rest.trim_ascii_start();
            let start = start.strip_prefix(b",").unwrap_or(start).trim_ascii_start();
            let Ok((after, name)) = leaf::quoted(start, Escape::Json) else {
                self.broken = !start.is_empty();
                return None;
            };
            let Some(value) = after.trim_ascii_start().strip_prefix(b":") else {
                self.broken = true;
                return None;
            };
            let value = value.trim_ascii_start();
            let nested = matches!(value.first(), Some(b'{' | b'['));
            let (text, rest) = if nested {
                nested_value(value)
            } else if self.lenient && value.starts_with(b"\"") {
                string_with_quotes(value)
            } else {
                flat_value(value)
            }
            .or_else(|| {
                self.broken = true;
                None
            })?;
            self.rest = rest;
            self.status |= name.ends_with(b"status") || name == b"status_code";
            // Other programs log their answers under this name.
            self.status |= name == b"response" && !nested && is_status(text);
            if !nested {
                return Some((name, text));
            }
        }
    }
}

/// Whether a value may be a status, or stands for none.
fn is_status(value: &[u8]) -> bool {
    matches!(value, b"" | b"-" | [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'])
}

/// A string, or what stands before the comma that a name follows.
fn flat_value(value: &[u8]) -> Option<(&[u8], &[u8])> {
    if value.first() == Some(&b'"') {
        return leaf::quoted(value, Escape::Json)
            .ok()
            .map(|(rest, text)| (text, rest));
    }
    let end = memchr::memchr_iter(b',', value)
        .find(|&at| {
            value
                .get(at + 1..)
                .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""))
        })
        .unwrap_or(value.len());
    let (text, rest) = value.split_at_checked(end)?;
    let text = text.trim_ascii();
    Some((if text == b"null" { b"" } else { text }, rest))
}

/// A string that may hold quotes of its own.
fn string_with_quotes(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = value.get(1..)?;
    let mut end = leaf::closing_quote(inside, Escape::Json)?;
    loop {
        let rest = inside.get(end + 1..)?;
        if ends_member(rest) {
            return Some((inside.get(..end)?, rest));
        }
        end += 1 + leaf::closing_quote(rest, Escape::Json)?;
    }
}

/// Whether what follows a string is the next member or the end of the object.
fn ends_member(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
    let Some(name) = rest.strip_prefix(b"\"") else {
        return rest.is_empty();
    };
    let end = name.iter().take(LONGEST_NAME * 2).position(|&b| b == b'"');
    let after = end.and_then(|end| name.get(end + 1..));
    after.is_some_and(|after| after.trim_ascii_start().starts_with(b":"))
}

/// An object or array, by counting what opens and closes outside strings.
fn nested_value(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match value.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => at += 1 + leaf::closing_quote(value.get(at + 1..)?, Escape::Json)?,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return value.split_at_checked(at);
        }
    }
}

const SECOND: u64 = 1_000_000_000;

/// Time in whatever form.
const TIME: Sink = Sink::TimeEpoch(SECOND);

/// Whether a sink tells who asked, what, when, or with what answer.
fn is_decisive(sink: &Sink) -> bool {
    let named = matches!(
        sink,
        Sink::Peer | Sink::Header(_) | Sink::UserAgent | Sink::Referrer | Sink::User
    );
    named || sink.is_telling()
}

/// A name, what it means, and its place among [`NAMES`].
type Named = (usize, &'static (&'static str, Sink));

/// What a name in lower case means.
fn named(key: &[u8]) -> Option<Named> {
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

// Each has a bit in `Seen`.
const _: () = assert!(NAMES.len() <= 128);

/// What people call nginx's variables.
const NAMES: &[(&str, Sink)] = &[
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Record<'_>, Reject> {
        let mut record = Record::default();
        parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).map(|_| record)
    }

    #[test]
    fn json_that_is_not_quite_json() {
        let line = concat!(
            r#"{ "@timestamp":"2000-10-10T13:55:36-07:00","remote_addr" : "192.0.2.7","ut":,"up":0.1, 0.2,"n":-,"#,
            r#""status": 404,"request":"GET /\x22a\"\u0041 HTTP/1.1","nested":{"ip":"203.0.113.1","a":["}"]},"#,
            r#""http_referer":"","http_user_agent":"x, \"y\"","body_bytes_sent":12 }"#,
        );
        let record = read(line).unwrap();
        assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
        assert_eq!(record.time.unwrap().secs(), 971_211_336);
        assert_eq!(record.target.as_deref(), Some(&b"/\"a\"A"[..]));
        assert_eq!((record.status, record.body_bytes), (Some(404), Some(12)));
        assert_eq!(
            (record.referrer, record.user_agent.as_deref()),
            (None, Some(&b"x, \"y\""[..]))
        );
    }

    #[test]
    fn path_and_method_apart() {
        let line =
            r#"{"time":971211336.5,"ip":"192.0.2.7","method":"GET","path":"/a","query":"b=c","code":"200"}"#;
        let line = line.replace("code", "status");
        let record = read(&line).unwrap();
        assert_eq!(record.target.as_deref(), Some(&b"/a?b=c"[..]));
        assert_eq!(record.time.unwrap().nanos(), 971_211_336_500_000_000);
    }

    #[test]
    fn quotes_that_nobody_escaped() {
        let line = r#"{"time":"2000-10-10T13:55:36-07:00","remote_addr":"192.0.2.7","request":"GET /a"b", "c" HTTP/1.1","status":200,"http_user_agent":"x" "y", "z"}"#;
        let record = read(line).unwrap();
        assert_eq!(record.target.as_deref(), Some(&br#"/a"b", "c""#[..]));
        assert_eq!(record.user_agent.as_deref(), Some(&br#"x" "y", "z"#[..]));
        assert_eq!(record.status, Some(200));
    }

    #[test]
    fn a_client_cannot_name_another_peer() {
        let line = |members: &str| {
            format!(r#"{{"time":"2000-10-10T13:55:36Z","request":"GET / HTTP/1.1","status":200,{members}}}"#)
        };
        for members in [
            r#""client_ip":"198.51.100.1","remote_addr":"192.0.2.7""#,
            r#""remote_addr":"192.0.2.7","client_ip":"198.51.100.1""#,
            r#""remote_addr":"192.0.2.7","ip":"-""#,
            r#""ip":"nonsense!","remote_addr":"192.0.2.7""#,
            r#""clientip":"192.0.2.7","ip":"198.51.100.1""#,
            r#""remote_addr":"192.0.2.7","remote_addr":"192.0.2.7""#,
        ] {
            let line = line(members);
            let peer = read(&line).unwrap_or_else(|why| panic!("{why}: {line}")).peer;
            assert_eq!(peer.unwrap().to_string(), "192.0.2.7", "{line}");
        }
        // What a client wrote into its user agent under `escape=none`: either may be the peer.
        let forged = line(r#""ua":"x","remote_addr":"198.51.100.1","y":"","remote_addr":"192.0.2.7""#);
        let record = read(&forged).unwrap();
        assert_eq!(
            (record.peer, record.peer_text, record.status),
            (None, &b""[..], None)
        );
        assert_eq!(record.malformed_request.as_deref(), Some(forged.as_bytes()));
    }

    #[test]
    fn other_json_is_refused() {
        for (line, reason) in [
            (r#"{"level":"info","msg":"started","ts":1.5}"#, Reason::JsonShape),
            (
                r#"{"time":"2000-10-10T13:55:36Z","ip":"[x]","path":"/","status":200}"#,
                Reason::JsonShape,
            ),
            (
                r#"{"time":"2000-10-10T13:55:36Z","ip":"192.0.2.7","path":"/","response":"ok"}"#,
                Reason::JsonShape,
            ),
            (
                r#"{"time":"2000-10-10T13:55:36Z","ip":"192.0.2.7","path":"/","response":{"a":1}}"#,
                Reason::JsonShape,
            ),
            (r#"{"a":1,b}"#, Reason::JsonShape),
            (r#"{"a":"#, Reason::Truncated),
            (r#"{"a" 1}"#, Reason::Json),
            (r#"{"a":[[[}"#, Reason::Json),
            ("[]", Reason::UnknownFormat),
        ] {
            assert_eq!(read(line).unwrap_err().reason, reason, "{line}");
        }
    }

    #[test]
    fn well_known_layouts_of_other_servers() {
        let apache = r#"{ "time":"[29/Mar/2026:03:00:00 +0200]", "remoteIP":"192.0.2.7", "host":"www.example", "request":"/a", "query":"?x=1", "method":"GET", "status":"404", "userAgent":"x" }"#;
        let elastic = r#"{"time": "29/Mar/2026:03:00:00 +0200", "remote_ip": "192.0.2.7", "request": "GET /a?x=1 HTTP/1.1", "response": 404, "agent": "x"}"#;
        let path = apache.replace(r#""/a", "query":"?x=1""#, r#""/a?x=1", "uri":"/b""#);
        for line in [apache, elastic, &path] {
            let mut record = Record::default();
            parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap();
            assert_eq!(record.target.as_deref(), Some(&b"/a?x=1"[..]), "{line}");
            assert_eq!((record.peer_text, record.status), (&b"192.0.2.7"[..], Some(404)));
            assert_eq!(record.time.map(Time::secs), Some(1_774_746_000));
        }
    }

    #[test]
    fn a_query_that_the_server_made_is_none_of_the_clients() {
        let line = r#"{"time":"2026-03-29T03:00:00+02:00","remote_addr":"192.0.2.7","request":"/a","status":404,"args":"q=1"}"#;
        for (line, target) in [
            (line.to_owned(), "/a?q=1"),
            (line.replace(r#""args""#, r#""uri":"/index.php","args""#), "/a"),
            (line.replace(r#""args""#, r#""uri":"/index.php","query""#), "/a"),
            (
                line.replace(r#""args""#, r#""document_uri":"/index.php","args""#),
                "/a",
            ),
            (
                line.replace(r#""/a""#, r#""/a b""#).replace("args", "query"),
                "/a b?q=1",
            ),
        ] {
            let mut record = Record::default();
            parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap();
            assert_eq!(record.target.as_deref(), Some(target.as_bytes()), "{line}");
        }
    }

    #[test]
    fn other_names_of_status_and_time_spoil_nothing() {
        let line = |more: &str| {
            format!(
                r#"{{"time_local":"29/Mar/2026:03:00:00 +0200","remote_addr":"192.0.2.7","request":"GET / HTTP/1.1","status":404,{more}}}"#
            )
        };
        let plain = 1_774_746_000_000_000_000;
        for (more, nanos) in [
            (r#""code":"DE""#, plain),
            (r#""code":0"#, plain),
            (r#""response_status":"502, 404""#, plain),
            (r#""time":"0.005""#, plain),
            (r#""ts":12"#, plain),
            (r#""msec":"1774746000.123""#, plain + 123_000_000),
            (
                r#""msec":"1774746000.123","time":"2026-03-29T03:00:00+02:00""#,
                plain + 123_000_000,
            ),
        ] {
            let line = line(more);
            let mut record = Record::default();
            parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap_or_else(|_| panic!("{more}"));
            assert_eq!(
                (record.status, record.time.map(Time::nanos)),
                (Some(404), Some(nanos)),
                "{more}"
            );
        }
        let only = line("\"x\":1").replace("\"status\":404", "\"code\":\"x\",\"status_code\":403");
        let mut record = Record::default();
        parse(only.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap();
        assert_eq!(record.status, Some(403));
    }
}
