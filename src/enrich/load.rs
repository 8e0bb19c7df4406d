//! The only place of [`crate::enrich`] that reads files: loaders call it, and drivers call the loaders.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum Problem {
    /// What the system says.
    Read(io::Error),
    /// More bytes than allowed.
    TooLarge,
}

/// The whole file, if it has at most `max_bytes`.
pub(super) fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Problem> {
    let mut file = File::open(path).map_err(Problem::Read)?;
    let size = file.metadata().map_err(Problem::Read)?.len().min(max_bytes);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    let limit = max_bytes.saturating_add(1);
    file.by_ref()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(Problem::Read)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Problem::TooLarge);
    }
    Ok(bytes)
}
