//! Documents, lines, and the answers of a `_bulk` interface.

use std::sync::Arc;

use super::super::Secret;
use super::super::receiver::{Receiver, Reply};
use super::super::samples::{event, exempt, finding, record, sighting, with_event};
use super::*;
use crate::detect::Class;
use crate::event::SightedEvent;

const DOCUMENT: &str =
    r#"{"@timestamp":"2026-01-31T07:08:09.120Z","event":{"kind":"event","category":["web"]}}"#;

fn target(receiver: &Receiver, path: &str) -> Target {
    let headers = vec![("X-SEKOIAIO-INTAKE-KEY".to_owned(), Secret::new("intake").unwrap())];
    Target {
        url: receiver.url(path),
        headers,
        ..Target::default()
    }
}

fn sink(place: EcsPlace, body: EcsBody) -> Ecs {
    Ecs::new(
        "ecs:x".into(),
        &EcsSpec {
            place,
            body,
            send_all: false,
            document,
        },
    )
    .unwrap()
}

fn document(event: &Event<'_, '_>) -> String {
    format!("{{\"offset\":{}}}", event.offset)
}

fn sighted() -> SightedEvent {
    SightedEvent {
        ecs: Some(Arc::from(DOCUMENT)),
        line: Some(Box::from(&b"raw \xff line"[..])),
        ..event()
    }
}

fn records(sink: &Ecs, event: SightedEvent) -> Vec<Vec<u8>> {
    let mut into = Vec::new();
    let sightings = vec![sighting(Class::Script, false), sighting(Class::Probe, false)];
    sink.finding(&finding(event, sightings), &mut into);
    into
}

fn deliver(sink: &Ecs, records: &[Vec<u8>]) -> Answer {
    let slices: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    let body = sink.freeze(&slices);
    assert_eq!(sink.records(&body).unwrap(), records);
    sink.deliver(&Frozen {
        id: "id-1".into(),
        body,
        events: records.len(),
        attempt: 1,
    })
}

#[test]
fn a_sighted_request_is_an_alert_with_its_strongest_rule() {
    let receiver = Receiver::script([Reply::Status(200)]);
    let sink = sink(EcsPlace::Lines(target(&receiver, "/in")), EcsBody::Document);
    assert!(sink.wants_ecs() && !sink.wants_lines());
    let records = records(&sink, sighted());
    let document: Value = serde_json::from_slice(&records[0]).unwrap();
    assert_eq!(
        document["rule"],
        json!({"id": "r-1", "name": "A \"rule\"", "category": "probe"})
    );
    assert_eq!(
        document["event"],
        json!({"kind": "alert", "category": ["web", "intrusion_detection"]})
    );
    assert_eq!(document["tags"], json!(["attack.t1595"]));
    assert_eq!(deliver(&sink, &records), Answer::Accepted);
    let request = &receiver.requests()[0];
    assert_eq!(request.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(request.header("x-sekoiaio-intake-key"), Some("intake"));
    assert!(request.body.ends_with(b"}\n"));
}

#[test]
fn raw_lines_go_as_they_were_written() {
    let receiver = Receiver::script([Reply::Status(200)]);
    let sink = sink(EcsPlace::Lines(target(&receiver, "/plain/batch")), EcsBody::Raw);
    assert!(!sink.wants_ecs() && sink.wants_lines());
    let records = records(&sink, sighted());
    assert_eq!(deliver(&sink, &records), Answer::Accepted);
    assert_eq!(receiver.requests()[0].body, b"raw \xff line\n");
}

#[test]
fn exempt_clients_are_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let sink = sink(
        EcsPlace::File(path.clone(), Rotation::default()),
        EcsBody::Document,
    );
    assert!(records(&sink, exempt(sighted())).is_empty());
    deliver(&sink, &records(&sink, sighted()));
    assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 1);
}

#[test]
fn bulk_documents_are_created_under_the_id_of_their_content() {
    let receiver = Receiver::script([Reply::body(
        200,
        r#"{"errors":false,"items":[{"create":{"status":201}}]}"#,
    )]);
    let sink = sink(
        EcsPlace::Bulk(target(&receiver, "/logs-afw"), Some("logs-afw".into())),
        EcsBody::Document,
    );
    let records = records(&sink, sighted());
    assert_eq!(
        records,
        self::records(&sink, sighted()),
        "the same document gets the same id"
    );
    assert_eq!(deliver(&sink, &records), Answer::Accepted);
    let request = &receiver.requests()[0];
    assert_eq!(request.path, "/logs-afw/_bulk");
    let text = String::from_utf8(request.body.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let action: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(action["create"]["_index"], "logs-afw");
    assert_eq!(action["create"]["_id"].as_str().unwrap().len(), 32);
    assert!(lines.len() == 2 && text.ends_with('\n'));
}

#[test]
fn each_document_of_a_bulk_answer_counts() {
    let item = |status: u16| BulkItem {
        status,
        error: json!("e"),
    };
    let sort = |statuses: &[u16]| {
        let items: Vec<BulkItem> = statuses.iter().copied().map(item).collect();
        sort_bulk(&items, Value::to_string)
    };
    assert_eq!(sort(&[201, 200, 409]), Answer::Accepted);
    assert!(matches!(
        sort(&[429, 503]),
        Answer::Unavailable {
            status: Some(429),
            ..
        }
    ));
    assert!(matches!(
        sort(&[201, 403]),
        Answer::Misconfigured { status: 403, .. }
    ));
    let Answer::Partly { refused, again } = sort(&[201, 400, 429, 201]) else {
        panic!("not partly")
    };
    assert_eq!(
        (refused.len(), refused[0].index, refused[0].status, again),
        (1, 1, 400, vec![2])
    );
}

#[test]
fn what_is_said_of_a_document_never_shows_a_key() {
    let body =
        r#"{"items":[{"create":{"status":400,"error":{"reason":"your key s3cret-42 may not write"}}}]}"#;
    let receiver = Receiver::script([Reply::body(200, body)]);
    let mut target = target(&receiver, "/i/_bulk");
    target.headers = vec![("X-Key".to_owned(), Secret::new("s3cret-42").unwrap())];
    let sink = sink(EcsPlace::Bulk(target, None), EcsBody::Document);
    let batch = Frozen {
        id: "id".into(),
        body: b"{}\n{}\n".to_vec(),
        events: 1,
        attempt: 1,
    };
    let Answer::Partly { refused, .. } = sink.deliver(&batch) else {
        panic!("not partly")
    };
    assert_eq!(
        refused[0].error,
        r#"{"reason":"your key [secret] may not write"}"#
    );
}

#[test]
fn a_bulk_answer_that_says_too_little_is_tried_again() {
    for body in [
        "",
        "{}",
        "nonsense",
        r#"{"items":[]}"#,
        r#"{"items":[{"create":{}}]}"#,
    ] {
        let receiver = Receiver::script([Reply::body(200, body)]);
        let sink = sink(
            EcsPlace::Bulk(target(&receiver, "/logs-afw/_bulk"), None),
            EcsBody::Document,
        );
        let answer = deliver(&sink, &records(&sink, sighted()));
        assert!(matches!(answer, Answer::Unavailable { .. }), "{body}: {answer:?}");
    }
}

#[test]
fn bulk_needs_an_index_in_the_settings_or_the_url() {
    for (path, index, ok) in [
        ("/_bulk", None, false),
        ("", None, false),
        ("/logs-afw/_bulk", None, true),
        ("/_bulk", Some("logs-afw".to_owned()), true),
    ] {
        let receiver = Receiver::script([Reply::Status(200)]);
        let spec = EcsSpec {
            place: EcsPlace::Bulk(target(&receiver, path), index),
            body: EcsBody::Document,
            send_all: false,
            document,
        };
        let made = Ecs::new("ecs:x".into(), &spec);
        assert_eq!(made.is_ok(), ok, "{path}");
    }
}

#[test]
fn bulk_takes_no_raw_lines() {
    let target = Target {
        url: "https://es.example/_bulk".into(),
        ..Target::default()
    };
    let spec = EcsSpec {
        place: EcsPlace::Bulk(target, None),
        body: EcsBody::Raw,
        send_all: false,
        document,
    };
    assert!(Ecs::new("ecs:x".into(), &spec).is_err());
}

#[test]
fn every_request_can_be_sent() {
    let facts = crate::enrich::AddressFacts::default();
    for (body, all, expected) in [
        (EcsBody::Document, true, Some(&b"{\"offset\":0}"[..])),
        (EcsBody::Raw, true, Some(b"raw")),
        (EcsBody::Document, false, None),
        (EcsBody::Raw, false, None),
    ] {
        let place = EcsPlace::File("unused".into(), Rotation::default());
        let spec = EcsSpec {
            place,
            body,
            send_all: all,
            document,
        };
        let sink = Ecs::new("ecs:x".into(), &spec).unwrap();
        assert_eq!(sink.wants_requests(), all);
        let mut into = Vec::new();
        let line = afw_parsers::Record {
            line: b"raw".into(),
            ..record()
        };
        with_event(&line, &facts, |event| sink.request(event, &mut into));
        assert_eq!(into.first().map(Vec::as_slice), expected);
    }
}
