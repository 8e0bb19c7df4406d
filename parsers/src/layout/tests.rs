//! Layouts of several formats, by option, and as text.

use super::*;

#[test]
fn a_log_may_be_declared_in_several_formats() {
    let a = Layout::nginx(r#"$remote_addr "$request" $status"#, Escape::Nginx).unwrap();
    let b = Layout::nginx("$status\n:$remote_addr:$request", Escape::Json).unwrap();
    let layout = a.or(&b).or(&Layout::preset(Format::NginxCombined)).or(&a);
    let lines: [(&[u8], Option<u16>); 4] = [
        (br#"192.0.2.1 "GET / HTTP/1.1" 200"#, Some(200)),
        (b"404\n:192.0.2.1:GET / HTTP/1.1", Some(404)),
        (
            br#"192.0.2.1 - - [21/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 301 6 "-" "-""#,
            Some(301),
        ),
        (
            br#"192.0.2.1 - - [21/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 301 6"#,
            None,
        ),
    ];
    for layout in [Layout::from_state(&layout.state()).unwrap(), layout.clone()] {
        assert_eq!(layout.name(), "nginx");
        for (line, status) in lines {
            let mut record = Record::default();
            let read = Parser::new(&layout).parse(line, &mut record).ok();
            assert_eq!(
                read.and(record.status),
                status,
                "{}",
                String::from_utf8_lossy(line)
            );
        }
    }
    assert_eq!(Layout::from_state(&layout.state()), Some(layout));
    assert_eq!(Layout::from_state("or:9:only:auto"), None);
}

#[test]
fn of_several_formats_none_is_the_clients_choice() {
    let tail = r#""$request" $status [$time_local]"#;
    let read = |format: &str| Layout::nginx(&format!("{format} {tail}"), Escape::Nginx).unwrap();
    let (a, b) = (read("$remote_addr $http_x_id"), read("$http_x_id $remote_addr"));
    for (names, peer) in [
        ("192.0.2.7 ab", "192.0.2.7"),
        ("ab 192.0.2.7", "192.0.2.7"),
        ("192.0.2.7 -", "192.0.2.7"),
        ("- 192.0.2.7", "192.0.2.7"),
        // Either may be the peer.
        ("203.0.113.9 192.0.2.7", ""),
        ("unix: 192.0.2.7", ""),
    ] {
        let line = format!(r#"{names} "GET /x HTTP/1.1" 404 [10/Oct/2000:13:55:36 -0700]"#);
        for layout in [a.or(&b), b.or(&a)] {
            let mut record = Record::default();
            Parser::new(&layout).parse(line.as_bytes(), &mut record).unwrap();
            let named = record.peer.map(|peer| peer.to_string()).unwrap_or_default();
            assert_eq!((named.as_str(), record.status), (peer, Some(404)), "{line}");
            assert_eq!(record.target.as_deref(), Some(&b"/x"[..]), "{line}");
        }
    }
    // Apache may have looked a name up.
    let (a, b) = (
        Layout::apache(r#"%h %{X}i "%r" %>s"#).unwrap(),
        Layout::apache(r#"%{X}i %h "%r" %>s"#).unwrap(),
    );
    let mut record = Record::default();
    let line = br#"evil.example 203.0.113.9 "GET /x HTTP/1.1" 404"#;
    Parser::new(&a.or(&b)).parse(line, &mut record).unwrap();
    assert_eq!((record.peer, record.peer_text), (None, &b""[..]));
}

#[test]
fn options() {
    for (option, name) in [
        ("auto", "auto"),
        ("apache:combined", "apache-combined"),
        ("nginx:combined", "nginx-combined"),
        ("vhost_combined", "apache-vhost-combined"),
        ("nginx:$remote_addr $request", "nginx"),
        ("nginx:escape=json {\"a\":\"$remote_addr\"}", "nginx-json"),
        ("apache:%h %r", "apache"),
        ("caddy:ms", "caddy"),
        ("caddy-console:nanos", "caddy-console"),
    ] {
        assert_eq!(Layout::from_option(option).unwrap().name(), name, "{option}");
    }
    for (option, at) in [
        ("nonsense", 0),
        ("nginx:nonsense", 0),
        ("nginx:$remote_addr $remote_usr", 19),
        ("nginx:escape=none $remote_addr $", 31),
        ("nginx:escape=jsn $remote_addr", 13),
        ("apache:%h %Z", 10),
        ("caddy:hours", 6),
        ("caddy:", 6),
    ] {
        let error = Layout::from_option(option).unwrap_err();
        assert_eq!(error.at, at, "{option}: {error}");
        assert!(error.hint.is_some() || option.starts_with("apache"), "{option}");
    }
}

#[test]
fn an_option_may_be_what_stands_in_the_configuration() {
    for (option, plain) in [
        (r"nginx:$remote_addr\t$status", "nginx:$remote_addr\t$status"),
        ("nginx:'$remote_addr ' '$status'", "nginx:$remote_addr $status"),
        (
            "nginx:escape=json '{\"a\":\"$remote_addr\",'\n  '\"b\":$status}';",
            "nginx:escape=json {\"a\":\"$remote_addr\",\"b\":$status}",
        ),
        (r#"apache:"%h \"%r\"""#, r#"apache:%h \"%r\""#),
    ] {
        let plain = Layout::from_option(plain).unwrap();
        assert_eq!(Layout::from_option(option).unwrap(), plain, "{option}");
    }
    // Two values in quotes, which nothing would separate if they were the configuration's.
    assert!(Layout::from_option("nginx:'$remote_addr' '$status'").is_ok());
    assert_eq!(Layout::from_option(r"nginx:'\t$statsu'").unwrap_err().at, 9);
}

#[test]
fn a_state_leads_back() {
    let mut layouts = vec![
        Layout::auto(),
        Layout::auto().with_header(Some("#Fields: date time")),
    ];
    for &format in Format::ALL {
        layouts.push(Layout::preset(format));
        layouts.push(Layout::first(format).with_header(Some("#Fields: x")));
    }
    for format in ["$remote_addr \n:$request", "$remote_addr $mine"] {
        layouts.push(
            Layout::nginx_configured(format, Escape::Json)
                .unwrap()
                .with_header(Some("a\nb")),
        );
        layouts.push(Layout::nginx_configured(format, Escape::None).unwrap().or_any());
    }
    layouts.push(Layout::apache("%h é\n%r").unwrap());
    layouts.push(Layout::preset(Format::Caddy).with_durations(Unit::Millis));
    layouts.push(Layout::auto().with_left(Left {
        goes_on: [true, false],
        bare: true,
    }));
    let mine = Layout::nginx("$remote_addr \n:$request", Escape::Nginx).unwrap();
    layouts.push(mine.or(&Layout::auto()).with_left(Left {
        goes_on: [false, true],
        bare: false,
    }));
    let console = Layout::first(Format::CaddyConsole).with_durations(Unit::Nanos);
    layouts.push(console.with_header(Some("a:b")));
    for layout in layouts {
        assert_eq!(Layout::from_state(&layout.state()), Some(layout));
    }
    for text in [
        "",
        "auto",
        "first:nonsense",
        "other:auto",
        "parts:",
        "parts:1:only:auto",
        "parts:11",
    ] {
        assert_eq!(Layout::from_state(text), None, "{text}");
    }
}
