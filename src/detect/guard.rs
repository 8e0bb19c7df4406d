//! [`Guard`]: keeps a rule that suddenly marks an absurd share of the clients from shipping them all.
//!
//! A mistaken rule, a mistaken list or a mistaken proxy setting can turn every visitor into an indicator. So over the
//! last ten minutes of event time the guard counts lines, clients and the clients that each rule marks. When there
//! are enough of both ([`Limits`]), a rule that marks more than its share of the clients, or too many new ones in a
//! minute, is **held**: its sightings are printed and reported, but do not lead to a delivery. The guard says so once
//! ([`Notice`]), and again when the rule is let go: after ten minutes in which it stayed within the limits.
//!
//! Clients are told apart exactly up to [`MAX_CLIENTS`] in the window; beyond that a sample of them by hash stands
//! for all (adaptive sampling, error about 1 %). IPv6 clients count by /64. Exempt clients are never shipped, so they
//! are not marked. Pure; the state survives restarts with [`Guard::drain_dirty`] and [`Guard::restore`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use afw_parsers::Time;

use super::RuleInfo;
use crate::event::Finding;
use crate::store::State;

mod notice;
mod row;

pub use notice::{Limits, Notice, Reason};

/// Length of the window in minutes.
const MINUTES: i64 = 10;
/// How many minutes a log must step back to begin anew; lines between are too late to count.
const STEP_BACK_MINUTES: i64 = 60;

/// How many clients of the window are told apart before they are sampled.
pub const MAX_CLIENTS: usize = 16_384;
/// How many pairs of rule and client are kept before clients are sampled.
pub const MAX_MARKS: usize = 131_072;

/// What the guard knows of one rule.
#[derive(Debug, Clone, PartialEq)]
struct Watched {
    id: Arc<str>,
    title: Arc<str>,
    /// Sampled clients that it marks in the window.
    marked: u64,
    /// Sampled clients that it marks anew in the current minute.
    fresh: u64,
    /// The last minute in which it was over a limit, while it is held.
    held: Option<i64>,
}

type Hashes<K> = HashMap<K, i64, foldhash::fast::RandomState>;

/// Counts clients and says which rules are held.
#[derive(Debug)]
pub struct Guard {
    limits: Limits,
    persist: bool,
    /// The newest minute of event time, once there was a line.
    minute: Option<i64>,
    /// Lines by minute of the window.
    lines: BTreeMap<i64, u64>,
    /// One client in 2^level is kept.
    level: u32,
    /// Sampled clients with the minute of their last line.
    clients: Hashes<u64>,
    /// Rules' marks on sampled clients, with the minute of the last.
    marks: Hashes<(u32, u64)>,
    rules: Vec<Watched>,
    by_id: HashMap<Arc<str>, u32>,
    held: BTreeSet<Arc<str>>,
    notices: Vec<Notice>,
    dirty: BTreeSet<i64>,
    changed: bool,
}

impl Guard {
    /// Nothing counted yet. `persist` says whether changes are remembered for [`Guard::drain_dirty`].
    pub fn new(limits: Limits, persist: bool) -> Self {
        Self {
            limits,
            persist,
            minute: None,
            lines: BTreeMap::new(),
            level: 0,
            clients: HashMap::default(),
            marks: HashMap::default(),
            rules: Vec::new(),
            by_id: HashMap::new(),
            held: BTreeSet::new(),
            notices: Vec::new(),
            dirty: BTreeSet::new(),
            changed: false,
        }
    }

    /// Counts one line, whatever the rules say of it. Called for every line, in the order of the merged logs.
    pub fn line(&mut self, time: Time, client: Option<IpAddr>) {
        let Some(minute) = self.enter(time) else { return };
        *self.lines.entry(minute).or_default() += 1;
        self.changed = true;
        let Some(hash) = client.map(hash).filter(|&hash| self.samples(hash)) else {
            return;
        };
        let last = self.clients.entry(hash).or_insert(i64::MIN);
        let before = std::mem::replace(last, minute.max(*last));
        self.touch(before, minute);
        self.thin_out();
    }

    /// Counts what rules say of one line; called after [`Guard::line`] and before the finding is delivered.
    pub fn observe(&mut self, finding: &Finding) {
        let event = &finding.event;
        let Some(client) = event.client.filter(|_| event.exempt().is_none()) else {
            return;
        };
        let Some(time) = event.time else { return };
        let (Some(minute), hash) = (self.enter(time), hash(client)) else {
            return;
        };
        for sighting in &finding.sightings {
            self.mark(&sighting.rule, hash, minute, time);
        }
    }

    /// Whether a rule's sightings must not lead to a delivery now.
    pub fn is_held(&self, rule: &str) -> bool {
        !self.held.is_empty() && self.held.contains(rule)
    }

    /// The rules that are held, by id.
    pub fn held(&self) -> impl Iterator<Item = &Arc<str>> {
        self.held.iter()
    }

    /// What a person must hear, since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// The rows that changed since the last call.
    pub fn drain_dirty(&mut self) -> Vec<State> {
        row::drain(self)
    }

    /// Takes back what was stored; how many rows could not be read. Rows of other owners are passed over.
    pub fn restore(&mut self, rows: impl IntoIterator<Item = State>) -> usize {
        row::restore(self, rows)
    }

    /// Moves the window on to a line's minute; `None` for a line that is too late to count.
    fn enter(&mut self, time: Time) -> Option<i64> {
        let minute = time.secs().div_euclid(60);
        let newest = *self.minute.get_or_insert(minute);
        if minute > newest {
            self.advance(minute, time);
        } else if minute <= newest - STEP_BACK_MINUTES {
            self.begin_anew(minute);
        } else if minute <= newest - MINUTES {
            return None;
        }
        Some(minute)
    }

    /// A new minute: what left the window is forgotten, and held rules are looked at.
    fn advance(&mut self, minute: i64, time: Time) {
        let ended = self.minute.unwrap_or(minute);
        for id in self.held.clone() {
            self.let_go(&id, ended, minute, time);
        }
        self.minute = Some(minute);
        self.forget(minute - MINUTES);
        self.rules.iter_mut().for_each(|rule| rule.fresh = 0);
        if self.level > 0 && self.clients.len() < MAX_CLIENTS / 4 {
            self.level -= 1;
        }
        self.changed = true;
    }

    /// Lets a held rule go when it stayed within the limits for a whole window.
    fn let_go(&mut self, id: &Arc<str>, ended: i64, minute: i64, time: Time) {
        let at = self.by_id.get(id).map(|&at| at as usize);
        let over = at
            .and_then(|at| self.rules.get(at))
            .is_some_and(|rule| self.excess(rule).is_some());
        let Some(rule) = at.and_then(|at| self.rules.get_mut(at)) else {
            return;
        };
        let last_over = if over { ended } else { rule.held.unwrap_or(ended) };
        rule.held = (minute - last_over <= MINUTES).then_some(last_over);
        if rule.held.is_none() {
            self.held.remove(id);
            self.notices.push(Notice {
                rule: rule.id.clone(),
                title: rule.title.clone(),
                time,
                held: None,
            });
        }
    }

    /// The log stepped back: what was counted lies in its future. Held rules stay held.
    fn begin_anew(&mut self, minute: i64) {
        self.forget(i64::MAX);
        for rule in &mut self.rules {
            rule.fresh = 0;
            rule.held = rule.held.map(|_| minute);
        }
        self.level = 0;
        self.minute = Some(minute);
        self.changed = true;
    }

    /// Forgets all up to and including a minute.
    fn forget(&mut self, through: i64) {
        let Self {
            lines,
            clients,
            marks,
            rules,
            dirty,
            persist,
            ..
        } = self;
        let mut keeps = |minute: i64| {
            if minute <= through && *persist {
                dirty.insert(minute);
            }
            minute > through
        };
        lines.retain(|&minute, _| keeps(minute));
        clients.retain(|_, last| keeps(*last));
        marks.retain(|&(rule, _), last| {
            let kept = keeps(*last);
            if !kept && let Some(rule) = rules.get_mut(rule as usize) {
                rule.marked -= 1;
            }
            kept
        });
    }

    fn mark(&mut self, rule: &RuleInfo, hash: u64, minute: i64, time: Time) {
        if !self.samples(hash) {
            return;
        }
        let index = self.watch(rule);
        let last = self.marks.entry((index, hash)).or_insert(i64::MIN);
        let before = std::mem::replace(last, minute.max(*last));
        self.touch(before, minute);
        self.changed = true;
        let Some(watched) = self.rules.get_mut(index as usize) else {
            return;
        };
        if before == i64::MIN {
            watched.marked += 1;
            watched.fresh += 1;
        }
        self.hold_if_over(index, time);
        self.thin_out();
    }

    fn hold_if_over(&mut self, index: u32, time: Time) {
        let Some(rule) = self.rules.get(index as usize).filter(|rule| rule.held.is_none()) else {
            return;
        };
        let Some(reason) = self.excess(rule) else { return };
        self.notices.push(Notice {
            rule: rule.id.clone(),
            title: rule.title.clone(),
            time,
            held: Some(reason),
        });
        self.held.insert(rule.id.clone());
        let minute = self.minute;
        if let Some(rule) = self.rules.get_mut(index as usize) {
            rule.held = minute;
        }
        self.changed = true;
    }

    /// Which limit a rule is over, if any.
    fn excess(&self, rule: &Watched) -> Option<Reason> {
        let Limits {
            min_clients,
            min_lines,
            max_share_percent,
            max_new_per_minute,
        } = self.limits;
        let clients = (self.clients.len() as u64) << self.level;
        if clients <= min_clients || self.lines.values().sum::<u64>() <= min_lines {
            return None;
        }
        let (marked, per_minute) = (rule.marked << self.level, rule.fresh << self.level);
        if marked.saturating_mul(100) > max_share_percent.saturating_mul(clients) {
            return Some(Reason::Share { marked, clients });
        }
        (per_minute > max_new_per_minute).then_some(Reason::Rate { per_minute })
    }

    /// The index of a rule, which is watched from its first mark on.
    fn watch(&mut self, rule: &RuleInfo) -> u32 {
        if let Some(&index) = self.by_id.get(&rule.id) {
            return index;
        }
        self.watch_new(rule.id.clone(), rule.title.clone())
    }

    fn watch_new(&mut self, id: Arc<str>, title: Arc<str>) -> u32 {
        let index = self.rules.len() as u32;
        self.by_id.insert(id.clone(), index);
        self.rules.push(Watched {
            id,
            title,
            marked: 0,
            fresh: 0,
            held: None,
        });
        index
    }

    const fn samples(&self, hash: u64) -> bool {
        match hash.checked_shr(64 - self.level) {
            Some(high) => high == 0,
            None => true,
        }
    }

    /// Halves the sample until it fits.
    fn thin_out(&mut self) {
        while self.clients.len() > MAX_CLIENTS || self.marks.len() > MAX_MARKS {
            self.level += 1;
            let level = self.level;
            let sampled = |hash: u64| hash >> (64 - level) == 0;
            self.clients.retain(|&hash, _| sampled(hash));
            self.marks.retain(|&(_, hash), _| sampled(hash));
            for rule in &mut self.rules {
                rule.marked = 0;
                rule.fresh /= 2;
            }
            for &(rule, _) in self.marks.keys() {
                if let Some(rule) = self.rules.get_mut(rule as usize) {
                    rule.marked += 1;
                }
            }
            if self.persist {
                self.dirty.extend(self.lines.keys());
            }
        }
    }

    /// Remembers that the rows of two minutes changed.
    fn touch(&mut self, before: i64, minute: i64) {
        if self.persist && before < minute {
            self.dirty.insert(minute);
            if before != i64::MIN {
                self.dirty.insert(before);
            }
        }
    }
}

/// A client's number: its address (IPv6: its /64) through a mixer that maps no two to one, so that the high bits
/// sample evenly. Stored state relies on it.
fn hash(client: IpAddr) -> u64 {
    let bits = match client.to_canonical() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
    };
    // The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests;
