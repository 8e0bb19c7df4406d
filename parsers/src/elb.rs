//! AWS load balancers: the application load balancer's log and that of the classic one, which lacks the first word.
//!
//! The balancer writes the URL it was asked for as an absolute one, whatever the client sent; it is taken apart
//! again, so that an absolute target stays the mark of a client that takes the server for a proxy.

use std::borrow::Cow;

use crate::address;
use crate::clf::head::set_host;
use crate::clf::present;
use crate::leaf::{self, Parsed, stop};
use crate::line::Line;
use crate::memo::TimeMemo;
use crate::record::Record;
use crate::reject::{Reason, Reject};
use crate::request;
use crate::unescape::Escape;

/// Reads one line.
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
    let Ok((rest, first)) = leaf::word(input) else {
        return stop(input, Reason::UnknownFormat);
    };
    let application = matches!(first, b"http" | b"https" | b"h2" | b"grpcs" | b"ws" | b"wss");
    let (rest, time) = if application {
        leaf::word(rest)?
    } else {
        (rest, first)
    };
    if time.last() != Some(&b'Z') {
        return stop(input, Reason::UnknownFormat);
    }
    let Some(time) = times.iso(time) else {
        return stop(rest, Reason::Time);
    };
    record.time = Some(time);
    let (rest, balancer) = leaf::word(rest)?;
    let (after, client) = leaf::word(rest)?;
    let Some(peer) = client_of(client) else {
        return stop(rest, Reason::Address);
    };
    (record.peer, record.peer_text) = (Some(peer.ip), client);
    let (rest, target) = leaf::word(after)?;
    let (rest, duration) = durations(rest)?;
    let (rest, status) = leaf::status(rest)?;
    record.status = status;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, _target_status) = leaf::word(rest)?;
    let (rest, received) = leaf::number_or_dash(rest)?;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let (rest, sent) = leaf::number_or_dash(rest)?;
    let (rest, ()) = leaf::literal(rest, b" ")?;
    let more = record.more_mut();
    (more.peer_port, more.duration_ns) = (peer.port, duration);
    (more.request_bytes, more.response_bytes) = (received, sent);
    for (name, value) in [("load_balancer", balancer), ("upstream_addr", target)] {
        if value != b"-" {
            more.extra.push((name.into(), Cow::Borrowed(value)));
        }
    }
    let (rest, asked) = leaf::quoted(rest, Escape::Either)?;
    // What could not be parsed stands as `- http://host:80- -`.
    if !asked.starts_with(b"- ") {
        request::fill(asked, Escape::Either, record);
        own_target(record);
    }
    tail(rest, record, times)
}

/// A client and its port, which anonymised logs leave out.
fn client_of(text: &[u8]) -> Option<address::Peer> {
    let plain = !text.contains(&b':') || text.ends_with(b"]");
    if plain {
        address::peer(text)
    } else {
        address::endpoint(text)
    }
}

/// Three times in seconds; their sum is the duration unless one is -1.
fn durations(input: &[u8]) -> Parsed<'_, Option<u64>> {
    let mut sum = Some(0_u64);
    let mut rest = input;
    for _ in 0..3 {
        let (after, text) = leaf::word(rest)?;
        let nanos = leaf::nanos_of_seconds(text);
        if nanos.is_none() && !matches!(text, b"-1" | b"-") {
            return stop(rest, Reason::Number);
        }
        sum = sum.zip(nanos).and_then(|(sum, nanos)| sum.checked_add(nanos));
        rest = after;
    }
    Ok((rest, sum))
}

/// `https://host:443/path` → host, scheme, port and `/path`.
fn own_target(record: &mut Record<'_>) {
    let Some(Cow::Borrowed(target)) = record.target else {
        return;
    };
    let Some(at) = memchr::memmem::find(target, b"://").filter(|at| *at <= 5) else {
        return;
    };
    let (scheme, rest) = (
        target.get(..at).unwrap_or_default(),
        target.get(at + 3..).unwrap_or_default(),
    );
    let end = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end.min(rest.len()));
    set_host(host, record);
    record.more_mut().scheme = Some(Cow::Borrowed(scheme));
    record.target = Some(Cow::Borrowed(if path.is_empty() { b"/" } else { path }));
}

/// A request that came longer ago than a day did not: its time is another's.
const LONGEST: u64 = 86_400_000_000_000;

/// ` "agent" cipher protocol target-group "trace" "domain" …`; the oldest lines have none of it.
fn tail<'a>(input: &'a [u8], record: &mut Record<'a>, times: &mut TimeMemo) -> Parsed<'a, ()> {
    let Some(rest) = input.strip_prefix(b" ") else {
        return match input {
            [] => Ok((input, ())),
            _ => stop(input, Reason::Literal),
        };
    };
    let (rest, agent) = leaf::quoted(rest, Escape::Either)?;
    record.put_agent(present(agent, Escape::Either));
    let mut words = rest.trim_ascii_start().split(|&b| b == b' ');
    let (cipher, protocol) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let more = record.more_mut();
    if !matches!(cipher, b"-" | b"") {
        more.tls_cipher = Some(Cow::Borrowed(cipher));
    }
    more.tls_version = protocol.strip_prefix(b"TLSv").map(Cow::Borrowed);
    let _group = words.next();
    if let Some(trace) = words
        .next()
        .and_then(|word| word.strip_prefix(b"\"")?.strip_suffix(b"\""))
        && trace != b"-"
    {
        more.request_id = Some(Cow::Borrowed(trace));
    }
    // Behind it "domain" "certificate" priority created; neither of the quoted values holds a space.
    if let Some(created) = words.nth(3).and_then(|word| times.iso(word))
        && let Some(nanos) = record
            .time
            .and_then(|time| time.nanos().checked_sub(created.nanos()))
        && let Some(nanos) = u64::try_from(nanos).ok().filter(|nanos| *nanos <= LONGEST)
    {
        record.more_mut().duration_ns = Some(nanos);
    }
    Ok((&[], ()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Record<'_>, Reject> {
        let mut record = Record::default();
        parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).map(|_| record)
    }

    #[test]
    fn a_request_lasts_from_its_creation() {
        let read_at = |created: &str| {
            let line = format!(
                r#"http 2026-03-29T01:00:00.186641Z app/lb/50dc 192.0.2.7:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET http://www.example:80/ HTTP/1.1" "curl/7" - - arn:aws:x "Root=1-5" "-" "-" 0 {created} "forward" "-" "-" "10.0.0.1:80" "200" "-" "-""#
            );
            read(&line).unwrap().more.duration_ns
        };
        assert_eq!(read_at("2026-03-29T00:59:59.364000Z"), Some(822_641_000));
        for other in ["2026-03-29T01:00:01.364000Z", "2018-07-02T22:22:48.364000Z", "-"] {
            assert_eq!(read_at(other), Some(1_000_000), "{other}");
        }
    }

    #[test]
    fn the_last_number_of_a_client_is_its_port() {
        for (client, peer, port) in [
            ("2001:db8::2:8946", "2001:db8::2", 8946),
            ("2001:db8:1:2:3:4:5:6:50718", "2001:db8:1:2:3:4:5:6", 50_718),
            ("[2001:db8::2]:443", "2001:db8::2", 443),
            ("192.0.2.7:2817", "192.0.2.7", 2817),
            ("192.0.2.7", "192.0.2.7", 0),
            ("[2001:db8::2]", "2001:db8::2", 0),
        ] {
            let line = format!(
                r#"2026-03-29T01:00:00.186641Z my-elb {client} 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET http://www.example:80/ HTTP/1.1""#
            );
            let record = read(&line).unwrap();
            assert_eq!(record.peer.map(|peer| peer.to_string()).as_deref(), Some(peer));
            assert_eq!(record.more.peer_port.unwrap_or_default(), port);
        }
    }

    #[test]
    fn both_balancers() {
        for line in [
            r#"h2 2023-04-26T12:23:00.186641Z app/a/b 192.0.2.7:44740 10.0.0.1:80 0.086 0.048 0.037 404 404 9 57 "GET https://www.example:443/a?b=c HTTP/2.0" "curl/8 \x22" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:x "Root=1-5" "www.example" "arn:y" 1 2018-07-02T22:22:48.364000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-""#,
            r#"2023-04-26T12:23:00.186641Z my-elb 192.0.2.7:44740 - 0.086 0.048 0.037 404 404 9 57 "GET https://www.example:443/a?b=c HTTP/2.0" "curl/8 \x22" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2"#,
        ] {
            let record = read(line).unwrap();
            assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
            assert_eq!(record.target.as_deref(), Some(&b"/a?b=c"[..]));
            assert_eq!(record.host.as_deref(), Some(&b"www.example"[..]));
            assert_eq!(
                (record.status, record.more.duration_ns),
                (Some(404), Some(171_000_000))
            );
            assert_eq!(record.user_agent.as_deref(), Some(&b"curl/8 \""[..]));
            assert_eq!(record.more.tls_version.as_deref(), Some(&b"1.2"[..]));
        }
        let line = r#"http 2023-04-26T12:23:00.186641Z app/a/b 192.0.2.7:44740 - -1 -1 -1 460 - 9 57 "- http://www.example:80- -" "-" - - - "-" "-" "-" 0 2018-07-02T22:22:48.364000Z "-" "-" "-" "-" "-" "-" "-""#;
        let record = read(line).unwrap();
        assert_eq!(
            (record.status, record.more.duration_ns, record.user_agent),
            (Some(460), None, None)
        );
        assert_eq!((record.method, record.target, record.host), (None, None, None));
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "",
            "http",
            "tls 2.0 2018-12-20T02:59:40 net/my-network-loadbalancer/c6e77e28c25b2234 g3d4b5e8bb8464cd 192.0.2.7:51341 172.100.100.185:443 5 2 98 246 - arn - ECDHE tlsv12 - my.example - - -",
            "http 2023-04-26T12:23:00.186641Z app/a/b x - 0 0 0 200 200 1 1 \"GET / HTTP/1.1\"",
            "2023-04-26T12:23:00.186641Z stdout F 192.0.2.7 - - x",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
