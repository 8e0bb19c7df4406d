//! Replays the corpus of the fuzz targets, which keeps what once went wrong, on every machine that runs the tests.

#![expect(clippy::unwrap_used, reason = "a test reads its own files")]

use std::path::{Path, PathBuf};

use afw_parsers::Format;

#[path = "../../fuzz/src/checks.rs"]
mod checks;

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    assert!(folder.is_dir(), "{} is missing", folder.display());
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    found
}

fn replay(target: &str, check: impl Fn(&[u8])) {
    let corpus = files(&fuzz().join("corpus").join(target));
    assert!(!corpus.is_empty(), "{target} has no corpus");
    for path in corpus {
        check(&std::fs::read(path).unwrap());
    }
    let source = fuzz().join("fuzz_targets").join(format!("{target}.rs"));
    assert!(source.is_file(), "{target} has no fuzz target");
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    assert!(
        manifest.contains(&format!("name = \"{target}\"")),
        "{target} is not built"
    );
}

#[test]
fn every_grammar_has_a_target_whose_corpus_passes() {
    for &format in Format::ALL {
        replay(format.name(), |log| {
            checks::grammar(format, log);
            checks::unknown(log);
        });
        let own = fuzz()
            .join("../testdata/formats")
            .join(format.name())
            .join("input.log");
        checks::grammar(format, &std::fs::read(own).unwrap());
    }
}

#[test]
fn the_other_targets_pass_their_corpus() {
    replay("recognition", checks::unknown);
    replay("nginx-format", checks::nginx_format);
    replay("apache-format", checks::apache_format);
    replay("format-option", checks::option);
    replay("configuration", checks::configuration);
}
