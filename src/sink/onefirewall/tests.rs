//! The wire form of reports, and what is reported.

use afw_parsers::Record;

use super::super::onefirewall_domains::OneFirewallDomains;
use super::super::receiver::{Receiver, Reply};
use super::super::samples::{event, exempt, finding, indicator, record, sighting, with_event};
use super::*;
use crate::detect::Class;
use crate::enrich::AddressFacts;

fn spec(change: impl FnOnce(&mut OneFirewallSpec)) -> OneFirewallSpec {
    let mut spec = OneFirewallSpec {
        api_key: Secret::new("k-1"),
        tag: "report-1234ABCD".into(),
        ..OneFirewallSpec::default()
    };
    change(&mut spec);
    spec
}

fn sink(change: impl FnOnce(&mut OneFirewallSpec)) -> OneFirewall {
    OneFirewall::new("onefirewall".into(), &spec(change)).unwrap()
}

fn report_of(sink: &dyn Sink, indicator: &Indicator) -> Vec<String> {
    let mut into = Vec::new();
    sink.indicator(indicator, &mut into);
    into.into_iter()
        .map(|record| String::from_utf8(record).unwrap())
        .collect()
}

const REPORT: &str = concat!(
    r#"{"source":"shop.example","ip":"198.51.100.7","confidence":0.85,"notes":"/.env?x=1","#,
    r#""tags":"report-1234ABCD"}"#,
);

#[test]
fn an_indicator_is_a_report() {
    let sink = sink(|_| ());
    assert_eq!(
        report_of(&sink, &indicator(ValueType::Ipv4, "198.51.100.7")),
        [REPORT]
    );
    for kind in [ValueType::Domain, ValueType::Url, ValueType::UserAgent] {
        assert!(report_of(&sink, &indicator(kind, "x.example")).is_empty());
    }
}

#[test]
fn a_prefix_is_reported_by_the_address_seen_last() {
    let sink = sink(|_| ());
    let mut prefix = indicator(ValueType::Ipv6, "2001:db8:1:2::/64");
    assert!(report_of(&sink, &prefix).is_empty());
    prefix.address = Some("2001:db8:1:2::9".parse().unwrap());
    assert!(report_of(&sink, &prefix)[0].contains(r#""ip":"2001:db8:1:2::9""#));
}

#[test]
fn the_source_is_a_host_without_port_or_unknown() {
    for (host, source) in [
        (Some("shop.example:8443"), "shop.example"),
        (Some("[2001:db8::1]:443"), "2001:db8::1"),
        (Some("2001:db8::1"), "2001:db8::1"),
        (Some("shop.example"), "shop.example"),
        (Some(""), "unknown"),
        (Some(":80"), "unknown"),
        (None, "unknown"),
    ] {
        let mut one = indicator(ValueType::Ipv4, "198.51.100.7");
        one.hosts.clear();
        one.evidence[0].host = host.map(Into::into);
        assert!(
            report_of(&sink(|_| ()), &one)[0].starts_with(&format!(r#"{{"source":"{source}","#)),
            "{host:?}"
        );
    }
}

#[test]
fn requests_are_reported_by_status_and_never_for_exempt_clients() {
    let sink = sink(|spec| spec.requests = Some(DEFAULT_STATUSES.to_vec()));
    assert!(
        sink.wants_requests() && report_of(&sink, &indicator(ValueType::Ipv4, "198.51.100.7")).is_empty()
    );
    for (status, event, reports) in [
        (404, event(), 1),
        (401, event(), 1),
        (200, event(), 0),
        (404, exempt(event()), 0),
    ] {
        let event = crate::event::SightedEvent {
            status: Some(status),
            ..event
        };
        let mut into = Vec::new();
        sink.finding(&finding(event, vec![sighting(Class::Probe, false)]), &mut into);
        assert_eq!(into.len(), reports, "{status}");
        if let Some(report) = into.first() {
            assert_eq!(
                std::str::from_utf8(report).unwrap(),
                concat!(
                    r#"{"source":"shop.example","ip":"198.51.100.7","confidence":0.2,"#,
                    r#""notes":"/w%C3%BCp/.env?x=1","tags":"report-1234ABCD"}"#
                )
            );
        }
    }
}

#[test]
fn batches_follow_bulk_and_flush() {
    let limits = sink(|_| ()).limits();
    assert_eq!((limits.events, limits.age), (100, Duration::from_secs(60)));
    let limits = sink(|spec| (spec.bulk, spec.flush) = (7, None)).limits();
    assert_eq!((limits.events, limits.age), (7, Duration::MAX));
    assert_eq!(sink(|spec| spec.bulk = 0).limits().events, 1);
}

#[test]
fn reports_arrive_as_a_bare_array() {
    let receiver = Receiver::script([Reply::Status(200)]);
    let sink = sink(|spec| spec.end_point = receiver.url("/api/v2/ips"));
    let body = sink.freeze(&[REPORT.as_bytes(), REPORT.as_bytes()]);
    assert_eq!(
        sink.records(&body).unwrap(),
        [REPORT.as_bytes(), REPORT.as_bytes()]
    );
    sink.deliver(&Frozen {
        id: "id-1".into(),
        body,
        events: 2,
        attempt: 1,
    });
    let request = &receiver.requests()[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/api/v2/ips")
    );
    for (name, value) in [
        ("content-type", "application/json"),
        ("authorization", "Bearer k-1"),
        ("idempotency-key", "id-1"),
    ] {
        assert_eq!(request.header(name), Some(value));
    }
    assert_eq!(request.header("content-encoding"), None);
    assert_eq!(request.body, format!("[{REPORT},{REPORT}]").into_bytes());
}

#[test]
fn the_older_interface_takes_one_report_with_a_list_of_tags() {
    let sink = sink(|spec| spec.v1 = true);
    assert_eq!(sink.http.endpoint().url(), DEFAULT_END_POINT_V1);
    assert_eq!(sink.limits().events, 1);
    let report = report_of(&sink, &indicator(ValueType::Ipv4, "198.51.100.7")).remove(0);
    assert!(report.ends_with(r#""tags":["report-1234ABCD"]}"#));
    let body = sink.freeze(&[report.as_bytes()]);
    assert_eq!(body, report.as_bytes());
    assert_eq!(sink.records(&body).unwrap().len(), 1);
}

#[test]
fn the_key_and_the_organisation_go_as_the_installation_wants_them() {
    for (bare_key, organisation, authorization, org) in [
        (false, None, "Bearer 1f-key", None),
        (true, Some("77"), "1f-key", Some("77")),
    ] {
        let receiver = Receiver::script([Reply::Status(201)]);
        let sink = sink(|spec| {
            spec.v1 = true;
            spec.end_point = receiver.url("/api/v1/ips");
            spec.api_key = Secret::new("1f-key");
            spec.bare_key = bare_key;
            spec.organisation = organisation.map(str::to_owned);
        });
        let report = report_of(&sink, &indicator(ValueType::Ipv4, "198.51.100.7")).remove(0);
        let batch = Frozen {
            id: "id-1".into(),
            body: sink.freeze(&[report.as_bytes()]),
            events: 1,
            attempt: 1,
        };
        assert_eq!(sink.deliver(&batch), Answer::Accepted);
        let request = receiver.requests().remove(0);
        assert_eq!(request.header("authorization"), Some(authorization));
        assert_eq!(request.header("x-org-id"), org);
        assert!(request.body.starts_with(b"{\"source\":\"shop.example\",\"ip\":"));
    }
}

#[test]
fn domains_are_reported_one_at_a_time() {
    let receiver = Receiver::script([Reply::Status(200)]);
    let spec = spec(|spec| spec.end_point = receiver.url("/api/v2/ips"));
    let sink = OneFirewallDomains::new("onefirewall-domains".into(), &spec).unwrap();
    assert!(report_of(&sink, &indicator(ValueType::Ipv4, "198.51.100.7")).is_empty());
    let report = report_of(&sink, &indicator(ValueType::Domain, "evil.example")).remove(0);
    assert_eq!(
        report,
        r#"{"domain":"evil.example","tags":["report-1234ABCD","probe"],"confidence":0.85}"#
    );
    assert_eq!(sink.limits().events, 1);
    let body = sink.freeze(&[report.as_bytes()]);
    sink.deliver(&Frozen {
        id: "id-1".into(),
        body,
        events: 1,
        attempt: 1,
    });
    let request = &receiver.requests()[0];
    assert_eq!(
        (request.path.as_str(), request.body.as_slice()),
        ("/api/v1/domains", report.as_bytes())
    );
}

#[test]
fn a_key_is_needed() {
    let error = OneFirewall::new("onefirewall".into(), &OneFirewallSpec::default()).unwrap_err();
    assert!(error.advice().unwrap().contains("ONEFIREWALL_API_KEY"));
}

#[test]
fn requests_without_a_finding_are_reported_alike() {
    let sink = sink(|spec| spec.requests = Some(DEFAULT_STATUSES.to_vec()));
    for (facts, reports) in [(AddressFacts::default(), 1), (exempt(event()).address, 0)] {
        let mut into = Vec::new();
        with_event(&record(), &facts, |event| sink.request(event, &mut into));
        assert_eq!(into.len(), reports);
    }
    let mut into = Vec::new();
    let fine = Record {
        status: Some(200),
        ..record()
    };
    with_event(&fine, &AddressFacts::default(), |event| {
        sink.request(event, &mut into)
    });
    assert!(into.is_empty());
}
