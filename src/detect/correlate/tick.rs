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

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;

use afw_parsers::Time;

use super::hash::{Frame, Memo};
use super::routes::{Route, Routed, Routes};
use super::rule::{Correlation, Group, Kind, Net};
use crate::detect::fields::{self, Field};
use crate::event::Event;

/// One line counts for one correlation. Which line it is ([`Place`]) is told once for all its ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Index of the correlation.
    pub correlation: u32,
    /// Which of its rules hit.
    pub base: u32,
    /// The window's key.
    pub key: u128,
    /// Hash of the counted value, number of the rule, or 0, as the kind needs.
    pub value: u64,
}

/// Which line ticks come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Event time.
    pub time: Time,
    /// Number of the log.
    pub log: u32,
    /// Offset in the decoded stream.
    pub offset: u64,
}

/// Makes ticks; one per thread.
#[derive(Debug)]
pub struct Ticker<F = Field> {
    correlations: Vec<Counted<F>>,
    routes: Routes,
    routed: Routed,
    frame: Frame,
    memo: Memo,
}

/// What the ticker must know of one correlation.
#[derive(Debug)]
struct Counted<F> {
    kind: Kind,
    /// The client's network, when that alone is the key for every base.
    client: Option<Net>,
    bases: Vec<Grouped<F>>,
}

#[derive(Debug)]
struct Grouped<F> {
    group_by: Vec<Group<F>>,
    field: Option<F>,
}

impl Ticker {
    /// Appends the ticks of an event on which `hits` (indices of detection rules) hit. An event without a time takes
    /// part in no window.
    pub fn observe(
        &mut self,
        event: &Event<'_, '_>,
        hits: impl IntoIterator<Item = u32>,
        ticks: &mut Vec<Tick>,
    ) {
        if event.record.time.is_some() {
            self.ticks(
                event.client.address,
                hits,
                |field| fields::text(event, field),
                ticks,
            );
        }
    }
}

impl<F: Clone> Ticker<F> {
    /// For rules that passed [`super::rule::check`]; `rules` is the number of detection rules.
    pub fn new(correlations: &[Correlation<F>], rules: usize) -> Self {
        Self {
            correlations: correlations.iter().map(Counted::new).collect(),
            routes: Routes::new(correlations, rules),
            routed: Routed::new(),
            frame: Frame::default(),
            memo: Memo::default(),
        }
    }

    /// True when some correlation counts hits on this detection rule.
    pub fn counts(&self, rule: u32) -> bool {
        self.routes.counts(rule)
    }

    /// Appends the ticks of one line of a client on which `hits` (indices of detection rules) hit; `value` reads a field.
    pub fn ticks<V: Deref<Target = [u8]>>(
        &mut self,
        client: Option<IpAddr>,
        hits: impl IntoIterator<Item = u32>,
        value: impl Fn(&F) -> Option<V>,
        ticks: &mut Vec<Tick>,
    ) {
        let Self {
            correlations,
            routes,
            routed,
            frame,
            memo,
        } = self;
        for route in routed.of(routes, hits) {
            let correlation = correlations.get(route.correlation as usize);
            let tick = correlation.and_then(|counted| counted.tick(*route, client, &value, frame, memo));
            if let Some(tick) = tick {
                ticks.push(tick);
            }
        }
    }
}

impl<F: Clone> Counted<F> {
    fn new(correlation: &Correlation<F>) -> Self {
        let grouped = correlation.bases.iter().map(|base| Grouped {
            group_by: base.group_by.clone(),
            field: base.field.clone(),
        });
        Self {
            kind: correlation.kind,
            client: client_alone(correlation),
            bases: grouped.collect(),
        }
    }

    fn tick<V: Deref<Target = [u8]>>(
        &self,
        route: Route,
        client: Option<IpAddr>,
        value: &impl Fn(&F) -> Option<V>,
        frame: &mut Frame,
        memo: &mut Memo,
    ) -> Option<Tick> {
        let base = self.bases.get(route.base as usize)?;
        let key = match self.client {
            Some(net) => client_key(client?, net),
            None => {
                fill(frame, client, &base.group_by, value)?;
                memo.digest(frame.bytes())
            }
        };
        let tag = match (&self.kind, &base.field) {
            (Kind::EventCount, _) => 0,
            (Kind::ValueCount, field) => (memo.digest(&value(field.as_ref()?)?) >> 64) as u64,
            (Kind::Temporal | Kind::TemporalOrdered, _) => u64::from(route.base),
        };
        Some(Tick {
            correlation: route.correlation,
            base: route.base,
            key,
            value: tag,
        })
    }
}

/// The client's network, when every base of the correlation is grouped by that and nothing else.
pub(super) fn client_alone<F>(correlation: &Correlation<F>) -> Option<Net> {
    let mut nets = correlation
        .bases
        .iter()
        .map(|base| match base.group_by.as_slice() {
            [Group::Client(net)] => Some(*net),
            _ => None,
        });
    let first = nets.next()??;
    nets.all(|net| net == Some(first)).then_some(first)
}

/// The key of a window that is grouped by client alone: the network's first address, IPv4 as mapped IPv6.
pub(super) fn client_key(client: IpAddr, net: Net) -> u128 {
    match cut(client, net) {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The first address of the network.
fn cut(address: IpAddr, net: Net) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let host = u32::MAX.checked_shr(net.v4_bits.into()).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !host))
        }
        IpAddr::V6(v6) => {
            let host = u128::MAX.checked_shr(net.v6_bits.into()).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !host))
        }
    }
}

/// Frames the values that a line is grouped by; `None` when it takes no part.
fn fill<F, V: Deref<Target = [u8]>>(
    frame: &mut Frame,
    client: Option<IpAddr>,
    group_by: &[Group<F>],
    value: &impl Fn(&F) -> Option<V>,
) -> Option<()> {
    frame.clear();
    let mut present = group_by.is_empty();
    for group in group_by {
        match group {
            Group::Client(net) => {
                present = true;
                frame_address(frame, cut(client?, *net));
            }
            Group::Field(field) => match value(field) {
                Some(value) => {
                    present = true;
                    frame.part(&value);
                }
                None => frame.absent(),
            },
        }
    }
    present.then_some(())
}

/// An address as its text, so that it meets the same address in a text field of an aliased rule.
fn frame_address(frame: &mut Frame, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => frame_dotted(frame, v4),
        IpAddr::V6(v6) => {
            let mut text = [0u8; 48];
            let mut rest: &mut [u8] = &mut text;
            // The longest address is 45 characters; writing it cannot fail.
            let _ = write!(rest, "{v6}");
            let used = 48 - rest.len();
            frame.part(text.get(..used).unwrap_or_default());
        }
    }
}

/// `192.0.2.7`, which the standard library takes some thousand instructions for.
fn frame_dotted(frame: &mut Frame, address: Ipv4Addr) {
    let mut text = [b'.'; 15];
    let mut used = 0;
    for octet in address.octets() {
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let leading = usize::from(octet < 100) + usize::from(octet < 10);
        for digit in digits.iter().skip(leading) {
            if let Some(place) = text.get_mut(used) {
                *place = b'0' + digit;
            }
            used += 1;
        }
        // The point behind stands already, and behind the last octet is cut off.
        used += 1;
    }
    frame.part(text.get(..used - 1).unwrap_or_default());
}

#[cfg(test)]
#[path = "tick/tests.rs"]
mod tests;
