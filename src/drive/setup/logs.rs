//! Which logs a run reads and what tells their formats: what is named, or what a server's configuration declares.
//!
//! A configuration is read in [`crate::source::servers`]; how a log's format is chosen: [`crate::drive::formats`].

use std::path::{Path, PathBuf};

use crate::config::{Analysis, Config};
use crate::drive::formats::Formats;
use crate::source::discover;
use crate::source::servers::{DeclaredLog, Servers};
use crate::terminal::Failure;
use crate::text::{printable, printable_path};

/// The logs to read and how their formats are found: as named, else what the servers' configuration declares.
///
/// # Errors
/// Exit code 2 when nothing is named and nothing is found, or a format is wrong.
pub fn logs(config: &Config) -> Result<(Vec<PathBuf>, Formats), Failure> {
    let servers = match named_servers(&config.analysis)? {
        None if config.paths.is_empty() => Some(Servers::find(Path::new("/"))),
        named => named,
    };
    let formats = formats(&config.analysis, servers.clone())?;
    if !config.paths.is_empty() {
        return Ok((config.paths.clone(), formats));
    }
    let servers = servers.unwrap_or_default();
    for notice in &servers.notices {
        tracing::info!("{notice}");
    }
    for trouble in &servers.troubles {
        tracing::warn!("{trouble}");
    }
    if config.analysis.format_from.is_none() {
        warn_of_formats(&servers);
    }
    let paths: Vec<PathBuf> = formats
        .declared_paths()
        .into_iter()
        .map(Path::to_path_buf)
        .collect();
    if paths.is_empty() {
        return Err(nothing_declared(&servers));
    }
    warn_of_empty_globs(&paths, &formats);
    Ok((paths, formats))
}

/// Names the declared globs that match no file. Where nothing matches at all, that is told as a whole.
fn warn_of_empty_globs(paths: &[PathBuf], formats: &Formats) {
    /// Of very many the first tell enough.
    const MOST: usize = 20;
    let empty: Vec<&PathBuf> = paths
        .iter()
        .filter(|path| discover::is_empty_glob(path))
        .collect();
    if empty.len() == paths.len() {
        return;
    }
    for path in empty.into_iter().take(MOST) {
        let shown = printable_path(path);
        match formats.declared_at(path) {
            Some(at) => tracing::warn!("{shown}: no file matches; {} declares it", printable(at)),
            None => tracing::warn!("{shown}: no file matches"),
        }
    }
}

/// The server configuration that `--format-from` names.
fn servers_of(path: &Path) -> Result<Servers, Failure> {
    if path.as_os_str().is_empty() {
        return Err(Failure::usage("an empty path names no configuration"));
    }
    let servers = Servers::from_file(path);
    if let Some(trouble) = servers.troubles.first() {
        return Err(Failure::usage(trouble));
    }
    let broken = servers.logs.iter().find_map(DeclaredLog::mistake);
    if let (Some(mistake), None) = (broken, servers.layouts().next()) {
        return Err(Failure::usage(mistake));
    }
    warn_of_formats(&servers);
    Ok(servers)
}

/// Names the logs whose declared format could not be compiled. The others are read all the same.
fn warn_of_formats(servers: &Servers) {
    /// Of very many the first tell enough.
    const MOST: usize = 20;
    for mistake in servers.logs.iter().filter_map(DeclaredLog::mistake).take(MOST) {
        tracing::warn!("{mistake}");
    }
}

fn nothing_declared(servers: &Servers) -> Failure {
    let looked: Vec<String> = servers
        .looked
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let message = format!(
        "no log is named, and no server configuration declares one; looked at {}",
        looked.join(", ")
    );
    Failure::usage(message).hint("name a log: afw replay /var/log/nginx/access.log")
}

/// How formats are found when no log is named: by `--format`, or from what `--format-from` declares.
///
/// # Errors
/// Exit code 2 when the format or the configuration is wrong.
pub fn logs_or_none(config: &Config) -> Result<Formats, Failure> {
    formats(&config.analysis, named_servers(&config.analysis)?)
}

/// What the servers' configuration that `--format-from` names declares.
fn named_servers(analysis: &Analysis) -> Result<Option<Servers>, Failure> {
    let Some(path) = analysis.format_from.as_deref() else {
        return Ok(None);
    };
    let placed = |failure| analysis.origins.naming("format_from", failure);
    let servers = servers_of(path).map_err(placed)?;
    if servers.logs.is_empty() && servers.formats.is_empty() {
        let why = "it declares no log and no format; lines say what they are";
        let told = placed(Failure::usage(format!("{}: {why}", path.display())));
        tracing::warn!("{}", told.message);
    }
    Ok(Some(servers))
}

fn formats(analysis: &Analysis, servers: Option<Servers>) -> Result<Formats, Failure> {
    let made = Formats::new(analysis.format.as_deref(), servers);
    made.map_err(|failure| analysis.origins.option("format", "", failure))
}
