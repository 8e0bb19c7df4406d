//! Appending, rotating, and completing what a crash cut in two.

use proptest::prelude::*;

use super::*;
use crate::detect::Class;
use crate::event::ValueType;
use crate::sink::samples::{event, exempt, finding, indicator, sighting};

const NOW: Time = Time::from_nanos(4_000_000_000_000_000_000);

fn batch(body: &str, attempt: u32) -> Frozen {
    Frozen {
        id: "id".into(),
        body: body.into(),
        events: 1,
        attempt,
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn indicators_are_json_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/down/ioc.jsonl");
    let spec = FileSpec {
        path: path.clone(),
        rotation: Rotation::default(),
        content: Content::default(),
    };
    let sink = JsonFile::new("file:x".into(), &spec);
    let mut records = Vec::new();
    sink.indicator(&indicator(ValueType::Ipv4, "198.51.100.7"), &mut records);
    let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    let body = sink.freeze(&records);
    assert_eq!(sink.records(&body).unwrap(), records);
    assert_eq!(
        sink.deliver(&Frozen {
            id: "a".into(),
            body,
            events: 1,
            attempt: 1
        }),
        Answer::Accepted
    );
    let line: serde_json::Value = serde_json::from_str(&read(&path)).unwrap();
    assert_eq!(line["value"], "198.51.100.7");
}

#[test]
fn sightings_are_written_when_they_are_asked_for_and_may_be_shipped() {
    let spec = FileSpec {
        path: "x".into(),
        rotation: Rotation::default(),
        content: Content::Sightings,
    };
    let sink = JsonFile::new("file:x".into(), &spec);
    assert!(sink.wants_ecs());
    let sightings = || vec![sighting(Class::Probe, false), sighting(Class::Tool, false)];
    let mut seen = event();
    seen.ecs = Some("{\"url\":{\"path\":\"/x\"}}".into());
    for (event, count) in [(seen.clone(), 2), (exempt(seen), 0)] {
        let mut records = Vec::new();
        sink.finding(&finding(event, sightings()), &mut records);
        sink.indicator(&indicator(ValueType::Ipv4, "198.51.100.7"), &mut records);
        assert_eq!(records.len(), count);
        for record in records {
            let line: serde_json::Value = serde_json::from_slice(&record).unwrap();
            assert_eq!(line["rule"]["id"], "r-1");
            assert_eq!(line["event"]["url"]["path"], "/x");
        }
    }
}

#[test]
fn a_second_attempt_writes_only_what_is_missing() {
    for (there, attempt, after) in [
        ("", 1, "ab\ncd\n"),
        ("xy\n", 2, "xy\nab\ncd\n"),
        ("xy\nab\ncd\n", 2, "xy\nab\ncd\n"),
        ("xy\nab\nc", 2, "xy\nab\ncd\n"),
        ("xy\na", 2, "xy\nab\ncd\n"),
        ("ab\ncd\n", 1, "ab\ncd\nab\ncd\n"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, there).unwrap();
        write(&path, &batch("ab\ncd\n", attempt), Rotation::default(), NOW).unwrap();
        assert_eq!(read(&path), after, "{there:?} at attempt {attempt}");
    }
}

#[test]
fn a_large_file_is_set_aside_and_the_oldest_goes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let rotation = Rotation {
        bytes: Some(10),
        age: None,
        keep: 2,
    };
    for name in ["1111111\n", "2222222\n", "3333333\n", "4444444\n"] {
        write(&path, &batch(name, 1), rotation, NOW).unwrap();
    }
    assert_eq!(
        (read(&path), read(&dir.path().join("f.1"))),
        ("4444444\n".into(), "3333333\n".into())
    );
    assert_eq!(read(&dir.path().join("f.2")), "2222222\n");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
}

#[test]
fn an_old_file_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let rotation = Rotation {
        bytes: None,
        age: Some(Duration::from_secs(3600)),
        keep: 1,
    };
    let now = super::super::worker::wall_clock();
    write(&path, &batch("a\n", 1), rotation, now).unwrap();
    write(&path, &batch("b\n", 1), rotation, now).unwrap();
    assert_eq!(read(&path), "a\nb\n");
    write(
        &path,
        &batch("c\n", 1),
        rotation,
        now.saturating_add(3601 * 1_000_000_000),
    )
    .unwrap();
    assert_eq!(
        (read(&path), read(&dir.path().join("f.1"))),
        ("c\n".into(), "a\nb\n".into())
    );
}

#[test]
fn a_rotation_from_outside_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    write(&path, &batch("a\n", 1), Rotation::default(), NOW).unwrap();
    fs::rename(&path, dir.path().join("f.old")).unwrap();
    write(&path, &batch("b\n", 1), Rotation::default(), NOW).unwrap();
    assert_eq!(read(&path), "b\n");
}

#[test]
fn a_device_gets_the_lines_once() {
    for attempt in [1, 2] {
        let answer = append(
            Path::new("/dev/null"),
            &batch("a\n", attempt),
            Rotation::default(),
            NOW,
        );
        assert_eq!(answer, Answer::Accepted);
    }
    let full = append(Path::new("/dev/full"), &batch("a\n", 1), Rotation::default(), NOW);
    let Answer::Unavailable { error, .. } = full else {
        panic!("{full:?}")
    };
    assert!(error.contains("no space left"), "{error}");
}

#[test]
fn what_cannot_be_written_is_tried_again_later() {
    let dir = tempfile::tempdir().unwrap();
    let answer = append(dir.path(), &batch("a\n", 1), Rotation::default(), NOW);
    let Answer::Unavailable {
        status: None, error, ..
    } = answer
    else {
        panic!("{answer:?}")
    };
    assert!(error.contains(dir.path().to_str().unwrap()), "{error}");
}

proptest! {
    #[test]
    fn the_overlap_is_the_longest(tail in "[ab]{0,12}", body in "[ab]{0,12}") {
        let longest = (0..=body.len().min(tail.len())).rev().find(|len| tail.ends_with(&body[..*len]));
        prop_assert_eq!(Some(overlap(tail.as_bytes(), body.as_bytes())), longest);
    }
}
