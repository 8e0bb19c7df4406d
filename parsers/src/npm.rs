//! nginx-proxy-manager: its `proxy` and `standard` log formats, and the short `custom` one seen in the wild.
//!
//! All begin with the time. What the client chooses (host, target, agent) stands before the client's address in
//! two of them, so the address is looked for from the right-hand literal that only nginx can write: nginx escapes
//! quotes, so a raw quote ends a quoted value, and the host is one word.

use std::borrow::Cow;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::sequence::{delimited, preceded, terminated};

use crate::clf::head::{set_host, set_peer};
use crate::clf::present;
use crate::leaf::{self, Parsed, reject, stop};
use crate::line::Line;
use crate::memo::TimeMemo;
use crate::record::{Bytes, Record};
use crate::reject::{Reason, Reject};
use crate::request;
use crate::unescape::Escape;

/// Reads one line.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    memo: &mut TimeMemo,
    dialect: Escape,
) -> Result<Line, Reject> {
    let (rest, time) = leaf::clf_time(line, memo).map_err(|stop| reject(line, stop))?;
    let (rest, ()) = leaf::literal(rest, b" ").map_err(|stop| reject(line, stop))?;
    record.time = Some(time);
    if long(rest, record, dialect).is_ok() {
        return Ok(Line::Record);
    }
    short(rest, record, dialect)
        .map_err(|stop| reject(line, stop))
        .map(|_| Line::Record)
}

/// `[$upstream_cache_status ]$upstream_status $status - $request_method $scheme $host "$request_uri"
/// [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] [Sent-to $server] "$http_user_agent"
/// "$http_referer"`; the `standard` format has neither the upstream's two words nor `Sent-to`.
fn long<'a>(input: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Parsed<'a, ()> {
    let (rest, words) = statuses(input)?;
    let (rest, status) = match words.last() {
        Some(word) => (rest, leaf::status(word)?.1),
        None => return stop(input, Reason::Status),
    };
    let (rest, (method, scheme, host, target)) = (leaf::word, leaf::word, leaf::word, |input| {
        leaf::quoted(input, dialect)
    })
        .parse(rest)?;
    let (rest, (client, length, gzip)) = (
        preceded(tag(&b" "[..]), labelled(b"Client ")),
        preceded(tag(&b" "[..]), labelled(b"Length ")),
        preceded(tag(&b" "[..]), labelled(b"Gzip ")),
    )
        .parse(rest)?;
    let (rest, sent_to) = match preceded(tag(&b" "[..]), labelled(b"Sent-to ")).parse(rest) {
        Ok((rest, value)) => (rest, Some(value)),
        Err(_) => (rest, None),
    };
    let quoted = |input| leaf::quoted(input, dialect);
    let (rest, (agent, referrer)) =
        (preceded(tag(&b" "[..]), quoted), preceded(tag(&b" "[..]), quoted)).parse(rest)?;
    end(rest)?;
    set_peer(input, client, record)?;
    set_host(host, record);
    record.method = present(method, dialect);
    record.target = present(target, dialect);
    record.status = status;
    record.body_bytes = leaf::number_or_dash(length)?.1;
    record.put_agent(present(agent, dialect));
    record.referrer = present(referrer, dialect);
    record.more_mut().scheme = present(scheme, dialect);
    extra(record, "gzip_ratio", present(gzip, dialect));
    extra(
        record,
        "upstream_addr",
        sent_to.and_then(|server| present(server, dialect)),
    );
    Ok((rest, ()))
}

/// One to three words up to the `-` behind the last, the status: cache status and upstream status (either may be
/// `-`) come before it.
fn statuses(input: &[u8]) -> Parsed<'_, Vec<&[u8]>> {
    let mut words = Vec::with_capacity(3);
    let mut rest = input;
    loop {
        let status = words
            .last()
            .is_some_and(|word: &&[u8]| word.iter().all(u8::is_ascii_digit));
        if let (true, Some(after)) = (status, rest.strip_prefix(b"- ")) {
            return Ok((after, words));
        }
        let (after, word) = leaf::word(rest)?;
        if words.len() == 3 {
            return stop(rest, Reason::Literal);
        }
        words.push(word);
        rest = after;
    }
}

/// `$host $remote_addr $request_time "$request" $status $body_bytes_sent $bytes_sent $http_referer
/// $http_user_agent`, the last two without quotes.
fn short<'a>(input: &'a [u8], record: &mut Record<'a>, dialect: Escape) -> Parsed<'a, ()> {
    let space = || tag(&b" "[..]);
    let (rest, (host, client)) = (leaf::word, leaf::word).parse(input)?;
    let (rest, (duration, request)) = (terminated(leaf::seconds_ns, space()), |input| {
        leaf::quoted(input, dialect)
    })
        .parse(rest)?;
    let (rest, (status, body, sent)) = (
        preceded(space(), leaf::status),
        preceded(space(), leaf::number_or_dash),
        delimited(space(), leaf::number_or_dash, space()),
    )
        .parse(rest)?;
    let (agent, referrer) = leaf::word(rest)?;
    set_peer(input, client, record)?;
    set_host(host, record);
    request::fill(request, dialect, record);
    record.status = status;
    record.body_bytes = body;
    record.referrer = present(referrer, dialect);
    record.put_agent(present(agent, dialect));
    let more = record.more_mut();
    (more.duration_ns, more.response_bytes) = (duration, sent);
    Ok((&[], ()))
}

/// `[Label value]`.
fn labelled<'a>(label: &'static [u8]) -> impl Parser<&'a [u8], Output = &'a [u8], Error = leaf::Stop<'a>> {
    delimited(
        (tag(&b"["[..]), tag(label)),
        nom::bytes::complete::take_till(|b| b == b']'),
        tag(&b"]"[..]),
    )
}

fn extra<'a>(record: &mut Record<'a>, name: &'static str, value: Option<Bytes<'a>>) {
    if let Some(value) = value {
        record.more_mut().extra.push((Cow::Borrowed(name), value));
    }
}

fn end(rest: &[u8]) -> Parsed<'_, ()> {
    if rest.is_empty() {
        Ok((rest, ()))
    } else {
        stop(rest, Reason::Literal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Record<'_>, Reject> {
        let mut record = Record::default();
        parse(line.as_bytes(), &mut record, &mut TimeMemo::new(), Escape::Nginx).map(|_| record)
    }

    #[test]
    fn the_three_forms() {
        for (line, status, upstream) in [
            (
                r#"[10/Feb/2024:21:25:15 +0100] HIT 404 200 - GET https shop.example "/v1?x=1" [Client 192.0.2.4] [Length 512] [Gzip 1.1] [Sent-to 10.0.0.9] "curl/8" "http://r/""#,
                200,
                Some(&b"10.0.0.9"[..]),
            ),
            (
                r#"[10/Feb/2024:21:25:15 +0100] - 404 404 - GET https shop.example "/v1?x=1" [Client 192.0.2.4] [Length 512] [Gzip -] [Sent-to 10.0.0.9] "curl/8" "http://r/""#,
                404,
                Some(b"10.0.0.9"),
            ),
            (
                r#"[10/Feb/2024:21:25:15 +0100] - - 200 - GET https shop.example "/v1?x=1" [Client 192.0.2.4] [Length 512] [Gzip -] [Sent-to 10.0.0.9] "curl/8" "http://r/""#,
                200,
                Some(b"10.0.0.9"),
            ),
            (
                r#"[10/Feb/2024:21:25:15 +0100] 301 - GET https shop.example "/v1?x=1" [Client 192.0.2.4] [Length 512] [Gzip -] "curl/8" "http://r/""#,
                301,
                None,
            ),
            (
                r#"[10/Feb/2024:21:25:15 +0100] shop.example 192.0.2.4 0.227 "GET /v1?x=1 HTTP/2.0" 207 512 940 http://r/ curl/8"#,
                207,
                None,
            ),
        ] {
            let record = read(line).unwrap();
            assert_eq!(record.peer.unwrap().to_string(), "192.0.2.4");
            assert_eq!(record.host.as_deref(), Some(&b"shop.example"[..]));
            assert_eq!(record.method.as_deref(), Some(&b"GET"[..]));
            assert_eq!(record.target.as_deref(), Some(&b"/v1?x=1"[..]));
            assert_eq!((record.status, record.body_bytes), (Some(status), Some(512)));
            assert_eq!(record.user_agent.as_deref(), Some(&b"curl/8"[..]));
            assert_eq!(record.referrer.as_deref(), Some(&b"http://r/"[..]));
            let sent_to = record.more.extra.iter().find(|(name, _)| name == "upstream_addr");
            assert_eq!(sent_to.map(|(_, value)| value.as_ref()), upstream, "{line}");
        }
    }

    #[test]
    fn a_target_cannot_place_another_client() {
        let line = r#"[10/Feb/2024:21:25:15 +0100] 200 - GET http h "/\x22 [Client 203.0.113.1] [Length 1]" [Client 192.0.2.4] [Length 512] [Gzip -] "a" "b""#;
        assert_eq!(read(line).unwrap().peer.unwrap().to_string(), "192.0.2.4");
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "[01/Mar/2021:12:00:19 +0000] [ab:alert] [pid 4803:tid 3814] [client 192.0.2.4:24259] no",
            "[10/Feb/2024:21:25:15 +0100] a b c",
            "[10/Feb/2024:21:25:15 +0100] ",
            "",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
