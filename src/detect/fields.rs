//! [`Field`]: what a rule may ask of an event, by any of its names, and [`text`], the one function that reads it.
//!
//! Names come from three places: Sigma's taxonomies for web servers and proxies (the W3C extended log names),
//! Elastic's common schema, and our own under `afw.`. Nothing is decoded here: texts are as the log gave them,
//! unescaped once; [`super::views`] decodes. What no log has is no field: [`Field::parse`] does not know it.
//! Next: [`names`] and [`mod@value`], then
//! [`super::rules`].

use std::net::IpAddr;
use std::sync::Arc;

use crate::enrich::AgentType;

mod names;
mod target;
mod value;

pub use target::{authority, extension};
pub use value::{Short, Text, any_value, borrowed, number, text, value};

/// One field of an event. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The instant as RFC 3339, UTC.
    Timestamp,
    /// The day, `2026-01-31`, UTC.
    Date,
    /// The time of day, `23:59:59`, UTC.
    TimeOfDay,
    /// The resolved client's address.
    Client,
    /// The TCP peer as an address, or the text that the log has in its place.
    Peer,
    /// The peer's port.
    PeerPort,
    /// The port the request came to.
    ServerPort,
    /// The authenticated user.
    User,
    /// The request method.
    Method,
    /// The whole request target; the malformed request line when there is none.
    Target,
    /// Sigma's `cs-uri-query`: matches the query or the whole target. Read as one value it is the query.
    QueryOrTarget,
    /// The target's path.
    Path,
    /// The query without `?`.
    Query,
    /// What follows the last dot of the path's last segment.
    Extension,
    /// The protocol as W3C logs write it: `HTTP/1.1`.
    Protocol,
    /// The protocol's bare version: `1.1`.
    HttpVersion,
    /// The host: of an absolute target if it is one, else of the `Host` header; without port.
    Host,
    /// `http` or `https`.
    Scheme,
    /// The response status.
    Status,
    /// The `Referer` header.
    Referrer,
    /// The `User-Agent` header.
    Agent,
    /// Any other request header, by its lower-case name.
    Header(Arc<str>),
    /// All response bytes, or those of the body where the log has no more.
    ResponseBytes,
    /// Bytes of the response body.
    BodyBytes,
    /// Bytes of the request.
    RequestBytes,
    /// Duration in milliseconds.
    Millis,
    /// Duration in nanoseconds.
    Nanos,
    /// TLS protocol version.
    TlsVersion,
    /// TLS cipher.
    TlsCipher,
    /// TLS server name indication.
    TlsServerName,
    /// JA3 hash.
    Ja3,
    /// JA4 fingerprint.
    Ja4,
    /// ISO 3166 country of the client.
    Country,
    /// Number of the client's autonomous system.
    Asn,
    /// Organisation of the client's autonomous system.
    AsOrganization,
    /// The request's id.
    RequestId,
    /// What an edge or firewall did.
    Action,
    /// `success` below status 400, else `failure`.
    Outcome,
    /// Each list that contains the client; read as one value it is the first.
    Lists,
    /// Kind of program by its user agent.
    AgentType,
    /// Product name of the user agent.
    AgentName,
    /// Major version of the product.
    AgentMajor,
    /// Operating system family of the user agent.
    AgentSystem,
    /// Whether the client is a crawler whose claim was verified: `true` or `false`.
    AgentVerified,
    /// What became of the claim to be a crawler: `verified`, `fake` or `unknown`; absent where nothing is claimed.
    AgentVerdict,
    /// What is odd about the user agent: `absent`, `empty`, `malformed`, `bare` or `impossible`.
    AgentOdd,
    /// Engine of the browser that the user agent names.
    AgentEngine,
    /// What the client hints say against the user agent ([`crate::enrich::identity::contradiction`]).
    AgentContradiction,
    /// The hash of what stays the same over a program's requests ([`crate::enrich::identity::fingerprint`]), 16 hexadecimal digits.
    Fingerprint,
    /// `true` where a list that is a reason for suspicion contains the client; absent otherwise.
    Listed,
    /// The AppFirewall label, for status 404 only.
    Classification,
    /// The request line that could not be split.
    MalformedRequest,
    /// Path of the log file.
    File,
    /// Offset of the line in its file.
    Offset,
    /// A further value under the name that the log's format gives it, lower case.
    Named(Arc<str>),
}

impl Field {
    /// Whether its text is written by the client as part of a URL or payload, so that the decoded views apply.
    pub fn is_encoded(&self) -> bool {
        self.is_target() || matches!(self, Self::Referrer | Self::Agent | Self::Header(_))
    }

    /// Whether the value is always a number, which [`number`] reads.
    pub const fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Status
                | Self::PeerPort
                | Self::ServerPort
                | Self::ResponseBytes
                | Self::BodyBytes
                | Self::RequestBytes
                | Self::Millis
                | Self::Nanos
                | Self::Asn
                | Self::AgentMajor
                | Self::Offset
        )
    }

    /// Whether the text stands nowhere in the line as it is, so that [`text`] writes it out.
    pub const fn is_written(&self) -> bool {
        self.is_number()
            || matches!(
                self,
                Self::Client
                    | Self::Peer
                    | Self::Timestamp
                    | Self::Date
                    | Self::TimeOfDay
                    | Self::Protocol
                    | Self::Fingerprint
            )
    }

    /// Whether the value stands in [`afw_parsers::record::More`] alone, which most lines do not have.
    pub const fn is_rarely_logged(&self) -> bool {
        matches!(
            self,
            Self::Scheme
                | Self::TlsVersion
                | Self::TlsCipher
                | Self::TlsServerName
                | Self::Ja3
                | Self::Ja4
                | Self::RequestId
                | Self::Action
                | Self::Named(_)
                | Self::AgentContradiction
                | Self::PeerPort
                | Self::ServerPort
                | Self::RequestBytes
                | Self::Millis
                | Self::Nanos
        )
    }

    /// The fields that this one's value follows from, when they are others and nothing else counts.
    pub const fn follows_from(&self) -> &'static [Self] {
        match self {
            Self::Path | Self::Query | Self::QueryOrTarget | Self::Extension => &[Self::Target],
            Self::AgentType
            | Self::AgentOdd
            | Self::AgentName
            | Self::AgentSystem
            | Self::AgentEngine
            | Self::AgentMajor => &[Self::Agent],
            Self::Outcome => &[Self::Status],
            Self::Classification => &[Self::Target, Self::Status],
            _ => &[],
        }
    }

    /// Whether it is the request target or a part of it.
    pub fn is_target(&self) -> bool {
        matches!(
            self,
            Self::Target | Self::QueryOrTarget | Self::Path | Self::Query | Self::Extension
        )
    }
}

/// The name of an agent's type in output and rules.
pub const fn agent_type(kind: AgentType) -> &'static str {
    match kind {
        AgentType::Browser => "browser",
        AgentType::App => "app",
        AgentType::Script => "script",
        AgentType::Scanner => "scanner",
        AgentType::Headless => "headless",
        AgentType::Crawler => "crawler",
        AgentType::AiCrawler => "ai-crawler",
        AgentType::Feed => "feed",
        AgentType::Preview => "preview",
        AgentType::Monitoring => "monitoring",
        AgentType::Unknown => "unknown",
    }
}

/// The client's address, when the text of a field is one.
pub fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
#[path = "fields/tests.rs"]
mod tests;
