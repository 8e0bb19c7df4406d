//! [`Search`]: the first division of a line that satisfies every step of a format, within a budget, so that no line costs
//! more than a few passes.

use std::collections::HashSet;

use super::Program;
use crate::compile::sink::Kind;
use crate::compile::span::{Division, Rules, Span};
use crate::leaf;
use crate::memo::TimeMemo;
use crate::request;
use crate::unescape::Escape;

/// How many times its own length a search may look at a line before it is given up. An honest line needs a few; a
/// line made to be ambiguous costs this much at most.
const PASSES: usize = 16;

/// What a search may look at besides, in bytes, so that short lines are not given up early.
const SPARE_BYTES: usize = 16 << 10;

/// What trying a division costs at least, in bytes looked at.
const TRY_BYTES: usize = 64;

/// How many bytes a search over a line may look at.
pub(super) fn budget(line: &[u8]) -> usize {
    line.len().saturating_mul(PASSES) + SPARE_BYTES
}

/// One search over the divisions of a line.
pub(super) struct Search<'p> {
    program: &'p Program,
    pub(super) memo: &'p mut TimeMemo,
    rules: Rules,
    /// Whether a request must end as one does.
    pub(super) whole: bool,
    /// A step and the value that it must not have.
    pub(super) known: Option<(usize, &'p [u8])>,
    /// Bytes that may still be looked at.
    pub(super) budget: usize,
    /// The steps, and the lengths of rest, from which no division was found: each is searched once.
    dead: HashSet<(usize, usize)>,
    /// Two lengths of rest between which no raw quote stands, the second at one: so a quote is looked for once.
    quote: Option<(usize, usize)>,
}

impl<'p> Search<'p> {
    pub(super) fn new(program: &'p Program, line: &[u8], memo: &'p mut TimeMemo, rules: Rules) -> Self {
        Self {
            program,
            memo,
            rules,
            whole: false,
            known: None,
            budget: budget(line),
            dead: HashSet::new(),
            quote: None,
        }
    }

    pub(super) fn steps<'a>(&mut self, index: usize, rest: &'a [u8], values: &mut Vec<&'a [u8]>) -> bool {
        let program = self.program;
        let Some(step) = program.steps.get(index) else {
            return rest.is_empty();
        };
        if step.span == Span::Quoted || step.end.is_empty() {
            return step
                .first(rest, program.dialect)
                .is_some_and(|division| self.takes(index, division, values));
        }
        let limit = self.limit(rest) + step.end.len();
        let within = rest.get(..limit).unwrap_or(rest);
        let mut from = 0;
        if self.is_before_last_word(index) {
            from = memchr::memmem::rfind(within, &step.end).unwrap_or(within.len());
        }
        while let Some(at) = step.literal_in(within, from) {
            if !self.spend(at - from + 1) {
                return false;
            }
            if let (Some(value), Some(after)) = (rest.get(..at), rest.get(at + step.end.len()..))
                && step.span.follows((value, after), self.rules)
                && self.takes(index, (value, after), values)
            {
                return true;
            }
            from = at + 1;
        }
        self.spend(within.len().saturating_sub(from));
        false
    }

    /// Whether only one value follows, which cannot hold what ends this one.
    fn is_before_last_word(&self, index: usize) -> bool {
        let Some([step, last]) = self.program.steps.get(index..) else {
            return false;
        };
        last.end.is_empty() && last.is_word() && step.end.contains(&b' ')
    }

    /// Whether a division satisfies its step and leaves a rest that satisfies the others.
    fn takes<'a>(&mut self, index: usize, (value, after): Division<'a>, values: &mut Vec<&'a [u8]>) -> bool {
        let rest = (index + 1, after.len());
        if self.known == Some((index, value)) || self.dead.contains(&rest) {
            return false;
        }
        let step = self.program.steps.get(index);
        let length = step
            .filter(|step| step.sink.kind() != Kind::Text)
            .map_or(0, |_| value.len());
        let begun =
            self.whole && step.is_some_and(|step| step.is_open_request() && !request::is_whole(value));
        if begun
            || !self.spend(length.max(TRY_BYTES))
            || step.is_none_or(|step| step.sink.check(value, self.memo).is_err())
        {
            return false;
        }
        values.push(value);
        let fits = self.steps(index + 1, after, values);
        if !fits {
            values.pop();
            self.dead.insert(rest);
        }
        fits
    }

    /// Takes from the budget; false when it is used up.
    fn spend(&mut self, bytes: usize) -> bool {
        let left = self.budget.checked_sub(bytes).filter(|left| *left > 0);
        self.budget = left.unwrap_or_default();
        left.is_some()
    }

    /// Where an unquoted value must have ended: a server that escapes writes no raw quote inside one.
    fn limit(&mut self, rest: &[u8]) -> usize {
        let dialect = self.program.dialect;
        // Apache writes an empty user as two quotes.
        if dialect == Escape::None || rest.starts_with(b"\"\"") {
            return rest.len();
        }
        if let Some((from, quote)) = self.quote
            && (quote..=from).contains(&rest.len())
        {
            return rest.len() - quote;
        }
        let limit = leaf::closing_quote(rest, dialect).unwrap_or(rest.len());
        self.quote = Some((rest.len(), rest.len() - limit));
        limit
    }
}
