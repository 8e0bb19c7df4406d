//! `afw domains`: the OneFirewall Domains API on the command line.
//!
//! A call that is refused says why and exits 1; arguments that cannot be right, or no key, exit 2 and send nothing.

use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::logging;
use crate::config::options::{CommonOptions, When};
use crate::config::{Config, parse_time};
use crate::drive::clock::now;
use crate::drive::sinks;
use crate::sink::domains::{Decision, DomainsApi, DomainsError};
use crate::terminal::output::{Output, quietly};
use crate::terminal::{Exit, Failure};
use crate::text::counted;

/// How often a long list says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// OneFirewall Domains API.
#[derive(Debug, Args)]
pub struct DomainsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What is known of a domain
    Check {
        /// The domain
        domain: String,
        /// Look deeper; takes longer
        #[arg(long)]
        deep_scan: bool,
        /// The vendor's object as it came, which is the only form
        #[arg(long)]
        json: bool,
    },
    /// All domains from a score on, one a line
    List {
        /// From 1 to 1000
        min_score: u32,
        /// Write them as URLs
        #[arg(long)]
        protocol: Option<Protocol>,
        /// JSON strings in place of bare names
        #[arg(long)]
        json: bool,
    },
    /// Domains that changed, one JSON object a line
    Latest {
        /// Since when: RFC 3339, a date or an age [default: 1d]
        #[arg(long, value_name = "T")]
        since: Option<String>,
        /// JSON lines, which is the only form
        #[arg(long)]
        json: bool,
    },
    /// Report a domain
    Report {
        /// The domain
        domain: String,
        /// How sure you are, 0 to 1
        #[arg(long)]
        confidence: f64,
        /// A tag; repeatable
        #[arg(long = "tag")]
        tags: Vec<String>,
        /// Say what was reported as JSON
        #[arg(long)]
        json: bool,
    },
    /// Overwrite the decision on a domain
    Decide {
        /// The domain
        domain: String,
        /// What holds from now on
        decision: Verdict,
        /// Say what was decided as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Protocol {
    Http,
    Https,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Verdict {
    /// Always block
    Block,
    /// Never block
    Allow,
    /// By the score
    Score,
}

/// Runs the command.
///
/// # Errors
/// No key, bad arguments, or what the API answers.
pub fn run(common: &CommonOptions, args: &DomainsArgs) -> Result<Exit, Failure> {
    let config = Config::resolve(common, &[], &Default::default(), &Default::default(), now())?;
    logging::start(&config);
    let api = DomainsApi::new(&sinks::onefirewall(&config)?).map_err(|error| sinks::failure(&error))?;
    let mut out = Output::new(false);
    let progress = config.progress != When::Never;
    match call(&api, &args.command, progress, &mut out) {
        Ok(()) => quietly(out.flush()),
        Err(CallError::Usage(failure)) => Err(failure),
        Err(CallError::Api(error)) => Err(failure(&error)),
        Err(CallError::Pipe(error)) => quietly(Err(error)),
    }
}

/// How a call can end.
enum CallError {
    Usage(Failure),
    Api(DomainsError),
    Pipe(std::io::Error),
}

impl From<DomainsError> for CallError {
    fn from(error: DomainsError) -> Self {
        Self::Api(error)
    }
}

fn call(api: &DomainsApi, command: &Command, progress: bool, out: &mut Output) -> Result<(), CallError> {
    match command {
        Command::Check {
            domain, deep_scan, ..
        } => {
            let object = api.check(domain, *deep_scan)?;
            let shown = for_output(out);
            out.line(&shown(object.trim_end())).map_err(CallError::Pipe)
        }
        Command::List {
            min_score,
            protocol,
            json,
        } => {
            let protocol = protocol.map(|protocol| match protocol {
                Protocol::Http => "http",
                Protocol::Https => "https",
            });
            lines(
                |visit| api.list(*min_score, protocol, visit),
                progress,
                out,
                |line| {
                    if *json {
                        serde_json::Value::from(line).to_string()
                    } else {
                        crate::text::printable(line)
                    }
                },
            )
        }
        Command::Latest { since, .. } => {
            let since = parse_time(since.as_deref().unwrap_or("1d"), now())
                .map_err(|error| CallError::Usage(Failure::usage(format!("--since: {error}"))))?;
            let shown = for_output(out);
            lines(|visit| api.latest(since.secs(), visit), progress, out, shown)
        }
        Command::Report {
            domain,
            confidence,
            tags,
            json,
        } => {
            api.report(domain, *confidence, tags)?;
            let done = json!({"domain": domain, "confidence": confidence, "tags": tags});
            told(out, *json, &done)
        }
        Command::Decide {
            domain,
            decision,
            json,
        } => {
            let (chosen, word) = match decision {
                Verdict::Block => (Decision::Block, "block"),
                Verdict::Allow => (Decision::Allow, "allow"),
                Verdict::Score => (Decision::Score, "score"),
            };
            api.decide(domain, chosen)?;
            told(out, *json, &json!({"domain": domain, "decision": word}))
        }
    }
}

/// What the vendor sends goes on unchanged, but not to a terminal: it is text of others.
fn for_output(out: &Output) -> fn(&str) -> String {
    if out.is_terminal() {
        crate::text::printable_lines
    } else {
        str::to_owned
    }
}

/// The answer to a report or decision is empty; whoever asked for JSON gets what was taken.
fn told(out: &mut Output, json: bool, done: &Value) -> Result<(), CallError> {
    if json {
        out.line(&done.to_string()).map_err(CallError::Pipe)?;
    }
    tracing::info!("OneFirewall took it");
    Ok(())
}

/// Writes every line that a call gives; a reader that went away ends the call, not the program.
fn lines(
    call: impl FnOnce(&mut dyn FnMut(&str) -> std::io::Result<()>) -> Result<u64, DomainsError>,
    progress: bool,
    out: &mut Output,
    shown: impl Fn(&str) -> String,
) -> Result<(), CallError> {
    let mut broken = None;
    let (mut count, mut due) = (0_u64, Instant::now() + TELL_EVERY);
    let called = call(&mut |line| {
        count += 1;
        if progress && Instant::now() >= due {
            due = Instant::now() + TELL_EVERY;
            tracing::info!("{} so far", counted(count, "domain"));
        }
        out.line(&shown(line))
            .inspect_err(|error| broken = Some(std::io::Error::new(error.kind(), error.to_string())))
    });
    match (broken, called) {
        (Some(error), _) => Err(CallError::Pipe(error)),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(count)) => {
            tracing::info!("{}", counted(count, "domain"));
            Ok(())
        }
    }
}

fn failure(error: &DomainsError) -> Failure {
    let exit = if error.is_usage() {
        Exit::Usage
    } else {
        Exit::Failed
    };
    let failure = Failure::new(exit, error);
    match error.advice() {
        Some(advice) => failure.hint(advice),
        None => failure,
    }
}
