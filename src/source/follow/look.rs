//! Looking: what events and the slow poll tell of files and directories, and a listing that misses nothing.
//!
//! It finds out what may have changed and reads no line; who takes a listing in is `adopt`. Next: `read`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::mounts::Mounts;
use super::{Follower, PATIENCE};
use crate::source::discover::{Scan, directory_of, openable};
use crate::source::identity::Key;
use crate::source::settle::{Listing, settled_scan};

/// Every so many polls, files are looked at too of whose changes events tell.
const POLLS_OF_TOLD: u32 = 6;
/// So long one poll looks for a listing that misses nothing.
const LISTING: Duration = Duration::from_millis(50);

impl Follower {
    /// Takes in what the watches say, and looks at everything when it is time to.
    pub(super) fn note_changes(&mut self) {
        let changes = self.watch.changes();
        self.names_changed |= changes.names;
        let due = self.looked.is_none_or(|at| at.elapsed() >= self.spec.poll) || changes.lost;
        if due {
            self.looked = Some(Instant::now());
            self.look(changes.lost);
        }
        for path in changes.files {
            if let Some(file) = self.by_path.get(&path).and_then(|id| self.files.get_mut(id)) {
                file.look();
                // An archive that was read tells of a change by its size or time; renaming it is none.
                file.dirty |= !file.cursor.finished;
                self.pending.insert(file.id);
            } else {
                // An archive in the making was written to, or an unreadable file became readable.
                self.names_changed |= self.parked_paths.contains(&path);
            }
        }
        if let Some(what) = self.watch.complaint() {
            self.notice(Path::new("notify"), &what);
        }
    }

    /// The slow poll: every file of whose changes no event may tell, now and then the others too, and every directory
    /// that changed since it was listed.
    pub(super) fn look(&mut self, at_all: bool) {
        let mut lost = false;
        let pause = self.spec.poll * POLLS_OF_TOLD;
        let at_all = at_all || self.looked_at_all.is_none_or(|at| at.elapsed() >= pause);
        if at_all {
            self.looked_at_all = Some(Instant::now());
        }
        let files = self.files.values_mut().filter(|file| at_all || !file.announced);
        for file in files {
            lost |= !file.look();
        }
        let settled = |time: SystemTime, listed: SystemTime| {
            listed
                .duration_since(time)
                .is_ok_and(|age| age > Duration::from_secs(2))
        };
        let listed = self.listed;
        let unchanged = listed.is_some_and(|listed| {
            self.directories.iter().all(|(directory, modified)| {
                let now = modified_at(directory);
                now == *modified && now.is_none_or(|time| settled(time, listed))
            })
        });
        self.names_changed |= lost || !unchanged || !self.parked_paths.is_empty();
        self.gather_pending();
        self.forget_old();
    }

    /// Lists all origins and takes in what is new, renamed or gone; false when that has to wait.
    pub(super) fn list(&mut self) -> bool {
        let began = SystemTime::now();
        let Some(scan) = self.settled_scan() else {
            return false;
        };
        self.names_changed = false;
        self.held.clear();
        self.listed = Some(began);
        self.directories = scan
            .directories
            .iter()
            .map(|dir| (dir.clone(), modified_at(dir)))
            .collect();
        self.watch.set(&scan.directories);
        self.tell(&scan);
        self.adopt(scan.files);
        if !self.names_changed {
            self.restless_since = None;
        }
        self.note_announced(&scan.directories);
        self.gather_pending();
        true
    }

    /// A listing that misses nothing; none while names change too quickly for one. Not without end: a directory that
    /// never rests is read too.
    pub(super) fn settled_scan(&mut self) -> Option<Scan> {
        match settled_scan(&self.origins, true, LISTING) {
            Listing::Whole(scan) => Some(scan),
            Listing::Torn(scan) if self.is_out_of_patience() => Some(scan),
            Listing::Torn(_) => None,
        }
    }

    /// Names have changed too quickly for too long; begins to count when they did not so far.
    pub(super) fn is_out_of_patience(&mut self) -> bool {
        let since = self.restless_since.get_or_insert_with(Instant::now);
        since.elapsed() >= PATIENCE
    }

    /// A file of a log is not where it was listed: until a listing shows it, nothing of the log is read, because what
    /// came after it would be read before it.
    pub(super) fn hold(&mut self, log: u32) {
        self.names_changed = true;
        if !self.is_out_of_patience() {
            self.held.insert(log);
        }
    }

    /// Notes of which files' changes events tell.
    pub(super) fn note_announced(&mut self, directories: &[PathBuf]) {
        let mounts = if self.watch.is_whole() {
            Mounts::read()
        } else {
            Mounts::default()
        };
        let devices: HashMap<&Path, u64> = directories
            .iter()
            .filter_map(|directory| {
                let meta = std::fs::metadata(openable(directory)).ok()?;
                Some((directory.as_path(), Key::of(&meta).device))
            })
            .collect();
        for file in self.files.values_mut() {
            let device = devices.get(directory_of(&file.found.path)).copied();
            file.announced = !file.is_link() && mounts.tell_all(&file.found, device);
        }
    }

    /// Notes all files that may have something to read or to finish.
    pub(super) fn gather_pending(&mut self) {
        self.pending = self
            .files
            .values()
            .filter(|file| file.is_pending())
            .map(|file| file.id)
            .collect();
    }
}

fn modified_at(directory: &Path) -> Option<SystemTime> {
    std::fs::metadata(openable(directory))
        .and_then(|meta| meta.modified())
        .ok()
}
