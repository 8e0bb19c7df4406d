//! `--report`: the page and the document tell the same, what the summary tells, and nothing of a log gets out of its place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::schema::Schema;
use support::{afw, run, stdout};

const SAMPLE: &str = "testdata/sample/access.log";
const CLOUDFLARE: &str = "testdata/formats/cloudflare-http/input.log";

/// A page stays under this.
const MAX_PAGE: usize = 2_000_000;

/// The report of a replay, as written.
fn report(input: &Path, form: &str, more: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(format!("out.{form}"));
    stdout(
        afw(dir.path())
            .arg("replay")
            .arg(input)
            .arg("--report")
            .arg(&file)
            .args(more),
    );
    let left: Vec<PathBuf> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(
        left,
        std::slice::from_ref(&file),
        "only the report is left behind"
    );
    fs::read_to_string(file).unwrap()
}

fn document(input: &Path, more: &[&str]) -> Value {
    serde_json::from_str(&report(input, "json", more)).unwrap()
}

/// The document within a page.
fn held(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"document\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn faults(document: &Value) -> BTreeSet<String> {
    let (report, indicator) = (Schema::read("report"), Schema::read("indicator"));
    let mut faults: BTreeSet<String> = report.faults(document).into_iter().collect();
    for top in document["top"].as_array().unwrap() {
        faults.extend(indicator.faults(top));
    }
    faults
}

/// Sum of the last column of a table's rows that pass.
fn sum(document: &Value, table: &str, pass: impl Fn(&dyn Fn(&str) -> i64) -> bool) -> u64 {
    let table = &document[table];
    let columns: Vec<&str> = table["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column.as_str().unwrap())
        .collect();
    let rows = table["rows"].as_array().unwrap().iter().filter(|row| {
        let value = |name: &str| {
            let at = columns.iter().position(|column| *column == name).unwrap();
            row[at].as_i64().unwrap()
        };
        pass(&value)
    });
    rows.map(|row| row.as_array().unwrap().last().unwrap().as_u64().unwrap())
        .sum()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn reports_are_as_their_schema_says() {
    let mut inputs = vec![PathBuf::from(SAMPLE)];
    for format in fs::read_dir("testdata/formats").unwrap() {
        inputs.push(format.unwrap().path());
    }
    for input in inputs {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("out.json");
        // Some of these files are no access logs by themselves: only the report counts here.
        run(afw(dir.path())
            .arg("replay")
            .arg(&input)
            .arg("--report")
            .arg(&file));
        let document: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let faults = faults(&document);
        assert!(faults.is_empty(), "{}: {faults:#?}", input.display());
    }
}

#[test]
fn the_page_holds_the_document() {
    let page = report(Path::new(SAMPLE), "html", &[]);
    assert!(page.len() < MAX_PAGE);
    assert_eq!(held(&page), document(Path::new(SAMPLE), &[]));
}

#[test]
fn the_report_tells_what_the_summary_tells_and_all_tables_agree() {
    let sample = Path::new(SAMPLE);
    let dir = tempfile::tempdir().unwrap();
    let summary = stdout(afw(dir.path()).args(["replay", SAMPLE, "--json"]));
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let document = document(sample, &[]);
    for same in [
        "lines",
        "requests",
        "rejected",
        "sightings",
        "indicators",
        "first",
        "last",
        "statuses",
        "formats",
    ] {
        assert_eq!(document[same], summary[same], "{same}");
    }
    let requests = count(&summary["requests"]);
    assert!(requests > 100);
    for table in [
        "requests_by_time",
        "requests_by_place",
        "requests_by_path",
        "requests_by_agent",
        "facts",
    ] {
        assert_eq!(sum(&document, table, |_| true), requests, "{table}");
        assert_eq!(document[table]["sampled"], 1);
    }
    assert_eq!(count(&document["totals"]["requests"]), requests);
    let by_class: u64 = summary["sightings"]
        .as_object()
        .unwrap()
        .values()
        .map(count)
        .sum();
    assert_eq!(sum(&document, "sightings_by_time", |_| true), by_class);
    let rules = document["rules"].as_array().unwrap();
    assert_eq!(
        rules.iter().map(|rule| count(&rule["sightings"])).sum::<u64>(),
        by_class
    );
    let statuses = document["vocabulary"]["statuses"].as_array().unwrap();
    let is_4xx = |code: i64| statuses[code as usize].as_str().unwrap().starts_with('4');
    for table in ["requests_by_time", "requests_by_path", "facts"] {
        assert_eq!(
            sum(&document, table, |value| is_4xx(value("status"))),
            count(&summary["statuses"]["4xx"]),
            "{table}"
        );
    }
}

#[test]
fn the_report_does_not_depend_on_threads() {
    let input = Path::new("testdata/formats/nginx-combined");
    let one = document(input, &["--threads", "1"]);
    assert_eq!(one, document(input, &["--threads", "4"]));
}

#[test]
fn fingerprints_and_countries_of_an_edge_are_told() {
    let document = document(Path::new(CLOUDFLARE), &[]);
    let has = |name: &str, member: &str| {
        let list = document[name].as_array().unwrap();
        list.iter().any(|entry| entry.get(member).is_some())
    };
    assert!(has("fingerprints", "fingerprint"), "{}", document["fingerprints"]);
    assert!(has("countries", "country"), "{}", document["countries"]);
    assert!(has("asns", "asn"), "{}", document["asns"]);
    assert!(has("agent_names", "fingerprint"));
}

/// A log of two hosts and two days; one of the hosts is attacked.
fn two_hosts(dir: &Path) -> PathBuf {
    let mut log = String::new();
    for (day, host, path, agent) in [
        (
            10,
            "shop.example",
            "/",
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        ),
        (10, "blog.example", "/.env", "curl/8.5.0"),
        (11, "blog.example", "/../../etc/passwd", "sqlmap/1.8"),
    ] {
        for minute in 10..30 {
            let client = format!("198.51.100.{minute}");
            writeln!(
                log,
                "{host}:443 {client} - - [{day}/Oct/2026:13:{minute}:36 +0000] \"GET {path} HTTP/1.1\" 404 5 \"-\" \"{agent}\""
            )
            .unwrap();
        }
    }
    let file = dir.join("vhosts.log");
    fs::write(&file, log).unwrap();
    file
}

#[test]
fn hosts_classes_and_times_narrow_the_report() {
    let dir = tempfile::tempdir().unwrap();
    let log = two_hosts(dir.path());
    let all = document(&log, &[]);
    let shop = document(&log, &["--host", "SHOP.example"]);
    let blog = document(&log, &["--host", "blog.example"]);
    let late = document(&log, &["--since", "2026-10-11"]);
    let exploits = document(&log, &["--class", "exploit"]);
    let requests = |document: &Value| (count(&document["requests"]), sum(document, "facts", |_| true));
    assert_eq!(requests(&all), (60, 60));
    assert_eq!(requests(&shop), (20, 20));
    assert_eq!(requests(&blog), (40, 40));
    assert_eq!(requests(&late), (20, 20));
    assert_eq!(
        requests(&exploits),
        (60, 60),
        "other requests stay for comparison"
    );
    assert_eq!(
        (count(&shop["other_hosts"]), count(&late["out_of_range"])),
        (40, 40)
    );
    assert_eq!(shop["top"], Value::Array(vec![]));
    assert_eq!(
        shop["sightings"].as_object().map(serde_json::Map::len),
        Some(0),
        "{}",
        shop["sightings"]
    );
    assert_eq!(count(&all["totals"]["hostile"]), 40);
    assert_eq!(
        exploits["sightings"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["exploit"]
    );
    assert_eq!(count(&exploits["totals"]["hostile"]), 20);
    assert_eq!(blog["filter"]["hosts"][0], "blog.example");
    assert!(
        late["filter"]["since"]
            .as_str()
            .unwrap()
            .starts_with("2026-10-11T00:00:00")
    );
}

#[test]
fn nothing_of_a_log_gets_out_of_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hostile.log");
    let mut log = Vec::new();
    let long = "<".repeat(60_000);
    for (at, evil) in [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "<img src=x onerror=alert(1)>",
        "\u{2028}\u{2029}\u{202e}\u{0}\u{7}\u{1b}[31m",
        "=cmd|' /C calc'!A0",
        "@DOCUMENT@ @SCRIPT@ @POLICY@",
        "__proto__",
        "constructor",
        "\\x22},\\x22a\\x22:{\\x22",
        "&lt;b&gt;&quot;",
        &long,
    ]
    .iter()
    .enumerate()
    {
        let words = evil.replace(' ', "%20");
        for host in ["x.example", &words] {
            log.extend_from_slice(
                format!("{host}:80 198.51.100.{at} - {evil} [10/Oct/2026:13:55:36 +0000] \"GET /.env?{words} HTTP/1.1\" 200 5 \"{evil}\" \"{evil}\"\n")
                    .as_bytes(),
            );
            log.extend_from_slice(
                format!("{host}:80 198.51.100.{at} - - [10/Oct/2026:13:55:37 +0000] \"GET /{words} HTTP/1.1\" 404 5 \"-\" \"")
                    .as_bytes(),
            );
            log.extend_from_slice(b"\xff\xfe\xc0\xaf</script>\"\n");
        }
        log.extend_from_slice(format!("rubbish {evil}\n").as_bytes());
    }
    fs::write(&file, log).unwrap();
    let page = report(&file, "html", &["--min-confidence", "0"]);
    assert!(page.len() < MAX_PAGE, "{}", page.len());
    let document = held(&page);
    assert!(count(&document["requests"]) > 30, "{}", document["requests"]);
    let faults = faults(&document);
    assert!(faults.is_empty(), "{faults:#?}");
    // Every `<` is one of the page itself: as many as in a page about nothing.
    fs::write(&file, "").unwrap();
    let empty = report(Path::new(SAMPLE), "html", &["--since", "2099-01-01"]);
    assert_eq!(page.matches('<').count(), empty.matches('<').count());
    let control = |char: char| {
        char.is_control() && char != '\n' || matches!(char, '\u{2028}' | '\u{2029}' | '\u{202e}')
    };
    assert!(!page.contains(control));
}

#[test]
fn a_page_stays_small_whatever_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wide.log");
    let mut log = String::new();
    let mut refused = 0;
    for at in 0..30_000_u32 {
        let wild = at.wrapping_mul(2_654_435_761);
        refused += u64::from((2..5).contains(&(wild % 6)));
        let [a, b, c, _] = wild.to_be_bytes();
        writeln!(
            log,
            "h{}.example:80 {}.{b}.{c}.9 - - [{:02}/Oct/2026:{:02}:{:02}:{:02} +0000] \"GET /{}/{at} HTTP/1.1\" {} 5 \"-\" \"{}{at}\"",
            at % 977,
            1 + a % 200,
            1 + at / 2000,
            at % 24,
            at % 60,
            wild % 60,
            "<&>\\xff".repeat(30),
            [200, 301, 403, 404, 429, 500][(wild % 6) as usize],
            "<<&\\xfe".repeat(50),
        )
        .unwrap();
    }
    fs::write(&file, log).unwrap();
    let page = report(&file, "html", &[]);
    assert!(page.len() < MAX_PAGE, "{}", page.len());
    let document = held(&page);
    assert_eq!(faults(&document), BTreeSet::new());
    assert_eq!(count(&document["requests"]), 30_000);
    let totals = &document["totals"];
    assert_eq!(
        (count(&totals["requests"]), count(&totals["errors_4xx"])),
        (30_000, refused)
    );
    for network in document["networks"].as_array().unwrap() {
        let is_sampled = count(&document["requests_by_place"]["sampled"]) > 1;
        assert_eq!(network["error"].is_u64(), is_sampled, "{network}");
    }
    for table in ["requests_by_time", "requests_by_path", "requests_by_agent"] {
        let sampled = count(&document[table]["sampled"]);
        let error = 2.0 * ((sampled - 1) as f64 * 30_000.0).sqrt();
        let told = sum(&document, table, |_| true) as f64;
        assert!((told - 30_000.0).abs() <= error, "{table}: {told}");
    }
}

#[test]
fn a_report_is_refused_before_any_work() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("own.json");
    fs::copy(SAMPLE, &own).unwrap();
    let before = fs::read(&own).unwrap();
    let nowhere = dir.path().join("no/such/out.html");
    for (input, to) in [
        (SAMPLE, "out.pdf"),
        (SAMPLE, nowhere.to_str().unwrap()),
        (own.to_str().unwrap(), own.to_str().unwrap()),
    ] {
        let output = run(afw(dir.path()).args(["replay", input, "--report", to]));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--report") && said.contains("hint: "), "{said}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(fs::read(&own).unwrap(), before);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn tail_writes_the_report_when_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tail.json");
    let mut tail = afw(dir.path());
    tail.args([
        "tail",
        "-",
        "--dry-run",
        "--no-dns",
        "--print",
        "none",
        "--report",
    ])
    .arg(&file)
    .stdin(fs::File::open(SAMPLE).unwrap());
    stdout(&mut tail);
    let followed: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(faults(&followed), BTreeSet::new());
    let replayed = document(Path::new(SAMPLE), &[]);
    for same in [
        "requests",
        "totals",
        "sightings",
        "indicators",
        "exposures",
        "paths",
        "requests_by_time",
    ] {
        assert_eq!(followed[same], replayed[same], "{same}");
    }
    assert_eq!(followed["logs"][0]["lines"], replayed["logs"][0]["lines"]);
}
