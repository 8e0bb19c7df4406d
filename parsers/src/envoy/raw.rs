//! Lines of Envoy in which a client's quotes stand, since Envoy escapes nothing.
//!
//! Such a line is divided by what the client cannot choose: the numbers behind the request, and the request id, the
//! authority and the upstream behind the agent. In Envoy's own format the peer is the end of a header, so a line that
//! could be divided otherwise, with another peer, is refused.

use crate::address::{self, last_entry};
use crate::request;

use super::{Counts, Entry, Values, counts};

/// So many divisions are looked at; a line of more is made to have them.
const MOST_DIVISIONS: usize = 4;

/// More quoted values than this stand in no line that is meant well.
const MOST_PIECES: usize = 32;

/// The one division of what follows the time.
pub(super) fn entry(input: &[u8]) -> Option<Entry<'_>> {
    let inside = input.strip_prefix(b"\"")?;
    let mut found: Option<Entry<'_>> = None;
    let mut tried = 0;
    for at in memchr::memchr_iter(b'"', inside) {
        let Some((asked, counts, values)) = at_quote(inside, at) else {
            continue;
        };
        tried += 1;
        if tried > MOST_DIVISIONS {
            return None;
        }
        match (divide(asked, counts, values), &found) {
            (Divided::Never, _) => {}
            (Divided::Once(entry), None) => found = Some(entry),
            (Divided::Once(entry), Some(first))
                if last_entry(entry.values[0]) == last_entry(first.values[0]) => {}
            _ => return None,
        }
    }
    found
}

/// A request, the counts behind it, and what follows them, if the request ends at this quote.
fn at_quote(inside: &[u8], quote: usize) -> Option<(&[u8], Counts<'_>, &[u8])> {
    let (asked, rest) = inside.split_at_checked(quote)?;
    let (rest, counts) = counts(rest.get(1..)?).ok()?;
    let request = asked.starts_with(b"- ") || request::is_whole(asked);
    let values = rest.strip_prefix(b" \"").filter(|_| request)?;
    Some((asked, counts, values))
}

/// In how many ways values can be told apart.
enum Divided<'a> {
    Never,
    Once(Entry<'a>),
    /// With another address at the end of the forwarding header each.
    Often,
}

/// Divides the quoted values behind their first quote.
fn divide<'a>(asked: &'a [u8], counts: Counts<'a>, text: &'a [u8]) -> Divided<'a> {
    let Some((inside, rest)) =
        memchr::memrchr(b'"', text).and_then(|end| Some((text.get(..end)?, text.get(end + 1..)?)))
    else {
        return Divided::Never;
    };
    if !(rest.is_empty() || rest.starts_with(b" ")) || is_of_other_words(inside, rest) {
        return Divided::Never;
    }
    match values(inside, !rest.is_empty()) {
        Ok(Some(values)) => Divided::Once(Entry {
            asked,
            counts,
            values,
            rest,
        }),
        Ok(None) => Divided::Never,
        Err(Ambiguous) => Divided::Often,
    }
}

/// More than one address could be the peer's.
struct Ambiguous;

/// The five values. The last three hold no quotes, and only the authority spaces; between the first two, the forwarding header ends
/// where an address does.
fn values(inside: &[u8], istio: bool) -> Result<Option<Values<'_>>, Ambiguous> {
    let ends: Vec<usize> = memchr::memmem::find_iter(inside, b"\" \"")
        .take(MOST_PIECES)
        .collect();
    let piece = |from: usize, to: usize| {
        let begin = from
            .checked_sub(1)
            .map_or(Some(0), |at| Some(ends.get(at)? + 3))?;
        inside.get(begin..*ends.get(to).unwrap_or(&inside.len()))
    };
    let Some(last) = ends.len().checked_sub(4).filter(|_| ends.len() < MOST_PIECES) else {
        return Ok(None);
    };
    let mut found: Option<(usize, &[u8])> = None;
    for end in 0..=last {
        let Some(forwarded) =
            piece(0, end).filter(|text| *text == b"-" || address::ip(last_entry(text)).is_some())
        else {
            continue;
        };
        match found {
            Some((_, first)) if last_entry(first) != last_entry(forwarded) => return Err(Ambiguous),
            Some(_) => {}
            None => found = Some((end, forwarded)),
        }
    }
    // At the edge Envoy writes an address there; behind Istio's words the header need not end in one.
    let Some((end, forwarded)) = found.or_else(|| Some((0, piece(0, 0)?)).filter(|_| istio)) else {
        return Ok(None);
    };
    let all = || {
        let [id, authority, upstream] = [last + 2, last + 3, last + 4].map(|at| piece(at, at));
        let (id, authority, upstream) = (word(id?)?, unquoted(authority?)?, word(upstream?)?);
        let agent = piece(end + 1, last + 1)?;
        (last == 0 || is_uuid(id)).then_some([forwarded, agent, id, authority, upstream])
    };
    Ok(all())
}

/// A text that the client cannot have broken.
fn word(text: &[u8]) -> Option<&[u8]> {
    unquoted(text).filter(|text| memchr::memchr(b' ', text).is_none())
}

/// A text that ends nothing: the authority, which the client writes, may hold spaces.
fn unquoted(text: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b'"', text).is_none().then_some(text)
}

/// An id as Envoy makes it: more values than five are the agent's only if it stands in its place.
fn is_uuid(text: &[u8]) -> bool {
    let fits = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.iter().enumerate().all(fits)
}

/// Whether words as Istio's, but with another peer, stand inside of the values.
fn is_of_other_words(inside: &[u8], rest: &[u8]) -> bool {
    let remote = |words: &'_ [u8]| words.split(|&b| b == b' ').nth(3).and_then(address::ip);
    let own = remote(rest.trim_ascii_start());
    !rest.is_empty()
        && memchr::memmem::find_iter(inside, b"\" ").any(|at| {
            let other = inside.get(at + 2..).and_then(remote);
            other.is_some() && other != own
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "84961386-6d84-929d-98bd-c5aee93b5c88";

    fn read(values: &str) -> Option<Values<'_>> {
        entry(values.as_bytes()).map(|entry| entry.values)
    }

    #[test]
    fn quotes_of_a_client_end_nothing() {
        for agent in [
            "sqlmap\"1",
            "\"",
            "a\" b",
            "\"\"x",
            "a\" \"b",
            "x\" \"203.0.113.99",
        ] {
            let line = format!(
                r#""GET /a"b HTTP/1.1" 404 - 0 5 10 9 "192.0.2.7" "{agent}" "{ID}" "h" "10.0.0.9:80""#
            );
            let values = read(&line).unwrap();
            assert_eq!(
                values[..3],
                [b"192.0.2.7", agent.as_bytes(), ID.as_bytes()],
                "{line}"
            );
            assert_eq!(entry(line.as_bytes()).unwrap().asked, b"GET /a\"b HTTP/1.1");
            let line = format!("{line} inbound|80|| 127.0.0.1:4 10.0.0.1:80 192.0.2.7:37652 x default");
            assert_eq!(read(&line).unwrap()[1], agent.as_bytes(), "{line}");
        }
    }

    #[test]
    fn an_authority_may_hold_spaces() {
        let line = |authority: &str| {
            format!(r#""GET /a HTTP/1.1" 404 - 0 5 10 9 "192.0.2.7" "cu"rl" "{ID}" "{authority}" "-""#)
        };
        let read =
            |line: &str| entry(line.as_bytes()).map(|entry| [entry.values[0].len(), entry.values[3].len()]);
        assert_eq!(read(&line("h h")), Some([9, 3]));
        assert_eq!(read(&line("h\" \"h")), None);
    }

    #[test]
    fn two_peers_are_none() {
        for (forwarded, agent, rest) in [
            ("203.0.113.99\" \"x, 192.0.2.7", "x", ""),
            ("192.0.2.7", "x, 203.0.113.99\" \"y", ""),
            ("-", "x, 203.0.113.99\" \"y", ""),
            ("192.0.2.7", "x HTTP/1.1\" 200 - 0 0 0 0 \"203.0.113.99\" \"y", ""),
            (
                "-",
                "x\" \"i\" \"h\" \"1.1.1.1:80\" out 10.0.0.2:1 10.0.0.3:80 203.0.113.99:5 s default",
                " out 10.0.0.2:1 10.0.0.3:80 192.0.2.7:5 s default",
            ),
            ("192.0.2.7", "x", " \"more\""),
        ] {
            let line = format!(
                r#""GET /a HTTP/1.1" 404 - 0 5 10 9 "{forwarded}" "{agent}" "{ID}" "h" "10.0.0.9:80"{rest}"#
            );
            assert_eq!(read(&line), None, "{line}");
        }
    }

    #[test]
    fn many_quotes_cost_little() {
        for piece in [
            "\"",
            "\" \"",
            "\" 2 - 0 0 0 0 \"x\" HTTP/1.1",
            " HTTP/1.1\" 2 - 0 0 0 0 \"",
            "\" 2 ",
        ] {
            let line = format!("\"GET /{}", piece.repeat(100_000));
            assert_eq!(read(&line), None);
        }
    }
}
