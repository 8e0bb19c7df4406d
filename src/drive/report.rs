//! `--report FILE`: what a run counts for it, and writing it when the run has ended.
//!
//! The file is made beside its final name before any work, so that a bad path fails early, and takes that name only
//! when it is whole.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Config;
use crate::report::Scope;
use crate::report::document::Filter;
use crate::report::summary::Summary;
use crate::report::{Form, Report, Sightings, Tally};
use crate::terminal::{Exit, Failure};
use crate::text::system_message;

/// A report under way.
pub struct Reporting {
    path: PathBuf,
    part: PathBuf,
    file: File,
    form: Form,
    filter: Filter,
}

impl Reporting {
    /// Makes the file, when a report is wanted. It is never one of the `inputs`.
    ///
    /// # Errors
    /// Exit code 2 when it cannot be written there.
    pub fn begin(config: &Config, inputs: &[PathBuf]) -> Result<Option<Self>, Failure> {
        let Some(path) = config.output.report.clone() else {
            return Ok(None);
        };
        let Some(form) = Form::of(&path) else {
            return Ok(None);
        };
        let same = |input: &PathBuf| {
            path.canonicalize()
                .is_ok_and(|own| input.canonicalize().is_ok_and(|input| own == input))
        };
        if inputs.iter().any(same) || path.is_dir() {
            return Err(refused(&path, "this is not a file that a report may replace"));
        }
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create(&part).map_err(|error| refused(&path, &system_message(&error)))?;
        let filter = Filter {
            scope: super::start::scope(config),
            since: config.output.since,
            until: config.output.until,
        };
        Ok(Some(Self {
            path,
            part,
            file,
            form,
            filter,
        }))
    }

    /// An empty tally for the threads that scan.
    pub fn tally(&self) -> Tally {
        Tally::new(self.scope())
    }

    /// What counts sightings.
    pub fn sightings(&self) -> Sightings {
        Sightings::new(self.scope())
    }

    fn scope(&self) -> Arc<Scope> {
        Arc::new(self.filter.scope.clone())
    }

    /// Writes the report.
    ///
    /// # Errors
    /// Exit code 1 when it cannot be written.
    pub fn write(
        mut self,
        tallies: Vec<Tally>,
        mut sightings: Sightings,
        summary: &Summary,
    ) -> Result<(), Failure> {
        let mut tallies = tallies.into_iter();
        let mut tally = Box::new(tallies.next().unwrap_or_else(|| self.tally()));
        tallies.for_each(|other| tally.merge(other));
        tally.finish();
        sightings.time.settle();
        let report = Report {
            tally,
            sightings,
            summary,
            filter: self.filter.clone(),
        };
        let text = match self.form {
            Form::Html => report.html(),
            Form::Json => report.json(),
        };
        self.file
            .write_all(text.as_bytes())
            .and_then(|()| fs::rename(&self.part, &self.path))
            .map_err(|error| {
                let why = system_message(&error);
                Failure::new(Exit::Failed, format!("--report {}: {why}", self.path.display()))
            })
    }
}

impl Drop for Reporting {
    fn drop(&mut self) {
        // After a whole report it is gone already; after a failure half a file is of no use.
        let _ = fs::remove_file(&self.part);
    }
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::usage(format!("--report {}: {why}", path.display()))
        .hint("name a file in a directory that exists and can be written")
}
