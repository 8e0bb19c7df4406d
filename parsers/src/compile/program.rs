//! [`Program`]: the steps that read one line of a compiled format.
//!
//! Each step is a value and the literal behind it. A value between quotes ends at the closing quote, since a
//! server that escapes cannot write a raw one inside; any other ends where its literal first stands. That reads
//! ordinary lines in one pass at the speed of a hand-written grammar. A line on which it fails is searched for
//! the first division that satisfies every step ([`Program::search`]), within a budget, so that no line costs
//! more than a few passes.
//!
//! What a client chooses must not decide who it is. Where unquoted client text stands before the peer, a line is
//! accepted only if every possible division names the same peer. Where it stands beside a header that may name the client,
//! the header counts only if all agree on it, and request, status and time only if all agree on them too.
//!
//! A division must also satisfy what all servers keep to ([`Rules`]); only where none does are these rules left.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::address;
use crate::compile::pair::side_by_side;
use crate::compile::sink::{Dialect, Kind, Name, Pieces, Sink};
use crate::compile::span::{self, Division, Rules, Span};
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

/// How many searches the comparison of all divisions of a line may cost.
const COMPARISONS: usize = 4;

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
    /// The steps of headers that may name the client, if other client text stands beside them with no quote between.
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
            naming: (0..steps.len())
                .filter(|&at| is_naming(&steps, at, dialect))
                .collect(),
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
    ) -> Result<(), Refused> {
        let careful = self.forgeable || !self.naming.is_empty();
        if careful && self.only_user && !self.forgeable {
            let read = self.straight(line, record, memo);
            if read.is_ok() && self.is_certain(record) {
                self.accept(record);
                return Ok(());
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
        let search = |memo: &mut TimeMemo, whole| {
            self.rules()
                .find_map(|rules| self.search(line, memo, rules, whole))
        };
        // What a client writes into its request ends it only where it ends as requests do.
        let whole = self.open_request.then(|| search(memo, true)).flatten();
        match whole.or_else(|| stopped.is_err().then(|| search(memo, false)).flatten()) {
            Some(values) => Ok(self.fill(line, &values, record, memo)?),
            None => Ok(stopped.map(|()| self.accept(record))?),
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

    /// All divisions must name the same peer, else the line is refused, and the same client, else nobody is named.
    fn parse_carefully<'a>(
        &self,
        line: &'a [u8],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
    ) -> Result<(), Refused> {
        let found = self
            .rules()
            .find_map(|rules| Some((rules, self.search(line, memo, rules, false)?)));
        let Some((rules, first)) = found else {
            let read = self.straight(line, record, memo);
            return Ok(read.and(Err(Reject::new(Reason::Literal, 0)))?);
        };
        let mut budget = budget(line).saturating_mul(COMPARISONS);
        let mut differs = |step: usize, rules| {
            let known = first.get(step).copied().unwrap_or_default();
            self.is_divided_otherwise(line, memo, rules, (step, known), &mut budget)
        };
        let peer = self.steps.iter().position(|step| step.sink == Sink::Peer);
        // Behind the peer a client who came without a proxy writes any header.
        let server = if rules == Rules::Lax { rules } else { Rules::Server };
        if self.forgeable && peer.is_some_and(|peer| differs(peer, server)) {
            return Err(Refused::TwoPeers);
        }
        let unclear: Vec<usize> = self
            .naming
            .iter()
            .copied()
            .filter(|&at| differs(at, rules))
            .collect();
        let unclear: Vec<&Name> = unclear.into_iter().filter_map(|at| self.header(at)).collect();
        let mut telling = (0..self.steps.len()).filter(|&at| self.tells(at));
        let forged = unclear.iter().any(|name| span::names_client(name));
        let settled = !forged || !telling.any(|at| differs(at, rules));
        self.fill(line, &first, record, memo)?;
        if !settled {
            unsettle(line, record);
        }
        unclear.into_iter().for_each(|name| doubt(name, record));
        Ok(())
    }

    /// Whether a step tells what was asked, what came of it, or when.
    fn tells(&self, step: usize) -> bool {
        let sink = self.steps.get(step).map(|step| &step.sink);
        sink.is_some_and(|sink| sink.is_telling())
    }

    /// The header that a step holds.
    fn header(&self, step: usize) -> Option<&Name> {
        match self.steps.get(step).map(|step| &step.sink) {
            Some(Sink::Header(name)) => Some(name),
            _ => None,
        }
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

    /// The first division of the line that satisfies every step; `whole`: whose request ends as one does.
    #[cold]
    fn search<'a>(
        &self,
        line: &'a [u8],
        memo: &mut TimeMemo,
        rules: Rules,
        whole: bool,
    ) -> Option<Vec<&'a [u8]>> {
        let rest = line.strip_prefix(&*self.lead)?;
        let mut values = Vec::with_capacity(self.steps.len());
        let mut search = Search::new(self, line, memo, rules);
        search.whole = whole;
        search.steps(0, rest, &mut values).then_some(values)
    }

    /// Whether a division, too, satisfies every step and has another value at this one; true as well where the search for one
    /// is given up.
    #[cold]
    fn is_divided_otherwise(
        &self,
        line: &[u8],
        memo: &mut TimeMemo,
        rules: Rules,
        known: (usize, &[u8]),
        budget: &mut usize,
    ) -> bool {
        let rest = line.strip_prefix(&*self.lead).unwrap_or_default();
        let mut search = Search::new(self, line, memo, rules);
        (search.known, search.budget) = (Some(known), *budget);
        let found = search.steps(0, rest, &mut Vec::new());
        *budget = search.budget;
        found || search.budget == 0
    }
}

/// Why a line is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is none of this format.
    Line(Reject),
    /// It is of this format, but names two peers: to read it in any other format would be to believe the client.
    TwoPeers,
}

impl From<Reject> for Refused {
    fn from(reject: Reject) -> Self {
        Self::Line(reject)
    }
}

impl From<Refused> for Reject {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Line(reject) => reject,
            Refused::TwoPeers => Self::new(Reason::Address, 0),
        }
    }
}

/// Keeps of a line only the peer, a time and the text, which rules see as a request that is none: a client wrote another
/// request, status or time into a header.
#[cold]
pub(crate) fn unsettle<'a>(line: &'a [u8], record: &mut Record<'a>) {
    let (peer, peer_text, time, moment) = (record.peer, record.peer_text, record.time, record.more.moment);
    let (port, format) = (record.more.peer_port, record.format);
    record.restart(line);
    record.format = format;
    (record.peer, record.peer_text, record.time) = (peer, peer_text, time);
    let more = record.more_mut();
    (more.moment, more.peer_port) = (moment, port);
    record.malformed_request = Some(line.into());
}

/// Takes a header for one that names nobody. What it says is kept only where it is not meant to name a client.
#[cold]
fn doubt(name: &Name, record: &mut Record<'_>) {
    if span::names_client(name) {
        record.more.headers.retain(|(header, _)| header != name);
    }
    record.put_unclear(name.clone());
}

/// How many bytes a search over a line may look at.
fn budget(line: &[u8]) -> usize {
    line.len().saturating_mul(PASSES) + SPARE_BYTES
}

/// One search over the divisions of a line.
struct Search<'p> {
    program: &'p Program,
    memo: &'p mut TimeMemo,
    rules: Rules,
    /// Whether a request must end as one does.
    whole: bool,
    /// A step and the value that it must not have.
    known: Option<(usize, &'p [u8])>,
    /// Bytes that may still be looked at.
    budget: usize,
    /// The steps, and the lengths of rest, from which no division was found: each is searched once.
    dead: HashSet<(usize, usize)>,
    /// Two lengths of rest between which no raw quote stands, the second at one: so a quote is looked for once.
    quote: Option<(usize, usize)>,
}

impl<'p> Search<'p> {
    fn new(program: &'p Program, line: &[u8], memo: &'p mut TimeMemo, rules: Rules) -> Self {
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

/// The steps, and how each value ends.
fn spanned(lead: &[u8], raw: Vec<(Sink, usize, Vec<u8>)>, dialect: Escape, peer: Option<usize>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(raw.len());
    let mut behind_text = false;
    let mut raw = raw.into_iter().enumerate().peekable();
    while let Some((index, (sink, _, end))) = raw.next() {
        let before = steps.last().map_or(lead, |step| &step.end);
        let quoted = before.ends_with(b"\"") && end.starts_with(b"\"") && dialect != Escape::None;
        let before_peer = peer.is_some_and(|peer| index < peer);
        let span = match quoted {
            true => Span::Quoted,
            false => {
                let next = raw.peek().map(|(_, (sink, ..))| sink);
                Span::of(&sink, &end, next, behind_text, before_peer)
            }
        };
        let end = end.into();
        let step = Step { sink, span, end };
        behind_text |= step.is_free_text();
        steps.push(step);
    }
    steps
}

/// Whether a step is a header, which may name the client, and client text stands on one of its sides with no quote
/// between that no client can write.
fn is_naming(steps: &[Step], at: usize, dialect: Escape) -> bool {
    let Some((before, [step, after @ ..])) = steps.split_at_checked(at) else {
        return false;
    };
    let quote = |step: &Step| dialect != Escape::None && step.end.contains(&b'"');
    let before = before.iter().rev().take_while(|step| !quote(step));
    let end = after.iter().position(quote).map_or(after.len(), |at| at + 1);
    let after = after.iter().take(if quote(step) { 0 } else { end });
    let is_header = matches!(step.sink, Sink::Header(_)) && step.span != Span::Quoted;
    is_header && before.chain(after).any(Step::is_free_text)
}

/// Whether one header that names the client and the user are all the text without quotes, with a space behind the header.
fn only_user(steps: &[Step]) -> bool {
    let is_header = |step: &&Step| step.span == Span::Addresses && step.end.starts_with(b" ");
    let mut texts = steps.iter().filter(|step| step.is_free_text());
    let headers = steps.iter().filter(is_header);
    headers.count() == 1 && texts.all(|step| is_header(&step) || step.sink == Sink::User)
}

impl Step {
    /// The value that ends where the literal first stands.
    #[inline]
    fn first<'a>(&self, rest: &'a [u8], dialect: Escape) -> Option<Division<'a>> {
        if self.span == Span::Quoted {
            return self.quoted(rest, dialect);
        }
        match self.span {
            // What ends with the line can end nowhere else.
            _ if self.end.is_empty() => {}
            Span::List | Span::Addresses | Span::Joined | Span::Elements => return self.listed(rest),
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

    /// The first place of the literal from here on.
    fn literal_in(&self, text: &[u8], from: usize) -> Option<usize> {
        find(text.get(from..)?, &self.end).map(|at| from + at)
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
