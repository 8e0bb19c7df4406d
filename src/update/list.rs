//! Lists from HTTPS URLs: fetched when they changed (`ETag`), checked, and never replaced by a torn download.

use std::fs;
use std::path::{Path, PathBuf};

use super::fetch::{Fetched, Fetcher, UNASKED};
use super::{UpdateError, Updated, place};
use crate::enrich::List;

/// Largest list; FireHOL's largest public list has less than a tenth of this.
const MAX_BYTES: u64 = 256 << 20;

/// A list and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSource {
    /// The list's name.
    pub name: String,
    /// Where it is published.
    pub url: String,
    /// The file that is kept up to date.
    pub path: PathBuf,
}

/// The file beside a list that keeps its publisher's tag; written whenever the list was compared with its publisher's.
pub fn tag_path(path: &Path) -> PathBuf {
    place::beside(path, ".etag")
}

/// Brings a list up to date. A new list with less than half of the old one's entries is taken for a torn download.
pub fn update(source: &ListSource, fetcher: &Fetcher) -> Result<Updated, UpdateError> {
    let etag = place::note(&source.path, ".etag");
    let known = [("if-none-match", etag.as_str())];
    let headers = if etag.is_empty() { &[][..] } else { &known[..] };
    let broken = |reason| UpdateError::Broken {
        url: source.url.clone(),
        reason,
    };
    let (bytes, etag) = match fetcher.get(&source.url, headers, MAX_BYTES)? {
        Fetched::NotModified if headers.is_empty() => return Err(broken(UNASKED.to_owned())),
        Fetched::NotModified => {
            // When the list was last known to be the newest is told by the age of its tag.
            place::put(&tag_path(&source.path), etag.as_bytes())?;
            return Ok(Updated::Unchanged);
        }
        Fetched::Body { bytes, etag } => (bytes, etag),
    };
    let list = List::parse(&source.name, &source.url, &bytes).map_err(|error| broken(error.to_string()))?;
    let (new, old) = (entries(&list), old_entries(source));
    if new == 0 {
        return Err(broken("it holds nothing: a torn download?".to_owned()));
    }
    if new * 2 < old {
        return Err(broken(format!(
            "{new} entries where there were {old}: a torn download?"
        )));
    }
    place::folder(&source.path)?;
    place::put(&source.path, &bytes)?;
    // Without a tag the next update fetches again: an old tag must not stand beside a new file.
    place::put(&tag_path(&source.path), etag.unwrap_or_default().as_bytes())?;
    Ok(Updated::Replaced {
        bytes: bytes.len() as u64,
    })
}

fn entries(list: &List) -> usize {
    list.networks() + list.asns() + list.left_out()
}

fn old_entries(source: &ListSource) -> usize {
    let old = fs::read(&source.path).ok();
    let old = old.and_then(|bytes| List::parse(&source.name, "", &bytes).ok());
    old.as_ref().map_or(0, entries)
}
