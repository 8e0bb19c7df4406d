//! What a verdict is remembered by: the values that rules look at, one behind the other in one run of bytes.
//!
//! Two different requests must never get the same key, so each value begins with what tells where it ends. Bounded: a
//! request with more in it than a key may hold has none. Next: [`super`].

use std::cmp::Ordering;

/// The longest key that is remembered, in bytes.
const MAX_KEY: usize = 1024;

/// First byte of what has no value; below it stand the lengths of texts.
const ABSENT: u8 = 0xFF;
/// First byte of a text whose length takes two bytes.
const LONG: u8 = 0xFE;
/// First byte of a number.
const NUMBER: u8 = 0xFD;
/// First byte of what the log has no place for.
const UNLOGGED: u8 = 0xFC;

/// The key of the request at hand.
#[derive(Debug, Default)]
pub struct Key {
    bytes: Vec<u8>,
    too_long: bool,
}

impl Key {
    /// Begins another key.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.too_long = false;
    }

    /// The whole key; `None` when it is too long.
    #[inline]
    pub fn get(&self) -> Option<&[u8]> {
        (!self.too_long && self.bytes.len() <= MAX_KEY).then_some(&self.bytes)
    }

    /// A value that is not there.
    #[inline]
    pub fn absent(&mut self) {
        self.bytes.push(ABSENT);
    }

    /// A value that the log has no place for.
    #[inline]
    pub fn unlogged(&mut self) {
        self.bytes.push(UNLOGGED);
    }

    /// A number, which may stand for a text that no other text shares it with.
    #[inline]
    pub fn number(&mut self, number: Option<u64>) {
        let Some(number) = number else {
            return self.absent();
        };
        let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
        self.bytes.extend_from_slice(&[NUMBER, a, b, c, d, e, f, g, h]);
    }

    /// A text.
    #[inline]
    pub fn text(&mut self, text: Option<&[u8]>) {
        match text {
            None => self.absent(),
            Some(text) if text.len() < usize::from(UNLOGGED) => {
                self.bytes.push(text.len() as u8);
                self.bytes.extend_from_slice(text);
            }
            Some(text) => self.long_text(text),
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

    /// On which side of each limit a number lies, four limits a byte.
    pub fn sides(&mut self, number: Option<f64>, limits: &[f64]) {
        let side = |limit: &f64| match number.and_then(|number| number.partial_cmp(limit)) {
            None => 0_u16,
            Some(Ordering::Less) => 1,
            Some(Ordering::Equal) => 2,
            Some(Ordering::Greater) => 3,
        };
        let mut packed = 1;
        for limit in limits {
            packed = packed << 2 | side(limit);
            // The one in front has come to the top: four sides are in.
            if packed >= 1 << 8 {
                self.bytes.push(packed as u8);
                packed = 1;
            }
        }
        if packed > 1 {
            self.bytes.push(packed as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(parts: &[Option<&[u8]>]) -> Vec<u8> {
        let mut key = Key::default();
        parts.iter().for_each(|part| key.text(*part));
        key.get().unwrap().to_vec()
    }

    #[test]
    fn different_requests_have_different_keys() {
        let long = [b'x'; 300];
        let texts: [Option<&[u8]>; 12] = [
            None,
            Some(b""),
            Some(b"\0"),
            Some(b"\xFF"),
            Some(b"\xFE\x01\0"),
            Some(b"a"),
            Some(b"a\0"),
            Some(b"\x01a"),
            Some(&long[..251]),
            Some(&long[..252]),
            Some(&long[..255]),
            Some(&long),
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
    fn numbers_texts_and_nothing_are_told_apart() {
        let made: [fn(&mut Key); 6] = [
            |key| key.absent(),
            |key| key.unlogged(),
            |key| key.number(Some(0)),
            |key| key.number(Some(1)),
            |key| key.text(Some(&[NUMBER, 1, 0, 0, 0, 0, 0, 0, 0])),
            |key| key.text(Some(b"1")),
        ];
        let keys = made.map(|make| {
            let mut key = Key::default();
            make(&mut key);
            key.get().unwrap().to_vec()
        });
        for (at, one) in keys.iter().enumerate() {
            assert!(!keys[at + 1..].iter().any(|other| other.starts_with(one)), "{at}");
        }
    }

    #[test]
    fn what_is_too_long_makes_no_key() {
        let mut key = Key::default();
        key.text(Some(&[b'x'; MAX_KEY + 1]));
        assert!(key.get().is_none());
        key.clear();
        for _ in 0..100 {
            key.text(Some(&[b'x'; 300]));
        }
        assert!(key.get().is_none() && key.bytes.len() <= 2 * MAX_KEY + 400);
        for many in [250, 300] {
            key.clear();
            for _ in 0..5 {
                key.text(Some(&[b'x'; 300][..many]));
            }
            assert!(key.get().is_none(), "{many}");
        }
        key.clear();
        assert_eq!(key.get(), Some(&[][..]));
    }

    #[test]
    fn sides_of_a_limit_differ() {
        let side = |number| {
            let mut key = Key::default();
            key.sides(number, &[16.0, 3.0, 16.0, 3.0, 16.0]);
            key.get().unwrap().to_vec()
        };
        let sides = [None, Some(1.0), Some(3.0), Some(4.0), Some(16.0), Some(17.0)].map(side);
        for (at, one) in sides.iter().enumerate() {
            assert!(!sides[at + 1..].contains(one), "{at}");
        }
        assert_eq!(side(Some(5.0)), side(Some(6.0)));
    }
}
