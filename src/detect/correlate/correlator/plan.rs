//! [`Plan`]: what the correlator must know of one rule.

use std::fmt::Debug;
use std::sync::Arc;

use super::Options;
use crate::detect::RuleInfo;
use crate::detect::correlate::hash::Frame;
use crate::detect::correlate::network::client_alone;
use crate::detect::correlate::rule::{Correlation, Net, RuleRef};
use crate::detect::correlate::window::Shape;

/// What the correlator must know of one rule.
#[derive(Debug)]
pub(super) struct Plan {
    pub info: Arc<RuleInfo>,
    pub alerts: bool,
    pub shape: Shape,
    pub bases: Vec<RuleRef>,
    /// Whether it counts other correlations.
    pub is_chained: bool,
    /// The client network, when that alone is the key.
    pub client: Option<Net>,
    /// The series that it is a member of, and its place in that.
    pub series: Option<(u32, u8)>,
    /// Stays the same as long as the rule counts the same.
    pub fingerprint: u64,
}

impl Plan {
    /// What follows from a rule.
    pub fn new<F: Debug>(correlation: &Correlation<F>, options: &Options) -> Self {
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
            is_chained: (correlation.bases.iter()).any(|base| matches!(base.rule, RuleRef::Correlation(_))),
            client: client_alone(correlation),
            series: None,
            fingerprint: fingerprint(correlation),
        }
    }
}

/// Names what a rule counts, whatever its place in the rule set: a changed rule must not go on with old windows.
fn fingerprint<F: Debug>(correlation: &Correlation<F>) -> u64 {
    let mut frame = Frame::default();
    frame.part(correlation.info.id.as_bytes());
    frame.part(correlation.kind.name().as_bytes());
    frame.part(&correlation.timespan_nanos.to_be_bytes());
    frame.part(&correlation.threshold.to_be_bytes());
    bases(correlation, &mut frame);
    (frame.digest() >> 64) as u64
}

/// Names what a rule counts and by what key, whatever its span and threshold.
pub(super) fn counted<F: Debug>(correlation: &Correlation<F>) -> u64 {
    let mut frame = Frame::default();
    frame.part(b"series");
    frame.part(correlation.kind.name().as_bytes());
    bases(correlation, &mut frame);
    (frame.digest() >> 64) as u64
}

fn bases<F: Debug>(correlation: &Correlation<F>, frame: &mut Frame) {
    for base in &correlation.bases {
        frame.part(base.id.as_bytes());
        frame.part(format!("{:?} {:?}", base.group_by, base.field).as_bytes());
    }
}
