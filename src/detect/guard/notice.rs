//! From what on the guard holds a rule, and what it says then.

use std::fmt;
use std::sync::Arc;

use afw_parsers::Time;

/// From what on a rule is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// No rule is held while the window has no more clients than this.
    pub min_clients: u64,
    /// No rule is held while the window has no more lines than this.
    pub min_lines: u64,
    /// Share of the window's clients that a rule may mark, in percent.
    pub max_share_percent: u64,
    /// How many clients, not marked by the rule in the window before, it may mark in a minute.
    pub max_new_per_minute: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            min_clients: 1_000,
            min_lines: 10_000,
            max_share_percent: 30,
            max_new_per_minute: 1_000,
        }
    }
}

/// Why a rule is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It marks too large a share of the clients.
    Share {
        /// Clients that it marks, in the window.
        marked: u64,
        /// All clients of the window.
        clients: u64,
    },
    /// It marks too many new clients.
    Rate {
        /// New ones within the minute.
        per_minute: u64,
    },
}

/// Something that a person must hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The rule's title.
    pub title: Arc<str>,
    /// Event time.
    pub time: Time,
    /// Why it is held; `None` when it is let go.
    pub held: Option<Reason>,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rule, title, time) = (&self.rule, &self.title, self.time);
        match self.held {
            None => write!(f, "rule {rule} ({title}) is delivered again from {time} on"),
            Some(Reason::Share { marked, clients }) => write!(
                f,
                "delivery of rule {rule} ({title}) is held from {time} on: it marks {marked} of {clients} clients \
                 within 10 minutes"
            ),
            Some(Reason::Rate { per_minute }) => write!(
                f,
                "delivery of rule {rule} ({title}) is held from {time} on: it marks {per_minute} new addresses \
                 within a minute"
            ),
        }
    }
}
