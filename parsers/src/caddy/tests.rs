//! Caddy's lines, of today and of older versions, against what they say; other loggers are skipped.

use super::*;
use crate::time::Time;

fn read(line: &str) -> Result<Record<'_>, Result<Skip, Reject>> {
    let mut record = Record::default();
    let read = if line.starts_with('{') {
        parse(line.as_bytes(), &mut record, &mut TimeMemo::new())
    } else {
        parse_console(line.as_bytes(), &mut record, &mut TimeMemo::new())
    };
    match read {
        Ok(Line::Record) => Ok(record),
        Ok(Line::Skip(skip)) => Err(Ok(skip)),
        Err(reject) => Err(Err(reject)),
    }
}

fn text<'r>(value: &'r Option<Bytes<'_>>) -> &'r str {
    value
        .as_deref()
        .map_or("", |value| std::str::from_utf8(value).unwrap())
}

const TODAY: &str = r#"{"level":"info","ts":1646861401.5241024,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"192.0.2.7","remote_port":"41342","client_ip":"203.0.113.4","proto":"HTTP/3.0","method":"GET","host":"shop.example:8443","uri":"/a?b=c","headers":{"User-Agent":["curl/8"],"Referer":["https://r.example/"],"Accept":["*/*"],"X-Forwarded-For":["203.0.113.4","10.0.0.1"],"Cookie":["REDACTED"],"X-Odd-Name":["1"]},"tls":{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h3","server_name":"shop.example","ech":false}},"bytes_read":12,"user_id":"bob","duration":0.000929675,"size":10900,"status":404,"resp_headers":{"Server":["Caddy"],"Etag":["\"x\""]}}"#;

#[test]
fn a_line_of_today() {
    let record = read(TODAY).unwrap();
    assert_eq!(record.time.unwrap().nanos(), 1_646_861_401_524_102_400);
    assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
    assert_eq!(record.more.client.unwrap().to_string(), "203.0.113.4");
    assert_eq!(record.more.peer_port, Some(41342));
    assert_eq!(record.http_version, Some(&b"3.0"[..]));
    assert_eq!((text(&record.method), text(&record.target)), ("GET", "/a?b=c"));
    assert_eq!(
        (text(&record.host), record.more.server_port),
        ("shop.example", Some(8443))
    );
    assert_eq!(
        (
            text(&record.user_agent),
            text(&record.referrer),
            text(&record.user)
        ),
        ("curl/8", "https://r.example/", "bob")
    );
    assert_eq!((record.status, record.body_bytes), (Some(404), Some(10900)));
    assert_eq!(record.more.duration_ns, Some(929_675));
    assert_eq!(text(&record.more.scheme), "https");
    assert_eq!(
        (text(&record.more.tls_version), text(&record.more.tls_cipher)),
        ("1.3", "TLS_AES_128_GCM_SHA256")
    );
    assert_eq!(text(&record.more.tls_server_name), "shop.example");
    assert_eq!(
        record.header("x-forwarded-for"),
        Some(&b"203.0.113.4, 10.0.0.1"[..])
    );
    assert_eq!(record.header("x-odd-name"), Some(&b"1"[..]));
    assert_eq!(record.header("cookie"), None);
}

#[test]
fn older_versions() {
    let before_2_5 = r#"{"level":"error","ts":1617844528.7544096,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_addr":"[2001:db8::1]:63555","proto":"HTTP/2.0","method":"GET","host":"e.example","uri":"/f","headers":{"Authorization":["Basic eA=="],"User-Agent":["a"]},"tls":{"resumed":false,"version":771,"cipher_suite":49195,"proto":"h2","proto_mutual":true,"server_name":"e.example"}},"common_log":"2001:db8::1 - - [08/Apr/2021:01:15:28 +0000] \"GET /f HTTP/2.0\" 500 0","duration":0.1,"size":0,"status":500,"resp_headers":{}}"#;
    let record = read(before_2_5).unwrap();
    assert_eq!(record.peer.unwrap().to_string(), "2001:db8::1");
    assert_eq!((record.more.peer_port, record.more.client), (Some(63555), None));
    assert_eq!(record.header("authorization"), Some(&b"Basic eA=="[..]));
    assert_eq!(
        text(&record.more.tls_cipher),
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    );

    let of_2_5 = r#"{"level":"info","ts":1.5,"logger":"http.log.access","msg":"NOP","request":{"remote_ip":"192.0.2.7","remote_port":"1","proto":"HTTP/1.1","method":"GET","host":"e.example","uri":"/","headers":{"Authorization":[],"Cookie":[]}},"user_id":"","duration":0,"size":0,"status":0,"resp_headers":{}}"#;
    let record = read(of_2_5).unwrap();
    assert_eq!((record.status, record.user.as_deref()), (None, None));
    assert!(record.more.headers.is_empty());
    assert_eq!(record.more.duration_ns, Some(0));
}

#[test]
fn what_a_filter_left_over() {
    for line in [
        r#"{"level":"info","ts":1.5,"logger":"http.log.access.x","msg":"handled request","status":200}"#,
        r#"{"severity":"INFO","time":"2022-03-09T21:30:01Z","message":"handled request","request":{"remote_ip":"192.0.0.0","uri":"/"},"status":200}"#,
        r#"{"lvl":"info","timestamp":"09/Mar/2022:21:30:01 +0000","name":"http.log.access","msg":"handled request","request":{"method":"GET","headers":{"User-Agent":"a1b2c3d4"}},"size":1}"#,
        r#"{"level":"info","ts":"2022/03/09 21:30:01.5","logger":"http.log.access","msg":"handled request","request":{"remote_ip":"a1b2c3d4"},"duration":"812.5µs","status":200,"app":{"x":[1]},"request_id":"7"}"#,
    ] {
        let record = read(line).unwrap_or_else(|why| panic!("{why:?}: {line}"));
        assert!(record.time.is_some(), "{line}");
    }
}

#[test]
fn other_loggers_are_skipped() {
    for line in [
        r#"{"level":"debug","ts":1742400753.0547564,"logger":"http.handlers.reverse_proxy","msg":"selected upstream","dial":"app:2283","total_upstreams":1}"#,
        r#"{"level":"debug","ts":1.5,"logger":"http.handlers.reverse_proxy","msg":"upstream roundtrip","upstream":"app:80","duration":0.1,"request":{"remote_ip":"192.0.2.7","method":"GET","uri":"/","headers":{}},"headers":{},"status":200}"#,
        r#"{"level":"error","ts":1.5,"logger":"http.log.error.log0","msg":"dial tcp: refused","request":{"remote_ip":"192.0.2.7","method":"GET","uri":"/"},"duration":0.1,"status":502,"err_id":"x","err_trace":"y"}"#,
        r#"{"level":"error","ts":1.5,"msg":"dial tcp: refused","request":{"remote_ip":"192.0.2.7","method":"GET","uri":"/"},"duration":0.1,"status":502,"err_id":"x"}"#,
        r#"{"level":"info","ts":1.5,"msg":"using provided configuration","config_file":"/etc/caddy/Caddyfile"}"#,
        r#"{"level":"info","ts":"2022-03-09T21:30:01Z","logger":"http.log.accessible","msg":"x"}"#,
        "2022/03/09 21:30:01.524\tINFO\ttls.cache.maintenance\tstarted background certificate maintenance\t{\"cache\": \"0xc0\"}",
        "2022/03/09 21:30:01.524\tINFO\tusing provided configuration",
    ] {
        assert_eq!(read(line), Err(Ok(Skip::OtherStream)), "{line}");
    }
}

#[test]
fn other_json_is_refused() {
    for (line, reason) in [
        (r#"{"status":200,"request":{"method":"GET"}}"#, Reason::Time),
        (r#"{"level":"info","msg":"x"}"#, Reason::JsonShape),
        (r#"{"ts":1.5,"status":200}"#, Reason::JsonShape),
        (
            r#"{"level":"info","ts":"soon","logger":"http.log.access","msg":"x","status":200}"#,
            Reason::Time,
        ),
        (
            r#"{"level":"info","ts":1.5,"logger":"http.log.access","msg":"x","status":2000}"#,
            Reason::Status,
        ),
        (
            r#"{"level":"info","ts":1.5,"logger":"http.log.access","#,
            Reason::Truncated,
        ),
        ("plain\ttext\tx\ty\t{}", Reason::UnknownFormat),
        ("soon\tINFO\thttp.log.access\thandled request\t{}", Reason::Time),
    ] {
        assert_eq!(read(line).unwrap_err().unwrap_err().reason, reason, "{line}");
    }
}

#[test]
fn console_lines() {
    for level in ["INFO", "\x1b[34mINFO\x1b[0m", "info"] {
        let object = r#"{"request": {"remote_ip": "192.0.2.7", "method": "GET", "host": "e.example", "uri": "/a\tb", "headers": {"User-Agent": ["x"]}}, "duration": 0.25, "size": 3, "status": 200}"#;
        for time in [
            "2022/03/09 21:30:01.524",
            "1646861401.524",
            "2022-03-09T21:30:01.524Z",
        ] {
            let line = format!("{time}\t{level}\thttp.log.access.log0\thandled request\t{object}");
            let record = read(&line).unwrap();
            assert_eq!(record.time, Some(Time::from_nanos(1_646_861_401_524_000_000)));
            assert_eq!(text(&record.target), "/a\tb");
            assert_eq!(record.more.duration_ns, Some(250_000_000));
        }
    }
}

#[test]
fn times_in_layouts_of_their_own() {
    for (time, read_as) in [
        ("Wed Mar  9 10:30:01 PM CET 2022", Ok(1_646_861_401)),
        ("Wed Mar 09 22:30:01 +0100 2022", Ok(1_646_861_401)),
        ("20220309T213001Z", Ok(1_646_861_401)),
        ("09.03.2022 21:30:01", Ok(1_646_861_401)),
        ("Wed, 09 Mar 2022 21:30:01 CST", Err(Reason::Zone)),
        ("03/09/2022 21:30:01", Err(Reason::Time)),
    ] {
        let json = format!(
            r#"{{"level":"info","ts":"{time}","logger":"http.log.access","msg":"handled request","request":{{"remote_ip":"192.0.2.7","method":"GET","uri":"/"}},"status":200}}"#
        );
        let console = format!("{time}\tINFO\thttp.log.access\thandled request\t{{\"status\":200}}");
        for line in [json, console] {
            let got = read(&line).map(|record| record.time.unwrap().secs());
            assert_eq!(got.map_err(|why| why.unwrap_err().reason), read_as, "{line}");
        }
    }
}

#[test]
fn a_wall_clock_says_that_it_has_no_zone() {
    for (time, zoneless) in [
        ("2022/03/09 21:30:01", true),
        ("2022/03/09 21:30:01.524", true),
        ("2022-03-09T21:30:01Z", false),
        ("2022-03-09T21:30:01.5+0100", false),
        ("1646861401.5", false),
    ] {
        let line = format!("{time}\tINFO\thttp.log.access\thandled request\t{{\"status\":200}}");
        assert_eq!(read(&line).unwrap().more.zoneless, zoneless, "{time}");
    }
}

#[test]
fn a_zone_that_is_several_places_is_shown() {
    let line = br#"{"level":"info","ts":"Wed, 09 Mar 2022 21:30:01 CST","logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.7","method":"GET","uri":"/"},"status":200}"#;
    for layout in [crate::Layout::auto(), crate::Layout::first(crate::Format::Caddy)] {
        let why = crate::Parser::new(&layout).parse(line, &mut Record::default());
        assert_eq!(why, Err(Reject::new(Reason::Zone, 52)), "{layout:?}");
    }
}

#[test]
fn durations_in_the_unit_that_somebody_said() {
    let json = r#"{"level":"info","ts":1.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.7","method":"GET","uri":"/"},"duration":1500,"size":0,"status":200}"#;
    let console = "1.5\tinfo\thttp.log.access\thandled request\t{\"request\":{\"remote_ip\":\"192.0.2.7\",\"uri\":\"/\"},\"duration\":1500,\"status\":200}";
    for (option, line, nanos) in [
        ("caddy", json, 1_500_000_000_000),
        ("caddy:ms", json, 1_500_000_000),
        ("caddy:nanos", json, 1500),
        ("caddy-console:milli", console, 1_500_000_000),
    ] {
        let layout = crate::Layout::from_option(option).unwrap();
        let mut record = Record::default();
        let read = crate::Parser::new(&layout).parse(line.as_bytes(), &mut record);
        assert_eq!(read, Ok(Line::Record), "{option}");
        assert_eq!(record.more.duration_ns, Some(nanos), "{option}");
    }
}
