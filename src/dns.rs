//! The network side of crawler verification: a small DNS client, and [`Crawlers`], which checks claims on threads of
//! its own so that reading never waits for a name server.
//!
//! For drivers only; analysis sees nothing of it but verdicts. What is asked and what an answer means is decided in
//! [`crate::enrich::crawler`]. `client` asks one server over UDP and TCP, `crawlers` queues, limits and remembers.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::path::Path;

mod client;
mod crawlers;

pub use client::Client;
pub use crawlers::{Asked, Counts, Crawlers, Limits};

/// Port of DNS.
const PORT: u16 = 53;
/// How many servers of the system are asked.
const MAX_SERVERS: usize = 3;

/// No name server to ask.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// A value of `--resolver` that is no address.
    #[error(
        "{0:?} is no address of a name server\nhint: give an address, with a port if it is not 53: `[::1]:5353`"
    )]
    NoAddress(String),
    /// The system names no server.
    #[error("/etc/resolv.conf names no server\nhint: name one with --resolver, or use --no-dns")]
    NoServer,
    /// The system's configuration cannot be read.
    #[error("cannot read /etc/resolv.conf: {0}\nhint: name a server with --resolver, or use --no-dns")]
    Unreadable(std::io::Error),
}

/// Reads a value of `--resolver`: an address, with or without a port.
pub fn server(text: &str) -> Result<SocketAddr, ResolverError> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let found = text.parse().ok().or_else(|| with_zone(bare));
    found.ok_or_else(|| ResolverError::NoAddress(text.chars().take(60).collect()))
}

/// The servers of the system, in its order.
pub fn system_servers() -> Result<Vec<SocketAddr>, ResolverError> {
    let text = std::fs::read(Path::new("/etc/resolv.conf")).map_err(ResolverError::Unreadable)?;
    let servers = servers(&String::from_utf8_lossy(&text));
    if servers.is_empty() {
        return Err(ResolverError::NoServer);
    }
    Ok(servers)
}

/// The `nameserver` lines of resolv.conf(5), which asks at most three.
fn servers(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then_some(())?;
        with_zone(words.next()?)
    });
    named.take(MAX_SERVERS).collect()
}

/// An address, where a link-local one may carry its interface's number (`fe80::1%2`).
fn with_zone(text: &str) -> Option<SocketAddr> {
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    Some(match address.parse().ok()? {
        IpAddr::V4(v4) => SocketAddr::from((v4, PORT)),
        IpAddr::V6(v6) => SocketAddr::V6(SocketAddrV6::new(v6, PORT, 0, zone.parse().ok()?)),
    })
}

#[cfg(test)]
mod tests;
