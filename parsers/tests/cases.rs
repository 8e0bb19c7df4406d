//! Scores the parsers against real logs with known results, in the folder that `AFW_CASES` names.
//!
//! The cases are not part of the project (`PROVENANCE.md` beside them says whose they are); without the
//! variable the tests say so and pass. Figures per group go to standard output (`--nocapture`).

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test reads its own files and prints its figures"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use afw_parsers::{Escape, Layout, Line, Parser, Record};
use serde_json::Value;

/// The folder `data` of the cases, or nothing, said aloud.
fn data() -> Option<PathBuf> {
    match std::env::var_os("AFW_CASES") {
        Some(folder) => Some(Path::new(&folder).join("data")),
        None => {
            println!("skipped: AFW_CASES is unset");
            None
        }
    }
}

/// Files of a folder whose names end so, sorted.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split(|&b| b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A parser for a log that begins with these lines.
fn parser(head: &[&[u8]]) -> Parser {
    Parser::new(&Layout::recognise(&head[..head.len().min(64)]).layout)
}

/// How many cases of a group came out right, and which did not.
#[derive(Default)]
struct Score {
    right: usize,
    wrong: Vec<String>,
}

impl Score {
    fn check(&mut self, right: bool, what: impl FnOnce() -> String) {
        if right {
            self.right += 1;
        } else {
            self.wrong.push(what());
        }
    }

    /// Compares a text with what is expected.
    fn same(&mut self, case: &str, field: &str, got: Option<&[u8]>, want: Option<&str>) {
        let got = got.map(|got| String::from_utf8_lossy(got).into_owned());
        self.check(got.as_deref() == want, || {
            format!("{case}: {field}: got {got:?}, want {want:?}")
        });
    }

    fn print(&self, group: &str) {
        println!("{group}: {} right, {} wrong", self.right, self.wrong.len());
        for wrong in &self.wrong {
            println!("    {wrong}");
        }
    }
}

/// What is absent in a log is `-` or nothing.
fn absent_as_none(want: Option<&str>) -> Option<&str> {
    want.filter(|want| !matches!(*want, "" | "-"))
}

fn text<'a>(value: &'a Option<afw_parsers::Bytes<'_>>) -> Option<&'a [u8]> {
    value.as_deref().filter(|value| !value.is_empty())
}

fn unescaped(want: &str) -> String {
    String::from_utf8_lossy(&Escape::Either.undo(want.as_bytes())).into_owned()
}

fn without_query(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

#[test]
fn crowdsec_finds_what_we_find() {
    let Some(data) = data() else { return };
    for group in ["nginx", "apache", "other", "caddy"] {
        let mut score = Score::default();
        for path in files(&data.join(group), ".expected.json")
            .iter()
            .filter(|p| name(p).starts_with("crowdsec__"))
        {
            let log = std::fs::read(path.to_string_lossy().replace(".expected.json", ".log")).unwrap();
            let lines: Vec<&[u8]> = lines(&log).into_iter().filter(|line| !line.is_empty()).collect();
            crowdsec_file(&name(path), &json(path), &lines, &mut score);
        }
        score.print(&format!("crowdsec/{group}"));
        let unexplained: Vec<_> = score.wrong.iter().filter(|wrong| !explained(wrong)).collect();
        assert!(unexplained.is_empty(), "{unexplained:#?}");
    }
}

fn crowdsec_file(file: &str, expected: &Value, lines: &[&[u8]], score: &mut Score) {
    let mut parser = parser(lines);
    for event in expected["events"].as_array().unwrap() {
        let stage = event["stage"].as_str().unwrap_or_default();
        let (parsed, meta) = (&event["parsed"], &event["meta"]);
        let index = event["index"].as_u64().unwrap() as usize;
        if stage != "s01-parse" || event["success"] != true || meta["http_status"].is_null() {
            continue;
        }
        let Some(&line) = lines.get(index) else { continue };
        let case = format!("{file}:{index}");
        let mut record = Record::default();
        let read = parser.parse(line, &mut record);
        score.check(read == Ok(Line::Record), || {
            format!("{case}: {read:?}: {}", String::from_utf8_lossy(line))
        });
        if read != Ok(Line::Record) {
            continue;
        }
        let peer = record.peer.map(|ip| ip.to_string());
        let client = record.more.client.map(|ip| ip.to_string()).or(peer);
        let client = client.as_deref().map(str::as_bytes).unwrap_or(record.peer_text);
        score.same(&case, "source_ip", Some(client), meta["source_ip"].as_str());
        let status = record.status.map(|status| status.to_string());
        score.same(
            &case,
            "status",
            status.as_deref().map(str::as_bytes),
            absent_as_none(meta["http_status"].as_str()),
        );
        let verb = meta["http_verb"].as_str().and_then(|v| absent_as_none(Some(v)));
        if !meta["http_verb"].is_null() {
            score.same(&case, "verb", text(&record.method), verb);
        }
        if let Some(path) = meta["http_path"].as_str() {
            let want = unescaped(path);
            let got = text(&record.target).or(text(&record.malformed_request));
            let got = got
                .map(|got| String::from_utf8_lossy(got).into_owned())
                .unwrap_or_default();
            score.check(
                got == want || without_query(&got) == want || (got.is_empty() && want == "-"),
                || format!("{case}: path: got {got:?}, want {want:?}"),
            );
        }
        let agent = meta["http_user_agent"].as_str().map(unescaped);
        if agent.is_some() {
            score.same(
                &case,
                "agent",
                text(&record.user_agent),
                absent_as_none(agent.as_deref()),
            );
        }
        if let Some(host) = parsed["target_fqdn"].as_str().filter(|host| *host != "_") {
            score.same(&case, "host", record.host.as_deref(), absent_as_none(Some(host)));
        }
    }
}

/// The differences that are meant.
fn explained(wrong: &str) -> bool {
    const REASONS: &[(&str, &str)] = &[
        (
            "10.0.0.2, 10.0.0.1, 127.0.0.1 - -",
            "of a list in the peer's place Elastic takes the left-most public entry, which a client can forge; here \
             the last entry is the peer and the rest is a forwarding header",
        ),
        (
            "[31/Jan/2015:14:29:44 ] fail2ban.org",
            "an invented format: a time without a zone, the host behind it",
        ),
        (
            ": - - - - - - -",
            "no address, time, request or status: nothing to read",
        ),
        (
            ": - - - [-] \"-\" - -",
            "no address, time, request or status: nothing to read",
        ),
        (
            "W3SVC58",
            "IIS without its #Fields header, and cut in the middle: the columns are not known",
        ),
        (
            r#"iis-xml-logs.expected.json:0: agent: got Some("Mozilla/5.0 (X11"#,
            "IIS writes a space as +; CrowdSec leaves it so",
        ),
        (
            r#"status: got None, want Some("0")"#,
            "a status of 0 is none: no handler wrote one",
        ),
        (
            r#"source_ip: got Some("172.71.122.85"), want Some("10.0.0.50")"#,
            "the peer is a proxy and the list a forwarding header, which is resolved where trust is known",
        ),
    ];
    REASONS.iter().any(|(part, _why)| wrong.contains(part))
}

#[test]
fn elastic_finds_what_we_find() {
    let Some(data) = data() else { return };
    for group in ["nginx", "apache"] {
        let mut score = Score::default();
        for path in files(&data.join(group), "-expected.json") {
            if !name(&path).starts_with("elastic__access") {
                continue;
            }
            let log = std::fs::read(path.to_string_lossy().replace("-expected.json", "")).unwrap();
            let lines = lines(&log);
            let mut parser = parser(&lines);
            for event in json(&path)["expected"].as_array().unwrap() {
                elastic_event(&name(&path), event, &lines, &mut parser, &mut score);
            }
        }
        score.print(&format!("elastic/{group}"));
        let unexplained: Vec<_> = score.wrong.iter().filter(|wrong| !explained(wrong)).collect();
        assert!(unexplained.is_empty(), "{unexplained:#?}");
    }
}

fn elastic_event(file: &str, event: &Value, lines: &[&[u8]], parser: &mut Parser, score: &mut Score) {
    let original = event["event"]["original"].as_str().unwrap_or_default();
    let Some(line) = lines.iter().find(|line| **line == original.as_bytes()) else {
        return; // several lines joined by Elastic's harness
    };
    let mut record = Record::default();
    let read = parser.parse(line, &mut record);
    score.check(read == Ok(Line::Record), || {
        format!("{file}: {read:?}: {original}")
    });
    ecs(&format!("{file}: {original}"), &record, event, score);
}

/// Compares a record with an ECS event, where the event has the field.
fn ecs(case: &str, record: &Record<'_>, event: &Value, score: &mut Score) {
    let at = |pointer: &str| event.pointer(pointer);
    let peer = record.peer.map(|ip| ip.to_string());
    let peer = peer.as_deref().map(str::as_bytes).unwrap_or(record.peer_text);
    if let Some(address) = at("/source/address").and_then(Value::as_str) {
        score.same(case, "source.address", Some(peer), Some(address));
    }
    if let Some(time) = at("/@timestamp").and_then(Value::as_str) {
        let got = record
            .time
            .map(|time| time.to_rfc3339_millis().replace(".000Z", "Z"));
        let want = time.replace(".000Z", "Z").replace("000Z", "Z");
        score.same(
            case,
            "@timestamp",
            got.as_deref().map(str::as_bytes),
            Some(want.as_str()),
        );
    }
    if let Some(status) = at("/http/response/status_code").and_then(Value::as_u64) {
        score.check(record.status.map(u64::from) == Some(status), || {
            format!("{case}: status {:?}", record.status)
        });
    }
    let bytes = at("/http/response/body/bytes")
        .or(at("/http/response/bytes"))
        .and_then(Value::as_u64);
    if bytes.is_some() {
        score.check(record.body_bytes == bytes, || {
            format!("{case}: bytes {:?}", record.body_bytes)
        });
    }
    let method = at("/http/request/method")
        .and_then(Value::as_str)
        .map(str::to_uppercase);
    if let Some(method) = method {
        score.same(case, "method", text(&record.method), Some(method.as_str()));
    }
    for (pointer, got) in [
        ("/http/version", record.http_version),
        ("/user_agent/original", text(&record.user_agent)),
        ("/http/request/referrer", text(&record.referrer)),
        ("/url/original", text(&record.target)),
        ("/user/name", text(&record.user)),
        ("/destination/domain", record.host.as_deref()),
    ] {
        if let Some(want) = at(pointer).and_then(Value::as_str) {
            let want = unescaped(want);
            score.same(case, pointer, got, absent_as_none(Some(want.as_str())));
        }
    }
}

#[test]
fn sekoia_finds_what_we_find() {
    let Some(data) = data() else { return };
    for group in ["nginx", "apache"] {
        let mut score = Score::default();
        for path in files(&data.join(group), ".json")
            .iter()
            .filter(|p| name(p).starts_with("sekoia__"))
        {
            let case = json(path);
            let message = case["input"]["message"].as_str().unwrap();
            let mut record = Record::default();
            let read = parser(&[message.as_bytes()]).parse(message.as_bytes(), &mut record);
            let access = message.contains("\" ") && !message.starts_with('[') && !message.contains("[error]");
            let access = access || message.starts_with('{');
            score.check(matches!(read, Ok(Line::Record)) == access, || {
                format!("{}: {read:?}", name(path))
            });
            if access {
                ecs(&name(path), &record, &case["expected"], &mut score);
            }
        }
        score.print(&format!("sekoia/{group}"));
        let unexplained: Vec<_> = score.wrong.iter().filter(|wrong| !explained(wrong)).collect();
        assert!(unexplained.is_empty(), "{unexplained:#?}");
    }
}

fn ndjson(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn vector_ossec_and_the_rest_find_what_we_find() {
    let Some(data) = data() else { return };
    let mut score = Score::default();
    for file in [
        "vrl/parse_apache_log.tests.ndjson",
        "vrl/parse_nginx_log.examples.ndjson",
        "ossec/apache.ndjson",
        "ossec/web_rules.ndjson",
        "logstash/httpd_spec.ndjson",
        "fluentd/parser_apache2.ndjson",
    ] {
        for case in ndjson(&data.join(file)) {
            let line = case["line"].as_str().unwrap();
            let mut record = Record::default();
            let read = parser(&[line.as_bytes()]).parse(line.as_bytes(), &mut record);
            let access =
                case["format"] != "error" && case["decoder"] != "apache-errorlog" && case["parses"] != false;
            score.check(matches!(read, Ok(Line::Record)) == access, || {
                format!("{file}: {read:?}: {line}")
            });
            vector_fields(line, &record, &case["expected"], &mut score);
        }
    }
    score.print("vrl, ossec, logstash, fluentd");
    let unexplained: Vec<_> = score.wrong.iter().filter(|wrong| !explained(wrong)).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

fn vector_fields(line: &str, record: &Record<'_>, expected: &Value, score: &mut Score) {
    if expected["severity"].is_string() || record.time.is_none() {
        return;
    }
    let peer = record.peer.map(|ip| ip.to_string());
    for (field, got) in [
        ("client", peer.as_deref().map(str::as_bytes)),
        ("remote_addr", peer.as_deref().map(str::as_bytes)),
        ("user", text(&record.user)),
        ("remote_user", text(&record.user)),
        ("agent", text(&record.user_agent)),
        ("http_user_agent", text(&record.user_agent)),
        ("referer", text(&record.referrer)),
        ("http_referer", text(&record.referrer)),
        ("http_x_forwarded_for", record.header("x-forwarded-for")),
        ("req_id", text(&record.more.request_id)),
    ] {
        if let Some(want) = expected[field].as_str() {
            score.same(line, field, got, Some(want));
        }
    }
}

#[test]
fn fail2ban_finds_what_we_find() {
    let Some(data) = data() else { return };
    let mut score = Score::default();
    for path in files(&data.join("fail2ban"), ".log") {
        let log = std::fs::read(&path).unwrap();
        let lines = lines(&log);
        let mut parser = parser(&lines);
        let mut said: Option<Value> = None;
        for line in lines {
            let shown = format!("{}: {}", name(&path), String::from_utf8_lossy(line));
            let comment = line.strip_prefix(b"# failJSON:");
            if let Some(comment) = comment {
                said = serde_json::from_slice(comment).ok();
                continue;
            }
            let mut record = Record::default();
            let read = parser.parse(line, &mut record);
            if matches!(read, Ok(Line::Skip(_))) {
                continue;
            }
            let access = line.windows(3).any(|w| w == b"] \"") || line.windows(8).any(|w| w == b"fail2ban");
            score.check((read == Ok(Line::Record)) == access, || {
                format!("{shown}: {read:?}")
            });
            let host = said
                .take()
                .and_then(|said| said["host"].as_str().map(str::to_owned));
            if let (Some(host), Ok(Line::Record)) = (host, read) {
                let peer = record.peer.map(|ip| ip.to_string()).unwrap_or_default();
                score.check(peer == host, || format!("{shown}: peer {peer}"));
            }
        }
    }
    score.print("fail2ban");
    let unexplained: Vec<_> = score.wrong.iter().filter(|wrong| !explained(wrong)).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

#[test]
fn a_log_of_its_own_format_is_read_by_its_directive() {
    let Some(data) = data() else { return };
    let format = concat!(
        "%v,%p,%h,%l,%u,%t,%I,%O,%S,%B,%{ms}T,%D,%^FB,%>s,\\\"%H\\\",\\\"%m\\\",\\\"%U\\\",\\\"%q\\\",",
        "\\\"%{Referer}i\\\",\\\"%{User-Agent}i\\\",\\\"%{session}C\\\",%L"
    );
    let layout = Layout::apache(format).unwrap();
    for path in files(&data.join("other"), ".csv") {
        let log = std::fs::read(&path).unwrap();
        let (mut accepted, mut total) = (0, 0);
        for line in lines(&log).into_iter().filter(|line| !line.is_empty()) {
            let mut record = Record::default();
            match Parser::new(&layout).parse(line, &mut record) {
                Ok(_) => accepted += usize::from(record.peer.is_some() && record.time.is_some()),
                Err(reject) => println!("{reject}: {}", String::from_utf8_lossy(line)),
            }
            total += 1;
        }
        println!("{}: {accepted} of {total} accepted", name(&path));
        assert!(accepted * 1000 >= total * 999);
    }
}

#[test]
fn real_lines_are_accepted_and_other_logs_refused() {
    let Some(data) = data() else { return };
    let mut rejected: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (group, starts, access) in [
        ("nginx", "wtf-", true),
        ("apache", "wtf-", true),
        ("apache", "elastic-examples", true),
        ("apache", "lnav", true),
        ("apache", "matomo", true),
        ("apache", "awstats", true),
        ("honeypot", "", true),
        ("apache-scanner", "", true),
        ("nginx-json", "", true),
        ("apache-error", "", false),
        ("nginx-error", "", false),
        ("negative", "", false),
    ] {
        let (mut accepted, mut total) = (0, 0);
        let found = files(&data.join(group), "");
        for path in found
            .iter()
            .filter(|p| name(p).starts_with(starts) && !name(p).ends_with(".json"))
        {
            let log = std::fs::read(path).unwrap();
            let lines = lines(&log);
            let mut parser = parser(&lines);
            for line in lines {
                let mut record = Record::default();
                match parser.parse(line, &mut record) {
                    Ok(Line::Skip(_)) => continue,
                    Ok(Line::Record) => {
                        accepted += 1;
                        assert!(
                            access,
                            "{}: accepted {}",
                            name(path),
                            String::from_utf8_lossy(line)
                        );
                    }
                    Err(reject) if access => rejected.entry(group).or_default().push(format!(
                        "{}: {reject}: {}",
                        name(path),
                        String::from_utf8_lossy(&line[..line.len().min(300)])
                    )),
                    Err(_) => {}
                }
                total += 1;
            }
        }
        println!("{group}/{starts}*: {accepted} of {total} accepted");
        assert!(
            !access || accepted * 1000 >= total * 999,
            "{group}/{starts}: {rejected:#?}"
        );
    }
    println!("rejected: {rejected:#?}");
}
