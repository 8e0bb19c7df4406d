//! What means nothing to a server or a database, taken out: `//`, `/./`, `;param`, back-slashes, NUL, comments of SQL.
//!
//! In linear time, into a buffer that is used again. It tidies what [`super::decode()`] made of a text.

/// Whether [`normalise_path`] could change the path.
pub(super) fn path_is_odd(path: &[u8]) -> bool {
    memchr::memchr3(b';', b'\\', 0, path).is_some()
        || memchr::memchr_iter(b'/', path).any(|at| matches!(path.get(at + 1), Some(b'/' | b'.')))
}

/// Appends the path with back-slashes as slashes, without NUL and `;param`, empty and `.` segments left out and `..`
/// resolved.
pub fn normalise_path(path: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    let mut ends_in_slash = false;
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        let end = memchr::memchr(b';', segment).unwrap_or(segment.len());
        let name = segment.get(..end).unwrap_or_default();
        let start = out.len();
        out.push(b'/');
        out.extend(name.iter().filter(|byte| **byte != 0));
        ends_in_slash = true;
        match out.get(start..).unwrap_or_default() {
            b"/" | b"/." => out.truncate(start),
            b"/.." => {
                out.truncate(start);
                drop_segment(out, from);
            }
            _ => ends_in_slash = false,
        }
    }
    if ends_in_slash || out.len() == from {
        out.push(b'/');
    }
}

/// Takes the last segment off a path that begins at `from`.
fn drop_segment(out: &mut Vec<u8>, from: usize) {
    let path = out.get(from..).unwrap_or_default();
    let keep = memchr::memrchr(b'/', path).unwrap_or(0);
    out.truncate(from + keep);
}

/// Whether [`normalise_query`] could change the text.
pub(super) fn text_is_odd(text: &[u8]) -> bool {
    let next = |at: usize, byte: u8| text.get(at + 1) == Some(&byte);
    memchr::memchr3(b'\\', 0, b'*', text).is_some()
        || memchr::memchr_iter(b' ', text).any(|at| next(at, b' '))
        // Folded, not stopped at the first: that runs over many bytes at once.
        || text.iter().fold(false, |odd, byte| odd | (*byte < b' ') | (*byte == HARD_SPACE))
        || memchr::memchr_iter(b'/', text).any(|at| next(at, b'.') && next(at + 1, b'/'))
}

/// A space that does not break in Latin-1, which MySQL takes for white space.
const HARD_SPACE: u8 = 0xa0;

/// Appends a query or other free text: NUL left out, back-slashes as slashes, `/./` as `/`, SQL comments and runs of
/// white space as one space, for which databases take any control character. The text of a `/*!50000 ...*/` comment stays,
/// since MySQL runs it.
pub(super) fn normalise_query(text: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    // From the last end of a line on, in bytes; none is as long as the text where there is no such end.
    let last_line = memchr::memrchr(b'\n', text).map_or(usize::MAX, |at| text.len() - at);
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            0 => {}
            1..=b' ' => push_space(out, from),
            // Behind ASCII it is no part of a letter in UTF-8.
            HARD_SPACE
                if out
                    .get(from..)
                    .unwrap_or_default()
                    .last()
                    .is_none_or(u8::is_ascii) =>
            {
                push_space(out, from);
            }
            // Only before the last line's end, so that each is looked for once.
            b'#' | b'-' if after.len() >= last_line => match skip_line(byte, after) {
                Some(behind) => {
                    rest = behind;
                    push_space(out, from);
                }
                None => out.push(byte),
            },
            b'\\' => push_slash(out, from),
            b'/' if after.first() == Some(&b'*') => {
                rest = skip_comment(after.get(1..).unwrap_or_default());
                push_space(out, from);
            }
            b'*' if after.first() == Some(&b'/') => {
                rest = after.get(1..).unwrap_or_default();
                push_space(out, from);
            }
            b'/' => push_slash(out, from),
            other => out.push(other),
        }
    }
}

fn push_space(out: &mut Vec<u8>, from: usize) {
    if out.len() == from || out.last() != Some(&b' ') {
        out.push(b' ');
    }
}

/// Appends a slash; `/.` before it is taken back.
fn push_slash(out: &mut Vec<u8>, from: usize) {
    if out.get(from..).is_some_and(|text| text.ends_with(b"/.")) {
        out.truncate(out.len() - 1);
        return;
    }
    out.push(b'/');
}

/// What stands after a comment whose `/*` was read; the inside of a MySQL version comment stays to be read.
fn skip_comment(inside: &[u8]) -> &[u8] {
    if let Some(run) = inside.strip_prefix(b"!") {
        let digits = run
            .iter()
            .take(6)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        return run.get(digits..).unwrap_or_default();
    }
    match memchr::memmem::find(inside, b"*/") {
        Some(end) => inside.get(end + 2..).unwrap_or_default(),
        // Unclosed: databases read to the end, but hiding the rest would help who sends it.
        None => inside,
    }
}

/// What stands behind a comment that goes to the end of its line, of which this is the first byte; none where no line follows.
fn skip_line(first: u8, after: &[u8]) -> Option<&[u8]> {
    let comment = match first {
        b'-' => after.strip_prefix(b"-")?,
        _ => after,
    };
    let end = memchr::memchr(b'\n', comment)?;
    comment.get(end + 1..)
}
