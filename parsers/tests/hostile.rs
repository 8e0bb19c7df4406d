//! Lines that a hostile client shaped: whatever it sends, nobody else is blamed for it, and nothing panics.

use afw_parsers::{Escape, Format, Layout, Line, Parser, Record};
use proptest::prelude::*;

const TRUE_PEER: &str = "192.0.2.7";
const VICTIM: &str = "203.0.113.99";

/// What a client may put into a value: pieces of log lines, quotes, addresses, anything.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"\"",
        b"\\",
        b" ",
        b"- -",
        b"\" ",
        b"] \"",
        b"[10/Oct/2000:13:55:36 -0700]",
        b"\" 200 5 \"-\" \"-\"",
        b"203.0.113.99",
        b" 203.0.113.99 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\"",
        b"203.0.113.99, ",
        b"[Client 203.0.113.99] [Length 5]",
        b"\",\"remote_addr\":\"203.0.113.99",
        b"{",
        b"}",
        b", ",
        b"\xff\x00\n",
        b"x",
        b"GET / HTTP/1.1",
    ];
    let piece = prop::sample::select(pieces);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn nginx(text: &[u8]) -> Vec<u8> {
    text.iter()
        .flat_map(|&byte| match byte {
            0..=0x1F | b'"' | b'\\' | 0x7F.. => format!("\\x{byte:02X}").into_bytes(),
            _ => vec![byte],
        })
        .collect()
}

fn apache(text: &[u8]) -> Vec<u8> {
    text.iter()
        .flat_map(|&byte| match byte {
            b'"' | b'\\' => vec![b'\\', byte],
            b'\n' => b"\\n".to_vec(),
            0..=0x1F | 0x7F.. => format!("\\x{byte:02x}").into_bytes(),
            _ => vec![byte],
        })
        .collect()
}

fn json(text: &[u8]) -> Vec<u8> {
    text.iter()
        .flat_map(|&byte| match byte {
            b'"' | b'\\' => vec![b'\\', byte],
            0..=0x1F => format!("\\u00{byte:02X}").into_bytes(),
            _ => vec![byte],
        })
        .collect()
}

/// How a server escapes.
type Write = fn(&[u8]) -> Vec<u8>;

/// A line by a template, where `U`, `R`, `F` and `A` stand for user, request, referrer and agent.
fn line(template: &str, values: &[Vec<u8>; 4], escape: Write) -> Vec<u8> {
    let mut out = Vec::new();
    for part in template.split_inclusive(['U', 'R', 'F', 'A']) {
        let at = part.chars().last().and_then(|last| "URFA".find(last));
        out.extend_from_slice(part.trim_end_matches(['U', 'R', 'F', 'A']).as_bytes());
        if let Some(value) = at.and_then(|at| values.get(at)) {
            out.extend(escape(value));
        }
    }
    out
}

const COMBINED: &str = r#"192.0.2.7 - U [10/Oct/2000:13:55:36 -0700] "R" 404 153 "F" "A""#;
const VHOST: &str = r#"www.example:443 192.0.2.7 - U [10/Oct/2000:13:55:36 -0700] "R" 404 153 "F" "A""#;
const COMMON: &str = r#"192.0.2.7 - U [10/Oct/2000:13:55:36 -0700] "R" 404 153"#;
const MAIN: &str = r#"192.0.2.7 - U [10/Oct/2000:13:55:36 -0700] "R" 404 153 "F" "A" "F""#;
const NPM: &str = r#"[10/Oct/2000:13:55:36 -0700] - 404 404 - GET https www.example "R" [Client 192.0.2.7] [Length 153] [Gzip -] [Sent-to 10.0.0.9] "A" "F""#;
const JSON: &str = r#"{"time_local":"10/Oct/2000:13:55:36 -0700","remote_user":"U","request":"R","ref":"F","ua":"A","remote_addr":"192.0.2.7","status":404}"#;

fn blamed(layout: &Layout, line: &[u8]) -> Option<String> {
    let mut record = Record::default();
    match Parser::new(layout).parse(line, &mut record) {
        Ok(Line::Record) => Some(record.peer.map_or_else(
            || String::from_utf8_lossy(record.peer_text).into_owned(),
            |peer| peer.to_string(),
        )),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_else_is_blamed(user in value(), request in value(), referrer in value(), agent in value()) {
        let values = [user, request, referrer, agent];
        let write: [(&str, Write, Option<Format>); 8] = [
            (COMBINED, nginx, Some(Format::NginxCombined)),
            (COMBINED, apache, Some(Format::ApacheCombined)),
            (VHOST, apache, Some(Format::ApacheVhostCombined)),
            (VHOST, nginx, None),
            (COMMON, apache, Some(Format::ApacheCommon)),
            (MAIN, nginx, None),
            (NPM, nginx, Some(Format::NginxProxyManager)),
            (JSON, json, Some(Format::NginxJson)),
        ];
        for (template, escape, preset) in write {
            let line = line(template, &values, escape);
            let mut layouts = vec![Layout::auto(), Layout::recognise(&[&line]).layout];
            layouts.extend(preset.map(Layout::preset));
            layouts.extend(preset.map(Layout::first));
            for layout in layouts {
                let blamed = blamed(&layout, &line);
                prop_assert_ne!(blamed.as_deref(), Some(VICTIM), "{} by {}", String::from_utf8_lossy(&line), layout.name());
                if let (Some(blamed), Some(_)) = (blamed, preset) {
                    prop_assert_eq!(blamed, TRUE_PEER, "{} by {}", String::from_utf8_lossy(&line), layout.name());
                }
            }
            // What the server writes is never lost: the format that is named accepts every line of its own.
            if let Some(preset) = preset.filter(|preset| *preset != Format::NginxJson) {
                let read = blamed(&Layout::preset(preset), &line);
                prop_assert!(read.is_some(), "{} refused {}", preset.name(), String::from_utf8_lossy(&line));
            }
        }
    }

    #[test]
    fn a_compiled_format_blames_nobody_else(values in [value(), value(), value(), value()]) {
        let unquoted = r#"U [10/Oct/2000:13:55:36 -0700] F 192.0.2.7 "R" A"#;
        for escape in [Escape::Nginx, Escape::Json, Escape::None] {
            let format = r#"$remote_user [$time_local] $http_referer $remote_addr "$request" $http_user_agent"#;
            let write = match escape {
                Escape::Nginx => nginx,
                Escape::Json => json,
                _ => |text: &[u8]| text.iter().copied().filter(|byte| *byte != b'\n').collect(),
            };
            let line = line(unquoted, &values, write);
            let blamed = blamed(&Layout::nginx(format, escape).unwrap(), &line);
            prop_assert_ne!(blamed.as_deref(), Some(VICTIM), "{}", String::from_utf8_lossy(&line));
        }
    }

    #[test]
    fn any_bytes_are_taken(line in prop::collection::vec(any::<u8>(), 0..200), pieces in prop::collection::vec(value(), 0..4)) {
        for line in [line, pieces.concat()] {
            for &format in Format::ALL {
                let mut record = Record::default();
                let mut parser = Parser::new(&Layout::preset(format));
                if let Err(reject) = parser.parse(&line, &mut record) {
                    prop_assert!(reject.at <= line.len());
                }
            }
            let mut record = Record::default();
            if let Err(reject) = Parser::new(&Layout::auto()).parse(&line, &mut record) {
                prop_assert!(reject.at <= line.len());
            }
            let _ = Layout::recognise(&[&line]);
        }
    }
}
