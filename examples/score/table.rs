//! The tables that are printed: by class, by goal, by family of rules, by client.

use std::collections::{BTreeMap, BTreeSet};

use afw::detect::Ruleset;

use crate::case::Case;
use crate::judge::Verdict;
use crate::sessions::Session;

/// How many there were, how many a rule fired on, and how many with a confidence of 0.5 and of 0.7.
#[derive(Debug, Default, Clone, Copy)]
pub struct Count {
    all: usize,
    any: usize,
    sure: usize,
    certain: usize,
}

impl Count {
    fn add(&mut self, confidence: f64) {
        self.all += 1;
        self.any += usize::from(confidence > 0.0);
        self.sure += usize::from(confidence >= 0.5);
        self.certain += usize::from(confidence >= 0.7);
    }

    fn row(&self, name: &str, goal: &str) -> String {
        let percent = |part: usize| 100.0 * part as f64 / self.all.max(1) as f64;
        format!(
            "{name:<50} {:>6} {:>8.2} {:>8.2} {:>8.2}  {goal}",
            self.all,
            percent(self.any),
            percent(self.sure),
            percent(self.certain)
        )
    }

    /// Percent on which a rule fired.
    pub fn any_percent(&self) -> f64 {
        100.0 * self.any as f64 / self.all.max(1) as f64
    }

    /// Percent with a confidence of 0.5 or more.
    pub fn sure_percent(&self) -> f64 {
        100.0 * self.sure as f64 / self.all.max(1) as f64
    }

    /// Percent with a confidence of 0.7 or more.
    pub fn certain_percent(&self) -> f64 {
        100.0 * self.certain as f64 / self.all.max(1) as f64
    }
}

fn head(name: &str) -> String {
    format!(
        "{name:<50} {:>6} {:>8} {:>8} {:>8}",
        "number", "any %", ">=0.5 %", ">=0.7 %"
    )
}

/// What is asked of a count.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// At least so many percent sighted.
    Any(f64),
    /// At most so many percent sighted.
    AtMost(f64),
    /// At most so many percent sighted, and at most so many with 0.5 or more.
    AtMostSure(f64, f64),
    /// At least so many percent with 0.7 or more.
    Certain(f64),
    /// At most so many percent with 0.5 or more, and with 0.7 or more.
    AtMostCertain(f64, f64),
}

impl Goal {
    /// Whether a count reaches it.
    pub fn is_reached(self, count: &Count) -> bool {
        match self {
            Self::Any(least) => count.any_percent() >= least,
            Self::AtMost(most) => count.any_percent() <= most,
            Self::AtMostSure(any, sure) => count.any_percent() <= any && count.sure_percent() <= sure,
            Self::Certain(least) => count.certain_percent() >= least,
            Self::AtMostCertain(sure, certain) => {
                count.sure_percent() <= sure && count.certain_percent() <= certain
            }
        }
    }

    fn words(self) -> String {
        match self {
            Self::Any(least) => format!("any >= {least}"),
            Self::AtMost(most) => format!("any <= {most}"),
            Self::AtMostSure(any, sure) => format!("any <= {any}, >=0.5 <= {sure}"),
            Self::Certain(least) => format!(">=0.7 >= {least}"),
            Self::AtMostCertain(sure, certain) => format!(">=0.5 <= {sure}, >=0.7 <= {certain}"),
        }
    }
}

/// A name, the goal, and which cases it counts.
pub type Group = (&'static str, Goal, fn(&Case) -> bool);

/// The goals of docs/detection.md by request.
pub const GROUPS: &[Group] = &[
    ("attack payloads", Goal::Any(96.0), |case| case.tier == "payload"),
    ("  SQL injection", Goal::Any(96.0), |case| case.class == "sqli"),
    ("  cross-site scripting", Goal::Any(97.0), |case| {
        case.class == "xss"
    }),
    ("  file inclusion and traversal", Goal::Any(97.0), |case| {
        case.class == "lfi"
    }),
    ("  command injection", Goal::Any(93.0), |case| case.class == "rce"),
    ("  Log4Shell", Goal::Any(100.0), |case| case.class == "log4shell"),
    ("payloads in base64", Goal::Any(80.0), |case| {
        case.tier == "payload-b64"
    }),
    ("template probes, tier attack", Goal::Any(70.0), |case| {
        case.tier == "attack" && case.id.starts_with("nuc-")
    }),
    ("honeypot requests", Goal::Any(85.0), |case| {
        case.class == "wild-honeypot"
    }),
    ("scanner tools by agent", Goal::Any(99.0), |case| {
        case.class == "scanner-tool"
    }),
    ("script clients by agent", Goal::Any(98.0), |case| {
        case.class == "script-client"
    }),
    ("benign requests", Goal::AtMostSure(1.0, 0.25), Case::is_benign),
    ("look-alikes", Goal::AtMostSure(100.0, 3.0), |case| {
        case.tier == "lookalike"
    }),
    ("real browsers", Goal::AtMost(0.1), |case| {
        case.class == "browser-real"
    }),
];

/// The goals by client.
const CLIENTS: &[(&str, Goal, bool)] = &[
    ("hostile clients", Goal::Certain(99.0), true),
    ("benign clients", Goal::AtMostCertain(1.0, 0.2), false),
];

/// Counts by class and by goal.
#[derive(Debug, Default)]
pub struct Table {
    classes: BTreeMap<String, Count>,
    groups: Vec<Count>,
}

impl Table {
    /// Counts one request.
    pub fn add(&mut self, case: &Case, verdict: &Verdict) {
        let class = format!("{} {} {}", case.kind, case.class, case.tier);
        self.classes.entry(class).or_default().add(verdict.confidence);
        self.groups.resize(GROUPS.len(), Count::default());
        for (count, (_, _, holds)) in self.groups.iter_mut().zip(GROUPS) {
            if holds(case) {
                count.add(verdict.confidence);
            }
        }
    }

    /// The groups that have cases, with their goals.
    pub fn groups(&self) -> impl Iterator<Item = (&'static str, Goal, &Count)> {
        GROUPS
            .iter()
            .zip(&self.groups)
            .filter(|(_, count)| count.all > 0)
            .map(|(&(name, goal, _), count)| (name, goal, count))
    }

    /// The lines of the table by class.
    pub fn by_class(&self) -> Vec<String> {
        let rows = self.classes.iter().map(|(class, count)| count.row(class, ""));
        [head("class")].into_iter().chain(rows).collect()
    }

    /// The lines of the table by goal.
    pub fn by_goal(&self) -> Vec<String> {
        let rows = self
            .groups()
            .map(|(name, goal, count)| count.row(name, &marked(goal, count)));
        [head("goal")].into_iter().chain(rows).collect()
    }
}

fn marked(goal: Goal, count: &Count) -> String {
    let mark = if goal.is_reached(count) { "" } else { "   MISSED" };
    format!("{}{mark}", goal.words())
}

/// The lines of the table of clients of one size.
pub fn by_client(sessions: &[Session<'_>], size: usize) -> Vec<String> {
    let mut classes: BTreeMap<&str, Count> = BTreeMap::new();
    let mut totals = [Count::default(); 2];
    for session in sessions {
        classes.entry(&session.group).or_default().add(session.confidence);
        let hostile = session.is_hostile();
        totals[usize::from(!hostile)].add(session.confidence);
    }
    let mut lines = vec![head(&format!("clients of {size} requests"))];
    lines.extend(classes.iter().map(|(class, count)| count.row(class, "")));
    for ((name, goal, _), count) in CLIENTS.iter().zip(&totals) {
        lines.push(count.row(name, &marked(*goal, count)));
    }
    lines
}

/// What one rule or family did.
#[derive(Debug, Default, Clone)]
struct Deed {
    hostile: usize,
    alone: usize,
    benign: usize,
    name: String,
}

/// The lines of the tables by family and by rule: on how many hostile and benign cases each fired, and on how many
/// hostile ones alone.
pub fn by_rule(ruleset: &Ruleset, verdicts: &[(&Case, Verdict)]) -> Vec<String> {
    let family = |rule: u32| {
        ruleset
            .rules()
            .get(rule as usize)
            .map(|rule| rule.info.source.to_string())
    };
    let title = |rule: u32| {
        ruleset
            .rules()
            .get(rule as usize)
            .map(|rule| format!("  {} ({})", rule.info.title, rule.info.confidence.value()))
    };
    let mut lines = Vec::new();
    for (name, of) in [
        ("family", &family as &dyn Fn(u32) -> Option<String>),
        ("rule", &title),
    ] {
        let mut deeds: BTreeMap<String, Deed> = BTreeMap::new();
        for (case, verdict) in verdicts {
            let names: BTreeSet<String> = verdict.rules.iter().filter_map(|rule| of(*rule)).collect();
            for name in &names {
                let deed = deeds.entry(name.clone()).or_default();
                deed.name.clone_from(name);
                deed.hostile += usize::from(case.is_hostile());
                deed.alone += usize::from(case.is_hostile() && names.len() == 1);
                deed.benign += usize::from(case.kind == "benign");
            }
        }
        lines.push(format!(
            "{name:<70} {:>8} {:>8} {:>8}",
            "hostile", "alone", "benign"
        ));
        lines.extend(deeds.values().map(|deed| {
            format!(
                "{:<70} {:>8} {:>8} {:>8}",
                deed.name, deed.hostile, deed.alone, deed.benign
            )
        }));
    }
    lines
}
