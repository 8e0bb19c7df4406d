//! Scores the packs on labelled requests: `cargo run --example score -- FOLDER [--rules PATH] [--verdicts]`.
//!
//! FOLDER holds JSON lines, one request each: `id`, `kind` (`attack`, `bot`, `crawler`, `benign`), `class`, `tier`,
//! `method`, `uri`, `status`, `ua`, `referer`. Printed is, per class, how many requests a rule fired on and how many
//! with confidence 0.5 or more; then the same for the groups that docs/detection.md states goals for. With
//! `--rules` the rules come from a file or folder in place of the built-in packs; with `--verdicts` one line per request is
//! printed instead: id, kind, class, tier, strongest confidence, agent type, rules, target.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example may talk")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use afw::client::Client;
use afw::detect::{RuleText, Ruleset, Signatures, builtin};
use afw::enrich::crawler::Verdict as Claimed;
use afw::enrich::{AddressFacts, AgentCache, AgentType};
use afw::event::Event;
use afw_parsers::{Record, Time};
use serde::Deserialize;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("score: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut folder = None;
    let mut rules = None;
    let mut verdicts = false;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rules" => rules = args.next().map(PathBuf::from),
            "--verdicts" => verdicts = true,
            _ => folder = Some(PathBuf::from(arg)),
        }
    }
    let folder = folder.ok_or("name the folder of the cases")?;
    let texts = match rules {
        Some(path) => texts(&path)?,
        None => builtin(),
    };
    let ruleset = Ruleset::load(&texts).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        format!("rules are refused\n{}", lines.join("\n"))
    })?;
    let mut scorer = Scorer::new(ruleset);
    let mut table = Table::default();
    for path in files(&folder, "jsonl")? {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        for (number, line) in text.lines().enumerate() {
            let case: Case = serde_json::from_str(line)
                .map_err(|error| format!("{}:{}: {error}", path.display(), number + 1))?;
            let verdict = scorer.judge(&case);
            match verdicts {
                true => verdict.print(&case),
                false => table.add(&case, &verdict),
            }
        }
    }
    table.print();
    Ok(())
}

/// One labelled request.
#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    kind: String,
    class: String,
    #[serde(default)]
    tier: String,
    method: String,
    uri: String,
    status: u16,
    ua: String,
    referer: String,
}

/// What the rules say of a request.
struct Verdict {
    confidence: f64,
    agent: &'static str,
    rules: Vec<String>,
}

impl Verdict {
    fn print(&self, case: &Case) {
        println!(
            "{}\t{}\t{}\t{}\t{:.2}\t{}\t{}\t{} {} {} ua={:?} ref={:?}",
            case.id,
            case.kind,
            case.class,
            case.tier,
            self.confidence,
            self.agent,
            self.rules.join("; "),
            case.method,
            case.status,
            case.uri.escape_debug(),
            case.ua,
            case.referer
        );
    }
}

/// The rules and what running them needs.
struct Scorer {
    signatures: Signatures,
    agents: AgentCache,
    address: AddressFacts,
    file: Arc<str>,
}

impl Scorer {
    fn new(ruleset: Ruleset) -> Self {
        Self {
            signatures: Signatures::new(Arc::new(ruleset)),
            agents: AgentCache::new(1 << 14),
            address: AddressFacts::default(),
            file: "-".into(),
        }
    }

    fn judge(&mut self, case: &Case) -> Verdict {
        let client = Client {
            address: Some(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7))),
            peer: None,
        };
        let sent = |text: &str| (!text.is_empty()).then(|| Cow::<[u8]>::Owned(text.as_bytes().to_vec()));
        let record = Record {
            time: Some(Time::from_nanos(1_767_225_600_000_000_000)),
            peer: client.address,
            method: sent(&case.method),
            target: sent(&case.uri),
            http_version: Some(b"1.1"),
            status: Some(case.status),
            body_bytes: Some(1_000),
            referrer: sent(&case.referer),
            user_agent: Some(Cow::Borrowed(case.ua.as_bytes())),
            ..Record::default()
        };
        let agent = self.agents.facts(record.user_agent.as_deref());
        let event = Event {
            record: &record,
            client,
            address: &self.address,
            agent,
            verdict: Claimed::Unknown,
            exempt: None,
            file: &self.file,
            offset: 0,
        };
        let mut hits = Vec::new();
        self.signatures.inspect(&event, &mut hits);
        let rules = self.signatures.ruleset().rules();
        let fired = hits
            .iter()
            .filter_map(|hit| rules.get(hit.rule as usize))
            .filter(|rule| rule.alerts);
        let mut verdict = Verdict {
            confidence: 0.0,
            agent: AgentType::name(agent.kind),
            rules: Vec::new(),
        };
        for rule in fired {
            verdict.confidence = verdict.confidence.max(rule.info.confidence.value());
            verdict.rules.push(rule.info.title.to_string());
        }
        verdict
    }
}

/// How many requests there were, how many a rule fired on, and how many with confidence 0.5 or more.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    all: usize,
    any: usize,
    sure: usize,
}

impl Count {
    fn add(&mut self, verdict: &Verdict) {
        self.all += 1;
        self.any += usize::from(!verdict.rules.is_empty());
        self.sure += usize::from(verdict.confidence >= 0.5);
    }

    fn print(&self, name: &str, goal: &str) {
        let percent = |part: usize| 100.0 * part as f64 / self.all.max(1) as f64;
        println!(
            "{name:<52} {:>6} {:>8.2} {:>8.2}  {goal}",
            self.all,
            percent(self.any),
            percent(self.sure)
        );
    }
}

#[derive(Debug, Default)]
struct Table {
    classes: BTreeMap<(String, String, String), Count>,
    groups: Vec<Count>,
}

/// A name, the goal in words, and which cases it counts.
type Group = (&'static str, &'static str, fn(&Case, &Verdict) -> bool);

const GROUPS: &[Group] = &[
    ("attack payloads", "any >= 96", |case, _| case.tier == "payload"),
    ("  SQL injection", "any >= 96", |case, _| case.class == "sqli"),
    ("  cross-site scripting", "any >= 97", |case, _| {
        case.class == "xss"
    }),
    ("  file inclusion and traversal", "any >= 97", |case, _| {
        case.class == "lfi"
    }),
    ("  command injection", "any >= 93", |case, _| case.class == "rce"),
    ("  Log4Shell", "any = 100", |case, _| case.class == "log4shell"),
    ("payloads in base64", "any >= 80", |case, _| {
        case.tier == "payload-b64"
    }),
    ("template probes, tier attack", "any >= 70", |case, _| {
        case.tier == "attack" && case.id.starts_with("nuc-")
    }),
    ("honeypot requests", "any >= 85", |case, _| {
        case.class == "wild-honeypot"
    }),
    ("scanner tools by agent", "any >= 99", |case, _| {
        case.class == "scanner-tool"
    }),
    ("script clients by agent", "any >= 98", |case, _| {
        case.class == "script-client"
    }),
    ("benign requests", "any <= 1, sure <= 0.25", |case, _| {
        case.tier == "benign"
    }),
    ("look-alikes", "sure <= 3", |case, _| case.tier == "lookalike"),
    ("real browsers", "any <= 0.1", |case, _| {
        case.class == "browser-real"
    }),
];

impl Table {
    fn add(&mut self, case: &Case, verdict: &Verdict) {
        let key = (case.kind.clone(), case.class.clone(), case.tier.clone());
        self.classes.entry(key).or_default().add(verdict);
        self.groups.resize(GROUPS.len(), Count::default());
        for (count, (_, _, holds)) in self.groups.iter_mut().zip(GROUPS) {
            if holds(case, verdict) {
                count.add(verdict);
            }
        }
    }

    fn print(&self) {
        if self.classes.is_empty() {
            return;
        }
        println!("{:<52} {:>6} {:>8} {:>8}", "class", "cases", "any %", "sure %");
        for ((kind, class, tier), count) in &self.classes {
            count.print(&format!("{kind} {class} {tier}"), "");
        }
        println!();
        for (count, (name, goal, _)) in self.groups.iter().zip(GROUPS) {
            count.print(name, goal);
        }
    }
}

/// The files with an extension in a folder, sorted; the path itself when it is a file.
fn files(path: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    Ok(files)
}

fn texts(path: &Path) -> Result<Vec<RuleText>, String> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(RuleText {
            name: path.display().to_string().into(),
            text,
        })
    };
    files(path, "yml")?.into_iter().map(read).collect()
}
