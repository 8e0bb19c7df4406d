//! Databases and lists of a running `tail`: taken anew when the files change, refused when broken, fetched on time;
//! and what a list of Cloudflare's networks does to trust.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
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

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use publisher::publisher;
use serde_json::Value as Json;
use support::{Running, afw, json_lines, run, stdout, text, wait_until};
use writer::{Value, database};

const CLIENT: &str = "45.83.64.1";

fn country(code: &'static str) -> Vec<u8> {
    let record = Value::Map(vec![("country_code", Value::Text(code))]);
    database("X-Country", &[("45.83.64.0/24", record)])
}

fn line() -> String {
    format!("{CLIENT} - - [21/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 9 \"-\" \"curl/8.0\"\n")
}

/// A tail that prints events.
struct Followed {
    dir: PathBuf,
    running: Running,
}

impl Followed {
    fn start(dir: &Path, arguments: &[&str]) -> Self {
        let log = dir.join("access.log");
        OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let file = |name: &str| File::create(dir.join(name)).unwrap();
        let child = afw(&dir.join("state"))
            .args(["tail", "--from", "start", "--print", "events", "--no-dns"])
            .args(arguments)
            .arg(&log)
            .stdout(file("out"))
            .stderr(file("said"))
            .spawn()
            .unwrap();
        let dir = dir.to_owned();
        let running = Running(child);
        Self { dir, running }
    }

    /// The event of one more line.
    fn event(&self) -> Json {
        let out = || fs::read_to_string(self.dir.join("out")).unwrap();
        let before = out().lines().count();
        let mut log = OpenOptions::new()
            .append(true)
            .open(self.dir.join("access.log"))
            .unwrap();
        log.write_all(line().as_bytes()).unwrap();
        wait_until("an event", || out().lines().count() > before);
        json_lines(&out()).pop().unwrap()
    }

    fn country(&self) -> Option<String> {
        self.event()["source"]["geo"]["country_iso_code"]
            .as_str()
            .map(str::to_owned)
    }

    fn said(&self) -> String {
        fs::read_to_string(self.dir.join("said")).unwrap()
    }

    /// Has the files looked at now, and waits until that has been told so many times.
    fn look(&self, text: &str, times: usize) {
        self.running.signal("-HUP");
        wait_until(text, || self.said().matches(text).count() >= times);
    }
}

/// As an updater does it: the new file takes the old one's name.
fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, bytes).unwrap();
    fs::rename(new, path).unwrap();
}

#[test]
fn databases_and_lists_are_taken_anew_and_broken_ones_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mmdb, list) = (dir.path().join("x.mmdb"), dir.path().join("tor.txt"));
    fs::write(&mmdb, country("SE")).unwrap();
    fs::write(&list, "8.8.8.8\n").unwrap();
    let tail = Followed::start(
        dir.path(),
        &[
            "--geoip",
            mmdb.to_str().unwrap(),
            "--list",
            &format!("tor={}", list.display()),
        ],
    );
    assert_eq!(tail.country().as_deref(), Some("SE"));

    replace(&mmdb, &country("GB"));
    replace(&list, format!("{CLIENT}\n").as_bytes());
    tail.look("taken anew", 2);
    wait_until("the new country", || tail.country().as_deref() == Some("GB"));
    assert_eq!(tail.event()["afw"]["lists"][0], "tor");

    // A file that is only touched is the same file.
    File::options()
        .write(true)
        .open(&mmdb)
        .unwrap()
        .set_modified(SystemTime::UNIX_EPOCH)
        .unwrap();
    let torn = country("NO");
    replace(&list, b"no address\n");
    tail.look("no address", 1);
    assert_eq!(tail.said().matches("taken anew").count(), 2);
    replace(&mmdb, &torn[..torn.len() / 2]);
    tail.look("the old one stays in use", 2);
    tail.look("SIGHUP", 4);
    assert_eq!(tail.country().as_deref(), Some("GB"));
    assert_eq!(tail.event()["afw"]["lists"][0], "tor");
    assert_eq!(
        tail.said().matches("the old one stays in use").count(),
        2,
        "said once a file"
    );

    fs::remove_file(&mmdb).unwrap();
    tail.look("is gone", 1);
    replace(&mmdb, &country("FI"));
    tail.look("taken anew", 3);
    wait_until("the next country", || tail.country().as_deref() == Some("FI"));
}

#[test]
fn a_list_that_is_suddenly_empty_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("tor.txt");
    fs::write(&list, format!("{CLIENT}\n")).unwrap();
    let tail = Followed::start(dir.path(), &["--list", &format!("tor={}", list.display())]);
    assert_eq!(tail.event()["afw"]["lists"][0], "tor");
    // As `curl -o` leaves it before the first byte came.
    fs::write(&list, "").unwrap();
    tail.look("holds nothing any more; the old one stays in use", 1);
    assert_eq!(tail.event()["afw"]["lists"][0], "tor");
    fs::write(&list, format!("8.8.8.8\n{CLIENT}\n")).unwrap();
    tail.look("taken anew", 1);
    assert_eq!(tail.event()["afw"]["lists"][0], "tor");
}

fn configured(dir: &Path, text: &str) -> String {
    let path = dir.join("afw.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_list_with_a_publisher_is_fetched_when_it_is_due_and_asked_for_by_its_tag() {
    let dir = tempfile::tempdir().unwrap();
    let (base, asked) = publisher(vec![("/tor.txt", format!("{CLIENT}\n8.8.8.8\n").into_bytes())]);
    let config = configured(
        dir.path(),
        &format!("[[list_source]]\nname = \"tor\"\nurl = \"{base}/tor.txt\"\nevery = \"1h\"\n"),
    );
    let path = dir.path().join("state/lists/tor");
    {
        let tail = Followed::start(dir.path(), &["--config", &config]);
        wait_until("the fetched list", || tail.said().contains("taken anew"));
        assert!(tail.said().contains("is not there yet"), "{}", tail.said());
        wait_until("the list in use", || tail.event()["afw"]["lists"][0] == "tor");
    }
    assert!(path.exists());
    {
        // It was fetched a moment ago: not due.
        let tail = Followed::start(dir.path(), &["--config", &config]);
        assert_eq!(tail.event()["afw"]["lists"][0], "tor");
    }
    assert_eq!(asked.lock().unwrap().len(), 1);
    let tag = dir.path().join("state/lists/tor.etag");
    let long_ago = SystemTime::now() - Duration::from_secs(7_200);
    File::options()
        .write(true)
        .open(&tag)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    let _tail = Followed::start(dir.path(), &["--config", &config]);
    wait_until("the next request", || asked.lock().unwrap().len() == 2);
    assert!(asked.lock().unwrap()[1].contains("if-none-match: \"1\""));
    // Nothing new, but known to be the newest.
    wait_until("the tag's time", || {
        fs::metadata(&tag).unwrap().modified().unwrap() > long_ago
    });
}

#[test]
fn without_a_database_tail_hints_once_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let config = configured(
        dir.path(),
        &format!("geoip = [{:?}]\n", dir.path().join("later.mmdb")),
    );
    for (arguments, file) in [(&[][..], false), (&["--config", config.as_str()], true)] {
        let mut tail = Followed::start(dir.path(), arguments);
        assert_eq!(tail.country(), None);
        assert_eq!(
            tail.said().matches("`afw geoip update`").count(),
            1,
            "{}",
            tail.said()
        );
        if file {
            fs::write(dir.path().join("later.mmdb"), country("SE")).unwrap();
            tail.look("taken anew", 1);
            wait_until("the country", || tail.country().as_deref() == Some("SE"));
        }
        assert_eq!(tail.running.terminate(), Some(0));
    }
}

#[test]
fn old_databases_and_lists_are_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let (mmdb, list) = (dir.path().join("x.mmdb"), dir.path().join("tor.txt"));
    fs::write(&mmdb, country("SE")).unwrap();
    fs::write(&list, "8.8.8.8\n").unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(40 * 86_400);
    File::options()
        .write(true)
        .open(&list)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    fs::write(dir.path().join("access.log"), line()).unwrap();
    let output = run(afw(dir.path())
        .args(["replay", "--print", "none", "--geoip"])
        .arg(&mmdb)
        .args(["--list", &format!("tor={}", list.display())])
        .arg(dir.path().join("access.log")));
    let said = text(&output.stderr);
    assert!(said.contains("tor.txt: 40 days old"), "{said}");
    // The writer's databases are of 2023.
    assert!(
        said.contains("x.mmdb: ") && said.contains("afw geoip update"),
        "{said}"
    );
}

#[test]
fn a_list_of_cloudflare_s_networks_takes_the_place_of_the_built_in_ones() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    let of = |peer: &str| format!("{peer} [21/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 9.9.9.9\n");
    fs::write(&log, [of("45.83.64.7"), of("173.245.48.7")].concat()).unwrap();
    let clients = |list: Option<(&str, &str)>| {
        let mut command = afw(dir.path());
        command.args(["replay", "--print", "events", "--format"]);
        command.arg("nginx:$remote_addr [$time_local] \"$request\" $status $http_cf_connecting_ip");
        if let Some((name, text)) = list {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            command.args(["--list", &format!("{name}={}", path.display())]);
        }
        let events = json_lines(&stdout(command.arg(&log)));
        let ip = |event: &Json| event["source"]["ip"].as_str().unwrap().to_owned();
        events.iter().map(ip).collect::<Vec<_>>()
    };
    let (built_in, own) = (["45.83.64.7", "9.9.9.9"], ["9.9.9.9", "173.245.48.7"]);
    assert_eq!(clients(None), built_in);
    assert_eq!(clients(Some(("cloudflare", "45.83.64.0/24\n"))), own);
    let json =
        r#"{"result":{"ipv4_cidrs":["45.83.64.0/24"],"ipv6_cidrs":["2400:cb00::/32"]},"success":true}"#;
    assert_eq!(clients(Some(("cf.json", json))), own);
    assert_eq!(clients(Some(("tor", "45.83.64.0/24\n"))), built_in);
    // A list that would make proxies of everybody is nobody's list.
    assert_eq!(clients(Some(("cloudflare", "32.0.0.0/4\n"))), built_in);
}
