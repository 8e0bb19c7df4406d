//! [`Given`]: which options of a command were given, and whether by typing or by the environment.
//!
//! Only clap knows: a word behind `--` is no option, and a variable of an option that a command does not have is not read.
//! Used by [`crate::config::Origins`] to tell where a value comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::ArgMatches;
use clap::parser::ValueSource;

/// Which options were given. One of no command line, as the default is, knows of none.
#[derive(Debug, Clone, Default)]
pub struct Given(
    /// By option, whether it was typed; else it is by its variable.
    Arc<BTreeMap<String, bool>>,
);

impl Given {
    /// What a command line and the environment gave.
    pub(crate) fn of(matches: &ArgMatches) -> Self {
        let mut options = BTreeMap::new();
        let mut at = Some(matches);
        while let Some(matches) = at {
            for id in matches.ids() {
                match matches.value_source(id.as_str()) {
                    Some(ValueSource::CommandLine) => drop(options.insert(id.to_string(), true)),
                    Some(ValueSource::EnvVariable) => drop(options.insert(id.to_string(), false)),
                    _ => {}
                }
            }
            at = matches.subcommand().map(|(_, matches)| matches);
        }
        Self(Arc::new(options))
    }

    /// Whether an option, named as its key, was typed.
    pub fn is_typed(&self, key: &str) -> bool {
        self.0.get(key) == Some(&true)
    }

    /// Whether an option, named as its key, has the value of its variable.
    pub fn is_variable(&self, key: &str) -> bool {
        self.0.get(key) == Some(&false)
    }
}
