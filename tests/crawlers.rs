//! Crawlers' claims through the real binary, with a name server of our own on loopback: verified, fake, unknown, slow,
//! lying and aliased; by published ranges; and not asked at all.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/nameserver.rs"]
mod nameserver;
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use domain::base::Rtype;
use nameserver::{Say, name_server};
use serde_json::Value;
use support::{Running, afw, json_lines, run, stdout, text, wait_until};

const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const VERIFIED: &str = "66.249.66.1";
const FAKE: &str = "45.83.64.2";
const NO_NAME: &str = "45.83.64.3";
const BROKEN: &str = "45.83.64.4";
const SILENT: &str = "45.83.64.5";
const SLOW: &str = "66.249.66.6";
const ALIASED: &str = "66.249.66.7";
const LIAR: &str = "45.83.64.8";
const OVER_TCP: &str = "66.249.66.9";
const BARE_ALIAS: &str = "66.249.66.10";
const FORGED_FIRST: &str = "66.249.66.11";

fn zone(name: &str, kind: Rtype) -> Say {
    match (name, kind) {
        ("1.66.249.66.in-addr.arpa", _) => Say::Names(vec!["crawl-1.googlebot.com"]),
        ("crawl-1.googlebot.com", Rtype::A) => Say::Address(VERIFIED),
        ("2.64.83.45.in-addr.arpa", _) => Say::Names(vec!["evilgooglebot.com"]),
        ("4.64.83.45.in-addr.arpa", _) => Say::Fails,
        ("5.64.83.45.in-addr.arpa", _) => Say::Silent,
        ("6.66.249.66.in-addr.arpa", _) => Say::Late(Duration::from_millis(1_200), "crawl-6.googlebot.com"),
        ("crawl-6.googlebot.com", Rtype::A) => Say::Address(SLOW),
        ("7.66.249.66.in-addr.arpa", _) => Say::Names(vec!["crawl-7.googlebot.com"]),
        ("crawl-7.googlebot.com", Rtype::A) => Say::Through("real-7.googlebot.com", ALIASED),
        ("10.66.249.66.in-addr.arpa", _) => Say::Names(vec!["crawl-10.googlebot.com"]),
        ("crawl-10.googlebot.com", Rtype::A) => Say::Alias("real-10.googlebot.com"),
        ("real-10.googlebot.com", Rtype::A) => Say::Address(BARE_ALIAS),
        ("11.66.249.66.in-addr.arpa", _) => Say::AfterForgeries("crawl-11.googlebot.com"),
        ("crawl-11.googlebot.com", Rtype::A) => Say::Address(FORGED_FIRST),
        // The owner of the address writes what he likes; the operator's own zone says otherwise.
        ("8.64.83.45.in-addr.arpa", _) => Say::Names(vec!["crawl-1.googlebot.com"]),
        ("9.66.249.66.in-addr.arpa", _) => Say::OnlyByTcp("crawl-9.googlebot.com"),
        ("crawl-9.googlebot.com", Rtype::A) => Say::Address(OVER_TCP),
        _ => Say::Nothing,
    }
}

/// A request of a secret file by somebody who says he is Googlebot.
fn line(address: &str, second: usize) -> String {
    format!(
        "{address} - - [21/Nov/2026:10:00:{second:02} +0000] \"GET /.env HTTP/1.1\" 404 9 \"-\" \"{GOOGLEBOT}\"\n"
    )
}

const ALL: [&str; 11] = [
    VERIFIED,
    FAKE,
    NO_NAME,
    BROKEN,
    SILENT,
    SLOW,
    ALIASED,
    LIAR,
    OVER_TCP,
    BARE_ALIAS,
    FORGED_FIRST,
];
const TRUE: [&str; 6] = [VERIFIED, SLOW, ALIASED, OVER_TCP, BARE_ALIAS, FORGED_FIRST];
const FALSE: [&str; 3] = [FAKE, NO_NAME, LIAR];

fn log(dir: &Path) -> PathBuf {
    let mut lines = String::new();
    for second in 0..3 {
        ALL.iter()
            .for_each(|address| lines.push_str(&line(address, second)));
    }
    let path = dir.join("access.log");
    std::fs::write(&path, lines).unwrap();
    path
}

/// The classes of each indicator's rules, by address.
fn indicators(out: &str) -> BTreeMap<String, (String, Vec<String>)> {
    let rules = |indicator: &Value| {
        let rules = indicator["rules"].as_array().unwrap();
        rules
            .iter()
            .map(|rule| rule["title"].as_str().unwrap().to_owned())
            .collect()
    };
    json_lines(out)
        .iter()
        .map(|one| {
            let (value, class) = (one["value"].as_str().unwrap(), one["class"].as_str().unwrap());
            (value.to_owned(), (class.to_owned(), rules(one)))
        })
        .collect()
}

fn has_fake(indicator: &(String, Vec<String>)) -> bool {
    indicator.1.iter().any(|rule| rule == "Fake crawler")
}

#[test]
fn a_replay_spares_the_verified_names_the_fake_and_calls_nobody_else_fake() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = name_server(zone);
    let log = log(dir.path());
    let mut outs = Vec::new();
    for threads in ["1", "3"] {
        let out = stdout(
            afw(dir.path())
                .args(["replay", "--dns", "--print", "indicators", "--threads", threads])
                .args(["--resolver", &server.to_string()])
                .arg(&log),
        );
        let found = indicators(&out);
        for address in TRUE {
            assert!(
                !found.contains_key(address),
                "{address}: {:?}",
                found.get(address)
            );
        }
        for address in FALSE {
            assert!(has_fake(&found[address]), "{address}: {:?}", found[address]);
        }
        for address in [BROKEN, SILENT] {
            assert!(!has_fake(&found[address]), "{address}: {:?}", found[address]);
        }
        outs.push(out);
    }
    assert_eq!(outs[0], outs[1], "threads do not matter");

    let replay = |what: &str| {
        stdout(
            afw(dir.path())
                .args(["replay", "--dns", "--print", what, "--json"])
                .args(["--resolver", &server.to_string()])
                .arg(&log),
        )
    };
    let summary: Value = serde_json::from_str(&replay("summary")).unwrap();
    let counts = &summary["crawlers"];
    assert_eq!(
        (&counts["verified"], &counts["fake"], &counts["unverified"]),
        (&6.into(), &3.into(), &2.into())
    );
    for event in json_lines(&replay("events")) {
        let address = event["source"]["ip"].as_str().unwrap();
        let verdict = match address {
            _ if TRUE.contains(&address) => "verified",
            _ if FALSE.contains(&address) => "fake",
            _ => "unknown",
        };
        assert_eq!(event["afw"]["agent"]["verdict"], verdict, "{event}");
        assert_eq!(
            event["afw"]["agent"]["verified"],
            verdict == "verified",
            "{event}"
        );
    }
    let sightings = json_lines(&replay("sightings"));
    let sighted = |address: &str, class: &str| {
        let of = |one: &&Value| one["value"] == address && one["class"] == class;
        sightings.iter().filter(of).count()
    };
    assert_eq!(sighted(VERIFIED, "fake-crawler"), 0);
    assert_eq!(sighted(FAKE, "fake-crawler"), 3, "one a line");
    assert!(sighted(VERIFIED, "probe") > 0, "printing suppresses nothing");
}

#[test]
fn a_replay_asks_nobody_unless_told_and_says_what_stayed_unverified() {
    let dir = tempfile::tempdir().unwrap();
    let (server, asked) = name_server(zone);
    let log = log(dir.path());
    for arguments in [&[][..], &["--no-dns"], &["--dns", "--no-dns"]] {
        let out = stdout(
            afw(dir.path())
                .args(["replay", "--resolver", &server.to_string()])
                .args(arguments)
                .arg(&log),
        );
        assert!(out.contains("0 verified, 0 fake, 11 unverified"), "{out}");
        assert!(out.contains("--dns"), "{out}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[test]
fn published_ranges_come_first_and_count_without_a_network() {
    let dir = tempfile::tempdir().unwrap();
    let (server, asked) = name_server(zone);
    let log = log(dir.path());
    let ranges = dir.path().join("googlebot.json");
    std::fs::write(
        &ranges,
        r#"{"creationTime":"2026-11-20T00:00:00","prefixes":[{"ipv4Prefix":"66.249.64.0/19"}]}"#,
    )
    .unwrap();
    let list = format!("googlebot={}", ranges.display());
    let replay = |arguments: &[&str]| {
        let mut command = afw(dir.path());
        command.args(["replay", "--print", "indicators", "--list", &list]);
        indicators(&stdout(command.args(arguments).arg(&log)))
    };
    let found = replay(&[]);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    for address in TRUE {
        assert!(!found.contains_key(address), "{address}");
    }
    // Nobody can be asked, so the published ranges are all the proof there is.
    assert!(has_fake(&found[FAKE]) && has_fake(&found[SILENT]));

    let found = replay(&["--dns", "--resolver", &server.to_string()]);
    assert!(!found.contains_key(SLOW), "in the ranges: no need to ask");
    assert!(has_fake(&found[FAKE]));
    assert!(
        !has_fake(&found[SILENT]),
        "the name server may know of a new range"
    );
}

#[test]
fn a_silent_name_server_stops_nobody() {
    fn silent(_: &str, _: Rtype) -> Say {
        Say::Silent
    }
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = name_server(silent);
    let mut lines = String::new();
    for number in 0..200 {
        lines.push_str(&line(&format!("45.83.65.{number}"), number % 60));
    }
    let log = dir.path().join("access.log");
    std::fs::write(&log, lines).unwrap();
    let began = Instant::now();
    let output = run(afw(dir.path())
        .args(["replay", "--dns", "--print", "indicators"])
        .args(["--resolver", &server.to_string()])
        .arg(&log));
    assert_eq!(output.status.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert!(
        text(&output.stderr).contains("no answer"),
        "{}",
        text(&output.stderr)
    );
    let found = indicators(&text(&output.stdout));
    assert!(found.len() == 200 && !found.values().any(has_fake));
}

#[test]
fn a_name_server_that_is_no_address_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(afw(dir.path()).args(["replay", "--dns", "--resolver", "dns.example", "-"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("hint:"), "{}", text(&output.stderr));
}

#[test]
fn explain_asks_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = name_server(zone);
    for (address, word) in [(VERIFIED, "verified"), (FAKE, "fake"), (BROKEN, "unknown")] {
        let out = stdout(
            afw(dir.path())
                .args(["explain", "--dns", "--resolver", &server.to_string()])
                .arg(line(address, 0).trim_end()),
        );
        assert!(
            out.contains(&format!("claims to be the crawler googlebot: {word}")),
            "{out}"
        );
    }
}

/// A tail that reads from its start, with what it ships going to a file.
fn tail(dir: &Path, server: &str, log: &Path) -> Running {
    let shipped = format!("file:{}", dir.join("shipped.jsonl").display());
    let child = afw(&dir.join("state"))
        .args(["tail", "--from", "start", "--print", "sightings"])
        .args(["--resolver", server, "--sink", &shipped])
        .arg(log)
        .stdout(
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(dir.join("out"))
                .unwrap(),
        )
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn tail_applies_verdicts_when_they_come_and_ships_nothing_of_the_verified() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = name_server(zone);
    let log = log(dir.path());
    let mut running = tail(dir.path(), &server.to_string(), &log);
    wait_until("the fake ones", || {
        let shipped = read(dir.path().join("shipped.jsonl"));
        FALSE.iter().all(|address| shipped.contains(address))
    });
    let printed = read(dir.path().join("out"));
    assert!(printed.contains("fake-crawler"));
    // The slow server's answer comes last, and with it what that client did before is nobody's fault.
    wait_until("the broken one", || {
        read(dir.path().join("shipped.jsonl")).contains(BROKEN)
    });
    std::fs::OpenOptions::new()
        .append(true)
        .open(&log)
        .unwrap()
        .write_all(line(SLOW, 30).as_bytes())
        .unwrap();
    wait_until("the silent one", || {
        read(dir.path().join("shipped.jsonl")).contains(SILENT)
    });
    assert_eq!(running.terminate(), Some(0));
    let shipped = read(dir.path().join("shipped.jsonl"));
    for address in TRUE {
        assert!(
            !shipped.contains(&format!("\"{address}\"")),
            "{address}: {shipped}"
        );
    }
}

#[test]
fn a_killed_tail_goes_on_with_the_lines_that_waited_and_remembers_verdicts() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody listens here: neither yes nor no for a long while.
    let nowhere = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut lines = String::new();
    for address in [VERIFIED, FAKE] {
        let _ = write!(lines, "{}", line(address, 0));
    }
    let log = dir.path().join("access.log");
    std::fs::write(&log, lines).unwrap();
    let mut running = tail(dir.path(), &nowhere.local_addr().unwrap().to_string(), &log);
    let committed = || {
        let status = stdout(afw(&dir.path().join("state")).args(["status", "--json"]));
        let status: Value = serde_json::from_str(&status).unwrap();
        status["files"][0]["lines"] == 2
    };
    wait_until("the lines to be stored", committed);
    running.kill();
    assert_eq!(
        read(dir.path().join("shipped.jsonl")),
        "",
        "nothing is shipped without a verdict"
    );

    let (server, asked) = name_server(zone);
    let mut running = tail(dir.path(), &server.to_string(), &log);
    wait_until("the fake one", || {
        read(dir.path().join("shipped.jsonl")).contains(FAKE)
    });
    assert_eq!(running.terminate(), Some(0));
    assert!(!read(dir.path().join("shipped.jsonl")).contains(VERIFIED));
    let printed = json_lines(&read(dir.path().join("out")));
    let mut rules: Vec<&str> = printed
        .iter()
        .filter(|one| one["value"] == FAKE)
        .map(|one| one["rule"]["title"].as_str().unwrap())
        .collect();
    let told = rules.len();
    rules.sort_unstable();
    rules.dedup();
    assert!(
        told == rules.len() && rules.contains(&"Fake crawler"),
        "each is told once: {rules:?}"
    );

    let questions = asked.load(Ordering::SeqCst);
    std::fs::OpenOptions::new()
        .append(true)
        .open(&log)
        .unwrap()
        .write_all(line(FAKE, 1).as_bytes())
        .unwrap();
    let mut running = tail(dir.path(), &server.to_string(), &log);
    wait_until("the next line", || {
        let out = read(dir.path().join("out"));
        out.matches("\"class\":\"fake-crawler\"").count() == 2
    });
    assert_eq!(running.terminate(), Some(0));
    assert_eq!(asked.load(Ordering::SeqCst), questions, "the verdict was stored");
}
