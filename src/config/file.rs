//! The configuration file as data: TOML, every key optional, unknown keys refused with the nearest known one.
//!
//! Keys are the long options with `_` for `-`; repeatable options are arrays. Nothing is checked here beyond types.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cli::options::{LogLevel, LogStyle, Print, When};

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "each key is the option of the same name; `afw config init` explains them"
)]
pub struct File {
    pub paths: Vec<PathBuf>,
    pub state_dir: Option<PathBuf>,
    pub quiet: Option<bool>,
    pub log_level: Option<LogLevel>,
    pub log_style: Option<LogStyle>,
    pub color: Option<When>,
    pub progress: Option<When>,
    pub format: Option<String>,
    pub format_from: Option<PathBuf>,
    pub trusted_proxy: Option<Vec<String>>,
    pub client_header: Option<String>,
    pub geoip: Vec<PathBuf>,
    pub cache_addresses: Option<usize>,
    pub rules: Vec<PathBuf>,
    pub no_default_rules: Option<bool>,
    pub list: Vec<String>,
    pub allow: Vec<String>,
    pub own_hosts: Vec<String>,
    pub min_confidence: Option<f64>,
    pub resolver: Option<String>,
    pub dns: Option<bool>,
    pub host: Vec<String>,
    pub class: Vec<String>,
    pub print: Option<Print>,
    pub json: Option<bool>,
    pub report: Option<PathBuf>,
    pub since: Option<String>,
    pub until: Option<String>,
    pub rejects: Option<PathBuf>,
    pub threads: Option<usize>,
    pub from: Option<String>,
    pub metrics: Option<String>,
    pub drain: Option<String>,
    pub line_cap_bytes: Option<usize>,
    pub sink: Option<Vec<String>>,
    pub appfirewall: super::sinks::AppFirewall,
    pub onefirewall: super::sinks::OneFirewall,
    pub http: super::sinks::Http,
    pub outbox: super::sinks::Outbox,
    pub webhook: super::sinks::Webhook,
    pub ecs: super::sinks::Ecs,
    pub file: super::sinks::FileSink,
    pub maxmind: super::sinks::Maxmind,
    pub list_source: Vec<super::sinks::ListSource>,
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, or has a key that afw does not know; the message has the line.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`File::read`].
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| fault(text, &error))
    }
}

/// What is wrong and in which line. Neither the line nor the value is shown: it may be a key.
fn fault(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| {
        1 + text.as_bytes()[..span.start.min(text.len())]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
    });
    let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let message = error.message().lines().next().unwrap_or_default();
    let value = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "));
    match value.and_then(|value| {
        Some((
            value.split([' ', '`']).next()?,
            value.rsplit_once(", expected")?.1,
        ))
    }) {
        Some((kind, expected)) => format!("{place}a {kind} is not what belongs here: expected{expected}"),
        None => format!("{place}{message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        let error = File::parse("threads = 2\ntreads = 3\n").unwrap_err();
        assert!(error.starts_with("line 2: "), "{error}");
        assert!(error.contains("unknown field `treads`"), "{error}");
    }

    #[test]
    fn no_value_is_shown_since_it_may_be_a_key() {
        for text in [
            "threads = \"SECRET\"",
            "[appfirewall]\napi_key = \"SECRET",
            "api_key = \"SECRET\"",
        ] {
            let error = File::parse(text).unwrap_err();
            assert!(!error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn every_key_of_the_template_is_known() {
        let template = include_str!("template.toml");
        let keys: String = template
            .lines()
            .map(|line| {
                line.strip_prefix('#')
                    .filter(|rest| rest.contains(" = ") || rest.starts_with("[["))
                    .unwrap_or(line)
                    .to_owned()
                    + "\n"
            })
            .collect();
        File::parse(&keys).unwrap();
        File::parse(template).unwrap();
    }

    #[test]
    fn keys_are_the_options() {
        let file = File::parse("geoip = [\"a.mmdb\"]\nprint = \"sightings\"\ndns = false\n").unwrap();
        assert_eq!(file.geoip, [PathBuf::from("a.mmdb")]);
        assert_eq!(file.print, Some(Print::Sightings));
        assert_eq!(file.dns, Some(false));
    }
}
