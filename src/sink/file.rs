//! JSON lines in a file, rotated by size and age: indicators, or sightings.
//!
//! The file is opened for each batch, so that a rotation from outside is followed by itself. A batch is acknowledged
//! when it is on the disk; one that a crash cut in two is completed and not written twice. A pipe or a device gets the lines
//! as they are. Next: [`super`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use afw_parsers::Time;

use crate::event::Finding;
use crate::indicator::Indicator;

use crate::text::system_message;

use super::lines::{joined, split};
use super::{Answer, Content, Frozen, Limits, Sink};

/// Settings of the sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec {
    /// The file. Parent directories that went missing are made again.
    pub path: PathBuf,
    /// When it is set aside.
    pub rotation: Rotation,
    /// What stands in it.
    pub content: Content,
}

/// When a file is set aside as `PATH.1`, and how many of those are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Before it would grow beyond so many bytes; `None` never.
    pub bytes: Option<u64>,
    /// When it is so old; `None` never.
    pub age: Option<Duration>,
    /// How many are kept.
    pub keep: u32,
}

impl Default for Rotation {
    /// Never.
    fn default() -> Self {
        Self {
            bytes: None,
            age: None,
            keep: 5,
        }
    }
}

/// The sink.
#[derive(Debug)]
pub(super) struct JsonFile {
    name: String,
    spec: FileSpec,
}

impl JsonFile {
    /// A sink that writes to this file.
    pub fn new(name: String, spec: &FileSpec) -> Self {
        Self {
            name,
            spec: spec.clone(),
        }
    }
}

impl Sink for JsonFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        Limits {
            events: 1000,
            bytes: 1 << 20,
            age: Duration::from_secs(1),
        }
    }

    fn wants_ecs(&self) -> bool {
        self.spec.content.wants_ecs()
    }

    fn finding(&self, finding: &Finding, into: &mut Vec<Vec<u8>>) {
        self.spec.content.finding(finding, into);
    }

    fn indicator(&self, indicator: &Indicator, into: &mut Vec<Vec<u8>>) {
        self.spec.content.indicator(indicator, into);
    }

    fn freeze(&self, records: &[&[u8]]) -> Vec<u8> {
        joined(records, true)
    }

    fn records(&self, body: &[u8]) -> Option<Vec<Vec<u8>>> {
        Some(split(body))
    }

    fn deliver(&self, batch: &Frozen) -> Answer {
        append(
            &self.spec.path,
            batch,
            self.spec.rotation,
            super::worker::wall_clock(),
        )
    }
}

/// Appends a batch to a file and waits for the disk.
pub(super) fn append(path: &Path, batch: &Frozen, rotation: Rotation, now: Time) -> Answer {
    match write(path, batch, rotation, now) {
        Ok(()) => Answer::Accepted,
        Err(error) => Answer::Unavailable {
            status: None,
            error: format!("cannot write {}: {}", path.display(), system_message(&error)),
            retry_after: None,
        },
    }
}

fn write(path: &Path, batch: &Frozen, rotation: Rotation, now: Time) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        // A pipe or a device: nothing in it can be looked at, set aside or synced.
        return OpenOptions::new().append(true).open(path)?.write_all(&batch.body);
    }
    let mut file = open(path)?;
    let mut body = batch.body.as_slice();
    if batch.attempt > 1 {
        // An earlier attempt may have written all of it, or its beginning.
        let there = overlap(&tail(&mut file, body.len())?, body);
        body = body.get(there..).unwrap_or_default();
    }
    let begun = body.len() < batch.body.len();
    if !begun && is_due(&file.metadata()?, body.len() as u64, rotation, now) {
        drop(file);
        rotate(path, rotation.keep)?;
        file = open(path)?;
    }
    let before = file.metadata()?.len();
    let written = file.write_all(body).and_then(|()| file.sync_data());
    if written.is_err() {
        // Half a line must not stay: what comes next would run into it. Where it has to stay, the next attempt completes it.
        let _ = file.set_len(before);
    }
    written
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// The last `len` bytes.
fn tail(file: &mut File, len: usize) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(len as u64)))?;
    let mut bytes = Vec::new();
    file.take(len as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Length of the longest beginning of `body` that `tail` ends with. Linear: the prefix function of Knuth, Morris and
/// Pratt.
fn overlap(tail: &[u8], body: &[u8]) -> usize {
    let mut borders = vec![0_usize; body.len()];
    let mut matched = 0;
    for at in 1..body.len() {
        matched = extend(&borders, body, matched, body.get(at));
        if let Some(border) = borders.get_mut(at) {
            *border = matched;
        }
    }
    let mut matched = 0;
    for byte in tail {
        if matched == body.len() {
            matched = borders.last().copied().unwrap_or(0);
        }
        matched = extend(&borders, body, matched, Some(byte));
    }
    matched
}

/// How much of `body` is matched after one more byte.
fn extend(borders: &[usize], body: &[u8], mut matched: usize, byte: Option<&u8>) -> usize {
    loop {
        if body.get(matched) == byte {
            return matched + 1;
        }
        match matched.checked_sub(1).and_then(|last| borders.get(last)) {
            Some(shorter) => matched = *shorter,
            None => return 0,
        }
    }
}

/// Whether a file must be set aside before `more` bytes are added.
fn is_due(file: &fs::Metadata, more: u64, rotation: Rotation, now: Time) -> bool {
    if file.len() == 0 {
        return false;
    }
    let too_large = rotation
        .bytes
        .is_some_and(|most| file.len().saturating_add(more) > most);
    let made = file.created().or_else(|_| file.modified()).ok();
    let made = made.and_then(|made| made.duration_since(UNIX_EPOCH).ok());
    let age = made.and_then(|made| {
        let now = Duration::from_nanos(u64::try_from(now.nanos()).ok()?);
        now.checked_sub(made)
    });
    too_large || matches!((rotation.age, age), (Some(most), Some(age)) if age >= most)
}

/// `PATH` becomes `PATH.1`, `PATH.1` becomes `PATH.2`, and so on; the last goes.
fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    if keep == 0 {
        return fs::remove_file(path);
    }
    for number in (1..keep).rev() {
        match fs::rename(numbered(number), numbered(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, numbered(1))
}

#[cfg(test)]
mod tests;
