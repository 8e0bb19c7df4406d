//! The house stands as its map says: rooms use only what lies below them, and what touches the world stands in one room.
//!
//! Read from the sources: `crate::ROOM` in what is compiled into the program. Tests and comments may name anything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Every room, from the top down.
const ROOMS: [&str; 24] = [
    "main",
    "cli",
    "drive",
    "config",
    "update",
    "analysis",
    "report",
    "sink",
    "ecs",
    "indicator",
    "detect",
    "dns",
    "event",
    "enrich",
    "client",
    "store",
    "source",
    "net",
    "terminal",
    "text",
    "numbered",
    "rows",
    "index",
    "bounded",
];
/// What may look up: values name what they hold, and the store asks a sink how its batches are cut.
const UPWARDS: [(&str, &str); 2] = [("event", "detect"), ("store", "sink")];
/// Rooms that decide by what they are given alone.
const PURE: [&str; 8] = [
    "analysis",
    "report",
    "ecs",
    "indicator",
    "detect",
    "event",
    "client",
    "net",
];
/// What touches the world, and the rooms that may.
const WORLD: [(&str, &[&str]); 6] = [
    ("rusqlite", &["store"]),
    ("ureq::", &["sink", "update"]),
    ("SystemTime::now", &["drive", "sink", "source"]),
    (
        "std::fs",
        &[
            "bounded", "cli", "config", "dns", "drive", "sink", "source", "store", "update",
        ],
    ),
    ("TcpListener", &["drive"]),
    ("UdpSocket", &["dns"]),
];

/// The code of each room: without comments, and without what only tests compile.
fn rooms() -> BTreeMap<String, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut rooms = BTreeMap::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && name != "lib.rs" && !is_test(&path) {
                let room = path.strip_prefix(&source).unwrap().components().next().unwrap();
                let room = room
                    .as_os_str()
                    .to_str()
                    .unwrap()
                    .trim_end_matches(".rs")
                    .to_owned();
                let code: &mut String = rooms.entry(room).or_default();
                code.push_str(&compiled(&fs::read_to_string(&path).unwrap()));
            }
        }
    }
    rooms
}

fn is_test(path: &Path) -> bool {
    let parts = path.iter().filter_map(|part| part.to_str());
    let mut parts = parts.map(|part| part.trim_end_matches(".rs"));
    parts.any(|part| matches!(part, "tests" | "testing" | "samples"))
}

/// What stands before the tests of a file, without comments.
fn compiled(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The rooms that a room's code names.
fn used(code: &str) -> BTreeSet<&str> {
    let named = code.split("crate::").skip(1);
    named
        .map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap()
        })
        .filter(|name| ROOMS.contains(name))
        .collect()
}

#[test]
fn rooms_use_only_what_lies_below_them() {
    let rooms = rooms();
    let stand: BTreeSet<&str> = rooms.keys().map(String::as_str).collect();
    assert_eq!(
        stand,
        BTreeSet::from(ROOMS),
        "a room that the list does not have, or no longer"
    );
    let floor = |room: &str| ROOMS.iter().position(|known| *known == room).unwrap();
    let mut looked = 0;
    for (room, code) in &rooms {
        for other in used(code) {
            looked += 1;
            let below = floor(other) >= floor(room) || UPWARDS.contains(&(room, other));
            assert!(below, "{room} uses {other}, which lies above it");
        }
    }
    assert!(looked > 80, "{looked}");
    for (room, other) in UPWARDS {
        assert!(
            used(&rooms[room]).contains(other),
            "{room} does not use {other} any more"
        );
    }
}

#[test]
fn what_touches_the_world_stands_in_its_room() {
    let rooms = rooms();
    for (what, may) in WORLD {
        let who: Vec<&str> = rooms
            .iter()
            .filter(|(_, code)| code.contains(what))
            .map(|(room, _)| room.as_str())
            .collect();
        assert_eq!(who, may, "{what}");
        assert!(!who.iter().any(|room| PURE.contains(room)), "{what}");
    }
}
