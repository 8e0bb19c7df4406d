//! The family's lines, by table.

use super::*;
use crate::{Format, Layout, Line, Parser, Reason};

fn read(line: &str) -> Result<Record<'_>, Reject> {
    let mut record = Record::default();
    Parser::new(&Layout::auto())
        .parse(line.as_bytes(), &mut record)
        .map(|line| {
            assert_eq!(line, Line::Record);
            record
        })
}

fn text<'a>(value: &'a Option<Bytes<'_>>) -> Option<&'a str> {
    value.as_deref().map(|v| std::str::from_utf8(v).unwrap())
}

const TIME: &str = "[10/Oct/2000:13:55:36 -0700]";

#[test]
fn an_ordinary_line() {
    let line = format!(r#"192.0.2.7 - - {TIME} "GET /a?b=c HTTP/1.1" 404 162 "http://r/" "curl/8""#);
    let record = read(&line).unwrap();
    assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
    assert_eq!(record.time.unwrap().secs(), 971_211_336);
    assert_eq!(text(&record.method), Some("GET"));
    assert_eq!(text(&record.target), Some("/a?b=c"));
    assert_eq!(record.http_version, Some(&b"1.1"[..]));
    assert_eq!((record.status, record.body_bytes), (Some(404), Some(162)));
    assert_eq!(text(&record.referrer), Some("http://r/"));
    assert_eq!(text(&record.user_agent), Some("curl/8"));
    assert_eq!(record.line, line.as_bytes());
}

#[test]
fn heads() {
    for (head, peer, host, user) in [
        ("192.0.2.7 - -", "192.0.2.7", None, None),
        ("192.0.2.7 - bob", "192.0.2.7", None, Some("bob")),
        (
            "192.0.2.7 - bob the builder",
            "192.0.2.7",
            None,
            Some("bob the builder"),
        ),
        ("192.0.2.7 - - -", "192.0.2.7", None, Some("- -")),
        ("192.0.2.7", "192.0.2.7", None, None),
        ("www.example 192.0.2.7", "192.0.2.7", Some("www.example"), None),
        ("- 192.0.2.7 - -", "192.0.2.7", None, None),
        (
            " www.example 192.0.2.7 - -",
            "192.0.2.7",
            Some("www.example"),
            None,
        ),
        (
            "198.51.100.1, 198.51.100.2, 192.0.2.7 - -",
            "192.0.2.7",
            None,
            None,
        ),
        (
            "198.51.100.1, 198.51.100.2 192.0.2.7 - bob",
            "192.0.2.7",
            None,
            Some("bob"),
        ),
        (
            "\"198.51.100.1, 198.51.100.2\" 192.0.2.7 - -",
            "192.0.2.7",
            None,
            None,
        ),
        ("192.0.2.7 ident bob", "192.0.2.7", None, Some("bob")),
        (
            "192.0.2.7 - 198.51.100.1 - -",
            "192.0.2.7",
            None,
            Some("198.51.100.1 - -"),
        ),
        (
            "192.0.2.7 - [x] [10/Oct/2000:13:55:36 -0700] y",
            "192.0.2.7",
            None,
            Some("[x] [10/Oct/2000:13:55:36 -0700] y"),
        ),
        ("192.0.2.7 - \"\"", "192.0.2.7", None, Some("")),
        ("::ffff:192.0.2.7 - -", "192.0.2.7", None, None),
        (
            "www.example 192.0.2.7 - -",
            "192.0.2.7",
            Some("www.example"),
            None,
        ),
        (
            "www.example:443 192.0.2.7 - bob smith",
            "192.0.2.7",
            Some("www.example"),
            Some("bob smith"),
        ),
        (
            "198.51.100.1 192.0.2.7 - -",
            "192.0.2.7",
            Some("198.51.100.1"),
            None,
        ),
        (
            "[2001:db8::1]:443 2001:db8::2 - -",
            "2001:db8::2",
            Some("[2001:db8::1]"),
            None,
        ),
    ] {
        let line = format!(r#"{head} {TIME} "GET / HTTP/1.1" 200 1 "-" "-""#);
        let record = read(&line).unwrap();
        assert_eq!(record.peer.unwrap().to_string(), peer, "{head}");
        assert_eq!(text(&record.host), host, "{head}");
        assert_eq!(text(&record.user), user, "{head}");
    }
    let line = format!(r#"www.example:80 client.example - - {TIME} "GET / HTTP/1.1" 200 1 "-" "-""#);
    let record = read(&line).unwrap();
    assert_eq!((record.peer, record.peer_text), (None, &b"client.example"[..]));
    assert_eq!(record.more.server_port, Some(80));
}

#[test]
fn a_list_before_the_peer_is_a_forwarding_header() {
    for (head, list) in [
        (
            "198.51.100.1, 198.51.100.2, 192.0.2.7",
            "198.51.100.1, 198.51.100.2",
        ),
        (
            "198.51.100.1, 198.51.100.2 192.0.2.7",
            "198.51.100.1, 198.51.100.2",
        ),
        ("\"198.51.100.1\" 192.0.2.7", "198.51.100.1"),
    ] {
        let line = format!(r#"{head} - - {TIME} "GET / HTTP/1.1" 200 1 "-" "-""#);
        let record = read(&line).unwrap();
        assert_eq!(record.header("x-forwarded-for"), Some(list.as_bytes()), "{head}");
        assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7", "{head}");
    }
}

#[test]
fn a_wrapped_line_is_not_read_past_its_wrapper() {
    for wrapper in [
        "Oct 10 13:55:36 web nginx: ",
        "Oct  1 13:55:36 web nginx[12]: ",
        "<13>Oct 10 13:55:36 web nginx: ",
        "<14>1 2000-10-10T13:55:36Z web nginx - - - ",
        "2000-10-10T13:55:36.5Z stdout F ",
        "2000-10-10T13:55:36+02:00 web nginx: ",
        "web_1  | ",
        "web nginx: ",
        r#"{"log":""#,
    ] {
        let line = format!(r#"{wrapper}192.0.2.7 - - {TIME} "GET / HTTP/1.1" 200 1 "-" "-""#);
        for escape in [Escape::Nginx, Escape::Apache, Escape::None] {
            let mut record = Record::default();
            let read = parse(line.as_bytes(), &mut record, &mut TimeMemo::new(), escape);
            assert!(read.is_err(), "{line}: {record:?}");
        }
    }
}

#[test]
fn a_quote_from_the_client_ends_nothing() {
    let line = format!(r#"192.0.2.7 - - {TIME} "GET /\" 200 9 \"-\" \"x HTTP/1.1" 404 - "\\" "a\"b\\""#);
    let record = read(&line).unwrap();
    assert_eq!(text(&record.target), Some(r#"/" 200 9 "-" "x"#));
    assert_eq!((record.status, record.body_bytes), (Some(404), None));
    assert_eq!(text(&record.referrer), Some("\\"));
    assert_eq!(text(&record.user_agent), Some("a\"b\\"));
}

#[test]
fn a_quote_that_nobody_escaped_hides_no_request() {
    for (values, target, agent) in [
        (r#""GET /a"x HTTP/1.1" 200 5"#, "/a\"x", None),
        (
            r#""GET /a HTTP/1.1" 200 5 "-" "sqlmap"1""#,
            "/a",
            Some("sqlmap\"1"),
        ),
    ] {
        let line = format!("192.0.2.7 - a\"b {TIME} {values}");
        let record = read(&line).unwrap();
        assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
        assert_eq!(text(&record.target), Some(target), "{line}");
        assert_eq!(text(&record.user_agent), agent, "{line}");
    }
    for head in [
        "x\" 192.0.2.7 - -",
        "\"x\" 203.0.113.9 - - x",
        "x, y\" 203.0.113.9 - -",
    ] {
        let line = format!(r#"{head} {TIME} "GET /a"x HTTP/1.1" 200 5"#);
        assert!(read(&line).is_err(), "{line}");
    }
}

#[test]
fn broken_requests_are_records() {
    for (request, status, method, malformed) in [
        ("-", "408", None, None),
        (r"\x16\x03\x01", "400", None, Some("\u{16}\u{3}\u{1}")),
        ("HELP", "400", None, Some("HELP")),
        ("GET /old", "009", Some("GET"), None),
        ("", "000", None, None),
    ] {
        let line = format!(r#"192.0.2.7 - - {TIME} "{request}" {status} 0"#);
        let record = read(&line).unwrap();
        assert_eq!(text(&record.method), method, "{request}");
        assert_eq!(text(&record.malformed_request), malformed, "{request}");
        assert_eq!(record.status, status.parse().ok().filter(|&s| s > 9), "{request}");
    }
}

#[test]
fn presets_take_their_own_shapes() {
    let combined = format!(r#"192.0.2.7 - - {TIME} "GET / HTTP/1.1" 200 1 "-" "-""#);
    for (line, format) in [
        (combined.clone(), Format::NginxCombined),
        (format!("{combined} \"203.0.113.9\""), Format::NginxMain),
        (format!("{combined} 312 4511"), Format::ApacheCombinedio),
        (format!("www.example:80 {combined}"), Format::ApacheVhostCombined),
        (
            combined.trim_end_matches(r#" "-" "-""#).to_owned(),
            Format::ApacheCommon,
        ),
        (
            format!(
                "{combined} 349 0.018 [shop-web-80] [] 10.0.0.4:8080, 10.0.0.5:8080 0, 12 0.001, 0.017 502, 200 4c1a"
            ),
            Format::IngressNginx,
        ),
    ] {
        let won = Layout::recognise(&[line.as_bytes()]);
        assert_eq!(won.candidates[0].format, format, "{line}");
        let mut record = Record::default();
        let read = Parser::new(&Layout::preset(format)).parse(line.as_bytes(), &mut record);
        assert_eq!(read, Ok(Line::Record), "{line}");
    }
}

#[test]
fn what_is_no_access_line_says_where_it_stopped() {
    for (line, reason, at) in [
        ("192.0.2.7 - -".to_owned(), Reason::Time, 10),
        (
            format!(r#"a/b - - {TIME} "GET / HTTP/1.1" 200 1"#),
            Reason::Address,
            0,
        ),
        (
            format!(r#"192.0.2.7 - - {TIME} "GET / HTTP/1.1" 2000 1"#),
            Reason::Status,
            60,
        ),
        (
            format!(r#"192.0.2.7 - - {TIME} "GET / HTTP/1.1""#),
            Reason::Truncated,
            59,
        ),
    ] {
        assert_eq!(read(&line).unwrap_err(), Reject::new(reason, at), "{line}");
    }
}

#[test]
fn one_quoted_value_at_the_end_is_a_forwarding_header_if_it_is_a_list() {
    let combined = format!(r#"192.0.2.7 - - {TIME} "GET / HTTP/1.1" 200 1 "-" "x""#);
    for (value, header) in [
        ("198.51.100.1", Some("198.51.100.1")),
        ("' or 1=1, 198.51.100.1:80", Some("' or 1=1, 198.51.100.1:80")),
        ("unknown", Some("unknown")),
        ("-", None),
        ("gzip", None),
        ("a=1.2.3.4", None),
        ("shop.example", None),
    ] {
        let line = format!(r#"{combined} "{value}""#);
        let record = read(&line).unwrap();
        assert_eq!(
            record.header("x-forwarded-for"),
            header.map(str::as_bytes),
            "{value}"
        );
        let kept =
            header.is_some() || value == "-" || record.more.extra.iter().any(|(name, _)| name == "tail");
        assert!(kept, "{value}");
        // Who says that the log is nginx's main knows what stands there.
        let mut record = Record::default();
        let read = Parser::new(&Layout::preset(Format::NginxMain)).parse(line.as_bytes(), &mut record);
        assert_eq!(read, Ok(Line::Record));
        let said = Some(value.as_bytes()).filter(|value| *value != b"-");
        assert_eq!(record.header("x-forwarded-for"), said, "{value}");
    }
    let cookies = [
        format!(r#"{combined} "a=b""#),
        format!(r#"{combined} "-""#),
        format!(r#"{combined} "c=d""#),
    ];
    let lines: Vec<&[u8]> = cookies.iter().map(|line| line.as_bytes()).collect();
    assert!(Layout::recognise(&lines).layout.is_auto());
}

#[test]
fn two_numbers_at_the_end_are_bytes_if_they_can_be() {
    for (numbers, bytes) in [
        ("349 50312", (Some(349), Some(50_312))),
        ("0 15321", (None, None)),
        ("1 1500000", (None, None)),
        ("349 15321", (None, None)),
    ] {
        let line = format!(r#"192.0.2.7 - - {TIME} "GET / HTTP/1.1" 200 50000 "-" "x" {numbers}"#);
        for layout in [Layout::auto(), Layout::preset(Format::ApacheCombinedio)] {
            let mut record = Record::default();
            let read = Parser::new(&layout).parse(line.as_bytes(), &mut record);
            assert_eq!(read, Ok(Line::Record), "{line}");
            assert_eq!(
                (record.more.request_bytes, record.more.response_bytes),
                bytes,
                "{line}"
            );
        }
    }
}

#[test]
fn older_ingress_nginx() {
    let tail = "100 0.005 [ns-svc-80] 10.0.0.1:80, 10.0.0.2:80 0, 5 0.001, 0.004 502, 200 abcdef0123";
    let line = format!(r#"192.0.2.7 - [198.51.100.4] - bob {TIME} "GET / HTTP/1.1" 200 5 "-" "x" {tail}"#);
    let record = read(&line).unwrap();
    assert_eq!(record.format, Some(Format::IngressNginx));
    assert_eq!(
        (record.peer_text, text(&record.user)),
        (&b"192.0.2.7"[..], Some("bob"))
    );
    assert_eq!(text(&record.more.request_id), Some("abcdef0123"));
    assert_eq!(record.more.duration_ns, Some(5_000_000));
    let upstreams = record
        .more
        .extra
        .iter()
        .find(|(name, _)| name == "upstream_addr")
        .unwrap();
    assert_eq!(*upstreams.1, *b"10.0.0.1:80, 10.0.0.2:80");
    let line =
        format!(r#"192.0.2.7 - - {TIME} "GET / HTTP/1.1" 404 5 "-" "x" 100 0.005 [backend] - - - - abcdef"#);
    assert_eq!(text(&read(&line).unwrap().more.request_id), Some("abcdef"));
    let line = format!(r#"192.0.2.7 - [198.51.100.4] - bob {TIME} "GET / HTTP/1.1" 200 5 "-" "x""#);
    assert_eq!(text(&read(&line).unwrap().user), Some("[198.51.100.4] - bob"));
}

#[test]
fn a_peer_that_is_not_known_is_none() {
    let line = format!(r#"- - - {TIME} "GET / HTTP/1.1" 200 5 "-" "x""#);
    for layout in [Layout::auto(), Layout::preset(Format::NginxCombined)] {
        let mut record = Record::default();
        let read = Parser::new(&layout).parse(line.as_bytes(), &mut record);
        assert_eq!(
            (read, record.peer, text(&record.user)),
            (Ok(Line::Record), None, None)
        );
    }
}

#[test]
fn a_users_name_is_no_peer() {
    let lines = [
        format!(r#"192.0.2.7 - {TIME} "GET / HTTP/1.1" 200 5"#),
        format!(r#"192.0.2.7 bob {TIME} "GET / HTTP/1.1" 200 5"#),
        format!(r#"192.0.2.7 203.0.113.9 - x {TIME} "GET / HTTP/1.1" 200 5"#),
        format!(r#"www.example:80 192.0.2.7 - x {TIME} "GET / HTTP/1.1" 200 5"#),
        format!(r#"198.51.100.1:80 192.0.2.7 - x {TIME} "GET / HTTP/1.1" 200 5"#),
    ];
    let mut parser = Parser::new(&Layout::recognise(&[lines[0].as_bytes(), lines[1].as_bytes()]).layout);
    let mut record = Record::default();
    for (at, line) in lines.iter().enumerate() {
        let read = parser.parse(line.as_bytes(), &mut record);
        // Either address may be a name that somebody chose: nobody is blamed.
        let peer: &[u8] = if at == 2 { b"" } else { b"192.0.2.7" };
        assert_eq!((read, record.peer_text), (Ok(Line::Record), peer), "{line}");
    }
}

#[test]
fn an_absolute_target_names_the_host() {
    for (target, host) in [
        ("http://h.example:8080/p?q=1", Some("h.example")),
        ("HTTPS://u:p@h.example?x", Some("h.example")),
        ("http://[2001:db8::1]:80/", Some("[2001:db8::1]")),
        ("http://${x}/", None),
        ("h.example:443", None),
        ("//h.example/", None),
        ("/http://h.example/", None),
    ] {
        let line = format!(r#"192.0.2.7 - - {TIME} "GET {target} HTTP/1.1" 200 5 "-" "x""#);
        for layout in [Layout::auto(), Layout::preset(Format::NginxCombined)] {
            let mut record = Record::default();
            let read = Parser::new(&layout).parse(line.as_bytes(), &mut record);
            assert_eq!(read, Ok(Line::Record), "{line}");
            assert_eq!(text(&record.host), host, "{line}");
            assert_eq!(text(&record.target), Some(target), "{line}");
        }
    }
}

#[test]
fn commands_of_ftp_are_no_requests() {
    for (request, status, access) in [
        ("RETR /x", 226, false),
        ("USER bob", 331, false),
        ("PASS (hidden)", 230, false),
        ("PASS (hidden)", 530, false),
        ("USER bob", 400, true),
        ("USER bob HTTP/1.1", 200, true),
        ("GET /x", 200, true),
        ("HELP", 400, true),
        ("LIST /a HTTP/1.1 ", 200, true),
        ("SITE /a HTTP/1.10", 500, true),
        ("LIST /a RTSP/1.0", 200, true),
        ("USER /a ICY", 502, true),
    ] {
        let line = format!(r#"192.0.2.7 UNKNOWN bob {TIME} "{request}" {status} 100"#);
        let read = read(&line);
        assert_eq!(read.is_ok(), access, "{line}");
        assert!(access || read.unwrap_err().reason == Reason::NotAccess, "{line}");
    }
}

#[test]
fn a_declared_log_of_requests_holds_no_ftp() {
    let layout = Layout::from_option("apache-common").unwrap();
    let line = format!(r#"192.0.2.7 - - {TIME} "STOR /x.php" 502 100"#);
    let mut record = Record::default();
    let read = Parser::new(&layout).parse(line.as_bytes(), &mut record);
    assert_eq!(read, Ok(Line::Record));
}

#[test]
fn a_number_forwarded_for_is_of_nginx_main() {
    let layout = Layout::from_option("nginx-main").unwrap();
    let line = format!(r#"192.0.2.7 - - {TIME} "GET /b HTTP/1.1" 200 5 "-" "x" "5""#);
    let mut record = Record::default();
    let read = Parser::new(&layout).parse(line.as_bytes(), &mut record);
    assert_eq!(read, Ok(Line::Record));
    assert_eq!(record.header("x-forwarded-for"), Some(&b"5"[..]));
}

#[test]
fn an_address_for_a_virtual_host_hides_no_line() {
    let layout = Layout::first(Format::NginxCombined);
    let line =
        format!(r#"203.0.113.80 192.0.2.9 - - {TIME} "GET /a?x=../../etc/passwd HTTP/1.1" 200 5 "-" "x""#);
    let mut record = Record::default();
    let read = Parser::new(&layout).parse(line.as_bytes(), &mut record);
    assert_eq!(read, Ok(Line::Record));
    assert_eq!(
        (record.peer, record.peer_text, record.status),
        (None, &b""[..], Some(200))
    );
    assert_eq!(record.target.as_deref(), Some(&b"/a?x=../../etc/passwd"[..]));
}

#[test]
fn behind_a_virtual_host_the_peer_may_not_be_known() {
    for (names, host, user) in [
        ("- - -", None, None),
        ("shop.example - - -", Some("shop.example"), None),
        ("shop.example:80 - - bob", Some("shop.example"), Some("bob")),
        ("shop.example:80 - - -", Some("shop.example"), None),
    ] {
        let line = format!(r#"{names} {TIME} "GET /b HTTP/1.1" 200 5 "-" "x""#);
        let mut record = Record::default();
        let read = Parser::new(&Layout::auto()).parse(line.as_bytes(), &mut record);
        assert_eq!(
            (read, record.peer, record.peer_text),
            (Ok(Line::Record), None, &b""[..]),
            "{names}"
        );
        assert_eq!((text(&record.host), text(&record.user)), (host, user), "{names}");
    }
    let line = format!(r#"192.0.2.7 - - - {TIME} "GET /b HTTP/1.1" 200 5 "-" "x""#);
    assert_eq!(read(&line).unwrap().peer_text, b"192.0.2.7");
}

/// What `begin` leaves of a line and a whole line behind it, as a crash or a full disk does.
fn glued(begin: &str, head: &str, tail: &str) -> String {
    format!(
        r#"{begin}{head}198.51.100.7 - - {TIME} "GET /a?x=../../etc/passwd HTTP/1.1" 404 5 "-" "sqlmap"{tail}"#
    )
}

#[test]
fn a_line_that_was_cut_is_not_read_with_the_next() {
    let begins = [
        "\"GET /sho",
        "\"GET /shop HTTP/1.1\" 20",
        "\"GET /shop HTTP/1.1\" 200 5 \"-\" \"Mozi",
        "\"GET /shop HTTP/1.1\" 200 5 \"-\" \"x\" \"198.",
    ];
    for (head, tail) in [
        ("", ""),
        ("shop.example:80 ", ""),
        ("", " \"-\""),
        ("", " 300 500"),
    ] {
        let whole = glued("", head, tail);
        let layout = Layout::recognise(&[whole.as_bytes()]).layout;
        for begin in begins {
            let line = glued(&format!("{head}192.0.2.7 - - {TIME} {begin}"), head, tail);
            for layout in [
                &layout,
                &Layout::recognise(&[whole.as_bytes(), line.as_bytes()]).layout,
            ] {
                let read = Parser::new(layout).parse(line.as_bytes(), &mut Record::default());
                assert!(read.is_err(), "{line} by {}", layout.name());
            }
        }
    }
}

#[test]
fn quotes_that_nobody_escaped_tell_of_caddy() {
    let plain = format!(r#"192.0.2.7 - - {TIME} "GET /a HTTP/1.1" 200 5 "-" "curl""#);
    let quoted = plain.replace("curl", r#"say "hi" there"#);
    let layout = Layout::recognise(&[plain.as_bytes(), quoted.as_bytes()]).layout;
    assert_eq!(layout.name(), "caddy-transform");
    for agent in [r#"say "hi" there"#, r#"x" "198.51.100.1"#, "curl", r#"x" 30 500"#] {
        let line = plain.replace("curl", agent);
        for layout in [&layout, &Layout::preset(Format::CaddyTransform)] {
            let mut record = Record::default();
            let read = Parser::new(layout).parse(line.as_bytes(), &mut record);
            assert_eq!(
                (read, record.header("x-forwarded-for")),
                (Ok(Line::Record), None),
                "{line}"
            );
            assert_eq!(text(&record.user_agent), Some(agent), "{line}");
        }
    }
    assert_eq!(
        Layout::recognise(&[plain.as_bytes()]).layout.name(),
        "nginx-combined"
    );
}

#[test]
fn a_virtual_host_that_ends_in_a_comma_is_no_forwarding_header() {
    let rest = format!(r#"192.0.2.7 - - {TIME} "GET /d HTTP/1.1" 200 5 "-" "x""#);
    let plain = format!("shop.example {rest}");
    let forged = format!("203.0.113.9, {rest}");
    let recognised = Layout::recognise(&[plain.as_bytes(), plain.as_bytes(), forged.as_bytes()]).layout;
    for layout in [recognised, Layout::preset(Format::ApacheVhostCombined)] {
        let mut record = Record::default();
        let read = Parser::new(&layout).parse(forged.as_bytes(), &mut record);
        assert_eq!((read, record.peer_text), (Ok(Line::Record), &b"192.0.2.7"[..]));
        assert_eq!(
            (record.header("x-forwarded-for"), text(&record.host)),
            (None, Some("203.0.113.9,"))
        );
    }
}

#[test]
fn what_may_be_a_forwarding_header_and_is_no_list_names_nobody() {
    let line = format!(r#"192.0.2.7 - - {TIME} "GET / HTTP/1.1" 200 1 "-" "x" "foo""#);
    let layout = Layout::recognise(&[line.as_bytes(), line.as_bytes()]).layout;
    let mut record = Record::default();
    Parser::new(&layout).parse(line.as_bytes(), &mut record).unwrap();
    assert!(record.is_unclear("x-forwarded-for"));
    assert_eq!(record.peer_text, b"192.0.2.7");
}

#[test]
fn a_time_within_a_request_makes_no_second_line() {
    let line = format!(
        r#"192.0.2.7 - - {TIME} "GET /../../etc/passwd?1.2.3.4 - [09/Dec/2021:09:16:06 +0000] " 400 5 "-" "-" 0.003 x=1"#
    );
    let record = read(&line).unwrap();
    assert_eq!((record.peer_text, record.status), (&b"192.0.2.7"[..], Some(400)));
}

#[test]
fn a_quote_that_a_server_escaped_ends_no_header_before_the_peer() {
    let line = format!(r#""x\" 203.0.113.9 - u" 192.0.2.7 - - {TIME} "GET /a HTTP/1.1" 404 5 "-" "x""#);
    let record = read(&line).unwrap();
    assert_eq!(record.peer_text, b"192.0.2.7");
    assert_eq!(
        record.header("x-forwarded-for"),
        Some(&br#"x\" 203.0.113.9 - u"#[..])
    );
}

#[test]
fn a_header_before_the_peer_may_end_in_a_backslash_that_nobody_escaped() {
    let line = format!(r#""x\" 192.0.2.7 - - {TIME} "GET /a HTTP/1.1" 404 5 "-" "x""#);
    let mut record = Record::default();
    Parser::new(&Layout::auto())
        .parse(line.as_bytes(), &mut record)
        .unwrap();
    assert_eq!(record.peer_text, b"192.0.2.7");
}

#[test]
fn a_declared_virtual_host_is_no_header() {
    let line = format!(r#"www.example 192.0.2.7 - x 203.0.113.9 - y {TIME} "GET /a HTTP/1.1" 404 5 "-" "x""#);
    for (layout, peer) in [
        (Layout::preset(Format::ApacheVhostCombined), "192.0.2.7"),
        (Layout::first(Format::ApacheVhostCombined), ""),
    ] {
        let mut record = Record::default();
        Parser::new(&layout).parse(line.as_bytes(), &mut record).unwrap();
        assert_eq!(record.peer_text, peer.as_bytes());
        assert_eq!(record.is_unclear("x-forwarded-for"), peer.is_empty());
        let user = record.user.as_deref();
        assert_eq!(user, Some(&b"x 203.0.113.9 - y"[..]).filter(|_| !peer.is_empty()));
    }
}

#[test]
fn behind_a_header_without_quotes_a_second_head_leaves_nobody() {
    for (begin, peer) in [
        ("203.0.113.8, 203.0.113.9 - 192.0.2.7 - -", ""),
        ("a 203.0.113.9 b 192.0.2.7 - -", ""),
        ("192.0.2.7 203.0.113.9", ""),
        ("a 203.0.113.9 - x 192.0.2.7 - -", ""),
        ("203.0.113.8, 203.0.113.9 192.0.2.7 - -", "192.0.2.7"),
        ("www.example 192.0.2.7 - bob", "192.0.2.7"),
        ("www.example:443 192.0.2.7 - x 203.0.113.9 - -", "192.0.2.7"),
        ("192.0.2.7 - x 203.0.113.9 - -", "192.0.2.7"),
    ] {
        let line = format!(r#"{begin} {TIME} "GET /a HTTP/1.1" 404 5"#);
        let mut record = Record::default();
        Parser::new(&Layout::auto())
            .parse(line.as_bytes(), &mut record)
            .unwrap();
        assert_eq!(record.peer_text, peer.as_bytes(), "{line}");
        assert_eq!(
            (record.status, record.is_unclear("x-forwarded-for")),
            (Some(404), peer.is_empty())
        );
    }
}

#[test]
fn servers_that_were_asked_are_no_forwarding_header() {
    let line = |tail: &str| format!(r#"192.0.2.7 - - {TIME} "GET / HTTP/1.1" 200 1 "-" "x" "{tail}""#);
    let named = |tails: &[&str], of: &str| {
        let lines: Vec<String> = tails.iter().map(|tail| line(tail)).collect();
        let head: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let layout = Layout::recognise(&head).layout;
        let layout = Layout::from_state(&layout.state()).unwrap();
        let (mut record, line) = (Record::default(), line(of));
        Parser::new(&layout).parse(line.as_bytes(), &mut record).unwrap();
        record.header("x-forwarded-for").is_some()
    };
    assert!(!named(&["10.0.0.2:8080", "10.0.0.3:8080", "-"], "10.0.0.2:8080"));
    assert!(!named(&["100.64.1.2:8080", "[fe80::1]:80"], "169.254.1.1:80"));
    assert!(named(&["203.0.113.9", "-", "' or 1=1"], "203.0.113.9"));
    assert!(named(&["203.0.113.9:51234", "x"], "203.0.113.9:51234"));
    // A client chooses its port.
    assert!(named(&["203.0.113.9:8080", "203.0.113.9:443"], "203.0.113.9:80"));
    // One who came without the proxy does not decide for all.
    assert!(named(&["localhost"], "203.0.113.9"));
}

#[test]
fn a_user_in_quotes_is_his_name() {
    let line = format!(r#"192.0.2.7 - "bob" {TIME} "GET / HTTP/1.1" 200 1"#);
    assert_eq!(read(&line).unwrap().user.as_deref(), Some(&b"bob"[..]));
    let line = line.replace("bob", "-");
    assert_eq!(read(&line).unwrap().user, None);
}

#[test]
fn a_cut_line_is_not_read_as_one_that_nobody_escaped() {
    let line = format!(r#""x\" 203.0.113.9 - u" 192.0.2.7 - - {TIME} "GET /a HTTP/1.1" 404 5 "-" "AAAA\""#);
    let mut record = Record::default();
    let read = Parser::new(&Layout::auto()).parse(line.as_bytes(), &mut record);
    assert!(read.is_err(), "{:?}", record.peer);
}
