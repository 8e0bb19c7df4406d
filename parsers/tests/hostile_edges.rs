//! Lines of edges and other servers that a hostile client shaped; see `hostile.rs` for nginx and Apache.

#![expect(clippy::expect_used, reason = "a test builds its own lines")]

use afw_parsers::{Format, Layout, Line, Parser, Record};
use proptest::prelude::*;

const TRUE_PEER: &str = "192.0.2.7";
const VICTIM: &str = "203.0.113.99";

fn value() -> impl Strategy<Value = String> {
    let pieces = vec![
        "\"",
        "\\",
        " ",
        "\t",
        "\n",
        ",",
        "|",
        "}",
        "{",
        "]",
        "#22",
        "%22",
        "203.0.113.99",
        "203.0.113.99:1",
        "\",\"remote_ip\":\"203.0.113.99",
        "\"},\"ClientIP\":\"203.0.113.99\",\"x\":{\"",
        "\",\"ClientAddr\":\"203.0.113.99:1",
        "\" 200 - 0 0 0 0 \"203.0.113.99\" \"a\" \"b\" \"c\" \"d\"",
        "\n203.0.113.99 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\"",
        "[14/Jan/2015:12:48:57.127] fe app/web1 1/1/1/1/1 200 1 - - ---- 0/0/0/0/0 0/0",
        "{\"log\":\"203.0.113.99 - - [10/Oct/2000:13:55:36 -0700] \\\"GET / HTTP/1.1\\\" 200 5\"}",
        "é\u{0}",
        "x",
        "GET / HTTP/1.1",
        ", ",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..6).prop_map(|pieces| pieces.concat())
}

type Write = fn(&str) -> String;

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a string is JSON");
    quoted[1..quoted.len() - 1].to_owned()
}

fn doubled(text: &str) -> String {
    text.replace('\n', " ").replace('"', "\"\"")
}

/// HAProxy: `#HH` for what is not printable, quotes, braces, bars and `#` itself.
fn hashed(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'"' | b'#' | b'{' | b'}' | b'|' | 0..=31 | 127.. => format!("#{byte:02X}"),
        _ => char::from(byte).to_string(),
    };
    text.bytes().map(one).collect()
}

fn hexed(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'"' | b'\\' | 0..=31 | 127.. => format!("\\x{byte:02x}"),
        _ => char::from(byte).to_string(),
    };
    text.bytes().map(one).collect()
}

/// IIS: `+` for spaces, nothing that is not printable.
fn plus(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .collect::<String>()
        .replace(' ', "+")
}

/// Envoy: nothing at all, but a header holds no line end.
fn raw(text: &str) -> String {
    text.replace(['\n', '\0'], "")
}

fn line(template: &str, target: &str, agent: &str, write: Write) -> String {
    template
        .replace("AGENT", &write(agent))
        .replace("TARGET", &write(target))
}

const CASES: &[(Format, &str, &str, Write)] = &[
    (
        Format::Caddy,
        "",
        r#"{"level":"info","ts":1.5,"logger":"http.log.access","msg":"handled request","request":{"headers":{"User-Agent":["AGENT"],"X-AGENT":["AGENT"]},"uri":"/TARGET","remote_ip":"192.0.2.7"},"user_id":"AGENT","status":200}"#,
        json,
    ),
    (
        Format::CaddyConsole,
        "",
        "1.5\tINFO\thttp.log.access\thandled request\t{\"request\": {\"uri\": \"/TARGET\", \"headers\": {\"User-Agent\": [\"AGENT\"]}, \"remote_ip\": \"192.0.2.7\"}, \"status\": 200}",
        json,
    ),
    (
        Format::CloudflareHttp,
        "",
        r#"{"ClientRequestUserAgent":"AGENT","ClientRequestURI":"/TARGET","RequestHeaders":{"AGENT":"TARGET"},"EdgeStartTimestamp":1,"ClientIP":"192.0.2.7"}"#,
        json,
    ),
    (
        Format::CloudflareFirewall,
        "",
        r#"{"ClientRequestUserAgent":"AGENT","ClientRequestPath":"/TARGET","Datetime":1,"ClientIP":"192.0.2.7"}"#,
        json,
    ),
    (
        Format::CloudflareHttp,
        "ClientRequestUserAgent,ClientRequestURI,EdgeStartTimestamp,ClientIP",
        r#""AGENT","/TARGET",1,"192.0.2.7""#,
        doubled,
    ),
    (
        Format::CloudflareHttp,
        "ClientRequestUserAgent,ClientRequestURI,EdgeStartTimestamp,ClientIP",
        r#""AGENT","/TARGET",1,"192.0.2.7""#,
        json,
    ),
    (
        Format::TraefikJson,
        "",
        r#"{"RequestPath":"/TARGET","request_User-Agent":"AGENT","DownstreamStatus":200,"ClientAddr":"192.0.2.7:5","StartUTC":"2021-12-08T14:02:43Z"}"#,
        json,
    ),
    (
        Format::EnvoyJson,
        "",
        r#"{"start_time":"2021-12-08T14:02:43Z","path":"/TARGET","user-agent":"AGENT","response_code":200,"downstream_remote_address":"192.0.2.7:5"}"#,
        json,
    ),
    (
        Format::Haproxy,
        "",
        r#"192.0.2.7:14853 [14/Jan/2015:12:48:57.127] fe~ app/web1 170/0/0/3/173 200 739 - - --NN 0/0/0/0/0 0/0 {AGENT} "GET /TARGET HTTP/1.1""#,
        hashed,
    ),
    (
        Format::AwsElb,
        "",
        r#"h2 2023-04-26T12:23:00.186641Z app/a/b 192.0.2.7:44740 - 0.086 0.048 0.037 404 404 9 57 "GET https://www.example:443/TARGET HTTP/2.0" "AGENT" ECDHE TLSv1.2"#,
        hexed,
    ),
    (
        Format::Envoy,
        "",
        r#"[2016-04-15T20:17:00.310Z] "GET /TARGET HTTP/2" 204 - 154 0 226 100 "AGENT, 192.0.2.7" "AGENT" "id" "shop.example" "tcp://10.0.2.1:80""#,
        raw,
    ),
    (
        Format::Envoy,
        "",
        r#"[2020-11-25T21:26:18.409Z] "GET /TARGET HTTP/1.1" 418 - via_upstream - "-" 0 135 3 1 "AGENT" "AGENT" "id" "h" "127.0.0.1:80" inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 192.0.2.7:37652 x default"#,
        raw,
    ),
    (
        Format::W3c,
        "#Fields: date time cs-method cs-uri-stem cs(User-Agent) c-ip sc-status",
        "2015-01-13 00:32:17 GET /TARGET xAGENT 192.0.2.7 404",
        plus,
    ),
    (
        Format::CaddyTransform,
        "",
        r#"192.0.2.7 - - [1646861401.524] "GET /TARGET HTTP/2.0" 200 512 "-" "AGENT""#,
        raw,
    ),
    (
        Format::TraefikClf,
        "",
        r#"192.0.2.7 - - [08/Dec/2021:09:16:05 +0000] "GET /TARGET HTTP/1.1" 200 405 "-" "AGENT" 502 "web@docker" "http://172.17.0.3:80" 12ms"#,
        json,
    ),
    (
        Format::TraefikClf,
        "",
        r#"192.0.2.7 - AGENT [08/Dec/2021:09:16:05 +0000] "GET /TARGET HTTP/1.1" 200 405 "AGENT" "AGENT" 502 "web@docker" "http://172.17.0.3:80" 12ms"#,
        raw,
    ),
    (
        Format::Envoy,
        "",
        r#"[2016-04-15T20:17:00.310Z] "GET /TARGET HTTP/2" 204 - 154 0 226 100 "AGENT, 192.0.2.7" "AGENT" "84961386-6d84-929d-98bd-c5aee93b5c88" "shop.example" "tcp://10.0.2.1:80""#,
        raw,
    ),
    (
        Format::Envoy,
        "",
        r#"[2020-11-25T21:26:18.409Z] "GET /TARGET HTTP/1.1" 418 - via_upstream - "-" 0 135 3 1 "AGENT" "AGENT" "84961386-6d84-929d-98bd-c5aee93b5c88" "h" "127.0.0.1:80" inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 192.0.2.7:37652 x default"#,
        raw,
    ),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_else_is_blamed(target in value(), agent in value()) {
        for (format, header, template, write) in CASES {
            let line = line(template, &target, &agent, *write);
            let first = Layout::first(*format);
            for layout in [Layout::auto(), Layout::preset(*format), first, Layout::recognise(&[header.as_bytes(), line.as_bytes()]).layout] {
                let mut parser = Parser::new(&layout);
                let mut record = Record::default();
                let _ = parser.parse(header.as_bytes(), &mut record);
                let read = parser.parse(line.as_bytes(), &mut record);
                if read == Ok(Line::Record) {
                    let blamed = record.peer.map(|peer| peer.to_string()).unwrap_or_default();
                    prop_assert_ne!(&blamed, VICTIM, "{} by {}", line, layout.name());
                    let client = record.more.client.map_or(TRUE_PEER.to_owned(), |client| client.to_string());
                    prop_assert_eq!(client, TRUE_PEER, "{} by {}", line, layout.name());
                }
                // What the server escapes is never lost; Envoy and the transform encoder escape nothing.
                let escapes = !matches!(format, Format::Envoy | Format::CaddyTransform);
                if escapes && layout == Layout::preset(*format) {
                    prop_assert_eq!(read, Ok(Line::Record), "{} by {}", line, layout.name());
                }
            }
        }
    }
}

#[test]
fn marks_of_joined_files_are_no_part_of_a_line() {
    let clf = r#"198.51.100.7 - - [21/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 612 "-" "curl/8.11.0""#;
    let json = r#"{"level":"info","ts":1.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"198.51.100.7","method":"GET","uri":"/"},"status":200}"#;
    for line in [clf, json] {
        for marks in [1, 2, 100_000] {
            let marked = format!("{}{line}", "\u{feff}".repeat(marks));
            let mut record = Record::default();
            for layout in [Layout::auto(), Layout::recognise(&[line.as_bytes()]).layout] {
                let read = Parser::new(&layout).parse(marked.as_bytes(), &mut record);
                assert_eq!(read, Ok(Line::Record), "{line}");
                assert_eq!(record.peer_text, b"198.51.100.7");
            }
        }
    }
    let only = "\u{feff}".repeat(300_000);
    assert!(
        Parser::new(&Layout::auto())
            .parse(only.as_bytes(), &mut Record::default())
            .is_ok_and(|read| read != Line::Record)
    );
}
