//! Which conditions of a correlation can be counted as lines go by, and at which count they fire.

use super::rule::Kind;

/// A comparison in a correlation's `condition`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "Sigma's own words")]
pub enum Comparison {
    Gt,
    Gte,
    Lt,
    Lte,
    Eq,
    Neq,
}

impl Comparison {
    /// The comparison of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "eq" => Self::Eq,
            "neq" => Self::Neq,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Eq => "eq",
            Self::Neq => "neq",
        }
    }
}

/// The largest threshold that is counted: an exact window of as many instants is still a bounded amount of memory.
pub const MAX_THRESHOLD: u64 = 1_000_000;

/// Turns a condition into the count at which the correlation fires.
///
/// A count only grows while a window fills, and a window that fires is emptied. So the first count that satisfies
/// the condition is where it fires: `gte: 10` and `eq: 10` at 10, `gt: 10` at 11, `gt: 100` with `lte: 200` at
/// 101. What the very first event would satisfy (`lt`, `lte` or `neq` alone) asks for the absence of events,
/// which no line tells, and is refused. A temporal correlation without a condition needs all its `bases`.
///
/// # Errors
/// Says why the condition cannot be met or cannot be seen, and what to write instead.
pub fn threshold(kind: Kind, condition: &[(Comparison, u64)], bases: usize) -> Result<u64, String> {
    let temporal = matches!(kind, Kind::Temporal | Kind::TemporalOrdered);
    let bases = bases as u64;
    if condition.is_empty() {
        return if temporal {
            Ok(bases)
        } else {
            Err(format!("{} needs a condition such as `gte: 10`", kind.name()))
        };
    }
    let count = first_count(condition)?;
    if temporal && count > bases {
        return Err(format!(
            "the condition asks for {count} rules, and of those listed there are {bases}"
        ));
    }
    if kind == Kind::TemporalOrdered && count < bases {
        return Err(format!(
            "temporal_ordered needs all of its {bases} rules in order; use `temporal` for some of them"
        ));
    }
    if count > MAX_THRESHOLD {
        return Err(format!(
            "the count {count} is above {MAX_THRESHOLD}, the largest that is counted"
        ));
    }
    Ok(count)
}

/// The smallest count from 1 that satisfies every comparison.
fn first_count(condition: &[(Comparison, u64)]) -> Result<u64, String> {
    let mut count: u64 = 1;
    let mut from_below = false;
    for &(comparison, value) in condition {
        let least = match comparison {
            Comparison::Gt => value.saturating_add(1),
            Comparison::Gte | Comparison::Eq => value,
            Comparison::Neq if value == 0 => 1,
            Comparison::Lt | Comparison::Lte | Comparison::Neq => continue,
        };
        from_below = true;
        count = count.max(least);
    }
    while condition.contains(&(Comparison::Neq, count)) {
        count = count.saturating_add(1);
    }
    let meets = |&(comparison, value): &(Comparison, u64)| match comparison {
        Comparison::Gt => count > value,
        Comparison::Gte => count >= value,
        Comparison::Lt => count < value,
        Comparison::Lte => count <= value,
        Comparison::Eq => count == value,
        Comparison::Neq => count != value,
    };
    if !from_below {
        let name = condition
            .first()
            .map_or("lt", |(comparison, _)| comparison.name());
        return Err(format!(
            "`{name}` alone is true before anything happened; a log cannot show what is missing, use `gte` or `gt`"
        ));
    }
    if let Some((comparison, value)) = condition.iter().find(|one| !meets(one)) {
        return Err(format!(
            "the condition can never hold: the count starts at {count} and `{}: {value}` excludes it",
            comparison.name()
        ));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_fires_at_its_first_count_or_is_refused() {
        use Comparison::{Eq, Gt, Gte, Lt, Lte, Neq};
        for (condition, expected) in [
            (&[(Gte, 10)][..], Some(10)),
            (&[(Gt, 10)], Some(11)),
            (&[(Eq, 3)], Some(3)),
            (&[(Gte, 0)], Some(1)),
            (&[(Gt, 100), (Lte, 200)], Some(101)),
            (&[(Neq, 0)], Some(1)),
            (&[(Gt, 5), (Neq, 6)], Some(7)),
            (&[(Lt, 5)], None),
            (&[(Lte, 5)], None),
            (&[(Neq, 5)], None),
            (&[(Eq, 0)], None),
            (&[(Gte, 10), (Lt, 10)], None),
            (&[(Gt, u64::MAX)], None),
            (&[(Gte, MAX_THRESHOLD + 1)], None),
            (&[], None),
        ] {
            assert_eq!(
                threshold(Kind::EventCount, condition, 1).ok(),
                expected,
                "{condition:?}"
            );
        }
    }

    #[test]
    fn a_temporal_condition_counts_rules() {
        use Comparison::Gte;
        assert_eq!(threshold(Kind::Temporal, &[], 3), Ok(3));
        assert_eq!(threshold(Kind::Temporal, &[(Gte, 2)], 3), Ok(2));
        assert!(threshold(Kind::Temporal, &[(Gte, 4)], 3).is_err());
        assert_eq!(threshold(Kind::TemporalOrdered, &[], 2), Ok(2));
        assert!(threshold(Kind::TemporalOrdered, &[(Gte, 2)], 3).is_err());
    }
}
