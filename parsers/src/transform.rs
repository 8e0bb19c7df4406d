//! Caddy's `transform` encoder with its common template, in a time format that is not the Common Log Format's own.
//!
//! `peer - user [time] "request" status size`, and behind it perhaps `"referer" "agent"`. With the CLF time such a
//! line is plain common or combined, but for quotes that nobody escaped; a log that has some is known by them.

use crate::clf::{self, Shape, head};
use crate::clock;
use crate::format::Format;
use crate::leaf::{self, Parsed, stop};
use crate::line::Line;
use crate::memo::TimeMemo;
use crate::raw;
use crate::record::Record;
use crate::reject::{Reason, Reject};
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

/// Reads one line with the time of the Common Log Format, in a log that is known for Caddy's.
pub(crate) fn parse_clf<'a>(line: &'a [u8], record: &mut Record<'a>, times: &mut TimeMemo) -> Option<Line> {
    let own = |shape: Shape| !shape.vhost && shape.tail == clf::Tail::None;
    clf::parse_unescaped(line, record, times, own).ok()?;
    record.format = Some(Format::CaddyTransform);
    Some(Line::Record)
}

/// Whether only a server that escapes nothing writes such a line with the time of the Common Log Format.
pub(crate) fn is_telling(line: &[u8]) -> bool {
    let mut record = Record::default();
    let mut times = TimeMemo::new();
    clf::parse(line, &mut record, &mut times, Escape::Either).is_err()
        && clf::parse_raw(line, &mut record, &mut times).is_ok_and(|shape| !shape.vhost)
        && head::times(line).len() == 1
}

fn entry<'a>(input: &'a [u8], record: &mut Record<'a>, times: &mut TimeMemo) -> Parsed<'a, ()> {
    let Ok((rest, peer)) = leaf::word(input) else {
        return stop(input, Reason::UnknownFormat);
    };
    let Some(bracket) = memchr::memmem::find(rest, b" [") else {
        return stop(input, Reason::UnknownFormat);
    };
    head::set_peer(input, peer, record)?;
    let (rest, bracket) = match rest.strip_prefix(b"- ") {
        Some(after) if bracket >= 2 => (after, bracket - 2),
        _ => return stop(input, Reason::UnknownFormat),
    };
    let user = rest.get(..bracket).unwrap_or_default();
    let inside = rest.get(bracket + 2..).unwrap_or_default();
    let Some(end) = memchr::memchr(b']', inside) else {
        return stop(&[], Reason::Truncated);
    };
    let time = inside.get(..end).unwrap_or_default();
    if times.clf(time).is_some() {
        return stop(input, Reason::UnknownFormat);
    }
    record.time = match clock::any(time, times) {
        Ok(time) => Some(time),
        Err(reason) => return stop(inside, reason),
    };
    let mut is_time = |text: &[u8]| clock::any(text, times).is_ok();
    let all = raw::bracketed(input).filter(|(_, text)| is_time(text));
    let all: Vec<usize> = all.map(|(at, _)| at).collect();
    if all.len() > 1 {
        let time = record.time;
        let read = raw::unclear(input, &all, record);
        record.time = time;
        return read;
    }
    if !matches!(user, b"-" | b"") {
        record.user = Some(user.into());
    }
    let rest = inside.get(end..).unwrap_or_default();
    let (rest, ()) = leaf::literal(rest, b"] ")?;
    raw::values(rest, record).map(|(rest, _)| (rest, ()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_time_of_caddy() {
        for time in [
            "1646861401.524",
            "2022-03-09T21:30:01.524Z",
            "2022/03/09 21:30:01.524",
            "1646861401524",
        ] {
            for tail in ["", r#" "https://r/" "curl/8""#] {
                let line = format!(r#"192.0.2.7 - bob [{time}] "GET /a HTTP/2.0" 404 12{tail}"#);
                let mut record = Record::default();
                parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap();
                assert_eq!(record.time.unwrap().nanos(), 1_646_861_401_524_000_000, "{line}");
                assert_eq!((record.status, record.body_bytes), (Some(404), Some(12)));
                assert_eq!(record.user_agent.is_some(), !tail.is_empty());
            }
        }
        let line = r#"192.0.2.7 - - [1646861401.5] "GET /a"b HTTP/1.1" 404 1 "-" "sqlmap"1""#;
        let mut record = Record::default();
        parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap();
        assert_eq!(record.target.as_deref(), Some(&b"/a\"b"[..]));
        assert_eq!(record.user_agent.as_deref(), Some(&b"sqlmap\"1"[..]));
        let line = r#"192.0.2.7 - x [1646861400.5] "GET /fake HTTP/1.1" 200 1 "-" "b [1646861401.5] "GET /real HTTP/1.1" 404 1 "-" "c""#;
        let mut record = Record::default();
        parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap();
        assert_eq!(
            (record.peer_text, record.status, record.target),
            (&b"192.0.2.7"[..], None, None)
        );
        assert!(record.malformed_request.unwrap().ends_with(b"\"c\""));
        for line in [
            "",
            "192.0.2.7 - - [soon] \"GET / HTTP/1.1\" 200 1",
            "192.0.2.7 - - [1646861401.5] GET",
        ] {
            let mut record = Record::default();
            assert!(
                parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).is_err(),
                "{line}"
            );
        }
    }
}
