//! The report in a real browser: `tests/browser/report.mjs` says what is looked at. Needs Debian's `chromium`, `nodejs` and
//! `npm ci --prefix tests/browser`; where one is absent the test says so and is skipped, unless `AFW_REQUIRE_SERVERS` is set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use support::traffic::Random;
use support::{afw, run, server_program, stdout};

/// Midnight of 2026-01-10.
const START: u64 = 1_768_003_200;
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// Who comes: user agent, JA3, country, network.
const CLIENTS: [(&str, &str, &str, u64); 8] = [
    (FIREFOX, "b32309a26951912be7dba376398abc3b", "de", 3320),
    (FIREFOX, "b32309a26951912be7dba376398abc3b", "us", 7922),
    (GOOGLEBOT, "51a7ad14509fd614c7bb3a50c4982b8c", "us", 15169),
    ("curl/8.11.0", "456523fc94726331a4d5a2e1d40b2cd7", "ru", 49505),
    (
        "sqlmap/1.8#stable",
        "473cd7cb9faa642487833865d516e578",
        "nl",
        202_425,
    ),
    (
        "=cmd|' /C calc'!A0",
        "d6828e30ab66774a91a96ae93be4ae4c",
        "cn",
        45090,
    ),
    (
        "</script><script>window.pwned=1</script>",
        "d6828e30ab66774a91a96ae93be4ae4c",
        "t1",
        0,
    ),
    ("<img src=x onerror=window.pwned=2>", "", "fr", 16276),
];

const HOSTS: [&str; 3] = ["shop.example", "www.example", "api.example"];

const REQUESTS: [(&str, u16, &str); 8] = [
    ("/", 200, ""),
    ("/products", 200, ""),
    ("/missing", 404, ""),
    ("/.env", 200, ""),
    ("/wp-login.php", 403, "block"),
    (
        "/search?q=1%27%20UNION%20SELECT%20password%20FROM%20users--",
        429,
        "",
    ),
    ("/</script><img src=x onerror=window.pwned=3>", 404, ""),
    ("/api", 500, ""),
];

/// Two days behind Cloudflare: visitors, a crawler, scripts, attackers, and texts that try to leave their place.
fn traffic() -> String {
    let mut random = Random(7);
    let mut log = String::new();
    for second in (0..2 * 86_400).step_by(60) {
        let hostile = second / 3600 == 30;
        let (agent, ja3, country, asn) = CLIENTS[(random.next() % if hostile { 8 } else { 4 }) as usize];
        let (target, status, action) = REQUESTS[(random.next() % if hostile { 8 } else { 3 }) as usize];
        let client = format!("{}.{}.7.{}", 80 + asn % 90, asn % 250, random.next() % 20);
        let line = json!({
            "ClientIP": client,
            "ClientCountry": country, "ClientASN": asn,
            "ClientRequestHost": HOSTS[(random.next() % 3) as usize],
            "ClientRequestMethod": if random.next().is_multiple_of(4) { "POST" } else { "GET" },
            "ClientRequestURI": target, "ClientRequestProtocol": "HTTP/2", "ClientRequestUserAgent": agent,
            "EdgeStartTimestamp": (START + second) * 1_000_000_000, "EdgeResponseStatus": status, "EdgeResponseBytes": 512,
            "RayID": format!("{:016x}", random.next()), "JA3Hash": ja3, "SecurityAction": action,
        });
        writeln!(log, "{line}").unwrap();
    }
    log + "{\"ClientIP\":\"192.0.2.1\",\"broken\n"
}

#[test]
fn a_browser_shows_the_report() {
    let (Some(node), Some(chromium)) = (server_program("node"), server_program("chromium")) else {
        return;
    };
    if !Path::new("tests/browser/node_modules/puppeteer-core").exists() {
        assert!(
            std::env::var_os("AFW_REQUIRE_SERVERS").is_none(),
            "npm ci --prefix tests/browser"
        );
        eprintln!("skipped: tests/browser/node_modules is absent; npm ci --prefix tests/browser");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (log, page) = (dir.path().join("cloudflare.log"), dir.path().join("report.html"));
    fs::write(&log, traffic()).unwrap();
    stdout(afw(dir.path()).arg("replay").arg(&log).arg("--report").arg(&page));
    let output = run(Command::new(node)
        .arg("tests/browser/report.mjs")
        .arg(&page)
        .arg(chromium));
    let (said, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    eprintln!("{said}");
    assert!(output.status.success(), "{said}\n{error}");
    assert_eq!(said.matches("ok: ").count(), 15, "{said}");
}
