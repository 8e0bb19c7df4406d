//! Lines in the wrappers of syslog, Docker, CRI and journald, against the line inside.

use super::*;
use crate::{Reason, Record};

const INNER: &str = r#"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1 "-" "-""#;

#[test]
fn wrappers_come_off() {
    for (wrapper, program) in [
        ("<190>Oct 10 13:55:36 web nginx: ", "nginx"),
        ("<190>Oct  1 13:55:36 nginx[12]: ", "nginx"),
        ("Oct 10 13:55:36 web nginx: ", "nginx"),
        (
            "Oct 10 2000 13:55:36 web docker/web/a1b2[77]: ",
            "docker/web/a1b2",
        ),
        ("Oct 10 13:55:36.123456 web haproxy[1]: ", "haproxy"),
        ("2000-10-10T13:55:36.5+02:00 web caddy[1]: ", "caddy"),
        ("2000-10-10T13:55:36+0200 web caddy: ", "caddy"),
        ("<13>1 2000-10-10T13:55:36.123Z web nginx 12 access - ", "nginx"),
        ("<13>1 - - nginx - - [a b=\"]\\\"\"][c@1 d=\"e\"] ", "nginx"),
        ("<13>1 2000-10-10T13:55:36Z web nginx 12 - - \u{feff}", "nginx"),
        ("132 <13>1 2000-10-10T13:55:36Z web nginx 12 - - ", "nginx"),
        ("99 <190>Oct 10 13:55:36 web nginx: ", "nginx"),
        ("<190>Oct 10 13:55:36 web nginx_access ", "nginx_access"),
        ("<190>Oct 10 13:55:36 web nginx: @cee: ", "nginx"),
        ("<13>1 2000-10-10T13:55:36Z web nginx 12 - - @cee:", "nginx"),
    ] {
        let line = format!("{wrapper}{INNER}");
        let wrapped = unwrap(line.as_bytes(), &mut TimeMemo::new());
        let want = Wrapped {
            inner: Inner::Plain(INNER.as_bytes()),
            by: By::Program(program.as_bytes()),
        };
        assert_eq!(wrapped, Some(want), "{line}");
    }
    for (wrapper, by) in [
        ("Oct 10 13:55:36 web ", By::Unknown),
        ("2000-10-10T13:55:36.123456789Z stdout F ", By::Unknown),
        ("2000-10-10T13:55:36.123456789+02:00 stderr F ", By::Stderr),
        ("2000-10-10T13:55:36.123456789Z ", By::Unknown),
        ("web-1  | ", By::Unknown),
        ("Web_1 | ", By::Unknown),
    ] {
        let line = format!("{wrapper}{INNER}");
        let wrapped = unwrap(line.as_bytes(), &mut TimeMemo::new()).unwrap();
        assert_eq!(wrapped.inner, Inner::Plain(INNER.as_bytes()), "{line}");
        assert_eq!(wrapped.by, by, "{line}");
    }
}

#[test]
fn a_virtual_host_is_no_tag() {
    for host in [
        "shop.example",
        "localhost",
        "shop.example:443",
        "-",
        "198.51.100.7",
    ] {
        let line = format!("<190>Oct 10 13:55:36 web {host} {INNER}");
        let wrapped = unwrap(line.as_bytes(), &mut TimeMemo::new()).unwrap();
        assert_eq!(wrapped.by, By::Unknown, "{line}");
    }
}

#[test]
fn wrappers_in_json() {
    let escaped = INNER.replace('"', "\\\"");
    for (line, by) in [
        (
            format!(r#"{{"log":"{escaped}\n","stream":"stdout","time":"2000-10-10T13:55:36Z"}}"#),
            By::Docker,
        ),
        (format!(r#"{{"stream":"stderr","log":"{escaped}"}}"#), By::Stderr),
        (
            format!(r#"{{"MESSAGE":"{escaped}","SYSLOG_IDENTIFIER":"caddy"}}"#),
            By::Program(b"caddy"),
        ),
        (format!(r#"{{"host":"h","message":"{escaped}"}}"#), By::Unknown),
    ] {
        let wrapped = unwrap(line.as_bytes(), &mut TimeMemo::new()).unwrap();
        let Inner::Json(text) = wrapped.inner else {
            panic!("{line}");
        };
        assert_eq!(text.unescape().trim_ascii(), INNER.as_bytes());
        assert_eq!(wrapped.by, by, "{line}");
    }
}

#[test]
fn what_is_not_wrapped() {
    for line in [
        INNER,
        r#"{"a":1}"#,
        r#"{"msg":"x"}"#,
        "<999>Oct 10 13:55:36 web nginx: x",
        "Oct 32 13:55:36 web nginx: x",
        "Okt 10 13:55:36 web nginx: x",
        "2000-10-10 13:55:36 web nginx: x",
        "web | ",
        "",
        "<",
        "<13>1",
        "<13>1 2000-10-10T13:55:36Z web nginx 12 - [a",
    ] {
        let wrapped = unwrap(line.as_bytes(), &mut TimeMemo::new());
        let empty = wrapped.is_some_and(|wrapped| wrapped.inner == Inner::Plain(b""));
        assert!(wrapped.is_none() || empty, "{line}: {wrapped:?}");
    }
    let part = unwrap(b"2000-10-10T13:55:36Z stdout P begin", &mut TimeMemo::new()).unwrap();
    assert_eq!(part.inner, Inner::Part(b"begin"));
}

#[test]
fn the_journal_exported() {
    let array: Vec<String> = INNER.bytes().map(|byte| byte.to_string()).collect();
    let json = |message: &str| format!(r#"{{"SYSLOG_IDENTIFIER":"caddy","MESSAGE":{message},"_PID":"1"}}"#);
    let line = json(&format!("[{}]", array.join(", ")));
    let wrapped = unwrap(line.as_bytes(), &mut TimeMemo::new()).unwrap();
    let Inner::Numbers(text) = wrapped.inner else {
        panic!("{wrapped:?}");
    };
    assert_eq!(
        (numbers(text), wrapped.by),
        (INNER.as_bytes().to_vec(), By::Program(b"caddy"))
    );
    assert_eq!(
        *innermost(line.as_bytes(), &mut TimeMemo::new()),
        *INNER.as_bytes()
    );
    for message in ["[]", "[300,1]", r#"["a"]"#, "[[1],2]", "[-1]", "[1"] {
        let line = json(message);
        let inner = innermost(line.as_bytes(), &mut TimeMemo::new());
        assert!(
            inner.is_empty() || *inner == *line.as_bytes(),
            "{message}: {inner:?}"
        );
    }

    let line = format!("MESSAGE={INNER}");
    let wrapped = unwrap(line.as_bytes(), &mut TimeMemo::new()).unwrap();
    assert_eq!(wrapped.inner, Inner::Plain(INNER.as_bytes()));
    for (line, field) in [
        ("__REALTIME_TIMESTAMP=1", true),
        ("_PID=", true),
        ("SYSLOG_IDENTIFIER=nginx", true),
        ("PRIORITY=6", true),
        ("MESSAGE=x", false),
        ("_=x", false),
        ("_pid=1", false),
        ("PATH=/bin", false),
        ("192.0.2.7 - - _X=", false),
        ("", false),
    ] {
        assert_eq!(is_journal_field(line.as_bytes()), field, "{line}");
    }
}

/// What a parser makes of lines of one log, and the agent's length of the last record.
fn read_all(layout: &crate::Layout, lines: &[String]) -> Vec<(Option<String>, usize)> {
    let mut parser = crate::Parser::new(layout);
    let read = |line: &String| {
        let mut record = crate::Record::default();
        match parser.parse(line.as_bytes(), &mut record).unwrap() {
            crate::Line::Record => {
                let text = String::from_utf8_lossy(record.peer_text);
                (
                    Some(format!("{text} {:?}", record.status)),
                    record.user_agent.map_or(0, |agent| agent.len()),
                )
            }
            crate::Line::Skip(_) => (None, 0),
        }
    };
    lines.iter().map(read).collect()
}

#[test]
fn a_cut_line_goes_on_in_the_next_batch_and_after_a_restart() {
    let long = "A".repeat(17_000);
    let forged = r#"203.0.113.99 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1 "-" "x""#;
    let begin = format!(r#"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 404 1 "-" "{long}"#);
    let cri = |stream: &str, tag: &str, text: &str| format!("2000-10-10T13:55:36.1Z {stream} {tag} {text}");
    let docker = |stream: &str, text: &str, end: &str| {
        let text = text.replace('"', "\\\"");
        format!(r#"{{"log":"{text}{end}","stream":"{stream}"}}"#)
    };
    let in_cri = [
        cri("stdout", "F", INNER),
        cri("stdout", "P", &begin),
        cri("stderr", "P", "2000/10/10 13:55:36 [error] x"),
        cri("stdout", "P", forged),
        cri("stderr", "F", forged),
        cri("stdout", "F", forged),
        cri("stdout", "F", INNER),
    ];
    let in_docker = [
        docker("stdout", INNER, "\\n"),
        docker("stdout", &begin, ""),
        docker("stdout", &format!("{forged}{long}"), ""),
        docker("stdout", forged, "\\n"),
        docker("stdout", INNER, "\\n"),
    ];
    for lines in [&in_cri[..], &in_docker[..]] {
        for first in [
            crate::Layout::auto(),
            crate::Layout::first(crate::Format::NginxCombined),
        ] {
            let whole = read_all(&first, lines);
            assert_eq!(whole.iter().filter(|(read, _)| read.is_some()).count(), 3);
            for cut in 0..=lines.len() {
                let (before, after) = lines.split_at(cut);
                let mut parser = crate::Parser::new(&first);
                for line in before {
                    let _ = parser.parse(line.as_bytes(), &mut crate::Record::default());
                }
                let bytes = before.iter().map(String::as_bytes);
                assert_eq!(first.behind(bytes), parser.layout(), "{cut}");
                let stored = crate::Layout::from_state(&parser.layout().state()).unwrap();
                assert_eq!(read_all(&stored, after), whole[cut..], "{cut}");
                assert_eq!(stored.for_whole_line(), first);
            }
        }
    }
}

#[test]
fn plain_lines_leave_nothing_behind() {
    let plain = std::iter::repeat_n(INNER.as_bytes(), 20);
    let left = |goes_on| Left { goes_on, bare: false };
    assert_eq!(
        behind(plain.clone(), |_| false, left([false; 2])),
        left([false; 2])
    );
    assert_eq!(behind(plain, |_| false, left([true, false])), left([true, false]));
    let part = b"2000-10-10T13:55:36.1Z stderr P x".as_slice();
    let lines = [part, INNER.as_bytes(), b""];
    assert_eq!(
        behind(lines.into_iter(), |_| false, left([false; 2])),
        left([false, true])
    );
}

#[test]
fn a_line_in_parts_is_read_as_far_as_the_first_goes() {
    let long = "A".repeat(17_000);
    let forged = r#"203.0.113.99 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1 "-" "x""#;
    let begin = r#"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET /.env HTTP/1.1" 404 1"#;
    let cri = |tag: &str, text: &str| format!("2000-10-10T13:55:36.1Z stdout {tag} {text}");
    let docker = |text: &str, end: &str| {
        format!(
            r#"{{"log":"{}{end}","stream":"stdout"}}"#,
            text.replace('"', "\\\"")
        )
    };
    let known = Some("192.0.2.7 Some(404)".to_owned());
    let unknown = Some("192.0.2.7 None".to_owned());
    for (part, want) in [
        (format!(r#"{begin} "-" "{long}"#), (known.clone(), 17_000)),
        (format!(r#"{begin} "-" "{long}\x"#), (known.clone(), 17_000)),
        (format!(r#"{begin} "{long}"#), (known.clone(), 0)),
        (
            format!(r#"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET /{long}"#),
            (unknown, 0),
        ),
        (long.clone(), (None, 0)),
    ] {
        let lines = [
            [
                cri("P", &part),
                cri("P", forged),
                cri("F", forged),
                cri("F", INNER),
            ],
            [
                docker(&part, ""),
                docker(&format!("{forged}{long}"), ""),
                docker(forged, "\\n"),
                docker(INNER, "\\n"),
            ],
        ];
        for lines in lines {
            for layout in [
                crate::Layout::auto(),
                crate::Layout::first(crate::Format::NginxCombined),
            ] {
                let read = read_all(&layout, &lines);
                let last = (Some("192.0.2.7 Some(200)".to_owned()), 0);
                assert_eq!(
                    read,
                    [want.clone(), (None, 0), (None, 0), last],
                    "{}",
                    &lines[0][..60]
                );
            }
        }
    }
}

#[test]
fn entries_without_line_ends_are_no_parts() {
    let entry = |target: &str| {
        let target = target.repeat(1 + 17_000 * usize::from(target == "a"));
        format!(
            r#"{{"stream":"stdout","log":"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"GET /{target} HTTP/1.1\" 200 5 \"-\" \"c\""}}"#
        )
    };
    let lines = [entry("x"), entry("a"), entry("../etc/passwd"), entry("x")];
    for layout in [
        crate::Layout::auto(),
        crate::Layout::first(crate::Format::NginxCombined),
    ] {
        let read = read_all(&layout, &lines);
        assert!(read.iter().all(|(peer, _)| peer.is_some()), "{read:?}");
        for cut in 1..lines.len() {
            let (before, after) = lines.split_at(cut);
            let behind = layout.behind(before.iter().map(String::as_bytes));
            let stored = crate::Layout::from_state(&behind.state()).unwrap();
            assert_eq!(read_all(&stored, after), read[cut..], "{cut}");
        }
    }
}

/// Entries of a log as containerd writes it, where the line at hand was cut.
fn cut_entries(line: &str) -> [String; 2] {
    let (first, rest) = line.split_at(16_384);
    let cri = |tag: &str, text: &str| format!("2026-11-21T10:00:00.1Z stdout {tag} {text}");
    [cri("P", first), cri("F", rest)]
}

/// What the first part of a cut line is read as.
fn first_part(layout: &crate::Layout, line: &str) -> Result<(String, usize, usize), Reason> {
    let lines = cut_entries(line);
    let mut record = Record::default();
    let mut parser = crate::Parser::new(layout);
    let read = parser.parse(lines[0].as_bytes(), &mut record);
    let text = |bytes: &Option<crate::Bytes<'_>>| bytes.as_deref().map_or(0, <[u8]>::len);
    let told = (
        String::from_utf8_lossy(record.peer_text).into_owned(),
        text(&record.target),
        text(&record.user_agent),
    );
    let read = match read {
        Ok(crate::Line::Record) => Ok(told),
        Ok(crate::Line::Skip(_)) => panic!("skipped: {}", &line[..60]),
        Err(reject) => Err(reject.reason),
    };
    let rest = parser.parse(lines[1].as_bytes(), &mut Record::default());
    assert_eq!(rest, Ok(crate::Line::Skip(crate::Skip::OtherStream)));
    read
}

#[test]
fn of_a_cut_object_the_first_part_is_read() {
    let caddy = |uri: &str, agent: &str| {
        format!(
            r#"{{"level":"info","ts":1646861401.5,"logger":"http.log.access","msg":"handled request","request":{{"remote_ip":"192.0.2.7","remote_port":"1","proto":"HTTP/2.0","method":"GET","host":"h","uri":"{uri}","headers":{{"User-Agent":["{agent}"]}}}},"duration":2,"size":1,"status":200}}"#
        )
    };
    let nginx = |uri: &str, agent: &str| {
        format!(
            r#"{{"time":"2026-03-29T03:00:00+02:00","remote_addr":"192.0.2.7","request":"GET {uri} HTTP/1.1","status":404,"http_user_agent":"{agent}"}}"#
        )
    };
    let long = "A".repeat(17_000);
    let target = format!("/{long}");
    for (format, path, agent) in [
        ("caddy", caddy(&target, "x"), caddy("/a", &long)),
        ("nginx-json", nginx(&target, "x"), nginx("/a", &long)),
    ] {
        for layout in [
            crate::Layout::auto(),
            crate::Layout::first(crate::Format::from_name(format).unwrap()),
            crate::Layout::from_option(format).unwrap(),
        ] {
            let (peer, target, _) = first_part(&layout, &path).unwrap();
            assert_eq!((&*peer, target > 15_000), ("192.0.2.7", true), "{format}");
            let (peer, target, agent) = first_part(&layout, &agent).unwrap();
            assert_eq!(
                (&*peer, target, agent > 15_000),
                ("192.0.2.7", 2, true),
                "{format}"
            );
        }
    }
    let late = format!(
        r#"{{"time":"2026-03-29T03:00:00+02:00","client_ip":"203.0.113.9","request":"GET / HTTP/1.1","status":404,"http_user_agent":"{long}","remote_addr":"192.0.2.7"}}"#
    );
    let read = first_part(&crate::Layout::first(crate::Format::NginxJson), &late);
    assert!(read.as_ref().is_ok_and(|(peer, ..)| peer.is_empty()), "{read:?}");
}

#[test]
fn of_a_declared_format_the_first_part_is_read_or_refused() {
    let long = "A".repeat(17_000);
    let path = format!(r#"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET /{long} HTTP/1.1" 200 5"#);
    let agent = format!(r#"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "{long}""#);
    for format in [
        "nginx-combined",
        "nginx-main",
        "ingress-nginx",
        "apache-combinedio",
        "traefik-clf",
        r#"nginx:$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for""#,
    ] {
        let layout = crate::Layout::from_option(format).unwrap();
        for line in [&path, &agent] {
            let (peer, ..) = first_part(&layout, line).unwrap();
            assert_eq!(peer, "192.0.2.7", "{format}");
        }
    }
    let envoy = format!(
        r#"[2026-11-21T10:00:00.000Z] "GET /{long} HTTP/1.1" 200 - 0 5 10 9 "192.0.2.7" "x" "u" "h" "10.0.0.9:80""#
    );
    for layout in [
        crate::Layout::first(crate::Format::Envoy),
        crate::Layout::from_option("envoy").unwrap(),
    ] {
        assert_eq!(first_part(&layout, &envoy), Err(Reason::Truncated));
    }
}

#[test]
fn a_record_with_a_member_named_log_is_no_containers() {
    let text = "x".repeat(20_000);
    let own = format!(
        r#"{{"remote_addr":"192.0.2.7","time_iso8601":"2026-11-21T10:00:00+00:00","request":"GET /a HTTP/1.1","status":"200","log":"{text}"}}"#
    );
    for layout in [
        crate::Layout::preset(crate::Format::NginxJson),
        crate::Layout::first(crate::Format::NginxJson),
    ] {
        let mut parser = crate::Parser::new(&layout);
        let read = parser.parse(own.as_bytes(), &mut crate::Record::default());
        assert_eq!(read, Ok(crate::Line::Record));
        assert_eq!(layout.behind([own.as_bytes()].into_iter()), parser.layout());
        assert!(!parser.layout().is_within_line());
    }
}

#[test]
fn a_cut_line_is_of_its_logs_own_format() {
    let long = "A".repeat(17_000);
    let line = format!(r#"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "{long}""#);
    for format in [
        crate::Format::TraefikClf,
        crate::Format::IngressNginx,
        crate::Format::NginxMain,
        crate::Format::ApacheCombinedio,
    ] {
        let entry = cut_entries(&line);
        let mut record = Record::default();
        let read = crate::Parser::new(&crate::Layout::first(format)).parse(entry[0].as_bytes(), &mut record);
        assert_eq!((read, record.format), (Ok(crate::Line::Record), Some(format)));
    }
}
