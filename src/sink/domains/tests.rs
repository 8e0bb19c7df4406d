//! The five calls against a receiver that answers by script.

use super::super::Secret;
use super::super::receiver::{Receiver, Reply};
use super::*;

fn api(receiver: &Receiver) -> DomainsApi {
    let spec = OneFirewallSpec {
        end_point: receiver.url("/api/v2/ips"),
        api_key: Secret::new("k-1"),
        ..OneFirewallSpec::default()
    };
    let mut api = DomainsApi::new(&spec).unwrap();
    api.waits = vec![Duration::from_millis(1); 3];
    api
}

fn paths(receiver: &Receiver) -> Vec<String> {
    receiver
        .requests()
        .into_iter()
        .map(|request| format!("{} {}", request.method, request.path))
        .collect()
}

#[test]
fn a_check_gives_the_vendors_object_unchanged() {
    let object =
        r#"{"domain":"evil.example","score":900,"eval":"function(){}","big":12345678901234567890123}"#;
    let receiver = Receiver::script([Reply::body(200, format!("{object}\n"))]);
    assert_eq!(api(&receiver).check("Evil.Example.", true).unwrap(), object);
    assert_eq!(
        paths(&receiver),
        ["GET /api/v1/domains/evil.example?deep_scan=YES"]
    );
    assert_eq!(receiver.requests()[0].header("authorization"), Some("Bearer k-1"));
}

#[test]
fn a_list_is_read_page_by_page() {
    let page = |body: &str, next: &str| Reply::Answer {
        status: 200,
        headers: vec![("next_page", next.to_owned())],
        body: body.into(),
    };
    let receiver = Receiver::script([
        page("a.example\r\nb.example\n", "p 2"),
        page("c.example", "p3"),
        Reply::body(200, "\n"),
    ]);
    let mut lines = Vec::new();
    let count = api(&receiver).list(500, Some("https"), |line| {
        lines.push(line.to_owned());
        Ok(())
    });
    assert_eq!(
        (count, lines),
        (
            Ok(3),
            vec!["a.example".into(), "b.example".into(), "c.example".to_owned()]
        )
    );
    let base = "GET /api/v1/domains/score/500?format=CSV&protocol=HTTPS";
    assert_eq!(
        paths(&receiver),
        [
            base.to_owned(),
            format!("{base}&page=p%202"),
            format!("{base}&page=p3")
        ]
    );
}

#[test]
fn an_answer_that_was_cut_short_is_asked_for_again_and_never_taken_for_the_whole() {
    let collect = |receiver: &Receiver| {
        let mut lines = Vec::new();
        let end = api(receiver).list(500, None, |line| {
            lines.push(line.to_owned());
            Ok(())
        });
        (end, lines)
    };
    let receiver = Receiver::script([
        Reply::Cut("a.example\nb.exam"),
        Reply::body(200, "a.example\nb.example\n"),
    ]);
    assert_eq!(
        collect(&receiver),
        (Ok(2), vec!["a.example".to_owned(), "b.example".into()])
    );
    let receiver = Receiver::script([Reply::Cut("a.example\nb.exam")]);
    let (end, lines) = collect(&receiver);
    assert!(
        matches!(end, Err(DomainsError::Unavailable(_))) && lines.is_empty(),
        "{end:?}"
    );
    assert_eq!(receiver.count(), 4);
    let receiver = Receiver::script([Reply::Cut("{\"domain\":\"a"), Reply::body(200, "{}")]);
    assert_eq!(api(&receiver).check("a.example", false).as_deref(), Ok("{}"));
    // A report that was taken is not sent a second time because of how its answer ends.
    let receiver = Receiver::script([Reply::Cut("o")]);
    api(&receiver).report("a.example", 0.5, &[]).unwrap();
    assert_eq!(receiver.count(), 1);
}

#[test]
fn only_a_list_of_names_is_taken_for_one() {
    for (page, names) in [
        ("a.example\r\nb.example\n\n", Some(2)),
        ("a.example,b_c.example, d.example", Some(3)),
        ("https://a.example", Some(1)),
        ("b\u{fc}cher.example", Some(1)),
        ("", Some(0)),
        ("<html>\n<body>log in</body>\n</html>", None),
        ("a.example\n\u{1b}[31mred", None),
        ("a.example\n\u{202e}b.example", None),
        ("{\"error\":1}", None),
        ("two words", None),
    ] {
        assert_eq!(names_of(page.as_bytes()), names, "{page:?}");
    }
    assert_eq!(names_of(b"\x1f\x8b\x08a"), None);

    fn names_of(page: &[u8]) -> Option<usize> {
        names(page).ok().map(|names| names.len())
    }
}

#[test]
fn no_answer_shows_the_key() {
    for status in [400, 401, 402, 403, 404, 418] {
        // The key ends where the text is cut.
        for before in ["", &"x".repeat(297)] {
            let body = format!("{before}k-1");
            let receiver = Receiver::script([Reply::body(status, body)]);
            let error = api(&receiver).check("a.example", false).unwrap_err();
            assert!(!error.to_string().contains("k-1"), "{error}");
            assert!(!error.to_string().contains("xk"), "{error}");
        }
    }
}

#[test]
fn a_cursor_that_repeats_ends_the_call() {
    let receiver = Receiver::start(|_| Reply::Answer {
        status: 200,
        headers: vec![("next_page", "same".into())],
        body: b"a.example".to_vec(),
    });
    let error = api(&receiver).list(1, None, |_| Ok(())).unwrap_err();
    assert!(matches!(error, DomainsError::CursorRepeats(_)) && !error.is_usage());
    assert_eq!(receiver.requests().len(), 2);

    let receiver = Receiver::script([Reply::body(
        200,
        r#"{"header":{"next_ts":5},"body":[{"domain":"a.example"}]}"#,
    )]);
    assert!(matches!(
        api(&receiver).latest(5, |_| Ok(())),
        Err(DomainsError::CursorRepeats(_))
    ));
}

#[test]
fn json_on_one_line_means_the_same() {
    for (json, line) in [
        (
            "{\n  \"a b\" : [1.50, 12345678901234567890123] }\n",
            r#"{"a b":[1.50,12345678901234567890123]}"#,
        ),
        (r#"{"a\\" : "x \" y"}"#, r#"{"a\\":"x \" y"}"#),
        (r#"{ "\\\" " : " \\" }"#, r#"{"\\\" ":" \\"}"#),
    ] {
        assert_eq!(on_one_line(json), line);
    }
}

#[test]
fn latest_goes_on_until_nothing_comes() {
    let receiver = Receiver::script([
        Reply::body(
            200,
            r#"{"header":{"next_ts":20,"page_size":2,"eval":"evil()"},"body":[{"domain":"a"}, {"ts" : 1}]}"#,
        ),
        Reply::body(200, r#"{"header":{"next_ts":20,"page_size":0},"body":[]}"#),
    ]);
    let mut lines = Vec::new();
    let count = api(&receiver).latest(10, |line| {
        lines.push(line.to_owned());
        Ok(())
    });
    assert_eq!(
        (count, lines),
        (
            Ok(2),
            vec![r#"{"domain":"a"}"#.to_owned(), r#"{"ts":1}"#.to_owned()]
        )
    );
    let base = "GET /api/v1/domains?ts";
    assert_eq!(
        paths(&receiver),
        [
            format!("{base}=10&page_size=2000"),
            format!("{base}=20&page_size=2000")
        ]
    );
}

#[test]
fn reports_and_decisions_are_posted() {
    let receiver = Receiver::script([Reply::Status(200)]);
    let api = api(&receiver);
    api.report("evil.example", 0.5, &["phish".into()]).unwrap();
    for decision in [Decision::Block, Decision::Allow, Decision::Score] {
        api.decide("evil.example", decision).unwrap();
    }
    let bodies: Vec<String> = receiver
        .requests()
        .into_iter()
        .map(|request| String::from_utf8(request.body).unwrap())
        .collect();
    assert_eq!(
        bodies,
        [
            r#"{"domain":"evil.example","tags":["phish"],"confidence":0.5}"#,
            r#"{"decision":1}"#,
            r#"{"decision":0}"#,
            r#"{"decision":-1}"#
        ]
    );
    assert_eq!(
        paths(&receiver)[..2],
        ["POST /api/v1/domains", "POST /api/v1/domains/evil.example"]
    );
}

#[test]
fn a_server_that_takes_decisions_by_put_is_understood() {
    let receiver = Receiver::script([Reply::Status(405), Reply::Status(200)]);
    api(&receiver).decide("evil.example", Decision::Block).unwrap();
    assert_eq!(paths(&receiver)[1], "PUT /api/v1/domains/evil.example");
}

#[test]
fn refusals_are_told_apart_after_one_request() {
    for (status, expected) in [
        (400, DomainsError::Malformed("why".into())),
        (401, DomainsError::Unauthorised(401, "why".into())),
        (402, DomainsError::Credit("why".into())),
        (403, DomainsError::Unauthorised(403, "why".into())),
        (404, DomainsError::NotFound("why".into())),
        (302, DomainsError::Unexpected(302, "why".into())),
    ] {
        let receiver = Receiver::script([Reply::body(status, "why")]);
        assert_eq!(api(&receiver).check("evil.example", false), Err(expected));
        assert_eq!(receiver.requests().len(), 1, "{status}");
    }
}

#[test]
fn passing_troubles_are_tried_again_a_few_times() {
    let receiver = Receiver::script([
        Reply::Status(503),
        Reply::Close,
        Reply::Status(429),
        Reply::body(200, "{}"),
    ]);
    assert_eq!(api(&receiver).check("evil.example", false).as_deref(), Ok("{}"));
    let receiver = Receiver::script([Reply::Status(500)]);
    assert!(matches!(
        api(&receiver).check("evil.example", false),
        Err(DomainsError::Unavailable(_))
    ));
    assert_eq!(receiver.requests().len(), 4);
}

#[test]
fn bad_arguments_send_nothing() {
    let receiver = Receiver::script([Reply::Status(200)]);
    let api = api(&receiver);
    for domain in [
        "",
        "nodots",
        "a b.example",
        "a/b.example",
        "-a.example",
        "x..example",
        "h\u{fc}.example",
    ] {
        assert!(api.check(domain, false).unwrap_err().is_usage(), "{domain}");
    }
    for score in [0, 1001] {
        assert!(api.list(score, None, |_| Ok(())).unwrap_err().is_usage());
    }
    for confidence in [-0.1, 1.1, f64::NAN] {
        assert!(api.report("a.example", confidence, &[]).unwrap_err().is_usage());
    }
    assert_eq!(receiver.requests().len(), 0);
}
