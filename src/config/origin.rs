//! [`Origins`]: where values come from, for `config show` and for messages about wrong ones.
//!
//! A wrong value is told by the place where it is mended: option, variable, or line of the file. Next: [`super::file`].

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use super::{File, environment};
use crate::config::Given;
use crate::terminal::Failure;

/// Where the values of one run come from.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    given: Given,
    file: String,
    /// By key, and by key and value, the first line.
    lines: Arc<HashMap<String, usize>>,
}

/// The place of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Option(String),
    Variable(String),
    /// Line of the configuration file.
    Line(usize),
    Default,
}

impl Origins {
    /// Of a run with these options and this configuration file.
    pub(super) fn new(given: Given, path: Option<&Path>) -> Self {
        let mut lines = HashMap::new();
        for (key, line) in path.map(File::lines).unwrap_or_default() {
            lines.entry(key).or_insert(line);
        }
        Self {
            given,
            file: path.map(|path| path.display().to_string()).unwrap_or_default(),
            lines: Arc::new(lines),
        }
    }

    /// Whether the option of a key was typed.
    pub fn is_typed(&self, key: &str) -> bool {
        self.given.is_typed(key)
    }

    /// Where a key's value comes from, in words; an empty variable is none.
    pub fn of(&self, key: &str, variable: &str) -> String {
        match self.find(key, variable) {
            Origin::Option(name) | Origin::Variable(name) => name,
            Origin::Line(line) => format!("{}:{line}", self.file),
            Origin::Default => "default".to_owned(),
        }
    }

    /// A wrong value of a key that is an option too; it is left out where it is empty.
    pub fn wrong(&self, key: &str, value: impl Display, why: impl Display) -> Failure {
        self.option(key, &value.to_string(), Failure::usage(why))
    }

    /// [`Self::wrong`] of a failure with its hint.
    pub fn option(&self, key: &str, value: &str, failure: Failure) -> Failure {
        let (space, colon) = if value.is_empty() { ("", "") } else { (" ", ":") };
        match self.entry(key, value, &variable_of_option(key)) {
            Origin::Option(_) | Origin::Default => {
                failure.after(&format!("--{}{space}{value}: ", key.replace('_', "-")))
            }
            origin => self.placed(&origin, key, failure.after(&format!("{value}{colon}{space}"))),
        }
    }

    /// [`Self::wrong`] of a failure that begins with the value itself.
    pub fn naming(&self, key: &str, failure: Failure) -> Failure {
        match self.find(key, &variable_of_option(key)) {
            Origin::Option(_) | Origin::Default => failure.after(&format!("--{} ", key.replace('_', "-"))),
            origin => self.placed(&origin, key, failure),
        }
    }

    /// A fault in a value that no option has, or one that names itself where it was typed. An empty variable is none.
    pub fn fault(&self, key: &str, value: &str, variable: &str, failure: Failure) -> Failure {
        self.placed(&self.entry(key, value, variable), key, failure)
    }

    fn placed(&self, origin: &Origin, key: &str, failure: Failure) -> Failure {
        match origin {
            Origin::Variable(name) => failure.after(&format!("{name}: ")),
            Origin::Line(line) => failure
                .after(&format!("{}:{line}: {key}: ", self.file))
                .at_line(*line),
            Origin::Option(_) | Origin::Default => failure,
        }
    }

    /// The place of one value among those of a key: a list may stand on many lines.
    fn entry(&self, key: &str, value: &str, variable: &str) -> Origin {
        match self.find(key, variable) {
            Origin::Line(line) => Origin::Line(*self.lines.get(&format!("{key}={value}")).unwrap_or(&line)),
            other => other,
        }
    }

    /// Flags win over the environment, which wins over the file.
    fn find(&self, key: &str, variable: &str) -> Origin {
        if self.is_typed(key) {
            return Origin::Option(format!("--{}", key.replace('_', "-")));
        }
        if self.given.is_variable(key) {
            return Origin::Variable(variable.to_owned());
        }
        // An option's variable was read with the options; no file or credential stands for it.
        if variable != variable_of_option(key)
            && let Some(name) = variable_of(variable)
        {
            return Origin::Variable(name);
        }
        let line = self
            .lines
            .get(key)
            .or_else(|| self.lines.get(&format!("{key}_file")));
        line.map_or(Origin::Default, |line| Origin::Line(*line))
    }
}

/// The variable of the option that a key is.
fn variable_of_option(key: &str) -> String {
    format!("AFW_{}", key.to_ascii_uppercase())
}

/// The variable, or the file or credential that stands for it, when it is set.
fn variable_of(variable: &str) -> Option<String> {
    if variable.is_empty() {
        return None;
    }
    let names = [variable.to_owned(), format!("{variable}_FILE")];
    if let Some(name) = names.into_iter().find(|name| environment(name).is_some()) {
        return Some(name);
    }
    let credential = variable.to_ascii_lowercase();
    let dir = environment("CREDENTIALS_DIRECTORY")?;
    let is_there = Path::new(&dir).join(&credential).exists();
    is_there.then(|| format!("credential {credential}"))
}
