use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName};
use domain::rdata::{A, Aaaa, Cname, Ptr};

use super::*;
use crate::enrich::Lists;
use crate::enrich::crawler::{Published, Verdict};

/// What the test's name server says to a name and type.
enum Say {
    Names(Vec<&'static str>),
    Address(&'static str),
    /// An alias and, behind it, an address.
    Through(&'static str, &'static str),
    /// An alias and nothing else.
    Alias(&'static str),
    Nothing,
    Fails,
    Silent,
    /// Forgeries first: a wrong number, another question, junk; then the truth.
    AfterForgeries(&'static str),
    /// Over UDP only that it does not fit.
    OnlyByTcp(&'static str),
}

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

fn name(text: &str) -> Name<Vec<u8>> {
    text.parse().unwrap()
}

/// The replies to a question, in the order in which they are sent.
fn replies(question: &[u8], tcp: bool) -> Vec<Vec<u8>> {
    let message = Message::from_octets(question).unwrap();
    let asked = message.sole_question().unwrap();
    let owner: Name<Vec<u8>> = asked.qname().to_vec();
    let say = zone(&owner.to_string().to_lowercase(), asked.qtype());
    let with = |rcode, fill: &dyn Fn(&mut domain::base::message_builder::AnswerBuilder<Vec<u8>>)| {
        let mut answer = MessageBuilder::new_vec().start_answer(&message, rcode).unwrap();
        fill(&mut answer);
        answer.finish()
    };
    let names = |names: &[&str]| {
        with(Rcode::NOERROR, &|answer| {
            for text in names {
                answer.push((&owner, 60, Ptr::new(name(text)))).unwrap();
            }
        })
    };
    let address = |owner: &Name<Vec<u8>>, text: &str, alias: Option<&str>| {
        with(Rcode::NOERROR, &|answer| {
            let mut owner = owner.clone();
            if let Some(target) = alias {
                answer.push((&owner, 60, Cname::new(name(target)))).unwrap();
                owner = name(target);
            }
            match text.parse() {
                Ok(IpAddr::V4(v4)) => answer.push((&owner, 60, A::new(v4))).unwrap(),
                Ok(IpAddr::V6(v6)) => answer.push((&owner, 60, Aaaa::new(v6))).unwrap(),
                Err(_) => {}
            }
        })
    };
    match say {
        Say::Names(all) => vec![names(&all)],
        Say::Address(text) => vec![address(&owner, text, None)],
        Say::Through(target, text) => vec![address(&owner, text, Some(target))],
        Say::Alias(target) => vec![address(&owner, "", Some(target))],
        Say::Nothing => vec![with(Rcode::NXDOMAIN, &|_| {})],
        Say::Fails => vec![with(Rcode::SERVFAIL, &|_| {})],
        Say::Silent => vec![],
        Say::AfterForgeries(text) => {
            let mut forged = names(&["liar.example"]);
            forged[0] ^= 1;
            let other = names(&["liar.example"]);
            let asked_else = [&other[..13], b"x", &other[14..]].concat();
            vec![b"junk".to_vec(), forged, asked_else, names(&[text])]
        }
        Say::OnlyByTcp(text) if tcp => vec![names(&[text])],
        Say::OnlyByTcp(_) => {
            let mut cut = with(Rcode::NOERROR, &|_| {});
            cut[2] |= 2;
            vec![cut]
        }
    }
}

/// A name server on loopback, UDP and TCP on one port. Its threads end with the test process.
fn name_server() -> (SocketAddr, Arc<AtomicUsize>) {
    let (tcp, udp) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            break (tcp, udp);
        }
    };
    let address = udp.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 1_500];
        while let Ok((len, from)) = udp.recv_from(&mut buffer) {
            counter.fetch_add(1, Ordering::SeqCst);
            for reply in replies(&buffer[..len], false) {
                udp.send_to(&reply, from).unwrap();
            }
        }
    });
    std::thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            let mut len = [0; 2];
            stream.read_exact(&mut len).unwrap();
            let mut question = vec![0; usize::from(u16::from_be_bytes(len))];
            stream.read_exact(&mut question).unwrap();
            for reply in replies(&question, true) {
                stream
                    .write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes())
                    .unwrap();
                stream.write_all(&reply).unwrap();
            }
        }
    });
    (address, asked)
}

fn crawlers(server: SocketAddr, limits: Limits) -> Crawlers {
    let client = Client::new(server, Duration::from_millis(150));
    Crawlers::asking(Published::new(&Lists::default()), &client, limits)
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
    let (server, _) = name_server();
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
    for (address, claim, _) in cases {
        assert_eq!(
            crawlers.claim(address.parse().unwrap(), None, claim),
            Verdict::Unknown
        );
    }
    assert!(crawlers.settle(LONG));
    let news = crawlers.verdicts();
    assert_eq!(news.len(), cases.len());
    for (address, claim, verdict) in cases {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(crawlers.claim(address, None, claim), verdict, "{address} {claim}");
        assert!(news.contains(&(address, claim, verdict)));
    }
    assert!(crawlers.verdicts().is_empty());
    let counts = crawlers.counts();
    assert_eq!(
        (counts.verified, counts.fake, counts.unknown, counts.dropped),
        (6, 4, 3, 0)
    );
}

#[test]
fn a_verdict_is_remembered_and_asked_for_again_when_it_is_old() {
    let (server, asked) = name_server();
    let old_at_once = Limits {
        verified: Duration::ZERO,
        ..FAST
    };
    let address = "10.0.0.1".parse().unwrap();
    for (limits, questions) in [(FAST, 2), (old_at_once, 2 + 4)] {
        let crawlers = crawlers(server, limits);
        crawlers.claim(address, None, "googlebot");
        assert!(crawlers.settle(LONG));
        // An old verdict holds until the new one is there.
        assert_eq!(crawlers.claim(address, None, "googlebot"), Verdict::Verified);
        assert!(crawlers.settle(LONG));
        assert_eq!(asked.load(Ordering::SeqCst), questions);
    }
}

#[test]
fn too_many_claims_are_counted_and_nothing_is_asked_that_cannot_be_answered() {
    let (server, asked) = name_server();
    let crawlers = crawlers(server, Limits { queue: 0, ..FAST });
    assert_eq!(
        crawlers.claim("10.0.0.1".parse().unwrap(), None, "googlebot"),
        Verdict::Unknown
    );
    assert_eq!(crawlers.counts().dropped, 1);
    assert_eq!(
        crawlers.claim("10.0.0.1".parse().unwrap(), None, "gptbot"),
        Verdict::Unknown
    );
    assert_eq!(
        crawlers.claim("17.0.0.1".parse().unwrap(), None, "applebot"),
        Verdict::Verified
    );
    assert_eq!((crawlers.counts().dropped, asked.load(Ordering::SeqCst)), (1, 0));
    let offline = Crawlers::offline(Published::new(&Lists::default()));
    assert_eq!(
        offline.claim("10.0.0.1".parse().unwrap(), None, "googlebot"),
        Verdict::Unknown
    );
    assert!(offline.settle(Duration::ZERO) && !offline.asks());
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
    assert_eq!(first_server(conf).unwrap().to_string(), "[fe80::1%2]:53");
    assert_eq!(first_server("search example\n"), None);
}
