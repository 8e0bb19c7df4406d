//! The environment: each option has a variable. Values are read by clap; what is wrong with one is told by its name.

use clap::Command;
use clap::error::{ContextKind, ContextValue};

use crate::terminal::Failure;
use crate::text::nearest;

/// Variables that are no option's.
const OTHERS: [&str; 2] = ["AFW_WEBHOOK_SECRET", "AFW_WEBHOOK_SECRET_FILE"];

/// A variable that is set and empty counts as unset: this is how scripts and unit files switch one off.
pub(super) fn without_empty(command: Command) -> Command {
    without(command, &|name| {
        std::env::var_os(name).is_some_and(|value| value.is_empty())
    })
}

/// The command with what was typed alone.
pub(super) fn without_any(command: Command) -> Command {
    without(command, &|_| true)
}

fn without(command: Command, left_out: &dyn Fn(&std::ffi::OsStr) -> bool) -> Command {
    command
        .mut_args(|argument| match argument.get_env().is_some_and(left_out) {
            true => argument.env(None::<&'static str>),
            false => argument,
        })
        .mut_subcommands(|command| without(command, left_out))
}

/// A value of a variable that is not what its option takes.
pub(super) fn refused(error: &clap::Error) -> Option<Failure> {
    let text = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.as_str()),
        _ => None,
    };
    let option = text(ContextKind::InvalidArg)?.split(' ').next()?;
    let variable = format!(
        "AFW_{}",
        option.strip_prefix("--")?.replace('-', "_").to_ascii_uppercase()
    );
    let value = text(ContextKind::InvalidValue)?;
    let hint = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(known)) => format!("one of {}", known.join(", ")),
        _ if is_of_a_switch(error) => "true or false is wanted, and empty counts as unset".to_owned(),
        _ => "a number is wanted".to_owned(),
    };
    let message = format!("{variable}: \"{value}\" is not what belongs here");
    Some(Failure::usage(message).hint(hint))
}

/// Whether what was refused stood for an option that takes no value.
fn is_of_a_switch(error: &clap::Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.to_string().contains("boolean"))
}

/// Variables that are set and that nothing reads, each with the one that was probably meant.
pub(super) fn misspelt(command: &Command) -> Vec<(String, String)> {
    let mut known: Vec<String> = OTHERS.map(str::to_owned).to_vec();
    all_of(command, &mut known);
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut misspelt: Vec<_> = set
        .filter(|name| name.starts_with("AFW_") && !known.contains(name))
        .filter_map(|name| {
            let meant = nearest(&name, known.iter().map(String::as_str))?.to_owned();
            Some((name, meant))
        })
        .collect();
    misspelt.sort();
    misspelt
}

fn all_of(command: &Command, into: &mut Vec<String>) {
    let names = command.get_arguments().filter_map(clap::Arg::get_env);
    into.extend(names.map(|name| name.to_string_lossy().into_owned()));
    command
        .get_subcommands()
        .for_each(|command| all_of(command, into));
}
