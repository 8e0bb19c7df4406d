//! The state directory at its worst: damaged, full, read-only, held by another. afw says what is wrong and what to
//! do, never starts from zero in silence, and goes on by itself where a disk gets room again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::mount::Mount;
use support::traffic::{Random, counted};
use support::{Running, afw, run, text, wait_until};

/// So many lines, beginning with this number, at the end of the log in `place`.
fn append(place: &Path, from: u64, count: u64) {
    let mut random = Random(from);
    let lines: String = (from..from + count).map(|number| random.line(number)).collect();
    let log = place.join("access.log");
    let mut file = OpenOptions::new().create(true).append(true).open(log).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

fn reading(place: &Path, arguments: &[&str]) -> Command {
    let mut command = afw(&place.join("state"));
    command
        .args(arguments)
        .args(["--print", "none"])
        .arg(place.join("access.log"));
    command
}

fn follow(place: &Path) -> Running {
    let said = OpenOptions::new()
        .create(true)
        .append(true)
        .open(place.join("said"));
    let mut tail = reading(place, &["tail", "--from", "start"]);
    Running(
        tail.stdout(Stdio::null())
            .stderr(Stdio::from(said.unwrap()))
            .spawn()
            .unwrap(),
    )
}

fn said(place: &Path) -> String {
    fs::read_to_string(place.join("said")).unwrap()
}

/// A place with a log and a store that knows it.
fn followed_place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    append(dir.path(), 0, 600);
    let output = run(&mut reading(dir.path(), &["replay", "--resume"]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    dir
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

type Damage = fn(&Path);

/// Ways in which a database gets damaged; each leaves one that must not be taken for a store, or for none.
const DAMAGE: [(&str, Damage); 5] = [
    ("overwritten at its start", |db| overwrite(db, 0, &[0; 100])),
    ("filled with zeros after its first page", |db| {
        let len = fs::metadata(db).unwrap().len();
        overwrite(db, 4096, &vec![0; len as usize - 4096]);
    }),
    ("cut in half", |db| {
        let file = OpenOptions::new().write(true).open(db).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    }),
    ("emptied", |db| fs::write(db, "").unwrap()),
    ("another program's", |db| {
        fs::write(db, "a\tb\n".repeat(2000)).unwrap()
    }),
];

#[test]
fn a_damaged_store_stops_afw_which_names_it_and_the_way_out() {
    for (name, damage) in DAMAGE {
        let dir = followed_place();
        let place = dir.path();
        let db = place.join("state/afw.db");
        damage(&db);
        let before = fs::read(&db).unwrap();
        for arguments in [["tail"].as_slice(), &["replay", "--resume"]] {
            let output = run(&mut reading(place, arguments));
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{name} {arguments:?}: {said}");
            let first = said.lines().next().unwrap();
            assert!(first.contains(db.to_str().unwrap()), "{name}: {said}");
            assert!(first.contains("damaged"), "{name}: {said}");
            assert!(
                said.contains("\nhint: ") && said.contains("set it aside"),
                "{name}: {said}"
            );
            assert!(fs::read(&db).unwrap() == before, "{name}: nothing may be changed");
        }
        take_the_way_out(place, &db);
    }
}

/// Does what the hint says, to the letter.
fn take_the_way_out(place: &Path, db: &Path) {
    let output = run(&mut reading(place, &["tail"]));
    let hint = text(&output.stderr);
    let command = hint.split('`').find(|part| part.starts_with("mkdir ")).unwrap();
    let status = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success(), "{command}");
    assert!(!db.exists());
    let output = run(&mut reading(place, &["replay", "--resume"]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(counted(place), 600);
}

#[test]
fn whoever_comes_second_ends_with_5() {
    let dir = followed_place();
    let place = dir.path();
    for arguments in [["tail", "--from", "end"].as_slice(), &["replay", "--resume"]] {
        let mut first = afw(&place.join("state"));
        first
            .args(arguments)
            .args(["--print", "none", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let first = Running(first.spawn().unwrap());
        let holder = first.0.id().to_string();
        wait_until("the first to hold its lock", || {
            // After its number the holder may say that it takes reloads.
            let lock = fs::read_to_string(place.join("state/afw.lock")).unwrap_or_default();
            lock.split_whitespace().next() == Some(holder.as_str())
        });
        for second in [["tail"].as_slice(), &["replay", "--resume"]] {
            let output = run(&mut reading(place, second));
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(5), "{second:?}: {said}");
            assert!(said.contains(&format!("process {holder}")), "{said}");
            assert!(said.contains(place.join("state").to_str().unwrap()), "{said}");
            assert!(said.contains("\nhint: "), "{said}");
        }
        // Looking, and reading history without it, needs no lock.
        for free in [["status"].as_slice(), &["replay", SAMPLE], &["explain", "x"]] {
            let output = run(afw(&place.join("state")).args(free));
            assert_ne!(output.status.code(), Some(5), "{free:?}");
        }
    }
}

const SAMPLE: &str = "testdata/formats/nginx-combined";

/// Takes what room there is.
fn fill(ballast: &Path) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(ballast)
        .unwrap();
    for size in [1 << 16, 1 << 12, 1 << 8, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_makes_reading_wait_and_goes_on_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let Some(_disk) = Mount::tmpfs(&place.join("state"), "size=4m") else {
        return;
    };
    append(place, 0, 300);
    let mut tail = follow(place);
    wait_until("the first lines", || counted(place) == 300);
    let ballast = place.join("state/ballast");
    let mut written = 300;
    for round in 1..=2 {
        fill(&ballast);
        let mut files = 0;
        wait_until("the message", || {
            // A little at a time: what the write-ahead log already has room for is used up first.
            append(place, written, 200);
            written += 200;
            files += 1;
            said(place).matches("the disk is full").count() == round
        });
        let before = counted(place);
        assert!(before < written, "the disk was not full after {files} additions");
        append(place, written, 5000);
        written += 5000;
        let waiting = said(place);
        let message = waiting
            .lines()
            .find(|line| line.contains("the disk is full"))
            .unwrap();
        assert!(
            message.contains("state/afw.db") && message.contains("reading waits"),
            "{waiting}"
        );
        assert!(waiting.contains("hint: free some space"), "{waiting}");
        fs::remove_file(&ballast).unwrap();
        wait_until("all lines", || counted(place) == written);
        assert_eq!(
            said(place).matches("can be written again").count(),
            round,
            "{}",
            said(place)
        );
    }
    assert_eq!(tail.terminate(), Some(0));
    assert_eq!(counted(place), written, "each line once");
    // A signal ends it while it waits, and what was not stored is read next time.
    let mut tail = follow(place);
    append(place, written, 10);
    written += 10;
    wait_until("it to be running", || counted(place) == written);
    fill(&ballast);
    wait_until("the message", || {
        append(place, written, 200);
        written += 200;
        said(place).matches("the disk is full").count() == 3
    });
    assert_eq!(tail.terminate(), Some(0));
    fs::remove_file(&ballast).unwrap();
    let _tail = follow(place);
    wait_until("all lines", || counted(place) == written);
}

#[test]
fn a_disk_that_is_full_or_read_only_at_the_start_is_told() {
    let dir = followed_place();
    let place = dir.path();
    let copy = place.join("copy");
    fs::rename(place.join("state"), &copy).unwrap();
    let tell = |output: &Output, expected: &str| {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("\nhint: "), "{said}");
        assert!(!said.contains("os error"), "{said}");
    };
    for fresh in [true, false] {
        let Some(_disk) = Mount::tmpfs(&place.join("state"), "size=4m") else {
            return;
        };
        if !fresh {
            fs::copy(copy.join("afw.db"), place.join("state/afw.db")).unwrap();
        }
        let remount = |options: &str| {
            let mut mount = Command::new("mount");
            mount.args(["-o", options]).arg(place.join("state"));
            assert!(mount.status().unwrap().success());
        };
        remount("remount,ro");
        for arguments in [["tail"].as_slice(), &["replay", "--resume"]] {
            tell(&run(&mut reading(place, arguments)), "read-only");
        }
        remount("remount,rw");
        fill(&place.join("state/ballast"));
        for arguments in [["tail"].as_slice(), &["replay", "--resume"]] {
            tell(&run(&mut reading(place, arguments)), "disk is full");
        }
        fs::remove_file(place.join("state/ballast")).unwrap();
        let output = run(&mut reading(place, &["replay", "--resume"]));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(counted(place), 600, "fresh: {fresh}");
    }
}

#[test]
fn a_store_that_nobody_may_write_for_a_while_makes_reading_wait() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    append(place, 0, 300);
    let mut tail = follow(place);
    wait_until("the first lines", || counted(place) == 300);
    let files = ["afw.db", "afw.db-wal", "afw.db-shm"].map(|name| place.join("state").join(name));
    let immutable = |flag: &str| {
        let mut chattr = Command::new("chattr");
        let done = chattr.arg(flag).args(&files).stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success())
    };
    if !immutable("+i") {
        eprintln!("skipped: files cannot be made immutable here");
        return;
    }
    let before = fs::read(&files[0]).unwrap();
    append(place, 300, 300);
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        wait_until("the message", || said(place).contains("reading waits"));
    }));
    assert!(immutable("-i"));
    assert!(told.is_ok(), "{}", said(place));
    assert!(fs::read(&files[0]).unwrap() == before);
    wait_until("all lines", || counted(place) == 600);
    assert!(said(place).contains("can be written again"), "{}", said(place));
    assert_eq!(tail.terminate(), Some(0));
    assert_eq!(counted(place), 600, "each line once");
}

#[test]
fn a_state_directory_taken_away_is_told_of_and_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let (state, aside) = (place.join("state"), place.join("aside"));
    append(place, 0, 300);
    let mut tail = follow(place);
    wait_until("the first lines", || counted(place) == 300);
    fs::rename(&state, &aside).unwrap();
    append(place, 300, 300);
    wait_until("the message", || {
        said(place).contains("afw.db was removed or replaced while it is in use; reading waits")
    });
    fs::rename(&aside, &state).unwrap();
    wait_until("all lines", || counted(place) == 600);

    // Without its lock nothing keeps another afw out: then this one does not write.
    fs::rename(state.join("afw.lock"), &aside).unwrap();
    append(place, 600, 300);
    wait_until("the second message", || {
        said(place).contains("afw.lock was removed or replaced while it is in use; reading waits")
    });
    assert_eq!(counted(place), 600);
    fs::rename(&aside, state.join("afw.lock")).unwrap();
    wait_until("all lines", || counted(place) == 900);
    assert_eq!(tail.terminate(), Some(0));
    assert_eq!(counted(place), 900, "each line once");
}
