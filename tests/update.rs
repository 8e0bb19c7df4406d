//! `afw geoip` and `afw lists` as users run them, against a publisher on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/publisher.rs"]
mod publisher;
mod support;

/// What the writer of databases needs of the library.
mod net {
    pub use afw::net::Cidr;
}
#[allow(dead_code, reason = "the writer makes more than these tests need")]
#[path = "../src/enrich/geo/writer.rs"]
mod writer;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use flate2::{Compression, write::GzEncoder};
use publisher::publisher;
use sha2::{Digest, Sha256};
use support::{afw, json_lines, run, stdout, text};
use writer::{Value, database};

const SUM: &str = "/geoip/databases/X-Country/download?suffix=tar.gz.sha256";
const FILE: &str = "/geoip/databases/X-Country/download?suffix=tar.gz";

/// An archive with one database, and its checksum.
fn archive(mmdb: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut tar = vec![0; 512];
    tar[..10].copy_from_slice(b"X_1/X.mmdb");
    tar[124..135].copy_from_slice(format!("{:011o}", mmdb.len()).as_bytes());
    tar[156] = b'0';
    tar.extend(mmdb);
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(&tar).unwrap();
    let archive = gz.finish().unwrap();
    let sum: String = Sha256::digest(&archive)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    (archive, sum.into_bytes())
}

/// afw without this machine's MaxMind account.
fn clean(state: &Path) -> Command {
    let mut command = afw(state);
    for name in ["ACCOUNT_ID", "LICENSE_KEY", "EDITION_IDS", "DB_DIR", "HOST"] {
        command.env_remove(format!("GEOIPUPDATE_{name}"));
        command.env_remove(format!("GEOIPUPDATE_{name}_FILE"));
    }
    command
}

fn geoip(dir: &Path, host: &str) -> Command {
    let mut command = clean(dir);
    command
        .env("GEOIPUPDATE_ACCOUNT_ID", "12")
        .env("GEOIPUPDATE_LICENSE_KEY", "s3cr3t")
        .env("GEOIPUPDATE_EDITION_IDS", "X-Country")
        .env("GEOIPUPDATE_DB_DIR", dir.join("new/geo"))
        .env("GEOIPUPDATE_HOST", host)
        .args(["geoip", "update", "--json"]);
    command
}

/// Runs to the end with this exit code; what it said on standard error.
fn fails(command: &mut Command, code: i32) -> String {
    let Output { status, stderr, .. } = run(command);
    assert_eq!(status.code(), Some(code), "{}", text(&stderr));
    text(&stderr)
}

#[test]
fn geoip_update_fetches_once_and_status_tells_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let record = Value::Map(vec![("country_code", Value::Text("SE"))]);
    let mmdb = database("X-Country", &[("192.0.2.0/24", record)]);
    let (file, sum) = archive(&mmdb);
    let host = publisher(vec![(SUM, sum), (FILE, file)]).0;
    for expected in ["updated", "unchanged"] {
        let rows = json_lines(&stdout(&mut geoip(dir.path(), &host)));
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["name"], "X-Country");
        assert_eq!(rows[0]["result"], expected);
    }
    let path = dir.path().join("new/geo/X-Country.mmdb");
    assert_eq!(fs::read(&path).unwrap(), mmdb);
    let rows = json_lines(&stdout(
        clean(dir.path())
            .args(["geoip", "status", "--json", "--geoip"])
            .arg(&path),
    ));
    assert_eq!(rows[0]["type"], "X-Country");
    assert_eq!(rows[0]["path"], path.to_str().unwrap());
}

#[test]
fn geoip_refusals_name_the_edition_and_never_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let refusing = format!("{}/refused", publisher(Vec::new()).0);
    let said = fails(&mut geoip(dir.path(), &refusing), 1);
    assert!(
        said.contains("X-Country: ") && said.contains("hint: check the account and the key"),
        "{said}"
    );
    assert!(!said.contains("s3cr3t"), "{said}");
    let said = fails(clean(dir.path()).args(["geoip", "update"]), 2);
    assert!(said.contains("hint: ") && said.contains("maxmind.com"), "{said}");
    let said = fails(
        clean(dir.path()).args(["geoip", "status", "--geoip", "/nowhere.mmdb"]),
        1,
    );
    assert!(said.contains("/nowhere.mmdb"), "{said}");
}

fn configured(dir: &Path, sources: &[(&str, String)]) -> Command {
    let blocks = sources.iter().map(|(name, url)| {
        let path = dir.join(format!("lists/{name}.txt"));
        format!("[[list_source]]\nname = \"{name}\"\nurl = \"{url}\"\npath = {path:?}\n")
    });
    let config = dir.join("afw.toml");
    fs::write(&config, blocks.collect::<String>()).unwrap();
    let mut command = clean(dir);
    command.arg("--config").arg(config).arg("lists");
    command
}

#[test]
fn lists_are_fetched_when_they_changed_and_one_failure_stops_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let base = publisher(vec![("/tor.txt", b"8.8.8.8\n8.8.4.0/24\nAS64400\n".to_vec())]).0;
    let sources = [
        ("gone", format!("{base}/gone.txt")),
        ("tor", format!("{base}/tor.txt")),
    ];
    for expected in ["updated", "unchanged"] {
        let output = run(configured(dir.path(), &sources).args(["update", "--json"]));
        assert_eq!(output.status.code(), Some(1));
        let (rows, said) = (json_lines(&text(&output.stdout)), text(&output.stderr));
        assert_eq!(rows.len(), 1, "{said}");
        assert_eq!(rows[0]["name"], "tor");
        assert_eq!(rows[0]["result"], expected);
        assert!(said.contains("gone: ") && said.contains("status 404"), "{said}");
    }
    let list = format!("tor={}", dir.path().join("lists/tor.txt").display());
    let rows = json_lines(&stdout(
        configured(dir.path(), &[]).args(["status", "--json", "--list", &list]),
    ));
    assert_eq!(rows[0]["role"], "threat");
    assert_eq!(rows[0]["networks"], 2);
    assert_eq!(rows[0]["age_days"], 0);
}

#[test]
fn without_publishers_lists_update_says_so_and_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(clean(dir.path()).args(["lists", "update"]));
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("[[list_source]]"));
}
