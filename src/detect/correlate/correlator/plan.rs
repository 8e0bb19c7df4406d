//! [`Plan`]: what the correlator must know of one rule.

use std::fmt::Debug;
use std::sync::Arc;

use super::Options;
use crate::detect::RuleInfo;
use crate::detect::correlate::hash::Frame;
use crate::detect::correlate::network::client_alone;
use crate::detect::correlate::rule::{Correlation, Kind, Net, RuleRef};
use crate::detect::correlate::window::{EXACT_VALUES, Shape};

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
    /// Stays the same as long as the rule counts the same by the same key, over whatever span and up to whatever threshold;
    /// `None` for one that shares its windows with no other.
    pub counted: Option<u64>,
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
            counted: can_share(correlation).then(|| counted(correlation)),
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

/// Names what a rule counts and by what key.
fn counted<F: Debug>(correlation: &Correlation<F>) -> u64 {
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
