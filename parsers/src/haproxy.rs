//! HAProxy's `option httplog`, with captured headers, cut lines and bad requests.
//!
//! `peer:port [time] frontend backend/server timers status bytes cookie cookie state connections queues {captured
//! request headers} {captured response headers} "request"`. The time has no zone and is read as UTC. What a client
//! sends is escaped as `#HH`.

use std::borrow::Cow;

use crate::address;
use crate::clf;
use crate::leaf::{self, Parsed, stop};
use crate::line::Line;
use crate::memo::{TimeMemo, decimal};
use crate::record::{Bytes, Moment, Record};
use crate::reject::{Reason, Reject};
use crate::request;

/// Reads one line, without its syslog prefix.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Line, Reject> {
    httplog(line.trim_ascii(), record, times)
        .map(|_| Line::Record)
        .map_err(|stop| leaf::reject(line, stop))
}

fn httplog<'a>(input: &'a [u8], record: &mut Record<'a>, times: &mut TimeMemo) -> Parsed<'a, ()> {
    let Ok((rest, client)) = leaf::word(input) else {
        return stop(input, Reason::UnknownFormat);
    };
    let Some((peer, port)) = endpoint(client) else {
        return stop(input, Reason::Address);
    };
    (record.peer, record.peer_text) = (peer, client);
    let (rest, ()) = leaf::literal(rest, b"[")?;
    let end = memchr::memchr(b']', rest).unwrap_or(rest.len());
    let Some((time, rest)) = rest.split_at_checked(end) else {
        return stop(rest, Reason::Truncated);
    };
    let Some(time) = accepted(time, times) else {
        return stop(rest, Reason::Time);
    };
    record.time = Some(time);
    let (rest, ()) = leaf::literal(rest, b"] ")?;
    let (rest, frontend) = leaf::word(rest)?;
    let (rest, backend) = leaf::word(rest)?;
    let (rest, timers) = leaf::word(rest)?;
    if !backend.contains(&b'/') || !is_counts(timers) {
        return stop(rest, Reason::Literal);
    }
    let (rest, status) = leaf::word(rest)?;
    let (rest, bytes) = leaf::word(rest)?;
    let (Some(status), Some(bytes)) = (counter(status), counter(bytes)) else {
        return stop(rest, Reason::Status);
    };
    record.status = status
        .and_then(|status| u16::try_from(status).ok())
        .filter(|status| (100..1000).contains(status));
    let (rest, _cookies) = leaf::word(rest)?;
    let (rest, _cookies) = leaf::word(rest)?;
    let (rest, state) = leaf::word(rest)?;
    let (rest, connections) = leaf::word(rest)?;
    let (rest, queues) = leaf::word(rest)?;
    if !is_counts(connections) || !is_counts(queues) {
        return stop(rest, Reason::Literal);
    }
    record.more.moment = Moment::Start;
    let more = record.more_mut();
    more.peer_port = port;
    more.response_bytes = bytes;
    let total = timers.rsplit(|&b| b == b'/').next().and_then(counter).flatten();
    more.duration_ns = total.and_then(|millis| millis.checked_mul(1_000_000));
    for (name, value) in [
        ("frontend", frontend),
        ("upstream_addr", backend),
        ("termination_state", state),
    ] {
        more.extra.push((name.into(), Cow::Borrowed(value)));
    }
    let (rest, ()) = captured(rest, record)?;
    request_line(rest, record)
}

/// `192.0.2.7:443`, and IPv6 without brackets: the port is always there. Behind `unix:` stands the number of the listener.
fn endpoint(text: &[u8]) -> Option<(Option<std::net::IpAddr>, Option<u16>)> {
    let colon = memchr::memrchr(b':', text)?;
    if text.get(..colon) == Some(b"unix") {
        return decimal(text.get(colon + 1..)?).map(|_| (None, None));
    }
    address::endpoint(text).map(|peer| (Some(peer.ip), peer.port))
}

/// `03/Oct/2019:15:05:32.500`.
fn accepted(text: &[u8], times: &mut TimeMemo) -> Option<crate::time::Time> {
    let mut padded = *b"dd/Mon/yyyy:HH:MM:SS +0000";
    let (second, fraction) = text.split_at_checked(20)?;
    padded.get_mut(..20)?.copy_from_slice(second);
    let millis = match fraction {
        [] => 0,
        [b'.', digits @ ..] if digits.len() == 3 => decimal(digits)?,
        _ => return None,
    };
    let time = times.clf(&padded)?;
    Some(time.saturating_add(i64::try_from(millis).ok()?.checked_mul(1_000_000)?))
}

/// `10/-1/+5`: numbers that may be -1 (never came so far) or begin with `+` (still counting).
fn is_counts(text: &[u8]) -> bool {
    text.contains(&b'/') && text.split(|&b| b == b'/').all(|part| counter(part).is_some())
}

/// Inner `None` for -1.
fn counter(text: &[u8]) -> Option<Option<u64>> {
    match text {
        b"-1" => Some(None),
        _ => decimal(text.strip_prefix(b"+").unwrap_or(text)).map(Some),
    }
}

/// `{host|agent} {…} `, or nothing. HAProxy does not log the names of what it captured, so only what cannot be
/// mistaken is put in its place; everything stays under `captured`.
fn captured<'a>(input: &'a [u8], record: &mut Record<'a>) -> Parsed<'a, ()> {
    let mut rest = input;
    for name in ["captured_request_headers", "captured_response_headers"] {
        let Some(inside) = rest.strip_prefix(b"{") else {
            break;
        };
        let Some(end) = memchr::memchr(b'}', inside) else {
            return stop(&[], Reason::Truncated);
        };
        let values = inside.get(..end).unwrap_or_default();
        rest = inside.get(end + 1..).unwrap_or_default().trim_ascii_start();
        if values.iter().all(|&b| b == b'|') {
            continue;
        }
        if name == "captured_request_headers" {
            guess(values, record);
        }
        record.more_mut().extra.push((name.into(), unescape(values)));
    }
    Ok((rest, ()))
}

/// A first value that is a name with dots is the host, a value that begins like a product is the agent.
fn guess<'a>(values: &'a [u8], record: &mut Record<'a>) {
    for (index, value) in values.split(|&b| b == b'|').enumerate() {
        let dotted = value.contains(&b'.') && address::is_host_name(value) && address::ip(value).is_none();
        let product = value
            .iter()
            .position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'-' | b'_' | b'.'))
            .filter(|&at| at > 0 && value.get(at) == Some(&b'/'))
            .and_then(|at| value.get(at + 1))
            .is_some_and(u8::is_ascii_digit);
        if index == 0 && dotted && !value.ends_with(b".") {
            record.host = Some(Cow::Borrowed(value));
        } else if product && record.user_agent.is_none() {
            record.put_agent(Some(unescape(value)));
        }
    }
}

/// `"GET / HTTP/1.1"` and what an administrator appended; the closing quote is missing where the line was cut.
fn request_line<'a>(input: &'a [u8], record: &mut Record<'a>) -> Parsed<'a, ()> {
    let (inside, ()) = leaf::literal(input, b"\"")?;
    let closing = memchr::memrchr(b'"', inside);
    let end = closing.unwrap_or(inside.len());
    let text = inside.get(..end).unwrap_or_default();
    let after = inside.get(end + 1..).unwrap_or_default();
    match request::split(text) {
        Some((method, target, version)) => {
            record.method = Some(Cow::Borrowed(method));
            record.target = Some(unescape(target));
            record.http_version = version.filter(|_| closing.is_some());
            clf::host_of_absolute(record);
        }
        None => record.malformed_request = Some(unescape(text)).filter(|text| !text.is_empty()),
    }
    for word in after
        .split(|&b| b == b' ')
        .filter(|word| word.starts_with(b"TLSv"))
    {
        record.more_mut().tls_version = word.strip_prefix(b"TLSv").map(Cow::Borrowed);
    }
    Ok((&[], ()))
}

/// Undoes `#HH`; HAProxy escapes `#` itself, so nothing is ambiguous.
fn unescape(text: &[u8]) -> Bytes<'_> {
    if memchr::memchr(b'#', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let hex = |digit: &u8| char::from(*digit).to_digit(16);
        match after {
            [high, low, later @ ..] if byte == b'#' => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    out.push((high << 4 | low) as u8);
                    rest = later;
                }
                _ => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Record<'_>, Reject> {
        let mut record = Record::default();
        parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).map(|_| record)
    }

    const HEAD: &str = "192.0.2.7:14853 [14/Jan/2015:12:48:57.127] https-in~ app/web1 170/0/0/3/173";

    #[test]
    fn lines() {
        let line = format!(r#"{HEAD} 200 739 - - ---- 0/0/0/0/0 0/0 "GET /a#22b HTTP/1.1""#);
        let record = read(&line).unwrap();
        assert_eq!(record.time.unwrap().to_string(), "2015-01-14T12:48:57.127Z");
        assert_eq!(record.target.as_deref(), Some(&b"/a\"b"[..]));
        assert_eq!(
            (record.status, record.more.duration_ns),
            (Some(200), Some(173_000_000))
        );

        let line = format!(
            r#"{HEAD} 200 739 - - --VN 296/296/33/6/0 0/0 {{shop.example|Mozilla/5.0 (x)|203.0.113.99}} {{nginx}} "GET / HTTP/2.0" TLSv1.2"#
        );
        let record = read(&line).unwrap();
        assert_eq!(record.host.as_deref(), Some(&b"shop.example"[..]));
        assert_eq!(record.user_agent.as_deref(), Some(&b"Mozilla/5.0 (x)"[..]));
        assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
        assert_eq!(record.more.tls_version.as_deref(), Some(&b"1.2"[..]));

        let line = format!(
            r#"{} 400 187 - - PR-- 2/2/0/0/0 0/0 {{||}} "<BADREQ>""#,
            HEAD.replace("170/0/0/3/173", "-1/-1/-1/-1/+5")
        );
        let record = read(&line).unwrap();
        assert_eq!(record.malformed_request.as_deref(), Some(&b"<BADREQ>"[..]));
        assert_eq!(record.more.duration_ns, Some(5_000_000));

        let line = format!(r#"{HEAD} -1 0 - - CR-- 2/2/0/0/0 0/0 "POST /cut"#);
        let record = read(&line).unwrap();
        assert_eq!(
            (record.status, record.target.as_deref()),
            (None, Some(&b"/cut"[..]))
        );
    }

    #[test]
    fn sockets_and_absolute_targets() {
        let tail =
            r#"fe be/s 0/0/0/1/2 200 100 - - ---- 1/1/0/0/0 0/0 "GET http://h.example:81/abs HTTP/1.1""#;
        let line = format!("unix:1 [14/Jan/2015:12:48:57.127] {tail}");
        let record = read(&line).unwrap();
        assert_eq!(
            (record.peer, record.peer_text, record.more.peer_port),
            (None, &b"unix:1"[..], None)
        );
        assert_eq!(
            (record.host.as_deref(), record.more.server_port),
            (Some(&b"h.example"[..]), Some(81))
        );
        assert_eq!(record.target.as_deref(), Some(&b"http://h.example:81/abs"[..]));
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "192.0.2.7:50033 [28/Feb/2025:02:43:10.123] frontend/backend: SSL handshake failure",
            "192.0.2 [14/Jan/2015:12:48:57.127] a b/c 1/1/1/1/1 200 1 - - ---- 0/0/0/0/0 0/0 \"GET / HTTP/1.1\"",
            "Connect from 192.0.2.7:49780 to 192.0.2.8:443 (HTTPS-IN/HTTP)",
            "192.0.2.7:1 [14/Jan/2015:12:48:57.127] tcp app/web1 1/0/300 739 -- 0/0/0/0/0 0/0",
            "",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
