//! [`Regex`]: a regular expression of a rule, compiled when it is first run.
//!
//! Expressions come from strangers: their length, their compiled size and the time they take are bounded, and each says
//! which texts it cannot match without. [`super::pcre`] translates what Sigma's authors write. Next: [`super::required`].

use std::sync::OnceLock;

use regex_automata::meta;
use regex_automata::util::syntax;

use super::known;
use super::pcre;
use super::problem::Flaw;
use super::required;

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
