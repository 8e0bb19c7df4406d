//! Which addresses never become an indicator: reserved ones, the operator's own, those in front of the server.
//!
//! The strongest reason is told: what the operator said (own address, allowed, trusted proxy) before what is known of
//! everybody (content delivery edges, reserved networks). A verified crawler is exempt too; that is settled where
//! claims are checked, in [`crate::enrich::crawler`]. Pure.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Exempt, reserved};
use crate::client::{Trust, cloudflare};
use crate::net::{Cidr, Ranges};

/// What exempts addresses.
#[derive(Debug, Clone)]
pub struct Exemptions {
    own: Ranges,
    allowed: Ranges,
    trust: Trust,
    edges: Ranges,
    /// Host names of the operator.
    hosts: Arc<[Box<str>]>,
}

impl Exemptions {
    /// Reserved networks, Cloudflare's edges and the trusted proxies. A Cloudflare edge is exempt even where its
    /// headers are not trusted.
    pub fn new(trust: &Trust) -> Self {
        Self {
            own: Ranges::default(),
            allowed: Ranges::default(),
            trust: trust.clone(),
            edges: cloudflare::ranges().clone(),
            hosts: Arc::default(),
        }
    }

    /// Adds the networks of `--allow`.
    #[must_use]
    pub fn with_allowed(mut self, networks: &[Cidr]) -> Self {
        self.allowed = networks.iter().copied().collect();
        self
    }

    /// Adds this machine's own addresses, which the driver asks the system for.
    #[must_use]
    pub fn with_own(mut self, addresses: &[IpAddr]) -> Self {
        self.own = addresses.iter().map(|address| Cidr::host(*address)).collect();
        self
    }

    /// Adds further networks of content delivery edges.
    #[must_use]
    pub fn with_edges(mut self, networks: impl IntoIterator<Item = Cidr>) -> Self {
        self.edges = cloudflare::networks().chain(networks).collect();
        self
    }

    /// Adds the operator's own host names, which no payload can have named an indicator.
    #[must_use]
    pub fn with_own_hosts(mut self, hosts: &[String]) -> Self {
        self.hosts = hosts
            .iter()
            .map(|host| host.to_ascii_lowercase().into())
            .collect();
        self
    }

    /// The operator's own host names, in lower case.
    pub fn hosts(&self) -> &[Box<str>] {
        &self.hosts
    }

    /// Why the address never becomes an indicator, if so.
    pub fn reason(&self, address: IpAddr) -> Option<Exempt> {
        if self.own.contains(address) {
            Some(Exempt::OwnAddress)
        } else if self.allowed.contains(address) {
            Some(Exempt::Allowed)
        } else if self.trust.is_named_proxy(address) {
            Some(Exempt::TrustedProxy)
        } else if self.edges.contains(address) || self.trust.is_cloudflare(address) {
            Some(Exempt::CdnEdge)
        } else {
            reserved::purpose(address).map(|_| Exempt::Reserved)
        }
    }

    /// Whether the networks of `--allow` hold the whole network.
    pub fn allows(&self, network: Cidr) -> bool {
        self.allowed.covers(network)
    }
}

impl Default for Exemptions {
    fn default() -> Self {
        Self::new(&Trust::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::TrustSpec;

    #[test]
    fn the_strongest_reason_is_told() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let cidr = |text: &str| text.parse::<Cidr>().unwrap();
        let trust = Trust::new(&[TrustSpec::Network(cidr("10.0.0.0/8")), TrustSpec::Cloudflare]);
        let exempt = Exemptions::new(&trust)
            .with_own(&[ip("8.8.4.4"), ip("10.0.0.9"), ip("::ffff:8.8.4.5")])
            .with_allowed(&[cidr("9.9.9.0/24"), cidr("10.1.0.0/16")])
            .with_edges([cidr("151.101.0.0/16")]);
        for (address, reason) in [
            ("8.8.4.4", Some(Exempt::OwnAddress)),
            ("8.8.4.5", Some(Exempt::OwnAddress)),
            ("10.0.0.9", Some(Exempt::OwnAddress)),
            ("9.9.9.1", Some(Exempt::Allowed)),
            ("10.1.0.1", Some(Exempt::Allowed)),
            ("10.2.0.1", Some(Exempt::TrustedProxy)),
            ("173.245.48.1", Some(Exempt::CdnEdge)),
            ("2606:4700::1", Some(Exempt::CdnEdge)),
            ("151.101.1.1", Some(Exempt::CdnEdge)),
            ("192.168.0.1", Some(Exempt::Reserved)),
            ("fe80::1", Some(Exempt::Reserved)),
            ("8.8.8.8", None),
        ] {
            assert_eq!(exempt.reason(ip(address)), reason, "{address}");
        }
        assert_eq!(
            Exemptions::default().reason(ip("173.245.48.1")),
            Some(Exempt::CdnEdge)
        );
    }
}
