//! Times and durations that are not told apart by their format alone: numbers in some unit, or text in one of the
//! layouts that servers can be told to use.

use crate::json::Value;
use crate::memo::{self, TimeMemo, Unit};
use crate::reject::Reason;
use crate::time::Time;

mod layout;

/// Length of `2006/01/02 15:04:05`.
const ISO_SECOND_LEN: usize = 19;
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

/// Whether a time is a date and a time of day in numbers and nothing more, so that it was taken for UTC's.
pub(crate) fn is_zoneless(text: &[u8]) -> bool {
    matches!(text, [_, _, _, _, b'-' | b'/', ..])
        && text.len() >= ISO_SECOND_LEN
        && text
            .iter()
            .skip(ISO_SECOND_LEN)
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
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
/// of all, and the exponent in which Caddy's console and programs that pass a number on write them. All digits count.
pub(crate) fn epoch(text: &[u8]) -> Option<Time> {
    let Some(at) = text.iter().position(|b| !b.is_ascii_digit()) else {
        return memo::epoch(text);
    };
    let (whole, rest) = text.split_at_checked(at)?;
    match rest.split_first() {
        Some((b'.', digits)) if digits.iter().all(u8::is_ascii_digit) => epoch_of(whole, digits),
        _ => {
            let (whole, digits) = written_out(text)?;
            epoch_of(&whole, &digits)
        }
    }
}

fn epoch_of(whole: &[u8], digits: &[u8]) -> Option<Time> {
    let unit: u64 = match whole.len() {
        0..=11 => SECOND,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        _ => 1,
    };
    let nanos = scaled(whole, digits, unit)?;
    i64::try_from(nanos).ok().map(Time::from_nanos)
}

/// The digits before and after the point of a number with an exponent (`1.5e-05`), written out: a double would round
/// the time of today to a quarter of a microsecond.
fn written_out(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    /// Digits of a double that are written, and zeros that may stand beside them.
    const MOST: usize = 32;
    let at = memchr::memchr2(b'e', b'E', text).filter(|at| *at <= MOST)?;
    let (mantissa, exponent) = (text.get(..at)?, text.get(at + 1..)?);
    let point = memchr::memchr(b'.', mantissa).unwrap_or(mantissa.len());
    let (whole, digits) = mantissa.split_at_checked(point)?;
    let digits = digits.strip_prefix(b".").unwrap_or(digits);
    let (to_the_left, shift) = match exponent.split_first()? {
        (b'-', shift) => (true, shift),
        (b'+', shift) => (false, shift),
        _ => (false, exponent),
    };
    let shift = usize::try_from(memo::decimal(shift)?).ok()?;
    let zeros = vec![b'0'; shift.min(MOST)];
    let (all, point) = if to_the_left {
        ([&zeros, whole, digits].concat(), whole.len())
    } else {
        ([whole, digits, &zeros].concat(), whole.len() + shift)
    };
    let (before, after) = all.split_at_checked(point)?;
    let leading = before.iter().take_while(|b| **b == b'0').count();
    let before = before.get(leading.min(before.len().saturating_sub(1))..)?;
    let is_number = !whole.is_empty() && shift <= MOST && all.iter().all(u8::is_ascii_digit);
    is_number.then(|| (before.to_vec(), after.to_vec()))
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
    let at = raw.iter().position(|b| !b.is_ascii_digit()).unwrap_or(raw.len());
    let (whole, rest) = raw.split_at_checked(at)?;
    match rest {
        [] => duration_of(whole, b"", unit),
        [b'.', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => {
            scaled(whole, digits, unit.map_or(SECOND, Unit::nanos))
        }
        _ => match (written_out(raw), value) {
            (Some((whole, digits)), _) => duration_of(&whole, &digits, unit),
            (None, Value::Text(text)) => go_duration(&text.unescape()),
            (None, _) => None,
        },
    }
}

fn duration_of(whole: &[u8], digits: &[u8], unit: Option<Unit>) -> Option<u64> {
    let is_whole = digits.iter().all(|digit| *digit == b'0');
    match memo::decimal(whole)? {
        nanos @ DAY_SECS.. if unit.is_none() && is_whole => Some(nanos),
        _ => scaled(whole, digits, unit.map_or(SECOND, Unit::nanos)),
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
            ("1.646861401524102e+09", 1),
            ("1.646861401524102E12", 1),
            ("1.646861401524102e+15", 1),
            ("1646861401524.102e-3", 1),
            ("0.001646861401524102e12", 1),
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
            "1e-400",
            "1e",
            "e9",
            "1.6.4e9",
            "1646861401e99999999999999999999999",
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
            (Value::Bare(b"1.234567e-03"), Some(1_234_567)),
            (Value::Bare(b"1e-9"), Some(1)),
            (Value::Bare(b"9.29675e+05"), Some(929_675)),
            (Value::Bare(b"1.2e1"), Some(12_000_000_000)),
            (text("1.5e-05"), Some(15_000)),
            (Value::Bare(b"1e99"), None),
            (Value::Bare(b"1e"), None),
            (Value::Bare(b"e5"), None),
            (Value::Bare(b"1x5e2"), None),
            (Value::Bare(b"1e-5.5"), None),
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
