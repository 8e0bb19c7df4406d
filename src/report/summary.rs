//! [`Summary`]: what a replay read and found, on one screen for a person or as one JSON document.
//!
//! Here is what it tells; every text that came from a log passes [`crate::text::printable`] before it is shown. Next:
//! `screen`, for a person, and `json`.

use std::net::IpAddr;
use std::time::Duration;

use afw_parsers::Reject;

use super::{Scope, Statistics};
use crate::detect::ByClass;
use crate::enrich::crawler::ClaimCounts;
use crate::indicator::Indicator;

mod advice;
mod json;
mod screen;
mod units;

pub use units::bytes;

/// How many offenders the summary names.
const TOP: usize = 10;
/// Bytes that are shown of a rejected line before the place where parsing stopped.
const BEFORE: usize = 60;
/// From which share of rejected lines the summary says so loudly.
pub(crate) const LOUD_REJECTS: f64 = 0.05;

/// One log as the summary shows it.
#[derive(Debug, Clone, Default)]
pub struct LogSummary {
    /// Path or `-`.
    pub name: String,
    /// Format that won.
    pub format: String,
    /// Files it consists of.
    pub files: usize,
    /// Counts.
    pub statistics: Statistics,
    /// The first lines that no grammar accepted: offset, line and reason.
    pub rejects: Vec<(u64, Vec<u8>, Reject)>,
    /// What went wrong reading it.
    pub trouble: Option<String>,
}

/// What becomes of the indicators.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// Names of the sinks that are on.
    pub sinks: Vec<String>,
    /// Records that were handed to them.
    pub records: u64,
    /// Batches that still wait.
    pub waiting: u64,
    /// Dead letters.
    pub dead: u64,
    /// Nothing was shipped because of `--dry-run`.
    pub dry_run: bool,
}

/// All that the summary tells.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Logs in reading order.
    pub logs: Vec<LogSummary>,
    /// Sum over the logs.
    pub total: Statistics,
    /// Indicators, strongest first.
    pub indicators: Vec<Indicator>,
    /// How many clients each class was seen of.
    pub clients: ByClass,
    /// What of the findings is told: the above is of that alone.
    pub scope: Scope,
    /// Wall-clock time of the run.
    pub elapsed: Duration,
    /// What becomes of the findings.
    pub delivery: Delivery,
    /// Whether country or ASN databases were used.
    pub geoip: bool,
    /// What became of clients that say they are crawlers.
    pub claims: ClaimCounts,
    /// Whether name servers were asked about them.
    pub dns: bool,
    /// Named counters of things dropped or evicted.
    pub counters: Vec<(String, u64)>,
    /// The peer that is perhaps a proxy before the server, which nobody named as trusted.
    pub proxy: Option<IpAddr>,
    /// Reading ended before the logs did: all of this is of a part of them.
    pub interrupted: bool,
}

impl Summary {
    /// Requests that are told of.
    fn requests(&self) -> u64 {
        self.total.requests - self.total.other_hosts
    }
}
