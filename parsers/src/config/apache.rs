//! `httpd.conf`: Apache's lines, continuations and quoting, and the directives about logs.

use crate::config::{ConfigError, Directive, Located, Target};
use crate::unescape::Escape;

/// The directives about logs in one file, in order.
///
/// # Errors
/// A quoted argument that does not end.
pub fn directives(text: &str) -> Result<Vec<Located>, ConfigError> {
    let mut found = Vec::new();
    let (mut host, mut hosts) = (0, 0);
    for (line, content) in logical_lines(text) {
        let content = content.trim();
        let name = content
            .split(|c: char| c.is_whitespace() || c == '>')
            .next()
            .unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "" => continue,
            comment if comment.starts_with('#') => continue,
            "<virtualhost" => {
                hosts += 1;
                host = hosts;
            }
            "</virtualhost" => host = 0,
            "logformat" | "transferlog" | "customlog" | "globallog" | "include" | "includeoptional"
            | "define" | "serverroot" => {
                let words = arguments(content.get(name.len()..).unwrap_or_default()).ok_or(ConfigError {
                    message: "a quoted argument does not end",
                    line,
                })?;
                if let Some(directive) = directive(&name.to_ascii_lowercase(), &words) {
                    found.push(Located {
                        directive,
                        line,
                        host,
                        file: 0,
                    });
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Lines with their number, those that end in a backslash joined with the next.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let (content, continues) = match line.strip_suffix('\\') {
            Some(content) => (content, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some((_, joined)) if open => joined.push_str(content),
            _ => lines.push((index + 1, content.to_owned())),
        }
        open = continues;
    }
    lines
}

/// Words, or text in single or double quotes, where a backslash makes the quote and itself.
fn arguments(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let quote = matches!(first, '"' | '\'').then_some(first);
        let (word, after) = argument(rest.get(quote.map_or(0, char::len_utf8)..)?, quote)?;
        words.push(word);
        rest = after.trim_start();
    }
    Some(words)
}

fn argument(text: &str, quote: Option<char>) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.clone().next() {
                Some((_, next)) if next == '\\' || Some(next) == quote => {
                    word.push(next);
                    chars.next();
                }
                _ => word.push('\\'),
            },
            c if Some(c) == quote => return Some((word, text.get(at + c.len_utf8()..)?)),
            c if quote.is_none() && c.is_whitespace() => return Some((word, text.get(at..)?)),
            c => word.push(c),
        }
    }
    quote.is_none().then_some((word, ""))
}

fn directive(name: &str, words: &[String]) -> Option<Directive> {
    let (first, rest) = words.split_first()?;
    Some(match name {
        "logformat" => Directive::Format {
            name: rest.first().cloned(),
            escape: Escape::Apache,
            text: first.clone(),
        },
        "transferlog" => Directive::Log {
            target: target(first),
            format: None,
            conditional: false,
        },
        "customlog" | "globallog" => {
            let is_condition = |word: &&String| word.starts_with("env=") || word.starts_with("expr=");
            Directive::Log {
                target: target(first),
                format: rest.first().filter(|word| !is_condition(word)).cloned(),
                conditional: rest.iter().any(|word| is_condition(&word)),
            }
        }
        "include" => Directive::Include {
            pattern: first.clone(),
            optional: first.contains(['*', '?', '[']),
        },
        "includeoptional" => Directive::Include {
            pattern: first.clone(),
            optional: true,
        },
        "define" => Directive::Define {
            name: first.clone(),
            value: rest.first().cloned().unwrap_or_default(),
        },
        _ => Directive::Root { path: first.clone() },
    })
}

/// `|prog`, `||prog`, `syslog:…` or a file.
fn target(text: &str) -> Target {
    if let Some(program) = text.strip_prefix('|') {
        return Target::Pipe(program.trim_start_matches(['|', '$']).to_owned());
    }
    if text.starts_with("syslog") && !text.starts_with("syslog/") {
        return Target::Syslog(text.to_owned());
    }
    Target::File(text.to_owned())
}
