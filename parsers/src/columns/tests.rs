//! Logs whose header names the columns (W3C, IIS, CloudFront, Logpush CSV), against the fields of a record.

use super::*;
use crate::cloudflare::{self, Dataset};
use crate::format::Format;
use crate::layout::Layout;
use crate::line::{Line, Skip};
use crate::memo::TimeMemo;
use crate::parser::Parser;
use crate::record::Record;
use crate::reject::{Reason, Reject};
use w3c::Writer;

fn columns(header: &str) -> Columns {
    Columns::from_text(header).unwrap_or_else(|| panic!("{header}"))
}

fn w3c_line<'a>(header: &str, line: &'a str, writer: Writer) -> Result<Record<'a>, Reject> {
    let columns = (!header.is_empty()).then(|| columns(header));
    let mut record = Record::default();
    w3c::parse(
        line.as_bytes(),
        &mut record,
        &mut TimeMemo::new(),
        columns.as_ref(),
        writer,
    )?;
    Ok(record)
}

#[test]
fn headers_lead_back_from_their_text() {
    for header in [
        "#Fields: date time c-ip",
        "#Date: 2000-10-09\n#Fields: time c-ip cs-method",
        "#Date: 2000-10-09",
        "ClientIP,RayID,EdgeStartTimestamp",
        "\"ClientIP\"\t\"RayID\"\t\"Datetime\"\t\"Other\"",
    ] {
        let made = columns(header);
        assert_eq!(made.text(), header);
        assert_eq!(columns(made.text()), made);
    }
    let dated = Columns::after(
        b"#Date: 2000-10-10 01:02:03",
        Some(&columns("#Fields: time c-ip")),
    )
    .unwrap();
    assert_eq!(dated.text(), "#Date: 2000-10-10\n#Fields: time c-ip");
    let renamed = Columns::after(b"#Fields: time  x", Some(&dated)).unwrap();
    assert_eq!(renamed.text(), "#Date: 2000-10-10\n#Fields: time x");
    for line in [
        "",
        "#Version: 1.0",
        "#Date: soon",
        "GET / HTTP/1.1",
        "Oct 10 13:55:36 web nginx: a,b",
        "Name,Other",
        "ClientIP",
        "ClientIP,192.0.2.7,\"x y\"",
    ] {
        assert_eq!(Columns::after(line.as_bytes(), None), None, "{line}");
    }
    assert_eq!(Columns::after(&[b'#'; 100_000], None), None);
}

const IIS: &str = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status sc-bytes cs-bytes time-taken";

#[test]
fn iis_lines() {
    let line = "2015-01-13 00:32:17 10.0.0.1 GET /a+b.aspx x=1&y=+ 443 dom\\bob 2001:db8::7 Mozilla/5.0+(compatible;+x/2.0;++http://b/) https://r.example/?a+b 404 0 2 1405 242 283";
    let record = w3c_line(IIS, line, Writer::Iis).unwrap();
    assert_eq!(record.time.unwrap().to_string(), "2015-01-13T00:32:17.000Z");
    assert_eq!(record.target.as_deref(), Some(&b"/a+b.aspx?x=1&y=+"[..]));
    assert_eq!(
        record.user_agent.as_deref(),
        Some(&b"Mozilla/5.0 (compatible; x/2.0; +http://b/)"[..])
    );
    assert_eq!(record.referrer.as_deref(), Some(&b"https://r.example/?a+b"[..]));
    assert_eq!(record.peer.unwrap().to_string(), "2001:db8::7");
    assert_eq!(record.user.as_deref(), Some(&b"dom\\bob"[..]));
    assert_eq!((record.status, record.more.server_port), (Some(404), Some(443)));
    assert_eq!(record.more.duration_ns, Some(283_000_000));
    assert_eq!(
        (record.more.response_bytes, record.more.request_bytes),
        (Some(1405), Some(242))
    );
    for (line, reason) in [
        (line.trim_end_matches(" 283").to_owned(), Reason::Columns),
        (format!("{line} 1"), Reason::Columns),
        (line.replace("2015-01-13", "2015-13-13"), Reason::Time),
        (line.replace(" 404 ", " x "), Reason::Status),
        (line.replace("2001:db8::7", "a,b"), Reason::Address),
        (line.replace(" GET ", " [2]USER "), Reason::NotAccess),
    ] {
        assert_eq!(
            w3c_line(IIS, &line, Writer::Iis).unwrap_err().reason,
            reason,
            "{line}"
        );
    }
    // Without a header, the columns that IIS logs by default.
    let line = "2015-01-13 00:32:17 10.0.0.1 GET /a - 443 - 192.0.2.7 Mozilla/5.0 - 404 0 2 283";
    assert_eq!(w3c_line("", line, Writer::Iis).unwrap().status, Some(404));
    let line = "2015-01-13 00:32:17 10.0.0.1 GET /a - 443 - 192.0.2.7 Mozilla/5.0 404 0 2 283";
    assert_eq!(w3c_line("", line, Writer::Iis).unwrap().status, Some(404));
    let line = "2015-01-13 00:32:17 W3SVC58 10.0.0.1 GET /a - 443 - 192.0.2.7 Mozilla/5.0 - 404 0 2 283";
    assert!(w3c_line("", line, Writer::Iis).is_err());
}

#[test]
fn quotes_dates_and_uris() {
    let header = "#Fields:   date-local time-local   s-ip cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) cs(Host) sc-status TimeTakenMS";
    let line = "2012-08-15 17:00:00.363 10.0.0.1 GET /P - \"192.0.2.7\" \"Mozilla/5.0 (a; b) +x\" \"www.example\" 200 109";
    let record = w3c_line(header, line, Writer::Iis).unwrap();
    assert_eq!(record.time.unwrap().to_string(), "2012-08-15T17:00:00.363Z");
    assert_eq!(record.user_agent.as_deref(), Some(&b"Mozilla/5.0 (a; b) +x"[..]));
    assert_eq!(record.host.as_deref(), Some(&b"www.example"[..]));

    let dated = "#Date: 2000-10-09\n#Fields: time c-ip cs-method cs-uri sc-status";
    let record = w3c_line(
        dated,
        "16:44:49 192.0.2.7 GET www.example:80/a?b 200",
        Writer::Iis,
    )
    .unwrap();
    assert_eq!(record.time.unwrap().to_string(), "2000-10-09T16:44:49.000Z");
    assert_eq!(record.target.as_deref(), Some(&b"/a?b"[..]));
    assert_eq!(record.host.as_deref(), Some(&b"www.example"[..]));
    let undated = "#Fields: time c-ip cs-method cs-uri sc-status";
    let read = w3c_line(undated, "16:44:49 192.0.2.7 GET /a 200", Writer::Iis);
    assert_eq!(read.unwrap_err().reason, Reason::Time);
}

#[test]
fn cloudfront_lines() {
    let line = "2024-03-12\t15:22:28\tCDG50-P2\t703\t192.0.2.7\tGET\td6.cloudfront.net\t/t%20x\t404\t-\tMozilla/5.0%2520(X;%2520Y)\tq=42\t-\tError\t375WZ==\tcdn.example\thttps\t62\t0.113\t203.0.113.4,%2010.0.0.1\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tError\tHTTP/2.0\t-\t-\t51754\t0.113\tError\ttext/plain\t20\t-\t-";
    let header = "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end";
    for header in ["", header] {
        let record = w3c_line(header, line, Writer::Cloudfront).unwrap();
        assert_eq!(record.target.as_deref(), Some(&b"/t%20x?q=42"[..]));
        assert_eq!(record.user_agent.as_deref(), Some(&b"Mozilla/5.0 (X; Y)"[..]));
        assert_eq!(record.host.as_deref(), Some(&b"cdn.example"[..]));
        assert_eq!(record.http_version, Some(&b"2.0"[..]));
        assert_eq!((record.status, record.more.peer_port), (Some(404), Some(51754)));
        assert_eq!(record.more.duration_ns, Some(113_000_000));
        assert_eq!(record.more.tls_version.as_deref(), Some(&b"1.3"[..]));
        assert_eq!(
            record.header("x-forwarded-for"),
            Some(&b"203.0.113.4, 10.0.0.1"[..])
        );
        assert!(w3c_line(header, line, Writer::Iis).is_err());
    }
}

fn csv_line<'a>(header: &str, line: &'a [u8], dataset: Dataset) -> Result<Record<'a>, Reject> {
    let columns = columns(header);
    let mut record = Record::default();
    record.restart(line);
    let read = cloudflare::parse(line, &mut record, &mut TimeMemo::new(), Some(&columns), dataset)?;
    assert_eq!(read, Line::Record);
    Ok(record)
}

const CSV: &str = "ClientIP,ClientRequestUserAgent,EdgeStartTimestamp,EdgeResponseStatus,ClientRequestURI,SecurityActions,ClientRequestReferer";

#[test]
fn logpush_as_csv() {
    let line = br#""192.0.2.7","a ""b"", \c",1658281671671000001,403,"/x?y,z","[""log"",""block""]","""#;
    let record = csv_line(CSV, line, Dataset::Http).unwrap();
    assert_eq!(record.user_agent.as_deref(), Some(&b"a \"b\", \\c"[..]));
    assert_eq!(record.time.unwrap().nanos(), 1_658_281_671_671_000_001);
    assert_eq!(record.target.as_deref(), Some(&b"/x?y,z"[..]));
    assert_eq!(record.more.action.as_deref(), Some(&b"block"[..]));
    assert_eq!(record.referrer, None);

    let line = br#""192.0.2.7","a \"b\", c","2022-07-20T01:47:51Z",403,"/x","[]","https:\/\/r\/""#;
    let record = csv_line(CSV, line, Dataset::Http).unwrap();
    assert_eq!(record.user_agent.as_deref(), Some(&b"a \"b\", c"[..]));
    assert_eq!(record.referrer.as_deref(), Some(&b"https://r/"[..]));

    let tabs = "Datetime\tClientIP\tClientRequestPath\tAction\tRayID";
    let record = csv_line(tabs, b"1658281671\t192.0.2.7\t/x\tblock\t7", Dataset::Firewall).unwrap();
    assert_eq!(record.more.action.as_deref(), Some(&b"block"[..]));
    for line in [
        &br#""192.0.2.7","a",1658281671671000001,403,"/x","#[..],
        br#""192.0.2.7","a",1658281671671000001,403,"/x","","","more""#,
        br#""192.0.2.7","a"x,1658281671671000001,403,"/x","","""#,
        br#""192.0.2.7","a"#,
    ] {
        assert_eq!(
            csv_line(CSV, line, Dataset::Http).unwrap_err().reason,
            Reason::Columns
        );
    }
}

#[test]
fn a_column_gives_what_the_member_of_its_name_gives() {
    let json = r#"{"ClientIP":"192.0.2.7","ClientASN":64500,"EdgeStartTimestamp":1658281671671000001,"EdgeResponseStatus":403,"ClientRequestURI":"/x?\"y\",z","SecurityActions":["log","block"],"RequestHeaders":{"x-a":"b"},"RayID":"72","SecurityRuleID":"R1","WorkerSubrequest":false,"ClientRequestReferer":null}"#;
    let header = "ClientIP,ClientASN,EdgeStartTimestamp,EdgeResponseStatus,ClientRequestURI,SecurityActions,RequestHeaders,RayID,SecurityRuleID,WorkerSubrequest,ClientRequestReferer";
    let want = cloudflare::fields(json.as_bytes()).unwrap();
    for line in [
        r#""192.0.2.7",64500,1658281671671000001,403,"/x?""y"",z","[""log"",""block""]","{""x-a"":""b""}","72","R1",false,"""#,
        r#""192.0.2.7",64500,1658281671671000001,403,"/x?\"y\",z","[\"log\",\"block\"]","{\"x-a\":\"b\"}","72","R1",false,"""#,
        r#"192.0.2.7,64500,1658281671671000001,403,"/x?""y"",z","[""log"",""block""]","{""x-a"":""b""}",72,R1,false,"#,
    ] {
        let record = csv_line(header, line.as_bytes(), Dataset::Http).unwrap();
        assert_eq!(cloudflare::fields_of(&record), Some(want.clone()), "{line}");
        // The next line of the log may be read into the same record.
        let mut record = record;
        record.clear();
        assert_eq!(record.more.row, None);
    }
    let record = csv_line(
        header,
        b"192.0.2.7,1,1658281671,403,/,[,{{{,1,007,x,",
        Dataset::Http,
    )
    .unwrap();
    let fields = cloudflare::fields_of(&record).unwrap();
    assert_eq!(fields["SecurityActions"], "[");
    assert_eq!(fields["RequestHeaders"], "{{{");
    assert_eq!(fields["SecurityRuleID"], "007");
}

#[test]
fn a_quote_cannot_forge_a_column() {
    // Each writer escapes what the client sends; whichever it is, the client's text stays in its column.
    for agent in [
        r#"x","1","999"#,
        r#"x\"#,
        r#"\","203.0.113.99","#,
        r#"",1,403,"/y","","#,
        r#"x\",1,2,""#,
        r#""""#,
    ] {
        let doubled = agent.replace('"', "\"\"");
        let slashed = agent.replace('\\', "\\\\").replace('"', "\\\"");
        for written in [doubled, slashed] {
            let line = format!(r#""192.0.2.7","{written}",1658281671671000001,403,"/x","","""#);
            let record =
                csv_line(CSV, line.as_bytes(), Dataset::Http).unwrap_or_else(|why| panic!("{why}: {line}"));
            assert_eq!(
                (record.status, record.target.as_deref()),
                (Some(403), Some(&b"/x"[..])),
                "{line}"
            );
            assert_eq!(record.peer.unwrap().to_string(), "192.0.2.7");
        }
    }
}

#[test]
fn the_oldest_format_of_iis() {
    let line =
        b"192.0.2.7, bob, 11/20/2023, 15:44:03, W3SVC1, WEB, 10.0.0.1, 2, 769, 143, 304, 0, GET, /a, x=1,";
    let mut record = Record::default();
    iis::parse(line, &mut record, &mut TimeMemo::new()).unwrap();
    assert_eq!(record.time.unwrap().to_string(), "2023-11-20T15:44:03.000Z");
    assert_eq!(record.target.as_deref(), Some(&b"/a?x=1"[..]));
    assert_eq!(
        (record.status, record.more.duration_ns),
        (Some(304), Some(2_000_000))
    );
    let commas =
        b"192.0.2.7, bob, 11/20/2023, 15:44:03, W3SVC1, WEB, 10.0.0.1, 2, 769, 143, 304, 0, GET, /a,b,,c, x=1,2,,";
    let mut record = Record::default();
    iis::parse(commas, &mut record, &mut TimeMemo::new()).unwrap();
    assert_eq!(record.target.as_deref(), Some(&b"/a,b,,c?x=1,2,"[..]));
    for line in [
        &b"192.0.2.7, bob, 11/20/2023, 15:44:03, W3SVC1"[..],
        b"192.0.2.7, bob, 13/20/2023, 15:44:03, W3SVC1, WEB, 10.0.0.1, 2, 769, 143, 304, 0, GET, /a, x=1,",
        b"x, bob, 11/20/2023, 15:44:03, W3SVC1, WEB, 10.0.0.1, 2, 769, 143, 304, 0, GET, /a, x=1,",
        b",,,,,,,,,,,,,,,,,,,,,,",
    ] {
        assert!(iis::parse(line, &mut Record::default(), &mut TimeMemo::new()).is_err());
    }
}

#[test]
fn a_header_counts_in_its_wrappers() {
    let line = "2026-01-02 03:04:05 10.0.0.1 GET /a - 443 - 203.0.113.9 curl/8 - 200 0 0 31";
    let header = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken";
    let syslog = |text: &str| format!("<134>Jan  2 03:04:05 web1 iis[12]: {text}");
    let docker =
        |text: &str| format!(r#"{{"log":"{text}\n","stream":"stdout","time":"2026-01-02T03:04:05.1Z"}}"#);
    let cri = |text: &str| format!("2026-01-02T03:04:05.123456789Z stdout F {text}");
    let both = |text: &str| docker(&syslog(text));
    let compose = |text: &str| format!("web-1  | {text}");
    for wrap in [&syslog as &dyn Fn(&str) -> String, &docker, &cri, &both, &compose] {
        let log: Vec<String> = ["#Version: 1.0", header, line].into_iter().map(wrap).collect();
        let lines: Vec<&[u8]> = log.iter().map(|line| line.as_bytes()).collect();
        let recognised = Layout::recognise(&lines);
        assert_eq!(recognised.candidates[0].format, Format::W3c, "{}", log[0]);
        assert!((recognised.candidates[0].score - 1.0).abs() < 1e-9, "{}", log[0]);
        for layout in [Layout::auto(), Layout::preset(Format::W3c)] {
            let mut parser = Parser::new(&layout);
            let read: Vec<_> = lines
                .iter()
                .map(|line| parser.parse(line, &mut Record::default()))
                .collect();
            let comment = Ok(Line::Skip(Skip::Comment));
            assert_eq!(read, [comment, comment, Ok(Line::Record)], "{}", log[0]);
            // A reader of blocks comes to the same layout.
            assert_eq!(layout.after(lines[1]), Some(parser.layout()));
        }
    }
    // What a client wrote is no header, wherever it stands.
    let forged =
        r#"203.0.113.9 - - [02/Jan/2026:03:04:05 +0000] "GET /#Fields: date HTTP/1.1" 200 1 "-" "x""#;
    assert_eq!(Layout::auto().after(forged.as_bytes()), None);
    assert_eq!(Layout::auto().after(syslog(forged).as_bytes()), None);
}

#[test]
fn layout_and_parser_agree_on_what_a_header_is() {
    let request = "192.0.2.7 - frank [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200 2326 \"-\" \"x\"";
    for mark in [
        "",
        "\u{feff}",
        "\u{feff}\u{feff}",
        "<13>Oct 10 13:55:36 host app: ",
    ] {
        for start in [
            "#Fields: date time",
            "#Fields:a:443",
            "#Fields:",
            "#Date: 2000-10-10",
            "RayID,ClientIP,EdgeStartTimestamp",
        ] {
            for rest in [String::new(), format!(" {request}")] {
                let line = format!("{mark}{start}{rest}");
                for format in [Format::ApacheVhostCombined, Format::NginxCombined, Format::W3c] {
                    for layout in [Layout::preset(format), Layout::first(format)] {
                        let mut parser = Parser::new(&layout);
                        let read = parser.parse(line.as_bytes(), &mut Record::default());
                        let after = layout.after(line.as_bytes()).unwrap_or(layout);
                        assert_eq!(after, parser.layout(), "{line:?} is {read:?} for {format:?}");
                    }
                }
            }
        }
    }
}

fn event(data: &str) -> String {
    format!(
        "<Event xmlns='x'><System><Provider Name='Microsoft-Windows-IIS-Logging' Guid='{{}}'/></System><EventData>{data}</EventData></Event>"
    )
}

fn event_line(line: &str) -> Result<Record<'_>, Reject> {
    let mut record = Record::default();
    event::parse(line.as_bytes(), &mut record, &mut TimeMemo::new())?;
    Ok(record)
}

const WHEN: &str = "<Data Name='date'>2023-11-20</Data><Data Name=\"time\">15:44:03</Data>";

#[test]
fn events_of_iis() {
    let line = event(&format!(
        "{WHEN}<Data Name='cs-method'>GET</Data><Data Name='cs-uri-stem'>/a&lt;b</Data><Data Name='cs-uri-query'/><Data Name='new-field'>&gt;</Data>\
         <Data Name='csUser-Agent'>a+b</Data><Data Name='csReferer' /><Data Name='cs-host'></Data>"
    ));
    let record = event_line(&line).unwrap();
    assert_eq!(record.target.as_deref(), Some(&b"/a<b"[..]));
    assert_eq!(record.user_agent.as_deref(), Some(&b"a b"[..]));
    assert_eq!((record.referrer, record.host, record.peer), (None, None, None));
}

#[test]
fn events_that_are_no_requests_or_broken_are_refused_where_they_are() {
    let other = event(WHEN).replace("IIS-Logging", "Security-Auditing");
    let get = "<Data Name='cs-method'>GET</Data>";
    for (line, reason) in [
        ("<Events>".to_owned(), Reason::UnknownFormat),
        ("<Eventful>".to_owned(), Reason::UnknownFormat),
        ("<13>Nov 20 15:44:03 web1 x: y".to_owned(), Reason::UnknownFormat),
        (other, Reason::NotAccess),
        (event(WHEN), Reason::NotAccess),
        (event(get), Reason::Time),
        (event("<Data Name='date'>20.11.2023</Data>"), Reason::Time),
        (event("<Data Name='c-ip'>no one</Data>"), Reason::Address),
        (event("<Data Name='sc-status'>ok</Data>"), Reason::Status),
        (event("<Data Name='c-ip'x>192.0.2.7</Data>"), Reason::Literal),
        (event("<Data Name=c-ip>192.0.2.7</Data>"), Reason::Literal),
        (event("<Data Name='c-ip'>192.0.2.7<b/></Data>"), Reason::Literal),
    ] {
        assert_eq!(event_line(&line).unwrap_err().reason, reason, "{line}");
    }
    let cut = "<Event><Provider Name='Microsoft-Windows-IIS-Logging'/><Data Name='c-ip'>192.0.2";
    assert_eq!(event_line(cut), Err(Reject::new(Reason::Truncated, cut.len())));
    let wrong = event("<Data Name='c-ip'>no one</Data>");
    assert_eq!(event_line(&wrong).unwrap_err().at, wrong.find("no one").unwrap());
}

#[test]
fn what_stands_around_events_is_skipped() {
    let mut parser = Parser::new(&Layout::preset(Format::IisEvent));
    for line in ["<?xml version=\"1.0\"?>", "<Events>", " </Events>"] {
        let read = parser.parse(line.as_bytes(), &mut Record::default());
        assert_eq!(read, Ok(Line::Skip(Skip::Comment)), "{line}");
    }
}

const SHORT: &str =
    "#Fields: date time cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) cs(Referer) sc-status";

#[test]
fn quotes_and_tabs_of_a_client_hide_no_line() {
    for (query, agent, referrer) in [
        ("-", "\"sqlmap/1.5", "-"),
        ("\"+or+1=1", "x", "-"),
        ("a=\"b\"", "x\"y", "-"),
        ("-", "\"a", "b\""),
        ("-", "a\tb", "-"),
        ("-", "a\t\"b", "\"\t"),
    ] {
        let line = format!("2026-03-29 00:00:03 GET /a {query} 203.0.113.5 {agent} {referrer} 404");
        let record = w3c_line(SHORT, &line, Writer::Iis).unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(
            record.peer.map(|ip| ip.to_string()).as_deref(),
            Some("203.0.113.5"),
            "{line}"
        );
        assert_eq!(record.user_agent.as_deref(), Some(agent.as_bytes()), "{line}");
        assert_eq!(record.status, Some(404));
    }
    let line = "2026-03-29 00:00:03 GET /a - 203.0.113.5 \"Mozilla/5.0+x\" - 404";
    let record = w3c_line(SHORT, line, Writer::Iis).unwrap();
    assert_eq!(record.user_agent.as_deref(), Some(&b"Mozilla/5.0 x"[..]));
    // Others write quotes around values with spaces.
    let line = "2026-03-29 00:00:03 GET /a - 203.0.113.5 \"a \"\"b\"\" c\" \"r\" 404";
    let record = w3c_line(SHORT, line, Writer::Iis).unwrap();
    assert_eq!(
        (record.status, record.referrer.as_deref()),
        (Some(404), Some(&b"r"[..]))
    );
}

#[test]
fn forwarders_are_parted_by_spaces_that_iis_writes_as_plus() {
    let fields = "#Fields: date time c-ip cs-method cs-uri-stem sc-status cs(X-First) X-Forwarded-For";
    let line = |value: &str| format!("2026-03-30 00:00:05 10.0.0.7 GET /x 404 1+1 {value}");
    let listed = line("9.9.9.9,+8.8.8.8");
    let record = w3c_line(fields, &listed, Writer::Iis).unwrap();
    assert_eq!(record.header("x-forwarded-for"), Some(&b"9.9.9.9, 8.8.8.8"[..]));
    let none = line("-");
    let record = w3c_line(fields, &none, Writer::Iis).unwrap();
    assert_eq!(
        (record.header("x-first"), record.header("x-forwarded-for")),
        (Some(&b"1+1"[..]), None)
    );
}

#[test]
fn a_whole_url_parts_into_scheme_host_and_path() {
    let fields = "#Fields: date time c-ip cs-uri cs-method sc-status";
    for (uri, scheme, host, port, target) in [
        (
            "http://shop.example/full?x=1",
            Some("http"),
            Some("shop.example"),
            None,
            "/full?x=1",
        ),
        (
            "https://shop.example:8443/a",
            Some("https"),
            Some("shop.example"),
            Some(8443),
            "/a",
        ),
        (
            "https://shop.example",
            Some("https"),
            Some("shop.example"),
            None,
            "/",
        ),
        ("shop.example/a", None, Some("shop.example"), None, "/a"),
        ("/a?u=http://b/", None, None, None, "/a?u=http://b/"),
        ("a?u=http://b/x", None, None, None, "a?u=http://b/x"),
        (
            "http://shop.example?b=/c",
            Some("http"),
            Some("shop.example"),
            None,
            "?b=/c",
        ),
        (
            "shop.example/a?u=http://b/",
            None,
            Some("shop.example"),
            None,
            "/a?u=http://b/",
        ),
    ] {
        let line = format!("2026-03-30 00:00:05 203.0.113.6 {uri} GET 200");
        let record = w3c_line(fields, &line, Writer::Iis).unwrap();
        let text = |value: Option<&[u8]>| value.map(|value| String::from_utf8_lossy(value).into_owned());
        assert_eq!(text(record.more.scheme.as_deref()).as_deref(), scheme, "{uri}");
        assert_eq!(text(record.host.as_deref()).as_deref(), host, "{uri}");
        assert_eq!(record.more.server_port, port, "{uri}");
        assert_eq!(text(record.target.as_deref()).as_deref(), Some(target), "{uri}");
    }
}
