//! Detection: Sigma rules over events.
//!
//! `rules` loads and checks Sigma files, `compile` turns them into automata and small programs, `signature` matches
//! one event, `verdicts` remembers what came of those before, `correlate` counts over time; `packs` are the built-in rules. The values below are what the rest of
//! the program sees of a rule. Pure: rule text comes in as strings, the drivers read the files. Next: [`rules`],
//! [`signature`], then [`crate::indicator`].

mod compile;
mod condition;
pub mod correlate;
mod excerpt;
pub mod explain;
mod expr;
pub mod fields;
pub mod guard;
mod hit;
mod known;
pub mod label;
mod layers;
mod lazy;
mod letters;
mod memo;
mod modifiers;
pub mod named;
mod packs;
mod pattern;
mod pcre;
mod problem;
mod regex;
mod required;
mod rule_text;
pub mod rules;
pub mod signature;
#[cfg(test)]
pub(crate) mod testing;
mod verdicts;
pub mod views;
mod yaml;

pub use hit::Hit;
pub use packs::builtin;
pub use problem::RuleProblem;
pub use rule_text::RuleText;
pub use rules::{Rule, Ruleset};
pub use signature::Signatures;

use std::sync::Arc;

/// What a sighting means, strongest first: the order is the precedence when an indicator has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "the names are the closed list of the output format and speak for themselves"
)]
pub enum Class {
    Exposure,
    Exploit,
    Webshell,
    Probe,
    BruteForce,
    CredentialStuffing,
    Scan,
    Flood,
    Tool,
    FakeCrawler,
    Listed,
    Spam,
    Script,
    Headless,
    Crawler,
    AiCrawler,
    Anomaly,
}

impl Class {
    /// Every class, strongest first.
    pub const ALL: [Self; 17] = [
        Self::Exposure,
        Self::Exploit,
        Self::Webshell,
        Self::Probe,
        Self::BruteForce,
        Self::CredentialStuffing,
        Self::Scan,
        Self::Flood,
        Self::Tool,
        Self::FakeCrawler,
        Self::Listed,
        Self::Spam,
        Self::Script,
        Self::Headless,
        Self::Crawler,
        Self::AiCrawler,
        Self::Anomaly,
    ];

    /// The name in output and in rules' `afw.class`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exposure => "exposure",
            Self::Exploit => "exploit",
            Self::Webshell => "webshell",
            Self::Probe => "probe",
            Self::BruteForce => "brute-force",
            Self::CredentialStuffing => "credential-stuffing",
            Self::Scan => "scan",
            Self::Flood => "flood",
            Self::Tool => "tool",
            Self::FakeCrawler => "fake-crawler",
            Self::Listed => "listed",
            Self::Spam => "spam",
            Self::Script => "script",
            Self::Headless => "headless",
            Self::Crawler => "crawler",
            Self::AiCrawler => "ai-crawler",
            Self::Anomaly => "anomaly",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// How sure a rule or indicator is, 0 to 1, kept in thousandths so that sums print the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Confidence(u16);

impl Confidence {
    /// Rounded to three decimals; `None` outside 0..=1.
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0)
            .contains(&value)
            .then(|| Self((value * 1000.0).round() as u16))
    }

    /// The number.
    pub const fn value(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The number in thousandths, for comparisons without fractions.
    pub const fn thousandths(self) -> u16 {
        self.0
    }
}

/// Sigma's rule level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "Sigma's own five words")]
pub enum Level {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    /// Sigma's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// The view of a request on which a signature matched, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum View {
    /// As logged, log escaping undone.
    #[default]
    Raw,
    /// Percent-decoded once.
    Decoded,
    /// Percent-decoded twice.
    Decoded2,
    /// Decoded, path segments resolved.
    Normalized,
}

impl View {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Decoded => "decoded",
            Self::Decoded2 => "decoded2",
            Self::Normalized => "normalized",
        }
    }
}

/// Which values a rule's sightings name beside their sender, besides what an exploit always names; `afw.names`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Names {
    /// Hosts of addresses that are the value of a parameter.
    pub parameters: bool,
    /// The host of the referrer.
    pub referrer: bool,
}

/// Counts by class, in the order of [`Class::ALL`].
pub type ByClass = [u64; Class::ALL.len()];

/// What the rest of the program needs to know of a rule. Shared by all its sightings.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleInfo {
    /// Sigma `id`, or `name`, or one made from the title where a file has neither.
    pub id: Arc<str>,
    /// Sigma `title`.
    pub title: Arc<str>,
    /// Sigma `level`.
    pub level: Level,
    /// Class, from `afw.class` or from level and tags.
    pub class: Class,
    /// Confidence, from `afw.confidence` or from the level.
    pub confidence: Confidence,
    /// Sigma `tags`.
    pub tags: Vec<Arc<str>>,
    /// Which values its sightings name beside their sender.
    pub names: Names,
    /// The file the rule stands in; `builtin:NAME` for the packs.
    pub source: Arc<str>,
}
