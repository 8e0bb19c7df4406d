//! Verification of crawlers, against real name servers on the loopback of every kind.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::base::Rtype;

use super::*;
use crate::enrich::crawler::{Claim, Verdict, crawler};

#[path = "../../tests/support/nameserver.rs"]
mod nameserver;

use nameserver::{Say, name_server};

fn zone(name: &str, kind: Rtype) -> Say {
    match (name, kind) {
        ("1.0.0.10.in-addr.arpa", _) => Say::Names(vec!["crawl-1.googlebot.com"]),
        ("crawl-1.googlebot.com", Rtype::A) => Say::Address("10.0.0.1"),
        ("2.0.0.10.in-addr.arpa", _) => Say::Names(vec!["evilgooglebot.com", "host.example"]),
        ("3.0.0.10.in-addr.arpa", _) => Say::Fails,
        ("4.0.0.10.in-addr.arpa", _) => Say::Silent,
        ("5.0.0.10.in-addr.arpa", _) => Say::Names(vec!["crawl-1.googlebot.com"]),
        ("6.0.0.10.in-addr.arpa", _) => Say::Names(vec!["crawl-6.googlebot.com"]),
        ("crawl-6.googlebot.com", Rtype::A) => Say::Through("real-6.googlebot.com", "10.0.0.6"),
        ("7.0.0.10.in-addr.arpa", _) => Say::Names(vec!["crawl-7.googlebot.com"]),
        ("crawl-7.googlebot.com", Rtype::A) => Say::Alias("real-7.googlebot.com"),
        ("real-7.googlebot.com", Rtype::A) => Say::Address("10.0.0.7"),
        ("8.0.0.10.in-addr.arpa", _) => Say::AfterForgeries("crawl-8.googlebot.com"),
        ("crawl-8.googlebot.com", Rtype::A) => Say::Address("10.0.0.8"),
        ("9.0.0.10.in-addr.arpa", _) => Say::OnlyByTcp("crawl-9.googlebot.com"),
        ("crawl-9.googlebot.com", Rtype::A) => Say::Address("10.0.0.9"),
        ("crawl-v6.googlebot.com", Rtype::AAAA) => Say::Address("fd00::1"),
        (name, Rtype::PTR) if name.ends_with("0.0.d.f.ip6.arpa") => {
            Say::Names(vec!["crawl-v6.googlebot.com"])
        }
        _ => Say::Nothing,
    }
}

fn crawlers(server: SocketAddr, limits: Limits) -> Crawlers {
    let client = Client::new(vec![server], Duration::from_millis(150));
    Crawlers::new(&client, limits)
}

fn claim(address: &str, key: &str) -> Claim {
    Claim {
        address: address.parse().unwrap(),
        crawler: crawler(key).unwrap().key,
    }
}

const FAST: Limits = Limits {
    threads: 2,
    per_second: 10_000,
    queue: 100,
    remembered: 100,
    verified: Duration::from_secs(60),
    negative: Duration::from_secs(60),
};
const LONG: Duration = Duration::from_secs(30);

#[test]
fn every_kind_of_server_leads_to_the_right_verdict() {
    let (server, _) = name_server(zone);
    let crawlers = crawlers(server, FAST);
    let cases = [
        ("10.0.0.1", "googlebot", Verdict::Verified),
        ("10.0.0.2", "googlebot", Verdict::Fake),
        ("10.0.0.3", "googlebot", Verdict::Unknown),
        ("10.0.0.4", "googlebot", Verdict::Unknown),
        ("10.0.0.5", "googlebot", Verdict::Fake),
        ("10.0.0.6", "googlebot", Verdict::Verified),
        ("10.0.0.7", "googlebot", Verdict::Verified),
        ("10.0.0.8", "googlebot", Verdict::Verified),
        ("10.0.0.9", "googlebot", Verdict::Verified),
        ("10.0.0.10", "googlebot", Verdict::Fake),
        ("10.0.0.10", "petalbot", Verdict::Unknown),
        ("fd00::1", "googlebot", Verdict::Verified),
        ("fd00::2", "googlebot", Verdict::Fake),
    ];
    for (address, key, _) in cases {
        assert_eq!(crawlers.ask(claim(address, key)), Asked::Waiting);
    }
    assert!(crawlers.settle(LONG));
    let news = crawlers.verdicts();
    assert_eq!(news.len(), cases.len());
    for (address, key, verdict) in cases {
        let claim = claim(address, key);
        assert_eq!(crawlers.ask(claim), Asked::Known(verdict), "{address} {key}");
        assert!(news.contains(&(claim, verdict)));
    }
    assert!(crawlers.answered() > 0);
    assert!(crawlers.verdicts().is_empty());
    let counts = crawlers.counts();
    assert_eq!(
        (counts.verified, counts.fake, counts.unknown, counts.dropped),
        (6, 4, 3, 0)
    );
}

#[test]
fn a_verdict_is_remembered_and_asked_for_again_when_it_is_old() {
    let (server, asked) = name_server(zone);
    let old_at_once = Limits {
        verified: Duration::ZERO,
        ..FAST
    };
    let claim = claim("10.0.0.1", "googlebot");
    for (limits, questions, again) in [
        (FAST, 2, Asked::Known(Verdict::Verified)),
        (old_at_once, 2 + 4, Asked::Waiting),
    ] {
        let crawlers = crawlers(server, limits);
        crawlers.ask(claim);
        assert!(crawlers.settle(LONG));
        assert_eq!(crawlers.ask(claim), again);
        assert!(crawlers.settle(LONG));
        assert_eq!(asked.load(Ordering::SeqCst), questions);
    }
}

#[test]
fn too_many_claims_are_counted_and_nothing_is_asked_that_cannot_be_answered() {
    let (server, asked) = name_server(zone);
    let crawlers = crawlers(server, Limits { queue: 0, ..FAST });
    assert_eq!(crawlers.ask(claim("10.0.0.1", "googlebot")), Asked::Dropped);
    // No domain proves it: a name server cannot tell.
    assert_eq!(
        crawlers.ask(claim("10.0.0.1", "gptbot")),
        Asked::Known(Verdict::Unknown)
    );
    assert_eq!((crawlers.counts().dropped, asked.load(Ordering::SeqCst)), (1, 0));
}

#[test]
fn servers_as_people_and_systems_write_them() {
    for (text, expected) in [
        ("192.0.2.1", "192.0.2.1:53"),
        ("192.0.2.1:5353", "192.0.2.1:5353"),
        ("2001:db8::1", "[2001:db8::1]:53"),
        ("[2001:db8::1]", "[2001:db8::1]:53"),
        ("[::1]:5353", "[::1]:5353"),
    ] {
        assert_eq!(server(text).unwrap().to_string(), expected);
    }
    for text in ["", "dns.example", "192.0.2.1:", "1.2.3"] {
        assert!(server(text).unwrap_err().to_string().contains("hint:"), "{text}");
    }
    let conf = "# comment\noptions ndots:1\nnameserver  bad\nnameserver\tfe80::1%2\nnameserver 192.0.2.1\n";
    let named: Vec<String> = servers(conf).iter().map(ToString::to_string).collect();
    assert_eq!(named, ["[fe80::1%2]:53", "192.0.2.1:53"]);
    assert_eq!(servers("search example\n"), []);
    assert_eq!(servers(&"nameserver 192.0.2.1\n".repeat(9)).len(), MAX_SERVERS);
}

#[test]
fn a_dead_server_is_left_for_the_next() {
    let (server, _) = name_server(zone);
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let refusing = SocketAddr::from(([127, 0, 0, 1], 1));
    let servers = vec![refusing, silent.local_addr().unwrap(), server];
    let crawlers = Crawlers::new(&Client::new(servers, Duration::from_millis(150)), FAST);
    let claim = claim("10.0.0.1", "googlebot");
    crawlers.ask(claim);
    assert!(crawlers.settle(LONG));
    assert_eq!(crawlers.verdicts(), [(claim, Verdict::Verified)]);
}
