//! `afw rules`: what rules there are, and whether one's own load.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::options::CommonOptions;
use super::output::Output;
use super::{Exit, Failure, logging, now};
use crate::config::Config;
use crate::detect::{Rule, Ruleset};
use crate::drive::setup;
use crate::text::printable;

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
        /// Further rules, a file or a directory; repeatable
        #[arg(long, value_name = "PATH")]
        rules: Vec<PathBuf>,
        /// Leave the built-in rules out
        #[arg(long)]
        no_default_rules: bool,
        /// One JSON object a rule
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// Rules that do not load; output that cannot be written.
pub fn run(common: &CommonOptions, args: &RulesArgs) -> Result<Exit, Failure> {
    let config = Config::resolve(common, &[], &Default::default(), &Default::default(), now())?;
    logging::start(&config);
    match &args.command {
        Command::List {
            rules,
            no_default_rules,
            json,
        } => {
            let ruleset = load(&config, rules, !no_default_rules)?;
            super::output::quietly(list(&ruleset, *json))
        }
    }
}

fn load(config: &Config, rules: &[PathBuf], default_rules: bool) -> Result<Ruleset, Failure> {
    let mut analysis = config.analysis.clone();
    analysis.rules.extend(rules.iter().cloned());
    analysis.default_rules &= default_rules;
    setup::ruleset(&analysis)
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
