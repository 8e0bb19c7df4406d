//! [`Answer`]: how a reload went, left in the state directory for who asked for it.

use std::fs;
use std::path::Path;

use afw_parsers::Time;
use serde_json::{Value, json};

use crate::bounded;
use crate::terminal::Failure;

/// Name of the file in the state directory.
const FILE: &str = "afw.reload";
/// More than this is no answer, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// How a reload went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// When the signal was taken, by the wall clock.
    pub taken: Time,
    /// What is wrong, with its hint; `None` when everything was taken anew.
    pub mistake: Option<(String, Option<String>)>,
}

impl Answer {
    /// Everything was taken anew.
    pub const fn done(taken: Time) -> Self {
        Self { taken, mistake: None }
    }

    /// What was in use stays in use.
    pub fn refused(taken: Time, failure: &Failure) -> Self {
        let others = failure.others.iter().map(|other| format!("\n{}", other.message));
        let message = failure.message.clone() + &others.collect::<String>();
        Self {
            taken,
            mistake: Some((message, failure.hint.clone())),
        }
    }

    /// Tells whoever reads afw's messages.
    pub fn say(&self) {
        match &self.mistake {
            None => tracing::info!("SIGHUP: {}", self.text()),
            Some((message, hint)) => {
                let hint = hint.as_ref().map(|hint| format!("\nhint: {hint}"));
                tracing::error!(
                    "SIGHUP: reload refused, all that was in use stays in use: {message}{}",
                    hint.unwrap_or_default()
                );
            }
        }
    }

    /// One line for a service manager.
    pub fn text(&self) -> &str {
        match &self.mistake {
            None => {
                "reloaded: configuration, rules, lists and databases are in use as they are now; no line was lost"
            }
            Some((message, _)) => message,
        }
    }

    /// Leaves it in the state directory.
    pub fn leave(&self, state_dir: &Path) {
        let path = state_dir.join(FILE);
        let part = state_dir.join(format!("{FILE}.part"));
        let (message, hint) = match &self.mistake {
            None => (None, None),
            Some((message, hint)) => (Some(message), hint.as_ref()),
        };
        let text = json!({ "taken": self.taken.nanos(), "mistake": message, "hint": hint }).to_string();
        let left = fs::write(&part, text).and_then(|()| fs::rename(&part, &path));
        if let Err(error) = left {
            tracing::warn!("{}: `afw reload` gets no answer: {error}", path.display());
        }
    }

    /// What lies in the state directory.
    pub fn read(state_dir: &Path) -> Option<Self> {
        let path = state_dir.join(FILE);
        let value: Value = serde_json::from_slice(&bounded::read(&path, MAX_BYTES).ok()?).ok()?;
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        Some(Self {
            taken: Time::from_nanos(value.get("taken")?.as_i64()?),
            mistake: text("mistake").map(|message| (message, text("hint"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Answer::read(dir.path()), None);
        let failure = Failure::usage("a \"rule\"\nwas refused").hint("mend it");
        for answer in [
            Answer::done(Time::from_nanos(7)),
            Answer::refused(Time::from_nanos(1_790_000_000_000_000_001), &failure),
        ] {
            answer.leave(dir.path());
            assert_eq!(Answer::read(dir.path()), Some(answer));
        }
        fs::write(dir.path().join(FILE), "{\"taken\":").unwrap();
        assert_eq!(Answer::read(dir.path()), None);
    }
}
