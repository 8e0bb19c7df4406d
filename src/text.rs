//! How bytes of a log become text: valid UTF-8 stays, every other byte is shown as `\xHH`.
//!
//! Lossless enough to read and never invalid; what goes to a terminal also passes [`printable`].

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

pub mod needles;

/// Bytes as valid UTF-8 text, other bytes as `\xHH` with upper-case digits.
pub fn shown(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(escape_invalid(bytes)),
    }
}

/// The name of a file as text, other bytes than UTF-8 as `\xHH`. What goes to a terminal also passes [`printable`].
pub fn of_path(path: &Path) -> Cow<'_, str> {
    shown(path.as_os_str().as_encoded_bytes())
}

/// The name of a file for one line of a message: whoever may create files must not write messages.
pub fn printable_path(path: &Path) -> String {
    printable(&of_path(path))
}

fn escape_invalid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

/// Whether two texts are the same, where one of them is often empty: the C library takes long to compare nothing with
/// nothing where its masked loads meet an address that is none, as that of an empty slice is (90 to 155 ns on EPYCs of 2022
/// and later, for which the comparison of two short texts takes 2).
#[inline]
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    match other {
        [] => one.is_empty(),
        _ => one == other,
    }
}

/// The system's message without its `(os error N)`, in lower case, as messages of afw are.
pub fn system_message(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::from("unknown error"),
    }
}

/// [`printable`] for text of several lines: newlines stay.
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Text made safe for one line of a terminal: control characters become `\xHH` or `\u{…}`.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if is_unsafe(c) => safe.push_str(&escape(c)),
            c => safe.push(c),
        }
    }
    safe
}

/// Control characters, and the invisible ones that reorder or hide text.
fn is_unsafe(c: char) -> bool {
    let hides =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    c.is_control() || hides
}

fn escape(c: char) -> String {
    let code = u32::from(c);
    if code < 0x80 {
        format!("\\x{code:02X}")
    } else {
        format!("\\u{{{code:x}}}")
    }
}

/// The first `max` bytes of a text, cut at a character boundary, with `…` when something is missing.
pub fn clipped(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Cow::Owned(format!("{}…", &text[..end]))
}

/// Lines that are too long for a terminal, broken between words and indented like their beginning and two letters
/// more. ANSI sequences take no room.
pub fn folded(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len() + 2;
        let mut column = 0;
        for word in line.split_inclusive(' ') {
            let long = letters(word.trim_end());
            if column + long > width && column > indent {
                let end = out.trim_end_matches(' ').len();
                out.truncate(end);
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent));
                column = indent;
            }
            out.push_str(word);
            column += letters(word);
        }
    }
    out
}

/// How many letters of a text are seen.
fn letters(text: &str) -> usize {
    let mut hidden = false;
    let seen = |letter: &char| {
        let was_hidden = hidden;
        hidden = *letter == '\u{1b}' || hidden && !letter.is_ascii_alphabetic();
        !(was_hidden || hidden || *letter == '\n')
    };
    text.chars().filter(seen).count()
}

/// A text cut to so many letters, with `…` when something is missing.
pub fn fitted(text: &str, width: usize) -> Cow<'_, str> {
    match text.char_indices().nth(width) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept = text.chars().take(width.saturating_sub(1));
            Cow::Owned(kept.chain(['…']).collect())
        }
    }
}

/// The one of the known names that was probably meant; `None` when none is near.
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let near = |known: &'n str| {
        let likeness = strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
        (likeness > 0.8).then_some((likeness, known))
    };
    let best = known.into_iter().filter_map(near);
    best.max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}

/// Bytes with percent escapes undone once; a `%` without two hex digits stays.
pub fn percent_decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            _ => {
                decoded.push(first);
                rest = tail;
            }
        }
    }
    Cow::Owned(decoded)
}

/// Value of a hexadecimal digit.
fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    }
}

/// A number with thousands separators: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of a thing: `1 line`, `2,000 lines`, `3 batches`.
pub fn counted(count: u64, thing: &str) -> String {
    let ending = match count {
        1 => "",
        _ if thing.ends_with(['s', 'x']) || thing.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{} {thing}{ending}", grouped(count))
}

/// A share of a whole, with one digit: what is not all of it is never `100.0 %`, what is something never `0.0 %`.
pub fn percent(part: u64, whole: u64) -> String {
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    match percent {
        _ if part > 0 && percent < 0.1 => "< 0.1 %".to_owned(),
        _ if part < whole && percent > 99.9 => "> 99.9 %".to_owned(),
        _ => format!("{percent:.1} %"),
    }
}

/// So many of a thing and what they do, of one and of many: `1 line waits`, `2 lines wait`.
pub fn clause(count: u64, thing: &str, [one, many]: [&str; 2]) -> String {
    let verb = if count == 1 { one } else { many };
    format!("{} {verb}", counted(count, thing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bytes_are_shown_escaped() {
        assert_eq!(shown(b"a\xffb\xc3\x28"), "a\\xFFb\\xC3(");
        assert_eq!(shown("grün".as_bytes()), "grün");
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let text = "  one two three\nshort\n\u{1b}[1mbold\u{1b}[0m word\n  averyveryverylongword\n";
        assert_eq!(
            folded(text, 10),
            "  one two\n    three\nshort\n\u{1b}[1mbold\u{1b}[0m word\n  averyveryverylongword\n"
        );
        assert_eq!(folded("", 10), "");
        assert_eq!(fitted("größer", 6), "größer");
        assert_eq!(fitted("größer", 4), "grö…");
    }

    #[test]
    fn clipping_keeps_characters_whole() {
        assert_eq!(clipped("aüb", 2), "a…");
        assert_eq!(clipped("aüb", 4), "aüb");
        assert_eq!(clipped("ü", 0), "…");
    }

    #[test]
    fn percent_escapes_are_undone_once() {
        for (text, decoded) in [
            ("/a%2fb", "/a/b"),
            ("%252e", "%2e"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%C3%BC", "ü"),
        ] {
            assert_eq!(percent_decoded(text.as_bytes()), decoded.as_bytes(), "{text}");
        }
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn nearly_all_is_not_all_and_little_is_not_nothing() {
        for (part, whole, text) in [
            (0, 0, "0.0 %"),
            (0, 9, "0.0 %"),
            (1, 10_000, "< 0.1 %"),
            (1, 1_000, "0.1 %"),
            (998, 1_000, "99.8 %"),
            (9_996, 10_000, "> 99.9 %"),
            (7, 7, "100.0 %"),
        ] {
            assert_eq!(percent(part, whole), text, "{part} of {whole}");
        }
    }

    #[test]
    fn one_of_a_thing_is_no_plural() {
        for (count, thing, text) in [
            (0, "line", "0 lines"),
            (1, "batch", "1 batch"),
            (2, "batch", "2 batches"),
            (1200, "address", "1,200 addresses"),
        ] {
            assert_eq!(counted(count, thing), text);
        }
        let waits = |count| clause(count, "batch", ["waits", "wait"]);
        assert_eq!(
            (waits(1).as_str(), waits(2).as_str()),
            ("1 batch waits", "2 batches wait")
        );
    }

    #[test]
    fn hostile_text_cannot_reach_the_terminal() {
        assert_eq!(
            printable("a\x1b[31mb\r\u{202e}c\nd"),
            "a\\x1B[31mb\\x0D\\u{202e}c\\x0Ad"
        );
        assert_eq!(printable_lines("a\x07\nb"), "a\\x07\nb");
        assert_eq!(printable("grün ✓"), "grün ✓");
    }
}
