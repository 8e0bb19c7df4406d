//! How fast lines are matched with 10, 100, 1,000 and 10,000 generated rules, and with the built-in packs.
//!
//! `cargo run --release --example rule_speed -- [LOG]` reads a log in any format that is recognised from its lines, parses
//! it once, and prints for each rule set the time to compile it, the nanoseconds a line takes to match, and lines per
//! second on one thread. Without LOG it makes lines of its own.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use afw::client::Client;
use afw::detect::{RuleText, Ruleset, Signatures, builtin};
use afw::enrich::crawler::Verdict;
use afw::enrich::{AddressFacts, AgentFacts};
use afw::event::Event;
use afw_parsers::{Layout, Parser, Record};
use anyhow::anyhow;

/// Rules of the shapes that public rule sets have, each with texts of its own.
fn generated(count: usize) -> Vec<RuleText> {
    let mut text = String::new();
    for number in 0..count {
        // A multiplicative hash gives each rule words that others do not have.
        let word = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (a, b) = (word >> 40, (word >> 16) & 0xff_ffff);
        let detection = match number % 5 {
            0 => format!("s:\n    cs-uri-query|contains: ['/plugin-{a:x}/', 'cmd_{b:x}=']\n  condition: s"),
            1 => format!("s:\n    cs-user-agent|contains: 'agent{a:x}'\n  condition: s"),
            2 => format!(
                "s:\n    cs-method: POST\n    cs-uri-stem|endswith: '/{a:x}/upload.php'\n    sc-status: 200\n  condition: s"
            ),
            3 => format!("s:\n    cs-uri|re: '(?i)/api/v[0-9]+/{a:x}[a-z]+\\?id='\n  condition: s"),
            _ => format!(
                "s:\n    cs-referer|contains: 'ref-{a:x}.example'\n  f:\n    c-uri|startswith: '/ok{b:x}'\n  condition: s and not f"
            ),
        };
        text.push_str(&format!(
            "title: Rule {number}\nid: g{number}\nlogsource: {{category: webserver}}\ndetection:\n  {detection}\nlevel: high\n---\n"
        ));
    }
    vec![RuleText {
        name: "generated".into(),
        text,
    }]
}

/// Lines of a small shop: pages, assets, searches, one in fifty encoded.
fn own_lines() -> Vec<Vec<u8>> {
    let agents = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    ];
    (0..20_000u32)
        .map(|number| {
            let word = number.wrapping_mul(2_654_435_761);
            let target = match number % 50 {
                0 => format!("/search?q=blue%20chair%2C+oak&page={}", word % 9),
                1..20 => format!("/assets/img/{:x}.webp?v={}", word >> 12, word % 77),
                20..40 => format!("/shop/product/{:x}-{}", word >> 8, word % 1000),
                _ => format!("/category/{}?sort=price&page={}", word % 300, word % 12),
            };
            let agent = agents.get(word as usize % 4).copied().unwrap_or_default();
            format!(
                "192.0.2.{} - - [21/Nov/2026:10:{:02}:{:02} +0000] \"GET {target} HTTP/1.1\" 200 {} \"https://shop.example/category/{}\" \"{agent}\"",
                word % 250,
                (number / 60) % 60,
                number % 60,
                word % 50_000,
                word % 300
            )
            .into_bytes()
        })
        .collect()
}

fn lines() -> anyhow::Result<Vec<Vec<u8>>> {
    let Some(path) = std::env::args().nth(1) else {
        return Ok(own_lines());
    };
    let text = std::fs::read(path)?;
    Ok(text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect())
}

/// Best of a few runs over all records, in nanoseconds a line.
fn measure(signatures: &mut Signatures, records: &[Record<'_>]) -> (f64, usize) {
    let file: Arc<str> = "-".into();
    let (address, agent) = (AddressFacts::default(), AgentFacts::default());
    let mut hits = Vec::new();
    let mut best = f64::MAX;
    let mut found = 0;
    for _ in 0..5 {
        found = 0;
        let start = Instant::now();
        for record in records {
            let event = Event {
                record,
                client: Client {
                    address: record.peer,
                    peer: record.peer,
                },
                address: &address,
                agent: &agent,
                verdict: Verdict::Unknown,
                exempt: None,
                file: &file,
                offset: 0,
            };
            hits.clear();
            signatures.inspect(&event, &mut hits);
            found += hits.len();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / records.len().max(1) as f64);
    }
    (best, found)
}

fn main() -> anyhow::Result<()> {
    let lines = lines()?;
    let mut parser = Parser::new(&Layout::auto());
    let mut records = Vec::new();
    for line in &lines {
        let mut record = Record::default();
        if parser.parse(line, &mut record).is_ok() && record.target != Some(Cow::Borrowed(b"")) {
            records.push(record);
        }
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{} lines", records.len())?;
    writeln!(
        out,
        "{:>8} {:>12} {:>10} {:>12} {:>9}",
        "rules", "compile ms", "ns/line", "lines/s", "hits"
    )?;
    let sets = [10, 100, 1_000, 10_000]
        .map(|count| (count.to_string(), generated(count)))
        .into_iter()
        .chain([("builtin".to_owned(), builtin())]);
    for (name, texts) in sets {
        let start = Instant::now();
        let ruleset = Ruleset::load(&texts).map_err(|problems| anyhow!("{problems:?}"))?;
        let compile = start.elapsed().as_secs_f64() * 1e3;
        let mut signatures = Signatures::new(Arc::new(ruleset));
        let (nanos, hits) = measure(&mut signatures, &records);
        writeln!(
            out,
            "{name:>8} {compile:>12.1} {nanos:>10.0} {:>12.0} {hits:>9}",
            1e9 / nanos
        )?;
    }
    Ok(())
}
