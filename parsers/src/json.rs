//! [`Walker`]: JSON as access logs hold it, read in one pass, borrowed, without allocating.
//!
//! It accepts all well-formed JSON and what servers and administrators make of it: `\xHH` and bytes that are no
//! UTF-8 in strings, names without a value (`"a":,`), lists and dashes where a number should stand (`"a":0.1, 0.2`),
//! needless commas. It does not judge text that nobody asks for: a skipped value is only skipped, so this is no
//! validator. It never recurses; what is nested is entered by the caller or left by counting brackets.

mod complete;

pub(crate) use complete::completed;

use crate::record::Bytes;
use crate::reject::{Reason, Reject};
use crate::unescape::Escape;

/// Deepest nesting that is skipped; more is no log line. The limit of `serde_json`.
const DEEPEST: usize = 128;

/// A position in one JSON text.
#[derive(Debug, Clone)]
pub(crate) struct Walker<'a> {
    text: &'a [u8],
    at: usize,
}

/// The inside of a JSON string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    /// As it stands, still escaped.
    pub raw: &'a [u8],
    /// Whether there is a backslash.
    pub escaped: bool,
}

/// A value whose kind is known. An object or array is entered: its members come next, or [`Walker::leave`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A string.
    Text(Text<'a>),
    /// A number, `true`, `false`, `null`, nothing at all, or what an administrator took for a number.
    Bare(&'a [u8]),
    /// `{` was read.
    Object,
    /// `[` was read.
    Array,
}

impl<'a> Text<'a> {
    /// The text with its escapes undone.
    #[inline]
    pub(crate) fn unescape(self) -> Bytes<'a> {
        if self.escaped {
            Escape::Json.undo(self.raw)
        } else {
            Bytes::Borrowed(self.raw)
        }
    }
}

impl<'a> Value<'a> {
    /// The inside of a string or the bare word; nothing for `null` and for what is nested.
    #[inline]
    pub(crate) fn raw(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.raw,
            Self::Bare(b"null") | Self::Object | Self::Array => b"",
            Self::Bare(word) => word,
        }
    }

    /// The same with escapes undone.
    #[inline]
    pub(crate) fn unescape(self) -> Bytes<'a> {
        match self {
            Self::Text(text) => text.unescape(),
            other => Bytes::Borrowed(other.raw()),
        }
    }

    /// Whether members follow that the caller has to read or leave.
    #[inline]
    pub(crate) fn is_nested(self) -> bool {
        matches!(self, Self::Object | Self::Array)
    }
}

impl<'a> Walker<'a> {
    /// Enters the object that a text begins with.
    #[inline]
    pub(crate) fn object(text: &'a [u8]) -> Result<Self, Reject> {
        let mut walker = Self { text, at: 0 };
        walker.blank();
        match walker.peek() {
            Some(b'{') => {
                walker.at += 1;
                Ok(walker)
            }
            _ => Err(Reject::new(Reason::UnknownFormat, walker.at)),
        }
    }

    /// Byte position in the text.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What follows the position.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The name of the object's next member, still escaped; `None` when the object ends, which is then left.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Option<&'a [u8]>, Reject> {
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b',' | b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(None);
                }
                _ => return Err(self.fault()),
            }
        }
        self.at += 1;
        let name = self.string()?.raw;
        if self.peek() != Some(b':') {
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.fault());
            }
        }
        self.at += 1;
        Ok(Some(name))
    }

    /// The value of the member whose name was just read.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Value<'a>, Reject> {
        if let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.blank();
        }
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Value::Text)
            }
            Some(b'{') => {
                self.at += 1;
                Ok(Value::Object)
            }
            Some(b'[') => {
                self.at += 1;
                Ok(Value::Array)
            }
            Some(_) => self.bare(),
            None => Err(self.fault()),
        }
    }

    /// The next element of the array that was entered; `None` when it ends, which is then left.
    #[inline]
    pub(crate) fn element(&mut self) -> Result<Option<Value<'a>>, Reject> {
        loop {
            match self.peek() {
                Some(b',' | b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(None);
                }
                Some(b'"' | b'{' | b'[') => return self.value().map(Some),
                Some(_) => break,
                None => return Err(self.fault()),
            }
        }
        let word = word(self.rest());
        if word.is_empty() {
            return Err(self.fault());
        }
        self.at += word.len();
        Ok(Some(Value::Bare(word)))
    }

    /// Leaves the value if it is nested; nothing is to be done for any other.
    #[inline]
    pub(crate) fn skip(&mut self, value: Value<'a>) -> Result<(), Reject> {
        match value {
            Value::Object | Value::Array => self.leave(),
            Value::Text(_) | Value::Bare(_) => Ok(()),
        }
    }

    /// Goes behind the end of the object or array that was entered last.
    pub(crate) fn leave(&mut self) -> Result<(), Reject> {
        let mut depth = 1;
        loop {
            let rest = self.rest();
            let Some(next) = rest
                .iter()
                .position(|b| matches!(b, b'"' | b'{' | b'}' | b'[' | b']'))
            else {
                self.at = self.text.len();
                return Err(self.fault());
            };
            self.at += next + 1;
            match rest.get(next) {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{' | b'[') if depth == DEEPEST => return Err(Reject::new(Reason::Json, self.at)),
                Some(b'{' | b'[') => depth += 1,
                _ => depth -= 1,
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Checks that nothing but white space and commas (of an array over several lines) follows the object.
    #[inline]
    pub(crate) fn finish(mut self) -> Result<(), Reject> {
        while let Some(b',' | b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Reject::new(Reason::Json, self.at)),
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Nothing sensible stands here.
    #[cold]
    fn fault(&self) -> Reject {
        if self.at >= self.text.len() {
            Reject::new(Reason::Truncated, self.text.len())
        } else {
            Reject::new(Reason::Json, self.at)
        }
    }

    /// The string whose opening quote was read.
    #[inline]
    fn string(&mut self) -> Result<Text<'a>, Reject> {
        let rest = self.rest();
        let mut end = quote_or_backslash(rest);
        let mut escaped = false;
        loop {
            match rest.get(end) {
                Some(b'"') => break,
                Some(_) => {
                    escaped = true;
                    end += 2;
                    end += quote_or_backslash(rest.get(end..).unwrap_or_default());
                }
                None => return Err(Reject::new(Reason::Truncated, self.text.len())),
            }
        }
        self.at += end + 1;
        Ok(Text {
            raw: rest.get(..end).unwrap_or_default(),
            escaped,
        })
    }

    /// A value without quotes, up to the end of the object or the comma that the next name follows.
    #[inline]
    fn bare(&mut self) -> Result<Value<'a>, Reject> {
        let rest = self.rest();
        let word = word(rest);
        let after = rest.get(word.len()..).unwrap_or_default();
        if matches!(after, [b'}', ..] | [b',', b'"', ..]) {
            self.at += word.len();
            return Ok(Value::Bare(word));
        }
        self.odd()
    }

    /// A bare value that white space or another value follows: `1 , "a"`, `0.1, 0.2`, `- , 5`.
    #[cold]
    fn odd(&mut self) -> Result<Value<'a>, Reject> {
        let rest = self.rest();
        let mut end = 0;
        loop {
            let Some(next) = rest
                .get(end..)
                .and_then(|rest| rest.iter().position(|b| matches!(b, b',' | b'}' | b'"' | b'{')))
            else {
                self.at = self.text.len();
                return Err(self.fault());
            };
            end += next;
            match rest.get(end) {
                Some(b'}') => break,
                Some(b',') if begins_member(rest.get(end + 1..).unwrap_or_default()) => break,
                Some(b',') => end += 1,
                _ => {
                    self.at += end;
                    return Err(self.fault());
                }
            }
        }
        self.at += end;
        Ok(Value::Bare(rest.get(..end).unwrap_or_default().trim_ascii()))
    }
}

/// Whether a member, or the end of the object, follows a comma.
fn begins_member(rest: &[u8]) -> bool {
    let next = rest
        .iter()
        .find(|b| !matches!(b, b',' | b' ' | b'\t' | b'\n' | b'\r'));
    matches!(next, Some(b'"' | b'}') | None)
}

/// The run of bytes before the next separator.
#[inline]
fn word(rest: &[u8]) -> &[u8] {
    let end = rest
        .iter()
        .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b'"'))
        .unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
/// How far strings are searched eight bytes at a time: most names and values are shorter than the vectorised
/// search takes to begin.
const SHORT: usize = 48;

/// Length of what stands before the first quote or backslash.
#[inline]
fn quote_or_backslash(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * b'"' as u64);
        let slash = word ^ (ONES * b'\\' as u64);
        // A byte is zero where borrowing reaches its high bit; the lowest such is never a false one.
        let found = (quote.wrapping_sub(ONES) & !quote | slash.wrapping_sub(ONES) & !slash) & HIGHS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
        if at >= SHORT {
            break;
        }
    }
    let rest = text.get(at..).unwrap_or_default();
    at + memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests;
