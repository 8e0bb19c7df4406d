//! `afw rules`: what rules there are, and whether one's own load.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use afw_parsers::Record;
use clap::{Args, Subcommand};
use serde_json::json;

use super::logging;
use crate::analysis::Scanner;
use crate::config::Config;
use crate::config::options::{AnalysisOptions, CommonOptions, RuleOptions};
use crate::detect::rules::Example;
use crate::detect::{Rule, RuleInfo, RuleProblem, RuleText, Ruleset};
use crate::drive::clock::now;
use crate::drive::setup;
use crate::terminal::output::Output;
use crate::terminal::{Exit, Failure};
use crate::text::{counted, printable, printable_lines};

/// The rules: list, show, check, test.
#[derive(Debug, Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All rules in force, one a line
    List {
        #[command(flatten)]
        rules: RuleOptions,
        /// One JSON object a rule
        #[arg(long)]
        json: bool,
    },
    /// One rule: what it says of itself
    Show {
        /// Its id or title
        id: String,
        #[command(flatten)]
        rules: RuleOptions,
    },
    /// Load rules and report every problem; 0 when all load, 2 when any is refused
    Check(Named),
    /// Run the rules' own examples: what must match and what must pass
    Test(Named),
}

/// Rules by their files, or those in force.
#[derive(Debug, Args)]
struct Named {
    /// Files and directories, `-` for standard input; none: the rules in force
    paths: Vec<PathBuf>,
    #[command(flatten)]
    rules: RuleOptions,
}

impl Command {
    const fn options(&self) -> &RuleOptions {
        match self {
            Self::List { rules, .. } | Self::Show { rules, .. } => rules,
            Self::Check(named) | Self::Test(named) => &named.rules,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Rules that do not load; output that cannot be written.
pub fn run(common: &CommonOptions, args: &RulesArgs) -> Result<Exit, Failure> {
    let analysis = AnalysisOptions {
        rules: args.command.options().clone(),
        ..Default::default()
    };
    let config = Config::resolve(common, &[], &analysis, &Default::default(), now())?;
    logging::start(&config);
    let in_force = || setup::ruleset(&config.analysis);
    match &args.command {
        Command::List { json, .. } => crate::terminal::output::quietly(list(&in_force()?, *json)),
        Command::Show { id, .. } => show(&in_force()?, id),
        Command::Check(named) => check(&config, &named.paths),
        Command::Test(named) => test(&config, &named.paths),
    }
}

fn list(ruleset: &Ruleset, json: bool) -> std::io::Result<()> {
    let mut out = Output::new(false);
    for rule in ruleset.rules() {
        let line = if json { as_json(rule) } else { as_text(rule) };
        out.line(&line)?;
    }
    out.flush()
}

fn as_text(rule: &Rule) -> String {
    let info = &rule.info;
    printable(&format!(
        "{:<19} {:<13} {:.2}  {}  ({})",
        info.class.name(),
        info.level.name(),
        info.confidence.value(),
        info.title,
        info.id
    ))
}

fn as_json(rule: &Rule) -> String {
    let info = &rule.info;
    json!({
        "id": info.id.as_ref(), "title": info.title.as_ref(), "level": info.level.name(), "class": info.class.name(),
        "confidence": info.confidence.value(), "tags": info.tags.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
        "source": info.source.as_ref(), "alerts": rule.alerts,
    })
    .to_string()
}

fn show(ruleset: &Ruleset, id: &str) -> Result<Exit, Failure> {
    let named = |rule: &&Rule| *rule.info.id == *id || rule.info.title.eq_ignore_ascii_case(id);
    let Some(rule) = ruleset.rules().iter().find(named) else {
        return Err(Failure::new(Exit::Failed, format!("there is no rule {id}"))
            .hint("`afw rules list` shows all ids"));
    };
    let mut out = Output::new(false);
    let written = page(rule).iter().try_for_each(|line| out.line(&printable(line)));
    crate::terminal::output::quietly(written.and_then(|()| out.flush()))
}

fn page(rule: &Rule) -> Vec<String> {
    let info = &rule.info;
    let mut lines = vec![
        format!("{} ({})", info.title, info.id),
        format!(
            "class {}, level {}, confidence {:.2}",
            info.class.name(),
            info.level.name(),
            info.confidence.value()
        ),
        format!("from {} line {}", info.source, rule.line),
    ];
    lines.extend(rule.description.iter().map(|text| text.trim().replace('\n', " ")));
    if !info.tags.is_empty() {
        lines.push(format!("tags {}", info.tags.join(", ")));
    }
    let names: Vec<&str> = rule
        .selections
        .iter()
        .map(|selection| selection.name.as_ref())
        .collect();
    lines.push(format!("selections {}", names.join(", ")));
    for example in &rule.examples {
        let verdict = if example.matches {
            "must match"
        } else {
            "must pass"
        };
        lines.push(format!(
            "{verdict}: {} {} → {}",
            example.method, example.target, example.status
        ));
    }
    lines
}

/// The named rules, `-` being standard input, else those in force.
fn texts(config: &Config, paths: &[PathBuf]) -> Result<Vec<RuleText>, Failure> {
    if paths.is_empty() {
        return setup::rules_in_force(&config.analysis);
    }
    let named = |path: &PathBuf| match path.as_os_str() == "-" {
        true => PathBuf::from("/dev/stdin"),
        false => path.clone(),
    };
    setup::rule_texts(&paths.iter().map(named).collect::<Vec<_>>())
}

/// Loads rules by themselves, or beside the built-in ones when they need those: a filter narrows rules, a correlation
/// counts them.
fn load_alone_or_beside(texts: &[RuleText]) -> Result<Ruleset, Vec<RuleProblem>> {
    Ruleset::load(texts).or_else(|alone| {
        let mut all = crate::detect::builtin();
        all.extend(texts.iter().cloned());
        let refusals = |problems: &[RuleProblem]| problems.iter().filter(|problem| !problem.warning).count();
        Ruleset::load(&all).map_err(|beside| match refusals(&beside) < refusals(&alone) {
            true => beside,
            false => alone,
        })
    })
}

/// Whether a rule stands in one of these files.
fn stands_in(info: &RuleInfo, texts: &[RuleText]) -> bool {
    texts.iter().any(|text| text.name == info.source)
}

fn check(config: &Config, paths: &[PathBuf]) -> Result<Exit, Failure> {
    let texts = texts(config, paths)?;
    match load_alone_or_beside(&texts) {
        Ok(ruleset) => {
            for warning in ruleset.warnings() {
                tracing::warn!("{warning}");
            }
            let signatures = ruleset.rules().iter().map(|rule| &rule.info);
            let correlations = ruleset.correlations().iter().map(|rule| &rule.info);
            let all = signatures.chain(correlations);
            let rules = all.filter(|info| stands_in(info, &texts)).count();
            let files = counted(texts.len() as u64, "file");
            let load = if rules == 1 { "loads" } else { "load" };
            tracing::info!("{} in {files} {load}", counted(rules as u64, "rule"));
            Ok(Exit::Done)
        }
        Err(problems) => {
            let mut out = Output::new(false);
            let written = problems.iter().try_for_each(|problem| {
                let word = if problem.warning { "warning: " } else { "" };
                out.line(&printable_lines(&format!("{word}{problem}")))
            });
            crate::terminal::output::quietly(written.and_then(|()| out.flush()))?;
            Ok(Exit::Usage)
        }
    }
}

/// Runs every example through the compiled engine.
fn test(config: &Config, paths: &[PathBuf]) -> Result<Exit, Failure> {
    let texts = texts(config, paths)?;
    let ruleset = Arc::new(load_alone_or_beside(&texts).map_err(|problems| setup::refused(&problems))?);
    let mut scanner = Scanner::new(&Arc::new(setup::bare_kit(Arc::clone(&ruleset))));
    let mut out = Output::new(false);
    let (mut rules, mut count, mut wrong) = (0, 0, 0);
    let all = ruleset.rules().iter().enumerate();
    for (index, rule) in all.filter(|(_, rule)| stands_in(&rule.info, &texts)) {
        rules += 1;
        for example in &rule.examples {
            count += 1;
            if fires(&mut scanner, index, example) != example.matches {
                wrong += 1;
                let said = if example.matches {
                    "does not match"
                } else {
                    "matches"
                };
                let line = format!(
                    "{}:{}: {} {said} {}",
                    rule.info.source, example.line, rule.info.title, example.target
                );
                crate::terminal::output::quietly(out.line(&printable(&line)))?;
            }
        }
    }
    crate::terminal::output::quietly(out.flush())?;
    let (examples, rules) = (counted(count as u64, "example"), counted(rules as u64, "rule"));
    tracing::info!("{examples} of {rules}, {wrong} wrong");
    Ok(if wrong == 0 { Exit::Done } else { Exit::Failed })
}

fn fires(scanner: &mut Scanner, rule: usize, example: &Example) -> bool {
    let record = Record {
        time: Some(now()),
        peer: Some(IpAddr::from([9, 9, 9, 9])),
        ..example.record()
    };
    let mut hits = Vec::new();
    scanner.with_event(&record, |event, signatures| signatures.inspect(event, &mut hits));
    hits.iter().any(|hit| hit.rule as usize == rule)
}
