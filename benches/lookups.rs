//! What country, network, lists and user agent of every line cost, as a share of the whole analysis, on a log with 50,000
//! addresses. `cargo bench --bench lookups`; with `AFW_CASES` naming the folder of real cases both databases are read.
//!
//! The whole is one thread's analysis in memory, without reading files and without the store, so the share of a replay
//! is smaller still.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement fails by panicking, and prints its figures"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use afw::analysis::Scanner;
use afw::analysis::scan::Wants;
use afw::detect::{Ruleset, builtin};
use afw::enrich::agent::{AgentCache, DEFAULT_AGENTS};
use afw::enrich::{AddressCache, ListSpec, Lists};
use afw::source::{Batch, Line};
use afw_parsers::Layout;

mod kit;

const LINES: usize = 400_000;
const ADDRESSES: u32 = 50_000;
/// The share that the design of the hot path allows, in hundredths.
const MOST: f64 = 45.0;

/// A number that looks random and is the same in every run.
fn scattered(number: u32) -> u32 {
    let mixed = (number ^ (number >> 16)).wrapping_mul(0x45d9_f3b5);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x2c1b_3c6d)
}

/// The client of a line: few send much, many send little.
fn client(line: u32) -> Ipv4Addr {
    let place = (u64::from(scattered(line)) * u64::from(scattered(line ^ 0x5555))) >> 32;
    let address = ((place * u64::from(ADDRESSES)) >> 32) as u32;
    Ipv4Addr::from_bits((scattered(address) >> 2) | 0x0b00_0000)
}

fn agent(line: u32) -> String {
    let (major, system) = (
        100 + scattered(line / 3) % 40,
        ["Windows NT 10.0; Win64; x64", "X11; Linux x86_64"],
    );
    format!(
        "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36",
        system[line as usize % 2]
    )
}

fn log() -> Vec<(IpAddr, String, String)> {
    let one = |line: u32| {
        let (client, agent) = (client(line), agent(line));
        let text = format!(
            "{client} - - [05/Jan/2026:10:{:02}:{:02} +0000] \"GET /shop/item{}?id={} HTTP/1.1\" 200 5120 \
             \"https://shop.example/\" \"{agent}\"",
            line / 60 % 60,
            line % 60,
            line % 900,
            line % 77
        );
        (IpAddr::V4(client), agent, text)
    };
    (0..LINES as u32).map(one).collect()
}

fn lists() -> Lists {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("drop.txt");
    let networks: Vec<String> = (0..3000_u32)
        .map(|number| {
            format!(
                "{}/24",
                Ipv4Addr::from_bits((scattered(number ^ 0xabcd) & 0x7fff_ff00) | 0x0b00_0000)
            )
        })
        .collect();
    std::fs::write(&path, networks.join("\n")).unwrap();
    let spec: ListSpec = format!("drop={}", path.display()).parse().unwrap();
    Lists::load(&[spec]).unwrap()
}

fn batches(log: &[(IpAddr, String, String)]) -> Vec<Batch> {
    let batch = |part: &[(IpAddr, String, String)]| {
        let mut batch = Batch {
            file: "access.log".into(),
            ..Batch::default()
        };
        for (_, _, text) in part {
            let (start, len) = (batch.bytes.len() as u32, text.len() as u32);
            batch.lines.push(Line {
                start,
                len,
                cut: false,
            });
            batch.bytes.extend(text.as_bytes());
            batch.bytes.push(b'\n');
        }
        batch
    };
    log.chunks(4000).map(batch).collect()
}

fn main() {
    let log = log();
    let rules = Ruleset::load(&builtin()).unwrap();
    let kit = kit::kit(rules, &kit::databases(), lists(), Wants::default());
    let head: Vec<&[u8]> = log.iter().take(64).map(|(_, _, text)| text.as_bytes()).collect();
    let layout = Layout::recognise(&head).layout;
    let (mut whole, mut lookups) = (f64::MAX, f64::MAX);
    for _ in 0..3 {
        let batches = batches(&log);
        let mut scanner = Scanner::new(&kit);
        let began = Instant::now();
        let mut requests = 0;
        for batch in batches {
            requests += black_box(scanner.scan(batch, &layout)).statistics.requests;
        }
        whole = whole.min(began.elapsed().as_secs_f64());
        assert_eq!(requests as usize, LINES);
        // A cache of its own that knows nothing yet, as the scanner's did.
        let (databases, lists) = (Arc::clone(&kit.databases), Arc::clone(&kit.lists));
        let mut addresses = AddressCache::new(databases, lists, Arc::clone(&kit.exemptions), kit.addresses);
        let mut agents = AgentCache::new(DEFAULT_AGENTS);
        let began = Instant::now();
        for (address, agent, _) in &log {
            black_box(addresses.facts(*address));
            black_box(agents.facts(Some(agent.as_bytes())));
        }
        lookups = lookups.min(began.elapsed().as_secs_f64());
    }
    let known: std::collections::HashSet<IpAddr> = log.iter().map(|(address, _, _)| *address).collect();
    let share = 100.0 * lookups / whole;
    println!(
        "{LINES} lines, {} addresses: analysis {:.0} ns a line, of it country, network, lists and agent {:.0} ns: {share:.1} %",
        known.len(),
        whole / LINES as f64 * 1e9,
        lookups / LINES as f64 * 1e9
    );
    assert!(share <= MOST, "{share:.1} % is more than {MOST} %");
}
