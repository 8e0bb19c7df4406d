//! What a scan is made of: [`Kit`], which all scanners of a run share, and [`Scan`], what one batch gave.
//!
//! Plain values; how they come about stands in [`super::Scanner`].

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use afw_parsers::{Layout, Reject, Time};

use crate::analysis::pages::Answer;
use crate::client::Trust;
use crate::detect::Ruleset;
use crate::detect::correlate::tick::Tick;
use crate::enrich::crawler::{Claim, Published, Verdict};
use crate::enrich::{Databases, Exemptions, Lists};
use crate::event::Finding;
use crate::report::{Scope, Statistics};
use crate::sink::Sink;

use crate::source::{Batch, Line};
use crate::store::Item;

/// Everything the scanners of one run share, fixed for the run (or until a reload makes a new one).
pub struct Kit {
    /// Compiled rules.
    pub ruleset: Arc<Ruleset>,
    /// Whose forwarding headers count.
    pub trust: Trust,
    /// Country and ASN databases.
    pub databases: Arc<Databases>,
    /// Address and ASN lists.
    pub lists: Arc<Lists>,
    /// Who never becomes an indicator.
    pub exemptions: Arc<Exemptions>,
    /// Addresses that crawlers' operators publish.
    pub published: Arc<Published>,
    /// How many addresses each scanner remembers.
    pub addresses: usize,
    /// Whether name servers are asked about claims that published addresses leave open.
    pub dns: bool,
    /// Receivers, for those that want every request.
    pub sinks: Vec<Arc<dyn Sink>>,
    /// What a scan must carry beside the findings.
    pub wants: Wants,
    /// Which hosts are told of: requests to others are counted apart.
    pub scope: Arc<Scope>,
}

/// What a scan carries for printers and sinks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wants {
    /// Only lines from this event time on.
    pub since: Option<Time>,
    /// Only lines before this event time.
    pub until: Option<Time>,
    /// Findings carry their whole ECS event.
    pub ecs: bool,
    /// Findings carry their original line.
    pub line: bool,
    /// Findings carry what only the AppFirewall SDKs tell of a request: path, referrer and ray.
    pub sdk: bool,
    /// Every event is written out as ECS.
    pub events: bool,
}

/// One line of a batch that later stages must see, in line order.
#[derive(Debug)]
pub struct Found {
    /// Event time that orders it among the logs: never less than that of an earlier line of the batch.
    pub key: Time,
    /// Which line of the batch, or which part of a line that holds several records.
    pub line: Line,
    /// Event time; without one, the key.
    pub time: Time,
    /// Its ticks, a range of [`Scan::ticks`].
    pub ticks: Range<u32>,
    /// Its place in [`Scan::said`], unless it is only counted by correlations, as most of the found lines are.
    pub said: Option<u32>,
}

/// What a scan says of one line. It stands apart from [`Found`], which most lines are done with.
#[derive(Debug, Default)]
pub struct Said {
    /// What the rules say of it.
    pub finding: Option<Finding>,
    /// The whole event as ECS with its host, when every event is wanted.
    pub event: Option<Box<(String, Option<Box<str>>)>>,
    /// That the client says it is a crawler, and what is known of it.
    pub claim: Option<Claimed>,
    /// What it tells of the page that its host may answer any path with.
    pub answer: Option<Answer>,
}

/// A claim as the scan saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The claim.
    pub claim: Claim,
    /// What is known of it.
    pub verdict: Verdict,
    /// Whether a name server may still decide it.
    pub open: bool,
}

/// A line that no grammar accepted.
#[derive(Debug, Clone, Copy)]
pub struct Rejected {
    /// Which line of the batch, or which part of one.
    pub line: Line,
    /// Why, and where parsing stopped.
    pub reject: Reject,
}

/// A line's client, for the own-goal guard.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// First byte of the line in its batch.
    pub start: u32,
    /// Event time.
    pub time: Time,
    /// The client, when the line tells it.
    pub client: Option<IpAddr>,
}

/// What the scan of one batch found.
#[derive(Debug, Default)]
pub struct Scan {
    /// The batch, for whoever must look at a line again.
    pub batch: Batch,
    /// Lines that later stages must see.
    pub found: Vec<Found>,
    /// What is said of those that are not only counted.
    pub said: Vec<Said>,
    /// Ticks of all found lines.
    pub ticks: Vec<Tick>,
    /// Of what is said of how many lines memory was asked for.
    pub foreseen: usize,
    /// Latest event time in the batch.
    pub latest: Option<Time>,
    /// Counts over the batch.
    pub statistics: Statistics,
    /// Clients of all lines with times, in order, for the own-goal guard; only gathered when something is shipped.
    pub clients: Vec<Seen>,
    /// Records for sinks that want every request.
    pub requests: Vec<Item>,
    /// Rejected lines.
    pub rejected: Vec<Rejected>,
    /// How the parser began this batch.
    pub began: Option<Layout>,
    /// How the parser would go on after this batch.
    pub layout: Option<Layout>,
    /// Lines and rejects of this batch that were already counted in the store.
    pub counted: (u64, u64),
}

impl Scan {
    /// What is said of the found line at `at`; `None` when it is only counted.
    pub fn said(&self, at: usize) -> Option<&Said> {
        self.said.get(self.found.get(at)?.said? as usize)
    }

    /// Whether a found line is in windows alone, and no line before it waits to be told of.
    pub fn is_only_counted(&self, at: usize) -> bool {
        self.clients.is_empty() && self.said(at).is_none()
    }

    /// As [`Scan::said`], to take something out of it.
    pub fn said_mut(&mut self, at: usize) -> Option<&mut Said> {
        self.said.get_mut(self.found.get(at)?.said? as usize)
    }

    /// Says of the found line at `at` what another scan says of it.
    pub fn say_again(&mut self, at: usize, said: Option<Said>) {
        let place = said.map(|said| self.say(said));
        if let Some(found) = self.found.get_mut(at) {
            found.said = place;
        }
    }

    /// Keeps a line of which something is said or counted.
    #[inline]
    pub(super) fn keep(&mut self, line: Line, time: Option<Time>, ticks: Range<u32>, said: Option<u32>) {
        if said.is_some() || !ticks.is_empty() {
            // Before the first time that a log tells nothing orders its lines but their places.
            let key = self.latest.or(time).unwrap_or(Time::from_nanos(i64::MIN));
            self.found.push(Found {
                key,
                line,
                time: time.unwrap_or(key),
                ticks,
                said,
            });
        }
    }

    /// Keeps what is said of a line; its place.
    pub(super) fn say(&mut self, said: Said) -> u32 {
        self.said.push(said);
        self.said.len() as u32 - 1
    }

    pub(super) fn reject(&mut self, line: Line, reject: Reject) {
        self.statistics.reject(reject.reason);
        self.rejected.push(Rejected { line, reject });
    }

    /// What was found on one line that holds several records stands together: nothing of another log comes between, so that
    /// no commit does.
    pub(super) fn hold_together(&mut self, batch: &Batch) {
        let are_together = |left: &Found, right: &Found| {
            let line = batch.line_of(left.line.start);
            line.is_some_and(|line| right.line.start < line.start + line.len)
        };
        for found in self.found.chunk_by_mut(are_together) {
            if let [.., last] = found {
                let key = last.key;
                found.iter_mut().for_each(|found| found.key = key);
            }
        }
    }
}
