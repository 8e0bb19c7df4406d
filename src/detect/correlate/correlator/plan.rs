//! [`Plan`]: what the correlator must know of one rule.

use std::fmt::Debug;
use std::sync::Arc;

use super::Options;
use crate::detect::RuleInfo;
use crate::detect::correlate::hash::Frame;
use crate::detect::correlate::network::client_alone;
use crate::detect::correlate::rule::{Correlation, Net, RuleRef};
use crate::detect::correlate::series::{Series, counted, frame_bases};
use crate::detect::correlate::shape::Shape;

/// What the correlator must know of one rule.
#[derive(Debug)]
pub(super) struct Plan {
    pub info: Arc<RuleInfo>,
    pub alerts: bool,
    pub shape: Shape,
    pub bases: Vec<RuleRef>,
    /// How many correlations stand below it at most.
    pub depth: u32,
    /// The client network, when that alone is the key.
    pub client: Option<Net>,
    /// What the windows of the series that it is a member of go by, and its place in that.
    pub series: Option<(u32, u8)>,
    /// Stays the same as long as the rule counts the same.
    pub fingerprint: u64,
    /// What tells those that it can share windows with.
    pub counted: Option<u64>,
}

impl Plan {
    /// What follows from a rule above so many others, and what it has with others of a series.
    pub fn new<F: Debug>(correlation: &Correlation<F>, depth: u32, options: &Options) -> Self {
        let span_nanos = correlation.timespan_nanos;
        let tolerance = options.tolerance_nanos.clamp(0, span_nanos.max(0));
        Self {
            info: Arc::clone(&correlation.info),
            alerts: correlation.alerts,
            shape: Shape {
                kind: correlation.kind,
                span_nanos,
                reach_nanos: span_nanos.saturating_add(tolerance),
                threshold: correlation.threshold,
                bases: correlation.bases.len(),
            },
            bases: correlation.bases.iter().map(|base| base.rule).collect(),
            depth,
            client: client_alone(correlation),
            series: None,
            fingerprint: fingerprint(correlation),
            counted: counted(correlation),
        }
    }

    /// Whether it counts other correlations.
    #[inline]
    pub const fn is_chained(&self) -> bool {
        self.depth > 0
    }
}

/// Names what a rule counts, whatever its place in the rule set: a changed rule must not go on with old windows.
fn fingerprint<F: Debug>(correlation: &Correlation<F>) -> u64 {
    let mut frame = Frame::default();
    frame.part(correlation.info.id.as_bytes());
    frame.part(correlation.kind.name().as_bytes());
    frame.part(&correlation.timespan_nanos.to_be_bytes());
    frame.part(&correlation.threshold.to_be_bytes());
    frame_bases(correlation, &mut frame);
    (frame.digest() >> 64) as u64
}

/// What the correlator must know of a series.
#[derive(Debug)]
pub(super) struct SeriesPlan {
    /// Of the shared window, which never fires itself: as far back as the member that reaches the farthest.
    pub shape: Shape,
    /// The lowest threshold of a member.
    pub least: u64,
    /// The correlations.
    pub members: Vec<u32>,
    /// What its rows begin with.
    pub fingerprint: u64,
}

impl SeriesPlan {
    /// Of a series whose windows go by that number; tells its members that they are.
    pub fn new(series: Series, owner: u32, plans: &mut [Plan]) -> Option<Self> {
        let Series { members, fingerprint } = series;
        for (&member, place) in members.iter().zip(0..) {
            plans.get_mut(member as usize)?.series = Some((owner, place));
        }
        let shapes = members
            .iter()
            .filter_map(|&member| Some(plans.get(member as usize)?.shape));
        let least = shapes.clone().map(|shape| shape.threshold).min()?;
        let longest = shapes.max_by_key(|shape| shape.reach_nanos)?;
        Some(Self {
            shape: Shape {
                threshold: 1,
                ..longest
            },
            least,
            members,
            fingerprint,
        })
    }
}
