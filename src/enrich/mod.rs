//! Enrichment: facts about an address or a user agent that the line itself does not say.
//!
//! `geo` (MMDB), `lists` (CIDR, ASN), `agent` (user-agent facts), `crawler` (verification). Pure lookups in data
//! that was loaded and checked before; no I/O here but the loaders', and those are called by the drivers only.
//! Next: [`crate::detect`].

use std::sync::Arc;

pub mod address;
pub mod agent;
pub mod crawler;
pub mod exempt;
pub mod geo;
pub mod identity;
pub mod lists;
pub mod reserved;

pub use address::AddressCache;
pub use agent::{AgentCache, Odd};
pub use exempt::Exemptions;
pub use geo::{Database, Databases, GeoError, Marks, Place};
pub use lists::{List, ListError, ListFormat, ListSpec, Lists, Role};

/// What is known about one address. Cached per thread; cloning is cheap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AddressFacts {
    /// ISO 3166 code, upper case.
    pub country: Option<[u8; 2]>,
    /// Autonomous system number.
    pub asn: Option<u32>,
    /// Name of the autonomous system's organisation.
    pub as_org: Option<Arc<str>>,
    /// Names of the lists that contain the address, its network or its ASN, sorted.
    pub lists: Arc<[Arc<str>]>,
    /// Whether one of the lists is a reason for suspicion, not merely a kind of network.
    pub listed: bool,
    /// Why this address may never become an indicator, if so.
    pub exempt: Option<Exempt>,
}

/// Why an address never becomes an indicator. Its sightings are printed, never shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exempt {
    /// Private, loopback, link-local, documentation, CGNAT or otherwise reserved.
    Reserved,
    /// In a network named with `--allow`.
    Allowed,
    /// A trusted proxy.
    TrustedProxy,
    /// An edge of a listed content delivery network.
    CdnEdge,
    /// One of this machine's own addresses.
    OwnAddress,
    /// A crawler whose claim was verified.
    VerifiedCrawler,
}

impl Exempt {
    /// In words, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved => "private or reserved address",
            Self::Allowed => "allow-listed network",
            Self::TrustedProxy => "trusted proxy",
            Self::CdnEdge => "edge of a content delivery network",
            Self::OwnAddress => "own address of this machine",
            Self::VerifiedCrawler => "verified crawler",
        }
    }
}

/// What kind of program a user agent says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AgentType {
    /// A web browser.
    Browser,
    /// An application with an embedded HTTP client or web view.
    App,
    /// A scripting library or command-line client.
    Script,
    /// A known attack or scanning tool.
    Scanner,
    /// A browser driven by a program.
    Headless,
    /// A search or other crawler.
    Crawler,
    /// A crawler that collects for language models.
    AiCrawler,
    /// A feed reader.
    Feed,
    /// A link preview fetcher.
    Preview,
    /// Uptime monitoring.
    Monitoring,
    /// None of these, empty or absent.
    #[default]
    Unknown,
}

/// What a user agent says about itself. Memoised by the agent's text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentFacts {
    /// The text as a valid one, where a cache keeps it whole.
    pub text: Option<Arc<str>>,
    /// Kind of program.
    pub kind: AgentType,
    /// Product name: `Chrome`, `curl`, `Googlebot`.
    pub name: Option<Arc<str>>,
    /// Major version of the product.
    pub major: Option<u32>,
    /// Operating system family: `Windows`, `Android`.
    pub system: Option<Arc<str>>,
    /// Engine of a browser: `Blink`, `Gecko`, `WebKit`.
    pub engine: Option<&'static str>,
    /// What is odd about the text, whatever it claims to be.
    pub odd: Option<Odd>,
    /// Operator of the crawler whose claim can be checked (key into the crawler table).
    pub claims: Option<&'static str>,
    /// Number of the text that these facts were read from, unlike that of any other text of this process; 0 where no
    /// cache gave it one.
    pub number: u64,
}

impl AgentType {
    /// The name in output and in rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::App => "app",
            Self::Script => "script",
            Self::Scanner => "scanner",
            Self::Headless => "headless",
            Self::Crawler => "crawler",
            Self::AiCrawler => "ai-crawler",
            Self::Feed => "feed",
            Self::Preview => "preview",
            Self::Monitoring => "monitoring",
            Self::Unknown => "unknown",
        }
    }
}

/// All of enrichment that one thread needs. The two caches are fields of their own, so that facts of both can be
/// borrowed at once.
#[derive(Debug)]
pub struct Enricher {
    /// Facts about addresses.
    pub addresses: AddressCache,
    /// Facts about user agents.
    pub agents: AgentCache,
}

impl Enricher {
    /// With this cache of addresses.
    pub fn new(addresses: AddressCache) -> Self {
        Self {
            addresses,
            agents: AgentCache::new(agent::DEFAULT_AGENTS),
        }
    }
}
