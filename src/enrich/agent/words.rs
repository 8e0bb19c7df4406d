//! Words that programs use of themselves and browsers do not.
//!
//! `AcmeBot/1.0`, `acme-crawler`, `… security scanner …`, `(compatible; Acme; +https://acme.example/)`. Applied after the
//! names, and never to the name of a device.

use std::ops::Range;

use super::super::AgentType::{self, Crawler, Preview, Scanner, Script};
use super::scan::Scan;
use super::{browser, find_ignoring_case};

/// Kind and name of a program that describes itself.
pub(super) fn program(text: &[u8], scan: &Scan) -> Option<(AgentType, String)> {
    if let Some((kind, at)) = &scan.word {
        return Some((*kind, product_at(text, at)));
    }
    if scan.contact || mailbox(text) {
        return Some((Crawler, self_described(text)));
    }
    lone_product(text).map(|name| (Script, name))
}

/// The address of a page or a mailbox: whom to ask about the program.
pub(super) const CONTACTS: &[&str] = &["http://", "https://", "+http", "(+www.", "; www.", "mailto:"];

/// Where the word must end or begin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// No letter follows: `AcmeBot/1`, not `bottle`.
    Ends,
    /// The same, but for `CUBOT`, which makes telephones.
    EndsNoTelephone,
    /// No letter before: `scan`, `ScanAgent`, not `Scandinavia`'s inside of another word.
    Begins,
    /// Both.
    Word,
    /// Anywhere.
    Inside,
}

/// The words; of several in one text the first of the table counts.
pub(super) const WORDS: &[(&str, AgentType, Shape)] = &[
    ("scanner", Scanner, Shape::Inside),
    ("scanning", Scanner, Shape::Inside),
    ("scan", Scanner, Shape::Ends),
    ("audit", Scanner, Shape::Ends),
    ("vulnerab", Scanner, Shape::Inside),
    ("pentest", Scanner, Shape::Inside),
    ("security", Scanner, Shape::Word),
    ("secbot", Scanner, Shape::Inside),
    ("checker", Scanner, Shape::Ends),
    ("tester", Scanner, Shape::Ends),
    ("detector", Scanner, Shape::Ends),
    ("previewer", Preview, Shape::Ends),
    ("bot", Crawler, Shape::EndsNoTelephone),
    ("bots", Crawler, Shape::Ends),
    ("robot", Crawler, Shape::Begins),
    ("crawl", Crawler, Shape::Inside),
    ("spider", Crawler, Shape::Inside),
    ("scrape", Crawler, Shape::Inside),
    ("scraping", Crawler, Shape::Inside),
    ("archiver", Crawler, Shape::Inside),
    ("indexer", Crawler, Shape::Inside),
    ("harvest", Crawler, Shape::Inside),
    ("fetcher", Crawler, Shape::Inside),
    ("research", Crawler, Shape::Inside),
];

impl Shape {
    /// Whether a word found there stands so; the text is in lower case.
    pub(super) fn fits(self, text: &[u8], at: &Range<usize>) -> bool {
        let letter = |at: Option<usize>| {
            at.and_then(|at| text.get(at))
                .is_some_and(u8::is_ascii_alphabetic)
        };
        let (begins, ends) = (!letter(at.start.checked_sub(1)), !letter(Some(at.end)));
        match self {
            Self::Ends => ends,
            Self::EndsNoTelephone => {
                ends && !text.get(..at.start).is_some_and(|before| before.ends_with(b"cu"))
            }
            Self::Begins => begins,
            Self::Word => begins && ends,
            Self::Inside => true,
        }
    }
}

/// `name@host.tld`.
fn mailbox(text: &[u8]) -> bool {
    memchr::memchr_iter(b'@', text).any(|at| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let host = text.get(at + 1..).unwrap_or_default();
        let len = host
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
            .count();
        let host = host.get(..len).unwrap_or_default();
        let domain = host.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
        let named = host.contains(&b'.') && domain.first().is_some_and(u8::is_ascii_alphabetic);
        before.is_some_and(u8::is_ascii_alphanumeric) && named
    })
}

/// The product around a word: letters, digits, `-`, `_` and `.`; the word alone where it is no part of a product.
pub(super) fn product_at(text: &[u8], word: &Range<usize>) -> String {
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let before = text.get(..word.start).unwrap_or_default();
    let after = text.get(word.end..).unwrap_or_default();
    let (mut start, mut end) = (word.start, word.end);
    let found = text.get(word.clone()).unwrap_or_default();
    if found.first().is_some_and(|byte| part(&byte)) {
        start -= before.iter().rev().take_while(part).count();
    }
    if found.last().is_some_and(|byte| part(&byte)) {
        end += after.iter().take_while(part).count();
    }
    let product = text.get(start..end).unwrap_or_default();
    printable(product)
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_owned()
}

/// `(compatible; Acme/1.0; +https://…)` → `Acme`; else the first product.
pub(super) fn self_described(text: &[u8]) -> String {
    let inner = find_ignoring_case(text, b"compatible;").and_then(|at| text.get(at + 11..));
    let rest = inner.unwrap_or(text).trim_ascii_start();
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b' ');
    let len = rest.iter().take_while(part).count();
    printable(rest.get(..len).unwrap_or_default().trim_ascii())
}

/// `name/1.2` and nothing else: what libraries and command-line programs send. Browsers and apps name a system.
fn lone_product(text: &[u8]) -> Option<String> {
    let slash = memchr::memchr(b'/', text)?;
    let (name, version) = (text.get(..slash)?, text.get(slash + 1..)?);
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let plain = !name.is_empty() && name.iter().all(word);
    let digits = version.strip_prefix(b"v").unwrap_or(version);
    let dotted = digits
        .split(|byte| *byte == b'.')
        .take(2)
        .filter(|part| part.first().is_some_and(u8::is_ascii_digit));
    let dotted = dotted.count() == 2;
    let versioned = dotted && digits.iter().all(|byte| word(byte) || *byte == b'+');
    (plain && versioned && !browser::is_frame(&text.to_ascii_lowercase())).then(|| printable(name))
}

fn printable(text: &[u8]) -> String {
    let kept = text
        .iter()
        .take(64)
        .filter(|byte| byte.is_ascii_graphic() || **byte == b' ');
    kept.map(|byte| char::from(*byte)).collect()
}
