//! [`Expr`]: what a rule asks of one event, as a tree; the meaning that every evaluator must agree on.
//!
//! Leaves are [`Check`]s: one test on one field or, for keywords, on every value of the line. The tree knows nothing of
//! automata or views: [`super::compile`] makes it fast, [`super::explain`] evaluates it plainly.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::fields::Field;
use super::pattern::Pattern;
use super::regex::Regex;
use crate::net::Cidr;

/// A condition on one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// One test.
    Check(Arc<Check>),
    /// The opposite.
    Not(Box<Expr>),
    /// Every one; true without any.
    All(Vec<Expr>),
    /// At least one; false without any.
    Any(Vec<Expr>),
    /// At least so many.
    AtLeast(usize, Vec<Expr>),
}

impl Expr {
    /// A test as a tree.
    pub fn check(subject: Subject, test: Test) -> Self {
        Self::Check(Arc::new(Check { subject, test }))
    }

    /// The opposite.
    pub fn negate(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// `parts` joined; a single part stays what it is.
    pub fn all(mut parts: Vec<Self>) -> Self {
        match parts.len() {
            1 => parts.remove(0),
            _ => Self::All(parts),
        }
    }

    /// One of `parts`; a single part stays what it is.
    pub fn any(mut parts: Vec<Self>) -> Self {
        match parts.len() {
            1 => parts.remove(0),
            _ => Self::Any(parts),
        }
    }

    /// How many parts it has.
    pub fn size(&self) -> usize {
        match self {
            Self::Check(_) => 1,
            Self::Not(inner) => 1 + inner.size(),
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => {
                1 + parts.iter().map(Self::size).sum::<usize>()
            }
        }
    }

    /// Calls `each` with every check.
    pub fn each_check<'x>(&'x self, each: &mut impl FnMut(&'x Arc<Check>)) {
        match self {
            Self::Check(check) => each(check),
            Self::Not(inner) => inner.each_check(each),
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => {
                for part in parts {
                    part.each_check(each);
                }
            }
        }
    }
}

/// One test on one subject.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Check {
    /// What is tested.
    pub subject: Subject,
    /// How.
    pub test: Test,
}

/// What a check looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A field.
    Field(Field),
    /// Every value of the line, for keywords.
    Anything,
}

/// A test on a value. All but [`Test::Empty`] are false where the field is absent.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The whole value matches the pattern.
    Pattern {
        /// The pattern.
        pattern: Pattern,
        /// Whether the case of letters counts.
        cased: bool,
    },
    /// The regular expression is found in the value.
    Regex(Arc<Regex>),
    /// The value is an address of this network.
    Network(Cidr),
    /// The field is there, be it empty.
    Present,
    /// The value is empty, or the field is absent.
    Empty,
    /// The value is a number that compares so.
    Compare(Order, f64),
    /// The value compares to that of another field.
    SameAs {
        /// The other field.
        field: Field,
        /// How.
        anchor: Anchor,
        /// Whether the case of letters counts.
        cased: bool,
    },
    /// A part of the instant is this number.
    TimePart(TimePart, i64),
}

impl Hash for Test {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Pattern { pattern, cased } => (pattern, cased).hash(state),
            Self::Regex(regex) => regex.source.hash(state),
            Self::Network(network) => network.hash(state),
            Self::Present | Self::Empty => {}
            // Zero is one number with either sign.
            Self::Compare(order, limit) => (order, (limit + 0.0).to_bits()).hash(state),
            Self::SameAs { field, anchor, cased } => (field, anchor, cased).hash(state),
            Self::TimePart(part, number) => (part, number).hash(state),
        }
    }
}

/// A numeric comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    Gt,
    Gte,
    Lt,
    Lte,
}

impl Order {
    /// Whether `value` stands so to `limit`.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Gt => value > limit,
            Self::Gte => value >= limit,
            Self::Lt => value < limit,
            Self::Lte => value <= limit,
        }
    }

    /// Sigma's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
        }
    }
}

/// At which ends of a value a text must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Anchor {
    /// At both: they are equal.
    Whole,
    /// At the start.
    Start,
    /// At the end.
    End,
    /// Anywhere.
    Anywhere,
}

impl Anchor {
    /// Whether `part` stands so in `text`.
    pub fn holds(self, text: &[u8], part: &[u8], cased: bool) -> bool {
        let pattern = Pattern::literal(part).open(
            matches!(self, Self::End | Self::Anywhere),
            matches!(self, Self::Start | Self::Anywhere),
        );
        pattern.matches(text, cased)
    }
}

/// A part of an instant, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimePart {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl TimePart {
    /// That part of the instant; the week is ISO 8601's.
    pub fn of(self, time: afw_parsers::Time) -> i64 {
        let civil = time.civil();
        match self {
            Self::Minute => i64::from(civil.minute),
            Self::Hour => i64::from(civil.hour),
            Self::Day => i64::from(civil.day),
            Self::Week => iso_week(time.secs().div_euclid(86_400)),
            Self::Month => i64::from(civil.month),
            Self::Year => i64::from(civil.year),
        }
    }

    /// Sigma's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// The ISO 8601 week of a day counted from 1970-01-01: the number of Thursdays of its year up to this week's.
fn iso_week(day: i64) -> i64 {
    // 1970-01-01 was a Thursday; weeks begin on Monday.
    let thursday = day + 3 - (day + 3).rem_euclid(7);
    let year = afw_parsers::Time::from_secs(thursday * 86_400).map(|time| time.civil().year);
    let first = year.and_then(|year| {
        afw_parsers::Time::from_civil(
            afw_parsers::time::Civil {
                year,
                month: 1,
                day: 1,
                hour: 0,
                minute: 0,
                second: 0,
            },
            0,
            0,
        )
    });
    let start = first.map_or(0, |time| time.secs().div_euclid(86_400));
    (thursday - start).div_euclid(7) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_of_iso_8601() {
        for (day, month, year, week) in [
            (1, 1, 2021, 53),
            (4, 1, 2021, 1),
            (31, 12, 2024, 1),
            (29, 12, 2024, 52),
            (21, 11, 2026, 47),
            (1, 1, 1970, 1),
        ] {
            let civil = afw_parsers::time::Civil {
                year,
                month,
                day,
                hour: 12,
                minute: 0,
                second: 0,
            };
            let time = afw_parsers::Time::from_civil(civil, 0, 0).unwrap();
            assert_eq!(TimePart::Week.of(time), week, "{year}-{month}-{day}");
        }
    }
}
