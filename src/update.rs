//! Updates of what enrichment reads: MaxMind databases and lists, fetched, checked and put in place whole.
//!
//! For the commands `geoip update` and `lists update` and for schedules. A file that is in use is only ever replaced
//! by one that loads; a broken download leaves the old one. `fetch` gets one URL, `place` writes one file, `archive`
//! takes a database out of its archive. Next: [`crate::enrich`].

use std::path::PathBuf;

mod archive;
mod fetch;
pub mod geoip;
pub mod list;
mod place;

pub use fetch::Fetcher;

/// What an update did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Updated {
    /// The file is what the publisher has.
    Unchanged,
    /// A new file is in place.
    Replaced {
        /// Its size.
        bytes: u64,
    },
}

/// Why an update did not happen. The old file, if any, is as it was.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// A setting that cannot be used.
    #[error("{0}")]
    Setting(String),
    /// The publisher did not answer, or not with the file.
    #[error("{url}: {reason}{}", hint(*.status))]
    Fetch {
        /// What was asked for.
        url: String,
        /// The status, if there was an answer.
        status: Option<u16>,
        /// What went wrong.
        reason: String,
    },
    /// What came is broken.
    #[error("{url}: {reason}; the old file stays in use")]
    Broken {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The new file cannot be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

fn hint(status: Option<u16>) -> &'static str {
    match status {
        Some(401 | 403) => "\nhint: check the account and the key",
        Some(404) => "\nhint: check the name and the address",
        Some(429) => "\nhint: the publisher limits how often a file may be fetched; try again tomorrow",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
