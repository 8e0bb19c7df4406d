//! The whole object of a Logpush line, read again when an event is printed.

use serde_json::{Map, Value};

use crate::json::{Value as Member, Walker};
use crate::unescape::Escape;

/// Deepest nesting that is kept; what is deeper is left out.
const DEEPEST: usize = 16;

/// All members of a JSON line, nested ones too, with integers exact; bytes that are no UTF-8 become U+FFFD. `None`
/// for a line that is no object. This is not the hot path: a record holds what is needed there.
pub fn fields(line: &[u8]) -> Option<Map<String, Value>> {
    let mut walker = Walker::object(line).ok()?;
    object(&mut walker, 0)
}

fn object(walker: &mut Walker<'_>, depth: usize) -> Option<Map<String, Value>> {
    let mut members = Map::new();
    while let Some(key) = walker.key().ok()? {
        let value = walker.value().ok()?;
        if let Some(value) = tree(walker, value, depth)? {
            members.insert(text(&Escape::Json.undo(key)), value);
        }
    }
    Some(members)
}

/// The value; inner `None` for one that is nested too deep.
fn tree(walker: &mut Walker<'_>, value: Member<'_>, depth: usize) -> Option<Option<Value>> {
    if value.is_nested() && depth == DEEPEST {
        walker.leave().ok()?;
        return Some(None);
    }
    Some(Some(match value {
        Member::Text(inside) => Value::String(text(&inside.unescape())),
        Member::Bare(word) => serde_json::from_slice(word).unwrap_or_else(|_| match word {
            b"" => Value::Null,
            word => Value::String(text(word)),
        }),
        Member::Object => Value::Object(object(walker, depth + 1)?),
        Member::Array => {
            let mut list = Vec::new();
            while let Some(element) = walker.element().ok()? {
                list.extend(tree(walker, element, depth + 1)?);
            }
            Value::Array(list)
        }
    }))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
