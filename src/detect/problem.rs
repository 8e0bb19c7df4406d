//! What is wrong with rule files, all of it at once: [`RuleProblem`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::excerpt::{Excerpt, Lines};
use super::rule_text::RuleText;
use super::yaml::At;
use crate::text::nearest;

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
    /// Whether the rule loads all the same.
    pub warning: bool,
    /// The line, with a caret under the place.
    pub excerpt: Option<Excerpt>,
    /// As the file was read.
    at: At,
}

impl fmt::Display for RuleProblem {
    /// `FILE:LINE: construct: reason`, the line with a caret, and the hint on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}: {}",
            self.file, self.line, self.construct, self.reason
        )?;
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RuleProblem {}

/// Has every problem show its line.
pub(super) fn show_lines(problems: &mut [RuleProblem], texts: &[RuleText]) {
    let texts: HashMap<&str, &str> = texts.iter().map(|text| (&*text.name, &*text.text)).collect();
    let mut files: HashMap<Arc<str>, Option<Lines<'_>>> = HashMap::new();
    for problem in problems {
        let read = || texts.get(&*problem.file).map(|text| Lines::of(text));
        let lines = files.entry(Arc::clone(&problem.file)).or_insert_with(read);
        if let Some((excerpt, line, column)) = lines.as_ref().and_then(|lines| lines.excerpt(problem.at)) {
            problem.excerpt = Some(excerpt);
            (problem.line, problem.column) = (line, column);
        }
    }
}

/// Why a value means nothing, before it is known where the value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Why.
    pub reason: String,
    /// The part of the value: first byte and length.
    pub inside: Option<(usize, usize)>,
    /// What to do.
    pub hint: &'static str,
}

impl Flaw {
    pub fn new(reason: impl Into<String>, hint: &'static str) -> Self {
        Self {
            reason: reason.into(),
            inside: None,
            hint,
        }
    }

    /// At a part of the value.
    pub fn inside(self, start: usize, len: usize) -> Self {
        Self {
            inside: Some((start, len.max(1))),
            ..self
        }
    }
}

/// `did you mean X?` when something known is near, else the rest of the hint.
pub(super) fn meant<'n>(name: &str, known: impl IntoIterator<Item = &'n str>, rest: &str) -> String {
    // Strangers write rule files: what is looked at for a hint is bounded.
    const MAX_KNOWN: usize = 300;
    match nearest(name, known.into_iter().take(MAX_KNOWN)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => rest.to_owned(),
    }
}

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

    /// Refuses the rule for a flaw of a value.
    pub fn refuse_flaw(&mut self, at: At, construct: impl Into<String>, flaw: Flaw) {
        let at = At {
            inside: flaw.inside.or(at.inside),
            ..at
        };
        self.refuse_with(at, construct, flaw.reason, flaw.hint);
    }

    /// Lets the rule load.
    pub fn warn(
        &mut self,
        at: At,
        construct: impl Into<String>,
        reason: impl Into<String>,
        hint: Option<String>,
    ) {
        let mut problem = self.problem(at, construct.into(), reason.into());
        problem.warning = true;
        problem.hint = hint;
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
            warning: false,
            excerpt: None,
            at,
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
