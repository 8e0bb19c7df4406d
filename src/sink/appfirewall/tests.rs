//! The wire form, byte by byte, and what is sent of what.

use super::super::receiver::{Receiver, Reply, Request as Received};
use super::super::samples::{TIME, event, exempt, finding, indicator, record, sighting, with_event};
use super::*;
use crate::event::ValueType;

fn sink(change: impl FnOnce(&mut AppFirewallSpec)) -> AppFirewall {
    let mut spec = AppFirewallSpec {
        api_key: Secret::new("afw_test_k"),
        ..AppFirewallSpec::default()
    };
    change(&mut spec);
    AppFirewall::new("appfirewall".into(), &spec).unwrap()
}

fn records(sink: &AppFirewall, finding: &Finding) -> Vec<String> {
    let mut into = Vec::new();
    sink.finding(finding, &mut into);
    into.into_iter()
        .map(|record| String::from_utf8(record).unwrap())
        .collect()
}

/// What Python's `json.dumps(event, separators=(",", ":"))` gives for this event, by the contract.
const REQUEST: &str = concat!(
    r#"{"type":"http_request","ts":"2026-01-31T07:08:09.120Z","ip":"198.51.100.7","method":"GET","#,
    r#""path":"/w\u00fcp/.env","status":404,"ua":"Mozilla/5.0 \"x\" \ud83d\ude00","#,
    r#""referer":"https://a.example/?q=1","classification":"scanner"}"#,
);

#[test]
fn a_request_is_written_as_the_sdk_does() {
    let one = finding(event(), vec![sighting(Class::Probe, false)]);
    assert_eq!(records(&sink(|_| ()), &one), [REQUEST]);
}

#[test]
fn every_field_in_its_place() {
    let mut full = event();
    full.ray = Some("8f00ba4".into());
    full.address.country = Some(*b"NL");
    full.address.asn = Some(64_500);
    let sink = sink(|spec| spec.environment = Some("pr\u{f6}d".into()));
    let text = &records(&sink, &finding(full.clone(), vec![sighting(Class::Probe, false)]))[0];
    let expected = REQUEST.replace(
        r#","classification":"scanner"}"#,
        concat!(
            r#","cf_country":"NL","cf_ray":"8f00ba4","cf_asn":"64500","classification":"scanner","#,
            r#""environment":"pr\u00f6d"}"#
        ),
    );
    assert_eq!(*text, expected);

    full.ray = None;
    let text = &records(&sink, &finding(full, vec![sighting(Class::Probe, false)]))[0];
    assert!(
        !text.contains("cf_"),
        "a country from our own database is not Cloudflare's word: {text}"
    );
}

#[test]
fn what_is_unknown_is_absent_or_the_sdks_stand_in() {
    let bare = SightedEvent {
        time: Some(TIME),
        client: event().client,
        ..SightedEvent::default()
    };
    let sink = sink(|spec| spec.classify_404 = false);
    assert_eq!(
        records(&sink, &finding(bare, vec![sighting(Class::Probe, false)])),
        [
            r#"{"type":"http_request","ts":"2026-01-31T07:08:09.120Z","ip":"198.51.100.7","method":"GET","path":"/","status":0}"#
        ]
    );
    assert!(
        !records(&sink, &finding(event(), vec![sighting(Class::Probe, false)]))[0].contains("classification")
    );
}

#[test]
fn an_event_without_a_time_is_no_event_of_the_sdk() {
    let mut timeless = event();
    timeless.time = None;
    let finding = finding(timeless, vec![sighting(Class::Exposure, false)]);
    assert!(records(&sink(|_| {}), &finding).is_empty());
}

#[test]
fn correlations_and_exposures_are_custom_events() {
    let sightings = vec![
        sighting(Class::Probe, false),
        sighting(Class::BruteForce, true),
        sighting(Class::Exposure, false),
    ];
    let mut seen = event();
    seen.ray = Some("8f00ba4".into());
    let texts = records(
        &sink(|spec| spec.environment = Some("prod".into())),
        &finding(seen, sightings),
    );
    assert_eq!(texts.len(), 3);
    assert_eq!(
        texts[1],
        concat!(
            r#"{"type":"custom","ts":"2026-01-31T07:08:09.120Z","name":"afw.brute_force","#,
            r#""fields":{"rule_id":"r-1","rule_title":"A \"rule\"","level":"high","class":"brute-force","confidence":0.7},"#,
            r#""ip":"198.51.100.7","path":"/w\u00fcp/.env","method":"GET","cf_ray":"8f00ba4","environment":"prod"}"#,
        )
    );
    assert!(texts[2].contains(r#""name":"afw.exposure""#));
}

#[test]
fn exempt_and_unknown_clients_are_never_shipped_unless_every_request_is() {
    let sightings = || vec![sighting(Class::BruteForce, true)];
    let unknown = SightedEvent {
        client: None,
        ..event()
    };
    for (name, event, sighted, all) in [
        ("public", event(), 2, 2),
        ("exempt", exempt(event()), 0, 1),
        ("unknown", unknown, 0, 1),
    ] {
        let one = finding(event, sightings());
        assert_eq!(records(&sink(|_| ()), &one).len(), sighted, "{name}");
        assert_eq!(
            records(&sink(|spec| spec.send_all = true), &one).len(),
            all,
            "{name}"
        );
        assert_eq!(
            records(&sink(|spec| spec.mode = AppFirewallMode::Off), &one).len(),
            0,
            "{name}"
        );
    }
    let mut into = Vec::new();
    sink(|_| ()).indicator(&indicator(ValueType::Ipv4, "198.51.100.7"), &mut into);
    assert!(into.is_empty(), "indicators are no AppFirewall events");
}

/// Rejects every deviation from the contract.
fn check(request: &Received) -> Vec<String> {
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v1/events")
    );
    for (name, value) in [
        ("authorization", "Bearer afw_test_k"),
        ("content-type", "application/x-ndjson"),
        ("content-encoding", "gzip"),
        ("user-agent", concat!("afw/", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    let key = uuid::Uuid::try_parse(request.header("idempotency-key").unwrap()).unwrap();
    assert_eq!(key.get_version_num(), 4);
    assert_eq!(
        request.body.get(..8),
        Some(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0][..]),
        "gzip header without time or name"
    );
    let mut member = flate2::bufread::GzDecoder::new(request.body.as_slice());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut member, &mut text).unwrap();
    assert!(member.into_inner().is_empty(), "more than one gzip member");
    assert!(text.is_ascii() && !text.ends_with('\n') && !text.contains('\r'));
    text.split('\n').map(str::to_owned).collect()
}

#[test]
fn a_batch_arrives_as_the_contract_says() {
    let receiver = Receiver::script([Reply::Status(202)]);
    let sink = sink(|spec| spec.endpoint = receiver.url("/v1/events"));
    let body = sink.freeze(&[REQUEST.as_bytes(), b"{\"second\":1}"]);
    assert_eq!(
        sink.records(&body).unwrap(),
        [REQUEST.as_bytes(), b"{\"second\":1}"]
    );
    let batch = Frozen {
        id: uuid::Uuid::new_v4().to_string(),
        body,
        events: 2,
        attempt: 1,
    };
    assert_eq!(sink.deliver(&batch), Answer::Accepted);
    let requests = receiver.requests();
    assert_eq!(check(&requests[0]), [REQUEST, "{\"second\":1}"]);
    assert_eq!(requests[0].header("idempotency-key"), Some(batch.id.as_str()));
}

#[test]
fn limits_are_the_sdks() {
    let limits = sink(|_| ()).limits();
    assert_eq!((limits.events, limits.age), (500, Duration::from_secs(2)));
}

#[test]
fn local_mode_appends_terminated_lines_and_needs_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logs/afw.jsonl");
    let spec = AppFirewallSpec {
        mode: AppFirewallMode::Local(path.clone()),
        ..AppFirewallSpec::default()
    };
    let sink = AppFirewall::new("appfirewall".into(), &spec).unwrap();
    for id in ["1", "2"] {
        let batch = Frozen {
            id: id.into(),
            body: sink.freeze(&[b"{}", b"[]"]),
            events: 2,
            attempt: 1,
        };
        assert_eq!(sink.deliver(&batch), Answer::Accepted);
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), "{}\n[]\n{}\n[]\n");
}

#[test]
fn shipping_needs_a_key_and_the_key_never_shows() {
    let error = AppFirewall::new("appfirewall".into(), &AppFirewallSpec::default()).unwrap_err();
    assert!(error.advice().unwrap().contains("APPFIREWALL_API_KEY"));
    let receiver = Receiver::script([Reply::body(401, "no such key: Bearer afw_test_k / afw_test_k")]);
    let sink = sink(|spec| spec.endpoint = receiver.url("/v1/events"));
    let batch = Frozen {
        id: "x".into(),
        body: Vec::new(),
        events: 0,
        attempt: 1,
    };
    let answer = format!("{:?} {sink:?}", sink.deliver(&batch));
    assert!(
        answer.contains("Misconfigured") && !answer.contains("afw_test_k"),
        "{answer}"
    );
}

#[test]
fn every_request_is_written_alike_whether_a_rule_fired_or_not() {
    let sink = sink(|spec| spec.send_all = true);
    let facts = AddressFacts {
        country: Some(*b"FR"),
        asn: Some(1),
        ..AddressFacts::default()
    };
    let text = |record: &afw_parsers::Record<'_>| {
        let mut into = Vec::new();
        with_event(record, &facts, |event| sink.request(event, &mut into));
        String::from_utf8(into.remove(0)).unwrap()
    };
    let mut line = record();
    line.more_mut().request_id = Some(b"nginx-request-id".into());
    assert_eq!(text(&line), REQUEST, "a request id is no ray, a database no edge");

    line.format = Some(afw_parsers::Format::CloudflareHttp);
    line.more_mut().country = Some(*b"NL");
    line.more_mut().asn = Some(64_500);
    let edge = r#","cf_country":"NL","cf_ray":"nginx-request-id","cf_asn":"64500","classification""#;
    assert_eq!(text(&line), REQUEST.replace(r#","classification""#, edge));
    assert!(!super::tests::sink(|_| ()).wants_requests());
}
