//! Headers that name the client and stand without quotes: what a client sends in them, or as a user, neither hides
//! him nor blames another.

use super::*;

const REST: &str = r#"[10/Oct/2000:13:55:36 -0700] "GET /1 HTTP/1.1" 401 5"#;

/// Peer, header and user of a line that begins so.
fn told(layout: &Layout, begin: &str) -> Result<(String, String, String), Reject> {
    let line = format!("{begin} {REST}");
    let record = read(layout, &line)?;
    let header = record.header("x-forwarded-for").unwrap_or_default();
    Ok((
        peer(&record),
        String::from_utf8_lossy(header).into_owned(),
        text(&record.user),
    ))
}

#[test]
fn a_header_before_the_peer_holds_a_list_or_anything() {
    let layout = Layout::apache(r#"%{X-Forwarded-For}i %h %l %u %t \"%r\" %>s %b"#).unwrap();
    for (begin, header, user) in [
        ("- 10.0.0.7 - -", "", ""),
        ("8.8.4.4 10.0.0.7 - -", "8.8.4.4", ""),
        ("8.8.4.4, 1.1.1.1 10.0.0.7 - -", "8.8.4.4, 1.1.1.1", ""),
        ("8.8.4.4 10.0.0.7 - bob smith", "8.8.4.4", "bob smith"),
        ("a b 10.0.0.7 - -", "a b", ""),
        ("8.8.4.4, 10.0.0.7 - -", "8.8.4.4,", ""),
    ] {
        let want = ("10.0.0.7".to_owned(), header.to_owned(), user.to_owned());
        assert_eq!(told(&layout, begin), Ok(want), "{begin}");
    }
    for forged in [
        "a 6.6.6.6 - x 10.0.0.7 - -",
        "x, 10.0.0.7 - 6.6.6.6 - y",
        "a 6.6.6.6 - x, 10.0.0.7 - -",
    ] {
        assert_eq!(
            told(&layout, forged).unwrap_err().reason,
            Reason::TwoPeers,
            "{forged}"
        );
    }
}

#[test]
fn a_header_behind_the_peer_holds_a_list_or_anything() {
    let apache = Layout::apache(r#"%h %{X-Forwarded-For}i %l %u %t \"%r\" %>s %b"#).unwrap();
    let nginx = nginx(
        r#"$remote_addr $http_x_forwarded_for $remote_user [$time_local] "$request" $status $bytes_sent"#,
    );
    for (layout, ident) in [(&apache, "- "), (&nginx, "")] {
        for (header, user) in [
            ("-", "-"),
            ("8.8.4.4", "-"),
            ("8.8.4.4, 1.1.1.1", "-"),
            ("8.8.4.4, 1.1.1.1", "bob smith"),
            ("a b, 1.1.1.1", "-"),
            ("unknown, 2001:db8::1", "bob"),
        ] {
            let begin = format!("10.0.0.7 {header} {ident}{user}");
            let absent = |text: &str| text.strip_prefix('-').unwrap_or(text).to_owned();
            let want = ("10.0.0.7".to_owned(), absent(header), absent(user));
            assert_eq!(told(layout, &begin), Ok(want), "{begin}");
        }
    }
    // The true client is 1.1.1.1 in each, and the line alone cannot tell: the header names nobody.
    for forged in [
        "10.0.0.7 6.6.6.6 - x, 1.1.1.1 - -",
        "10.0.0.7 1.1.1.1 - a, 6.6.6.6 - y",
    ] {
        let (peer, header, _) = told(&apache, forged).unwrap();
        assert_eq!((peer.as_str(), header.as_str()), ("10.0.0.7", ""), "{forged}");
    }
    let two = super::nginx(
        r#"$remote_addr $http_x_forwarded_for $http_x_real_ip $remote_user [$time_local] "$request" $status $bytes_sent"#,
    );
    let (_, header, _) = told(&two, "10.0.0.7 1.1.1.1 1.1.1.1 6.6.6.6 x").unwrap();
    assert_eq!(header, "", "a second address may be the user's");
    // What no proxy wrote is still a line.
    assert_eq!(told(&apache, "10.0.0.7 a b - -").unwrap().0, "10.0.0.7");
}

#[test]
fn an_ident_that_somebody_told_is_kept() {
    let layout = Layout::apache(r#"%h %{X-Forwarded-For}i %l %u %t \"%r\" %>s %b"#).unwrap();
    let line = format!("10.0.0.7 8.8.4.4 bob joe {REST}");
    let record = read(&layout, &line).unwrap();
    assert_eq!(
        (extra(&record, "ident"), text(&record.user)),
        (Some(&b"bob"[..]), "joe".to_owned())
    );
    let layout = Layout::apache(r#"%v %h %l %u %t \"%r\" %>s %b"#).unwrap();
    let line = format!("h 10.0.0.7 bob joe {REST}");
    assert_eq!(extra(&read(&layout, &line).unwrap(), "ident"), Some(&b"bob"[..]));
}

#[test]
fn a_list_that_is_ambiguous_costs_little() {
    let layout = nginx(r#"$remote_addr $http_x_forwarded_for $http_a $remote_user $http_b [$time_local]"#);
    for piece in ["a ", "- ", ", ", ": ", "1.1.1.1, ", "1.1.1.1 "] {
        let line = format!("10.0.0.7 {}", piece.repeat(100_000));
        assert!(read(&layout, &line).is_err());
    }
}

/// Address, header and whether the header is unclear, of a line as it stands.
fn named(layout: &Layout, line: &str, header: &str) -> (String, Option<String>, bool) {
    let record = read(layout, line).unwrap_or_else(|why| panic!("{why}: {line}"));
    let value = record
        .header(header)
        .map(|value| String::from_utf8_lossy(value).into_owned());
    (peer(&record), value, record.is_unclear(header))
}

#[test]
fn a_header_before_the_peer_that_is_not_clear_names_nobody() {
    let apache = Layout::apache(r#"%{X-Forwarded-For}i %h %l %u %t \"%r\" %>s %b"#).unwrap();
    let nginx = nginx(
        r#"$http_x_forwarded_for $remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent"#,
    );
    for layout in [&apache, &nginx] {
        let line = format!("8.9.10.11 127.0.0.1 - x, 1.1.1.1 127.0.0.1 - - {REST}");
        let want = ("127.0.0.1".to_owned(), None, true);
        assert_eq!(named(layout, &line, "x-forwarded-for"), want);
        assert_eq!(text(&read(layout, &line).unwrap().target), "/1", "{line}");
        let line = format!("8.9.10.11, 1.1.1.1 127.0.0.1 - - {REST}");
        let want = (
            "127.0.0.1".to_owned(),
            Some("8.9.10.11, 1.1.1.1".to_owned()),
            false,
        );
        assert_eq!(named(layout, &line, "x-forwarded-for"), want);
    }
}

#[test]
fn whatever_ends_a_header_it_is_clear_or_names_nobody() {
    for (format, honest, forged) in [
        (
            "$remote_addr|$http_x_forwarded_for|$http_user_agent|$time_local|$request|$status",
            "10.0.0.7|8.8.4.4, 1.1.1.1|curl|TIME|GET / HTTP/1.1|200",
            "10.0.0.7|6.6.6.6|z, 1.1.1.1|curl|TIME|GET / HTTP/1.1|200",
        ),
        (
            "$remote_addr|$proxy_add_x_forwarded_for|$http_user_agent|$status",
            "10.0.0.7|8.8.4.4, 1.1.1.1|curl/8 x|200",
            "10.0.0.7|6.6.6.6|z, 1.1.1.1|curl|200",
        ),
        (
            "$remote_addr [$http_x_forwarded_for] [$http_user_agent] $status",
            "10.0.0.7 [8.8.4.4, 1.1.1.1] [curl] 200",
            "10.0.0.7 [6.6.6.6] [z, 1.1.1.1] [curl] 200",
        ),
        (
            "$remote_addr ($http_x_forwarded_for) - $remote_user [$time_local] $status",
            "10.0.0.7 (8.8.4.4, 1.1.1.1) - bob [TIME] 200",
            "10.0.0.7 (6.6.6.6) - z, 1.1.1.1) - bob [TIME] 200",
        ),
        (
            "$remote_addr xff=$http_x_forwarded_for; ua=$http_user_agent; $status",
            "10.0.0.7 xff=8.8.4.4, 1.1.1.1; ua=curl; 200",
            "10.0.0.7 xff=6.6.6.6; ua=z, 1.1.1.1; ua=curl; 200",
        ),
        (
            "$remote_addr,$http_x_forwarded_for,$http_user_agent,$time_local,$status",
            "10.0.0.7,8.8.4.4, 1.1.1.1,Mozilla/5.0 (KHTML, like Gecko),TIME,200",
            "10.0.0.7,6.6.6.6,z, 1.1.1.1,curl,TIME,200",
        ),
        (
            "$remote_addr,$http_user_agent,$http_x_forwarded_for,$time_local,$status",
            "10.0.0.7,Mozilla/5.0 (KHTML, like Gecko),8.8.4.4, 1.1.1.1,TIME,200",
            "10.0.0.7,curl,6.6.6.6,x, 1.1.1.1,TIME,200",
        ),
    ] {
        let layout = nginx(format);
        let line = |text: &str| text.replace("TIME", TIME);
        let want = |value: Option<&str>| ("10.0.0.7".to_owned(), value.map(str::to_owned), value.is_none());
        let read = named(&layout, &line(honest), "x-forwarded-for");
        assert_eq!(read, want(Some("8.8.4.4, 1.1.1.1")), "{honest}");
        assert_eq!(
            named(&layout, &line(forged), "x-forwarded-for"),
            want(None),
            "{forged}"
        );
    }
    // The user may begin with a space.
    let layout = nginx("$remote_addr,$http_x_forwarded_for,$remote_user,$status");
    assert!(named(&layout, "10.0.0.7,1.1.1.1, 6.6.6.6,bob,200", "x-forwarded-for").2);
}

#[test]
fn every_header_that_may_name_a_client_is_guarded() {
    for (variable, header, honest, forged) in [
        (
            "forwarded",
            "forwarded",
            "for=8.8.4.4, for=1.1.1.1",
            "for=6.6.6.6 x, for=1.1.1.1",
        ),
        (
            "x_azure_clientip",
            "x-azure-clientip",
            "1.1.1.1",
            "6.6.6.6 x 1.1.1.1",
        ),
        ("x_mine", "x-mine", "1.1.1.1", "6.6.6.6 1.1.1.1"),
    ] {
        let layout = nginx(&format!(
            r#"$remote_addr $http_{variable} $remote_user [$time_local] "$request" $status $bytes_sent"#
        ));
        let read = named(&layout, &format!("10.0.0.7 {honest} - {REST}"), header);
        assert_eq!(
            read,
            ("10.0.0.7".to_owned(), Some(honest.to_owned()), false),
            "{header}"
        );
        let (peer, _, unclear) = named(&layout, &format!("10.0.0.7 {forged} - {REST}"), header);
        assert!(unclear && peer == "10.0.0.7", "{header}");
    }
    let layout =
        nginx("$remote_addr - $remote_user $http_x_azure_clientip $http_user_agent [$time_local] $status");
    for (text, unclear) in [
        ("bob 1.1.1.1 Mozilla/5.0 (X11; x)", false),
        ("a 6.6.6.6 z 1.1.1.1 curl", true),
    ] {
        let line = format!("10.0.0.7 - {text} [{TIME}] 200");
        assert_eq!(named(&layout, &line, "x-azure-clientip").2, unclear, "{line}");
    }
}

#[test]
fn an_entry_that_is_unknown_ends_the_list() {
    let layout = nginx(
        r#"$remote_addr $http_x_forwarded_for $remote_user [$time_local] "$request" $status $bytes_sent"#,
    );
    let (_, header, unclear) = named(
        &layout,
        &format!("10.0.0.7 8.8.4.4, unknown - {REST}"),
        "x-forwarded-for",
    );
    assert_eq!((header.as_deref(), unclear), (Some("8.8.4.4, unknown"), false));
}

#[test]
fn a_header_forges_neither_time_nor_path_nor_status() {
    let layout = nginx("$remote_addr|$http_x_forwarded_for|$time_local|$request|$status|$http_user_agent");
    let fake = "6.6.6.6|09/Oct/2000:13:55:36 -0700|GET /fake HTTP/1.1|200|z, 1.1.1.1";
    let line = format!("10.0.0.7|{fake}|{TIME}|GET /real HTTP/1.1|404|sqlmap");
    let record = read(&layout, &line).unwrap();
    assert_eq!(
        (peer(&record), record.status, record.target.is_none()),
        ("10.0.0.7".to_owned(), None, true)
    );
    assert!(record.is_unclear("x-forwarded-for") && record.user_agent.is_none());
    assert_eq!(text(&record.malformed_request), line);
    let line = format!("10.0.0.7|1.1.1.1|{TIME}|GET /a|b HTTP/1.1|404|x|y");
    let record = read(&layout, &line).unwrap();
    assert_eq!(
        (text(&record.target), record.status),
        ("/a|b".to_owned(), Some(404))
    );
}

#[test]
fn a_line_that_names_two_peers_is_refused_for_good() {
    let layout =
        nginx(r#"$http_x_id $remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent"#);
    let line = format!("h 203.0.113.9 - x 192.0.2.7 - - {REST}");
    for layout in [&layout, &layout.or_any()] {
        assert_eq!(read(layout, &line).unwrap_err().reason, Reason::TwoPeers);
        assert!(Parser::new(layout).names_two_peers(line.as_bytes()));
        assert!(!Parser::new(layout).names_two_peers(format!("h 192.0.2.7 - - {REST}").as_bytes()));
    }
    // Of two formats that are declared for a log, one names the peer that the client chose.
    let several = layout.or(&Layout::preset(Format::ApacheVhostCombined));
    assert_eq!(read(&several, &line).unwrap().peer, None);
}

#[test]
fn an_honest_line_of_many_words_is_clear() {
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0 a b";
    for (format, line) in [
        (
            "$remote_addr $http_x_forwarded_for - $remote_user [$time_local] $request $status $bytes_sent $http_user_agent",
            format!("10.0.0.7 8.8.4.4, 1.1.1.1 - - [{TIME}] GET /a?b=c HTTP/1.1 404 5 {agent}"),
        ),
        (
            "$http_x_forwarded_for $remote_addr - $remote_user [$time_local] \"$request\" $status $bytes_sent $http_user_agent",
            format!("8.8.4.4, 1.1.1.1 10.0.0.7 - - [{TIME}] \"GET /a?b=c HTTP/1.1\" 404 5 {agent}"),
        ),
        (
            "$remote_addr $http_x_azure_clientip $http_user_agent [$time_local] \"$request\" $status $bytes_sent",
            format!("10.0.0.7 1.1.1.1 {agent} [{TIME}] \"GET /a?b=c HTTP/1.1\" 404 5"),
        ),
    ] {
        let record = read(&nginx(format), &line).unwrap();
        assert!(record.more.unclear.is_empty(), "{line}");
        assert_eq!(
            (record.status, text(&record.target).as_str()),
            (Some(404), "/a?b=c"),
            "{line}"
        );
    }
}

#[test]
fn a_header_that_ends_with_the_line_is_read_to_its_end() {
    for name in ["x_forwarded_for", "cf_connecting_ip", "x_real_ip", "forwarded"] {
        let layout = nginx(&format!(
            r#"$remote_addr [$time_local] "$request" $status $http_{name}"#
        ));
        for value in [
            "9.9.9.9",
            "9.9.9.9, 8.8.4.4",
            "for=9.9.9.9;by=8.8.4.4",
            "-",
            "-x",
            "a b",
        ] {
            let line = format!(r#"45.83.64.7 [10/Oct/2000:13:55:36 -0700] "GET /1 HTTP/1.1" 200 {value}"#);
            let record = read(&layout, &line).unwrap();
            let header = record.header(&name.replace('_', "-"));
            assert_eq!(header.unwrap_or(b"-"), value.as_bytes(), "{name}");
            assert_eq!((peer(&record).as_str(), record.status), ("45.83.64.7", Some(200)));
        }
    }
}

#[test]
fn a_user_behind_a_host_hides_no_line_and_moves_no_peer() {
    let layout =
        nginx(r#"$host $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent"#);
    for user in ["-", "- z", "x - z", "x 6.6.6.6 - z", "bob smith"] {
        let line = format!("shop.example 91.240.118.7 - {user} {REST}");
        let record = read(&layout, &line).map_err(|why| format!("{user}: {why}"));
        let record = record.unwrap();
        assert_eq!(peer(&record), "91.240.118.7", "{user}");
        assert_eq!(text(&record.host), "shop.example", "{user}");
    }
}
