//! MaxMind's databases: the download API with account and licence key.
//!
//! `GET /geoip/databases/EDITION/download?suffix=tar.gz` and `…tar.gz.sha256`, HTTP Basic authentication, as MaxMind's
//! "Download and Update Databases" describes. The checksum is asked for first: what is here already is not fetched.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::fetch::{Fetched, Fetcher, UNASKED};
use super::{UpdateError, Updated, archive, place};
use crate::enrich::Database;
use crate::sink::Secret;

/// Where MaxMind's databases are.
pub const HOST: &str = "https://download.maxmind.com";
/// Largest archive.
const MAX_BYTES: u64 = 512 << 20;
/// Largest checksum file.
const MAX_SUM_BYTES: u64 = 4 << 10;

/// What to keep up to date.
#[derive(Debug, Clone)]
pub struct GeoipSpec {
    /// Scheme and host; [`HOST`] but for tests and mirrors.
    pub host: String,
    /// Account number.
    pub account: String,
    /// Licence key.
    pub key: Secret,
    /// Names such as `GeoLite2-Country`.
    pub editions: Vec<String>,
    /// Folder of the files, `EDITION.mmdb` each.
    pub folder: PathBuf,
}

/// Brings every edition up to date; one that fails does not stop the others.
pub fn update(spec: &GeoipSpec, fetcher: &Fetcher) -> Vec<(String, Result<Updated, UpdateError>)> {
    let one = |edition: &String| (edition.clone(), edition_of(spec, edition, fetcher));
    spec.editions.iter().map(one).collect()
}

fn edition_of(spec: &GeoipSpec, edition: &str, fetcher: &Fetcher) -> Result<Updated, UpdateError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if edition.is_empty() || !edition.bytes().all(plain) {
        let shown = edition.escape_debug();
        return Err(UpdateError::Setting(format!(
            "\"{shown}\" is no edition: write it as `GeoLite2-Country`"
        )));
    }
    let pair = format!("{}:{}", spec.account, spec.key.expose());
    let auth = format!("Basic {}", STANDARD.encode(pair));
    let get = |suffix: &str, most| {
        let url = format!("{}/geoip/databases/{edition}/download?suffix={suffix}", spec.host);
        let fetched = fetcher.get(&url, &[("authorization", &auth)], most);
        fetched.map(|fetched| (url, fetched))
    };
    let (url, sum) = get("tar.gz.sha256", MAX_SUM_BYTES)?;
    let sum = checksum(&url, sum)?;
    let path = spec.folder.join(format!("{edition}.mmdb"));
    if place::note(&path, ".sha256") == sum {
        return Ok(Updated::Unchanged);
    }
    let (url, file) = get("tar.gz", MAX_BYTES)?;
    let Fetched::Body { bytes, .. } = file else {
        let reason = UNASKED.to_owned();
        return Err(UpdateError::Broken { url, reason });
    };
    install(&path, &url, &bytes, &sum)
}

/// The first word of a checksum file.
fn checksum(url: &str, fetched: Fetched) -> Result<String, UpdateError> {
    let Fetched::Body { bytes, .. } = fetched else {
        return Err(UpdateError::Broken {
            url: url.to_owned(),
            reason: UNASKED.to_owned(),
        });
    };
    let text = String::from_utf8_lossy(&bytes);
    let sum = text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(sum);
    }
    Err(UpdateError::Broken {
        url: url.to_owned(),
        reason: "not a SHA-256 checksum".to_owned(),
    })
}

/// Checks an archive and what is in it, and puts that in place.
fn install(path: &Path, url: &str, archive: &[u8], sum: &str) -> Result<Updated, UpdateError> {
    let broken = |reason| UpdateError::Broken {
        url: url.to_owned(),
        reason,
    };
    let found: String = Sha256::digest(archive)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found != sum {
        return Err(broken(format!("the checksum is {found} and should be {sum}")));
    }
    let database = Arc::new(archive::database(archive).map_err(broken)?);
    Database::from_shared(path, Arc::clone(&database)).map_err(|error| broken(error.to_string()))?;
    place::put(path, &database)?;
    place::put(&place::beside(path, ".sha256"), sum.as_bytes())?;
    Ok(Updated::Replaced {
        bytes: database.len() as u64,
    })
}
