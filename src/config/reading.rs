//! Reading the configuration file with all its mistakes, each with its line and what was probably meant.
//!
//! A key that is wrong is taken out and the rest is read again, so that one look tells everything. Neither lines nor
//! values are ever shown: they may be keys. Next: [`super::file`].

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

use super::File;
use crate::text::nearest;

/// More mistakes than this are not told.
const MOST: usize = 50;

/// What a file says, as far as it can be read, and every mistake in it.
pub(super) fn read(text: &str) -> (File, Vec<String>) {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    let mut mistakes: Vec<String> = errors.iter().map(|error| fault(text, error)).collect();
    if !mistakes.is_empty() {
        // What can be made of a file that is no TOML is a guess: keys may hang below the wrong heading.
        mistakes.truncate(1);
        return (File::default(), mistakes);
    }
    while mistakes.len() < MOST {
        match File::deserialize(Deserializer::from(table.clone())) {
            Ok(file) => return (file, mistakes),
            Err(error) => {
                mistakes.push(fault(text, &error));
                let taken = error.span().is_some_and(|span| take_out(table.get_mut(), &span));
                if !taken {
                    break;
                }
            }
        }
    }
    (File::default(), mistakes)
}

/// The line of each key of a file: `threads`, `outbox.max_age`.
pub(super) fn lines(text: &str) -> Vec<(String, usize)> {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut all = Vec::new();
    for (key, value) in table.get_ref() {
        let name = key.get_ref().to_string();
        if let DeValue::Table(inner) = value.get_ref() {
            let inner = inner.keys();
            all.extend(inner.map(|key| {
                (
                    format!("{name}.{}", key.get_ref()),
                    line_of(text, key.span().start),
                )
            }));
        }
        all.push((name, line_of(text, key.span().start)));
    }
    all
}

/// Takes the key out in which a mistake is; false when there is none.
fn take_out(table: &mut DeTable<'_>, at: &Range<usize>) -> bool {
    let overlaps = |span: Range<usize>| span.start < at.end && at.start < span.end;
    for (key, value) in table.iter_mut() {
        if overlaps(key.span()) {
            continue;
        }
        if let DeValue::Table(inner) = value.get_mut()
            && take_out(inner, at)
        {
            return true;
        }
    }
    let of_mistake = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        (overlaps(key.span()) || overlaps(value.span())).then(|| key.clone())
    };
    let Some(key) = table.iter().find_map(of_mistake) else {
        return false;
    };
    table.remove(&key);
    true
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + memchr::memchr_iter(b'\n', before).count()
}

/// What is wrong and in which line.
fn fault(text: &str, error: &Error) -> String {
    let place = error
        .span()
        .map(|span| format!("line {}: ", line_of(text, span.start)));
    let message = error.message().lines().next().unwrap_or_default();
    let said = unknown(message).or_else(|| wrong_type(message));
    format!(
        "{}{}",
        place.unwrap_or_default(),
        said.unwrap_or_else(|| message.to_owned())
    )
}

/// A key or a word that is not known, and the nearest that is.
fn unknown(message: &str) -> Option<String> {
    let (what, rest) = match message.strip_prefix("unknown field `") {
        Some(rest) => ("key", rest),
        None => ("word", message.strip_prefix("unknown variant `")?),
    };
    let (name, expected) = rest.split_once('`')?;
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let meant = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("; did you mean `{meant}`?"),
        None => elsewhere(name)
            .filter(|_| what == "key")
            .unwrap_or_else(|| format!(": one of {}", known.join(", "))),
    };
    // A word may be a key that was put in the wrong place.
    let shown = if what == "key" {
        format!(" `{name}`")
    } else {
        String::new()
    };
    Some(format!("unknown {what}{shown}{meant}"))
}

/// A key that stands under another heading.
fn elsewhere(name: &str) -> Option<String> {
    const HEADINGS: [(&str, &str); 12] = [
        ("api_key", "appfirewall] or [onefirewall"),
        ("api_key_file", "appfirewall] or [onefirewall"),
        ("endpoint", "appfirewall"),
        ("end_point", "onefirewall"),
        ("tag", "onefirewall"),
        ("bulk", "onefirewall"),
        ("proxy", "http"),
        ("ca_file", "http"),
        ("max_age", "outbox"),
        ("max_bytes", "outbox"),
        ("secret", "webhook"),
        ("headers", "webhook] or [ecs"),
    ];
    let (_, heading) = HEADINGS.iter().find(|(key, _)| *key == name)?;
    Some(format!(": it belongs below [{heading}]"))
}

fn wrong_type(message: &str) -> Option<String> {
    let value = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))?;
    let kind = value.split([' ', '`']).next()?;
    let expected = value.rsplit_once(", expected")?.1;
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    Some(format!(
        "{article} {kind} is not what belongs here: expected{expected}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_at_once_and_the_rest_is_read() {
        let text = "treads = 3\nformat = 7\nlog_level = \"warning\"\napi_key = \"SECRET\"\nallow = [\"192.0.2.0/24\"]\n\
                    [outbox]\nmax_agee = \"1d\"\nmax_bytes = \"SECRET\"\noverflow = \"block\"\n[appfirewal]\napi_key = \"SECRET\"\n\
                    [[list_source]]\nurl = \"SECRET\"\n";
        let (file, mistakes) = read(text);
        assert_eq!(file.allow, ["192.0.2.0/24"]);
        assert_eq!(file.outbox.overflow.as_deref(), Some("block"));
        let mut sorted = mistakes.clone();
        sorted.sort();
        let all = sorted.join("\n");
        for expected in [
            "line 1: unknown key `treads`; did you mean `threads`?",
            "line 2: an integer is not what belongs here: expected a string",
            "line 3: unknown word; did you mean `warn`?",
            "line 4: unknown key `api_key`: it belongs below [appfirewall] or [onefirewall]",
            "line 7: unknown key `max_agee`; did you mean `max_age`?",
            "line 8: a string is not what belongs here: expected u64",
            "line 10: unknown key `appfirewal`; did you mean `appfirewall`?",
            "line 12: missing field `name`",
        ] {
            assert!(all.contains(expected), "{expected}\n--\n{all}");
        }
        assert_eq!(mistakes.len(), 8, "{all}");
        assert!(!all.contains("SECRET"), "{all}");
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        let (_, mistakes) = read("threads = 2\nallow = [\"SECRET\n");
        assert_eq!(mistakes.len(), 1);
        assert!(
            mistakes[0].starts_with("line 2: ") && !mistakes[0].contains("SECRET"),
            "{mistakes:?}"
        );
    }

    #[test]
    fn keys_know_their_lines() {
        let lines = lines("a = 1\n\n[outbox]\n# x\nmax_age = \"1d\"\n");
        assert!(lines.contains(&("a".to_owned(), 1)), "{lines:?}");
        assert!(lines.contains(&("outbox.max_age".to_owned(), 5)), "{lines:?}");
    }
}
