//! Apache's `%{format}t`: the time by `strftime`, perhaps in several pieces (`%{%d/%b/%Y %T}t.%{msec_frac}t`).

use crate::memo;
use crate::time::{Civil, Time};

/// One conversion or literal of a `strftime` format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    /// This byte.
    Literal(u8),
    /// Four digits.
    Year,
    /// Two digits, 1969 to 2068.
    ShortYear,
    /// Two digits.
    Month,
    /// English three-letter name.
    MonthName,
    /// English full name.
    LongMonthName,
    /// One or two digits, perhaps after a space.
    Day,
    /// 00 to 23.
    Hour,
    /// 01 to 12.
    Hour12,
    /// `AM` or `PM`.
    AmPm,
    /// Two digits.
    Minute,
    /// Two digits.
    Second,
    /// Fraction digits: milliseconds (3) or microseconds (6).
    Fraction(u32),
    /// `+hhmm`, `+hh:mm` or `Z`.
    Zone,
    /// A zone's name; only UTC and GMT can be known.
    ZoneName,
    /// Name of the weekday, ignored.
    Weekday,
    /// Unix time in this many nanoseconds.
    Epoch(u64),
    /// Day of the year, ignored.
    Ignored,
}

/// The pieces of a time as they come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    civil: Civil,
    nanos: u32,
    zone_secs: i32,
    afternoon: Option<bool>,
    epoch_ns: Option<i64>,
}

impl Default for Clock {
    fn default() -> Self {
        let civil = Civil {
            year: 0,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
        };
        Self {
            civil,
            nanos: 0,
            zone_secs: 0,
            afternoon: None,
            epoch_ns: None,
        }
    }
}

/// The items of a `strftime` format; `None` when it has a conversion that cannot be read back.
pub(crate) fn items(format: &str) -> Option<Vec<Item>> {
    let format = format
        .strip_prefix("begin:")
        .or_else(|| format.strip_prefix("end:"))
        .unwrap_or(format);
    Some(match format {
        "sec" => vec![Item::Epoch(1_000_000_000)],
        "msec" => vec![Item::Epoch(1_000_000)],
        "usec" => vec![Item::Epoch(1_000)],
        "msec_frac" => vec![Item::Fraction(3)],
        "usec_frac" => vec![Item::Fraction(6)],
        "" => return None,
        _ => conversions(format)?,
    })
}

fn conversions(format: &str) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let mut bytes = format.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            items.push(Item::Literal(byte));
            continue;
        }
        let letter = match bytes.next()? {
            b'E' | b'O' | b'-' | b'_' | b'0' => bytes.next()?,
            letter => letter,
        };
        items.extend_from_slice(conversion(letter)?.as_slice());
    }
    Some(items)
}

fn conversion(letter: u8) -> Option<Vec<Item>> {
    let all = |text: &str| conversions(text);
    Some(vec![match letter {
        b'Y' | b'G' => Item::Year,
        b'y' => Item::ShortYear,
        b'm' => Item::Month,
        b'b' | b'h' => Item::MonthName,
        b'B' => Item::LongMonthName,
        b'd' | b'e' => Item::Day,
        b'H' | b'k' => Item::Hour,
        b'I' | b'l' => Item::Hour12,
        b'p' | b'P' => Item::AmPm,
        b'M' => Item::Minute,
        b'S' => Item::Second,
        b'z' => Item::Zone,
        b'Z' => Item::ZoneName,
        b'a' | b'A' => Item::Weekday,
        b's' => Item::Epoch(1_000_000_000),
        b'j' | b'u' | b'w' | b'U' | b'W' | b'V' => Item::Ignored,
        b'n' => Item::Literal(b'\n'),
        b't' => Item::Literal(b'\t'),
        b'%' => Item::Literal(b'%'),
        b'T' => return all("%H:%M:%S"),
        b'R' => return all("%H:%M"),
        b'D' | b'x' => return all("%m/%d/%y"),
        b'F' => return all("%Y-%m-%d"),
        b'X' => return all("%H:%M:%S"),
        b'r' => return all("%I:%M:%S %p"),
        b'c' => return all("%a %b %e %H:%M:%S %Y"),
        _ => return None,
    }])
}

impl Clock {
    /// Takes one piece, the whole text.
    pub(crate) fn read(&mut self, items: &[Item], text: &[u8]) -> Option<()> {
        let mut rest = text;
        for item in items {
            rest = self.item(*item, rest)?;
        }
        rest.is_empty().then_some(())
    }

    fn item<'a>(&mut self, item: Item, text: &'a [u8]) -> Option<&'a [u8]> {
        let two = || digits(text.trim_ascii_start(), 2);
        let (value, rest) = match item {
            Item::Literal(byte) => return text.strip_prefix(&[byte]),
            Item::MonthName | Item::LongMonthName => {
                let (name, rest) = text.split_first_chunk::<3>()?;
                (
                    memo::month(*name)?,
                    if item == Item::MonthName {
                        rest
                    } else {
                        after_letters(rest)
                    },
                )
            }
            Item::Year => digits(text, 4)?,
            Item::Weekday | Item::AmPm | Item::ZoneName => (0, after_letters(text)),
            Item::Zone => return self.zone(text),
            Item::Fraction(places) => digits(text, places as usize)?,
            Item::Epoch(unit) => return self.epoch(unit, text),
            Item::Ignored => (0, after_digits(text)),
            _ => two()?,
        };
        match item {
            Item::Year => self.civil.year = value as i32,
            Item::ShortYear => self.civil.year = value as i32 + if value < 69 { 2000 } else { 1900 },
            Item::Month | Item::MonthName | Item::LongMonthName => self.civil.month = value,
            Item::Day => self.civil.day = value,
            Item::Hour | Item::Hour12 => self.civil.hour = value,
            Item::Minute => self.civil.minute = value,
            Item::Second => self.civil.second = value,
            Item::AmPm => self.afternoon = Some(text.first().is_some_and(|b| b.eq_ignore_ascii_case(&b'p'))),
            Item::Fraction(places) => self.nanos = value * 10_u32.checked_pow(9_u32.checked_sub(places)?)?,
            _ => {}
        }
        Some(rest)
    }

    fn zone<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        let (sign, rest) = match text.split_first()? {
            (b'+', rest) => (1, rest),
            (b'-', rest) => (-1, rest),
            (b'Z', rest) => return Some(rest),
            _ => return None,
        };
        let (hours, rest) = digits(rest, 2)?;
        let (minutes, rest) = digits(rest.strip_prefix(b":").unwrap_or(rest), 2)?;
        self.zone_secs = sign * (hours * 3600 + minutes * 60) as i32;
        Some(rest)
    }

    fn epoch<'a>(&mut self, unit: u64, text: &'a [u8]) -> Option<&'a [u8]> {
        let rest = after_digits(text);
        let value = memo::decimal(text.get(..text.len() - rest.len())?)?;
        self.epoch_ns = Some(i64::try_from(value.checked_mul(unit)?).ok()?);
        Some(rest)
    }

    /// The instant that the pieces make; `None` when they name none.
    pub(crate) fn time(self) -> Option<Time> {
        if let Some(nanos) = self.epoch_ns {
            return Some(Time::from_nanos(nanos).saturating_add(i64::from(self.nanos)));
        }
        let mut civil = self.civil;
        if let Some(afternoon) = self.afternoon {
            civil.hour = civil.hour % 12 + if afternoon { 12 } else { 0 };
        }
        Time::from_civil(civil, self.nanos, self.zone_secs)
    }
}

/// Up to `most` digits, at least one.
fn digits(text: &[u8], most: usize) -> Option<(u32, &[u8])> {
    let end = text.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(end)?;
    Some((u32::try_from(memo::decimal(digits)?).ok()?, rest))
}

fn after_digits(text: &[u8]) -> &[u8] {
    let end = text.iter().take_while(|b| b.is_ascii_digit()).count();
    text.get(end..).unwrap_or_default()
}

fn after_letters(text: &[u8]) -> &[u8] {
    let end = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    text.get(end..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_read_back_what_strftime_writes() {
        for (format, text, nanos) in [
            (
                "%Y-%m-%dT%H:%M:%S%z",
                "2000-10-10T13:55:36-0700",
                971_211_336_000_000_000,
            ),
            (
                "%d/%b/%Y:%T %z",
                "10/Oct/2000:20:55:36 +0000",
                971_211_336_000_000_000,
            ),
            ("%F %r", "2000-10-10 08:55:36 PM", 971_211_336_000_000_000),
            ("%c", "Tue Oct 10 20:55:36 2000", 971_211_336_000_000_000),
            (
                "%A, %d. %B %y %R",
                "Tuesday, 10. October 00 20:55",
                971_211_300_000_000_000,
            ),
            ("end:%s", "971211336", 971_211_336_000_000_000),
            ("usec", "971211336000001", 971_211_336_000_001_000),
            ("msec", "971211336001", 971_211_336_001_000_000),
        ] {
            let mut clock = Clock::default();
            clock.read(&items(format).unwrap(), text.as_bytes()).unwrap();
            assert_eq!(clock.time().map(Time::nanos), Some(nanos), "{format}");
        }
        assert_eq!(items("%Q"), None);
        assert_eq!(items("%"), None);
        assert_eq!(Clock::default().read(&items("%Y").unwrap(), b"20x0"), None);
    }

    #[test]
    fn a_fraction_comes_apart() {
        let mut clock = Clock::default();
        clock.read(&items("%s").unwrap(), b"971211336").unwrap();
        clock.read(&items("usec_frac").unwrap(), b"000250").unwrap();
        assert_eq!(clock.time().map(Time::nanos), Some(971_211_336_000_250_000));
    }
}
