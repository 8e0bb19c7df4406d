//! Apache's `%{format}t`: the time by `strftime`, perhaps in several pieces (`%{%d/%b/%Y %T}t.%{msec_frac}t`).

use crate::memo;
use crate::reject::Reason;
use crate::time::{Civil, Time, is_leap};
use crate::zone;

const SECOND_NS: i64 = 1_000_000_000;
const DAY_NS: i64 = 86_400 * SECOND_NS;

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
    /// A zone's name, or its offset where it has none.
    ZoneName,
    /// Name of the weekday, ignored.
    Weekday,
    /// Unix time in this many nanoseconds.
    Epoch(u64),
    /// Day of the year, 001 to 366.
    YearDay,
    /// Week or day of the week, ignored.
    Ignored,
}

/// The pieces of a time as they come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    civil: Civil,
    nanos: u32,
    /// Day of the year; the month counts where one is given.
    year_day: Option<u32>,
    /// Whether a month or a day of one was given.
    dated: bool,
    zone: Zone,
    afternoon: Option<bool>,
    epoch_ns: Option<i64>,
}

/// What is known of the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    /// Nothing was said: UTC.
    Unsaid,
    /// A name that could be anywhere.
    Unknown,
    /// Seconds east of UTC.
    East(i32),
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
            year_day: None,
            dated: false,
            zone: Zone::Unsaid,
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

/// Whether these items together name one day of one year: weeks and days of a week do not.
pub(crate) fn name_a_date<'i>(items: impl Iterator<Item = &'i Item> + Clone) -> bool {
    let any = |wanted: &[Item]| items.clone().any(|item| wanted.contains(item));
    let month = || any(&[Item::Month, Item::MonthName, Item::LongMonthName]);
    let day = || any(&[Item::YearDay]) || (any(&[Item::Day]) && month());
    items.clone().any(|item| matches!(item, Item::Epoch(_))) || any(&[Item::Year, Item::ShortYear]) && day()
}

/// Whether a time of these items is more than an hour of some day.
pub(crate) fn names_a_day(items: &[Item]) -> bool {
    items
        .iter()
        .any(|item| matches!(item, Item::Day | Item::YearDay | Item::Epoch(_)))
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
        b'j' => Item::YearDay,
        b'u' | b'w' | b'U' | b'W' | b'V' => Item::Ignored,
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
            Item::Weekday | Item::AmPm => (0, after_letters(text)),
            Item::ZoneName => return self.zone_name(text),
            Item::YearDay => digits(text, 3)?,
            Item::Zone => return self.zone(text),
            Item::Fraction(places) => digits(text, places as usize)?,
            Item::Epoch(unit) => return self.epoch(unit, text),
            Item::Ignored => (0, after_digits(text)),
            _ => two()?,
        };
        self.dated |= matches!(
            item,
            Item::Month | Item::MonthName | Item::LongMonthName | Item::Day
        );
        match item {
            Item::Year => self.civil.year = value as i32,
            Item::ShortYear => self.civil.year = value as i32 + if value < 69 { 2000 } else { 1900 },
            Item::Month | Item::MonthName | Item::LongMonthName => self.civil.month = value,
            Item::Day => self.civil.day = value,
            Item::YearDay => self.year_day = Some(value),
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
            (b'Z', rest) => {
                self.zone = Zone::East(0);
                return Some(rest);
            }
            _ => return None,
        };
        let (hours, rest) = digits(rest, 2)?;
        let (minutes, rest) = digits(rest.strip_prefix(b":").unwrap_or(rest), 2)?;
        self.zone = Zone::East(sign * (hours * 3600 + minutes * 60) as i32);
        Some(rest)
    }

    /// A zone's name; the tables of zones give `-03` or `+0530` where people have no name for it.
    fn zone_name<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        if let Some((b'+' | b'-', after)) = text.split_first()
            && after_digits(after).len() + 2 == after.len()
        {
            let (hours, rest) = digits(after, 2)?;
            let east = i32::try_from(hours).ok()? * 3600;
            self.zone = Zone::East(if text.first() == Some(&b'-') { -east } else { east });
            return Some(rest);
        }
        if matches!(text.first(), Some(b'+' | b'-')) {
            return self.zone(text);
        }
        let rest = after_letters(text);
        let name = text.get(..text.len() - rest.len())?;
        match (zone::east_of(name), self.zone) {
            (Some(east), _) => self.zone = Zone::East(east),
            // What `%z` says counts.
            (None, Zone::East(_)) => {}
            (None, _) => self.zone = Zone::Unknown,
        }
        Some(rest)
    }

    fn epoch<'a>(&mut self, unit: u64, text: &'a [u8]) -> Option<&'a [u8]> {
        let rest = after_digits(text);
        let value = memo::decimal(text.get(..text.len() - rest.len())?)?;
        self.epoch_ns = Some(i64::try_from(value.checked_mul(unit)?).ok()?);
        Some(rest)
    }

    /// The instant that the pieces make.
    ///
    /// # Errors
    /// [`Reason::Zone`] for a zone whose name could be anywhere, [`Reason::Time`] when they name no instant.
    pub(crate) fn time(self) -> Result<Time, Reason> {
        if let Some(nanos) = self.epoch_ns {
            let fraction = if nanos % SECOND_NS == 0 { self.nanos } else { 0 };
            return Ok(Time::from_nanos(nanos).saturating_add(i64::from(fraction)));
        }
        let east = match self.zone {
            Zone::Unsaid => 0,
            Zone::Unknown => return Err(Reason::Zone),
            Zone::East(east) => east,
        };
        self.instant(east).ok_or(Reason::Time)
    }

    /// Whether no zone was told, and one was needed.
    pub(crate) fn is_zoneless(&self) -> bool {
        self.zone == Zone::Unsaid && self.epoch_ns.is_none()
    }

    fn instant(self, east: i32) -> Option<Time> {
        let mut civil = self.civil;
        if let Some(afternoon) = self.afternoon {
            civil.hour = civil.hour % 12 + if afternoon { 12 } else { 0 };
        }
        let Some(day) = self.year_day.filter(|_| !self.dated) else {
            return Time::from_civil(civil, self.nanos, east);
        };
        let most = if is_leap(civil.year) { 366 } else { 365 };
        let days = i64::from(day.checked_sub(1).filter(|days| *days < most)?);
        Some(Time::from_civil(civil, self.nanos, east)?.saturating_add(days * DAY_NS))
    }

    /// A time that was also logged whole, to the second, with the fraction that the pieces give.
    pub(crate) fn refine(self, whole: Time) -> Time {
        match self.epoch_ns {
            Some(nanos) if nanos % SECOND_NS != 0 => Time::from_nanos(nanos),
            _ if whole.nanos() % SECOND_NS == 0 => whole.saturating_add(i64::from(self.nanos)),
            _ => whole,
        }
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
            assert_eq!(clock.time().map(Time::nanos), Ok(nanos), "{format}");
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
        assert_eq!(clock.time().map(Time::nanos), Ok(971_211_336_000_250_000));
    }
}
