//! Which files belong to a path, against directories, siblings, links and what is not there.

use std::fs;

use super::*;

fn make(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in names {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{name}\n")).unwrap();
    }
    dir
}

fn found(dir: &Path, path: &str, siblings: bool) -> Vec<String> {
    let origin = Origin::parse(&dir.join(path)).unwrap();
    let scan = scan(&[origin], siblings);
    let short = |file: &Found| file.path.strip_prefix(dir).unwrap().display().to_string();
    scan.files.iter().map(short).collect()
}

#[test]
fn a_directory_gives_all_below_it_by_log_and_age() {
    let dir = make(&[
        "access.log",
        "access.log.1",
        "access.log.10.gz",
        "access.log.2.gz",
        "error.log",
        ".access.log.swp",
        "site/access.log",
        "site/access.log-20260130",
        "push/20260131/20260131T000000Z_20260131T000100Z_ab12.log.gz",
        "push/20260130/20260130T000000Z_20260130T000100Z_cd34.log.gz",
    ]);
    let expected = [
        "access.log.10.gz",
        "access.log.2.gz",
        "access.log.1",
        "access.log",
        "error.log",
        "push/20260130/20260130T000000Z_20260130T000100Z_cd34.log.gz",
        "push/20260131/20260131T000000Z_20260131T000100Z_ab12.log.gz",
        "site/access.log-20260130",
        "site/access.log",
    ];
    assert_eq!(found(dir.path(), "", false), expected);
    assert_eq!(
        found(dir.path(), "**/access.log", false),
        ["access.log", "site/access.log"]
    );
    assert_eq!(
        found(dir.path(), "*/access*", false),
        ["site/access.log-20260130", "site/access.log"]
    );
    assert_eq!(
        found(dir.path(), "s*", false),
        ["site/access.log-20260130", "site/access.log"]
    );
}

#[test]
fn a_named_file_brings_its_siblings_only_when_asked() {
    let dir = make(&[
        "access.log",
        "access.log.1",
        "access.2.log.gz",
        "other.log",
        "access.log-20260130.gz",
    ]);
    assert_eq!(found(dir.path(), "access.log", false), ["access.log"]);
    let all = found(dir.path(), "access.log", true);
    assert_eq!(all.len(), 4);
    assert_eq!(all.last().unwrap(), "access.log");
}

#[test]
fn links_to_one_file_are_one_file() {
    let dir = make(&["real/access.log"]);
    std::os::unix::fs::symlink(dir.path().join("real/access.log"), dir.path().join("link.log")).unwrap();
    std::os::unix::fs::symlink(dir.path(), dir.path().join("real/loop")).unwrap();
    fs::hard_link(dir.path().join("real/access.log"), dir.path().join("hard.log")).unwrap();
    assert_eq!(found(dir.path(), "", false).len(), 1);
}

#[test]
fn what_is_not_there_or_no_pattern_is_said() {
    let dir = make(&[]);
    let origin = Origin::parse(&dir.path().join("missing.log")).unwrap();
    assert_eq!(scan(&[origin], false).troubles.len(), 1);
    let error = Origin::parse(&dir.path().join("a***b")).unwrap_err();
    assert!(error.to_string().contains("no valid pattern"), "{error}");
}

#[test]
fn a_fifo_found_by_directory_is_skipped_with_a_notice() {
    let dir = make(&["access.log"]);
    let fifo = dir.path().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let list = |path: &Path| scan(&[Origin::parse(path).unwrap()], false);
    assert_eq!(list(dir.path()).files.len(), 1);
    assert_eq!(list(dir.path()).notices.len(), 1);
    assert!(list(&fifo).files[0].stream);
}
