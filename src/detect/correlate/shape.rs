//! [`Shape`]: what a window must know of the rule that it counts for. Next: [`super::window`].

use super::rule::Kind;

/// Distinct values that are kept exactly; a rule that asks for more is answered by an estimate (HyperLogLog) beyond them.
pub const EXACT_VALUES: usize = 1024;

/// What a window must know of its rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub kind: Kind,
    pub span_nanos: i64,
    /// How far back from its newest mark a window remembers: the span, and the disorder that is put right.
    pub reach_nanos: i64,
    pub threshold: u64,
    /// Number of base rules.
    pub bases: usize,
}

impl Shape {
    /// Whether the rule asks for more distinct values than are kept.
    #[inline]
    pub fn may_outgrow(&self) -> bool {
        self.kind == Kind::ValueCount && self.threshold > EXACT_VALUES as u64
    }
}
