//! `afw lists`: what the lists hold and how old they are; those with a publisher brought up to date.
//!
//! Nothing here speaks HTTP or reads list formats. Next: [`crate::update::list`], [`crate::enrich::lists`].

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use afw_parsers::Time;
use clap::{Args, Subcommand};
use serde_json::json;

use super::options::{AnalysisOptions, CommonOptions};
use super::output::{Output, quietly};
use super::{Exit, Failure, logging, now, refresh};
use crate::config::{Config, environment};
use crate::enrich::{List, ListSpec, Lists};
use crate::text::{grouped, printable};
use crate::update::UpdateError;
use crate::update::list::{ListSource, update};

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
    /// Fetch the lists of [[list_source]] that changed
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
                        let row = json!({ "name": name, "path": path, "error": error.lines().next() });
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
    let made = list.made().or_else(|| written(path));
    let days = made.map(refresh::days_since);
    if json {
        return json!({
            "name": list.name().as_ref(), "path": path, "role": list.role().name(), "format": list.format().name(),
            "networks": list.networks(), "asns": list.asns(), "left_out": list.left_out(),
            "made": made.map(|time| time.to_string()), "age_days": days,
        })
        .to_string();
    }
    let count = |count: usize| grouped(count as u64);
    let age = days.map(|days| format!(", {days} days old")).unwrap_or_default();
    printable(&format!(
        "{}  {}  {}  {}  {} networks, {} autonomous systems, {} left out{age}",
        list.name(),
        path.display(),
        list.role().name(),
        list.format().name(),
        count(list.networks()),
        count(list.asns()),
        count(list.left_out()),
    ))
}

/// When the file was last written: the age of a list that does not tell its own.
fn written(path: &Path) -> Option<Time> {
    let written = fs::metadata(path).ok()?.modified().ok()?;
    let since = written.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok().map(Time::from_nanos)
}

fn fetch(config: &Config, json: bool) -> Result<Exit, Failure> {
    let sources = sources(config)?;
    if sources.is_empty() {
        tracing::info!(
            "no list has a publisher; add [[list_source]] with name, url and path to the configuration"
        );
    }
    let fetcher = refresh::fetcher(config);
    let mut out = Output::new(false);
    let mut exit = Exit::Done;
    for source in &sources {
        match folder(source).and_then(|()| update(source, &fetcher)) {
            Ok(updated) => {
                quietly(out.line(&refresh::row(&source.name, &source.path, &updated, json)))?;
                tell_unused(config, source);
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

/// The configured publishers. Names are those that `--list` takes; two publishers of one file would undo each other.
fn sources(config: &Config) -> Result<Vec<ListSource>, Failure> {
    let mut paths = HashSet::new();
    let mut sources = Vec::new();
    for set in &config.file.list_source {
        let spec: ListSpec = format!("{}={}", set.name, set.path.display())
            .parse()
            .map_err(|error| Failure::usage(format!("[[list_source]]: {error}")))?;
        if !paths.insert(&set.path) {
            let path = set.path.display();
            return Err(Failure::usage(format!(
                "[[list_source]] {}: {path} is another list's file",
                set.name
            ))
            .hint("give each list a path of its own; lists may share a name"));
        }
        sources.push(ListSource {
            name: spec.name,
            url: set.url.clone(),
            path: set.path.clone(),
        });
    }
    Ok(sources)
}

fn folder(source: &ListSource) -> Result<(), UpdateError> {
    let Some(folder) = source.path.parent() else {
        return Ok(());
    };
    fs::create_dir_all(folder).map_err(|error| UpdateError::Write {
        path: folder.to_owned(),
        source: error,
    })
}

/// A list that is kept fresh and that nothing reads helps nobody.
fn tell_unused(config: &Config, source: &ListSource) {
    let used = config.analysis.lists.iter().any(|(_, path)| *path == source.path);
    if !used && environment("AFW_LIST").is_none() {
        tracing::info!(
            "{1} is not in use yet; add \"{0}={1}\" to the key list or use --list {0}={1}",
            source.name,
            source.path.display()
        );
    }
}
