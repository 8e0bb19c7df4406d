//! Finding files: named ones, globs (also quoted), directories with all below them. Only lists; reads no content.
//!
//! Files are grouped into logs: a log and its rotated generations are one [`Family`]. What is skipped is said.
//! Next: [`super::replay`].

mod walk;

use std::path::{Component, Path, PathBuf};

use super::identity::Key;
use super::names::{Generation, Name, is_date_directory};
use super::spec::{Notice, SourceError, Trouble};
use crate::text::{of_path, shown};

pub use walk::scan;

/// One PATH as the user meant it.
#[derive(Debug, Clone)]
pub enum Origin {
    /// `-`.
    Stdin,
    /// A file, there or not yet there.
    File(PathBuf),
    /// A glob, taken apart at its slashes, below a fixed directory.
    Glob(PathBuf, Vec<Part>),
    /// A directory and all below it.
    Directory(PathBuf),
}

/// One component of a glob.
#[derive(Debug, Clone)]
pub enum Part {
    /// `**`: any number of directories.
    Deep,
    /// A name with wildcards, or without.
    Name(glob::Pattern),
}

/// A log: where it lies and what it is called. Its generations differ in neither.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Family {
    /// The directory, without date directories at its end.
    pub directory: PathBuf,
    /// The name without what rotation added.
    pub stem: String,
}

/// A file that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its path, beginning as it was typed.
    pub path: PathBuf,
    /// The log it belongs to.
    pub family: Family,
    /// Which generation of it.
    pub generation: Generation,
    /// Device and inode.
    pub key: Key,
    /// Size on disk in bytes.
    pub size: u64,
    /// Last modification, nanoseconds since the epoch.
    pub modified_nanos: i64,
    /// How many names it has on its file system.
    pub links: u64,
    /// A FIFO or device, or standard input: read as it comes, without a cursor.
    pub stream: bool,
    /// Named by the user, not found by glob or directory or as a sibling.
    pub named: bool,
    /// Lies beside a named file as a generation of it; only read when a cursor says so.
    pub sibling: bool,
}

/// What a look at all origins found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Files, by log and then from oldest to newest.
    pub files: Vec<Found>,
    /// Directories that were looked into, or whose parents have to be watched until they are there.
    pub directories: Vec<PathBuf>,
    /// What was skipped, and why.
    pub notices: Vec<Notice>,
    /// What could not be listed.
    pub troubles: Vec<Trouble>,
}

impl Origin {
    /// Reads one PATH.
    ///
    /// # Errors
    /// When it has wildcards that make no pattern.
    pub fn parse(path: &Path) -> Result<Self, SourceError> {
        if path == Path::new("-") {
            return Ok(Self::Stdin);
        }
        if path.is_dir() {
            return Ok(Self::Directory(path.into()));
        }
        let wild = path.to_str().is_some_and(|text| text.contains(['*', '?', '[']));
        if !wild || path.exists() {
            let slash = path.to_str().is_some_and(|text| text.ends_with('/'));
            return Ok(if slash {
                Self::Directory(path.into())
            } else {
                Self::File(path.into())
            });
        }
        let mut base = PathBuf::new();
        let mut parts = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => {
                    let text = shown(name.as_encoded_bytes());
                    if parts.is_empty() && !text.contains(['*', '?', '[']) {
                        base.push(name);
                    } else {
                        parts.push(Part::parse(path, &text)?);
                    }
                }
                other => base.push(other),
            }
        }
        Ok(Self::Glob(base, parts))
    }
}

/// Whether a path is a glob that no file matches now.
pub fn is_empty_glob(path: &Path) -> bool {
    match Origin::parse(path) {
        Ok(origin @ Origin::Glob(..)) => scan(&[origin], false).files.is_empty(),
        _ => false,
    }
}

impl Part {
    fn parse(path: &Path, name: &str) -> Result<Self, SourceError> {
        if name == "**" {
            return Ok(Self::Deep);
        }
        glob::Pattern::new(name)
            .map(Self::Name)
            .map_err(|error| SourceError {
                path: path.into(),
                what: format!("no valid pattern: {error}"),
                hint: String::from("`*`, `?`, `[a-z]` and `**/` are understood; a bracket is written `[[]`"),
            })
    }
}

impl Family {
    /// The log that a path belongs to, by its name alone, and which generation it is.
    pub fn of(path: &Path) -> (Self, Name) {
        let name = Name::parse(&file_name(path));
        let directory = below_dates(directory_of(path));
        (
            Self {
                directory,
                stem: name.stem.clone(),
            },
            name,
        )
    }

    /// Its name for people: the path of the live file.
    pub fn name(&self) -> String {
        let stem = match self.stem.as_bytes().first() {
            Some(b'.' | b'-' | b'_') => format!("*{}", self.stem),
            _ => self.stem.clone(),
        };
        of_path(&self.directory.join(stem)).into_owned()
    }
}

/// The last component as text.
fn file_name(path: &Path) -> String {
    shown(path.file_name().unwrap_or_default().as_encoded_bytes()).into_owned()
}

/// The directory of a path, `.` for a bare name's (shown as the empty path).
pub fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// The same directory in a form that can be opened.
pub fn openable(directory: &Path) -> &Path {
    if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    }
}

fn below_dates(directory: &Path) -> PathBuf {
    let mut directory = directory;
    while directory
        .file_name()
        .is_some_and(|name| is_date_directory(&name.to_string_lossy()))
    {
        directory = directory_of(directory);
    }
    directory.into()
}

#[cfg(test)]
mod tests;
