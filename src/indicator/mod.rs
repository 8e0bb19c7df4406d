//! [`Indicator`]: what is known about one address, domain, URL or user agent.
//!
//! [`Indicators`] merges sightings by value: [`confidence`] grows with distinct rules and evidence, the class is
//! the strongest, `evidence` keeps the first and the strongest lines, `subject` says which value a sighting is
//! about, `profile` what has been gathered on it and `tally` a rule's part in that; `row` stores that and [`json`] prints it. Pure and
//! deterministic: time is event time. Next: [`crate::store`].

pub mod confidence;
mod evidence;
mod indicators;
pub mod json;
mod profile;
mod row;
mod subject;
mod tally;

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::sync::Arc;

use afw_parsers::Time;
use foldhash::fast::FixedState;
use uuid::Uuid;

use crate::detect::{Class, Confidence, Level};
use crate::event::ValueType;

pub use indicators::{Counters, Indicators, Options, Restored, Update};
pub use json::to_json;
pub(crate) use profile::earlier;

/// The aggregated thing that is printed, reported and shared.
#[derive(Debug, Clone, PartialEq)]
pub struct Indicator {
    /// How often it was emitted, from 1.
    pub revision: u32,
    /// What the value is.
    pub kind: ValueType,
    /// The address, `/64` prefix, domain, URL or user agent.
    pub value: Box<str>,
    /// Strongest class seen.
    pub class: Class,
    /// Combined confidence.
    pub confidence: Confidence,
    /// Event time of the first sighting; `None` where no line tells a time.
    pub first_seen: Option<Time>,
    /// Event time of the last sighting.
    pub last_seen: Option<Time>,
    /// How many sightings.
    pub sightings: u64,
    /// Which rules, with counts, in order of first firing.
    pub rules: Vec<RuleCount>,
    /// Tags of the rules, sorted, without repetition.
    pub tags: Vec<Arc<str>>,
    /// ISO 3166 code of the address.
    pub country: Option<[u8; 2]>,
    /// Autonomous system number.
    pub asn: Option<u32>,
    /// Autonomous system's organisation.
    pub as_org: Option<Arc<str>>,
    /// Lists that contain the value.
    pub lists: Vec<Arc<str>>,
    /// Hosts it was seen on, a bounded number.
    pub hosts: Vec<Box<str>>,
    /// The first and the strongest lines, at most [`MAX_EVIDENCE`].
    pub evidence: Vec<Evidence>,
    /// The address seen last, for an address or prefix: what a receiver is told that takes no prefixes.
    pub address: Option<IpAddr>,
}

/// STIX's namespace for deterministic ids (STIX 2.1, section 2.9).
const NAMESPACE: Uuid = Uuid::from_u128(0x00ab_edb4_aa42_466c_9c01_fed2_3315_a9b7);

impl Indicator {
    /// The id: UUIDv5 of `type:value`, the same on every host and run.
    pub fn id(&self) -> Uuid {
        let name = format!("{}:{}", self.kind.name(), self.value);
        Uuid::new_v5(&NAMESPACE, name.as_bytes())
    }
}

/// How many lines of evidence an indicator keeps.
pub const MAX_EVIDENCE: usize = 5;

/// One rule's part in an indicator.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleCount {
    /// Rule id.
    pub id: Arc<str>,
    /// Rule title.
    pub title: Arc<str>,
    /// Rule level.
    pub level: Level,
    /// How often it fired for this value.
    pub count: u64,
}

/// One line kept as proof, clipped and printable.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Event time.
    pub time: Option<Time>,
    /// Request host.
    pub host: Option<Arc<str>>,
    /// Request method.
    pub method: Option<Cow<'static, str>>,
    /// Request target.
    pub target: Option<Arc<str>>,
    /// Response status.
    pub status: Option<u16>,
    /// User agent.
    pub user_agent: Option<Arc<str>>,
    /// Id of the rule that fired.
    pub rule: Arc<str>,
    /// What the line was taken for.
    pub class: Class,
    /// File of the line.
    pub file: Arc<str>,
    /// Byte offset of the line in the decoded stream.
    pub offset: u64,
    /// What is to be said of the line besides.
    pub note: Option<&'static str>,
}

/// Tells nearly all texts apart without fetching them, which lie scattered. Who chooses texts to be alike in it wins nothing:
/// then they are compared.
fn mark(text: impl Hash) -> u64 {
    FixedState::default().hash_one(text)
}
