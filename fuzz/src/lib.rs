//! Fuzz targets of the parsers: one for each grammar, both compilers, recognition and configuration files.
//!
//! `cargo +nightly fuzz run caddy fuzz/corpus/caddy -- -max_total_time=60`

pub mod checks;

/// The whole target of one grammar.
#[macro_export]
macro_rules! grammar {
    ($format:ident) => {
        libfuzzer_sys::fuzz_target!(|log: &[u8]| $crate::checks::grammar(afw_parsers::Format::$format, log));
    };
}
