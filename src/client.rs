//! [`Client`]: whose request it was: the peer, or the address a trusted proxy reports.
//!
//! A forwarding header counts only if the peer is a trusted proxy, and of the addresses it lists the right-most one
//! that is not itself a trusted proxy is the client: everything left of it was written by the client and may be a
//! lie. Each proxy is believed in the one header that it sets; any other header passes through it untouched and is
//! the client's own text. So no header, user name or path can make another address the client.
//!
//! Never guesses: an entry that is no address, or two headers that disagree, leave the client unknown. Pure.
//! `forwarded` reads RFC 7239, `cloudflare` holds Cloudflare's networks. Next: [`crate::enrich`].

use std::borrow::Cow;
use std::net::IpAddr;
use std::str::FromStr;

use afw_parsers::Record;
use afw_parsers::address::canonical;
use afw_parsers::format::Format;

use crate::net::{Cidr, CidrError, Ranges, parse_address};

pub mod cloudflare;
mod explain;
mod forwarded;

pub use explain::{Hop, Why};
use explain::{Origin, Step};

/// The resolved origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Client {
    /// The client's address; `None` when the line does not tell it (a host name, `unix:`, a broken header walk).
    /// An unknown client never becomes an indicator.
    pub address: Option<IpAddr>,
    /// The TCP peer as logged.
    pub peer: Option<IpAddr>,
}

/// One value of `--trusted-proxy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustSpec {
    /// A network of the operator's own proxies.
    Network(Cidr),
    /// Cloudflare's published networks.
    Cloudflare,
    /// Nobody.
    None,
}

impl FromStr for TrustSpec {
    type Err = CidrError;

    /// `cloudflare` and `none` in any case, an address, or a network.
    fn from_str(text: &str) -> Result<Self, CidrError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "cloudflare" => Ok(Self::Cloudflare),
            "none" => Ok(Self::None),
            other => other.parse().map(Self::Network),
        }
    }
}

/// Whose forwarding headers count, and which header each sets.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    proxies: Ranges,
    cloudflare: Option<Ranges>,
    /// Lower case.
    header: Option<String>,
}

/// What Cloudflare sets itself or strips from the client's request, best first. Source: Cloudflare's documentation
/// "HTTP request headers" (`CF-Connecting-IP`, `CF-Connecting-IPv6`, `True-Client-IP`, `X-Forwarded-For`).
const CLOUDFLARE_SETS: [&str; 4] = [
    CF_CONNECTING_IP,
    TRUE_CLIENT_IP,
    "cf-connecting-ipv6",
    X_FORWARDED_FOR,
];
const CF_CONNECTING_IP: &str = "cf-connecting-ip";
const TRUE_CLIENT_IP: &str = "true-client-ip";
const X_FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED: &str = "forwarded";

/// Headers that speak of the client's address; shown by [`Trust::explain`] when they were not believed.
const CLIENT_HEADERS: [&str; 6] = [
    CF_CONNECTING_IP,
    TRUE_CLIENT_IP,
    "cf-connecting-ipv6",
    X_FORWARDED_FOR,
    FORWARDED,
    "x-real-ip",
];

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The header was not logged, or is empty.
    Nothing,
    /// The client.
    Address(IpAddr),
    /// Something that is no address where the client should stand.
    Unreadable,
}

impl Trust {
    /// Trusts exactly what is listed; an empty list trusts nobody.
    pub fn new(specs: &[TrustSpec]) -> Self {
        let networks = specs.iter().filter_map(|spec| match spec {
            TrustSpec::Network(cidr) => Some(*cidr),
            TrustSpec::Cloudflare | TrustSpec::None => None,
        });
        Self {
            proxies: networks.collect(),
            cloudflare: specs
                .contains(&TrustSpec::Cloudflare)
                .then(|| cloudflare::ranges().clone()),
            header: None,
        }
    }

    /// Names the header that the trusted proxies set (`--client-header`). From Cloudflare's networks it counts only
    /// if Cloudflare sets it.
    #[must_use]
    pub fn with_header(mut self, name: &str) -> Self {
        self.header = Some(name.trim().to_ascii_lowercase());
        self
    }

    /// Puts fresher networks in the place of the built-in ones, where Cloudflare is trusted at all.
    #[must_use]
    pub fn with_cloudflare(mut self, ranges: Ranges) -> Self {
        if self.cloudflare.is_some() && !ranges.is_empty() {
            self.cloudflare = Some(ranges);
        }
        self
    }

    /// Whether the address is a proxy named by the operator.
    pub fn is_named_proxy(&self, address: IpAddr) -> bool {
        self.proxies.contains(address)
    }

    /// Whether the address is a Cloudflare edge, if Cloudflare is trusted.
    pub fn is_cloudflare(&self, address: IpAddr) -> bool {
        self.cloudflare
            .as_ref()
            .is_some_and(|ranges| ranges.contains(address))
    }

    /// Whether headers from this address count.
    pub fn is_trusted(&self, address: IpAddr) -> bool {
        self.is_named_proxy(address) || self.is_cloudflare(address)
    }

    /// Whose request it was. Allocates nothing unless a trusted proxy sends `Forwarded`.
    #[inline]
    pub fn resolve(&self, record: &Record<'_>) -> Client {
        let peer = record.peer.map(canonical);
        // Most logs hold neither a header nor another address: then nobody but the peer can be the client.
        let address = match record.more.used {
            true => self.walk(record, peer, &mut |_| {}),
            false => peer,
        };
        Client { address, peer }
    }

    /// Every hop that [`Trust::resolve`] looked at, nearest first, and why it was believed or not; then the headers
    /// that did not count.
    pub fn explain(&self, record: &Record<'_>) -> Vec<Hop> {
        let mut hops = Vec::new();
        let peer = record.peer.map(canonical);
        self.walk(record, peer, &mut |step: Step<'_>| hops.push(Hop::from(step)));
        let ignored = if peer.is_some_and(|peer| self.is_trusted(peer)) {
            Why::OtherHeader
        } else {
            Why::UntrustedPeer
        };
        explain::add_ignored(record, &CLIENT_HEADERS, ignored, &mut hops);
        hops
    }

    fn walk<'r>(
        &'r self,
        record: &'r Record<'_>,
        peer: Option<IpAddr>,
        see: &mut impl FnMut(Step<'r>),
    ) -> Option<IpAddr> {
        if let Some(client) = self.resolved_by_server(record, peer) {
            if !self.may_be_forged(record, client, peer) {
                see(Step::new(Origin::Log, b"", Some(client), Why::ServerResolved));
                return Some(client);
            }
            if self.trusts_somebody() {
                see(Step::new(Origin::Peer, record.peer_text, peer, Why::TrustedProxy));
                return match self.told_by_either(record, see) {
                    Told::Nothing => Some(client),
                    Told::Address(told) if told == client || !told_otherwise(record, client) => Some(told),
                    Told::Address(_) => {
                        see(Step::new(Origin::Log, b"", Some(client), Why::Disagree));
                        None
                    }
                    Told::Unreadable => None,
                };
            }
        }
        let step = |why| Step::new(Origin::Peer, record.peer_text, peer, why);
        let Some(address) = peer else {
            see(step(Why::NoAddress));
            return None;
        };
        if !self.is_trusted(address) {
            see(step(Why::Client));
            return peer;
        }
        see(step(Why::TrustedProxy));
        match self.told(record, address, see) {
            Told::Nothing => peer,
            Told::Address(client) => Some(client),
            Told::Unreadable => None,
        }
    }

    /// The client that the server itself put in the log. A server that was told of no proxy logs its peer there; then
    /// a proxy that we were told of still counts. In Cloudflare's own logs there is nobody before the client: its
    /// headers are its own text even when it comes from one of Cloudflare's networks (WARP, Workers).
    fn resolved_by_server(&self, record: &Record<'_>, peer: Option<IpAddr>) -> Option<IpAddr> {
        let client = canonical(record.more.client?);
        let merely_peer = peer == Some(client) && self.is_trusted(client);
        (is_of_edge(record) || !merely_peer).then_some(client)
    }

    /// Whether the server may have taken the client from a list of forwarders that the log has too. Caddy, for one, takes
    /// the left-most entry, which is the client's own text, unless it was told to be strict; then the header is walked by
    /// our own rule. A client that no list names comes from a header that the operator chose.
    fn may_be_forged(&self, record: &Record<'_>, client: IpAddr, peer: Option<IpAddr>) -> bool {
        !is_of_edge(record) && peer.is_some_and(|peer| peer != client) && is_listed(record, client)
    }

    /// False for `--trusted-proxy none`.
    fn trusts_somebody(&self) -> bool {
        !self.proxies.is_empty() || self.cloudflare.is_some()
    }

    /// What the one header that this proxy sets says.
    fn told<'r>(&'r self, record: &'r Record<'_>, proxy: IpAddr, see: &mut impl FnMut(Step<'r>)) -> Told {
        let named = self.header.as_deref();
        if self.is_cloudflare(proxy) && !self.is_named_proxy(proxy) {
            if let Some(name) = named.filter(|name| CLOUDFLARE_SETS.contains(name)) {
                return self.told_by(record, name, see);
            }
            return match self.told_by(record, CF_CONNECTING_IP, see) {
                Told::Nothing => self.told_by(record, TRUE_CLIENT_IP, see),
                told => told,
            };
        }
        match named {
            Some(name) => self.told_by(record, name, see),
            None => self.told_by_either(record, see),
        }
    }

    /// A proxy sets `X-Forwarded-For` or `Forwarded`, and which is not known: where both are logged, one of them may
    /// be the client's own.
    fn told_by_either<'r>(&'r self, record: &'r Record<'_>, see: &mut impl FnMut(Step<'r>)) -> Told {
        let listed = self.told_by(record, X_FORWARDED_FOR, see);
        match (listed, self.told_by(record, FORWARDED, see)) {
            (told, Told::Nothing) | (Told::Nothing, told) => told,
            (one, other) if one == other => one,
            _ => {
                see(Step::new(Origin::Header(FORWARDED), b"", None, Why::Disagree));
                Told::Unreadable
            }
        }
    }

    fn told_by<'r>(&'r self, record: &'r Record<'_>, name: &'r str, see: &mut impl FnMut(Step<'r>)) -> Told {
        let origin = Origin::Header(name);
        if record.is_unclear(name) {
            see(Step::new(origin, b"?", None, Why::Unclear));
            return Told::Unreadable;
        }
        let values = || explain::values(record, name).rev();
        if name == FORWARDED {
            return self.nearest_stranger(values().flat_map(forwarded::nodes_from_right), origin, see);
        }
        let entries = values()
            .flat_map(|value| value.rsplit(|&byte| byte == b','))
            .map(Cow::Borrowed);
        self.nearest_stranger(entries, origin, see)
    }

    /// The first entry that is not a trusted proxy, in a list that begins next to the server. When all are trusted,
    /// the farthest.
    fn nearest_stranger<'r>(
        &self,
        entries: impl Iterator<Item = Cow<'r, [u8]>>,
        origin: Origin<'r>,
        see: &mut impl FnMut(Step<'r>),
    ) -> Told {
        let mut farthest = Told::Nothing;
        for entry in entries {
            let address = parse_address(&entry);
            let why = match address {
                None => Why::NoAddress,
                Some(address) if self.is_trusted(address) => Why::TrustedProxy,
                Some(_) => Why::Client,
            };
            see(Step {
                origin,
                text: entry,
                address,
                why,
            });
            match (why, address) {
                (Why::TrustedProxy, Some(address)) => farthest = Told::Address(address),
                (_, Some(address)) => return Told::Address(address),
                (_, None) => return Told::Unreadable,
            }
        }
        farthest
    }
}

/// Whether it is a line of Cloudflare's own logs.
fn is_of_edge(record: &Record<'_>) -> bool {
    record.format.is_some_and(Format::is_logpush)
}

/// Whether an address stands in a list of forwarders.
fn is_listed(record: &Record<'_>, address: IpAddr) -> bool {
    let is = |entry: &[u8]| parse_address(entry) == Some(address);
    let mut listed =
        explain::values(record, X_FORWARDED_FOR).flat_map(|value| value.split(|&byte| byte == b','));
    let mut nodes = explain::values(record, FORWARDED).flat_map(forwarded::nodes_from_right);
    listed.any(is) || nodes.any(|node| is(&node))
}

/// Whether a header beside the lists of forwarders names this address: then it may be the one that the server was told to
/// believe, and the lists are the client's own text.
fn told_otherwise(record: &Record<'_>, address: IpAddr) -> bool {
    let is_list = |name: &str| {
        [X_FORWARDED_FOR, FORWARDED]
            .iter()
            .any(|list| name.eq_ignore_ascii_case(list))
    };
    let mut others = record.more.headers.iter().filter(|(name, _)| !is_list(name));
    others.any(|(_, value)| parse_address(value) == Some(address))
}

#[cfg(test)]
mod tests;
