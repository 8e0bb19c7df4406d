//! An ordinary line allocates nothing: a scan of twice as many lines makes no more allocations than what its growing
//! tables need.
//!
//! With `AFW_CASES` naming the folder of real cases, both GeoIP databases are looked up too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::path::PathBuf;
use std::sync::Arc;

use afw::analysis::scan::Wants;
use afw::analysis::{Kit, Scan, Scanner};
use afw::client::Trust;
use afw::detect::{Ruleset, builtin};
use afw::enrich::{Databases, Exemptions, Lists};
use afw::source::{Batch, Line};
use afw_parsers::Layout;

/// Lines of a batch; twice as many must not cost more.
const LINES: usize = 400;
/// Allocations that twice as many lines may add: what a flood rule counts is a list, and a list doubles once more.
const MORE: u64 = 4;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn databases() -> Databases {
    let Some(cases) = std::env::var_os("AFW_CASES").map(PathBuf::from) else {
        eprintln!("skipped databases: AFW_CASES is unset");
        return Databases::default();
    };
    let files = ["GeoLite2-Country-Test.mmdb", "GeoLite2-ASN-Test.mmdb"]
        .map(|name| cases.join("data/geo").join(name));
    Databases::open(&files).unwrap()
}

fn kit() -> Arc<Kit> {
    let trust = Trust::new(&["cloudflare".parse().unwrap()]);
    Arc::new(Kit {
        ruleset: Arc::new(Ruleset::load(&builtin()).unwrap()),
        databases: Arc::new(databases()),
        lists: Arc::new(Lists::default()),
        exemptions: Arc::new(Exemptions::new(&trust)),
        published: Arc::default(),
        addresses: 1 << 16,
        dns: false,
        trust,
        sinks: Vec::new(),
        wants: Wants::default(),
        scope: Arc::default(),
    })
}

fn batch(lines: &[String], count: usize) -> Batch {
    let mut batch = Batch {
        file: "access.log".into(),
        ..Batch::default()
    };
    for line in lines.iter().cycle().take(count) {
        let (start, len) = (batch.bytes.len() as u32, line.len() as u32);
        batch.lines.push(Line {
            start,
            len,
            cut: false,
        });
        batch.bytes.extend(line.as_bytes());
        batch.bytes.push(b'\n');
    }
    batch
}

/// Scans and says how many allocations that made.
fn measured(scanner: &mut Scanner, lines: &[String], count: usize) -> (Scan, u64) {
    let (batch, layout) = (batch(lines, count), layout(lines));
    let mut scan = None;
    let info = allocation_counter::measure(|| scan = Some(scanner.scan(batch, &layout)));
    (scan.unwrap(), info.count_total)
}

fn layout(lines: &[String]) -> Layout {
    let head: Vec<&[u8]> = lines.iter().take(64).map(|line| line.as_bytes()).collect();
    Layout::recognise(&head).layout
}

fn assert_free(what: &str, lines: &[String]) {
    let mut scanner = Scanner::new(&kit());
    let (scan, _) = measured(&mut scanner, lines, 2 * LINES);
    assert_eq!(
        scan.statistics.requests as usize,
        2 * LINES,
        "{what}: {:?}",
        scan.statistics
    );
    let fired = scan.said.iter().find(|said| said.finding.is_some());
    assert!(fired.is_none(), "{what}: not ordinary: {fired:?}");
    let (_, once) = measured(&mut scanner, lines, LINES);
    let (_, twice) = measured(&mut scanner, lines, 2 * LINES);
    eprintln!("{what}: {once} allocations for {LINES} lines, {twice} for twice as many");
    assert!(
        twice <= once + MORE,
        "{what}: {once} allocations for {LINES} lines, {twice} for twice as many"
    );
}

/// Times go on by one second a line.
fn clock(at: usize) -> String {
    format!("10/Oct/2026:13:{:02}:{:02} +0000", at / 60 % 60, at % 60)
}

fn combined(targets: &[&str], status: u16) -> Vec<String> {
    let line = |at: usize| {
        let (target, client, size) = (targets[at % targets.len()], 1 + at % 90, 100 + at);
        format!(
            "81.2.69.{client} - - [{}] \"GET {target} HTTP/1.1\" {status} {size} \"https://shop.example/\" \"{FIREFOX}\"",
            clock(at)
        )
    };
    (0..LINES).map(line).collect()
}

#[test]
fn ordinary_combined_lines() {
    let targets = [
        "/",
        "/shop/item?id=7&page=2",
        "/static/app.3f2c.css",
        "/img/a-b_c.webp",
        "/search?q=red+shoes",
    ];
    assert_free("combined", &combined(&targets, 200));
}

#[test]
fn lines_with_escapes_that_are_looked_at_decoded() {
    let targets = [
        "/gr%C3%BCn/caf%C3%A9?q=red%20shoes",
        "/a%2520b//d/e",
        "/search?q=a%2Bb+c&x=%u0041",
        "/%E4%BD%A0",
    ];
    assert_free("encoded", &combined(&targets, 200));
}

#[test]
fn missing_pages_with_their_label() {
    assert_free(
        "404",
        &combined(&["/favicon-32.png", "/Old/Page", "/apple-touch-icon.png"], 404),
    );
}

#[test]
fn lines_of_many_clients() {
    let line = |at: usize| {
        format!(
            "81.{}.{}.9 - - [{}] \"GET / HTTP/2.0\" 304 0 \"-\" \"{FIREFOX}\"",
            2 + at % 50,
            at % 250,
            clock(at)
        )
    };
    assert_free("clients", &(0..LINES).map(line).collect::<Vec<_>>());
}

#[test]
fn lines_of_virtual_hosts() {
    let line = |line: String| format!("shop.example:443 {line}");
    let lines: Vec<String> = combined(&["/", "/a?b=c"], 200).into_iter().map(line).collect();
    assert_free("vhost", &lines);
}

#[test]
fn caddy_lines() {
    let line = |at: usize| {
        format!(
            r#"{{"level":"info","ts":{}.25,"logger":"http.log.access","msg":"handled request","request":{{"remote_ip":"81.2.69.{}","remote_port":"5000","client_ip":"81.2.69.{}","proto":"HTTP/2.0","method":"GET","host":"shop.example","uri":"/shop?id={at}","headers":{{"User-Agent":["{FIREFOX}"],"Accept":["*/*"]}},"tls":{{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"shop.example"}}}},"bytes_read":0,"user_id":"","duration":0.001,"size":5,"status":200,"resp_headers":{{"Server":["Caddy"]}}}}"#,
            1_791_600_000 + at,
            1 + at % 90,
            1 + at % 90,
        )
    };
    assert_free("caddy", &(0..LINES).map(line).collect::<Vec<_>>());
}

#[test]
fn logpush_lines() {
    let line = |at: usize| {
        format!(
            r#"{{"ClientIP":"81.2.69.{}","ClientRequestHost":"shop.example","ClientRequestMethod":"GET","ClientRequestURI":"/shop?id={at}","ClientRequestPath":"/shop","ClientRequestProtocol":"HTTP/2","ClientRequestUserAgent":"{FIREFOX}","ClientRequestReferer":"","EdgeStartTimestamp":"2026-10-10T13:{:02}:{:02}Z","EdgeEndTimestamp":"2026-10-10T13:{:02}:{:02}Z","EdgeResponseBytes":500,"EdgeResponseStatus":200,"ClientCountry":"gb","ClientASN":20712,"RayID":"8c0ffee{at}"}}"#,
            1 + at % 90,
            at / 60 % 60,
            at % 60,
            at / 60 % 60,
            at % 60,
        )
    };
    assert_free("logpush", &(0..LINES).map(line).collect::<Vec<_>>());
}
