//! [`Expr`]: what a rule asks of one event, as a tree; the meaning that every evaluator must agree on.
//!
//! Leaves are [`Check`]s: one test on one field or, for keywords, on every value of the line. The tree knows nothing of
//! automata or views: [`super::compile`] makes it fast, [`super::explain`] evaluates it plainly.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use regex_automata::meta;
use regex_automata::util::syntax;

use super::fields::Field;
use super::known;
use super::pattern::Pattern;
use super::pcre;
use super::problem::Flaw;
use super::required;
use crate::net::Cidr;

/// A condition on one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// One test.
    Check(Arc<Check>),
    /// The opposite.
    Not(Box<Expr>),
    /// Every one; true without any.
    All(Vec<Expr>),
    /// At least one; false without any.
    Any(Vec<Expr>),
    /// At least so many.
    AtLeast(usize, Vec<Expr>),
}

impl Expr {
    /// A test as a tree.
    pub fn check(subject: Subject, test: Test) -> Self {
        Self::Check(Arc::new(Check { subject, test }))
    }

    /// The opposite.
    pub fn negate(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// `parts` joined; a single part stays what it is.
    pub fn all(mut parts: Vec<Self>) -> Self {
        match parts.len() {
            1 => parts.remove(0),
            _ => Self::All(parts),
        }
    }

    /// One of `parts`; a single part stays what it is.
    pub fn any(mut parts: Vec<Self>) -> Self {
        match parts.len() {
            1 => parts.remove(0),
            _ => Self::Any(parts),
        }
    }

    /// How many parts it has.
    pub fn size(&self) -> usize {
        match self {
            Self::Check(_) => 1,
            Self::Not(inner) => 1 + inner.size(),
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => {
                1 + parts.iter().map(Self::size).sum::<usize>()
            }
        }
    }

    /// Calls `each` with every check.
    pub fn each_check<'x>(&'x self, each: &mut impl FnMut(&'x Arc<Check>)) {
        match self {
            Self::Check(check) => each(check),
            Self::Not(inner) => inner.each_check(each),
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => {
                for part in parts {
                    part.each_check(each);
                }
            }
        }
    }
}

/// One test on one subject.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Check {
    /// What is tested.
    pub subject: Subject,
    /// How.
    pub test: Test,
}

/// What a check looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A field.
    Field(Field),
    /// Every value of the line, for keywords.
    Anything,
}

/// A test on a value. All but [`Test::Empty`] are false where the field is absent.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The whole value matches the pattern.
    Pattern {
        /// The pattern.
        pattern: Pattern,
        /// Whether the case of letters counts.
        cased: bool,
    },
    /// The regular expression is found in the value.
    Regex(Arc<Regex>),
    /// The value is an address of this network.
    Network(Cidr),
    /// The field is there, be it empty.
    Present,
    /// The value is empty, or the field is absent.
    Empty,
    /// The value is a number that compares so.
    Compare(Order, f64),
    /// The value compares to that of another field.
    SameAs {
        /// The other field.
        field: Field,
        /// How.
        anchor: Anchor,
        /// Whether the case of letters counts.
        cased: bool,
    },
    /// A part of the instant is this number.
    TimePart(TimePart, i64),
}

impl Hash for Test {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Pattern { pattern, cased } => (pattern, cased).hash(state),
            Self::Regex(regex) => regex.source.hash(state),
            Self::Network(network) => network.hash(state),
            Self::Present | Self::Empty => {}
            // Zero is one number with either sign.
            Self::Compare(order, limit) => (order, (limit + 0.0).to_bits()).hash(state),
            Self::SameAs { field, anchor, cased } => (field, anchor, cased).hash(state),
            Self::TimePart(part, number) => (part, number).hash(state),
        }
    }
}

/// A numeric comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    Gt,
    Gte,
    Lt,
    Lte,
}

impl Order {
    /// Whether `value` stands so to `limit`.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Gt => value > limit,
            Self::Gte => value >= limit,
            Self::Lt => value < limit,
            Self::Lte => value <= limit,
        }
    }

    /// Sigma's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
        }
    }
}

/// At which ends of a value a text must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Anchor {
    /// At both: they are equal.
    Whole,
    /// At the start.
    Start,
    /// At the end.
    End,
    /// Anywhere.
    Anywhere,
}

impl Anchor {
    /// Whether `part` stands so in `text`.
    pub fn holds(self, text: &[u8], part: &[u8], cased: bool) -> bool {
        let pattern = Pattern::literal(part).open(
            matches!(self, Self::End | Self::Anywhere),
            matches!(self, Self::Start | Self::Anywhere),
        );
        pattern.matches(text, cased)
    }
}

/// A part of an instant, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimePart {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl TimePart {
    /// That part of the instant; the week is ISO 8601's.
    pub fn of(self, time: afw_parsers::Time) -> i64 {
        let civil = time.civil();
        match self {
            Self::Minute => i64::from(civil.minute),
            Self::Hour => i64::from(civil.hour),
            Self::Day => i64::from(civil.day),
            Self::Week => iso_week(time.secs().div_euclid(86_400)),
            Self::Month => i64::from(civil.month),
            Self::Year => i64::from(civil.year),
        }
    }

    /// Sigma's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// The ISO 8601 week of a day counted from 1970-01-01: the number of Thursdays of its year up to this week's.
fn iso_week(day: i64) -> i64 {
    // 1970-01-01 was a Thursday; weeks begin on Monday.
    let thursday = day + 3 - (day + 3).rem_euclid(7);
    let year = afw_parsers::Time::from_secs(thursday * 86_400).map(|time| time.civil().year);
    let first = year.and_then(|year| {
        afw_parsers::Time::from_civil(
            afw_parsers::time::Civil {
                year,
                month: 1,
                day: 1,
                hour: 0,
                minute: 0,
                second: 0,
            },
            0,
            0,
        )
    });
    let start = first.map_or(0, |time| time.secs().div_euclid(86_400));
    (thursday - start).div_euclid(7) + 1
}

/// A regular expression. A small one is compiled when it is first run: most wait for a literal that never comes.
#[derive(Debug, Clone)]
pub struct Regex {
    /// As the rule writes it, with its flags in front.
    pub source: String,
    unicode: bool,
    compiled: OnceLock<Option<meta::Regex>>,
    /// Texts, lower case, of which at least one stands in everything that matches, in any case; `None` when there
    /// are no such texts.
    pub required: Option<Vec<Vec<u8>>>,
    /// Whether it asks where the value begins or ends or where words do.
    pub looks_around: bool,
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// The longest expression; public rules stay far below.
const PATTERN_BYTES: usize = 64 << 10;
/// The most memory one compiled expression may take. Those that [`required::is_small`] calls small stay far below.
const REGEX_BYTES: usize = 1 << 20;

impl Regex {
    /// Takes an expression with flags of `i`, `m`, `s`.
    ///
    /// # Errors
    /// What the expression asks for and this engine does not do.
    pub(super) fn new(pattern: &str, flags: &str) -> Result<Self, Flaw> {
        if pattern.len() > PATTERN_BYTES {
            return Err(Flaw::new(
                format!("is longer than {PATTERN_BYTES} bytes"),
                "write a list of words with `contains`, which costs less",
            ));
        }
        let translated = pcre::translate(pattern)
            .map_err(|(reason, at, len)| Flaw::new(reason, LINEAR).inside(at, len))?;
        let prefix = match flags.is_empty() {
            true => String::new(),
            false => format!("(?{flags})"),
        };
        let source = format!("{prefix}{translated}");
        let compiled = OnceLock::new();
        let analysis = match known::of(&source) {
            Some(analysis) => analysis,
            None => match required::analysis(&source) {
                Some((analysis, hir)) if required::is_small(&hir) => analysis,
                analysed => {
                    let analysis = analysed.map(|(analysis, _)| analysis).unwrap_or_default();
                    let regex = compile(&source, analysis.unicode).map_err(|reason| {
                        misread(&source, prefix.len(), pattern).unwrap_or_else(|| Flaw::new(reason, SMALLER))
                    })?;
                    compiled.get_or_init(|| Some(regex));
                    analysis
                }
            },
        };
        Ok(Self {
            required: analysis.required,
            looks_around: analysis.looks_around,
            unicode: analysis.unicode,
            source,
            compiled,
        })
    }

    /// Where it matches first.
    pub fn find(&self, text: &[u8]) -> Option<std::ops::Range<usize>> {
        self.compiled()?.find(text).map(|found| found.range())
    }

    /// Whether it matches.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.compiled().is_some_and(|regex| regex.is_match(text))
    }

    /// `None` never happens: what could fail was compiled at once.
    fn compiled(&self) -> Option<&meta::Regex> {
        self.compiled
            .get_or_init(|| compile(&self.source, self.unicode).ok())
            .as_ref()
    }
}

/// Compiles an expression, or says why it cannot be.
///
/// It goes without what takes half of the time that compiling takes and spares next to nothing on texts as short as these: the
/// search for an expression's own literals (those that tell were found already) and automata worked out beforehand.
pub(super) fn compile(source: &str, unicode: bool) -> Result<meta::Regex, String> {
    let config = meta::Config::new()
        .utf8_empty(false)
        .auto_prefilter(false)
        .onepass(false)
        .dfa(false)
        .nfa_size_limit(Some(REGEX_BYTES))
        .hybrid_cache_capacity(REGEX_BYTES);
    meta::Builder::new()
        .configure(config)
        .syntax(syntax::Config::new().unicode(unicode).utf8(false))
        .build(source)
        .map_err(|error| reason(&error))
}

/// What to do about constructs that take more than one look at a text.
const LINEAR: &str =
    "write it without, as several values, or as two selections joined by `and`; afw reads each text once";
/// What to do about expressions that are too large.
const SMALLER: &str = "repeat less: counts such as {1,1000} are written out";

/// What is wrong with the syntax of an expression, and where.
fn misread(source: &str, prefix: usize, pattern: &str) -> Option<Flaw> {
    let mut parser = regex_syntax::ParserBuilder::new().utf8(false).build();
    let (reason, span) = match parser.parse(source).err()? {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), *error.span()),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), *error.span()),
        _ => return None,
    };
    let place = |offset: usize| pcre::origin(pattern, offset.saturating_sub(prefix));
    let (start, end) = (place(span.start.offset), place(span.end.offset));
    let hint = "put a back-slash before a character that shall stand for itself";
    Some(Flaw::new(reason, hint).inside(start, end.saturating_sub(start)))
}

/// Why an expression whose syntax is right cannot be compiled.
fn reason(error: &meta::BuildError) -> String {
    match error.size_limit() {
        Some(limit) => format!("takes more than {limit} bytes when compiled"),
        None => error.to_string().lines().last().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_of_iso_8601() {
        for (day, month, year, week) in [
            (1, 1, 2021, 53),
            (4, 1, 2021, 1),
            (31, 12, 2024, 1),
            (29, 12, 2024, 52),
            (21, 11, 2026, 47),
            (1, 1, 1970, 1),
        ] {
            let civil = afw_parsers::time::Civil {
                year,
                month,
                day,
                hour: 12,
                minute: 0,
                second: 0,
            };
            let time = afw_parsers::Time::from_civil(civil, 0, 0).unwrap();
            assert_eq!(TimePart::Week.of(time), week, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn expressions_compile_or_say_why_not() {
        assert!(Regex::new("^/a[^[]{x$", "i").is_ok());
        assert!(Regex::new("é+\\p{L}", "").is_ok());
        assert!(Regex::new("ÄRGER", "i").unwrap().is_match("x=ärger".as_bytes()));
        assert!(!Regex::new("ÄRGER", "").unwrap().is_match("x=ärger".as_bytes()));
        for (pattern, why) in [
            ("(?=a)b", "look-around"),
            ("(a)\\1", "back-reference"),
            ("(", "unclosed group"),
            ("a{1000}{1000}", "more than"),
        ] {
            let error = Regex::new(pattern, "").unwrap_err();
            assert!(error.reason.contains(why), "{pattern}: {error:?}");
        }
    }

    #[test]
    fn expressions_mean_what_they_mean_to_the_regex_crate() {
        let texts: [&[u8]; 9] = [
            b"",
            b"/a/b.php?x=1",
            b"UNION  SELECT 1",
            b"aaab",
            b"a\nb",
            b"\xff\xfe",
            "\u{e9}t\u{e9}".as_bytes(),
            b"x y",
            b"foobarfoo",
        ];
        for (pattern, unicode) in [
            ("", false),
            ("a*", false),
            ("a*?b", false),
            ("(?i)union\\s+select", false),
            ("foo|foobar|bar$", false),
            ("^(?:/a|x)\\b", false),
            ("(?m)^b", false),
            ("[^a]", false),
            ("\\W\\w", true),
            (".+", true),
        ] {
            let ours = compile(pattern, unicode).unwrap();
            let theirs = regex::bytes::RegexBuilder::new(pattern)
                .unicode(unicode)
                .build()
                .unwrap();
            for text in texts {
                let found = ours.find(text).map(|found| found.range());
                assert_eq!(
                    found,
                    theirs.find(text).map(|found| found.range()),
                    "{pattern} {text:?}"
                );
                assert_eq!(ours.is_match(text), theirs.is_match(text), "{pattern} {text:?}");
            }
        }
    }

    #[test]
    fn what_is_compiled_later_compiles() {
        for pattern in [
            "x{600}",
            "[a-z0-9_.-]{1,300}",
            "(?:(?:a|b|c){10}){5}",
            "\\p{Greek}{2}",
            "[^a]{400}$",
        ] {
            let regex = Regex::new(pattern, "i").unwrap();
            assert!(regex.compiled.get().is_none(), "{pattern} is not small");
            assert!(regex.compiled().is_some(), "{pattern}");
        }
        assert!(Regex::new("x{2001}", "").unwrap().compiled.get().is_some());
    }
}
