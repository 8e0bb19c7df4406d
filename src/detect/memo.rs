//! [`Memo`]: what was found in texts that come again and again, such as user agents.
//!
//! Bounded in number and bytes: a client that sends a new text each time makes it be emptied, which costs time, never
//! memory, and never changes a result. The hash is seeded at random, since clients choose the texts.

use std::collections::HashMap;

use foldhash::quality::RandomState;

/// What is known of one atom on one effective view of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Noted {
    /// The atom.
    pub atom: u32,
    /// The effective view.
    pub view: u8,
    /// Whether it holds; a literal that only lets a test run may have been found all the same.
    pub holds: bool,
}

/// How many texts are remembered.
const MAX_TEXTS: usize = 4096;
/// The longest text that is remembered, in bytes.
const MAX_TEXT: usize = 1024;
/// How many notes are kept in all.
const MAX_NOTES: usize = 1 << 18;

/// Notes by text.
#[derive(Debug, Default)]
pub struct Memo {
    texts: HashMap<Box<[u8]>, Known, RandomState>,
    notes: usize,
}

/// What is known of one text.
#[derive(Debug)]
pub struct Known {
    /// Which views it has: bit n for view n.
    pub has: u8,
    /// What was found in them.
    pub notes: Box<[Noted]>,
}

impl Memo {
    /// What was found in a text.
    pub fn find(&self, text: &[u8]) -> Option<&Known> {
        self.texts.get(text)
    }

    /// Remembers what was found in the views of a text.
    pub fn keep(&mut self, text: &[u8], has: u8, notes: &[Noted]) {
        if text.len() > MAX_TEXT || notes.len() > MAX_NOTES / 64 {
            return;
        }
        if self.texts.len() >= MAX_TEXTS || self.notes + notes.len() > MAX_NOTES {
            self.texts.clear();
            self.notes = 0;
        }
        self.notes += notes.len();
        let notes = notes.into();
        self.texts.insert(text.into(), Known { has, notes });
    }
}
