//! A listing that can be trusted. Reading a directory is no snapshot: a file that is renamed meanwhile may show under
//! neither name, and then what came after it in its log would be read before it.
//!
//! Only tells whether a listing is whole; what is done without one is for the caller to say. Next:
//! [`super::follow`], which puts off taking files in, and [`super::replay`].

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::discover::{Found, Origin, Scan, openable, scan};

/// As exactly as file systems tell the time of a change, with room to spare.
const EXACT: Duration = Duration::from_millis(50);
/// The pauses between two looks grow up to this: a chain that is renamed right now is done in a moment.
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// What a look at all origins found.
#[derive(Debug)]
pub enum Listing {
    /// It misses nothing that was there all the time.
    Whole(Scan),
    /// Names changed all the time: files may be missing from it.
    Torn(Scan),
}

/// Looks at all origins until nothing is renamed meanwhile, for about `patience`, and twice at least if need be.
///
/// Where names changed just now, two listings one after the other must agree.
pub fn settled_scan(origins: &[Origin], siblings: bool, patience: Duration) -> Listing {
    let end = Instant::now() + patience;
    let mut began = SystemTime::now();
    let mut last = scan(origins, siblings);
    let mut pause = Duration::ZERO;
    loop {
        let restless = |directory: &std::path::PathBuf| is_restless(directory, began);
        if !last.directories.iter().any(restless) {
            return Listing::Whole(last);
        }
        std::thread::sleep(pause);
        pause = (pause + Duration::from_micros(250)).min(LONGEST_PAUSE);
        began = SystemTime::now();
        let next = scan(origins, siblings);
        if is_confirmed(&last.files, &next.files) {
            return Listing::Whole(next);
        }
        if Instant::now() >= end {
            return Listing::Torn(next);
        }
        last = next;
    }
}

/// All that was listed before is there, where it was and in the same order. What came to it cannot have been torn
/// from the second listing: files that are only added, as objects in a busy directory, are no reason to wait.
fn is_confirmed(before: &[Found], now: &[Found]) -> bool {
    let mut now = now.iter();
    before
        .iter()
        .all(|a| now.any(|b| a.key == b.key && a.path == b.path))
}

/// Whether names in a directory may have changed since `began`.
pub fn is_restless(directory: &Path, began: SystemTime) -> bool {
    std::fs::metadata(openable(directory))
        .and_then(|meta| meta.modified())
        .is_ok_and(|time| time + EXACT > began)
}
