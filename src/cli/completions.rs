//! `afw completions` and `afw man`: both are made from the command line's own definition.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use crate::terminal::output::{quietly, unwritten};
use crate::terminal::{Exit, Failure};

/// Shell completions.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// For which shell
    shell: Shell,
}

/// Writes completions for a shell.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "afw", &mut text);
    write(&text)
}

/// Writes the manual page, all commands included.
///
/// # Errors
/// Standard output cannot be written.
pub fn man() -> Result<Exit, Failure> {
    let mut text = Vec::new();
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    for subcommand in command.get_subcommands() {
        let name = format!("afw-{}", subcommand.get_name());
        clap_mangen::Man::new(subcommand.clone().name(name)).render(&mut text)?;
    }
    write(&text)
}

fn write(text: &[u8]) -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text).and_then(|()| out.flush());
    quietly(written.map_err(|error| unwritten("standard output", &error)))
}
