//! What was typed: the options that several commands share, as plain data.
//!
//! Nothing is checked or filled in here; [`crate::config`] turns this, the environment and the file into one
//! checked `Config`. A repeatable option's variable takes a comma-separated list.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::given::Given;

/// Options of every command: where the configuration is and how afw talks.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct CommonOptions {
    /// Which options were given at all.
    #[arg(skip)]
    pub given: Given,
    /// Configuration file [default: /etc/afw/afw.toml, else $XDG_CONFIG_HOME/afw/afw.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "AFW_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// Where cursors, indicators and the outbox live [default: /var/lib/afw for root, else $XDG_STATE_HOME/afw]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "AFW_STATE_DIR",
        hide_env_values = true
    )]
    pub state_dir: Option<PathBuf>,
    /// Fewer messages: only errors
    #[arg(short, long, global = true, env = "AFW_QUIET", hide_env_values = true, action = clap::ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub quiet: bool,
    /// More messages; twice for debugging
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How much afw says on standard error
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        env = "AFW_LOG_LEVEL",
        hide_env_values = true
    )]
    pub log_level: Option<LogLevel>,
    /// Form of afw's own messages
    #[arg(
        long,
        global = true,
        value_name = "STYLE",
        env = "AFW_LOG_STYLE",
        hide_env_values = true
    )]
    pub log_style: Option<LogStyle>,
    /// Colour: auto follows the terminal and NO_COLOR
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        env = "AFW_COLOR",
        hide_env_values = true
    )]
    pub color: Option<When>,
    /// Progress of long jobs on standard error
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        env = "AFW_PROGRESS",
        hide_env_values = true
    )]
    pub progress: Option<When>,
}

/// Which rules are in force.
#[derive(Debug, Clone, Default, Args)]
pub struct RuleOptions {
    /// Further Sigma rules, a file or a directory; repeatable
    #[arg(
        long,
        value_name = "PATH",
        env = "AFW_RULES",
        hide_env_values = true,
        help_heading = "Judging"
    )]
    pub rules: Vec<PathBuf>,
    /// Leave the built-in rules out
    #[arg(
        long,
        env = "AFW_NO_DEFAULT_RULES",
        hide_env_values = true,
        help_heading = "Judging", action = clap::ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub no_default_rules: bool,
}

/// Options that `tail`, `replay` and `explain` share: how lines are read and judged.
#[derive(Debug, Clone, Default, Args)]
pub struct AnalysisOptions {
    /// Log format: auto, a preset's name, nginx:LOG_FORMAT or apache:LOGFORMAT (the directive’s own string), caddy:ms
    #[arg(
        long,
        value_name = "F",
        env = "AFW_FORMAT",
        hide_env_values = true,
        help_heading = "Reading"
    )]
    pub format: Option<String>,
    /// Take log_format/LogFormat, and which log uses it, from this server configuration
    #[arg(
        long,
        value_name = "FILE",
        env = "AFW_FORMAT_FROM",
        hide_env_values = true,
        help_heading = "Reading"
    )]
    pub format_from: Option<PathBuf>,
    /// Whose forwarding headers count: a network, cloudflare (its published ranges) or none; repeatable
    #[arg(
        long,
        value_name = "CIDR|cloudflare|none",
        env = "AFW_TRUSTED_PROXY",
        hide_env_values = true,
        help_heading = "Reading"
    )]
    pub trusted_proxy: Vec<String>,
    /// Which header a trusted proxy sets [default: X-Forwarded-For or Forwarded]
    #[arg(
        long,
        value_name = "NAME",
        env = "AFW_CLIENT_HEADER",
        hide_env_values = true,
        help_heading = "Reading"
    )]
    pub client_header: Option<String>,
    /// Country, city or ASN database (MMDB); the kind is read from its metadata; repeatable
    #[arg(
        long,
        value_name = "FILE",
        env = "AFW_GEOIP",
        hide_env_values = true,
        help_heading = "Judging"
    )]
    pub geoip: Vec<PathBuf>,
    /// Which rules are in force.
    #[command(flatten)]
    pub rules: RuleOptions,
    /// Address, network, ASN or crawler-range list under a name; repeatable
    #[arg(
        long,
        value_name = "NAME=FILE",
        env = "AFW_LIST",
        hide_env_values = true,
        help_heading = "Judging"
    )]
    pub list: Vec<String>,
    /// A network that never becomes an indicator; repeatable
    #[arg(
        long,
        value_name = "CIDR",
        env = "AFW_ALLOW",
        hide_env_values = true,
        help_heading = "Judging"
    )]
    pub allow: Vec<String>,
    /// Confidence from which a client becomes an indicator, 0 to 1 [default: 0.5]
    #[arg(
        long,
        value_name = "C",
        env = "AFW_MIN_CONFIDENCE",
        hide_env_values = true,
        help_heading = "Judging"
    )]
    pub min_confidence: Option<f64>,
    /// DNS server for crawler checks [default: the system's]
    #[arg(
        long,
        value_name = "ADDR",
        env = "AFW_RESOLVER",
        hide_env_values = true,
        help_heading = "Judging"
    )]
    pub resolver: Option<String>,
    /// Do not check crawler claims by reverse DNS (default for replay)
    #[arg(
        long,
        env = "AFW_NO_DNS",
        hide_env_values = true,
        overrides_with = "dns",
        help_heading = "Judging", action = clap::ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub no_dns: bool,
    /// Check crawler claims by reverse DNS (default for tail)
    #[arg(
        long,
        env = "AFW_DNS",
        hide_env_values = true,
        overrides_with = "no_dns",
        help_heading = "Judging", action = clap::ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub dns: bool,
}

/// Options that `tail` and `replay` share: what goes out and where.
#[derive(Debug, Clone, Default, Args)]
pub struct OutputOptions {
    /// Only this host in print and report; repeatable
    #[arg(
        long,
        value_name = "NAME",
        env = "AFW_HOST",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub host: Vec<String>,
    /// Only this class in print and report; repeatable
    #[arg(
        long,
        value_name = "NAME",
        env = "AFW_CLASS",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub class: Vec<String>,
    /// Receiver: appfirewall, onefirewall, onefirewall-domains, ecs:PATH|URL, webhook:URL, file:PATH or none; repeatable
    #[arg(
        long,
        value_name = "S",
        env = "AFW_SINK",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub sink: Vec<String>,
    /// What goes to standard output [default: tail indicators, replay summary]
    #[arg(
        long,
        value_name = "WHAT",
        env = "AFW_PRINT",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub print: Option<Print>,
    /// One JSON document (summary) or JSON lines (indicators) in place of readable text
    #[arg(long, env = "AFW_JSON", hide_env_values = true, help_heading = "Output", action = clap::ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// Write a report: a page for people (.html) or a document for scripts (.json); tail writes it when it ends
    #[arg(
        long,
        value_name = "FILE",
        env = "AFW_REPORT",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub report: Option<PathBuf>,
    /// Only lines from this event time on: RFC 3339, a date, or relative (2h, 7d)
    #[arg(
        long,
        value_name = "T",
        env = "AFW_SINCE",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub since: Option<String>,
    /// Only lines before this event time
    #[arg(
        long,
        value_name = "T",
        env = "AFW_UNTIL",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub until: Option<String>,
    /// Write every line that no grammar accepts to this file, with position and reason
    #[arg(
        long,
        value_name = "FILE",
        env = "AFW_REJECTS",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub rejects: Option<PathBuf>,
    /// Threads of replay [default: all cores]; the result never depends on it
    #[arg(
        long,
        value_name = "N",
        env = "AFW_THREADS",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub threads: Option<usize>,
    /// Everything but delivery and state
    #[arg(long, env = "AFW_DRY_RUN", hide_env_values = true, help_heading = "Output", action = clap::ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
}

/// `--print`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Print {
    /// What was read and found, for a person.
    Summary,
    /// One line an indicator.
    Indicators,
    /// One line a rule that fired.
    Sightings,
    /// One ECS document a line.
    Events,
    /// One address or domain a line.
    Values,
    /// Nothing.
    None,
}

/// `auto`, `always`, `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// When standard error (or output) is a terminal.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Never.
    Never,
}

/// `--log-level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the five words of every logger")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// `--log-style`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogStyle {
    /// For people.
    #[default]
    Text,
    /// One JSON object a message.
    Json,
}
