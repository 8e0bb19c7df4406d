//! `afw replay`: the same analysis over history, once; with `--resume` from cron.

mod advice;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::BoolishValueParser;

use super::logging;
use crate::analysis::Fold;
use crate::analysis::merge::Partial;
use crate::analysis::scan::{Kit, Scan};
use crate::config::options::{AnalysisOptions, CommonOptions, OutputOptions, Print};
use crate::config::{Config, parse_span};
use crate::detect::correlate::shards::Counted;
use crate::drive::clock::now;
use crate::drive::data::Files;
use crate::drive::formats::Formats;
use crate::drive::keep::Keep;
use crate::drive::pool::Pool;
use crate::drive::progress::Progress;
use crate::drive::replay::{LogState, Receiver, Replay};
use crate::drive::report::Reporting;
use crate::drive::run::Run;
use crate::drive::setup;
use crate::drive::signals::Signals;
use crate::drive::{checks, clock, sinks, start};
use crate::report::summary::{Delivery, LogSummary};
use crate::report::{Statistics, Tally};
use crate::sink::Sink;
use crate::source::{self, Plan, SourceSpec, Trouble};
use crate::store::Lock;
use crate::terminal::{Exit, Failure};
use crate::text::{counted, printable};

use advice::{NOT_BESIDE, absent, advice, no_access_log};

/// How long replay waits for a failing sink after the last line, unless told otherwise.
const DRAIN: Duration = Duration::from_secs(30);

/// Read history once, print what is found; with --resume only what is new since the last run.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Files, globs, directories, or - for standard input; none: what the servers on this machine are configured to write
    paths: Vec<PathBuf>,
    /// Use and advance the stored cursors: only what is new since the last run, across rotation; safe for cron
    #[arg(long, env = "AFW_RESUME", hide_env_values = true, action = clap::ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    resume: bool,
    /// How long to wait after the last line for a sink that fails [default: 30s]
    #[arg(long, value_name = "SPAN", env = "AFW_DRAIN", hide_env_values = true)]
    drain: Option<String>,
    #[command(flatten)]
    analysis: AnalysisOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// Runs the command.
///
/// # Errors
/// What cannot be started or cannot go on, with its exit code.
pub fn run(common: &CommonOptions, args: &ReplayArgs) -> Result<Exit, Failure> {
    let config = Config::resolve(common, &args.paths, &args.analysis, &args.output, now())?;
    logging::start(&config);
    let drain = drain(&config, args.drain.as_deref())?;
    let signals = Signals::install(false)?;
    let print = config.output.print.unwrap_or(Print::Summary);
    let resumes = args.resume && !config.output.dry_run;
    let (paths, formats) = setup::logs(&config)?;
    let sinks = if config.output.dry_run {
        Vec::new()
    } else {
        sinks::build(&config)?
    };
    let checks = checks::start(&config, checks::wanted(&config, false), true)?;
    let wants = start::wants(&config, print, &sinks);
    let files = Files::open(&config.analysis)?;
    let kit = setup::kit(&config, &files.data(), sinks.clone(), wants, checks.is_some())?;
    let lock = if resumes {
        Some(start::lock(&config)?)
    } else {
        None
    };
    let mut fold = start::fold(&config, &kit, resumes);
    let (keep, cursors) = keep(&config, sinks, lock.as_ref(), drain, &mut fold)?;
    let spec = SourceSpec {
        paths,
        resume: args.resume,
        line_cap: config.analysis.line_cap_bytes,
        ..SourceSpec::default()
    };
    let plan = source::plan(&spec).map_err(Failure::usage)?;
    let files = plan.logs.iter().flat_map(|log| &log.files);
    let inputs: Vec<PathBuf> = files.map(|file| file.path.clone()).collect();
    let reporting = Reporting::begin(&config, &inputs)?;
    let job = Job {
        started: Instant::now(),
        progress: Progress::new(config.progress, config.is_quiet(), plan.bytes()),
        many: plan.logs.len() > 1,
        run: Run {
            fold,
            printer: start::printer(&config, print, false),
            statistics: Default::default(),
            told: Default::default(),
            sightings: reporting.as_ref().map(Reporting::sightings),
            records: 0,
            keep,
            rejects: start::rejects(&config, &inputs)?,
            signals,
            checks,
            notify: Default::default(),
            indicators: 0,
            fronts: Default::default(),
        },
        troubles: 0,
        resumes,
        finished: false,
        reporting,
    };
    let exit = job.go(&config, &kit, plan, formats, cursors, drain);
    drop(lock);
    exit
}

/// How long a failing sink is waited for: as typed, else as configured.
pub(super) fn drain(config: &Config, typed: Option<&str>) -> Result<Duration, Failure> {
    let Some(text) = typed.or(config.file.drain.as_deref()) else {
        return Ok(DRAIN);
    };
    let secs = parse_span(text).and_then(|secs| u64::try_from(secs).ok());
    secs.map(Duration::from_secs).ok_or_else(|| {
        let wrong = config.origins.wrong("drain", text, "not a span of time");
        wrong.hint("for example 30s or 5m")
    })
}

type Kept = (Option<Keep>, Vec<crate::source::Cursor>);

/// The store: with cursors and state when resuming, which takes the lock; for the outbox alone when only a sink is on, else none.
fn keep(
    config: &Config,
    sinks: Vec<Arc<dyn Sink>>,
    lock: Option<&Lock>,
    drain: Duration,
    fold: &mut Fold,
) -> Result<Kept, Failure> {
    let resumes = lock.is_some();
    if !resumes && sinks.is_empty() {
        return Ok((None, Vec::new()));
    }
    let mut store = start::store(config)?;
    let mut cursors = Vec::new();
    if let Some(lock) = lock {
        store = store.under(lock);
        cursors = store.cursors()?;
        start::restore(fold, &store)?;
    }
    let workers = sinks::workers(config, &sinks)?;
    Ok((
        Some(Keep::new(store, sinks, workers, resumes, Some(drain))),
        cursors,
    ))
}

/// A replay with everything it needs.
struct Job {
    started: Instant,
    progress: Progress,
    /// Whether there are many logs.
    many: bool,
    run: Run,
    troubles: usize,
    /// Only what is new since the last run is read and told.
    resumes: bool,
    /// The logs were read to their ends.
    finished: bool,
    /// The report, when one is wanted.
    reporting: Option<Reporting>,
}

impl Job {
    fn go(
        mut self,
        config: &Config,
        kit: &Arc<Kit>,
        plan: Plan,
        formats: Formats,
        cursors: Vec<crate::source::Cursor>,
        drain: Duration,
    ) -> Result<Exit, Failure> {
        self.say(&plan, &formats);
        let shown = shown_paths(config, &formats);
        if plan.logs.is_empty() && plan.troubles.is_empty() && plan.notices.is_empty() && !self.resumes {
            let hint = match config.paths.iter().any(|path| path.is_dir()) {
                true => {
                    "there is no file in it that could be a log: name the directory that the web server writes to"
                }
                false => "check the pattern; a directory is read recursively",
            };
            tracing::error!("nothing to read: no file matches {shown}\nhint: {hint}");
            self.troubles += 1;
        }
        let threads = config.output.threads.unwrap_or_else(cores);
        let tally = self.reporting.as_ref().map(Reporting::tally);
        let pool = Pool::new(kit, threads, tally.as_ref())?;
        let mut replay = Replay::new(plan.logs, pool, threads, formats, cursors);
        self.finished = match replay.run(&mut self) {
            Err(error) if crate::terminal::output::is_closed_pipe(&error) => return Ok(Exit::Done),
            other => other?,
        };
        self.run.settle()?;
        self.run.release()?;
        self.run.commit(replay.partials())?;
        self.progress.finish();
        let delivery = self.run.deliver(config, drain);
        let left_out = self.leave_out(&mut replay.logs);
        if replay.logs.is_empty() && left_out.rejects() > 0 && self.finished {
            self.troubles += 1;
            tracing::error!(
                "nothing to read: no file of {shown} is an access log\nhint: {}",
                advice(&left_out, NOT_BESIDE)
            );
        }
        for log in replay.logs.iter().filter(|log| log.is_no_access_log()) {
            tracing::error!("{}", no_access_log(log));
        }
        if let Some(text) = clock::ahead(self.run.statistics.last, now()) {
            tracing::warn!("the newest line is {text}");
        }
        if !self.finished {
            self.say_interrupted();
        }
        let exit = self.exit(&replay.logs, &delivery);
        let tallies = replay.finish();
        self.print(config, replay.logs, delivery, tallies)?;
        Ok(exit)
    }

    /// What the plan found out before anything was read.
    fn say(&mut self, plan: &Plan, formats: &Formats) {
        for notice in &plan.notices {
            tracing::info!("{notice}");
        }
        for trouble in &plan.troubles {
            self.troubles += 1;
            match formats.declared_at(&trouble.path) {
                Some(at) if !trouble.path.exists() => tracing::error!("{}", absent(trouble.clone(), at)),
                _ => tracing::error!("{trouble}"),
            }
        }
    }

    /// Names and drops the logs that nobody named and that are none; the counts of what was dropped.
    fn leave_out(&mut self, logs: &mut Vec<LogState>) -> Statistics {
        let mut left_out = Statistics::default();
        for log in logs.iter().filter(|log| log.is_left_out()) {
            tracing::info!("{}: no access log, skipped", printable(&log.shown_name()));
            self.run.statistics.leave_out(&log.statistics);
            left_out.merge(&log.statistics);
        }
        logs.retain(|log| !log.is_left_out());
        left_out
    }

    /// Only a part was read: nobody is to take what is told for the whole.
    fn say_interrupted(&self) {
        let lines = self.run.statistics.lines;
        let why = match self.run.signals.end() {
            Some(_) => "interrupted",
            None => "stopped by the full outbox",
        };
        let hint = match self.resumes {
            true => "\nhint: the next run with --resume goes on there",
            false => "",
        };
        tracing::warn!(
            "{why} after {}: what is told is of these alone{hint}",
            counted(lines, "line")
        );
    }

    /// How it ended, for the shell.
    fn exit(&self, logs: &[LogState], delivery: &Delivery) -> Exit {
        let bad = self.troubles > 0
            || logs
                .iter()
                .any(|log| log.trouble.is_some() || log.is_no_access_log());
        match self.run.signals.end() {
            Some(signal) => Exit::Signal(signal),
            None if bad => Exit::BadInput,
            None if delivery.waiting > 0 || !self.finished => Exit::Undelivered,
            None => Exit::Done,
        }
    }

    /// Final indicators, or the summary.
    fn print(
        &mut self,
        config: &Config,
        logs: Vec<LogState>,
        delivery: Delivery,
        tallies: Vec<Tally>,
    ) -> Result<(), Failure> {
        if self.resumes && self.run.statistics.lines == 0 {
            tracing::info!("nothing new since the last run");
        }
        let logs = logs.into_iter().map(log_summary).collect();
        let mut summary = self.run.summary(config, logs, delivery, self.started.elapsed());
        summary.interrupted = !self.finished;
        if let (Some(reporting), Some(sightings)) = (self.reporting.take(), self.run.sightings.take()) {
            reporting.write(tallies, sightings, &summary)?;
        }
        if self.run.printer.what() == Print::None && summary.delivery.records > 0 {
            tracing::info!("{}", summary.delivery.text());
        }
        let written = match self.run.printer.what() {
            Print::Summary => {
                let text = if config.output.json {
                    format!("{:#}\n", summary.json())
                } else {
                    summary.text()
                };
                self.run.printer.text(&crate::terminal::output::styled(&text))
            }
            _ => summary
                .indicators
                .iter()
                .try_for_each(|indicator| self.run.printer.indicator(indicator)),
        };
        crate::terminal::output::quietly(written.and_then(|()| self.run.printer.flush())).map(drop)
    }
}

impl Receiver for Job {
    fn found(&mut self, scan: &mut Scan, found: Range<usize>, counted: &mut Counted) -> io::Result<()> {
        self.run.take_counted(scan, found, counted)
    }

    fn fold(&mut self) -> &mut Fold {
        &mut self.run.fold
    }

    fn batch(&mut self, scan: &mut Scan, partials: &mut dyn FnMut() -> Vec<Partial>) -> io::Result<bool> {
        if self.many {
            self.progress.at(&scan.batch.file);
        }
        self.run.batch(scan)?;
        self.run.settle()?;
        self.run
            .commit_if_due(partials)
            .map_err(|failure| io::Error::other(failure.message))
    }

    fn trouble(&mut self, trouble: &Trouble) {
        tracing::error!("{trouble}");
    }

    fn stop(&mut self, bytes_read: u64) -> bool {
        self.progress.update(bytes_read, self.run.statistics.lines);
        self.run.signals.end().is_some()
    }
}

fn shown_paths(config: &Config, formats: &Formats) -> String {
    let named = config.paths.iter().map(PathBuf::as_path);
    let mut paths: Vec<&Path> = named.collect();
    if paths.is_empty() {
        paths = formats.declared_paths();
    }
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

fn log_summary(state: LogState) -> LogSummary {
    LogSummary {
        name: state.shown_name(),
        format: state.format,
        files: state.log.files.len(),
        statistics: state.statistics,
        rejects: state.rejects,
        trouble: state.trouble,
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
