//! One automaton over all literals that are searched for in one text.
//!
//! It says who asks for what was found and where it must stand; whether it stands there is not decided here. Next:
//! [`super::super::signature`].

use std::ops::Range;

use super::Literal;
use crate::detect::expr::Anchor;
use crate::detect::layers::Region;
use crate::text::needles::Needles;

/// The literals, and for each of them who asks for it.
#[derive(Debug)]
pub struct Automaton {
    needles: Needles,
    entries: Vec<Entry>,
    /// Whether some entry looks at the extension, which costs a scan to find.
    pub wants_extension: bool,
}

/// Who asks for a literal, and where it must stand.
#[derive(Debug)]
pub struct Entry {
    /// The atom that is set.
    pub atom: u32,
    /// At which ends of the region.
    pub anchor: Anchor,
    /// In which part of the text.
    pub region: Region,
    /// The exact bytes, when case counts.
    pub cased: Option<Box<[u8]>>,
}

impl Automaton {
    /// Builds it; `None` without literals, or when they are too many to hold.
    pub fn new(literals: &[(&Literal, u32)]) -> Option<Self> {
        if literals.is_empty() {
            return None;
        }
        let lower: Vec<&[u8]> = literals.iter().map(|(literal, _)| literal.lower()).collect();
        let entry = |(literal, atom): &(&Literal, u32)| Entry {
            atom: *atom,
            anchor: literal.anchor,
            region: literal.region,
            cased: literal.exact().map(Box::from),
        };
        let entries: Vec<Entry> = literals.iter().map(entry).collect();
        Some(Self {
            needles: Needles::new(&lower)?,
            wants_extension: entries.iter().any(|entry| entry.region == Region::Extension),
            entries,
        })
    }

    /// Calls `each` for every place where a literal stands.
    pub fn scan(&self, text: &[u8], mut each: impl FnMut(&Entry, Range<usize>)) {
        self.needles.find(text, |literal, span| {
            if let Some(entry) = self.entries.get(literal) {
                each(entry, span);
            }
        });
    }
}
