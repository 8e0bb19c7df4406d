//! Lines that read in several ways: how they are told from others, and what is kept of them.
//!
//! A server that escapes nothing (`escape=none`) writes a client's quotes as they came. Where a line holds more of what
//! separates the values than its format does, a client wrote the rest, or another line begins within this one, which was cut.

use super::{Program, Search};
use crate::compile::sink::{Kind, Name, Sink};
use crate::compile::span::{self, Rules};
use crate::memo::{CLF_LEN, TimeMemo};
use crate::record::Record;
use crate::unescape::Escape;

/// What separates values, if anything does, that a server which escapes writes in none.
const SEPARATORS: [u8; 2] = [b'"', b'\t'];

impl Program {
    /// How often what separates the values stands in the format of a server that escapes nothing.
    pub(super) fn separators(&self) -> Box<[(u8, usize)]> {
        let literals = || std::iter::once(&self.lead).chain(self.steps.iter().map(|step| &step.end));
        let count = |byte| {
            literals()
                .map(|text| memchr::memchr_iter(byte, text).count())
                .sum()
        };
        let all = SEPARATORS.iter().map(|&byte| (byte, count(byte)));
        let own = |&(_, count): &(u8, usize)| self.dialect == Escape::None && count > 0;
        all.filter(own).collect()
    }

    /// Whether what separates the values stands in the line as often as in the format, so that nobody wrote one in a value.
    #[inline]
    pub(super) fn is_plain(&self, line: &[u8]) -> bool {
        let as_often = |&(byte, count): &(u8, usize)| memchr::memchr_iter(byte, line).count() == count;
        self.separators.iter().all(as_often)
    }

    /// Whether another line of the format begins within this one, divided into these values, and goes on to its end.
    #[cold]
    pub(super) fn holds_another(
        &self,
        line: &[u8],
        values: &[&[u8]],
        rules: Rules,
        memo: &mut TimeMemo,
    ) -> bool {
        let Some((first, value)) = self.steps.first().zip(values.first()) else {
            return false;
        };
        let mut search = Search::new(self, line, memo, rules);
        let behind = end_in(line, value) + first.end.len();
        if !self.lead.is_empty() {
            // A piece of a header before the line's own peer blames nobody; one of another's request would.
            let from = if first.sink.is_telling() { 1 } else { behind };
            let within = line.get(from..).unwrap_or_default();
            let begun = |at: usize| within.get(at + self.lead.len()..);
            let mut begins = memchr::memmem::find_iter(within, &self.lead).filter_map(begun);
            return begins.any(|rest| search.steps(0, rest, &mut Vec::new()));
        }
        if first.end.is_empty() {
            return false;
        }
        let within = line.get(behind..).unwrap_or_default();
        // Where the first value begins cannot be told: a piece of the line before stands there.
        let mut ends = memchr::memmem::find_iter(within, &first.end);
        ends.any(|at| {
            let (before, rest) = (within.get(..at), within.get(at + first.end.len()..));
            let begun = before.is_some_and(|before| may_end(&first.sink, before, search.memo));
            begun && rest.is_some_and(|rest| search.steps(1, rest, &mut Vec::new()))
        })
    }
}

/// Where in a line a piece of it ends.
fn end_in(line: &[u8], piece: &[u8]) -> usize {
    piece.as_ptr().addr() + piece.len() - line.as_ptr().addr()
}

/// Whether a text may end in a value of this kind.
fn may_end(sink: &Sink, text: &[u8], memo: &mut TimeMemo) -> bool {
    let mut ends_in_time = |lengths: &[usize], sink: &Sink| {
        let ends = lengths
            .iter()
            .filter_map(|length| text.get(text.len().checked_sub(*length)?..));
        ends.into_iter().any(|time| sink.check(time, memo).is_ok())
    };
    match sink {
        Sink::Peer => ends_in_address(text),
        Sink::TimeClf => ends_in_time(&[CLF_LEN], sink),
        Sink::TimeIso => ends_in_time(&ISO_LENS, sink),
        _ if sink.kind() == Kind::Number => text.last().is_some_and(|b| b.is_ascii_digit() || *b == b'-'),
        // Behind a comma a list goes on.
        _ => text.last() != Some(&b','),
    }
}

/// How long the times of nginx's `$time_iso8601` are, and those that end in `Z`.
const ISO_LENS: [usize; 2] = [25, 20];

/// Whether a text ends in what may be an address.
fn ends_in_address(text: &[u8]) -> bool {
    let word = text.rsplit(|&b| b == b' ').next().unwrap_or_default();
    word.last().is_some_and(u8::is_ascii_hexdigit) && word.iter().any(|b| matches!(b, b'.' | b':'))
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
pub(super) fn doubt(name: &Name, record: &mut Record<'_>) {
    if span::names_client(name) {
        return record.doubt_header(name.clone());
    }
    record.put_unclear(name.clone());
}
