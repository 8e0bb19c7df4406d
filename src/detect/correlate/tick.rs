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

use std::net::IpAddr;
use std::ops::Deref;

use afw_parsers::Time;

use super::hash::{Frame, Memo};
use super::rule::{Correlation, Group, Kind, Net, RuleRef, depths};
use crate::detect::fields::{self, Field};
use crate::event::Event;
use crate::net::Cidr;

/// One line counts for one correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Index of the correlation.
    pub correlation: u32,
    /// Which of its rules hit.
    pub base: u32,
    /// Event time of the line.
    pub time: Time,
    /// The window's key.
    pub key: u128,
    /// Hash of the counted value, number of the rule, or 0, as the kind needs.
    pub value: u64,
    /// The line's client.
    pub client: Option<IpAddr>,
    /// The line's log.
    pub log: u32,
    /// Offset of the line in its file's decoded stream.
    pub offset: u64,
}

/// Which line ticks come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Event time.
    pub time: Time,
    /// The resolved client.
    pub client: Option<IpAddr>,
    /// Number of the log.
    pub log: u32,
    /// Offset in the decoded stream.
    pub offset: u64,
}

/// Makes ticks; one per thread.
#[derive(Debug)]
pub struct Ticker<F = Field> {
    correlations: Vec<Counted<F>>,
    /// By detection rule: what counts it.
    routes: Vec<Vec<Route>>,
    routed: Vec<Route>,
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
    /// The correlations that count this one.
    above: Vec<Route>,
}

#[derive(Debug)]
struct Grouped<F> {
    direct: bool,
    group_by: Vec<Group<F>>,
    field: Option<F>,
}

/// A base of a correlation; the order is that in which ticks must be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    depth: u32,
    correlation: u32,
    base: u32,
}

impl Ticker {
    /// Appends the ticks of an event of log number `log` on which `hits` (indices of detection rules) hit. An event
    /// without a time takes part in no window.
    pub fn observe(
        &mut self,
        event: &Event<'_, '_>,
        log: u32,
        hits: impl IntoIterator<Item = u32>,
        ticks: &mut Vec<Tick>,
    ) {
        let Some(time) = event.record.time else { return };
        let place = Place {
            time,
            client: event.client.address,
            log,
            offset: event.offset,
        };
        self.ticks(&place, hits, |field| fields::text(event, field), ticks);
    }
}

impl<F: Clone> Ticker<F> {
    /// For rules that passed [`super::rule::check`]; `rules` is the number of detection rules.
    pub fn new(correlations: &[Correlation<F>], rules: usize) -> Self {
        let mut routes = vec![Vec::new(); rules];
        let mut counted: Vec<Counted<F>> = correlations.iter().map(Counted::new).collect();
        let depths = depths(correlations);
        for (index, correlation) in correlations.iter().enumerate() {
            // One in a circle has no depth, was refused by `check`, and never ticks.
            let Some(depth) = depths.get(index).copied().flatten() else {
                continue;
            };
            for (at, base) in correlation.bases.iter().enumerate() {
                let route = Route {
                    depth,
                    correlation: index as u32,
                    base: at as u32,
                };
                let list = match base.rule {
                    RuleRef::Rule(rule) => routes.get_mut(rule as usize),
                    RuleRef::Correlation(below) => {
                        counted.get_mut(below as usize).map(|below| &mut below.above)
                    }
                };
                if let Some(list) = list {
                    list.push(route);
                }
            }
        }
        Self {
            correlations: counted,
            routes,
            routed: Vec::new(),
            frame: Frame::default(),
            memo: Memo::new(),
        }
    }

    /// True when some correlation counts hits on this detection rule.
    pub fn counts(&self, rule: u32) -> bool {
        self.routes
            .get(rule as usize)
            .is_some_and(|routes| !routes.is_empty())
    }

    /// Appends the ticks of one line on which `hits` (indices of detection rules) hit; `value` reads a field.
    pub fn ticks<V: Deref<Target = [u8]>>(
        &mut self,
        place: &Place,
        hits: impl IntoIterator<Item = u32>,
        value: impl Fn(&F) -> Option<V>,
        ticks: &mut Vec<Tick>,
    ) {
        let mut routed = std::mem::take(&mut self.routed);
        routed.clear();
        for rule in hits {
            routed.extend(self.routes.get(rule as usize).into_iter().flatten());
        }
        self.follow_chains(&mut routed);
        let mut counted = None;
        for route in &routed {
            if self.counts_once(*route) && counted.replace(route.correlation) == Some(route.correlation) {
                continue;
            }
            ticks.extend(self.tick(place, *route, &value));
        }
        self.routed = routed;
    }

    /// Adds what counts the correlations that may fire, and puts all in the order of counting.
    fn follow_chains(&self, routed: &mut Vec<Route>) {
        let mut next = 0;
        while let Some(route) = routed.get(next).copied() {
            next += 1;
            let above = self
                .correlations
                .get(route.correlation as usize)
                .map(|below| below.above.as_slice());
            for route in above.unwrap_or_default() {
                if !routed.contains(route) {
                    routed.push(*route);
                }
            }
        }
        routed.sort_unstable();
        routed.dedup();
    }

    /// True for a detection rule under a kind that counts lines.
    fn counts_once(&self, route: Route) -> bool {
        let Some(correlation) = self.correlations.get(route.correlation as usize) else {
            return false;
        };
        let direct = correlation
            .bases
            .get(route.base as usize)
            .is_some_and(|base| base.direct);
        direct && matches!(correlation.kind, Kind::EventCount | Kind::ValueCount)
    }

    fn tick<V: Deref<Target = [u8]>>(
        &mut self,
        place: &Place,
        route: Route,
        value: &impl Fn(&F) -> Option<V>,
    ) -> Option<Tick> {
        let Self {
            correlations,
            frame,
            memo,
            ..
        } = self;
        let correlation = correlations.get(route.correlation as usize)?;
        let base = correlation.bases.get(route.base as usize)?;
        let key = match correlation.client {
            Some(net) => client_key(place.client?, net),
            None => {
                fill(frame, place.client, &base.group_by, value)?;
                memo.digest(frame.bytes())
            }
        };
        let tag = match (&correlation.kind, &base.field) {
            (Kind::EventCount, _) => 0,
            (Kind::ValueCount, field) => (memo.digest(&value(field.as_ref()?)?) >> 64) as u64,
            (Kind::Temporal | Kind::TemporalOrdered, _) => u64::from(route.base),
        };
        Some(Tick {
            correlation: route.correlation,
            base: route.base,
            time: place.time,
            key,
            value: tag,
            client: place.client,
            log: place.log,
            offset: place.offset,
        })
    }
}

impl<F: Clone> Counted<F> {
    fn new(correlation: &Correlation<F>) -> Self {
        Self {
            kind: correlation.kind,
            client: client_alone(correlation),
            bases: correlation
                .bases
                .iter()
                .map(|base| Grouped {
                    direct: matches!(base.rule, RuleRef::Rule(_)),
                    group_by: base.group_by.clone(),
                    field: base.field.clone(),
                })
                .collect(),
            above: Vec::new(),
        }
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
    let bits = if address.is_ipv4() {
        net.v4_bits
    } else {
        net.v6_bits
    };
    Cidr::new(address, bits).map_or(address, Cidr::network)
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
    use std::io::Write;
    let mut text = [0u8; 48];
    let mut rest: &mut [u8] = &mut text;
    // The longest address is 45 characters; writing it cannot fail.
    let _ = write!(rest, "{address}");
    let used = 48 - rest.len();
    frame.part(text.get(..used).unwrap_or_default());
}

#[cfg(test)]
#[path = "tick/tests.rs"]
mod tests;
