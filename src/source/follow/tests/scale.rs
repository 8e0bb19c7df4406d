//! Cost of many idle files, printed: `AFW_IDLE_FILES=10000 cargo test idle -- --nocapture`.

use super::*;

#[test]
fn thousands_of_idle_files_cost_next_to_nothing() {
    let count: u32 = std::env::var("AFW_IDLE_FILES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(500);
    let mut world = World::new("", From::End);
    for n in 0..count {
        world.append(&format!("site{n}.log"), "old\n");
    }
    let begun = Instant::now();
    assert_eq!(world.step(), [""; 0]);
    let first = begun.elapsed();
    let begun = Instant::now();
    world.step();
    let looked = begun.elapsed();
    world.append("site7.log", "new\n");
    let path = std::path::absolute(world.path("site7.log")).unwrap();
    let id = world.follower().by_path[&path];
    world.follower().files.get_mut(&id).unwrap().dirty = true;
    world.follower().pending.insert(id);
    let begun = Instant::now();
    let polled = world.follower().poll();
    let read = begun.elapsed();
    assert_eq!(polled.batches.len(), 1);
    assert!(world.follower().status().iter().filter(|file| file.open).count() <= 1);
    println!(
        "{count} files: first look {first:?}, a look at all {looked:?}, a poll with one change {read:?}"
    );
}
