//! The lines that `afw explain` is given: its arguments, or standard input, decoded as a log file is.

use std::io::Read;

use crate::source::decode::Decoder;
use crate::terminal::{Exit, Failure};

/// Most bytes of standard input that are read, decoded.
const MAX_INPUT: usize = 16 << 20;
/// How many lines of standard input are explained.
const MAX_LINES: usize = 100;

/// The lines to explain, without their ends.
///
/// # Errors
/// Standard input that cannot be read or decoded, or holds nothing.
pub(super) fn lines(arguments: &[String]) -> Result<Vec<Vec<u8>>, Failure> {
    let from_stdin = arguments.is_empty() || arguments.iter().any(|argument| argument == "-");
    if !from_stdin {
        let bare = |line: &String| line.trim_end_matches(['\r', '\n']).as_bytes().to_vec();
        return Ok(arguments.iter().map(bare).collect());
    }
    let text = decoded(std::io::stdin().lock())?;
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    if text.is_empty() {
        return Err(Failure::usage("no line to explain")
            .hint("afw explain 'LINE', or: tail -n 1 access.log | afw explain -"));
    }
    let bare = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).to_vec();
    Ok(text.split(|&b| b == b'\n').take(MAX_LINES).map(bare).collect())
}

/// The first bytes of a log, as many as hold the lines that are explained.
fn decoded(input: impl Read) -> Result<Vec<u8>, Failure> {
    let mut decoder = Decoder::new(input);
    let mut text = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let mut ends = 0;
    while text.len() < MAX_INPUT && ends < MAX_LINES {
        let count = match decoder.read(&mut buffer) {
            Ok(count) => count,
            // What came before the fault is explained.
            Err(fault) if !text.is_empty() => {
                tracing::warn!("standard input: {}", fault.what());
                break;
            }
            Err(fault) => {
                let message = format!("standard input: {}", fault.what());
                return Err(Failure::new(Exit::BadInput, message));
            }
        };
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else {
            break;
        };
        ends += memchr::memchr_iter(b'\n', read).count();
        text.extend_from_slice(read);
    }
    text.truncate(MAX_INPUT);
    Ok(text)
}
