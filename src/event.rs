//! The values between parsing and delivery: [`Event`] (borrowed, every line) and [`Finding`] (owned, only where a
//! rule fired). Pure data; how an event is written as ECS stands in `ecs`.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use afw_parsers::{Format, Record, Time};

use crate::client::Client;
use crate::detect::{Class, Confidence, RuleInfo, View};
use crate::enrich::crawler::Verdict;
use crate::enrich::{AddressFacts, AgentFacts, Exempt};
use crate::text::shown;

/// One line with its client and context. Everything is borrowed: making it allocates nothing.
#[derive(Debug, Clone, Copy)]
pub struct Event<'e, 'a> {
    /// The parsed line.
    pub record: &'e Record<'a>,
    /// Whose request it was.
    pub client: Client,
    /// Facts about the client's address.
    pub address: &'e AddressFacts,
    /// Facts about the user agent.
    pub agent: &'e AgentFacts,
    /// Whether the crawler that the user agent claims to be is this client.
    pub verdict: Verdict,
    /// Why the client may never become an indicator, if so.
    pub exempt: Option<Exempt>,
    /// Path of the file the line stands in; `-` for standard input.
    pub file: &'e Arc<str>,
    /// Byte offset of the line in the decoded stream.
    pub offset: u64,
}

impl<'e> Event<'e, '_> {
    /// Whether the client is a crawler whose claim was verified, with this line or an earlier one.
    pub fn is_verified_crawler(&self) -> bool {
        self.verdict == Verdict::Verified || self.exempt == Some(Exempt::VerifiedCrawler)
    }

    /// Cloudflare's ray id: from Logpush, or from a `CF-Ray` header that a server behind Cloudflare logs. Other request
    /// ids are no rays.
    pub fn ray(&self) -> Option<&'e [u8]> {
        let from_edge = self.record.format.is_some_and(Format::is_logpush);
        let id = self.record.more.request_id.as_deref().filter(|_| from_edge);
        id.or_else(|| self.record.header("cf-ray"))
            .filter(|ray| !ray.is_empty())
    }

    /// Country of the client. Behind Cloudflare its own word counts before any database.
    pub fn country(&self) -> Option<[u8; 2]> {
        self.word(self.record.more.country, self.address.country)
    }

    /// Number of the client's autonomous system, by the same rule.
    pub fn asn(&self) -> Option<u32> {
        self.word(self.record.more.asn, self.address.asn)
    }

    #[inline]
    fn word<T>(&self, logged: Option<T>, looked_up: Option<T>) -> Option<T> {
        match logged.filter(|_| self.record.more.used) {
            Some(logged) if looked_up.is_none() || self.ray().is_some() => Some(logged),
            _ => looked_up,
        }
    }
}

/// An owned copy of what later stages need of an event on which a rule fired.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SightedEvent {
    /// Event time, UTC; `None` where the line tells none.
    pub time: Option<Time>,
    /// The resolved client.
    pub client: Option<IpAddr>,
    /// The TCP peer.
    pub peer: Option<IpAddr>,
    /// Request host without port, valid UTF-8 (other bytes as `\xHH`), as are all texts here.
    pub host: Option<Arc<str>>,
    /// Request method.
    pub method: Option<Cow<'static, str>>,
    /// Request target as the client sent it, with query; the malformed request line when there is none.
    pub target: Option<Arc<str>>,
    /// The path percent-decoded once, without query: what the AppFirewall SDK calls `path`. This, the referrer and the
    /// ray are there when a sink wants them.
    pub path: Option<Box<str>>,
    /// Response status.
    pub status: Option<u16>,
    /// User agent.
    pub user_agent: Option<Arc<str>>,
    /// Referrer.
    pub referrer: Option<Box<str>>,
    /// Facts about the client's address.
    pub address: AddressFacts,
    /// The AppFirewall label, for 404 only.
    pub label: Option<&'static str>,
    /// Cloudflare ray id, when the log has it.
    pub ray: Option<Box<str>>,
    /// Whether another line tells the request too, and is the one that is counted.
    pub repeats: bool,
    /// File of the line.
    pub file: Arc<str>,
    /// Byte offset of the line in the decoded stream.
    pub offset: u64,
    /// The original line, when a sink wants it.
    pub line: Option<Box<[u8]>>,
    /// The whole ECS event as JSON text, when a printer or sink wants it.
    pub ecs: Option<Arc<str>>,
}

/// What is told as a line's target: with the query, or what was sent in place of a request.
pub fn target_text(record: &Record<'_>) -> Option<Arc<str>> {
    let target = record.target.as_deref().or(record.malformed_request.as_deref());
    target.map(|target| shown(target).into())
}

/// A method as text; those of the web need no memory.
pub fn method_text(method: &[u8]) -> Cow<'static, str> {
    let known = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]
        .into_iter()
        .find(|known| known.as_bytes() == method);
    known.map_or_else(|| Cow::Owned(shown(method).into_owned()), Cow::Borrowed)
}

impl SightedEvent {
    /// Why the client may never become an indicator, if so.
    pub fn exempt(&self) -> Option<Exempt> {
        self.address.exempt
    }
}

/// A rule fired on one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Class of this sighting: the rule's, but `probe` in the place of `exposure` with [`Sighting::common_page`].
    pub class: Class,
    /// The rule's confidence.
    pub confidence: Confidence,
    /// On which view of the request the rule matched.
    pub view: View,
    /// True when the rule is a correlation that this line completed.
    pub correlation: bool,
    /// True when the target got the page that its host answers any path with, so that nothing was exposed.
    pub common_page: bool,
    /// Domains and URLs that the payload carries (call-back hosts, remote inclusion, referrer spam).
    pub observables: Vec<Observable>,
}

impl Sighting {
    /// A rule fired on this view.
    pub fn of(rule: &Arc<RuleInfo>, view: View) -> Self {
        Self {
            rule: Arc::clone(rule),
            class: rule.class,
            confidence: rule.confidence,
            view,
            correlation: false,
            common_page: false,
            observables: Vec::new(),
        }
    }

    /// A correlation fired.
    pub fn correlated(rule: &Arc<RuleInfo>) -> Self {
        Self {
            correlation: true,
            ..Self::of(rule, View::Raw)
        }
    }

    /// Takes back that something was exposed: the target got the page that its host answers any path with.
    pub fn find_common(&mut self) {
        if self.class == Class::Exposure {
            self.class = Class::Probe;
            self.common_page = true;
        }
    }
}

/// What is said of a line with [`Sighting::common_page`].
pub const COMMON_PAGE: &str = "nothing was exposed: this host answers other paths with the same page";

/// A value other than the client that a payload brings to light.
#[derive(Debug, Clone, PartialEq)]
pub struct Observable {
    /// What it is.
    pub kind: ValueType,
    /// Its text, lower case for domains.
    pub value: Arc<str>,
    /// How sure the sighting makes it at least, where that is more than of the client.
    pub confidence: Option<Confidence>,
}

/// Type of an indicator's value, named as STIX names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ValueType {
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address or /64 prefix.
    Ipv6,
    /// A domain name.
    Domain,
    /// A URL.
    Url,
    /// A user agent.
    UserAgent,
}

impl ValueType {
    /// What an address is.
    pub const fn of_address(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// The STIX name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4-addr",
            Self::Ipv6 => "ipv6-addr",
            Self::Domain => "domain-name",
            Self::Url => "url",
            Self::UserAgent => "user-agent",
        }
    }
}

/// All sightings of one line: the unit that analysis hands on, prints and ships.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The line.
    pub event: Arc<SightedEvent>,
    /// The rules that fired on it, one sighting a rule, in rule order.
    pub sightings: Vec<Sighting>,
}
