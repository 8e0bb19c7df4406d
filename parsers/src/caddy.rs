//! Caddy's access log: JSON by its `json` encoder (every version of Caddy 2), and the same behind the tabs of its
//! `console` encoder.
//!
//! Caddy writes all its loggers in this form, often into one stream: a line of another logger is skipped, not
//! refused. Any field may be missing, renamed or masked by the `filter` encoder, so a line is known by its logger
//! or by its `request` object. The time is the moment the line was written: the end of the request.

use crate::address;
use crate::clock;
use crate::header;
use crate::json::{Text, Value, Walker};
use crate::line::{Line, Skip};
use crate::memo::{TimeMemo, Unit, decimal};
use crate::record::{Bytes, Record};
use crate::reject::{Reason, Reject};
use crate::request;

/// What decides whether the line is an access line.
#[derive(Default)]
struct Seen<'a> {
    logger: Option<&'a [u8]>,
    message: Option<&'a [u8]>,
    level: bool,
    time: Option<Value<'a>>,
    /// Where its value ends in the line.
    time_end: usize,
    /// The unit that the log's durations were said to be in.
    durations: Option<Unit>,
    /// Whether there was a `request` object with a member of an HTTP request.
    request: bool,
    /// Whether there was a status, a size, a duration or response headers.
    response: bool,
    /// Whether a field of another of Caddy's loggers was there.
    other: bool,
}

/// Reads one line of the JSON encoder.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Line, Reject> {
    let mut seen = Seen {
        durations: times.durations(),
        ..Seen::default()
    };
    members(line, record, &mut seen)?;
    judge(&seen, record, times)
}

/// Reads one line of the console encoder: time, level, logger, message and the remaining fields as JSON.
pub(crate) fn parse_console<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Line, Reject> {
    const NOT_CONSOLE: Reject = Reject {
        reason: Reason::UnknownFormat,
        at: 0,
    };
    let mut columns = line.splitn(5, |&b| b == b'\t');
    let mut next = || columns.next().ok_or(NOT_CONSOLE);
    let (time, level, third) = (next()?, next()?, next()?);
    let known = [&b"debug"[..], b"info", b"warn", b"error", b"panic", b"fatal"];
    if !known.iter().any(|name| plain(level).eq_ignore_ascii_case(name)) {
        return Err(NOT_CONSOLE);
    }
    record.time = Some(clock::any(time, times).map_err(|reason| Reject::new(reason, 0))?);
    if clock::is_zoneless(time) {
        record.more_mut().zoneless = true;
    }
    let (Ok(message), Ok(object)) = (next(), next()) else {
        return Ok(Line::Skip(Skip::OtherStream));
    };
    let mut seen = Seen {
        level: true,
        logger: Some(third),
        message: Some(message),
        durations: times.durations(),
        ..Seen::default()
    };
    if !is_access_logger(third) {
        return Ok(Line::Skip(Skip::OtherStream));
    }
    let before = line.len() - object.len();
    members(object, record, &mut seen).map_err(|reject| Reject::new(reject.reason, before + reject.at))?;
    Ok(Line::Record)
}

/// A level without the colours of a terminal.
fn plain(level: &[u8]) -> &[u8] {
    let Some(rest) = level.strip_prefix(b"\x1b[") else {
        return level;
    };
    let from = memchr::memchr(b'm', rest).map_or(0, |at| at + 1);
    let text = rest.get(from..).unwrap_or_default();
    text.get(..memchr::memchr(0x1B, text).unwrap_or(text.len()))
        .unwrap_or_default()
}

fn is_access_logger(logger: &[u8]) -> bool {
    logger
        .strip_prefix(b"http.log.access")
        .is_some_and(|name| matches!(name.first(), None | Some(b'.')))
}

fn judge(seen: &Seen<'_>, record: &mut Record<'_>, times: &mut TimeMemo) -> Result<Line, Reject> {
    let named = seen.logger.is_some_and(is_access_logger);
    let handled = matches!(seen.message, Some(b"handled request" | b"NOP"));
    let shaped = seen.request && seen.response && !seen.other && (seen.logger.is_none() || handled);
    if !(named && (seen.request || seen.response)) && !shaped {
        let of_caddy = seen.level && seen.time.is_some() && seen.message.is_some();
        return if of_caddy {
            Ok(Line::Skip(Skip::OtherStream))
        } else {
            Err(Reject::new(Reason::JsonShape, 0))
        };
    }
    let time = seen.time.ok_or(Reject::new(Reason::Time, 0))?;
    if let Value::Text(text) = time
        && clock::is_zoneless(text.raw)
    {
        record.more_mut().zoneless = true;
    }
    let time = clock::of_json(time, times);
    record.time = Some(time.map_err(|reason| Reject::new(reason, seen.time_end))?);
    Ok(Line::Record)
}

/// The members of the top level.
fn members<'a>(text: &'a [u8], record: &mut Record<'a>, seen: &mut Seen<'a>) -> Result<(), Reject> {
    let mut walker = Walker::object(text)?;
    while let Some(key) = walker.key()? {
        let value = walker.value()?;
        match (key, value) {
            (b"request", Value::Object) => {
                request_members(&mut walker, record, seen)?;
                continue;
            }
            (b"status", Value::Bare(number)) => {
                let status = decimal(number).filter(|status| *status <= 999);
                let status = status.ok_or_else(|| Reject::new(Reason::Status, walker.at()))?;
                // 0: no handler wrote anything, and the client got 200 from nobody in particular.
                record.status = u16::try_from(status).ok().filter(|status| *status != 0);
                seen.response = true;
            }
            (b"size", Value::Bare(number)) => {
                record.body_bytes = decimal(number);
                seen.response = true;
            }
            (b"duration", _) => {
                record.more_mut().duration_ns = clock::duration(value, seen.durations);
                seen.response = true;
            }
            (b"resp_headers", _) => seen.response = true,
            (b"bytes_read", Value::Bare(number)) if number != b"0" => {
                let bytes = Bytes::Borrowed(number);
                record.more_mut().extra.push(("bytes_read".into(), bytes));
            }
            (b"user_id", Value::Text(user)) if !user.raw.is_empty() => record.user = Some(user.unescape()),
            (b"ts" | b"time" | b"timestamp" | b"@timestamp", _) => {
                seen.time = Some(value);
                seen.time_end = walker.at();
            }
            (b"logger" | b"name" | b"logger_name", Value::Text(name)) => seen.logger = Some(name.raw),
            (b"msg" | b"message", Value::Text(message)) => seen.message = Some(message.raw),
            (b"level" | b"lvl" | b"severity", _) => seen.level = true,
            (b"err_id" | b"err_trace" | b"upstream", _) => seen.other = true,
            _ => {}
        }
        walker.skip(value)?;
    }
    walker.finish()
}

/// The members of `request`.
fn request_members<'a>(
    walker: &mut Walker<'a>,
    record: &mut Record<'a>,
    seen: &mut Seen<'a>,
) -> Result<(), Reject> {
    while let Some(key) = walker.key()? {
        let value = walker.value()?;
        match (key, value) {
            (b"headers", Value::Object) => {
                record.has_agent_place = true;
                headers(walker, record)?;
                continue;
            }
            (b"tls", Value::Object) => {
                tls(walker, record)?;
                continue;
            }
            (b"remote_ip" | b"remote_addr", Value::Text(text)) => set_peer(text, record),
            (b"client_ip", Value::Text(text)) if !text.raw.is_empty() => {
                record.more_mut().client = address::ip(text.raw);
            }
            (b"remote_port", _) => {
                record.more_mut().peer_port = decimal(value.raw()).and_then(|port| u16::try_from(port).ok());
            }
            (b"proto", Value::Text(text)) => record.http_version = request::version(text.raw),
            (b"method", Value::Text(text)) if !text.raw.is_empty() => record.method = Some(text.unescape()),
            (b"uri", Value::Text(text)) if !text.raw.is_empty() => record.target = Some(text.unescape()),
            (b"host", Value::Text(_)) => header::host(value, record),
            _ => {
                walker.skip(value)?;
                continue;
            }
        }
        seen.request = true;
        walker.skip(value)?;
    }
    Ok(())
}

fn set_peer<'a>(text: Text<'a>, record: &mut Record<'a>) {
    record.peer_text = text.raw;
    if let Some(peer) = address::peer(text.raw) {
        record.peer = Some(peer.ip);
        if peer.port.is_some() {
            record.more_mut().peer_port = peer.port;
        }
    }
}

/// Request headers: each name has an array of values. What Caddy redacted is absent: `["REDACTED"]` since 2.8, an
/// empty array from 2.5 on.
fn headers<'a>(walker: &mut Walker<'a>, record: &mut Record<'a>) -> Result<(), Reject> {
    while let Some(name) = walker.key()? {
        let value = match walker.value()? {
            Value::Array => {
                let mut joined: Option<Bytes<'a>> = None;
                while let Some(element) = walker.element()? {
                    walker.skip(element)?;
                    joined = Some(match joined {
                        None => element.unescape(),
                        Some(first) => header::join(name, first, &element.unescape()),
                    });
                }
                joined
            }
            Value::Text(text) => Some(text.unescape()),
            other => {
                walker.skip(other)?;
                None
            }
        };
        if let Some(value) = value.filter(|value| **value != *b"REDACTED") {
            header::put(name, value, record);
        }
    }
    Ok(())
}

/// `request.tls`: versions and cipher suites are the numbers of the protocol.
fn tls<'a>(walker: &mut Walker<'a>, record: &mut Record<'a>) -> Result<(), Reject> {
    record.more_mut().scheme = Some(Bytes::Borrowed(b"https"));
    while let Some(key) = walker.key()? {
        let value = walker.value()?;
        walker.skip(value)?;
        let raw = value.raw();
        if raw.is_empty() {
            continue;
        }
        let more = record.more_mut();
        match key {
            b"version" => more.tls_version = tls_version(raw).map(Bytes::Borrowed),
            b"cipher_suite" => more.tls_cipher = Some(Bytes::Borrowed(cipher(raw).unwrap_or(raw))),
            b"server_name" => more.tls_server_name = Some(value.unescape()),
            b"proto" => more.extra.push(("tls_next_protocol".into(), value.unescape())),
            b"resumed" => more.extra.push(("tls_resumed".into(), Bytes::Borrowed(raw))),
            b"client_common_name" => more.extra.push(("tls_client_subject".into(), value.unescape())),
            b"client_serial" => more.extra.push(("tls_client_serial".into(), value.unescape())),
            _ => {}
        }
    }
    Ok(())
}

/// Protocol versions by their numbers on the wire.
fn tls_version(number: &[u8]) -> Option<&'static [u8]> {
    Some(match number {
        b"769" => b"1.0",
        b"770" => b"1.1",
        b"771" => b"1.2",
        b"772" => b"1.3",
        _ => return None,
    })
}

/// Names of the cipher suites that Go offers, by their numbers (IANA, TLS Cipher Suites).
fn cipher(number: &[u8]) -> Option<&'static [u8]> {
    Some(match number {
        b"4865" => b"TLS_AES_128_GCM_SHA256",
        b"4866" => b"TLS_AES_256_GCM_SHA384",
        b"4867" => b"TLS_CHACHA20_POLY1305_SHA256",
        b"49195" => b"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        b"49196" => b"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        b"49199" => b"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        b"49200" => b"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        b"52392" => b"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        b"52393" => b"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
