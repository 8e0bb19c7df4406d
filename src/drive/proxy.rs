//! [`Fronts`]: whether a proxy stands before the server that nobody named as trusted.
//!
//! Then the peer of every request is its address, mostly a private one, and what is found makes no indicator: the commonest
//! reason why a first run finds nobody.

use std::net::IpAddr;

use crate::client::TrustSpec;
use crate::config::Config;
use crate::enrich::{Exempt, reserved};
use crate::event::Finding;

/// So many peers are told apart; a proxy is among the first.
const MOST: usize = 16;
/// Fewer findings tell nothing.
const ENOUGH: u64 = 10;

/// Peers of findings that make no indicator because they are private.
#[derive(Debug, Clone, Default)]
pub struct Fronts {
    peers: Vec<(IpAddr, u64)>,
    findings: u64,
}

impl Fronts {
    /// Counts what was found on one line.
    pub fn finding(&mut self, finding: &Finding) {
        self.findings += 1;
        let event = &finding.event;
        let private = matches!(event.exempt(), Some(Exempt::Reserved | Exempt::OwnAddress));
        if let Some(peer) = event.peer.filter(|_| private && event.peer == event.client) {
            self.peer(peer);
        }
    }

    fn peer(&mut self, peer: IpAddr) {
        let has_room = self.peers.len() < MOST;
        match self.peers.iter_mut().find(|(known, _)| *known == peer) {
            Some((_, count)) => *count += 1,
            None if has_room => self.peers.push((peer, 1)),
            None => {}
        }
    }

    /// The peer of most findings, when nearly all of them are of private peers and it is no trusted proxy.
    pub fn likely(&self, config: &Config) -> Option<IpAddr> {
        let private: u64 = self.peers.iter().map(|(_, count)| count).sum();
        if self.findings < ENOUGH || private * 10 < self.findings * 9 {
            return None;
        }
        let (peer, _) = self.peers.iter().max_by_key(|(_, count)| *count)?;
        let is_named = config
            .analysis
            .trusted_proxies
            .iter()
            .any(|text| match text.parse() {
                Ok(TrustSpec::Network(network)) => network.contains(*peer),
                _ => false,
            });
        (!is_named && !reserved::is_documentation(*peer)).then_some(*peer)
    }
}
