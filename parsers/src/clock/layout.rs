//! Times in a layout of Go's that an administrator put together: `Mon Jan 02 15:04:05 -0700 2006`,
//! `Mon, 02 Jan 2006 15:04:05 MST`, `02.01.2006 15:04:05`, `20060102T150405Z`, `Jan 2, 2006 at 3:04pm (MST)`.
//!
//! The layout is not told with the line, so each word says by its form what it is, in any order. What could be two
//! instants is refused: `01/02/2006` (a day or a month first), and zones whose name is several places'. Go's own
//! names for layouts: package `time`, constants.

use crate::clock::scaled;
use crate::memo;
use crate::reject::Reason;
use crate::time::{Civil, Time};
use crate::zone;

/// Longest text that is looked at; the longest of Go's layouts has half of it.
const LONGEST: usize = 80;
const SECOND: u64 = 1_000_000_000;

/// The instant that the words of a text make, without a zone in UTC.
///
/// # Errors
/// [`Reason::Zone`] for a zone whose name could be anywhere, [`Reason::Time`] for anything else.
pub(super) fn read(text: &[u8]) -> Result<Time, Reason> {
    let mut parts = Parts::default();
    if text.len() > LONGEST {
        return Err(Reason::Time);
    }
    for word in text.split(|&b| b == b' ') {
        let word = word.strip_suffix(b",").unwrap_or(word);
        if !word.is_empty() {
            parts.word(word).ok_or(Reason::Time)?;
        }
    }
    parts.time()
}

/// The parts of a time, each of them once.
#[derive(Default)]
struct Parts {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    /// Hour, minute, second and nanoseconds.
    of_day: Option<[u32; 4]>,
    afternoon: Option<bool>,
    /// Seconds east of UTC.
    offset: Option<i32>,
    /// The same by a name; inner `None` for a name that could be anywhere.
    zone: Option<Option<i32>>,
}

impl Parts {
    fn word(&mut self, word: &[u8]) -> Option<()> {
        match word {
            [b'+' | b'-', b'0'..=b'9', ..] => once(&mut self.offset, offset(word)?),
            [b'0'..=b'9', ..] => self.number(word),
            [b'\'', year @ ..] => self.year(year),
            [b'(', name @ .., b')'] => self.name(name),
            b"at" => Some(()),
            _ => self.name(word),
        }
    }

    /// What follows a number without a space: a sign of the half of the day, or a zone.
    fn suffix(&mut self, text: &[u8]) -> Option<()> {
        match text {
            [] => Some(()),
            [b'0'..=b'9', ..] => None,
            _ => self.word(text),
        }
    }

    fn name(&mut self, word: &[u8]) -> Option<()> {
        if word.eq_ignore_ascii_case(b"AM") || word.eq_ignore_ascii_case(b"PM") {
            once(&mut self.afternoon, word.first()?.eq_ignore_ascii_case(&b'p'))
        } else if let Some(month) = month(word) {
            once(&mut self.month, month)
        } else if is_weekday(word) {
            Some(())
        } else if (1..=5).contains(&word.len()) && word.iter().all(u8::is_ascii_uppercase) {
            once(&mut self.zone, zone::east_of(word))
        } else {
            None
        }
    }

    fn number(&mut self, word: &[u8]) -> Option<()> {
        let digits = word
            .iter()
            .position(|b| !b.is_ascii_digit())
            .unwrap_or(word.len());
        let (number, rest) = word.split_at_checked(digits)?;
        match (digits, rest) {
            (1 | 2, [b':', ..]) => self.clock(word),
            (1 | 2 | 4, [b'-' | b'/' | b'.', ..]) => self.date(word),
            (1 | 2, []) if self.day.is_none() => once(&mut self.day, decimal(number)?),
            (2 | 4, []) => self.year(number),
            (8, _) => self.compact_date(number, rest),
            (14, _) => {
                let (date, clock) = word.split_at_checked(8)?;
                self.compact_date(date, clock)
            }
            _ => None,
        }
    }

    fn year(&mut self, digits: &[u8]) -> Option<()> {
        let century = match digits.len() {
            2 => 2000,
            4 => 0,
            _ => return None,
        };
        let year = i32::try_from(decimal(digits)?).ok()?;
        once(&mut self.year, century + year)
    }

    /// `2006-01-02`, `02.01.2006`, `02-Jan-06`, each perhaps with a time of day behind `T`. Of numbers alone a day
    /// comes first only where points are between them, as nobody writes months so.
    fn date(&mut self, word: &[u8]) -> Option<()> {
        let between = *word.iter().find(|b| !b.is_ascii_digit())?;
        let mut fields = word.splitn(3, |&b| b == between);
        let (first, second, third) = (fields.next()?, fields.next()?, fields.next()?);
        let digits = third
            .iter()
            .position(|b| !b.is_ascii_digit())
            .unwrap_or(third.len());
        let (third, rest) = third.split_at_checked(digits)?;
        let (year, day) = if first.len() == 4 {
            (first, third)
        } else if between == b'.' || month(second).is_some() {
            (third, first)
        } else {
            return None;
        };
        let month = month(second).or_else(|| decimal(second))?;
        once(&mut self.month, month)?;
        once(&mut self.day, decimal(day)?)?;
        self.year(year)?;
        self.after_date(rest)
    }

    /// `20060102` and what follows: `150405`, perhaps behind `T`, `-` or `_`.
    fn compact_date(&mut self, date: &[u8], rest: &[u8]) -> Option<()> {
        let (year, month_day) = date.split_at_checked(4)?;
        let (month, day) = month_day.split_at_checked(2)?;
        self.year(year)?;
        once(&mut self.month, decimal(month)?)?;
        once(&mut self.day, decimal(day)?)?;
        self.after_date(rest)
    }

    fn after_date(&mut self, rest: &[u8]) -> Option<()> {
        let clock = match rest {
            [] => return Some(()),
            [b'T' | b'-' | b'_' | b':', clock @ ..] => clock,
            clock => clock,
        };
        let Some((digits, rest)) = clock.split_first_chunk::<6>() else {
            return self.clock(clock);
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return self.clock(clock);
        }
        let [h1, h2, m1, m2, s1, s2] = digits;
        let (hour, minute, second) = (
            decimal(&[*h1, *h2])?,
            decimal(&[*m1, *m2])?,
            decimal(&[*s1, *s2])?,
        );
        let (nanos, rest) = fraction(rest)?;
        once(&mut self.of_day, [hour, minute, second, nanos])?;
        self.suffix(rest)
    }

    /// `15:04`, `15:04:05`, `3:04:05.000PM`, `15:04:05-0700`.
    fn clock(&mut self, word: &[u8]) -> Option<()> {
        let (hour, rest) = two_digits(word)?;
        let (minute, rest) = two_digits(rest.strip_prefix(b":")?)?;
        let (second, rest) = match rest.strip_prefix(b":") {
            Some(rest) => two_digits(rest)?,
            None => (0, rest),
        };
        let (nanos, rest) = fraction(rest)?;
        once(&mut self.of_day, [hour, minute, second, nanos])?;
        self.suffix(rest)
    }

    fn time(self) -> Result<Time, Reason> {
        let east = match (self.offset, self.zone) {
            // What `-0700` says counts, whatever stands beside it.
            (Some(east), _) | (None, Some(Some(east))) => east,
            (None, None) => 0,
            (None, Some(None)) => return Err(Reason::Zone),
        };
        self.instant(east).ok_or(Reason::Time)
    }

    fn instant(self, east: i32) -> Option<Time> {
        let [hour, minute, second, nanos] = self.of_day?;
        let civil = Civil {
            year: self.year?,
            month: self.month?,
            day: self.day?,
            hour: whole_hour(hour, self.afternoon)?,
            minute,
            second,
        };
        Time::from_civil(civil, nanos, east)
    }
}

/// The hour of the day; a layout may have `15` and `PM` both.
fn whole_hour(hour: u32, afternoon: Option<bool>) -> Option<u32> {
    match (hour, afternoon) {
        (hour, None) | (hour @ 12.., Some(true)) | (hour @ 0..=11, Some(false)) => Some(hour),
        (12, Some(false)) => Some(0),
        (1..=11, Some(true)) => Some(hour + 12),
        _ => None,
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

fn decimal(digits: &[u8]) -> Option<u32> {
    u32::try_from(memo::decimal(digits)?).ok()
}

/// One or two digits and what follows.
fn two_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take(2).take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((decimal(number)?, rest))
}

/// `.000` or `,000` as nanoseconds, and what follows; none is zero.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some((b'.' | b',', rest)) = text.split_first() else {
        return Some((0, text));
    };
    let digits = rest
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, rest) = rest.split_at_checked(digits)?;
    let nanos = scaled(b"0", digits.get(..9).unwrap_or(digits), SECOND)?;
    (!digits.is_empty()).then_some((u32::try_from(nanos).ok()?, rest))
}

/// `-0700`, `+01:00`, `-07`, `+053000` as seconds.
fn offset(word: &[u8]) -> Option<i32> {
    let (sign, rest) = word.split_first()?;
    let (hours, rest) = two_digits(rest)?;
    let (minutes, rest) = match rest.strip_prefix(b":").unwrap_or(rest) {
        [] => (0, &b""[..]),
        rest => two_digits(rest)?,
    };
    let seconds = match rest.strip_prefix(b":").unwrap_or(rest) {
        [] => 0,
        rest => two_digits(rest).filter(|(_, rest)| rest.is_empty())?.0,
    };
    let east = i32::try_from(hours * 3600 + minutes * 60 + seconds).ok()?;
    Some(if *sign == b'-' { -east } else { east })
}

/// An English month, short or whole.
fn month(word: &[u8]) -> Option<u32> {
    const WHOLE: [&[u8]; 12] = [
        b"january",
        b"february",
        b"march",
        b"april",
        b"may",
        b"june",
        b"july",
        b"august",
        b"september",
        b"october",
        b"november",
        b"december",
    ];
    let number = memo::month(*word.first_chunk::<3>()?)?;
    let whole = WHOLE.get(usize::try_from(number).ok()?.checked_sub(1)?)?;
    (word.len() == 3 || word.eq_ignore_ascii_case(whole)).then_some(number)
}

fn is_weekday(word: &[u8]) -> bool {
    const WHOLE: [&[u8]; 7] = [
        b"monday",
        b"tuesday",
        b"wednesday",
        b"thursday",
        b"friday",
        b"saturday",
        b"sunday",
    ];
    WHOLE.iter().any(|whole| {
        word.eq_ignore_ascii_case(whole)
            || whole
                .get(..3)
                .is_some_and(|short| word.eq_ignore_ascii_case(short))
    })
}

#[cfg(test)]
mod tests;
