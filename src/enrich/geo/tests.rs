//! Databases, against every maker's shape and odd values in known places.

use super::writer::{Value, database};
use super::*;
use crate::net::Cidr;
use serde_json::Value as Json;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn map(pairs: &[(&'static str, Value)]) -> Value {
    Value::Map(pairs.to_vec())
}

fn open(kind: &str, networks: &[(&str, Value)]) -> Database {
    Database::from_bytes(Path::new("test.mmdb"), database(kind, networks)).unwrap()
}

/// Folder of the published test databases, if the environment names it.
fn cases() -> Option<PathBuf> {
    let folder = std::env::var_os("AFW_CASES").map(|cases| PathBuf::from(cases).join("data/geo"));
    if folder.is_none() {
        println!("skipped: AFW_CASES is unset");
    }
    folder
}

#[test]
fn every_makers_shape_is_read() {
    use Value::{Bool, Number, Text};
    let country = |code| map(&[("iso_code", Text(code))]);
    let cases = [
        (
            "GeoLite2-Country",
            map(&[("country", country("se"))]),
            Some("SE"),
            None,
            None,
        ),
        (
            "GeoIP2-City",
            map(&[
                ("registered_country", country("FR")),
                ("city", map(&[("geoname_id", Number(1))])),
            ]),
            Some("FR"),
            None,
            None,
        ),
        (
            "DBIP-Country-Lite",
            map(&[("registered_country", country("FR")), ("country", country("GB"))]),
            Some("GB"),
            None,
            None,
        ),
        (
            "DBIP-ASN-Lite (compat=GeoLite2-ASN)",
            map(&[
                ("autonomous_system_number", Number(64496)),
                ("autonomous_system_organization", Text("Example")),
            ]),
            None,
            Some(64496),
            Some("Example"),
        ),
        (
            "GeoIP2-Enterprise",
            map(&[
                ("country", country("US")),
                (
                    "traits",
                    map(&[
                        ("autonomous_system_number", Number(64497)),
                        ("is_anonymous", Bool(true)),
                    ]),
                ),
            ]),
            Some("US"),
            Some(64497),
            None,
        ),
        (
            "ipinfo generic_country_asn.mmdb",
            map(&[
                ("asn", Text("AS64498")),
                ("as_name", Text("Example Org")),
                ("country", Text("DE")),
                ("country_name", Text("Germany")),
            ]),
            Some("DE"),
            Some(64498),
            Some("Example Org"),
        ),
        (
            "ipinfo bundle_location_lite.mmdb",
            map(&[
                ("asn", Text("AS64498")),
                ("as_name", Text("Example Org")),
                ("country", Text("Germany")),
                ("country_code", Text("DE")),
            ]),
            Some("DE"),
            Some(64498),
            Some("Example Org"),
        ),
        (
            "ipinfo standard_asn.mmdb",
            map(&[
                ("asn", Text("AS64499")),
                ("name", Text("Named")),
                ("route", Text("192.0.2.0/24")),
            ]),
            None,
            Some(64499),
            Some("Named"),
        ),
        (
            "iptoasn-country",
            map(&[("country_code", Text("JP"))]),
            Some("JP"),
            None,
            None,
        ),
        (
            "other",
            map(&[
                ("asn", map(&[("asn", Number(64500)), ("name", Text("Inner"))])),
                ("name", Text("x")),
            ]),
            None,
            Some(64500),
            Some("Inner"),
        ),
    ];
    for (kind, record, country, asn, org) in cases {
        let base = open(
            kind,
            &[("198.18.0.0/15", record.clone()), ("2001:2::/48", record)],
        );
        for address in ["198.19.1.1", "2001:2::5", "::ffff:198.18.0.1"] {
            let place = base.place(ip(address));
            let code = place
                .country
                .map(|code| String::from_utf8(code.to_vec()).unwrap());
            assert_eq!(code.as_deref(), country, "{kind}");
            assert_eq!(place.asn, asn, "{kind}");
            assert_eq!(place.as_org.as_deref(), org, "{kind}");
        }
        assert_eq!(base.place(ip("198.20.0.1")), Place::default());
        assert_eq!(base.knows().country, country.is_some(), "{kind}");
        assert_eq!(base.knows().asn, asn.is_some(), "{kind}");
        assert_eq!(base.built(), Time::from_secs(1_700_000_000));
    }
}

#[test]
fn privacy_databases_mark_exits() {
    use Value::{Bool, Text};
    let vpn = map(&[
        ("vpn", Text("true")),
        ("proxy", Text("")),
        ("hosting", Text("true")),
    ]);
    let tor = map(&[("is_tor_exit_node", Bool(true)), ("is_anonymous", Bool(true))]);
    let base = open(
        "ipinfo standard_privacy.mmdb",
        &[("192.0.2.0/25", vpn), ("192.0.2.128/25", tor)],
    );
    assert_eq!(base.place(ip("192.0.2.1")).marks, Marks::VPN.with(Marks::HOSTING));
    assert_eq!(base.place(ip("192.0.2.129")).marks, Marks::TOR);
    assert!(base.knows().marks);
}

#[test]
fn known_keys_with_odd_types_are_absent() {
    use Value::{Bool, Number, Text};
    let odd = map(&[
        ("country", Number(7)),
        ("registered_country", Bool(true)),
        ("asn", Bool(true)),
        ("autonomous_system_number", Text("many")),
        ("autonomous_system_organization", map(&[("a", Text("b"))])),
        ("vpn", map(&[])),
        ("country_code", Text("GB")),
    ]);
    let place = open("odd-country", &[("192.0.2.0/24", odd)]).place(ip("192.0.2.1"));
    assert_eq!(
        place,
        Place {
            country: Some(*b"GB"),
            ..Place::default()
        }
    );
}

#[test]
fn the_first_database_that_knows_tells() {
    use Value::{Number, Text};
    let asn = |number, org: Option<&'static str>| {
        let mut pairs = vec![("autonomous_system_number", Number(number))];
        pairs.extend(org.map(|org| ("autonomous_system_organization", Text(org))));
        Value::Map(pairs)
    };
    let all = Databases::new(vec![
        open("A-ASN", &[("192.0.2.0/25", asn(1, None))]),
        open(
            "B-ASN",
            &[
                ("192.0.2.0/26", asn(1, Some("One"))),
                ("192.0.2.64/26", asn(2, Some("Two"))),
            ],
        ),
        open(
            "C-Country",
            &[("192.0.2.0/24", map(&[("country_code", Text("SE"))]))],
        ),
    ]);
    let told = |address| {
        let place = all.place(ip(address));
        (
            place.country,
            place.asn,
            place.as_org.as_deref().map(str::to_owned),
        )
    };
    assert_eq!(told("192.0.2.1"), (Some(*b"SE"), Some(1), Some("One".into())));
    assert_eq!(told("192.0.2.65"), (Some(*b"SE"), Some(1), None));
    assert_eq!(told("192.0.2.129"), (Some(*b"SE"), None, None));
    assert!(all.knows().country && all.knows().asn);
}

#[test]
fn useless_and_damaged_files_are_refused() {
    let refuse = |bytes: Vec<u8>| Database::from_bytes(Path::new("x.mmdb"), bytes).unwrap_err();
    let foreign = database(
        "Weather",
        &[("192.0.2.0/24", map(&[("rain", Value::Bool(true))]))],
    );
    assert!(matches!(refuse(foreign.clone()), GeoError::Foreign { .. }));
    for cut in [0, 1, 100, foreign.len() / 2, foreign.len() - 1] {
        assert!(
            matches!(refuse(foreign[..cut].to_vec()), GeoError::Broken { .. }),
            "{cut}"
        );
    }
    let missing = Databases::open(&["/nonexistent/a.mmdb", "/nonexistent/b.mmdb"]).unwrap_err();
    assert_eq!(missing.len(), 2);
    assert!(
        missing[0]
            .to_string()
            .starts_with("/nonexistent/a.mmdb: cannot read the database:")
    );
}

/// The expected answer for the first address of every network of a source file, the longest network deciding.
fn expectations(file: &Path) -> Vec<(Cidr, Json)> {
    let text = std::fs::read(file).unwrap();
    let entries: Vec<serde_json::Map<String, Json>> = serde_json::from_slice(&text).unwrap();
    let pairs = entries.into_iter().flatten();
    pairs
        .map(|(cidr, record)| (cidr.parse().unwrap(), record))
        .collect()
}

#[test]
fn published_databases_agree_with_their_sources() {
    let Some(folder) = cases() else { return };
    for name in ["GeoLite2-Country-Test", "GeoLite2-ASN-Test"] {
        let base = Database::open(&folder.join(name).with_extension("mmdb")).unwrap();
        let source = expectations(&folder.join(name).with_extension("json"));
        let longest = crate::net::PrefixMap::new(source.iter().cloned());
        let mut checked = 0;
        for address in source.iter().flat_map(|(cidr, _)| [cidr.network(), cidr.last()]) {
            let (_, record) = longest.find(address).unwrap();
            let code = |key: &str| record[key]["iso_code"].as_str();
            let place = base.place(address);
            let country = place
                .country
                .map(|code| String::from_utf8(code.to_vec()).unwrap());
            let expected = code("country").or(code("registered_country"));
            assert_eq!(country.as_deref(), expected, "{name} {address}");
            let asn = record["autonomous_system_number"].as_u64();
            assert_eq!(place.asn.map(u64::from), asn, "{name} {address}");
            let org = record["autonomous_system_organization"].as_str();
            assert_eq!(place.as_org.as_deref(), org, "{name} {address}");
            checked += 1;
        }
        assert!(checked > 200, "{name}: only {checked} addresses");
    }
}

#[test]
fn published_broken_databases_are_refused() {
    let Some(folder) = cases() else { return };
    let bad = std::fs::read_dir(folder.join("bad")).unwrap();
    let mut files: Vec<PathBuf> = bad.map(|entry| entry.unwrap().path()).collect();
    let named = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files.extend(named.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.contains("broken") || name.contains("Invalid")
    }));
    assert!(files.len() >= 14, "{files:?}");
    for file in files {
        let error = Database::open(&file).unwrap_err();
        println!("{error}");
    }
}

#[test]
fn the_walk_alone_finds_broken_trees_and_pointers() {
    let Some(folder) = cases() else { return };
    for name in [
        "broken-pointers-24",
        "broken-search-tree-24",
        "ipv4-24",
        "mixed-28",
    ] {
        let bytes = std::fs::read(folder.join(format!("MaxMind-DB-test-{name}.mmdb"))).unwrap();
        let bytes = Bytes(Arc::new(bytes));
        let reader = Reader::from_source(bytes.clone()).unwrap();
        let sound = check::walk(&reader, bytes.as_ref()).is_ok();
        assert_eq!(sound, !name.contains("broken"), "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn no_damage_does_more_than_refuse(flips in proptest::collection::vec((0usize..4_000, 0u8..=255), 1..6)) {
        let record = map(&[("country", map(&[("iso_code", Value::Text("SE"))])), ("asn", Value::Text("AS1"))]);
        let networks = [("8.0.0.0/9", record.clone()), ("2a00::/16", record)];
        let mut bytes = database("X-Country", &networks);
        let len = bytes.len();
        for (at, value) in flips {
            bytes[at % len] = value;
        }
        if let Ok(base) = Database::from_bytes(Path::new("x"), bytes) {
            base.place(ip("8.8.8.8"));
            base.place(ip("2a00::1"));
        }
    }
}
