//! [`Ticker`]: turns the hits on one line into [`Tick`]s, in parallel, without the windows.
//!
//! A tick is small and `Copy`: what it says of the line's text are hashes. **Keys**: the client alone is its own
//! key; everything else is hashed. A line without a client address takes part in no window keyed by client. Another
//! absent field is a value of its own, but a line on which every grouped field is absent takes no part: it would
//! fall into one window with all lines of a log that does not have the field. A rule without `group-by` has one
//! window for all lines.
//!
//! A line counts once for `event_count` and `value_count`, however many of the listed rules hit on it; without the
//! counted field it does not count for `value_count`. For the temporal kinds each rule counts, in the order listed.

use std::fmt::Debug;
use std::net::IpAddr;
use std::ops::Deref;

use super::grouped::{Counted, Grouped};
use super::routes::{Routed, Routes};
use super::rule::Correlation;
use crate::detect::fields::{self, Field};
use crate::event::Event;

/// One line counts for one correlation, or for a series of them that count the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Index of the correlation; that of a series lies behind those of all correlations.
    pub correlation: u32,
    /// Which of its rules hit.
    pub base: u32,
    /// The window's key.
    pub key: u128,
    /// Hash of the counted value, number of the rule, or 0, as the kind needs.
    pub value: u64,
}

/// Makes ticks; one per thread.
#[derive(Debug)]
pub struct Ticker<F = Field> {
    routes: Routes,
    routed: Routed,
    grouped: Grouped<F>,
}

impl Ticker {
    /// Appends the ticks of an event on which `hits` (indices of detection rules) hit; no other hits have their `number`. An
    /// event without a time takes part in no window.
    pub fn observe(
        &mut self,
        event: &Event<'_, '_>,
        number: Option<u64>,
        hits: impl IntoIterator<Item = u32>,
        ticks: &mut Vec<Tick>,
    ) {
        if event.record.time.is_some() {
            self.ticks(
                event.client.address,
                (number, hits),
                |field| fields::text(event, field),
                ticks,
            );
        }
    }
}

impl<F: Clone + PartialEq + Debug> Ticker<F> {
    /// For rules that passed [`super::rule::check`]; `rules` is the number of detection rules.
    pub fn new(correlations: &[Correlation<F>], rules: usize) -> Self {
        let mut grouped = Grouped::default();
        Self {
            routes: Routes::new(correlations, rules, &mut grouped),
            routed: Routed::new(),
            grouped,
        }
    }

    /// True when some correlation counts hits on this detection rule.
    pub fn counts(&self, rule: u32) -> bool {
        self.routes.counts(rule)
    }

    /// Appends the ticks of one line of a client on which `hits` (a number that no others have, indices of detection rules)
    /// hit; `value` reads a field.
    pub fn ticks<V: Deref<Target = [u8]>>(
        &mut self,
        client: Option<IpAddr>,
        (number, hits): (Option<u64>, impl IntoIterator<Item = u32>),
        value: impl Fn(&F) -> Option<V>,
        ticks: &mut Vec<Tick>,
    ) {
        let Self {
            routes,
            routed,
            grouped,
        } = self;
        let mut line = grouped.line(client, value);
        for route in routed.of(routes, number, hits) {
            let Some(key) = line.key(route.key) else { continue };
            let counted = match route.counted {
                Counted::Line => Some(0),
                Counted::Value(field) => line.value(field),
                Counted::Base => Some(u64::from(route.base)),
            };
            let Some(value) = counted else { continue };
            ticks.push(Tick {
                correlation: route.correlation,
                base: route.base,
                key,
                value,
            });
        }
    }
}

#[cfg(test)]
#[path = "tick/tests.rs"]
mod tests;
