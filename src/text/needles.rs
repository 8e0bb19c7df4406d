//! [`Needles`]: finds every place of many texts in one pass, in any case (Aho and Corasick's automaton behind a filter).
//!
//! It is written for a program that starts often and looks at short texts: the automaton is laid out in one go over the
//! sorted texts, which takes a third of what a library takes that adds them one by one and then packs the result.
//! At most places of a text none of the others begins, which a few bits tell ([`filter`]); the automaton runs only from
//! where they do not, until it knows less than they do. Searching takes a few steps a byte at most, however many texts
//! there are; memory is bounded by the texts. It knows nothing of rules. Next: [`crate::detect`], whose literals it
//! finds.

use std::ops::Range;

mod filter;

use filter::Filter;

/// Texts, ready to be searched for.
#[derive(Debug, Default)]
pub struct Needles {
    filter: Filter,
    /// The texts' indices, sorted by text.
    order: Vec<u32>,
    /// The beginnings of texts, the shortest first; those that go on from one stand side by side.
    nodes: Vec<Node>,
    /// For each node its last byte.
    labels: Vec<u8>,
    /// Texts that end somewhere.
    ends: Vec<End>,
    /// Ways on from nodes near the root, by byte; 0 where there is none.
    tables: Vec<[u32; 256]>,
}

/// The beginning of a text.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// The first of the nodes that are longer by one byte.
    first: u32,
    /// How many they are.
    count: u16,
    /// Its table, when it has one.
    table: u16,
    /// The longest other node that it ends in, and its length.
    fail: u32,
    fail_len: u32,
    /// The longest text that it is or ends in.
    end: u32,
}

/// Equal texts.
#[derive(Debug)]
struct End {
    /// Their places in the order.
    texts: Range<u32>,
    len: u32,
    /// The longest other text that they end in.
    shorter: u32,
}

/// No text or table.
const NONE: u32 = u32::MAX;
const NO_TABLE: u16 = u16::MAX;
/// Nodes of at most so many bytes may have a table: there are few, and a search is nearly always at one of them.
const TABLE_DEPTH: usize = 1;
/// Fewer ways on are compared as fast.
const TABLE_WAYS: usize = 8;

impl Needles {
    /// For these texts, given in lower case; `None` when they are more than four billion bytes.
    pub fn new<T: AsRef<[u8]>>(texts: &[T]) -> Option<Self> {
        let bytes: usize = texts.iter().map(|text| text.as_ref().len() + 1).sum();
        u32::try_from(bytes).ok().filter(|bytes| *bytes < NONE)?;
        let mut order: Vec<u32> = (0..).take(texts.len()).collect();
        let text = |index: u32| texts.get(index as usize).map(AsRef::as_ref).unwrap_or_default();
        order.sort_by_key(|index| text(*index));
        let sorted: Vec<&[u8]> = order.iter().map(|index| text(*index)).collect();
        let mut needles = Self {
            order,
            ..Self::default()
        };
        needles.grow(&sorted);
        Some(needles)
    }

    /// Calls `found` with the index and the place of every text that stands in this one, in any case: by their ends,
    /// the longest of those that end together first, and empty ones before all others.
    pub fn find(&self, text: &[u8], mut found: impl FnMut(usize, Range<usize>)) {
        if let Some(end) = Some(self.end_at(0)).filter(|end| *end != NONE) {
            (0..=text.len()).for_each(|at| self.report(end, at, &mut found));
        }
        let (mut start, mut told) = (0, 0);
        while let Some(place) = self.filter.next(text, start) {
            start = self.follow(text, place, &mut told, &mut found);
        }
    }

    /// Runs the automaton from a place until all that it still knows is a beginning that the filter can tell better: where
    /// that begins. What ends up to `told` was reported before.
    fn follow(
        &self,
        text: &[u8],
        place: usize,
        told: &mut usize,
        found: &mut impl FnMut(usize, Range<usize>),
    ) -> usize {
        let (mut node, mut at) = (0, place);
        while let Some(byte) = text.get(at).map(u8::to_ascii_lowercase) {
            if let Some(longer) = self.longer(node, byte) {
                node = longer;
                at += 1;
                if at > *told {
                    *told = at;
                    let end = self.end_at(node);
                    if end != NONE {
                        self.report(end, at, found);
                    }
                }
                continue;
            }
            let Some(&Node { fail, fail_len, .. }) = self.nodes.get(node as usize) else {
                return text.len();
            };
            if (fail_len as usize) < filter::REACH {
                // From the root the next place is the next byte.
                return (at - fail_len as usize).max(place + 1);
            }
            node = fail;
        }
        text.len()
    }

    /// The longest text that a node is or ends in.
    fn end_at(&self, node: u32) -> u32 {
        self.nodes.get(node as usize).map_or(NONE, |node| node.end)
    }

    /// Tells of a text that ends here, and of those that it ends in.
    fn report(&self, mut end: u32, at: usize, found: &mut impl FnMut(usize, Range<usize>)) {
        while let Some(texts) = self.ends.get(end as usize) {
            let places = texts.texts.start as usize..texts.texts.end as usize;
            for index in self.order.get(places).unwrap_or_default() {
                found(*index as usize, at - texts.len as usize..at);
            }
            end = texts.shorter;
        }
    }

    /// The longest node that a text ends in when it ended in this one, of that length, and goes on with this byte; its
    /// length.
    fn next(&self, mut node: u32, mut len: u32, byte: u8) -> (u32, u32) {
        loop {
            if let Some(longer) = self.longer(node, byte) {
                return (longer, len + 1);
            }
            match self.nodes.get(node as usize).filter(|_| node != 0) {
                Some(shorter) => (node, len) = (shorter.fail, shorter.fail_len),
                None => return (0, 0),
            }
        }
    }

    /// The node that is longer by this byte.
    #[inline]
    fn longer(&self, node: u32, byte: u8) -> Option<u32> {
        let node = self.nodes.get(node as usize)?;
        if let Some(table) = self.tables.get(usize::from(node.table)) {
            return table.get(usize::from(byte)).copied().filter(|next| *next != 0);
        }
        let first = node.first as usize;
        let labels = self.labels.get(first..first + usize::from(node.count))?;
        let place = labels.iter().position(|label| *label == byte)?;
        Some(node.first + place as u32)
    }

    /// Lays out the nodes of sorted texts, level by level: what a node refers to is shorter and there already.
    fn grow(&mut self, sorted: &[&[u8]]) {
        self.filter = Filter::of(sorted);
        self.add(0, 0, 0);
        // The texts that begin with each node.
        let mut ranges: Vec<Range<usize>> = std::iter::once(0..sorted.len()).collect();
        let (mut node, mut depth, mut level) = (0, 0, 1);
        while let Some(range) = ranges.get(node).cloned() {
            if node == level {
                depth += 1;
                level = ranges.len();
            }
            let start = self.end(node, depth, range.clone(), sorted);
            let first = self.nodes.len();
            self.branch(node, depth, start..range.end, sorted, &mut ranges);
            self.join(node, first, depth);
            node += 1;
        }
    }

    fn add(&mut self, label: u8, fail: u32, fail_len: u32) {
        self.labels.push(label);
        self.nodes.push(Node {
            first: 0,
            count: 0,
            table: NO_TABLE,
            fail,
            fail_len,
            end: NONE,
        });
    }

    /// Writes down which texts end with a node; gives the place of the first that goes on.
    fn end(&mut self, node: usize, depth: usize, range: Range<usize>, sorted: &[&[u8]]) -> usize {
        let texts = sorted.get(range.clone()).unwrap_or_default();
        let ended = texts.iter().take_while(|text| text.len() == depth).count();
        let start = range.start + ended;
        let fail = self.nodes.get(node).map_or(0, |node| node.fail);
        // Empty texts end at every place, which is told apart.
        let mut end = if fail == 0 { NONE } else { self.end_at(fail) };
        if ended > 0 {
            self.ends.push(End {
                texts: range.start as u32..start as u32,
                len: depth as u32,
                shorter: end,
            });
            end = self.ends.len() as u32 - 1;
        }
        if let Some(node) = self.nodes.get_mut(node) {
            node.end = end;
        }
        start
    }

    /// Adds the nodes that go on from one.
    fn branch(
        &mut self,
        node: usize,
        depth: usize,
        range: Range<usize>,
        sorted: &[&[u8]],
        ranges: &mut Vec<Range<usize>>,
    ) {
        let (fail, fail_len) = (self.nodes.get(node)).map_or((0, 0), |node| (node.fail, node.fail_len));
        let mut start = range.start;
        while let Some(label) = sorted
            .get(start)
            .and_then(|text| text.get(depth))
            .filter(|_| start < range.end)
        {
            let texts = sorted.get(start..range.end).unwrap_or_default();
            let same = texts
                .iter()
                .take_while(|text| text.get(depth) == Some(label))
                .count();
            // From the root a byte leads to a node of its own only.
            let (fail, fail_len) = match node {
                0 => (0, 0),
                _ => self.next(fail, fail_len, *label),
            };
            self.add(*label, fail, fail_len);
            ranges.push(start..start + same);
            start += same;
        }
    }

    /// Joins a node with those that were added for it.
    fn join(&mut self, node: usize, first: usize, depth: usize) {
        let count = self.nodes.len() - first;
        let with_table = depth <= TABLE_DEPTH && (count >= TABLE_WAYS || node == 0);
        let table = self.tables.len() as u16;
        if let Some(node) = self.nodes.get_mut(node) {
            node.first = first as u32;
            node.count = count as u16;
            if with_table {
                node.table = table;
            }
        }
        if with_table {
            let mut ways = [0; 256];
            for (label, longer) in self
                .labels
                .get(first..)
                .unwrap_or_default()
                .iter()
                .zip(first as u32..)
            {
                if let Some(way) = ways.get_mut(usize::from(*label)) {
                    *way = longer;
                }
            }
            self.tables.push(ways);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[String], text: &str) -> Vec<(usize, Range<usize>)> {
        let lower: Vec<String> = texts.iter().map(|text| text.to_ascii_lowercase()).collect();
        let mut found = Vec::new();
        Needles::new(&lower)
            .unwrap()
            .find(text.as_bytes(), |index, place| found.push((index, place)));
        found
    }

    /// What stands at each place, one text after the other.
    fn expected(texts: &[String], text: &str) -> Vec<(usize, Range<usize>)> {
        let text = text.to_ascii_lowercase();
        let (mut all, mut empty) = (Vec::new(), Vec::new());
        for end in 0..=text.len() {
            for start in 0..=end {
                let here = &text.as_bytes()[start..end];
                let same = |needle: &String| needle.to_ascii_lowercase().as_bytes() == here;
                let indices = texts.iter().enumerate().filter(|(_, needle)| same(needle));
                let places = indices.map(|(index, _)| (index, start..end));
                if start == end {
                    empty.extend(places)
                } else {
                    all.extend(places)
                }
            }
        }
        empty.extend(all);
        empty
    }

    proptest::proptest! {
        #[test]
        fn everything_is_found_at_every_place(
            texts in proptest::collection::vec("[a-cA-Cé]{0,5}", 0..40),
            text in "[a-cA-CéÉ ]{0,60}",
        ) {
            proptest::prop_assert_eq!(found(&texts, &text), expected(&texts, &text));
        }

        #[test]
        fn long_texts_that_overlap_are_found(
            texts in proptest::collection::vec("(ab|ba|aa|abc){0,6}", 0..120),
            text in "[abcABC]{0,80}",
        ) {
            proptest::prop_assert_eq!(found(&texts, &text), expected(&texts, &text));
        }

        #[test]
        fn words_that_branch_widely_are_found(
            texts in proptest::collection::vec("[!-~]{1,3}", 0..200),
            text in "[!-~]{0,60}",
        ) {
            proptest::prop_assert_eq!(found(&texts, &text), expected(&texts, &text));
        }
    }

    #[test]
    fn many_words_are_found_as_few_are() {
        let mut words: Vec<String> = (0..2000).map(|number| format!("Word{number}x")).collect();
        words.push("wORD7".to_owned());
        let text = "/wOrD1999X?word7x=WORD77X&\u{e9}word7";
        let places = found(&words, text);
        assert_eq!(places, expected(&words, text));
        assert_eq!(places.len(), 6);
        assert!(found(&[], text).is_empty());
    }

    #[test]
    fn any_bytes_are_texts() {
        let all: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte, byte]).collect();
        let needles = Needles::new(&all).unwrap();
        let mut count = 0;
        needles.find(b"\0\0\xff\xff\xffAA", |index, place| {
            // What is not in lower case stands nowhere.
            assert!([0, 255, usize::from(b'a')].contains(&index), "{index} {place:?}");
            count += 1;
        });
        assert_eq!(count, 4);
    }

    #[test]
    fn memory_is_that_of_the_texts() {
        // Texts that share nothing and texts that share all but their ends.
        let apart: Vec<String> = (0..2000).map(|number| format!("{:03x}", number * 2)).collect();
        let needles = Needles::new(&apart).unwrap();
        assert!(needles.tables.len() <= 257);
        let long: Vec<String> = (0..200).map(|len| "a".repeat(len)).collect();
        let needles = Needles::new(&long).unwrap();
        assert_eq!((needles.nodes.len(), needles.ends.len()), (200, 200));
    }
}
