//! [`Secret`]: a key that never shows in messages, debug output or errors.

use std::fmt;

/// A text that only its user may see.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// A secret without the white space around it, as files and environments often have it; `None` when nothing is
    /// left.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The text itself, for the request it belongs in and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A text that came from elsewhere, without this secret should it be in it.
    pub fn hidden_in(&self, text: String) -> String {
        if self.0.is_empty() || !text.contains(&self.0) {
            return text;
        }
        text.replace(&self.0, "[secret]")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_to_nobody() {
        let key = Secret::new(" afw_live_1234\n").unwrap();
        assert_eq!(key.expose(), "afw_live_1234");
        assert_eq!(format!("{key} {key:?}"), "[secret] [secret]");
        assert_eq!(
            key.hidden_in("bad key afw_live_1234!".into()),
            "bad key [secret]!"
        );
        assert_eq!(Secret::new(" \n"), None);
    }
}
