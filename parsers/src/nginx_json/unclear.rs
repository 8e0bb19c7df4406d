//! Lines in which a client wrote quotes that nobody escaped (`escape=none`), and perhaps members of its own.
//!
//! A quote ends a string where the next member or the end of the object follows. Where that makes no object, or a name stands
//! twice with two values, what was asked is not told apart: of such a line the peer is kept if all the text names one, and
//! the first time; the text is a request that is none, so that rules see all of it.

use std::borrow::Cow;

use crate::address;
use crate::compile::sink::Sink;
use crate::leaf;
use crate::memo::TimeMemo;
use crate::parser::Line;
use crate::record::Record;
use crate::reject::{Reason, Reject};
use crate::time::Time;
use crate::unescape::Escape;

use super::{Doubled, LONGEST_NAME, NAMES, Scan, any_time, attempt, is_decisive, lower, named};

/// Reads a line that broke off as an object, or in which a name stands twice.
#[cold]
pub(super) fn parse<'a>(
    line: &'a [u8],
    broken: bool,
    record: &mut Record<'a>,
    times: &mut TimeMemo,
) -> Result<Line, Reject> {
    record.restart(line);
    let mut scan = Scan::new(line, broken)?;
    let refused = match attempt(line, &mut scan, record, times) {
        Ok(Doubled(doubled)) => {
            let contradicts = doubled && contradicts_itself(line, broken, times)?;
            if !contradicts && !scan.broken {
                return Ok(Line::Record);
            }
            Reject::new(Reason::Json, 0)
        }
        Err(refused) => refused,
    };
    keep(line, record, times).ok_or(refused)
}

/// Whether a name that decides something stands there with two values.
fn contradicts_itself(line: &[u8], lenient: bool, times: &mut TimeMemo) -> Result<bool, Reject> {
    let mut first: [Option<&[u8]>; NAMES.len()] = [None; NAMES.len()];
    let mut scan = Scan::new(line, lenient)?;
    while let Some((name, value)) = scan.next() {
        let mut key = [0; LONGEST_NAME];
        let Some((at, (_, sink))) = lower(name, &mut key).and_then(named) else {
            continue;
        };
        // Under the names of times durations stand, too.
        let mut is_time = |value| any_time(value, times).is_some();
        if !is_decisive(sink) || matches!(sink, Sink::TimeEpoch(_)) && !is_time(value) {
            continue;
        }
        match first.get_mut(at) {
            Some(Some(known)) if *known != value => return Ok(true),
            Some(known) => *known = Some(value),
            None => {}
        }
    }
    Ok(false)
}

/// Keeps what is certain of a line that has a `remote_addr`, a request, a status and a time.
fn keep<'a>(line: &'a [u8], record: &mut Record<'a>, times: &mut TimeMemo) -> Option<Line> {
    let has = |text: &[u8]| memchr::memmem::find(line, text).is_some();
    let time = first_time(line, times).filter(|_| has(b"request") && has(b"status\""))?;
    let mut peers = peers(line);
    let peer = peers.next()?;
    let only = peers.all(|other| other == peer) && !is_glued(line);
    record.restart(line);
    record.time = Some(time);
    record.malformed_request = Some(Cow::Borrowed(line));
    if only {
        (record.peer, record.peer_text) = (address::ip(peer), peer);
    }
    Some(Line::Record)
}

/// Whether a line begins twice: it was cut, and the next stands behind it.
fn is_glued(line: &[u8]) -> bool {
    let begin = line.split(|&b| b == b':').next().unwrap_or_default();
    memchr::memmem::find_iter(line, begin).nth(1).is_some()
}

/// The first member that is a time.
fn first_time(line: &[u8], times: &mut TimeMemo) -> Option<Time> {
    let mut scan = Scan::new(line, false).ok()?;
    while let Some((name, value)) = scan.next() {
        let mut key = [0; LONGEST_NAME];
        let known = lower(name, &mut key).and_then(named);
        if known.is_some_and(|(_, (_, sink))| matches!(sink, Sink::TimeEpoch(_)))
            && let Some(time) = any_time(value, times)
        {
            return Some(time);
        }
    }
    None
}

/// What stands behind each `remote_addr"`, wherever in the line.
fn peers(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    const NAME: &[u8] = b"remote_addr\"";
    memchr::memmem::find_iter(line, NAME).filter_map(|at| {
        let after = line.get(at + NAME.len()..)?.trim_ascii_start();
        let value = after.strip_prefix(b":")?.trim_ascii_start();
        leaf::quoted(value, Escape::None).ok().map(|(_, peer)| peer)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str =
        r#"{"time":"2000-10-10T13:55:36Z","remote_addr":"192.0.2.7","request":"GET /evil HTTP/1.1""#;

    fn read(line: &str) -> Result<Record<'_>, Reject> {
        let mut record = Record::default();
        super::super::parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).map(|_| record)
    }

    #[test]
    fn a_client_writes_no_status_time_path_or_peer() {
        for (agent, peer) in [
            (r#"x","status":"200"} {"#, true),
            (
                r#"x","request":"GET /innocent HTTP/1.1","time":"2020-01-01T00:00:00Z","z":""#,
                true,
            ),
            (r#"x","status":"200","z":""#, true),
            (r#"sqlmap","agent":"Mozilla","z":""#, true),
            (r#"x","remote_addr":"203.0.113.9","z":""#, false),
            (r#"x"},{"remote_addr":"203.0.113.9","status":"200","z":""#, false),
            (r#"x"},{"time":"1","status":"200","z":""#, false),
        ] {
            let line = format!(r#"{BEGIN},"agent":"{agent}","status":404}}"#);
            let record = read(&line).unwrap_or_else(|why| panic!("{why}: {line}"));
            let want = if peer { "192.0.2.7" } else { "" };
            assert_eq!(record.peer_text, want.as_bytes(), "{line}");
            assert_eq!(
                (record.status, &record.target, &record.user_agent),
                (None, &None, &None),
                "{line}"
            );
            assert_eq!(record.time.unwrap().secs(), 971_186_136, "{line}");
            assert_eq!(record.malformed_request.as_deref(), Some(line.as_bytes()));
        }
    }

    #[test]
    fn a_line_that_holds_another_names_nobody() {
        let next = format!(r#"{},"status":404}}"#, BEGIN.replace("192.0.2.7", "203.0.113.9"));
        for cut in [30, 60, 75, BEGIN.len()] {
            if let Ok(record) = read(&format!("{}{next}", &BEGIN[..cut])) {
                assert_eq!((record.peer, record.status), (None, None), "{cut}");
            }
        }
    }

    #[test]
    fn quotes_and_names_that_decide_nothing_spoil_nothing() {
        for (more, agent) in [
            (r#""agent":"a"b""#, r#"a"b"#),
            (
                r#""agent":"x"},{"remote_addr":"203.0.113.9","z":"""#,
                r#"x"},{"remote_addr":"203.0.113.9"#,
            ),
            (r#""agent":"x","host":"a","host":"b""#, "x"),
            (r#""agent":"x","remote_addr":"192.0.2.7","agent":"x""#, "x"),
            (r#""agent":"x","time":"0.005","status":404"#, "x"),
        ] {
            let line = format!(r#"{BEGIN},"status":404,{more}}}"#);
            let record = read(&line).unwrap();
            assert_eq!(
                (record.peer_text, record.status),
                (&b"192.0.2.7"[..], Some(404)),
                "{line}"
            );
            assert_eq!(record.user_agent.as_deref(), Some(agent.as_bytes()), "{line}");
        }
    }

    #[test]
    fn many_members_cost_little() {
        for piece in [
            r#","agent":"x""#,
            r#""} {"#,
            "\",\"",
            r#""remote_addr":"#,
            "\"remote_addr\":\"",
        ] {
            let _ = read(&format!("{BEGIN},\"status\":1,{}}}", piece.repeat(50_000)));
        }
    }
}
