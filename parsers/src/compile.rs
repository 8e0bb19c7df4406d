//! Compilers: a server's own format directive in, a [`program::Program`] that reads its lines out.
//!
//! [`nginx`] and [`apache`] turn the text into [`Part`]s, [`program`] turns parts into steps and runs them. A
//! mistake in the text is a [`FormatError`] with the byte it is at.

use std::borrow::Cow;
use std::fmt;

pub(crate) mod apache;
pub(crate) mod nginx;
pub(crate) mod pair;
pub(crate) mod program;
pub(crate) mod sink;
pub(crate) mod span;
pub(crate) mod strftime;
pub(crate) mod typed;

use sink::Sink;

/// A piece of a format.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// Bytes that stand in every line.
    Literal(Vec<u8>),
    /// A value, and where its name stands in the format.
    Value {
        /// Where the value goes.
        sink: Sink,
        /// Byte position of its name in the format, for error messages.
        at: usize,
    },
}

/// A mistake in a format, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    /// What is wrong.
    pub message: String,
    /// Byte position in the format, `0..=format.len()`.
    pub at: usize,
    /// What to do about it.
    pub hint: Option<Cow<'static, str>>,
}

impl FormatError {
    pub(crate) fn new(message: impl Into<String>, at: usize) -> Self {
        Self {
            message: message.into(),
            at,
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same mistake in a text that holds the format from this byte on.
    pub(crate) fn shifted(mut self, by: usize) -> Self {
        self.at += by;
        self
    }

    /// The line of `format` that holds the mistake, and below it a caret. Control characters become spaces, so
    /// the two lines stay two.
    pub fn caret(&self, format: &str) -> String {
        let at = (0..=self.at.min(format.len()))
            .rev()
            .find(|&at| format.is_char_boundary(at))
            .unwrap_or(0);
        let (before, after) = format.split_at(at);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let before = before.get(start..).unwrap_or_default();
        let after = after.split('\n').next().unwrap_or_default();
        let line: String = before
            .chars()
            .chain(after.chars())
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        format!("{line}\n{:>width$}", '^', width = before.chars().count() + 1)
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} of the format", self.message, self.at)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FormatError {}

/// Whether a value goes to this sink.
pub(crate) fn has(parts: &[Part], wanted: &Sink) -> bool {
    parts
        .iter()
        .any(|part| matches!(part, Part::Value { sink, .. } if sink == wanted))
}

/// Where no value is the peer, the first of these further values becomes it.
pub(crate) fn promote(parts: &mut [Part], names: &[&str]) {
    if has(parts, &Sink::Peer) {
        return;
    }
    let position = names.iter().find_map(|wanted| {
        parts
            .iter()
            .position(|part| matches!(part, Part::Value { sink: Sink::Extra(name), .. } if name == wanted))
    });
    if let Some(Part::Value { sink, .. }) = position.and_then(|at| parts.get_mut(at)) {
        *sink = Sink::Peer;
    }
}

/// The known name nearest to a mistyped one, if it is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (distance(name.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance * 3 <= candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance.
fn distance(a: &[u8], b: &[u8]) -> usize {
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            *cell = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            diagonal = above;
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
