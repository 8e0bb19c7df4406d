//! What the rules say of a line, for people: which fired, by what words, and some that did not.
//!
//! Nothing is decided here; [`crate::detect::explain`] says what was found where.

use super::page::Page;
use crate::detect::explain::{Explained, Found};
use crate::detect::{Rule, Ruleset, Signatures};
use crate::event::Event;
use crate::text::{clipped, shown};

/// How many rules that did not fire are named.
const QUIET: usize = 3;
/// Longest pattern that is shown of a test.
const PATTERN: usize = 60;
/// How many tests of a selection are shown.
const FOUND: usize = 4;

/// Rules that fired with the words that made them, those that only count, and by name some that did not fire.
pub(super) fn rules(
    out: &mut Page,
    ruleset: &Ruleset,
    event: &Event<'_, '_>,
    signatures: &mut Signatures,
    verbose: bool,
) {
    out.heading("rules");
    let all = ruleset.rules();
    let explained = signatures.explain(event);
    let judged = explained
        .iter()
        .filter_map(|one| Some((all.get(one.rule as usize)?, one)));
    let (fired, quiet): (Vec<_>, Vec<_>) = judged.partition(|(_, one)| one.fired.is_some());
    if !fired.iter().any(|(rule, _)| rule.alerts) {
        out.more("none fired");
    }
    let (alerts, counted): (Vec<_>, Vec<_>) = fired.into_iter().partition(|(rule, _)| rule.alerts);
    let quiet_shown = if verbose { quiet.len() } else { QUIET };
    for (rule, one) in alerts
        .into_iter()
        .chain(counted)
        .chain(quiet.iter().copied().take(quiet_shown))
    {
        out.more(&format!("{} ({})", rule.info.title, rule.info.id));
        out.more(&format!("  {}", verdict(rule, one)));
        if verbose || rule.alerts && one.fired.is_some() {
            selections(out, one, verbose);
        }
    }
    if !verbose && !quiet.is_empty() {
        let more = quiet.len().saturating_sub(QUIET);
        out.more(&match more {
            0 => "-v shows what each rule looked for".to_owned(),
            more => format!("… {more} more did not fire; -v shows what each rule looked for"),
        });
    }
}

/// How a rule judged, in one line.
fn verdict(rule: &Rule, explained: &Explained) -> String {
    let info = &rule.info;
    match explained.fired {
        Some(view) if rule.alerts => format!(
            "✔ fired on the {} view: class {}, confidence {:.2}",
            view.name(),
            info.class.name(),
            info.confidence.value()
        ),
        Some(view) => format!("✔ held on the {} view: counted by a correlation", view.name()),
        None => "✘ did not fire".to_owned(),
    }
}

/// What of a rule's selections was found where: of those that hold, or of all.
fn selections(out: &mut Page, explained: &Explained, all: bool) {
    let shown = explained.selections.iter().filter(|one| all || one.holds);
    for selection in shown {
        let mark = if selection.holds { "holds" } else { "does not hold" };
        out.more(&format!(
            "  {} {mark} on the {} view",
            selection.name,
            selection.view.name()
        ));
        for found in selection.found.iter().take(FOUND) {
            out.more(&format!(
                "    {} at bytes {}..{}: {}",
                clipped(&found.asked, PATTERN),
                found.span.start,
                found.span.end,
                excerpt(found)
            ));
        }
        if !selection.holds {
            for missed in selection.missed.iter().take(FOUND) {
                out.more(&format!("    not found: {}", clipped(missed, 3 * PATTERN)));
            }
        }
    }
}

/// The field's text around what matched, which stands in ⟨ ⟩.
fn excerpt(found: &Found) -> String {
    const AROUND: usize = 40;
    let text = &found.text;
    let (start, end) = (found.span.start.min(text.len()), found.span.end.min(text.len()));
    let before = &text[start.saturating_sub(AROUND)..start];
    let after = &text[end..text.len().min(end + AROUND)];
    let cut = |cut: bool| if cut { "…" } else { "" };
    format!(
        "{}{}⟨{}⟩{}{}",
        cut(start > AROUND),
        shown(before),
        clipped(&shown(&text[start..end]), 200),
        shown(after),
        cut(text.len() > end + AROUND)
    )
}
