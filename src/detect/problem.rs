//! What is wrong with rule files, all of it at once: [`RuleProblem`].

use std::fmt;
use std::sync::Arc;

use super::yaml::At;

/// A construct that makes a rule be refused, or a warning about one that loads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What stands there: a key, a modifier, a name.
    pub construct: String,
    /// Why it is refused or what it means.
    pub reason: String,
    /// What to do, if there is something to say.
    pub hint: Option<String>,
}

impl fmt::Display for RuleProblem {
    /// `FILE:LINE: construct: reason`, and the hint on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}: {}",
            self.file, self.line, self.construct, self.reason
        )?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RuleProblem {}

/// Collects what is wrong with one file.
#[derive(Debug)]
pub(super) struct Problems {
    /// The file.
    pub file: Arc<str>,
    /// What refuses a rule.
    pub refusals: Vec<RuleProblem>,
    /// What does not.
    pub warnings: Vec<RuleProblem>,
}

impl Problems {
    pub fn new(file: Arc<str>) -> Self {
        Self {
            file,
            refusals: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Refuses the rule.
    pub fn refuse(&mut self, at: At, construct: impl Into<String>, reason: impl Into<String>) {
        let problem = self.problem(at, construct.into(), reason.into());
        self.refusals.push(problem);
    }

    /// Refuses the rule and says what to do.
    pub fn refuse_with(
        &mut self,
        at: At,
        construct: impl Into<String>,
        reason: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let mut problem = self.problem(at, construct.into(), reason.into());
        problem.hint = Some(hint.into());
        self.refusals.push(problem);
    }

    /// Lets the rule load.
    pub fn warn(&mut self, at: At, construct: impl Into<String>, reason: impl Into<String>) {
        let problem = self.problem(at, construct.into(), reason.into());
        self.warnings.push(problem);
    }

    fn problem(&self, at: At, construct: String, reason: String) -> RuleProblem {
        RuleProblem {
            file: Arc::clone(&self.file),
            line: at.line.max(1),
            column: at.column.max(1),
            construct: printable(&construct),
            reason: printable(&reason),
            hint: None,
        }
    }
}

/// Rule files come from strangers too: what would move a terminal's cursor is escaped, what is long is cut.
fn printable(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    let mut out: String = text
        .chars()
        .take(MAX_CHARS)
        .flat_map(|letter| match letter.is_control() {
            true => letter.escape_default().collect::<Vec<_>>(),
            false => vec![letter],
        })
        .collect();
    if text.chars().count() > MAX_CHARS {
        out.push('…');
    }
    out
}
