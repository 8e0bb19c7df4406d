//! What a source is asked to read, and what it says on the way: [`SourceSpec`], [`Notice`], [`Trouble`].
//!
//! Values only; no log is opened here. Next: [`super::discover`].

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::text::{nearest, printable, printable_path};

/// What to read and how.
#[derive(Debug, Clone)]
pub struct SourceSpec {
    /// Files, globs, directories, or `-` for standard input, as typed.
    pub paths: Vec<PathBuf>,
    /// Where to begin in a file that exists at start and has no stored cursor. Tail only.
    pub from: From,
    /// Cursors are used and advanced (`replay --resume`): an unterminated last line then waits for its newline
    /// unless the file is rotated or compressed, and rotated siblings of a named file are looked at.
    pub resume: bool,
    /// Longest line in bytes; what is longer is cut there and marked.
    pub line_cap: usize,
    /// About how many bytes a batch holds.
    pub batch_bytes: usize,
    /// How often every file is looked at even if the system reported no change.
    pub poll: Duration,
    /// How long a rotated or removed file must stay quiet before its unterminated last line is taken and it is
    /// let go.
    pub settle: Duration,
    /// After how long without new bytes a file's descriptor is closed.
    pub idle_close: Duration,
    /// How many files are held open at most.
    pub max_open: usize,
}

impl Default for SourceSpec {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            from: From::End,
            resume: false,
            line_cap: 1 << 20,
            batch_bytes: 256 << 10,
            poll: Duration::from_secs(4),
            settle: Duration::from_secs(10),
            idle_close: Duration::from_secs(60),
            max_open: 256,
        }
    }
}

/// Where to begin in a file that exists at start and has no stored cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum From {
    /// After its last complete line.
    #[default]
    End,
    /// At its first byte.
    Start,
}

/// Something a user should know that is no error: a file skipped on purpose, a path waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The file or directory.
    pub path: PathBuf,
    /// What was found or decided.
    pub what: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", printable_path(&self.path), self.what)
    }
}

/// A file that could not be read, or not to its end. All lines before the fault were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The file.
    pub path: PathBuf,
    /// Offset in the decoded stream up to which it was read, where reading had begun.
    pub offset: Option<u64>,
    /// What went wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", printable_path(&self.path), self.what)?;
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset} of the decoded content")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Trouble {}

impl Trouble {
    /// A trouble without offset and hint.
    pub fn new(path: &Path, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            offset: None,
            what: what.into(),
            hint: None,
        }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with an offset.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// From an error of the system while `path` was opened, listed or read.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        let trouble = Self::new(path, crate::text::system_message(error));
        match error.kind() {
            io::ErrorKind::PermissionDenied => trouble.hint(permission_hint(path)),
            io::ErrorKind::NotFound => trouble.hint(missing_hint(path)),
            io::ErrorKind::IsADirectory => trouble.hint("give a file, or the directory with the files in it"),
            _ => trouble,
        }
    }
}

/// A source that cannot be planned at all: a pattern that is none, no path given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {}\nhint: {hint}", printable_path(path))]
pub struct SourceError {
    /// The path or pattern as typed.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What to write instead.
    pub hint: String,
}

/// What was probably meant by a path that leads nowhere.
fn missing_hint(path: &Path) -> String {
    /// Directories with more files are not looked through.
    const MOST: usize = 10_000;
    let text = path.to_string_lossy();
    if text.contains("://") {
        return "afw reads files and standard input: `curl … | afw replay -`".to_owned();
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let entries = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .take(MOST)
        .flatten();
    let names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let rotated = |other: &&String| {
        other
            .strip_prefix(&*name)
            .is_some_and(|rest| rest.starts_with(['.', '-']))
    };
    if names.iter().any(|other| rotated(&other)) {
        return printable(&format!("older files of it are there: '{text}*' reads them all"));
    }
    match nearest(&name, names.iter().map(String::as_str)) {
        Some(meant) => printable(&format!("did you mean {}?", path.with_file_name(meant).display())),
        None => String::from("check the path; a glob can be given in quotes"),
    }
}

/// Which group would be allowed to read the file.
fn permission_hint(path: &Path) -> String {
    match group_of(path) {
        Some(group) if group != "root" => {
            format!(
                "it belongs to group `{group}`: add afw's user with `usermod -aG {group} USER`, or run as root"
            )
        }
        _ => String::from("run as root, or let afw's user read it (`setfacl -m u:USER:r FILE`)"),
    }
}

/// Name of the group that owns `path` (or, where that cannot be asked, its directory).
#[cfg(unix)]
fn group_of(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let meta = path
        .metadata()
        .or_else(|_| path.parent().unwrap_or(path).metadata())
        .ok()?;
    let groups = std::fs::read("/etc/group").ok()?;
    String::from_utf8_lossy(&groups).lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        let gid: u32 = parts.nth(1)?.parse().ok()?;
        (gid == meta.gid()).then(|| name.to_owned())
    })
}

#[cfg(not(unix))]
fn group_of(_: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_and_what_to_do() {
        let error = io::Error::from_raw_os_error(2);
        let text = Trouble::io(Path::new("/x/access.log"), &error).to_string();
        assert_eq!(
            text,
            "/x/access.log: no such file or directory\nhint: check the path; a glob can be given in quotes"
        );
        let text = Trouble::new(Path::new("a.gz"), "truncated gzip data")
            .at(7)
            .to_string();
        assert_eq!(text, "a.gz: truncated gzip data at byte 7 of the decoded content");
    }
}
