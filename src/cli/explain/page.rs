//! [`Page`]: the rows that `afw explain` prints for people.

use std::fmt::Write as _;

use crate::text::printable;

/// Width of the words at the left.
const WIDTH: usize = 11;

/// Rows of a page: a word at the left, text at the right.
#[derive(Default)]
pub(super) struct Page {
    pub text: String,
    /// The word of a section whose first row is still to come.
    word: &'static str,
}

impl Page {
    /// A word with the first row of its section.
    pub fn row(&mut self, word: &'static str, text: &str) {
        self.heading(word);
        self.more(text);
    }

    /// A word whose rows follow.
    pub fn heading(&mut self, word: &'static str) {
        self.word = word;
    }

    /// One more row.
    pub fn more(&mut self, text: &str) {
        let word = std::mem::take(&mut self.word);
        // Plain blanks before what has no word, for that is how far a line that is broken is indented.
        let bold = match word {
            "" => anstyle::Style::new(),
            _ => anstyle::Style::new().bold(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{bold}{word:<WIDTH$}{bold:#}{}", printable(text));
    }
}
