//! `afw config`: write a file to start from, check one, show what is in force.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::options::{AnalysisOptions, CommonOptions, OutputOptions};
use super::output::{Output, quietly};
use super::{Exit, Failure, logging, now};
use crate::config::Config;
use crate::drive::data::Files;
use crate::drive::{setup, sinks};

/// The file that `init` writes: every key with its default, commented out.
const TEMPLATE: &str = include_str!("../config/template.toml");

/// The configuration file.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    analysis: AnalysisOptions,
    #[command(flatten)]
    output: OutputOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a commented configuration file: afw config init > /etc/afw/afw.toml
    Init,
    /// Check the file and everything it names: rules, databases, lists, networks, receivers
    Check,
    /// Print the values in force; secrets are only said to be set
    Show {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// What is wrong with the configuration.
pub fn run(common: &CommonOptions, args: &ConfigArgs) -> Result<Exit, Failure> {
    let mut out = Output::new(false);
    if matches!(args.command, Command::Init) {
        return quietly(out.text(TEMPLATE).and_then(|()| out.flush()));
    }
    let config = Config::resolve(common, &[], &args.analysis, &args.output, now())?;
    logging::start(&config);
    match args.command {
        Command::Check => check(&config),
        Command::Show { json } => quietly(out.text(&show(&config, json)).and_then(|()| out.flush())),
        Command::Init => Ok(Exit::Done),
    }
}

/// Tries everything that a run would load, and says all that is wrong at once.
fn check(config: &Config) -> Result<Exit, Failure> {
    let analysis = &config.analysis;
    let failures: Vec<Failure> = [
        setup::ruleset(analysis).err(),
        Files::open(analysis).err(),
        setup::trust(analysis).err(),
        setup::logs_or_none(config).err(),
        sinks::build(config).err(),
        sinks::outbox_limits(config).err(),
    ]
    .into_iter()
    .flatten()
    .collect();
    for failure in &failures {
        failure.report();
    }
    match &config.config_path {
        Some(path) if failures.is_empty() => tracing::info!("{} is good", path.display()),
        None if failures.is_empty() => {
            tracing::info!("there is no configuration file; the defaults are good")
        }
        _ => {}
    }
    Ok(if failures.is_empty() {
        Exit::Done
    } else {
        Exit::Usage
    })
}

/// The values in force.
fn show(config: &Config, as_json: bool) -> String {
    let values = values(config);
    if as_json {
        return format!("{values:#}\n");
    }
    let rows = values.as_object().into_iter().flatten();
    rows.map(|(name, value)| format!("{name:<18} {}\n", crate::text::printable(&readable(value))))
        .collect()
}

fn readable(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(readable).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn values(config: &Config) -> Value {
    let (analysis, output) = (&config.analysis, &config.output);
    json!({
        "config": config.config_path,
        "state_dir": config.state_dir,
        "paths": config.paths,
        "format": analysis.format.as_deref().unwrap_or("auto"),
        "format_from": analysis.format_from,
        "trusted_proxy": analysis.trusted_proxies,
        "client_header": analysis.client_header,
        "geoip": analysis.geoip,
        "rules": analysis.rules,
        "no_default_rules": !analysis.default_rules,
        "list": analysis.lists.iter().map(|(name, path)| format!("{name}={}", path.display())).collect::<Vec<_>>(),
        "allow": analysis.allow,
        "own_hosts": analysis.own_hosts,
        "min_confidence": analysis.min_confidence.value(),
        "resolver": analysis.resolver,
        "dns": analysis.dns,
        "line_cap_bytes": analysis.line_cap_bytes,
        "sink": sinks::names(config).iter().map(|name| sinks::without_keys(name)).collect::<Vec<_>>(),
        "host": output.hosts,
        "class": output.classes.iter().map(|class| class.name()).collect::<Vec<_>>(),
        "threads": output.threads,
        "outbox": {
            "max_bytes": config.file.outbox.max_bytes, "max_age": config.file.outbox.max_age,
            "overflow": config.file.outbox.overflow.as_deref().unwrap_or("block"),
        },
        "since": output.since.map(|time| time.to_string()),
        "until": output.until.map(|time| time.to_string()),
    })
}
