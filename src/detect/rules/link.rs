//! Resolves who means whom: filters to rules, correlations to rules and to each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::detect::correlate::rule::{self, Base, Correlation, Kind, RuleRef};
use crate::detect::fields::Field;
use crate::detect::problem::{Problems, RuleProblem, meant};
use crate::detect::yaml::At;

use super::counted::CorrelationDoc;
use super::logsource::LogSource;
use super::meta::Meta;
use super::{Logic, Rule, Selection};

/// Every document of every file, before names are resolved.
#[derive(Debug, Default)]
pub struct Documents {
    pub rules: Vec<RuleDoc>,
    pub filters: Vec<FilterDoc>,
    pub correlations: Vec<CorrelationDoc>,
    /// Names of rules that were refused: who means them is not to blame.
    pub refused: Vec<Arc<str>>,
    /// Parts that the rules of a file unfold to when every selection is written out where its name stands.
    pub unfolded: usize,
    /// Whether documents could not be read, so that any name may be theirs.
    pub incomplete: bool,
}

impl Documents {
    /// Adds those of the next file.
    pub fn append(&mut self, mut next: Self) {
        self.rules.append(&mut next.rules);
        self.filters.append(&mut next.filters);
        self.correlations.append(&mut next.correlations);
        self.refused.append(&mut next.refused);
        self.incomplete |= next.incomplete;
    }

    /// Remembers the names of a rule that was refused.
    pub fn refuse(&mut self, meta: &Meta) {
        self.refused.push(Arc::clone(&meta.info.id));
        self.refused.extend(meta.name.clone());
    }

    /// Whether a name that no rule has is an author's mistake.
    fn is_missing(&self, name: &str) -> bool {
        !self.incomplete && !self.refused.iter().any(|refused| **refused == *name)
    }
}

#[derive(Debug)]
pub struct RuleDoc {
    pub meta: Meta,
    pub at: At,
    pub source: LogSource,
    pub selections: Vec<Selection>,
    pub logic: Logic,
}

#[derive(Debug)]
pub struct FilterDoc {
    pub meta: Meta,
    pub source: LogSource,
    pub file: Arc<str>,
    /// For every rule of its log source.
    pub any: bool,
    pub names: Vec<(Arc<str>, At)>,
    pub selections: Vec<Selection>,
    pub logic: Logic,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Linked {
    pub rules: Vec<Rule>,
    pub correlations: Vec<Correlation<Field>>,
}

/// Names of rules and correlations.
struct Names(BTreeMap<Arc<str>, RuleRef>);

/// Links everything; what is refused comes back in `refusals`, and then the result is of no use.
pub fn link(mut all: Documents, refusals: &mut Vec<RuleProblem>, warnings: &mut Vec<RuleProblem>) -> Linked {
    let names = names(&all, refusals);
    apply_filters(&mut all, &names, refusals);
    let mut alerts = Alerts {
        rules: vec![true; all.rules.len()],
        correlations: vec![true; all.correlations.len()],
    };
    let mut correlations = Vec::new();
    for document in &all.correlations {
        let mut problems = Problems::new(Arc::clone(&document.file));
        correlations.extend(correlation(document, &all, &names, &mut problems));
        refusals.append(&mut problems.refusals);
        warnings.append(&mut problems.warnings);
    }
    if correlations.len() == all.correlations.len() {
        check(&correlations, &all, refusals);
        alerts.silence(&correlations, &all.correlations);
        for (correlation, alerts) in correlations.iter_mut().zip(&alerts.correlations) {
            correlation.alerts = *alerts;
        }
    }
    let rules = all
        .rules
        .into_iter()
        .zip(alerts.rules)
        .map(|(document, alerts)| Rule {
            info: document.meta.info,
            alerts,
            name: document.meta.name,
            line: document.meta.line,
            selections: document.selections,
            logic: document.logic,
            description: document.meta.description,
            examples: document.meta.examples,
        });
    Linked {
        rules: rules.collect(),
        correlations,
    }
}

fn names(all: &Documents, refusals: &mut Vec<RuleProblem>) -> Names {
    let mut names: BTreeMap<Arc<str>, RuleRef> = BTreeMap::new();
    let rules = all
        .rules
        .iter()
        .enumerate()
        .map(|(index, rule)| (&rule.meta, rule.at, RuleRef::Rule(index as u32)));
    let correlations = all
        .correlations
        .iter()
        .enumerate()
        .map(|(index, one)| (&one.meta, one.at, RuleRef::Correlation(index as u32)));
    for (meta, at, reference) in rules.chain(correlations) {
        if names
            .insert(Arc::clone(&meta.info.id), reference)
            .is_some_and(|other| other != reference)
        {
            let mut problems = Problems::new(Arc::clone(&meta.info.source));
            problems.refuse_with(
                at,
                "id",
                format!("`{}` is the id of another rule that is loaded", meta.info.id),
                "give the rule an `id` of its own (without one its title stands for it), or leave the built-in rules out with --no-default-rules",
            );
            refusals.append(&mut problems.refusals);
        }
        if let Some(name) = &meta.name {
            names.entry(Arc::clone(name)).or_insert(reference);
        }
    }
    Names(names)
}

fn apply_filters(all: &mut Documents, names: &Names, refusals: &mut Vec<RuleProblem>) {
    for filter in &all.filters {
        let mut problems = Problems::new(Arc::clone(&filter.file));
        let mut targets: Vec<usize> = Vec::new();
        if filter.any {
            targets.extend(0..all.rules.len());
        }
        for (name, at) in filter.names.iter().filter(|_| !filter.any) {
            match names.0.get(name) {
                Some(RuleRef::Rule(index)) => targets.push(*index as usize),
                Some(RuleRef::Correlation(_)) => {
                    problems.refuse_with(
                        *at,
                        "rules",
                        format!("`{name}` is a correlation"),
                        "filter the rules that it counts",
                    );
                }
                None if all.is_missing(name) => missing(name, *at, names, &mut problems),
                None => {}
            }
        }
        for target in targets {
            if let Some(rule) = all.rules.get_mut(target)
                && (!filter.any || filter.source.covers(&rule.source))
            {
                narrow(rule, filter);
            }
        }
        refusals.append(&mut problems.refusals);
    }
}

fn missing(name: &str, at: At, names: &Names, problems: &mut Problems) {
    let hint = meant(
        name,
        names.0.keys().map(|name| &**name),
        "rules are named by id or name, in any of the files that are loaded together",
    );
    problems.refuse_with(at, "rules", format!("no rule `{name}` is loaded"), hint);
}

/// Adds a filter's condition to a rule's.
fn narrow(rule: &mut RuleDoc, filter: &FilterDoc) {
    let offset = rule.selections.len();
    rule.selections
        .extend(filter.selections.iter().map(|selection| Selection {
            name: format!("{}/{}", filter.meta.info.title, selection.name).into(),
            expr: selection.expr.clone(),
        }));
    let own = std::mem::replace(&mut rule.logic, Logic::All(Vec::new()));
    rule.logic = Logic::All(vec![own, filter.logic.clone().shifted(offset)]);
}

fn correlation(
    document: &CorrelationDoc,
    all: &Documents,
    names: &Names,
    problems: &mut Problems,
) -> Option<Correlation<Field>> {
    let before = problems.refusals.len();
    let threshold = rule::threshold(document.kind, &document.condition, document.rules.len());
    let threshold = threshold.map_err(|reason| {
        problems.refuse_with(
            document.condition_at,
            "condition",
            reason,
            "write for example `condition: {gte: 10}`",
        );
    });
    if document.kind == Kind::ValueCount && document.field.is_none() {
        problems.refuse_with(
            document.condition_at,
            "field",
            "value_count needs the field whose values it counts",
            "write for example `condition: {field: cs-uri-stem, gte: 10}`",
        );
    }
    let mut bases = Vec::new();
    for (name, at) in &document.rules {
        match names.0.get(name) {
            Some(reference) => bases.extend(base(document, name, *reference, all, problems)),
            None if all.is_missing(name) => missing(name, *at, names, problems),
            None => return None,
        }
    }
    if problems.refusals.len() > before {
        return None;
    }
    Some(Correlation {
        info: Arc::clone(&document.meta.info),
        alerts: true,
        kind: document.kind,
        bases,
        timespan_nanos: document.timespan_nanos,
        threshold: threshold.ok()?,
    })
}

fn base(
    document: &CorrelationDoc,
    name: &str,
    reference: RuleRef,
    all: &Documents,
    problems: &mut Problems,
) -> Option<Base<Field>> {
    let meta = match reference {
        RuleRef::Rule(index) => &all.rules.get(index as usize)?.meta,
        RuleRef::Correlation(index) => &all.correlations.get(index as usize)?.meta,
    };
    let mut known: Vec<&str> = vec![name, &meta.info.id];
    known.extend(meta.name.as_deref());
    let group_by = document
        .group_by
        .iter()
        .filter_map(|(group, at)| document.group(group, *at, &known, problems))
        .collect();
    let field = document
        .field
        .as_ref()
        .filter(|_| document.kind == Kind::ValueCount)
        .map(|(field, at)| document.field(field, *at, &known, problems));
    Some(Base {
        rule: reference,
        id: Arc::clone(&meta.info.id),
        group_by,
        field,
    })
}

fn check(correlations: &[Correlation<Field>], all: &Documents, refusals: &mut Vec<RuleProblem>) {
    for fault in rule::check(correlations, all.rules.len()) {
        let Some(document) = all.correlations.get(fault.correlation) else {
            continue;
        };
        let mut problems = Problems::new(Arc::clone(&document.file));
        let hint = "take the rule out of the list, or give the correlation what it needs";
        problems.refuse_with(document.at, fault.construct, fault.reason, hint);
        refusals.append(&mut problems.refusals);
    }
}

/// Who makes sightings.
struct Alerts {
    rules: Vec<bool>,
    correlations: Vec<bool>,
}

impl Alerts {
    /// What a correlation counts is silent, unless one of those that count it says `generate: true`.
    fn silence(&mut self, correlations: &[Correlation<Field>], documents: &[CorrelationDoc]) {
        let mut spoken = Vec::new();
        for (correlation, document) in correlations.iter().zip(documents) {
            for base in &correlation.bases {
                if document.generate {
                    spoken.push(base.rule);
                }
                self.set(base.rule, false);
            }
        }
        for reference in spoken {
            self.set(reference, true);
        }
    }

    fn set(&mut self, reference: RuleRef, alerts: bool) {
        let slot = match reference {
            RuleRef::Rule(index) => self.rules.get_mut(index as usize),
            RuleRef::Correlation(index) => self.correlations.get_mut(index as usize),
        };
        if let Some(slot) = slot {
            *slot = alerts;
        }
    }
}
