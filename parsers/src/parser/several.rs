//! Lines of a log that is declared in several formats.
//!
//! Which of them a line was written in, nothing tells but what it reads as, and a client may write what makes his line one
//! of another format too. So every format is asked, and what they do not agree on is not known.

use super::{Line, Parser};
use crate::compile::program::{Refused, unsettle};
use crate::format::Format;
use crate::layout::{First, Layout};
use crate::memo::TimeMemo;
use crate::record::Record;
use crate::reject::Reject;
use crate::unescape::Escape;

/// A line as one of the formats reads it.
struct Reading<'a> {
    record: Record<'a>,
    /// Whether the server writes names in the place of peers: nginx writes addresses alone.
    of_names: bool,
}

impl Parser {
    /// Reads a line in every format that is declared; `None` where it is of none of them.
    #[cold]
    pub(super) fn parse_several<'a>(
        &mut self,
        line: &'a [u8],
        record: &mut Record<'a>,
    ) -> Option<Result<Line, Reject>> {
        let layout = self.layout.clone();
        let mut two_peers = false;
        let mut found: Option<Reading<'a>> = None;
        for layout in std::iter::once(&layout).chain(&layout.inner().others) {
            match self.reading(layout, line) {
                Ok(reading) => {
                    found = Some(match found {
                        Some(first) => first.and(reading, line),
                        None => reading,
                    })
                }
                Err(refused) => two_peers |= refused == Some(Refused::TwoPeers),
            }
        }
        let Some(Reading { record: read, .. }) = found else {
            return two_peers.then(|| Err(Refused::TwoPeers.into()));
        };
        *record = read;
        if two_peers {
            forget_peer(record);
        }
        Some(Ok(Line::Record))
    }

    /// Reads a line in the first format of a layout.
    fn reading<'a>(&mut self, layout: &Layout, line: &'a [u8]) -> Result<Reading<'a>, Option<Refused>> {
        let mut record = Record::default();
        record.restart(line);
        let memo: &mut TimeMemo = &mut self.memo;
        let of_names = match &layout.inner().first {
            First::Preset(format) => {
                let (columns, dialect) = (self.columns.as_deref(), format.escape().unwrap_or_default());
                match format.parse(line, &mut record, memo, dialect, columns) {
                    Ok(Line::Record) => {
                        format.escape() != Some(Escape::Nginx) && *format != Format::NginxJson
                    }
                    _ => return Err(None),
                }
            }
            First::Compiled(compiled) => {
                compiled.parse(line, &mut record, memo)?;
                compiled.writes_names()
            }
            First::Auto => return Err(None),
        };
        Ok(Reading { record, of_names })
    }
}

impl<'a> Reading<'a> {
    /// What this reading and another agree on.
    fn and(self, other: Self, line: &'a [u8]) -> Self {
        let same = self.record.peer == other.record.peer && self.record.peer_text == other.record.peer_text;
        match (self.is_possible(), other.is_possible()) {
            (true, false) if !same => return self,
            (false, true) if !same => return other,
            _ => {}
        }
        let settled = asked(&self.record) == asked(&other.record);
        let Self { mut record, of_names } = self;
        if !settled {
            unsettle(line, &mut record);
        }
        if !same {
            forget_peer(&mut record);
        }
        Self { record, of_names }
    }

    /// Whether the server may have written what stands for the peer.
    fn is_possible(&self) -> bool {
        let Record { peer, peer_text, .. } = self.record;
        self.of_names || peer.is_some() || peer_text.is_empty() || peer_text.starts_with(b"unix:")
    }
}

/// What was asked and answered, and when.
fn asked<'r>(record: &'r Record<'_>) -> impl PartialEq + use<'r> {
    let text = |bytes: &'r Option<crate::Bytes<'_>>| bytes.as_deref();
    (
        (record.time, record.status),
        (
            text(&record.method),
            text(&record.target),
            text(&record.malformed_request),
        ),
    )
}

/// Leaves nobody to be the client.
fn forget_peer(record: &mut Record<'_>) {
    (record.peer, record.peer_text) = (None, b"");
    record.more.peer_port = None;
}
