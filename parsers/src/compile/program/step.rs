//! [`Step`]: a value of a format and the literal behind it, and where the value ends.

use crate::compile::sink::{Kind, Sink};
use crate::compile::span::{Division, Rules, Span};
use crate::leaf;
use crate::memo::CLF_LEN;
use crate::reject::{Reason, Reject};
use crate::unescape::Escape;

/// What most lines of most formats have between the peer and the time: nobody's name, and nobody's login.
pub(super) const HEAD: &[u8] = b" - - [";

/// A value and the literal behind it (empty at the end of the format).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) sink: Sink,
    pub(super) span: Span,
    pub(super) end: Box<[u8]>,
}

/// The steps, and how each value ends.
pub(super) fn spanned(
    lead: &[u8],
    raw: Vec<(Sink, usize, Vec<u8>)>,
    dialect: Escape,
    peer: Option<usize>,
) -> Vec<Step> {
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
pub(super) fn is_naming(steps: &[Step], at: usize, dialect: Escape) -> bool {
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
pub(super) fn only_user(steps: &[Step]) -> bool {
    let is_header = |step: &&Step| step.span == Span::Addresses && step.end.starts_with(b" ");
    let mut texts = steps.iter().filter(|step| step.is_free_text());
    let headers = steps.iter().filter(is_header);
    headers.count() == 1 && texts.all(|step| is_header(&step) || step.sink == Sink::User)
}

impl Step {
    /// The value that ends where the literal first stands.
    #[inline]
    pub(super) fn first<'a>(&self, rest: &'a [u8], dialect: Escape) -> Option<Division<'a>> {
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
    pub(super) fn is_open_request(&self) -> bool {
        self.sink == Sink::Request && self.span != Span::Quoted
    }

    /// Whether it is a number without spaces.
    pub(super) fn is_word(&self) -> bool {
        matches!(
            self.sink,
            Sink::Duration(_) | Sink::Status | Sink::BodyBytes | Sink::ResponseBytes | Sink::RequestBytes
        )
    }

    /// Whether a client may have written spaces into it.
    pub(super) fn is_free_text(&self) -> bool {
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
    pub(super) fn literal_in(&self, text: &[u8], from: usize) -> Option<usize> {
        find(text.get(from..)?, &self.end).map(|at| from + at)
    }

    /// Whether the value has a fixed form of its own, though it holds spaces.
    fn fixed(&self) -> bool {
        matches!(self.sink, Sink::TimeClf | Sink::TimeParts(_) | Sink::OtherTime(_))
    }

    /// The reject for a literal that is not there.
    pub(super) fn missed(&self, line: &[u8], rest: &[u8]) -> Reject {
        match find(rest, self.end.get(..1).unwrap_or_default()) {
            None => Reject::new(Reason::Truncated, line.len()),
            Some(at) => Reject::new(Reason::Literal, line.len() - rest.len() + at),
        }
    }
}

/// The step of the time, if the steps before it read [`HEAD`] behind the peer where each has no value.
pub(super) fn head(steps: &[Step]) -> Option<usize> {
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
