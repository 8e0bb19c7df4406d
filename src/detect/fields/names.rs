//! The names of fields: Sigma's taxonomies for web servers and proxies, Elastic's common schema and our own.
//!
//! A name that no web log has is no field here; who wants one all the same says so. Next: [`mod@super::value`].

use super::Field;

/// Every fixed name, lower case, sorted by taxonomy: W3C of web servers, W3C of proxies, ECS, our own.
pub(super) const NAMES: &[(&str, Field)] = &[
    ("date", Field::Date),
    ("time", Field::TimeOfDay),
    ("c-ip", Field::Client),
    ("c-port", Field::PeerPort),
    ("cs-username", Field::User),
    ("cs-user", Field::User),
    ("cs-method", Field::Method),
    ("cs-uri", Field::Target),
    ("cs-uri-stem", Field::Path),
    ("cs-uri-path", Field::Path),
    ("cs-uri-query", Field::QueryOrTarget),
    ("cs-uri-extension", Field::Extension),
    ("cs-uri-scheme", Field::Scheme),
    ("cs-version", Field::Protocol),
    ("cs-host", Field::Host),
    ("cs-user-agent", Field::Agent),
    ("cs(user-agent)", Field::Agent),
    ("cs-useragent", Field::Agent),
    ("cs-referer", Field::Referrer),
    ("cs-referrer", Field::Referrer),
    ("cs(referer)", Field::Referrer),
    ("cs(host)", Field::Host),
    ("cs-bytes", Field::RequestBytes),
    ("sc-bytes", Field::ResponseBytes),
    ("sc-status", Field::Status),
    ("s-port", Field::ServerPort),
    ("time-taken", Field::Millis),
    ("c-uri", Field::Target),
    ("c-uri-stem", Field::Path),
    ("c-uri-path", Field::Path),
    ("c-uri-query", Field::QueryOrTarget),
    ("c-uri-extension", Field::Extension),
    ("c-uri-scheme", Field::Scheme),
    ("c-useragent", Field::Agent),
    ("c-user-agent", Field::Agent),
    ("c-referer", Field::Referrer),
    ("c-referrer", Field::Referrer),
    ("r-dns", Field::Host),
    ("src_ip", Field::Client),
    ("src_port", Field::PeerPort),
    ("dst_port", Field::ServerPort),
    ("@timestamp", Field::Timestamp),
    ("source.ip", Field::Client),
    ("source.address", Field::Client),
    ("source.port", Field::PeerPort),
    ("source.geo.country_iso_code", Field::Country),
    ("source.as.number", Field::Asn),
    ("source.as.organization.name", Field::AsOrganization),
    ("client.ip", Field::Client),
    ("client.address", Field::Client),
    ("client.port", Field::PeerPort),
    ("client.geo.country_iso_code", Field::Country),
    ("client.as.number", Field::Asn),
    ("client.as.organization.name", Field::AsOrganization),
    ("destination.domain", Field::Host),
    ("destination.port", Field::ServerPort),
    ("server.port", Field::ServerPort),
    ("user.name", Field::User),
    ("user_agent.original", Field::Agent),
    ("user_agent.name", Field::AgentName),
    ("user_agent.version", Field::AgentMajor),
    ("user_agent.os.name", Field::AgentSystem),
    ("http.request.method", Field::Method),
    ("http.request.referrer", Field::Referrer),
    ("http.request.bytes", Field::RequestBytes),
    ("http.request.id", Field::RequestId),
    ("http.response.status_code", Field::Status),
    ("http.response.bytes", Field::ResponseBytes),
    ("http.response.body.bytes", Field::BodyBytes),
    ("http.version", Field::HttpVersion),
    ("url.original", Field::Target),
    ("url.full", Field::Target),
    ("url.path", Field::Path),
    ("url.query", Field::Query),
    ("url.extension", Field::Extension),
    ("url.domain", Field::Host),
    ("url.scheme", Field::Scheme),
    ("url.port", Field::ServerPort),
    ("tls.client.ja3", Field::Ja3),
    ("tls.client.ja4", Field::Ja4),
    ("tls.client.server_name", Field::TlsServerName),
    ("tls.version", Field::TlsVersion),
    ("tls.cipher", Field::TlsCipher),
    ("event.action", Field::Action),
    ("event.duration", Field::Nanos),
    ("event.outcome", Field::Outcome),
    ("log.file.path", Field::File),
    ("log.offset", Field::Offset),
    ("afw.peer_ip", Field::Peer),
    ("afw.lists", Field::Lists),
    ("afw.classification", Field::Classification),
    ("afw.agent.type", Field::AgentType),
    ("afw.agent.name", Field::AgentName),
    ("afw.agent.major", Field::AgentMajor),
    ("afw.agent.system", Field::AgentSystem),
    ("afw.agent.verified", Field::AgentVerified),
    ("afw.agent.verdict", Field::AgentVerdict),
    ("afw.agent.odd", Field::AgentOdd),
    ("afw.agent.engine", Field::AgentEngine),
    ("afw.agent.contradiction", Field::AgentContradiction),
    ("afw.fingerprint", Field::Fingerprint),
    ("afw.listed", Field::Listed),
    ("afw.malformed_request", Field::MalformedRequest),
];

/// Taxonomy names whose values only some formats log; they are looked up under these names.
const LOGGED_BY_SOME: [&str; 9] = [
    "s-ip",
    "s-computername",
    "s-sitename",
    "sc-substatus",
    "sc-win32-status",
    "s-action",
    "s-hierarchy",
    "dst_ip",
    "cs-protocol",
];

/// Prefixes that name a request header; `-` and `_` are one.
const HEADER_PREFIXES: [&str; 2] = ["cs(", "http.request.headers."];

impl Field {
    /// The field of that name in any taxonomy, in any case; `None` when no web log has it.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if let Some((_, field)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Some(field.clone());
        }
        if let "cs-cookie" | "cs(cookie)" = name.as_str() {
            return Some(Self::Header("cookie".into()));
        }
        if let "x-forwarded-for" | "x_forwarded_for" | "cs-x-forwarded-for" = name.as_str() {
            return Some(Self::Header("x-forwarded-for".into()));
        }
        if LOGGED_BY_SOME.contains(&name.as_str()) {
            return Some(Self::Named(name.into()));
        }
        let header = HEADER_PREFIXES
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))?;
        let header = header.strip_suffix(')').unwrap_or(header).replace('_', "-");
        (!header.is_empty()).then(|| Self::Header(header.into()))
    }

    /// All names of all taxonomies.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name).chain(LOGGED_BY_SOME)
    }

    /// A field that no taxonomy of web logs has. It matches only where a log's own format has a value of that
    /// name; the loader warns of it.
    pub fn foreign(name: &str) -> Self {
        Self::Named(name.to_ascii_lowercase().into())
    }

    /// The name by which messages call it: the first in the taxonomies.
    pub fn name(&self) -> String {
        match self {
            Self::Header(name) => format!("cs({name})"),
            Self::Named(name) => name.to_string(),
            field => NAMES
                .iter()
                .find(|(_, known)| known == field)
                .map_or_else(String::new, |(name, _)| (*name).to_owned()),
        }
    }
}
