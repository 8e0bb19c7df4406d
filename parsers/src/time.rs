//! [`Time`]: an instant as nanoseconds since 1970-01-01T00:00:00Z.
//!
//! Calendar arithmetic only: this module never asks a clock. Parsing of each format's time stands beside that
//! format's grammar and ends in [`Time::from_civil`].

use std::fmt;

const NANOS: i64 = 1_000_000_000;

/// An instant, UTC, with nanosecond precision, from 1677-09-21 to 2262-04-11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// A calendar date and time of day, without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// Year, 1678 to 2261.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u32,
    /// Day of the month, 1 to 31.
    pub day: u32,
    /// Hour, 0 to 23.
    pub hour: u32,
    /// Minute, 0 to 59.
    pub minute: u32,
    /// Second, 0 to 60 (a leap second counts as the next second's first).
    pub second: u32,
}

impl Time {
    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds since the epoch; `None` beyond the range.
    pub fn from_secs(secs: i64) -> Option<Self> {
        secs.checked_mul(NANOS).map(Self)
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(NANOS)
    }

    /// Nanoseconds within the second.
    pub const fn subsec_nanos(self) -> u32 {
        self.0.rem_euclid(NANOS) as u32
    }

    /// `self + nanos`, held at the ends of the range.
    pub const fn saturating_add(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Nanoseconds from `earlier` to `self`, negative when `earlier` is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// From a calendar time and the zone's offset from UTC in seconds; `None` when it names no real instant.
    pub fn from_civil(civil: Civil, nanos: u32, offset_secs: i32) -> Option<Self> {
        let Civil {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = civil;
        let in_range = (1678..=2261).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60
            && nanos < NANOS as u32
            && offset_secs.abs() < 24 * 3600;
        if !in_range {
            return None;
        }
        let of_day = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        let secs = days_from_civil(year, month, day) * 86_400 + of_day - i64::from(offset_secs);
        Some(Self(secs * NANOS + i64::from(nanos)))
    }

    /// The calendar time in UTC.
    pub fn civil(self) -> Civil {
        let secs = self.secs();
        let (year, month, day) = civil_from_days(secs.div_euclid(86_400));
        let of_day = secs.rem_euclid(86_400) as u32;
        Civil {
            year,
            month,
            day,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }

    /// RFC 3339 in UTC with exactly three fraction digits: `2026-01-31T07:08:09.120Z`.
    pub fn to_rfc3339_millis(self) -> String {
        format!(
            "{}.{:03}Z",
            Seconds(self.civil()),
            self.subsec_nanos() / 1_000_000
        )
    }
}

/// RFC 3339 in UTC: three fraction digits, or nine when the instant has a finer part.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.subsec_nanos();
        if nanos.is_multiple_of(1_000_000) {
            write!(f, "{}.{:03}Z", Seconds(self.civil()), nanos / 1_000_000)
        } else {
            write!(f, "{}.{nanos:09}Z", Seconds(self.civil()))
        }
    }
}

/// A calendar time to the second, as RFC 3339 writes it, without fraction and zone.
struct Seconds(Civil);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self.0;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )
    }
}

pub(crate) const fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month, 28 to 31; 0 for a month that does not exist.
pub const fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 0,
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date, counted in 400-year eras that begin on 1 March.
fn days_from_civil(year: i32, month: u32, day: u32) -> i64 {
    let shifted = i64::from(year) - i64::from(month <= 2);
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i32, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_five_centuries_survives_the_round_trip() {
        let first = days_from_civil(1700, 1, 1);
        let last = days_from_civil(2200, 12, 31);
        for days in first..=last {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
        assert_eq!(last - first, 182_985);
    }

    #[test]
    fn known_instants() {
        let civil = Civil {
            year: 2000,
            month: 10,
            day: 10,
            hour: 13,
            minute: 55,
            second: 36,
        };
        let time = Time::from_civil(civil, 0, -7 * 3600).unwrap();
        assert_eq!(time.secs(), 971_211_336);
        assert_eq!(time.to_string(), "2000-10-10T20:55:36.000Z");
        assert_eq!(
            Time::from_nanos(1_657_630_626_219_000_001).to_string(),
            "2022-07-12T12:57:06.219000001Z"
        );
        assert_eq!(Time::from_nanos(-1).to_string(), "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        let good = Civil {
            year: 2024,
            month: 2,
            day: 29,
            hour: 0,
            minute: 0,
            second: 0,
        };
        assert!(Time::from_civil(good, 0, 0).is_some());
        for bad in [
            Civil { year: 2023, ..good },
            Civil { month: 13, ..good },
            Civil { month: 0, ..good },
            Civil { day: 0, ..good },
            Civil { hour: 24, ..good },
            Civil { minute: 60, ..good },
            Civil { second: 61, ..good },
            Civil { year: 9999, ..good },
        ] {
            assert_eq!(Time::from_civil(bad, 0, 0), None, "{bad:?}");
        }
        assert_eq!(Time::from_civil(good, 0, 86_400), None);
    }
}
