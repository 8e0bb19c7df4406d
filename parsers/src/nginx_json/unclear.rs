//! Lines in which a client wrote quotes that nobody escaped (`escape=none`), and perhaps members of its own.
//!
//! A quote ends a string where the next member or the end of the object follows. Where that makes no object, or a name stands
//! twice with two values, what was asked is not told apart: of such a line the peer is kept if all the text names one, and
//! the first time; the text is a request that is none, so that rules see all of it.

use std::borrow::Cow;

use crate::address;
use crate::compile::sink::Sink;
use crate::leaf;
use crate::line::Line;
use crate::memo::TimeMemo;
use crate::record::Record;
use crate::reject::{Reason, Reject};
use crate::time::Time;
use crate::unescape::Escape;

use super::names::{LONGEST_NAME, NAMES, is_decisive, lower, named};
use super::{Doubled, Scan, any_time, attempt};

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

/// Keeps what is certain of a line that names a peer, a request, a status and a time.
fn keep<'a>(line: &'a [u8], record: &mut Record<'a>, times: &mut TimeMemo) -> Option<Line> {
    let said = Said::of(line, times);
    let time = said.time.filter(|_| said.request && said.status)?;
    let peer = said.peer?;
    record.restart(line);
    record.time = Some(time);
    record.malformed_request = Some(Cow::Borrowed(line));
    if !said.several && !is_glued(line) {
        (record.peer, record.peer_text) = (address::ip(peer), peer);
    }
    Some(Line::Record)
}

/// What stands in a line under the names that people give nginx's variables, wherever in the line and whoever wrote it.
#[derive(Default)]
struct Said<'a> {
    /// The first time.
    time: Option<Time>,
    request: bool,
    status: bool,
    /// The first peer: the first `remote_addr`, where there is one.
    peer: Option<&'a [u8]>,
    remote_addr: bool,
    /// Whether another peer stands beside it.
    several: bool,
}

impl<'a> Said<'a> {
    fn of(line: &'a [u8], times: &mut TimeMemo) -> Self {
        let mut said = Self::default();
        for (name, value) in memchr::memchr_iter(b'"', line).filter_map(|at| member(line, at)) {
            let mut key = [0; LONGEST_NAME];
            let Some(key) = lower(name, &mut key) else {
                continue;
            };
            match named(key).map(|(_, (_, sink))| sink) {
                Some(Sink::TimeEpoch(_)) if said.time.is_none() => said.time = any_time(text(value), times),
                Some(Sink::Request | Sink::Target | Sink::Method) => said.request = true,
                Some(Sink::Status) => said.status = true,
                Some(Sink::Peer) => said.meet(key == b"remote_addr", text(value)),
                _ => {}
            }
        }
        said
    }

    /// Takes a peer. Other names than `remote_addr` count only where that is nowhere.
    fn meet(&mut self, remote_addr: bool, peer: &'a [u8]) {
        if remote_addr && !self.remote_addr {
            (self.peer, self.remote_addr, self.several) = (Some(peer), true, false);
        } else if remote_addr == self.remote_addr {
            self.several |= *self.peer.get_or_insert(peer) != peer;
        }
    }
}

/// The name that begins at this quote, and what stands behind its colon.
fn member(line: &[u8], quote: usize) -> Option<(&[u8], &[u8])> {
    let rest = line.get(quote + 1..)?;
    let near = rest.get(..LONGEST_NAME + 2).unwrap_or(rest);
    let (name, after) = rest.split_at_checked(memchr::memchr(b'"', near)?)?;
    let after = after.get(1..)?.trim_ascii_start();
    Some((name, after.strip_prefix(b":")?.trim_ascii_start()))
}

/// A value without its quotes, if it has any.
fn text(value: &[u8]) -> &[u8] {
    let quoted = leaf::quoted(value, Escape::None).ok().map(|(_, text)| text);
    quoted.unwrap_or_else(|| {
        let end = value.iter().position(|b| matches!(b, b',' | b'}' | b' '));
        value.get(..end.unwrap_or(value.len())).unwrap_or_default()
    })
}

/// Whether a line begins twice: it was cut, and the next stands behind it.
fn is_glued(line: &[u8]) -> bool {
    let begin = line.split(|&b| b == b':').next().unwrap_or_default();
    memchr::memmem::find_iter(line, begin).nth(1).is_some()
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
    fn whatever_the_peer_and_the_request_are_called_nothing_is_forged_or_hidden() {
        for names in [
            "ip method uri",
            "client_ip method uri",
            "remote_addr method uri",
            "client request request",
        ] {
            let [ip, method, uri] = names.split(' ').collect::<Vec<_>>()[..] else {
                unreachable!()
            };
            for agent in [
                r#"x","status":"200","z":""#,
                r#"x","status":"200","data":[{"level":"info","ts":1646861401.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"203.0.113.9","method":"GET","uri":"/e","host":"h"},"status":200}],"z":""#,
                r#"x"}{"ClientIP":"203.0.113.9","z":""#,
            ] {
                let line = format!(
                    r#"{{"time":"2000-10-10T13:55:36Z","{ip}":"192.0.2.7","{method}":"GET","{uri}":"/a","status":"404","agent":"{agent}"}}"#
                );
                let record = read(&line).unwrap_or_else(|why| panic!("{why}: {line}"));
                assert!(matches!(record.peer_text, b"192.0.2.7" | b""), "{line}");
                assert_ne!(record.status, Some(200), "{line}");
            }
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
