//! Formats as a person types or pastes them: still in the quotes of the configuration, or with its backslashes.

use std::borrow::Cow;

/// What nginx makes of a `log_format` as it stands in the configuration: strings in single quotes are joined, and
/// `\"`, `\'`, `\\`, `\t`, `\r` and `\n` are undone. Two strings in double quotes stay as they are: more likely they
/// are two values that the log has in quotes.
pub(crate) fn nginx(text: &str) -> Cow<'_, str> {
    let strings = match strings(text.trim_end().trim_end_matches(';').trim()) {
        Some((_, strings)) if strings.len() == 1 => Some(strings),
        Some((b'\'', strings)) => Some(strings),
        _ => None,
    };
    match strings {
        Some(strings) => Cow::Owned(undone(&strings.concat())),
        None if text.contains('\\') => Cow::Owned(undone(text)),
        None => Cow::Borrowed(text),
    }
}

/// An Apache `LogFormat` without the quotes around it; its backslashes are the format's own.
pub(crate) fn apache(text: &str) -> &str {
    match strings(text.trim()) {
        Some((_, strings)) => match strings[..] {
            [format] => format,
            _ => text,
        },
        None => text,
    }
}

/// The insides of strings in one kind of quotes with white space between them, if the text is nothing else.
fn strings(text: &str) -> Option<(u8, Vec<&str>)> {
    let quote = *text.as_bytes().first().filter(|b| matches!(b, b'"' | b'\''))?;
    let mut strings = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let inside = rest.strip_prefix(char::from(quote))?;
        let end = end(inside, quote)?;
        let (string, after) = inside.split_at_checked(end)?;
        strings.push(string);
        let after = after.get(1..)?;
        rest = after.trim_start();
        if rest.len() == after.len() && !rest.is_empty() {
            return None;
        }
    }
    Some((quote, strings))
}

/// Where a string ends: at the quote that has no backslash before it.
fn end(inside: &str, quote: u8) -> Option<usize> {
    let mut escaped = false;
    inside.bytes().position(|byte| {
        let ends = byte == quote && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// Without nginx's backslashes; before other characters they stay.
fn undone(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some('r')) => out.push('\r'),
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some(c @ ('"' | '\'' | '\\'))) => out.push(c),
            (c, next) => {
                out.push(c);
                out.extend(next);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_configuration_has_around_a_format_goes() {
        for (text, format) in [
            ("$a - $b", "$a - $b"),
            (r"$a\t$b\\\'\d", "$a\t$b\\'\\d"),
            ("'$a - '\n   '$b';", "$a - $b"),
            (r#"'$a "$b"'"#, r#"$a "$b""#),
            (r#""$a \"$b\" 'x'""#, r#"$a "$b" 'x'"#),
            (r#""$a" "$b""#, r#""$a" "$b""#),
            ("'$a' - $b", "'$a' - $b"),
            ("'$a'$b'", "'$a'$b'"),
            ("'", "'"),
            ("", ""),
            (r"$a\", r"$a\"),
        ] {
            assert_eq!(nginx(text), format, "{text}");
        }
        for (text, format) in [
            (r#""%h \"%r\" %s""#, r#"%h \"%r\" %s"#),
            (r#"'%h "%r"'"#, r#"%h "%r""#),
            (r#""%h" "%r""#, r#""%h" "%r""#),
            (r#"%h "%r""#, r#"%h "%r""#),
            ("'", "'"),
        ] {
            assert_eq!(apache(text), format, "{text}");
        }
    }
}
