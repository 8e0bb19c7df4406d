//! What the README shows is true: its commands exist, its two first commands are the documented ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Running, afw, run, text};

/// Commands of the README's console blocks.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string("README.md").unwrap();
    let mut inside = false;
    let mut found = Vec::new();
    for line in readme.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            inside = fence == "console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            found.push(command.to_owned());
        }
    }
    found
}

#[test]
fn the_first_two_commands_build_and_test() {
    let commands = commands();
    assert_eq!(
        commands[0],
        "cargo run --release -- replay testdata/sample/access.log"
    );
    assert_eq!(commands[1], "cargo test");
}

#[test]
fn every_afw_command_of_the_readme_is_understood() {
    let state = tempfile::tempdir().unwrap();
    let mut count = 0;
    for command in commands() {
        let Some(at) = command.find("afw ") else { continue };
        let arguments = split(command[at + 4..].split(" > ").next().unwrap());
        let said = first_words(afw(state.path()).args(&arguments));
        assert!(
            !said.contains("unexpected argument") && !said.contains("unrecognized"),
            "{command}\n{said}"
        );
        count += 1;
    }
    assert!(count >= 6, "{count}");
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

/// Splits as a shell does, as far as the README needs it.
fn split(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            c => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[test]
fn the_explain_example_names_the_traversal_and_its_view() {
    let state = tempfile::tempdir().unwrap();
    let example = commands()
        .into_iter()
        .find(|command| command.starts_with("afw explain"))
        .unwrap();
    let output = run(afw(state.path()).args(split(&example[4..])));
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
