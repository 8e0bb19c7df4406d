//! [`Program`]: the steps that read one line of a compiled format.
//!
//! Each step is a value and the literal behind it. A value between quotes ends at the closing quote, since a
//! server that escapes cannot write a raw one inside; any other ends where its literal first stands. That reads
//! ordinary lines in one pass at the speed of a hand-written grammar. A line on which it fails is searched for
//! the first division that satisfies every step ([`Program::search`]), within a budget, so that no line costs
//! more than a few passes.
//!
//! What a client chooses must not decide who it is. Where unquoted client text stands before the peer, a line is
//! accepted only if the first and the last possible division name the same peer.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::address;
use crate::compile::sink::{Dialect, Kind, Pieces, Sink};
use crate::compile::{FormatError, Part};
use crate::leaf;
use crate::memo::{CLF_LEN, TimeMemo};
use crate::record::{Moment, Record};
use crate::reject::{Reason, Reject};
use crate::unescape::Escape;

/// How many times its own length a search may look at a line before it is given up. An honest line needs a few; a
/// line made to be ambiguous costs this much at most.
const PASSES: usize = 16;

/// What a search may look at besides, in bytes, so that short lines are not given up early.
const SPARE_BYTES: usize = 16 << 10;

/// What trying a division costs at least, in bytes looked at.
const TRY_BYTES: usize = 64;

/// A compiled format.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Program {
    lead: Box<[u8]>,
    steps: Box<[Step]>,
    dialect: Escape,
    moment: Moment,
    /// Client text that nothing delimits stands before the peer.
    forgeable: bool,
    /// The step of the time, if what stands before it is [`HEAD`] in most lines.
    head: Option<usize>,
}

/// What most lines of most formats have between the peer and the time: nobody's name, and nobody's login.
const HEAD: &[u8] = b" - - [";

/// A value and the literal behind it (empty at the end of the format).
#[derive(Debug, Clone, PartialEq)]
struct Step {
    sink: Sink,
    span: Span,
    end: Box<[u8]>,
}

/// How the end of a value is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Span {
    /// At the closing quote.
    Quoted,
    /// Where the literal first stands.
    Free,
}

/// A value and what follows its literal.
type Division<'a> = (&'a [u8], &'a [u8]);

impl Program {
    /// Puts parts together. Two values side by side cannot be told apart; where both are unimportant they are
    /// skipped as one, else it is an error.
    pub(crate) fn new(parts: Vec<Part>, dialect: Escape, moment: Moment) -> Result<Self, FormatError> {
        let mut lead = Vec::new();
        let mut steps: Vec<(Sink, usize, Vec<u8>)> = Vec::new();
        for part in parts {
            match part {
                Part::Literal(bytes) => match steps.last_mut() {
                    None => lead.extend(bytes),
                    Some((_, _, end)) => end.extend(bytes),
                },
                Part::Value { sink, at } => match steps.last_mut() {
                    Some((before, _, end)) if end.is_empty() => *before = side_by_side(before, sink, at)?,
                    _ => steps.push((sink, at, Vec::new())),
                },
            }
        }
        if steps.is_empty() {
            return Err(FormatError::new("the format has no variable", 0));
        }
        Ok(Self::from_steps(lead, steps, dialect, moment))
    }

    fn from_steps(lead: Vec<u8>, raw: Vec<(Sink, usize, Vec<u8>)>, dialect: Escape, moment: Moment) -> Self {
        let mut steps = Vec::with_capacity(raw.len());
        let mut before = lead.clone();
        for (sink, _, end) in raw {
            let quoted = before.ends_with(b"\"") && end.starts_with(b"\"") && dialect != Escape::None;
            before.clone_from(&end);
            steps.push(Step {
                sink,
                span: if quoted { Span::Quoted } else { Span::Free },
                end: end.into(),
            });
        }
        let forgeable = match steps.iter().position(|step| step.sink == Sink::Peer) {
            Some(peer) => steps
                .iter()
                .take(peer)
                .any(|s| s.span == Span::Free && s.sink.kind() == Kind::Text && !s.fixed()),
            None => false,
        };
        Self {
            head: head(&steps).filter(|_| lead.is_empty()),
            lead: lead.into(),
            steps: steps.into(),
            dialect,
            moment,
            forgeable,
        }
    }

    /// Reads one line.
    #[inline]
    pub(crate) fn parse<'a>(
        &self,
        line: &'a [u8],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
    ) -> Result<(), Reject> {
        if self.forgeable {
            return self.parse_carefully(line, record, memo);
        }
        let stopped = match self.straight(line, record, memo) {
            Ok(()) => {
                self.accept(record);
                return Ok(());
            }
            Err(reject) => reject,
        };
        match self.search(line, memo, Order::First) {
            Some(values) => self.fill(line, &values, record, memo),
            None => Err(stopped),
        }
    }

    /// How the values of a line are read.
    fn values(&self) -> Dialect {
        Dialect {
            undo: self.dialect,
            empty_is_absent: matches!(self.dialect, Escape::Json | Escape::None),
        }
    }

    fn accept(&self, record: &mut Record<'_>) {
        record.more.moment = self.moment;
    }

    /// One pass: each value ends where its literal first stands.
    #[inline]
    fn straight<'a>(
        &self,
        line: &'a [u8],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
    ) -> Result<(), Reject> {
        let mut pieces = Pieces::default();
        // Nothing is escaped in most lines: seen once here, not once in every value.
        let dialect = if memchr::memchr(b'\\', line).is_none() {
            Escape::None
        } else {
            self.dialect
        };
        let at = |rest: &[u8]| line.len() - rest.len();
        let mut rest = line
            .strip_prefix(&*self.lead)
            .ok_or(Reject::new(Reason::Literal, 0))?;
        let mut steps = &*self.steps;
        if let Some(time) = self.head
            && let Some((ip, after)) = address::v4(rest)
            && let Some(after_head) = after.strip_prefix(HEAD)
        {
            record.peer = Some(IpAddr::V4(ip));
            record.peer_text = rest.get(..rest.len() - after.len()).unwrap_or_default();
            (rest, steps) = (after_head, steps.get(time..).unwrap_or_default());
        }
        for step in steps {
            let (value, after) = step.first(rest, dialect).ok_or_else(|| step.missed(line, rest))?;
            step.sink
                .fill(
                    value,
                    Dialect {
                        undo: dialect,
                        ..self.values()
                    },
                    record,
                    &mut pieces,
                    memo,
                )
                .map_err(|reason| Reject::new(reason, at(rest)))?;
            rest = after;
        }
        if !rest.is_empty() {
            return Err(Reject::new(Reason::Literal, at(rest)));
        }
        pieces.finish(record).map_err(|reason| Reject::new(reason, 0))
    }

    /// Both the first and the last division must name the same peer.
    fn parse_carefully<'a>(
        &self,
        line: &'a [u8],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
    ) -> Result<(), Reject> {
        let first = self.search(line, memo, Order::First);
        let last = self.search(line, memo, Order::Last);
        let (Some(first), Some(last)) = (first, last) else {
            return self
                .straight(line, record, memo)
                .and(Err(Reject::new(Reason::Literal, 0)));
        };
        let peer = self
            .steps
            .iter()
            .position(|step| step.sink == Sink::Peer)
            .unwrap_or_default();
        if first.get(peer) != last.get(peer) {
            return Err(Reject::new(Reason::Address, 0));
        }
        self.fill(line, &first, record, memo)
    }

    fn fill<'a>(
        &self,
        line: &'a [u8],
        values: &[&'a [u8]],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
    ) -> Result<(), Reject> {
        record.clear();
        record.line = line.into();
        let mut pieces = Pieces::default();
        for (step, value) in self.steps.iter().zip(values) {
            let read = step.sink.fill(value, self.values(), record, &mut pieces, memo);
            read.map_err(|reason| Reject::new(reason, 0))?;
        }
        pieces.finish(record).map_err(|reason| Reject::new(reason, 0))?;
        self.accept(record);
        Ok(())
    }

    /// The first (or last) division of the line that satisfies every step.
    #[cold]
    fn search<'a>(&self, line: &'a [u8], memo: &mut TimeMemo, order: Order) -> Option<Vec<&'a [u8]>> {
        let rest = line.strip_prefix(&*self.lead)?;
        let mut values = Vec::with_capacity(self.steps.len());
        let mut search = Search {
            program: self,
            memo,
            order,
            budget: line.len().saturating_mul(PASSES) + SPARE_BYTES,
            quote: None,
        };
        search.steps(0, rest, &mut values).then_some(values)
    }
}

/// Which division is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    First,
    Last,
}

/// One search over the divisions of a line.
struct Search<'p> {
    program: &'p Program,
    memo: &'p mut TimeMemo,
    order: Order,
    /// Bytes that may still be looked at.
    budget: usize,
    /// Two lengths of rest between which no raw quote stands, the second at one: so a quote is looked for once.
    quote: Option<(usize, usize)>,
}

impl Search<'_> {
    fn steps<'a>(&mut self, index: usize, rest: &'a [u8], values: &mut Vec<&'a [u8]>) -> bool {
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
        let (mut from, mut to) = (0, within.len());
        while let Some(at) = step.literal_in(within, from, to, self.order) {
            let looked = if self.order == Order::First {
                at - from
            } else {
                to - at
            };
            if !self.spend(looked + 1) {
                return false;
            }
            if let (Some(value), Some(after)) = (rest.get(..at), rest.get(at + step.end.len()..))
                && self.takes(index, (value, after), values)
            {
                return true;
            }
            match self.order {
                Order::First => from = at + 1,
                Order::Last => to = at + step.end.len() - 1,
            }
        }
        self.spend(to.saturating_sub(from));
        false
    }

    /// Whether a division satisfies its step and leaves a rest that satisfies the others.
    fn takes<'a>(&mut self, index: usize, (value, after): Division<'a>, values: &mut Vec<&'a [u8]>) -> bool {
        let step = self.program.steps.get(index);
        let length = step
            .filter(|step| step.sink.kind() != Kind::Text)
            .map_or(0, |_| value.len());
        if !self.spend(length.max(TRY_BYTES))
            || step.is_none_or(|step| step.sink.check(value, self.memo).is_err())
        {
            return false;
        }
        values.push(value);
        let fits = self.steps(index + 1, after, values);
        if !fits {
            values.pop();
        }
        fits
    }

    /// Takes from the budget; false when it is used up.
    fn spend(&mut self, bytes: usize) -> bool {
        let left = self.budget.checked_sub(bytes);
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

impl Step {
    /// The value that ends where the literal first stands.
    #[inline]
    fn first<'a>(&self, rest: &'a [u8], dialect: Escape) -> Option<Division<'a>> {
        if self.span == Span::Quoted {
            return self.quoted(rest, dialect);
        }
        if let Some(division) = self.short(rest) {
            return Some(division);
        }
        let at = match &*self.end {
            [] => rest.len(),
            end => find(rest, end)?,
        };
        Some((rest.get(..at)?, rest.get(at + self.end.len()..)?))
    }

    /// The same for values whose length is known or soon seen, without a search.
    #[inline]
    fn short<'a>(&self, rest: &'a [u8]) -> Option<Division<'a>> {
        let length = match self.sink {
            _ if rest.first() == Some(&b'-') => 1,
            Sink::TimeClf => CLF_LEN,
            Sink::Peer
            | Sink::Status
            | Sink::BodyBytes
            | Sink::ResponseBytes
            | Sink::RequestBytes
            | Sink::Duration(_) => rest
                .iter()
                .take_while(|b| b.is_ascii_digit() || **b == b'.')
                .count(),
            _ => return None,
        };
        let (value, after) = rest.split_at_checked(length)?;
        let after = without_prefix(after, &self.end)?;
        (!self.end.is_empty() || after.is_empty()).then_some((value, after))
    }

    #[inline]
    fn quoted<'a>(&self, rest: &'a [u8], dialect: Escape) -> Option<Division<'a>> {
        let at = leaf::closing_quote(rest, dialect)?;
        let (value, after) = rest.split_at_checked(at)?;
        Some((value, without_prefix(after, &self.end)?))
    }

    /// The first or last place of the literal that lies wholly within `from..to`.
    fn literal_in(&self, text: &[u8], from: usize, to: usize, order: Order) -> Option<usize> {
        let text = text.get(from..to)?;
        let at = match order {
            Order::First => find(text, &self.end),
            Order::Last => memchr::memmem::rfind(text, &self.end),
        };
        at.map(|at| from + at)
    }

    /// Whether the value has a fixed form of its own, though it holds spaces.
    fn fixed(&self) -> bool {
        matches!(self.sink, Sink::TimeClf | Sink::TimeParts(_) | Sink::OtherTime(_))
    }

    /// The reject for a literal that is not there.
    fn missed(&self, line: &[u8], rest: &[u8]) -> Reject {
        match find(rest, self.end.get(..1).unwrap_or_default()) {
            None => Reject::new(Reason::Truncated, line.len()),
            Some(at) => Reject::new(Reason::Literal, line.len() - rest.len() + at),
        }
    }
}

/// The step of the time, if the steps before it read [`HEAD`] behind the peer where each has no value.
fn head(steps: &[Step]) -> Option<usize> {
    let [peer, more @ ..] = steps else {
        return None;
    };
    let mut text = peer.end.to_vec();
    for (at, step) in more.iter().enumerate() {
        match step.sink {
            Sink::TimeClf => return (peer.sink == Sink::Peer && text == HEAD).then_some(at + 1),
            Sink::User | Sink::Skip | Sink::Header(_) | Sink::Extra(_) => {
                text.push(b'-');
                text.extend_from_slice(&step.end);
            }
            _ => return None,
        }
    }
    None
}

/// What follows a short literal; cheaper than a call that compares memory of any length.
#[inline]
fn without_prefix<'a>(text: &'a [u8], literal: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(literal.len())?;
    start.iter().zip(literal).all(|(a, b)| a == b).then_some(rest)
}

/// How far a literal is searched byte by byte: most unquoted values are shorter than a vectorised search takes to
/// begin.
const SHORT: usize = 24;

/// First position of a short literal.
#[inline]
fn find(text: &[u8], literal: &[u8]) -> Option<usize> {
    let (&first, more) = literal.split_first()?;
    let follows = |at: usize| {
        text.get(at + 1..)
            .is_some_and(|rest| without_prefix(rest, more).is_some())
    };
    let near = text.iter().take(SHORT).enumerate();
    let near = near
        .filter(|(_, byte)| **byte == first)
        .map(|(at, _)| at)
        .find(|&at| follows(at));
    near.or_else(|| {
        let far = text.get(SHORT..)?;
        memchr::memchr_iter(first, far)
            .map(|at| at + SHORT)
            .find(|&at| follows(at))
    })
}

/// Two values with nothing between them.
fn side_by_side(before: &Sink, after: Sink, at: usize) -> Result<Sink, FormatError> {
    Ok(match (before, after) {
        (Sink::TimeParts(first), Sink::TimeParts(second)) => {
            Sink::TimeParts(first.iter().copied().chain(second).collect())
        }
        // `$uri$is_args$args` and `%U%q` make the target.
        (Sink::Path | Sink::Target, Sink::QueryMark | Sink::Query) => Sink::Target,
        (Sink::Skip | Sink::Extra(_) | Sink::Header(_), Sink::Skip | Sink::Extra(_) | Sink::Header(_)) => {
            Sink::Skip
        }
        // `$scheme://$host$request_uri` as the referrer's twin: host and target cannot be told from a path.
        (Sink::Host | Sink::ServerName, Sink::Target | Sink::Path) => Sink::Extra(Cow::Borrowed("url")),
        _ => {
            return Err(
                FormatError::new("nothing separates this value from the one before it", at)
                    .hint("put a space or a quote between the two"),
            );
        }
    })
}
