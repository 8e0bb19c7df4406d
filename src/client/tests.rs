//! Whose request a line is, against chains of forwarding headers by hand and hostile ones by chance.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn trust(specs: &[&str]) -> Trust {
    let specs: Vec<TrustSpec> = specs.iter().map(|spec| spec.parse().unwrap()).collect();
    Trust::new(&specs)
}

fn record<'a>(peer: &'a str, headers: &[(&'static str, &'a str)]) -> Record<'a> {
    let mut record = Record {
        peer: peer.parse().ok(),
        peer_text: peer.as_bytes(),
        ..Record::default()
    };
    for (name, value) in headers {
        let header = (Cow::Borrowed(*name), Cow::Borrowed(value.as_bytes()));
        record.more_mut().headers.push(header);
    }
    record
}

const EDGE: &str = "173.245.48.7";
const XFF: &str = "x-forwarded-for";

#[test]
fn whose_request_it_was() {
    let lb = &["10.0.0.0/8"][..];
    let edge = &["cloudflare"][..];
    let both = &["cloudflare", "10.0.0.0/8"][..];
    type Case<'c> = (
        &'c [&'c str],
        &'c str,
        &'c [(&'static str, &'c str)],
        Option<&'c str>,
    );
    let cases: &[Case<'_>] = &[
        // Nobody is trusted, or the peer is a stranger: the peer is the client.
        (&["none"], "10.0.0.1", &[(XFF, "9.9.9.9")], Some("10.0.0.1")),
        (lb, "8.8.8.8", &[(XFF, "9.9.9.9")], Some("8.8.8.8")),
        (
            edge,
            "8.8.8.8",
            &[("cf-connecting-ip", "9.9.9.9")],
            Some("8.8.8.8"),
        ),
        // A proxy of ours: the right-most stranger.
        (
            lb,
            "10.0.0.1",
            &[(XFF, "6.6.6.6, 9.9.9.9, 10.0.0.2")],
            Some("9.9.9.9"),
        ),
        (
            lb,
            "10.0.0.1",
            &[(XFF, "6.6.6.6"), (XFF, "9.9.9.9")],
            Some("9.9.9.9"),
        ),
        (lb, "10.0.0.1", &[(XFF, "9.9.9.9:4711")], Some("9.9.9.9")),
        (lb, "10.0.0.1", &[(XFF, "[2001:db8::1]:80")], Some("2001:db8::1")),
        (lb, "10.0.0.1", &[(XFF, "::ffff:9.9.9.9")], Some("9.9.9.9")),
        (
            lb,
            "::ffff:10.0.0.1",
            &[(XFF, "::ffff:9.9.9.9, ::ffff:10.9.9.9")],
            Some("9.9.9.9"),
        ),
        (lb, "10.0.0.1", &[(XFF, "10.0.0.3, 10.0.0.2")], Some("10.0.0.3")),
        // An entry that is no address ends the walk.
        (lb, "10.0.0.1", &[(XFF, "9.9.9.9, unknown")], None),
        (lb, "10.0.0.1", &[(XFF, "9.9.9.9, _x, 10.0.0.2")], None),
        (lb, "10.0.0.1", &[(XFF, "9.9.9.9,")], None),
        // No header, or an empty one: only the proxy itself is known.
        (lb, "10.0.0.1", &[], Some("10.0.0.1")),
        (lb, "10.0.0.1", &[(XFF, "-")], Some("10.0.0.1")),
        // One header per proxy.
        (lb, "10.0.0.1", &[("x-real-ip", "9.9.9.9")], Some("10.0.0.1")),
        (
            lb,
            "10.0.0.1",
            &[("cf-connecting-ip", "9.9.9.9")],
            Some("10.0.0.1"),
        ),
        (
            edge,
            EDGE,
            &[(XFF, "6.6.6.6"), ("cf-connecting-ip", "9.9.9.9")],
            Some("9.9.9.9"),
        ),
        (edge, EDGE, &[("true-client-ip", "9.9.9.9")], Some("9.9.9.9")),
        (
            edge,
            EDGE,
            &[("true-client-ip", "6.6.6.6"), ("cf-connecting-ip", "9.9.9.9")],
            Some("9.9.9.9"),
        ),
        (edge, EDGE, &[(XFF, "6.6.6.6")], Some(EDGE)),
        (edge, EDGE, &[("cf-connecting-ip", "junk")], None),
        (
            edge,
            "2606:4700::1",
            &[("cf-connecting-ip", "2001:db8::5")],
            Some("2001:db8::5"),
        ),
        (
            both,
            "10.0.0.1",
            &[(XFF, "6.6.6.6, 9.9.9.9, 173.245.48.7")],
            Some("9.9.9.9"),
        ),
        (
            both,
            "10.0.0.1",
            &[(XFF, "9.9.9.9"), ("cf-connecting-ip", "6.6.6.6")],
            Some("9.9.9.9"),
        ),
        // RFC 7239, alone, in agreement and in contradiction.
        (
            lb,
            "10.0.0.1",
            &[("forwarded", "for=6.6.6.6, for=\"9.9.9.9:80\", for=10.0.0.2")],
            Some("9.9.9.9"),
        ),
        (
            lb,
            "10.0.0.1",
            &[("forwarded", "for=9.9.9.9"), (XFF, "9.9.9.9")],
            Some("9.9.9.9"),
        ),
        (
            lb,
            "10.0.0.1",
            &[("forwarded", "for=6.6.6.6"), (XFF, "9.9.9.9")],
            None,
        ),
        (lb, "10.0.0.1", &[("forwarded", "for=\", for=9.9.9.9")], None),
        // No peer address.
        (lb, "unix:", &[(XFF, "9.9.9.9")], None),
        (lb, "host.example", &[(XFF, "9.9.9.9")], None),
    ];
    for (specs, peer, headers, expected) in cases {
        let client = trust(specs).resolve(&record(peer, headers));
        assert_eq!(client.address, expected.map(ip), "{specs:?} {peer} {headers:?}");
    }
}

#[test]
fn a_named_header_replaces_the_usual_one() {
    let headers = &[
        (XFF, "6.6.6.6"),
        ("x-real-ip", "9.9.9.9"),
        ("cf-connecting-ip", "7.7.7.7"),
    ];
    let named = trust(&["10.0.0.0/8", "cloudflare"]).with_header("X-Real-IP");
    assert_eq!(
        named.resolve(&record("10.0.0.1", headers)).address,
        Some(ip("9.9.9.9"))
    );
    // Cloudflare does not set X-Real-IP: from there it is the client's own.
    assert_eq!(named.resolve(&record(EDGE, headers)).address, Some(ip("7.7.7.7")));
    let listed = trust(&["cloudflare"]).with_header(XFF);
    assert_eq!(
        listed.resolve(&record(EDGE, headers)).address,
        Some(ip("6.6.6.6"))
    );
}

#[test]
fn the_server_may_have_resolved_the_client() {
    let mut line = record(EDGE, &[("cf-connecting-ip", "9.9.9.9")]);
    line.more_mut().client = Some(ip("8.8.8.8"));
    assert_eq!(trust(&["cloudflare"]).resolve(&line).address, Some(ip("8.8.8.8")));
    // A Caddy that was told of no proxy logs its peer.
    line.more_mut().client = Some(ip(EDGE));
    assert_eq!(trust(&["cloudflare"]).resolve(&line).address, Some(ip("9.9.9.9")));
    // In an edge's own log whatever headers it shows are the client's.
    line.format = Some(Format::CloudflareHttp);
    assert_eq!(trust(&["cloudflare"]).resolve(&line).address, Some(ip(EDGE)));
}

#[test]
fn a_client_that_no_list_names_was_told_by_a_header_of_the_operators_choice() {
    let resolved = |client: &str, headers: &[(&'static str, &'static str)]| {
        let mut line = record("10.0.0.1", headers);
        line.more_mut().client = Some(ip(client));
        trust(&["10.0.0.0/8"]).resolve(&line).address
    };
    // Caddy with `client_ip_headers X-Real-IP`: lists pass through and are the client's own text.
    for list in [(XFF, "8.8.4.4"), ("forwarded", "for=8.8.4.4"), (XFF, "garbage")] {
        assert_eq!(
            resolved("5.6.7.8", &[("X-Real-Ip", "5.6.7.8"), list]),
            Some(ip("5.6.7.8")),
            "{list:?}"
        );
        assert_eq!(resolved("5.6.7.8", &[list]), Some(ip("5.6.7.8")), "{list:?}");
    }
    // The left-most entry of a list, as Caddy takes it unless it is told to be strict.
    assert_eq!(
        resolved("6.6.6.6", &[(XFF, "6.6.6.6, 5.6.7.8")]),
        Some(ip("5.6.7.8"))
    );
    assert_eq!(
        resolved("5.6.7.8", &[(XFF, "6.6.6.6, 5.6.7.8")]),
        Some(ip("5.6.7.8"))
    );
    // Either may be the client's text.
    let both = [(XFF, "5.6.7.8, 6.6.6.6"), ("X-Real-Ip", "5.6.7.8")];
    assert_eq!(resolved("5.6.7.8", &both), None);
}

#[test]
fn every_hop_is_explained() {
    let line = record(
        "10.0.0.1",
        &[(XFF, "6.6.6.6, 9.9.9.9, 10.0.0.2"), ("x-real-ip", "\x1b[31m")],
    );
    let shown: Vec<_> = trust(&["10.0.0.0/8"])
        .explain(&line)
        .into_iter()
        .map(|hop| (hop.origin, hop.text, hop.why))
        .collect();
    let hop = |origin: &str, text: &str, why| (origin.to_owned(), text.to_owned(), why);
    assert_eq!(
        shown,
        [
            hop("peer", "10.0.0.1", Why::TrustedProxy),
            hop(XFF, "10.0.0.2", Why::TrustedProxy),
            hop(XFF, "9.9.9.9", Why::Client),
            hop("x-real-ip", "\\x1b[31m", Why::OtherHeader),
        ]
    );
    let ignored = trust(&["none"]).explain(&line);
    assert_eq!(ignored.last().map(|hop| hop.why), Some(Why::UntrustedPeer));
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("6.6.6.6".to_owned()),
        Just(", ".to_owned()),
        Just("for=6.6.6.6".to_owned()),
        Just("for=\"".to_owned()),
        Just("\"".to_owned()),
        Just("10.0.0.9".to_owned()),
        Just("[::ffff:6.6.6.6]:1".to_owned()),
        Just(";".to_owned()),
        Just("\\".to_owned()),
        ".{0,6}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// The client may write every header; behind a proxy that appends, only the proxy's own entry decides.
    #[test]
    fn no_text_of_a_client_blames_another(texts in proptest::array::uniform6(hostile()), forwarded: bool) {
        let victim = Some(ip("6.6.6.6"));
        let [listed, rfc, real, edge, user, path] = &texts;
        let with = |peer, listed: String, rfc: String, use_rfc: bool, use_list: bool| {
            let line: &'static str = peer;
            let mut made = record(line, &[]);
            made.user = Some(Cow::Owned(user.clone().into_bytes()));
            made.target = Some(Cow::Owned(path.clone().into_bytes()));
            let headers = &mut made.more_mut().headers;
            let mut push = |name: &'static str, value: String| {
                headers.push((Cow::Borrowed(name), Cow::Owned(value.into_bytes())));
            };
            if use_list { push(XFF, listed) }
            if use_rfc { push("forwarded", rfc) }
            push("x-real-ip", real.clone());
            push("cf-connecting-ip", edge.clone());
            push("true-client-ip", edge.clone());
            made
        };
        let trusted = trust(&["cloudflare", "10.0.0.0/8"]);
        let direct = with("9.9.9.9", listed.clone(), rfc.clone(), true, true);
        prop_assert_eq!(trusted.resolve(&direct).address, Some(ip("9.9.9.9")));

        let appended_list = if listed.trim().is_empty() { "9.9.9.9".into() } else { format!("{listed}, 9.9.9.9") };
        let own = "for=9.9.9.9;host=\"x, for=6.6.6.6\"";
        let appended_rfc = if rfc.trim().is_empty() { own.into() } else { format!("{rfc}, {own}") };
        // The proxy sets one of the two; the other is the client's and may be missing.
        let (list, rfc) = if forwarded { (listed.clone(), appended_rfc) } else { (appended_list, rfc.clone()) };
        for other in [false, true] {
            let behind = with("10.0.0.1", list.clone(), rfc.clone(), forwarded || other, !forwarded || other);
            prop_assert_ne!(trusted.resolve(&behind).address, victim);
        }
    }
}

#[test]
fn a_header_that_is_not_clear_names_nobody() {
    let trust = trust(&["10.0.0.0/8"]);
    let mut record = record("10.0.0.1", &[("x-real-ip", "9.9.9.9")]);
    assert_eq!(trust.resolve(&record).address, Some(ip("10.0.0.1")));
    record.more_mut().unclear.push(Cow::Borrowed(XFF));
    assert_eq!(trust.resolve(&record).address, None);
    let hops = trust.explain(&record);
    let why: Vec<Why> = hops.iter().map(|hop| hop.why).collect();
    assert_eq!(why, [Why::TrustedProxy, Why::Unclear, Why::OtherHeader]);
    let named = trust.with_header("X-Real-IP");
    assert_eq!(named.resolve(&record).address, Some(ip("9.9.9.9")));
    record.peer = Some(ip("8.8.8.8"));
    assert_eq!(named.resolve(&record).address, Some(ip("8.8.8.8")));
}
