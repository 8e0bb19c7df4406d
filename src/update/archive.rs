//! Takes a database out of MaxMind's `tar.gz`.
//!
//! Reads the ustar format (POSIX.1-1988) as far as these archives use it: plain files and folders. Everything else is
//! passed over.

use std::io::{self, ErrorKind, Read};

use flate2::read::MultiGzDecoder;

/// Largest archive content; the largest database on sale has about a third of this.
const MAX_BYTES: u64 = 1 << 30;
/// Archives are made of blocks of this size.
const BLOCK: usize = 512;

/// The first file whose name ends with `.mmdb`. Only that file is held in memory; what the archive unpacks to is bounded.
pub(super) fn database(archive: &[u8]) -> Result<Vec<u8>, String> {
    let mut content = MultiGzDecoder::new(archive).take(MAX_BYTES);
    let broken = |error| format!("broken archive: {error}");
    let mut header = [0; BLOCK];
    loop {
        match content.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && content.limit() > 0 => break,
            Err(_) if content.limit() == 0 => return Err(too_large()),
            Err(error) => return Err(broken(error)),
        }
        // A block of zeros ends the archive.
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        let size = size(&header).ok_or("broken archive: a file without a size")?;
        if size > content.limit() {
            return Err(too_large());
        }
        if is_file(&header) && name(&header).ends_with(b".mmdb") {
            return file(&mut content, size).map_err(broken);
        }
        let padded = size.next_multiple_of(BLOCK as u64);
        let passed = io::copy(&mut content.by_ref().take(padded), &mut io::sink()).map_err(broken)?;
        if passed < size {
            return Err("broken archive: a file is cut off".to_owned());
        }
    }
    Err("the archive holds no database".to_owned())
}

/// So many bytes. The size is the archive's own word: room is made as bytes come.
fn file(content: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    content.take(size).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size {
        Ok(bytes)
    } else {
        Err(io::Error::new(ErrorKind::UnexpectedEof, "a file is cut off"))
    }
}

fn too_large() -> String {
    format!("the archive holds more than {MAX_BYTES} bytes")
}

fn name(header: &[u8]) -> &[u8] {
    let field = header.get(..100).unwrap_or_default();
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn is_file(header: &[u8]) -> bool {
    matches!(header.get(156), Some(b'0' | 0))
}

/// Twelve octal digits, padded.
fn size(header: &[u8]) -> Option<u64> {
    let field = std::str::from_utf8(header.get(124..136)?).ok()?;
    u64::from_str_radix(field.trim_matches(['\0', ' ']), 8).ok()
}
