//! Rules by table: names, circles, doubles.

use super::*;
use crate::detect::{Class, Confidence, Level};

fn correlation(kind: Kind, bases: &[RuleRef]) -> Correlation<&'static str> {
    Correlation {
        info: Arc::new(RuleInfo {
            id: "c".into(),
            title: "c".into(),
            level: Level::High,
            class: Class::Scan,
            confidence: Confidence::default(),
            names: crate::detect::Names::default(),
            tags: Vec::new(),
            source: "test".into(),
        }),
        alerts: true,
        kind,
        bases: bases
            .iter()
            .map(|&rule| Base {
                rule,
                id: "b".into(),
                group_by: Vec::new(),
                field: (kind == Kind::ValueCount).then_some("cs-uri"),
            })
            .collect(),
        timespan_nanos: 1,
        threshold: 1,
    }
}

#[test]
fn group_by_names() {
    let net = |v4_bits, v6_bits| Some(Group::Client(Net { v4_bits, v6_bits }));
    for (name, expected) in [
        ("c-ip", net(32, 64)),
        ("source.ip/24", net(24, 64)),
        ("c-ip/48", net(32, 48)),
        ("c-ip/129", None),
        ("c-ip/x", None),
        ("cs-host", Some(Group::Field(Field::Host))),
        ("cs-host/24", None),
        ("no-field", None),
    ] {
        assert_eq!(Group::parse(name), expected, "{name}");
    }
}

#[test]
fn circles_doubles_and_strangers_are_found() {
    use RuleRef::{Correlation, Rule};
    let chain = [
        correlation(Kind::Temporal, &[Correlation(1), Rule(0)]),
        correlation(Kind::EventCount, &[Rule(0), Rule(1)]),
    ];
    assert_eq!(depths(&chain), [Some(1), Some(0)]);
    assert_eq!(check(&chain, 2), []);
    let circle = [
        correlation(Kind::EventCount, &[Correlation(1)]),
        correlation(Kind::EventCount, &[Correlation(0)]),
        correlation(Kind::EventCount, &[Correlation(0)]),
        correlation(Kind::EventCount, &[Rule(0)]),
    ];
    assert_eq!(depths(&circle), [None, None, None, Some(0)]);
    assert_eq!(check(&circle, 1).len(), 3);
    assert_eq!(
        check(&[correlation(Kind::EventCount, &[Rule(0), Rule(0)])], 1).len(),
        1
    );
    assert_eq!(check(&[correlation(Kind::EventCount, &[Rule(7)])], 1).len(), 1);
    let mut fieldless = correlation(Kind::ValueCount, &[Rule(0)]);
    fieldless.bases[0].field = None;
    assert_eq!(check(&[fieldless], 1)[0].construct, "field");
}
