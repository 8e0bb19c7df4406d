//! [`Failure`]: what a command says when it cannot go on: what, where, and what to do about it.
//!
//! Messages are lower case without a full stop; hints name the option, key or command to use. Anything unexpected
//! arrives as an `anyhow` chain and ends with exit code 1. Next: [`super::exit`].

use std::collections::HashSet;
use std::fmt::Display;
use std::io::Write;

use super::exit::Exit;
use super::journal::{ERROR, prioritised};
use super::screen::Stderr;
use crate::text::printable_lines;

/// An expected end of a command, with its message and exit code.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong, one or more lines.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Exit code.
    pub exit: Exit,
    /// What else is wrong.
    pub others: Vec<Self>,
    /// The line of the configuration file in which it is, counted from 1.
    line: Option<usize>,
    closed_pipe: bool,
}

impl Failure {
    /// A failure with this exit code.
    pub fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            exit,
            others: Vec::new(),
            line: None,
            closed_pipe: false,
        }
    }

    /// All of these as one, those of the configuration file first and in the order of its lines; `None` when there
    /// are none. What several have to be told alike is told after the last of them.
    pub fn all(failures: Vec<Self>) -> Option<Self> {
        let mut failures: Vec<Self> = failures.into_iter().flat_map(Self::apart).collect();
        failures.sort_by_key(|failure| failure.line.unwrap_or(usize::MAX));
        let mut told = HashSet::new();
        for failure in failures.iter_mut().rev() {
            failure.hint.take_if(|hint| !told.insert(hint.clone()));
        }
        let mut failures = failures.into_iter();
        let first = failures.next()?;
        Some(Self {
            others: failures.collect(),
            ..first
        })
    }

    /// Each for itself.
    fn apart(mut self) -> Vec<Self> {
        let others = std::mem::take(&mut self.others);
        let others = others.into_iter().flat_map(Self::apart);
        std::iter::once(self).chain(others).collect()
    }

    /// The values, or all that is wrong with them.
    ///
    /// # Errors
    /// When any is wrong.
    pub fn none_of<T>(results: impl Iterator<Item = Result<T, Self>>) -> Result<Vec<T>, Self> {
        let (mut values, mut failures) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(value) => values.push(value),
                Err(failure) => failures.push(failure),
            }
        }
        Self::all(failures).map_or(Ok(values), Err)
    }

    /// A mistake in arguments, configuration or rules.
    pub fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The same failure with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The same failure with what stands before its message.
    #[must_use]
    pub fn after(mut self, place: &str) -> Self {
        self.message.insert_str(0, place);
        self
    }

    /// The same failure in a line of the configuration file.
    #[must_use]
    pub const fn at_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// Whether it only says that the reader of our output has gone.
    pub const fn is_closed_pipe(&self) -> bool {
        self.closed_pipe
    }

    /// Writes the message to standard error; control characters of hostile input are shown escaped.
    pub fn report(&self) {
        let bad = anstyle::AnsiColor::Red.on_default().bold();
        let dim = anstyle::AnsiColor::Cyan.on_default();
        let message = printable_lines(&self.message);
        let hint = self.hint.as_deref().map(printable_lines);
        let hint = hint.map(|hint| format!("{dim}hint:{dim:#} {hint}\n"));
        let text = format!("{bad}afw: error:{bad:#} {message}\n{}", hint.unwrap_or_default());
        // Standard error may be closed; there is nobody left to tell.
        let _ = Stderr.write_all(prioritised(ERROR, text).as_bytes());
        self.others.iter().for_each(Self::report);
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failed, format!("{error:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let is_full = error.kind() == std::io::ErrorKind::StorageFull;
        Self {
            closed_pipe: super::output::is_closed_pipe(&error),
            hint: is_full.then(|| "make room there, or write to another place".to_owned()),
            ..Self::new(Exit::Failed, error)
        }
    }
}
