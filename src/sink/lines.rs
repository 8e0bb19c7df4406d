//! Bodies made of lines: joining, telling apart again, and reproducible gzip. Pure.

use std::io::{Read, Write};

use flate2::{Compression, GzBuilder, read::GzDecoder};

/// Longest decompressed body, in bytes. Frozen bodies are our own and far smaller; a damaged one must not fill the
/// memory.
const MOST_BYTES: u64 = 256 << 20;

/// Records with `\n` between them, and after the last one when `terminated`.
pub(super) fn joined(records: &[&[u8]], terminated: bool) -> Vec<u8> {
    let mut body = records.join(&b'\n');
    if terminated && !records.is_empty() {
        body.push(b'\n');
    }
    body
}

/// The records of such a body.
pub(super) fn split(body: &[u8]) -> Vec<Vec<u8>> {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    if body.is_empty() {
        return Vec::new();
    }
    body.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// One gzip member without a time stamp: the same body always gives the same bytes.
pub(super) fn gzipped(body: &[u8]) -> Vec<u8> {
    let write = || -> std::io::Result<Vec<u8>> {
        let made = Vec::with_capacity(body.len() / 4 + 64);
        let mut encoder = GzBuilder::new().mtime(0).write(made, Compression::default());
        encoder.write_all(body)?;
        encoder.finish()
    };
    // Writing to memory cannot fail.
    write().unwrap_or_default()
}

/// What [`gzipped`] was given; `None` when the bytes are not of its making.
pub(super) fn gunzipped(body: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    GzDecoder::new(body)
        .take(MOST_BYTES)
        .read_to_end(&mut text)
        .ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_comes_apart_again() {
        for records in [&[][..], &[&b"a"[..]], &[b"a", b"", b"c"], &[b"a", b"b"]] {
            for terminated in [false, true] {
                let body = joined(records, terminated);
                assert_eq!(split(&body), records, "{terminated}");
            }
        }
    }

    #[test]
    fn gzip_has_one_member_without_time_and_can_be_made_again() {
        let body = b"hello hello hello".repeat(100);
        let packed = gzipped(&body);
        assert_eq!(packed.get(4..8), Some(&[0; 4][..]), "the time stamp");
        assert_eq!(packed, gzipped(&body));
        assert_eq!(gunzipped(&packed), Some(body));
        assert_eq!(gunzipped(b"nonsense"), None);
    }
}
