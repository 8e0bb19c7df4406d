//! Bodies that are one JSON array: joining records, and telling them apart again byte for byte. Pure.

use serde_json::value::RawValue;

/// `[record,record,…]`.
pub(super) fn joined(records: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::with_capacity(records.iter().map(|record| record.len() + 1).sum::<usize>() + 1);
    body.push(b'[');
    for (at, record) in records.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(record);
    }
    body.push(b']');
    body
}

/// The records of such a body.
pub(super) fn split(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let values: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
    Some(
        values
            .into_iter()
            .map(|value| value.get().as_bytes().to_vec())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_comes_apart_again() {
        for records in [
            &[][..],
            &[&b"{\"a\":1.0}"[..]],
            &[b"{\"a\":\"],[\"}", b"[]", b"{\"b\":{}}"],
        ] {
            assert_eq!(split(&joined(records)).unwrap(), records);
        }
        assert_eq!(split(b"nonsense"), None);
    }
}
