//! Configuration: flags win over the environment, which wins over the file; every default lives here.
//!
//! [`options`] are what can be typed, [`File`] is the TOML file as data; [`Config::resolve`] makes one checked [`Config`].
//! Secrets are never printed. Next: [`crate::drive`].

use std::path::{Path, PathBuf};

use afw_parsers::Time;

use self::options::{AnalysisOptions, CommonOptions, LogLevel, LogStyle, OutputOptions, Print, When};
use crate::detect::{Class, Confidence};
use crate::terminal::Failure;

pub mod data;
mod file;
mod given;
mod lookup;
pub mod options;
mod origin;
mod reading;
mod resolve;
pub mod sinks;
mod times;

pub use file::File;
pub use given::Given;
pub use lookup::{config_path, environment, secret, state_dir};
pub use origin::Origins;
pub use times::{parse_span, parse_time};

/// From what confidence a client becomes an indicator, unless configured.
pub const DEFAULT_MIN_CONFIDENCE: f64 = 0.5;
/// Longest line that is kept whole, in bytes, unless configured.
pub const DEFAULT_LINE_CAP_BYTES: usize = 1 << 20;

/// The checked configuration of one run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file that was read, if there is one.
    pub config_path: Option<PathBuf>,
    /// Where state lives.
    pub state_dir: PathBuf,
    /// How much afw says.
    pub log_level: LogLevel,
    /// How it says it.
    pub log_style: LogStyle,
    /// Whether in colour.
    pub color: When,
    /// Whether with progress.
    pub progress: When,
    /// Logs to read: arguments, else the file's `paths`.
    pub paths: Vec<PathBuf>,
    /// How lines are read and judged.
    pub analysis: Analysis,
    /// What goes out and where.
    pub output: Output,
    /// The file, for the settings of sinks and outbox.
    pub file: File,
    /// Where values come from.
    pub origins: Origins,
}

/// How lines are read and judged.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// `--format`; `None` is `auto`.
    pub format: Option<String>,
    /// `--format-from`.
    pub format_from: Option<PathBuf>,
    /// Trusted proxies: networks, `cloudflare`, `none`.
    pub trusted_proxies: Vec<String>,
    /// Header that trusted proxies set, when not the usual ones.
    pub client_header: Option<String>,
    /// MMDB files; when none is named, those that `afw geoip update` has fetched.
    pub geoip: Vec<PathBuf>,
    /// Whether they were named on the command line or in the environment: then they must be there.
    pub geoip_typed: bool,
    /// How many addresses each thread remembers.
    pub cache_addresses: usize,
    /// Rule files and directories beside the built-in packs.
    pub rules: Vec<PathBuf>,
    /// Whether the built-in packs are used.
    pub default_rules: bool,
    /// Lists by name, those with a publisher among them.
    pub lists: Vec<(String, PathBuf)>,
    /// Lists with a publisher.
    pub sources: Vec<data::Scheduled>,
    /// Networks that never become indicators.
    pub allow: Vec<String>,
    /// The operator's host names, which never become indicators, nor what lies below them.
    pub own_hosts: Vec<String>,
    /// From what confidence a client becomes an indicator.
    pub min_confidence: Confidence,
    /// DNS server for crawler checks.
    pub resolver: Option<String>,
    /// Whether crawler claims are checked by DNS; `None` leaves it to the command.
    pub dns: Option<bool>,
    /// Longest line that is kept whole, in bytes.
    pub line_cap_bytes: usize,
    /// Where values come from.
    pub origins: Origins,
}

/// What goes out and where.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// Only these hosts in print and report, lower case; empty means all.
    pub hosts: Vec<String>,
    /// Only these classes in print and report; empty means all.
    pub classes: Vec<Class>,
    /// Receivers as named; `None` when nothing was named anywhere.
    pub sinks: Option<Vec<String>>,
    /// What goes to standard output.
    pub print: Option<Print>,
    /// JSON in place of readable text.
    pub json: bool,
    /// Report file.
    pub report: Option<PathBuf>,
    /// Only lines from this event time on.
    pub since: Option<Time>,
    /// Only lines before this event time.
    pub until: Option<Time>,
    /// Where rejected lines go.
    pub rejects: Option<PathBuf>,
    /// Worker threads; `None` means all cores.
    pub threads: Option<usize>,
    /// No delivery, no state.
    pub dry_run: bool,
}

impl Config {
    /// One checked configuration from what was typed, the environment (already merged into the options by clap) and
    /// the file.
    ///
    /// # Errors
    /// Exit code 2 with all that is wrong.
    pub fn resolve(
        common: &CommonOptions,
        paths: &[PathBuf],
        analysis: &AnalysisOptions,
        output: &OutputOptions,
        now: Time,
    ) -> Result<Self, Failure> {
        let (config, mistakes) = Self::examine(common, paths, analysis, output, now)?;
        match Failure::all(mistakes) {
            None => Ok(config),
            Some(failure) => Err(failure),
        }
    }

    /// The configuration with defaults in the place of what is wrong, and everything that is wrong.
    ///
    /// # Errors
    /// Exit code 2 when the named file is missing or no state directory is known.
    pub fn examine(
        common: &CommonOptions,
        paths: &[PathBuf],
        analysis: &AnalysisOptions,
        output: &OutputOptions,
        now: Time,
    ) -> Result<(Self, Vec<Failure>), Failure> {
        let config_path = config_path(common.config.as_deref())?;
        let (file, found) = config_path.as_deref().map(File::read).unwrap_or_default();
        let mut mistakes = Mistakes(found);
        let origins = Origins::new(common.given.clone(), config_path.as_deref());
        let state_dir = state_dir(common.state_dir.as_deref().or(file.state_dir.as_deref()))?;
        let config = Self {
            log_level: log_level(common, &file),
            log_style: common.log_style.or(file.log_style).unwrap_or_default(),
            color: common.color.or(file.color).unwrap_or_default(),
            progress: common.progress.or(file.progress).unwrap_or_default(),
            paths: if paths.is_empty() {
                file.paths.clone()
            } else {
                paths.to_vec()
            },
            analysis: resolve::analysis(analysis, &file, &state_dir, &origins, &mut mistakes),
            state_dir,
            output: resolve::output(output, &file, now, &origins, &mut mistakes),
            config_path,
            file,
            origins,
        };
        Ok((config, mistakes.0))
    }
}

/// All that is wrong, gathered so that it can be told at once.
struct Mistakes(Vec<Failure>);

impl Mistakes {
    /// The value, or what stands for it when it is wrong.
    fn or<T>(&mut self, value: Result<T, Failure>, otherwise: T) -> T {
        value.unwrap_or_else(|failure| {
            self.0.push(failure);
            otherwise
        })
    }
}

impl Config {
    /// Whether afw says nothing but errors.
    pub fn is_quiet(&self) -> bool {
        self.log_level <= LogLevel::Error
    }
}

fn log_level(common: &CommonOptions, file: &File) -> LogLevel {
    if common.quiet || (common.log_level.is_none() && common.verbose == 0 && file.quiet == Some(true)) {
        return LogLevel::Error;
    }
    match common.verbose {
        0 => common.log_level.or(file.log_level).unwrap_or(LogLevel::Info),
        1 => LogLevel::Debug,
        _ => LogLevel::Trace,
    }
}

/// Whether a path exists and can be looked at; used for defaults only.
fn exists(path: &Path) -> bool {
    path.try_exists().unwrap_or(false)
}
