//! Points in time as people type them: RFC 3339, a date, or an age such as `2h`.

use afw_parsers::Time;
use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// The forms that [`parse_time`] understands.
pub const TIME_FORMS: &str = "RFC 3339 (2026-01-31T12:00:00Z), a date (2026-01-31) or an age (45m, 2h, 7d)";

/// Seconds of each unit an age may be given in.
const UNITS: [(&str, i64); 5] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)];

/// Reads a point in time; an age counts back from `now`. A date is midnight UTC, a time without zone is UTC.
///
/// # Errors
/// The text is in none of the [`TIME_FORMS`].
pub fn parse_time(text: &str, now: Time) -> Result<Time, String> {
    let text = text.trim();
    rfc3339(text)
        .or_else(|| without_zone(text))
        .or_else(|| age(text, now))
        .ok_or_else(|| format!("`{text}` is no point in time"))
}

/// Reads a span such as `90s`, `2h` or `7d` as seconds.
pub fn parse_span(text: &str) -> Option<i64> {
    let (unit, secs) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number: i64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    (number >= 0).then_some(())?;
    number.checked_mul(*secs)
}

fn rfc3339(text: &str) -> Option<Time> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    instant.timestamp_nanos_opt().map(Time::from_nanos)
}

fn without_zone(text: &str) -> Option<Time> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .and_then(|date| date.and_hms_opt(0, 0, 0));
    let forms = [
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ];
    let parsed = forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    date.or(parsed)?
        .and_utc()
        .timestamp_nanos_opt()
        .map(Time::from_nanos)
}

fn age(text: &str, now: Time) -> Option<Time> {
    let nanos = parse_span(text)?.checked_mul(1_000_000_000)?;
    Some(now.saturating_add(-nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_understood() {
        let now = Time::from_secs(1_000_000).unwrap();
        for (text, secs) in [
            ("1970-01-02", 86_400),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1970-01-01T00:00:07Z", 7),
            ("1970-01-01 00:01", 60),
            ("1970-01-01T00:01:01", 61),
            ("10s", 999_990),
            ("2h", 992_800),
            ("7d", 395_200),
        ] {
            assert_eq!(
                parse_time(text, now),
                Ok(Time::from_secs(secs).unwrap()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let now = Time::default();
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "5",
            "-3h",
            "h",
            "99999999999999999d",
        ] {
            let message = parse_time(text, now).unwrap_err();
            assert_eq!(message, format!("`{text}` is no point in time"));
        }
    }
}
