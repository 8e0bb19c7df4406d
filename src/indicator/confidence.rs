//! How sure an indicator is: a formula, nothing else.
//!
//! One rule of confidence *c* that was seen *n* times supports with
//!
//! ```text
//! s = c + g · (1 − 1/n),  g = c · (1 − c) / 6,  and s ≤ 0.499 where c < 0.5
//! ```
//!
//! so repetition adds at most 0.042, and a faint rule never passes one half by repetition alone. Rules that fire on
//! the same line mostly see the same thing, so of each [`Kind`] only the strongest on a line is a witness for that
//! line, and *n* counts the lines on which it was. Distinct witnesses are independent of each other (noisy-or):
//!
//! ```text
//! confidence = 1 − Π (1 − s),  at most 0.99 unless one rule alone says more
//! ```
//!
//! rounded to three decimals. The supports are multiplied in order of size, so the result depends on the set of
//! rules and counts alone, never on the order of the lines; and since only the four basic operations are used, it is
//! the same on every machine.

use crate::detect::{Class, Confidence};
use crate::event::Sighting;

/// What a rule speaks about. What a client asks for, what it says it is and what it does over time are different
/// things, and each may be a reason of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The request.
    Request,
    /// The program, or the list, that the client is known by.
    Client,
    /// Many lines together.
    Course,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Request, Self::Client, Self::Course];

    /// What a sighting speaks about.
    pub const fn of(sighting: &Sighting) -> Self {
        if sighting.correlation {
            return Self::Course;
        }
        match sighting.class {
            Class::Tool
            | Class::FakeCrawler
            | Class::Listed
            | Class::Script
            | Class::Headless
            | Class::Crawler
            | Class::AiCrawler
            | Class::Anomaly => Self::Client,
            Class::Exposure
            | Class::Exploit
            | Class::Webshell
            | Class::Probe
            | Class::BruteForce
            | Class::CredentialStuffing
            | Class::Scan
            | Class::Flood
            | Class::Spam => Self::Request,
        }
    }
}

/// No number of witnesses makes it surer than this, unless one is.
const CEILING: f64 = 0.99;
/// Where a faint rule's repetition ends.
const FAINT: f64 = 0.499;

/// Support of one rule that was seen `count` times.
fn support(confidence: Confidence, count: u64) -> f64 {
    let c = confidence.value();
    let grown = c + c * (1.0 - c) / 6.0 * (1.0 - 1.0 / count.max(1) as f64);
    if c < 0.5 { grown.min(FAINT.max(c)) } else { grown }
}

/// The confidence of an indicator from its rules' confidences and counts. It never falls when a count grows.
pub fn combine(rules: impl IntoIterator<Item = (Confidence, u64)>) -> Confidence {
    let mut supports: Vec<f64> = rules
        .into_iter()
        .map(|(confidence, count)| support(confidence, count))
        .collect();
    supports.sort_unstable_by(|a, b| b.total_cmp(a));
    let doubt: f64 = supports.iter().map(|support| 1.0 - support).product();
    let alone = supports.first().copied().unwrap_or(0.0);
    Confidence::new((1.0 - doubt).min(CEILING.max(alone))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(rules: &[(f64, u64)]) -> f64 {
        let rules = rules.iter().map(|&(c, n)| (Confidence::new(c).unwrap(), n));
        combine(rules).value()
    }

    #[test]
    fn the_formula_by_example() {
        for (rules, expected) in [
            (&[][..], 0.0),
            (&[(0.8, 1)], 0.8),
            (&[(0.8, 2)], 0.813),
            (&[(0.8, 1_000_000)], 0.827),
            (&[(0.3, 1)], 0.3),
            (&[(0.3, 1_000_000)], 0.335),
            (&[(0.49, 1_000_000)], 0.499),
            (&[(0.3, 1), (0.3, 1)], 0.51),
            (&[(0.8, 1), (0.6, 1)], 0.92),
            (&[(0.9, 1), (0.9, 1), (0.9, 1)], 0.99),
            (&[(1.0, 1), (0.3, 1)], 1.0),
        ] {
            assert!((of(rules) - expected).abs() < 1e-9, "{rules:?}: {}", of(rules));
        }
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_evidence_never_lowers(
            mut rules in proptest::collection::vec((0u16..=1000, 1u64..50), 1..12),
            turn in 0usize..12,
        ) {
            let rated = |rules: &[(u16, u64)]| {
                combine(rules.iter().map(|&(c, n)| (Confidence::new(f64::from(c) / 1000.0).unwrap(), n)))
            };
            let before = rated(&rules);
            let len = rules.len();
            rules.rotate_left(turn % len);
            prop_assert_eq!(rated(&rules), before);
            rules[0].1 += 1;
            let more = rated(&rules);
            prop_assert!(more >= before);
            let endless: Vec<(u16, u64)> = rules.iter().map(|&(c, _)| (c, u64::MAX)).collect();
            prop_assert!(rated(&endless) >= more, "what repetition cannot pass");
            rules.push((500, 1));
            prop_assert!(rated(&rules) >= more);
        }

        #[test]
        fn repetition_alone_never_makes_a_faint_rule_strong(c in 0u16..500, n in 1u64..u64::MAX) {
            let alone = combine([(Confidence::new(f64::from(c) / 1000.0).unwrap(), n)]);
            prop_assert!(alone.thousandths() < 500);
            let again = alone.thousandths() - c;
            prop_assert!(again < 50, "a rise of {} would ship again", again);
        }
    }
}
