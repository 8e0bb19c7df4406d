//! Listings that come late: files that are renamed, copied or cut between a listing and the opening of what it shows.
//! What is read is held against what was written, and its order too.

use super::*;

/// Takes in a listing made before `meanwhile`, which is what renames do between a listing and opening what it shows.
fn take_in_late(world: &mut World, meanwhile: impl FnOnce(&World)) {
    let listing = world.follower().settled_scan().expect("nothing moves").files;
    meanwhile(world);
    world.follower().adopt(listing);
    read_unlisted(world);
}

/// Reads what is known to have changed, without another look.
fn read_unlisted(world: &mut World) {
    let follower = world.follower();
    follower.gather_pending();
    follower.read();
    let polled = std::mem::take(&mut follower.out);
    world.commit(polled, usize::MAX);
}

#[test]
fn files_renamed_while_they_are_taken_in_are_read_before_what_came_after_them() {
    for (killed, oldest_gone) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut world = World::new("access.log", From::Start);
        world.append("access.log", &text(0..5));
        assert_eq!(world.step(), lines(0..5));
        if oldest_gone {
            world.remove("access.log");
        }
        world.stop();
        world.append("access.log", &text(5..10));
        for (number, name) in [(1, "access.log.3"), (2, "access.log.2"), (3, "access.log.1")] {
            world.rename("access.log", name);
            world.append("access.log", &text(5 + number * 5..10 + number * 5));
        }
        take_in_late(&mut world, |world| {
            // As far as a rotation has come when it is interrupted.
            world.rename("access.log.3", "access.log.4");
            world.rename("access.log.2", "access.log.3");
        });
        if killed {
            world.stop();
        }
        world.step();
        assert_eq!(world.lines, lines(0..25), "{killed} {oldest_gone}");
    }
}

#[test]
fn a_copy_made_while_files_are_taken_in_is_read_before_what_came_after_it() {
    // So much of the copy is there when it is listed; it is whole before it is taken in.
    for percent in [None, Some(0), Some(50)] {
        for killed in [false, true] {
            let mut world = World::new("access.log", From::Start);
            world.append("access.log", &text(0..5));
            assert_eq!(world.step(), lines(0..5));
            if killed {
                world.stop();
            }
            world.append("access.log", &text(5..10));
            if let Some(percent) = percent {
                let whole = fs::read(world.path("access.log")).unwrap();
                fs::write(world.path("access.log.1"), &whole[..whole.len() * percent / 100]).unwrap();
            }
            world.append("access.log.9", &text(90..91));
            take_in_late(&mut world, |world| {
                world.copytruncate("access.log", "access.log.1");
                world.append("access.log", &text(10..30));
            });
            world.step();
            world.lines.retain(|line| line != &lines(90..91)[0]);
            assert_eq!(world.lines, lines(0..30), "{percent:?} %, killed: {killed}");
        }
    }
}

#[test]
fn a_log_that_is_cut_again_while_its_copy_is_looked_for_is_looked_for_again() {
    let mut world = World::new("access.log", From::Start);
    world.append("access.log", &text(0..5));
    assert_eq!(world.step(), lines(0..5));
    world.append("access.log", &text(5..10));
    world.append("access.log.9", &text(90..91));
    take_in_late(&mut world, |world| {
        world.copytruncate("access.log", "access.log.1");
        world.append("access.log", &text(10..30));
    });
    // The listing that the first cut asked for, and another cut before it is taken in.
    world.follower().held.clear();
    take_in_late(&mut world, |world| {
        world.copytruncate("access.log", "access.log.0");
        world.append("access.log", &text(30..60));
    });
    world.step();
    world.lines.retain(|line| line != &lines(90..91)[0]);
    assert_eq!(world.lines, lines(0..60));
}

#[test]
fn a_copy_of_what_an_empty_log_got_since_is_read_before_what_came_after_it() {
    for (killed, end) in [(false, 30), (true, 30), (false, 500), (true, 500)] {
        let mut world = World::new("access.log", From::Start);
        world.append("access.log", &text(0..5));
        world.step();
        world.rename("access.log", "access.log.2");
        world.append("access.log", "");
        assert_eq!(world.step(), Vec::<String>::new());
        if killed {
            world.stop();
            world.step();
        }
        world.append("access.log", &text(5..10));
        world.copytruncate("access.log", "access.log.1");
        world.append("access.log", &text(10..end));
        let files = world.follower().files.values_mut();
        files.for_each(|file| file.dirty = true);
        read_unlisted(&mut world);
        world.step();
        assert_eq!(world.lines, lines(0..end), "killed: {killed}, {end} lines");
    }
}

#[test]
fn a_log_renamed_while_it_is_first_taken_in_was_there_at_start() {
    let mut world = World::new("", From::End);
    world.append("access.log", &text(0..5));
    world.append("other.log", &text(50..55));
    take_in_late(&mut world, |world| {
        world.rename("access.log", "access.log.1");
        world.rename("other.log", "other.log.1");
        world.append("other.log", &text(60..65));
    });
    assert_eq!(world.step(), lines(60..65), "what was there is left alone");
    world.append("access.log", &text(5..10));
    assert_eq!(world.step(), lines(5..10));
}

#[test]
fn what_is_written_once_a_log_was_taken_in_is_new() {
    let mut world = World::new("*.log", From::End);
    world.append("access.log", &text(0..5));
    world.follower().take_in();
    world.append("access.log", &text(5..10));
    world.append("later.log", &text(20..25));
    let read = world.step();
    assert_eq!(read.len(), 10, "{read:?}");
    assert!(
        lines(5..10)
            .iter()
            .chain(&lines(20..25))
            .all(|line| read.contains(line))
    );
}

/// Forty rotated logs that are renamed again and again, with pauses or without, while `look` is called once.
fn while_renamed(path: &str, restless: fn(u32) -> bool, look: impl FnOnce(&mut Follower, usize)) {
    let mut world = World::new(path, From::Start);
    let log = world.path("access.log");
    let at = |number: u32| log.with_file_name(format!("access.log.{number}"));
    let files: u32 = 40;
    fs::write(&log, "x\n").unwrap();
    (0..files).for_each(|number| fs::write(at(10 + number), format!("{number}\n")).unwrap());
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for by in (10..).take_while(|_| !stop.load(std::sync::atomic::Ordering::Relaxed)) {
                (0..files)
                    .rev()
                    .for_each(|number| fs::rename(at(by + number), at(by + number + 1)).unwrap());
                if !restless(by) {
                    std::thread::park_timeout(Duration::from_millis(3));
                }
            }
        });
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            look(world.follower(), files as usize + 1);
        }));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        looked.unwrap_or_else(|why| std::panic::resume_unwind(why));
    });
}

/// A directory listing is no snapshot: what is renamed meanwhile may show under neither name.
#[test]
fn a_listing_misses_no_file_that_is_being_renamed() {
    // At times it rests, at times it renames on and on.
    while_renamed(
        "access.log",
        |by| by % 64 < 16,
        |follower, files| {
            let mut settled = 0;
            for _ in 0..300 {
                follower.restless_since = None;
                if let Some(scan) = follower.settled_scan() {
                    settled += 1;
                    assert_eq!(scan.files.len(), files, "listing {settled}");
                }
            }
            assert!(settled > 0);
        },
    );
}

#[test]
fn a_directory_that_never_rests_is_read_in_the_end() {
    while_renamed(
        "",
        |_| true,
        |follower, _| {
            let end = Instant::now() + Duration::from_secs(60);
            while follower.settled_scan().is_some() {
                assert!(Instant::now() < end, "no listing was torn");
            }
            follower.restless_since = Instant::now().checked_sub(PATIENCE);
            assert!(follower.settled_scan().is_some(), "given up");
        },
    );
}
