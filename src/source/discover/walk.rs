//! Goes through directories and lists what lies there, each file once, by log and from oldest to newest.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::{Family, Found, Origin, Part, Scan, directory_of, file_name, openable};
use crate::source::identity::{Key, modified_nanos};
use crate::source::names::{Generation, Name};
use crate::source::spec::{Notice, Trouble};
use crate::text::shown;

/// Directories deeper than this below a named one are not entered.
const MAX_DEPTH: usize = 64;

/// Looks at all origins. With `siblings`, generations beside named files are listed too, marked as such.
pub fn scan(origins: &[Origin], siblings: bool) -> Scan {
    let mut walk = Walk::default();
    for origin in origins {
        match origin {
            Origin::Stdin => {}
            Origin::File(path) => walk.named(path, siblings),
            Origin::Glob(base, parts) => walk.glob(base, parts, 0),
            Origin::Directory(base) => walk.glob(base, &[Part::Deep], 0),
        }
        walk.entered.clear();
    }
    walk.finish()
}

#[derive(Default)]
struct Walk {
    scan: Scan,
    seen: HashMap<Key, usize>,
    entered: HashSet<(Key, usize)>,
}

impl Walk {
    fn named(&mut self, path: &Path, siblings: bool) {
        self.scan.directories.push(directory_of(path).into());
        match fs::metadata(path) {
            // Named before it was there, and then made as a directory.
            Ok(meta) if meta.is_dir() => self.glob(path, &[Part::Deep], 0),
            Ok(meta) => self.file(path, &meta, true, None),
            Err(error) => self.scan.troubles.push(Trouble::io(path, &error)),
        }
        if siblings {
            let family = Family::of(path).0;
            self.siblings_of(path, &family);
            self.siblings_of_target(path, &family);
        }
    }

    /// Where a symbolic link leads, rotation happens: its target's generations are the link's.
    fn siblings_of_target(&mut self, path: &Path, family: &Family) {
        let is_link = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
        if let (true, Ok(target)) = (is_link, fs::canonicalize(path)) {
            self.scan.directories.push(directory_of(&target).into());
            self.siblings_of(&target, family);
        }
    }

    /// Generations of the log at `path`, taken as some of `family`.
    fn siblings_of(&mut self, path: &Path, family: &Family) {
        let stem = Family::of(path).0.stem;
        let directory = directory_of(path);
        let Ok(entries) = fs::read_dir(openable(directory)) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name_says) = Name::of_log(&shown(name.as_encoded_bytes()), &stem) else {
                continue;
            };
            let sibling = directory.join(&name);
            if let Ok(meta) = fs::metadata(&sibling)
                && meta.is_file()
                && sibling != path
            {
                self.file(&sibling, &meta, false, Some((family.clone(), name_says)));
            }
        }
    }

    /// Enters `directory` and follows the rest of a glob in it.
    fn glob(&mut self, directory: &Path, parts: &[Part], depth: usize) {
        let Some((part, rest)) = parts.split_first() else {
            return;
        };
        let mark = fs::metadata(openable(directory)).map(|meta| (Key::of(&meta), parts.len()));
        if depth > MAX_DEPTH || mark.is_ok_and(|mark| mark.0.is_known() && !self.entered.insert(mark)) {
            return;
        }
        self.scan.directories.push(directory.into());
        for (path, meta) in self.entries(directory) {
            let name = file_name(&path);
            match part {
                Part::Deep if meta.is_dir() => self.glob(&path, parts, depth + 1),
                Part::Deep if rest.is_empty() => self.file(&path, &meta, false, None),
                Part::Deep => self.matched(&path, &meta, rest, &name, depth),
                Part::Name(_) => self.matched(&path, &meta, parts, &name, depth),
            }
        }
        if let (Part::Deep, Some(_)) = (part, rest.first()) {
            self.glob(directory, rest, depth + 1);
        }
    }

    fn matched(&mut self, path: &Path, meta: &Metadata, parts: &[Part], name: &str, depth: usize) {
        let Some((Part::Name(pattern), rest)) = parts.split_first() else {
            return;
        };
        if !pattern.matches(name) {
            return;
        }
        match (meta.is_dir(), rest.is_empty()) {
            (true, false) => self.glob(path, rest, depth + 1),
            // A directory that a whole pattern matches is taken with all below it.
            (true, true) => self.glob(path, &[Part::Deep], depth + 1),
            (false, true) => self.file(path, meta, false, None),
            (false, false) => {}
        }
    }

    /// What is in a directory, sorted, hidden names left out (copies in the making have them).
    fn entries(&mut self, directory: &Path) -> BTreeMap<PathBuf, Metadata> {
        let mut found = BTreeMap::new();
        let entries = match fs::read_dir(openable(directory)) {
            Ok(entries) => entries,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    self.scan.troubles.push(Trouble::io(directory, &error));
                }
                return found;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let path = directory.join(&name);
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            if let Ok(meta) = fs::metadata(&path) {
                found.insert(path, meta);
            }
        }
        found
    }

    fn file(&mut self, path: &Path, meta: &Metadata, named: bool, sibling_of: Option<(Family, Name)>) {
        let stream = is_stream(meta);
        if (stream && !named) || !(stream || meta.is_file()) {
            let what = if stream {
                "a FIFO or device, skipped; name it to read it"
            } else {
                "no file, skipped"
            };
            self.scan.notices.push(Notice {
                path: path.into(),
                what: what.into(),
            });
            return;
        }
        let sibling = sibling_of.is_some();
        let (family, name) = sibling_of.unwrap_or_else(|| Family::of(path));
        let found = Found {
            path: path.into(),
            family,
            generation: name.generation,
            key: if stream { Key::default() } else { Key::of(meta) },
            size: if stream { 0 } else { meta.len() },
            modified_nanos: modified_nanos(meta),
            links: links(meta),
            stream,
            named,
            sibling,
        };
        self.add(found);
    }

    /// Adds a file once, however many paths lead to it.
    fn add(&mut self, found: Found) {
        if found.key.is_known()
            && let Some(index) = self.seen.get(&found.key)
        {
            if let Some(earlier) = self.scan.files.get_mut(*index) {
                let better = (found.named && !earlier.named) || (!found.sibling && earlier.sibling);
                if better {
                    *earlier = found;
                }
            }
            return;
        }
        self.seen.insert(found.key, self.scan.files.len());
        self.scan.files.push(found);
    }

    fn finish(mut self) -> Scan {
        regroup_inner_numbers(&mut self.scan.files);
        sort(&mut self.scan.files);
        self.scan.directories.sort();
        self.scan.directories.dedup();
        self.scan
    }
}

#[cfg(unix)]
fn links(meta: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(meta)
}

#[cfg(not(unix))]
fn links(_: &Metadata) -> u64 {
    0
}

/// `access.1.log` is a generation of `access.log` when that is there too.
fn regroup_inner_numbers(files: &mut [Found]) {
    let families: HashSet<Family> = files.iter().map(|file| file.family.clone()).collect();
    for file in files
        .iter_mut()
        .filter(|file| file.generation == Generation::Live)
    {
        let Some((base, ending)) = file.family.stem.rsplit_once('.') else {
            continue;
        };
        let Some((base, _)) = base.rsplit_once('.') else {
            continue;
        };
        let family = Family {
            stem: format!("{base}.{ending}"),
            ..file.family.clone()
        };
        let name = file_name(&file.path);
        if let (true, Some(says)) = (families.contains(&family), Name::of_log(&name, &family.stem)) {
            file.family = family;
            file.generation = says.generation;
        }
    }
}

/// Orders by log, and within it from oldest to newest; where dates and numbers mix, by modification.
fn sort(files: &mut [Found]) {
    let mut kinds: HashMap<Family, (bool, bool)> = HashMap::new();
    for file in files.iter() {
        let kind = kinds.entry(file.family.clone()).or_default();
        kind.0 |= matches!(file.generation, Generation::Dated(..));
        kind.1 |= matches!(file.generation, Generation::Numbered(_));
    }
    files.sort_by_cached_key(|file| {
        let mixed = kinds.get(&file.family) == Some(&(true, true)) && file.generation != Generation::Live;
        let time = if mixed { file.modified_nanos } else { 0 };
        let last = file.generation == Generation::Live;
        (
            file.family.clone(),
            last,
            time,
            file.generation.clone(),
            file.path.clone(),
        )
    });
}

#[cfg(unix)]
fn is_stream(meta: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let kind = meta.file_type();
    kind.is_fifo() || kind.is_char_device()
}

#[cfg(not(unix))]
fn is_stream(_: &Metadata) -> bool {
    false
}
