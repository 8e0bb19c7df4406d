//! Logpush's requests and firewall events under every name they had, against the fields of a record.

use super::*;

fn read(line: &str, dataset: Dataset) -> Result<Record<'_>, Reject> {
    let mut record = Record::default();
    parse(line.as_bytes(), &mut record, &mut TimeMemo::new(), None, dataset).map(|_| record)
}

fn http(line: &str) -> Record<'_> {
    assert!(read(line, Dataset::Firewall).is_err(), "{line}");
    read(line, Dataset::Http).unwrap_or_else(|why| panic!("{why}: {line}"))
}

fn firewall(line: &str) -> Record<'_> {
    assert!(read(line, Dataset::Http).is_err(), "{line}");
    read(line, Dataset::Firewall).unwrap_or_else(|why| panic!("{why}: {line}"))
}

fn text<'r>(value: &'r Option<Bytes<'_>>) -> &'r str {
    value
        .as_deref()
        .map_or("", |value| std::str::from_utf8(value).unwrap())
}

#[test]
fn a_request() {
    let record = http(
        r#"{"ClientASN":64500,"ClientCountry":"de","ClientIP":"2001:db8::7","ClientRequestBytes":900,"ClientRequestHost":"shop.example","ClientRequestMethod":"POST","ClientRequestPath":"/a","ClientRequestProtocol":"HTTP/2","ClientRequestReferer":"https://r.example/","ClientRequestScheme":"https","ClientRequestSource":"eyeball","ClientRequestURI":"/a?q=x{jndi:ldap://x}","ClientRequestUserAgent":"a \"b\"","ClientSSLCipher":"AEAD-AES128-GCM-SHA256","ClientSSLProtocol":"TLSv1.3","ClientSrcPort":50000,"EdgeEndTimestamp":1658281702371000001,"EdgeResponseBodyBytes":5,"EdgeResponseBytes":279,"EdgeResponseStatus":522,"EdgeStartTimestamp":1658281671671000000,"JA3Hash":"e7d705a3286e19ea42f587b344ee6865","JA4":"t13d1516h2_8daaf6152771_b186095e22b6","ParentRayID":"00","RayID":"72d807ffeba5753d","SecurityAction":"","SecurityActions":["log","managedChallenge"],"WorkerSubrequest":false,"RequestHeaders":{"x":"}"}}"#,
    );
    assert_eq!(record.time.unwrap().nanos(), 1_658_281_671_671_000_000);
    assert_eq!(record.more.moment, Moment::Start);
    assert_eq!(record.more.duration_ns, Some(30_700_000_001));
    assert_eq!(record.peer.unwrap().to_string(), "2001:db8::7");
    assert_eq!(record.more.client, record.peer);
    assert_eq!(
        (record.more.asn, record.more.country),
        (Some(64500), Some(*b"DE"))
    );
    assert_eq!(text(&record.target), "/a?q=x{jndi:ldap://x}");
    assert_eq!(record.http_version, Some(&b"2.0"[..]));
    assert_eq!(text(&record.user_agent), "a \"b\"");
    assert_eq!(
        (
            record.status,
            record.body_bytes,
            record.more.response_bytes,
            record.more.request_bytes
        ),
        (Some(522), Some(5), Some(279), Some(900))
    );
    assert_eq!(
        (text(&record.more.tls_version), text(&record.more.tls_cipher)),
        ("1.3", "AEAD-AES128-GCM-SHA256")
    );
    assert_eq!(text(&record.more.request_id), "72d807ffeba5753d");
    assert_eq!(text(&record.more.action), "managedchallenge");
    assert!(text(&record.more.ja3).starts_with("e7d7") && text(&record.more.ja4).starts_with("t13d"));
    assert!(!record.more.subrequest);
}

#[test]
fn times_of_five_forms_and_in_quotes() {
    for (stamp, nanos) in [
        ("1653485126000000001", 1_653_485_126_000_000_001),
        ("1653485126", 1_653_485_126_000_000_000),
        (r#""2022-05-25T13:25:26Z""#, 1_653_485_126_000_000_000),
        (r#""2022-05-25T13:25:26.120Z""#, 1_653_485_126_120_000_000),
        (r#""2022-05-25T13:25:26.000000001Z""#, 1_653_485_126_000_000_001),
        (r#""1653485126""#, 1_653_485_126_000_000_000),
        (r#""1653485126000000001""#, 1_653_485_126_000_000_001),
        ("1653485126120", 1_653_485_126_120_000_000),
    ] {
        let line =
            format!(r#"{{"ClientIP":"192.0.2.7","ClientRequestHost":"h","EdgeStartTimestamp":{stamp}}}"#);
        assert_eq!(http(&line).time.unwrap().nanos(), nanos, "{stamp}");
        let line = format!(r#"{{"ClientIP":"192.0.2.7","ClientRequestHost":"h","Datetime":{stamp}}}"#);
        assert_eq!(firewall(&line).time.unwrap().nanos(), nanos, "{stamp}");
    }
    for stamp in [r#""soon""#, "99999999999999999999", "true", ""] {
        let line =
            format!(r#"{{"ClientIP":"192.0.2.7","ClientRequestHost":"h","EdgeStartTimestamp":{stamp}}}"#);
        assert_eq!(
            read(&line, Dataset::Http).unwrap_err().reason,
            Reason::Time,
            "{stamp}"
        );
    }
}

#[test]
fn absent_is_said_in_many_ways() {
    let record = http(
        r#"{"ClientIP":"192.0.2.7","ClientCountry":"xx","ClientASN":0,"ClientSSLProtocol":"none","ClientSSLCipher":"NONE","ClientSrcPort":0,"ParentRayID":"00","RayID":"00","ClientRequestReferer":"","ClientRequestUserAgent":"","EdgeResponseStatus":0,"SecurityAction":"unknown","WAFAction":"unknown","SecurityActions":[],"JA3Hash":"","ClientRequestURI":"/","EdgeStartTimestamp":1}"#,
    );
    let more = &record.more;
    assert_eq!((more.country, more.asn, more.peer_port), (None, None, None));
    assert_eq!(
        (&more.tls_version, &more.tls_cipher, &more.ja3),
        (&None, &None, &None)
    );
    assert_eq!(
        (&more.request_id, &more.action, record.status),
        (&None, &None, None)
    );
    assert_eq!((record.referrer, record.user_agent), (None, None));
    assert!(!more.subrequest);
}

#[test]
fn names_of_other_years_and_of_the_other_api() {
    let old = http(
        r#"{"ClientIP":"192.0.2.7","ClientRequestURI":"/","EdgeStartTimestamp":1,"WAFAction":"drop","FirewallMatchesActions":["connectionClose"]}"#,
    );
    assert_eq!(text(&old.more.action), "drop");
    let old = http(
        r#"{"ClientIP":"192.0.2.7","ClientRequestPath":"/p","EdgeStartTimestamp":1,"FirewallMatchesActions":["connectionClose"]}"#,
    );
    assert_eq!(
        (text(&old.more.action), text(&old.target)),
        ("connectionclose", "/p")
    );
    let graphql = firewall(
        r#"{"action":"block","clientAsn":"64500","clientCountryName":"US","clientIP":"192.0.2.7","clientRequestPath":"/p","clientRequestQuery":"?a=b","datetime":"2022-05-25T13:25:26Z","rayName":"r","ruleId":"x","source":"firewallCustom","userAgent":"ua","clientRequestHTTPMethodName":"GET","clientRequestHTTPHost":"h.example","clientRequestHTTPProtocol":"HTTP/1.1"}"#,
    );
    assert_eq!(text(&graphql.target), "/p?a=b");
    assert_eq!(
        (text(&graphql.host), graphql.more.asn),
        ("h.example", Some(64500))
    );
}

#[test]
fn a_request_of_a_worker_is_flagged() {
    for field in [
        r#""WorkerSubrequest":true"#,
        r#""ClientRequestSource":"edgeWorkerFetch""#,
        r#""ParentRayID":"710e98d93d50357d""#,
    ] {
        let line =
            format!(r#"{{"ClientIP":"192.0.2.7","ClientRequestURI":"/","EdgeStartTimestamp":1,{field}}}"#);
        assert!(http(&line).more.subrequest, "{line}");
    }
}

#[test]
fn a_firewall_event() {
    let record = firewall(
        r#"{"Action":"jschallengeSolved","ClientIP":"192.0.2.7","ClientRefererHost":"r.example","ClientRefererPath":"/p","ClientRefererQuery":"?a","ClientRefererScheme":"referer URL scheme","ClientRequestHost":"shop.example","ClientRequestMethod":"GET","ClientRequestPath":"/.env","ClientRequestQuery":"?x=1","Datetime":1669858111716000000,"EdgeResponseStatus":403,"Kind":"firewall","MatchIndex":0,"Metadata":{"filter":["}"]},"OriginatorRayID":"00","RayID":"7299f155dda47d6b","RuleID":"100016","Source":"WAF"}, "#,
    );
    assert_eq!(text(&record.more.action), "jschallengesolved");
    assert_eq!(text(&record.target), "/.env?x=1");
    assert_eq!(text(&record.referrer), "https://r.example/p?a");
    assert_eq!(record.time.unwrap().to_string(), "2022-12-01T01:28:31.716Z");
    assert_eq!(
        record.more.extra,
        [("source".into(), Bytes::Borrowed(&b"waf"[..]))]
    );
    assert_eq!((record.status, record.more.moment), (Some(403), Moment::Start));
}

#[test]
fn other_datasets_are_refused() {
    for line in [
        r#"{"QueryName":"a.example.","QueryType":2,"ResponseCode":0,"Timestamp":1657233726004000000}"#,
        r#"{"Action":"login","Allowed":true,"AppDomain":"e.example","CreatedAt":"2025-05-13T08:41:34Z","IPAddress":"192.0.2.7","RayID":"x"}"#,
        r#"{"AccountID":"x","Action":"allow","Datetime":"2023-02-24T16:32:58Z","HTTPHost":"h","HTTPMethod":"GET","SourceIP":"192.0.2.7","URL":"https://h/"}"#,
        r#"{"ActionType":"job_create","ActorIP":"192.0.2.7","ID":"x","When":"2023-02-24T14:51:23Z"}"#,
        r#"{"ClientIP":"192.0.2.7","EdgeStartTimestamp":1}"#,
        r#"{"content":"tests"}"#,
    ] {
        for dataset in [Dataset::Http, Dataset::Firewall] {
            assert_eq!(
                read(line, dataset).unwrap_err().reason,
                Reason::JsonShape,
                "{line}"
            );
        }
    }
}

#[test]
fn the_whole_object_can_be_read_again() {
    let line = r#"{"EdgeStartTimestamp":1658281671671000001,"Metadata":{"a":[1,{"b":null}]},"JA4Signals":{"h2_ratio_1h":0.98},"x":,"y":"\u00e9"}"#;
    let members = fields(line.as_bytes()).unwrap();
    assert_eq!(
        serde_json::Value::Object(members),
        serde_json::json!({"EdgeStartTimestamp": 1658281671671000001_i64, "Metadata": {"a": [1, {"b": null}]},
            "JA4Signals": {"h2_ratio_1h": 0.98}, "x": null, "y": "é"})
    );
    assert_eq!(fields(b"[1]"), None);
    assert_eq!(fields(br#"{"a":{"b":"#), None);
    let deep = format!("{{\"a\":1,\"b\":{}{}}}", "[".repeat(40), "]".repeat(40));
    assert!(fields(deep.as_bytes()).is_some_and(|members| members.contains_key("a")));
}

#[test]
fn names_in_other_cases_and_texts_without_quotes() {
    let camel = r#"{"clientIP":"203.0.113.9","clientRequestURI":"/a","edgeStartTimestamp":1760097336,"edgeResponseStatus":200,"rayID":"7d"}"#;
    for line in [camel.to_owned(), camel.to_lowercase()] {
        let mut record = Record::default();
        let layout = crate::Layout::recognise(&[line.as_bytes()]).layout;
        let read = crate::Parser::new(&layout).parse(line.as_bytes(), &mut record);
        assert_eq!(
            (read, layout.name()),
            (Ok(Line::Record), "cloudflare-http"),
            "{line}"
        );
        assert_eq!(record.peer.unwrap().to_string(), "203.0.113.9");
        assert_eq!(record.more.request_id.as_deref(), Some(&b"7d"[..]));
    }
    let csv = "ClientIP,ClientRequestURI,EdgeStartTimestamp,EdgeResponseStatus,WorkerSubrequest\n\
               203.0.113.9,\"/a?b=\"\"x\"\",1\",2025-10-10T11:55:36Z,200,false\n203.0.113.9,/b,1760097336123,404,";
    let lines: Vec<&[u8]> = csv.lines().map(str::as_bytes).collect();
    let mut parser = crate::Parser::new(&crate::Layout::recognise(&lines).layout);
    for (line, target, millis) in [(1, "/a?b=\"x\",1", 0), (2, "/b", 123)] {
        let mut record = Record::default();
        assert_eq!(parser.parse(lines[line], &mut record), Ok(Line::Record), "{line}");
        assert_eq!(record.target.as_deref(), Some(target.as_bytes()));
        let time = record.time.unwrap().nanos() / 1_000_000;
        assert_eq!(time, 1_760_097_336_000 + millis);
        assert!(!record.more.subrequest);
    }
}

#[test]
fn of_several_events_of_one_request_all_but_the_last_match_repeat_it() {
    for (index, repeats) in [
        ("0", false),
        ("1", true),
        ("12", true),
        ("null", false),
        (r#""""#, false),
    ] {
        let line = format!(
            r#"{{"Action":"log","ClientIP":"192.0.2.7","ClientRequestPath":"/","Datetime":1669858111,"RayID":"7299f155dda47d6b","MatchIndex":{index}}}"#
        );
        assert_eq!(firewall(&line).more.repeats, repeats, "{index}");
    }
}
