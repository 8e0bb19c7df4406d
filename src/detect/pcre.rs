//! Translation of regular expressions as rule authors write them (PCRE, Python) to the syntax of the regex crate.
//!
//! Both agree on nearly everything. What differs and means the same is rewritten: a `{` that begins no repetition, a
//! `[` inside a class, `\/`-like needless escapes, `\h`, `\e`, `\Z`. What the engine cannot do in linear time
//! (look-around, back-references, possessive and atomic groups, recursion) is refused by name.

/// Rewrites one expression.
///
/// # Errors
/// Names the construct that is not supported, and where it stands: first byte and length.
pub fn translate(pattern: &str) -> Result<String, (String, usize, usize)> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    while !rest.is_empty() {
        let at = pattern.len() - rest.len();
        let used = part(rest, &mut out).map_err(|reason| (reason, at, construct(rest)))?;
        rest = rest.get(used..).unwrap_or_default();
    }
    Ok(out)
}

/// Where in an expression began what stands at a byte of its translation. Only a message asks for it.
pub fn origin(pattern: &str, at: usize) -> usize {
    let (mut out, mut rest, mut began) = (String::new(), pattern, 0);
    while !rest.is_empty() && out.len() <= at {
        began = pattern.len() - rest.len();
        let used = part(rest, &mut out).unwrap_or(rest.len());
        rest = rest.get(used..).unwrap_or_default();
    }
    began
}

/// Translates what stands at the front; gives its length.
fn part(rest: &str, out: &mut String) -> Result<usize, String> {
    match rest.chars().next().unwrap_or_default() {
        '\\' => escape(rest, false, out),
        '[' => class(rest, out),
        '(' => group(rest, out),
        '{' => Ok(brace(rest, out)),
        '*' | '+' | '?' | '}' if possessive(out, rest) => {
            Err("possessive quantifiers are not supported; write the plain one".to_owned())
        }
        other => {
            out.push(other);
            Ok(other.len_utf8())
        }
    }
}

/// How much of the text at the front to point at.
fn construct(rest: &str) -> usize {
    match rest.starts_with('(') {
        true => rest
            .bytes()
            .take(4)
            .take_while(|byte| b"(?<=!>|".contains(byte))
            .count(),
        false if rest.starts_with('[') => 1,
        false => rest.chars().take(2).map(char::len_utf8).sum(),
    }
}

/// Whether a quantifier is followed by `+`.
fn possessive(out: &str, rest: &str) -> bool {
    rest.get(1..).is_some_and(|after| after.starts_with('+')) && !out.is_empty() && !rest.starts_with('}')
}

/// Copies an escape; gives its length.
fn escape(rest: &str, in_class: bool, out: &mut String) -> Result<usize, String> {
    let Some(letter) = rest.chars().nth(1) else {
        return Err("ends in a lone back-slash".to_owned());
    };
    if "pPxuU".contains(letter) && rest.get(2..).is_some_and(|rest| rest.starts_with('{')) {
        let end = rest.find('}').ok_or("a `{` is not closed")?;
        let name = rest.get(..=end).unwrap_or_default();
        out.push_str(name);
        return Ok(name.len());
    }
    let plain = match letter {
        '1'..='9' if !in_class => return Err(format!("the back-reference `\\{letter}` is not supported")),
        'k' | 'g' => return Err(format!("the back-reference `\\{letter}` is not supported")),
        'G' | 'K' | 'R' | 'X' | 'C' | 'N' => return Err(format!("`\\{letter}` is not supported")),
        'h' if in_class => " \\t",
        'h' => "[ \\t]",
        'H' if !in_class => "[^ \\t]",
        'e' => "\\x1b",
        'Z' if !in_class => "\\z",
        'Q' | 'E' => return Err("quoting with `\\Q` is not supported; escape each character".to_owned()),
        '0' => "\\x00",
        '<' => "<",
        '>' => ">",
        '_' => "_",
        '\'' => "'",
        '"' => "\"",
        ' ' => " ",
        _ => "",
    };
    match plain {
        "" => {
            out.push('\\');
            out.push(letter);
        }
        text => out.push_str(text),
    }
    Ok(1 + letter.len_utf8())
}

/// Copies a class, with what the regex crate gives a meaning of its own escaped; gives its length.
fn class(rest: &str, out: &mut String) -> Result<usize, String> {
    let mut at = 1;
    out.push('[');
    if rest.get(at..).is_some_and(|rest| rest.starts_with('^')) {
        out.push('^');
        at += 1;
    }
    let start = at;
    while let Some(letter) = rest.get(at..).and_then(|rest| rest.chars().next()) {
        let here = rest.get(at..).unwrap_or_default();
        match letter {
            ']' if at > start => {
                out.push(']');
                return Ok(at + 1);
            }
            ']' => out.push_str("\\]"),
            '\\' => {
                at += escape(here, true, out)?;
                continue;
            }
            '[' => match posix(here) {
                Some(name) => {
                    out.push_str(name);
                    at += name.len();
                    continue;
                }
                None => out.push_str("\\["),
            },
            '&' | '~' => {
                out.push('\\');
                out.push(letter);
            }
            '-' if here.starts_with("--") => out.push_str("\\-"),
            other => out.push(other),
        }
        at += letter.len_utf8();
    }
    Err("a `[` is not closed".to_owned())
}

/// A POSIX class such as `[:alpha:]` at the front.
fn posix(text: &str) -> Option<&str> {
    let end = text.strip_prefix("[:")?.find(":]")?;
    let name = text.get(..end + 4)?;
    name.bytes()
        .all(|byte| byte.is_ascii_lowercase() || b"[:^]".contains(&byte))
        .then_some(name)
}

/// Copies what opens a group; gives its length.
fn group(rest: &str, out: &mut String) -> Result<usize, String> {
    for (opening, what) in [
        ("(?=", "look-around `(?=`"),
        ("(?!", "look-around `(?!`"),
        ("(?<=", "look-around `(?<=`"),
        ("(?<!", "look-around `(?<!`"),
        ("(?>", "the atomic group `(?>`"),
        ("(?P=", "a back-reference"),
        ("(?P>", "recursion"),
        ("(?R", "recursion"),
        ("(?(", "a conditional group"),
        ("(?|", "the branch reset `(?|`"),
        ("(*", "a control verb"),
    ] {
        if rest.starts_with(opening) {
            return Err(format!(
                "{what} is not supported, since it cannot be matched in linear time"
            ));
        }
    }
    if let Some(comment) = rest.strip_prefix("(?#") {
        return Ok(3 + comment.find(')').map_or(comment.len(), |end| end + 1));
    }
    out.push('(');
    Ok(1)
}

/// Copies a `{`: as it is when it begins a repetition, else as the character; gives its length.
fn brace(rest: &str, out: &mut String) -> usize {
    const LONGEST: usize = 24;
    let end = rest.bytes().take(LONGEST).position(|byte| byte == b'}');
    let inside = end.and_then(|end| rest.get(1..end)).unwrap_or_default();
    let (low, high) = inside.split_once(',').unwrap_or((inside, "0"));
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let counts = (number(low) && (high.is_empty() || number(high)))
        || (low.is_empty() && number(high) && inside.contains(','));
    match counts && !out.is_empty() {
        true => out.push('{'),
        false => out.push_str("\\{"),
    }
    if counts && !out.is_empty() && low.is_empty() {
        // `{,3}`: Python reads it as up to three.
        out.push('0');
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_rewritten() {
        for (pattern, expected) in [
            ("a/b\\/c", "a/b\\/c"),
            ("x{jndi", "x\\{jndi"),
            ("a{2,}b{3}c{1,2}", "a{2,}b{3}c{1,2}"),
            ("[^[]", "[^\\[]"),
            ("[]a]", "[\\]a]"),
            ("[[:alpha:]_]", "[[:alpha:]_]"),
            ("[a&&b]", "[a\\&\\&b]"),
            ("a\\hb", "a[ \\t]b"),
            ("a(?#note)b", "ab"),
            ("\\<a\\>", "<a>"),
            ("\\p{L}\\x{41}{2}", "\\p{L}\\x{41}{2}"),
        ] {
            assert_eq!(translate(pattern).unwrap(), expected, "{pattern}");
        }
        for pattern in ["(?=a)", "(?<!a)b", "a++", "(?>a)", "\\1", "[a", "\\"] {
            assert!(translate(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_place_in_the_translation_began_with_its_part() {
        // `a(?#note)\\hb{` becomes `a[ \\t]b\\{`.
        let pattern = "a(?#note)\\hb{";
        let began: Vec<usize> = (0..10).map(|at| origin(pattern, at)).collect();
        assert_eq!(began, [0, 9, 9, 9, 9, 9, 11, 12, 12, 12]);
    }

    #[test]
    fn what_comes_out_compiles() {
        for pattern in [
            "x{jndi", "[^[]", "[]a]", "[a&&b]", "a\\hb", "\\<a\\>", "[a--b]", "[\\w.-]+", "{", "${a}",
        ] {
            let translated = translate(pattern).unwrap();
            assert!(regex::bytes::Regex::new(&translated).is_ok(), "{translated}");
        }
    }
}
