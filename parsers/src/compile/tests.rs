//! Compiled formats: the servers' own presets, administrators' inventions, mistakes and hostile lines.

use proptest::prelude::*;

use crate::{Bytes, Escape, Format, Layout, Line, Parser, Reason, Record, Reject};

mod beside;
mod clients;
mod times;
mod unescaped;

const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
const APACHE_COMBINED: &str = r#"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""#;
const TIME: &str = "10/Oct/2000:13:55:36 -0700";

fn read<'a>(layout: &Layout, line: &'a str) -> Result<Record<'a>, Reject> {
    let mut record = Record::default();
    Parser::new(layout)
        .parse(line.as_bytes(), &mut record)
        .map(|read| {
            assert_eq!(read, Line::Record);
            record
        })
}

fn nginx(format: &str) -> Layout {
    Layout::nginx(format, Escape::Nginx).unwrap()
}

fn text(value: &Option<Bytes<'_>>) -> String {
    value
        .as_deref()
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .unwrap_or_default()
}

fn peer(record: &Record<'_>) -> String {
    record.peer.map(|ip| ip.to_string()).unwrap_or_default()
}

fn extra<'r>(record: &'r Record<'_>, name: &str) -> Option<&'r [u8]> {
    record
        .more
        .extra
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, value)| value.as_ref())
}

#[test]
fn a_compiled_preset_reads_as_the_preset() {
    for (layout, preset) in [
        (nginx(COMBINED), Format::NginxCombined),
        (
            nginx(&COMBINED.replace("$remote_addr", "${remote_addr}")),
            Format::NginxCombined,
        ),
        (Layout::apache(APACHE_COMBINED).unwrap(), Format::ApacheCombined),
        (
            Layout::apache(&APACHE_COMBINED.replace("%h", "%a")).unwrap(),
            Format::ApacheCombined,
        ),
    ] {
        for line in [
            format!(r#"192.0.2.7 - - [{TIME}] "GET /a?b HTTP/1.1" 404 162 "http://r/" "curl/8""#),
            format!(r#"192.0.2.7 - bob smith [{TIME}] "GET /a b HTTP/1.1" 404 162 "" "-""#),
            format!(r#"192.0.2.7 - [x [{TIME}] "\x16\x03" 400 0 "-" "-""#),
            format!(r#"2001:db8::7 - - [{TIME}] "-" 000 0 "-" "-""#),
        ] {
            let mut got = read(&layout, &line).unwrap();
            let want = read(&Layout::preset(preset), &line).unwrap();
            got.format = want.format;
            got.server = want.server;
            got.more.extra.clear();
            got.more.used = want.more.used;
            assert_eq!(got, want, "{line}");
        }
    }
}

#[test]
fn an_apache_quote_does_not_end_a_value() {
    let line = format!(r#"192.0.2.7 - - [{TIME}] "GET /\" 200 9 \"-\" \"x HTTP/1.1" 404 - "a\\" "\"""#);
    let record = read(&Layout::apache(APACHE_COMBINED).unwrap(), &line).unwrap();
    assert_eq!(text(&record.target), r#"/" 200 9 "-" "x"#);
    assert_eq!(
        (text(&record.referrer), text(&record.user_agent)),
        ("a\\".to_owned(), "\"".to_owned())
    );
    assert_eq!(record.body_bytes, None);
}

#[test]
fn every_value_of_an_nginx_format_finds_its_place() {
    let layout = nginx(concat!(
        r#"${remote_addr}:$remote_port|$msec|$request_method $scheme://$host:$server_port "$request_uri" $server_protocol "#,
        r#"rt=$request_time ua="$http_user_agent" xff="$http_x_forwarded_for" up=$upstream_addr us=$upstream_status "#,
        r#"tls=$ssl_protocol/$ssl_cipher sni=$ssl_server_name ja3=$http_ssl_ja3_hash cc=$geoip2_data_country_code "#,
        r#"as=$geoip2_data_autonomous_system_number id=$request_id len=$request_length out=$bytes_sent $pipe"#,
    ));
    let line = concat!(
        r#"2001:db8::9:4711|971211336.250|GET https://shop.example:443 "/a?b=1" HTTP/2.0 rt=0.015 ua="x y" "#,
        r#"xff="198.51.100.1, 10.0.0.1" up=10.0.0.2:80, 10.0.0.3:80 : 10.0.0.4:80 us=502, 200 : 200 "#,
        r#"tls=TLSv1.3/TLS_AES_128_GCM_SHA256 sni=shop.example ja3=abc cc=FR as=AS64500 id=r1 len=300 out=400 ."#,
    );
    let record = read(&layout, line).unwrap();
    assert_eq!(
        (peer(&record), record.more.peer_port),
        ("2001:db8::9".to_owned(), Some(4711))
    );
    assert_eq!(record.time.unwrap().nanos(), 971_211_336_250_000_000);
    assert_eq!(
        (text(&record.method), text(&record.target)),
        ("GET".to_owned(), "/a?b=1".to_owned())
    );
    assert_eq!(
        (text(&record.host), record.more.server_port),
        ("shop.example".to_owned(), Some(443))
    );
    assert_eq!(record.http_version, Some(&b"2.0"[..]));
    assert_eq!(record.more.duration_ns, Some(15_000_000));
    assert_eq!(
        record.header("x-forwarded-for"),
        Some(&b"198.51.100.1, 10.0.0.1"[..])
    );
    assert_eq!(
        extra(&record, "upstream_addr"),
        Some(&b"10.0.0.2:80, 10.0.0.3:80 : 10.0.0.4:80"[..])
    );
    assert_eq!(text(&record.more.tls_version), "1.3");
    assert_eq!(text(&record.more.tls_server_name), "shop.example");
    assert_eq!(
        (record.more.country, record.more.asn),
        (Some(*b"FR"), Some(64_500))
    );
    assert_eq!(
        (record.more.request_bytes, record.more.response_bytes),
        (Some(300), Some(400))
    );
}

#[test]
fn a_json_format_written_by_hand() {
    let format = concat!(
        r#"{"time":"$time_iso8601","ip":"$remote_addr","req":"$request","status":$status,"#,
        r#""ut":$upstream_response_time,"ref":"$http_referer","ua":"$http_user_agent"}"#,
    );
    let layout = Layout::nginx(format, Escape::Json).unwrap();
    let line = concat!(
        r#"{"time":"2000-10-10T13:55:36-07:00","ip":"192.0.2.7","req":"GET /\"x\u0001 HTTP/1.1","status":200,"#,
        r#""ut":,"ref":"","ua":"a\\\" \"b"}"#,
    );
    let record = read(&layout, line).unwrap();
    assert_eq!(record.time.unwrap().secs(), 971_211_336);
    assert_eq!(text(&record.target), "/\"x\u{1}");
    assert_eq!(
        (record.referrer.is_none(), text(&record.user_agent)),
        (true, "a\\\" \"b".to_owned())
    );
    let line = line.replace(r#""ut":,"#, r#""ut":0.001, 0.002,"#);
    assert_eq!(peer(&read(&layout, &line).unwrap()), "192.0.2.7");
}

#[test]
fn escape_none_is_divided_where_everything_fits() {
    let layout = Layout::nginx(COMBINED, Escape::None).unwrap();
    let line = format!(r#"192.0.2.7 -  [{TIME}] "GET /"x" HTTP/1.1" 404 162 "" "say "hi" now""#);
    let record = read(&layout, &line).unwrap();
    assert_eq!(text(&record.target), "/\"x\"");
    assert_eq!(text(&record.user_agent), "say \"hi\" now");
    assert_eq!((record.user.is_none(), record.referrer.is_none()), (true, true));
}

#[test]
fn apache_directives_with_modifiers_and_pieces() {
    let layout = Layout::apache(concat!(
        r#"%v:%p %a %h %<u %{%Y-%m-%d %T}t.%{usec_frac}t %{%z}t %m %U%q %H %!200,304s %400,501{X-A}i %D %{ms}T %T "#,
        r#"%I/%O/%S %{SSL_PROTOCOL}x %{c}a %{pid}P %X %{UNIQUE_ID}e \"%{Cookie}i\" %{N}^ti %^FB 100%%"#,
    ))
    .unwrap();
    let line = concat!(
        r#"www.example:443 192.0.2.7 host.example bob 2000-10-10 13:55:36.000250 -0700 GET /a b?c=d HTTP/1.1 404 - "#,
        r#"1500 1 0 10/20/30 TLSv1.2 10.0.0.1 77 + uid1 "a=\"b\"" - 12 100%"#,
    );
    let record = read(&layout, line).unwrap();
    assert_eq!(
        (peer(&record), text(&record.host)),
        ("192.0.2.7".to_owned(), "www.example".to_owned())
    );
    assert_eq!(extra(&record, "remote_host"), Some(&b"host.example"[..]));
    assert_eq!(extra(&record, "connection_peer"), Some(&b"10.0.0.1"[..]));
    assert_eq!(record.time.unwrap().nanos(), 971_211_336_000_250_000);
    assert_eq!(
        (text(&record.method), text(&record.target)),
        ("GET".to_owned(), "/a b?c=d".to_owned())
    );
    assert_eq!((record.status, record.more.duration_ns), (Some(404), Some(0)));
    assert_eq!(
        (record.more.request_bytes, record.more.response_bytes),
        (Some(10), Some(20))
    );
    assert_eq!(record.header("cookie"), Some(&b"a=\"b\""[..]));
    assert_eq!(text(&record.more.request_id), "uid1");
    assert_eq!(text(&record.user), "bob");
}

#[test]
fn path_and_query_logged_apart_make_the_target() {
    let layout = Layout::apache(r#"%h,%t,"%m","%U","%q""#).unwrap();
    let record = |query: &str| {
        let line = format!(r#"192.0.2.7,[{TIME}],"GET","/a","{query}""#);
        text(&read(&layout, &line).unwrap().target)
    };
    assert_eq!(
        (record("?b=c"), record("")),
        ("/a?b=c".to_owned(), "/a".to_owned())
    );
}

#[test]
fn mistakes_are_shown_where_they_are() {
    for (error, at, hint) in [
        (
            Layout::nginx("$remote_adr [$time_local]", Escape::Nginx),
            0,
            "remote_addr",
        ),
        (Layout::nginx("a $statsu", Escape::Nginx), 2, "status"),
        (
            Layout::nginx("a $nothing_like_it", Escape::Nginx),
            2,
            "--format-from",
        ),
        (Layout::nginx("a ${status", Escape::Nginx), 2, ""),
        (Layout::nginx("a ${sta tus}", Escape::Nginx), 7, ""),
        (
            Layout::nginx("$status costs 5$", Escape::Nginx),
            15,
            "single quotes",
        ),
        (Layout::nginx("$status$request", Escape::Nginx), 7, "space"),
        (Layout::nginx("no variable", Escape::Nginx), 0, ""),
        (Layout::apache("%h %l %Z"), 6, ""),
        (Layout::apache("%h %{Referer"), 3, ""),
        (Layout::apache("%h %{Referer}"), 3, ""),
        (Layout::apache("%h %i"), 3, ""),
        (Layout::apache("%h %{%Q}t"), 3, "strftime"),
        (Layout::apache("%h %^xy"), 3, "trailer"),
        (Layout::apache("%h %"), 3, ""),
        (Layout::apache("%h %é"), 3, ""),
    ] {
        let error = error.unwrap_err();
        assert_eq!(error.at, at, "{error}");
        let hint = hint.replace("trailer", "^ti");
        assert!(error.to_string().contains(&hint), "{error}");
    }
    let error = Layout::apache("é %h %Z").unwrap_err();
    assert_eq!(error.caret("é %h %Z"), "é %h %Z\n     ^");
    assert_eq!(error.caret("x"), "x\n ^");
}

#[test]
fn any_variable_is_taken_from_a_configuration_that_works() {
    let layout = Layout::nginx_configured("$remote_addr $mine \"$request\"", Escape::Nginx).unwrap();
    let record = read(&layout, "192.0.2.7 a b \"GET / HTTP/1.1\"").unwrap();
    assert_eq!(extra(&record, "mine"), Some(&b"a b"[..]));
}

#[test]
fn a_client_that_writes_before_the_peer_cannot_be_another() {
    let layout = nginx(r#"$http_x_forwarded_for $remote_addr $http_x_other "$request""#);
    let honest = r#"203.0.113.1 192.0.2.7 - "GET / HTTP/1.1""#;
    assert_eq!(peer(&read(&layout, honest).unwrap()), "192.0.2.7");
    // Either of two addresses could be the peer: nobody is blamed.
    let forged = r#"x 203.0.113.1 y 192.0.2.7 - "GET / HTTP/1.1""#;
    assert_eq!(read(&layout, forged).unwrap_err().reason, Reason::TwoPeers);
    // The end of the format tells: the second word behind the true peer is no status.
    let layout = nginx("$http_user_agent $remote_addr $status");
    assert_eq!(
        peer(&read(&layout, "x 203.0.113.1 200 192.0.2.7 404").unwrap()),
        "192.0.2.7"
    );
}

#[test]
fn an_ambiguous_line_costs_little() {
    let layout = nginx(r#"$http_a $http_b $http_c $http_d $http_e $remote_addr [$time_local]"#);
    let forgeable = nginx(r#"$http_a $http_b $remote_addr $http_c "$request""#);
    // Without a budget in bytes each of these takes minutes.
    for piece in ["a ", "- ", ", ", "] "] {
        let line = piece.repeat(100_000);
        assert!(read(&layout, &line).is_err());
        assert!(read(&forgeable, &line).is_err());
    }
    let layout = Layout::nginx(COMBINED, Escape::None).unwrap();
    let line = format!(r#"192.0.2.7 - - [{TIME}] "{}"#, r#"" 200 1 " "#.repeat(50_000));
    let _ = read(&layout, &line);
}

proptest! {
    #[test]
    fn no_format_and_no_line_panics(format in ".{0,60}", line in prop::collection::vec(any::<u8>(), 0..120)) {
        for layout in [
            Layout::nginx_configured(&format, Escape::None),
            Layout::nginx(&format.replace('a', "$request "), Escape::Json),
            Layout::apache(&format),
            Layout::apache(&format.replace('a', "%{b}i%t")),
        ] {
            match layout {
                Ok(layout) => {
                    let _ = Parser::new(&layout).parse(&line, &mut Record::default());
                    prop_assert_eq!(Layout::from_state(&layout.state()), Some(layout));
                }
                Err(error) => {
                    prop_assert!(!error.caret(&format).is_empty());
                }
            }
        }
    }

    #[test]
    fn a_compiled_format_reads_what_nginx_writes(
        user in "[ -~]{0,12}", target in "[ -~]{0,20}", referrer in "[ -~]{0,20}", agent in "[ -~]{1,20}",
    ) {
        let write = |text: &str| text.replace('\\', r"\x5C").replace('"', r"\x22");
        let line = format!(
            r#"192.0.2.7 - {} [{TIME}] "GET /{} HTTP/1.1" 200 5 "{}" "{}""#,
            write(&user), write(&target), write(&referrer), write(&agent),
        );
        for layout in [nginx(COMBINED), Layout::preset(Format::NginxCombined), Layout::auto()] {
            let record = read(&layout, &line).unwrap();
            prop_assert_eq!(peer(&record), "192.0.2.7");
            prop_assert_eq!(text(&record.target), format!("/{target}"));
            if agent != "-" {
                prop_assert_eq!(text(&record.user_agent), agent.clone());
            }
        }
    }
}

#[test]
fn a_path_that_apache_decoded_may_hold_spaces() {
    let layout = Layout::apache(r#"%h %t "%m %U%q %H" %>s %{User-Agent}i"#).unwrap();
    for (request, target) in [
        ("GET /a b?q=1 2 HTTP/1.1", "/a b?q=1 2"),
        ("GET /a HTTP/1.0 b HTTP/1.1", "/a HTTP/1.0 b"),
        ("GET /a HTTP/1.1", "/a"),
    ] {
        let line = format!(r#"198.51.100.7 [21/Nov/2026:10:00:00 +0100] "{request}" 200 curl/8 x"#);
        let mut record = Record::default();
        let read = Parser::new(&layout).parse(line.as_bytes(), &mut record);
        assert_eq!(read, Ok(Line::Record), "{line}");
        assert_eq!(record.target.as_deref(), Some(target.as_bytes()), "{line}");
        assert_eq!(record.http_version, Some(&b"1.1"[..]), "{line}");
    }
}
