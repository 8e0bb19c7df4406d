//! [`RuleText`]: a rule file as it was read. Next: [`super::rules`].

use std::sync::Arc;

/// One rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// Its path; `builtin:NAME` for the packs.
    pub name: Arc<str>,
    /// What stands in it.
    pub text: String,
}
