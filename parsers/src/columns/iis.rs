//! IIS's own format from before `#Fields`: `client, user, date, time, service, server, …, method, target, query,`.

use std::borrow::Cow;

use crate::address;
use crate::line::Line;
use crate::memo::{TimeMemo, decimal};
use crate::record::Record;
use crate::reject::{Reason, Reject};
use crate::time::{Civil, Time};

/// How many values stand in a line.
const COLUMNS: usize = 15;

/// Reads one line. A path may hold commas, but no value a comma and a space: IIS replaces them.
pub(crate) fn parse<'a>(
    line: &'a [u8],
    record: &mut Record<'a>,
    _times: &mut TimeMemo,
) -> Result<Line, Reject> {
    let mut values: [&'a [u8]; COLUMNS] = [b""; COLUMNS];
    let mut count = 0;
    let written = line.trim_ascii_end();
    let mut rest = Some(written.strip_suffix(b",").unwrap_or(written));
    while let Some(values_left) = rest {
        let end = memchr::memmem::find(values_left, b", ");
        let value = values_left.get(..end.unwrap_or(values_left.len()));
        match values.get_mut(count) {
            Some(slot) => *slot = value.unwrap_or_default().trim_ascii(),
            None => return Err(Reject::new(Reason::Columns, line.len())),
        }
        count += 1;
        rest = end.and_then(|end| values_left.get(end + 2..));
    }
    let [
        client,
        user,
        date,
        clock,
        service,
        computer,
        server,
        millis,
        received,
        sent,
        status,
        _win32,
        method,
        target,
        query,
    ] = values;
    if count < COLUMNS || !service.starts_with(b"W3SVC") {
        return Err(Reject::new(Reason::UnknownFormat, 0));
    }
    record.peer_text = client;
    record.peer = address::ip(client);
    if record.peer.is_none() {
        return Err(Reject::new(Reason::Address, 0));
    }
    let at = line.len() - line.get(client.len() + user.len()..).map_or(0, <[u8]>::len);
    record.time = Some(time(date, clock).ok_or(Reject::new(Reason::Time, at))?);
    let status = decimal(status).and_then(|status| u16::try_from(status).ok());
    record.status = status.filter(|status| (1..=999).contains(status));
    let present = |text: &'a [u8]| Some(Cow::Borrowed(text)).filter(|_| !matches!(text, b"-" | b""));
    record.user = present(user);
    record.method = present(method);
    record.target = present(target);
    if let Some(query) = present(query).filter(|_| record.target.is_some()) {
        record.target = Some(Cow::Owned([target, b"?", &query].concat()));
    }
    let more = record.more_mut();
    more.duration_ns = decimal(millis).and_then(|millis| millis.checked_mul(1_000_000));
    (more.request_bytes, more.response_bytes) = (decimal(received), decimal(sent));
    for (name, value) in [
        ("s_sitename", service),
        ("s_computername", computer),
        ("s_ip", server),
    ] {
        more.extra.push((name.into(), Cow::Borrowed(value)));
    }
    Ok(Line::Record)
}

/// `11/20/2023` and `15:44:03`, in the server's zone, which is not logged.
fn time(date: &[u8], clock: &[u8]) -> Option<Time> {
    fn three(text: &[u8], by: u8) -> Option<[u32; 3]> {
        let mut parts = text.split(|&b| b == by).map(|part| {
            let short = part.len() <= 4;
            decimal(part)
                .filter(|_| short)
                .and_then(|n| u32::try_from(n).ok())
        });
        let three = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(three)
    }
    let [month, day, year] = three(date, b'/')?;
    let [hour, minute, second] = three(clock, b':')?;
    let year = if year < 100 { year + 2000 } else { year };
    let civil = Civil {
        year: i32::try_from(year).ok()?,
        month,
        day,
        hour,
        minute,
        second,
    };
    Time::from_civil(civil, 0, 0)
}
