//! [`Line`]: what a line turned out to be, for who counts lines. Next: [`crate::parser`], which tells it.

/// What a line turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// An access-log line; the record is filled.
    Record,
    /// A line that rightly holds no request; counted, not rejected.
    Skip(Skip),
}

/// Why a line holds no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Skip {
    /// Nothing but white space.
    Blank,
    /// A comment or a header line.
    Comment,
    /// A line of another stream that shares the file: another logger of Caddy, another program in syslog, a
    /// part of a container's line, or the rest of a record over several lines.
    OtherStream,
    /// An event of a request that another line tells ([`crate::record::More::repeats`]). It is read like any other; who counts
    /// requests counts it so.
    SameRequest,
}

impl Skip {
    /// Stable snake-case name, used in counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Comment => "comment",
            Self::OtherStream => "other_stream",
            Self::SameRequest => "same_request",
        }
    }
}
