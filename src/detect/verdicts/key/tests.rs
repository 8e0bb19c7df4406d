//! Keys: each tells all its values, no two requests share one, and what is too long has none.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_key_tells_all_its_values(values in proptest::collection::vec(value(), 0..40)) {
        if let Some(key) = key_of(&values) {
            prop_assert_eq!(values_of(&key, values.len()), values);
        }
    }
}

fn key(parts: &[Option<&[u8]>]) -> Vec<u8> {
    let mut key = Key::default();
    parts.iter().for_each(|part| key.text(*part));
    ended(&mut key).to_vec()
}

fn ended(key: &mut Key) -> &[u8] {
    key.end();
    key.get().unwrap()
}

#[test]
fn different_requests_have_different_keys() {
    let long = [b'x'; 300];
    let texts: [Option<&[u8]>; 12] = [
        None,
        Some(b""),
        Some(b"\0"),
        Some(b"\xFF"),
        Some(b"\xFE\x01\0"),
        Some(b"a"),
        Some(b"a\0"),
        Some(b"\x01a"),
        Some(&long[..251]),
        Some(&long[..254]),
        Some(&long[..255]),
        Some(&long),
    ];
    let pairs = || {
        texts
            .iter()
            .flat_map(|left| texts.iter().map(move |right| [*left, *right]))
    };
    for left in pairs() {
        for right in pairs() {
            assert_eq!(key(&left) == key(&right), left == right, "{left:?} {right:?}");
        }
    }
}

#[test]
fn a_key_without_texts_is_two_words_at_most() {
    let mut key = Key::default();
    assert_eq!(key.told(), Some(Told::Short(None, 0)));
    (1..=3).for_each(|number| key.number(Some(number)));
    let one = key.told().unwrap().keep();
    let mark = key.mark();
    key.number(Some(4));
    let two = key.told().unwrap().keep();
    assert!(matches!(
        (one.borrowed(), two.borrowed()),
        (Told::Short(None, _), Told::Short(Some(_), _))
    ));
    key.go_back(mark);
    key.number(Some(5));
    assert!(key.told() != Some(two.borrowed()) && key.told().is_some());
    (0..3).for_each(|_| key.number(Some(4)));
    assert!(matches!(key.told(), Some(Told::Long(_))));
    key.go_back(mark);
    assert_eq!(key.told(), Some(one.borrowed()));
    key.text(Some(b""));
    assert!(matches!(key.told(), Some(Told::Long(_))));
}

#[test]
fn numbers_texts_and_nothing_are_told_apart() {
    let made: [fn(&mut Key); 9] = [
        |key| key.absent(),
        |key| key.unlogged(),
        |key| key.number(Some(0)),
        |key| key.number(Some(1)),
        |key| key.number(Some(u64::from(u16::MAX))),
        |key| key.number(Some(1 << SMALL)),
        |key| key.number(Some(u64::MAX)),
        |key| key.text(Some(&[1, 0, 0, 0, 0, 0, 0, 0])),
        |key| key.text(Some(b"1")),
    ];
    let keys = made.map(|make| {
        let mut key = Key::default();
        make(&mut key);
        ended(&mut key).to_vec()
    });
    for (at, one) in keys.iter().enumerate() {
        assert!(!keys[at + 1..].iter().any(|other| other.starts_with(one)), "{at}");
    }
}

/// Values that take one place each, of all kinds.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Absent),
        Just(Value::Unlogged),
        prop_oneof![0_u64..3, 65_530_u64..65_540, any::<u64>()].prop_map(Value::Number),
        proptest::collection::vec(0_u8..3, 0..12).prop_map(Value::Text),
        proptest::collection::vec(250_u8..=255, 250..260).prop_map(Value::Text),
    ]
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Absent,
    Unlogged,
    Number(u64),
    Text(Vec<u8>),
}

fn key_of(values: &[Value]) -> Option<Vec<u8>> {
    let mut key = Key::default();
    for value in values {
        match value {
            Value::Absent => key.absent(),
            Value::Unlogged => key.unlogged(),
            Value::Number(number) => key.number(Some(*number)),
            Value::Text(text) => key.text(Some(text)),
        }
    }
    key.end();
    key.get().map(<[u8]>::to_vec)
}

/// Reads as many values as a key holds.
fn values_of(key: &[u8], count: usize) -> Vec<Value> {
    let (full, rest) = (usize::from(*key.last().unwrap()), &key[..key.len() - 1]);
    let (mut texts, words) = rest.split_at(rest.len() - 8 * (full + 1));
    let mut words = words.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
    let (mut word, mut used) = (words.next().unwrap(), 0);
    let mut take = |count: usize| texts.split_off(..count).unwrap().to_vec();
    let mut read = || {
        if used > u64::BITS - MOST {
            (word, used) = (words.next().unwrap(), 0);
        }
        let mut bits = |width: u32| {
            used += width;
            word >> (used - width) & ((1 << width) - 1)
        };
        match bits(MARK) {
            ABSENT => Value::Absent,
            UNLOGGED => Value::Unlogged,
            NUMBER if bits(1) == 0 => Value::Number(bits(SMALL)),
            NUMBER => Value::Number(u64::from_le_bytes(take(8).try_into().unwrap())),
            _ => match take(1)[0] {
                LONG => {
                    let length = u16::from_le_bytes(take(2).try_into().unwrap());
                    Value::Text(take(length.into()))
                }
                length => Value::Text(take(length.into())),
            },
        }
    };
    (0..count).map(|_| read()).collect()
}

#[test]
fn what_is_too_long_makes_no_key() {
    let mut key = Key::default();
    key.text(Some(&[b'x'; MAX_KEY + 1]));
    key.end();
    assert!(key.get().is_none());
    key.clear();
    key.text(Some(&[b'x'; MAX_KEY + 1]));
    assert_eq!(key.told(), None);
    key.clear();
    for _ in 0..100 {
        key.text(Some(&[b'x'; 300]));
    }
    key.end();
    assert!(key.get().is_none() && key.bytes.len() <= 2 * MAX_KEY + 400);
    for many in [250, 300] {
        key.clear();
        for _ in 0..5 {
            key.text(Some(&[b'x'; 300][..many]));
        }
        key.end();
        assert!(key.get().is_none(), "{many}");
    }
    key.clear();
    key.sides(Some(1.0), &[0.0; 100_000]);
    key.end();
    assert!(key.get().is_none() && key.words.len() <= MAX_KEY);
    key.clear();
    assert_eq!(ended(&mut key).len(), 9);
}

#[test]
fn sides_of_a_limit_differ() {
    let side = |number| {
        let mut key = Key::default();
        key.sides(number, &[16.0, 3.0].repeat(40));
        ended(&mut key).to_vec()
    };
    let sides = [None, Some(1.0), Some(3.0), Some(4.0), Some(16.0), Some(17.0)].map(side);
    for (at, one) in sides.iter().enumerate() {
        assert!(!sides[at + 1..].contains(one), "{at}");
    }
    assert_eq!(side(Some(5.0)), side(Some(6.0)));
}
