//! Networks, against how people write them and a search that asks each.

use super::*;
use proptest::prelude::*;

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn networks_as_people_write_them() {
    for (text, shown) in [
        ("192.0.2.7/24", "192.0.2.0/24"),
        (" 192.0.2.7 ", "192.0.2.7/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("::/0", "::/0"),
        ("::1", "::1/128"),
        ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
        ("::ffff:10.1.2.3", "10.1.2.3/32"),
    ] {
        assert_eq!(cidr(text).to_string(), shown, "{text}");
    }
    for text in [
        "",
        "/",
        "1.2.3.4/",
        "1.2.3.4/33",
        "::/129",
        "1.2.3/8",
        "1.2.3.4/+8",
        "1.2.3.4/-1",
        "a/8",
    ] {
        assert!(text.parse::<Cidr>().is_err(), "{text}");
    }
}

#[test]
fn the_longest_network_wins() {
    let map = PrefixMap::new([
        (cidr("10.0.0.0/8"), "wide"),
        (cidr("10.1.0.0/16"), "inner"),
        (cidr("10.1.2.0/24"), "innermost"),
        (cidr("0.0.0.0/0"), "all"),
        (cidr("255.255.255.255"), "last"),
        (cidr("2001:db8::/32"), "six"),
    ]);
    for (address, expected) in [
        ("9.9.9.9", Some("all")),
        ("10.0.0.1", Some("wide")),
        ("10.1.1.255", Some("inner")),
        ("10.1.2.0", Some("innermost")),
        ("10.1.3.0", Some("inner")),
        ("10.2.0.0", Some("wide")),
        ("11.0.0.0", Some("all")),
        ("255.255.255.255", Some("last")),
        ("2001:db8::9", Some("six")),
        ("2001:db9::", None),
        ("::ffff:10.1.2.9", Some("innermost")),
    ] {
        assert_eq!(map.find(ip(address)).map(|(_, v)| *v), expected, "{address}");
    }
}

#[test]
fn addresses_in_headers() {
    for (text, expected) in [
        (" \"[2001:db8::1]:443\" ", Some("2001:db8::1")),
        ("::ffff:192.0.2.1", Some("192.0.2.1")),
        ("192.0.2.1:80", Some("192.0.2.1")),
        ("fe80::1%eth0", Some("fe80::1")),
        ("unknown", None),
        ("_hidden", None),
        ("unix:", None),
        ("\"", None),
        ("", None),
    ] {
        assert_eq!(parse_address(text.as_bytes()), expected.map(ip), "{text}");
    }
}

fn any_cidr() -> impl Strategy<Value = Cidr> {
    prop_oneof![
        (any::<u32>(), 0u8..=32)
            .prop_map(|(a, p)| Cidr::new(IpAddr::V4((a & 0x0f0f_0f0f).into()), p).unwrap()),
        (any::<u128>(), 0u8..=128)
            .prop_map(|(a, p)| Cidr::new(IpAddr::V6((a & (0x0f0f << 112)).into()), p).unwrap()),
    ]
}

proptest! {
    #[test]
    fn searching_agrees_with_asking_each_network(
        cidrs in proptest::collection::vec(any_cidr(), 0..40),
        probes in proptest::collection::vec(any_cidr(), 1..40),
    ) {
        let ranges: Ranges = cidrs.iter().copied().collect();
        let map = PrefixMap::new(cidrs.iter().map(|c| (*c, ())));
        let edges = cidrs.iter().flat_map(|c| [c.network(), c.last()]);
        for address in probes.iter().map(|p| p.network()).chain(edges) {
            let longest = cidrs.iter().filter(|c| c.contains(address)).max_by_key(|c| c.prefix());
            prop_assert_eq!(ranges.contains(address), longest.is_some());
            prop_assert_eq!(map.find(address).map(|(c, ())| c), longest.copied());
        }
    }
}
