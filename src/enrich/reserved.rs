//! Addresses that belong to nobody on the public internet.
//!
//! Source: IANA's IPv4 and IPv6 special-purpose address registries (RFC 6890 and its updates, the IPv6 one as of
//! 2024-10-22), taking what is not globally reachable; multicast from RFC 5771 and RFC 4291; and RFC 4291 for all of
//! IPv6 outside 2000::/3, which is not assigned to hosts.

use std::net::IpAddr;
use std::sync::LazyLock;

use crate::net::{Cidr, PrefixMap};

/// A network, what it is for, and whether its addresses can be met on the public internet. The longest network that
/// contains an address decides.
const TABLE: [(&str, &str, bool); 31] = [
    ("0.0.0.0/8", "this network (RFC 791)", false),
    ("10.0.0.0/8", "private use (RFC 1918)", false),
    (
        "100.64.0.0/10",
        "shared address space of carriers (RFC 6598)",
        false,
    ),
    ("127.0.0.0/8", "loopback (RFC 1122)", false),
    ("169.254.0.0/16", "link local (RFC 3927)", false),
    ("172.16.0.0/12", "private use (RFC 1918)", false),
    ("192.0.0.0/24", "protocol assignments (RFC 6890)", false),
    ("192.0.2.0/24", "documentation (RFC 5737)", false),
    ("192.88.99.0/24", "former 6to4 relays (RFC 7526)", false),
    ("192.168.0.0/16", "private use (RFC 1918)", false),
    ("198.18.0.0/15", "benchmarking (RFC 2544)", false),
    ("198.51.100.0/24", "documentation (RFC 5737)", false),
    ("203.0.113.0/24", "documentation (RFC 5737)", false),
    ("224.0.0.0/4", "multicast (RFC 5771)", false),
    ("240.0.0.0/4", "reserved (RFC 1112)", false),
    ("255.255.255.255/32", "limited broadcast (RFC 8190)", false),
    ("::/0", "not assigned to hosts (RFC 4291)", false),
    ("2000::/3", "global unicast (RFC 4291)", true),
    ("::/128", "unspecified (RFC 4291)", false),
    ("::1/128", "loopback (RFC 4291)", false),
    ("64:ff9b::/96", "translated IPv4 (RFC 6052)", true),
    ("64:ff9b:1::/48", "local translation (RFC 8215)", false),
    ("100::/64", "discard only (RFC 6666)", false),
    ("2001::/23", "protocol assignments (RFC 2928)", false),
    ("2001::/32", "Teredo (RFC 4380)", true),
    (
        "2001:20::/27",
        "ORCHIDv2 and drone identifiers (RFC 7343, RFC 9374)",
        true,
    ),
    ("2001:db8::/32", "documentation (RFC 3849)", false),
    ("3fff::/20", "documentation (RFC 9637)", false),
    ("fc00::/7", "unique local (RFC 4193)", false),
    ("fe80::/10", "link local (RFC 4291)", false),
    ("ff00::/8", "multicast (RFC 4291)", false),
];

/// What a reserved address is for; `None` for an address of the public internet.
pub fn purpose(address: IpAddr) -> Option<&'static str> {
    static MAP: LazyLock<PrefixMap<(&'static str, bool)>> = LazyLock::new(|| {
        let networks = TABLE.iter();
        PrefixMap::new(
            networks.filter_map(|(cidr, purpose, public)| Some((cidr.parse().ok()?, (*purpose, *public)))),
        )
    });
    MAP.find(address)
        .and_then(|(_, (purpose, public))| (!public).then_some(*purpose))
}

/// Whether the address belongs to nobody because it is for documentation: met in examples and tests only, never a
/// proxy or a machine of one's own.
pub fn is_documentation(address: IpAddr) -> bool {
    purpose(address).is_some_and(|purpose| purpose.starts_with("documentation"))
}

/// Whether every address of the network is reserved.
pub fn covers(cidr: Cidr) -> bool {
    // A public hole inside a reserved network is far smaller than the network: asking both ends is enough, but for
    // a network so wide that it holds the public internet itself.
    let wide = match cidr.network() {
        IpAddr::V4(_) => cidr.prefix() < 4,
        IpAddr::V6(_) => cidr.prefix() < 3,
    };
    !wide && purpose(cidr.network()).is_some() && purpose(cidr.last()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_and_reserved() {
        for (address, reserved) in [
            ("8.8.8.8", false),
            ("1.1.1.1", false),
            ("100.63.255.255", false),
            ("100.64.0.1", true),
            ("172.32.0.1", false),
            ("172.31.0.1", true),
            ("192.0.3.1", false),
            ("223.255.255.255", false),
            ("224.0.0.1", true),
            ("::1", true),
            ("::ffff:10.0.0.1", true),
            ("::ffff:8.8.8.8", false),
            ("2001:4860:4860::8888", false),
            ("2001:0:1::1", false),
            ("2001:2::1", true),
            ("2001:200::1", false),
            ("2001:db8::1", true),
            ("2a01::1", false),
            ("4000::1", true),
            ("fd00::1", true),
            ("fe80::1", true),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(purpose(address.to_canonical()).is_some(), reserved, "{address}");
        }
        assert_eq!(
            TABLE.iter().filter(|row| row.0.parse::<Cidr>().is_ok()).count(),
            TABLE.len()
        );
    }

    #[test]
    fn whole_networks() {
        for (cidr, reserved) in [
            ("10.1.0.0/16", true),
            ("0.0.0.0/0", false),
            ("0.0.0.0/7", false),
            ("224.0.0.0/3", false),
            ("240.0.0.0/4", true),
            ("172.16.0.0/11", false),
            ("::/0", false),
            ("fc00::/8", true),
            ("2001:db8:1::/48", true),
            ("2001::/23", false),
        ] {
            assert_eq!(covers(cidr.parse().unwrap()), reserved, "{cidr}");
        }
    }
}
