//! The leaves of the text grammars: hand-written `nom` parsers over `memchr`.
//!
//! A leaf takes the rest of the line and gives back what is left and its value, so stock `nom` combinators
//! join them. Each stops with a [`Stop`]: the reason and the rest, from which the byte position follows.

use nom::error::{ErrorKind, ParseError};
use nom::{Err, IResult};

use crate::lanes;
use crate::memo::{CLF_LEN, TimeMemo};
use crate::reject::{Reason, Reject};
use crate::time::Time;
use crate::unescape::Escape;

/// The most digits that a number of 64 bits has.
const LONGEST_NUMBER: usize = 20;

/// What a leaf or a grammar over leaves answers.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Stop<'a>>;

/// Where and why a grammar stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop<'a> {
    /// What was left of the line.
    pub rest: &'a [u8],
    /// Why it went no further.
    pub reason: Reason,
}

impl<'a> ParseError<&'a [u8]> for Stop<'a> {
    fn from_error_kind(rest: &'a [u8], _: ErrorKind) -> Self {
        Self {
            rest,
            reason: missing(rest),
        }
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// The reject that a stopped grammar means for this line.
pub(crate) fn reject(line: &[u8], stop: Err<Stop<'_>>) -> Reject {
    match stop {
        Err::Incomplete(_) => Reject::new(Reason::Truncated, line.len()),
        Err::Error(stop) | Err::Failure(stop) => {
            Reject::new(stop.reason, line.len().saturating_sub(stop.rest.len()))
        }
    }
}

/// A recoverable stop.
#[inline]
pub(crate) fn stop<T>(rest: &[u8], reason: Reason) -> Parsed<'_, T> {
    Err(Err::Error(Stop { rest, reason }))
}

/// A missing literal: the line ended, or something else stands there.
fn missing(rest: &[u8]) -> Reason {
    if rest.is_empty() {
        Reason::Truncated
    } else {
        Reason::Literal
    }
}

/// Exactly these bytes.
#[inline]
pub(crate) fn literal<'a, const N: usize>(input: &'a [u8], bytes: &[u8; N]) -> Parsed<'a, ()> {
    match input.split_first_chunk() {
        Some((first, rest)) if first == bytes => Ok((rest, ())),
        _ => stop(input, missing(input)),
    }
}

/// A non-empty run without spaces, and the one space behind it.
#[inline]
pub(crate) fn word(input: &[u8]) -> Parsed<'_, &[u8]> {
    match input.iter().position(|&b| b == b' ') {
        Some(end) if end > 0 => Ok((
            input.get(end + 1..).unwrap_or_default(),
            input.get(..end).unwrap_or_default(),
        )),
        Some(_) => stop(input, Reason::Literal),
        None => stop(&[], Reason::Truncated),
    }
}

/// A non-empty run without spaces, up to a space (left standing) or the end of the line.
#[inline]
pub(crate) fn last_word(input: &[u8]) -> Parsed<'_, &[u8]> {
    let end = input.iter().position(|&b| b == b' ').unwrap_or(input.len());
    match input.split_at_checked(end) {
        Some((word, rest)) if !word.is_empty() => Ok((rest, word)),
        _ => stop(input, missing(input)),
    }
}

/// `[10/Oct/2000:13:55:36 -0700]`; a day below ten may stand without its zero.
#[inline]
pub(crate) fn clf_time<'a>(input: &'a [u8], memo: &mut TimeMemo) -> Parsed<'a, Time> {
    let (inside, ()) = literal(input, b"[")?;
    match inside.split_at_checked(CLF_LEN) {
        Some((text, [b']', rest @ ..])) => match memo.clf(text) {
            Some(time) => Ok((rest, time)),
            None => stop(inside, Reason::Time),
        },
        Some(_) => short_day(inside, memo),
        None => stop(&[], Reason::Truncated),
    }
}

/// `1/Oct/2000:13:55:36 -0700]`.
#[cold]
fn short_day<'a>(inside: &'a [u8], memo: &mut TimeMemo) -> Parsed<'a, Time> {
    let mut padded = [b'0'; CLF_LEN];
    if let (Some((text, [b']', rest @ ..])), [_, tail @ ..]) =
        (inside.split_at_checked(CLF_LEN - 1), &mut padded)
    {
        tail.copy_from_slice(text);
        if let Some(time) = memo.clf(&padded) {
            return Ok((rest, time));
        }
    }
    stop(inside, Reason::Time)
}

/// The inside of `"…"`, still escaped. In the dialects that write `\"`, a quote behind an odd number of
/// backslashes does not end it.
#[inline]
pub(crate) fn quoted(input: &[u8], dialect: Escape) -> Parsed<'_, &[u8]> {
    let (inside, ()) = literal(input, b"\"")?;
    match closing_quote(inside, dialect) {
        Some(end) => Ok((
            inside.get(end + 1..).unwrap_or_default(),
            inside.get(..end).unwrap_or_default(),
        )),
        None => stop(&[], Reason::Truncated),
    }
}

/// The inside of a quoted value, still escaped, and how: most hold no escape, and need not be looked through again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quoted<'a> {
    /// What stands between the quotes.
    pub text: &'a [u8],
    /// The dialect of its escapes; [`Escape::None`] where there is no backslash.
    pub dialect: Escape,
}

/// [`quoted`] that tells a value without escapes.
#[inline]
pub(crate) fn value(input: &[u8], dialect: Escape) -> Parsed<'_, Quoted<'_>> {
    if let [b'"', inside @ ..] = input
        && let Some(end) = memchr::memchr2(b'"', b'\\', inside)
        && let Some((text, [b'"', rest @ ..])) = inside.split_at_checked(end)
    {
        let dialect = Escape::None;
        return Ok((rest, Quoted { text, dialect }));
    }
    let (rest, text) = quoted(input, dialect)?;
    Ok((rest, Quoted { text, dialect }))
}

/// Position of the quote that ends a quoted value.
#[inline]
pub(crate) fn closing_quote(inside: &[u8], dialect: Escape) -> Option<usize> {
    if matches!(dialect, Escape::Nginx | Escape::None) {
        return memchr::memchr(b'"', inside);
    }
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'"', inside.get(from..)?)?;
        let escaped = at > 0 && inside.get(at - 1) == Some(&b'\\') && odd_backslashes_before(inside, at);
        if !escaped {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cold]
fn odd_backslashes_before(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|&&b| b == b'\\').count() % 2 == 1
}

/// A status of one to three digits or `-`; `None` for `-`, `0`, `000` and `009`.
#[inline]
pub(crate) fn status(input: &[u8]) -> Parsed<'_, Option<u16>> {
    match plain_status(input) {
        Some((status, rest)) => Ok((rest, Some(status))),
        None => odd_status(input),
    }
}

/// A status of three digits, as all servers send them, and what follows it.
#[inline(always)]
pub(crate) fn plain_status(input: &[u8]) -> Option<(u16, &[u8])> {
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = input else {
        return None;
    };
    let status = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
    (!rest.first().is_some_and(u8::is_ascii_digit)).then_some((status, rest))
}

#[cold]
fn odd_status(input: &[u8]) -> Parsed<'_, Option<u16>> {
    match number_or_dash(input) {
        Ok((rest, None | Some(0 | 9))) => Ok((rest, None)),
        Ok((rest, Some(value))) if value <= 999 => Ok((rest, u16::try_from(value).ok())),
        Ok(_) => stop(input, Reason::Status),
        Err(_) if input.is_empty() => stop(input, Reason::Truncated),
        Err(_) => stop(input, Reason::Status),
    }
}

/// Digits or `-`.
#[inline]
pub(crate) fn number_or_dash(input: &[u8]) -> Parsed<'_, Option<u64>> {
    match plain_size(input) {
        Some((value, rest)) => Ok((rest, value)),
        None => long_number(input),
    }
}

/// `-` or a number as nearly all are, and what follows it.
#[inline(always)]
pub(crate) fn plain_size(input: &[u8]) -> Option<(Option<u64>, &[u8])> {
    if let [b'-', rest @ ..] = input {
        return Some((None, rest));
    }
    let (value, rest) = short_number(input)?;
    Some((Some(value), rest))
}

/// A number of at most seven digits, and what follows it; `None` too where fewer than eight bytes are left.
#[inline(always)]
fn short_number(input: &[u8]) -> Option<(u64, &[u8])> {
    match lanes::digits(*input.first_chunk()?) {
        (count @ 1..8, value) => Some((value, input.get(count..)?)),
        _ => None,
    }
}

/// A number near the end of the line, or of more than seven digits.
#[inline(never)]
fn long_number(input: &[u8]) -> Parsed<'_, Option<u64>> {
    let (mut rest, mut value) = (input, 0_u64);
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = after;
    }
    match input.len() - rest.len() {
        1..LONGEST_NUMBER => Ok((rest, Some(value))),
        0 if input.is_empty() => stop(input, Reason::Truncated),
        // Twenty digits may be too many for 64 bits.
        digits => match input.get(..digits).and_then(crate::memo::decimal) {
            Some(value) => Ok((rest, Some(value))),
            None => stop(input, Reason::Number),
        },
    }
}

/// Seconds with a fraction (`0.004`) as nanoseconds; `-` is none.
pub(crate) fn seconds_ns(input: &[u8]) -> Parsed<'_, Option<u64>> {
    let (rest, text) = last_word(input)?;
    if text == b"-" {
        return Ok((rest, None));
    }
    match nanos_of_seconds(text) {
        Some(nanos) => Ok((rest, Some(nanos))),
        None => stop(input, Reason::Number),
    }
}

/// `1.250` seconds → 1,250,000,000; `None` when it is no such number.
pub(crate) fn nanos_of_seconds(text: &[u8]) -> Option<u64> {
    let at = memchr::memchr(b'.', text).unwrap_or(text.len());
    let (whole, fraction) = text.split_at_checked(at)?;
    let secs = crate::memo::decimal(whole)?.checked_mul(1_000_000_000)?;
    let Some((_, digits)) = fraction.split_first() else {
        return Some(secs);
    };
    let digits = digits.get(..9).unwrap_or(digits);
    let scale = 10_u64.checked_pow(9 - u32::try_from(digits.len()).ok()?)?;
    secs.checked_add(crate::memo::decimal(digits)?.checked_mul(scale)?)
}
