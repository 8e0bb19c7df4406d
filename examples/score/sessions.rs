//! [`Sessions`]: the cases as they come in real life, several from one address within minutes, through the whole of
//! analysis; what confidence the address ends with.
//!
//! Cases of one class make up clients of a given number of requests, in the order of their numbers; what was recorded
//! as one visit of a scanner stays one client. A client keeps the user agent of its first request where the case is not
//! about the agent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use afw::analysis::{Fold, FoldOptions, Kit, Scanner};
use afw::detect::{Confidence, Ruleset};
use afw::drive::setup::bare_kit;
use afw::indicator::Options;
use afw::source::{Batch, Line};
use afw_parsers::{Format, Layout, Time};

use crate::case::Case;

/// Seconds between two requests of a client.
const PAUSE_SECS: i64 = 3;
/// Seconds between the first requests of two clients; longer than the windows of rules that count over all clients
/// would need to take two of them for one.
const APART_SECS: i64 = 1_200;
/// When the first client comes: 2026-01-01T00:00:00Z.
const START_SECS: i64 = 1_767_225_600;

/// One client.
#[derive(Debug)]
pub struct Session<'c> {
    /// `kind class tier` of its requests.
    pub group: String,
    /// What it asks for, in order.
    pub cases: Vec<&'c Case>,
    /// The confidence that it is hostile in the end.
    pub confidence: f64,
    /// The rules that said so.
    pub rules: Vec<String>,
}

impl Session<'_> {
    /// What it sends is labelled hostile: all of it is of one kind.
    pub fn is_hostile(&self) -> bool {
        self.cases.first().is_some_and(|case| case.is_hostile())
    }
}

/// Makes clients of `size` requests of the cases of each class; a rest that fills less than half of one is left out.
pub fn make(cases: &[Case], size: usize) -> Vec<Session<'_>> {
    let mut groups: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.is_hostile() || case.is_benign()) {
        let group = format!("{} {} {}", case.kind, case.class, case.tier);
        groups.entry(group).or_default().push(case);
    }
    let mut sessions = Vec::new();
    for (group, mut cases) in groups {
        let recorded = cases.first().is_some_and(|case| case.tier == "session");
        let size = if recorded { cases.len() } else { size };
        if !recorded {
            cases.sort_by_key(|case| case.number());
        }
        for cases in cases.chunks(size).filter(|cases| cases.len() * 2 >= size) {
            sessions.push(Session {
                group: group.clone(),
                cases: cases.to_vec(),
                confidence: 0.0,
                rules: Vec::new(),
            });
        }
    }
    sessions
}

/// Lets the clients come, one after the other.
pub fn run(sessions: &mut [Session<'_>], ruleset: Arc<Ruleset>) {
    let kit: Arc<Kit> = Arc::new(bare_kit(ruleset));
    let options = FoldOptions {
        indicators: Options {
            min_confidence: Confidence::default(),
            persist: false,
            ..Options::default()
        },
        ..FoldOptions::default()
    };
    let mut scanner = Scanner::new(&kit);
    let layout = Layout::preset(Format::NginxCombined);
    let mut fold = Fold::new(&kit, options);
    for (number, session) in sessions.iter_mut().enumerate() {
        let address = address(number);
        let batch = batch(session, number, &address);
        let mut scan = scanner.scan(batch, &layout);
        assert!(
            scan.rejected.is_empty(),
            "the scorer writes lines that can be read"
        );
        for at in 0..scan.found.len() {
            fold.take(&mut scan, at);
        }
        if let Some(indicator) = fold.find(&address) {
            session.confidence = indicator.confidence.value();
            session.rules = indicator
                .rules
                .iter()
                .map(|rule| rule.title.to_string())
                .collect();
        }
    }
}

/// An address of its own in a network of its own.
fn address(number: usize) -> String {
    format!(
        "{}.{}.{}.7",
        60 + number / 65_536,
        number / 256 % 256,
        number % 256
    )
}

/// A client's requests as nginx logs them.
fn batch(session: &Session<'_>, number: usize, address: &str) -> Batch {
    let first = session.cases.first();
    let mut batch = Batch {
        file: "-".into(),
        ..Batch::default()
    };
    let mut text = String::new();
    for (at, case) in session.cases.iter().enumerate() {
        let secs = START_SECS + number as i64 * APART_SECS + at as i64 * PAUSE_SECS;
        let about_the_agent = case.class.contains("-ua") || case.tier == "session" || case.ua.len() > 300;
        let agent = match first {
            Some(first) if !about_the_agent => &first.ua,
            _ => &case.ua,
        };
        let start = text.len();
        write_line(&mut text, address, secs, case, agent);
        batch.lines.push(Line {
            start: start as u32,
            len: (text.len() - start) as u32,
            cut: false,
        });
        text.push('\n');
    }
    batch.bytes = text.into_bytes();
    batch
}

fn write_line(text: &mut String, address: &str, secs: i64, case: &Case, agent: &str) {
    let civil = Time::from_secs(secs).unwrap_or_default().civil();
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = MONTHS[(civil.month as usize - 1) % 12];
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{address} - - [{:02}/{month}/{}:{:02}:{:02}:{:02} +0000] \"{} {} HTTP/1.1\" {} 1000 \"{}\" \"{}\"",
        civil.day,
        civil.year,
        civil.hour,
        civil.minute,
        civil.second,
        escaped(&case.method),
        escaped(&case.uri),
        case.status,
        escaped(if case.referer.is_empty() {
            "-"
        } else {
            &case.referer
        }),
        escaped(if agent.is_empty() { "-" } else { agent }),
    );
}

/// As nginx escapes what a client sent.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => {
                let _ = write!(out, "\\x{byte:02X}");
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}
