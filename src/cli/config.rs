//! `afw config`: write a file to start from, check one, show what is in force.

use std::path::Path;

use clap::{Args, Subcommand};

use super::logging;
use crate::config::Config;
use crate::config::options::{AnalysisOptions, CommonOptions, OutputOptions};
use crate::drive::clock::now;
use crate::drive::data::Files;
use crate::drive::{checks, setup, sinks};
use crate::source::servers::Servers;
use crate::terminal::output::{Output, quietly};
use crate::terminal::{Exit, Failure};

mod begin;
mod show;

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
    /// Print a commented configuration file with the logs of this machine: afw config init > /etc/afw/afw.toml
    Init,
    /// Check the file and everything it names: rules, databases, lists, networks, receivers
    Check,
    /// Print the values in force and where each comes from; secrets are only said to be set
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
    let print = |out: &mut Output, text: &str| quietly(out.text(text).and_then(|()| out.flush()));
    if matches!(args.command, Command::Init) {
        return print(&mut out, &begin::file(&Servers::find(Path::new("/"))));
    }
    let (config, mistakes) = Config::examine(common, &[], &args.analysis, &args.output, now())?;
    logging::start(&config);
    match args.command {
        Command::Check => check(&config, mistakes),
        Command::Show { json } => match Failure::all(mistakes) {
            Some(failure) => Err(failure),
            None => print(&mut out, &show::text(&config, json)),
        },
        Command::Init => Ok(Exit::Done),
    }
}

/// Tries everything that a run would load, and says all that is wrong at once.
fn check(config: &Config, mut mistakes: Vec<Failure>) -> Result<Exit, Failure> {
    let analysis = &config.analysis;
    let resolver = analysis.resolver.as_deref();
    mistakes.extend(
        [
            setup::ruleset(analysis).err(),
            Files::open(analysis).err(),
            setup::trust(analysis).err(),
            setup::allowed(analysis).err(),
            setup::logs_or_none(config).err(),
            resolver.and_then(|_| checks::start(config, true, false).err()),
            sinks::outbox_limits(config).err(),
            super::tail::from(config, None).err(),
            super::tail::metrics_address(config, None).err(),
            super::replay::drain(config, None).err(),
        ]
        .into_iter()
        .flatten(),
    );
    mistakes.extend(sinks::mistakes(config));
    for (name, meant) in super::misspelt() {
        tracing::warn!("{name}: nothing reads this variable\nhint: did you mean {meant}?");
    }
    if let Some(failure) = Failure::all(mistakes) {
        return Err(failure);
    }
    match &config.config_path {
        Some(path) => tracing::info!("{} is good", path.display()),
        None => tracing::info!(
            "there is no configuration file; the defaults are good\nhint: `afw config init` writes one"
        ),
    }
    Ok(Exit::Done)
}
