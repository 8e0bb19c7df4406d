//! Divides a line of columns into its values.

/// One value of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    /// As logged.
    pub(super) text: &'a [u8],
    /// Whether it stands in quotes, and spaces may stand for themselves.
    pub(super) quoted: bool,
}

/// What stands between the values of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parting {
    /// Tabs.
    Tabs,
    /// Spaces, but for those in `"…"`.
    Quotes,
    /// Spaces.
    Spaces,
}

/// The values of a line.
pub(super) struct Values<'a> {
    line: &'a [u8],
    at: usize,
    parting: Parting,
}

impl<'a> Values<'a> {
    pub(super) const fn of(line: &'a [u8], parting: Parting) -> Self {
        Self { line, at: 0, parting }
    }

    /// Where the next value is looked for, in bytes from the line's start.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// The next value; none at the end, and where a quote never ends.
    pub(super) fn next(&mut self) -> Option<Value<'a>> {
        if self.parting == Parting::Tabs {
            let rest = self.line.get(self.at..)?;
            let end = memchr::memchr(b'\t', rest).unwrap_or(rest.len());
            self.at += end + 1;
            let text = rest.get(..end)?.trim_ascii();
            return Some(Value { text, quoted: false });
        }
        let rest = self.line.get(self.at..)?;
        let start = rest.trim_ascii_start();
        self.at += rest.len() - start.len();
        match start.split_first()? {
            (b'"', inside) if self.parting == Parting::Quotes => {
                let end = closing(inside)?;
                self.at += end + 2;
                let text = inside.get(..end)?;
                Some(Value { text, quoted: true })
            }
            _ => {
                let end = memchr::memchr(b' ', start).unwrap_or(start.len());
                self.at += end;
                let text = start.get(..end)?;
                Some(Value { text, quoted: false })
            }
        }
    }
}

/// Position of the quote that ends a value: not doubled, and a space or nothing behind it.
fn closing(inside: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'"', inside.get(from..)?)?;
        match inside.get(at + 1) {
            None | Some(b' ') => return Some(at),
            Some(b'"') => from = at + 2,
            Some(_) => return None,
        }
    }
}
