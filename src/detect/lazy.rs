//! Running one test on one text: what the compiled engine and the plain evaluator share, so that a test means one
//! thing.

use super::expr::{Anchor, Test, TimePart};
use super::fields::{self, Field};
use super::pattern::Pattern;
use crate::event::Event;

/// Whether a test holds for a value; `None` is an absent one.
pub(super) fn holds(test: &Test, value: Option<&[u8]>, event: &Event<'_, '_>) -> bool {
    let Some(text) = value else {
        return *test == Test::Empty;
    };
    match test {
        Test::Pattern { pattern, cased } => pattern.matches(text, *cased),
        Test::Regex(regex) => regex.is_match(text),
        Test::Network(network) => fields::address(text).is_some_and(|address| network.contains(address)),
        Test::Present => true,
        Test::Empty => text.is_empty(),
        Test::Compare(order, limit) => number(text).is_some_and(|number| order.holds(number, *limit)),
        Test::SameAs { field, anchor, cased } => {
            fields::any_value(event, field, |other| compares(text, other, *anchor, *cased))
        }
        Test::TimePart(part, wanted) => part_of(event, *part) == Some(*wanted),
    }
}

fn compares(text: &[u8], other: &[u8], anchor: Anchor, cased: bool) -> bool {
    let pattern = Pattern::literal(other).open(
        matches!(anchor, Anchor::End | Anchor::Anywhere),
        matches!(anchor, Anchor::Start | Anchor::Anywhere),
    );
    pattern.matches(text, cased)
}

fn part_of(event: &Event<'_, '_>, part: TimePart) -> Option<i64> {
    event.record.time.map(|time| part.of(time))
}

/// A number as logs write it.
fn number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// Calls `each` with the values of a line that keywords search, but for target, referrer and agent, until it says true.
pub(super) fn any_rest(event: &Event<'_, '_>, mut each: impl FnMut(&[u8]) -> bool) -> bool {
    const FIELDS: [Field; 10] = [
        Field::Method,
        Field::Status,
        Field::Host,
        Field::Client,
        Field::Peer,
        Field::User,
        Field::Protocol,
        Field::ResponseBytes,
        Field::BodyBytes,
        Field::Country,
    ];
    for field in &FIELDS {
        if fields::text(event, field).is_some_and(|text| each(&text)) {
            return true;
        }
    }
    let more = &event.record.more;
    if !more.used {
        return false;
    }
    let typed = [
        &more.scheme,
        &more.ja3,
        &more.ja4,
        &more.request_id,
        &more.action,
        &more.tls_server_name,
        &more.tls_version,
        &more.tls_cipher,
    ];
    typed.into_iter().flatten().any(|value| each(value))
        || more.headers.iter().any(|(_, value)| each(value))
        || more.extra.iter().any(|(_, value)| each(value))
}
