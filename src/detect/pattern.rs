//! [`Pattern`]: a Sigma string with its wildcards, and how it matches.
//!
//! `*` stands for any bytes, `?` for one character, and a back-slash takes the meaning from `*`, `?` and itself.
//! Comparison ignores the case of letters ([`super::letters`]) unless the rule says `cased`. Matching here is plain and slow; the
//! compiled engine must agree with it. Next: [`super::modifiers`].

use std::fmt;
use std::ops::Range;

use super::letters;

/// One piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// `?`: one character.
    One,
    /// `*`: anything, also nothing.
    Any,
}

/// A Sigma string. Adjacent bytes are one piece, adjacent `*` are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Pattern(Vec<Piece>);

impl Pattern {
    /// Reads a string with wildcards and escapes.
    pub fn parse(text: &str) -> Self {
        let mut pattern = Self::default();
        let mut rest = text.bytes().peekable();
        while let Some(byte) = rest.next() {
            match byte {
                b'*' => pattern.push(Piece::Any),
                b'?' => pattern.push(Piece::One),
                b'\\' => {
                    let escaped = rest.next_if(|next| matches!(next, b'*' | b'?' | b'\\'));
                    pattern.push_byte(escaped.unwrap_or(b'\\'));
                }
                other => pattern.push_byte(other),
            }
        }
        pattern
    }

    /// These bytes, no wildcards.
    pub fn literal(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        match bytes.is_empty() {
            true => Self::default(),
            false => Self(vec![Piece::Bytes(bytes)]),
        }
    }

    /// The pieces.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The bytes, when there is no wildcard.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match self.0.as_slice() {
            [] => Some(b""),
            [Piece::Bytes(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// Whether the case of a letter beyond ASCII could make a difference.
    pub fn has_cased_letters(&self) -> bool {
        let cased = |piece: &Piece| matches!(piece, Piece::Bytes(bytes) if letters::has_cased(bytes));
        self.0.iter().any(cased)
    }

    /// True for the empty string.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends a piece.
    pub fn push(&mut self, piece: Piece) {
        match (self.0.last_mut(), piece) {
            (Some(Piece::Any), Piece::Any) => {}
            (Some(Piece::Bytes(last)), Piece::Bytes(more)) => last.extend(more),
            (_, piece) => self.0.push(piece),
        }
    }

    fn push_byte(&mut self, byte: u8) {
        match self.0.last_mut() {
            Some(Piece::Bytes(last)) => last.push(byte),
            _ => self.0.push(Piece::Bytes(vec![byte])),
        }
    }

    /// With `*` before it, after it, or both.
    pub fn open(mut self, before: bool, after: bool) -> Self {
        if before && self.0.first() != Some(&Piece::Any) {
            self.0.insert(0, Piece::Any);
        }
        if after {
            self.push(Piece::Any);
        }
        self
    }

    /// Where the pattern's own text, without `*` at its ends, first stands if the whole of `text` matches.
    pub fn find(&self, text: &[u8], cased: bool) -> Option<Range<usize>> {
        let open_start = self.0.first() == Some(&Piece::Any);
        let open_end = self.0.len() > usize::from(open_start) && self.0.last() == Some(&Piece::Any);
        let core = self
            .0
            .get(usize::from(open_start)..self.0.len() - usize::from(open_end))?;
        let starts = match open_start {
            true => 0..=text.len(),
            false => 0..=0,
        };
        let open = open_end || (core.is_empty() && open_start);
        let (head, tail) = at_star(core);
        for start in starts {
            let rest = text.get(start..)?;
            if take(head, rest, cased).is_none() {
                continue;
            }
            match prefix(core, rest, cased, open) {
                Some(used) => return Some(start..start + used),
                // A `*` inside finds whatever stands further right, so a later start cannot help.
                None if tail.is_some() => return None,
                None => {}
            }
        }
        None
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &[u8], cased: bool) -> bool {
        match self.0.as_slice() {
            [Piece::Bytes(bytes)] => same(text, bytes, cased),
            pieces => whole(pieces, text, cased),
        }
    }
}

/// Whether two texts are equal, ignoring the case of letters unless `cased`.
pub fn same(left: &[u8], right: &[u8], cased: bool) -> bool {
    match cased {
        true => left == right,
        false => letters::same(left, right),
    }
}

/// How many bytes the first character has; a byte that begins none counts as one.
fn character(text: &[u8]) -> usize {
    let len = match text.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => 1,
    };
    let tail = text.get(1..len).unwrap_or_default();
    match tail.len() + 1 == len && tail.iter().all(|byte| (0x80..0xc0).contains(byte)) {
        true => len,
        false => 1,
    }
}

/// Takes pieces without `*` off the front; gives what is left of the text.
fn take<'t>(pieces: &[Piece], mut text: &'t [u8], cased: bool) -> Option<&'t [u8]> {
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => {
                let head = text.get(..bytes.len()).filter(|head| same(head, bytes, cased))?;
                text = text.get(head.len()..)?;
            }
            Piece::One if text.is_empty() => return None,
            Piece::One => text = text.get(character(text)..)?,
            Piece::Any => return None,
        }
    }
    Some(text)
}

/// Splits at the first `*`.
fn at_star(pieces: &[Piece]) -> (&[Piece], Option<&[Piece]>) {
    match pieces.iter().position(|piece| *piece == Piece::Any) {
        Some(at) => {
            let (head, tail) = pieces.split_at(at);
            (head, tail.get(1..))
        }
        None => (pieces, None),
    }
}

/// Whether all of the text matches. Each `*` takes as little as it can: what follows it is then as far left as
/// possible, which leaves the most for the rest, so nothing need ever be taken back.
fn whole(pieces: &[Piece], text: &[u8], cased: bool) -> bool {
    let (head, mut tail) = at_star(pieces);
    let Some(mut text) = take(head, text, cased) else {
        return false;
    };
    loop {
        let Some(after) = tail else {
            return text.is_empty();
        };
        let (head, next) = at_star(after);
        if next.is_none() {
            return ends(head, text, cased);
        }
        let Some(rest) = after_first(head, text, cased) else {
            return false;
        };
        text = rest;
        tail = next;
    }
}

/// What is left behind the first place where these pieces stand.
fn after_first<'t>(pieces: &[Piece], text: &'t [u8], cased: bool) -> Option<&'t [u8]> {
    // Letters beyond ASCII may differ in their first byte.
    if let Some(first) = first_byte(pieces).filter(|first| cased || first.is_ascii()) {
        let (lower, upper) = match cased {
            true => (first, first),
            false => (first.to_ascii_lowercase(), first.to_ascii_uppercase()),
        };
        return memchr::memchr2_iter(lower, upper, text).find_map(|at| take(pieces, text.get(at..)?, cased));
    }
    (0..=text.len()).find_map(|at| take(pieces, text.get(at..)?, cased))
}

fn first_byte(pieces: &[Piece]) -> Option<u8> {
    match pieces.first()? {
        Piece::Bytes(bytes) => bytes.first().copied(),
        Piece::One | Piece::Any => None,
    }
}

/// Whether the text ends in these pieces.
fn ends(pieces: &[Piece], text: &[u8], cased: bool) -> bool {
    if let [Piece::Bytes(bytes)] = pieces {
        let end = text.len().checked_sub(bytes.len()).and_then(|at| text.get(at..));
        return end.is_some_and(|end| same(end, bytes, cased));
    }
    (0..=text.len())
        .rev()
        .any(|at| text.get(at..).and_then(|text| take(pieces, text, cased)) == Some(b""))
}

/// How many bytes of the text the pieces match from its front; all of it unless `open`.
fn prefix(pieces: &[Piece], text: &[u8], cased: bool, open: bool) -> Option<usize> {
    if !open {
        return whole(pieces, text, cased).then_some(text.len());
    }
    let (head, mut tail) = at_star(pieces);
    let mut rest = take(head, text, cased)?;
    while let Some(after) = tail {
        let (head, next) = at_star(after);
        rest = after_first(head, rest, cased)?;
        tail = next;
    }
    Some(text.len() - rest.len())
}

impl fmt::Display for Pattern {
    /// As Sigma would write it; bytes that are no text as `\xHH`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Any => f.write_str("*")?,
                Piece::One => f.write_str("?")?,
                Piece::Bytes(bytes) => write!(f, "{}", bytes.escape_ascii())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_escapes() {
        for (pattern, text, matches) in [
            ("abc", "ABC", true),
            ("abc", "abcd", false),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a?c", "aéc", true),
            ("*Ä?c", "xäßC", true),
            ("*привет*", "о ПРИВЕТ!", true),
            ("Р*", "рр", true),
            ("a\\*c", "a*c", true),
            ("a\\*c", "abc", false),
            ("a\\?c", "abc", false),
            ("a\\\\*", "a\\x", true),
            ("a\\bc", "a\\bc", true),
            ("a\\\\bc", "a\\bc", true),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*a*b*", "xaxbx", true),
            ("*a*b", "xaxbxb", true),
            ("*ab", "xabab", true),
            ("?*?", "a", false),
            ("*??", "ab", true),
        ] {
            assert_eq!(
                Pattern::parse(pattern).matches(text.as_bytes(), false),
                matches,
                "{pattern} {text}"
            );
        }
        assert!(!Pattern::parse("abc").matches(b"ABC", true));
        assert!(!Pattern::parse("*Ä*").matches("ä".as_bytes(), true));
    }

    #[test]
    fn where_it_stands() {
        for (pattern, text, span) in [
            ("*b*", "abc", Some(1..2)),
            ("*b", "abb", Some(2..3)),
            ("b*", "bcd", Some(0..1)),
            ("*b?d*", "abbcd", Some(2..5)),
            ("*b*d*", "abcde", Some(1..4)),
            ("*", "abc", Some(0..0)),
            ("x", "abc", None),
        ] {
            assert_eq!(
                Pattern::parse(pattern).find(text.as_bytes(), false),
                span,
                "{pattern}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn finding_and_matching_agree(pattern in "[ab*?]{0,8}", text in "[abAB]{0,10}") {
            let pattern = Pattern::parse(&pattern);
            proptest::prop_assert_eq!(
                pattern.find(text.as_bytes(), false).is_some(),
                pattern.matches(text.as_bytes(), false)
            );
        }

        #[test]
        fn a_regex_agrees(pattern in "[ab*?]{0,8}", text in "[abAB]{0,10}") {
            let source = pattern.replace('*', ".*").replace('?', ".");
            let regex = regex::Regex::new(&format!("(?is)^{source}$")).unwrap();
            proptest::prop_assert_eq!(
                Pattern::parse(&pattern).matches(text.as_bytes(), false),
                regex.is_match(&text)
            );
        }
    }
}
