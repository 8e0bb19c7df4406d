//! [`Parser`]: one line in, one record out, by the layout of its log.

use std::sync::Arc;

use crate::address;
use crate::clf::ordinary::Ordinary;
use crate::columns::Columns;
use crate::compile::program::Refused;
use crate::foreign;
use crate::format::{self, Format};
use crate::layout::{First, Layout};
use crate::line::{Line, Skip};
use crate::memo::TimeMemo;
use crate::record::Record;
use crate::reject::{Reason, Reject};
use crate::transform;
use crate::unescape::Escape;
use crate::wrap::{self, By, Inner, Left, WRAPPERS, Wrapped};

mod any;
mod part;
mod several;

/// Reads the lines of one log. Keep one per thread and log.
#[derive(Debug, Clone)]
pub struct Parser {
    layout: Layout,
    memo: TimeMemo,
    /// The columns of the layout's header line.
    columns: Option<Arc<Columns>>,
    /// What is tried first.
    ordinary: Option<Ordinary>,
    /// What the lines of a container left behind.
    left: Left,
}

impl Parser {
    /// A parser for a log of this layout.
    pub fn new(layout: &Layout) -> Self {
        Self {
            layout: layout.clone(),
            memo: TimeMemo::with_durations(layout.inner().durations),
            columns: layout.columns().map(Arc::new),
            ordinary: ordinary(&layout.inner().first).filter(|_| layout.inner().others.iter().all(is_preset)),
            left: layout.inner().left,
        }
    }

    /// The layout, with the last header line seen and the lines that go on.
    pub fn layout(&self) -> Layout {
        self.layout.with_left(self.left)
    }

    /// Whether a line that was refused may be the first of a record over several, or the one that ends it: a row of Logpush CSV
    /// in which quotes open or close and nothing answers them.
    #[cold]
    pub fn may_go_on(&self, line: &[u8]) -> bool {
        let is_csv = self.columns.as_ref().is_some_and(|columns| columns.are_of_rows());
        is_csv && memchr::memchr_iter(b'"', line).count() % 2 == 1
    }

    /// Reads one line (without its line end) into `record`, which is cleared first.
    ///
    /// # Errors
    /// A [`Reject`] when no format that the layout allows accepts the line; of several, the one that got
    /// furthest says why.
    #[inline]
    pub fn parse<'a>(&mut self, line: &'a [u8], record: &mut Record<'a>) -> Result<Line, Reject> {
        if let Some(ordinary) = self.ordinary
            && ordinary.read(line, record, &mut self.memo).is_some()
        {
            return Ok(Line::Record);
        }
        self.parse_within(line, record, WRAPPERS)
    }

    /// Whether a line is of the first format, if that was compiled, but names two peers. It is refused whatever else would
    /// read it.
    pub fn names_two_peers(&mut self, line: &[u8]) -> bool {
        let First::Compiled(compiled) = &self.layout.inner().first else {
            return false;
        };
        let read = compiled
            .program
            .parse(line, &mut Record::default(), &mut self.memo);
        read == Err(Refused::TwoPeers)
    }

    /// The same for what may still stand in this many wrappers.
    #[inline]
    fn parse_within<'a>(
        &mut self,
        line: &'a [u8],
        record: &mut Record<'a>,
        wrappers: usize,
    ) -> Result<Line, Reject> {
        match self.parse_first(line, record) {
            Ok(read) => read,
            Err(refused) => self.parse_other(line, record, refused, wrappers),
        }
    }

    /// Whether a line is one as it stands, so that no wrapper is looked for whatever it looks like.
    #[cold]
    pub(crate) fn is_own(&mut self, line: &[u8]) -> bool {
        let mut record = Record::default();
        self.parse_first(line, &mut record).is_ok()
            || self.take_header(line)
            || format::skip(line).is_some()
            || self.skip_by_others(line).is_some()
    }

    /// Reads a line as the layout says first. `Err` where something else may read it, with the reason if there is one.
    #[inline]
    fn parse_first<'a>(
        &mut self,
        line: &'a [u8],
        record: &mut Record<'a>,
    ) -> Result<Result<Line, Reject>, Option<Reject>> {
        if !self.layout.inner().others.is_empty()
            && let Some(read) = self.parse_several(line, record)
        {
            return Ok(read);
        }
        record.restart(line);
        let inner = self.layout.inner();
        let columns = self.columns.as_deref();
        let read = match &inner.first {
            First::Preset(format) => {
                let strict = format.escape().unwrap_or_default();
                let dialect = if inner.only { strict } else { Escape::Either };
                format.parse(line, record, &mut self.memo, dialect, columns)
            }
            First::Compiled(compiled) => {
                if let Some(format) = compiled.twin {
                    let dialect = format.escape().unwrap_or_default();
                    if let Ok(read) = format.parse(line, record, &mut self.memo, dialect, columns) {
                        return Ok(Ok(read));
                    }
                    record.restart(line);
                }
                match compiled.parse(line, record, &mut self.memo) {
                    Err(refused @ Refused::TwoPeers) => return Ok(Err(refused.into())),
                    read => read.map_err(Reject::from),
                }
            }
            First::Auto => return Err(None),
        };
        read.map(Ok).map_err(Some)
    }

    /// The line is none of the layout's first format, or nothing is known.
    #[cold]
    fn parse_other<'a>(
        &mut self,
        line: &'a [u8],
        record: &mut Record<'a>,
        refused: Option<Reject>,
        wrappers: usize,
    ) -> Result<Line, Reject> {
        // A header counts in all its wrappers at once, as [`Layout::after`] sees it.
        if wrappers == WRAPPERS && self.take_header(line) {
            return Ok(Line::Skip(Skip::Comment));
        }
        if let Some(skip) = format::skip(line) {
            return Ok(Line::Skip(skip));
        }
        if let Some(read) = self.skip_by_others(line) {
            return Ok(read);
        }
        if self.layout.inner().first.preset() == Some(Format::CaddyTransform) {
            record.restart(line);
            if let Some(read) = transform::parse_clf(line, record, &mut self.memo) {
                return Ok(read);
            }
        }
        let inner = address::without_marks(line);
        let marks = line.len() - inner.len();
        if marks > 0 {
            let read = self.parse_within(inner, record, wrappers);
            return read.map_err(|reject| Reject::new(reject.reason, marks + reject.at));
        }
        let mut best = refused.unwrap_or(Reject::new(Reason::UnknownFormat, 0));
        if wrappers > 0
            && let Some(wrapped) = wrap::unwrap(line, &mut self.memo)
        {
            match self.parse_wrapped(line, wrapped, record, wrappers - 1) {
                Ok(read) => return Ok(read),
                Err(reject) => best = reject,
            }
        }
        if self.layout.inner().only {
            return Err(foreign::reason(line, best));
        }
        self.parse_any(line, record, best)
    }

    /// Whether one of the other formats that were declared for the log skips a line: what they read, [`Parser::parse_first`] has
    /// asked them.
    fn skip_by_others(&mut self, line: &[u8]) -> Option<Line> {
        let Self {
            layout,
            memo,
            columns,
            ..
        } = self;
        let presets = layout
            .inner()
            .others
            .iter()
            .filter_map(|other| other.inner().first.preset());
        let mut skips = presets.filter_map(|format| {
            let strict = format.escape().unwrap_or_default();
            let read = format.parse(line, &mut Record::default(), memo, strict, columns.as_deref());
            read.ok()
        });
        skips.next()
    }

    /// Takes a line for the header that names the columns of those after it.
    fn take_header(&mut self, line: &[u8]) -> bool {
        if !self.layout.takes_headers() {
            return false;
        }
        let Some(columns) = Columns::after_line(line, self.columns.as_deref(), &mut self.memo) else {
            return false;
        };
        self.layout = self.layout.with_header(Some(columns.text()));
        self.columns = Some(Arc::new(columns));
        true
    }

    /// Reads the inner line of a wrapped one.
    fn parse_wrapped<'a>(
        &mut self,
        line: &'a [u8],
        wrapped: Wrapped<'a>,
        record: &mut Record<'a>,
        wrappers: usize,
    ) -> Result<Line, Reject> {
        // Of a line in parts the first is read; the others begin with whatever the client sent.
        let (goes_on, is_rest) = self.left.take(&wrapped);
        if is_rest {
            return Ok(Line::Skip(Skip::OtherStream));
        }
        if goes_on {
            return self.parse_part(line, wrapped, record, wrappers);
        }
        let read = match wrapped.inner {
            Inner::Part(_) => return Ok(Line::Skip(Skip::OtherStream)),
            Inner::Plain(inner) => {
                let before = line.len() - inner.len();
                self.parse_within(inner, record, wrappers)
                    .map_err(|reject| Reject::new(reject.reason, before + reject.at))
            }
            Inner::Json(text) => self.parse_copy(line, &text.unescape(), record, wrappers),
            Inner::Numbers(text) => self.parse_copy(line, &wrap::numbers(text), record, wrappers),
        };
        // In a log that is known to hold access lines, those of other programs are no rejects.
        let known = !matches!(self.layout.inner().first, First::Auto);
        let part = wrapped.by == By::Docker
            && matches!(wrapped.inner, Inner::Json(text) if !text.raw.ends_with(b"\\n"));
        match read {
            Err(_) if known && (part || wrapped.by.other_stream()) => Ok(Line::Skip(Skip::OtherStream)),
            read => read,
        }
    }
}

impl Parser {
    /// Reads an inner line that does not stand in the line as it is.
    fn parse_copy<'a>(
        &mut self,
        line: &'a [u8],
        inner: &[u8],
        record: &mut Record<'a>,
        wrappers: usize,
    ) -> Result<Line, Reject> {
        let mut copy = Record::default();
        let read = self.parse_within(inner.trim_ascii_end(), &mut copy, wrappers);
        if read == Ok(Line::Record) {
            record.adopt(copy, line);
        }
        read.map_err(|reject| Reject::new(reject.reason, 0))
    }
}

/// What reads the ordinary lines of a format, if it has such.
fn ordinary(first: &First) -> Option<Ordinary> {
    let format = match first {
        First::Preset(format) => Some(*format),
        First::Compiled(compiled) => compiled.twin,
        First::Auto => None,
    };
    format.and_then(Ordinary::of)
}

/// Whether a layout begins with a preset, or the same in words: none of these reads an ordinary line of another.
fn is_preset(layout: &Layout) -> bool {
    match &layout.inner().first {
        First::Compiled(compiled) => compiled.twin.is_some(),
        First::Preset(_) | First::Auto => true,
    }
}
