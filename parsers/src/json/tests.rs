//! The walker over JSON, against serde_json for what is well formed and against panics for what is not.

use proptest::prelude::*;
use serde_json::{Map, Number, Value as Tree, json};

use super::*;

/// The whole value as a tree, by way of the walker alone.
fn tree<'a>(walker: &mut Walker<'a>, value: Value<'a>) -> Result<Tree, Reject> {
    Ok(match value {
        Value::Text(text) => Tree::String(String::from_utf8_lossy(&text.unescape()).into_owned()),
        Value::Bare(word) => serde_json::from_slice(word).unwrap_or(Tree::Null),
        Value::Array => {
            let mut list = Vec::new();
            while let Some(value) = walker.element()? {
                list.push(tree(walker, value)?);
            }
            Tree::Array(list)
        }
        Value::Object => {
            let mut map = Map::new();
            while let Some(key) = walker.key()? {
                let name = String::from_utf8_lossy(&Escape::Json.undo(key)).into_owned();
                let value = walker.value()?;
                map.insert(name, tree(walker, value)?);
            }
            Tree::Object(map)
        }
    })
}

fn read(text: &[u8]) -> Result<Tree, Reject> {
    let mut walker = Walker::object(text)?;
    let tree = tree(&mut walker, Value::Object)?;
    walker.finish()?;
    Ok(tree)
}

/// The members of the top level, what is nested skipped.
fn flat(text: &[u8]) -> Result<Vec<(String, String)>, Reject> {
    let mut walker = Walker::object(text)?;
    let mut members = Vec::new();
    while let Some(key) = walker.key()? {
        let value = walker.value()?;
        walker.skip(value)?;
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        members.push((shown(key), shown(&value.unescape())));
    }
    walker.finish()?;
    Ok(members)
}

#[test]
fn what_is_not_quite_json() {
    for (text, members) in [
        (r#"{"a":,"b":1}"#, vec![("a", ""), ("b", "1")]),
        (
            r#"{"a":0.1, 0.2 : 0.3,"b":-,"c":}"#,
            vec![("a", "0.1, 0.2 : 0.3"), ("b", "-"), ("c", "")],
        ),
        (r#"{"a":-, 5 , "b" : "x" ,}"#, vec![("a", "-, 5"), ("b", "x")]),
        (r#"{"a":"\x22\"\u00e9\ud83d\ude00"}"#, vec![("a", "\"\"é😀")]),
        (
            r#" { "a" : null , "b" : true } , "#,
            vec![("a", ""), ("b", "true")],
        ),
        (r#"{"a":[{"b":"}]"},[]],"c":2}"#, vec![("a", ""), ("c", "2")]),
        (r#"{,"a":1,,"b":2,}"#, vec![("a", "1"), ("b", "2")]),
        (r#"{"a":"x\\"}"#, vec![("a", "x\\")]),
        ("{}", vec![]),
    ] {
        let members: Vec<_> = members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(flat(text.as_bytes()), Ok(members), "{text}");
    }
    assert_eq!(
        flat(b"{\"a\":\"\xff\xfe\"}").unwrap(),
        [("a".to_owned(), "\u{fffd}\u{fffd}".to_owned())]
    );
}

#[test]
fn what_is_no_object() {
    for (text, reason, at) in [
        ("", Reason::UnknownFormat, 0),
        ("[1]", Reason::UnknownFormat, 0),
        ("{", Reason::Truncated, 1),
        (r#"{"a"#, Reason::Truncated, 3),
        (r#"{"a\"#, Reason::Truncated, 4),
        (r#"{"a":1"#, Reason::Truncated, 6),
        (r#"{"a":[1,{"b":2}"#, Reason::Truncated, 15),
        (r#"{"a" 1}"#, Reason::Json, 5),
        (r#"{"a":1}x"#, Reason::Json, 7),
        (r#"{"a":1 "b":2}"#, Reason::Json, 7),
        (r#"{a:1}"#, Reason::Json, 1),
    ] {
        assert_eq!(flat(text.as_bytes()), Err(Reject::new(reason, at)), "{text}");
    }
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    assert_eq!(flat(deep.as_bytes()).unwrap_err().reason, Reason::Json);
}

#[test]
fn long_strings_end_where_they_end() {
    for length in 0..200 {
        let long = "x".repeat(length);
        let text = format!(r#"{{"{long}":"{long}\"{long}","b":1}}"#);
        let members = flat(text.as_bytes()).unwrap();
        assert_eq!(members[0], (long.clone(), format!("{long}\"{long}")));
        assert_eq!(members[1].1, "1");
    }
}

fn any_json() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| Number::from_f64(n).map_or(Tree::Null, Tree::Number)),
        ".{0,20}".prop_map(Tree::String),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::Array),
            prop::collection::vec((".{0,12}", inner), 0..6)
                .prop_map(|members| Tree::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn well_formed_json_is_read_as_serde_reads_it(members in prop::collection::vec((".{0,12}", any_json()), 0..8)) {
        let tree = Tree::Object(members.into_iter().collect());
        for text in [serde_json::to_vec(&tree).unwrap(), serde_json::to_vec_pretty(&tree).unwrap()] {
            let again: Tree = serde_json::from_slice(&text).unwrap();
            prop_assert_eq!(read(&text).unwrap(), again);
            let names: Vec<_> = tree.as_object().unwrap().keys().cloned().collect();
            let seen: Vec<_> = flat(&text).unwrap().into_iter()
                .map(|(name, _)| String::from_utf8_lossy(&Escape::Json.undo(name.as_bytes())).into_owned())
                .collect();
            prop_assert_eq!(seen, names);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let _ = flat(&bytes);
    }

    #[test]
    fn any_json_like_text_is_read_or_refused(text in r#"\{[{}\[\]",:\\a0.x -]{0,80}"#) {
        for result in [read(text.as_bytes()).err(), flat(text.as_bytes()).err()].into_iter().flatten() {
            prop_assert!(result.at <= text.len());
        }
    }
}
