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

use std::net::IpAddr;

use crate::address;
use crate::compile::pair::side_by_side;
use crate::compile::sink::{Dialect, Name, Pieces, Sink};
use crate::compile::span::{self, Rules, Span};
use crate::compile::{FormatError, Part};
use crate::memo::TimeMemo;
use crate::record::{Moment, Record};
use crate::reject::{Reason, Reject};
use crate::unescape::Escape;

mod doubt;
mod search;
mod step;
mod stretch;
#[cfg(test)]
mod tests;

use doubt::doubt;
pub(crate) use doubt::unsettle;
use search::{Search, budget};
use step::{HEAD, Step};
use stretch::Stretches;

/// How many searches the comparison of all divisions of a line may cost.
const COMPARISONS: usize = 4;

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
    /// What tells a line that divides in one way alone.
    stretches: Option<Stretches>,
    /// How often each byte stands in the format that separates values and that the server does not escape.
    separators: Box<[(u8, usize)]>,
    /// The step of the time, if what stands before it is [`HEAD`] in most lines.
    head: Option<usize>,
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
        let steps = step::spanned(&lead, raw, dialect, peer);
        let forgeable = peer.is_some_and(|peer| steps.iter().take(peer).any(Step::is_free_text));
        let ruled = |step: &Step| !matches!(step.span, Span::Quoted | Span::Free);
        let mut program = Self {
            head: step::head(&steps).filter(|_| lead.is_empty()),
            naming: (0..steps.len())
                .filter(|&at| step::is_naming(&steps, at, dialect))
                .collect(),
            only_user: step::only_user(&steps),
            ruled: steps.iter().any(ruled),
            open_request: steps.iter().any(Step::is_open_request),
            stretches: Stretches::of(&lead, &steps),
            lead: lead.into(),
            steps: steps.into(),
            dialect,
            moment,
            forgeable,
            separators: Box::default(),
        };
        program.separators = program.separators();
        program
    }

    /// Reads one line.
    #[inline]
    pub(crate) fn parse<'a>(
        &self,
        line: &'a [u8],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
    ) -> Result<(), Refused> {
        if !self.is_plain(line) {
            return self.parse_carefully(line, record, memo, true);
        }
        let careful = self.forgeable || !self.naming.is_empty();
        if careful {
            if self.reads_once(line, record, memo) {
                self.accept(record);
                return Ok(());
            }
            return self.parse_carefully(line, record, memo, false);
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

    /// All divisions must name the same peer, else the line is refused, and the same client, else nobody is named. `raw`: a
    /// client wrote what separates the values, or the line is two.
    fn parse_carefully<'a>(
        &self,
        line: &'a [u8],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
        raw: bool,
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
        let naming = self.naming.iter().copied();
        let unclear: Vec<usize> = naming.filter(|&at| differs(at, rules)).collect();
        let unclear: Vec<&Name> = unclear.into_iter().filter_map(|at| self.header(at)).collect();
        let wary = raw || unclear.iter().any(|name| span::names_client(name));
        // Which header names nobody says nothing of the rest.
        let rules = if raw { server } else { rules };
        let telling = self.telling().filter(|(at, _)| wary && differs(*at, rules));
        let unsure: Vec<&Sink> = telling.map(|(_, sink)| sink).collect();
        self.fill(line, &first, record, memo)?;
        if !unsure.is_empty() {
            unsettle(line, record);
        }
        if unsure.iter().any(|sink| sink.is_time()) {
            record.time = None;
        }
        unclear.into_iter().for_each(|name| doubt(name, record));
        if raw && self.holds_another(line, &first, server, memo) {
            unsettle(line, record);
            record.forget_peer();
        }
        Ok(())
    }

    /// The steps that tell what was asked, what came of it, or when.
    fn telling(&self) -> impl Iterator<Item = (usize, &Sink)> {
        let sinks = self.steps.iter().map(|step| &step.sink).enumerate();
        sinks.filter(|(_, sink)| sink.is_telling())
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
            Refused::TwoPeers => Self::new(Reason::TwoPeers, 0),
        }
    }
}
