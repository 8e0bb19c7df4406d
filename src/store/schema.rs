//! The tables of `afw.db`, as the migrations that make them.
//!
//! A store of version N has had the first N steps applied; `PRAGMA user_version` holds N. A released step never
//! changes: what must change is a new step. `testdata/store/` keeps a database of each version that a test opens.

/// `PRAGMA application_id` of a store: the letters "afwd".
pub(super) const APPLICATION_ID: i64 = 0x6166_7764;

/// Steps from an empty database to the newest schema.
pub(super) const STEPS: &[&str] = &[VERSION_1, VERSION_2];

/// Times are milliseconds since the epoch unless their name says otherwise. Hashes and inodes are u64 stored as the
/// i64 of the same bits. Totals of batches by sink are kept by triggers, so that no path can forget them; a batch's
/// body has its own table, so that claiming a batch does not rewrite it.
const VERSION_1: &str = "
CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL,
    head_len INTEGER NOT NULL,
    head_hash INTEGER NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    modified_nanos INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    proof_len INTEGER NOT NULL,
    proof_hash INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    layout TEXT,
    lines INTEGER NOT NULL DEFAULT 0,
    rejects INTEGER NOT NULL DEFAULT 0,
    last_time_nanos INTEGER,
    format TEXT,
    updated INTEGER NOT NULL
);
CREATE TABLE state (
    kind INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE sink (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    open_events INTEGER NOT NULL DEFAULT 0,
    open_bytes INTEGER NOT NULL DEFAULT 0,
    open_since INTEGER,
    pending_batches INTEGER NOT NULL DEFAULT 0,
    pending_events INTEGER NOT NULL DEFAULT 0,
    pending_bytes INTEGER NOT NULL DEFAULT 0,
    dead_batches INTEGER NOT NULL DEFAULT 0,
    dead_events INTEGER NOT NULL DEFAULT 0,
    dead_bytes INTEGER NOT NULL DEFAULT 0,
    frozen INTEGER NOT NULL DEFAULT 0,
    delivered_batches INTEGER NOT NULL DEFAULT 0,
    delivered_events INTEGER NOT NULL DEFAULT 0,
    dropped_events INTEGER NOT NULL DEFAULT 0,
    kick INTEGER NOT NULL DEFAULT 0,
    condition TEXT NOT NULL DEFAULT 'idle',
    failures INTEGER NOT NULL DEFAULT 0,
    held_at INTEGER,
    next_attempt INTEGER,
    last_success INTEGER,
    last_failure INTEGER,
    last_status INTEGER,
    last_error TEXT
);
CREATE TABLE item (
    seq INTEGER PRIMARY KEY,
    sink INTEGER NOT NULL,
    created INTEGER NOT NULL,
    bytes BLOB NOT NULL
);
CREATE INDEX item_by_sink ON item (sink, seq);
CREATE TABLE batch (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    sink INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    part TEXT NOT NULL DEFAULT '',
    dead INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    hash BLOB NOT NULL,
    created INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt INTEGER,
    status INTEGER,
    error TEXT,
    lease_owner TEXT,
    lease_until INTEGER
);
CREATE INDEX batch_queue ON batch (sink, dead, seq, part);
CREATE INDEX batch_age ON batch (dead, created);
CREATE INDEX batch_lease ON batch (sink, lease_owner) WHERE lease_owner IS NOT NULL;
CREATE TABLE body (
    row INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
);
CREATE TRIGGER batch_added AFTER INSERT ON batch BEGIN
    UPDATE sink SET
        pending_batches = pending_batches + (NEW.dead = 0),
        pending_events = pending_events + (NEW.dead = 0) * NEW.events,
        pending_bytes = pending_bytes + (NEW.dead = 0) * NEW.bytes,
        dead_batches = dead_batches + (NEW.dead = 1),
        dead_events = dead_events + (NEW.dead = 1) * NEW.events,
        dead_bytes = dead_bytes + (NEW.dead = 1) * NEW.bytes
    WHERE id = NEW.sink;
END;
CREATE TRIGGER batch_gone AFTER DELETE ON batch BEGIN
    UPDATE sink SET
        pending_batches = pending_batches - (OLD.dead = 0),
        pending_events = pending_events - (OLD.dead = 0) * OLD.events,
        pending_bytes = pending_bytes - (OLD.dead = 0) * OLD.bytes,
        dead_batches = dead_batches - (OLD.dead = 1),
        dead_events = dead_events - (OLD.dead = 1) * OLD.events,
        dead_bytes = dead_bytes - (OLD.dead = 1) * OLD.bytes
    WHERE id = OLD.sink;
    DELETE FROM body WHERE row = OLD.row;
END;
CREATE TRIGGER batch_turned AFTER UPDATE OF dead ON batch WHEN NEW.dead <> OLD.dead BEGIN
    UPDATE sink SET
        pending_batches = pending_batches + (NEW.dead = 0) - (OLD.dead = 0),
        pending_events = pending_events + ((NEW.dead = 0) - (OLD.dead = 0)) * NEW.events,
        pending_bytes = pending_bytes + ((NEW.dead = 0) - (OLD.dead = 0)) * NEW.bytes,
        dead_batches = dead_batches + (NEW.dead = 1) - (OLD.dead = 1),
        dead_events = dead_events + ((NEW.dead = 1) - (OLD.dead = 1)) * NEW.events,
        dead_bytes = dead_bytes + ((NEW.dead = 1) - (OLD.dead = 1)) * NEW.bytes
    WHERE id = NEW.sink;
END;
";

/// What changed of `state` and is not in its place there yet, one row a commit. `bytes` is the size of this row and all
/// before it, `since` when the first of them came: the last row tells all. [`super::journal`] writes and empties it.
const VERSION_2: &str = "
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL,
    since INTEGER NOT NULL,
    rows BLOB NOT NULL
);
";
