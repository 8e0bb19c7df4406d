//! One automaton over all literals that are searched for in one text.
//!
//! Literals are put in and texts are read in lower case. To have both cases of each letter in the automaton instead
//! takes twice the room and three times as long to build, and searches no faster. Next: [`super::super::signature`].

use std::collections::HashMap;
use std::ops::Range;

use aho_corasick::dfa::DFA;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind, PatternID, automaton};
use foldhash::fast::RandomState;

use super::Literal;
use crate::detect::expr::Anchor;
use crate::detect::layers::Region;

/// The automaton, and for each of its patterns who asks for it.
#[derive(Debug)]
pub struct Automaton {
    search: Search,
    /// Those of one pattern stand together.
    entries: Vec<Entry>,
    /// For each pattern where its entries end, and those of the next one begin.
    ends: Vec<usize>,
    /// Whether some entry looks at the extension, which costs a scan to find.
    pub wants_extension: bool,
}

/// The kinds of automaton.
#[derive(Debug)]
enum Search {
    /// A table with a row for each state: the fastest, while it is small.
    Table(DFA),
    /// Next to no room for states with few ways on, which nearly all have.
    Compact(NFA),
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

/// Up to this many bytes of patterns a table is small enough to be the fastest.
const DENSE_BYTES: usize = 4096;

impl Automaton {
    /// Builds it; `None` without literals, or in the case that the library cannot hold so many.
    pub fn new(literals: &[(&Literal, u32)]) -> Option<Self> {
        if literals.is_empty() {
            return None;
        }
        let (patterns, asked) = patterns(literals);
        let search = Search::new(&patterns)?;
        let mut places: Vec<usize> = (0..literals.len()).collect();
        places.sort_by_key(|place| asked.get(*place));
        let mut ends = vec![0; patterns.len()];
        let mut entries = Vec::with_capacity(literals.len());
        for place in places {
            if let (Some((literal, atom)), Some(pattern)) = (literals.get(place), asked.get(place)) {
                entries.push(Entry::of(literal, *atom));
                if let Some(end) = ends.get_mut(*pattern) {
                    *end = entries.len();
                }
            }
        }
        Some(Self {
            search,
            wants_extension: entries.iter().any(|entry| entry.region == Region::Extension),
            entries,
            ends,
        })
    }

    /// Calls `each` for every place where a literal stands.
    pub fn scan(&self, text: &[u8], mut each: impl FnMut(&Entry, Range<usize>)) {
        let found = |pattern: PatternID, span: Range<usize>| {
            for entry in self.entries_of(pattern.as_usize()) {
                each(entry, span.clone());
            }
        };
        match &self.search {
            Search::Table(table) => walk(table, text, found),
            Search::Compact(compact) => walk(compact, text, found),
        }
    }

    fn entries_of(&self, pattern: usize) -> &[Entry] {
        let start = pattern.checked_sub(1).and_then(|before| self.ends.get(before));
        let start = start.copied().unwrap_or_default();
        let end = self.ends.get(pattern).copied().unwrap_or_default();
        self.entries.get(start..end).unwrap_or_default()
    }
}

/// Different literals in lower case, in the order in which they come first, and for each literal which of them it is.
fn patterns<'l>(literals: &[(&'l Literal, u32)]) -> (Vec<&'l [u8]>, Vec<usize>) {
    let mut patterns: Vec<&[u8]> = Vec::new();
    let mut known: HashMap<&[u8], usize, RandomState> = HashMap::default();
    let asked = literals.iter().map(|(literal, _)| {
        *known.entry(literal.lower()).or_insert_with_key(|lower| {
            patterns.push(lower);
            patterns.len() - 1
        })
    });
    let asked = asked.collect();
    (patterns, asked)
}

impl Entry {
    fn of(literal: &Literal, atom: u32) -> Self {
        Self {
            atom,
            anchor: literal.anchor,
            region: literal.region,
            cased: literal.exact().map(Box::from),
        }
    }
}

impl Search {
    fn new(patterns: &[&[u8]]) -> Option<Self> {
        let size: usize = patterns.iter().map(|pattern| pattern.len()).sum();
        if size <= DENSE_BYTES {
            let mut table = DFA::builder();
            table.match_kind(MatchKind::Standard).prefilter(false);
            return table.build(patterns).ok().map(Self::Table);
        }
        let mut compact = NFA::builder();
        compact.match_kind(MatchKind::Standard).prefilter(false);
        compact.build(patterns).ok().map(Self::Compact)
    }
}

/// Every place of every pattern, by its end; the longest of those that end together first.
fn walk<A: automaton::Automaton>(search: &A, text: &[u8], mut found: impl FnMut(PatternID, Range<usize>)) {
    let Ok(mut state) = search.start_state(Anchored::No) else {
        return;
    };
    let mut report = |state, end: usize| {
        for index in 0..search.match_len(state) {
            let pattern = search.match_pattern(state, index);
            found(pattern, end - search.pattern_len(pattern)..end);
        }
    };
    if search.is_match(state) {
        report(state, 0);
    }
    for (at, byte) in text.iter().enumerate() {
        state = search.next_state(Anchored::No, state, byte.to_ascii_lowercase());
        if search.is_special(state) && search.is_match(state) {
            report(state, at + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use aho_corasick::AhoCorasick;

    use super::*;

    fn literal(bytes: &[u8]) -> Literal {
        Literal::new(bytes, Anchor::Anywhere, Region::Whole, false)
    }

    fn found(literals: &[Literal], text: &[u8]) -> Vec<(u32, Range<usize>)> {
        let asked: Vec<(&Literal, u32)> = literals.iter().zip(0..).collect();
        let mut found = Vec::new();
        if let Some(automaton) = Automaton::new(&asked) {
            automaton.scan(text, |entry, span| found.push((entry.atom, span)));
        }
        found.sort_by_key(|(atom, span)| (*atom, span.start));
        found
    }

    /// What the library itself finds when it is to know both cases of each letter.
    fn expected(literals: &[Literal], text: &[u8]) -> Vec<(u32, Range<usize>)> {
        let patterns: Vec<&[u8]> = literals.iter().map(Literal::lower).collect();
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&patterns)
            .unwrap();
        let mut found: Vec<_> = search
            .find_overlapping_iter(text)
            .map(|found| (found.pattern().as_u32(), found.range()))
            .collect();
        found.sort_by_key(|(atom, span)| (*atom, span.start));
        found
    }

    proptest::proptest! {
        #[test]
        fn everything_is_found_in_any_case(
            words in proptest::collection::vec("[a-cA-Cé]{0,4}", 1..12),
            text in "[a-cA-CéÉ ]{0,40}",
        ) {
            let literals: Vec<Literal> = words.iter().map(|word| literal(word.as_bytes())).collect();
            proptest::prop_assert_eq!(found(&literals, text.as_bytes()), expected(&literals, text.as_bytes()));
        }
    }

    #[test]
    fn many_words_are_found_as_few_are() {
        let mut literals: Vec<Literal> = (0..2000)
            .map(|number| literal(format!("Word{number}x").as_bytes()))
            .collect();
        literals.push(literal(b"wORD7"));
        let text = b"/wOrD1999X?word7x=WORD77X";
        let words = found(&literals, text);
        assert_eq!(words, expected(&literals, text));
        assert_eq!(words.len(), 5);
    }
}
