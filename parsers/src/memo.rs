//! [`TimeMemo`]: the times that text log formats write, each read with a memory of the last second seen.
//!
//! Consecutive lines of a log mostly carry the same second, so the calendar arithmetic of [`Time::from_civil`]
//! is done once per second and the memo compares bytes otherwise. What it answers depends on the text alone,
//! never on what was asked before.

use crate::time::{Civil, Time};

/// Length of `dd/Mon/yyyy:HH:MM:SS +hhmm`.
pub(crate) const CLF_LEN: usize = 26;
/// Length of `yyyy-MM-ddTHH:MM:SS`.
const ISO_SECOND_LEN: usize = 19;

/// Last-second memory of one parser. Keep one per thread and log.
#[derive(Debug, Clone, Default)]
pub struct TimeMemo {
    clf_last: [u8; CLF_LEN],
    clf_time: Option<Time>,
    iso_text: [u8; ISO_SECOND_LEN],
    iso_zone_secs: i32,
    iso_time: Option<Time>,
    durations: Option<Unit>,
}

/// What one of a duration's whole numbers counts, where a server can write several (Caddy's `duration_format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Thousandths.
    Millis,
    /// Billionths.
    Nanos,
}

impl Unit {
    /// By the names that Caddy's `duration_format` has.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "s" | "second" | "seconds" => Self::Seconds,
            "ms" | "milli" | "millis" => Self::Millis,
            "ns" | "nano" | "nanos" => Self::Nanos,
            _ => return None,
        })
    }

    /// The shortest of its names.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Millis => "ms",
            Self::Nanos => "ns",
        }
    }

    /// How many nanoseconds it has.
    pub(crate) fn nanos(self) -> u64 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Millis => 1_000_000,
            Self::Nanos => 1,
        }
    }
}

impl TimeMemo {
    /// A memo that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A memo for a log whose durations are in this unit; `None` if nobody said.
    pub(crate) fn with_durations(unit: Option<Unit>) -> Self {
        Self {
            durations: unit,
            ..Self::default()
        }
    }

    /// The unit that the log's durations were said to be in.
    pub(crate) fn durations(&self) -> Option<Unit> {
        self.durations
    }

    /// `10/Oct/2000:13:55:36 -0700`, without brackets.
    #[inline]
    pub fn clf(&mut self, text: &[u8]) -> Option<Time> {
        self.clf_text(text.try_into().ok()?)
    }

    /// The same for a text of just its length.
    #[inline]
    pub(crate) fn clf_text(&mut self, text: &[u8; CLF_LEN]) -> Option<Time> {
        if *text == self.clf_last && self.clf_time.is_some() {
            return self.clf_time;
        }
        self.clf_time = clf_civil(text);
        self.clf_last = *text;
        self.clf_time
    }

    /// ISO 8601 / RFC 3339 with `T`, `t`, `_` or a space between date and time, `-` or `/` in the date, an
    /// optional fraction after `.` or `,`, and `Z`, `+hh:mm`, `+hhmm`, `+hh` or nothing (UTC) as the zone.
    pub fn iso(&mut self, text: &[u8]) -> Option<Time> {
        let (second, rest) = text.split_first_chunk::<ISO_SECOND_LEN>()?;
        let (nanos, rest) = fraction(rest)?;
        let zone_secs = zone(rest)?;
        if *second != self.iso_text || zone_secs != self.iso_zone_secs || self.iso_time.is_none() {
            self.iso_time = iso_civil(second).and_then(|civil| Time::from_civil(civil, 0, zone_secs));
            self.iso_text = *second;
            self.iso_zone_secs = zone_secs;
        }
        self.iso_time.map(|time| time.saturating_add(i64::from(nanos)))
    }
}

/// Unix time as digits with an optional fraction. Without a fraction the unit goes by magnitude, as nothing
/// else tells it: up to 11 digits are seconds, 12 to 14 milliseconds, 15 to 17 microseconds, more nanoseconds
/// (so every instant from 1973 to 2262 is read right).
pub fn epoch(text: &[u8]) -> Option<Time> {
    let at = text
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    let (whole, rest) = text.split_at(at);
    let number = i64::try_from(decimal(whole)?).ok()?;
    if rest.is_empty() {
        let unit: i64 = match whole.len() {
            0..=11 => 1_000_000_000,
            12..=14 => 1_000_000,
            15..=17 => 1_000,
            _ => 1,
        };
        return number.checked_mul(unit).map(Time::from_nanos);
    }
    let (nanos, rest) = fraction(rest)?;
    let secs = Time::from_secs(number)?;
    rest.is_empty().then(|| secs.saturating_add(i64::from(nanos)))
}

/// An unsigned decimal number, the whole text; `None` when empty, no number or beyond 64 bits.
#[inline]
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    let mut value: u64 = 0;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Number of an English month's three-letter name, 1 to 12.
pub(crate) fn month(name: [u8; 3]) -> Option<u32> {
    Some(match &name.map(|b| b.to_ascii_lowercase()) {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return None,
    })
}

fn clf_civil(text: &[u8; CLF_LEN]) -> Option<Time> {
    let [
        d1,
        d2,
        b'/',
        m1,
        m2,
        m3,
        b'/',
        y1,
        y2,
        y3,
        y4,
        b':',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b' ',
        zone_text @ ..,
    ] = text
    else {
        return None;
    };
    let civil = Civil {
        year: (two(*y1, *y2)? * 100 + two(*y3, *y4)?) as i32,
        month: month([*m1, *m2, *m3])?,
        day: two(*d1, *d2)?,
        hour: two(*h1, *h2)?,
        minute: two(*n1, *n2)?,
        second: two(*s1, *s2)?,
    };
    Time::from_civil(civil, 0, zone(zone_text)?)
}

fn iso_civil(text: &[u8; ISO_SECOND_LEN]) -> Option<Civil> {
    let [
        y1,
        y2,
        y3,
        y4,
        a,
        m1,
        m2,
        b,
        d1,
        d2,
        sep,
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = text
    else {
        return None;
    };
    if a != b || !matches!(a, b'-' | b'/') || !matches!(sep, b'T' | b't' | b' ' | b'_') {
        return None;
    }
    Some(Civil {
        year: (two(*y1, *y2)? * 100 + two(*y3, *y4)?) as i32,
        month: two(*m1, *m2)?,
        day: two(*d1, *d2)?,
        hour: two(*h1, *h2)?,
        minute: two(*n1, *n2)?,
        second: two(*s1, *s2)?,
    })
}

/// `.123456789` → nanoseconds; digits beyond the ninth are dropped. Without a point: zero.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some((b'.' | b',', digits)) = text.split_first() else {
        return Some((0, text));
    };
    let end = digits
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.is_empty() {
        return None;
    }
    let mut nanos = 0;
    for at in 0..9 {
        nanos = nanos * 10 + digits.get(at).map_or(0, |b| u32::from(b - b'0'));
    }
    Some((nanos, rest))
}

/// Seconds east of UTC.
fn zone(text: &[u8]) -> Option<i32> {
    let text = text.trim_ascii_start();
    let (sign, rest) = match text.split_first() {
        None | Some((b'Z' | b'z', [])) => return Some(0),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        Some(_) if text == b"UTC" || text == b"GMT" => return Some(0),
        Some(_) => return None,
    };
    let (hours, minutes) = match *rest {
        [h1, h2] => (two(h1, h2)?, 0),
        [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] => (two(h1, h2)?, two(m1, m2)?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60) as i32)
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u32::from(tens) * 10 + u32::from(ones))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clf_times() {
        let mut memo = TimeMemo::new();
        for _ in 0..2 {
            for (text, secs) in [
                ("10/Oct/2000:13:55:36 -0700", Some(971_211_336)),
                ("10/Oct/2000:20:55:36 +0000", Some(971_211_336)),
                ("01/Jan/1970:00:00:00 +0000", Some(0)),
                ("29/Feb/2023:00:00:00 +0000", None),
                ("10/Okt/2000:20:55:36 +0000", None),
                ("10/Oct/2000:24:55:36 +0000", None),
                ("10/Oct/2000 20:55:36 +0000", None),
                ("10/Oct/2000:20:55:36 +00:0", None),
                ("10/Oct/2000:20:55:36", None),
                ("", None),
            ] {
                assert_eq!(memo.clf(text.as_bytes()).map(Time::secs), secs, "{text}");
            }
        }
    }

    #[test]
    fn iso_times() {
        let mut memo = TimeMemo::new();
        for (text, nanos) in [
            ("2000-10-10T13:55:36-07:00", Some(971_211_336_000_000_000)),
            ("2000-10-10 20:55:36", Some(971_211_336_000_000_000)),
            ("2000/10/10 20:55:36.5", Some(971_211_336_500_000_000)),
            ("2000-10-10T20:55:36.123456789Z", Some(971_211_336_123_456_789)),
            ("2000-10-10T20:55:36.1234567894Z", Some(971_211_336_123_456_789)),
            ("2000-10-10T20:55:36,250+0000", Some(971_211_336_250_000_000)),
            ("2000-10-10T20:55:36 +0000", Some(971_211_336_000_000_000)),
            ("2000-10-10T20:55:36 UTC", Some(971_211_336_000_000_000)),
            ("2000-10/10T20:55:36Z", None),
            ("2000-10-10T20:55:36.Z", None),
            ("2000-10-10T20:55:36X", None),
            ("2000-13-10T20:55:36Z", None),
        ] {
            assert_eq!(memo.iso(text.as_bytes()).map(Time::nanos), nanos, "{text}");
        }
    }

    #[test]
    fn epochs_by_magnitude() {
        for (text, nanos) in [
            ("971211336", Some(971_211_336_000_000_000)),
            ("1657630626.219", Some(1_657_630_626_219_000_000)),
            ("1657630626219", Some(1_657_630_626_219_000_000)),
            ("1657630626219000", Some(1_657_630_626_219_000_000)),
            ("1657630626219000001", Some(1_657_630_626_219_000_001)),
            ("", None),
            ("-", None),
            ("12x", None),
            ("1657630626.219Z", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(epoch(text.as_bytes()).map(Time::nanos), nanos, "{text}");
        }
    }
}
