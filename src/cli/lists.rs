//! `afw lists`: what the lists hold and how old they are; those with a publisher brought up to date.
//!
//! Nothing here speaks HTTP or reads list formats. Next: [`crate::update::list`], [`crate::enrich::lists`].

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{logging, refresh};
use crate::config::Config;
use crate::config::options::{AnalysisOptions, CommonOptions};
use crate::drive::clock::now;
use crate::drive::data::{STALE_LIST_DAYS, days_since, list_time};
use crate::enrich::{List, ListSpec, Lists};
use crate::terminal::output::{Output, quietly};
use crate::terminal::{Exit, Failure};
use crate::text::{counted, grouped, of_path, printable};
use crate::update::list::update;

/// Address, network, ASN and crawler lists: status, update.
#[derive(Debug, Args)]
pub struct ListsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Each list: its role, format, size and age
    Status {
        /// A list under a name; repeatable [default: those of the configuration]
        #[arg(long, value_name = "NAME=FILE", env = "AFW_LIST", hide_env_values = true)]
        list: Vec<String>,
        /// One JSON object a list
        #[arg(long)]
        json: bool,
    },
    /// Fetch the lists that list_source sections name, where they changed
    Update {
        /// One JSON object a list
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// Configuration that cannot be used.
pub fn run(common: &CommonOptions, args: &ListsArgs) -> Result<Exit, Failure> {
    let analysis = AnalysisOptions {
        list: match &args.command {
            Command::Status { list, .. } => list.clone(),
            Command::Update { .. } => Vec::new(),
        },
        ..Default::default()
    };
    let config = Config::resolve(common, &[], &analysis, &Default::default(), now())?;
    logging::start(&config);
    match args.command {
        Command::Status { json, .. } => status(&config, json),
        Command::Update { json } => fetch(&config, json),
    }
}

fn status(config: &Config, json: bool) -> Result<Exit, Failure> {
    let entries = &config.analysis.lists;
    if entries.is_empty() {
        tracing::info!("no list is configured; name some with --list NAME=FILE or the key list");
    }
    let mut out = Output::new(false);
    let mut exit = Exit::Done;
    for (name, path) in entries {
        let spec = ListSpec {
            name: name.clone(),
            path: path.clone(),
        };
        match Lists::load(&[spec]) {
            Ok(lists) => {
                for list in lists.iter() {
                    quietly(out.line(&row(list, path, json)))?;
                }
            }
            Err(errors) => {
                exit = Exit::Failed;
                for error in errors {
                    refresh::failure(&format!("{name}: {error}")).report();
                    if json {
                        let error = error.to_string();
                        let row =
                            json!({ "name": name, "path": of_path(path), "error": error.lines().next() });
                        quietly(out.line(&row.to_string()))?;
                    }
                }
            }
        }
    }
    quietly(out.flush())?;
    Ok(exit)
}

fn row(list: &List, path: &Path, json: bool) -> String {
    let fresh = list_time(list, path);
    let made = list.made().or(fresh);
    let days = fresh.map(days_since);
    let stale = days.is_some_and(|days| days > STALE_LIST_DAYS);
    if stale {
        let days = days.unwrap_or_default();
        tracing::warn!("{}: {} old", path.display(), counted(days.unsigned_abs(), "day"));
    }
    if json {
        return json!({
            "name": list.name().as_ref(), "path": of_path(path), "role": list.role().name(), "format": list.format().name(),
            "networks": list.networks(), "asns": list.asns(), "left_out": list.left_out(),
            "made": made.map(|time| time.to_string()), "age_days": days,
            "stale": stale,
        })
        .to_string();
    }
    let age = days
        .map(|days| format!(", {} old", counted(days.unsigned_abs(), "day")))
        .unwrap_or_default();
    printable(&format!(
        "{}  {}  {}  {}  {}, {}, {} left out{age}",
        list.name(),
        path.display(),
        list.role().name(),
        list.format().name(),
        counted(list.networks() as u64, "network"),
        counted(list.asns() as u64, "autonomous system"),
        grouped(list.left_out() as u64),
    ))
}

fn fetch(config: &Config, json: bool) -> Result<Exit, Failure> {
    let sources = config.analysis.sources.iter().map(|one| &one.source);
    if config.analysis.sources.is_empty() {
        tracing::info!("no list has a publisher; add [[list_source]] with name and url to the configuration");
    }
    let fetcher = refresh::fetcher(config);
    let mut out = Output::new(false);
    let mut exit = Exit::Done;
    for source in sources {
        match update(source, &fetcher) {
            Ok(updated) => {
                quietly(out.line(&refresh::row(&source.name, &source.path, &updated, json)))?;
            }
            Err(error) => {
                exit = Exit::Failed;
                refresh::failure(&format!("{}: {error}", source.name)).report();
            }
        }
    }
    quietly(out.flush())?;
    Ok(exit)
}
