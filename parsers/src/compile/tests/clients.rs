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
            Reason::Address,
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
