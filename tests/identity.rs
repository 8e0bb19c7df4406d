//! Who sends, beyond the address: fingerprints as a group, hints and TLS that contradict the user agent, through the real
//! binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use support::{afw, json_lines, run, text};

const FORMAT: &str = "nginx:$remote_addr [$time_local] \"$request\" $status \"$http_user_agent\" \"$http_accept_language\" \
                      \"$http_sec_ch_ua_platform\" \"$http_ssl_ja3_hash\"";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn line(host: u8, agent: &str, language: &str, platform: &str, ja3: &str) -> String {
    let platform = platform.replace('"', "\\x22");
    format!(
        "45.9.21.{host} [05/Jan/2026:10:00:{:02} +0000] \"GET /p{host} HTTP/1.1\" 200 \"{agent}\" \"{language}\" \"{platform}\" \"{ja3}\"\n",
        host % 60
    )
}

fn print(what: &str, log: &str, more: &[&str]) -> Vec<serde_json::Value> {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("access.log");
    std::fs::write(&path, log).unwrap();
    let output = run(afw(state.path())
        .args(["replay", "--json", "--print", what, "--format", FORMAT])
        .args(more)
        .arg(&path));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    json_lines(&text(&output.stdout))
}

fn titles(found: &[serde_json::Value]) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    found
        .iter()
        .map(|one| (text(&one["event"]["source"]["ip"]), text(&one["rule"]["title"])))
        .collect()
}

#[test]
fn a_rule_can_count_the_addresses_of_one_fingerprint() {
    let dir = tempfile::tempdir().unwrap();
    let rule = dir.path().join("rule.yml");
    std::fs::write(
        &rule,
        "title: Page\nname: page\nlogsource: {category: webserver}\ndetection: {any: {cs-method: GET}, condition: any}\n---\n\
         title: One program behind many addresses\ncorrelation:\n  type: value_count\n  rules: [page]\n  \
         group-by: [afw.fingerprint]\n  timespan: 1h\n  condition: {field: c-ip, gte: 4}\n",
    )
    .unwrap();
    // Four addresses send one program's requests, six others one each of the same browser in another language.
    let mut log = String::new();
    for host in 1..=4 {
        log += &line(host, CHROME, "xx", "-", "-");
    }
    for host in 5..=10 {
        log += &line(host, CHROME, &format!("l{host}"), "-", "-");
    }
    let rule = rule.to_str().unwrap();
    let found = print("sightings", &log, &["--no-default-rules", "--rules", rule]);
    assert_eq!(
        titles(&found),
        [(
            "45.9.21.4".to_owned(),
            "One program behind many addresses".to_owned()
        )]
    );
    let prints: Vec<String> = print("events", &log, &["--no-default-rules"])
        .iter()
        .map(|event| event["afw"]["fingerprint"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        prints.iter().filter(|one| **one == prints[0]).count(),
        4,
        "{prints:?}"
    );
    assert!(prints.iter().all(|one| one.len() == 16));
}

#[test]
fn hints_and_tls_that_contradict_the_agent_are_sighted() {
    let ja3 = "e7d705a3286e19ea42f587b344ee6865";
    let log = [
        line(1, CHROME, "de", "\"Windows\"", "-"),
        line(2, CHROME, "de", "\"Linux\"", "-"),
        line(3, FIREFOX, "de", "-", "-"),
        line(4, FIREFOX, "de", "\"Windows\"", "-"),
        // One TLS stack under two engines; the same under one; two addresses with one name each.
        line(5, CHROME, "de", "-", ja3),
        line(5, FIREFOX, "de", "-", ja3),
        line(6, CHROME, "de", "-", ja3),
        line(6, CHROME, "fr", "-", ja3),
        line(7, FIREFOX, "de", "-", ja3),
    ]
    .concat();
    let hints = "Client hints contradict the user agent";
    let tls = "One TLS fingerprint under several browser engines";
    let mut found = titles(&print("sightings", &log, &[]));
    found.retain(|(_, title)| title == hints || title == tls);
    let expected = [("45.9.21.2", hints), ("45.9.21.4", hints), ("45.9.21.5", tls)];
    assert_eq!(
        found,
        expected.map(|(ip, title)| (ip.to_owned(), title.to_owned()))
    );
    let events = print("events", &log, &[]);
    let said: Vec<&str> = events
        .iter()
        .filter_map(|event| event["afw"]["agent"]["contradiction"].as_str())
        .collect();
    assert_eq!(said, ["platform", "engine"]);
}

#[test]
fn only_a_log_with_a_place_for_the_agent_tells_that_none_was_sent() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("access.log");
    // The same requests in the common and the combined format, turn about: what is remembered of one is not the other's.
    let log: String = (0..40)
        .map(|n| {
            let headers = if n % 2 == 0 { "" } else { " \"-\" \"-\"" };
            let client = 1 + n % 2;
            format!(
                "45.9.21.{client} - - [05/Jan/2026:10:00:{n:02} +0000] \"GET /page HTTP/1.1\" 200 512{headers}\n"
            )
        })
        .collect();
    std::fs::write(&path, log).unwrap();
    let output = run(afw(state.path())
        .args(["replay", "--json", "--print", "sightings"])
        .arg(&path));
    let found = titles(&json_lines(&text(&output.stdout)));
    let expected = ("45.9.21.2".to_owned(), "No user agent".to_owned());
    assert_eq!(found, vec![expected; 20]);
}
