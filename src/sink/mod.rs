//! Sinks: where findings go. One file per contract; [`worker`] retries, [`http`] sends.
//!
//! A sink encodes records (pure) and delivers frozen batches (I/O). It never reads logs and never decides what is
//! hostile. [`build`] makes the sinks of a configuration. Next: [`worker`].

pub mod appfirewall;
mod arrays;
mod backoff;
mod breaker;
mod content;
pub mod domains;
mod ecs;
mod endpoint;
mod file;
pub mod http;
mod json;
mod lines;
pub mod onefirewall;
mod onefirewall_domains;
mod pace;
mod retry_after;
mod secret;
mod spec;
mod webhook;
pub mod worker;

pub use appfirewall::{AppFirewallMode, AppFirewallSpec};
pub use content::Content;
pub use ecs::{EcsBody, EcsPlace, EcsSpec};
pub use endpoint::Endpoint;
pub use file::{FileSpec, Rotation};
pub use http::HttpSpec;
pub use onefirewall::OneFirewallSpec;
pub use pace::Tuning;
pub use secret::Secret;
pub use spec::{Choice, SinkError, SinkKind, SinkSpec, Target, build};
pub use webhook::WebhookSpec;
pub use worker::{Drained, SinkStatus, Workers};

use crate::event::{Event, Finding};
use crate::indicator::Indicator;
pub use crate::store::queue::RefusedRecord;

/// One receiver. Encoding is pure and called while analysing; delivery happens on the sink's own worker thread.
pub trait Sink: Send + Sync {
    /// Name as given to `--sink` (`appfirewall`, `file:/var/log/ioc.jsonl`), the key of its rows in the outbox.
    fn name(&self) -> &str;

    /// How large and how old a batch may grow.
    fn limits(&self) -> Limits;

    /// Record for a request on which no rule fired; only sinks that want every request answer.
    fn request(&self, _event: &Event<'_, '_>, _into: &mut Vec<Vec<u8>>) {}

    /// Whether [`Sink::request`] is worth calling.
    fn wants_requests(&self) -> bool {
        false
    }

    /// Whether findings must carry the whole ECS event.
    fn wants_ecs(&self) -> bool {
        false
    }

    /// Whether findings must carry the original line.
    fn wants_lines(&self) -> bool {
        false
    }

    /// Whether findings must carry path, referrer and ray as the AppFirewall SDKs tell them.
    fn wants_sdk(&self) -> bool {
        false
    }

    /// Records for one line on which rules fired.
    fn finding(&self, _finding: &Finding, _into: &mut Vec<Vec<u8>>) {}

    /// Records for an indicator that is new, risen or still active.
    fn indicator(&self, _indicator: &Indicator, _into: &mut Vec<Vec<u8>>) {}

    /// The body of a batch: records joined, wrapped and compressed as the contract says. Frozen once made.
    fn freeze(&self, records: &[&[u8]]) -> Vec<u8>;

    /// The records of a body that [`Sink::freeze`] made, byte for byte; `None` when they cannot be told apart.
    fn records(&self, body: &[u8]) -> Option<Vec<Vec<u8>>>;

    /// Offers a frozen batch once and says what the receiver answered.
    fn deliver(&self, batch: &Frozen) -> Answer;
}

/// When a batch is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most records in a batch.
    pub events: usize,
    /// Most bytes of all records of a batch together, before compression.
    pub bytes: usize,
    /// Age of the first record after which a batch is closed.
    pub age: std::time::Duration,
}

/// A batch as it is stored: its bytes and id never change again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// `Idempotency-Key`, a UUID.
    pub id: String,
    /// The body.
    pub body: Vec<u8>,
    /// Number of records.
    pub events: usize,
    /// Which offer this is, from 1. From 2 on, an earlier one may have arrived without its answer coming back.
    pub attempt: u32,
}

/// What a receiver said to one offer of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Taken (2xx).
    Accepted,
    /// Taken but for some records (a bulk interface that answers for each).
    Partly {
        /// Records that are refused for good: dead letters.
        refused: Vec<RefusedRecord>,
        /// Records to be offered again, by their place in the batch.
        again: Vec<usize>,
    },
    /// The data is at fault (400, 413, 422): split, or dead letter when alone.
    Refused {
        /// Status code.
        status: u16,
        /// Beginning of the answer's body.
        body: String,
    },
    /// The key, credit or address is at fault (401, 402, 403, 404, 3xx): the sink pauses.
    Misconfigured {
        /// Status code.
        status: u16,
        /// Beginning of the answer's body.
        body: String,
    },
    /// The receiver or the network is at fault (408, 425, 429, 5xx, time-out): tried again later.
    Unavailable {
        /// Status code, when there was an answer.
        status: Option<u16>,
        /// What went wrong.
        error: String,
        /// `Retry-After`, when given.
        retry_after: Option<std::time::Duration>,
    },
}

/// What a receiver said, in words.
fn said(status: u16, body: &str) -> String {
    match body {
        "" => format!("status {status}"),
        body => format!("status {status}: {body}"),
    }
}

#[cfg(test)]
#[path = "../../tests/support/deaf.rs"]
mod deaf;
#[cfg(test)]
#[path = "../../tests/support/receiver.rs"]
mod receiver;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
