//! [`Excerpt`]: the line of a rule file that a problem is about, with a caret under the place.
//!
//! Positions come as line and column of a value; a place inside a value ([`At::inside`]) is counted in the value's own
//! text, and found here behind quotes and escapes and on the further lines of a block. What cannot be found falls back to the value's
//! beginning. Rule files come from strangers: what is shown is short, and nothing in it can move a terminal's cursor.

use std::fmt;

use super::yaml::At;

/// Most characters that are shown of a line.
const WIDTH: usize = 100;
/// Characters that are shown before the caret when the line is cut.
const BEFORE: usize = 60;

/// A line and what is underlined in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line's number, from 1.
    line: usize,
    /// The line, cut and made printable.
    text: String,
    /// Characters before the caret.
    skip: usize,
    /// Characters that are underlined, at least one.
    len: usize,
}

impl fmt::Display for Excerpt {
    /// Two lines: ` 12 |   text` and a caret under the place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        writeln!(f, " {number} | {}", self.text)?;
        let (margin, skip) = (" ".repeat(number.len()), " ".repeat(self.skip));
        write!(f, " {margin} | {skip}{}", "^".repeat(self.len))
    }
}

/// The lines of one file, found once for all its problems.
#[derive(Debug)]
pub(super) struct Lines<'t>(Vec<&'t str>);

/// A place in a file: line from 0, byte in the line, bytes.
struct Place {
    line: usize,
    start: usize,
    len: usize,
}

impl<'t> Lines<'t> {
    pub fn of(text: &'t str) -> Self {
        Self(text.strip_prefix('\u{feff}').unwrap_or(text).lines().collect())
    }

    /// What to show of a place, with the line and column (from 1, in characters) at which the caret stands.
    pub fn excerpt(&self, at: At) -> Option<(Excerpt, usize, usize)> {
        let line = at.line.max(1) - 1;
        let text = self.0.get(line)?;
        let skip = text.char_indices().nth(at.column.max(1) - 1);
        let start = skip.map_or(text.len(), |(start, _)| start);
        let inside = at.inside.and_then(|inside| self.inside(line, start, inside));
        let place = inside.unwrap_or_else(|| Place {
            line,
            start,
            len: token(text.get(start..).unwrap_or_default()),
        });
        let text = self.0.get(place.line)?;
        let column = text.get(..place.start)?.chars().count();
        let len = text
            .get(place.start..)?
            .get(..place.len)
            .map_or(1, |marked| marked.chars().count());
        Some((cut(place.line + 1, text, column, len), place.line + 1, column + 1))
    }

    /// Where a part of a value stands; the value begins at `start` of `line`.
    fn inside(&self, line: usize, start: usize, (from, len): (usize, usize)) -> Option<Place> {
        let value = self.0.get(line)?.get(start..)?;
        if value.starts_with(['\'', '"']) {
            let first = written(value, from)?;
            let end = written(value, from + len).unwrap_or(value.len());
            return Some(Place {
                line,
                start: start + first,
                len: end - first,
            });
        }
        self.in_block(line, start, from, len)
    }

    /// The same without quotes: further lines of the value begin as far right as its first.
    fn in_block(&self, mut line: usize, start: usize, mut from: usize, len: usize) -> Option<Place> {
        loop {
            let text = self.0.get(line)?.get(start..).unwrap_or_default();
            if from < text.len() || (from == text.len() && len <= 1) {
                return Some(Place {
                    line,
                    start: start + from,
                    len: len.min(text.len() - from),
                });
            }
            from = from.checked_sub(text.len() + 1)?;
            line += 1;
        }
    }
}

/// Bytes that the first `wanted` bytes of a value's text take as it is written, with quotes and escapes; `None` when
/// the line ends before.
fn written(value: &str, wanted: usize) -> Option<usize> {
    let quote = value.chars().next().filter(|first| matches!(first, '\'' | '"'));
    let mut at = usize::from(quote.is_some());
    let mut read = 0;
    while read < wanted {
        let rest = value.get(at..)?;
        let letter = rest.chars().next()?;
        let (used, gives) = match (quote, letter) {
            (Some('\''), '\'') if rest.starts_with("''") => (2, 1),
            (Some('"'), '\\') => escape(rest)?,
            (Some(quote), letter) if letter == quote => return None,
            _ => (letter.len_utf8(), letter.len_utf8()),
        };
        at += used;
        read += gives;
    }
    (at <= value.len()).then_some(at)
}

/// Bytes that an escape in double quotes takes, and those of what it stands for.
fn escape(text: &str) -> Option<(usize, usize)> {
    let letter = text.chars().nth(1)?;
    let digits = match letter {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        'L' | 'P' => return Some((2, 3)),
        'N' | '_' => return Some((2, 2)),
        _ => return Some((1 + letter.len_utf8(), 1)),
    };
    let code = u32::from_str_radix(text.get(2..2 + digits)?, 16).ok()?;
    Some((2 + digits, char::from_u32(code)?.len_utf8()))
}

/// How many bytes of a line belong to the key or value at its front.
fn token(text: &str) -> usize {
    if let Some(quote) = text.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        let inside = text.get(1..).unwrap_or_default();
        return inside.find(quote).map_or(text.len(), |end| end + 2);
    }
    if text.starts_with(['[', '{', '|', '>', '-']) {
        return 1;
    }
    let ends = |at: &usize| {
        let rest = text.get(*at..).unwrap_or_default();
        let ends_key = rest.starts_with(':')
            && rest
                .get(1..)
                .is_none_or(|after| after.is_empty() || after.starts_with(' '));
        ends_key || rest.starts_with(" #") || rest.starts_with([',', ']', '}'])
    };
    let end = text
        .char_indices()
        .map(|(at, _)| at)
        .find(ends)
        .unwrap_or(text.len());
    text.get(..end).map_or(0, |token| token.trim_end().len()).max(1)
}

/// The part of a line around the caret, printable.
fn cut(line: usize, text: &str, column: usize, len: usize) -> Excerpt {
    let letters = text.chars().count();
    let from = if letters > WIDTH && column > BEFORE {
        column - BEFORE
    } else {
        0
    };
    let shown = text.chars().skip(from).take(WIDTH).map(plain);
    let mut text: String = shown.collect();
    let mut skip = column - from;
    if from > 0 {
        text.insert(0, '…');
        skip += 1;
    }
    if letters > from + WIDTH {
        text.push('…');
    }
    let room = text.chars().count().saturating_sub(skip);
    Excerpt {
        line,
        skip,
        len: len.min(room).max(1),
        text,
    }
}

/// A character of the same width that does nothing: tabs, controls and what turns or hides text.
fn plain(letter: char) -> char {
    match letter {
        '\t' => ' ',
        letter if letter.is_control() => '·',
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' => '·',
        letter => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, line: usize, column: usize, inside: Option<(usize, usize)>) -> String {
        let at = At { line, column, inside };
        Lines::of(text).excerpt(at).unwrap().0.to_string()
    }

    /// What the caret underlines.
    fn marked(text: &str, line: usize, column: usize, inside: Option<(usize, usize)>) -> String {
        let shown = shown(text, line, column, inside);
        let (text, marks) = shown.split_once('\n').unwrap();
        let skip = marks.chars().position(|mark| mark == '^').unwrap();
        let len = marks.chars().filter(|mark| *mark == '^').count();
        text.chars().skip(skip).take(len).collect()
    }

    #[test]
    fn the_caret_stands_under_the_value() {
        assert_eq!(
            shown("a: 1\nlevel: severe # bad\n", 2, 8, None),
            " 2 | level: severe # bad\n   |        ^^^^^^"
        );
        for (text, column, inside, is) in [
            ("key|mod: x", 1, None, "key|mod"),
            ("key|mod: x", 1, Some((4, 3)), "mod"),
            ("'key|mod': x", 1, Some((4, 3)), "mod"),
            ("a: 'it''s (x'", 4, Some((5, 1)), "("),
            ("a: \"\\u00e4\\\\x(b\"", 4, Some((4, 1)), "("),
            ("s: [ab, 'c d', e]", 9, None, "'c d'"),
            ("s: [ab, c]", 5, None, "ab"),
            ("c: a and äb and d", 4, Some((6, 3)), "äb"),
            ("c: x", 4, Some((40, 3)), "x"),
        ] {
            assert_eq!(marked(text, 1, column, inside), is, "{text}");
        }
        assert_eq!(marked("c: |\n  one\n  two (x\n", 2, 3, Some((8, 1))), "(");
        assert_eq!(marked("c: >-\n\n  one (x\n", 3, 3, Some((4, 1))), "(");
    }

    #[test]
    fn long_and_strange_lines_are_cut_and_harmless() {
        let long = format!("a: {}(\u{1b}[2J{}", "x".repeat(500), "y".repeat(500));
        let told = shown(&long, 1, 4, Some((500, 1)));
        assert!(told.lines().all(|line| line.chars().count() < 120), "{told}");
        assert!(!told.contains('\u{1b}'));
        assert_eq!(marked(&long, 1, 4, Some((500, 1))), "(");
        assert_eq!(
            Lines::of("a\n").excerpt(At {
                line: 9,
                column: 1,
                inside: None
            }),
            None
        );
        assert!(
            Lines::of("a\n")
                .excerpt(At {
                    line: 1,
                    column: 99,
                    inside: Some((7, 7))
                })
                .is_some()
        );
    }

    proptest::proptest! {
        #[test]
        fn no_place_is_too_odd(text in "[ a-c'\"\\\\|>:ä\n]{0,40}", line in 0usize..5, column in 0usize..30, from in 0usize..30, len in 0usize..9) {
            let at = At { line, column, inside: Some((from, len)) };
            if let Some((excerpt, ..)) = Lines::of(&text).excerpt(at) {
                let told = excerpt.to_string();
                proptest::prop_assert!(told.ends_with('^'), "{}", told);
            }
        }
    }
}
