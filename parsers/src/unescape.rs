//! Undoing, exactly once, the escaping that the server applied when it wrote the line.
//!
//! The dialects must not be mixed: nginx writes `\xHH` and nothing else, Apache also writes `\"`, `\\` and
//! letters, JSON has its own. A text without a backslash is borrowed. Percent-encoding is not the log's
//! escaping and is left alone (`afw::detect` decodes it as one of its views).

use std::borrow::Cow;

use crate::record::Bytes;

/// How a server escapes what it logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Escape {
    /// nginx `escape=default`: `\xHH` in upper-case hexadecimal.
    #[default]
    Nginx,
    /// nginx `escape=json`: JSON string escapes, other bytes raw.
    Json,
    /// nginx `escape=none`, or a server before escaping was invented: nothing is changed.
    None,
    /// Apache `ap_escape_logitem`: `\"`, `\\`, `\b \n \r \t \v`, `\xhh`.
    Apache,
    /// XML: `&amp;`, `&lt;`, `&gt;`, `&quot;`, `&apos;`, `&#38;`, `&#x26;`.
    Xml,
    /// Not known which of nginx and Apache wrote it: the union of both, which is unambiguous, since neither
    /// writes a backslash that begins no escape of its own.
    Either,
}

impl Escape {
    /// Undoes this escaping. A backslash that begins no escape of the dialect is kept as it is.
    #[inline]
    pub fn undo(self, text: &[u8]) -> Bytes<'_> {
        let begins = match self {
            Self::None => return Cow::Borrowed(text),
            Self::Xml => b'&',
            _ => b'\\',
        };
        match memchr::memchr(begins, text) {
            None => Cow::Borrowed(text),
            Some(first) => Cow::Owned(self.undo_from(text, first, begins)),
        }
    }

    #[cold]
    fn undo_from(self, text: &[u8], first: usize, begins: u8) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let (clean, mut rest) = text.split_at(first.min(text.len()));
        out.extend_from_slice(clean);
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            if byte != begins {
                out.push(byte);
                continue;
            }
            match self.one(after, &mut out) {
                Some(used) => rest = after.get(used..).unwrap_or_default(),
                None => out.push(byte),
            }
        }
        out
    }

    /// What follows one backslash, or one `&`: writes its meaning and says how many bytes it took.
    fn one(self, after: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        match self {
            Self::Json => return json_escape(after, out),
            Self::Xml => return xml_reference(after, out),
            _ => {}
        }
        if let [b'x', high, low, ..] = *after {
            out.push(hex(high, self)? << 4 | hex(low, self)?);
            return Some(3);
        }
        if matches!(self, Self::Nginx | Self::None) {
            return None;
        }
        out.push(match after.first()? {
            b'"' => b'"',
            b'\\' => b'\\',
            b'b' => 0x08,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0B,
            _ => return None,
        });
        Some(1)
    }
}

/// A hexadecimal digit; nginx writes upper case only, so lower case is no escape of its.
fn hex(digit: u8, dialect: Escape) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' if dialect != Escape::Nginx => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// A character by its XML name or number; a number is one of Unicode's.
fn xml_reference(after: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    const LONGEST: usize = 10;
    let end = memchr::memchr(b';', after.get(..LONGEST).unwrap_or(after))?;
    let char = match after.get(..end)? {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => numbered(digits, 16)?,
        [b'#', digits @ ..] => numbered(digits, 10)?,
        _ => return None,
    };
    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    Some(end + 1)
}

fn numbered(digits: &[u8], radix: u32) -> Option<char> {
    let digits = std::str::from_utf8(digits).ok()?;
    let code = u32::from_str_radix(digits, radix).ok()?;
    char::from_u32(code).filter(|_| !digits.starts_with('+'))
}

/// JSON string escapes, `\u` with surrogate pairs included, plus the `\xHH` that nginx's default escaping puts
/// into hand-written JSON formats.
fn json_escape(after: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let byte = match after.first()? {
        b'"' => b'"',
        b'\\' => b'\\',
        b'/' => b'/',
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'x' => {
            let (&high, &low) = (after.get(1)?, after.get(2)?);
            out.push(hex(high, Escape::Json)? << 4 | hex(low, Escape::Json)?);
            return Some(3);
        }
        b'u' => return json_unicode(after, out),
        _ => return None,
    };
    out.push(byte);
    Some(1)
}

fn json_unicode(after: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let first = four_hex(after.get(1..5)?)?;
    let (code, used) = match (first, after.get(5..11)) {
        (0xD800..=0xDBFF, Some([b'\\', b'u', low @ ..])) => match four_hex(low)? {
            low @ 0xDC00..=0xDFFF => (0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00), 11),
            _ => (0xFFFD, 5),
        },
        _ => (first, 5),
    };
    let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    Some(used)
}

fn four_hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| {
        Some(value << 4 | u32::from(hex(digit, Escape::Json)?))
    })
}

#[cfg(test)]
mod tests;
