//! [`Client`]: whose request it was: the peer, or the address a trusted proxy reports.
//!
//! Never believes a header that the peer is not trusted to set. Pure. Next: [`crate::enrich`].

use std::net::IpAddr;

/// The resolved origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Client {
    /// The client's address; `None` when the line does not tell it (a host name, `unix:`, a broken header walk).
    /// An unknown client never becomes an indicator.
    pub address: Option<IpAddr>,
    /// The TCP peer as logged.
    pub peer: Option<IpAddr>,
}
