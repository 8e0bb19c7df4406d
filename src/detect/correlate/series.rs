//! [`Series`]: correlations that count the same by the same key, over spans and up to thresholds of their own.
//!
//! "Sixty failed logins in six hours" sees every mark that "fifteen in five minutes" sees: so one tick counts for all members, one
//! window holds the marks, as far back as the longest reaches, and each looks at its part. A member for which that would not be
//! exact has a window of its own, of which the shared one knows: one that fired, whose marks are consumed for it alone,
//! and one for which the log stepped back. It comes back to the others when nothing within its reach is left. A
//! member's own window never outlives the shared one.
//!
//! In ticks and tables a series has the number that follows those of all correlations and of the series before it.
//! Next: `routes`, `correlator/shared`.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::hash::Frame;
use super::rule::{Correlation, Kind, RuleRef};
use super::shape::EXACT_VALUES;

/// Members of a series: each has a bit in a byte.
const MOST: usize = 8;

/// Correlations that count the same: two at least.
#[derive(Debug, Clone)]
pub(super) struct Series {
    /// The correlations.
    pub members: Vec<u32>,
    /// Stays the same as long as they count the same, however many there are.
    pub fingerprint: u64,
}

/// Gathers correlations into series, in the order of the first of each.
pub(super) fn gather<F: Debug>(correlations: &[Correlation<F>]) -> Vec<Series> {
    let mut alike: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for (correlation, index) in correlations.iter().zip(0..) {
        if let Some(counted) = counted(correlation) {
            alike.entry(counted).or_default().push(index);
        }
    }
    let mut all = Vec::new();
    for (counted, members) in alike {
        let parts = (0..).zip(members.chunks(MOST));
        let parts = parts.filter(|(_, members)| members.len() > 1);
        all.extend(parts.map(|(part, members): (u64, _)| Series {
            members: members.to_vec(),
            fingerprint: counted ^ part,
        }));
    }
    // Not in the order of a hash.
    all.sort_unstable_by_key(|series| series.members.first().copied());
    all
}

/// Names what a rule counts and by what key, over whatever span and up to whatever threshold; `None` for one that shares its
/// windows with no other.
pub(super) fn counted<F: Debug>(correlation: &Correlation<F>) -> Option<u64> {
    can_share(correlation).then(|| {
        let mut frame = Frame::default();
        frame.part(b"series");
        frame.part(correlation.kind.name().as_bytes());
        frame_bases(correlation, &mut frame);
        (frame.digest() >> 64) as u64
    })
}

/// Whether all that is counted is exact, and of lines. Of distinct values it must be two at least: the first completes a
/// window that was consumed, and is nothing new to one that was not.
fn can_share<F>(correlation: &Correlation<F>) -> bool {
    let mut bases = correlation.bases.iter();
    bases.all(|base| matches!(base.rule, RuleRef::Rule(_)))
        && match correlation.kind {
            Kind::EventCount => true,
            Kind::ValueCount => (2..=EXACT_VALUES as u64).contains(&correlation.threshold),
            Kind::Temporal | Kind::TemporalOrdered => false,
        }
}

/// Frames what a rule counts and by what key.
pub(super) fn frame_bases<F: Debug>(correlation: &Correlation<F>, frame: &mut Frame) {
    for base in &correlation.bases {
        frame.part(base.id.as_bytes());
        frame.part(format!("{:?} {:?}", base.group_by, base.field).as_bytes());
    }
}
