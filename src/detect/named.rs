//! What a payload names beside its sender: hosts that it calls back, files that it includes from elsewhere, sites that
//! a referrer advertises, the tool that sent it.
//!
//! Only a line on which a rule fired is looked at, and only its first [`SCANNED`] bytes a text. A host counts when the
//! payload itself *does* something with it: a look-up (`${jndi:ldap://HOST`), a command (`wget http://HOST/x`,
//! `ping HOST`, `/dev/tcp/HOST/`), markup (`<script src=//HOST`), a call or an inclusion (`include('http://HOST/x')`),
//! a share (`\\HOST\share`). A plain address as the value of a parameter (`?page=http://HOST/x.txt?`) is what links and
//! log-ins look like too: it counts only for a rule that says so (`afw: {names: parameters}`). The referrer counts for
//! a rule with `names: referrer`. A client writes all of this, so nothing here is proof: see [`host`] for what is
//! never named. Next: [`crate::indicator`].

mod call;
mod host;

use std::borrow::Cow;
use std::sync::Arc;

use memchr::memmem;

use crate::enrich::AgentType;
use crate::event::{Event, Observable, Sighting, ValueType};
use crate::text::shown;

use super::{Class, Confidence, Names, views};
use host::Outside;

/// How much of a target, a user agent or a referrer is searched, in bytes.
const SCANNED: usize = 8 << 10;
/// How many values one line may name.
const MOST: usize = 8;
/// How sure a rule of referrer spam makes the advertised site at least: its words stand in that very name, while the
/// client may be anybody.
const ADVERTISED: f64 = 0.6;

/// Notes in each sighting what the line's payload names. `names_nothing` says whether it is known that the same target,
/// agent and referrer name nothing, whatever the host; it is set when that is found out here.
pub fn note(
    event: &Event<'_, '_>,
    own: &[Box<str>],
    sightings: &mut [Sighting],
    mut names_nothing: Option<&mut bool>,
) {
    if !sightings.iter().any(|sighting| may_name(event, sighting)) {
        return;
    }
    let outside = Outside::of(event.record.host.as_deref(), own);
    let is_known = names_nothing.as_deref().is_some_and(|nothing| *nothing);
    let mut payload: Option<Vec<Found>> = is_known.then(Vec::new);
    for sighting in sightings {
        let names = sighting.rule.names;
        if carries(sighting.class) || names.parameters {
            let found = payload.get_or_insert_with(|| {
                let payload = Payload::of(event, &outside);
                names_nothing
                    .iter_mut()
                    .for_each(|nothing| **nothing = !payload.names_any);
                payload.found
            });
            let wanted = |one: &&Found| one.active || names.parameters;
            let values = found.iter().filter(wanted).flat_map(Found::observables);
            sighting.observables.extend(values.take(MOST));
        }
        if names.referrer {
            let referrer = event.record.referrer.as_deref().unwrap_or_default();
            sighting.observables.extend(advertised(referrer, &outside));
        }
        if is_tool(event, sighting) {
            sighting.observables.extend(agent(event));
        }
    }
}

fn may_name(event: &Event<'_, '_>, sighting: &Sighting) -> bool {
    let names = sighting.rule.names;
    carries(sighting.class) || names != Names::default() || is_tool(event, sighting)
}

/// Whether sightings of a class are about what a request carries.
const fn carries(class: Class) -> bool {
    matches!(class, Class::Exposure | Class::Exploit | Class::Webshell)
}

/// A rule about tools alone does not condemn the agent: it may have seen a tool's path under a browser's name.
fn is_tool(event: &Event<'_, '_>, sighting: &Sighting) -> bool {
    sighting.class == Class::Tool && event.agent.kind == AgentType::Scanner
}

fn agent(event: &Event<'_, '_>) -> Option<Observable> {
    let value = shown(event.record.user_agent.as_deref()?);
    Some(Observable {
        kind: ValueType::UserAgent,
        value: value.as_ref().into(),
        confidence: None,
    })
}

fn advertised(referrer: &[u8], outside: &Outside<'_>) -> Option<Observable> {
    let start = memmem::find(referrer.get(..16).unwrap_or(referrer), b"://")? + 3;
    let name = host::authority(referrer.get(start..)?);
    let (name, public) = outside.domain(name)?;
    public.then(|| Observable {
        kind: ValueType::Domain,
        value: name.into(),
        confidence: Confidence::new(ADVERTISED),
    })
}

/// A host that a payload names.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// The domain, where the host is one and not a place that everybody shares.
    domain: Option<Arc<str>>,
    /// The whole address, where there is one.
    url: Option<Arc<str>>,
    /// Whether the payload does something with it.
    active: bool,
}

impl Found {
    fn observables(&self) -> impl Iterator<Item = Observable> {
        let one = |kind, value: &Option<Arc<str>>| {
            value.clone().map(|value| Observable {
                kind,
                value,
                confidence: None,
            })
        };
        one(ValueType::Domain, &self.domain)
            .into_iter()
            .chain(one(ValueType::Url, &self.url))
    }
}

/// All that target, user agent and referrer name, in that order.
struct Payload<'o> {
    outside: &'o Outside<'o>,
    found: Vec<Found>,
    /// Whether they name anything at all, be it only what is never held against somebody.
    names_any: bool,
}

impl<'o> Payload<'o> {
    const fn new(outside: &'o Outside<'o>) -> Self {
        Self {
            outside,
            found: Vec::new(),
            names_any: false,
        }
    }

    fn of(event: &Event<'_, '_>, outside: &'o Outside<'o>) -> Self {
        let mut payload = Self::new(outside);
        let record = event.record;
        let texts = [
            &record.target,
            &record.malformed_request,
            &record.user_agent,
            &record.referrer,
        ];
        for (at, text) in texts.into_iter().enumerate() {
            let Some(text) = text.as_deref() else { continue };
            let text = decoded(text.get(..SCANNED).unwrap_or(text), at < 2);
            payload.search(&text, at < 2);
        }
        payload
    }

    fn search(&mut self, text: &[u8], target: bool) {
        for at in pairs(text, b'/') {
            let before = text.get(..at).unwrap_or_default();
            let Some(scheme) = call::scheme(before) else {
                continue;
            };
            let rest = text.get(at + 2..).unwrap_or_default();
            let before = before.get(..before.len() - scheme.len()).unwrap_or_default();
            // `${lower:l}dap:` leaves a scheme that is none.
            let disguised = before.ends_with(b"}");
            let active = (scheme.is_empty() || call::is_remote(scheme) || disguised)
                && call::is_active(before, scheme);
            if active || (target && call::is_fetched(scheme) && call::begins_a_value(before)) {
                let from = at - scheme.len();
                let url = call::address(text.get(from..).unwrap_or_default());
                self.note(
                    host::authority(rest),
                    call::is_remote(scheme).then_some(url),
                    active,
                );
            }
        }
        call::bare(text, |name| self.note(name, None, true));
    }

    fn note(&mut self, name: &[u8], url: Option<&[u8]>, active: bool) {
        self.names_any = true;
        let Some(one) = self.outside.found(name, url, active) else {
            return;
        };
        let same = |other: &Found| other.domain == one.domain && other.url == one.url;
        let known = self.found.iter().position(same);
        if let Some(other) = known.and_then(|at| self.found.get_mut(at)) {
            other.active |= active;
        } else if self.found.len() < MOST {
            self.found.push(one);
        }
    }
}

/// Percent-decoded twice, as far as that changes anything.
fn decoded(text: &[u8], plus: bool) -> Cow<'_, [u8]> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..2 {
        // After one layer a `+` is a plus.
        let plus = plus && matches!(text, Cow::Borrowed(_));
        let mut out = Vec::new();
        if !views::is_encoded(&text, plus) || !views::decode(&text, plus, &mut out) {
            break;
        }
        text = Cow::Owned(out);
    }
    text
}

/// Where a byte stands twice in a row, from left to right and without overlap.
fn pairs(text: &[u8], byte: u8) -> impl Iterator<Item = usize> {
    let mut free = 0;
    memchr::memchr_iter(byte, text).filter(move |&at| {
        let is_pair = at >= free && text.get(at + 1) == Some(&byte);
        free = if is_pair { at + 2 } else { free };
        is_pair
    })
}

#[cfg(test)]
#[path = "named/tests.rs"]
mod tests;
