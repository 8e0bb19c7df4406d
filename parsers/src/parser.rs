//! [`Parser`]: one line in, one record out, by the layout of its log.

use crate::clf;
use crate::foreign;
use crate::format::{self, Format};
use crate::layout::{First, Layout};
use crate::memo::TimeMemo;
use crate::record::Record;
use crate::reject::{Reason, Reject};
use crate::unescape::Escape;

/// What a line turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// An access-log line; the record is filled.
    Record,
    /// A line that rightly holds no request; counted, not rejected.
    Skip(Skip),
}

/// Why a line holds no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Skip {
    /// Nothing but white space.
    Blank,
    /// A comment or a header line.
    Comment,
    /// A line of another stream that shares the file: another logger of Caddy, another program in syslog, a
    /// part of a container's line.
    OtherStream,
}

impl Skip {
    /// Stable snake-case name, used in counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Comment => "comment",
            Self::OtherStream => "other_stream",
        }
    }
}

/// Reads the lines of one log. Keep one per thread and log.
#[derive(Debug, Clone)]
pub struct Parser {
    layout: Layout,
    memo: TimeMemo,
}

impl Parser {
    /// A parser for a log of this layout.
    pub fn new(layout: &Layout) -> Self {
        Self {
            layout: layout.clone(),
            memo: TimeMemo::new(),
        }
    }

    /// The layout, with the last header line seen.
    pub fn layout(&self) -> Layout {
        self.layout.clone()
    }

    /// Reads one line (without its line end) into `record`, which is cleared first.
    ///
    /// # Errors
    /// A [`Reject`] when no format that the layout allows accepts the line; of several, the one that got
    /// furthest says why.
    #[inline]
    pub fn parse<'a>(&mut self, line: &'a [u8], record: &mut Record<'a>) -> Result<Line, Reject> {
        record.clear();
        record.line = line;
        let inner = self.layout.inner();
        let read = match &inner.first {
            First::Preset(format) => {
                let strict = format.escape().unwrap_or_default();
                let dialect = if inner.only { strict } else { Escape::Either };
                format.parse(line, record, &mut self.memo, dialect)
            }
            First::Compiled(compiled) => {
                if let Some(format) = compiled.twin {
                    let dialect = format.escape().unwrap_or_default();
                    if let Ok(read) = format.parse(line, record, &mut self.memo, dialect) {
                        return Ok(read);
                    }
                    restart(line, record);
                }
                let read = compiled.program.parse(line, record, &mut self.memo);
                read.map(|()| Line::Record)
            }
            First::Auto => return self.parse_other(line, record, None),
        };
        match read {
            Err(reject) => self.parse_other(line, record, Some(reject)),
            read => read,
        }
    }

    /// The line is none of the layout's first format, or nothing is known.
    #[cold]
    fn parse_other<'a>(
        &mut self,
        line: &'a [u8],
        record: &mut Record<'a>,
        refused: Option<Reject>,
    ) -> Result<Line, Reject> {
        if let Some(skip) = format::skip(line) {
            return Ok(Line::Skip(skip));
        }
        let mut best = refused.unwrap_or(Reject::new(Reason::UnknownFormat, 0));
        if self.layout.inner().only {
            return Err(foreign::reason(line, best));
        }
        let mut better = |reject: Reject| {
            if reject.at > best.at || best.reason == Reason::UnknownFormat {
                best = reject;
            }
        };
        let mut odd_shape = false;
        restart(line, record);
        match clf::parse(line, record, &mut self.memo, Escape::Either) {
            Ok(shape) => match Format::of_shape(shape, self.layout.inner().first.preset()) {
                Some(format) => return Ok(format.accept(record)),
                None => odd_shape = true,
            },
            Err(reject) => better(reject),
        }
        // A line that one format skips may be another's record.
        let mut skipped = None;
        for &format in Format::ALL.iter().filter(|format| !format.is_clf()) {
            restart(line, record);
            match format.parse(line, record, &mut self.memo, Escape::Either) {
                Ok(Line::Record) => return Ok(Line::Record),
                Ok(Line::Skip(skip)) => skipped = Some(skip),
                Err(reject) => better(reject),
            }
        }
        // Of the family, but with an end of the administrator's own; or from a server that escaped nothing.
        let dialect = if odd_shape { Escape::Either } else { Escape::None };
        restart(line, record);
        match clf::parse(line, record, &mut self.memo, dialect) {
            Ok(_) => return Ok(Format::of_family(self.layout.inner().first.preset()).accept(record)),
            Err(reject) => better(reject),
        }
        restart(line, record);
        if let Some(skip) = skipped {
            return Ok(Line::Skip(skip));
        }
        Err(foreign::reason(line, best))
    }
}

fn restart<'a>(line: &'a [u8], record: &mut Record<'a>) {
    record.clear();
    record.line = line;
}
