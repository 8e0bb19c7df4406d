//! Values with nothing between them, and lists that hold what ends them.

use super::*;

/// Method, target and host.
fn request(layout: &Layout, line: &str) -> (String, String, String) {
    let record = read(layout, line).unwrap();
    (text(&record.method), text(&record.target), text(&record.host))
}

fn three(method: &str, target: &str, host: &str) -> (String, String, String) {
    (method.to_owned(), target.to_owned(), host.to_owned())
}

#[test]
fn a_target_begins_behind_the_host() {
    let target = "/../../etc/passwd?x=1";
    for format in [
        r#"$remote_addr [$time_local] "$request_method $scheme://$host$request_uri $server_protocol" $status"#,
        r#"$remote_addr [$time_local] "$request_method $scheme://$host$uri$is_args$args $server_protocol" $status"#,
    ] {
        let line = format!(r#"192.0.2.7 [{TIME}] "GET https://e.com{target} HTTP/1.1" 200"#);
        assert_eq!(
            request(&nginx(format), &line),
            three("GET", target, "e.com"),
            "{format}"
        );
    }
    let layout = nginx("$remote_addr $request_method $scheme://$host:$server_port$request_uri");
    let line = format!("192.0.2.7 GET http://e.com:8080{target}");
    assert_eq!(request(&layout, &line), three("GET", target, "e.com"));
    assert_eq!(read(&layout, &line).unwrap().more.server_port, Some(8080));
    let layout = nginx("$remote_addr $request_method $host$request_uri");
    for (value, target, host) in [
        ("e.com*", "*", "e.com"),
        ("_-", "", "_"),
        ("e.comhttp://x/y", "http://x/y", "e.com"),
        ("e.comhttps://x/y?z", "https://x/y?z", "e.com"),
        ("e.com//x", "//x", "e.com"),
        ("e.com?x", "?x", "e.com"),
    ] {
        let line = format!("192.0.2.7 OPTIONS {value}");
        assert_eq!(request(&layout, &line), three("OPTIONS", target, host), "{value}");
    }
}

#[test]
fn apache_puts_host_path_and_query_together() {
    for format in [
        r#"%h "%m %V%U%q %H" %>s"#,
        r#"%h "%m http://%{Host}i%U%q %H" %>s"#,
    ] {
        let before = if format.contains("http:") { "http://" } else { "" };
        let line = format!(r#"192.0.2.7 "GET {before}e.com/a b?c=/d HTTP/1.1" 200"#);
        let layout = Layout::apache(format).unwrap();
        assert_eq!(
            request(&layout, &line),
            three("GET", "/a b?c=/d", "e.com"),
            "{format}"
        );
    }
}

#[test]
fn a_path_without_a_host_takes_its_query() {
    for uri in ["$uri$is_args$args", "$document_uri$is_args$query_string"] {
        let layout = nginx(&format!("$remote_addr $request_method {uri} $status"));
        for target in ["/a?b=c", "/a"] {
            let line = format!("192.0.2.7 GET {target} 200");
            assert_eq!(request(&layout, &line), three("GET", target, ""));
        }
    }
    // Beside the whole request it is only kept, with or without a host before it.
    for uri in ["$uri$is_args$args", "$host$uri$is_args$args"] {
        let layout = nginx(&format!(r#"$remote_addr "$request" {uri}"#));
        let host = if uri.starts_with("$host") { "e.com" } else { "" };
        let line = format!(r#"192.0.2.7 "GET /%61?b HTTP/1.1" {host}/a?b"#);
        assert_eq!(request(&layout, &line), three("GET", "/%61?b", host), "{uri}");
    }
}

#[test]
fn whether_it_was_pipelined_stands_behind_the_duration() {
    let layout = nginx("$remote_addr $request_time$pipe $status");
    let line = "192.0.2.7 0.300. 200";
    assert_eq!(read(&layout, line).unwrap().more.duration_ns, Some(300_000_000));
    assert!(read(&layout, "192.0.2.7 x. 200").is_err());
}

#[test]
fn lists_of_upstream_servers_are_whole() {
    let layout =
        nginx("$remote_addr $status $upstream_response_time $request_time $upstream_addr $body_bytes_sent");
    for times in [
        "-",
        "0.100",
        "0.100, 0.200",
        "0.100 : 0.200",
        "- : 0.200",
        "-, 0.2 : 0.3, -",
        "0.100 : ",
    ] {
        let line = format!("192.0.2.7 200 {times} 0.300 10.0.0.1:80, 10.0.0.2:80 : 10.0.0.3:80 77");
        let record = read(&layout, &line).unwrap();
        assert_eq!(record.more.duration_ns, Some(300_000_000), "{times}");
        assert_eq!(record.body_bytes, Some(77), "{times}");
        let addresses = &b"10.0.0.1:80, 10.0.0.2:80 : 10.0.0.3:80"[..];
        assert_eq!(extra(&record, "upstream_addr"), Some(addresses), "{times}");
    }
    let layout = nginx("$remote_addr $status $upstream_status $body_bytes_sent $upstream_addr");
    let line = "192.0.2.7 200 502, 200 1234 10.0.0.1:80, 10.0.0.2:80";
    assert_eq!(read(&layout, line).unwrap().body_bytes, Some(1234));
}

#[test]
fn a_request_without_quotes_ends_as_requests_do() {
    let open = nginx(
        "$remote_addr [$time_local] $request $status $body_bytes_sent $http_referer $http_user_agent $request_time",
    );
    let bars = nginx("$remote_addr|$time_local|$request|$status|$http_user_agent");
    let words = "ab ".repeat(80);
    for (layout, line, target, status) in [
        (
            &open,
            format!("192.0.2.7 [{TIME}] GET /s HTTP/1.1 404 5 r {words}1.5"),
            "/s",
            404,
        ),
        (
            &open,
            format!("192.0.2.7 [{TIME}] GET /r1 200 5 HTTP/1.1 404 5 r a 1.5"),
            "/r1 200 5",
            404,
        ),
        (
            &open,
            format!("192.0.2.7 [{TIME}] GET /s 200 5 r a 1.5"),
            "/s",
            200,
        ),
        (
            &bars,
            format!("192.0.2.7|{TIME}|GET /real?|200|x HTTP/1.1|404|curl"),
            "/real?|200|x",
            404,
        ),
        (&bars, format!("192.0.2.7|{TIME}|GET /s|200|curl"), "/s", 200),
    ] {
        let record = read(layout, &line).unwrap();
        assert_eq!(
            (text(&record.target).as_str(), record.status),
            (target, Some(status)),
            "{line}"
        );
    }
}
