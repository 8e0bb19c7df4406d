//! What a verdict is remembered by: words of eight bytes, and the texts that are too long for one.
//!
//! Two different requests must never get the same key: each field has its place, and the length of a text stands
//! before it. Bounded, and nothing is allocated. Next: [`super`].

use std::cmp::Ordering;

/// The most texts of a key; rules that look at more fields than that are judged on every line.
const MAX_TEXTS: usize = 12;

/// The most words of a key.
const MAX_WORDS: usize = 32;
/// Texts of a key that are too long for a word.
#[derive(Default)]
pub struct Texts<'e> {
    texts: [&'e [u8]; MAX_TEXTS],
    used: usize,
}

impl<'e> Texts<'e> {
    fn push(&mut self, text: &'e [u8]) {
        if let Some(place) = self.texts.get_mut(self.used) {
            *place = text;
        }
        self.used += 1;
    }

    /// `None` when there were too many.
    pub fn get(&self) -> Option<&[&'e [u8]]> {
        self.texts.get(..self.used)
    }
}

/// Short texts, lengths of long ones, and all that is no text, of the request at hand. With its long texts they make
/// the key.
#[derive(Debug, Default)]
pub struct Words {
    words: [u64; MAX_WORDS],
    used: usize,
}

/// No value.
const ABSENT: u64 = 0xFF << 56;
/// An agent's number in place of its text.
const NUMBERED: u64 = 0xFE << 56;
/// No value, and no place for one in the log.
const UNLOGGED: u64 = 0xFC << 56;
/// The length of a text that stands elsewhere.
const LONG: u64 = 0xFD << 56;
/// Texts up to so many bytes stand in a word, beneath their length.
const WORD_TEXT: usize = 7;

impl Words {
    /// Begins another key.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// A field without a value.
    pub fn absent(&mut self) {
        self.push(ABSENT);
    }

    /// A field that the log has no place for.
    pub fn unlogged(&mut self) {
        self.push(UNLOGGED);
    }

    /// A text by the number that no other text has.
    pub fn number_of_text(&mut self, number: u64) {
        self.push(NUMBERED | number);
    }

    /// A number.
    pub fn push(&mut self, word: u64) {
        if let Some(place) = self.words.get_mut(self.used) {
            *place = word;
        }
        self.used += 1;
    }

    /// `None` when there were too many.
    pub fn get(&self) -> Option<&[u64]> {
        self.words.get(..self.used)
    }

    /// A short text as a word, or the length of a longer one, which is put to the texts.
    pub fn text<'e>(&mut self, text: Option<&'e [u8]>, texts: &mut Texts<'e>) {
        match text {
            None => self.push(ABSENT),
            Some(text) if text.len() > WORD_TEXT => {
                self.push(LONG | text.len() as u64);
                texts.push(text);
            }
            Some(text) => self.written(text),
        }
    }

    /// A text in words alone.
    pub fn written(&mut self, text: &[u8]) {
        let mut pieces = text.chunks(WORD_TEXT);
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.push(LONG | packed(piece));
        }
        self.push((last.len() as u64) << 56 | packed(last));
    }

    /// On which side of each limit a number lies, in two bits each.
    pub fn sides(&mut self, number: Option<f64>, limits: &[f64]) {
        let side = |limit: &f64| match number.and_then(|number| number.partial_cmp(limit)) {
            None => 0,
            Some(Ordering::Less) => 1,
            Some(Ordering::Equal) => 2,
            Some(Ordering::Greater) => 3,
        };
        for limits in limits.chunks(32) {
            self.push(limits.iter().fold(0, |sides, limit| sides << 2 | side(limit)));
        }
    }
}

fn packed(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(parts: &[Option<&[u8]>]) -> (Vec<u64>, Vec<Vec<u8>>) {
        let (mut words, mut texts) = (Words::default(), Texts::default());
        for part in parts {
            words.text(*part, &mut texts);
        }
        let texts = texts.get().unwrap().iter().map(|text| text.to_vec()).collect();
        (words.get().unwrap().to_vec(), texts)
    }

    #[test]
    fn different_requests_have_different_keys() {
        let texts: [Option<&[u8]>; 8] = [
            None,
            Some(b""),
            Some(b"\0"),
            Some(b"a"),
            Some(b"a\0"),
            Some(b"seven77"),
            Some(b"eight888"),
            Some(b"eight88"),
        ];
        let pairs = || {
            texts
                .iter()
                .flat_map(|left| texts.iter().map(move |right| [*left, *right]))
        };
        for left in pairs() {
            for right in pairs() {
                assert_eq!(key(&left) == key(&right), left == right, "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn too_many_words_or_texts_make_no_key() {
        let (mut words, mut texts) = (Words::default(), Texts::default());
        for _ in 0..=MAX_TEXTS {
            words.text(Some(b"a long text"), &mut texts);
        }
        assert!(texts.get().is_none() && words.get().is_some());
        words.written(&[b'x'; WORD_TEXT * MAX_WORDS]);
        assert!(words.get().is_none());
    }

    #[test]
    fn sides_of_a_limit_differ() {
        let side = |number| {
            let mut words = Words::default();
            words.sides(number, &[16.0, 3.0]);
            words.get().unwrap().to_vec()
        };
        let sides = [None, Some(1.0), Some(3.0), Some(4.0), Some(16.0), Some(17.0)].map(side);
        for (at, one) in sides.iter().enumerate() {
            assert!(!sides[at + 1..].contains(one), "{at}");
        }
        assert_eq!(side(Some(5.0)), side(Some(6.0)));
    }
}
