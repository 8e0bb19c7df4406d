//! The whole object of a Logpush line, read again when an event is printed.

use serde_json::{Map, Value};

use crate::columns::csv::Row;
use crate::json::{Value as Member, Walker};
use crate::record::Record;
use crate::unescape::Escape;

/// Deepest nesting that is kept; what is deeper is left out.
const DEEPEST: usize = 16;

/// All members of a JSON line, nested ones too, with integers exact; bytes that are no UTF-8 become U+FFFD. `None`
/// for a line that is no object. This is not the hot path: a record holds what is needed there.
pub fn fields(line: &[u8]) -> Option<Map<String, Value>> {
    let mut walker = Walker::object(line).ok()?;
    object(&mut walker, 0)
}

/// The same of a record's line, be it JSON or CSV: a column gives what the member of its name gives.
pub fn fields_of(record: &Record<'_>) -> Option<Map<String, Value>> {
    match &record.more.row {
        Some(row) => columns(row, &record.line),
        None => fields(&record.line),
    }
}

fn columns(row: &Row, line: &[u8]) -> Option<Map<String, Value>> {
    let members = row.members(line)?.into_iter();
    let cells = members.map(|(name, value)| (name.to_owned(), cell(row, name, value)));
    Some(cells.collect())
}

/// The value of a column, of the type that its member has in JSON: texts stay texts whatever a client writes in them.
fn cell(row: &Row, name: &str, value: Member<'_>) -> Value {
    let bytes = row.undo(value);
    match value {
        _ if bytes.is_empty() => Value::Null,
        _ if is_nested(name) => nested_cell(&bytes).unwrap_or_else(|| Value::String(text(&bytes))),
        _ if is_flag(name) => bare(&bytes),
        // Logpush quotes every text; where others quote only what must be, digits may be one.
        Member::Bare(word) if !is_text(name) => bare(word),
        _ => Value::String(text(&bytes)),
    }
}

/// A list or an object in the text of a column.
fn nested_cell(bytes: &[u8]) -> Option<Value> {
    // The walker begins at an object.
    let whole = [b"{\"v\":", bytes, b"}"].concat();
    fields(&whole)?.remove("v")
}

fn is_nested(name: &str) -> bool {
    const NAMES: [&str; 24] = [
        "SecurityActions",
        "SecuritySources",
        "SecurityRuleIDs",
        "FirewallMatchesActions",
        "FirewallMatchesSources",
        "FirewallMatchesRuleIDs",
        "BotTags",
        "BotDetectionIDs",
        "BotDetectionTags",
        "JA4Signals",
        "FraudDetectionIDs",
        "FraudDetectionTags",
        "ContentScanObjResults",
        "ContentScanObjSizes",
        "ContentScanObjTypes",
        "WebAssetsLabelsManaged",
        "RequestHeaders",
        "ResponseHeaders",
        "Cookies",
        "Metadata",
        "AISecurityPIICategories",
        "AISecurityUnsafeTopicCategories",
        "FirewallForAIPIICategories",
        "FirewallForAIUnsafeTopicCategories",
    ];
    is_one_of(&NAMES, name)
}

fn is_flag(name: &str) -> bool {
    const NAMES: [&str; 4] = [
        "EdgeCFConnectingO2O",
        "CacheReserveUsed",
        "CacheTieredFill",
        "WorkerSubrequest",
    ];
    is_one_of(&NAMES, name)
}

/// Fields that Logpush writes as text although all of it may be digits.
fn is_text(name: &str) -> bool {
    const NAMES: [&str; 18] = [
        "RayID",
        "ParentRayID",
        "OriginatorRayID",
        "RuleID",
        "SecurityRuleID",
        "WAFRuleID",
        "Ref",
        "JA3Hash",
        "ClientLatitude",
        "ClientLongitude",
        "ClientRequestHost",
        "ClientRequestMethod",
        "ClientRequestPath",
        "ClientRequestQuery",
        "ClientRequestReferer",
        "ClientRequestURI",
        "ClientRequestUserAgent",
        "FraudUserID",
    ];
    is_one_of(&NAMES, name)
}

/// Whether a field is one of these; collectors that fold case are forgiven.
fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
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
        Member::Bare(word) => bare(word),
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

/// A number, `true`, `null`, or what an administrator took for one.
fn bare(word: &[u8]) -> Value {
    serde_json::from_slice(word).unwrap_or_else(|_| match word {
        b"" => Value::Null,
        word => Value::String(text(word)),
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
