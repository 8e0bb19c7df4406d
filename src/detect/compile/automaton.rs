//! One automaton over all literals that are searched for in one text.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::Literal;
use crate::detect::expr::Anchor;
use crate::detect::layers::Region;

/// The automaton, and for each of its patterns who asks for it.
#[derive(Debug)]
pub struct Automaton {
    search: AhoCorasick,
    entries: Vec<Box<[Entry]>>,
    /// Whether some entry looks at the extension, which costs a scan to find.
    pub wants_extension: bool,
}

/// Who asks for a pattern, and where it must stand.
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

/// Up to this many bytes of patterns a table with a row for each state is small enough to be the fastest.
const DENSE_BYTES: usize = 4096;

impl Automaton {
    /// Builds it; `None` without literals, or in the case that the library cannot hold so many.
    pub fn new(literals: &[(&Literal, u32)]) -> Option<Self> {
        if literals.is_empty() {
            return None;
        }
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut entries: Vec<Vec<Entry>> = Vec::new();
        for (literal, atom) in literals {
            let folded = literal.bytes.to_ascii_lowercase();
            let index = *known.entry(folded).or_insert_with_key(|folded| {
                patterns.push(folded.clone());
                entries.push(Vec::new());
                patterns.len() - 1
            });
            if let Some(list) = entries.get_mut(index) {
                list.push(Entry {
                    atom: *atom,
                    anchor: literal.anchor,
                    region: literal.region,
                    cased: literal.cased.then(|| literal.bytes.clone().into_boxed_slice()),
                });
            }
        }
        let size: usize = patterns.iter().map(Vec::len).sum();
        let kind = match size <= DENSE_BYTES {
            true => AhoCorasickKind::DFA,
            false => AhoCorasickKind::ContiguousNFA,
        };
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(kind))
            .build(&patterns)
            .ok()?;
        let wants_extension = entries
            .iter()
            .flatten()
            .any(|entry| entry.region == Region::Extension);
        Some(Self {
            search,
            entries: entries.into_iter().map(Vec::into_boxed_slice).collect(),
            wants_extension,
        })
    }

    /// Calls `each` for every place where a literal stands.
    pub fn scan(&self, text: &[u8], mut each: impl FnMut(&Entry, std::ops::Range<usize>)) {
        for found in self.search.find_overlapping_iter(text) {
            let entries = self.entries.get(found.pattern().as_usize());
            for entry in entries.map(|list| &**list).unwrap_or_default() {
                each(entry, found.range());
            }
        }
    }
}
