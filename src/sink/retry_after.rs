//! `Retry-After`: seconds, or a date in any of the three forms HTTP knows. Pure.

use std::time::Duration;

use afw_parsers::Time;
use afw_parsers::time::Civil;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// How long to wait. A date counts from when the receiver says it answered (`sent`, its `Date` header), since one of the
/// two clocks may be wrong; from `now` when it does not say. A date in the past is no wait; what is neither seconds nor a
/// date is ignored.
pub(super) fn wait_of(value: &str, sent: Option<&str>, now: Time) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean "very long".
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let until = date(value)?;
    let from = sent.and_then(date).unwrap_or(now);
    Some(Duration::from_nanos(
        u64::try_from(until.since(from)).unwrap_or(0),
    ))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or `Sun Nov  6 08:49:37 1994`.
fn date(value: &str) -> Option<Time> {
    let words: Vec<&str> = value
        .split([' ', ',', '-'])
        .filter(|word| !word.is_empty() && *word != "GMT")
        .collect();
    let [_, a, b, c, d] = words.as_slice() else {
        return None;
    };
    let (day, month, year, clock) = if c.contains(':') {
        (b, a, d, c)
    } else {
        (a, b, c, d)
    };
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<u32>().ok());
    let civil = Civil {
        year: full_year(year)?,
        month: u32::try_from(month).ok()? + 1,
        day: day.parse().ok()?,
        hour: clock.next()??,
        minute: clock.next()??,
        second: clock.next()??,
    };
    Time::from_civil(civil, 0, 0)
}

/// Two digits stand for 1970 to 2069.
fn full_year(text: &str) -> Option<i32> {
    let year: i32 = text.parse().ok()?;
    Some(match year {
        0..70 if text.len() == 2 => year + 2000,
        70..100 if text.len() == 2 => year + 1900,
        _ => year,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_all_three_dates() {
        let now = Time::from_secs(784_111_777 - 90).unwrap();
        for (value, secs) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(u64::from(u32::MAX))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(90)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(90)),
            ("Sun Nov  6 08:49:37 1994", Some(90)),
            ("Sun, 06 Nov 1993 08:49:37 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("", None),
            ("Sun, 31 Feb 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
        ] {
            assert_eq!(
                wait_of(value, None, now),
                secs.map(Duration::from_secs),
                "{value}"
            );
        }
    }

    #[test]
    fn a_date_counts_by_the_clock_of_who_wrote_it() {
        let year = 365 * 86_400;
        let value = "Sun, 06 Nov 1994 08:49:37 GMT";
        for now in [784_111_777 - year, 784_111_777 + year] {
            let now = Time::from_secs(now).unwrap();
            let sent = Some("Sun, 06 Nov 1994 08:49:30 GMT");
            assert_eq!(wait_of(value, sent, now), Some(Duration::from_secs(7)));
        }
        let now = Time::from_secs(784_111_777 - 90).unwrap();
        assert_eq!(
            wait_of(value, Some("nonsense"), now),
            Some(Duration::from_secs(90))
        );
    }
}
