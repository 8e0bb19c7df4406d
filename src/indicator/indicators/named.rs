//! The values that a line's payloads name, each with what says so.
//!
//! What a payload names is found in [`crate::detect::named`]; what becomes a value is [`Subject::observed`]'s to say.

use std::sync::Arc;

use crate::detect::Confidence;
use crate::event::{Finding, Sighting};
use crate::indicator::subject::Subject;

/// The values that a line's payloads name, in order, each with the sightings that name it.
pub(super) fn observed(finding: &Finding) -> Vec<(Subject, Vec<Sighting>)> {
    let mut named: Vec<(Subject, &Sighting, Option<Confidence>)> = Vec::new();
    for sighting in &finding.sightings {
        for observable in &sighting.observables {
            if let Some(subject) = Subject::observed(observable, &finding.event) {
                named.push((subject, sighting, observable.confidence));
            }
        }
    }
    // In the order of sightings for each value; nearly always there is one or none.
    named.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let mut observed: Vec<(Subject, Vec<Sighting>)> = Vec::new();
    for (subject, sighting, least) in named {
        let told = named_by(sighting, least);
        match observed.last_mut().filter(|(last, _)| *last == subject) {
            Some((_, sightings)) => match sightings.last_mut() {
                // The same sighting names it twice.
                Some(last) if Arc::ptr_eq(&last.rule, &told.rule) => *last = told,
                _ => sightings.push(told),
            },
            None => observed.push((subject, vec![told])),
        }
    }
    observed
}

/// A sighting as it is about a value that it names, of which it is this sure at least.
fn named_by(sighting: &Sighting, least: Option<Confidence>) -> Sighting {
    Sighting {
        rule: Arc::clone(&sighting.rule),
        confidence: least.map_or(sighting.confidence, |least| least.max(sighting.confidence)),
        observables: Vec::new(),
        ..*sighting
    }
}
