//! [`Decisions`]: how the rules decide on requests in whose texts the same was found.
//!
//! Most requests come in words of their own, and yet nearly all of them are alike to the rules: no literal, or the same
//! few, stand in target and referrer. What is decided on such requests differs only by the tests that look at these
//! texts again (regular expressions behind a literal, the lack of a query), and the order in which they are asked for
//! follows from the answers before. So for everything that was found, with all else that rules look at, there is a tree
//! of tests whose leaves are lists of hits. It grows with each way that was gone; a request that takes a known way runs
//! the tests on it and nothing else.
//!
//! Bounded, and emptied when full: that costs time and never changes a result. Next: [`super::super::signature`].

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::{Lists, Once};
use crate::detect::compile::{Atom, Engine, Source};
use crate::detect::expr::Test;
use crate::detect::fields::Field;
use crate::detect::hit::Hit;
use crate::detect::memo::Noted;

/// How many trees are remembered.
const MAX_TREES: usize = 1 << 13;
/// How many tests they have in all.
const MAX_NODES: usize = 1 << 14;

/// Trees by what was found.
#[derive(Debug, Default)]
pub struct Decisions {
    /// For each atom whether its answer is not told by what was found, and by what all keys hold.
    open: Vec<bool>,
    /// The slots of texts that are searched for the key.
    slots: Vec<usize>,
    trees: HashTable<Tree>,
    roots: Vec<Next>,
    nodes: Vec<Node>,
    lists: Lists,
    hasher: RandomState,
    once: Once,
    /// The tree of the request at hand.
    at_hand: Option<u32>,
}

/// What was found, and the number of its tree.
#[derive(Debug)]
struct Tree {
    hash: u64,
    key: Box<[u8]>,
    root: u32,
}

/// What follows from the answers so far.
#[derive(Debug, Clone, Copy, Default)]
enum Next {
    /// Nobody went this way yet.
    #[default]
    Unknown,
    /// The test of a node.
    Ask(u32),
    /// A list of hits, by number.
    Hits(u32),
}

/// One test, and where its two answers lead.
#[derive(Debug)]
struct Node {
    atom: u32,
    view: u8,
    no: Next,
    yes: Next,
}

/// A place in a tree that is still to be filled, or leads on.
#[derive(Debug, Clone, Copy)]
enum Place {
    Root(u32),
    Answer(u32, bool),
}

impl Decisions {
    /// For these rules.
    pub fn new(engine: &Engine) -> Self {
        let slots = engine.slots.iter().enumerate();
        Self {
            open: engine.atoms.iter().map(|atom| is_open(engine, atom)).collect(),
            slots: slots
                .filter(|(_, slot)| varies_in(&slot.source))
                .map(|(index, _)| index)
                .collect(),
            once: Once::new(MAX_TREES),
            ..Self::default()
        }
    }

    /// The slots of the texts that differ between requests with the same key: what is found in them belongs to it.
    pub fn slots(&self) -> &[usize] {
        &self.slots
    }

    /// Looks for the tree of a request.
    pub fn find(&mut self, key: Option<&[u8]>) {
        self.at_hand = None;
        let Some(key) = key else { return };
        let hash = self.hasher.hash_one(key);
        let known = self.trees.find(hash, |tree| *tree.key == *key);
        self.at_hand = match known.map(|tree| tree.root) {
            Some(root) => Some(root),
            None if self.once.is_first(hash) => None,
            None => Some(self.plant(hash, key)),
        };
    }

    /// The hits of the request that was looked for, when its way is known; `ask` runs a test on a view of its text.
    pub fn walk(&self, mut ask: impl FnMut(u32, usize) -> bool) -> Option<(u64, &[Hit])> {
        let mut next = *self.roots.get(self.at_hand? as usize)?;
        loop {
            match next {
                Next::Unknown => return None,
                Next::Hits(list) => return self.lists.get(list),
                Next::Ask(node) => {
                    let node = self.nodes.get(node as usize)?;
                    next = match ask(node.atom, usize::from(node.view)) {
                        true => node.yes,
                        false => node.no,
                    };
                }
            }
        }
    }

    /// Remembers the way of the request that was looked for: the tests that were run one after the other, and the hits.
    pub fn learn(&mut self, asked: &[Noted], hits: &[Hit]) {
        let Some(root) = self.at_hand.take() else { return };
        if self.nodes.len() + asked.len() > MAX_NODES {
            return self.clear();
        }
        let mut place = Place::Root(root);
        for Noted { atom, view, holds } in asked.iter().copied() {
            if self.open.get(atom as usize) != Some(&true) {
                continue;
            }
            let Some(node) = self.node_at(place, atom, view) else {
                return;
            };
            place = Place::Answer(node, holds);
        }
        if !matches!(self.next_mut(place), Some(Next::Unknown)) {
            return;
        }
        let list = self.lists.number(hits);
        if let Some(next) = self.next_mut(place) {
            *next = Next::Hits(list);
        }
    }

    /// The number of the node at a place, made if there is none; `None` when something else is asked there.
    fn node_at(&mut self, place: Place, atom: u32, view: u8) -> Option<u32> {
        let next = *self.next_mut(place)?;
        match next {
            Next::Ask(number) => {
                let node = self.nodes.get(number as usize)?;
                (node.atom == atom && node.view == view).then_some(number)
            }
            Next::Hits(_) => None,
            Next::Unknown => {
                let number = self.nodes.len() as u32;
                self.nodes.push(Node {
                    atom,
                    view,
                    no: Next::Unknown,
                    yes: Next::Unknown,
                });
                *self.next_mut(place)? = Next::Ask(number);
                Some(number)
            }
        }
    }

    fn next_mut(&mut self, place: Place) -> Option<&mut Next> {
        match place {
            Place::Root(root) => self.roots.get_mut(root as usize),
            Place::Answer(node, holds) => {
                let node = self.nodes.get_mut(node as usize)?;
                Some(if holds { &mut node.yes } else { &mut node.no })
            }
        }
    }

    /// Begins a tree: its number.
    fn plant(&mut self, hash: u64, key: &[u8]) -> u32 {
        if self.roots.len() >= MAX_TREES {
            self.clear();
        }
        let root = self.roots.len() as u32;
        self.roots.push(Next::Unknown);
        let tree = Tree {
            hash,
            key: key.into(),
            root,
        };
        self.trees.insert_unique(hash, tree, |tree| tree.hash);
        root
    }

    fn clear(&mut self) {
        self.trees.clear();
        self.roots.clear();
        self.nodes.clear();
        self.lists.clear();
    }

    /// How many nodes and lists of hits are remembered.
    #[cfg(test)]
    pub fn sizes(&self) -> (usize, usize) {
        (self.nodes.len(), self.lists.len())
    }
}

/// Whether the answer of an atom depends on more than what is found, and what all keys hold.
fn is_open(engine: &Engine, atom: &Atom) -> bool {
    let slot = atom.slot.and_then(|slot| engine.slots.get(slot));
    let lazy = atom.test.lazy();
    let compared = |test: &Test| matches!(test, Test::SameAs { field, .. } if varies(field));
    slot.is_some_and(|slot| varies_in(&slot.source))
        || lazy.and_then(|lazy| lazy.field.as_ref()).is_some_and(varies)
        || lazy.is_some_and(|lazy| lazy.checks.iter().any(|check| compared(&check.test)))
}

/// Whether requests with the same key may have different texts there.
pub fn varies_in(source: &Source) -> bool {
    matches!(source, Source::Field(field) if varies(field))
}

fn varies(field: &Field) -> bool {
    field.is_target() || *field == Field::Referrer || field.follows_from().contains(&Field::Target)
}
