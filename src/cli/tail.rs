//! `afw tail`: follow logs, detect, ship; survives restarts and rotation.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::options::{AnalysisOptions, CommonOptions, OutputOptions, Print};
use super::{Exit, Failure, logging, now, refresh};
use crate::analysis::{Fold, Kit};
use crate::config::{Analysis, Config};
use crate::drive::data::Files;
use crate::drive::metrics::Endpoint;
use crate::drive::refresh::Refresh;
use crate::drive::report::Reporting;
use crate::drive::run::{Keep, Run};
use crate::drive::signals::Signals;
use crate::drive::tail::Tail;
use crate::drive::{checks, setup, sinks, start};
use crate::report::Statistics;
use crate::sink::Sink;
use crate::source::{Cursor, Follower, From, SourceSpec};
use crate::store::Lock;

/// About how many bytes of a log are taken at once: what is found in them, a few batches of it, is held in memory.
const BATCH_BYTES: usize = 256 << 10;
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
enum Where {
    /// After the last complete line of files that exist at start.
    End,
    /// At the first byte.
    Start,
}

/// Runs the command.
pub fn run(common: &CommonOptions, args: &TailArgs) -> Result<Exit, Failure> {
    let config = Config::resolve(common, &args.paths, &args.analysis, &args.output, now())?;
    logging::start(&config);
    let signals = Signals::install(true)?;
    let (paths, formats) = setup::logs(&config)?;
    let print = config.output.print.unwrap_or(Print::Indicators);
    let sinks = if config.output.dry_run {
        Vec::new()
    } else {
        sinks::build(&config)?
    };
    let checks = checks::start(&config, checks::wanted(&config, true), false)?;
    let wants = start::wants(&config, print, &sinks);
    let files = Files::open(&config.analysis)?;
    let kit = setup::kit(&config, &files.data(), sinks.clone(), wants, checks.is_some())?;
    let mut fold = start::fold(&config, &kit, !config.output.dry_run);
    let (_lock, keep, cursors) = keep(&config, sinks, &mut fold)?;
    let follower = Follower::new(&spec(&config, args, paths)?, &cursors).map_err(Failure::usage)?;
    let reporting = Reporting::begin(&config, &config.paths)?;
    let run = Run {
        fold,
        printer: start::printer(&config, print, true),
        statistics: Statistics::default(),
        records: 0,
        sightings: reporting.as_ref().map(Reporting::sightings),
        keep,
        rejects: start::rejects(&config, &config.paths)?,
        signals,
        checks,
    };
    announce(&config);
    let tally = reporting.as_ref().map(Reporting::tally);
    let mut tail = Tail::new(follower, &kit, formats, run).counting(tally);
    let mut endpoint = metrics(&config, args)?;
    let mut fresh = Fresh {
        refresh: Refresh::start(files, &config.analysis.sources, refresh::fetcher(&config))?,
        analysis: &config.analysis,
        kit,
    };
    let each_round = |tail: &mut Tail| {
        fresh.round(tail);
        if let Some(endpoint) = &mut endpoint {
            endpoint.publish(&tail.run.statistics);
        }
    };
    match tail.follow(each_round) {
        Err(failure) if failure.is_closed_pipe() => {}
        other => other?,
    }
    end(tail, &config, reporting)?;
    Ok(Exit::Done)
}

type Kept = (Option<Lock>, Option<Keep>, Vec<Cursor>);

/// Takes the lock and opens the store; nothing of it in a dry run.
fn keep(config: &Config, sinks: Vec<Arc<dyn Sink>>, fold: &mut Fold) -> Result<Kept, Failure> {
    if config.output.dry_run {
        return Ok((None, None, Vec::new()));
    }
    let lock = start::lock(config)?;
    let store = start::store(config)?.under(&lock);
    let cursors = store.cursors().map_err(|error| start::store_failure(&error))?;
    start::restore(fold, &store)?;
    let workers = sinks::workers(config, &sinks)?;
    Ok((
        Some(lock),
        Some(Keep::new(store, sinks, workers, true, None)),
        cursors,
    ))
}

fn spec(config: &Config, args: &TailArgs, paths: Vec<PathBuf>) -> Result<SourceSpec, Failure> {
    let from = match (args.from, config.file.from.as_deref()) {
        (Some(Where::Start), _) | (None, Some("start")) => From::Start,
        (Some(Where::End), _) | (None, None | Some("end")) => From::End,
        (None, Some(other)) => {
            return Err(Failure::usage(format!("from = \"{other}\"")).hint("\"end\" or \"start\""));
        }
    };
    Ok(SourceSpec {
        paths,
        from,
        line_cap: config.analysis.line_cap_bytes,
        batch_bytes: BATCH_BYTES,
        ..SourceSpec::default()
    })
}

/// Opens the address for monitoring, when one is asked for.
fn metrics(config: &Config, args: &TailArgs) -> Result<Option<Endpoint>, Failure> {
    let hint = "an address and a port of this machine, such as 127.0.0.1:9186";
    let configured = config.file.metrics.as_deref().map(|text| {
        text.parse::<SocketAddr>()
            .map_err(|_| Failure::usage(format!("metrics = \"{text}\" is no address")).hint(hint))
    });
    let Some(address) = args.metrics.map(Ok).or(configured).transpose()? else {
        return Ok(None);
    };
    let state_dir = (!config.output.dry_run).then_some(config.state_dir.as_path());
    let endpoint = Endpoint::start(address, state_dir)
        .map_err(|error| Failure::usage(format!("cannot listen on {address}: {error}")).hint(hint))?;
    Ok(Some(endpoint))
}

/// What happens between two rounds beside reading: fresher data, and SIGHUP.
struct Fresh<'c> {
    refresh: Refresh,
    analysis: &'c Analysis,
    kit: Arc<Kit>,
}

impl Fresh<'_> {
    fn round(&mut self, tail: &mut Tail) {
        if tail.run.signals.take_reload() {
            self.reload(tail);
        }
        let Some(data) = self.refresh.take() else { return };
        match setup::refreshed(&self.kit, self.analysis, &data) {
            Ok(kit) => {
                tail.refresh(&kit);
                self.kit = kit;
            }
            Err(failure) => failure.report(),
        }
    }

    /// SIGHUP: what kept the sinks from sending may have been mended, files may have changed.
    fn reload(&self, tail: &Tail) {
        if let Some(keep) = &tail.run.keep {
            keep.workers.kick();
        }
        self.refresh.kick();
        tracing::warn!(
            "SIGHUP: sinks try again at once, databases and lists are looked at; restart afw to take new rules or configuration (no line is lost)"
        );
    }
}

/// One line that says what is going on and where findings go.
fn announce(config: &Config) {
    let names = sinks::names(config);
    let logs: Vec<String> = config
        .paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let logs = if logs.is_empty() {
        "the logs that server configuration declares".to_owned()
    } else {
        logs.join(", ")
    };
    if config.analysis.geoip.is_empty() {
        tracing::info!(
            "no country or network is told: there is no database\nhint: `afw geoip update` fetches MaxMind's, free of charge"
        );
    }
    if names.is_empty() || config.output.dry_run {
        tracing::info!("following {logs}; nothing is shipped (no API key, no --sink)");
    } else {
        tracing::info!("following {logs}; findings go to {}", names.join(", "));
    }
}

/// Gives the sinks their grace time and says what was done.
fn end(mut tail: Tail, config: &Config, reporting: Option<Reporting>) -> Result<(), Failure> {
    let delivery = tail.run.deliver(config, GRACE);
    let statistics = &tail.run.statistics;
    tracing::info!("{} lines read, {} findings", statistics.lines, statistics.sighted);
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
