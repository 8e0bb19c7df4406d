//! What stands around lines: wrappers, headers, arrays. Whatever it is, the line inside gives the same record.

#![expect(clippy::unwrap_used, reason = "a test reads its own files")]

use std::borrow::Cow;
use std::path::PathBuf;

use afw_parsers::{Format, Layout, Line, Parser, Record, Skip, parts};
use proptest::prelude::*;

const COMBINED: &str =
    r#"192.0.2.7 - bob [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.1" 404 153 "-" "x \x22y""#;
const CADDY: &str = r#"{"level":"info","ts":1646861401.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.7","method":"GET","host":"h.example","uri":"/\"a","proto":"HTTP/2.0","headers":{"User-Agent":["x"]}},"status":200}"#;
const FIREWALL: &str = r#"{"Action":"block","ClientIP":"192.0.2.7","ClientRequestPath":"/x","Datetime":1658281671671000000,"RayID":"7"}"#;
const HAPROXY: &str = r#"192.0.2.7:14853 [14/Jan/2015:12:48:57.127] fe~ app/web1 170/0/0/3/173 200 739 - - --NN 0/0/0/0/0 0/0 "GET / HTTP/1.1""#;

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Every wrapper around a line.
fn wrapped(line: &str) -> Vec<String> {
    let mut all: Vec<String> = [
        "<190>Oct 10 13:55:36 web nginx: ",
        "Oct  1 13:55:36 web haproxy[12]: ",
        "Oct 10 13:55:36 web ",
        "2000-10-10T13:55:36.5+02:00 web caddy[1]: ",
        "<13>1 2000-10-10T13:55:36.123Z web nginx 12 access - ",
        "<13>1 2000-10-10T13:55:36Z web nginx - - [a b=\"]\\\"\"] \u{feff}",
        "2000-10-10T13:55:36.123456789Z stdout F ",
        "2000-10-10T13:55:36.123456789Z ",
        "web-1  | ",
        "2000-10-10T13:55:36.123456789Z stdout F Oct 10 13:55:36 web nginx: ",
    ]
    .iter()
    .map(|wrapper| format!("{wrapper}{line}"))
    .collect();
    all.push(format!(
        r#"{{"log":{},"stream":"stdout","time":"2000-10-10T13:55:36Z"}}"#,
        json(&format!("{line}\n"))
    ));
    all.push(format!(
        r#"{{"MESSAGE":{},"SYSLOG_IDENTIFIER":"caddy"}}"#,
        json(line)
    ));
    all.push(format!(r#"{{"@timestamp":"x","message":{}}}"#, json(line)));
    let syslog = format!("Oct 10 13:55:36 web nginx: {line}");
    all.push(format!(r#"{{"log":{},"stream":"stdout"}}"#, json(&syslog)));
    all
}

#[test]
fn a_wrapped_line_gives_the_record_of_the_line() {
    for (line, format) in [
        (COMBINED, Format::NginxCombined),
        (CADDY, Format::Caddy),
        (FIREWALL, Format::CloudflareFirewall),
        (HAPROXY, Format::Haproxy),
    ] {
        let mut plain = Record::default();
        assert_eq!(
            Parser::new(&Layout::first(format)).parse(line.as_bytes(), &mut plain),
            Ok(Line::Record)
        );
        for wrapped in wrapped(line) {
            let recognised = Layout::recognise(&[wrapped.as_bytes()]).layout;
            for layout in [
                Layout::auto(),
                Layout::preset(format),
                Layout::first(Format::ApacheCombinedio),
                recognised,
            ] {
                let mut record = Record::default();
                let read = Parser::new(&layout).parse(wrapped.as_bytes(), &mut record);
                assert_eq!(read, Ok(Line::Record), "{} for {wrapped}", layout.name());
                if layout.name() != "apache-combinedio" {
                    assert_eq!(record, plain, "{} for {wrapped}", layout.name());
                }
                assert_eq!(record.line, Cow::Borrowed(line.as_bytes()));
            }
        }
    }
}

#[test]
fn a_compiled_format_is_read_in_a_wrapper() {
    let layout = Layout::nginx("$remote_addr|$status", afw_parsers::Escape::Nginx).unwrap();
    for wrapped in wrapped("192.0.2.7|404") {
        let mut record = Record::default();
        // A message of under twenty bytes has no room for a request.
        let short = wrapped.starts_with('{') && !wrapped.contains("web nginx");
        let read = Parser::new(&layout).parse(wrapped.as_bytes(), &mut record);
        assert_eq!(read == Ok(Line::Record), !short, "{wrapped}");
    }
}

#[test]
fn lines_of_other_programs_are_skipped_where_the_log_is_known() {
    for line in [
        "Oct 10 13:55:36 web sshd[12]: Accepted publickey for bob from 203.0.113.99 port 1 ssh2",
        "<38>1 2000-10-10T13:55:36Z web cron 1 - - (root) CMD (run-parts)",
        "2000-10-10T13:55:36.123456789Z stderr F starting worker process",
        "2000-10-10T13:55:36.123456789Z stdout P 192.0.2.7 - - [10/Oct",
        r#"{"log":"a line without its end, cut by the","stream":"stdout"}"#,
        r#"{"MESSAGE":"Started Daily apt download","SYSLOG_IDENTIFIER":"systemd"}"#,
    ] {
        let mut record = Record::default();
        let read = Parser::new(&Layout::first(Format::NginxCombined)).parse(line.as_bytes(), &mut record);
        assert_eq!(read, Ok(Line::Skip(Skip::OtherStream)), "{line}");
        let read = Parser::new(&Layout::auto()).parse(line.as_bytes(), &mut record);
        assert_ne!(read, Ok(Line::Record), "{line}");
    }
    // What the web server itself wrote and nobody can read is a reject.
    let line = "Oct 10 13:55:36 web nginx: 192.0.2.7 - - [10/Oct";
    let mut record = Record::default();
    let read = Parser::new(&Layout::first(Format::NginxCombined)).parse(line.as_bytes(), &mut record);
    assert!(read.is_err(), "{read:?}");
}

fn sample(name: &str) -> Vec<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/formats")
        .join(name);
    let text = std::fs::read(path.join("input.log")).unwrap();
    text.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect()
}

fn reads(layout: &Layout, lines: &[Vec<u8>]) -> (Vec<bool>, Layout) {
    let mut parser = Parser::new(layout);
    let read = lines
        .iter()
        .map(|line| parser.parse(line, &mut Record::default()) == Ok(Line::Record))
        .collect();
    (read, parser.layout())
}

#[test]
fn a_reader_can_begin_anywhere_with_the_layout_so_far() {
    for name in ["w3c", "cloudfront"] {
        let lines = sample(name);
        let (whole, _) = reads(&Layout::auto(), &lines);
        assert!(whole.contains(&true));
        for cut in 0..=lines.len() {
            let (mut pieces, layout) = reads(&Layout::auto(), &lines[..cut]);
            let restored = Layout::from_state(&layout.state()).unwrap();
            assert_eq!(restored, layout);
            pieces.extend(reads(&restored, &lines[cut..]).0);
            assert_eq!(pieces, whole, "{name} cut at {cut}");
            // The same header state without parsing, for readers that split a log into blocks.
            let walked = lines[..cut].iter().fold(Layout::auto(), |layout, line| {
                layout.after(line).unwrap_or(layout)
            });
            assert_eq!(walked, layout);
        }
    }
}

#[test]
fn the_first_lines_give_the_columns_too() {
    let lines = sample("w3c");
    let head: Vec<&[u8]> = lines[..5].iter().map(Vec::as_slice).collect();
    let layout = Layout::recognise(&head).layout;
    assert_eq!(layout.name(), "w3c");
    let mut record = Record::default();
    assert_eq!(
        Parser::new(&layout).parse(&lines[4], &mut record),
        Ok(Line::Record)
    );
}

#[test]
fn csv_with_a_header() {
    let header = "ClientIP,ClientRequestURI,EdgeStartTimestamp,EdgeResponseStatus";
    let line = r#""192.0.2.7","/a,""b",1658281671671000000,403"#;
    let recognised = Layout::recognise(&[header.as_bytes(), line.as_bytes()]);
    assert_eq!(recognised.candidates[0].format, Format::CloudflareHttp);
    for layout in [
        recognised.layout,
        Layout::auto(),
        Layout::preset(Format::CloudflareHttp),
    ] {
        let mut parser = Parser::new(&layout);
        let mut record = Record::default();
        assert_eq!(
            parser.parse(header.as_bytes(), &mut record),
            Ok(Line::Skip(Skip::Comment))
        );
        assert_eq!(parser.parse(line.as_bytes(), &mut record), Ok(Line::Record));
        assert_eq!(record.target.as_deref(), Some(&b"/a,\"b"[..]));
    }
    let listed = Layout::from_option(&format!("cloudflare-http:{header}")).unwrap();
    let mut record = Record::default();
    assert_eq!(
        Parser::new(&listed).parse(line.as_bytes(), &mut record),
        Ok(Line::Record)
    );
    assert!(Layout::from_option("cloudflare-http:a,b").is_err());
}

#[test]
fn arrays_hold_their_records() {
    let one = FIREWALL.replace("/x", "/1");
    let two = FIREWALL.replace("/x", "/2");
    for array in [
        format!("[{one},{two}]"),
        format!(r#"{{"events":[{one}, {two}]}}"#),
        format!(r#"{{ "events" : [ {one} , {two} ] }}"#),
    ] {
        let mut targets = Vec::new();
        for (at, part) in parts(array.as_bytes()) {
            assert!(array.as_bytes()[at..].starts_with(part));
            let mut record = Record::default();
            assert_eq!(
                Parser::new(&Layout::auto()).parse(part, &mut record),
                Ok(Line::Record)
            );
            targets.push(record.target.unwrap().into_owned());
        }
        assert_eq!(targets, [b"/1", b"/2"], "{array}");
        // Whoever does not split loses nothing in silence.
        let read = Parser::new(&Layout::auto()).parse(array.as_bytes(), &mut Record::default());
        assert!(read.is_err());
    }
    let lines = [r#"{"events":["#, &format!("{one},"), &format!("{two}]}}"), "]"];
    let read: Vec<_> = lines
        .iter()
        .map(|line| Parser::new(&Layout::auto()).parse(line.as_bytes(), &mut Record::default()))
        .collect();
    let comment = Ok(Line::Skip(Skip::Comment));
    assert_eq!(read, [comment, Ok(Line::Record), Ok(Line::Record), comment]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_lines_are_read_or_refused(
        pick in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let format = *pick.get(Format::ALL);
        let lines = sample(format.name());
        let mut layout = Layout::first(format);
        for line in lines {
            layout = layout.after(&line).unwrap_or(layout);
            let mut line = line;
            for (at, byte) in &changes {
                if !line.is_empty() {
                    let at = at.index(line.len());
                    line[at] = *byte;
                }
            }
            let end = if changes.len() % 2 == 0 { line.len() } else { cut.index(line.len() + 1) };
            let line = &line[..end];
            for layout in [&layout, &Layout::auto()] {
                let mut record = Record::default();
                if let Err(reject) = Parser::new(layout).parse(line, &mut record) {
                    prop_assert!(reject.at <= line.len(), "{} in {}", reject, line.len());
                }
            }
            let given: usize = parts(line).map(|(at, part)| { assert!(at + part.len() <= line.len()); part.len() }).sum();
            prop_assert!(given <= line.len());
            let _ = afw_parsers::cloudflare::fields(line);
            for wrapped in wrapped(&String::from_utf8_lossy(line)) {
                let _ = Parser::new(&layout).parse(wrapped.as_bytes(), &mut Record::default());
            }
        }
    }
}
