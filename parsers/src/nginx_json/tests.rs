//! JSON that administrators composed: names, broken values, what a client may write, and what is none of it.

use super::*;

fn read(line: &str) -> Result<Record<'_>, Reject> {
    let mut record = Record::default();
    parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).map(|_| record)
}

#[test]
fn json_that_is_not_quite_json() {
    let line = concat!(
        r#"{ "@timestamp":"2000-10-10T13:55:36-07:00","remote_addr" : "192.0.2.7","ut":,"up":0.1, 0.2,"n":-,"#,
        r#""status": 404,"request":"GET /\x22a\"\u0041 HTTP/1.1","nested":{"ip":"203.0.113.1","a":["}"]},"#,
        r#""http_referer":"","http_user_agent":"x, \"y\"","body_bytes_sent":12 }"#,
    );
    let record = read(line).unwrap();
    assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
    assert_eq!(record.time.unwrap().secs(), 971_211_336);
    assert_eq!(record.target.as_deref(), Some(&b"/\"a\"A"[..]));
    assert_eq!((record.status, record.body_bytes), (Some(404), Some(12)));
    assert_eq!(
        (record.referrer, record.user_agent.as_deref()),
        (None, Some(&b"x, \"y\""[..]))
    );
}

#[test]
fn path_and_method_apart() {
    let line =
        r#"{"time":971211336.5,"ip":"192.0.2.7","method":"GET","path":"/a","query":"b=c","code":"200"}"#;
    let line = line.replace("code", "status");
    let record = read(&line).unwrap();
    assert_eq!(record.target.as_deref(), Some(&b"/a?b=c"[..]));
    assert_eq!(record.time.unwrap().nanos(), 971_211_336_500_000_000);
}

#[test]
fn quotes_that_nobody_escaped() {
    let line = r#"{"time":"2000-10-10T13:55:36-07:00","remote_addr":"192.0.2.7","request":"GET /a"b", "c" HTTP/1.1","status":200,"http_user_agent":"x" "y", "z"}"#;
    let record = read(line).unwrap();
    assert_eq!(record.target.as_deref(), Some(&br#"/a"b", "c""#[..]));
    assert_eq!(record.user_agent.as_deref(), Some(&br#"x" "y", "z"#[..]));
    assert_eq!(record.status, Some(200));
}

#[test]
fn a_client_cannot_name_another_peer() {
    let line = |members: &str| {
        format!(r#"{{"time":"2000-10-10T13:55:36Z","request":"GET / HTTP/1.1","status":200,{members}}}"#)
    };
    for members in [
        r#""client_ip":"198.51.100.1","remote_addr":"192.0.2.7""#,
        r#""remote_addr":"192.0.2.7","client_ip":"198.51.100.1""#,
        r#""remote_addr":"192.0.2.7","ip":"-""#,
        r#""ip":"nonsense!","remote_addr":"192.0.2.7""#,
        r#""clientip":"192.0.2.7","ip":"198.51.100.1""#,
        r#""remote_addr":"192.0.2.7","remote_addr":"192.0.2.7""#,
    ] {
        let line = line(members);
        let peer = read(&line).unwrap_or_else(|why| panic!("{why}: {line}")).peer;
        assert_eq!(peer.unwrap().to_string(), "192.0.2.7", "{line}");
    }
    // What a client wrote into its user agent under `escape=none`: either may be the peer.
    let forged = line(r#""ua":"x","remote_addr":"198.51.100.1","y":"","remote_addr":"192.0.2.7""#);
    let record = read(&forged).unwrap();
    assert_eq!(
        (record.peer, record.peer_text, record.status),
        (None, &b""[..], None)
    );
    assert_eq!(record.malformed_request.as_deref(), Some(forged.as_bytes()));
}

#[test]
fn other_json_is_refused() {
    for (line, reason) in [
        (r#"{"level":"info","msg":"started","ts":1.5}"#, Reason::JsonShape),
        (
            r#"{"time":"2000-10-10T13:55:36Z","ip":"[x]","path":"/","status":200}"#,
            Reason::JsonShape,
        ),
        (
            r#"{"time":"2000-10-10T13:55:36Z","ip":"192.0.2.7","path":"/","response":"ok"}"#,
            Reason::JsonShape,
        ),
        (
            r#"{"time":"2000-10-10T13:55:36Z","ip":"192.0.2.7","path":"/","response":{"a":1}}"#,
            Reason::JsonShape,
        ),
        (r#"{"a":1,b}"#, Reason::JsonShape),
        (r#"{"a":"#, Reason::Truncated),
        (r#"{"a" 1}"#, Reason::Json),
        (r#"{"a":[[[}"#, Reason::Json),
        ("[]", Reason::UnknownFormat),
    ] {
        assert_eq!(read(line).unwrap_err().reason, reason, "{line}");
    }
}

#[test]
fn well_known_layouts_of_other_servers() {
    let apache = r#"{ "time":"[29/Mar/2026:03:00:00 +0200]", "remoteIP":"192.0.2.7", "host":"www.example", "request":"/a", "query":"?x=1", "method":"GET", "status":"404", "userAgent":"x" }"#;
    let elastic = r#"{"time": "29/Mar/2026:03:00:00 +0200", "remote_ip": "192.0.2.7", "request": "GET /a?x=1 HTTP/1.1", "response": 404, "agent": "x"}"#;
    let path = apache.replace(r#""/a", "query":"?x=1""#, r#""/a?x=1", "uri":"/b""#);
    for line in [apache, elastic, &path] {
        let mut record = Record::default();
        parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap();
        assert_eq!(record.target.as_deref(), Some(&b"/a?x=1"[..]), "{line}");
        assert_eq!((record.peer_text, record.status), (&b"192.0.2.7"[..], Some(404)));
        assert_eq!(record.time.map(Time::secs), Some(1_774_746_000));
    }
}

#[test]
fn a_query_that_the_server_made_is_none_of_the_clients() {
    let line = r#"{"time":"2026-03-29T03:00:00+02:00","remote_addr":"192.0.2.7","request":"/a","status":404,"args":"q=1"}"#;
    for (line, target) in [
        (line.to_owned(), "/a?q=1"),
        (line.replace(r#""args""#, r#""uri":"/index.php","args""#), "/a"),
        (line.replace(r#""args""#, r#""uri":"/index.php","query""#), "/a"),
        (
            line.replace(r#""args""#, r#""document_uri":"/index.php","args""#),
            "/a",
        ),
        (
            line.replace(r#""/a""#, r#""/a b""#).replace("args", "query"),
            "/a b?q=1",
        ),
    ] {
        let mut record = Record::default();
        parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap();
        assert_eq!(record.target.as_deref(), Some(target.as_bytes()), "{line}");
    }
}

#[test]
fn other_names_of_status_and_time_spoil_nothing() {
    let line = |more: &str| {
        format!(
            r#"{{"time_local":"29/Mar/2026:03:00:00 +0200","remote_addr":"192.0.2.7","request":"GET / HTTP/1.1","status":404,{more}}}"#
        )
    };
    let plain = 1_774_746_000_000_000_000;
    for (more, nanos) in [
        (r#""code":"DE""#, plain),
        (r#""code":0"#, plain),
        (r#""response_status":"502, 404""#, plain),
        (r#""time":"0.005""#, plain),
        (r#""ts":12"#, plain),
        (r#""msec":"1774746000.123""#, plain + 123_000_000),
        (
            r#""msec":"1774746000.123","time":"2026-03-29T03:00:00+02:00""#,
            plain + 123_000_000,
        ),
    ] {
        let line = line(more);
        let mut record = Record::default();
        parse(line.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap_or_else(|_| panic!("{more}"));
        assert_eq!(
            (record.status, record.time.map(Time::nanos)),
            (Some(404), Some(nanos)),
            "{more}"
        );
    }
    let only = line("\"x\":1").replace("\"status\":404", "\"code\":\"x\",\"status_code\":403");
    let mut record = Record::default();
    parse(only.as_bytes(), &mut record, &mut TimeMemo::new()).unwrap();
    assert_eq!(record.status, Some(403));
}
