//! Envoy: the default text format, Istio's, and the JSON of Istio and Envoy Gateway.
//!
//! Envoy's own default does not log the peer. At the edge Envoy appends it to `X-Forwarded-For`, so the right-most
//! entry stands in its place and the rest stays a forwarding header.

use std::borrow::Cow;

use crate::address;
use crate::clf::present;
use crate::clock;
use crate::header;
use crate::json::{Value, Walker};
use crate::leaf::{self, Parsed, stop};
use crate::line::Line;
use crate::memo::{TimeMemo, decimal};
use crate::record::{Moment, Record};
use crate::reject::{Reason, Reject};
use crate::request;
use crate::unescape::Escape;

mod raw;

/// Reads one text line.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Line, Reject> {
    entry(line, record, times)
        .map(|_| Line::Record)
        .map_err(|stop| leaf::reject(line, stop))
}

fn entry<'a>(input: &'a [u8], record: &mut Record<'a>, times: &mut TimeMemo) -> Parsed<'a, ()> {
    let (inside, ()) = leaf::literal(input, b"[")?;
    let Some((time, rest)) = memchr::memchr(b']', inside).and_then(|end| inside.split_at_checked(end)) else {
        return stop(&[], Reason::Truncated);
    };
    let Some(time) = times.iso(time) else {
        return stop(inside, Reason::Time);
    };
    record.time = Some(time);
    let (rest, ()) = leaf::literal(rest, b"] ")?;
    match divided(rest) {
        Ok((_, entry)) => entry.fill(record),
        // A client wrote another time, or the line was cut and the next stands behind it: whose request it is, is not known.
        Err(_) if crate::raw::bracketed(rest).any(|(_, text)| times.iso(text).is_some()) => {
            record.malformed_request = Some(Cow::Borrowed(rest));
            record.more.moment = Moment::Start;
        }
        Err(refused) => match raw::entry(rest) {
            Some(entry) => entry.fill(record),
            None => return Err(refused),
        },
    }
    Ok((&[], ()))
}

/// What follows the time, taken apart.
#[derive(Debug)]
struct Entry<'a> {
    asked: &'a [u8],
    counts: Counts<'a>,
    values: Values<'a>,
    /// Istio's further words.
    rest: &'a [u8],
}

/// The quoted values: forwarding header, agent, request id, authority and upstream.
type Values<'a> = [&'a [u8]; 5];

/// `"request" …counts "forwarded" "agent" "id" "authority" "upstream"` and Istio's words.
fn divided(input: &[u8]) -> Parsed<'_, Entry<'_>> {
    let (rest, asked) = leaf::quoted(input, Escape::None)?;
    let (mut rest, counts) = counts(rest)?;
    let mut values: Values<'_> = [b"-"; 5];
    for value in &mut values {
        let (after, ()) = leaf::literal(rest, b" ")?;
        (rest, *value) = leaf::quoted(after, Escape::None)?;
    }
    // Envoy escapes nothing: a quote that a client sends makes values too many.
    if !matches!(rest.first(), None | Some(b' ')) || rest.contains(&b'"') {
        return stop(rest, Reason::Literal);
    }
    let entry = Entry {
        asked,
        counts,
        values,
        rest,
    };
    Ok((&[], entry))
}

/// What stands between the request and the quoted values.
#[derive(Debug)]
struct Counts<'a> {
    status: Option<u16>,
    flags: &'a [u8],
    received: Option<u64>,
    sent: Option<u64>,
    millis: Option<u64>,
}

/// ` STATUS FLAGS …RECEIVED SENT MILLIS SERVICE_TIME`.
fn counts(input: &[u8]) -> Parsed<'_, Counts<'_>> {
    let (rest, ()) = leaf::literal(input, b" ")?;
    let (rest, status) = leaf::status(rest)?;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, flags) = leaf::word(rest)?;
    if !flags
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b',' | b'_'))
    {
        return stop(rest, Reason::Literal);
    }
    let rest = istio_details(rest).map_or(rest, |(rest, ())| rest);
    let (rest, received) = leaf::number_or_dash(rest)?;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, sent) = leaf::number_or_dash(rest)?;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, millis) = leaf::number_or_dash(rest)?;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, _service_time) = leaf::number_or_dash(rest)?;
    let counts = Counts {
        status,
        flags,
        received,
        sent,
        millis,
    };
    Ok((rest, counts))
}

/// What Istio writes before the counts: `%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%
/// "%UPSTREAM_TRANSPORT_FAILURE_REASON%" `, or before version 1.7 Mixer's status and the reason, both quoted.
fn istio_details(input: &[u8]) -> Parsed<'_, ()> {
    let rest = match leaf::quoted(input, Escape::None) {
        Ok((rest, _mixer)) => leaf::literal(rest, b" ")?.0,
        Err(_) => {
            let (rest, _details) = leaf::word(input)?;
            leaf::word(rest)?.0
        }
    };
    let (rest, _reason) = leaf::quoted(rest, Escape::None)?;
    leaf::literal(rest, b" ")
}

impl<'a> Entry<'a> {
    fn fill(self, record: &mut Record<'a>) {
        let [forwarded, agent, id, authority, upstream] = self.values;
        let counts = self.counts;
        if !self.asked.starts_with(b"- ") {
            request::fill(self.asked, Escape::None, record);
        }
        record.status = counts.status;
        record.body_bytes = counts.sent;
        record.put_agent(present(agent, Escape::None));
        header::host(Value::Bare(absent_as_empty(authority)), record);
        record.more.moment = Moment::Start;
        let more = record.more_mut();
        more.duration_ns = counts.millis.and_then(|millis| millis.checked_mul(1_000_000));
        more.request_bytes = counts.received;
        more.request_id = present(id, Escape::None);
        for (name, value) in [("response_flags", counts.flags), ("upstream_addr", upstream)] {
            if value != b"-" {
                more.extra.push((name.into(), Cow::Borrowed(value)));
            }
        }
        peers(forwarded, self.rest, record);
    }
}

fn absent_as_empty(text: &[u8]) -> &[u8] {
    if text == b"-" { b"" } else { text }
}

/// The peer from Istio's further words (`cluster local downstream-local downstream-remote server-name route`), or the
/// last entry of the forwarding header.
fn peers<'a>(forwarded: &'a [u8], rest: &'a [u8], record: &mut Record<'a>) {
    let mut words = rest.trim_ascii_start().split(|&b| b == b' ').skip(3);
    let mut list = absent_as_empty(forwarded);
    if let Some(remote) = words.next() {
        set_peer(remote, record);
        if let Some(name) = words.next().filter(|name| *name != b"-") {
            record.more_mut().tls_server_name = Some(Cow::Borrowed(name));
        }
    } else if let Some(last) = list.rsplit(|&b| b == b',').next() {
        let before = list.len() - last.len();
        set_peer(last.trim_ascii(), record);
        list = list
            .get(..before.saturating_sub(1))
            .unwrap_or_default()
            .trim_ascii();
    }
    if !list.is_empty() {
        let headers = &mut record.more_mut().headers;
        headers.push((Cow::Borrowed("x-forwarded-for"), Cow::Borrowed(list)));
    }
}

fn set_peer<'a>(text: &'a [u8], record: &mut Record<'a>) {
    record.peer_text = text;
    if let Some(peer) = address::peer(text) {
        record.peer = Some(peer.ip);
        if peer.port.is_some() {
            record.more_mut().peer_port = peer.port;
        }
    }
}

/// Reads one JSON line.
pub(crate) fn parse_json<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Line, Reject> {
    let mut walker = Walker::object(line)?;
    let (mut time, mut code) = (None, false);
    while let Some(key) = walker.key()? {
        let value = walker.value()?;
        walker.skip(value)?;
        match key {
            b"start_time" => time = Some(value),
            b"response_code" => {
                let status = decimal(value.raw()).filter(|status| *status <= 999);
                let status = status.ok_or(Reject::new(Reason::Status, walker.at()))?;
                record.status = u16::try_from(status).ok().filter(|status| *status != 0);
                code = true;
            }
            _ if matches!(value.raw(), b"" | b"-") => {}
            _ => fill(key, value, record),
        }
    }
    walker.finish()?;
    let (Some(time), true) = (time, code) else {
        return Err(Reject::new(Reason::JsonShape, 0));
    };
    let time = clock::of_json(time, times);
    record.time = Some(time.map_err(|reason| Reject::new(reason, 0))?);
    record.more.moment = Moment::Start;
    Ok(Line::Record)
}

fn fill<'a>(key: &[u8], value: Value<'a>, record: &mut Record<'a>) {
    let raw = value.raw();
    match key {
        b"method" | b":method" => record.method = Some(value.unescape()),
        b"x-envoy-origin-path" | b"x_envoy_original_path" => record.target = Some(value.unescape()),
        b"path" | b":path" => {
            record.target.get_or_insert(value.unescape());
        }
        b"protocol" => record.http_version = request::version(raw),
        b"bytes_sent" => record.body_bytes = decimal(raw),
        b"bytes_received" => record.more_mut().request_bytes = decimal(raw),
        b"duration" => {
            let millis = decimal(raw);
            record.more_mut().duration_ns = millis.and_then(|millis| millis.checked_mul(1_000_000));
        }
        b"user-agent" | b"user_agent" => record.put_agent(Some(value.unescape())),
        b"referer" => record.referrer = Some(value.unescape()),
        b":authority" | b"authority" => header::host(value, record),
        b"x-request-id" | b"request_id" => record.more_mut().request_id = Some(value.unescape()),
        b"x-forwarded-for" | b"x_forwarded_for" => {
            let headers = &mut record.more_mut().headers;
            headers.push((Cow::Borrowed("x-forwarded-for"), value.unescape()));
        }
        b"downstream_remote_address" => set_peer(raw, record),
        b"requested_server_name" => record.more_mut().tls_server_name = Some(value.unescape()),
        b"response_flags" | b"upstream_host" | b"upstream_cluster" | b"route_name" => {
            let name = String::from_utf8_lossy(key).into_owned();
            record.more_mut().extra.push((name.into(), value.unescape()));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Record<'_>, Reject> {
        let mut record = Record::default();
        if line.starts_with('{') {
            parse_json(line.as_bytes(), &mut record, &mut TimeMemo::new()).map(|_| record)
        } else {
            parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).map(|_| record)
        }
    }

    #[test]
    fn envoy_and_istio() {
        let record = read(r#"[2016-04-15T20:17:00.310Z] "POST /api/v1?x HTTP/2" 204 - 154 7 226 100 "203.0.113.99, 192.0.2.7" "nsq2http" "cc21d9b0" "shop.example:80" "tcp://10.0.2.1:80""#).unwrap();
        assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
        assert_eq!(record.header("x-forwarded-for"), Some(&b"203.0.113.99"[..]));
        assert_eq!((record.status, record.body_bytes), (Some(204), Some(7)));
        assert_eq!(record.more.duration_ns, Some(226_000_000));
        assert_eq!(record.host.as_deref(), Some(&b"shop.example"[..]));

        let record = read(r#"[2020-11-25T21:26:18.409Z] "GET /status/418 HTTP/1.1" 418 UF,URX via_upstream - "-" 0 135 3 1 "203.0.113.99" "curl/7.73.0-DEV" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "127.0.0.1:80" inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 192.0.2.7:37652 outbound_.8000_._.httpbin default"#).unwrap();
        assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
        assert_eq!(record.header("x-forwarded-for"), Some(&b"203.0.113.99"[..]));
        assert_eq!(record.more.peer_port, Some(37652));

        let record =
            read(r#"[2016-04-15T20:17:00.310Z] "- - HTTP/1.1" 400 DPE 0 11 0 - "-" "-" "-" "-" "-""#)
                .unwrap();
        assert_eq!(
            (record.peer, record.status, record.user_agent, record.host),
            (None, Some(400), None, None)
        );
    }

    #[test]
    fn older_istio_quotes_two_values_before_the_counts() {
        let record = read(r#"[2020-11-25T21:26:18.409Z] "GET /a HTTP/1.1" 200 - "-" "-" 0 5 10 9 "203.0.113.99" "x" "id" "h" "10.0.0.9:80" outbound|80||x - 10.0.0.3:80 192.0.2.7:555 - default"#).unwrap();
        assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
        assert_eq!((record.status, record.body_bytes), (Some(200), Some(5)));
    }

    #[test]
    fn a_line_that_holds_another_names_nobody() {
        let second = r#"[2026-11-21T10:00:01.000Z] "GET /b HTTP/1.1" 404 - 0 5 10 9 "203.0.113.99" "curl" "84961386-6d84-929d-98bd-c5aee93b5c88" "h" "10.0.0.9:80""#;
        for cut in [
            "\"GET /sho",
            "\"GET /shop HTTP/1.1\" 200 - 0 5 10 9 \"192.0.2.7\" \"cur",
            "\"GET /shop HTTP/1.1\" 20",
        ] {
            let line = format!("[2026-11-21T10:00:00.000Z] {cut}{second}");
            let record = read(&line).unwrap();
            assert_eq!((record.peer, record.peer_text), (None, &b""[..]), "{line}");
            let told = record.malformed_request.unwrap();
            assert!(told.ends_with(second.as_bytes()) && told.starts_with(b"\"GET /sho"));
            assert_eq!(
                (record.status, record.time.unwrap().secs()),
                (None, 1_795_255_200)
            );
        }
    }

    #[test]
    fn json() {
        let record = read(r#"{"start_time":"2025-12-31T16:37:40.479Z","method":"GET","x-envoy-origin-path":"/admin","path":"/rewritten","response_code":404,"user-agent":"zgrab/0.x","downstream_remote_address":"192.0.2.7:59292",":authority":"app.internal","duration":3}"#).unwrap();
        assert_eq!(record.target.as_deref(), Some(&b"/admin"[..]));
        assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
        assert_eq!(record.more.duration_ns, Some(3_000_000));
        for line in [
            r#"{"a":1}"#,
            r#"{"start_time":"x","response_code":200}"#,
            r#"{"start_time":"2025-12-31T16:37:40Z","response_code":"x"}"#,
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
