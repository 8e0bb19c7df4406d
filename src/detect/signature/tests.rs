//! The compiled rules on one event, against the views and hits expected by hand and the plain evaluator.

use std::borrow::Cow;

use afw_parsers::Record;
use proptest::prelude::*;

use super::*;
use crate::detect::RuleText;
use crate::detect::View;
use crate::detect::explain::Plain;
use crate::detect::testing::{record, with_record};

pub fn load(text: &str) -> Arc<Ruleset> {
    let text = RuleText {
        name: "t.yml".into(),
        text: text.to_owned(),
    };
    match Ruleset::load(&[text]) {
        Ok(ruleset) => Arc::new(ruleset),
        Err(problems) => panic!("{problems:?}"),
    }
}

/// A rule with this detection.
fn rule(detection: &str) -> Arc<Ruleset> {
    let body: String = detection.lines().map(|line| format!("  {line}\n")).collect();
    load(&format!("title: t\ndetection:\n{body}"))
}

fn fires(detection: &str, record: &Record<'_>) -> Option<View> {
    let ruleset = rule(detection);
    let mut signatures = Signatures::new(Arc::clone(&ruleset));
    with_record(record, |event| {
        let mut hits = Vec::new();
        signatures.inspect(event, &mut hits);
        let plain = Plain::new(event).first_view(&ruleset.rules()[0].expr());
        assert_eq!(hits.first().map(|hit| hit.view), plain, "{detection}");
        // Once more, now that texts are remembered.
        let mut again = Vec::new();
        signatures.inspect(event, &mut again);
        assert_eq!(hits, again, "{detection}");
        plain
    })
}

fn full() -> Record<'static> {
    let mut record = record("/Shop/Cart.PHP?id=42&q=a+b");
    record.referrer = Some(Cow::Borrowed(b"https://www.shop.example/start"));
    record.user_agent = Some(Cow::Borrowed(b"curl/8.5.0"));
    record.host = Some(Cow::Borrowed(b"shop.example"));
    record.body_bytes = Some(1234);
    record
}

#[test]
fn what_a_selection_asks() {
    let record = full();
    for (selection, holds) in [
        ("cs-uri: /shop/cart.php?id=42&q=a+b", true),
        ("cs-uri: /shop/cart.php", false),
        ("cs-uri-stem: /shop/cart.php", true),
        ("cs-uri|cased: /shop/cart.php?id=42&q=a+b", false),
        ("cs-uri-stem|cased|endswith: Cart.PHP", true),
        ("cs-uri-stem|cased|endswith: cart.php", false),
        ("cs-uri|contains: CART", true),
        ("cs-uri|startswith: /shop", true),
        ("cs-uri|startswith: shop", false),
        ("cs-uri|endswith: q=a+b", true),
        ("cs-uri|contains|all: [cart, id=]", true),
        ("cs-uri|contains|all: [cart, nope]", false),
        ("cs-uri|contains: [nope, cart]", true),
        ("cs-uri: '*cart*id=4?&*'", true),
        ("cs-uri: '*cart*id=4?'", false),
        ("cs-uri-query: id=42&q=a+b", true),
        ("cs-uri-query|startswith: id=", true),
        ("cs-uri-query|startswith: /shop", true),
        ("cs-uri-query|startswith: cart", false),
        ("cs-uri-query|contains: shop/cart", true),
        ("cs-uri-query|endswith: a+b", true),
        ("cs-uri-query|re: ^id=\\d+", true),
        ("url.query|contains: shop", false),
        ("url.query|startswith: id", true),
        ("c-uri-extension: php", true),
        ("c-uri-extension: ph", false),
        ("c-uri-extension: ['', php]", true),
        ("cs-host: shop.example", true),
        ("cs-host|endswith: .example", true),
        ("cs-referer|contains: SHOP.example", true),
        ("cs-referer|fieldref|contains: cs-host", true),
        ("cs-host|fieldref: cs-user-agent", false),
        ("cs-user-agent|startswith: curl", true),
        ("cs-user-agent|re: ^CURL", false),
        ("cs-user-agent|re|i: ^CURL", true),
        ("sc-status: 404", true),
        ("sc-status: [200, 404]", true),
        ("sc-status: 40?", true),
        ("sc-status: '4*'", true),
        ("sc-status|gte: 404", true),
        ("sc-status|gt: 404", false),
        ("sc-status|lt: 500", true),
        ("sc-status|lte: 403", false),
        ("sc-bytes|gt: 1e3", true),
        ("cs-method: get", true),
        ("cs-method|neq: GET", false),
        ("cs-method|neq: POST", true),
        ("c-ip|cidr: 192.0.2.0/24", true),
        ("c-ip|cidr: [10.0.0.0/8, 192.0.2.1/32]", true),
        ("c-ip|cidr: 10.0.0.0/8", false),
        ("c-ip: 192.0.2.1", true),
        ("c-ip: 192.0.2.*", true),
        ("cs-cookie: null", true),
        ("cs-cookie: ''", true),
        ("cs-cookie|exists: false", true),
        ("cs-cookie|exists: true", false),
        ("cs-cookie|contains: x", false),
        ("cs-cookie: '*'", false),
        ("cs-referer: null", false),
        ("cs-referer: ''", false),
        ("cs-referer: '*'", true),
        ("cs-referer|exists: yes", true),
        ("cs-cookie|neq: x", true),
        ("Image|endswith: curl", false),
        ("'@timestamp|hour': 23", true),
        ("'@timestamp|hour': 4", false),
        ("'@timestamp|year': 2026", true),
        ("'|re': ^curl", true),
        ("'|all': [cart, 404, curl]", true),
        ("'|all': [cart, 500]", false),
    ] {
        let detection = format!("s:\n  {selection}\ncondition: s");
        assert_eq!(fires(&detection, &record).is_some(), holds, "{selection}");
        let negated = format!("s:\n  {selection}\ncondition: not s");
        assert_eq!(fires(&negated, &record).is_some(), !holds, "not {selection}");
    }
}

#[test]
fn keywords_and_conditions() {
    let record = full();
    for (detection, holds) in [
        ("s: [nope, CURL]\ncondition: s", true),
        ("s: cart\ncondition: s", true),
        ("s: [404]\ncondition: s", true),
        ("s: ['ca*php']\ncondition: s", true),
        ("s: ['curl*404']\ncondition: s", false),
        ("a: cart\nb: nope\ncondition: a and not b", true),
        ("a: cart\nb: nope\ncondition: a and b", false),
        ("a: cart\nb: nope\ncondition: 1 of them", true),
        ("a: cart\nb: nope\ncondition: all of them", false),
        ("a1: cart\na2: shop\nb: nope\ncondition: all of a*", true),
        ("a1: cart\na2: shop\na3: nope\ncondition: 2 of a*", true),
        ("a1: cart\na2: nop\na3: nope\ncondition: 2 of a*", false),
        ("a: cart\nb: nope\ncondition: not 1 of b* and a", true),
        ("a: cart\n_b: nope\ncondition: all of them", true),
        ("a: nope\nb: cart\ncondition: [a, b]", true),
        (
            "a:\n  - cs-method: POST\n  - cs-uri|contains: cart\ncondition: a",
            true,
        ),
        ("a:\n  - cs-method: POST\n  - cart\ncondition: a", true),
        (
            "a:\n  cs-method: GET\n  cs-uri|contains: nope\ncondition: a",
            false,
        ),
    ] {
        assert_eq!(fires(detection, &record).is_some(), holds, "{detection}");
    }
}

#[test]
fn the_first_view_on_which_the_whole_rule_holds() {
    let traversal = "s:\n  cs-uri|contains: ../../\ncondition: s";
    for (target, view) in [
        ("/a/../../b", Some(View::Raw)),
        ("/a/..%2f..%2Fb", Some(View::Decoded)),
        ("/a/%252e%252e%252f..%252fb", Some(View::Decoded2)),
        ("/a/%c0%ae%c0%ae%c0%af../b", Some(View::Decoded)),
        ("/a/..%u2216..\\b", None),
        ("/a/..\\b", None),
        ("/a?x=..%5c..%5cb", Some(View::Normalized)),
    ] {
        assert_eq!(fires(traversal, &record(target)), view, "{target}");
    }
    let select = "s:\n  cs-uri-query|contains: union select\ncondition: s";
    for (target, view) in [
        ("/?x=1+UNION+SELECT", Some(View::Decoded)),
        ("/?x=1/**/union/*x*/select", Some(View::Normalized)),
        ("/union+select", None),
    ] {
        assert_eq!(fires(select, &record(target)), view, "{target}");
    }
    let env = "s:\n  cs-uri-stem: /.env\ncondition: s";
    for (target, view) in [
        ("//.env", Some(View::Normalized)),
        ("/%2eenv?x=%20", Some(View::Decoded)),
        ("/a/..;/.env", Some(View::Normalized)),
    ] {
        assert_eq!(fires(env, &record(target)), view, "{target}");
    }
}

#[test]
fn what_a_second_decoding_finds_hides_nothing_of_the_first() {
    let manager = "s:\n  cs-uri-stem|contains: /manager/html\ncondition: s";
    let union = "s:\n  cs-uri-query|contains: union select\ncondition: s";
    for (rule, target) in [
        (manager, "/manager;z/html"),
        (manager, "/manager;%252fz/html"),
        (union, "/x?id=1+union/*%252a%2fx*/select+a"),
        (union, "/x?id=1%01union%02select"),
        (union, "/x?id=1%a0union%a0select"),
        (union, "/x?id=1+union%23x%0aselect+1"),
    ] {
        assert_eq!(fires(rule, &record(target)), Some(View::Normalized), "{target}");
    }
}

#[test]
fn what_filters_a_line_as_logged_filters_its_views() {
    let rule = "s:\n  cs-uri|contains: select\nf:\n  cs-uri|contains: '%20'\ncondition: s and not f";
    assert_eq!(fires(rule, &record("/?select%20x")), None);
    assert_eq!(fires(rule, &record("/?select+x")), Some(View::Raw));
    // A filter that only a decoded view meets does not take back what held before.
    let rule = "s:\n  cs-uri|contains: select\nf:\n  cs-uri|contains: 'ok yes'\ncondition: s and not f";
    assert_eq!(fires(rule, &record("/?select+ok+yes")), Some(View::Raw));
}

#[test]
fn agents_and_referrers_have_views_too() {
    let mut line = full();
    line.user_agent = Some(Cow::Borrowed(b"$%7Bjndi:ldap://x%7D"));
    let rule = "s:\n  cs-user-agent|contains: '${jndi:'\ncondition: s";
    assert_eq!(fires(rule, &line), Some(View::Decoded));
    line.referrer = Some(Cow::Borrowed(b"http://x/?a=%27+or+1=1"));
    let rule = "s:\n  cs-referer|contains: \"' or \"\ncondition: s";
    assert_eq!(fires(rule, &line), Some(View::Decoded));
}

#[test]
fn what_holds_on_a_later_view_holds_again_once_the_text_is_remembered() {
    let mut line = full();
    // The text without which the test need not run stands in the line as logged already.
    line.referrer = Some(Cow::Borrowed(b"http://x/?a=union%2fx"));
    let rule = "s:\n  cs-referer|contains: 'union*/x'\ncondition: s";
    assert_eq!(fires(rule, &line), Some(View::Decoded));
}

/// Runs `test` on a request of a client that is on two lists.
fn on_lists<T>(lists: [&str; 2], test: impl FnOnce(&Event<'_, '_>) -> T) -> T {
    let address = crate::enrich::AddressFacts {
        lists: lists.map(Arc::from).into(),
        ..crate::enrich::AddressFacts::default()
    };
    with_record(&full(), |event| {
        test(&Event {
            address: &address,
            ..*event
        })
    })
}

#[test]
fn any_of_several_lists_will_do() {
    for (selection, holds) in [
        ("afw.lists: tor-exit", true),
        ("afw.lists: 'tor*it'", true),
        ("afw.lists|re: 'r-ex'", true),
        ("afw.lists|startswith: spam", true),
        ("afw.lists: other", false),
        ("afw.lists: null", false),
    ] {
        let ruleset = rule(&format!("s:\n  {selection}\ncondition: s"));
        let mut signatures = Signatures::new(Arc::clone(&ruleset));
        on_lists(["spamhaus-drop", "tor-exit"], |event| {
            let mut hits = Vec::new();
            signatures.inspect(event, &mut hits);
            assert_eq!(!hits.is_empty(), holds, "{selection}");
            let plain = Plain::new(event).first_view(&ruleset.rules()[0].expr());
            assert_eq!(plain.is_some(), holds, "{selection}");
        });
    }
}

#[test]
fn each_of_several_lists_is_compared() {
    let mut signatures = Signatures::new(rule("s:\n  afw.lists|gte: 400\ncondition: s"));
    let mut hits = |lists: [&str; 2]| {
        let mut hits = Vec::new();
        on_lists(lists, |event| signatures.inspect(event, &mut hits));
        hits.len()
    };
    assert_eq!(
        [["a", "b"], ["a", "b"], ["a", "b"], ["a", "404"]].map(&mut hits),
        [0, 0, 0, 1]
    );
}

#[test]
fn what_is_remembered_of_tests_is_bounded() {
    let rules = (0..20).map(|number| {
        format!("title: r{number}\ndetection:\n  s:\n    cs-uri|re: 'qq{number:02}[a-z]'\n  condition: s\n")
    });
    let mut signatures = Signatures::new(load(&rules.collect::<Vec<_>>().join("---\n")));
    // The same is found in each, and no two are answered alike.
    for line in 0..8_000_u32 {
        let word = |number: u32| format!("qq{number:02}{}", if line >> number & 1 == 1 { 'a' } else { '1' });
        let target: String = (0..20).map(word).collect();
        crate::detect::testing::with_event(&format!("/{target}"), |event| {
            let mut hits = Vec::new();
            signatures.inspect(event, &mut hits);
            assert_eq!(hits.len(), line.count_ones() as usize);
        });
        let (nodes, lists) = signatures.decisions.sizes();
        assert!(nodes <= 1 << 14 && lists <= nodes, "{nodes} {lists}");
    }
}

#[test]
fn tests_on_texts_met_once_are_not_kept() {
    let mut signatures = Signatures::new(rule("s:\n  cs-referer|re: '[0-9]{3}x$'\ncondition: s"));
    for number in 0..2_000 {
        let mut line = full();
        line.referrer = Some(Cow::Owned(format!("http://h.example/n{number}").into_bytes()));
        with_record(&line, |event| signatures.inspect(event, &mut Vec::new()));
        assert!(signatures.state.asked.len() < 10);
    }
}

#[test]
fn a_line_without_a_target_is_no_trouble() {
    let mut line = Record {
        malformed_request: Some(Cow::Borrowed(b"\x16\x03\x01?x")),
        ..Record::default()
    };
    assert!(fires("s:\n  cs-uri|startswith: \"\\x16\\x03\"\ncondition: s", &line).is_some());
    line.malformed_request = None;
    assert!(fires("s:\n  cs-uri: null\ncondition: s", &line).is_some());
    assert!(fires("s:\n  cs-uri-query: null\ncondition: s", &line).is_some());
}

#[test]
fn what_is_no_request_is_not_remembered_for_one_of_the_same_words() {
    let mut signatures = Signatures::new(rule("s:\n  afw.classification: scanner\ncondition: s"));
    let mut hits = |record: &Record<'_>| {
        let mut hits = Vec::new();
        with_record(record, |event| signatures.inspect(event, &mut hits));
        hits.len()
    };
    let request = record("/.env");
    let junk = Record {
        target: None,
        malformed_request: request.target.clone(),
        ..request.clone()
    };
    assert_eq!(
        [&junk, &junk, &junk, &request, &request, &request, &junk].map(&mut hits),
        [0, 0, 0, 1, 1, 1, 0]
    );
}

#[test]
fn no_two_tables_number_two_requests_alike() {
    let ruleset = rule("s:\n  cs-uri-stem: /x\ncondition: s");
    let mut numbers = Vec::new();
    for target in ["/a", "/b", "/c"] {
        let mut signatures = Signatures::new(Arc::clone(&ruleset));
        let mut number = |target: &str| {
            crate::detect::testing::with_event(target, |event| signatures.inspect(event, &mut Vec::new()));
            signatures.request_number()
        };
        // Met once, kept the second time, known the third.
        assert_eq!((number(target), number(target)), (None, None));
        let known = number(target);
        assert_eq!(number(target), known);
        numbers.push(known.expect("the request is remembered"));
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 3);
}

#[test]
fn what_is_left_with_a_request_stays_with_that_one() {
    let ruleset = rule("s:\n  cs-uri-stem: /x\ncondition: s");
    let mut signatures = Signatures::new(ruleset);
    let mut inspect = |target: &str, leave: Option<u64>| {
        crate::detect::testing::with_event(target, |event| signatures.inspect(event, &mut Vec::new()));
        let remark = signatures.remark();
        if let Some(word) = leave {
            signatures.leave(word);
        }
        remark
    };
    // Met once, kept the second time, known the third.
    for target in ["/a", "/b", "/a", "/b"] {
        assert_eq!(inspect(target, Some(9)), None);
    }
    assert_eq!(
        (inspect("/a", Some(7)), inspect("/b", Some(8))),
        (Some(0), Some(0))
    );
    assert_eq!((inspect("/a", None), inspect("/b", None)), (Some(7), Some(8)));
    assert_eq!((inspect("/new", Some(5)), inspect("/a", None)), (None, Some(7)));
}

#[test]
fn an_ordinary_line_allocates_nothing() {
    let mut text = String::new();
    for number in 0..300 {
        text.push_str(&format!(
            "title: r{number}\ndetection:\n  s:\n    cs-uri|contains: /evil{number}\n    cs-user-agent|contains: [bad{number}, Mozilla]\n  condition: s\n---\n"
        ));
    }
    let mut signatures = Signatures::new(load(&text));
    let record = full();
    with_record(&record, |event| {
        let mut hits = Vec::new();
        // What comes a second time is remembered.
        signatures.inspect(event, &mut hits);
        signatures.inspect(event, &mut hits);
        let info = allocation_counter::measure(|| signatures.inspect(event, &mut hits));
        assert_eq!(info.count_total, 0);
        assert_eq!(hits, []);
    });
}

#[test]
fn explaining_says_where_and_why_not() {
    let ruleset = load(
        "title: t\ndetection:\n  s:\n    cs-uri|contains: etc/passwd\n  f:\n    cs-method: POST\n  condition: s and not f\n",
    );
    let mut signatures = Signatures::new(ruleset);
    with_record(&record("/x?f=%252fetc%252fpasswd"), |event| {
        let explained = signatures.explain(event);
        assert_eq!(explained.len(), 1);
        assert_eq!(explained[0].fired, Some(View::Decoded2));
        let [found, missed] = explained[0].selections.as_slice() else {
            panic!("two selections")
        };
        assert_eq!(found.found[0].text, b"/x?f=/etc/passwd");
        assert_eq!(found.found[0].span, 6..16);
        assert!(!missed.holds);
        assert_eq!(missed.missed, ["cs-method is POST"]);
    });
}

#[test]
fn explaining_tells_what_all_of_would_be_needed_from_what_one_of_would_do() {
    let ruleset = load(
        "title: t\ndetection:\n  s:\n    cs-uri|contains: [/abc, /xyz]\n    sc-status: [500, 501, 502, 503, 504]\n    \
         cs-method|neq: GET\n    cs-version: HTTP/3\n  condition: s\n",
    );
    let mut signatures = Signatures::new(ruleset);
    with_record(&record("/abc"), |event| {
        let explained = signatures.explain(event);
        let outcome = &explained[0].selections[0];
        assert_eq!(outcome.found[0].asked, "cs-uri contains /abc");
        let status = "any of 5: sc-status is 500, sc-status is 501, sc-status is 502, sc-status is 503, …";
        assert_eq!(
            outcome.missed,
            [status, "not (cs-method is GET)", "cs-version is HTTP/3"]
        );
    });
}

#[test]
fn rules_of_every_shape_hold_where_they_should() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/rules/shapes.yml");
    let ruleset = load(&std::fs::read_to_string(path).unwrap());
    let mut signatures = Signatures::new(Arc::clone(&ruleset));
    let mut count = 0;
    for (index, rule) in ruleset.rules().iter().enumerate() {
        assert!(rule.examples.len() >= 2, "{}", rule.info.title);
        for example in &rule.examples {
            with_record(&example.record(), |event| {
                let mut hits = Vec::new();
                signatures.inspect(event, &mut hits);
                let fired = hits
                    .iter()
                    .find(|hit| hit.rule as usize == index)
                    .map(|hit| hit.view);
                let plain = Plain::new(event).first_view(&rule.expr());
                let told = format!("{} {}: {example:?}", rule.info.id, rule.info.title);
                assert_eq!(fired.is_some(), example.matches, "engine: {told}");
                assert_eq!(plain, fired, "plain: {told}");
            });
            count += 1;
        }
    }
    assert!(count > 120, "{count}");
}

/// Pieces that meet each other often.
const WORDS: [&str; 18] = [
    "a", "ab", "/", "..", "%2e", "%252f", "b%41", "+", "?", "x=1", "\\", "A", "ä", "Ä", "%c3%84", "РЖ", "рж",
    "σ",
];

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&WORDS[..]), 0..6).prop_map(|words| words.concat())
}

fn line() -> impl Strategy<Value = Record<'static>> {
    let maybe = || proptest::option::of(text().prop_map(|text| Cow::Owned(text.into_bytes())));
    (
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        proptest::option::of(200u16..204),
    )
        .prop_map(|(target, referrer, agent, host, status)| Record {
            target: target.map(|text: Cow<'static, [u8]>| Cow::Owned([b"/", text.as_ref()].concat())),
            referrer,
            user_agent: agent,
            host,
            status,
            method: Some(Cow::Borrowed(b"GET")),
            ..Record::default()
        })
}

fn value() -> impl Strategy<Value = String> {
    let words = [
        "a",
        "ab",
        "/a",
        "../",
        "A",
        "x=1",
        "a*b",
        "a?",
        "?",
        "/",
        " ",
        "/..",
        "ba",
        "",
        "\\\\",
        "Ä",
        "aä",
        "ä*a",
        "рж",
        "РЖ?",
        "Ä*рЖ",
        "ς",
        "рржжржрж",
    ];
    proptest::sample::select(words.to_vec()).prop_map(|word| format!("'{word}'"))
}

fn entry() -> impl Strategy<Value = String> {
    let fields = [
        "cs-uri",
        "cs-uri-query",
        "cs-uri-stem",
        "url.query",
        "c-uri-extension",
        "cs-user-agent",
        "cs-referer",
        "cs-host",
        "cs-cookie",
        "",
    ];
    let modifiers = [
        "",
        "|contains",
        "|contains",
        "|startswith",
        "|endswith",
        "|contains|all",
        "|contains|cased",
        "|cased",
        "|neq",
    ];
    let texts = (
        proptest::sample::select(fields.to_vec()),
        proptest::sample::select(modifiers.to_vec()),
        proptest::collection::vec(value(), 1..4),
    )
        .prop_map(|(field, modifiers, values)| format!("'{field}{modifiers}': [{}]", values.join(", ")));
    let others = [
        "cs-uri|re: 'a.b'",
        "cs-uri-query|re: '^x=[0-9]'",
        "cs-uri-query|re: 'b$'",
        "cs-user-agent|re|i: '(ab|ba)+'",
        "'|re': 'a/'",
        "cs-uri|re|s|i: 'a.b|ä$'",
        "cs-uri|windash|contains: ' -a'",
        "cs-uri|base64offset|contains: 'ab'",
        "cs-uri|wide|base64offset|contains: 'a'",
        "c-ip|cidr: [192.0.2.0/25, '2001:db8::/32']",
        "sc-status|gte: 201",
        "sc-status|neq: [200, 201]",
        "cs-uri|contains|all|neq: [a, b]",
        "cs-user-agent|fieldref|endswith: cs-referer",
        "cs-uri-query|cased|contains: 'A'",
        "'|all': [a, '20*']",
        "cs-uri|re|i: 'Ä+'",
        "cs-uri|re: 'РЖ'",
        "sc-status: [200, 201]",
        "sc-status|gt: 201",
        "cs-host: null",
        "cs-referer: ''",
        "cs-user-agent|exists: true",
        "cs-uri-query: null",
        "cs-referer|fieldref|startswith: cs-host",
    ];
    prop_oneof![3 => texts, 1 => proptest::sample::select(others.to_vec()).prop_map(str::to_owned)]
}

fn detection() -> impl Strategy<Value = String> {
    let conditions = [
        "a",
        "a and b",
        "a or b",
        "a and not b",
        "not a",
        "not (a and not b)",
        "1 of them",
        "all of them",
        "2 of them",
        "a and not 1 of b*",
        "not 2 of them",
        "not (not a or not b) or 1 of a*",
        "not not a and not (b or not a)",
        "all of a* and not all of them",
        "(a or b) and not (a and b)",
    ];
    let selection = || proptest::collection::vec(entry(), 1..3);
    (
        selection(),
        selection(),
        proptest::sample::select(conditions.to_vec()),
    )
        .prop_map(|(a, b, condition)| {
            let lines = |entries: Vec<String>| {
                entries
                    .iter()
                    .map(|entry| format!("    - {entry}\n"))
                    .collect::<String>()
            };
            format!(
                "title: t\ndetection:\n  a:\n{}  b:\n{}  condition: {condition}\n",
                lines(a),
                lines(b)
            )
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_engine_agrees_with_the_plain_evaluator(
        rules in proptest::collection::vec(detection(), 1..6),
        lines in proptest::collection::vec(line(), 1..8),
    ) {
        let text: Vec<String> = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| rule.replacen("title: t", &format!("title: t{index}"), 1))
            .collect();
        let ruleset = load(&text.join("---\n"));
        let mut signatures = Signatures::new(Arc::clone(&ruleset));
        // Again and again, since more is remembered each time.
        for line in lines.iter().cycle().take(5 * lines.len()) {
            with_record(line, |event| {
                let mut hits = Vec::new();
                signatures.inspect(event, &mut hits);
                for (index, rule) in ruleset.rules().iter().enumerate() {
                    let found = hits.iter().find(|hit| hit.rule as usize == index).map(|hit| hit.view);
                    let plain = Plain::new(event).first_view(&rule.expr());
                    assert_eq!(found, plain, "{line:?}\n{}", text[index]);
                }
            });
        }
    }
}
