//! Traefik's access log: its own extension of the Common Log Format, and JSON.

use std::borrow::Cow;

use crate::address;
use crate::clf::{self, Tail};
use crate::clock;
use crate::header;
use crate::json::{Value, Walker};
use crate::leaf;
use crate::memo::{TimeMemo, decimal};
use crate::parser::{Line, Skip};
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
    let shape = clf::parse(line, record, times, Escape::Either)?;
    let no_tail = Reject::new(Reason::UnknownFormat, 0);
    if !shape.agent || shape.vhost || shape.tail != Tail::Other {
        return Err(no_tail);
    }
    let Some((_, Cow::Borrowed(tail))) = record.more.extra.pop() else {
        return Err(no_tail);
    };
    let at = line.len().saturating_sub(tail.len());
    let (router, server, millis) = tail_of(tail).ok_or(Reject::new(Reason::Literal, at))?;
    record.more.moment = Moment::Start;
    let more = record.more_mut();
    more.duration_ns = millis.checked_mul(1_000_000);
    for (name, value) in [("router", router), ("upstream_addr", server)] {
        if !matches!(value, b"-" | b"") {
            more.extra.push((name.into(), Escape::Either.undo(value)));
        }
    }
    Ok(Line::Record)
}

/// Router, server and milliseconds.
fn tail_of(tail: &[u8]) -> Option<(&[u8], &[u8], u64)> {
    let (rest, _count) = leaf::number_or_dash(tail).ok()?;
    let (rest, router) = leaf::quoted(rest.strip_prefix(b" ")?, Escape::Either).ok()?;
    let (rest, server) = leaf::quoted(rest.strip_prefix(b" ")?, Escape::Either).ok()?;
    let millis = decimal(rest.strip_prefix(b" ")?.strip_suffix(b"ms")?)?;
    Some((router, server, millis))
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
    let time = start.or(written).and_then(|value| clock::of_json(value, times));
    record.time = Some(time.ok_or(Reject::new(Reason::Time, 0))?);
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
