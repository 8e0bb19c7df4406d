//! Recognition: which format a log has, judged by its first lines.
//!
//! Every format is asked about every line; the share it accepts is its score. Formats that accept the same
//! lines are told apart by how the text is escaped ([`evidence`]), and last by the order of [`Format::ALL`].

use std::borrow::Cow;
use std::sync::Arc;

use crate::address;
use crate::clf;
use crate::columns::Columns;
use crate::format::{self, Format};
use crate::layout::Layout;
use crate::line::Line;
use crate::memo::TimeMemo;
use crate::parts::parts;
use crate::record::{Bytes, Record};
use crate::transform;
use crate::unescape::Escape;
use crate::wrap;

/// How many first lines are worth looking at; more are ignored.
pub const HEAD_LINES: usize = 64;

/// What the first lines of a log say about its format.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognition {
    /// The winner first, then all others; [`Layout::auto`] when no format accepts a line.
    pub layout: Layout,
    /// The formats that accept at least one line, best first.
    pub candidates: Vec<Candidate>,
}

/// A format that accepts some of the first lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The format.
    pub format: Format,
    /// Share of the lines that it accepts, 0 to 1; blank lines and comments do not count.
    pub score: f64,
    /// How many lines it accepts.
    pub lines: usize,
}

impl Layout {
    /// Judges the first lines of a log (without line ends); [`HEAD_LINES`] are enough.
    pub fn recognise(head: &[&[u8]]) -> Recognition {
        let (lines, header) = sample(head);
        let apache = lines.iter().map(|line| evidence(&line.text)).sum::<i32>() > 0;
        let mut candidates: Vec<Candidate> = Format::ALL
            .iter()
            .filter_map(|&format| candidate(format, &lines))
            .collect();
        candidates.sort_by_key(|candidate| {
            let format = candidate.format;
            let of_other_server = apache != (format.escape() == Some(Escape::Apache));
            (
                std::cmp::Reverse(candidate.lines),
                format != Format::Varnish,
                of_other_server,
            )
        });
        if let Some(best) = candidates.first()
            && is_unescaped(best.format, &lines)
        {
            let format = Format::CaddyTransform;
            candidates.insert(0, Candidate { format, ..*best });
        }
        let layout = candidates
            .first()
            .map_or_else(Layout::auto, |best| Layout::first(best.format))
            .with_header(header.as_deref().map(Columns::text));
        Recognition { layout, candidates }
    }
}

/// Whether lines that are common or combined else hold quotes that nobody escaped: Caddy's `transform` writes them.
fn is_unescaped(best: Format, lines: &[Sample<'_>]) -> bool {
    use Format::{ApacheCombined, ApacheCommon, NginxCombined};
    let plain = matches!(best, NginxCombined | ApacheCombined | ApacheCommon);
    plain && lines.iter().any(|line| transform::is_telling(&line.text))
}

/// A line to judge, out of its wrapper, and the columns that hold for it.
struct Sample<'h> {
    text: Bytes<'h>,
    columns: Option<Arc<Columns>>,
}

/// The lines that are worth judging, and the header that holds behind the last of them.
fn sample<'h>(head: &[&'h [u8]]) -> (Vec<Sample<'h>>, Option<Arc<Columns>>) {
    let mut times = TimeMemo::new();
    let mut columns: Option<Arc<Columns>> = None;
    let mut lines = Vec::new();
    for line in head.iter().map(|line| address::without_marks(line)) {
        if lines.len() == HEAD_LINES {
            break;
        }
        if let Some(next) = Columns::after_line(line, columns.as_deref(), &mut times) {
            columns = Some(Arc::new(next));
        } else if format::skip(line).is_none() {
            let room = HEAD_LINES - lines.len();
            let sample = |text| Sample {
                text,
                columns: columns.clone(),
            };
            match wrap::innermost(line, &mut times) {
                text if format::skip(&text).is_some() => {}
                Cow::Borrowed(text) => {
                    let mut records = parts(text);
                    records.split_row();
                    lines.extend(
                        records
                            .take(room)
                            .map(|(_, record)| sample(Cow::Borrowed(record))),
                    );
                }
                text => lines.push(sample(text)),
            }
        }
    }
    (lines, columns)
}

fn candidate(format: Format, lines: &[Sample<'_>]) -> Option<Candidate> {
    let mut memo = TimeMemo::new();
    let (mut accepted, mut strange) = (0, 0);
    for line in lines {
        let mut record = Record::default();
        let columns = line.columns.as_deref();
        let read = format.parse(&line.text, &mut record, &mut memo, Escape::Either, columns);
        accepted += usize::from(matches!(read, Ok(Line::Record)));
        strange += usize::from(is_strange(format, &record));
    }
    // What stands there is another header, a cookie for instance, or is no number of bytes.
    if 2 * strange > accepted {
        return None;
    }
    (accepted > 0).then(|| Candidate {
        format,
        score: accepted as f64 / lines.len() as f64,
        lines: accepted,
    })
}

/// Whether a line has the places of this format, but not what belongs in the last of them. Single lines may: a client
/// sends what it likes as a forwarding header, and an answer may break off.
fn is_strange(format: Format, record: &Record<'_>) -> bool {
    match format {
        Format::NginxMain => record
            .header("x-forwarded-for")
            .is_some_and(|value| !clf::tail::is_forwarded_for(value)),
        Format::ApacheCombinedio => record.more.extra.iter().any(|(name, _)| name == "tail"),
        _ => false,
    }
}

/// Whether the bytes of a line speak for Apache (positive) or nginx (negative): Apache escapes in lower-case
/// hexadecimal and by letters and writes `-` for no bytes; nginx knows `\xHH` in upper case alone.
fn evidence(line: &[u8]) -> i32 {
    let mut sum = 0;
    for at in memchr::memchr_iter(b'\\', line) {
        sum += match line.get(at + 1..at + 4) {
            Some([b'x', hex @ ..]) if hex.iter().any(|b| matches!(b, b'a'..=b'f')) => 1,
            Some([b'x', hex @ ..]) if hex.iter().any(|b| matches!(b, b'A'..=b'F')) => -1,
            Some([b'"' | b'\\' | b'n' | b'r' | b't' | b'v' | b'b', ..]) => 1,
            _ => 0,
        };
    }
    let no_bytes = memchr::memmem::find(line, b"\" ")
        .and_then(|at| line.get(at + 2..at + 8))
        .is_some_and(|after| after.ends_with(b" -") || after.ends_with(b" - "));
    sum + i32::from(no_bytes)
}
