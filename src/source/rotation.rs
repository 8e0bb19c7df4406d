//! The decision at the heart of following: what we knew of a file, what we see, and what to do. Pure.
//!
//! A file is the same when its head and the bytes before the offset are the same; device and inode only say where
//! to look first, because inodes are reused and copies get new ones. The table in the tests names the failures of
//! other agents that each rule avoids.

use super::identity::HASHED_BYTES;

/// What was known of a file when it was last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Length of the head that was hashed.
    pub head_len: u32,
    /// The file it was read from still lies somewhere, unchanged in its past.
    pub present: bool,
    /// It lies there without a name: removed, or another one was renamed over it.
    pub nameless: bool,
}

/// What is seen of a file now, compared with what was known of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Same inode, and the same device or path (device numbers change over a reboot).
    pub same_inode: bool,
    /// A generation of the same log, by name.
    pub same_log: bool,
    /// Its name says that it is rotated, or it is compressed.
    pub rotated: bool,
    /// By its name it can be a copy of that very file: the same generation, or the known one is the live file.
    pub near: bool,
    /// The head against the hash of the known one.
    pub head: Compared,
    /// The bytes before the known offset against the hash of the known ones.
    pub proof: Compared,
}

/// Bytes compared with the hash of known ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// The same.
    Equal,
    /// Others.
    Differs,
    /// There are fewer bytes than were hashed.
    Short,
    /// There are fewer bytes, and they are the beginning of the known file, which is still there to compare.
    ShortPrefix,
}

/// What to do with a file that is seen, as regards one that was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is the known file: go on at the offset.
    Resume,
    /// It holds what was read and no more: nothing to read, now or later.
    Exhausted,
    /// It is a copy of a file that is still there: leave it until that one is gone or cut.
    Copy,
    /// Not to be told yet: a copy may be in the making.
    Wait,
    /// The place of the known file has new content: read it from the start as a new one.
    Restart,
    /// It has nothing to do with the known file.
    Unrelated,
}

/// Decides what a seen file is to a known one.
pub fn decide(known: Known, seen: Seen) -> Step {
    let other = if seen.same_inode {
        Step::Restart
    } else {
        Step::Unrelated
    };
    if known.head_len == 0 {
        return if seen.same_inode {
            Step::Resume
        } else {
            Step::Unrelated
        };
    }
    let strong = known.head_len as usize >= HASHED_BYTES;
    let may_be_copy = seen.same_log && seen.rotated && (strong || seen.near);
    // Written anew beside it and renamed over it, or moved to another disk and linked from there.
    let may_replace = seen.same_log && strong && known.nameless;
    match (seen.head, seen.proof) {
        (Compared::Equal, Compared::Equal) => match (seen.same_inode, known.present) {
            (true, _) => Step::Resume,
            (false, true) if may_be_copy || may_replace => Step::Copy,
            (false, false) if strong || (seen.same_log && seen.rotated) => Step::Resume,
            _ => Step::Unrelated,
        },
        (Compared::Equal, Compared::Short | Compared::ShortPrefix) => {
            match (seen.same_inode, known.present) {
                (true, _) => Step::Exhausted,
                (false, true) if may_be_copy => Step::Copy,
                (false, false) if may_be_copy => Step::Exhausted,
                _ => Step::Unrelated,
            }
        }
        // Rotated files are not copied any more, but the live one may be while its copy is looked at.
        (Compared::ShortPrefix, _) if !seen.same_inode && known.present && may_be_copy && seen.near => {
            Step::Wait
        }
        _ => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Compared::{Differs, Equal, Short, ShortPrefix};
    use Step::{Copy, Exhausted, Restart, Resume, Unrelated, Wait};

    const FULL: u32 = HASHED_BYTES as u32;

    /// Flags of a case: `i`node the same, `l`og the same, `r`otated name, `n`ear.
    fn seen(flags: &str, head: Compared, proof: Compared) -> Seen {
        let has = |flag| flags.contains(flag);
        Seen {
            same_inode: has('i'),
            same_log: has('l'),
            rotated: has('r'),
            near: has('n'),
            head,
            proof,
        }
    }

    #[test]
    fn every_known_failure_of_other_agents_is_decided() {
        let gone = Known {
            head_len: FULL,
            present: false,
            nameless: false,
        };
        let here = Known {
            head_len: FULL,
            present: true,
            nameless: false,
        };
        let replaced = Known {
            head_len: FULL,
            present: true,
            nameless: true,
        };
        let small = Known {
            head_len: 80,
            present: false,
            nameless: false,
        };
        let small_here = Known {
            head_len: 80,
            present: true,
            nameless: false,
        };
        let empty = Known {
            head_len: 0,
            present: false,
            nameless: false,
        };
        // The numbers are those of the list of complaints about other agents, the cases those of their reports.
        let table = [
            (
                "1 one head, two files: the proof tells them apart",
                here,
                seen("lr", Equal, Differs),
                Unrelated,
            ),
            (
                "1 inode reused by another file",
                gone,
                seen("il", Differs, Differs),
                Restart,
            ),
            (
                "2 two files swap inodes: content wins over the inode",
                gone,
                seen("lr", Equal, Equal),
                Resume,
            ),
            (
                "2 and the one that took the inode starts anew",
                gone,
                seen("i", Differs, Short),
                Restart,
            ),
            (
                "3 rotated, then compressed: goes on in the archive",
                gone,
                seen("lrn", Equal, Equal),
                Resume,
            ),
            (
                "3 compressed while the plain file is still there",
                here,
                seen("lrn", Equal, Equal),
                Copy,
            ),
            (
                "4 empty file, same inode",
                empty,
                seen("il", Equal, Equal),
                Resume,
            ),
            (
                "4 two empty files share no identity",
                empty,
                seen("l", Equal, Equal),
                Unrelated,
            ),
            (
                "4 small file keeps its place",
                small,
                seen("il", Equal, Equal),
                Resume,
            ),
            (
                "5 the cursor is in a transaction; a file that lost its tail",
                gone,
                seen("il", Equal, Short),
                Exhausted,
            ),
            (
                "6 inode reuse, new file longer than the old offset",
                gone,
                seen("i", Differs, Differs),
                Restart,
            ),
            (
                "7 truncation is a new file at once",
                gone,
                seen("il", Short, Short),
                Restart,
            ),
            (
                "8 copytruncate: the copy is known while the log stands",
                here,
                seen("lrn", Equal, Equal),
                Copy,
            ),
            (
                "8 after the cut the copy is finished from the cursor",
                gone,
                seen("lrn", Equal, Equal),
                Resume,
            ),
            (
                "8 the cut log starts anew though longer than before",
                gone,
                seen("il", Equal, Differs),
                Restart,
            ),
            (
                "9 a file below 1 KiB is read and known again",
                small,
                seen("lr", Equal, Equal),
                Resume,
            ),
            (
                "10 an archive that was read to its end",
                gone,
                seen("ilr", Equal, Equal),
                Resume,
            ),
            (
                "11 cursor lost its file after a power cut, head of zeros",
                gone,
                seen("il", Differs, Differs),
                Restart,
            ),
            (
                "12 stale row, brand-new file with a reused inode",
                small,
                seen("i", Differs, Short),
                Restart,
            ),
            ("13 rotated while down", gone, seen("ilr", Equal, Equal), Resume),
            (
                "13 rotated and compressed while down",
                gone,
                seen("lr", Equal, Equal),
                Resume,
            ),
            (
                "14 offset beyond the file: cut",
                gone,
                seen("il", Short, Short),
                Restart,
            ),
            (
                "14 offset beyond the file, head the same",
                gone,
                seen("il", Equal, Short),
                Exhausted,
            ),
            (
                "15 nothing known of the content",
                empty,
                seen("", Equal, Equal),
                Unrelated,
            ),
            (
                "16 two rotations while lagging: the middle one is new",
                here,
                seen("lr", Differs, Differs),
                Unrelated,
            ),
            (
                "17 plain and archive side by side count once",
                here,
                seen("lrn", Equal, Equal),
                Copy,
            ),
            (
                "17 the new log after rotation is another file",
                here,
                seen("l", Differs, Short),
                Unrelated,
            ),
            ("18 cron run: nothing new", gone, seen("il", Equal, Equal), Resume),
            (
                "18 copytruncate keeps the inode",
                gone,
                seen("il", Differs, Short),
                Restart,
            ),
            (
                "19 symlink switched to a new file",
                here,
                seen("l", Differs, Differs),
                Unrelated,
            ),
            (
                "19 symlink switched back to a known one",
                gone,
                seen("il", Equal, Equal),
                Resume,
            ),
            (
                "20 reboot: same inode and path, device renumbered",
                small,
                seen("il", Equal, Equal),
                Resume,
            ),
            (
                "20 moved to another disk: all but the content changed",
                gone,
                seen("l", Equal, Equal),
                Resume,
            ),
            (
                "21 deleted and recreated with a reused inode",
                small,
                seen("il", Differs, Short),
                Restart,
            ),
            (
                "21 recreated with the same first line, other inode",
                small,
                seen("l", Equal, Equal),
                Unrelated,
            ),
            (
                "replaced by a copy of it that went on, as rsync does",
                replaced,
                seen("ln", Equal, Equal),
                Copy,
            ),
            (
                "replaced by a copy that was shortened",
                replaced,
                seen("ln", Equal, Short),
                Unrelated,
            ),
            (
                "copy in the making: shorter than the head",
                here,
                seen("lrn", ShortPrefix, Short),
                Wait,
            ),
            (
                "copy in the making: shorter than what was read",
                here,
                seen("lrn", Equal, Short),
                Copy,
            ),
            (
                "small file that begins like a rotated one",
                here,
                seen("lr", ShortPrefix, Short),
                Unrelated,
            ),
            (
                "copy that lacks the last lines, log cut since",
                gone,
                seen("lrn", Equal, Short),
                Exhausted,
            ),
            (
                "small generations that begin alike are no copies",
                small_here,
                seen("lr", Equal, Equal),
                Unrelated,
            ),
            (
                "another log that begins alike is no copy",
                here,
                seen("r", Equal, Equal),
                Unrelated,
            ),
            (
                "an object with the same long header",
                gone,
                seen("r", Equal, Short),
                Unrelated,
            ),
        ];
        for (name, known, seen, step) in table {
            assert_eq!(decide(known, seen), step, "{name}");
        }
    }

    #[test]
    fn other_bytes_are_never_taken_for_known_ones() {
        for flags in ["", "i", "l", "r", "il", "lr", "ilr", "lrn", "ilrn"] {
            for present in [true, false] {
                for head_len in [1, FULL] {
                    let known = Known {
                        head_len,
                        present,
                        nameless: present && flags.contains('n'),
                    };
                    for (head, proof) in [
                        (Differs, Differs),
                        (Differs, Equal),
                        (Equal, Differs),
                        (Short, Short),
                    ] {
                        let step = decide(known, seen(flags, head, proof));
                        assert!(matches!(step, Restart | Unrelated), "{flags} {head:?} {proof:?}");
                    }
                }
            }
        }
    }
}
