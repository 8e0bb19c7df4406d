//! Rule files: Sigma documents read, checked and linked into a [`Ruleset`].
//!
//! Everything that is wrong is reported at once, with file and line, and nothing is loaded by halves: one refusal
//! refuses the set. `rules/document.rs` reads rules, `rules/counted.rs` correlations, `rules/link.rs` resolves who
//! means whom. Texts come in as strings; the drivers read the files. Next: [`super::compile`].

use std::collections::HashMap;
use std::sync::Arc;

use super::RuleInfo;
use super::compile::Engine;
use super::correlate::rule::Correlation;
use super::expr::Expr;
use super::fields::Field;
use super::problem::{self, Problems, RuleProblem};
use super::rule_text::RuleText;

mod collection;
mod counted;
mod document;
mod examples;
mod files;
mod link;
mod logic;
mod logsource;
mod meta;

pub use examples::Example;

/// One detection rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What the rest of the program sees of it.
    pub info: Arc<RuleInfo>,
    /// Whether a hit makes a sighting; false for one that only feeds a correlation.
    pub alerts: bool,
    /// Sigma `name`, by which correlations may mean it.
    pub name: Option<Arc<str>>,
    /// The line of its document in the file.
    pub line: usize,
    /// Its selections, by name, in the order of the file; those of filters after its own.
    pub selections: Vec<Selection>,
    /// How they are combined.
    pub logic: Logic,
    /// Sigma `description`.
    pub description: Option<Arc<str>>,
    /// Requests that must and must not match, to test the rule with.
    pub examples: Vec<Example>,
}

/// A named selection.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Its name.
    pub name: Arc<str>,
    /// What it asks.
    pub expr: Expr,
}

/// A condition over the selections of a rule, by their index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logic {
    /// A selection.
    Selection(usize),
    /// The opposite.
    Not(Box<Logic>),
    /// Every one.
    All(Vec<Logic>),
    /// At least one.
    Any(Vec<Logic>),
    /// At least so many.
    AtLeast(usize, Vec<Logic>),
}

impl Rule {
    /// The whole rule as one tree.
    pub fn expr(&self) -> Expr {
        self.logic.expr(&self.selections)
    }
}

impl Logic {
    fn expr(&self, selections: &[Selection]) -> Expr {
        let each = |parts: &[Self]| parts.iter().map(|part| part.expr(selections)).collect();
        match self {
            // The index comes from the same list; without one nothing matches.
            Self::Selection(index) => selections
                .get(*index)
                .map_or_else(|| Expr::Any(Vec::new()), |selection| selection.expr.clone()),
            Self::Not(inner) => inner.expr(selections).negate(),
            Self::All(parts) => Expr::all(each(parts)),
            Self::Any(parts) => Expr::any(each(parts)),
            Self::AtLeast(count, parts) => Expr::AtLeast(*count, each(parts)),
        }
    }

    /// How many parts the tree has whose selections have so many.
    fn weight(&self, sizes: &[usize]) -> usize {
        match self {
            Self::Selection(index) => sizes.get(*index).copied().unwrap_or(1),
            Self::Not(inner) => 1 + inner.weight(sizes),
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => parts
                .iter()
                .map(|part| part.weight(sizes))
                .fold(1, usize::saturating_add),
        }
    }

    /// Moves every index by `by`.
    pub(super) fn shifted(self, by: usize) -> Self {
        let each = |parts: Vec<Self>| parts.into_iter().map(|part| part.shifted(by)).collect();
        match self {
            Self::Selection(index) => Self::Selection(index + by),
            Self::Not(inner) => Self::Not(Box::new(inner.shifted(by))),
            Self::All(parts) => Self::All(each(parts)),
            Self::Any(parts) => Self::Any(each(parts)),
            Self::AtLeast(count, parts) => Self::AtLeast(count, each(parts)),
        }
    }
}

/// All rules, checked, linked and compiled. Shared by all threads.
#[derive(Debug)]
pub struct Ruleset {
    rules: Vec<Rule>,
    correlations: Vec<Correlation<Field>>,
    warnings: Vec<RuleProblem>,
    pub(super) engine: Engine,
}

impl Ruleset {
    /// Reads and compiles rule files.
    ///
    /// # Errors
    /// Every refusal in every file, in their order, and every warning among them.
    pub fn load(texts: &[RuleText]) -> Result<Self, Vec<RuleProblem>> {
        let mut all = link::Documents::default();
        let mut refusals = Vec::new();
        let mut warnings = Vec::new();
        for (documents, mut problems) in files::read(texts) {
            all.append(documents);
            refusals.append(&mut problems.refusals);
            warnings.append(&mut problems.warnings);
        }
        let linked = link::link(all, &mut refusals, &mut warnings);
        if !refusals.is_empty() {
            refusals.append(&mut warnings);
            show(&mut refusals, texts);
            return Err(refusals);
        }
        show(&mut warnings, texts);
        let engine = Engine::new(linked.rules.iter().map(Rule::expr));
        Ok(Self {
            rules: linked.rules,
            correlations: linked.correlations,
            warnings,
            engine,
        })
    }

    /// The detection rules; a hit names one by its index.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The correlations.
    pub fn correlations(&self) -> &[Correlation<Field>] {
        &self.correlations
    }

    /// What is odd about rules that loaded.
    pub fn warnings(&self) -> &[RuleProblem] {
        &self.warnings
    }
}

/// Has problems show their lines; files in the order given, lines in order.
fn show(problems: &mut [RuleProblem], texts: &[RuleText]) {
    problem::show_lines(problems, texts);
    let places: HashMap<&str, usize> = texts
        .iter()
        .zip(0..)
        .map(|(text, at)| (&*text.name, at))
        .collect();
    problems.sort_by_key(|problem| (places.get(&*problem.file).copied(), problem.line, problem.column));
}

#[cfg(test)]
#[path = "rules/tests.rs"]
mod tests;
