//! `afw status`: how far logs were read, what waits for whom, how fresh databases and lists are.

use std::fmt::Write as _;

use afw_parsers::Time;
use clap::Args;
use serde_json::{Value, json};

use super::logging;
use crate::config::Config;
use crate::config::options::CommonOptions;
use crate::drive::clock::now;
use crate::drive::lag::{lag_bytes, lag_secs, size};
use crate::drive::{setup, sinks};
use crate::report::summary::bytes;
use crate::store::{Condition, FileRow, Lock, Receiver, StateKind, Store};
use crate::terminal::output::{Output, quietly};
use crate::terminal::{Exit, Failure};
use crate::text::{clause, counted, grouped, of_path, printable, printable_path};

/// Cursors and lag, outbox, sinks, databases and lists.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// For monitoring: also check the whole store; 1 when it is damaged, a sink is stopped or dead letters lie there
    #[arg(long)]
    check: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// All that the status tells.
struct Status {
    files: Vec<FileRow>,
    receivers: Vec<Receiver>,
    windows: u64,
    indicators: u64,
    counters: Vec<(String, u64)>,
    running: bool,
}

/// Runs the command.
///
/// # Errors
/// The store cannot be read, or `--check` finds something wrong with it.
pub fn run(common: &CommonOptions, args: &StatusArgs) -> Result<Exit, Failure> {
    let config = Config::resolve(common, &[], &Default::default(), &Default::default(), now())?;
    logging::start(&config);
    let store = Store::open_existing(&config.state_dir)?;
    let status = match store {
        Some(mut store) => {
            if args.check {
                store.check()?;
            }
            Status::read(&config, &store)?
        }
        None => Status::empty(),
    };
    let mut out = Output::new(false);
    let written = if args.json {
        out.text(&format!("{:#}\n", status.json(&config)))
    } else {
        out.page(&crate::terminal::output::styled(&status.text(&config)))
    };
    quietly(written.and_then(|()| out.flush()))?;
    Ok(if args.check && status.is_bad() {
        Exit::Failed
    } else {
        Exit::Done
    })
}

impl Status {
    fn read(config: &Config, store: &Store) -> Result<Self, crate::store::StoreError> {
        Ok(Self {
            files: store.files()?,
            receivers: store.receivers()?,
            windows: store.state_count(StateKind::Window)?,
            indicators: store.state_count(StateKind::Indicator)?,
            counters: store.counters()?,
            running: !matches!(Lock::holder(&config.state_dir), Ok(None)),
        })
    }

    const fn empty() -> Self {
        Self {
            files: Vec::new(),
            receivers: Vec::new(),
            windows: 0,
            indicators: 0,
            counters: Vec::new(),
            running: false,
        }
    }

    /// A sink that cannot deliver or a record that was refused for good needs a person.
    fn is_bad(&self) -> bool {
        let stopped = |receiver: &Receiver| matches!(receiver.condition, Condition::Paused | Condition::Open);
        self.receivers
            .iter()
            .any(|receiver| stopped(receiver) || receiver.dead_batches > 0)
    }

    fn text(&self, config: &Config) -> String {
        let mut out = String::new();
        let running = if self.running { "running" } else { "not running" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "afw {} · state in {} · {running}",
            env!("CARGO_PKG_VERSION"),
            config.state_dir.display()
        );
        self.files_text(&mut out);
        self.sinks_text(&mut out, config);
        let _ = writeln!(
            out,
            "\nState\n  {} open, {} clients and names remembered",
            counted(self.windows, "detection window"),
            grouped(self.indicators)
        );
        for (name, count) in &self.counters {
            let name = printable(name).replace('_', " ");
            let _ = writeln!(out, "  {} {name}", grouped(*count));
        }
        data_text(&mut out, config);
        out
    }

    fn files_text(&self, out: &mut String) {
        let _ = writeln!(out, "\nLogs");
        if self.files.is_empty() {
            let _ = writeln!(
                out,
                "  none read yet: `afw tail` and `afw replay --resume` keep their place here"
            );
        }
        for file in &self.files {
            let lag = lag_bytes(file);
            let state = if file.cursor.finished {
                "finished".to_owned()
            } else {
                format!("{} to read", bytes(lag))
            };
            let _ = writeln!(
                out,
                "  {}  {}  {}, {} rejected, at byte {}, {state}{}",
                printable_path(&file.cursor.path),
                file.format.as_deref().unwrap_or("?"),
                counted(file.lines, "line"),
                grouped(file.rejects),
                grouped(file.cursor.offset),
                file.last_time
                    .map(|time| format!(", last line {}", age(time)))
                    .unwrap_or_default(),
            );
        }
    }

    fn sinks_text(&self, out: &mut String, config: &Config) {
        let _ = writeln!(out, "\nSinks");
        let names = sinks::names(config);
        if names.is_empty() && self.receivers.is_empty() {
            let _ = writeln!(
                out,
                "  none: `afw tail` and `afw replay` ship with APPFIREWALL_API_KEY, ONEFIREWALL_API_KEY or --sink"
            );
        }
        for receiver in &self.receivers {
            let _ = writeln!(
                out,
                "  {}  {} (breaker {}), {} in {}, {} delivered, {}{}",
                printable(&receiver.name),
                receiver.condition.name(),
                receiver.condition.breaker(),
                clause(receiver.waiting_events(), "record", ["waits", "wait"]),
                counted(receiver.pending_batches, "batch"),
                grouped(receiver.delivered_events),
                counted(receiver.dead_batches, "dead letter"),
                receiver
                    .last_error
                    .as_deref()
                    .map(|error| format!("\n    last error: {}", printable(error)))
                    .unwrap_or_default(),
            );
        }
    }

    fn json(&self, config: &Config) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "state_dir": config.state_dir,
            "running": self.running,
            "files": self.files.iter().map(file_json).collect::<Vec<_>>(),
            "sinks": self.receivers.iter().map(receiver_json).collect::<Vec<_>>(),
            "windows": self.windows,
            "indicators": self.indicators,
            "counters": self.counters.iter().cloned().map(|(name, count)| (name, json!(count))).collect::<serde_json::Map<_, _>>(),
            "databases": databases_json(config),
            "lists": lists_json(config),
        })
    }
}

fn file_json(file: &FileRow) -> Value {
    let cursor = &file.cursor;
    json!({
        "path": of_path(&cursor.path), "id": cursor.id, "head_hash": format!("{:016x}", cursor.head_hash), "head_bytes": cursor.head_len,
        "device": cursor.device, "inode": cursor.inode, "offset": cursor.offset, "size": size(cursor),
        "lag_bytes": lag_bytes(file), "lag_secs": lag_secs(file, now()),
        "finished": cursor.finished, "format": file.format, "lines": file.lines, "rejects": file.rejects,
        "last_time": file.last_time.map(|time| time.to_string()), "updated": file.updated.to_string(),
    })
}

fn receiver_json(receiver: &Receiver) -> Value {
    let time = |time: Option<Time>| time.map(|time| time.to_string());
    json!({
        "name": receiver.name, "condition": receiver.condition.name(), "breaker": receiver.condition.breaker(),
        "pending_batches": receiver.pending_batches, "pending_events": receiver.waiting_events(),
        "pending_bytes": receiver.pending_bytes, "oldest": time(receiver.oldest),
        "dead_batches": receiver.dead_batches, "dead_events": receiver.dead_events,
        "delivered_batches": receiver.delivered_batches, "delivered_events": receiver.delivered_events,
        "dropped_events": receiver.dropped_events, "failures": receiver.failures,
        "next_attempt": time(receiver.next_attempt), "last_success": time(receiver.last_success),
        "last_failure": time(receiver.last_failure), "last_status": receiver.last_status, "last_error": receiver.last_error,
    })
}

fn data_text(out: &mut String, config: &Config) {
    if config.analysis.geoip.is_empty() && config.analysis.lists.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nDatabases and lists");
    for row in [databases_json(config), lists_json(config)].into_iter().flatten() {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let _ = writeln!(
            out,
            "  {}  {} {}",
            printable(&text("path")),
            text("type"),
            text("error")
        );
    }
}

fn databases_json(config: &Config) -> Vec<Value> {
    let open = |path: &std::path::PathBuf| match setup::databases(std::slice::from_ref(path)) {
        Ok(databases) => {
            let first = databases.iter().next();
            json!({
                "path": of_path(path), "type": first.map(|database| database.database_type().to_owned()),
                "built": first.and_then(|database| database.built()).map(|time| time.to_string()),
            })
        }
        Err(failure) => json!({ "path": of_path(path), "error": failure.message }),
    };
    config.analysis.geoip.iter().map(open).collect()
}

fn lists_json(config: &Config) -> Vec<Value> {
    let open = |entry: &(String, std::path::PathBuf)| match setup::lists(std::slice::from_ref(entry)) {
        Ok(lists) => {
            let first = lists.iter().next();
            json!({
                "name": entry.0, "path": of_path(&entry.1), "networks": first.map(crate::enrich::List::networks),
                "asns": first.map(crate::enrich::List::asns),
            })
        }
        Err(failure) => json!({ "name": entry.0, "path": of_path(&entry.1), "error": failure.message }),
    };
    config.analysis.lists.iter().map(open).collect()
}

/// How long ago, in the unit that matters.
fn age(time: Time) -> String {
    let secs = now().since(time).max(0) / 1_000_000_000;
    match secs {
        0..120 => format!("{secs} s ago"),
        120..7200 => format!("{} min ago", secs / 60),
        7200..172_800 => format!("{} h ago", secs / 3600),
        _ => format!("{} days ago", secs / 86_400),
    }
}
