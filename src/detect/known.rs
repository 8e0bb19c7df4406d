//! [`of`]: the analysis of the built-in rules' regular expressions, worked out beforehand. To work it out took longer
//! than all else that a start needs.
//!
//! It stands in `known.txt`, two lines an expression: what it is and its source, then the texts it cannot match without,
//! with tabs between them. A test works it out anew and compares; run with
//! `AFW_WRITE_KNOWN=1 cargo test --lib detect::known` it writes the file. An expression that is not there is analysed
//! when its rule is read, so what the file lacks costs time and nothing else. Next: [`super::required`].

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

use super::required::Analysis;

const FILE: &str = include_str!("known.txt");

/// For each source what stands before it and below it.
static KNOWN: LazyLock<HashMap<&str, (&str, &str), RandomState>> = LazyLock::new(|| {
    let mut lines = FILE.lines();
    let pairs = std::iter::from_fn(|| Some((lines.next()?, lines.next()?)));
    pairs
        .filter_map(|(first, texts)| {
            let (kind, source) = first.split_once(' ')?;
            Some((source, (kind, texts)))
        })
        .collect()
});

/// What is known of an expression, given as [`super::regex::Regex`] has it.
pub fn of(source: &str) -> Option<Analysis> {
    let (kind, texts) = KNOWN.get(source)?;
    Some(Analysis {
        unicode: kind.contains('u'),
        looks_around: kind.contains('l'),
        required: kind
            .contains('r')
            .then(|| texts.split('\t').map(unescaped).collect()),
    })
}

/// A text without the escapes of [`slice::escape_ascii`].
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let hex = escape.strip_prefix('x').and_then(|digits| digits.get(..2));
        let (byte, len) = match hex.map(|digits| u8::from_str_radix(digits, 16)) {
            Some(Ok(byte)) => (byte, 3),
            _ => match escape.bytes().next().unwrap_or_default() {
                b't' => (b'\t', 1),
                b'n' => (b'\n', 1),
                b'r' => (b'\r', 1),
                itself => (itself, 1),
            },
        };
        bytes.push(byte);
        rest = escape.get(len..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;

    use super::super::compile::{AtomTest, Engine};
    use super::super::expr::Test;
    use super::super::regex::compile;
    use super::super::{Ruleset, builtin, required};
    use super::*;

    fn lines(source: &str) -> String {
        let (analysis, _) = required::analysis(source).unwrap();
        // Who finds it in the file does not look whether it can be compiled.
        assert!(compile(source, analysis.unicode).is_ok(), "{source}");
        assert!(!source.contains(['\n', '\r']), "{source}");
        let texts = analysis.required.as_deref().unwrap_or_default();
        let texts: Vec<String> = texts.iter().map(|text| text.escape_ascii().to_string()).collect();
        let mark = |is: bool, mark: &'static str| if is { mark } else { "" };
        format!(
            "-{}{}{} {source}\n{}\n",
            mark(analysis.unicode, "u"),
            mark(analysis.looks_around, "l"),
            mark(analysis.required.is_some(), "r"),
            texts.join("\t"),
        )
    }

    /// Every expression that is run as one.
    fn sources(engine: &Engine) -> BTreeSet<&str> {
        let lazies = engine.atoms.iter().filter_map(|atom| match &atom.test {
            AtomTest::Guarded(lazy) | AtomTest::Lazy(lazy) => Some(lazy),
            AtomTest::Found => None,
        });
        let tests = lazies.flat_map(|lazy| &lazy.checks).map(|check| &check.test);
        let mut sources = BTreeSet::new();
        for test in tests {
            if let Test::Regex(regex) = test {
                sources.insert(regex.source.as_str());
            }
        }
        sources
    }

    #[test]
    fn the_file_holds_what_the_analysis_gives() {
        let ruleset = Ruleset::load(&builtin()).unwrap();
        let mut text = String::new();
        let sources = sources(&ruleset.engine);
        for source in &sources {
            write!(text, "{}", lines(source)).unwrap();
        }
        if std::env::var_os("AFW_WRITE_KNOWN").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/detect/known.txt");
            std::fs::write(path, &text).unwrap();
            return;
        }
        let is_same = text == FILE;
        assert!(
            is_same,
            "a built-in expression was changed: run AFW_WRITE_KNOWN=1 cargo test --lib detect::known"
        );
        for source in sources {
            let analysed = required::analysis(source).map(|(analysis, _)| analysis);
            assert_eq!(of(source), analysed, "{source}");
        }
    }

    #[test]
    fn what_is_escaped_is_read_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unescaped(&all.escape_ascii().to_string()), all);
        assert_eq!(unescaped("\\"), b"\0");
    }
}
