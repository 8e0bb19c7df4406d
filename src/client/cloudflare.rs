//! Cloudflare's own networks: where its edges connect from.
//!
//! Source: `https://www.cloudflare.com/ips-v4` and `/ips-v6`, as the AppFirewall SDKs carry them, dated 2026-04-22.
//! A fresher copy can be loaded in the place of these ([`crate::client::Trust::with_cloudflare`]).

use std::sync::LazyLock;

use crate::net::{Cidr, Ranges};

/// Day of the snapshot.
pub const DATE: &str = "2026-04-22";

/// The networks as published.
pub const NETWORKS: [&str; 22] = [
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
];

/// The built-in networks.
pub fn ranges() -> &'static Ranges {
    static RANGES: LazyLock<Ranges> = LazyLock::new(|| networks().collect());
    &RANGES
}

/// The built-in networks one by one.
pub fn networks() -> impl Iterator<Item = Cidr> {
    NETWORKS.iter().filter_map(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_is_read_and_has_no_host_bits() {
        for (text, cidr) in NETWORKS.iter().zip(networks()) {
            assert_eq!(cidr.to_string(), *text);
        }
        assert_eq!(networks().count(), NETWORKS.len());
    }
}
