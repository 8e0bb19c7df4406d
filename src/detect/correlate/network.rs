//! Client networks as keys of windows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::rule::{Correlation, Group, Net};

/// The client's network, when every base of the correlation is grouped by that and nothing else.
pub(super) fn client_alone<F>(correlation: &Correlation<F>) -> Option<Net> {
    let mut nets = correlation
        .bases
        .iter()
        .map(|base| match base.group_by.as_slice() {
            [Group::Client(net)] => Some(*net),
            _ => None,
        });
    let first = nets.next()??;
    nets.all(|net| net == Some(first)).then_some(first)
}

/// The key of a window that is grouped by client alone: the network's first address, IPv4 as mapped IPv6.
pub(super) fn client_key(client: IpAddr, net: Net) -> u128 {
    match cut(client, net) {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The first address of the network.
pub(super) fn cut(address: IpAddr, net: Net) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let host = u32::MAX.checked_shr(net.v4_bits.into()).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !host))
        }
        IpAddr::V6(v6) => {
            let host = u128::MAX.checked_shr(net.v6_bits.into()).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !host))
        }
    }
}
