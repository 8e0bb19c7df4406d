//! [`Plan`]: all of a tail that its configuration decides, checked; [`Service`]: takes another one while running.
//!
//! A reload is checked whole before anything changes. What is wrong with it is said, and what was in use stays in use.
//! Otherwise all that was read is committed first; then rules, lists, databases, sinks and formats are exchanged
//! between two lines, windows and indicators go on from their stored rows, and files go on where their cursors stand.
//! Next: [`answer`], which tells `afw reload` how it went, and [`super::tail`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::checks::{self, Checks};
use super::data::{Data, Files};
use super::formats::Formats;
use super::refresh::{Refresh, fetcher};
use super::run::Run;
use super::setup;
use super::tail::Tail;
use super::{sinks, start};
use crate::analysis::{Fold, Kit};
use crate::config::Config;
use crate::config::options::Print;
use crate::drive::clock::now;
use crate::sink::{Sink, SinkSpec};
use crate::source::{Cursor, Follower, From, SourceSpec};
use crate::terminal::Failure;

pub mod answer;
mod fixed;

pub use answer::Answer;

/// About how many bytes of a log are taken at once: what is found in them, a few batches of it, is held in memory.
const BATCH_BYTES: usize = 256 << 10;
/// How long what is left of logs that are not wanted any more may take to read.
const CATCH_UP: Duration = Duration::from_secs(5);
/// How long the sinks of before may still send.
const GRACE: Duration = Duration::from_secs(5);

/// Everything of a tail that its configuration decides, checked and ready to run.
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// Logs, as named or declared.
    pub paths: Vec<PathBuf>,
    /// How the format of each is found.
    pub formats: Formats,
    /// What goes to standard output.
    pub print: Print,
    /// Receivers, and what they are.
    pub sinks: (Vec<Arc<dyn Sink>>, Vec<SinkSpec>),
    /// Who asks name servers.
    pub checks: Option<Checks>,
    /// Databases and lists.
    pub files: Files,
    /// What scanning needs.
    pub kit: Arc<Kit>,
}

/// What a running tail has.
#[derive(Clone, Copy, Default)]
pub struct Known<'k> {
    sinks: &'k [Arc<dyn Sink>],
    specs: &'k [SinkSpec],
    files: Option<&'k Files>,
}

impl Plan {
    /// Checks all that the configuration says and names. Databases, lists and receivers that are what they were are taken
    /// over from `known`.
    ///
    /// # Errors
    /// Exit code 2 with what is wrong.
    pub fn check(config: Config, known: Known<'_>) -> Result<Self, Failure> {
        let (paths, formats) = setup::logs(&config)?;
        let print = config.output.print.unwrap_or(Print::Indicators);
        let specs = if config.output.dry_run {
            Vec::new()
        } else {
            sinks::specs(&config)?
        };
        let sinks = if known.specs == specs {
            known.sinks.to_vec()
        } else {
            sinks::made(&config, &specs)?
        };
        sinks::outbox_limits(&config)?;
        let checks = checks::start(&config, checks::wanted(&config, true), false)?;
        let wants = start::wants(&config, print, &sinks);
        let files = match known.files {
            Some(files) => files.reopened(&config.analysis)?,
            None => Files::open(&config.analysis)?,
        };
        let kit = setup::kit(&config, &files.data(), sinks.clone(), wants, checks.is_some())?;
        Ok(Self {
            config,
            paths,
            formats,
            print,
            sinks: (sinks, specs),
            checks,
            files,
            kit,
        })
    }

    /// A fold with what the store holds.
    ///
    /// # Errors
    /// Exit code 1 when the store cannot be read.
    pub fn fold(&self, store: Option<&crate::store::Store>) -> Result<Fold, Failure> {
        let mut fold = start::fold(&self.config, &self.kit, !self.config.output.dry_run);
        if let Some(store) = store {
            start::restore(&mut fold, store)?;
        }
        Ok(fold)
    }

    /// A follower of the logs, going on where the cursors stand.
    ///
    /// # Errors
    /// Exit code 2 for a pattern that is none.
    pub fn follower(&self, from: From, cursors: &[Cursor]) -> Result<Follower, Failure> {
        let spec = SourceSpec {
            paths: self.paths.clone(),
            from,
            line_cap: self.config.analysis.line_cap_bytes,
            batch_bytes: BATCH_BYTES,
            ..SourceSpec::default()
        };
        Follower::new(&spec, cursors).map_err(Failure::usage)
    }
}

/// What of a running tail may be exchanged.
pub struct Service {
    config: Config,
    paths: Vec<PathBuf>,
    sinks: Vec<SinkSpec>,
    refresh: Refresh,
    kit: Arc<Kit>,
}

impl Service {
    /// The service that runs this plan, and what it starts with.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(plan: Plan) -> std::io::Result<Self> {
        let refresh = Refresh::start(plan.files, &plan.config.analysis.sources, fetcher(&plan.config))?;
        Ok(Self {
            refresh,
            config: plan.config,
            paths: plan.paths,
            sinks: plan.sinks.1,
            kit: plan.kit,
        })
    }

    /// The configuration in use.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What happens between two rounds of reading beside it: fresher data, signs of life, and SIGHUP, at which
    /// `resolve` reads the configuration again.
    ///
    /// # Errors
    /// The store or standard output cannot go on.
    pub fn round(
        &mut self,
        tail: &mut Tail,
        resolve: &dyn Fn() -> Result<(Config, From), Failure>,
    ) -> Result<(), Failure> {
        tail.run.notify.alive();
        if tail.run.signals.take_reload() {
            self.reload(tail, resolve)?;
        }
        if let Some(data) = self.refresh.take() {
            self.take(tail, &data);
        }
        Ok(())
    }

    /// Goes on with fresher databases and lists.
    fn take(&mut self, tail: &mut Tail, data: &Data) {
        match setup::refreshed(&self.kit, &self.config.analysis, data) {
            Ok(kit) => {
                tail.refresh(&kit);
                self.kit = kit;
            }
            Err(failure) => failure.report(),
        }
    }

    fn reload(
        &mut self,
        tail: &mut Tail,
        resolve: &dyn Fn() -> Result<(Config, From), Failure>,
    ) -> Result<(), Failure> {
        let taken = now();
        tail.run.notify.reloading();
        // Databases and lists are judged one by one: a broken one stays as it was read, whatever else is wrong.
        let (files, data) = self.refresh.look();
        if let Some(data) = data {
            self.take(tail, &data);
        }
        let answer = match self.check(tail, &files, resolve) {
            Ok((plan, from)) => {
                self.exchange(tail, plan, from)?;
                Answer::done(taken)
            }
            Err(failure) => Answer::refused(taken, &failure),
        };
        // Whatever the answer is: what kept the sinks from sending may have been mended.
        if let Some(keep) = &tail.run.keep {
            keep.workers.kick();
        }
        answer.say();
        tail.run.notify.ready(answer.text());
        if tail.run.keep.is_some() {
            answer.leave(&self.config.state_dir);
        }
        Ok(())
    }

    fn check(
        &self,
        tail: &Tail,
        files: &Files,
        resolve: &dyn Fn() -> Result<(Config, From), Failure>,
    ) -> Result<(Plan, From), Failure> {
        let (config, from) = resolve()?;
        fixed::refuse(&self.config, &config)?;
        let known = Known {
            sinks: tail.run.keep.as_ref().map_or(&[][..], |keep| &keep.sinks),
            specs: &self.sinks,
            files: Some(files),
        };
        let plan = Plan::check(config, known)?;
        if plan.paths != self.paths && tail.follower.reads_streams() {
            return Err(Failure::usage(
                "other logs cannot be followed while a stream is read: what it still holds would be lost",
            )
            .hint("start afw again to follow them"));
        }
        // A pattern that is none is found before anything changes.
        plan.follower(from, &[])?;
        fixed::tell(&self.config, &plan.config);
        Ok((plan, from))
    }

    /// Puts the new in the place of the old, between two lines.
    fn exchange(&mut self, tail: &mut Tail, mut plan: Plan, from: From) -> Result<(), Failure> {
        let other_logs = plan.paths != self.paths
            || plan.config.analysis.line_cap_bytes != self.config.analysis.line_cap_bytes
                && !tail.follower.reads_streams();
        if other_logs {
            tail.follower.look_again();
            tail.catch_up(CATCH_UP)?;
        }
        tail.run.settle()?;
        if !tail.run.commit(Vec::new())? {
            // A signal ended the waiting for a disk: the end comes first.
            return Ok(());
        }
        let fold = self.fold(tail, &plan)?;
        let follower = match other_logs {
            true => Some(taking_in(plan.follower(from, &cursors(tail)?)?)),
            false => None,
        };
        self.exchange_sinks(&mut tail.run, &plan)?;
        tail.run.checks = plan.checks.take();
        tail.run.printer.flush()?;
        tail.run.printer = start::printer(&plan.config, plan.print, true);
        if tail.run.rejects.is_some() || plan.config.output.rejects.is_some() {
            tail.run.rejects = start::more_rejects(&plan.config, &plan.config.paths)?;
        }
        tail.exchange(&plan.kit, plan.formats.clone(), fold, follower);
        *self = Self::start(plan)?;
        Ok(())
    }

    /// Windows and indicators go on from their stored rows. Where none are stored, they begin anew.
    fn fold(&self, tail: &Tail, plan: &Plan) -> Result<Fold, Failure> {
        let store = tail.run.keep.as_ref().map(|keep| &keep.store);
        if store.is_none() {
            tracing::warn!("windows and indicators begin anew: --dry-run stores none");
        }
        plan.fold(store)
    }

    /// Receivers that are others now get workers of their own; what waits for the old ones stays in the outbox.
    fn exchange_sinks(&self, run: &mut Run, plan: &Plan) -> Result<(), Failure> {
        let Some(keep) = &mut run.keep else {
            return Ok(());
        };
        keep.store.set_outbox_limits(sinks::outbox_limits(&plan.config)?);
        let (made, specs) = &plan.sinks;
        if *specs == self.sinks {
            return Ok(());
        }
        // One request at a time: those of before end before others begin.
        let idle = sinks::workers(&plan.config, &[])?;
        std::mem::replace(&mut keep.workers, idle).stop(GRACE);
        keep.workers = sinks::workers(&plan.config, made)?;
        keep.sinks.clone_from(made);
        Ok(())
    }
}

/// A follower that knows where each log begins: what is written once a reload has been answered is new.
fn taking_in(mut follower: Follower) -> Follower {
    follower.take_in();
    follower
}

/// Where reading stands: as stored, else as the follower has it.
fn cursors(tail: &Tail) -> Result<Vec<Cursor>, Failure> {
    match &tail.run.keep {
        Some(keep) => keep.store.cursors().map_err(Failure::from),
        None => Ok(tail
            .follower
            .status()
            .into_iter()
            .map(|file| file.cursor)
            .collect()),
    }
}
