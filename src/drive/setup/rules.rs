//! Reads rule files and makes a set of them; what is refused is told with the place that names the file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::bounded;
use crate::config::Analysis;
use crate::detect::{RuleProblem, RuleText, Ruleset};
use crate::terminal::Failure;
use crate::text::system_message;

/// Largest rule file that is read, in bytes; Sigma rules are a few kilobytes.
const MAX_RULE_BYTES: u64 = 4 << 20;
/// What to do about rules that cannot be read.
const RULES_HINT: &str = "--rules takes a Sigma rule file or a folder of .yml and .yaml files";

/// Loads the built-in packs and the user's rules.
///
/// # Errors
/// Exit code 2 with every refused rule; warnings are only logged.
pub fn ruleset(analysis: &Analysis) -> Result<Ruleset, Failure> {
    let texts = rules_in_force(analysis)?;
    let ruleset = Ruleset::load(&texts).map_err(|problems| refused_of(analysis, &problems))?;
    for warning in ruleset.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(ruleset)
}

/// The refusal of a rule set, with the places where the refused files are named.
fn refused_of(analysis: &Analysis, problems: &[RuleProblem]) -> Failure {
    if analysis.origins.is_typed("rules") {
        return refused(problems);
    }
    let mut by_path: BTreeMap<Option<&PathBuf>, Vec<RuleProblem>> = BTreeMap::new();
    for problem in problems.iter().filter(|problem| !problem.warning) {
        let is_of = |path: &&PathBuf| Path::new(&*problem.file).starts_with(path);
        let named = analysis.rules.iter().find(is_of);
        by_path.entry(named).or_default().push(problem.clone());
    }
    let failures = by_path.into_iter().map(|(path, problems)| match path {
        Some(path) => named_at(analysis, path, refused(&problems)),
        None => refused(&problems),
    });
    Failure::all(failures.collect()).unwrap_or_else(|| refused(problems))
}

/// A fault in rules that the configuration names.
fn named_at(analysis: &Analysis, path: &Path, failure: Failure) -> Failure {
    let named = path.display().to_string();
    analysis.origins.fault("rules", &named, "AFW_RULES", failure)
}

/// The refusal of a rule set, with every refused construct.
pub fn refused(problems: &[RuleProblem]) -> Failure {
    let refusals = problems.iter().filter(|problem| !problem.warning);
    let lines: Vec<String> = refusals.map(ToString::to_string).collect();
    let many = if lines.len() == 1 {
        "a rule was refused"
    } else {
        "rules were refused"
    };
    Failure::usage(format!("{many}:\n{}", lines.join("\n")))
        .hint("`afw rules check PATH` shows all problems of a file or folder")
}

/// The built-in packs, unless they are left out, and the user's rules.
///
/// # Errors
/// Exit code 2 with every path that cannot be read, and where it is named.
pub fn rules_in_force(analysis: &Analysis) -> Result<Vec<RuleText>, Failure> {
    let mut texts = match analysis.default_rules {
        true => crate::detect::builtin(),
        false => Vec::new(),
    };
    texts.extend(own_rules(analysis)?);
    Ok(texts)
}

/// Reads the rule files that the configuration names.
///
/// # Errors
/// Exit code 2 with every path that cannot be read, and where it is named.
fn own_rules(analysis: &Analysis) -> Result<Vec<RuleText>, Failure> {
    let read = |path: &PathBuf| {
        rule_texts(std::slice::from_ref(path)).map_err(|failure| named_at(analysis, path, failure))
    };
    // One that is named twice is read once.
    let mut met = BTreeSet::new();
    let paths = analysis.rules.iter().filter(|path| met.insert(*path));
    let texts: Vec<Vec<RuleText>> = Failure::none_of(paths.map(read))?;
    Ok(texts.into_iter().flatten().collect())
}

/// Reads rule files; a directory is read recursively for `.yml` and `.yaml`.
///
/// # Errors
/// Exit code 2 with every path that cannot be read.
pub fn rule_texts(paths: &[PathBuf]) -> Result<Vec<RuleText>, Failure> {
    let files = Failure::none_of(paths.iter().flat_map(|path| rule_files(path)))?;
    Failure::none_of(files.iter().map(|file| rule_text(file)))
}

/// The file itself, or the rule files below a folder.
fn rule_files(path: &Path) -> Vec<Result<PathBuf, Failure>> {
    if !path.is_dir() {
        return vec![Ok(path.to_owned())];
    }
    let entries = walkdir::WalkDir::new(path).follow_links(true).sort_by_file_name();
    let files = entries.into_iter().filter_map(|entry| match entry {
        Ok(entry) => {
            (entry.file_type().is_file() && is_rule_file(entry.path())).then(|| Ok(entry.into_path()))
        }
        Err(error) => Some(Err(unreadable_rules(path, &error))),
    });
    files.collect()
}

fn unreadable_rules(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("cannot read rules {}: {error}", path.display())).hint(RULES_HINT)
}

fn is_rule_file(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yml" || extension == "yaml")
}

fn rule_text(path: &Path) -> Result<RuleText, Failure> {
    let unreadable = |error: String| {
        Failure::usage(format!("cannot read the rule file {}: {error}", path.display())).hint(RULES_HINT)
    };
    if path.as_os_str().is_empty() {
        return Err(Failure::usage("an empty path names no rule file").hint(RULES_HINT));
    }
    let text =
        bounded::read_text(path, MAX_RULE_BYTES).map_err(|error| unreadable(system_message(&error)))?;
    Ok(RuleText {
        name: path.to_string_lossy().into(),
        text,
    })
}
