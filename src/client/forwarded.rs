//! The `Forwarded` header of RFC 7239: `for=192.0.2.1;proto=https, for="[2001:db8::1]:4711"`.
//!
//! Strict on purpose: a client that opens a quote in its own part could swallow the proxy's part, so a value with any
//! fault anywhere tells nothing.

use std::borrow::Cow;

/// The node of each element's `for`, the right-most first; an element without one gives an empty node. A value that
/// breaks the grammar gives one empty node, which is no address; an empty value gives none.
pub(super) fn nodes_from_right(value: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let nodes = parse(value).unwrap_or_else(|| vec![b"" as &[u8]]);
    nodes.into_iter().rev().map(Cow::Borrowed)
}

fn parse(value: &[u8]) -> Option<Vec<&[u8]>> {
    let mut nodes = Vec::new();
    let mut rest = value.trim_ascii();
    if rest.is_empty() {
        return Some(nodes);
    }
    loop {
        let mut node: &[u8] = b"";
        loop {
            let (name, text, after) = pair(rest)?;
            if name.eq_ignore_ascii_case(b"for") {
                if !node.is_empty() {
                    return None;
                }
                node = text;
            }
            rest = after.trim_ascii_start();
            match rest.split_first() {
                Some((b';', after)) => rest = after.trim_ascii_start(),
                _ => break,
            }
        }
        nodes.push(node);
        match rest.split_first() {
            None => return Some(nodes),
            Some((b',', after)) => rest = after.trim_ascii_start(),
            Some(_) => return None,
        }
    }
}

/// `name=value` in front, the value unquoted, and what follows.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = token(text)?;
    let rest = rest.strip_prefix(b"=")?;
    let (value, after) = match rest.strip_prefix(b"\"") {
        Some(quoted) => until_quote(quoted)?,
        None => token(rest)?,
    };
    Some((name, value, after))
}

/// Up to the closing quote; a backslash takes the next byte with it.
fn until_quote(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some((text.get(..at)?, text.get(at + 1..)?)),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// An RFC 9110 token, and for tolerance the `:` and brackets that many proxies leave unquoted in `for`.
fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text
        .iter()
        .position(|&b| !(b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:[]".contains(&b)))
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(value: &str) -> Vec<String> {
        nodes_from_right(value.as_bytes())
            .map(|node| String::from_utf8(node.into_owned()).unwrap())
            .collect()
    }

    #[test]
    fn elements_from_the_right() {
        assert_eq!(nodes("for=192.0.2.1"), ["192.0.2.1"]);
        assert_eq!(
            nodes(
                r#"For="[2001:db8::1]:80";proto=http, by=x;FOR=_hidden ,for=unknown;host="a, for=9.9.9.9""#
            ),
            ["unknown", "_hidden", "[2001:db8::1]:80"]
        );
        assert_eq!(nodes("proto=https"), [""]);
        assert_eq!(nodes("  "), Vec::<String>::new());
    }

    #[test]
    fn one_fault_spoils_the_whole_value() {
        for value in [
            r#"for=", for=192.0.2.1"#,
            r#"for=", for=192.0.2.1;host=",for=9.9.9.9,x=""#,
            "for=1.1.1.1 for=2.2.2.2",
            "for=1.1.1.1;for=2.2.2.2",
            "for=1.1.1.1,,for=2.2.2.2",
            "for=",
            "1.1.1.1",
            r#"for="1.1.1.1\"#,
        ] {
            assert_eq!(nodes(value), [""], "{value}");
        }
    }
}
