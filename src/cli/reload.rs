//! `afw reload`: makes the running tail take everything anew, and says how that went.

use std::time::{Duration, Instant};

use clap::Args;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::logging;
use crate::config::Config;
use crate::config::options::CommonOptions;
use crate::drive::clock::now;
use crate::drive::reload::Answer;
use crate::store::Lock;
use crate::terminal::output::{Output, quietly};
use crate::terminal::{Exit, Failure};

/// How long the running afw may take: it may be waiting for a disk or for name servers.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often its answer is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Make the running tail take rules, lists, databases and configuration anew.
///
/// Everything is checked first: with a mistake in it, all that was in use stays in use and the mistake is told. No line is lost.
#[derive(Debug, Args)]
pub struct ReloadArgs {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// No tail runs that could be reloaded, or it refused what it found.
pub fn run(common: &CommonOptions, args: &ReloadArgs) -> Result<Exit, Failure> {
    // The file may be what the running afw will refuse; it has to be said by that one.
    let (state_dir, pid) = match Config::resolve(common, &[], &Default::default(), &Default::default(), now())
    {
        Ok(config) => {
            logging::start(&config);
            let pid = running(&config.state_dir)?;
            (config.state_dir, pid)
        }
        Err(failure) => {
            // Where it keeps its state may be said in the part that cannot be read.
            let state_dir = crate::config::state_dir(common.state_dir.as_deref())?;
            let pid = running(&state_dir).map_err(|_| failure)?;
            (state_dir, pid)
        }
    };
    let asked = now();
    signal(pid)?;
    let answer = wait_for_answer(&state_dir, asked, pid)?;
    if args.json {
        let (mistake, hint) = answer.mistake.clone().unzip();
        let told = json!({
            "pid": pid.as_raw_nonzero().get(), "reloaded": mistake.is_none(), "mistake": mistake, "hint": hint.flatten(),
        });
        let mut out = Output::new(false);
        quietly(out.line(&told.to_string()).and_then(|()| out.flush()))?;
    }
    match answer.mistake {
        None => {
            tracing::info!("process {}: {}", pid.as_raw_nonzero(), Answer::done(asked).text());
            Ok(Exit::Done)
        }
        Some(_) if args.json => Ok(Exit::Usage),
        Some((message, hint)) => {
            let failure = Failure::usage(format!(
                "process {} goes on with what it had: {message}",
                pid.as_raw_nonzero()
            ));
            Err(match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
    }
}

/// The process that follows logs into this state directory.
fn running(state_dir: &std::path::Path) -> Result<Pid, Failure> {
    let holder = Lock::holder(state_dir)?;
    let nobody = || {
        Failure::new(
            Exit::Failed,
            format!("no running `afw tail` keeps its state in {}", state_dir.display()),
        )
        .hint("name its directory with --state-dir or its file with --config; `afw tail` starts one")
    };
    let holder = holder.ok_or_else(nobody)?;
    let pid = holder
        .pid
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    match pid {
        Some(pid) if holder.reloads => Ok(pid),
        Some(pid) => Err(Failure::new(
            Exit::Failed,
            format!(
                "process {} holds {} and takes no reload",
                pid.as_raw_nonzero(),
                state_dir.display()
            ),
        )
        .hint("a replay reads everything when it starts, and so does a tail that is only starting: nothing needs to be done")),
        None => Err(nobody()),
    }
}

fn signal(pid: Pid) -> Result<(), Failure> {
    kill_process(pid, Signal::HUP).map_err(|error| {
        let failure = Failure::new(
            Exit::Failed,
            format!("cannot signal process {}: {error}", pid.as_raw_nonzero()),
        );
        match error {
            Errno::PERM => failure.hint("it belongs to another user: run as that user or as root"),
            _ => failure.hint("it has ended: `afw tail` starts another one"),
        }
    })
}

/// The answer to a signal sent at `asked`.
fn wait_for_answer(
    state_dir: &std::path::Path,
    asked: afw_parsers::Time,
    pid: Pid,
) -> Result<Answer, Failure> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = Answer::read(state_dir).filter(|answer| answer.taken >= asked) {
            return Ok(answer);
        }
        let gone = matches!(Lock::holder(state_dir), Ok(None));
        if gone || Instant::now() >= end {
            let what = if gone { "ended without" } else { "gave no answer:" };
            let failure = Failure::new(
                Exit::Failed,
                format!("process {} {what} taking the reload", pid.as_raw_nonzero()),
            );
            return Err(failure
                .hint("its messages say why (`journalctl -u afw`); `afw status` says what it waits for"));
        }
        std::thread::sleep(LOOK);
    }
}
