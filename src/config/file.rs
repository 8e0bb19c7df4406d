//! The configuration file as data: TOML, every key optional, unknown keys refused with the nearest known one.
//!
//! Keys are the long options with `_` for `-`; repeatable options are arrays. Nothing is checked here beyond types.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::reading;
use crate::bounded;
use crate::config::options::{LogLevel, LogStyle, Print, When};
use crate::terminal::Failure;
use crate::text::system_message;

/// Largest configuration, in bytes; the template is a few kilobytes.
const MAX_BYTES: u64 = 16 << 20;

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
    /// Reads a file as far as it can be read.
    pub fn read(path: &Path) -> (Self, Vec<Failure>) {
        let place = path.display();
        let refused = |message: String| {
            Failure::usage(message).hint("`afw config init` writes a file with every key and what it means")
        };
        let text = match bounded::read_text(path, MAX_BYTES) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("{place}: cannot read it: {}", system_message(&error));
                return (Self::default(), vec![refused(message)]);
            }
        };
        let (file, mistakes) = reading::read(&text);
        let told = mistakes
            .into_iter()
            .map(|reading::Mistake { line, what }| refused(format!("{place}:{line}: {what}")).at_line(line));
        (file, told.collect())
    }

    /// The line of each key of a file, `SECTION.KEY` below a heading, and `KEY=VALUE` for what stands in a list; none where it cannot be read.
    pub fn lines(path: &Path) -> Vec<(String, usize)> {
        let text = bounded::read_text(path, MAX_BYTES).unwrap_or_default();
        reading::lines(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> File {
        let (file, mistakes) = reading::read(text);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        file
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
        parse(&keys);
        parse(template);
    }

    #[test]
    fn keys_are_the_options() {
        let file = parse("geoip = [\"a.mmdb\"]\nprint = \"sightings\"\ndns = false\n");
        assert_eq!(file.geoip, [PathBuf::from("a.mmdb")]);
        assert_eq!(file.print, Some(Print::Sightings));
        assert_eq!(file.dns, Some(false));
    }
}
