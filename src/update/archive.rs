//! Takes a database out of MaxMind's `tar.gz`.
//!
//! Reads the ustar format (POSIX.1-1988) as far as these archives use it: plain files and folders. Everything else is
//! passed over.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// Largest archive content; the largest database on sale has about a third of this.
const MAX_BYTES: u64 = 1 << 30;
/// Archives are made of blocks of this size.
const BLOCK: usize = 512;

/// The first file whose name ends with `.mmdb`.
pub(super) fn database(archive: &[u8]) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let mut reader = MultiGzDecoder::new(archive).take(MAX_BYTES + 1);
    reader
        .read_to_end(&mut content)
        .map_err(|error| format!("broken archive: {error}"))?;
    if content.len() as u64 > MAX_BYTES {
        return Err(format!("the archive holds more than {MAX_BYTES} bytes"));
    }
    let mut rest = content.as_slice();
    while let Some((header, after)) = rest.split_at_checked(BLOCK) {
        // A block of zeros ends the archive.
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        let size = size(header).ok_or("broken archive: a file without a size")?;
        let file = after.get(..size).ok_or("broken archive: a file is cut off")?;
        if is_file(header) && name(header).ends_with(b".mmdb") {
            return Ok(file.to_vec());
        }
        rest = after.get(size.next_multiple_of(BLOCK)..).unwrap_or_default();
    }
    Err("the archive holds no database".to_owned())
}

fn name(header: &[u8]) -> &[u8] {
    let field = header.get(..100).unwrap_or_default();
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn is_file(header: &[u8]) -> bool {
    matches!(header.get(156), Some(b'0' | 0))
}

/// Twelve octal digits, padded.
fn size(header: &[u8]) -> Option<usize> {
    let field = std::str::from_utf8(header.get(124..136)?).ok()?;
    usize::from_str_radix(field.trim_matches(['\0', ' ']), 8).ok()
}
