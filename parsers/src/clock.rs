//! Times and durations that are not told apart by their format alone: numbers in some unit, or text in one of the
//! layouts that servers can be told to use.

use crate::json::Value;
use crate::memo::{self, TimeMemo, Unit};
use crate::reject::Reason;
use crate::time::Time;

mod layout;

const SECOND: u64 = 1_000_000_000;
/// Whole numbers below this are seconds of a duration: nobody waits longer than a day.
const DAY_SECS: u64 = 86_400;

/// A time in any form: RFC 3339 and its kin, Common Log Format, Unix time in a unit told by its magnitude, or a
/// layout of Go's.
///
/// # Errors
/// [`Reason::Zone`] for a zone whose name could be anywhere, [`Reason::Time`] for anything else.
pub(crate) fn any(text: &[u8], times: &mut TimeMemo) -> Result<Time, Reason> {
    let usual = match text {
        [b'0'..=b'9', b'0'..=b'9', b'/', ..] => times.clf(text),
        [_, _, _, _, b'-' | b'/', ..] => times.iso(text),
        [b'0'..=b'9', ..] => epoch(text),
        _ => None,
    };
    usual.map_or_else(|| layout::read(text), Ok)
}

/// The time in a JSON value.
///
/// # Errors
/// As of [`any`].
pub(crate) fn of_json(value: Value<'_>, times: &mut TimeMemo) -> Result<Time, Reason> {
    match value {
        Value::Bare(number) => epoch(number).ok_or(Reason::Time),
        Value::Text(text) if text.escaped => any(&text.unescape(), times),
        Value::Text(text) => any(text.raw, times),
        Value::Object | Value::Array => Err(Reason::Time),
    }
}

/// Unix time in seconds, milliseconds, microseconds or nanoseconds, told by the number of whole digits; fractions
/// of all, and the exponent that other programs write when they pass a number on. Nanoseconds are exact.
pub(crate) fn epoch(text: &[u8]) -> Option<Time> {
    let Some(at) = text.iter().position(|b| !b.is_ascii_digit()) else {
        return memo::epoch(text);
    };
    let (whole, rest) = text.split_at_checked(at)?;
    match rest.split_first() {
        Some((b'.', digits)) if digits.iter().all(u8::is_ascii_digit) => {
            let unit: u64 = match whole.len() {
                0..=11 => SECOND,
                12..=14 => 1_000_000,
                15..=17 => 1_000,
                _ => 1,
            };
            let nanos = scaled(whole, digits, unit)?;
            i64::try_from(nanos).ok().map(Time::from_nanos)
        }
        _ => {
            let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
            // Only seconds are written so: everything larger is whole.
            let nanos = number * SECOND as f64;
            (number >= 0.0 && nanos < i64::MAX as f64).then(|| Time::from_nanos(nanos as i64))
        }
    }
}

/// `whole.digits` units of `unit` nanoseconds; `None` when there are other bytes than digits.
fn scaled(whole: &[u8], digits: &[u8], unit: u64) -> Option<u64> {
    let mut nanos = memo::decimal(whole)?.checked_mul(unit)?;
    let mut unit = unit;
    for digit in digits {
        unit /= 10;
        let digit = char::from(*digit).to_digit(10)?;
        nanos = nanos.checked_add(u64::from(digit) * unit)?;
    }
    Some(nanos)
}

/// A duration as a JSON number of this unit, or as Go's text. Where nobody said which, it is seconds, but a whole
/// number of a day or more cannot be and is taken as the nanoseconds that the same servers can be told to write.
pub(crate) fn duration(value: Value<'_>, unit: Option<Unit>) -> Option<u64> {
    let raw = value.raw();
    let second = unit.map_or(SECOND, Unit::nanos);
    let at = raw.iter().position(|b| !b.is_ascii_digit()).unwrap_or(raw.len());
    let (whole, rest) = raw.split_at_checked(at)?;
    match rest {
        [] => match memo::decimal(whole)? {
            nanos @ DAY_SECS.. if unit.is_none() => Some(nanos),
            number => number.checked_mul(second),
        },
        [b'.', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => scaled(whole, digits, second),
        _ => match value {
            Value::Text(text) => go_duration(&text.unescape()),
            _ => {
                let number: f64 = std::str::from_utf8(raw).ok()?.parse().ok()?;
                let nanos = number * second as f64;
                (0.0..1e18).contains(&nanos).then_some(nanos as u64)
            }
        },
    }
}

/// `1m32.05s`, `6.31ms`, `812.5µs`, `0s`.
pub(crate) fn go_duration(text: &[u8]) -> Option<u64> {
    let mut rest = text;
    let mut nanos: u64 = 0;
    while !rest.is_empty() {
        let end = rest
            .iter()
            .position(|b| !b.is_ascii_digit() && *b != b'.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(end)?;
        let end = after
            .iter()
            .position(|b| b.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let unit = match unit {
            b"h" => 3_600 * SECOND,
            b"m" => 60 * SECOND,
            b"s" => SECOND,
            b"ms" => 1_000_000,
            b"us" | b"\xC2\xB5s" | b"\xCE\xBCs" => 1_000,
            b"ns" => 1,
            _ => return None,
        };
        let point = memchr::memchr(b'.', number).unwrap_or(number.len());
        let (whole, digits) = number.split_at_checked(point)?;
        let digits = digits.strip_prefix(b".").unwrap_or(digits);
        nanos = nanos.checked_add(scaled(whole, digits.get(..9).unwrap_or(digits), unit)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Text;

    #[test]
    fn every_form_of_one_instant() {
        const NANOS: i64 = 1_646_861_401_524_102_000;
        let mut times = TimeMemo::new();
        for (text, precision) in [
            ("1646861401.524102", 1),
            ("1646861401524.102", 1),
            ("1646861401524102000", 1),
            ("1646861401524102", 1),
            ("1646861401", 1_000_000_000),
            ("1.646861401524e9", 1_000_000),
            ("2022-03-09T21:30:01.524Z", 1_000_000),
            ("2022-03-09T22:30:01.524+0100", 1_000_000),
            ("2022-03-09T21:30:01.524102Z", 1),
            ("2022/03/09 21:30:01", 1_000_000_000),
            ("2022/03/09 21:30:01.524102000", 1),
            ("09/Mar/2022:20:30:01 -0100", 1_000_000_000),
            ("Wed, 09 Mar 2022 21:30:01 GMT", 1_000_000_000),
            ("Wed, 09 Mar 2022 20:30:01 -0100", 1_000_000_000),
            ("Wednesday, 09-Mar-22 21:30:01 UTC", 1_000_000_000),
            ("Wed Mar  9 21:30:01 2022", 1_000_000_000),
            ("09 Mar 22 22:30 +0100", 60_000_000_000),
            ("9 Mar 2022 21:30:01.524", 1_000_000),
            ("Wed, 09 Mar 2022 23:30:01 CEST", 1_000_000_000),
            ("2022-03-09 09:30:01.524 PM", 1_000_000),
            ("20220309213001", 1_000_000_000),
        ] {
            let got = any(text.as_bytes(), &mut times).ok().map(Time::nanos);
            let want = NANOS / precision * precision;
            let close = got.is_some_and(|got| (got / precision * precision) == want);
            assert!(close, "{text}: {got:?}, want {want}");
        }
        for text in [
            "",
            "-",
            "soon",
            "Wed, 09 Mar 2022 21:30:01 CST",
            "2022",
            "1e400",
            "-1.5",
            "::",
            "1:2:3:4",
        ] {
            let got = any(text.as_bytes(), &mut times);
            assert!(got.is_err() || text == "2022", "{text}: {got:?}");
        }
    }

    #[test]
    fn durations() {
        let text = |raw: &'static str| {
            Value::Text(Text {
                raw: raw.as_bytes(),
                escaped: false,
            })
        };
        for (value, nanos) in [
            (Value::Bare(b"0.000929675"), Some(929_675)),
            (Value::Bare(b"1.5"), Some(1_500_000_000)),
            (Value::Bare(b"0"), Some(0)),
            (Value::Bare(b"12"), Some(12_000_000_000)),
            (Value::Bare(b"929675"), Some(929_675)),
            (Value::Bare(b"2.5e-05"), Some(25_000)),
            (text("1m32.05s"), Some(92_050_000_000)),
            (text("6.31ms"), Some(6_310_000)),
            (text("812.5\u{b5}s"), Some(812_500)),
            (text("1h0m0s"), Some(3_600_000_000_000)),
            (text("0s"), Some(0)),
            (text("0.25"), Some(250_000_000)),
            (text(""), None),
            (text("soon"), None),
            (text("1.2.3s"), None),
            (text("1./s"), None),
            (text("5"), Some(5_000_000_000)),
            (Value::Bare(b"-"), None),
            (Value::Bare(b"-1"), None),
            (Value::Object, None),
        ] {
            assert_eq!(duration(value, None), nanos, "{value:?}");
        }
        for (unit, raw, nanos) in [
            (Unit::Millis, "12", Some(12_000_000)),
            (Unit::Millis, "99999", Some(99_999_000_000)),
            (Unit::Millis, "1.25", Some(1_250_000)),
            (Unit::Nanos, "929675", Some(929_675)),
            (Unit::Nanos, "7", Some(7)),
            (Unit::Seconds, "90000", Some(90_000_000_000_000)),
            (Unit::Seconds, "99999999999999999", None),
        ] {
            assert_eq!(
                duration(Value::Bare(raw.as_bytes()), Some(unit)),
                nanos,
                "{raw} {unit:?}"
            );
        }
        assert_eq!(duration(text("6.31ms"), Some(Unit::Nanos)), Some(6_310_000));
    }
}
