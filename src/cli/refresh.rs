//! What `afw geoip` and `afw lists` share: how a file's age, an update and a failure are told.

use std::path::Path;

use serde_json::json;

use crate::report::summary::bytes;
use crate::terminal::{Exit, Failure};
use crate::text::{of_path, printable};
use crate::update::Updated;

pub use crate::drive::refresh::fetcher;

/// What an update did, as a line.
pub fn row(name: &str, path: &Path, updated: &Updated, json: bool) -> String {
    let (word, size) = match updated {
        Updated::Unchanged => ("unchanged", None),
        Updated::Replaced { bytes } => ("updated", Some(*bytes)),
    };
    if json {
        return json!({ "name": name, "path": of_path(path), "result": word, "bytes": size }).to_string();
    }
    let size = size.map(|size| format!(", {}", bytes(size))).unwrap_or_default();
    printable(&format!("{name}  {word}{size}  {}", path.display()))
}

/// The failure of one file. The library writes its advice into the message, on a line of its own.
pub fn failure(error: &impl std::fmt::Display) -> Failure {
    let text = error.to_string();
    match text.split_once("\nhint: ") {
        Some((message, hint)) => Failure::new(Exit::Failed, message).hint(hint),
        None => Failure::new(Exit::Failed, text),
    }
}
