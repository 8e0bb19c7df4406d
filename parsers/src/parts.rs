//! Lines that hold several records: JSON arrays, objects around an array (`{"events":[…]}`, `{"success":true,"result":[…]}`),
//! and objects in a row.
//!
//! Logpush writes them when its job has a prefix, a suffix or a delimiter; the array may stand on one line or over
//! several. What stands between the records is checked, never read over: it becomes a part of its own, to be refused.

use crate::format::Format;
use crate::json::{Value, Walker};
use crate::layout::Layout;
use crate::record::Record;

/// The records of one line, each with its offset in the line. An ordinary line is its own only part.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    line: &'a [u8],
    at: usize,
    /// Whether the line holds objects to be split; else it is given whole.
    split: bool,
    /// Whether they stand in a row without brackets around them.
    row: bool,
    done: bool,
}

/// Splits a line into its records. The work for an ordinary line is a look at its first bytes.
#[inline]
pub fn parts(line: &[u8]) -> Parts<'_> {
    let begin = match line.first() {
        Some(b'[' | b'{') => begin(line).filter(|begin| line.get(*begin) == Some(&b'{')),
        _ => None,
    };
    Parts {
        line,
        at: begin.unwrap_or(0),
        split: begin.is_some(),
        row: false,
        done: false,
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = (usize, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        if !self.split {
            self.done = true;
            return Some((0, self.line));
        }
        self.object()
    }
}

impl<'a> Parts<'a> {
    /// Whether the line is given object by object.
    #[inline]
    pub const fn are_several(&self) -> bool {
        self.split
    }

    /// Gives a line of several objects without brackets around them (`{…},{…}` or `{…}{…}`) object by object, from
    /// the first on, and one with a list of records somewhere in its object; false for any other line. Worth asking
    /// where no grammar accepts the line whole, since the first object is read to its end.
    #[cold]
    pub fn split_row(&mut self) -> bool {
        if let Some(list) = list(self.line).filter(|_| !self.split) {
            (self.at, self.split, self.row, self.done) = (list, true, true, false);
            return true;
        }
        let first = self.line.first().filter(|&&b| b == b'{' && !self.split);
        let end = first
            .and_then(|_| object_end(self.line))
            .unwrap_or(self.line.len());
        let rest = self.line.get(end..).unwrap_or_default();
        let several = rest.get(between(rest)) == Some(&b'{');
        (self.split, self.done) = (self.split || several, !several && self.done);
        self.row |= several;
        several
    }

    /// Whether a record was read from a row whose writer writes one object a line: with `escape=none` a client can end the
    /// object of its own request and write another, with whatever client it likes. Nor is a part of another format than its
    /// log a record: it is what somebody sent, and an application logged.
    #[inline]
    pub fn refuse(&self, record: &Record<'_>, layout: &Layout) -> bool {
        self.row && matches!(record.format, None | Some(Format::NginxJson))
            || self.split && layout.is_of_another(record.format)
    }

    /// The next object, or what stands where one should.
    fn object(&mut self) -> Option<(usize, &'a [u8])> {
        let start = self.at + between(self.line.get(self.at..)?);
        let rest = self.line.get(start..)?;
        self.done = true;
        let end = match rest.first()? {
            b']' => return None,
            b'{' => object_end(rest),
            _ => None,
        };
        // What is cut or broken is given whole, and refused by whoever reads it.
        let end = end.unwrap_or(rest.len());
        self.done = end == rest.len();
        self.at = start + end;
        Some((start, rest.get(..end)?))
    }
}

/// Length of the commas and white space that a text begins with.
fn between(text: &[u8]) -> usize {
    text.iter()
        .position(|b| !matches!(b, b',' | b' ' | b'\t' | b'\r'))
        .unwrap_or(text.len())
}

/// Where the first element of an array begins: behind `[`, or behind `{"name":[`.
fn begin(line: &[u8]) -> Option<usize> {
    let after = |text: &[u8], byte: u8| {
        let start = text.trim_ascii_start();
        (start.first() == Some(&byte)).then_some(line.len() - start.len() + 1)
    };
    let mut at = 0;
    if line.first() == Some(&b'{') {
        at = after(line.get(1..)?, b'"')?;
        let name = memchr::memchr(b'"', line.get(at..at + 16).or_else(|| line.get(at..))?)?;
        if !holds_records(line.get(at..at + name)?) {
            return None;
        }
        at = after(line.get(at + name + 1..)?, b':')?;
    }
    let inside = after(line.get(at..)?, b'[')?;
    let start = line.get(inside..)?;
    Some(inside + (start.len() - start.trim_ascii_start().len()))
}

/// Names under which APIs, collectors and exports put a list of records.
#[inline]
fn holds_records(name: &[u8]) -> bool {
    matches!(
        name,
        b"events"
            | b"logs"
            | b"records"
            | b"Records"
            | b"result"
            | b"results"
            | b"data"
            | b"items"
            | b"entries"
            | b"rows"
            | b"messages"
            | b"requests"
            | b"Events"
            | b"Logs"
    )
}

/// Where the first record of a list begins that is not the first member of its object.
fn list(line: &[u8]) -> Option<usize> {
    let mut walker = Walker::object(line).ok()?;
    while let Some(key) = walker.key().ok()? {
        let value = walker.value().ok()?;
        let inside = walker.rest().trim_ascii_start();
        if value == Value::Array && holds_records(key) && inside.first() == Some(&b'{') {
            return Some(line.len() - inside.len());
        }
        walker.skip(value).ok()?;
    }
    None
}

/// Length of the object that a text begins with.
fn object_end(text: &[u8]) -> Option<usize> {
    let mut walker = Walker::object(text).ok()?;
    walker.leave().ok()?;
    Some(walker.at())
}

/// The object on a line of an array that stands over several lines: without the brackets and commas around it.
pub(crate) fn element(line: &[u8]) -> Option<&[u8]> {
    if let [b'{', .., b'}'] = line
        && begin(line).is_none()
    {
        return Some(
            line.strip_suffix(b"]}")
                .filter(|inner| inner.ends_with(b"}") && !balanced(line))
                .unwrap_or(line),
        );
    }
    let start = begin(line).unwrap_or_else(|| {
        line.iter()
            .position(|b| !matches!(b, b',' | b' ' | b'\t'))
            .unwrap_or(0)
    });
    let rest = line.get(start..)?;
    if rest.first() != Some(&b'{') {
        return None;
    }
    let end = object_end(rest).unwrap_or(rest.len());
    let after = rest.get(end..)?;
    let closed = after
        .iter()
        .all(|b| matches!(b, b',' | b']' | b'}' | b' ' | b'\t'));
    if closed { rest.get(..end) } else { Some(rest) }
}

fn balanced(line: &[u8]) -> bool {
    object_end(line) == Some(line.len())
}

/// Whether a line holds nothing but the brackets around an array.
pub(crate) fn is_bracket(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    let closing = matches!(text, b"]" | b"]}" | b"]," | b"[]");
    closing || begin(text) == Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<(usize, &str)> {
        parts(line.as_bytes())
            .map(|(at, part)| (at, std::str::from_utf8(part).unwrap()))
            .collect()
    }

    #[test]
    fn arrays_and_ordinary_lines() {
        for line in [
            "",
            "x",
            r#"{"a":[1]}"#,
            r#"{"events":1}"#,
            "[10/Oct/2000] x",
            "[error] x",
            "[]",
            "[1,2]",
            "{",
        ] {
            assert_eq!(split(line), [(0, line)], "{line}");
        }
        assert_eq!(
            split(r#"[{"a":"]"},{"b":{}}]"#),
            [(1, r#"{"a":"]"}"#), (11, r#"{"b":{}}"#)]
        );
        assert_eq!(
            split(r#"{ "events" : [ {"a":1} , {"b":2} ] }"#),
            [(15, r#"{"a":1}"#), (25, r#"{"b":2}"#)]
        );
        assert_eq!(split(r#"[{"a":1},{"b":"#), [(1, r#"{"a":1}"#), (9, r#"{"b":"#)]);
        // Nothing is read over: what is no object is given as it stands, what follows the bracket is no record.
        assert_eq!(
            split(r#"[{"a":1},7,{"b":2}]"#),
            [(1, r#"{"a":1}"#), (9, r#"7,{"b":2}]"#)]
        );
        assert_eq!(split(r#"{"logs":[{"a":1}],"next":{"b":2}}"#), [(9, r#"{"a":1}"#)]);
    }

    #[test]
    fn objects_in_a_row() {
        let split = |line: &str| {
            let mut parts = parts(line.as_bytes());
            parts.next();
            parts.split_row().then(|| parts.count())
        };
        for line in [
            "",
            "x",
            r#"{"a":1}"#,
            r#"{"a":1},"#,
            r#"{"a":1} x"#,
            r#"{"a":"#,
            "[{},{}]",
        ] {
            assert_eq!(split(line), None, "{line}");
        }
        assert_eq!(split(r#"{"a":1},{"b":2}"#), Some(2));
        assert_eq!(split(r#"{"a":1}{"b":"}{"}{"c":3}"#), Some(3));
        assert_eq!(split(r#"{"a":1}, {"b":2}]}"#), Some(2));
    }

    #[test]
    fn a_list_of_records_anywhere_in_an_object() {
        let split = |line: &str| {
            let mut parts = parts(line.as_bytes());
            parts.next();
            let split = parts.split_row();
            split.then(|| parts.map(|(at, _)| at).collect::<Vec<_>>())
        };
        for (line, at) in [
            (
                r#"{"success":true,"errors":[],"result":[{"a":1},{"b":[{}]}]}"#,
                Some(vec![38, 46]),
            ),
            (
                r#"{"next":null,"data": [ {"a":1}],"more":[{"b":2}]}"#,
                Some(vec![23]),
            ),
            (r#"{"success":true,"result":[{"a":1},{"b":"#, Some(vec![26, 34])),
            (r#"{"success":true,"result":[]}"#, None),
            (r#"{"success":true,"result":[1]}"#, None),
            (r#"{"success":true,"mine":[{"a":1}]}"#, None),
            (r#"{"success":true,"x":{"result":[{"a":1}]}}"#, None),
            (r#"{"success":true,"result":"[{}]"}"#, None),
        ] {
            assert_eq!(split(line), at, "{line}");
        }
        for name in ["data", "items", "results"] {
            let line = format!(r#"{{"{name}":[{{"a":1}},{{"b":2}}]}}"#);
            assert_eq!(parts(line.as_bytes()).count(), 2, "{line}");
        }
    }

    #[test]
    fn elements_over_several_lines() {
        for line in [
            r#"{"a":[{}]}"#,
            r#"{"a":[{}]},"#,
            r#",{"a":[{}]}"#,
            r#"[{"a":[{}]},"#,
            r#"{"events":[{"a":[{}]},"#,
            r#"  {"a":[{}]}"#,
            r#"{"a":[{}]}]"#,
            r#"{"a":[{}]}]}"#,
        ] {
            assert_eq!(element(line.as_bytes()), Some(&br#"{"a":[{}]}"#[..]), "{line}");
        }
        for line in ["", "[", "]", "]}", r#"{"events":["#, "x"] {
            assert_eq!(element(line.as_bytes()), None, "{line}");
            assert_eq!(is_bracket(line.as_bytes()), !matches!(line, "" | "x"), "{line}");
        }
        assert_eq!(element(br#"{"a":"#), Some(&br#"{"a":"#[..]));
    }
}
