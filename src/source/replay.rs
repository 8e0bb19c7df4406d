//! Replay: history, once. [`plan`] lists the logs with their files from oldest to newest; [`Log::open`] reads one.
//!
//! Each byte is read once: links, copies beside their originals and archives beside what they hold are told by
//! content. With cursors it goes on where the last run ended, through rotation and compression.
//! Next: [`super::reader`], which reads one file.

mod log_reader;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Cursor;
use super::discover::{Family, Found, Origin};
use super::identity::Key;
use super::names::Generation;
use super::settle::{Listing, settled_scan};
use super::spec::{Notice, SourceError, SourceSpec, Trouble};

pub use log_reader::LogReader;

/// So long a listing is waited for that misses nothing, should logs be rotated right now.
const LISTING: Duration = Duration::from_secs(2);

/// What there is to replay.
#[derive(Debug, Default)]
pub struct Plan {
    /// The logs.
    pub logs: Vec<Log>,
    /// What was skipped on purpose.
    pub notices: Vec<Notice>,
    /// What could not be found or listed.
    pub troubles: Vec<Trouble>,
}

/// A log and its rotated generations.
#[derive(Debug, Clone)]
pub struct Log {
    /// Path of the live file, as it is or would be.
    pub name: Arc<str>,
    /// Its number, from 0, stable in a run.
    pub number: u32,
    /// Its files, from oldest to newest.
    pub files: Vec<LogFile>,
    /// Generations beside a named file, from oldest to newest, with the named ones among them: what is read of
    /// them depends on the cursors. Empty unless resuming.
    siblings: Vec<LogFile>,
    settings: Settings,
}

/// One file of a log.
#[derive(Debug, Clone)]
pub struct LogFile {
    /// Its path; `-` for standard input.
    pub path: PathBuf,
    /// Its size on disk in bytes; 0 for streams.
    pub size: u64,
    /// What else was found of it.
    pub(super) found: Found,
    /// Its place in the plan, from 1.
    index: i64,
}

#[derive(Debug, Clone, Copy)]
struct Settings {
    line_cap: usize,
    batch_bytes: usize,
    resume: bool,
}

/// Lists all that `spec` names. Files that are not there are troubles of the plan, not errors.
///
/// # Errors
/// When a PATH has wildcards that make no pattern.
pub fn plan(spec: &SourceSpec) -> Result<Plan, SourceError> {
    let origins: Vec<Origin> = spec
        .paths
        .iter()
        .map(|path| Origin::parse(path))
        .collect::<Result<_, _>>()?;
    let (Listing::Whole(scan) | Listing::Torn(scan)) = settled_scan(&origins, spec.resume, LISTING);
    let mut plan = Plan {
        logs: Vec::new(),
        notices: scan.notices,
        troubles: scan.troubles,
    };
    let settings = Settings {
        line_cap: spec.line_cap,
        batch_bytes: spec.batch_bytes.max(1),
        resume: spec.resume,
    };
    if origins.iter().any(|origin| matches!(origin, Origin::Stdin)) {
        plan.add(stdin(), settings);
    }
    for found in scan.files {
        plan.add(found, settings);
    }
    plan.logs.retain(|log| !log.files.is_empty());
    for (number, log) in plan.logs.iter_mut().enumerate() {
        log.number = number as u32;
    }
    Ok(plan)
}

/// Standard input as a file.
pub(super) fn stdin() -> Found {
    Found {
        path: PathBuf::from("-"),
        family: Family {
            directory: PathBuf::new(),
            stem: String::from("-"),
        },
        generation: Generation::Live,
        key: Key::default(),
        size: 0,
        modified_nanos: 0,
        links: 0,
        stream: true,
        named: true,
        sibling: false,
    }
}

impl Plan {
    fn add(&mut self, found: Found, settings: Settings) {
        let name: Arc<str> = found.family.name().into();
        let index = 1 + self
            .logs
            .iter()
            .map(|log| log.files.len() + log.siblings.len())
            .sum::<usize>() as i64;
        let same = self.logs.last().is_some_and(|log| {
            log.files
                .iter()
                .chain(&log.siblings)
                .any(|file| file.found.family == found.family)
        });
        if !same {
            let (files, siblings) = (Vec::new(), Vec::new());
            self.logs.push(Log {
                name,
                number: 0,
                files,
                siblings,
                settings,
            });
        }
        let file = LogFile {
            path: found.path.clone(),
            size: found.size,
            found,
            index,
        };
        if let Some(log) = self.logs.last_mut() {
            if !file.found.sibling {
                log.files.push(file.clone());
            }
            if settings.resume {
                log.siblings.push(file);
            }
        }
    }

    /// Bytes on disk of all files to read.
    pub fn bytes(&self) -> u64 {
        self.logs.iter().map(Log::bytes).sum()
    }
}

impl Log {
    /// Bytes on disk of its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Whether one of its files was named by the user, not found by a pattern or in a directory.
    pub fn is_named(&self) -> bool {
        self.files.iter().any(|file| file.found.named)
    }

    /// A reader over the log's files. `resume` holds the stored cursors, of this log and of others.
    pub fn open(&self, resume: &[Cursor]) -> LogReader {
        LogReader::new(self.clone(), resume)
    }
}

#[cfg(test)]
mod tests;
