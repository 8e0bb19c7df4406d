//! What a verdict is remembered by: the values that rules look at, one behind the other.
//!
//! Two different requests must never get the same key. Each value begins with a mark that tells what it is; marks and
//! small numbers stand packed in words of 64 bits, texts with their lengths in a run of bytes, and the words come behind
//! them. A key without texts, as most have, is two words and kept as such ([`Told`]). Bounded: a request with more in it
//! than a key may hold has none. Next: [`super`].

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};

/// The longest key that is remembered, in bytes.
const MAX_KEY: usize = 1024;

/// First byte of a text whose length takes two bytes; below it stand the lengths of the others.
const LONG: u8 = 0xFF;

/// What has no value.
const ABSENT: u64 = 0;
/// What the log has no place for.
const UNLOGGED: u64 = 1;
/// A number; in the bit behind it stands whether it is a large one, and then itself, a large one among the texts.
const NUMBER: u64 = 2;
/// A text.
const TEXT: u64 = 3;
/// Bits of a mark.
const MARK: u32 = 2;
/// Bits of a small number.
const SMALL: u32 = 16;
/// Most bits that one value takes. Whether the next one begins another word follows from how full this one is alone.
const MOST: u32 = MARK + 1 + SMALL;

/// The key of the request at hand.
#[derive(Debug, Default)]
pub struct Key {
    /// The texts, and behind them, once there is nothing more to come, the words.
    bytes: Vec<u8>,
    /// Words that are full.
    words: Vec<u64>,
    /// The last word, and how many of its bits are in use.
    word: u64,
    used: u32,
    too_long: bool,
}

/// A whole key, its bytes borrowed or kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<B> {
    /// Two words, or one.
    Short(Option<u64>, u64),
    /// Texts and words.
    Long(B),
}

impl<B: AsRef<[u8]>> Told<B> {
    /// The key, to be compared.
    #[inline]
    pub fn borrowed(&self) -> Told<&[u8]> {
        match self {
            Self::Short(first, last) => Told::Short(*first, *last),
            Self::Long(bytes) => Told::Long(bytes.as_ref()),
        }
    }
}

impl Told<&[u8]> {
    /// The key, to be remembered.
    pub fn keep(&self) -> Told<Box<[u8]>> {
        match *self {
            Self::Short(first, last) => Told::Short(first, last),
            Self::Long(bytes) => Told::Long(bytes.into()),
        }
    }
}

/// How far a key has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mark {
    bytes: usize,
    words: usize,
    word: u64,
    used: u32,
    too_long: bool,
}

impl Key {
    /// Begins another key.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.words.clear();
        (self.word, self.used) = (0, 0);
        self.too_long = false;
    }

    /// How far it has come.
    #[inline]
    pub const fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes.len(),
            words: self.words.len(),
            word: self.word,
            used: self.used,
            too_long: self.too_long,
        }
    }

    /// The hash of what was added until now and of a text that has this hash.
    #[inline]
    pub fn hash_with(&self, text: u64, hasher: &impl BuildHasher) -> u64 {
        let mut hasher = hasher.build_hasher();
        hasher.write_u64(text);
        hasher.write_u64(self.word);
        self.words.iter().for_each(|word| hasher.write_u64(*word));
        if !self.bytes.is_empty() {
            hasher.write(&self.bytes);
        }
        hasher.finish()
    }

    /// Takes back all that was added since a mark.
    pub fn go_back(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.words.truncate(mark.words);
        (self.word, self.used, self.too_long) = (mark.word, mark.used, mark.too_long);
    }

    /// Begins as another key does up to a mark of it.
    pub fn begin_as(&mut self, other: &Self, mark: Mark) {
        self.clear();
        let bytes = other.bytes.get(..mark.bytes);
        self.bytes.extend_from_slice(bytes.unwrap_or_default());
        let words = other.words.get(..mark.words);
        self.words.extend_from_slice(words.unwrap_or_default());
        (self.word, self.used, self.too_long) = (mark.word, mark.used, mark.too_long);
    }

    /// What was found in a text: which views it has, and for each atom of which something was found a byte of what is
    /// known of it.
    pub fn found(&mut self, views: u8, atoms: impl ExactSizeIterator<Item = (u32, u8)>) {
        self.number(Some(u64::from(views)));
        self.number(Some(atoms.len() as u64));
        if atoms.len() * size_of::<u32>() > MAX_KEY {
            self.too_long = true;
            return;
        }
        for (atom, known) in atoms {
            self.bytes.extend_from_slice(&atom.to_le_bytes());
            self.bytes.push(known);
        }
    }

    /// Ends the key as a run of bytes.
    pub fn end(&mut self) {
        for word in &self.words {
            self.bytes.extend_from_slice(&word.to_le_bytes());
        }
        let [a, b, c, d, e, f, g, h] = self.word.to_le_bytes();
        let words = self.words.len() as u8;
        self.bytes.extend_from_slice(&[a, b, c, d, e, f, g, h, words]);
        self.too_long |= self.bytes.len() > MAX_KEY;
    }

    /// Ends the key; `None` when it is too long.
    #[inline]
    pub fn told(&mut self) -> Option<Told<&[u8]>> {
        match (self.bytes.as_slice(), self.words.as_slice()) {
            _ if self.too_long => None,
            ([], []) => Some(Told::Short(None, self.word)),
            ([], [first]) => Some(Told::Short(Some(*first), self.word)),
            _ => {
                self.end();
                self.get().map(Told::Long)
            }
        }
    }

    /// The whole key, once it is ended; `None` when it is too long.
    #[inline]
    pub fn get(&self) -> Option<&[u8]> {
        (!self.too_long).then_some(&self.bytes)
    }

    /// A value that is not there.
    #[inline]
    pub fn absent(&mut self) {
        self.bits(ABSENT, MARK);
    }

    /// A value that the log has no place for.
    #[inline]
    pub fn unlogged(&mut self) {
        self.bits(UNLOGGED, MARK);
    }

    /// A number, which may stand for a text that no other text shares it with.
    #[inline]
    pub fn number(&mut self, number: Option<u64>) {
        match number {
            None => self.absent(),
            Some(small) if small < 1 << SMALL => self.bits(NUMBER | small << (MARK + 1), MOST),
            Some(large) => {
                self.bits(NUMBER | 1 << MARK, MARK + 1);
                self.bytes.extend_from_slice(&large.to_le_bytes());
            }
        }
    }

    /// A method: a number for those of nearly all requests.
    #[inline]
    pub fn method(&mut self, method: Option<&[u8]>) {
        match method {
            Some(b"GET") => self.number(Some(1)),
            Some(b"POST") => self.number(Some(2)),
            Some(b"HEAD") => self.number(Some(3)),
            other => self.text(other),
        }
    }

    /// A text.
    #[inline]
    pub fn text(&mut self, text: Option<&[u8]>) {
        let Some(text) = text else {
            return self.absent();
        };
        self.bits(TEXT, MARK);
        if text.len() < usize::from(LONG) {
            self.bytes.push(text.len() as u8);
            self.bytes.extend_from_slice(text);
        } else {
            self.long_text(text);
        }
    }

    #[cold]
    fn long_text(&mut self, text: &[u8]) {
        if text.len() > MAX_KEY || self.bytes.len() > MAX_KEY {
            self.too_long = true;
            return;
        }
        let [low, high] = (text.len() as u16).to_le_bytes();
        self.bytes.extend_from_slice(&[LONG, low, high]);
        self.bytes.extend_from_slice(text);
    }

    /// On which side of each limit a number lies.
    #[inline]
    pub fn sides(&mut self, number: Option<f64>, limits: &[f64]) {
        for limit in limits {
            let side = match number.and_then(|number| number.partial_cmp(limit)) {
                None => 0,
                Some(Ordering::Less) => 1,
                Some(Ordering::Equal) => 2,
                Some(Ordering::Greater) => 3,
            };
            self.bits(side, 2);
        }
    }

    /// Adds a value of so many bits.
    #[inline]
    fn bits(&mut self, value: u64, width: u32) {
        if self.used > u64::BITS - MOST {
            self.next_word();
        }
        self.word |= value << self.used;
        self.used += width;
    }

    #[cold]
    fn next_word(&mut self) {
        // As many as the last byte can count are far too many for a key.
        self.too_long |= self.words.len() * size_of::<u64>() > MAX_KEY;
        if !self.too_long {
            self.words.push(self.word);
        }
        (self.word, self.used) = (0, 0);
    }
}

#[cfg(test)]
mod tests;
