//! What `tail` and `replay` start from beside the kit: the store with its lock, workers, standard output, files.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use crate::analysis::fold::{Fold, FoldOptions};
use crate::analysis::scan::{Kit, Wants};
use crate::config::Config;
use crate::config::options::Print;
use crate::detect::correlate::correlator;
use crate::drive::print::Printer;
use crate::indicator;
use crate::report::Scope;
use crate::sink::Sink;
use crate::store::{Lock, LockError, Receiver, StateKind, Store, StoreError};
use crate::terminal::output::Output;
use crate::terminal::{Exit, Failure};
use crate::text::{clause, system_message};

/// Event time after which a followed client that is not sighted any more is forgotten, in nanoseconds: 30 days.
const EXPIRE_NANOS: i64 = 30 * 86_400 * 1_000_000_000;

/// Windows that a service keeps open at most: 10 MB. With the bytes below it stays under 64 MiB whatever the log says.
const TAIL_KEYS: usize = 100_000;
/// Bytes that a service's windows may hold beyond that, and those its profiles may hold.
const TAIL_BYTES: usize = 12 << 20;
/// Profiles that a service keeps at most.
const TAIL_PROFILES: usize = 20_000;

/// What scans must carry for what is printed and shipped.
pub fn wants(config: &Config, print: Print, sinks: &[Arc<dyn Sink>]) -> Wants {
    Wants {
        since: config.output.since,
        until: config.output.until,
        ecs: print == Print::Sightings || sinks.iter().any(|sink| sink.wants_ecs()),
        line: sinks.iter().any(|sink| sink.wants_lines()),
        sdk: sinks.iter().any(|sink| sink.wants_sdk()),
        events: print == Print::Events,
    }
}

/// The sequential half of analysis. `persist`: its state is stored, and what is not sighted any more expires.
pub fn fold(config: &Config, kit: &Arc<Kit>, persist: bool) -> Fold {
    let usual = correlator::Options::default();
    let windows = if persist {
        correlator::Options {
            max_keys: TAIL_KEYS,
            max_bytes: TAIL_BYTES,
            persist,
            ..usual
        }
    } else {
        correlator::Options { persist, ..usual }
    };
    let profiles = indicator::Options::default();
    let options = FoldOptions {
        windows,
        indicators: indicator::Options {
            max_profiles: if persist {
                TAIL_PROFILES
            } else {
                profiles.max_profiles
            },
            max_bytes: if persist { TAIL_BYTES } else { profiles.max_bytes },
            min_confidence: config.analysis.min_confidence,
            expire_nanos: persist.then_some(EXPIRE_NANOS),
            persist,
            ..profiles
        },
        persist,
        ..Default::default()
    };
    Fold::new(kit, options)
}

/// Takes the lock of the state directory.
///
/// # Errors
/// Exit code 5 when another afw holds it.
pub fn lock(config: &Config) -> Result<Lock, Failure> {
    Store::lock(&config.state_dir).map_err(|error| {
        let exit = if matches!(error, LockError::Held { .. }) {
            Exit::Locked
        } else {
            Exit::Failed
        };
        let failure = Failure::new(exit, &error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Opens the store, with the configured limits of the outbox.
///
/// # Errors
/// Exit code 1 when it is damaged or cannot be opened.
pub fn store(config: &Config) -> Result<Store, Failure> {
    let mut store = Store::open(&config.state_dir)?;
    store.set_outbox_limits(super::sinks::outbox_limits(config)?);
    Ok(store)
}

/// Windows and indicators go on where they stood.
///
/// # Errors
/// Exit code 1 when the store cannot be read.
pub fn restore(fold: &mut Fold, store: &Store) -> Result<(), Failure> {
    let states = |kind| store.states(kind).map_err(Failure::from);
    fold.restore(
        states(StateKind::Window)?,
        states(StateKind::Indicator)?,
        states(StateKind::Other)?,
    );
    Ok(())
}

/// What `--host` and `--class` let pass.
pub fn scope(config: &Config) -> Scope {
    Scope {
        hosts: config.output.hosts.clone(),
        classes: config.output.classes.clone(),
    }
}

/// Standard output for what was asked for.
pub fn printer(config: &Config, print: Print, live: bool) -> Printer {
    let readable = print == Print::Indicators && !config.output.json && std::io::stdout().is_terminal();
    Printer::new(Output::new(live), print, scope(config), readable, live)
}

/// The file for rejected lines, opened before any work so that a bad path fails early. It is never one of the `inputs`.
///
/// # Errors
/// Exit code 2 when it cannot be created.
pub fn rejects(config: &Config, inputs: &[PathBuf]) -> Result<Option<BufWriter<File>>, Failure> {
    rejects_as(
        config,
        inputs,
        File::options().write(true).create(true).truncate(true),
    )
}

/// [`rejects`], opened again to go on: another program may have moved the file away.
///
/// # Errors
/// As [`rejects`].
pub fn more_rejects(config: &Config, inputs: &[PathBuf]) -> Result<Option<BufWriter<File>>, Failure> {
    rejects_as(config, inputs, File::options().append(true).create(true))
}

fn rejects_as(
    config: &Config,
    inputs: &[PathBuf],
    how: &OpenOptions,
) -> Result<Option<BufWriter<File>>, Failure> {
    let Some(path) = &config.output.rejects else {
        return Ok(None);
    };
    let same = |input: &PathBuf| {
        path.canonicalize()
            .is_ok_and(|own| input.canonicalize().is_ok_and(|input| own == input))
    };
    if inputs.iter().any(same) {
        return Err(Failure::usage(format!(
            "--rejects {}: this file is read, it would be overwritten",
            path.display()
        ))
        .hint("name another file"));
    }
    let file = how.open(path).map_err(|error| {
        let why = system_message(&error);
        Failure::usage(format!("--rejects {}: {why}", path.display()))
            .hint("name a file in a directory that exists and can be written")
    })?;
    Ok(Some(BufWriter::new(file)))
}

/// What is left in the outbox after a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Batches and open records that wait.
    pub waiting: u64,
    /// Dead letters.
    pub dead: u64,
}

impl Left {
    /// Names what needs somebody's attention.
    pub fn say(self) {
        let Self { waiting, dead } = self;
        if waiting > 0 {
            tracing::warn!(
                "{} in the outbox\nhint: what waits is sent when afw runs again, or with `afw outbox flush`",
                clause(waiting, "batch", ["still waits", "still wait"])
            );
        }
        if dead > 0 {
            tracing::warn!(
                "{} in the outbox, refused by a receiver for good\nhint: `afw outbox list` says why; `afw outbox retry` or `afw outbox drop`",
                clause(dead, "dead letter", ["lies", "lie"])
            );
        }
    }
}

/// Counts what is left in the outbox.
///
/// # Errors
/// Exit code 1 when the store cannot be read.
pub fn left(store: &Store) -> Result<Left, Failure> {
    let receivers = store.receivers()?;
    let waiting = |receiver: &Receiver| receiver.pending_batches + u64::from(receiver.open_events > 0);
    Ok(Left {
        waiting: receivers.iter().map(waiting).sum(),
        dead: receivers.iter().map(|receiver| receiver.dead_batches).sum(),
    })
}

/// A store error as a command's failure.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Self::new(Exit::Failed, &error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
