//! Which lines an indicator keeps as proof: the first, and the strongest others.
//!
//! Strength is class, then confidence, then the earlier line. Of lines with one rule and target only the earliest
//! is kept, so five lines show five different things. Texts are clipped and made printable here, once.

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use afw_parsers::Time;

use super::{Evidence, MAX_EVIDENCE, mark};
use crate::detect::Class;
use crate::event::{COMMON_PAGE, SightedEvent, Sighting};

/// Longest host, method, target and user agent that are kept, in bytes before the mark of the cut.
const HOST_BYTES: usize = 128;
const METHOD_BYTES: usize = 24;
const TARGET_BYTES: usize = 256;
const AGENT_BYTES: usize = 200;

/// A kept line with its strength.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    pub line: Evidence,
    pub thousandths: u16,
    /// [`mark`](super::mark()) of the target.
    mark: u64,
}

impl Kept {
    pub fn new(event: &SightedEvent, sighting: &Sighting) -> Self {
        let clip = |text: &Option<Arc<str>>, bytes| text.as_ref().map(|text| clipped(text, bytes));
        let line = Evidence {
            time: event.time,
            host: clip(&event.host, HOST_BYTES),
            method: event.method.clone().map(clipped_method),
            target: clip(&event.target, TARGET_BYTES),
            status: event.status,
            user_agent: clip(&event.user_agent, AGENT_BYTES),
            rule: sighting.rule.id.clone(),
            class: sighting.class,
            file: event.file.clone(),
            offset: event.offset,
            note: sighting.common_page.then_some(COMMON_PAGE),
        };
        Self::of(line, sighting.confidence.thousandths())
    }

    /// A line that was clipped before.
    pub fn of(line: Evidence, thousandths: u16) -> Self {
        Self {
            mark: mark(line.target.as_deref()),
            line,
            thousandths,
        }
    }

    /// Memory of the texts, in bytes.
    fn bytes(&self) -> usize {
        let len = |text: Option<&str>| text.map_or(0, str::len);
        size_of::<Self>()
            + len(self.line.host.as_deref())
            + len(self.line.method.as_deref())
            + len(self.line.target.as_deref())
            + len(self.line.user_agent.as_deref())
    }

    const fn place(&self) -> (Option<Time>, u64) {
        (self.line.time, self.line.offset)
    }

    fn age(&self, other: &Self) -> Ordering {
        self.place()
            .cmp(&other.place())
            .then_with(|| self.line.file.cmp(&other.line.file))
            .then_with(|| self.line.rule.cmp(&other.line.rule))
            .then_with(|| self.line.target.cmp(&other.line.target))
    }

    /// Less is stronger.
    const fn weakness(&self) -> Weakness {
        (self.line.class, Reverse(self.thousandths))
    }

    fn strength(&self, other: &Self) -> Ordering {
        self.weakness()
            .cmp(&other.weakness())
            .then_with(|| self.age(other))
    }

    fn shows_the_same(&self, other: &Self) -> bool {
        self.mark == other.mark && self.line.target == other.line.target && self.line.rule == other.line.rule
    }
}

type Weakness = (Class, Reverse<u16>);

/// The lines that are kept: the first, then the others, strongest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Proof {
    lines: Vec<Kept>,
    /// The marks of their targets once more, beside each other.
    marks: [u64; MAX_EVIDENCE],
    /// Memory of the lines, in bytes.
    bytes: usize,
    /// Once there are enough lines: the latest place and the least strength among them. Whatever comes later and is no
    /// stronger is out, as most lines of a long attack are, and no kept line needs to be looked at.
    bounds: Option<((Option<Time>, u64), Weakness)>,
}

impl Proof {
    /// Lines that were kept before.
    pub fn of(lines: Vec<Kept>) -> Self {
        let mut proof = Self {
            lines,
            ..Self::default()
        };
        proof.measure();
        proof
    }

    /// The lines.
    pub fn lines(&self) -> &[Kept] {
        &self.lines
    }

    /// As [`Proof::lines`], for another proof to take.
    pub fn into_lines(self) -> Vec<Kept> {
        self.lines
    }

    /// Memory of the lines, in bytes.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps a line if it is the first or among the strongest.
    pub fn keep(&mut self, event: &SightedEvent, sighting: &Sighting) {
        if !self.is_out(event, sighting) && !self.is_shown(event, sighting) {
            self.insert(Kept::new(event, sighting));
        }
    }

    /// Whether a line is surely not kept, told without copying its texts: there are enough lines, all of them earlier
    /// and none of them weaker.
    fn is_out(&self, event: &SightedEvent, sighting: &Sighting) -> bool {
        let weakness = (sighting.class, Reverse(sighting.confidence.thousandths()));
        self.bounds
            .is_some_and(|(latest, weakest)| latest < (event.time, event.offset) && weakest <= weakness)
    }

    /// Whether an earlier line surely shows the same, told without copying texts. A target that was made printable or
    /// clipped is not recognised here.
    fn is_shown(&self, event: &SightedEvent, sighting: &Sighting) -> bool {
        let mark = mark(event.target.as_deref());
        let alike = self
            .marks
            .iter()
            .zip(&self.lines)
            .filter(|(known, _)| **known == mark);
        alike.map(|(_, old)| old).any(|old| {
            old.line.target == event.target
                && old.line.rule == sighting.rule.id
                && old.place() < (event.time, event.offset)
        })
    }

    /// [`Proof::keep`] for a line whose texts were copied.
    pub fn insert(&mut self, new: Kept) {
        let kept = &mut self.lines;
        match kept.iter_mut().find(|old| old.shows_the_same(&new)) {
            Some(old) if new.age(old).is_lt() => *old = new,
            Some(_) => return,
            None => kept.push(new),
        }
        let first = (0..kept.len()).min_by(|&a, &b| match (kept.get(a), kept.get(b)) {
            (Some(a), Some(b)) => a.age(b),
            _ => Ordering::Equal,
        });
        kept.swap(0, first.unwrap_or(0));
        if let Some((_, others)) = kept.split_first_mut() {
            others.sort_unstable_by(Kept::strength);
        }
        kept.truncate(MAX_EVIDENCE);
        self.measure();
    }

    fn measure(&mut self) {
        self.bytes = self.lines.iter().map(Kept::bytes).sum();
        self.marks = [0; MAX_EVIDENCE];
        self.marks
            .iter_mut()
            .zip(&self.lines)
            .for_each(|(mark, kept)| *mark = kept.mark);
        let latest = self.lines.iter().map(Kept::place).max();
        let weakest = self.lines.iter().map(Kept::weakness).max();
        self.bounds = latest.zip(weakest).filter(|_| self.lines.len() >= MAX_EVIDENCE);
    }
}

/// [`printable`], for a text that may be shared as it is.
fn clipped(text: &Arc<str>, bytes: usize) -> Arc<str> {
    match is_plain(text, bytes) {
        true => Arc::clone(text),
        false => printable(text, bytes).into(),
    }
}

fn clipped_method(method: Cow<'static, str>) -> Cow<'static, str> {
    match is_plain(&method, METHOD_BYTES) {
        true => method,
        false => printable(&method, METHOD_BYTES).into_string().into(),
    }
}

/// At most `bytes` bytes of a text with everything that could move a cursor, hide or reorder text written as
/// `\xHH` or `\u{HHHH}`; a cut is marked with `…`.
pub(super) fn printable(text: &str, bytes: usize) -> Box<str> {
    if is_plain(text, bytes) {
        return text.into();
    }
    let mut shown = String::new();
    for char in text.chars() {
        let before = shown.len();
        push_printable(&mut shown, char);
        if shown.len() > bytes {
            shown.truncate(before);
            shown.push('…');
            break;
        }
    }
    shown.into()
}

/// Whether [`printable`] leaves a text as it is.
pub(super) fn is_printable(text: &str, bytes: usize) -> bool {
    is_plain(text, bytes) || *printable(text, bytes) == *text
}

/// Told by the bytes alone, as of nearly every text.
fn is_plain(text: &str, bytes: usize) -> bool {
    text.len() <= bytes
        && text
            .bytes()
            .fold(true, |all, byte| all & (0x20..0x7f).contains(&byte))
}

fn push_printable(shown: &mut String, char: char) {
    use std::fmt::Write;
    let code = u32::from(char);
    // Writing to a string cannot fail.
    let _ = match code {
        0..0x20 | 0x7f..0xa0 => write!(shown, "\\x{code:02x}"),
        // Format characters, directional overrides and isolates, separators, tags, private use.
        0xad
        | 0x061c
        | 0x180e
        | 0x200b..=0x200f
        | 0x2028..=0x202e
        | 0x2060..=0x206f
        | 0xe000..=0xf8ff
        | 0xfeff
        | 0xfff9..=0xfffb
        | 0xe0000..=0x10ffff => write!(shown, "\\u{{{code:x}}}"),
        _ => {
            shown.push(char);
            Ok(())
        }
    };
}

#[cfg(test)]
mod tests {
    use afw_parsers::Time;
    use proptest::prelude::*;

    use super::*;
    use crate::detect::Class;

    fn kept((time, class, thousandths, rule, target): (i64, usize, u16, u8, u8)) -> Kept {
        let line = Evidence {
            time: Some(Time::from_nanos(time)),
            host: None,
            method: None,
            target: Some(format!("/{target}").into()),
            status: None,
            user_agent: None,
            rule: Arc::from(format!("rule{rule}")),
            class: Class::ALL[class],
            file: Arc::from("-"),
            offset: time as u64,
            note: None,
        };
        Kept::of(line, thousandths)
    }

    proptest! {
        #[test]
        fn of_lines_in_order_the_first_and_the_strongest_are_kept(
            mut lines in proptest::collection::vec((0i64..1_000, 0u8..5, 0u8..4), 1..60),
        ) {
            lines.sort_unstable();
            // A rule's class and confidence are its own.
            let all: Vec<Kept> = lines
                .iter()
                .map(|&(time, rule, target)| kept((time, rule as usize, u16::from(rule) * 7, rule, target)))
                .collect();
            let mut found = Proof::default();
            all.iter().for_each(|line| found.insert(line.clone()));
            let mut expected: Vec<Kept> = Vec::new();
            for line in all {
                if !expected.iter().any(|old| old.shows_the_same(&line)) {
                    expected.push(line);
                }
            }
            expected[1..].sort_by(Kept::strength);
            expected.truncate(MAX_EVIDENCE);
            prop_assert_eq!(found.lines(), &expected);
            prop_assert_eq!(&found, &Proof::of(expected));
        }

        #[test]
        fn printable_text_is_short_and_harmless(text: String, bytes in 0usize..300) {
            let shown = printable(&text, bytes);
            prop_assert!(shown.len() <= bytes + '…'.len_utf8());
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }

    #[test]
    fn the_first_stays_and_the_strongest_follow() {
        let mut proof = Proof::default();
        proof.insert(kept((1, 16, 100, 0, 0)));
        for n in 2..20 {
            proof.insert(kept((n, 5, 100, 1, n as u8)));
        }
        proof.insert(kept((20, 1, 900, 2, 20)));
        let times: Vec<i64> = proof
            .lines()
            .iter()
            .filter_map(|kept| kept.line.time.map(Time::nanos))
            .collect();
        assert_eq!(times, [1, 20, 2, 3, 4]);
    }

    #[test]
    fn terminals_are_safe() {
        assert_eq!(
            &*printable("/a\u{1b}[2Jb\u{202e}c\u{9b}é", 99),
            "/a\\x1b[2Jb\\u{202e}c\\x9bé"
        );
        assert_eq!(&*printable("abcdef", 3), "abc…");
        assert_eq!(&*printable("", 3), "");
    }
}
