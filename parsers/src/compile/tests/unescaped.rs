//! Formats of servers that escape nothing (`escape=none`): a client's quotes end no value, and two lines that became one
//! blame nobody.

use super::*;

const REST: &str = r#"[10/Oct/2000:13:55:36 -0700] "GET /1 HTTP/1.1" 401 5"#;

/// A format of a server that escapes nothing.
fn bare(format: &str) -> Layout {
    Layout::nginx(format, Escape::None).unwrap()
}

#[test]
fn where_nothing_is_escaped_a_client_forges_no_request() {
    let layout = bare(COMBINED);
    let honest = format!(r#"192.0.2.7 - bob {REST} "-" "say "hi" now""#);
    let record = read(&layout, &honest).unwrap();
    assert_eq!((text(&record.target).as_str(), record.status), ("/1", Some(401)));
    assert!(record.malformed_request.is_none() && record.time.is_some());
    let forged = r#"x [10/Oct/2020:13:55:36 +0000] "GET /ok HTTP/1.1" 200 5 "-" "y"#;
    for line in [
        // As his name, in the request, in the referrer.
        format!(r#"192.0.2.7 - {forged} {REST} "-" "y""#),
        format!(r#"192.0.2.7 - - [{TIME}] "GET /a" 200 5 "-" "x HTTP/1.1" 404 162 "-" "y""#),
        format!(r#"192.0.2.7 - - [{TIME}] "GET /a" 200 5 "x" "y" HTTP/1.1" 404 162 "-" "-""#),
    ] {
        let record = read(&layout, &line).unwrap();
        assert_eq!(peer(&record), "192.0.2.7", "{line}");
        assert_eq!((record.status, record.target.is_none()), (None, true), "{line}");
        assert_eq!(text(&record.malformed_request), line);
        assert_eq!(record.time.is_none(), line.contains("2020"), "{line}");
    }
}

#[test]
fn two_lines_that_became_one_blame_nobody() {
    let json =
        r#"{"t":"$time_iso8601","ip":"$remote_addr","r":"$request","s":$status,"ua":"$http_user_agent"}"#;
    let begun = r#"{"t":"2026-11-21T10:00:00+00:00","ip":"192.0.2.7","r":"GET /sho"#;
    let whole = r#"{"t":"2026-11-21T10:00:01+00:00","ip":"203.0.113.9","r":"GET /?x=../../etc/passwd HTTP/1.1","s":404,"ua":"x"}"#;
    let (begun_line, whole_line) = (
        format!(r#"192.0.2.7 - - [{TIME}] "GET /sho"#),
        format!(r#"203.0.113.9 - - {REST} "-" "x""#),
    );
    let last = r#""$request" $status "$http_user_agent" $remote_addr [$time_local]"#;
    let (begun_last, whole_last) = (
        r#""GET /?x=${jndi:x} HTTP/1.1" 404 "sqlm"#,
        format!(r#""GET / HTTP/1.1" 200 "x" 203.0.113.9 [{TIME}]"#),
    );
    let quoted = format!(r#"203.0.113.9 - - {REST} "-" "a "b" c""#);
    let with_host = r#"$remote_addr "$http_host" [$time_local] "$request" $status "$http_user_agent""#;
    let whole_host = format!(r#"203.0.113.9 "b.example" [{TIME}] "GET / HTTP/1.1" 404 "x""#);
    let with_tls = &format!("$ssl_protocol {COMBINED}");
    for (format, begun, whole) in [
        (json, begun, whole),
        (COMBINED, &begun_line, &whole_line),
        (last, begun_last, &whole_last),
        // Cut before the time, so that the first peer would have asked what the second did.
        (COMBINED, "192.0.2.7 - bo", &quoted),
        (COMBINED, "192.0.2.7 - - [", &quoted),
        (with_host, r#"192.0.2.7 "a.exa"#, &whole_host),
        (last, r#""GET /?x=${jndi:x} HT"#, &whole_last),
        (with_tls, "TLSv1.3 192.0.2.7 - - ", &format!(" {quoted}")),
    ] {
        let layout = bare(format);
        let record = read(&layout, whole).unwrap();
        assert_eq!(peer(&record), "203.0.113.9");
        assert!(record.target.is_some() && record.status.is_some());
        let line = format!("{begun}{whole}");
        let record = read(&layout, &line).unwrap();
        assert_eq!(
            (record.peer, record.peer_text, record.status),
            (None, &b""[..], None),
            "{line}"
        );
        assert_eq!(text(&record.malformed_request), line);
    }
}

#[test]
fn a_quote_in_an_honest_line_takes_nothing_from_it() {
    let behind = r#""GET /?q="shoes" HTTP/1.1" 200 98 "-" "Mozilla/5.0""#;
    for (head, begin) in [
        ("$time_local $remote_addr", format!("{TIME} 192.0.2.7")),
        (
            "$http_x_forwarded_for $remote_addr - $remote_user [$time_local]",
            format!("203.0.113.8, 203.0.113.9 192.0.2.7 - - [{TIME}]"),
        ),
        (
            "$upstream_addr $remote_addr [$time_local]",
            format!("10.0.0.2:80, 10.0.0.3:80 192.0.2.7 [{TIME}]"),
        ),
        (
            "$remote_addr:$remote_port [$time_local]",
            format!("192.0.2.7:4711 [{TIME}]"),
        ),
    ] {
        let format =
            format!(r#"{head} "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#);
        let line = format!("{begin} {behind}");
        let record = read(&bare(&format), &line).unwrap();
        assert_eq!(
            (peer(&record).as_str(), record.status),
            ("192.0.2.7", Some(200)),
            "{line}"
        );
        assert_eq!(text(&record.target), r#"/?q="shoes""#, "{line}");
    }
}

#[test]
fn a_header_that_names_nobody_does_not_settle_the_rest() {
    let layout = bare(&format!(r#"{COMBINED} "$http_x_forwarded_for" "$http_host""#));
    let line = format!(
        r#"192.0.2.7 - u [23/Jun/2031:17:53:20 +0100] "GET /ok HTTP/1.1" 200 7 "-" "V" "" "y [{TIME}] "GET /.env HTTP/1.1" 404 9 "-" "sqlmap" "zz" "www.example""#
    );
    let record = read(&layout, &line).unwrap();
    assert_eq!(
        (peer(&record).as_str(), record.status, record.time),
        ("192.0.2.7", None, None)
    );
    assert_eq!(text(&record.malformed_request), line);
}

#[test]
fn an_agent_with_quotes_hides_no_client_of_a_proxy() {
    let layout = bare(&format!(r#"{COMBINED} "$http_x_forwarded_for""#));
    let line = format!(r#"192.0.2.7 - - {REST} "-" "a" "b" "203.0.113.9""#);
    let record = read(&layout, &line).unwrap();
    assert_eq!(record.header("x-forwarded-for"), Some(&b"203.0.113.9"[..]));
}

#[test]
fn a_line_is_no_other_within_itself() {
    for (format, line) in [
        (
            r#"$host "$request" $status "$http_user_agent" $remote_addr [$time_local]"#,
            format!(r#"www.example "GET /1 HTTP/1.1" 404 "a"" 192.0.2.7 [{TIME}]"#),
        ),
        (
            r#"$time_iso8601 "$request" $status "$http_user_agent" $remote_addr"#,
            r#"2026-11-21T10:00:00+00:00 "GET /1 HTTP/1.1" 404 "my "q" agent" 192.0.2.7"#.to_owned(),
        ),
        (
            r#"$status "$request" "$http_user_agent" $remote_addr $msec"#,
            r#"404 "GET /1 HTTP/1.1" "a"b" 192.0.2.7 971211336.123"#.to_owned(),
        ),
        (
            r#"$request_method $host "$request_uri" $status "$http_user_agent" $remote_addr [$time_local]"#,
            format!(r#"GET www.example "/1" 404 "my "q" agent" 192.0.2.7 [{TIME}]"#),
        ),
        (
            r#""$http_x_forwarded_for" $remote_addr - $remote_user [$time_local] "$request" $status "$http_user_agent""#,
            format!(r#""x"y" 192.0.2.7 - - [{TIME}] "GET /1 HTTP/1.1" 404 "a""#),
        ),
        (
            r#"$host $http_x_forwarded_for $remote_addr [$time_local] "$request" $status "$http_user_agent""#,
            format!(
                r#"www.example 203.0.113.8, 203.0.113.9 192.0.2.7 [{TIME}] "GET /1 HTTP/1.1" 404 "my "q" agent""#
            ),
        ),
        (
            "$time_iso8601\t$request\t$status\t$http_user_agent\t$remote_addr",
            "2026-11-21T10:00:00+00:00\tGET /1 HTTP/1.1\t404\ta\tb\t192.0.2.7".to_owned(),
        ),
    ] {
        let record = read(&bare(format), &line).unwrap();
        assert_eq!(
            (
                peer(&record).as_str(),
                record.status,
                text(&record.target).as_str()
            ),
            ("192.0.2.7", Some(404), "/1"),
            "{line}"
        );
    }
}
