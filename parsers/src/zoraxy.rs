//! Zoraxy's router log: `[time] [router:NAME] [origin:HOST] [client: ADDRESS] [useragent: AGENT] METHOD TARGET STATUS`,
//! perhaps with Go's own time in front.
//!
//! Nothing is escaped. The host holds no space, so the first `] [client: ` is the server's own and the client is
//! safe from what the agent and the target say behind it. Times have no zone; they are taken as UTC.

use std::borrow::Cow;

use nom::Parser;
use nom::bytes::complete::{tag, take_till};
use nom::sequence::{delimited, preceded};

use crate::clf::head::{set_host, set_peer};
use crate::clf::present;
use crate::leaf::{self, Parsed, Stop, stop};
use crate::line::Line;
use crate::memo::TimeMemo;
use crate::record::{Moment, Record};
use crate::reject::{Reason, Reject};
use crate::unescape::Escape;

/// Length of `2025/05/01 07:57:03 `, which Go's logger puts in front.
const GO_TIME_LEN: usize = 20;

/// Reads one line.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    memo: &mut TimeMemo,
) -> Result<Line, Reject> {
    router(line, record, memo)
        .map_err(|stop| leaf::reject(line, stop))
        .map(|_| Line::Record)
}

fn router<'a>(line: &'a [u8], record: &mut Record<'a>, memo: &mut TimeMemo) -> Parsed<'a, ()> {
    let in_front = if line.first() == Some(&b'[') {
        0
    } else {
        GO_TIME_LEN
    };
    let Some(rest) = line.get(in_front..).filter(|rest| rest.first() == Some(&b'[')) else {
        return stop(line, Reason::UnknownFormat);
    };
    let (rest, (time, router, host)) = (
        field(b"["),
        preceded(tag(&b" "[..]), field(b"[router:")),
        preceded(tag(&b" "[..]), field(b"[origin:")),
    )
        .parse(rest)?;
    let (rest, client) = preceded(tag(&b" "[..]), field(b"[client: ")).parse(rest)?;
    let (agent, _) = tag(&b" [useragent: "[..]).parse(rest)?;
    let Some((agent, method, target, status)) = request(agent) else {
        return stop(agent, Reason::Literal);
    };
    let Some(time) = memo.iso(time) else {
        return stop(line, Reason::Time);
    };
    record.time = Some(time);
    record.more.moment = Moment::End;
    set_peer(line, client, record)?;
    set_host(host, record);
    record.method = Some(Cow::Borrowed(method));
    record.target = Some(Cow::Borrowed(target));
    record.status = leaf::status(status)?.1;
    record.put_agent(present(agent, Escape::None).filter(|agent| !agent.is_empty()));
    record
        .more_mut()
        .extra
        .push((Cow::Borrowed("router"), Cow::Borrowed(router)));
    Ok((&[], ()))
}

/// `[label value]`.
fn field<'a>(label: &'static [u8]) -> impl Parser<&'a [u8], Output = &'a [u8], Error = Stop<'a>> {
    delimited(tag(label), take_till(|b| b == b']'), tag(&b"]"[..]))
}

/// Agent, method, target and status.
type Request<'a> = (&'a [u8], &'a [u8], &'a [u8], &'a [u8]);

/// `AGENT] METHOD TARGET STATUS`: the agent may hold brackets, so it ends at the first one that a method follows.
fn request(text: &[u8]) -> Option<Request<'_>> {
    let last = memchr::memrchr(b' ', text)?;
    let (before, status) = (text.get(..last)?, text.get(last + 1..)?);
    if !matches!(status, [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9']) {
        return None;
    }
    memchr::memchr_iter(b']', before).find_map(|end| {
        let (agent, rest) = (before.get(..end)?, before.get(end + 1..)?.strip_prefix(b" ")?);
        let space = memchr::memchr(b' ', rest.get(..32).unwrap_or(rest))?;
        let (method, target) = (rest.get(..space)?, rest.get(space + 1..)?);
        let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
        is_method.then_some((agent, method, target, status))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Record<'_>, Reject> {
        let mut record = Record::default();
        parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).map(|_| record)
    }

    #[test]
    fn an_agent_with_brackets_moves_nothing() {
        let line = "2025/05/01 12:01:50 [2025-05-01 12:01:50.912318] [router:host-http] [origin:shop.example] \
                    [client: 192.0.2.7] [useragent: x] [client: 203.0.113.1] y] GET /a b?c 404";
        let record = read(line).unwrap();
        assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
        assert_eq!(
            record.user_agent.as_deref(),
            Some(&b"x] [client: 203.0.113.1] y"[..])
        );
        assert_eq!(record.target.as_deref(), Some(&b"/a b?c"[..]));
        assert_eq!(
            (record.status, record.time.unwrap().subsec_nanos()),
            (Some(404), 912_318_000)
        );
        assert!(read(&line[20..]).is_ok());
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "2025/05/01 12:01:50 [2025-05-01 12:01:50.912318] [internal] started",
            "2025/05/01 12:01:50 [error] 31#31: *1 x",
            "[2025-05-01 12:01:50.9] [router:x] [origin:y] [client: 192.0.2.7] [useragent: z] GET / x",
            "[2025-05-01] [router:x] [origin:y] [client: 192.0.2.7] [useragent: z] GET / 200",
            "",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
