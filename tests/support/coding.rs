//! Logs packed in every coding that is read.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;

/// Bytes packed as a file with this ending is: `.gz`, `.zst`, `.bz2`, `.xz`, or as they are.
pub fn packed(ending: &str, plain: &[u8]) -> Vec<u8> {
    match ending {
        ".gz" => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        ".zst" => zstd::encode_all(plain, 1).unwrap(),
        ".bz2" => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        ".xz" => {
            let mut out = liblzma::write::XzEncoder::new(Vec::new(), 1);
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        _ => plain.to_vec(),
    }
}
