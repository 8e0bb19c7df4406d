//! Scores rules on labelled requests: recall by class, false positives, and what was missed or wrongly flagged.
//!
//! `cargo run --release --example score -- [--rules FILE]... [--misses CLASS] [--hits CLASS] [--max N] FILE...`
//!
//! Each input line is a JSON object with `kind`, `class`, `tier`, `method`, `uri`, `status`, `ua` and `referer`. The
//! built-in packs are scored unless rule files are named.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use afw::client::Client;
use afw::detect::{Hit, RuleText, Ruleset, Signatures, builtin};
use afw::enrich::{AddressFacts, AgentFacts};
use afw::event::Event;
use afw_parsers::Record;
use anyhow::{Context, anyhow};
use serde::Deserialize;

/// One labelled request.
#[derive(Deserialize)]
struct Case {
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

/// How many of a class were flagged, and how surely.
#[derive(Default)]
struct Score {
    cases: u32,
    flagged: u32,
    half: u32,
    sure: u32,
}

/// What was asked for on the command line.
#[derive(Default)]
struct Options {
    rules: Vec<RuleText>,
    misses: Option<String>,
    hits: Option<String>,
    max: usize,
    files: Vec<String>,
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options {
        max: 40,
        ..Options::default()
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().context("a value is missing");
        match argument.as_str() {
            "--rules" => {
                let name = value()?;
                let text = std::fs::read_to_string(&name).with_context(|| name.clone())?;
                options.rules.push(RuleText {
                    name: name.into(),
                    text,
                });
            }
            "--misses" => options.misses = Some(value()?),
            "--hits" => options.hits = Some(value()?),
            "--max" => options.max = value()?.parse()?,
            _ => options.files.push(argument),
        }
    }
    if options.rules.is_empty() {
        options.rules = builtin();
    }
    Ok(options)
}

fn main() -> anyhow::Result<()> {
    let options = options()?;
    let ruleset = Ruleset::load(&options.rules).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow!(lines.join("\n"))
    })?;
    let ruleset = Arc::new(ruleset);
    let mut signatures = Signatures::new(Arc::clone(&ruleset));
    let mut scores: BTreeMap<(String, String, String), Score> = BTreeMap::new();
    let mut rules: BTreeMap<(String, String), u32> = BTreeMap::new();
    let mut shown = 0;
    let mut out = io::stdout().lock();
    for name in &options.files {
        let text = std::fs::read_to_string(name).with_context(|| name.clone())?;
        for line in text.lines() {
            let case: Case = serde_json::from_str(line)?;
            let hits = hits(&mut signatures, &case);
            let named = titles(&ruleset, &hits);
            let best = named
                .iter()
                .map(|(_, confidence)| *confidence)
                .fold(0.0, f64::max);
            let score = scores
                .entry((case.kind.clone(), case.tier.clone(), case.class.clone()))
                .or_default();
            score.cases += 1;
            score.flagged += u32::from(!named.is_empty());
            score.half += u32::from(best >= 0.5);
            score.sure += u32::from(best >= 0.7);
            for (title, _) in &named {
                *rules.entry((title.clone(), case.kind.clone())).or_default() += 1;
            }
            let wanted = |filter: &Option<String>| {
                filter.as_deref().is_some_and(|class| {
                    case.class.starts_with(class) || case.kind == class || case.tier == class
                })
            };
            let miss = wanted(&options.misses) && best < 0.5;
            let hit = wanted(&options.hits) && !named.is_empty();
            if (miss || hit) && shown < options.max {
                shown += 1;
                writeln!(
                    out,
                    "{} {} {} {} ua={} ref={} {named:?}",
                    case.class, case.method, case.uri, case.status, case.ua, case.referer
                )?;
            }
        }
    }
    print(&mut out, &scores, &rules)?;
    Ok(())
}

fn hits(signatures: &mut Signatures, case: &Case) -> Vec<Hit> {
    let some = |text: &'_ str| (!text.is_empty()).then(|| Cow::Owned(text.as_bytes().to_vec()));
    let record = Record {
        method: some(&case.method),
        target: some(&case.uri),
        status: Some(case.status),
        http_version: Some(b"1.1"),
        user_agent: some(&case.ua),
        referrer: some(&case.referer),
        ..Record::default()
    };
    let file: Arc<str> = "-".into();
    let event = Event {
        record: &record,
        client: Client::default(),
        address: &AddressFacts::default(),
        agent: &AgentFacts::default(),
        file: &file,
        offset: 0,
    };
    let mut hits = Vec::new();
    signatures.inspect(&event, &mut hits);
    hits
}

/// Title and confidence of the rules that alert.
fn titles(ruleset: &Ruleset, hits: &[Hit]) -> Vec<(String, f64)> {
    hits.iter()
        .filter_map(|hit| ruleset.rules().get(hit.rule as usize))
        .filter(|rule| rule.alerts)
        .map(|rule| (rule.info.title.to_string(), rule.info.confidence.value()))
        .collect()
}

fn print(
    out: &mut impl Write,
    scores: &BTreeMap<(String, String, String), Score>,
    rules: &BTreeMap<(String, String), u32>,
) -> io::Result<()> {
    let share = |part: u32, all: u32| 100.0 * f64::from(part) / f64::from(all.max(1));
    let mut totals: BTreeMap<(&str, &str), Score> = BTreeMap::new();
    writeln!(
        out,
        "{:<44} {:>6} {:>8} {:>8} {:>8}",
        "class", "cases", "any %", ">=0.5 %", ">=0.7 %"
    )?;
    let line = |out: &mut dyn Write, name: &str, score: &Score| {
        writeln!(
            out,
            "{name:<44} {:>6} {:>8.2} {:>8.2} {:>8.2}",
            score.cases,
            share(score.flagged, score.cases),
            share(score.half, score.cases),
            share(score.sure, score.cases)
        )
    };
    for ((kind, tier, class), score) in scores {
        line(out, &format!("{kind}/{tier}/{class}"), score)?;
        let total = totals.entry((kind, tier)).or_default();
        total.cases += score.cases;
        total.flagged += score.flagged;
        total.half += score.half;
        total.sure += score.sure;
    }
    writeln!(out)?;
    for ((kind, tier), score) in &totals {
        line(out, &format!("{kind}/{tier}"), score)?;
    }
    writeln!(out)?;
    for ((title, kind), count) in rules {
        writeln!(out, "{count:>7} {kind:<8} {title}")?;
    }
    Ok(())
}
