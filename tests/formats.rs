//! Formats as a user meets them: what `replay` and `explain` make of logs whose lines are no plain lines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{afw, json_lines, stdout};

/// Logpush records, some of them attacks.
fn logpush() -> Vec<String> {
    let record = |n: usize| {
        let target = ["/", "/.env", "/a?b={\\\"x\\\":[1]}", "/..%2f..%2fetc/passwd"][n % 4];
        format!(
            r#"{{"ClientIP":"45.83.64.{n}","ClientRequestHost":"shop.example","ClientRequestMethod":"GET","ClientRequestURI":"{target}","EdgeStartTimestamp":{},"EdgeResponseStatus":404,"RayID":"7d4cab23b{n:07x}","Cookies":{{"a":"}},{{"}}}}"#,
            1_700_000_000_000_000_000u64 + n as u64 * 1_000_000_001
        )
    };
    (0..40).map(record).collect()
}

fn replayed(log: &Path, print: &str, threads: &str) -> String {
    stdout(
        afw(log.parent().unwrap())
            .args(["replay", "--json", "--print", print, "--threads", threads])
            .arg(log),
    )
}

/// What an event or sighting tells, without its place.
fn without_place(values: &[Value]) -> Vec<Value> {
    let mut values = values.to_vec();
    for value in &mut values {
        value["log"] = Value::Null;
        value["event"]["log"] = Value::Null;
        value["event"]["original"] = Value::Null;
    }
    values
}

#[test]
fn several_records_of_one_line_are_events_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let records = logpush();
    let log = |name: &str, text: String| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let plain = log("ndjson.log", records.join("\n") + "\n");
    let halves = records.split_at(25);
    let expected = without_place(&json_lines(&replayed(&plain, "events", "1")));
    for (name, lines, text) in [
        ("array.log", 1, format!("[{}]\n", records.join(","))),
        (
            "events.log",
            1,
            format!("{{\"events\": [{}]}}", records.join(", ")),
        ),
        (
            "arrays.log",
            2,
            format!("[{}]\n[{}]\n", halves.0.join(","), halves.1.join(",")),
        ),
        ("commas.log", 1, records.join(",") + "\n"),
        (
            "concatenated.log",
            2,
            halves.0.concat() + "\n" + &halves.1.concat(),
        ),
    ] {
        let bytes = text.clone().into_bytes();
        let path = log(name, text);
        let events = json_lines(&replayed(&path, "events", "1"));
        assert_eq!(without_place(&events), expected, "{name}");
        let mut last = None;
        for (event, record) in events.iter().zip(&records) {
            let offset = event["log"]["offset"].as_u64().unwrap() as usize;
            assert!(bytes[offset..].starts_with(record.as_bytes()), "{name}: {offset}");
            assert!(last.replace(offset) < Some(offset), "{name}: offsets rise");
        }
        let sightings = replayed(&path, "sightings", "2");
        assert_eq!(sightings, replayed(&path, "sightings", "1"), "{name}");
        assert!(json_lines(&sightings).len() > 20, "{name}: {sightings}");
        let summary: Value = serde_json::from_str(&replayed(&path, "summary", "2")).unwrap();
        let read = &summary["logs"][0];
        assert_eq!(
            (
                read["lines"].as_u64(),
                read["requests"].as_u64(),
                read["rejected"].as_u64()
            ),
            (Some(lines), Some(40), Some(0)),
            "{name}: {read:#}"
        );
        assert_eq!(read["format"], "cloudflare-http", "{name}");
    }
}

#[test]
fn a_broken_record_among_several_is_the_only_one_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let mut records = logpush();
    records[7] = r#"{"no":"request"}"#.to_owned();
    let cut = format!("[{}", records.join(","));
    let path = dir.path().join("cut.log");
    fs::write(&path, &cut[..cut.len() - 9]).unwrap();
    let rejects = dir.path().join("rejects");
    let summary = stdout(
        afw(dir.path())
            .args(["replay", "--json", "--rejects"])
            .args([&rejects, &path]),
    );
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["logs"][0]["lines"], 1);
    assert_eq!(summary["logs"][0]["requests"], 38);
    assert_eq!(summary["logs"][0]["rejected"], 2);
    let rejects = json_lines(&fs::read_to_string(rejects).unwrap());
    assert_eq!(rejects[0]["line"], r#"{"no":"request"}"#);
    assert_eq!(rejects[0]["offset"], cut.find(r#"{"no":"#).unwrap());
    assert_eq!(rejects[1]["reason"], "truncated");
}

#[test]
fn a_client_that_writes_a_whole_record_of_its_own_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("none.log");
    let line = |ua: &str| {
        format!(
            r#"{{"time":"2026-03-29T03:00:00+02:00","remote_addr":"203.0.113.5","request":"GET / HTTP/1.1","status":200,"ua":"{ua}"}}"#
        )
    };
    let own = line("sqlmap/1.5").replace("203.0.113.5", "8.8.4.4");
    let forged = |joint: &str| line(&format!("x\"}}{joint}{}", own.trim_end_matches("\"}")));
    let text = [
        line("curl"),
        forged(","),
        forged(""),
        line(&format!("x\",\"remote_addr\":\"9.9.9.9\"}},{own}")),
    ];
    fs::write(&log, text.join("\n") + "\n").unwrap();
    let own_format = r#"nginx:escape=none {"time":"$time_iso8601","remote_addr":"$remote_addr","request":"$request","status":$status,"ua":"$http_user_agent"}"#;
    for format in ["auto", "nginx-json", own_format] {
        let mut replay = afw(dir.path());
        replay
            .args(["replay", "--json", "--print", "events", "--format", format])
            .arg(&log);
        let clients: Vec<String> = json_lines(&stdout(&mut replay))
            .iter()
            .filter_map(|event| event["source"]["ip"].as_str().map(str::to_owned))
            .collect();
        assert!(
            !clients.is_empty() && clients.iter().all(|client| client == "203.0.113.5"),
            "{format}: {clients:?}"
        );
    }
    let explained = stdout(afw(dir.path()).arg("explain").arg(forged(",")));
    assert!(!explained.contains("peer         8.8.4.4"), "{explained}");
}

#[test]
fn events_name_their_server_and_the_rule_of_the_edge() {
    let dir = tempfile::tempdir().unwrap();
    let record = |more: &str| {
        format!(
            r#"{{"ClientIP":"203.0.113.5","ClientRequestMethod":"GET","ClientRequestURI":"/","EdgeStartTimestamp":1700000000,"EdgeResponseStatus":403,{more}}}"#
        )
    };
    for (more, rule, action) in [
        (
            r#""SecurityAction":"block","SecurityRuleID":"R1","SecurityRuleDescription":"D""#,
            "R1",
            "block",
        ),
        (
            r#""WAFAction":"drop","WAFRuleID":"R2","WAFRuleMessage":"D""#,
            "R2",
            "drop",
        ),
        (
            r#""wafaction":"drop","wafruleid":"R3","wafrulemessage":"D""#,
            "R3",
            "drop",
        ),
    ] {
        let log = dir.path().join(format!("{rule}.log"));
        let line = record(more);
        // Whoever writes names in lower case writes all of them so.
        let line = if rule == "R3" {
            line.replace("EdgeStart", "edgestart").replace("Client", "client")
        } else {
            line
        };
        fs::write(&log, line + "\n").unwrap();
        let events = json_lines(&replayed(&log, "events", "1"));
        assert_eq!(events[0]["rule"]["id"], rule, "{events:?}");
        assert_eq!(events[0]["rule"]["description"], "D");
        assert_eq!(events[0]["event"]["action"], action, "{events:?}");
    }
    let csv = dir.path().join("columns.csv");
    let header = "ClientIP,ClientRequestMethod,ClientRequestURI,EdgeStartTimestamp,EdgeResponseStatus,SecurityAction,SecurityRuleID,ZoneName";
    let row = r#""203.0.113.5","GET","/",1700000000,403,"block","R4","shop.example""#;
    fs::write(&csv, format!("{header}\n{row}\n")).unwrap();
    let events = json_lines(&replayed(&csv, "events", "1"));
    assert_eq!(events[0]["rule"]["id"], "R4", "{events:?}");
    assert_eq!(events[0]["cloudflare"]["ZoneName"], "shop.example", "{events:?}");
    assert_eq!(events[0]["cloudflare"]["EdgeResponseStatus"], 403);
    for (format, dataset) in [
        ("aws-elb", "aws.elb_logs"),
        ("iis", "iis.access"),
        ("iis-event", "iis.access"),
        ("w3c", "iis.access"),
    ] {
        let log = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata/formats")
            .join(format)
            .join("input.log");
        let mut replay = afw(dir.path());
        let events = stdout(replay.args(["replay", "--json", "--print", "events"]).arg(log));
        assert_eq!(json_lines(&events)[0]["event"]["dataset"], dataset, "{format}");
    }
}

#[test]
fn a_list_of_records_is_found_where_it_stands_and_json_over_several_lines_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let records = logpush();
    let log = dir.path().join("answer.json");
    let answer = format!(
        "{{\"success\":true,\"errors\":[],\"result\":[{}],\"next\":null}}\n",
        records.join(",")
    );
    fs::write(&log, answer).unwrap();
    assert_eq!(json_lines(&replayed(&log, "events", "2")).len(), records.len());

    let pretty = records.iter().map(|record| {
        let value: Value = serde_json::from_str(record).unwrap();
        serde_json::to_string_pretty(&value).unwrap() + "\n"
    });
    fs::write(&log, pretty.collect::<String>()).unwrap();
    let output = support::run(afw(dir.path()).arg("replay").arg(&log));
    let said = support::text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("jq -c . FILE"), "{said}");
    let explained = stdout(afw(dir.path()).args(["explain", "  \"ClientIP\": \"203.0.113.5\","]));
    assert!(explained.contains("jq -c . FILE"), "{explained}");
}

#[test]
fn a_format_of_ones_own_is_its_servers() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("own.log");
    let line = r#"198.51.100.7 [21/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 200"#;
    fs::write(&log, format!("{line}\n")).unwrap();
    let nginx = dir.path().join("nginx.conf");
    let format = r#"'$remote_addr [$time_local] "$request" $status'"#;
    let logged = format!("access_log {} mine;", log.display());
    fs::write(
        &nginx,
        format!("http {{ log_format mine {format}; server {{ {logged} }} }}\n"),
    )
    .unwrap();
    let apache = dir.path().join("httpd.conf");
    let format = r#""%h %t \"%r\" %>s""#;
    fs::write(
        &apache,
        format!("LogFormat {format} mine\nCustomLog {} mine\n", log.display()),
    )
    .unwrap();
    let (nginx, apache) = (nginx.to_str().unwrap(), apache.to_str().unwrap());
    for (option, format, server) in [
        (
            "--format",
            r#"nginx:$remote_addr [$time_local] "$request" $status"#,
            "nginx",
        ),
        ("--format", r#"apache:%h %t "%r" %>s"#, "apache"),
        ("--format-from", nginx, "nginx"),
        ("--format-from", apache, "apache"),
    ] {
        let mut replay = afw(dir.path());
        replay.args(["replay", "--json", "--print", "events", option, format]);
        let events = json_lines(&stdout(replay.arg(&log)));
        assert_eq!(events[0]["event"]["module"], server, "{option} {format}");
        assert_eq!(events[0]["event"]["dataset"], format!("{server}.access"));
    }
}

#[test]
fn explain_says_where_a_log_has_no_zone_and_a_format_no_day() {
    let dir = tempfile::tempdir().unwrap();
    let format = r#"apache:%h [%{%F %T}t] "%r" %>s"#;
    let line = r#"198.51.100.7 [2026-11-21 10:00:00] "GET / HTTP/1.1" 200"#;
    let said = stdout(afw(dir.path()).args(["explain", "--format", format, line]));
    assert!(said.contains("no zone in the log: read as UTC"), "{said}");
    let zoned = line.replace("10:00:00", "10:00:00 +0100");
    let said = stdout(afw(dir.path()).args(["explain", "--format", &format.replace("%T", "%T %z"), &zoned]));
    assert!(!said.contains("no zone"), "{said}");

    let output = support::run(afw(dir.path()).args(["explain", "--format", "apache:%h %{%Y %W}t %>s", line]));
    let said = support::text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("names no day of a year at byte 10"), "{said}");
    assert!(said.contains("\n          ^\n"), "{said}");
}

#[test]
fn several_firewall_events_of_one_request_are_one_request_and_events_each() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("firewall.log");
    let event = |ray: &str, index: usize, action: &str| {
        format!(
            "{{\"Action\":\"{action}\",\"ClientIP\":\"45.83.64.7\",\"ClientRequestMethod\":\"GET\",\"ClientRequestPath\":\"/.env\",\"Datetime\":1700000000,\"EdgeResponseStatus\":403,\"RayID\":\"{ray}\",\"MatchIndex\":{index},\"RuleID\":\"R{index}\"}}\n"
        )
    };
    let lines = [
        event("7d01", 1, "log"),
        event("7d01", 0, "block"),
        event("7d02", 0, "block"),
        event("7d02", 2, "log"),
    ];
    fs::write(&log, lines.concat()).unwrap();
    let rules: Vec<Value> = json_lines(&replayed(&log, "events", "1"))
        .iter()
        .map(|event| event["rule"]["id"].clone())
        .collect();
    assert_eq!(rules, ["R1", "R0", "R0", "R2"]);
    let summary: Value = serde_json::from_str(&replayed(&log, "summary", "2")).unwrap();
    assert_eq!((&summary["lines"], &summary["requests"]), (&4.into(), &2.into()));
    assert_eq!(summary["skipped"]["same_request"], 2);
    assert_eq!(summary["sighted"], 2);
}

#[test]
fn a_resumed_replay_takes_each_record_of_an_array_once() {
    let dir = tempfile::tempdir().unwrap();
    let records = logpush();
    let path = dir.path().join("push.log");
    let resume = || {
        let summary = stdout(afw(dir.path()).args(["replay", "--resume", "--json"]).arg(&path));
        let summary: Value = serde_json::from_str(&summary).unwrap();
        summary["logs"][0]["requests"].as_u64().unwrap_or(0)
    };
    fs::write(
        &path,
        format!("[{}]\n[{}", records[..10].join(","), records[10..13].join(",")),
    )
    .unwrap();
    assert_eq!(resume(), 10, "an unfinished line waits");
    fs::write(
        &path,
        format!("[{}]\n[{}]\n", records[..10].join(","), records[10..30].join(",")),
    )
    .unwrap();
    assert_eq!(resume(), 20);
    assert_eq!(resume(), 0);
}

#[test]
fn explain_shows_each_record_of_an_array() {
    let dir = tempfile::tempdir().unwrap();
    let records = logpush();
    let array = format!("[{}]", records[..3].join(","));
    let out = stdout(afw(dir.path()).args(["explain", "--json", &array]));
    let targets: Vec<_> = json_lines(&out)
        .iter()
        .map(|one| one["event"]["url"]["original"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(targets, ["/", "/.env", "/a?b={\"x\":[1]}"]);
    let out = stdout(afw(dir.path()).args(["explain", &array]));
    assert_eq!(out.matches("cloudflare-http 1.00").count(), 3, "{out}");
}

#[test]
fn explain_lists_every_field_that_a_line_has() {
    let dir = tempfile::tempdir().unwrap();
    let line = r#"198.51.100.7:4711 [21/Nov/2026:10:00:00 +0100] "GET /a HTTP/2.0" 200 512 712 0.003 TLSv1.3 id-1 https "de""#;
    let format = r#"nginx:$remote_addr:$remote_port [$time_local] "$request" $status $body_bytes_sent $bytes_sent $request_time $ssl_protocol $request_id $scheme "$http_accept_language""#;
    let said = stdout(afw(dir.path()).args(["explain", "--format", format, line]));
    for (name, value) in [
        ("time", "2026-11-21T09:00:00.000Z"),
        ("peer", "198.51.100.7"),
        ("peer port", "4711"),
        ("duration", "3ms"),
        ("scheme", "https"),
        ("body bytes", "512"),
        ("bytes out", "712"),
        ("tls version", "1.3"),
        ("request id", "id-1"),
        ("accept-language", "de"),
    ] {
        let row = format!("{name:<12} {value}\n");
        assert!(said.contains(&row), "{row}{said}");
    }
}

#[test]
fn explain_reads_standard_input_as_a_log_file() {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    let line = r#"198.51.100.7 - - [21/Nov/2026:10:00:00 +0100] "GET /a HTTP/1.1" 200 612 "-" "curl/8.11.0""#;
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(line.as_bytes()).unwrap();
    for (name, bytes) in [
        ("mark", format!("\u{feff}{line}\r\n").into_bytes()),
        ("utf16", utf16(&format!("{line}\r\n"))),
        ("gzip", packed.finish().unwrap()),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let said = stdout(
            afw(dir.path())
                .args(["explain", "-"])
                .stdin(fs::File::open(path).unwrap()),
        );
        assert!(said.contains("peer         198.51.100.7\n"), "{name}: {said}");
        assert_eq!(said.matches("format     ").count(), 1, "{name}: {said}");
    }
}

#[test]
fn a_configuration_that_breaks_or_declares_nothing_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let line = r#"198.51.100.7 - - [21/Nov/2026:10:00:00 +0100] "GET /a HTTP/1.1" 200 612 "-" "curl/8.11.0""#;
    for (text, code, told) in [
        ("http { log_format x 'abc", 2, "--format-from"),
        (
            "http { server { listen 80; } }\n",
            0,
            "declares no log and no format",
        ),
        ("ServerName shop.example\n", 0, "declares no log and no format"),
    ] {
        let path = dir.path().join("server.conf");
        fs::write(&path, text).unwrap();
        let output = support::run(
            afw(dir.path())
                .args(["explain", "--format-from"])
                .arg(&path)
                .arg(line),
        );
        let said = support::text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{text}: {said}");
        assert!(said.contains(told), "{text}: {said}");
    }
}

/// A folder with a configuration, in which `DIR` is the folder itself, and logs.
fn served(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let text = text.replace("DIR", dir.path().to_str().unwrap());
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// What a replay of all that `server.conf` declares prints: paths of requests in order, and messages.
fn replay_from(dir: &Path, configuration: &str) -> (Option<i32>, Vec<String>, String) {
    let output = support::run(afw(dir).current_dir(dir).args([
        "replay",
        "--no-default-rules",
        "--print",
        "events",
        "--format-from",
        configuration,
    ]));
    let mut paths: Vec<String> = json_lines(&support::text(&output.stdout))
        .iter()
        .filter_map(|event| Some(event["url"]["path"].as_str()?.to_owned()))
        .collect();
    paths.sort();
    (output.status.code(), paths, support::text(&output.stderr))
}

#[test]
fn a_declared_format_that_is_not_understood_is_told_and_the_other_logs_are_read() {
    let combined = "198.51.100.7 - - [21/Nov/2026:10:00:00 +0100] \"GET /a HTTP/1.1\" 200 6 \"-\" \"x\"\n";
    let dir = served(&[
        (
            "server.conf",
            "http {\n include inc.conf;\n server { access_log DIR/b.log bad; }\n server { access_log DIR/a.log; }\n}\n",
        ),
        ("inc.conf", "\n log_format bad '$remote_addr$status';\n"),
        ("a.log", combined),
        ("b.log", &combined.replace("/a", "/b")),
        (
            "only.conf",
            "log_format bad '$remote_addr$status';\naccess_log DIR/a.log bad;\n",
        ),
    ]);
    let (code, paths, said) = replay_from(dir.path(), "server.conf");
    assert_eq!(
        (code, paths),
        (Some(0), vec!["/a".to_owned(), "/b".to_owned()]),
        "{said}"
    );
    assert!(
        said.contains("inc.conf line 2: log_format bad: the format of "),
        "{said}"
    );
    assert!(said.contains("b.log is not understood: "), "{said}");
    let (code, _, said) = replay_from(dir.path(), "only.conf");
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("only.conf line 1: log_format bad: the format of "),
        "{said}"
    );
}

#[test]
fn every_format_that_is_declared_for_a_path_is_tried() {
    let main = "198.51.100.7 [21/Nov/2026:10:00:00 +0100] \"GET /a HTTP/1.1\" 200\n";
    let json =
        "{\"t\":\"2026-11-21T10:00:00+01:00\",\"a\":\"198.51.100.7\",\"r\":\"GET /b HTTP/1.1\",\"s\":200}\n";
    let formats = "log_format main '$remote_addr [$time_local] \"$request\" $status';\n\
                   log_format js escape=json '{\"t\":\"$time_iso8601\",\"a\":\"$remote_addr\",\"r\":\"$request\",\"s\":$status}';\n";
    let dir = served(&[
        (
            "server.conf",
            &format!("{formats} access_log DIR/$host.log main; access_log DIR/api-$host.log js;"),
        ),
        ("www.log", main),
        ("api-www.log", json),
        (
            "shared.conf",
            &format!("{formats} access_log DIR/both main if=$x; access_log DIR/both js if=$y;"),
        ),
        ("both", &format!("{main}{json}{main}")),
    ]);
    let (code, paths, said) = replay_from(dir.path(), "server.conf");
    assert_eq!(
        (code, paths),
        (Some(0), vec!["/a".to_owned(), "/b".to_owned()]),
        "{said}"
    );
    let (code, paths, said) = replay_from(dir.path(), "shared.conf");
    assert_eq!((code, paths.join(" ").as_str()), (Some(0), "/a /a /b"), "{said}");
}

#[test]
fn a_unit_of_durations_holds_for_the_log_that_declares_it() {
    let line = |duration: &str| {
        format!(
            r#"{{"level":"info","ts":1646861401.5,"logger":"http.log.access","msg":"handled request","request":{{"remote_ip":"203.0.113.5","method":"GET","host":"h","uri":"/x"}},"duration":{duration},"size":0,"status":404}}"#
        )
    };
    let dir = served(&[
        (
            "Caddyfile",
            "a.example {\nlog {\noutput file DIR/a.log\nformat json {\nduration_format ms\n}\n}\n}\n\
             b.example {\nlog {\noutput file DIR/b.log\n}\n}\n",
        ),
        ("a.log", &line("5")),
        ("b.log", &line("0.25")),
    ]);
    let output = stdout(afw(dir.path()).current_dir(dir.path()).args([
        "replay",
        "--no-default-rules",
        "--print",
        "events",
        "--format-from",
        "Caddyfile",
    ]));
    let mut durations: Vec<_> = json_lines(&output)
        .iter()
        .map(|event| event["event"]["duration"].as_u64())
        .collect();
    durations.sort_unstable();
    assert_eq!(durations, [Some(5_000_000), Some(250_000_000)], "{output}");
}

#[test]
fn a_declared_log_that_is_not_there_names_who_declares_it() {
    let dir = served(&[
        ("server.conf", "http {\n access_log DIR/gone.log;\n}\n"),
        ("glob.conf", "http {\n access_log DIR/gone-$host.log;\n}\n"),
    ]);
    let (code, _, said) = replay_from(dir.path(), "server.conf");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("gone.log: no such file or directory; "), "{said}");
    assert!(
        said.contains("server.conf line 2 declares it\nhint: nothing was logged to it"),
        "{said}"
    );
    let (code, _, said) = replay_from(dir.path(), "glob.conf");
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("no file matches /") && said.contains("gone-*.log"),
        "{said}"
    );
}

#[test]
fn a_declared_glob_that_matches_nothing_is_told_beside_logs_that_are_there() {
    let line = r#"198.51.100.7 - - [21/Nov/2026:10:00:00 +0100] "GET /a HTTP/1.1" 200 612 "-" "curl/8.11.0""#;
    let dir = served(&[
        (
            "server.conf",
            "http {\n access_log DIR/gone-$host.log;\n access_log DIR/here-$host.log;\n access_log DIR/there.log;\n}\n",
        ),
        ("there.log", &format!("{line}\n")),
        ("here-a.log", &format!("{line}\n")),
    ]);
    let (code, events, said) = replay_from(dir.path(), "server.conf");
    assert_eq!((code, events.len()), (Some(0), 2), "{said}");
    let told: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("no file matches"))
        .collect();
    assert_eq!(told.len(), 1, "{said}");
    assert!(told[0].contains("gone-*.log: no file matches; "), "{said}");
    assert!(told[0].ends_with("server.conf line 2 declares it"), "{said}");
}

#[test]
fn the_rest_of_a_line_that_a_container_cut_is_no_request_after_a_restart_or_a_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let cri = |tag: &str, text: &str| format!("2026-11-21T10:00:00.1Z stdout {tag} {text}\n");
    let line = |client: &str, agent: &str| {
        format!(r#"{client} - - [21/Nov/2026:10:00:00 +0000] "GET /{client} HTTP/1.1" 200 1 "-" "{agent}""#)
    };
    let cut = line("198.51.100.7", &"A".repeat(16_000));
    let first = cri("F", &line("198.51.100.6", "x")) + &cri("P", cut.trim_end_matches('"'));
    let rest = cri("F", &line("203.0.113.99", "forged")) + &cri("F", &line("198.51.100.8", "x"));
    let paths = |out: &str| -> Vec<String> {
        let events = json_lines(out);
        let paths = events
            .iter()
            .map(|event| event["url"]["path"].as_str().unwrap().to_owned());
        paths.collect()
    };
    let replay = |state: &str, more: &[&str]| {
        let mut replay = afw(&dir.path().join(state));
        replay.args(["replay", "--print", "events", "--json", "--no-default-rules"]);
        paths(&stdout(replay.args(more).arg(&logs)))
    };
    fs::write(logs.join("access.log"), &first).unwrap();
    assert_eq!(
        replay("resumed", &["--resume"]),
        ["/198.51.100.6", "/198.51.100.7"]
    );
    fs::write(logs.join("access.log"), format!("{first}{rest}")).unwrap();
    assert_eq!(replay("resumed", &["--resume"]), ["/198.51.100.8"]);

    fs::write(logs.join("access.log.1"), &first).unwrap();
    fs::write(logs.join("access.log"), &rest).unwrap();
    assert_eq!(
        replay("rotated", &[]),
        ["/198.51.100.6", "/198.51.100.7", "/198.51.100.8"]
    );

    // Many blocks, wherever they end.
    fs::remove_file(logs.join("access.log.1")).unwrap();
    fs::write(logs.join("access.log"), format!("{first}{rest}").repeat(400)).unwrap();
    for threads in ["1", "3"] {
        let paths = replay("many", &["--threads", threads]);
        assert_eq!(paths.len(), 3 * 400, "{threads}");
        assert!(!paths.iter().any(|path| path.contains("203")), "{threads}");
    }
}

#[test]
fn a_row_of_csv_may_stand_on_several_lines() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("rows.csv");
    let header = "ClientIP,ClientRequestURI,EdgeStartTimestamp,EdgeResponseStatus,SecurityRuleDescription";
    let row = |client: &str, text: &str| {
        format!(
            "\"{client}\",\"/{client}\",1700000000,403,\"{}\"\n",
            text.replace('"', "\"\"")
        )
    };
    let forged = row("203.0.113.99", "x");
    let lines = [
        row("203.0.113.5", "plain"),
        row("203.0.113.6", &format!("two\n{forged}lines")),
        row("203.0.113.7", "a\n\"b\"\n\nc"),
        "\"203.0.113.8\",\"/cut\n".to_owned(),
        row("203.0.113.9", "plain"),
        row("203.0.113.10", &"x\n".repeat(100)),
        row("203.0.113.11", "plain"),
    ];
    fs::write(&log, format!("{header}\n{}", lines.concat())).unwrap();
    let events = json_lines(&replayed(&log, "events", "1"));
    let clients: Vec<&str> = events
        .iter()
        .map(|event| event["source"]["ip"].as_str().unwrap())
        .collect();
    let whole = [
        "203.0.113.5",
        "203.0.113.6",
        "203.0.113.7",
        "203.0.113.9",
        "203.0.113.11",
    ];
    assert_eq!(clients, whole);
    assert_eq!(events[2]["rule"]["description"], "a\n\"b\"\n\nc");
    let summary: Value = serde_json::from_str(&replayed(&log, "summary", "2")).unwrap();
    let skipped = summary["skipped"].as_object().unwrap().values();
    let skipped: u64 = skipped.filter_map(Value::as_u64).sum();
    let counted = 5 + summary["rejected"].as_u64().unwrap() + skipped;
    assert_eq!(summary["lines"], counted, "{summary}");
    assert_eq!(summary["requests"], 5);
}

#[test]
fn includes_of_a_configuration_with_a_relative_path_are_found() {
    for (main, text, include, included) in [
        (
            "nginx.conf",
            "http { include fmt.conf; server { access_log /srv/x.log odd; } }",
            "fmt.conf",
            "log_format odd '$status|$remote_addr|$request|$time_iso8601';",
        ),
        (
            "httpd.conf",
            "Include more/fmt.conf\nCustomLog /srv/x.log odd\n",
            "more/fmt.conf",
            "LogFormat \"%>s|%h|%r|%{%FT%T+00:00}t\" odd\n",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("conf/more")).unwrap();
        fs::write(dir.path().join("conf").join(main), text).unwrap();
        fs::write(dir.path().join("conf").join(include), included).unwrap();
        let line = "404|45.83.64.7|GET /a HTTP/1.1|2026-11-21T10:00:00+00:00\n";
        fs::write(dir.path().join("x.log"), line.repeat(3)).unwrap();
        for (at, from) in [("", format!("conf/{main}")), ("conf", main.to_owned())] {
            let log = dir.path().join("x.log");
            let mut afw = afw(dir.path());
            afw.current_dir(dir.path().join(at));
            afw.args(["replay", "--print", "events", "--format-from", &from])
                .arg(log);
            let events = json_lines(&stdout(&mut afw));
            assert_eq!(events.len(), 3, "{from}");
            assert_eq!(events[0]["url"]["path"], "/a", "{from}");
        }
    }
}
