//! What `afw explain --json` says: the same as for people, as documents.
//!
//! Nothing is decided here. Events, sightings and indicators are written as everywhere; rules and windows have no other form.

use serde_json::{Value, json};

use super::Explainer;
use crate::analysis::Fold;
use crate::detect::correlate::correlator::Progress;
use crate::detect::explain::{Explained, Found, Outcome, Plain};
use crate::detect::{Rule, Signatures};
use crate::drive::start;
use crate::event::Event;
use crate::indicator::Indicator;
use crate::text::shown;
use afw_parsers::Record;

/// One line through every stage.
pub(super) fn line(explainer: &Explainer<'_>, line: &[u8]) -> String {
    let mut record = Record::default();
    let rejected = explainer.read(line, &mut record).err();
    let mut document = json!({
        "line": shown(line),
        "format": explainer.layout.name(),
        "candidates": candidates(explainer),
        "rejected": rejected.as_ref().map(|reject| json!({ "reason": reject.reason.name(), "at": reject.at })),
        "client": hops(explainer, &record),
    });
    let mut put = |key: &str, value: Value| document[key] = value;
    let mut event = Value::Null;
    if rejected.is_none() {
        explainer.scanner().with_event(&record, |read, signatures| {
            event = parsed(&crate::ecs::document(read));
            put("readings", readings(read));
            put("rules", rules(explainer.kit.ruleset.rules(), read, signatures));
        });
    }
    put("event", event);
    let mut fold = start::fold(explainer.config, explainer.kit, false);
    put("sightings", sightings(explainer, &mut fold, line));
    let all = fold.indicators();
    let indicators = all.iter().map(|one| parsed(&crate::indicator::to_json(one)));
    put("indicators", indicators.collect());
    format!("{document}\n")
}

/// An indicator with the place of each of its evidence and the state of its windows.
pub(super) fn why(indicator: &Indicator, windows: &[Progress]) -> String {
    let mut document = parsed(&crate::indicator::to_json(indicator));
    if let Some(evidence) = document["evidence"].as_array_mut() {
        for (one, kept) in evidence.iter_mut().zip(&indicator.evidence) {
            one["file"] = json!(*kept.file);
            one["offset"] = json!(kept.offset);
        }
    }
    document["windows"] = windows.iter().map(window).collect();
    document.to_string()
}

fn window(progress: &Progress) -> Value {
    let rule = &progress.rule;
    json!({
        "rule": { "id": *rule.id, "title": *rule.title },
        "count": progress.count, "threshold": progress.threshold,
    })
}

/// What afw wrote itself.
fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

fn candidates(explainer: &Explainer<'_>) -> Value {
    let all = explainer.candidates.iter();
    all.map(|one| json!({ "format": one.format.name(), "score": one.score }))
        .collect()
}

fn hops(explainer: &Explainer<'_>, record: &Record<'_>) -> Value {
    let hops = explainer.kit.trust.explain(record);
    hops.iter()
        .map(|hop| json!({ "origin": hop.origin, "text": hop.text, "why": hop.why.to_string() }))
        .collect()
}

fn sightings(explainer: &Explainer<'_>, fold: &mut Fold, line: &[u8]) -> Value {
    let mut scan = explainer.scan(line);
    let outcome = (!scan.found.is_empty()).then(|| fold.take(&mut scan, 0));
    let finding = outcome.and_then(|outcome| outcome.finding);
    let all = finding.iter().flat_map(|finding| {
        let of = |one| parsed(&crate::ecs::sighting(&finding.event, one));
        finding.sightings.iter().map(of)
    });
    all.collect()
}

/// The target on each view, where one differs from those before it.
fn readings(event: &Event<'_, '_>) -> Value {
    let mut targets: Vec<_> = Plain::new(event).targets().collect();
    let mut before: Vec<Option<Vec<u8>>> = Vec::new();
    targets.retain(|(_, target)| {
        let new = !before.contains(target);
        before.push(target.clone());
        new
    });
    let all = targets.iter().filter_map(|(view, target)| {
        let target = target.as_deref()?;
        Some(json!({ "view": view.name(), "target": shown(target) }))
    });
    all.collect()
}

/// Each rule that was looked at.
fn rules(all: &[Rule], event: &Event<'_, '_>, signatures: &mut Signatures) -> Value {
    let explained = signatures.explain(event);
    let judged = explained
        .iter()
        .filter_map(|one| Some((all.get(one.rule as usize)?, one)));
    judged.map(|(rule, one)| judgement(rule, one)).collect()
}

fn judgement(rule: &Rule, explained: &Explained) -> Value {
    json!({
        "id": *rule.info.id, "title": *rule.info.title, "alerts": rule.alerts,
        "fired": explained.fired.map(crate::detect::View::name),
        "selections": explained.selections.iter().map(selection).collect::<Value>(),
    })
}

fn selection(outcome: &Outcome) -> Value {
    json!({
        "name": *outcome.name, "holds": outcome.holds, "view": outcome.view.name(),
        "found": outcome.found.iter().map(found).collect::<Value>(), "missed": outcome.missed,
    })
}

/// A test that held: what the rule asks, and the bytes of the field that answer it.
fn found(found: &Found) -> Value {
    let words = found.text.get(found.span.clone()).unwrap_or_default();
    json!({
        "field": found.field, "asked": found.asked,
        "start": found.span.start, "end": found.span.end, "text": shown(words),
    })
}
