//! Lua in an nginx configuration (OpenResty): only where a block of it ends.

/// Length of a block whose opening brace is already read, with the brace that closes it; `None` if nothing does.
/// Braces in strings and comments do not count, as OpenResty's own lexer has it.
pub(super) fn block(text: &[u8]) -> Option<usize> {
    let mut depth = 1_usize;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let rest = text.get(at..)?;
        at += match byte {
            b'"' | b'\'' => short_string(rest, byte),
            b'[' => long_bracket(rest).unwrap_or(1),
            b'-' if rest.starts_with(b"--") => comment(rest),
            b'{' => {
                depth += 1;
                1
            }
            b'}' => {
                depth -= 1;
                1
            }
            _ => 1,
        };
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// `'…'` or `"…"`: a backslash hides what follows it, a line end is the end of a string that is none.
fn short_string(text: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        at += if byte == b'\\' { 2 } else { 1 };
        if byte == quote || byte == b'\n' {
            break;
        }
    }
    at.min(text.len())
}

/// `-- …` to the end of the line, or `--[[ … ]]`.
fn comment(text: &[u8]) -> usize {
    let long = text.get(2..).and_then(long_bracket);
    let to_line_end = || memchr::memchr(b'\n', text).unwrap_or(text.len());
    long.map_or_else(to_line_end, |length| length + 2)
}

/// `[[ … ]]`, `[=[ … ]=]`, of any number of `=`; to the end where it is not closed.
fn long_bracket(text: &[u8]) -> Option<usize> {
    let level = text.iter().skip(1).take_while(|byte| **byte == b'=').count();
    if text.first() != Some(&b'[') || text.get(level + 1) != Some(&b'[') {
        return None;
    }
    let mut close = vec![b'='; level + 2];
    close[0] = b']';
    close[level + 1] = b']';
    let from = level + 2;
    let found = memchr::memmem::find(text.get(from..)?, &close);
    Some(found.map_or(text.len(), |found| from + found + close.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_at_its_own_brace() {
        for block_text in [
            r#"return "a{" }"#,
            r"return 'it\'s {' }",
            "-- it's {\n}",
            "--[[ { \n \"{ ]] }",
            "x = [==[ ]] { ]=] ]==] }",
            "t = a[b[1]] if x then { } end }",
            "'not closed {\n}",
        ] {
            let text = format!("{block_text} access_log x {{ }}");
            assert_eq!(block(text.as_bytes()), Some(block_text.len()), "{block_text}");
        }
        for text in ["{}", "\"}", "[[}", "--}", "[===", "'\\", ""] {
            assert_eq!(block(text.as_bytes()), None, "{text}");
        }
    }
}
