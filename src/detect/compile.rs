//! Compilation: from the trees of all rules to what runs on each line, the [`Engine`].
//!
//! Every literal of every rule goes into one automaton per text (target, referrer, user agent, …). A literal that is
//! found sets the **atoms** that ask for it; an atom may wake **rules**. A rule is looked at only when a literal was
//! found without which it cannot hold, so a line's cost does not grow with the number of rules. Regular expressions
//! and wildcards run only behind a literal they need. What has no such literal is tried on every line.
//!
//! Everything is decided here, once; [`super::signature`] only runs it. Memory is bounded by the rules: nothing here
//! grows with the log. Next: [`builder`], [`settle`], then [`super::signature`].

use std::sync::Arc;

use super::expr::{Check, Expr};
use super::fields::Field;
use super::layers::{Layering, Region};

mod automaton;
mod builder;
mod literal;
mod settle;
mod words;

pub(super) use automaton::{Automaton, Entry};
use builder::Builder;
use literal::Literal;
pub(super) use words::Words;

/// All rules, ready to run.
#[derive(Debug, Default)]
pub struct Engine {
    pub(super) slots: Vec<Slot>,
    pub(super) atoms: Vec<Atom>,
    pub(super) programs: Vec<Program>,
    /// Per atom, the rules that it wakes.
    pub(super) wakes: Vec<Box<[u32]>>,
    /// Rules that no literal wakes.
    pub(super) always: Vec<u32>,
}

/// A text of an event that is searched.
#[derive(Debug)]
pub(super) struct Slot {
    pub source: Source,
    pub layering: Layering,
    /// Whether few different texts come, so that what was found is remembered by text.
    pub repeats: bool,
    pub automaton: Option<Automaton>,
    /// Where few different texts come: tests that no literal guards, run once for each text.
    pub learned: Vec<u32>,
}

/// Where a slot's text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// A field; [`Field::Target`] for all parts of the target.
    Field(Field),
    /// All values of the line but target, referrer and agent.
    Rest,
}

/// One question to an event, shared by the rules that ask it in one place.
#[derive(Debug)]
pub(super) struct Atom {
    /// The slot it looks at; `None` for a field that is read when asked.
    pub slot: Option<usize>,
    pub test: AtomTest,
    /// The texts whose finding sets it or lets it run.
    literals: Vec<Literal>,
    /// Whether it stands in its slot's automaton.
    searched: bool,
}

/// How an atom is answered.
#[derive(Debug)]
pub(super) enum AtomTest {
    /// By its literals alone.
    Found,
    /// By running `test` once one of its literals was found.
    Guarded(Lazy),
    /// By running `test`.
    Lazy(Lazy),
}

impl AtomTest {
    /// The test that is run.
    pub(super) const fn lazy(&self) -> Option<&Lazy> {
        match self {
            Self::Found => None,
            Self::Guarded(lazy) | Self::Lazy(lazy) => Some(lazy),
        }
    }
}

/// A test that is run on a text when a rule asks for it.
#[derive(Debug)]
pub(super) struct Lazy {
    /// Which parts of a slot's text; one of them must pass.
    pub regions: Vec<Region>,
    /// The field, when it is no slot's.
    pub field: Option<Field>,
    /// Any of these must hold.
    pub checks: Vec<Arc<Check>>,
    /// The same, where they are many words.
    pub words: Option<Words>,
}

/// A rule over atoms.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Program {
    Atom(u32),
    Not(Box<Program>),
    All(Box<[Program]>),
    Any(Box<[Program]>),
    AtLeast(usize, Box<[Program]>),
}

impl Engine {
    /// Compiles rules, given as trees; a rule keeps its index.
    pub fn new(rules: impl Iterator<Item = Expr>) -> Self {
        let mut builder = Builder::new();
        let programs: Vec<Program> = rules.map(|rule| builder.program(&rule)).collect();
        builder.finish(programs)
    }
}

/// The slot of all values of a line but target, referrer and agent; every engine has it.
pub(super) const REST: usize = 3;
