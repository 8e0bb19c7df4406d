//! The command line: what users type, one file per command.
//!
//! Data goes to standard output, everything else to standard error. Nothing here parses logs or decides what is
//! hostile; [`crate::drive`] puts the machines together. Options stand in [`crate::config::options`]. Next: the command of interest.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use afw_parsers::Reason;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

pub mod logging;

mod completions;
mod config;
mod domains;
mod explain;
mod geoip;
mod lists;
mod outbox;
mod refresh;
mod reload;
mod replay;
mod rules;
mod status;
mod tail;
mod variables;

use crate::config::Given;
use crate::config::options::CommonOptions;
use crate::terminal::{Exit, Failure, output};

/// What `afw` alone says: a screen that nothing scrolls off.
const WELCOME: &str = "\
afw reads web access logs and tells bots and attackers from visitors.

  afw replay /var/log/nginx  what these logs tell; without a key nothing is sent
  afw tail                   follow the logs of the web servers on this machine
  afw explain 'LINE'         one line of a log through every stage
  afw status                 how far a running afw is, and what waits
  afw config init            a commented configuration, made for this machine

More commands and options: afw --help; those of one command: afw replay --help
";

/// What to do about lines that are refused for these reasons.
const ADVICE: [(Reason, &str); 3] = [
    (
        Reason::JsonLines,
        "a record must stand on one line: `jq -c . FILE` writes them so, `jq -c '.[]' FILE` the elements of an array; afw reads from `-` too",
    ),
    (
        Reason::TwoPeers,
        "log the peer before all that clients write, or put quotes around the header that stands before it",
    ),
    (
        Reason::Within,
        "if these records are yours, give them a line each: `jq -c '.items[]' FILE`; afw reads from `-` too",
    ),
];

/// Reads web access logs, tells bots and attackers from visitors, and ships what it finds.
#[derive(Debug, Parser)]
#[command(
    name = "afw",
    version,
    about,
    max_term_width = 110,
    arg_required_else_help = true
)]
#[command(
    after_help = "Start with `afw replay /var/log/nginx/access.log`: it reads the log, prints what it found and ships nothing."
)]
pub struct Cli {
    #[command(flatten)]
    common: CommonOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow logs, detect, ship; survives restarts and rotation
    Tail(tail::TailArgs),
    /// The same over history, once; also for cron with --resume
    Replay(replay::ReplayArgs),
    /// One line through every stage, or why an address is an indicator
    Explain(explain::ExplainArgs),
    /// The rules: list, show, check, test
    Rules(rules::RulesArgs),
    /// Cursors and lag, outbox, sinks, databases and lists
    Status(status::StatusArgs),
    /// Make a running tail read configuration, rules, lists and databases anew
    Reload(reload::ReloadArgs),
    /// Batches that wait or failed: list, show, retry, drop, flush
    Outbox(outbox::OutboxArgs),
    /// OneFirewall Domains API: check, list, latest, report, decide
    Domains(domains::DomainsArgs),
    /// MaxMind databases: status, update
    Geoip(geoip::GeoipArgs),
    /// Address, network, ASN and crawler lists: status, update
    Lists(lists::ListsArgs),
    /// The configuration file: init, check, show
    Config(config::ConfigArgs),
    /// Shell completions
    Completions(completions::CompletionsArgs),
    /// The manual page
    Man,
}

impl Cli {
    fn of(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut cli = Self::from_arg_matches(matches)?;
        cli.common.given = Given::of(matches);
        Ok(cli)
    }
}

/// Runs `afw` with these arguments and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let typed = variables::without_empty(Cli::command())
        .try_get_matches_from(&arguments)
        .and_then(|matches| Cli::of(&matches));
    let done = match typed {
        Ok(cli) => dispatch(cli),
        Err(error) => match refused(error, &arguments) {
            Ok(error) => return usage(&error),
            Err(failure) => Err(failure),
        },
    };
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.report();
            failure.exit.into()
        }
    }
}

/// The error as it is without the environment, whose options would stand in the usage line as if they were needed.
///
/// # Errors
/// There is none then: a variable is wrong.
fn refused(error: clap::Error, arguments: &[OsString]) -> Result<clap::Error, Failure> {
    // What was asked for (help, the version) is no mistake, and names the variables.
    if !error.use_stderr() {
        return Ok(error);
    }
    let alone = variables::without_any(Cli::command()).try_get_matches_from(arguments);
    match alone {
        Err(alone) if alone.kind() == error.kind() => Ok(alone),
        Ok(_) => variables::refused(&error).map_or(Ok(error), Err),
        Err(_) => Ok(error),
    }
}

/// Variables of the environment that nothing reads, each with the one that was probably meant.
fn misspelt() -> Vec<(String, String)> {
    variables::misspelt(&Cli::command())
}

/// clap's own message: help and version go to standard output with 0, mistakes to standard error with 2.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return told(error.print().and_then(|()| std::io::stdout().flush()));
    }
    // A variable that is set counts as an argument, and yet nothing was typed.
    let is_bare = std::env::args_os().len() < 2
        && matches!(
            error.kind(),
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        );
    let text = error.render().ansi().to_string();
    let text = if is_bare {
        WELCOME.to_owned()
    } else if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        text
    } else {
        let hint = match log_in_place_of_command(error) {
            Some(path) => {
                format!("hint: `afw replay {path}` reads it, `afw tail {path}` follows it; more with")
            }
            None => "hint: more with".to_owned(),
        };
        format!("afw: {}", text.replace("For more information, try", &hint))
    };
    let _ = write!(anstream::stderr(), "{text}");
    Exit::Usage.into()
}

/// How a run ended that only had to say something. A closed pipe under `afw --help | head` is no failure.
fn told(written: std::io::Result<()>) -> ExitCode {
    let written = written.map_err(|error| output::unwritten("standard output", &error));
    match output::quietly(written) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.report();
            failure.exit.into()
        }
    }
}

/// A path where a command was to stand.
fn log_in_place_of_command(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(word) if word.contains(['/', '.', '*']) => Some(crate::text::printable(word)),
        _ => None,
    }
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let Cli { common, command } = cli;
    match command {
        Command::Tail(args) => tail::run(&common, &args),
        Command::Replay(args) => replay::run(&common, &args),
        Command::Explain(args) => explain::run(&common, &args),
        Command::Rules(args) => rules::run(&common, &args),
        Command::Status(args) => status::run(&common, &args),
        Command::Reload(args) => reload::run(&common, &args),
        Command::Outbox(args) => outbox::run(&common, &args),
        Command::Domains(args) => domains::run(&common, &args),
        Command::Geoip(args) => geoip::run(&common, &args),
        Command::Lists(args) => lists::run(&common, &args),
        Command::Config(args) => config::run(&common, &args),
        Command::Completions(args) => completions::run(&args),
        Command::Man => completions::man(),
    }
}
