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

/// What is wrong and in which line, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub line: usize,
    pub what: String,
}

/// What a file says, as far as it can be read, and every mistake in it.
pub(super) fn read(text: &str) -> (File, Vec<Mistake>) {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if let Some(error) = errors.first() {
        // What can be made of a file that is no TOML is a guess: keys may hang below the wrong heading.
        return (File::default(), vec![fault(text, error, "")]);
    }
    let mut mistakes = Vec::new();
    while mistakes.len() < MOST {
        match File::deserialize(Deserializer::from(table.clone())) {
            Ok(file) => return (file, mistakes),
            Err(error) => {
                let taken = error.span().and_then(|span| take_out(table.get_mut(), &span));
                mistakes.push(fault(text, &error, taken.as_deref().unwrap_or_default()));
                if taken.is_none() {
                    break;
                }
            }
        }
    }
    (File::default(), mistakes)
}

/// The line of each key of a file, `threads`, `outbox.max_age`, and of each text in a list, `allow=192.0.2.0/24`.
pub(super) fn lines(text: &str) -> Vec<(String, usize)> {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut all = Vec::new();
    for (key, value) in table.get_ref() {
        let name = key.get_ref().to_string();
        match value.get_ref() {
            DeValue::Table(inner) => all.extend(inner.keys().map(|key| {
                let line = line_of(text, key.span().start);
                (format!("{name}.{}", key.get_ref()), line)
            })),
            DeValue::Array(items) => all.extend(items.iter().filter_map(|item| {
                let line = line_of(text, item.span().start);
                Some((format!("{name}={}", named(item.get_ref())?), line))
            })),
            _ => {}
        }
        all.push((name, line_of(text, key.span().start)));
    }
    all
}

/// A text, or the name of a block.
fn named<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    match value {
        DeValue::String(text) => Some(text),
        DeValue::Table(block) => block.get("name").and_then(|name| name.get_ref().as_str()),
        _ => None,
    }
}

/// Takes the key out in which a mistake is, and says which; none when there is none.
fn take_out(table: &mut DeTable<'_>, at: &Range<usize>) -> Option<String> {
    let overlaps = |span: Range<usize>| span.start < at.end && at.start < span.end;
    for (key, value) in table.iter_mut() {
        if overlaps(key.span()) {
            continue;
        }
        if let DeValue::Table(inner) = value.get_mut()
            && let Some(taken) = take_out(inner, at)
        {
            return Some(format!("{}.{taken}", key.get_ref()));
        }
    }
    let of_mistake = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        (overlaps(key.span()) || overlaps(value.span())).then(|| key.clone())
    };
    let key = table.iter().find_map(of_mistake)?;
    table.remove(&key);
    Some(key.get_ref().to_string())
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + memchr::memchr_iter(b'\n', before).count()
}

/// What is wrong with a key; of a file that is no TOML, which has none.
fn fault(text: &str, error: &Error, key: &str) -> Mistake {
    let span = error.span().unwrap_or_default();
    let message = error.message().lines().next().unwrap_or_default();
    let prefix = if key.is_empty() {
        String::new()
    } else {
        format!("{key}: ")
    };
    let what = match unknown(message) {
        Some(said) if said.starts_with("unknown key") => said,
        Some(said) => prefix + &said,
        None if message == "duplicate key" => twice(text.get(span.clone()).unwrap_or_default()),
        None => prefix + &wanted(message, key).unwrap_or_else(|| message.to_owned()),
    };
    Mistake {
        line: line_of(text, span.start),
        what,
    }
}

/// A key that stands a second time. What is no plain key is not shown.
fn twice(key: &str) -> String {
    let is_plain = key
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let key = if is_plain { key } else { "this key" };
    format!("{key}: stands here a second time")
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

/// What kind of value is wanted, in plain words.
fn wanted(message: &str, key: &str) -> Option<String> {
    if let Some(field) = message.strip_prefix("missing field ") {
        return Some(format!("{field} is missing"));
    }
    if message.ends_with("enum AccountId") {
        return Some("a number is wanted, or text in quotes".to_owned());
    }
    let expected = message.rsplit_once("expected ").map(|(_, expected)| expected);
    Some(
        match expected.unwrap_or(message) {
            "a sequence" => return Some(list(key)),
            "a boolean" => "true or false is wanted",
            "f64" => "a number is wanted",
            "u16" => "a whole number from 0 to 65535 is wanted",
            "usize" | "u64" | "u32" => "a whole number of 0 or more is wanted",
            "a map" => return Some(format!("a section is wanted: [{key}]")),
            section if section.starts_with("struct ") => {
                return Some(format!("a section is wanted: [{key}]"));
            }
            text if text.contains("string") => "text is wanted, in quotes",
            _ => return None,
        }
        .to_owned(),
    )
}

/// That a list is wanted, and how one looks.
fn list(key: &str) -> String {
    let example = match key {
        "list_source" => return "a block of its own is wanted: [[list_source]]".to_owned(),
        "onefirewall.statuses" => "[401, 403]",
        "sink" => "[\"file:x\"]",
        "trusted_proxy" | "allow" => "[\"192.0.2.0/24\"]",
        "class" => "[\"exploit\"]",
        "host" | "own_hosts" => "[\"www.example.org\"]",
        "list" => "[\"tor=/etc/afw/tor.txt\"]",
        "maxmind.editions" => "[\"GeoLite2-ASN\"]",
        _ => "[\"/path/to/it\"]",
    };
    format!("a list is wanted, as in {example}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(mistakes: &[Mistake]) -> String {
        let line = |mistake: &Mistake| format!("{}: {}\n", mistake.line, mistake.what);
        mistakes.iter().map(line).collect()
    }

    #[test]
    fn each_kind_of_value_that_is_wanted_is_told_in_plain_words() {
        for (text, expected) in [
            ("metrics = 9186", "metrics: text is wanted, in quotes"),
            ("min_confidence = \"high\"", "min_confidence: a number is wanted"),
            ("threads = -1", "threads: a whole number of 0 or more is wanted"),
            (
                "host = \"a\"",
                "host: a list is wanted, as in [\"www.example.org\"]",
            ),
            ("sink = \"file:x\"", "sink: a list is wanted, as in [\"file:x\"]"),
            ("sink = [5]", "sink: text is wanted, in quotes"),
            ("state_dir = 5", "state_dir: text is wanted, in quotes"),
            ("print = 5", "print: text is wanted, in quotes"),
            ("dns = \"no\"", "dns: true or false is wanted"),
            ("outbox = 3", "outbox: a section is wanted: [outbox]"),
            (
                "list_source = 3",
                "list_source: a block of its own is wanted: [[list_source]]",
            ),
            (
                "onefirewall.statuses = [70000]",
                "onefirewall.statuses: a whole number from 0 to 65535 is wanted",
            ),
            (
                "webhook.headers = 3",
                "webhook.headers: a section is wanted: [webhook.headers]",
            ),
            (
                "maxmind.account_id = true",
                "maxmind.account_id: a number is wanted, or text in quotes",
            ),
            ("allow = []\nallow = []", "allow: stands here a second time"),
        ] {
            let (_, mistakes) = read(text);
            assert_eq!(
                mistakes.first().map(|one| one.what.as_str()),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn every_mistake_is_told_at_once_and_the_rest_is_read() {
        let text = "treads = 3\nformat = 7\nlog_level = \"warning\"\napi_key = \"SECRET\"\nallow = [\"192.0.2.0/24\"]\n\
                    [outbox]\nmax_agee = \"1d\"\nmax_bytes = \"SECRET\"\noverflow = \"block\"\n[appfirewal]\napi_key = \"SECRET\"\n\
                    [[list_source]]\nurl = \"SECRET\"\n";
        let (file, mistakes) = read(text);
        assert_eq!(file.allow, ["192.0.2.0/24"]);
        assert_eq!(file.outbox.overflow.as_deref(), Some("block"));
        let all = told(&mistakes);
        for expected in [
            "1: unknown key `treads`; did you mean `threads`?\n",
            "2: format: text is wanted, in quotes\n",
            "3: log_level: unknown word; did you mean `warn`?\n",
            "4: unknown key `api_key`: it belongs below [appfirewall] or [onefirewall]\n",
            "7: unknown key `max_agee`; did you mean `max_age`?\n",
            "8: outbox.max_bytes: a whole number of 0 or more is wanted\n",
            "10: unknown key `appfirewal`; did you mean `appfirewall`?\n",
            "12: list_source: `name` is missing\n",
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
            mistakes[0].line == 2 && !mistakes[0].what.contains("SECRET"),
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
