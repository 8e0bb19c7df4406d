//! [`Pair`]: two values with nothing between them, where the form of one tells where it meets the other.

use crate::compile::FormatError;
use crate::compile::sink::{Dialect, Kind, Pieces, Sink};
use crate::memo::TimeMemo;
use crate::record::Record;
use crate::reject::Reason;

/// Two values side by side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pair {
    first: Sink,
    second: Sink,
    cut: Cut,
}

/// Where the second value begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// At the first byte that no host and no port holds.
    Target,
    /// At the last byte.
    LastByte,
}

impl Pair {
    fn sink(first: Sink, second: Sink, cut: Cut) -> Sink {
        Sink::Pair(Box::new(Self { first, second, cut }))
    }

    /// What both may contain.
    pub(crate) fn kind(&self) -> Kind {
        match self.cut {
            Cut::Target => Kind::Text,
            Cut::LastByte => Kind::Word,
        }
    }

    /// Whether both take their half.
    pub(crate) fn check(&self, value: &[u8], memo: &mut TimeMemo) -> Result<(), Reason> {
        let (first, second) = self.cut.divide(value);
        self.first.check(first, memo)?;
        self.second.check(second, memo)
    }

    /// Puts both halves into the record.
    pub(crate) fn fill<'a>(
        &self,
        value: &'a [u8],
        dialect: Dialect,
        record: &mut Record<'a>,
        pieces: &mut Pieces<'a>,
        memo: &mut TimeMemo,
    ) -> Result<(), Reason> {
        let (first, second) = self.cut.divide(value);
        self.first.fill(first, dialect, record, pieces, memo)?;
        self.second.fill(second, dialect, record, pieces, memo)
    }
}

impl Cut {
    fn divide(self, value: &[u8]) -> (&[u8], &[u8]) {
        let last = value.len().saturating_sub(1);
        let at = match self {
            Self::LastByte => last,
            Self::Target => match memchr::memchr2(b'/', b'?', value) {
                Some(at) => begin_of_target(value, at),
                // The target of `OPTIONS *`, and what stands for one where the request had none.
                None if matches!(value.last(), Some(b'*' | b'-')) => last,
                None => value.len(),
            },
        };
        value.split_at(at)
    }
}

/// Where a target begins whose first slash or question mark stands there: before the scheme of one that is whole
/// (`GET http://host/path`). No host ends in a colon.
fn begin_of_target(value: &[u8], at: usize) -> usize {
    let (before, after) = value.split_at_checked(at).unwrap_or_default();
    let scheme = [&b"https:"[..], b"http:"]
        .into_iter()
        .find(|scheme| after.starts_with(b"//") && before.ends_with(scheme));
    at - scheme.map_or(0, <[u8]>::len)
}

/// Two values with nothing between them.
///
/// # Errors
/// Where nothing tells the end of the first.
pub(crate) fn side_by_side(before: &Sink, after: Sink, at: usize) -> Result<Sink, FormatError> {
    use Sink::{
        Duration, Extra, Header, Host, IsArgs, Path, Pipe, Query, QueryMark, ServerName, ServerPort, Skip,
        Target, TimeParts, ValidHost,
    };
    Ok(match (before, after) {
        (TimeParts(first), TimeParts(second)) => TimeParts(first.iter().copied().chain(second).collect()),
        // `$uri$is_args$args` and `%U%q` make the target.
        (Path | Target, QueryMark | Query | IsArgs) => Target,
        (IsArgs, Query) => QueryMark,
        (Skip | Extra(_) | Header(_) | Pipe | IsArgs, Skip | Extra(_) | Header(_) | Pipe | IsArgs) => Skip,
        // `$scheme://$host$request_uri`: no host and no port holds a slash, and a target begins with one.
        (Host | ValidHost | ServerName | ServerPort, after) if begins_with_slash(&after) => {
            Pair::sink(before.clone(), after, Cut::Target)
        }
        (Sink::Pair(pair), after) if pair.cut == Cut::Target => {
            let second = side_by_side(&pair.second, after, at)?;
            Pair::sink(pair.first.clone(), second, Cut::Target)
        }
        (Duration(_), Pipe) => Pair::sink(before.clone(), Pipe, Cut::LastByte),
        _ => {
            return Err(
                FormatError::new("nothing separates this value from the one before it", at)
                    .hint("put a space or a quote between the two"),
            );
        }
    })
}

/// Whether it is a target, or the path of one that is logged elsewhere too.
fn begins_with_slash(sink: &Sink) -> bool {
    match sink {
        Sink::Target | Sink::Path => true,
        Sink::Extra(name) => matches!(&**name, "uri" | "path"),
        _ => false,
    }
}
