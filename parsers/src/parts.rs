//! Lines that hold several records: JSON arrays, and objects around an array (`{"events":[…]}`).
//!
//! Logpush writes them when its job has a prefix and a suffix; the array may stand on one line or over several.

/// The records of one line, each with its offset in the line. An ordinary line is its own only part.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    line: &'a [u8],
    at: usize,
    /// Whether the line is an array; else it is given whole.
    array: bool,
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
        array: begin.is_some(),
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
        if !self.array {
            self.done = true;
            return Some((0, self.line));
        }
        let rest = self.line.get(self.at..)?;
        let start = self.at + rest.iter().position(|&b| b == b'{')?;
        let object = self.line.get(start..)?;
        let end = object_end(object);
        // What is cut or broken is given whole, and refused by whoever reads it.
        self.done = end.is_none();
        let end = end.unwrap_or(object.len());
        self.at = start + end;
        Some((start, object.get(..end)?))
    }
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
        const NAMES: [&[u8]; 5] = [b"events", b"logs", b"records", b"Records", b"result"];
        if !NAMES.contains(&line.get(at..at + name)?) {
            return None;
        }
        at = after(line.get(at + name + 1..)?, b':')?;
    }
    let inside = after(line.get(at..)?, b'[')?;
    let start = line.get(inside..)?;
    Some(inside + (start.len() - start.trim_ascii_start().len()))
}

/// Length of the object that a text begins with.
fn object_end(text: &[u8]) -> Option<usize> {
    let mut walker = crate::json::Walker::object(text).ok()?;
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
