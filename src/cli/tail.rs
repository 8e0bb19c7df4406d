//! `afw tail`: follow logs, detect, ship; survives restarts and rotation.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::logging;
use crate::analysis::Fold;
use crate::config::Config;
use crate::config::options::{AnalysisOptions, CommonOptions, OutputOptions, When};
use crate::drive::clock::now;
use crate::drive::keep::Keep;
use crate::drive::live::Live;
use crate::drive::metrics::Endpoint;
use crate::drive::notify::Notify;
use crate::drive::reload::{Known, Plan, Service};
use crate::drive::report::Reporting;
use crate::drive::run::Run;
use crate::drive::signals::Signals;
use crate::drive::tail::Tail;
use crate::drive::{sinks, start};
use crate::report::Statistics;
use crate::source::{Cursor, From};
use crate::store::Lock;
use crate::terminal::screen::Bottom;
use crate::terminal::{Exit, Failure};
use crate::text::{counted, printable_path, system_message};

/// How long the sinks may still send after a signal.
const GRACE: Duration = Duration::from_secs(5);

/// Follow logs, detect, ship; survives restarts and rotation.
#[derive(Debug, Args)]
pub struct TailArgs {
    /// Files, globs, directories, or - for standard input; none: what the servers on this machine are configured to write
    paths: Vec<PathBuf>,
    /// Where to begin in a file that has no stored cursor
    #[arg(long, value_name = "WHERE", env = "AFW_FROM", hide_env_values = true)]
    from: Option<Where>,
    /// Serve /metrics (Prometheus) and /healthz there, for example 127.0.0.1:9186
    #[arg(long, value_name = "ADDR", env = "AFW_METRICS", hide_env_values = true)]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    analysis: AnalysisOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// `--from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Where {
    /// After the last complete line of files that exist at start.
    End,
    /// At the first byte.
    Start,
}

/// Runs the command.
///
/// # Errors
/// What is wrong with what was typed, or why it cannot go on.
pub fn run(common: &CommonOptions, args: &TailArgs) -> Result<Exit, Failure> {
    let resolve = || resolve(common, args);
    let (config, from) = resolve()?;
    logging::start(&config);
    let signals = Signals::install(true)?;
    let mut plan = Plan::check(config, Known::default())?;
    let (mut lock, keep, fold, cursors) = keep(&plan)?;
    let follower = plan.follower(from, &cursors)?;
    let reporting = Reporting::begin(&plan.config, &plan.config.paths)?;
    let run = Run {
        fold,
        printer: start::printer(&plan.config, plan.print, true),
        statistics: Statistics::default(),
        told: Statistics::default(),
        records: 0,
        sightings: reporting.as_ref().map(Reporting::sightings),
        keep,
        rejects: start::rejects(&plan.config, &plan.config.paths)?,
        signals,
        checks: plan.checks.take(),
        notify: Notify::from_environment(),
        indicators: 0,
        fronts: Default::default(),
    };
    announce(&plan);
    let tally = reporting.as_ref().map(Reporting::tally);
    let mut tail = Tail::new(follower, &plan.kit, plan.formats.clone(), run).counting(tally);
    let mut endpoint = metrics(&plan.config, args)?;
    let mut service = Service::start(plan)?;
    let config = service.config();
    let wanted = config.progress != When::Never && !config.is_quiet();
    let status = wanted.then(Bottom::status).flatten();
    let mut live = Live::default();
    let mut ready = false;
    let each_round = |tail: &mut Tail| {
        if !std::mem::replace(&mut ready, true)
            && let Some(lock) = &mut lock
        {
            lock.takes_reloads();
        }
        service.round(tail, &resolve)?;
        if let Some(endpoint) = &mut endpoint {
            endpoint.publish(&tail.run.statistics, tail.run.indicators);
        }
        if (status.is_some() || tail.run.notify.is_heard()) && live.look(tail) {
            tail.run.notify.status(|| live.text());
            let within = || live.within(Bottom::width());
            status.iter().for_each(|status| status.say(within()));
        }
        Ok(())
    };
    let followed = tail.follow(each_round);
    drop(status);
    match followed {
        Err(failure) if failure.is_closed_pipe() => {}
        other => other?,
    }
    end(tail, service.config(), reporting)?;
    Ok(Exit::Done)
}

/// The configuration as it is now, and where to begin in files without a cursor.
fn resolve(common: &CommonOptions, args: &TailArgs) -> Result<(Config, From), Failure> {
    let config = Config::resolve(common, &args.paths, &args.analysis, &args.output, now())?;
    let from = from(&config, args.from)?;
    Ok((config, from))
}

type Kept = (Option<Lock>, Option<Keep>, Fold, Vec<Cursor>);

/// Takes the lock and opens the store; nothing of it in a dry run.
fn keep(plan: &Plan) -> Result<Kept, Failure> {
    let config = &plan.config;
    if config.output.dry_run {
        return Ok((None, None, plan.fold(None)?, Vec::new()));
    }
    let lock = start::lock(config)?;
    let store = start::store(config)?.under(&lock);
    let cursors = store.cursors()?;
    let fold = plan.fold(Some(&store))?;
    let (sinks, _) = &plan.sinks;
    let workers = sinks::workers(config, sinks)?;
    let keep = Keep::new(store, sinks.clone(), workers, true, None);
    Ok((Some(lock), Some(keep), fold, cursors))
}

/// Where to begin in files without a cursor: as typed, else as configured.
pub(super) fn from(config: &Config, typed: Option<Where>) -> Result<From, Failure> {
    match (typed, config.file.from.as_deref()) {
        (Some(Where::Start), _) | (None, Some("start")) => Ok(From::Start),
        (Some(Where::End), _) | (None, None | Some("end")) => Ok(From::End),
        (None, Some(other)) => {
            let wrong = config.origins.wrong("from", other, "no place to begin");
            Err(wrong.hint("\"end\" or \"start\""))
        }
    }
}

/// What an address to listen on looks like.
const METRICS_HINT: &str = "an address and a port of this machine, such as 127.0.0.1:9186";

/// The address for monitoring: as typed, else as configured.
pub(super) fn metrics_address(
    config: &Config,
    typed: Option<SocketAddr>,
) -> Result<Option<SocketAddr>, Failure> {
    let read = |text: &str| {
        text.parse().map_err(|_| {
            config
                .origins
                .wrong("metrics", text, "no address")
                .hint(METRICS_HINT)
        })
    };
    let configured = config.file.metrics.as_deref().map(read);
    typed.map(Ok).or(configured).transpose()
}

/// Opens the address for monitoring, when one is asked for.
fn metrics(config: &Config, args: &TailArgs) -> Result<Option<Endpoint>, Failure> {
    let Some(address) = metrics_address(config, args.metrics)? else {
        return Ok(None);
    };
    let state_dir = (!config.output.dry_run).then_some(config.state_dir.as_path());
    let refused = |error: std::io::Error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => "another program listens there, maybe another afw: name another port",
            ErrorKind::PermissionDenied => {
                "ports below 1024 are root's: name a higher one, such as 127.0.0.1:9186"
            }
            _ => METRICS_HINT,
        };
        let why = system_message(&error);
        Failure::usage(format!("cannot listen on {address}: {why}")).hint(hint)
    };
    Endpoint::start(address, state_dir).map(Some).map_err(refused)
}

/// One line that says what is going on and where findings go.
fn announce(plan: &Plan) {
    /// More logs are only counted.
    const NAMED: usize = 5;
    let config = &plan.config;
    let names = sinks::names(config);
    let logs = plan.paths.iter().take(NAMED);
    let mut logs: Vec<String> = logs.map(|path| printable_path(path)).collect();
    if plan.paths.len() > NAMED {
        logs.push(format!("{} more", plan.paths.len() - NAMED));
    }
    let logs = logs.join(", ");
    if config.analysis.geoip.is_empty() {
        tracing::info!(
            "without a GeoIP database findings name no country and no network\nhint: `afw geoip update` fetches MaxMind's, free of charge"
        );
    }
    if config.output.dry_run {
        tracing::info!("following {logs}; nothing is shipped (--dry-run)");
    } else if names.is_empty() {
        tracing::info!(
            "following {logs}; nothing is shipped (no API key, no --sink)\nhint: set APPFIREWALL_API_KEY or ONEFIREWALL_API_KEY, or name a receiver, such as --sink file:ioc.jsonl"
        );
    } else {
        tracing::info!("following {logs}; findings go to {}", names.join(", "));
    }
}

/// Gives the sinks their grace time and says what was done.
fn end(mut tail: Tail, config: &Config, reporting: Option<Reporting>) -> Result<(), Failure> {
    let delivery = tail.run.deliver(config, GRACE);
    let statistics = &tail.run.statistics;
    tracing::info!(
        "{} read, {}, {}",
        counted(statistics.lines, "line"),
        counted(statistics.sighted, "sighting"),
        counted(tail.run.indicators, "new indicator")
    );
    let (tally, logs) = tail.take_counted();
    if let (Some(reporting), Some(sightings)) = (reporting, tail.run.sightings.take()) {
        let summary = tail.run.summary(config, logs, delivery, Duration::ZERO);
        reporting.write(
            tally.map(|tally| *tally).into_iter().collect(),
            sightings,
            &summary,
        )?;
    }
    Ok(())
}
