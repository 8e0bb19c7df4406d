//! What README and the pages in `docs/` show is true: their commands exist and say what is shown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

#[path = "docs/page.rs"]
mod page;

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use page::Page;
use support::{Running, afw, run, shell, text};

#[test]
fn the_first_two_commands_build_and_test() {
    let readme = Page::read(Path::new("README.md"));
    assert_eq!(
        readme.examples[0].command,
        "cargo run --release -- replay testdata/sample/access.log"
    );
    assert_eq!(readme.examples[1].command, "cargo test");
}

#[test]
fn every_afw_command_of_the_pages_is_understood() {
    let mut count = 0;
    for page in page::all() {
        let room = room(&page);
        for example in page.examples.iter().filter(|example| example.shown.is_empty()) {
            let Some(arguments) = example.arguments() else {
                continue;
            };
            let said = first_words(afw(room.path()).current_dir(room.path()).args(&arguments));
            let place = &example.place;
            assert!(
                !said.contains("unexpected argument")
                    && !said.contains("unrecognized")
                    && !said.contains("invalid value"),
                "{place}: {}\n{said}",
                example.command
            );
            count += 1;
        }
    }
    assert!(count >= 6, "{count}");
}

#[test]
fn every_command_says_what_its_page_shows() {
    for page in page::all() {
        let room = room(&page);
        for example in page.examples.iter().filter(|example| !example.shown.is_empty()) {
            let script = format!("{{ {}\n}} 2>&1", example.command);
            let said = text(&run(shell(room.path(), &script).current_dir(room.path())).stdout);
            let departs = example.departs(&said);
            assert!(
                departs.is_none(),
                "{}: {}\nat: {}\nsaid:\n{said}",
                example.place,
                example.command,
                departs.unwrap()
            );
        }
    }
}

#[test]
fn what_departs_from_a_page_is_told() {
    let shown = |lines: &str| page::Example {
        place: String::new(),
        command: String::new(),
        shown: lines.lines().map(str::to_owned).collect(),
    };
    let said = "one 1\ntwo 2\n\nthree 3\nfour 4\n";
    for same in ["one 1\ntwo 2\nthree 3\nfour 4", "one …\n…\n… 4", "…\nthree 3\n…"] {
        assert_eq!(shown(same).departs(said), None, "{same}");
    }
    for other in [
        "one 1\ntwo 2\nthree 3",
        "one 1\nthree 3\n…",
        "…\nfive\n…",
        "on\n…",
        "…\nf…5",
    ] {
        assert!(shown(other).departs(said).is_some(), "{other}");
    }
}

/// Where the commands of a page run: its files, and the project's `testdata`.
fn room(page: &Page) -> tempfile::TempDir {
    let room = tempfile::tempdir().unwrap();
    let testdata = fs::canonicalize("testdata").unwrap();
    symlink(testdata, room.path().join("testdata")).unwrap();
    for (name, content) in &page.files {
        let path = room.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    room
}

/// What a command says on standard error within two seconds: `tail` would go on for ever.
fn first_words(command: &mut Command) -> String {
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let end = Instant::now() + Duration::from_secs(2);
    while running.0.try_wait().unwrap().is_none() && Instant::now() < end {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    running.kill();
    let mut said = String::new();
    running
        .0
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    said
}

#[test]
fn the_explain_example_names_the_traversal_and_its_view() {
    let state = tempfile::tempdir().unwrap();
    let readme = Page::read(Path::new("README.md"));
    let mut commands = readme.examples.iter();
    let example = commands
        .find(|example| example.command.starts_with("afw explain"))
        .unwrap();
    let output = run(afw(state.path()).args(example.arguments().unwrap()));
    let out = text(&output.stdout);
    assert!(output.status.success());
    assert!(out.contains("decoded2"), "{out}");
}

/// Sections of the configuration that are about receivers.
const SINK_SECTIONS: [&str; 7] = [
    "appfirewall",
    "onefirewall",
    "webhook",
    "ecs",
    "file",
    "http",
    "outbox",
];

#[test]
fn every_setting_of_a_sink_is_documented() {
    let state = tempfile::tempdir().unwrap();
    let template = text(&run(afw(state.path()).args(["config", "init"])).stdout);
    let page = fs::read_to_string("docs/sinks.md").unwrap();
    let mut section = String::new();
    let mut count = 0;
    for line in template.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        }
        let Some((key, _)) = line.strip_prefix('#').and_then(|rest| rest.split_once(" = ")) else {
            continue;
        };
        if SINK_SECTIONS.contains(&&*section) {
            let shown = page.contains(&format!("`{key}`")) || page.contains(&format!("\n{key} = "));
            assert!(shown, "docs/sinks.md does not speak of {key} in [{section}]");
            count += 1;
        }
    }
    assert!(count >= 30, "{count}");
}
