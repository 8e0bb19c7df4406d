//! [`Program`]: the steps that read one line of a compiled format.
//!
//! Each step is a value and the literal behind it. A value between quotes ends at the closing quote, since a
//! server that escapes cannot write a raw one inside; any other ends where its literal first stands. That reads
//! ordinary lines in one pass at the speed of a hand-written grammar. A line on which it fails is searched for
//! the first division that satisfies every step ([`Program::search`]), within a budget, so that no line costs
//! more than a few passes.
//!
//! What a client chooses must not decide who it is. Where unquoted client text stands before the peer, a line is
//! accepted only if the first and the last possible division name the same peer. Where it stands beside the header
//! that names the client, the header counts only if both agree on it.
//!
//! A division must also satisfy what all servers keep to ([`Rules`]); only where none does are these rules left.

use std::net::IpAddr;

use crate::address;
use crate::compile::pair::side_by_side;
use crate::compile::sink::{Dialect, Kind, Pieces, Sink};
use crate::compile::span::{Division, Rules, Span};
use crate::compile::{FormatError, Part};
use crate::leaf;
use crate::memo::{CLF_LEN, TimeMemo};
use crate::record::{Moment, Record};
use crate::reject::{Reason, Reject};
use crate::request;
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
    /// The steps of headers that name the client, if other client text stands beside them with no quote between.
    naming: Box<[usize]>,
    /// Whether it is one header, and the user all the text beside it.
    only_user: bool,
    /// Whether [`Rules`] say more of a step than its sink does.
    ruled: bool,
    /// Whether no quotes tell where the request ends.
    open_request: bool,
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
        let peer = raw.iter().position(|(sink, ..)| *sink == Sink::Peer);
        let steps = spanned(&lead, raw, dialect, peer);
        let forgeable = peer.is_some_and(|peer| steps.iter().take(peer).any(Step::is_free_text));
        let ruled = |step: &Step| !matches!(step.span, Span::Quoted | Span::Free);
        Self {
            head: head(&steps).filter(|_| lead.is_empty()),
            naming: (0..steps.len()).filter(|&at| is_naming(&steps, at)).collect(),
            only_user: only_user(&steps),
            ruled: steps.iter().any(ruled),
            open_request: steps.iter().any(Step::is_open_request),
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
        let careful = self.forgeable || !self.naming.is_empty();
        if careful && self.only_user && !self.forgeable {
            let read = self.straight(line, record, memo);
            if read.is_ok() && self.is_certain(record) {
                self.accept(record);
                return read;
            }
        }
        if careful {
            return self.parse_carefully(line, record, memo);
        }
        let stopped = match self.straight(line, record, memo) {
            Ok(()) if !self.open_request || record.http_version.is_some_and(|version| version != b"0.9") => {
                self.accept(record);
                return Ok(());
            }
            read => read,
        };
        let search = |memo: &mut TimeMemo, order| {
            self.rules()
                .find_map(|rules| self.search(line, memo, order, rules))
        };
        // What a client writes into its request ends it only where it ends as requests do.
        let whole = self.open_request.then(|| search(memo, Order::Whole)).flatten();
        match whole.or_else(|| stopped.is_err().then(|| search(memo, Order::First)).flatten()) {
            Some(values) => self.fill(line, &values, record, memo),
            None => stopped.map(|()| self.accept(record)),
        }
    }

    /// Whether the header that names the client can end nowhere else: the user has no spaces, and it none but those
    /// of its list.
    fn is_certain(&self, record: &Record<'_>) -> bool {
        let plain = |text: &[u8]| memchr::memchr(b' ', text).is_none();
        let list = |text: &[u8]| {
            memchr::memchr_iter(b' ', text).all(|at| text.get(..at).is_some_and(|t| t.ends_with(b",")))
        };
        record.user.as_deref().is_none_or(plain) && record.more.headers.iter().all(|(_, value)| list(value))
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

    /// Both the first and the last division must name the same peer, and the same client, else nobody is named.
    fn parse_carefully<'a>(
        &self,
        line: &'a [u8],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
    ) -> Result<(), Reject> {
        let both = self.rules().find_map(|rules| {
            let first = self.search(line, memo, Order::First, rules)?;
            Some((
                first,
                self.search(line, memo, Order::Last, rules).unwrap_or_default(),
            ))
        });
        let Some((first, last)) = both else {
            return self
                .straight(line, record, memo)
                .and(Err(Reject::new(Reason::Literal, 0)));
        };
        let differs = |step: &usize| first.get(*step) != last.get(*step);
        let peer = self.steps.iter().position(|step| step.sink == Sink::Peer);
        if self.forgeable && peer.as_ref().is_some_and(differs) {
            return Err(Reject::new(Reason::Address, 0));
        }
        self.fill(line, &first, record, memo)?;
        for step in self.naming.iter().filter(|step| differs(step)) {
            if let Some(Sink::Header(unsure)) = self.steps.get(*step).map(|step| &step.sink) {
                record.more.headers.retain(|(name, _)| name != unsure);
            }
        }
        Ok(())
    }

    /// The rules under which a line is divided, one after the other.
    fn rules(&self) -> impl Iterator<Item = Rules> + use<> {
        let strictest = if self.ruled { 0 } else { 2 };
        [Rules::Proxies, Rules::Server, Rules::Lax]
            .into_iter()
            .skip(strictest)
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
    fn search<'a>(
        &self,
        line: &'a [u8],
        memo: &mut TimeMemo,
        order: Order,
        rules: Rules,
    ) -> Option<Vec<&'a [u8]>> {
        let rest = line.strip_prefix(&*self.lead)?;
        let mut values = Vec::with_capacity(self.steps.len());
        let mut search = Search {
            program: self,
            memo,
            order,
            rules,
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
    /// The first whose request ends as one does.
    Whole,
    Last,
}

/// One search over the divisions of a line.
struct Search<'p> {
    program: &'p Program,
    memo: &'p mut TimeMemo,
    order: Order,
    rules: Rules,
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
        if self.is_before_last_word(index) {
            from = memchr::memmem::rfind(within, &step.end).unwrap_or(to);
        }
        while let Some(at) = step.literal_in(within, from, to, self.order) {
            let looked = if self.order == Order::Last {
                to - at
            } else {
                at - from
            };
            if !self.spend(looked + 1) {
                return false;
            }
            if let (Some(value), Some(after)) = (rest.get(..at), rest.get(at + step.end.len()..))
                && step.span.follows((value, after), self.rules)
                && self.takes(index, (value, after), values)
            {
                return true;
            }
            match self.order {
                Order::First | Order::Whole => from = at + 1,
                Order::Last => to = at + step.end.len() - 1,
            }
        }
        self.spend(to.saturating_sub(from));
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
        let step = self.program.steps.get(index);
        let length = step
            .filter(|step| step.sink.kind() != Kind::Text)
            .map_or(0, |_| value.len());
        let begun = self.order == Order::Whole
            && step.is_some_and(|step| step.is_open_request() && !request::is_whole(value));
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

/// The steps, and how each value ends.
fn spanned(lead: &[u8], raw: Vec<(Sink, usize, Vec<u8>)>, dialect: Escape, peer: Option<usize>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(raw.len());
    let mut behind_text = false;
    for (index, (sink, _, end)) in raw.into_iter().enumerate() {
        let before = steps.last().map_or(lead, |step| &step.end);
        let quoted = before.ends_with(b"\"") && end.starts_with(b"\"") && dialect != Escape::None;
        let before_peer = peer.is_some_and(|peer| index < peer);
        let span = match quoted {
            true => Span::Quoted,
            false => Span::of(&sink, &end, behind_text, before_peer),
        };
        let end = end.into();
        let step = Step { sink, span, end };
        behind_text |= step.is_free_text();
        steps.push(step);
    }
    steps
}

/// Whether a step is a header that names the client, and client text stands on one of its sides with no quote
/// between.
fn is_naming(steps: &[Step], at: usize) -> bool {
    let Some((before, [step, after @ ..])) = steps.split_at_checked(at) else {
        return false;
    };
    let quote = |step: &Step| step.end.contains(&b'"');
    let before = before.iter().rev().take_while(|step| !quote(step));
    let end = after.iter().position(quote).map_or(after.len(), |at| at + 1);
    let after = after.iter().take(if quote(step) { 0 } else { end });
    step.span == Span::Addresses && before.chain(after).any(Step::is_free_text)
}

/// Whether one header that names the client and the user are all the text without quotes.
fn only_user(steps: &[Step]) -> bool {
    let mut texts = steps.iter().filter(|step| step.is_free_text());
    let headers = steps.iter().filter(|step| step.span == Span::Addresses);
    headers.count() == 1 && texts.all(|step| step.span == Span::Addresses || step.sink == Sink::User)
}

impl Step {
    /// The value that ends where the literal first stands.
    #[inline]
    fn first<'a>(&self, rest: &'a [u8], dialect: Escape) -> Option<Division<'a>> {
        if self.span == Span::Quoted {
            return self.quoted(rest, dialect);
        }
        match self.span {
            Span::List | Span::Addresses => return self.listed(rest),
            Span::Dash if rest.first() != Some(&b'-') => return None,
            _ => {}
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

    /// The same for a list.
    fn listed<'a>(&self, rest: &'a [u8]) -> Option<Division<'a>> {
        let mut from = 0;
        loop {
            let at = from + find(rest.get(from..)?, &self.end)?;
            let division = (rest.get(..at)?, rest.get(at + self.end.len()..)?);
            if self.span.follows(division, Rules::Proxies) {
                return Some(division);
            }
            from = at + 1;
        }
    }

    /// Whether it is a request that no quotes enclose.
    fn is_open_request(&self) -> bool {
        self.sink == Sink::Request && self.span != Span::Quoted
    }

    /// Whether it is a number without spaces.
    fn is_word(&self) -> bool {
        matches!(
            self.sink,
            Sink::Duration(_) | Sink::Status | Sink::BodyBytes | Sink::ResponseBytes | Sink::RequestBytes
        )
    }

    /// Whether a client may have written spaces into it.
    fn is_free_text(&self) -> bool {
        !matches!(self.span, Span::Quoted | Span::List) && self.sink.kind() == Kind::Text && !self.fixed()
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
            Order::First | Order::Whole => find(text, &self.end),
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
            Sink::User | Sink::Ident | Sink::Skip | Sink::Header(_) | Sink::Extra(_) => {
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
