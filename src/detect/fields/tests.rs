//! Fields, against the names of all taxonomies and the values of a line written by hand.

use super::names::NAMES;
use super::*;
use crate::detect::testing::with_event;

#[test]
fn names_of_all_taxonomies_in_any_case() {
    for (name, field) in [
        ("CS-Method", Field::Method),
        ("cs-uri-query", Field::QueryOrTarget),
        ("url.query", Field::Query),
        ("c-useragent", Field::Agent),
        ("cs(Accept)", Field::Header("accept".into())),
        (
            "http.request.headers.accept_language",
            Field::Header("accept-language".into()),
        ),
        ("cs-cookie", Field::Header("cookie".into())),
        ("s-ip", Field::Named("s-ip".into())),
        ("afw.lists", Field::Lists),
    ] {
        assert_eq!(Field::parse(name), Some(field), "{name}");
    }
    for name in ["Image", "CommandLine", "", "cs()"] {
        assert_eq!(Field::parse(name), None, "{name}");
    }
}

#[test]
fn every_name_is_lower_case_and_stands_once() {
    for (at, (name, _)) in NAMES.iter().enumerate() {
        assert_eq!(*name, name.to_ascii_lowercase());
        assert!(NAMES[..at].iter().all(|(other, _)| other != name), "{name}");
    }
}

#[test]
fn values_of_an_event() {
    let line = "http://u@shop.example:8080/a.b/c.PHP?x=1.y";
    with_event(line, |event| {
        for (name, expected) in [
            ("cs-uri", Some(line)),
            ("cs-uri-stem", Some("/a.b/c.PHP")),
            ("c-uri-extension", Some("PHP")),
            ("url.query", Some("x=1.y")),
            ("cs-host", Some("shop.example")),
            ("sc-status", Some("404")),
            ("cs-method", Some("GET")),
            ("c-ip", Some("192.0.2.1")),
            ("cs-version", Some("HTTP/1.1")),
            ("date", Some("2026-01-31")),
            ("time", Some("23:59:58")),
            ("cs-cookie", None),
            ("event.outcome", Some("failure")),
        ] {
            let field = Field::parse(name).unwrap();
            assert_eq!(
                value(event, &field).as_deref(),
                expected.map(str::as_bytes),
                "{name}"
            );
        }
    });
}

#[test]
fn authorities() {
    for (target, host) in [
        ("/a", None),
        ("*", None),
        ("", None),
        ("h.example:443", Some("h.example")),
        ("[::1]:443", Some("[::1]")),
        ("https://h.example", Some("h.example")),
        ("http://h.example?x@y", Some("h.example")),
        ("http:///x", None),
        ("a:b", None),
    ] {
        assert_eq!(authority(target.as_bytes()), host.map(str::as_bytes), "{target}");
    }
}

#[test]
fn extensions() {
    for (path, expected) in [
        ("/a.php", Some("php")),
        ("/a.b/c", None),
        ("/a.", Some("")),
        ("/", None),
    ] {
        assert_eq!(extension(path.as_bytes()), expected.map(str::as_bytes), "{path}");
    }
}
