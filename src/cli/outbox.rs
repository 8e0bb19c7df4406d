//! `afw outbox`: what waits for delivery and what was refused for good.
//!
//! Beside a running afw these commands only change rows, and the running one acts within two seconds.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::logging;
use crate::config::Config;
use crate::config::options::CommonOptions;
use crate::drive::clock::now;
use crate::drive::{sinks, start};
use crate::store::outbox::{OutboxRow, Which};
use crate::store::{Lock, Store};
use crate::terminal::output::{Output, quietly};
use crate::terminal::{Exit, Failure};
use crate::text::{clause, clipped, counted, printable, shown};

/// How long `flush` waits for sinks that fail.
const FLUSH: Duration = Duration::from_secs(30);

/// Batches that wait or failed: list, show, retry, drop, flush.
#[derive(Debug, Args)]
pub struct OutboxArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All batches, waiting and dead
    List {
        /// One JSON object a batch
        #[arg(long)]
        json: bool,
    },
    /// The decoded body of one batch
    Show {
        /// Its id, the Idempotency-Key
        id: String,
        /// As one JSON object with the batch's row and `body`
        #[arg(long)]
        json: bool,
    },
    /// Offer dead letters again, with the same id and bytes; waiting batches at once
    Retry {
        /// Which batches; none: all dead letters
        ids: Vec<String>,
        /// Say how many as JSON
        #[arg(long)]
        json: bool,
    },
    /// Give batches up for good
    Drop {
        /// Which batches; none: all dead letters
        ids: Vec<String>,
        /// Say how many as JSON
        #[arg(long)]
        json: bool,
    },
    /// Deliver now what waits, pauses notwithstanding
    Flush {
        /// Say what is left as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// The store cannot be read or written; ids that are not there.
pub fn run(common: &CommonOptions, args: &OutboxArgs) -> Result<Exit, Failure> {
    let config = Config::resolve(common, &[], &Default::default(), &Default::default(), now())?;
    logging::start(&config);
    let Some(mut store) = Store::open_existing(&config.state_dir)? else {
        return empty(&config, &args.command);
    };
    match &args.command {
        Command::List { json } => list(&store, *json),
        Command::Show { id, json } => show(&store, id, *json),
        Command::Retry { ids, json } => {
            known(&store, ids)?;
            let count = store.retry_batches(which(ids))?;
            let again = clause(count, "batch", ["waits", "wait"]);
            tracing::info!("{again} for delivery again");
            told(*json, &json!({"batches": count}), Exit::Done)
        }
        Command::Drop { ids, json } => {
            known(&store, ids)?;
            let count = store.drop_batches(which(ids))?;
            tracing::info!("{} given up", clause(count, "batch", ["was", "were"]));
            told(*json, &json!({"batches": count}), Exit::Done)
        }
        Command::Flush { json } => flush(&config, store, *json),
    }
}

/// Without a store there is no batch: nothing to do, unless one was named.
fn empty(config: &Config, command: &Command) -> Result<Exit, Failure> {
    let named = match command {
        Command::Show { id, .. } => Some(id),
        Command::Retry { ids, .. } | Command::Drop { ids, .. } => ids.first(),
        Command::List { .. } | Command::Flush { .. } => None,
    };
    if let Some(id) = named {
        return Err(missing(id));
    }
    tracing::info!("nothing is stored in {} yet", config.state_dir.display());
    match command {
        Command::Retry { json, .. } | Command::Drop { json, .. } => {
            told(*json, &json!({"batches": 0}), Exit::Done)
        }
        Command::Flush { json } => told(*json, &json!({"waiting": 0, "dead": 0}), Exit::Done),
        Command::List { .. } | Command::Show { .. } => Ok(Exit::Done),
    }
}

/// The result as JSON for whoever asked for it; people read the message.
fn told(json: bool, result: &Value, exit: Exit) -> Result<Exit, Failure> {
    if json {
        let mut out = Output::new(false);
        quietly(out.line(&result.to_string()).and_then(|()| out.flush()))?;
    }
    Ok(exit)
}

fn which(ids: &[String]) -> Which<'_> {
    if ids.is_empty() {
        Which::Dead
    } else {
        Which::Ids(ids)
    }
}

/// Every id that was named must be there, or nothing is changed.
fn known(store: &Store, ids: &[String]) -> Result<(), Failure> {
    for id in ids {
        if store.show_batch(id)?.is_none() {
            return Err(missing(id));
        }
    }
    Ok(())
}

fn missing(id: &str) -> Failure {
    Failure::new(Exit::Failed, format!("there is no batch {id} in the outbox"))
        .hint("`afw outbox list` shows all ids")
}

fn list(store: &Store, json: bool) -> Result<Exit, Failure> {
    let mut out = Output::new(false);
    let mut written = Ok(());
    let mut count = 0;
    store.each_batch(|row| {
        count += 1;
        written = out.line(&if json {
            as_json(&row).to_string()
        } else {
            as_text(&row)
        });
        written.is_ok()
    })?;
    let open = tell_open(store)?;
    if count == 0 && !open {
        tracing::info!("the outbox is empty");
    }
    quietly(written.and_then(|()| out.flush()))
}

/// Says which sinks have records that are in no batch yet; whether there are any.
fn tell_open(store: &Store) -> Result<bool, Failure> {
    let receivers = store.receivers()?;
    let open = receivers.iter().filter(|receiver| receiver.open_events > 0);
    for receiver in open.clone() {
        tracing::info!(
            "{} has {} in no batch yet; `afw outbox flush` sends what is there now",
            printable(&receiver.name),
            counted(receiver.open_events, "event")
        );
    }
    Ok(open.count() > 0)
}

fn as_text(row: &OutboxRow) -> String {
    let error = row
        .error
        .as_deref()
        .map(|error| format!("  {}", clipped(error, 100)))
        .unwrap_or_default();
    let status = row.status.map(|status| format!("  {status}")).unwrap_or_default();
    printable(&format!(
        "{}  {:<7}  {}  {}  {}  {}  {}{status}{error}",
        row.id,
        row.state.name(),
        row.sink,
        counted(row.events, "event"),
        counted(row.bytes, "byte"),
        counted(row.attempts.into(), "attempt"),
        row.created
    ))
}

fn as_json(row: &OutboxRow) -> Value {
    json!({
        "id": row.id, "sink": row.sink, "state": row.state.name(), "events": row.events, "bytes": row.bytes,
        "attempts": row.attempts, "created": row.created.to_string(),
        "next_attempt": row.next_attempt.map(|time| time.to_string()), "status": row.status, "error": row.error,
    })
}

fn show(store: &Store, id: &str, json: bool) -> Result<Exit, Failure> {
    let Some((row, body)) = store.show_batch(id)? else {
        return Err(missing(id));
    };
    let mut out = Output::new(false);
    let text = shown(&body);
    if json {
        let mut whole = as_json(&row);
        whole["body"] = text.into();
        return quietly(out.line(&whole.to_string()).and_then(|()| out.flush()));
    }
    let text = if out.is_terminal() {
        printable(&text)
    } else {
        text.into_owned()
    };
    quietly(out.line(text.trim_end_matches('\n')).and_then(|()| out.flush()))
}

/// With another afw running, asks it to deliver; with none, delivers.
fn flush(config: &Config, mut store: Store, json: bool) -> Result<Exit, Failure> {
    store.flush_outbox()?;
    if !matches!(Lock::holder(&config.state_dir), Ok(None)) {
        tracing::info!("the running afw was asked to deliver what waits");
        let left = start::left(&store)?;
        return told(
            json,
            &json!({"waiting": left.waiting, "dead": left.dead}),
            Exit::Done,
        );
    }
    let sinks = sinks::build_for(config, &store)?;
    let workers = sinks::workers(config, &sinks)?;
    let drained = workers.drain(FLUSH);
    workers.stop(Duration::from_secs(5));
    for sink in &drained.waiting {
        let why = sink.error.as_deref().unwrap_or("not delivered");
        tracing::warn!("{} still has batches that wait: {why}", sink.name);
    }
    let left = start::left(&store)?;
    let exit = if left.waiting > 0 {
        Exit::Undelivered
    } else {
        Exit::Done
    };
    told(json, &json!({"waiting": left.waiting, "dead": left.dead}), exit)
}
