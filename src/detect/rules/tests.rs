//! Rule files, against what they mean once linked and where each mistake is shown.

use super::*;
use crate::detect::correlate::rule::{Group, Kind, Net, RuleRef};
use crate::detect::{Class, Level};

fn load(text: &str) -> Result<Ruleset, Vec<String>> {
    let text = RuleText {
        name: "r.yml".into(),
        text: text.to_owned(),
    };
    Ruleset::load(&[text]).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

const RULE: &str = "title: A\nid: a\nname: base_a\nlogsource: {category: webserver}\ndetection:\n  s:\n    cs-uri: /a\n  condition: s\n";

#[test]
fn class_and_confidence_come_from_ours_or_from_level_and_tags() {
    let detection = "detection: {s: [x], condition: s}\n";
    for (head, class, confidence) in [
        ("level: high\n", Class::Exploit, 0.7),
        ("level: low\n", Class::Anomaly, 0.3),
        ("", Class::Probe, 0.5),
        (
            "level: critical\ntags: [attack.persistence, attack.t1505.003]\n",
            Class::Webshell,
            0.9,
        ),
        ("tags: [attack.initial_access]\n", Class::Exploit, 0.5),
        ("tags: [cve.2021-44228]\n", Class::Exploit, 0.5),
        (
            "afw: {class: script, confidence: 0.25}\nlevel: high\n",
            Class::Script,
            0.25,
        ),
    ] {
        let ruleset = load(&format!("title: T t\n{head}{detection}")).unwrap();
        let info = &ruleset.rules()[0].info;
        assert_eq!(
            (info.class, info.confidence.value()),
            (class, confidence),
            "{head}"
        );
        assert_eq!(&*info.id, "t-t");
        assert_eq!(&*info.source, "r.yml");
    }
    assert_eq!(load(RULE).unwrap().rules()[0].info.level, Level::Medium);
}

#[test]
fn every_refusal_is_told_at_once_with_its_line() {
    let text = "\
title: One
level: severe
logsource: {category: process_creation}
detection:
  s:
    cs-uri|contians: x
    cs-uri|re: '(?<=a)b'
  timeframe: 5m
  condition: s
---
title: Two
afw: {class: evil, confidence: 2, colour: red}
detection:
  s: [x]
  condition: s and t
---
- not a rule
---
title: Three
correlation:
  type: value_sum
  rules: [nobody]
  timespan: soon
  condition: {around: 5}
";
    let problems = load(text).unwrap_err();
    for (line, start) in [
        (2, "level: `severe`"),
        (3, "logsource: `process_creation`"),
        (6, "contians: "),
        (7, "cs-uri|re: look-around"),
        (8, "timeframe: "),
        (12, "afw.class: "),
        (12, "afw.confidence: "),
        (12, "afw.colour: "),
        (15, "condition: `t` is no selection"),
        (17, "document: a rule is a map, not a list"),
        (21, "type: `value_sum`"),
        (23, "timespan: "),
        (24, "around: "),
    ] {
        let start = format!("r.yml:{line}: {start}");
        assert!(
            problems.iter().any(|problem| problem.starts_with(&start)),
            "{start} in {problems:#?}"
        );
    }
}

#[test]
fn one_refusal_refuses_all() {
    assert!(load(&format!("{RULE}---\ntitle: B\ndetection: {{s: [x]}}\n")).is_err());
    assert!(load("a: [").is_err());
    assert!(load(&format!("{RULE}---\n{RULE}")).is_err(), "the same id twice");
}

#[test]
fn log_sources() {
    for (source, loads) in [
        ("{category: webserver}", true),
        ("{category: proxy}", true),
        ("{category: webserver, product: windows, service: iis}", true),
        ("{product: nginx}", true),
        ("{product: apache, service: error}", true),
        ("{service: access}", true),
        ("{product: windows}", false),
        ("{category: dns}", false),
        ("{category: application, product: nginx}", false),
    ] {
        let text = format!("title: T\nlogsource: {source}\ndetection: {{s: [x], condition: s}}\n");
        assert_eq!(load(&text).is_ok(), loads, "{source}");
    }
}

#[test]
fn correlations_are_linked_and_silence_what_they_count() {
    let text = format!(
        "{RULE}---\ntitle: B\nid: b\ndetection: {{s: [x], condition: s}}\n---\n\
         title: C\nid: c\ncorrelation:\n  type: value_count\n  rules: [base_a, b]\n  group-by: [c-ip, ip]\n  \
         timespan: 5m\n  condition: {{gte: 10, field: cs-uri-stem}}\n  aliases: {{ip: {{base_a: cs-host, b: cs-user-agent}}}}\n---\n\
         title: D\nid: d\ncorrelation:\n  type: temporal\n  rules: [c, b]\n  group-by: c-ip/24\n  timespan: 1h\n  generate: true\n"
    );
    let ruleset = load(&text).unwrap();
    let alerts: Vec<bool> = ruleset.rules().iter().map(|rule| rule.alerts).collect();
    assert_eq!(alerts, [false, true]);
    let [c, d] = ruleset.correlations() else {
        panic!("two correlations")
    };
    assert_eq!((c.kind, c.threshold, c.alerts), (Kind::ValueCount, 10, true));
    assert_eq!(c.timespan_nanos, 300_000_000_000);
    assert_eq!(c.bases[0].field, Some(Field::Path));
    assert_eq!(
        c.bases[0].group_by,
        [Group::Client(Net::HOST), Group::Field(Field::Host)]
    );
    assert_eq!(c.bases[1].group_by[1], Group::Field(Field::Agent));
    assert_eq!((d.kind, d.threshold), (Kind::Temporal, 2));
    assert_eq!(d.bases[0].rule, RuleRef::Correlation(0));
}

#[test]
fn correlations_that_cannot_be_counted_are_refused() {
    for (body, reason) in [
        (
            "type: event_count, rules: [nobody], timespan: 5m, condition: {gte: 1}",
            "no rule `nobody`",
        ),
        ("type: event_count, rules: [a], timespan: 5m", "needs a condition"),
        (
            "type: event_count, rules: [a], timespan: 5m, condition: {lt: 5}",
            "lt",
        ),
        (
            "type: value_count, rules: [a], timespan: 5m, condition: {gte: 5}",
            "needs the field",
        ),
        (
            "type: event_count, rules: [c], timespan: 5m, condition: {gte: 5}",
            "back to itself",
        ),
        (
            "type: event_count, rules: [a], group-by: [cs-host/24], timespan: 5m, condition: {gte: 5}",
            "prefix",
        ),
    ] {
        let text = format!("{RULE}---\ntitle: C\nid: c\ncorrelation: {{{body}}}\n");
        let problems = load(&text).unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.contains(reason)),
            "{body}: {problems:?}"
        );
    }
}

#[test]
fn filters_narrow_the_rules_they_name() {
    let filter = |rules: &str| {
        format!(
            "{RULE}---\ntitle: F\nlogsource: {{category: webserver}}\nfilter:\n  rules: {rules}\n  ours:\n    cs-host: h\n  condition: not ours\n"
        )
    };
    for rules in ["[a]", "any", "base_a"] {
        let ruleset = load(&filter(rules)).unwrap();
        let rule = &ruleset.rules()[0];
        assert_eq!(rule.selections.len(), 2, "{rules}");
        assert_eq!(&*rule.selections[1].name, "F/ours");
        let Logic::All(parts) = &rule.logic else {
            panic!("both must hold")
        };
        assert_eq!(
            parts[1],
            Logic::Any(vec![Logic::Not(Box::new(Logic::Selection(1)))])
        );
    }
    assert!(load(&filter("[nobody]")).is_err());
}

#[test]
fn a_field_of_another_world_is_a_warning() {
    let ruleset = load("title: T\ndetection:\n  s:\n    CommandLine: x\n  condition: s\n").unwrap();
    let warning = ruleset.warnings()[0].to_string();
    assert!(
        warning.starts_with("r.yml:4: CommandLine: no web log has"),
        "{warning}"
    );
}

/// What an author is told of each mistake, word for word. `AFW_BLESS=1` writes what is told into the file, to be read.
#[test]
fn mistakes_are_shown_where_they_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/rules/mistakes.txt");
    let table = std::fs::read_to_string(path).unwrap();
    let mut told = String::new();
    let mut mistakes = 0;
    for case in table.split("### ").skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let (text, _) = rest.split_once(">>>\n").unwrap();
        let problems = load(text).err().unwrap_or_else(|| panic!("{name}: loads"));
        mistakes += problems.len();
        told.push_str(&format!("### {name}\n{text}>>>\n{}\n\n", problems.join("\n")));
    }
    if std::env::var_os("AFW_BLESS").is_some() {
        return std::fs::write(path, &told).unwrap();
    }
    for (told, expected) in told.split("### ").zip(table.split("### ")) {
        assert_eq!(told, expected);
    }
    assert!(mistakes >= 60, "{mistakes}");
}
