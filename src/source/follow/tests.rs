//! Following real files: growth, rotation of every kind, restarts; what is read is held against what was written.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;

use super::*;
use crate::source::spec::From;

mod late;
mod model;
mod scale;

/// A directory of logs, a follower over it, and what a store would have kept.
struct World {
    dir: tempfile::TempDir,
    spec: SourceSpec,
    stored: BTreeMap<i64, Cursor>,
    follower: Option<Follower>,
    lines: Vec<String>,
    notices: Vec<String>,
    troubles: Vec<String>,
}

impl World {
    fn new(path: &str, from: From) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let spec = SourceSpec {
            paths: vec![dir.path().join(path)],
            from,
            batch_bytes: 300,
            settle: Duration::ZERO,
            poll: Duration::from_secs(3600),
            ..SourceSpec::default()
        };
        let (stored, lines, notices, troubles) = Default::default();
        Self {
            dir,
            spec,
            stored,
            follower: None,
            lines,
            notices,
            troubles,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    fn gzip(&self, name: &str, keep: bool) {
        let data = fs::read(self.path(name)).unwrap();
        fs::write(self.path(&format!("{name}.gz")), packed(&data)).unwrap();
        if !keep {
            self.remove(name);
        }
    }

    fn copytruncate(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
        OpenOptions::new()
            .write(true)
            .open(self.path(from))
            .unwrap()
            .set_len(0)
            .unwrap();
    }

    fn follower(&mut self) -> &mut Follower {
        let cursors: Vec<Cursor> = self.stored.values().cloned().collect();
        self.follower
            .get_or_insert_with(|| Follower::new(&self.spec, &cursors).unwrap())
    }

    fn stop(&mut self) {
        self.follower = None;
    }

    /// Stores what the first `count` batches say, as a commit does.
    fn commit(&mut self, polled: Polled, count: usize) {
        for batch in polled.batches.into_iter().take(count) {
            let text = |line: &super::super::Line| String::from_utf8_lossy(batch.line(*line)).into_owned();
            self.lines.extend(batch.lines.iter().map(text));
            if batch.cursor.id != 0 {
                self.stored.insert(batch.cursor.id, batch.cursor);
            }
        }
        self.notices
            .extend(polled.notices.iter().map(ToString::to_string));
        self.troubles
            .extend(polled.troubles.iter().map(ToString::to_string));
        for id in polled.forgotten {
            self.stored.remove(&id);
        }
    }

    /// Looks and reads until there is nothing more; gives the new lines.
    fn step(&mut self) -> Vec<String> {
        let before = self.lines.len();
        self.follower().look_again();
        for round in 0.. {
            let polled = self.follower().poll();
            let caught_up = polled.caught_up;
            self.commit(polled, usize::MAX);
            if caught_up {
                break;
            }
            assert!(round < 10_000, "never caught up");
        }
        self.lines[before..].to_vec()
    }
}

fn packed(data: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(data).unwrap();
    out.finish().unwrap()
}

fn text(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("line {n} {}\n", n * 7919)).collect()
}

fn lines(range: std::ops::Range<u32>) -> Vec<String> {
    text(range).lines().map(str::to_owned).collect()
}

#[test]
fn growth_is_read_and_a_partial_line_waits() {
    let mut world = World::new("access.log", From::End);
    world.append("access.log", "old\nhal");
    assert_eq!(world.step(), [""; 0]);
    world.append("access.log", "f\nnew\n");
    assert_eq!(world.step(), ["half", "new"]);
    assert_eq!(world.step(), [""; 0]);
}

#[test]
fn a_restart_goes_on_and_a_stored_cursor_wins_over_from() {
    let mut world = World::new("access.log", From::End);
    world.append("access.log", "old\n");
    world.step();
    world.stop();
    world.append("access.log", &text(0..50));
    assert_eq!(world.step(), lines(0..50));
    world.stop();
    world.spec.from = From::Start;
    assert_eq!(world.step(), [""; 0]);
}

#[test]
fn the_old_file_is_drained_before_the_new_one() {
    let mut world = World::new("access.log", From::Start);
    world.append("access.log", &text(0..10));
    assert_eq!(world.step(), lines(0..10));
    world.append("access.log", &text(10..100));
    world.rename("access.log", "access.log.1");
    world.append("access.log", &text(200..210));
    world.append("access.log.1", &text(100..200));
    assert_eq!(world.step(), lines(10..210));
    // A writer that has not reopened yet.
    world.append("access.log.1", &text(210..215));
    assert_eq!(world.step(), lines(210..215));
}

#[test]
fn two_rotations_between_looks_or_while_down_lose_nothing() {
    for (path, down) in [
        ("access.log", false),
        ("access.log", true),
        ("", false),
        ("", true),
    ] {
        let mut world = World::new(path, From::End);
        world.append("access.log.1", "before our time\n");
        world.append("access.log", "old\n");
        world.step();
        world.append("access.log", &text(0..10));
        if down {
            world.stop();
        }
        world.rename("access.log.1", "access.log.3");
        world.rename("access.log", "access.log.2");
        world.append("access.log.1", &text(10..20));
        world.append("access.log", &text(20..30));
        assert_eq!(world.step(), lines(0..30), "{path} {down}");
    }
}

#[test]
fn a_dated_generation_beside_a_numbered_one_is_read_though_both_were_written_at_once() {
    let mut world = World::new("access.log", From::Start);
    world.append("access.log", &text(0..5));
    assert_eq!(world.step(), lines(0..5));
    world.stop();
    world.append("access.log", &text(5..10));
    world.rename("access.log", "access.log.1");
    world.append("access.log", &text(10..15));
    world.rename("access.log", "access.log-20260101");
    world.append("access.log", &text(15..20));
    let moment = std::time::SystemTime::now();
    for name in ["access.log.1", "access.log-20260101"] {
        let file = OpenOptions::new().append(true).open(world.path(name)).unwrap();
        file.set_modified(moment).unwrap();
    }
    let mut read = world.step();
    read.sort_by_key(|line| lines(5..20).iter().position(|known| known == line));
    assert_eq!(read, lines(5..20));
}

#[test]
fn copytruncate_is_seen_by_size_and_by_content() {
    for (path, down) in [
        ("access.log", false),
        ("access.log", true),
        ("", false),
        ("", true),
    ] {
        for grown in [1, 200] {
            let mut world = World::new(path, From::Start);
            world.append("access.log", &text(0..50));
            world.step();
            world.append("access.log", &text(50..60));
            if down {
                world.stop();
            }
            world.copytruncate("access.log", "access.log.1");
            world.append("access.log", &text(60..60 + grown));
            assert_eq!(world.step(), lines(50..60 + grown), "{path} {down} {grown}");
            assert_eq!(world.step(), [""; 0]);
        }
    }
}

#[test]
fn a_copy_in_the_making_is_not_read() {
    for path in ["access.log", ""] {
        let mut world = World::new(path, From::Start);
        world.append("access.log", &text(0..300));
        world.step();
        let copy = fs::read(world.path("access.log")).unwrap();
        for len in [0, 10, 1500, copy.len()] {
            fs::write(world.path("access.log.1"), &copy[..len]).unwrap();
            assert_eq!(world.step(), [""; 0], "{path} {len}");
        }
        world.append("access.log", &text(300..310));
        world.append("access.log.1", &text(300..310));
        fs::write(world.path("access.log"), text(310..320)).unwrap();
        assert_eq!(world.step(), lines(300..320), "{path}");
    }
}

#[test]
fn compression_at_any_time_repeats_and_loses_nothing() {
    for (path, down, unread) in [
        ("", false, 0),
        ("", true, 0),
        ("", true, 5),
        ("access.log", true, 5),
        ("access.log", false, 0),
    ] {
        let mut world = World::new(path, From::Start);
        world.append("access.log", &text(0..40));
        world.step();
        world.append("access.log", &text(40..40 + unread));
        if down {
            world.stop();
        }
        world.rename("access.log", "access.log.1");
        world.append("access.log", "next\n");
        world.gzip("access.log.1", true);
        if !down {
            assert_eq!(world.step(), ["next"]);
        }
        world.remove("access.log.1");
        let mut expected = lines(40..40 + unread);
        expected.extend(down.then(|| String::from("next")));
        assert_eq!(world.step(), expected, "{path} {down} {unread}");
        world.rename("access.log.1.gz", "access.log.2.gz");
        assert_eq!(world.step(), [""; 0]);
        world.stop();
        assert_eq!(world.step(), [""; 0]);
    }
}

#[test]
fn an_archive_is_read_once_when_it_is_complete() {
    let mut world = World::new("", From::End);
    world.spec.settle = Duration::from_secs(3600);
    world.append("20260130/old.log", "x\n");
    world.step();
    let name = "20260131/20260131T000000Z_20260131T000100Z_ab12cd.log.gz";
    let data = packed(text(0..5000).as_bytes());
    fs::create_dir_all(world.path("20260131")).unwrap();
    let mut seen = Vec::new();
    for part in [0, 1, 5, 20, data.len() / 2, data.len()] {
        fs::write(world.path(name), &data[..part]).unwrap();
        seen.extend(world.step());
    }
    assert!(seen == lines(0..5000), "{} lines", seen.len());
    world.stop();
    assert_eq!(world.step(), [""; 0]);
}

#[test]
fn deleted_and_recreated_even_with_the_same_inode() {
    let mut world = World::new("access.log", From::Start);
    for round in 0..6 {
        world.append("access.log", &text(round * 10..round * 10 + 10));
        assert_eq!(world.step(), lines(round * 10..round * 10 + 10));
        if round % 2 == 0 {
            world.stop();
        }
        world.remove("access.log");
    }
}

#[test]
fn unread_bytes_of_a_removed_file_are_read_through_the_descriptor() {
    let mut world = World::new("access.log", From::Start);
    world.append("access.log", &text(0..10));
    world.step();
    world.append("access.log", &text(10..20));
    world.remove("access.log");
    world.append("access.log", &text(20..30));
    assert_eq!(world.step(), lines(10..30));
}

#[test]
fn a_log_moved_away_by_hand_is_finished_and_its_neighbours_are_left_alone() {
    for down in [false, true] {
        let mut world = World::new("access.log", From::Start);
        world.append("access.log.json", "another log\n");
        world.append("access.log", &text(0..5));
        assert_eq!(world.step(), lines(0..5));
        if down {
            world.stop();
        }
        world.append("access.log", &text(5..10));
        world.rename("access.log", "access.log.old");
        world.append("access.log.json", "another line\n");
        assert_eq!(world.step(), lines(5..10), "{down}");
        world.append("access.log", &text(10..15));
        assert_eq!(world.step(), lines(10..15), "{down}");
    }
}

#[test]
fn what_cannot_be_read_is_told_once_and_read_from_where_it_stood_when_it_can_be() {
    use std::os::unix::fs::PermissionsExt;
    let mut world = World::new("", From::End);
    world.append("fine.log", "x\n");
    world.append("secret.log", "old\nhal");
    let allow = |mode, world: &World| {
        fs::set_permissions(world.path("secret.log"), fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(0o000, &world);
    if fs::File::open(world.path("secret.log")).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    world.step();
    world.step();
    assert_eq!(world.troubles.len(), 1);
    assert!(
        world.troubles[0].contains("secret.log: permission denied\nhint: "),
        "{:?}",
        world.troubles
    );
    allow(0o600, &world);
    world.append("secret.log", "f\nnew\n");
    assert_eq!(world.step(), ["half", "new"]);
}

#[test]
fn generations_out_of_sight_for_a_moment_are_not_forgotten() {
    let mut world = World::new("", From::Start);
    let names: Vec<String> = (1..200).map(|n| format!("access.log.{n}")).collect();
    for (n, name) in (0..).zip(&names) {
        world.append(name, &text(n * 10..n * 10 + 2));
    }
    world.append("access.log", &text(9000..9002));
    assert_eq!(world.step().len(), 400);
    // A listing that is made while a long chain is renamed may miss most of it.
    for name in &names {
        world.rename(name, &format!(".{name}"));
    }
    assert_eq!(world.step(), [""; 0]);
    for name in &names {
        world.rename(&format!(".{name}"), name);
    }
    assert_eq!(world.step(), [""; 0]);
}

#[test]
fn a_log_replaced_by_a_longer_copy_of_it_goes_on_in_the_copy() {
    let mut world = World::new("access.log", From::Start);
    world.append("access.log", &text(0..100));
    assert_eq!(world.step(), lines(0..100));
    // As rsync writes what grew elsewhere, and editors write what they have changed.
    for round in 1..4 {
        world.append(".access.log.new", &text(0..100 + round * 10));
        world.rename(".access.log.new", "access.log");
        assert_eq!(world.step(), lines(90 + round * 10..100 + round * 10));
    }
}

#[test]
fn a_broken_archive_with_a_time_in_the_future_is_told() {
    let mut world = World::new("", From::Start);
    world.spec.settle = Duration::from_millis(20);
    let whole = packed(text(0..2000).as_bytes());
    for (name, cut) in [("a.log.1.gz", whole.len() / 2), ("b.log.1.gz", 40)] {
        fs::write(world.path(name), &whole[..cut]).unwrap();
        let file = fs::File::open(world.path(name)).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(1 << 30))
            .unwrap();
    }
    world.append("c.log", &text(0..1));
    let end = Instant::now() + Duration::from_secs(10);
    while world.troubles.len() < 2 {
        world.step();
        assert!(Instant::now() < end, "only told: {:?}", world.troubles);
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert!(world.lines.len() > 100, "{} lines", world.lines.len());
}

#[test]
fn a_symbolic_link_is_followed_when_it_is_switched() {
    for down in [false, true] {
        let mut world = World::new("current.log", From::Start);
        let link = |target: &str, world: &World| {
            let _ = fs::remove_file(world.path("current.log"));
            std::os::unix::fs::symlink(world.path(target), world.path("current.log")).unwrap();
        };
        world.append("data/access-20260130.log", &text(0..5));
        link("data/access-20260130.log", &world);
        assert_eq!(world.step(), lines(0..5));
        if down {
            world.stop();
        }
        world.append("data/access-20260130.log", &text(5..10));
        world.append("data/access-20260131.log", &text(10..15));
        link("data/access-20260131.log", &world);
        assert_eq!(world.step(), lines(5..15), "{down}");
        link("data/access-20260130.log", &world);
        assert_eq!(world.step(), [""; 0]);
    }
}

#[test]
fn a_line_without_end_is_cut_too_where_a_link_was_switched_away() {
    let mut world = World::new("current.log", From::Start);
    world.spec.line_cap = 100;
    world.spec.idle_close = Duration::ZERO;
    let link = |target: &str, world: &World| {
        let _ = fs::remove_file(world.path("current.log"));
        std::os::unix::fs::symlink(world.path(target), world.path("current.log")).unwrap();
    };
    world.append("old/one.log", &text(0..5));
    world.append("new/two.log", &text(5..10));
    link("old/one.log", &world);
    assert_eq!(world.step(), lines(0..5));
    world.append("old/one.log", &("x".repeat(5000) + "\n"));
    link("new/two.log", &world);
    let expected: Vec<String> = [vec!["x".repeat(100)], lines(5..10)].concat();
    assert_eq!(world.step(), expected);
}

#[test]
fn what_is_removed_while_older_lines_are_read_is_held_and_read() {
    let removals: [&[&str]; 3] = [
        &["access.log.3", "access.log.2"],
        &["access.log.1"],
        &["access.log.3", "access.log.1"],
    ];
    for (path, removed) in removals
        .into_iter()
        .flat_map(|removed| [("access.log", removed), ("", removed)])
    {
        let mut world = World::new(path, From::Start);
        world.append("access.log", &text(0..5));
        assert_eq!(world.step(), lines(0..5));
        for (first, name) in [
            (5, "access.log.3"),
            (1000, "access.log.2"),
            (2000, "access.log.1"),
        ] {
            world.append(
                "access.log",
                &text(first..if first == 5 { 1000 } else { first + 1000 }),
            );
            world.rename("access.log", name);
        }
        world.append("access.log", &text(3000..3010));
        // A look at all of it, and time to read but the first of it.
        world.follower().look_again();
        let polled = world.follower().poll();
        assert!(!polled.caught_up);
        world.commit(polled, usize::MAX);
        assert!(world.lines.len() < 500, "{} lines", world.lines.len());
        removed.iter().for_each(|name| world.remove(name));
        world.step();
        assert_eq!(world.lines, lines(0..3010), "{path}, {removed:?}");
    }
}

#[test]
fn archives_that_were_read_are_not_read_again_when_they_are_renamed() {
    let mut world = World::new("", From::Start);
    world.append("access.log.1", &text(0..5));
    world.gzip("access.log.1", false);
    world.append("access.log", &text(5..10));
    assert_eq!(world.step(), lines(0..10));
    world.follower().poll();
    world.rename("access.log.1.gz", "access.log.2.gz");
    let mut seen = 0;
    while world.follower().wait(Duration::from_secs(1)) {
        let batches = world.follower().poll().batches;
        seen += batches
            .iter()
            .filter(|batch| batch.file.ends_with("access.log.2.gz"))
            .count();
    }
    assert_eq!(seen, 1, "its cursor has a new path, and that is all");
}

#[test]
fn what_is_missing_is_waited_for() {
    let mut world = World::new("a/b/access.log", From::End);
    assert_eq!(world.step(), [""; 0]);
    assert!(
        world
            .notices
            .iter()
            .any(|notice| notice.ends_with("not there yet, waiting for it"))
    );
    world.append("a/b/access.log", &text(0..5));
    assert_eq!(world.step(), lines(0..5));
}

#[test]
fn new_matches_of_a_glob_are_read_from_their_start() {
    let mut world = World::new("*/access*.log", From::End);
    world.append("one/access.log", "old\n");
    world.step();
    world.append("two/access.de.log", &text(0..3));
    world.append("one/access.log", &text(3..6));
    let mut seen = world.step();
    seen.sort();
    assert_eq!(seen, lines(0..6));
}

#[test]
fn two_logs_that_begin_alike_are_two() {
    let mut world = World::new("", From::Start);
    world.append("a.log", "same\n");
    world.append("b.log", "same\n");
    assert_eq!(world.step().len(), 2);
    world.append("b.log", "b\n");
    world.append("c.log", "same\n");
    assert_eq!(world.step().len(), 2);
    world.stop();
    assert_eq!(world.step(), [""; 0]);
}

#[test]
fn idle_files_are_closed_and_come_back() {
    let mut world = World::new("", From::Start);
    world.spec.max_open = 4;
    for n in 0..40 {
        world.append(&format!("site{n}.log"), &text(0..2));
    }
    assert_eq!(world.step().len(), 80);
    assert!(world.follower().status().iter().filter(|file| file.open).count() <= 4);
    for n in 0..40 {
        world.append(&format!("site{n}.log"), "more\n");
    }
    assert_eq!(world.step().len(), 40);
}

#[test]
fn an_overlong_line_is_cut_and_a_hole_is_no_line() {
    let mut world = World::new("access.log", From::Start);
    world.spec.line_cap = 100;
    world.append("access.log", &"x".repeat(700));
    assert_eq!(world.step(), [""; 0]);
    world.append("access.log", &("x".repeat(700) + "\nnext\n" + &"\0".repeat(5000)));
    assert_eq!(world.step(), ["x".repeat(100), "next".into()]);
    world.append("access.log", "after\n");
    assert_eq!(world.step(), ["after"]);
    world.stop();
    assert_eq!(world.step(), [""; 0]);
}

#[test]
fn utf16_grows_too() {
    let mut world = World::new("access.log", From::Start);
    let units = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let mut data = [vec![0xff, 0xfe], units("one\ntw")].concat();
    fs::write(world.path("access.log"), &data).unwrap();
    assert_eq!(world.step(), ["one"]);
    data.extend(units("o\nthree\n"));
    fs::write(world.path("access.log"), &data).unwrap();
    assert_eq!(world.step(), ["two", "three"]);
}

#[test]
fn the_layout_goes_with_the_cursor() {
    let mut world = World::new("access.log", From::Start);
    world.append("access.log", "one\n");
    world.step();
    let id = *world.stored.keys().next().unwrap();
    world.follower().set_layout(id, Some("#Fields: x".into()));
    world.append("access.log", "two\n");
    world.step();
    assert_eq!(world.stored[&id].layout.as_deref(), Some("#Fields: x"));
    world.rename("access.log", "access.log.1");
    world.gzip("access.log.1", false);
    world.stop();
    world.step();
    assert_eq!(world.stored[&id].layout.as_deref(), Some("#Fields: x"));
}

#[test]
fn a_fifo_is_read_as_it_comes() {
    let mut world = World::new("pipe", From::End);
    let pipe = world.path("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for round in 0..2 {
        let writer = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::write(pipe, format!("one {round}\ntwo")).unwrap())
        };
        while world.lines.len() < 2 * round + 2 {
            world.follower().wait(Duration::from_millis(100));
            let polled = world.follower().poll();
            world.commit(polled, usize::MAX);
        }
        writer.join().unwrap();
    }
    assert_eq!(world.lines, ["one 0", "two", "one 1", "two"]);
    assert!(world.stored.is_empty());
    let begun = Instant::now();
    world.follower().gather(Duration::from_secs(3600));
    assert!(begun.elapsed() < Duration::from_secs(60), "its writer would wait");
}

#[test]
fn a_change_ends_a_wait() {
    let mut world = World::new("access.log", From::Start);
    world.append("access.log", "one\n");
    world.step();
    while world.follower().wait(Duration::from_millis(20)) {}
    world.append("access.log", "two\n");
    assert!(world.follower().wait(Duration::from_secs(30)));
    let polled = world.follower().poll();
    world.commit(polled, usize::MAX);
    world.rename("access.log", "access.log.1");
    world.append("access.log", "three\n");
    while world.lines.len() < 3 {
        assert!(world.follower().wait(Duration::from_secs(30)));
        let polled = world.follower().poll();
        world.commit(polled, usize::MAX);
    }
    assert_eq!(world.lines, ["one", "two", "three"]);
    let waker = world.follower().waker();
    std::thread::spawn(move || waker.wake()).join().unwrap();
    assert!(world.follower().wait(Duration::from_secs(30)));
}

#[test]
fn what_comes_while_it_gathers_is_there_for_the_next_look() {
    let mut world = World::new("*.log", From::Start);
    world.append("a.log", "a0\n");
    world.append("b.log", "b0\n");
    world.step();
    for round in 1..=20 {
        for log in ["a", "b"] {
            world.append(&format!("{log}.log"), &format!("{log}{round}\n"));
        }
        // A busy machine may tell a change later.
        for _ in 0..200 {
            world.follower().gather(Duration::from_millis(5));
            let polled = world.follower().poll();
            world.commit(polled, usize::MAX);
            if world.lines.len() == 2 * round + 2 {
                break;
            }
        }
        assert_eq!(world.lines.len(), 2 * round + 2);
    }
}
