//! [`Correlation`]: one checked Sigma correlation, ready to count.
//!
//! The loader of rule files resolves names, aliases and chains and fills this in; [`threshold`] and [`check`] hold
//! the decisions on what can be counted as lines go by and refuse the rest with a reason. Nothing is counted
//! here. Next: `tick`, `correlator`.

use std::sync::Arc;

use crate::detect::RuleInfo;
use crate::detect::fields::Field;

pub use super::condition::{Comparison, MAX_THRESHOLD, threshold};

/// One correlation rule. `F` names a field of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation<F = Field> {
    /// What the rest of the program sees of the rule: id, title, class, confidence.
    pub info: Arc<RuleInfo>,
    /// Whether firing makes a sighting; false for one that only feeds another correlation.
    pub alerts: bool,
    /// What is counted.
    pub kind: Kind,
    /// The rules whose hits are counted, in the order of the file; the order matters for
    /// [`Kind::TemporalOrdered`].
    pub bases: Vec<Base<F>>,
    /// Length of the window in nanoseconds; two hits exactly this far apart are in one window.
    pub timespan_nanos: i64,
    /// How many events, distinct values or distinct rules make it fire; see [`threshold`].
    pub threshold: u64,
}

/// What a correlation counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Lines on which any base rule hit.
    EventCount,
    /// Distinct values of one field over those lines.
    ValueCount,
    /// Distinct base rules, in any order.
    Temporal,
    /// All base rules, one after the other.
    TemporalOrdered,
}

impl Kind {
    /// Sigma's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventCount => "event_count",
            Self::ValueCount => "value_count",
            Self::Temporal => "temporal",
            Self::TemporalOrdered => "temporal_ordered",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::EventCount,
            Self::ValueCount,
            Self::Temporal,
            Self::TemporalOrdered,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }
}

/// One rule that a correlation counts, with how its events are grouped.
#[derive(Debug, Clone, PartialEq)]
pub struct Base<F = Field> {
    /// The rule.
    pub rule: RuleRef,
    /// The rule's id, which stays the same when the rule set changes around it.
    pub id: Arc<str>,
    /// The correlation's `group-by` with aliases resolved for this rule; empty for one window over all lines.
    pub group_by: Vec<Group<F>>,
    /// The field whose values [`Kind::ValueCount`] counts; `None` for the other kinds.
    pub field: Option<F>,
}

/// Which rule a base is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleRef {
    /// A detection rule, by its index in the rule set.
    Rule(u32),
    /// Another correlation, by its index among the correlations.
    Correlation(u32),
}

/// One part of a window's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Group<F = Field> {
    /// The client's network; the address itself for IPv4 and the /64 for IPv6 unless the rule says otherwise.
    Client(Net),
    /// The value of a field.
    Field(F),
}

/// To how many leading bits addresses are cut before they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Net {
    /// For IPv4, 0 to 32.
    pub v4_bits: u8,
    /// For IPv6, 0 to 128.
    pub v6_bits: u8,
}

impl Net {
    /// One IPv4 address, one IPv6 /64 (what one subscriber has).
    pub const HOST: Self = Self {
        v4_bits: 32,
        v6_bits: 64,
    };
}

impl Group {
    /// Reads one `group-by` name. The client's address, by any of its names, may carry a prefix length: `c-ip/24`
    /// groups IPv4 by /24 (IPv6 by /64), `c-ip/48` IPv6 by /48 (IPv4 by address). `None` for a name that is no field
    /// and for an impossible prefix length.
    pub fn parse(name: &str) -> Option<Self> {
        let (base, bits) = match name.split_once('/') {
            Some((base, bits)) => (base, Some(bits.parse::<u8>().ok()?)),
            None => (name, None),
        };
        match (Field::parse(base)?, bits) {
            (Field::Client, None) => Some(Self::Client(Net::HOST)),
            (Field::Client, Some(v4_bits @ 0..=32)) => Some(Self::Client(Net { v4_bits, ..Net::HOST })),
            (Field::Client, Some(v6_bits @ 33..=128)) => Some(Self::Client(Net { v6_bits, ..Net::HOST })),
            (field, None) => Some(Self::Field(field)),
            (_, Some(_)) => None,
        }
    }
}

/// What [`check`] finds wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Index of the correlation.
    pub correlation: usize,
    /// The construct at fault: `rules`, `group-by`, `field`, `timespan`.
    pub construct: &'static str,
    /// Why, and what to do.
    pub reason: String,
}

/// The longest window: 32 days.
pub const MAX_TIMESPAN_NANOS: i64 = 32 * 86_400 * 1_000_000_000;

/// How many rules one correlation may list.
pub const MAX_BASES: usize = 64;

/// Checks what only shows once names are resolved: windows that are too long, rules listed twice, base indices
/// that do not exist, missing fields, and chains that lead back to themselves.
pub fn check<F>(correlations: &[Correlation<F>], rules: usize) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, correlation) in correlations.iter().enumerate() {
        let reasons = check_one(correlation, rules, correlations.len());
        faults.extend(reasons.into_iter().map(|(construct, reason)| Fault {
            correlation: index,
            construct,
            reason,
        }));
    }
    let depths = depths(correlations);
    for (index, _) in depths.iter().enumerate().filter(|(_, depth)| depth.is_none()) {
        faults.push(Fault {
            correlation: index,
            construct: "rules",
            reason: "the chain of correlations leads back to itself".to_owned(),
        });
    }
    faults
}

fn check_one<F>(correlation: &Correlation<F>, rules: usize, chain: usize) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    let span = correlation.timespan_nanos;
    if !(1..=MAX_TIMESPAN_NANOS).contains(&span) {
        faults.push((
            "timespan",
            "must be longer than nothing and at most 32d".to_owned(),
        ));
    }
    let bases = &correlation.bases;
    if bases.is_empty() || bases.len() > MAX_BASES {
        faults.push((
            "rules",
            format!("lists {} rules; 1 to {MAX_BASES} are possible", bases.len()),
        ));
    }
    for (at, base) in bases.iter().enumerate() {
        if bases.iter().take(at).any(|earlier| earlier.rule == base.rule) {
            faults.push(("rules", format!("`{}` is listed twice", base.id)));
        }
        let known = match base.rule {
            RuleRef::Rule(rule) => (rule as usize) < rules,
            RuleRef::Correlation(other) => (other as usize) < chain,
        };
        if !known {
            faults.push(("rules", format!("`{}` is no rule that was loaded", base.id)));
        }
        if base.field.is_some() != (correlation.kind == Kind::ValueCount) {
            faults.push((
                "field",
                "belongs to value_count, which needs it, and to no other".to_owned(),
            ));
        }
    }
    faults
}

/// For each correlation how many correlations stand below it at most: 0 when it counts detection rules alone;
/// `None` in or above a circle.
pub fn depths<F>(correlations: &[Correlation<F>]) -> Vec<Option<u32>> {
    let mut depths: Vec<Option<u32>> = vec![None; correlations.len()];
    // Who stands above each, and how many of those below each are not settled: every edge is looked at once.
    let mut above: Vec<Vec<usize>> = vec![Vec::new(); correlations.len()];
    let mut open: Vec<usize> = vec![0; correlations.len()];
    for (index, correlation) in correlations.iter().enumerate() {
        for base in &correlation.bases {
            if let RuleRef::Correlation(below) = base.rule {
                if let Some(open) = open.get_mut(index) {
                    *open += 1;
                }
                if let Some(above) = above.get_mut(below as usize) {
                    above.push(index);
                }
            }
        }
    }
    let settled = open.iter().enumerate().filter(|(_, open)| **open == 0);
    let mut settled: Vec<usize> = settled.map(|(index, _)| index).collect();
    while let Some(index) = settled.pop() {
        let depth = correlations.get(index).and_then(|one| depth_above(one, &depths));
        if let Some(slot) = depths.get_mut(index) {
            *slot = depth;
        }
        for &higher in above.get(index).map(Vec::as_slice).unwrap_or_default() {
            if let Some(open) = open.get_mut(higher) {
                *open -= 1;
                if *open == 0 {
                    settled.push(higher);
                }
            }
        }
    }
    depths
}

fn depth_above<F>(correlation: &Correlation<F>, depths: &[Option<u32>]) -> Option<u32> {
    correlation
        .bases
        .iter()
        .try_fold(0, |depth, base| match base.rule {
            RuleRef::Rule(_) => Some(depth),
            RuleRef::Correlation(below) => {
                let below = depths.get(below as usize).copied().flatten()?;
                Some(depth.max(below + 1))
            }
        })
}

#[cfg(test)]
mod tests;
