//! [`Words`]: a list of whole values, looked up at once instead of one after the other.
//!
//! Only what ignores the case of letters and has no wildcard is a word; what anything else means stands in
//! [`super::super::lazy`].

use std::sync::Arc;

use crate::detect::expr::{Anchor, Check, Test};

/// Fewer words are compared as fast.
const MIN_WORDS: usize = 4;
/// The longest word, in bytes.
const MAX_LEN: usize = 32;

/// Words in lower case, sorted.
#[derive(Debug)]
pub struct Words(Vec<Box<[u8]>>);

impl Words {
    /// The words that the checks ask for, when each of them asks for one.
    pub fn of(checks: &[Arc<Check>]) -> Option<Self> {
        if checks.len() < MIN_WORDS {
            return None;
        }
        let words = checks.iter().map(|check| word(&check.test));
        let mut words = words.collect::<Option<Vec<_>>>()?;
        words.sort_unstable();
        Some(Self(words))
    }

    /// Whether the value is one of them, in any case.
    pub fn contain(&self, value: &[u8]) -> bool {
        let mut lower = [0; MAX_LEN];
        let Some(lower) = lower.get_mut(..value.len()) else {
            return false;
        };
        lower.copy_from_slice(value);
        lower.make_ascii_lowercase();
        self.0.binary_search_by(|word| (**word).cmp(lower)).is_ok()
    }
}

fn word(test: &Test) -> Option<Box<[u8]>> {
    match super::literal::as_literal(test)? {
        (bytes, Anchor::Whole, false) if bytes.len() <= MAX_LEN => Some(bytes.to_ascii_lowercase().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::expr::Subject;
    use crate::detect::pattern::Pattern;

    fn checks(words: &[&str]) -> Vec<Arc<Check>> {
        let check = |word: &&str| {
            let test = Test::Pattern {
                pattern: Pattern::parse(word),
                cased: false,
            };
            let subject = Subject::Anything;
            Arc::new(Check { subject, test })
        };
        words.iter().map(check).collect()
    }

    #[test]
    fn words_are_found_in_any_case_and_nothing_else_is() {
        let words = Words::of(&checks(&["css", "JS", "png", "woff2"])).unwrap();
        for (value, is) in [
            ("css", true),
            ("Js", true),
            ("PNG", true),
            ("pn", false),
            ("", false),
        ] {
            assert_eq!(words.contain(value.as_bytes()), is, "{value}");
        }
        assert!(!words.contain(&[b'a'; 100]));
        assert!(Words::of(&checks(&["a", "b", "c", "d*"])).is_none());
        assert!(Words::of(&checks(&["a"])).is_none());
    }
}
