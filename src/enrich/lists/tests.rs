//! Lists, against every format, broken ones and ones that claim too much.

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn list(name: &str, text: &str) -> List {
    List::parse(name, "list.txt", text.as_bytes()).unwrap()
}

const RANGES: &str = r#"{"creationTime": "2025-01-02T15:46:04.000000", "prefixes": [
    {"ipv6Prefix": "2001:4860:4801:10::/64"}, {"ipv4Prefix": "66.249.64.0/27"}]}"#;

#[test]
fn no_list_spares_half_the_internet() {
    let halves = "0.0.0.0/1\n128.0.0.0/1\n17.0.0.0/8\n2000::/3\n2001:4860::/32";
    for (name, left_out) in [
        ("googlebot", 3),
        ("cdn", 3),
        ("cloudflare", 3),
        ("drop", 0),
        ("vpn", 0),
    ] {
        let list = list(name, halves);
        assert_eq!(
            (list.left_out(), list.contains(ip("9.9.9.9"), None)),
            (left_out, left_out == 0),
            "{name}"
        );
        assert!(list.contains(ip("17.1.1.1"), None) && list.contains(ip("2001:4860::1"), None));
        assert_eq!(list.too_wide().is_some(), left_out > 0);
    }
}

#[test]
fn every_format_is_recognised() {
    let drop_text =
        "; Spamhaus DROP List\n; Last-Modified: x\n1.10.16.0/20 ; SBL256894\n1.19.0.0/16 ; SBL434604";
    let drop_json = "{\"cidr\":\"1.10.16.0/20\",\"sblid\":\"SBL256894\",\"rir\":\"apnic\"}\n\
        {\"type\":\"metadata\",\"timestamp\":1700000000,\"size\":1,\"records\":1,\"copyright\":\"c\"}\n";
    let asn_json = "{\"asn\":245,\"rir\":\"arin\",\"cc\":\"US\",\"asname\":\"X\"}\n";
    let tor = "ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300E\nPublished 2025-01-02 03:04:05\n\
        LastStatus 2025-01-02 04:00:00\nExitAddress 162.247.74.201 2025-01-02 04:01:02\n";
    let cloudflare = r#"{"result":{"ipv4_cidrs":["173.245.48.0/20"],"ipv6_cidrs":["2400:cb00::/32"],"etag":"e"},
        "success":true}"#;
    let aws = r#"{"syncToken":"1","prefixes":[{"ip_prefix":"3.5.140.0/22","region":"x"}],
        "ipv6_prefixes":[{"ipv6_prefix":"2600:1f00::/40"}]}"#;
    let fastly = r#"{"addresses":["151.101.0.0/16"],"ipv6_addresses":["2a04:4e40::/32"]}"#;
    for (text, format, networks, asns, inside) in [
        (drop_text, ListFormat::Text, 2, 0, Some("1.10.17.1")),
        (drop_json, ListFormat::DropJson, 1, 0, Some("1.10.17.1")),
        (asn_json, ListFormat::AsnDropJson, 0, 1, None),
        (tor, ListFormat::TorDetailed, 1, 0, Some("162.247.74.201")),
        (cloudflare, ListFormat::CloudflareJson, 2, 0, Some("2400:cb00::1")),
        (RANGES, ListFormat::RangesJson, 2, 0, Some("66.249.64.5")),
        (aws, ListFormat::RangesJson, 2, 0, Some("2600:1f00::9")),
        (fastly, ListFormat::RangesJson, 2, 0, Some("151.101.1.1")),
        (
            "[\"8.8.8.8\", \"AS64496\"]",
            ListFormat::RangesJson,
            1,
            1,
            Some("8.8.8.8"),
        ),
        (
            "\u{feff}# c\r\n8.8.8.0/24\r\nAS64496 name, more\n64497",
            ListFormat::Text,
            1,
            2,
            Some("8.8.8.8"),
        ),
        ("", ListFormat::Text, 0, 0, None),
    ] {
        let list = list("l", text);
        assert_eq!(
            (list.format(), list.networks(), list.asns()),
            (format, networks, asns),
            "{text}"
        );
        if let Some(address) = inside {
            assert!(list.contains(ip(address), None), "{text}");
        }
    }
    assert_eq!(list("l", drop_json).made(), Time::from_secs(1_700_000_000));
    assert_eq!(list("l", RANGES).made(), Time::from_secs(1_735_832_764));
    assert!(list("l", asn_json).contains(ip("8.8.8.8"), Some(245)));
}

#[test]
fn a_broken_list_is_refused_with_its_line() {
    for (text, line, reason) in [
        ("8.8.8.8\n\nnonsense\n", 3, "\"nonsense\" is no address"),
        ("8.8.8.0/33", 1, "is no address"),
        ("<!DOCTYPE html>", 1, "is no address"),
        ("AS99999999999", 1, "is no address"),
        ("{\"cidr\":\"8.8.8.0/24\"}\n{\"cidr\":", 2, "no JSON"),
        ("{\"cidr\":\"8.8.8.0/99\"}", 1, "neither"),
        (
            "{\"cidr\":\"8.8.8.0/24\"}\n{\"type\":\"metadata\",\"records\":2}",
            2,
            "2 records are announced, 1",
        ),
        ("{\"prefixes\":[]}", 1, "holds no network"),
        ("{\"prefixes\":[{\"x\":1}]}", 1, "without a network"),
        (
            "{\"result\":{\"ipv4_cidrs\":[\"173.245.48.0/20\"],\"ipv6_cidrs\":[]}}",
            1,
            "ipv6_cidrs",
        ),
        ("{}", 1, "holds no network"),
    ] {
        let error = List::parse("l", "list.txt", text.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("list.txt:{line}: ")),
            "{text}: {error}"
        );
        assert!(error.contains(reason), "{text}: {error}");
    }
    let error = List::parse("l", "x", b"8.8.8.8\n\xff").unwrap_err().to_string();
    assert!(error.starts_with("x:2: not a text"), "{error}");
}

#[test]
fn reserved_entries_are_left_out_and_counted() {
    let list = list(
        "firehol_level1",
        "0.0.0.0/8\n10.0.0.0/8\n224.0.0.0/3\n0.0.0.0/0\n::/0\n1.10.16.0/20\n",
    );
    assert_eq!(list.left_out(), 4);
    assert_eq!(list.networks(), 2);
    assert!(!list.contains(ip("10.1.1.1"), None) && list.contains(ip("1.10.17.0"), None));
}

#[test]
fn the_name_tells_what_a_list_means() {
    for (name, role) in [
        ("drop", Role::Threat),
        ("tor", Role::Threat),
        ("googlebot", Role::Crawler),
        ("crawler-internal", Role::Crawler),
        ("cdn-fastly", Role::Edge),
        ("cloudflare", Role::Edge),
        ("datacenter", Role::Network),
    ] {
        assert_eq!(list(name, "8.8.8.8").role(), role, "{name}");
    }
}

#[test]
fn specs_and_membership() {
    let spec: ListSpec = "drop=/var/lib/a=b.txt".parse().unwrap();
    assert_eq!(
        (spec.name.as_str(), spec.path.to_str()),
        ("drop", Some("/var/lib/a=b.txt"))
    );
    for bad in ["", "drop", "=x", "drop=", "a b=x", "ä=x"] {
        assert!(bad.parse::<ListSpec>().is_err(), "{bad}");
    }
    let lists = Lists::new(vec![
        list("b", "8.8.8.0/24"),
        list("a", "AS15169\n8.0.0.0/8"),
        list("c", "9.9.9.9"),
    ]);
    let names = |address, asn| -> Vec<String> {
        lists
            .containing(ip(address), asn)
            .map(|list| list.name().to_string())
            .collect()
    };
    assert_eq!(names("8.8.8.8", None), ["a", "b"]);
    assert_eq!(names("9.9.9.9", Some(15169)), ["a", "c"]);
    assert_eq!(
        lists
            .iter()
            .next()
            .unwrap()
            .find(ip("8.8.8.8"))
            .unwrap()
            .to_string(),
        "8.0.0.0/8"
    );
}
