//! [`of`]: the analysis of the built-in rules' regular expressions, worked out beforehand. To work it out took longer
//! than all else that a start needs.
//!
//! It stands in `known.jsonl`, one expression a line. A test works it out anew and compares; run with
//! `AFW_WRITE_KNOWN=1 cargo test --lib detect::known` it writes the file. An expression that is not there is analysed
//! when its rule is read, so what the file lacks costs time and nothing else. Next: [`super::required`].

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use super::required::Analysis;

const FILE: &str = include_str!("known.jsonl");

static KNOWN: LazyLock<HashMap<String, Analysis, RandomState>> = LazyLock::new(|| {
    let lines = FILE.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines
        .map(|line: Line| (line.source.clone(), line.analysis()))
        .collect()
});

/// What is known of an expression, given as [`super::expr::Regex`] has it.
pub fn of(source: &str) -> Option<&'static Analysis> {
    KNOWN.get(source)
}

/// A line of the file. A text is written with one letter a byte: it need not be UTF-8.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    source: String,
    unicode: bool,
    looks_around: bool,
    required: Option<Vec<String>>,
}

impl Line {
    fn analysis(self) -> Analysis {
        let bytes = |text: String| text.chars().map(|letter| letter as u8).collect();
        let required = self.required.map(|texts| texts.into_iter().map(bytes).collect());
        Analysis {
            unicode: self.unicode,
            looks_around: self.looks_around,
            required,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;

    use super::super::compile::{AtomTest, Engine};
    use super::super::expr::{Test, compile};
    use super::super::{Ruleset, builtin, required};
    use super::*;

    fn line(source: &str) -> String {
        let (analysis, _) = required::analysis(source).unwrap();
        // Who finds it in the file does not look whether it can be compiled.
        assert!(compile(source, analysis.unicode).is_ok(), "{source}");
        let letters = |bytes: &Vec<u8>| bytes.iter().map(|byte| char::from(*byte)).collect();
        let line = Line {
            source: source.to_owned(),
            unicode: analysis.unicode,
            looks_around: analysis.looks_around,
            required: analysis.required.map(|texts| texts.iter().map(letters).collect()),
        };
        serde_json::to_string(&line).unwrap()
    }

    /// Every expression that is run as one.
    fn sources(engine: &Engine) -> BTreeSet<&str> {
        let lazies = engine.atoms.iter().filter_map(|atom| match &atom.test {
            AtomTest::Guarded(lazy) | AtomTest::Lazy(lazy) => Some(lazy),
            AtomTest::Found => None,
        });
        let tests = lazies.flat_map(|lazy| &lazy.tests);
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
        for source in sources(&ruleset.engine) {
            writeln!(text, "{}", line(source)).unwrap();
        }
        if std::env::var_os("AFW_WRITE_KNOWN").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/detect/known.jsonl");
            std::fs::write(path, &text).unwrap();
            return;
        }
        let is_same = text == FILE;
        assert!(
            is_same,
            "a built-in expression was changed: run AFW_WRITE_KNOWN=1 cargo test --lib detect::known"
        );
        assert_eq!(KNOWN.len(), FILE.lines().count());
    }
}
