//! What is known of an address, against databases and lists at once, and remembered against looked up.

use std::path::Path;

use proptest::prelude::*;

use super::super::geo::writer::{Value, database};
use super::super::{Database, List};
use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn cache(addresses: usize) -> AddressCache {
    let asn = |number| {
        Value::Map(vec![
            ("autonomous_system_number", Value::Number(number)),
            (
                "autonomous_system_organization",
                Value::Owned(format!("Org {number}")),
            ),
        ])
    };
    let country = Value::Map(vec![("country_code", Value::Text("SE"))]);
    let open = |kind, networks: &[(&str, Value)]| {
        Database::from_bytes(Path::new("x"), database(kind, networks)).unwrap()
    };
    let databases = Databases::new(vec![
        open(
            "X-ASN",
            &[
                ("8.0.0.0/9", asn(1)),
                ("8.128.0.0/9", asn(2)),
                ("2a00::/16", asn(3)),
            ],
        ),
        open("X-Country", &[("8.0.0.0/8", country)]),
    ]);
    let list = |name, text: &str| List::parse(name, "x", text.as_bytes()).unwrap();
    let lists = Lists::new(vec![
        list("drop", "8.8.8.0/24\nAS2"),
        list("datacenter", "8.8.0.0/16"),
        list("cdn-x", "8.9.0.0/16"),
    ]);
    AddressCache::new(
        databases.into(),
        lists.into(),
        Exemptions::default().into(),
        addresses,
    )
}

#[test]
fn everything_is_known_of_an_address() {
    let mut cache = cache(0);
    let facts = cache.facts(ip("8.8.8.8")).clone();
    assert_eq!(facts.country, Some(*b"SE"));
    assert_eq!((facts.asn, facts.as_org.as_deref()), (Some(1), Some("Org 1")));
    assert_eq!(
        facts.lists.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
        ["datacenter", "drop"]
    );
    assert!(facts.listed && facts.exempt.is_none());
    assert_eq!(cache.facts(ip("::ffff:8.8.8.8")), &facts);
    assert!(!cache.facts(ip("8.8.9.8")).listed);
    assert!(cache.facts(ip("8.200.0.1")).listed, "by its autonomous system");
    assert_eq!(cache.facts(ip("8.9.0.1")).exempt, Some(Exempt::CdnEdge));
    assert_eq!(cache.facts(ip("10.0.0.1")).exempt, Some(Exempt::Reserved));
    assert_eq!(cache.facts(ip("::")).exempt, Some(Exempt::Reserved));
    assert_eq!(cache.facts(ip("2a00::1")).asn, Some(3));
    assert_eq!(cache.nobody(), &AddressFacts::default());
}

#[test]
fn a_hit_allocates_nothing_and_looks_nothing_up() {
    let mut cache = cache(DEFAULT_ADDRESSES);
    for number in 0..5_000u32 {
        let address = IpAddr::V4((0x0808_0000 + number).into());
        let listed = cache.facts(address).listed;
        let misses = cache.misses();
        let count = allocation_counter::measure(|| assert_eq!(cache.facts(address).listed, listed));
        assert_eq!((count.count_total, cache.misses()), (0, misses));
    }
}

proptest! {
    #[test]
    fn forgetting_never_changes_a_fact(numbers in proptest::collection::vec(0u32..4_000, 1..3_000)) {
        let (mut small, mut fresh) = (cache(100), cache(0));
        for number in numbers {
            let address = IpAddr::V4((0x0808_0000 + number * 7_919).into());
            let expected = fresh.look_up(address);
            prop_assert_eq!(small.facts(address), &expected);
        }
    }
}
