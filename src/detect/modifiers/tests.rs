//! Sigma's modifiers, against the texts they look for and the refusals they earn.

use super::*;
use crate::detect::yaml;

fn read(yaml: &str) -> (Option<Expr>, Problems) {
    let document = yaml::documents(yaml).0.remove(0);
    let (key, value) = document.map().unwrap()[0].clone();
    let mut problems = Problems::new("t.yml".into());
    let expr = entry(&key, &value, &mut problems);
    (expr, problems)
}

fn texts(yaml: &str) -> Vec<String> {
    let (expr, problems) = read(yaml);
    assert!(problems.refusals.is_empty(), "{yaml}: {:?}", problems.refusals);
    let mut found = Vec::new();
    expr.unwrap().each_check(&mut |check| {
        found.push(match &check.test {
            Test::Pattern { pattern, .. } => pattern.to_string(),
            other => format!("{other:?}"),
        });
    });
    found
}

#[test]
fn texts_that_are_looked_for() {
    for (yaml, expected) in [
        ("cs-uri: a", &["a"][..]),
        ("cs-uri|contains: a", &["*a*"]),
        ("cs-uri|contains: ['a', 'b']", &["*a*", "*b*"]),
        ("cs-uri|startswith: a*b", &["a*b*"]),
        ("cs-uri|endswith: '*a'", &["*a"]),
        ("sc-status: 404", &["404"]),
        ("'': a", &["*a*"]),
        ("'|all': [a, b]", &["*a*", "*b*"]),
        ("cs-uri: ''", &["Empty"]),
        ("cs-uri: null", &["Present"]),
        ("cs-uri|base64: foobar", &["Zm9vYmFy"]),
        ("cs-uri|base64|contains: fo", &["*Zm8=*"]),
        (
            "cs-uri|base64offset|contains: /bin/sh",
            &["*L2Jpbi9za*", "*9iaW4vc2*", "*vYmluL3No*"],
        ),
        ("cs-uri|wide|base64: a", &["YQA="]),
        ("cs-uri|utf16be: a", &["\\x00a"]),
        ("cs-uri|utf16: a", &["\\xff\\xfea\\x00"]),
        (
            "cs-uri|windash|contains: ' -x'",
            &[
                "* -x*",
                "* /x*",
                "* \\xe2\\x80\\x93x*",
                "* \\xe2\\x80\\x94x*",
                "* \\xe2\\x80\\x95x*",
            ],
        ),
        ("cs-uri|windash: a-b", &["a-b"]),
    ] {
        assert_eq!(texts(yaml), expected, "{yaml}");
    }
}

#[test]
fn lists_are_any_unless_all() {
    assert!(matches!(read("a|contains: [x, y]").0, Some(Expr::Any(parts)) if parts.len() == 2));
    assert!(matches!(read("a|contains|all: [x, y]").0, Some(Expr::All(parts)) if parts.len() == 2));
    assert!(matches!(read("a|neq: [x, y]").0, Some(Expr::Not(inner)) if matches!(*inner, Expr::Any(_))));
    assert!(matches!(read("a|exists: false").0, Some(Expr::Not(_))));
}

#[test]
fn refusals_name_the_construct() {
    for (yaml, construct, reason) in [
        ("cs-uri|expand: '%x%'", "expand", "pipeline"),
        ("cs-uri|contians: a", "contians", "no modifier"),
        ("cs-uri|re|contains: a", "modifiers", "do not go with"),
        ("cs-uri|re|cidr: a", "cidr", "another comparison"),
        ("cs-uri|startswith|endswith: a", "endswith", "another place"),
        ("cs-uri|re: '(?=a)'", "cs-uri|re", "look-around"),
        ("c-ip|cidr: 1.2.3.4/99", "c-ip|cidr", ""),
        ("sc-status|gt: x", "sc-status|gt", "no number"),
        ("sc-status|lt: nan", "sc-status|lt", "no number"),
        ("cs-uri|exists: maybe", "cs-uri|exists", "true or false"),
        ("cs-uri|base64: 'a*'", "cs-uri|base64", "wildcards"),
        ("cs-uri|windash: ' -a -b -c -d -e'", "cs-uri|windash", "at most 4"),
        ("cs-uri: [[a]]", "cs-uri", "a list"),
        ("cs-uri: []", "cs-uri", "no value"),
        ("cs-uri: {a: b}", "cs-uri", "a map"),
        ("'|gt': 4", "modifiers", "needs a field"),
        ("'': null", "", "nothing"),
        ("cs-uri|hour: 4", "modifiers", "instants"),
        ("cs-uri|i: a", "i", "no modifier"),
    ] {
        let (expr, problems) = read(yaml);
        assert_eq!(expr, None, "{yaml}");
        let problem = &problems.refusals[0];
        assert_eq!(problem.construct, construct, "{yaml}");
        assert!(problem.reason.contains(reason), "{yaml}: {problem}");
    }
}

#[test]
fn a_field_that_no_web_log_has_is_a_warning() {
    let (expr, problems) = read("CommandLine|contains: a");
    assert!(expr.is_some());
    assert_eq!(problems.warnings[0].construct, "CommandLine");
}

#[test]
fn a_number_that_no_log_writes_is_a_warning() {
    for value in ["404.0", "0x194", "OK", "-1"] {
        let (expr, problems) = read(&format!("sc-status: {value}"));
        assert!(expr.is_some());
        assert!(
            problems.warnings[0]
                .reason
                .contains("no number as logs write them"),
            "{value}"
        );
    }
    for fine in [
        "sc-status: 404",
        "sc-status: 4*",
        "sc-status|startswith: 5",
        "sc-status: '4?4'",
        "sc-status: ''",
        "cs-uri: 404.0",
        "sc-status|gt: 403.5",
    ] {
        assert_eq!(read(fine).1.warnings, [], "{fine}");
    }
}
