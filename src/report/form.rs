//! [`Form`]: whether a report is for people or for scripts.

use std::path::Path;

/// The form of a report, told by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A page for people.
    Html,
    /// A document for scripts.
    Json,
}

impl Form {
    /// The form of a file of that name.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        [("html", Self::Html), ("htm", Self::Html), ("json", Self::Json)]
            .into_iter()
            .find(|(known, _)| extension.eq_ignore_ascii_case(known))
            .map(|(_, form)| form)
    }
}
