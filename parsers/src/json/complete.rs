//! [`completed`]: an object that was cut somewhere, made whole again.

use super::DEEPEST;

/// The beginning of an object, closed where it was cut: a value that is a string ends there, anything else that is not
/// whole is left out. `None` of what is no object, too deep, or well closed already.
pub(crate) fn completed(text: &[u8]) -> Option<Vec<u8>> {
    let mut cut = Cut::default();
    for (at, &byte) in text.iter().enumerate() {
        cut.take(at, byte)?;
    }
    cut.closed(text)
}

/// What is open at a place of the text.
#[derive(Debug, Default)]
struct Cut {
    /// What closes the open objects and arrays.
    closers: Vec<u8>,
    string: bool,
    escaped: bool,
    /// The last byte outside strings that is no white space.
    last: u8,
    /// Up to where everything is whole, and how many are open there.
    whole: (usize, usize),
}

impl Cut {
    fn take(&mut self, at: usize, byte: u8) -> Option<()> {
        if self.string {
            self.within_string(byte);
            return Some(());
        }
        match byte {
            b'"' => {
                self.string = true;
                return Some(());
            }
            b'{' => self.open(at, b'}')?,
            b'[' => self.open(at, b']')?,
            b'}' | b']' => {
                self.closers.pop()?;
                self.whole = (at + 1, self.closers.len());
            }
            b',' => self.whole = (at, self.closers.len()),
            byte if byte.is_ascii_whitespace() => return Some(()),
            _ => {}
        }
        self.last = byte;
        Some(())
    }

    fn within_string(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else {
            self.string = byte != b'"';
        }
    }

    fn open(&mut self, at: usize, closer: u8) -> Option<()> {
        if self.closers.len() >= DEEPEST {
            return None;
        }
        self.closers.push(closer);
        self.whole = (at + 1, self.closers.len());
        Some(())
    }

    fn closed(&self, text: &[u8]) -> Option<Vec<u8>> {
        if self.closers.is_empty() || self.escaped {
            return None;
        }
        // A string behind a colon or within an array is a value; any other is a name.
        let in_array = self.closers.last() == Some(&b']');
        let value = self.string && (self.last == b':' || in_array);
        let (end, open) = if value {
            (text.len(), self.closers.len())
        } else {
            self.whole
        };
        let mut whole = text.get(..end)?.to_vec();
        whole.extend(value.then_some(b'"'));
        whole.extend(self.closers.get(..open)?.iter().rev());
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_closed_where_it_was_cut() {
        for (cut, whole) in [
            (r#"{"a":"b"#, Some(r#"{"a":"b"}"#)),
            (r#"{"a":"b","c"#, Some(r#"{"a":"b"}"#)),
            (r#"{"a":"b","c":1"#, Some(r#"{"a":"b"}"#)),
            (r#"{"a":{"b":["c","d"#, Some(r#"{"a":{"b":["c","d"]}}"#)),
            (r#"{"a":{"b":[1,2]},"c":{"d"#, Some(r#"{"a":{"b":[1,2]},"c":{}}"#)),
            (r#"{"a":"}\"]"#, Some(r#"{"a":"}\"]"}"#)),
            (r#"{"a":{"b":1}"#, Some(r#"{"a":{"b":1}}"#)),
            ("{", Some("{}")),
            (r#"{"a":"b\"#, None),
            (r#"{"a":1}"#, None),
            ("}", None),
        ] {
            let read = completed(cut.as_bytes()).map(|whole| String::from_utf8(whole).unwrap());
            assert_eq!(read.as_deref(), whole, "{cut}");
        }
        assert_eq!(completed(&b"[".repeat(1000)), None);
    }
}
