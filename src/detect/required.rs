//! Literals that a regular expression cannot match without: what decides whether it need run at all.
//!
//! [`literals`] walks the expression's tree and finds the best set of texts of which at least one stands in every
//! match. Texts are lower case and to be searched for without regard to case. It must never miss: a set that is too
//! wide costs time, one that is too narrow would hide attacks.

mod rarity;

use regex_syntax::hir::{Class, Hir, HirKind};

use rarity::bits;
pub use rarity::rarity;

/// The most texts in a set, and the longest text that is kept.
const MAX_TEXTS: usize = 128;
const MAX_LEN: usize = 48;

/// An expression of at most so many parts takes far less memory than one may: a part takes some tens of bytes.
const SMALL_PARTS: usize = 2_000;

/// What is known of an expression before it is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// Whether its letters are those of Unicode rather than bytes.
    pub unicode: bool,
    /// Whether it asks where the value begins or ends or where words do.
    pub looks_around: bool,
    /// Texts, lower case, of which at least one stands in everything that matches, in any case; `None` when there
    /// are no such texts.
    pub required: Option<Vec<Vec<u8>>>,
}

impl Default for Analysis {
    /// Of an expression that cannot be read: anything may be so.
    fn default() -> Self {
        Self {
            unicode: true,
            looks_around: true,
            required: None,
        }
    }
}

/// Analyses an expression; `None` when it cannot be read.
pub fn analysis(source: &str) -> Option<(Analysis, Hir)> {
    // Bytes first: log text need not be UTF-8. What asks for Unicode classes, or for letters beyond ASCII in any case,
    // gets them.
    let unicode_first = !source.is_ascii() && ignores_case(source);
    let parsed = [unicode_first, !unicode_first]
        .into_iter()
        .find_map(|unicode| Some((parse(source, unicode)?, unicode)));
    let (hir, unicode) = parsed?;
    let analysis = Analysis {
        unicode,
        looks_around: !hir.properties().look_set().is_empty(),
        required: literals(&hir),
    };
    Some((analysis, hir))
}

/// Whether an expression is so small that compiling it cannot fail.
pub fn is_small(hir: &Hir) -> bool {
    parts(hir) <= SMALL_PARTS
}

/// Whether a flag for it stands in front, or with others first anywhere.
fn ignores_case(source: &str) -> bool {
    let flags = source.strip_prefix("(?").and_then(|rest| rest.split_once(')'));
    flags
        .is_some_and(|(flags, _)| flags.bytes().all(|flag| flag.is_ascii_alphabetic()) && flags.contains('i'))
        || source.contains("(?i")
}

/// Parses an expression as the compiled one was.
fn parse(source: &str, unicode: bool) -> Option<Hir> {
    regex_syntax::ParserBuilder::new()
        .unicode(unicode)
        .utf8(false)
        .build()
        .parse(source)
        .ok()
}

/// The best set; `None` when the expression has no text that must be there.
fn literals(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let found = analyse(hir);
    let set = better(found.exact.map(Set::of), found.required)?;
    set.is_usable().then_some(set.texts)
}

/// How many parts an expression is made of when its repetitions are written out: what compiling it costs, roughly.
fn parts(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len().max(1),
        // A range of letters beyond ASCII takes several ranges of bytes.
        HirKind::Class(Class::Unicode(class)) => 8 * class.ranges().len().max(1),
        HirKind::Capture(capture) => parts(&capture.sub).saturating_add(2),
        HirKind::Concat(subs) | HirKind::Alternation(subs) => subs
            .iter()
            .fold(1, |sum: usize, sub| sum.saturating_add(parts(sub))),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1) as usize + 1;
            parts(&repetition.sub).saturating_add(1).saturating_mul(times)
        }
    }
}

/// Texts and how rarely they are seen, which takes long enough to find out once.
#[derive(Clone)]
struct Set {
    texts: Vec<Vec<u8>>,
    weight: i64,
}

impl Set {
    fn of(texts: Vec<Vec<u8>>) -> Self {
        let weight = weight(&texts);
        Self { texts, weight }
    }

    fn is_usable(&self) -> bool {
        self.weight > i64::MIN
    }
}

/// What is known of the texts that a part matches.
#[derive(Default)]
struct Found {
    /// All texts it matches.
    exact: Option<Vec<Vec<u8>>>,
    /// Texts of which one stands in each text it matches.
    required: Option<Set>,
    /// Texts with one of which each text it matches begins.
    heads: Option<Vec<Vec<u8>>>,
    /// Texts with one of which each text it matches ends.
    tails: Option<Vec<Vec<u8>>>,
}

impl Found {
    fn heads(&self) -> Vec<Vec<u8>> {
        let known = self.exact.as_ref().or(self.heads.as_ref());
        known.cloned().unwrap_or_else(|| vec![Vec::new()])
    }

    fn tails(&self) -> Vec<Vec<u8>> {
        let known = self.exact.as_ref().or(self.tails.as_ref());
        known.cloned().unwrap_or_else(|| vec![Vec::new()])
    }
}

fn exactly(texts: Vec<Vec<u8>>) -> Found {
    Found {
        exact: Some(texts),
        ..Found::default()
    }
}

fn analyse(hir: &Hir) -> Found {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => exactly(vec![Vec::new()]),
        HirKind::Literal(literal) => exactly(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => class_texts(class).map(exactly).unwrap_or_default(),
        HirKind::Capture(capture) => analyse(&capture.sub),
        HirKind::Concat(parts) => concat(parts),
        HirKind::Alternation(parts) => alternation(parts),
        HirKind::Repetition(repetition) => {
            let inner = analyse(&repetition.sub);
            match (repetition.min, repetition.max) {
                (1, Some(1)) => inner,
                (0, Some(1)) => match inner.exact {
                    Some(mut texts) if texts.len() < MAX_TEXTS => {
                        texts.push(Vec::new());
                        exactly(texts)
                    }
                    _ => Found::default(),
                },
                (0, _) => Found::default(),
                (min, max) => repeated(inner, min, max == Some(min)),
            }
        }
    }
}

/// A part that stands there at least so many times, or exactly so many.
fn repeated(inner: Found, min: u32, exact: bool) -> Found {
    const MAX_TIMES: u32 = 4;
    let texts = inner
        .exact
        .as_ref()
        .and_then(|texts| (1..min.min(MAX_TIMES)).try_fold(texts.clone(), |joined, _| cross(&joined, texts)));
    match texts {
        Some(texts) if exact && min <= MAX_TIMES => exactly(texts),
        joined => Found {
            exact: None,
            heads: Some(joined.clone().unwrap_or_else(|| inner.heads())),
            tails: Some(joined.clone().unwrap_or_else(|| inner.tails())),
            required: better(
                joined.map(Set::of),
                better(inner.exact.map(Set::of), inner.required),
            ),
        },
    }
}

/// The texts of a small class, letters of both cases as one.
fn class_texts(class: &Class) -> Option<Vec<Vec<u8>>> {
    const MAX_LETTERS: usize = 8;
    let mut texts: Vec<Vec<u8>> = Vec::new();
    let mut add = |text: Vec<u8>| {
        if !texts.contains(&text) {
            texts.push(text);
        }
    };
    match class {
        Class::Bytes(bytes) => {
            let ranges = bytes.ranges();
            let size: usize = ranges.iter().map(|range| range.len()).sum();
            if size > 2 * MAX_LETTERS {
                return None;
            }
            for range in ranges {
                (range.start()..=range.end()).for_each(|byte| add(vec![byte.to_ascii_lowercase()]));
            }
        }
        Class::Unicode(letters) => {
            let ranges = letters.ranges();
            let size: usize = ranges.iter().map(|range| range.len()).sum();
            if size > 2 * MAX_LETTERS {
                return None;
            }
            for range in ranges {
                (range.start()..=range.end())
                    .for_each(|letter| add(letter.to_ascii_lowercase().to_string().into_bytes()));
            }
        }
    }
    (texts.len() <= MAX_LETTERS && !texts.is_empty()).then_some(texts)
}

fn concat(parts: &[Hir]) -> Found {
    let mut run = vec![Vec::new()];
    let mut heads = None;
    let mut best = None;
    for part in parts {
        let found = analyse(part);
        let joined = found.exact.as_deref().and_then(|texts| cross(&run, texts));
        match joined {
            Some(joined) => {
                run = joined;
                best = better(best, found.exact.map(Set::of));
            }
            None => {
                let into = joint(&run, &found.heads());
                heads = heads.or_else(|| Some(cross(&run, &found.heads()).unwrap_or(run)));
                run = found.tails();
                best = better(best, Some(into));
                best = better(best, found.required);
            }
        }
    }
    match heads {
        None => exactly(run),
        heads => Found {
            exact: None,
            required: better(best, Some(Set::of(run.clone()))),
            heads,
            tails: Some(run),
        },
    }
}

/// The best texts of which one stands where one of `left` is followed by one of `right`: whole ones, those of
/// one side, or as much of both as does not make them too many.
fn joint(left: &[Vec<u8>], right: &[Vec<u8>]) -> Set {
    if let Some(joined) = cross(left, right) {
        return Set::of(joined);
    }
    let mut best = rarer(Set::of(left.to_vec()), Set::of(right.to_vec()));
    for kept in [4, 1, 0] {
        let tails = cut(left, |text| text.get(text.len().saturating_sub(kept)..));
        for taken in [6, 3, 1] {
            let heads = cut(right, |text| text.get(..taken.min(text.len())));
            if let Some(joined) = cross(&tails, &heads) {
                best = rarer(best, Set::of(joined));
            }
        }
    }
    best
}

/// A part of each text, every one once.
fn cut<'t>(texts: &'t [Vec<u8>], part: impl Fn(&'t [u8]) -> Option<&'t [u8]>) -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = texts
        .iter()
        .filter_map(|text| part(text))
        .map(<[u8]>::to_vec)
        .collect();
    parts.sort_unstable();
    parts.dedup();
    parts
}

/// Every text of the one followed by every text of the other, unless they are too many or too long.
fn cross(left: &[Vec<u8>], right: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    if left.len().checked_mul(right.len())? > MAX_TEXTS {
        return None;
    }
    let mut joined = Vec::with_capacity(left.len() * right.len());
    for head in left {
        for tail in right {
            let text = [head.as_slice(), tail].concat();
            if text.len() > MAX_LEN {
                return None;
            }
            joined.push(text);
        }
    }
    Some(joined)
}

fn alternation(parts: &[Hir]) -> Found {
    let found: Vec<Found> = parts.iter().map(analyse).collect();
    let exact: Option<Vec<_>> = found.iter().map(|one| one.exact.clone()).collect();
    if let Some(exact) = exact {
        let texts = exact.concat();
        if texts.len() <= MAX_TEXTS {
            return exactly(texts);
        }
    }
    let edge = |texts: Vec<Vec<Vec<u8>>>| Some(texts.concat()).filter(|texts| texts.len() <= MAX_TEXTS);
    let heads = edge(found.iter().map(Found::heads).collect());
    let tails = edge(found.iter().map(Found::tails).collect());
    let required: Option<Vec<_>> = found
        .into_iter()
        .map(|one| better(one.exact.map(Set::of), one.required).filter(Set::is_usable))
        .map(|set| Some(set?.texts))
        .collect();
    Found {
        exact: None,
        required: required
            .map(|sets| sets.concat())
            .filter(|set| set.len() <= 32 * MAX_TEXTS)
            .map(Set::of),
        heads,
        tails,
    }
}

/// The set that is seen more rarely, of those that there are.
fn better(left: Option<Set>, right: Option<Set>) -> Option<Set> {
    match (left, right) {
        (Some(left), Some(right)) => Some(rarer(left, right)),
        (left, right) => left.or(right),
    }
}

/// The set that is seen more rarely; the first of two that are seen as rarely.
fn rarer(left: Set, right: Set) -> Set {
    if right.weight > left.weight { right } else { left }
}

/// How rarely a set is seen, in sixteenths of a bit: by the share of places where one of its texts stands.
fn weight(set: &[Vec<u8>]) -> i64 {
    if !usable(set) {
        return i64::MIN;
    }
    let share: f64 = set.iter().map(|text| (-f64::from(bits(text))).exp2()).sum();
    // Many texts are not worth a little more.
    let effort = (set.len() as f64).log2() / 2.0;
    (-16.0 * (share.log2() + effort)) as i64
}

/// A common text still spares the lines without it; a common character spares none.
fn usable(set: &[Vec<u8>]) -> bool {
    !set.is_empty() && set.iter().all(|text| rarity(text) >= 2 || text.len() >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(pattern: &str) -> Option<Vec<String>> {
        let hir = parse(pattern, false).unwrap();
        literals(&hir).map(|set| {
            set.iter()
                .map(|text| String::from_utf8_lossy(text).into_owned())
                .collect()
        })
    }

    #[test]
    fn the_best_literals() {
        for (pattern, expected) in [
            ("foo[0-9]+barbaz", Some(vec!["barbaz"])),
            ("(?i)union\\s+select", Some(vec!["select"])),
            ("(cmd|command)=", Some(vec!["cmd=", "command="])),
            ("x(a|b)?y", Some(vec!["xay", "xby", "xy"])),
            ("[a-z]+", None),
            ("^[0-9]{2}$", None),
            ("(evilword|[a-z]+)x", None),
            ("a(?:\\.\\.)+[0-9]", Some(vec!["a.."])),
            ("[a-z]on(?:load|mouse\\w+)=", Some(vec!["onload", "onmouse"])),
            ("(?:zgrab){2,}", Some(vec!["zgrabzgrab"])),
            (
                "colou?rful|b[ae]dword",
                Some(vec!["colourful", "colorful", "badword", "bedword"]),
            ),
        ] {
            let found = required(pattern);
            let mut found = found.map(|mut set| {
                set.sort();
                set
            });
            let mut expected =
                expected.map(|set| set.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
            if let Some(set) = expected.as_mut() {
                set.sort();
            }
            if pattern == "(?i)union\\s+select" {
                // Both words are as good, and each may have one of the spaces with it.
                let one = |text: &String| text.trim() == "union" || text.trim() == "select";
                assert!(found.take().is_some_and(|set| set.iter().all(one)));
                continue;
            }
            assert_eq!(found, expected, "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_match_without_a_required_literal(
            pattern in "(\\(?[q-t][q-t]?[?*+]?\\|?[Q-T]{0,2}\\)?[.]?){1,3}",
            text in "[q-tQ-T]{0,10}",
        ) {
            if let Some(hir) = parse(&pattern, false)
                && let Some(set) = literals(&hir)
                && regex::bytes::Regex::new(&pattern).unwrap().is_match(text.as_bytes())
            {
                let lower = text.to_ascii_lowercase();
                let found = set.iter().any(|need| lower.as_bytes().windows(need.len()).any(|at| at == need.as_slice()));
                proptest::prop_assert!(found, "{} {} {:?}", pattern, text, set);
            }
        }
    }
}
