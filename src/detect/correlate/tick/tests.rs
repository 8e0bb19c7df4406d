//! Ticks by table: which lines count for which windows.

use std::borrow::Cow;
use std::sync::Arc;

use super::*;
use crate::detect::correlate::network::client_key;
use crate::detect::correlate::rule::{Base, Group, Kind, Net, RuleRef};
use crate::detect::{Class, Confidence, Level, RuleInfo};

type Named = &'static str;

fn correlation(kind: Kind, bases: &[RuleRef], group_by: &[Group<Named>]) -> Correlation<Named> {
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
                id: format!("{rule:?}").into(),
                group_by: group_by.to_vec(),
                field: (kind == Kind::ValueCount).then_some("path"),
            })
            .collect(),
        timespan_nanos: 1,
        threshold: 1,
    }
}

fn ticks(
    correlations: &[Correlation<Named>],
    client: Option<&str>,
    hits: &[u32],
    fields: &[(Named, &'static str)],
) -> Vec<Tick> {
    let mut ticks = Vec::new();
    Ticker::new(correlations, 4).ticks(
        client.map(|text| text.parse().unwrap()),
        (None, hits.iter().copied()),
        |name| {
            let found = fields.iter().find(|field| field.0 == *name)?;
            Some(Cow::Borrowed(found.1.as_bytes()))
        },
        &mut ticks,
    );
    ticks
}

const HOST: Group<Named> = Group::Client(Net::HOST);

#[test]
fn the_client_is_cut_to_its_network() {
    let key = |text: &str, net| client_key(text.parse().unwrap(), net);
    let v4_24 = Net {
        v4_bits: 24,
        ..Net::HOST
    };
    assert_eq!(key("192.0.2.7", v4_24), key("192.0.2.200", v4_24));
    assert_ne!(key("192.0.2.7", Net::HOST), key("192.0.2.8", Net::HOST));
    assert_eq!(key("2001:db8::1", Net::HOST), key("2001:db8::ffff:1", Net::HOST));
    assert_ne!(key("2001:db8::1", Net::HOST), key("2001:db8:0:1::1", Net::HOST));
    let none = Net {
        v4_bits: 0,
        v6_bits: 0,
    };
    assert_eq!(key("192.0.2.7", none), key("198.51.100.7", none));
    assert_eq!(key("2001:db8::1", none), 0);
}

#[test]
fn absent_values() {
    let by_client = [correlation(Kind::EventCount, &[RuleRef::Rule(0)], &[HOST])];
    assert!(ticks(&by_client, None, &[0], &[]).is_empty());
    let by_both = [correlation(
        Kind::EventCount,
        &[RuleRef::Rule(0)],
        &[HOST, Group::Field("host")],
    )];
    let without = ticks(&by_both, Some("192.0.2.7"), &[0], &[]);
    let with = ticks(&by_both, Some("192.0.2.7"), &[0], &[("host", "")]);
    assert_eq!((without.len(), with.len()), (1, 1));
    assert_ne!(without[0].key, with[0].key);
    assert!(ticks(&by_both, None, &[0], &[("host", "h")]).is_empty());
    let by_field = [correlation(
        Kind::EventCount,
        &[RuleRef::Rule(0)],
        &[Group::Field("ja3")],
    )];
    assert!(ticks(&by_field, Some("192.0.2.7"), &[0], &[]).is_empty());
    let for_all = [correlation(Kind::EventCount, &[RuleRef::Rule(0)], &[])];
    assert_eq!(ticks(&for_all, None, &[0], &[]).len(), 1);
    let values = [correlation(Kind::ValueCount, &[RuleRef::Rule(0)], &[HOST])];
    assert!(ticks(&values, Some("192.0.2.7"), &[0], &[]).is_empty());
    assert_eq!(
        ticks(&values, Some("192.0.2.7"), &[0], &[("path", "/a")]).len(),
        1
    );
}

#[test]
fn a_line_counts_once_but_each_rule_of_a_temporal_does() {
    let both = [RuleRef::Rule(0), RuleRef::Rule(1)];
    let count = [correlation(Kind::EventCount, &both, &[HOST])];
    assert_eq!(ticks(&count, Some("192.0.2.7"), &[1, 0], &[]).len(), 1);
    assert_eq!(ticks(&count, Some("192.0.2.7"), &[1], &[]).len(), 1);
    assert!(ticks(&count, Some("192.0.2.7"), &[3], &[]).is_empty());
    let temporal = [correlation(Kind::Temporal, &both, &[HOST])];
    let values: Vec<u64> = ticks(&temporal, Some("192.0.2.7"), &[1, 0], &[])
        .iter()
        .map(|tick| tick.value)
        .collect();
    assert_eq!(values, [0, 1]);
}

#[test]
fn what_counts_a_correlation_ticks_after_it() {
    let chain = [
        correlation(
            Kind::TemporalOrdered,
            &[RuleRef::Correlation(1), RuleRef::Rule(2)],
            &[HOST],
        ),
        correlation(
            Kind::EventCount,
            &[RuleRef::Rule(0)],
            &[HOST, Group::Field("host")],
        ),
    ];
    let order: Vec<(u32, u32)> = ticks(&chain, Some("192.0.2.7"), &[0], &[])
        .iter()
        .map(|tick| (tick.correlation, tick.base))
        .collect();
    assert_eq!(order, [(1, 0), (0, 0)]);
    assert_eq!(ticks(&chain, Some("192.0.2.7"), &[2], &[]).len(), 1);
    let ticker = Ticker::new(&chain, 4);
    assert!(ticker.counts(0) && ticker.counts(2) && !ticker.counts(1) && !ticker.counts(9));
}

#[test]
fn an_aliased_address_meets_itself() {
    let mut aliased = correlation(Kind::Temporal, &[RuleRef::Rule(0), RuleRef::Rule(1)], &[HOST]);
    aliased.bases[1].group_by = vec![Group::Field("dest")];
    let aliased = [aliased];
    let one = ticks(&aliased, Some("192.0.2.7"), &[0], &[]);
    let other = ticks(&aliased, Some("198.51.100.1"), &[1], &[("dest", "192.0.2.7")]);
    assert_eq!(one[0].key, other[0].key);
}

#[test]
fn an_event_ticks_by_its_fields() {
    let mut rule = correlation(Kind::ValueCount, &[RuleRef::Rule(0)], &[]);
    rule.info = Arc::clone(&rule.info);
    let rule: Correlation = Correlation {
        info: rule.info,
        alerts: true,
        kind: rule.kind,
        bases: vec![Base {
            rule: RuleRef::Rule(0),
            id: "b".into(),
            group_by: vec![Group::Client(Net::HOST), Group::Field(Field::Method)],
            field: Field::parse("cs-uri-stem"),
        }],
        timespan_nanos: 1,
        threshold: 1,
    };
    let mut ticker = Ticker::new(&[rule], 1);
    let mut ticks = Vec::new();
    for target in ["/a", "/a?x", "/b"] {
        crate::detect::testing::with_event(target, |event| ticker.observe(event, None, [0], &mut ticks));
    }
    assert_eq!(ticks.len(), 3);
    assert!(ticks.iter().all(|tick| tick.key == ticks[0].key));
    assert_eq!(ticks[0].value, ticks[1].value);
    assert_ne!(ticks[0].value, ticks[2].value);
}

#[test]
fn a_list_that_has_a_number_is_followed_as_one_without() {
    let rules = [0, 1, 2, 3].map(|rule| correlation(Kind::EventCount, &[RuleRef::Rule(rule)], &[HOST]));
    let mut ticker = Ticker::new(&rules, 4);
    let mut followed = |number: Option<u64>, hits: &[u32]| {
        let mut ticks = Vec::new();
        let client = Some("192.0.2.7".parse().unwrap());
        let no_value = |_: &Named| None::<Cow<'static, [u8]>>;
        ticker.ticks(client, (number, hits.iter().copied()), no_value, &mut ticks);
        ticks.iter().map(|tick| tick.correlation).collect::<Vec<_>>()
    };
    // The first two share a place among those met lately.
    let lists: [(u64, &[u32]); 3] = [(1, &[0, 2]), (1 + 512, &[3]), (2, &[])];
    for (number, hits) in [lists, lists].concat() {
        assert_eq!(followed(None, hits), hits);
        assert_eq!(followed(Some(number), hits), hits);
        assert_eq!(followed(Some(number), hits), hits);
    }
}

#[test]
fn those_that_count_the_same_by_the_same_key_tick_once() {
    let by_host = [HOST, Group::Field("host")];
    let mut rules = vec![
        correlation(Kind::EventCount, &[RuleRef::Rule(0), RuleRef::Rule(1)], &[HOST]),
        correlation(Kind::EventCount, &[RuleRef::Rule(0)], &[HOST]),
        correlation(Kind::EventCount, &[RuleRef::Rule(0)], &by_host),
        correlation(Kind::EventCount, &[RuleRef::Rule(0), RuleRef::Rule(1)], &[HOST]),
        correlation(Kind::Temporal, &[RuleRef::Rule(0), RuleRef::Rule(1)], &[HOST]),
        correlation(Kind::EventCount, &[RuleRef::Correlation(3)], &[HOST]),
    ];
    let told = |rules: &[Correlation<Named>], hits: &[u32]| -> Vec<u32> {
        let ticks = ticks(rules, Some("192.0.2.7"), hits, &[]);
        ticks.iter().map(|tick| tick.correlation).collect()
    };
    // The first and the fourth are the series behind all six.
    assert_eq!(told(&rules, &[0, 1]), [6, 1, 2, 4, 4, 5]);
    assert_eq!(told(&rules, &[1]), [6, 4, 5]);
    rules[3].kind = Kind::Temporal;
    assert_eq!(told(&rules, &[1]), [0, 3, 4, 5]);
}
