//! [`Hit`]: what one rule says of one request. Next: [`super::signature`], which tells them.

use super::View;

/// A rule held on an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hit {
    /// Index of the rule in its [`super::Ruleset`].
    pub rule: u32,
    /// The first view on which it held.
    pub view: View,
}
