//! [`Wordings`]: targets and referrers that came together before, by number.
//!
//! They are the long part of a request, and most requests of a busy site share them: many clients with many agents ask
//! for the same page from the same page. With their number in the place of the texts a request is told by two words.
//! Next: [`super::key`].

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::text::is_same;

/// The most bytes that both texts may have together.
const MAX_BYTES: usize = 1024;
/// In the place of a length: there is no such text.
const ABSENT: u16 = u16::MAX;

/// Target and referrer of a request.
#[derive(Debug, Clone, Copy)]
pub struct Wording<'r> {
    target: &'r [u8],
    referrer: &'r [u8],
    lengths: [u16; 2],
}

impl<'r> Wording<'r> {
    /// Of these texts; `None` when they are too long.
    #[inline]
    pub fn new(target: Option<&'r [u8]>, referrer: Option<&'r [u8]>) -> Option<Self> {
        let length = |text: Option<&[u8]>| text.map_or(ABSENT, |text| text.len() as u16);
        let lengths = [length(target), length(referrer)];
        let (target, referrer) = (target.unwrap_or_default(), referrer.unwrap_or_default());
        (target.len() + referrer.len() <= MAX_BYTES).then_some(Self {
            target,
            referrer,
            lengths,
        })
    }

    #[inline]
    fn is(&self, known: &Known) -> bool {
        self.lengths == known.lengths
            && known
                .texts
                .split_at_checked(self.target.len())
                .is_some_and(|(target, referrer)| {
                    is_same(target, self.target) && is_same(referrer, self.referrer)
                })
    }
}

/// Numbers by target and referrer.
#[derive(Debug, Default)]
pub struct Wordings {
    known: HashTable<Known>,
    hasher: RandomState,
}

/// A target with its referrer, and the number of both.
#[derive(Debug)]
struct Known {
    hash: u64,
    texts: Box<[u8]>,
    lengths: [u16; 2],
    number: u32,
}

impl Wordings {
    /// The hash of a wording, which is asked for with it.
    #[inline]
    pub fn hash(&self, wording: &Wording<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        let [target, referrer] = wording.lengths.map(u32::from);
        hasher.write_u32(target << 16 | referrer);
        hasher.write(wording.target);
        hasher.write(wording.referrer);
        hasher.finish()
    }

    /// The number of a wording that is known.
    #[inline]
    pub fn find(&self, hash: u64, wording: &Wording<'_>) -> Option<u64> {
        let known = self.known.find(hash, |known| wording.is(known));
        known.map(|known| known.number.into())
    }

    /// The number of a wording, which is known from now on.
    pub fn number(&mut self, hash: u64, wording: &Wording<'_>) -> u64 {
        if let Some(number) = self.find(hash, wording) {
            return number;
        }
        let number = self.known.len() as u32;
        let known = Known {
            hash,
            texts: [wording.target, wording.referrer].concat().into(),
            lengths: wording.lengths,
            number,
        };
        self.known.insert_unique(hash, known, |known| known.hash);
        number.into()
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Forgets all: numbers begin anew, and what was remembered by them means nothing any more.
    pub fn clear(&mut self) {
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_texts_have_different_numbers() {
        let long = [b'x'; 600];
        let texts: [Option<&[u8]>; 6] = [None, Some(b""), Some(b"/"), Some(b"/a"), Some(b"a"), Some(&long)];
        let mut wordings = Wordings::default();
        for round in 0..2 {
            let mut number = 0;
            for target in texts {
                for referrer in texts {
                    let Some(wording) = Wording::new(target, referrer) else {
                        assert!(target == referrer && target == Some(&long), "{target:?}");
                        continue;
                    };
                    let hash = wordings.hash(&wording);
                    assert_eq!(wordings.find(hash, &wording), (round > 0).then_some(number));
                    assert_eq!(wordings.number(hash, &wording), number, "{target:?} {referrer:?}");
                    number += 1;
                }
            }
        }
        wordings.clear();
        let wording = Wording::new(None, None).unwrap();
        assert_eq!(wordings.find(wordings.hash(&wording), &wording), None);
    }
}
