//! [`Routes`]: which correlations count the hits of a line, and in which order.
//!
//! Follows from the rules alone. Lines with the same hits come again and again, so [`Routed`] keeps the answers to
//! lists of hits met lately; that changes the cost and never the result. Next: `tick`.

use std::fmt::Debug;

use super::grouped::{Counted, Grouped};
use super::network::client_alone;
use super::rule::{Correlation, Kind, RuleRef, depths};
use super::series;
use crate::numbered::Lately;

/// A base of a correlation; the order is that in which ticks must be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    depth: u32,
    /// Or its series.
    pub correlation: u32,
    pub base: u32,
    /// Number of the window's key.
    pub key: u32,
    /// What it counts of a line.
    pub counted: Counted,
}

/// What counts what.
#[derive(Debug)]
pub(super) struct Routes {
    /// By detection rule: what counts it.
    rules: Vec<Vec<Route>>,
    correlations: Vec<Above>,
}

/// What must be known of one correlation.
#[derive(Debug, Default)]
struct Above {
    /// Whether it counts lines, however many of its detection rules hit.
    counts_lines: bool,
    /// Which of its bases are detection rules.
    direct: Vec<bool>,
    /// The correlations that count this one.
    routes: Vec<Route>,
    /// The number of the series that it is a member of.
    series: Option<u32>,
}

impl Routes {
    /// For rules that passed [`super::rule::check`]; `rules` is the number of detection rules. Numbers what they group
    /// by and count.
    pub fn new<F: Clone + PartialEq + Debug>(
        correlations: &[Correlation<F>],
        rules: usize,
        grouped: &mut Grouped<F>,
    ) -> Self {
        let mut routes = Self {
            rules: vec![Vec::new(); rules],
            correlations: correlations.iter().map(above).collect(),
        };
        for (index, (correlation, depth)) in correlations.iter().zip(depths(correlations)).enumerate() {
            // One in a circle has no depth, was refused by `check`, and never ticks.
            let Some(depth) = depth else { continue };
            let client = client_alone(correlation);
            for (at, base) in correlation.bases.iter().enumerate() {
                let Some((key, counted)) = grouped.of_base(correlation, at, client) else {
                    continue;
                };
                let route = Route {
                    depth,
                    correlation: index as u32,
                    base: at as u32,
                    key,
                    counted,
                };
                routes.add(base.rule, route);
            }
        }
        for (series, number) in series::gather(correlations)
            .iter()
            .zip(correlations.len() as u32..)
        {
            for &member in &series.members {
                if let Some(above) = routes.correlations.get_mut(member as usize) {
                    above.series = Some(number);
                }
            }
        }
        routes
    }

    fn add(&mut self, rule: RuleRef, route: Route) {
        let list = match rule {
            RuleRef::Rule(rule) => self.rules.get_mut(rule as usize),
            RuleRef::Correlation(below) => self
                .correlations
                .get_mut(below as usize)
                .map(|below| &mut below.routes),
        };
        if let Some(list) = list {
            list.push(route);
        }
    }

    /// Whether some correlation counts hits on this detection rule.
    pub fn counts(&self, rule: u32) -> bool {
        self.rules
            .get(rule as usize)
            .is_some_and(|routes| !routes.is_empty())
    }

    /// What counts these hits.
    fn of(&self, hits: impl IntoIterator<Item = u32>) -> Vec<Route> {
        let direct = hits.into_iter().filter_map(|rule| self.rules.get(rule as usize));
        let mut routes: Vec<Route> = direct.flatten().copied().collect();
        self.follow_chains(&mut routes);
        let mut counted = None;
        routes.retain(|route| {
            !self.counts_once(*route) || counted.replace(route.correlation) != Some(route.correlation)
        });
        self.join(&mut routes);
        routes
    }

    /// Leaves one route to all members of a series, which count the same.
    fn join(&self, routes: &mut Vec<Route>) {
        let mut joined = Vec::new();
        routes.retain_mut(|route| {
            let above = self.correlations.get(route.correlation as usize);
            let Some(series) = above.and_then(|above| above.series) else {
                return true;
            };
            route.correlation = series;
            let is_first = !joined.contains(&series);
            joined.push(series);
            is_first
        });
    }

    /// Adds what counts the correlations that may fire, and puts all in the order of counting.
    fn follow_chains(&self, routes: &mut Vec<Route>) {
        let mut next = 0;
        while let Some(route) = routes.get(next).copied() {
            next += 1;
            let above = self.correlations.get(route.correlation as usize);
            for route in above.map(|below| below.routes.as_slice()).unwrap_or_default() {
                if !routes.contains(route) {
                    routes.push(*route);
                }
            }
        }
        routes.sort_unstable();
        routes.dedup();
    }

    /// True for a detection rule under a kind that counts lines.
    fn counts_once(&self, route: Route) -> bool {
        self.correlations
            .get(route.correlation as usize)
            .is_some_and(|above| {
                above.counts_lines
                    && above
                        .direct
                        .get(route.base as usize)
                        .is_some_and(|direct| *direct)
            })
    }
}

fn above<F>(correlation: &Correlation<F>) -> Above {
    Above {
        counts_lines: matches!(correlation.kind, Kind::EventCount | Kind::ValueCount),
        direct: correlation
            .bases
            .iter()
            .map(|base| matches!(base.rule, RuleRef::Rule(_)))
            .collect(),
        routes: Vec::new(),
        series: None,
    }
}

/// Lists that are remembered.
const LISTS: usize = 512;

/// The routes of lists of hits met lately.
#[derive(Debug)]
pub(super) struct Routed {
    lists: Lately<Option<Box<[Route]>>>,
    /// Those of a list without a number.
    unnumbered: Box<[Route]>,
}

impl Routed {
    /// Nothing met yet.
    pub fn new() -> Self {
        Self {
            lists: Lately::new(LISTS),
            unnumbered: Box::default(),
        }
    }

    /// What counts these hits, in the order of counting. No other hits have the same number.
    pub fn of(
        &mut self,
        routes: &Routes,
        number: Option<u64>,
        hits: impl IntoIterator<Item = u32>,
    ) -> &[Route] {
        let all = || routes.of(hits).into();
        match self.lists.of(number) {
            Some(known) => known.get_or_insert_with(all),
            None => {
                self.unnumbered = all();
                &self.unnumbered
            }
        }
    }
}
