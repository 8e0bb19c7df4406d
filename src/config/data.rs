//! Which databases and lists are read, and which of them have a publisher.
//!
//! A list with a publisher is read like any other; it need not be there yet. Next: `crate::drive::data`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::sinks::Maxmind;
use super::{File, Origins, environment, parse_span};
use crate::enrich::ListSpec;
use crate::enrich::crawler::operator;
use crate::terminal::Failure;
use crate::update::list::ListSource;

/// What `afw geoip update` fetches unless configured: all that detection reads, and free of charge.
const EDITIONS: [&str; 2] = ["GeoLite2-Country", "GeoLite2-ASN"];
/// Where databases are kept unless configured: where Debian's `geoipupdate` keeps them.
const FOLDER: &str = "/var/lib/GeoIP";
/// How often a publisher is asked unless configured; most write a new list once a day.
const EVERY: Duration = Duration::from_secs(86_400);
/// Publishers ask not to be asked more often than this.
const LEAST: Duration = Duration::from_secs(60);
/// Cloudflare's own list of its networks.
const CLOUDFLARE: &str = "https://api.cloudflare.com/client/v4/ips";

/// A list with a publisher, and how often `tail` asks for a new one; `None` is never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// The list.
    pub source: ListSource,
    /// How often it is fetched.
    pub every: Option<Duration>,
}

/// The folder of MaxMind's databases.
pub fn folder(set: &Maxmind) -> PathBuf {
    let named = environment("GEOIPUPDATE_DB_DIR").map(PathBuf::from);
    named
        .or_else(|| set.directory.clone())
        .unwrap_or_else(|| FOLDER.into())
}

/// The editions of MaxMind's databases.
pub fn editions(set: &Maxmind) -> Vec<String> {
    match environment("GEOIPUPDATE_EDITION_IDS") {
        Some(names) => names
            .split([' ', ','])
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        None if set.editions.is_empty() => EDITIONS.map(str::to_owned).to_vec(),
        None => set.editions.clone(),
    }
}

/// Where `afw geoip update` puts an edition.
pub fn database_path(folder: &Path, edition: &str) -> PathBuf {
    folder.join(format!("{edition}.mmdb"))
}

/// Databases that are read when none is named: those that `afw geoip update` has fetched.
pub(super) fn fetched_databases(set: &Maxmind) -> Vec<PathBuf> {
    let folder = folder(set);
    let paths = editions(set);
    let paths = paths.iter().map(|edition| database_path(&folder, edition));
    paths.filter(|path| super::exists(path)).collect()
}

/// The lists with a publisher. Names are those that `--list` takes; two publishers of one file would undo each other.
///
/// # Errors
/// Exit code 2 with the blocks that cannot be used.
pub(super) fn scheduled(file: &File, state_dir: &Path, origins: &Origins) -> Result<Vec<Scheduled>, Failure> {
    let mut paths = HashSet::new();
    let blocks = file.list_source.iter().map(|set| {
        let one = one(set, state_dir).and_then(|one| {
            let is_new = paths.insert(one.source.path.clone());
            is_new.then_some(one).ok_or_else(|| shared(set))
        });
        one.map_err(|failure| origins.fault("list_source", &set.name, "", failure))
    });
    Failure::none_of(blocks)
}

fn shared(set: &super::sinks::ListSource) -> Failure {
    Failure::usage(format!("{}: its file is another list's", set.name))
        .hint("give each list a path of its own; lists may share a name")
}

fn one(set: &super::sinks::ListSource, state_dir: &Path) -> Result<Scheduled, Failure> {
    let path = match &set.path {
        Some(path) => path.clone(),
        None => state_dir.join("lists").join(&set.name),
    };
    let spec: ListSpec = format!("{}={}", set.name, path.display())
        .parse()
        .map_err(Failure::usage)?;
    let url = set.url.clone().or_else(|| known_url(&set.name)).ok_or_else(|| {
        Failure::usage(format!("{}: no url", set.name))
            .hint("only cloudflare and crawlers such as googlebot or gptbot have a publisher that afw knows")
    })?;
    Ok(Scheduled {
        source: ListSource {
            name: spec.name,
            url,
            path,
        },
        every: every(set)?,
    })
}

fn known_url(name: &str) -> Option<String> {
    if name.eq_ignore_ascii_case("cloudflare") {
        return Some(CLOUDFLARE.to_owned());
    }
    operator(name)?.url.map(str::to_owned)
}

fn every(set: &super::sinks::ListSource) -> Result<Option<Duration>, Failure> {
    match set.every.as_deref() {
        None => Ok(Some(EVERY)),
        Some("never") => Ok(None),
        Some(text) => {
            let span = parse_span(text).and_then(|secs| u64::try_from(secs).ok());
            let span = span.map(Duration::from_secs).filter(|span| *span >= LEAST);
            span.map(Some).ok_or_else(|| {
                Failure::usage(format!("{}: every = \"{text}\"", set.name))
                    .hint("a span such as 12h or 1d, at least 1m, or never")
            })
        }
    }
}
