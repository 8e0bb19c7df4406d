//! Lines that a container's runtime cut: the first part is read as if the line ended properly where it was cut.
//!
//! Parts are not joined: what is missing is the end of a long value, and the last part may come in another batch.

use std::borrow::Cow;

use super::{Line, Parser, Skip};
use crate::clf;
use crate::format::Format;
use crate::json;
use crate::layout::First;
use crate::record::Record;
use crate::reject::{Reason, Reject};
use crate::wrap::{Inner, Wrapped};

/// What completes a line that was cut in the agent, in the referrer or in the request. The status of the last is not known.
const ENDS: [&[u8]; 3] = [b"\"", b"\" \"-\"", b"\" - -"];

/// What completes an object that was cut before the status.
const NO_STATUS: &[u8] = br#","status":"-"}"#;

/// No runtime is content with shorter lines: they cut at 16 KiB.
const LEAST_PART: usize = 8 * 1024;

/// No first word of an access line is longer: an address, a host name, a bracketed time.
const FIRST_WORD: usize = 256;

impl Parser {
    /// Reads the first part of a line that its runtime cut, as far as it goes.
    ///
    /// # Errors
    /// It begins as access lines do, and no format can do without what is missing.
    pub(super) fn parse_part<'a>(
        &mut self,
        line: &'a [u8],
        part: Wrapped<'a>,
        record: &mut Record<'a>,
        wrappers: usize,
    ) -> Result<Line, Reject> {
        let text = match part.inner {
            Inner::Part(text) => Cow::Borrowed(text),
            Inner::Json(text) => text.unescape(),
            Inner::Plain(_) | Inner::Numbers(_) => Cow::default(),
        };
        let text = without_escape(text.trim_ascii_end());
        if self.parse_completed(line, text, record, wrappers) {
            return Ok(Line::Record);
        }
        record.restart(line);
        if part.by.other_stream() || !begins_like_a_line(text) {
            return Ok(Line::Skip(Skip::OtherStream));
        }
        Err(Reject::new(Reason::Truncated, line.len()))
    }

    fn parse_completed<'a>(
        &mut self,
        line: &'a [u8],
        text: &[u8],
        record: &mut Record<'a>,
        wrappers: usize,
    ) -> bool {
        if text.starts_with(b"{") {
            return self.parse_object(line, text, record, wrappers);
        }
        // The log's own format is asked first, unless several are its own: those are asked together.
        let own_first = self.layout.inner().others.is_empty();
        ENDS.iter().any(|end| {
            let whole = [text, end].concat();
            own_first && self.parse_begun(line, &whole, record)
                || self.parse_copy(line, &whole, record, wrappers) == Ok(Line::Record)
                || !own_first && self.parse_begun(line, &whole, record)
        })
    }

    /// Reads an object that was cut. In those composed by hand the peer may stand behind the cut, and what else names one
    /// may be the client's: then nobody is named.
    fn parse_object<'a>(
        &mut self,
        line: &'a [u8],
        text: &[u8],
        record: &mut Record<'a>,
        wrappers: usize,
    ) -> bool {
        let Some(whole) = json::completed(text) else {
            return false;
        };
        // What was cut in the request has no status; formats composed by hand want one.
        let mut asked = whole.strip_suffix(b"}").unwrap_or_default().to_vec();
        asked.extend(NO_STATUS);
        let is_read = [whole, asked]
            .iter()
            .any(|whole| self.parse_copy(line, whole, record, wrappers) == Ok(Line::Record));
        if !is_read {
            return false;
        }
        match record.format {
            Some(Format::Caddy | Format::TraefikJson) => true,
            Some(Format::NginxJson) => {
                if memchr::memmem::find(text, b"\"remote_addr\"").is_none() {
                    record.forget_names();
                }
                true
            }
            _ => false,
        }
    }

    /// Reads the beginning of a line of the Common Log Format's family where the log's own format wants more behind it.
    fn parse_begun<'a>(&mut self, line: &'a [u8], whole: &[u8], record: &mut Record<'a>) -> bool {
        let first = match &self.layout.inner().first {
            First::Preset(format) => Some(*format),
            First::Compiled(compiled) => compiled.twin,
            First::Auto => None,
        };
        let Some(format) = first.filter(|format| format.is_clf() || *format == Format::TraefikClf) else {
            return false;
        };
        let mut copy = Record::default();
        copy.restart(whole);
        let dialect = format.escape().unwrap_or_default();
        let read = clf::parse(whole, &mut copy, &mut self.memo, dialect);
        let hosts = matches!(format, Format::ApacheVhostCombined | Format::ApacheCombinedio);
        if !read.is_ok_and(|shape| hosts || !shape.vhost) {
            return false;
        }
        format.accept(&mut copy);
        record.adopt(copy, line);
        true
    }
}

/// A text without an escape at its end, which may have been cut, too.
fn without_escape(text: &[u8]) -> &[u8] {
    // The longest is `\u00e9`.
    let cut = memchr::memrchr(b'\\', text).filter(|at| text.len() - at < 6);
    let kept = cut.and_then(|at| text.get(..at)).unwrap_or(text);
    let slashes = kept.iter().rev().take_while(|&&byte| byte == b'\\').count();
    match cut {
        Some(_) => kept.get(..kept.len() - slashes).unwrap_or_default(),
        None => kept,
    }
}

/// Whether a text may be the beginning of an access line, cut by its length, and not a piece of anything.
fn begins_like_a_line(text: &[u8]) -> bool {
    let Some(start) = text.get(..FIRST_WORD).filter(|_| text.len() >= LEAST_PART) else {
        return false;
    };
    matches!(text.first(), Some(b'{' | b'[' | b'"')) || memchr::memchr(b' ', start).is_some()
}
