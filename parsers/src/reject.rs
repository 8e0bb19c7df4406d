//! [`Reject`]: why a line is no access-log line, and where parsing stopped.

use std::fmt;

/// Why a line was not accepted; also the name of the counter it adds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// No grammar that afw knows begins like this.
    UnknownFormat,
    /// The line ends before the format does.
    Truncated,
    /// A literal of the format (quote, bracket, space) is not where it must be.
    Literal,
    /// The client field is neither an address nor a host name.
    Address,
    /// Two words of the line could be the peer, and the client chose which: unquoted text of its own stands before it.
    TwoPeers,
    /// The time does not have the format's form, or names no real instant.
    Time,
    /// The time's zone is a name that stands for several places, or for none that is known.
    Zone,
    /// The status is no number from 0 to 999.
    Status,
    /// A field that must be a number is none, or does not fit 64 bits.
    Number,
    /// The line begins as JSON but is not well formed.
    Json,
    /// The JSON object has none of the fields of a known access log.
    JsonShape,
    /// A line of JSON that is laid out over several lines, as `jq` prints it.
    JsonLines,
    /// A record within a list or a row, of a log whose lines are records of their own: a client may have sent it.
    Within,
    /// The number of columns differs from the header's.
    Columns,
    /// The line is of an error log or another known log that is no access log.
    NotAccess,
    /// The line holds NUL bytes or is not text (a sparse tail after a power cut, a binary file).
    Binary,
    /// The line was longer than the configured cap and was cut.
    TooLong,
}

impl Reason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 17] = [
        Self::UnknownFormat,
        Self::Truncated,
        Self::Literal,
        Self::Address,
        Self::TwoPeers,
        Self::Time,
        Self::Zone,
        Self::Status,
        Self::Number,
        Self::Json,
        Self::JsonShape,
        Self::JsonLines,
        Self::Within,
        Self::Columns,
        Self::NotAccess,
        Self::Binary,
        Self::TooLong,
    ];

    /// Stable snake-case name, used in counters, `--rejects` files and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownFormat => "unknown_format",
            Self::Truncated => "truncated",
            Self::Literal => "literal",
            Self::Address => "address",
            Self::TwoPeers => "two_peers",
            Self::Time => "time",
            Self::Zone => "zone",
            Self::Status => "status",
            Self::Number => "number",
            Self::Json => "json",
            Self::JsonShape => "json_shape",
            Self::JsonLines => "json_lines",
            Self::Within => "within",
            Self::Columns => "columns",
            Self::NotAccess => "not_access",
            Self::Binary => "binary",
            Self::TooLong => "too_long",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownFormat => "no known access-log format begins like this",
            Self::Truncated => "the line ends too early",
            Self::Literal => "a separator of the format is missing here",
            Self::Address => "neither an address nor a host name",
            Self::TwoPeers => "two words could be the peer: a header without quotes stands before it",
            Self::Time => "not a valid time of this format",
            Self::Zone => "a zone whose name does not tell one offset from UTC",
            Self::Status => "not a status code",
            Self::Number => "not a number",
            Self::Json => "not well-formed JSON",
            Self::JsonShape => "JSON, but no known access log has these fields",
            Self::JsonLines => {
                "part of JSON that is laid out over several lines; a record on one line is read"
            }
            Self::Within => "a record within a line that is none itself, which a client may have sent",
            Self::Columns => "not as many columns as the header names",
            Self::NotAccess => "a line of another log, not of an access log",
            Self::Binary => "binary bytes",
            Self::TooLong => "longer than the line limit",
        })
    }
}

/// A line that no grammar accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject {
    /// Why.
    pub reason: Reason,
    /// Byte position in the line where parsing stopped, `0..=line.len()`; the caret in messages.
    pub at: usize,
}

impl Reject {
    /// A reject at a byte position.
    pub fn new(reason: Reason, at: usize) -> Self {
        Self { reason, at }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.reason, self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_reasons_are_named_once_in_their_order() {
        assert_eq!(Reason::TooLong as usize, Reason::ALL.len() - 1, "the last one");
        assert!((0..).zip(Reason::ALL).all(|(at, reason)| reason as usize == at));
        let mut names = Reason::ALL.map(Reason::name);
        names.sort_unstable();
        assert!(names.windows(2).all(|two| two[0] != two[1]));
    }
}
