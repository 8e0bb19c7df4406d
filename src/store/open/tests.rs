//! Opening: fresh, damaged, foreign, old and newer databases.

use super::*;

/// The file and its write-ahead log as one process would leave them.
fn fresh() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    drop(Database::open(dir.path()).unwrap());
    dir
}

#[test]
fn a_fresh_store_is_private_and_complete() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("a/afw");
    let database = Database::open(&state).unwrap();
    assert_eq!(database.pragma("user_version").unwrap(), STEPS.len() as i64);
    let mode: String = database
        .connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&state), mode(&state.join(FILE))), (0o700, 0o600));
        assert_eq!(mode(&state.join("afw.db-wal")), 0o600);
    }
    let names: Vec<_> = fs::read_dir(&state)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        names.iter().all(|name| name.to_str().unwrap().starts_with(FILE)),
        "{names:?}"
    );
}

#[test]
fn many_processes_may_make_the_store_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let dir = dir.path().to_path_buf();
            std::thread::spawn(move || Database::open(&dir).map(drop).map_err(|error| error.to_string()))
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(()));
    }
}

type Damage = fn(&mut Vec<u8>);

#[test]
fn damage_is_named_and_nothing_is_changed() {
    let cases: [(&str, Damage); 4] = [
        ("empty", Vec::clear),
        ("not a database", |bytes| {
            bytes.splice(0..16, *b"hello hello hell").for_each(drop)
        }),
        ("cut in half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("overwritten", |bytes| {
            bytes
                .iter_mut()
                .skip(4096)
                .take(8192)
                .for_each(|byte| *byte = 0x55)
        }),
    ];
    for (name, damage) in cases {
        let dir = fresh();
        let path = dir.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let error = Database::open(dir.path()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{name}: {error}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{name}: {error}"
        );
        assert!(error.hint().unwrap().contains("mv "), "{name}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "{name}: the file was touched");
    }
}

#[test]
fn a_foreign_database_is_not_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = Connection::open(dir.path().join(FILE)).unwrap();
    foreign
        .execute_batch("CREATE TABLE t (x); PRAGMA user_version = 1")
        .unwrap();
    drop(foreign);
    let error = Database::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("not written by afw"), "{error}");
}

#[test]
fn a_write_ahead_log_without_its_database_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("afw.db-wal"), b"frames").unwrap();
    assert!(matches!(
        Database::open(dir.path()),
        Err(StoreError::Damaged { .. })
    ));
}

#[test]
fn a_newer_store_is_left_alone() {
    let dir = fresh();
    let database = Database::connect(dir.path()).unwrap();
    database
        .connection
        .pragma_update(None, "user_version", 99)
        .unwrap();
    drop(database);
    let error = Database::open(dir.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }) && !error.is_retryable(),
        "{error}"
    );
}

#[test]
fn steps_are_applied_once_and_all_or_none() {
    let dir = fresh();
    let mut database = Database::connect(dir.path()).unwrap();
    let next = [STEPS, &["CREATE TABLE later (x)", "INSERT INTO later VALUES (1)"]].concat();
    let newest = next.len() as i64;
    for _ in 0..2 {
        database.migrate(&next).unwrap();
        let rows: i64 = database
            .connection
            .query_row("SELECT count(*) FROM later", [], |row| row.get(0))
            .unwrap();
        assert_eq!((rows, database.pragma("user_version").unwrap()), (1, newest));
    }
    let broken = [&next[..], &["CREATE TABLE more (x)", "nonsense"]].concat();
    assert!(database.migrate(&broken).is_err());
    assert_eq!(database.pragma("user_version").unwrap(), newest);
    database.migrate(&broken[..next.len() + 1]).unwrap();
}

#[test]
fn the_check_ends_when_its_time_is_over() {
    let dir = fresh();
    let mut database = Database::connect(dir.path()).unwrap();
    let fill = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000)
         INSERT INTO state SELECT 1, CAST(x AS BLOB), zeroblob(100) FROM n";
    database.connection.execute_batch(fill).unwrap();
    assert!(
        !database.quick_check(Some(Duration::ZERO)).unwrap(),
        "it came to its end"
    );
    assert!(database.quick_check(None).unwrap());
    database.check().unwrap();
}
