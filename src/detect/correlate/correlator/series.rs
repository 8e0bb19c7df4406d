//! [`Series`]: correlations that count the same by the same key, over spans and up to thresholds of their own.
//!
//! "Sixty failed logins in six hours" sees every mark that "fifteen in five minutes" sees: so one window holds the marks of
//! all members, as far back as the longest reaches, and each looks at its part. A member for which that would not be
//! exact has a window of its own, of which the shared one knows: one that fired, whose marks are consumed for it alone,
//! and one for which the log stepped back. It comes back to the others when nothing within its reach is left. A
//! member's own window never outlives the shared one.

use std::collections::BTreeMap;

use super::plan::Plan;
use crate::detect::correlate::window::Shape;

/// Members of a series: each has a bit in a byte.
pub(super) const MOST: usize = 8;

/// Correlations that count the same.
#[derive(Debug)]
pub(super) struct Series {
    /// Of the shared window: as far back as the member that reaches the farthest.
    pub shape: Shape,
    /// The correlations.
    pub members: Vec<u32>,
    /// Stays the same as long as they count the same, however many there are.
    pub fingerprint: u64,
}

/// A line that was counted: its members look at that.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Met {
    /// Number of the line.
    pub line: u64,
    /// The shared window.
    pub at: u32,
    /// Its newest mark before the line's; `None` for a window that there was not.
    pub newest: Option<i64>,
    /// Where the line's mark is; `None` when it changed nothing.
    pub place: Option<usize>,
    /// Whether the shared window began anew because the log stepped back.
    pub anew: bool,
    /// Which members have a window of their own.
    pub parted: u8,
    /// Which members have looked: one that comes again comes with the next line, which nothing else tells from this one.
    pub looked: u8,
    /// What no member can count more of.
    pub most: u64,
}

/// Gathers correlations into series, and tells each which one and its number in it.
pub(super) fn gather(plans: &mut [Plan]) -> Vec<Series> {
    let mut alike: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for (plan, index) in plans.iter().zip(0..) {
        if let Some(counted) = plan.counted {
            alike.entry(counted).or_default().push(index);
        }
    }
    let mut all = Vec::new();
    for (counted, members) in alike {
        let parts = (0..).zip(members.chunks(MOST));
        all.extend(parts.filter_map(|(part, members)| Series::new(counted ^ part, members, plans)));
    }
    // In the order of the rules, not of a hash.
    all.sort_unstable_by_key(|series| series.members.first().copied());
    for (series, number) in all.iter().zip(0..) {
        for (&member, place) in series.members.iter().zip(0..) {
            if let Some(plan) = plans.get_mut(member as usize) {
                plan.series = Some((number, place));
            }
        }
    }
    all
}

impl Series {
    /// `None` for one that has nobody to share with.
    fn new(fingerprint: u64, members: &[u32], plans: &[Plan]) -> Option<Self> {
        let plan_of = |member: &u32| plans.get(*member as usize);
        let longest = (members.iter().filter_map(plan_of)).max_by_key(|plan| plan.shape.reach_nanos)?;
        (members.len() > 1).then(|| Self {
            // It never fires itself.
            shape: Shape {
                threshold: 1,
                ..longest.shape
            },
            members: members.to_vec(),
            fingerprint,
        })
    }
}
