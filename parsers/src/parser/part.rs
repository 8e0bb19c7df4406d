//! Lines that a container's runtime cut: the first part is read as if the line ended properly where it was cut.
//!
//! Parts are not joined: what is missing is the end of a long value, and the last part may come in another batch.

use std::borrow::Cow;

use super::{Line, Parser, Skip};
use crate::record::Record;
use crate::wrap::Inner;

/// What completes a line that was cut in the agent, in the referrer or in the request. The status of the last is not known.
const ENDS: [&[u8]; 3] = [b"\"", b"\" \"-\"", b"\" - -"];

impl Parser {
    /// Reads the first part of a line that its runtime cut, as far as it goes.
    pub(super) fn parse_part<'a>(
        &mut self,
        line: &'a [u8],
        part: Inner<'a>,
        record: &mut Record<'a>,
        wrappers: usize,
    ) -> Line {
        let text = match part {
            Inner::Part(text) => Cow::Borrowed(text),
            Inner::Json(text) => text.unescape(),
            Inner::Plain(_) | Inner::Numbers(_) => Cow::default(),
        };
        // An escape may have been cut, too.
        let text = text.trim_ascii_end();
        let cut = memchr::memrchr(b'\\', text)
            .filter(|at| text.len() - at < 4)
            .unwrap_or(text.len());
        let text = text.get(..cut).unwrap_or_default();
        for end in ENDS {
            let whole = [text, end].concat();
            if self.parse_copy(line, &whole, record, wrappers) == Ok(Line::Record) {
                return Line::Record;
            }
        }
        record.restart(line);
        Line::Skip(Skip::OtherStream)
    }
}
