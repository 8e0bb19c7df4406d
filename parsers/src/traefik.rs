//! Traefik's access log: its own extension of the Common Log Format, and JSON.

use crate::address;
use crate::clf::{self, Shape};
use crate::clock;
use crate::header;
use crate::json::{Value, Walker};
use crate::line::{Line, Skip};
use crate::memo::{TimeMemo, decimal};
use crate::record::{Bytes, Moment, Record};
use crate::reject::{Reason, Reject};
use crate::request;
use crate::unescape::Escape;

/// Reads `… "referer" "agent" COUNT "router" "server url" 12ms` behind what is otherwise combined.
pub(crate) fn parse_clf<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Line, Reject> {
    let Some((before, tail)) = Tail::of(line).filter(|_| !line.starts_with(b"\"")) else {
        return Err(Reject::new(Reason::UnknownFormat, 0));
    };
    let own = |shape: Shape| shape.agent && !shape.vhost && shape.tail == clf::Tail::None;
    clf::parse_unescaped(before, record, times, own)?;
    record.more.moment = Moment::Start;
    let more = record.more_mut();
    more.duration_ns = tail.millis.checked_mul(1_000_000);
    for (name, value) in [("router", tail.router), ("upstream_addr", tail.server)] {
        if !matches!(value, b"-" | b"") {
            more.extra.push((name.into(), Escape::Either.undo(value)));
        }
    }
    Ok(Line::Record)
}

/// ` COUNT "router" "server" 12ms`. Nothing of it is the client's, so it is read from the end of the line: the values
/// before it may hold quotes that Traefik does not escape.
struct Tail<'a> {
    router: &'a [u8],
    server: &'a [u8],
    millis: u64,
}

impl<'a> Tail<'a> {
    /// What stands before the tail, and the tail.
    fn of(line: &'a [u8]) -> Option<(&'a [u8], Self)> {
        let (rest, millis) = last_word(line.strip_suffix(b"ms")?)?;
        let (rest, server) = last_quoted(rest)?;
        let (rest, router) = last_quoted(rest)?;
        let (rest, count) = last_word(rest)?;
        let millis = decimal(millis)?;
        let tail = Self {
            router,
            server,
            millis,
        };
        (count == b"-" || decimal(count).is_some()).then_some((rest, tail))
    }
}

/// The word behind the last space, and what stands before the space.
fn last_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memrchr(b' ', text)?;
    Some((text.get(..space)?, text.get(space + 1..)?))
}

/// The quoted value at the end, and what stands before the space in front of it.
fn last_quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_suffix(b"\"")?;
    let quote = memchr::memrchr(b'"', text)?;
    Some((text.get(..quote)?.strip_suffix(b" ")?, text.get(quote + 1..)?))
}

/// Reads one line of the JSON log. Traefik's own messages (`level`, `msg`, `time`) are skipped.
pub(crate) fn parse_json<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Line, Reject> {
    let mut walker = Walker::object(line)?;
    let (mut start, mut written, mut message, mut seen) = (None, None, false, false);
    let mut client = None;
    while let Some(key) = walker.key()? {
        let value = walker.value()?;
        walker.skip(value)?;
        let at = walker.at();
        match key {
            b"StartUTC" => start = Some(value),
            b"StartLocal" => start = start.or(Some(value)),
            b"time" => written = Some(value),
            b"msg" | b"message" => message = true,
            b"ClientHost" => client = Some(value),
            b"DownstreamStatus" => {
                let status = decimal(value.raw()).filter(|status| *status <= 999);
                let status = status.ok_or(Reject::new(Reason::Status, at))?;
                record.status = u16::try_from(status).ok().filter(|status| *status != 0);
                seen = true;
            }
            _ if matches!(value.raw(), b"" | b"-") => {}
            _ => seen |= fill(key, value, record),
        }
    }
    walker.finish()?;
    if !seen {
        return match (message, written) {
            (true, Some(_)) => Ok(Line::Skip(Skip::OtherStream)),
            _ => Err(Reject::new(Reason::JsonShape, 0)),
        };
    }
    if let Some(client) = client {
        client_host(client, record);
    }
    let time = start.or(written).ok_or(Reject::new(Reason::Time, 0))?;
    let time = clock::of_json(time, times);
    record.time = Some(time.map_err(|reason| Reject::new(reason, 0))?);
    record.more.moment = if start.is_some() {
        Moment::Start
    } else {
        Moment::End
    };
    Ok(Line::Record)
}

/// `ClientHost` is the host of `ClientAddr`, or the whole `X-Forwarded-For` where the request had one. So it is a
/// forwarding header wherever it differs; alone it stands for the peer.
fn client_host<'a>(value: Value<'a>, record: &mut Record<'a>) {
    let raw = value.raw();
    let address = address::ip(raw);
    if record.peer_text.is_empty() {
        record.peer_text = raw;
        record.peer = address;
    } else if address.is_none_or(|address| Some(address) != record.peer)
        && !matches!(raw, b"" | b"-")
        && record.header("x-forwarded-for").is_none()
    {
        put_header(b"X-Forwarded-For", value.unescape(), record);
    }
}

/// One field; whether it is one that only Traefik's access log has.
fn fill<'a>(key: &'a [u8], value: Value<'a>, record: &mut Record<'a>) -> bool {
    let raw = value.raw();
    let nanos = || decimal(raw);
    match key {
        b"ClientAddr" => {
            record.peer_text = raw;
            if let Some(peer) = address::peer(raw) {
                record.peer = Some(peer.ip);
                record.more_mut().peer_port = peer.port;
            }
        }
        b"ClientUsername" => record.user = Some(value.unescape()),
        b"DownstreamContentSize" => record.body_bytes = decimal(raw),
        b"Duration" => record.more_mut().duration_ns = nanos(),
        b"RequestHost" => header::host(value, record),
        b"RequestMethod" => record.method = Some(value.unescape()),
        b"RequestPath" => record.target = Some(value.unescape()),
        b"RequestProtocol" => record.http_version = request::version(raw),
        b"RequestScheme" => record.more_mut().scheme = Some(value.unescape()),
        b"TLSVersion" => record.more_mut().tls_version = Some(value.unescape()),
        b"TLSCipher" => record.more_mut().tls_cipher = Some(value.unescape()),
        b"RouterName" => extra("router", value, record),
        b"ServiceAddr" => extra("upstream_addr", value, record),
        _ => {
            if let Some(name) = key.strip_prefix(b"request_") {
                put_header(name, value.unescape(), record);
            }
            return false;
        }
    }
    true
}

fn extra<'a>(name: &'static str, value: Value<'a>, record: &mut Record<'a>) {
    record.more_mut().extra.push((name.into(), value.unescape()));
}

fn put_header<'a>(name: &[u8], value: Bytes<'a>, record: &mut Record<'a>) {
    // What was to be hidden stands as a word of Traefik's.
    if *value != *b"REDACTED" {
        header::put(name, value, record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clf_line_needs_its_tail() {
        let head = r#"192.0.2.7 - - [08/Dec/2021:09:16:05 +0000] "GET /a HTTP/2" 404 19 "-" "x""#;
        for (tail, good) in [
            (r#" 240 "test@docker" "http://172.17.0.3:80" 12ms"#, true),
            (r#" 240 "a@x -> b@x" "-" 0ms"#, true),
            (r#" 240 "test@docker" "http://172.17.0.3:80" 12"#, false),
            (r#" "test@docker""#, false),
            ("", false),
        ] {
            let line = format!("{head}{tail}");
            let mut record = Record::default();
            let read = parse_clf(line.as_bytes(), &mut record, &mut TimeMemo::new());
            assert_eq!(read.is_ok(), good, "{tail}");
        }
    }

    #[test]
    fn nothing_is_escaped() {
        let tail = r#"7 "r@docker" "http://10.0.0.1:80" 12ms"#;
        for (values, target, agent) in [
            (r#""GET /a HTTP/1.1" 200 5 "-" "a"b""#, "/a", "a\"b"),
            (
                r#""GET /a?"x HTTP/1.1" 200 5 "http://r/"x" "sqlmap""#,
                "/a?\"x",
                "sqlmap",
            ),
            (r#""GET /a HTTP/1.1" 200 5 "-" "a\""#, "/a", "a\\"),
            (
                r#""GET /a HTTP/1.1" 200 5 "-" "x" 7 "r" "s" 1ms""#,
                "/a",
                r#"x" 7 "r" "s" 1ms"#,
            ),
        ] {
            let line = format!("192.0.2.7 - a\"b [08/Dec/2021:09:16:05 +0000] {values} {tail}");
            let mut record = Record::default();
            parse_clf(line.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap();
            assert_eq!(record.peer_text, b"192.0.2.7");
            assert_eq!(record.user.as_deref(), Some(&b"a\"b"[..]));
            assert_eq!(record.target.as_deref(), Some(target.as_bytes()), "{line}");
            assert_eq!(record.user_agent.as_deref(), Some(agent.as_bytes()), "{line}");
            assert_eq!(record.more.duration_ns, Some(12_000_000));
        }
    }

    #[test]
    fn of_two_requests_in_one_line_none_is_taken() {
        let real = r#"[09/Dec/2021:09:16:06 +0000] "GET /real HTTP/1.1" 401 5 "-" "sqlmap" 7 "r" "s" 1ms"#;
        let fake = r#"[08/Dec/2021:09:16:05 +0000] "GET /fake HTTP/1.1" 200 5 "-" "b"#;
        for (user, peer) in [
            (format!("x {fake}"), Some("192.0.2.7")),
            (format!("- {fake} - x"), Some("192.0.2.7")),
            // Perhaps a line that was cut, and the next behind it: no one is known.
            (format!("- {fake}203.0.113.9 - -"), None),
        ] {
            let line = format!("192.0.2.7 - {user} {real}");
            let mut record = Record::default();
            parse_clf(line.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap();
            let named = record.peer.map(|peer| peer.to_string());
            assert_eq!(named.as_deref(), peer, "{line}");
            assert_eq!((record.status, record.user, record.target), (None, None, None));
            assert_eq!(record.time.unwrap().secs(), 1_638_954_965, "the first");
            let told = record.malformed_request.unwrap();
            let told = String::from_utf8_lossy(&told);
            assert!(
                told.contains("/fake") && told.contains("/real") && told.contains("sqlmap"),
                "{told}"
            );
        }
    }

    #[test]
    fn a_header_cannot_become_the_peer() {
        let line = br#"{"ClientHost":"203.0.113.99","ClientAddr":"192.0.2.7:1","RequestPath":"/","DownstreamStatus":200,"StartUTC":"2021-12-08T14:02:43.587782192Z"}"#;
        let mut record = Record::default();
        parse_json(line, &mut record, &mut TimeMemo::new()).unwrap();
        assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
        assert_eq!(record.header("x-forwarded-for"), Some(&b"203.0.113.99"[..]));
        assert_eq!(record.time.unwrap().nanos(), 1_638_972_163_587_782_192);
    }

    #[test]
    fn its_own_messages_are_skipped() {
        let mut record = Record::default();
        let mut read = |line: &'static str| parse_json(line.as_bytes(), &mut record, &mut TimeMemo::new());
        assert_eq!(
            read(r#"{"level":"info","msg":"Configuration loaded","time":"2021-12-08T14:02:43Z"}"#),
            Ok(Line::Skip(Skip::OtherStream))
        );
        assert!(read(r#"{"a":1}"#).is_err());
        assert!(read(r#"{"RequestPath":"/","DownstreamStatus":200}"#).is_err());
    }
}
