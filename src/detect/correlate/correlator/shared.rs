//! Ticks of a series: the shared window, and those that members have for a while beside it.
//!
//! A tick puts its mark into the shared window; then, where there is enough for one, every member looks at its own part of it.
//! What a series is, and why this is exact, stands in `series`.

use super::{Correlator, Due, Fired, Outcome, SeriesPlan, Shape, Slot, Window};
use crate::detect::correlate::marks::Mark;
use crate::detect::correlate::window::Arrival;

/// A line that was counted: the members look at that.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    /// The shared window.
    at: u32,
    /// Its newest mark before the line's; `None` for a window that there was not.
    newest: Option<i64>,
    /// Where the line's mark is; `None` when it changed nothing.
    place: Option<usize>,
    /// Whether the shared window began anew because the log stepped back.
    anew: bool,
    /// Which members have a window of their own.
    parted: u8,
    /// What no member can count more of.
    most: u64,
}

impl Met {
    /// Whether no member needs to look: all share, the line is the newest, and there is too little for any.
    #[inline]
    fn says_nothing(&self, time: i64, least: u64) -> bool {
        self.parted == 0
            && self.newest.is_none_or(|newest| newest <= time)
            && (self.place.is_none() || self.most < least)
    }
}

impl Correlator {
    /// Counts a line for all members of a series; `fired` hears of those for which it completes a window.
    #[inline]
    pub(super) fn complete_series(&mut self, due: &Due, fired: &mut impl FnMut(Fired)) {
        let Some(&SeriesPlan { shape, least, .. }) = self.series(due.name.correlation) else {
            return;
        };
        let met = self.meet(&shape, due);
        if !met.says_nothing(due.time, least) {
            self.ask_members(&shape, met, due, fired);
        }
    }

    /// Has each member look at its part of the shared window, or count in one of its own.
    #[inline(never)]
    fn ask_members(&mut self, shared: &Shape, mut met: Met, due: &Due, fired: &mut impl FnMut(Fired)) {
        for place in 0..u8::BITS as u8 {
            let Some((member, shape)) = self.member(due.name.correlation, place) else {
                return;
            };
            // What a member before it fired may have cost the shared window its room.
            if !self.keys.is_at(met.at, &due.name) {
                met = self.meet(shared, due);
            }
            let own = due.to(self.keys.name(member, due.name.key()));
            let (at, outcome) = self.ask(&met, place, &shape, &own);
            if let Some(done) = self.settle(at, outcome, &own) {
                fired(done);
            }
        }
    }

    /// What comes of a line for a member: the window's slot, and what a tick of its own would have led to.
    fn ask(&mut self, met: &Met, place: u8, shape: &Shape, due: &Due) -> (u32, Outcome) {
        if met.parted & (1 << place) != 0 {
            return self.count_alone(shape, due);
        }
        let arrival = match met.newest {
            Some(newest) => Arrival::of(due.time, newest, shape.reach_nanos),
            None => Arrival::Within { horizon: due.time },
        };
        let late = !matches!(arrival, Arrival::Within { .. });
        let horizon = match arrival {
            Arrival::Late => return (met.at, Outcome { late, fired: None }),
            Arrival::SteppedBack if met.anew => due.time,
            Arrival::SteppedBack => {
                let (first, outcome) = Window::first(shape, due.time, due.value);
                return (self.part(met.at, due, first), Outcome { late, ..outcome });
            }
            Arrival::Within { horizon } => horizon,
        };
        let place = met.place.filter(|_| met.most >= shape.threshold);
        let fired = place.and_then(|at| self.keys.slot(met.at)?.window.completes(at, shape, horizon));
        (met.at, Outcome { late, fired })
    }

    /// Counts a line in the shared window.
    #[inline]
    fn meet(&mut self, shape: &Shape, due: &Due) -> Met {
        self.retire(due.name.correlation, due.time);
        self.touches += 1;
        let met = match self.keys.touch(&due.name, self.touches) {
            Some((at, _)) => self.count_for_all(shape, at, due),
            None => {
                let (window, _) = Window::first(shape, due.time, due.value);
                Met {
                    at: self.keys.add(&due.name, window, self.touches),
                    place: Some(0),
                    most: 1,
                    ..Met::default()
                }
            }
        };
        self.note(met.at);
        self.bound(met.at, due.time);
        met
    }

    /// Puts a mark into a shared window that there is.
    fn count_for_all(&mut self, shape: &Shape, at: u32, due: &Due) -> Met {
        let (time, value) = (due.time, due.value);
        let reach = self.farthest(due.name.correlation, at, time);
        let Some(Slot { window, parted, .. }) = self.keys.slot_mut(at) else {
            return Met::default();
        };
        let newest = window.newest();
        let (before, mut place, mut anew) = (window.bytes(), None, false);
        match Arrival::of(time, newest, reach.unwrap_or(shape.reach_nanos)) {
            Arrival::SteppedBack => {
                *window = Window::first(shape, time, value).0;
                (place, anew) = (Some(0), true);
            }
            // Nobody looks at the marks: it only tells when the last one came.
            _ if reach.is_none() => {
                *window = Window::One(Mark {
                    time: newest.max(time),
                    tag: value,
                });
            }
            Arrival::Late => {}
            Arrival::Within { horizon } => place = window.place(shape, time, value, horizon),
        }
        self.held = (self.held + window.bytes()).saturating_sub(before);
        Met {
            at,
            newest: Some(newest),
            place,
            anew,
            parted: *parted,
            most: window.most(shape.kind),
        }
    }

    /// How far back the members reach that look at the shared window, in nanoseconds, once those are back that
    /// may be; `None` when all have windows of their own.
    fn farthest(&mut self, owner: u32, at: u32, time: i64) -> Option<i64> {
        let parted = self.keys.slot(at)?.parted;
        if parted == 0 {
            return Some(self.series(owner)?.shape.reach_nanos);
        }
        let parted = self.rejoin(owner, at, time)?;
        let members = self.series(owner)?.members.iter().zip(0..);
        let sharing = members.filter(|(_, place)| parted & (1 << place) == 0);
        let reaches = sharing.filter_map(|(&member, _)| self.plans.get(member as usize));
        reaches.map(|plan| plan.shape.reach_nanos).max()
    }

    /// Takes back the members that have nothing within reach, neither in the shared window nor in their own; which
    /// still have one.
    fn rejoin(&mut self, owner: u32, at: u32, time: i64) -> Option<u8> {
        let slot = self.keys.slot(at)?;
        let (mut parted, key, newest) = (slot.parted, slot.key(), slot.window.newest());
        for place in 0..u8::BITS as u8 {
            let member = self.parted_member(owner, place, parted);
            let Some((member, reach)) = member.filter(|(_, reach)| newest < time.saturating_sub(*reach))
            else {
                continue;
            };
            let own = self.keys.find(&self.keys.name(member, key));
            let last = own.and_then(|own| Some(self.keys.slot(own)?.window.newest()));
            if last.is_none_or(|last| last < time.saturating_sub(reach)) {
                own.into_iter().for_each(|own| self.remove(own));
                parted &= !(1 << place);
            }
        }
        self.keys.slot_mut(at)?.parted = parted;
        Some(parted)
    }

    /// A member of a series, and what its windows must know of it.
    fn member(&self, owner: u32, place: u8) -> Option<(u32, Shape)> {
        let member = *self.series(owner)?.members.get(usize::from(place))?;
        Some((member, self.plans.get(member as usize)?.shape))
    }

    /// A member of a series that has a window of its own, and how far back it reaches.
    fn parted_member(&self, owner: u32, place: u8, parted: u8) -> Option<(u32, i64)> {
        let (member, shape) = self.member(owner, place)?;
        (parted & (1 << place) != 0).then_some((member, shape.reach_nanos))
    }

    /// Gives a member a window of its own beside the shared one: its slot.
    fn part(&mut self, at: u32, due: &Due, window: Window) -> u32 {
        let series = self.series_of(due.name.correlation);
        // What the line at hand was met with stays as it is: a line ticks a member once.
        if let (Some(slot), Some((_, place))) = (self.keys.slot_mut(at), series) {
            slot.parted |= 1 << place;
        }
        self.touches += 1;
        let own = self.keys.add(&due.name, window, self.touches);
        self.note(own);
        self.bound(own, due.time);
        own
    }

    /// What a member counted is consumed, for that member alone.
    pub(super) fn spend(&mut self, at: u32, due: &Due) {
        let Some((owner, _)) = self.series_of(due.name.correlation) else {
            return;
        };
        if self.keys.is_at(at, &self.keys.name(owner, due.name.key())) {
            self.part(at, due, Window::Spent);
        } else if self.keys.is_at(at, &due.name)
            && let Some(slot) = self.keys.slot_mut(at)
        {
            self.held = self.held.saturating_sub(slot.window.bytes());
            slot.window = Window::Spent;
        }
    }

    /// Ends a shared window with those beside it.
    pub(super) fn remove_series(&mut self, at: u32) {
        let Some(slot) = self.keys.slot(at) else { return };
        let beside: Vec<u32> = self.beside(slot).map(|(own, _)| own).collect();
        beside.into_iter().for_each(|own| self.remove(own));
        if let Some(slot) = self.keys.slot_mut(at) {
            slot.parted = 0;
        }
        self.remove(at);
    }

    /// The windows that members have beside a shared one: slots, and how far they reach back in nanoseconds.
    fn beside(&self, shared: &Slot) -> impl Iterator<Item = (u32, i64)> {
        let (parted, key) = (shared.parted, shared.key());
        let owner = shared.correlation;
        (0..u8::BITS as u8).filter_map(move |place| {
            let (member, reach) = self.parted_member(owner, place, parted)?;
            Some((self.keys.find(&self.keys.name(member, key))?, reach))
        })
    }

    /// The last event times at which a tick may complete the windows beside a shared one.
    pub(super) fn lasts_beside(&self, shared: &Slot) -> impl Iterator<Item = i64> {
        self.beside(shared).filter_map(|(own, reach)| {
            let window = &self.keys.slot(own)?.window;
            Some(window.lasts_until(reach))
        })
    }

    /// The series whose windows go by that number; `None` for the number of a correlation.
    #[inline]
    pub(super) fn series(&self, owner: u32) -> Option<&SeriesPlan> {
        self.series.get((owner as usize).checked_sub(self.plans.len())?)
    }

    /// Whose windows a member shares, and its place among them.
    pub(super) fn series_of(&self, correlation: u32) -> Option<(u32, u8)> {
        self.plans.get(correlation as usize)?.series
    }

    /// The window that a correlation looks at.
    pub(super) fn window(&self, correlation: u32, key: u128) -> Option<&Window> {
        let find = |owner| self.keys.slot(self.keys.find(&self.keys.name(owner, key))?);
        let Some((owner, place)) = self.series_of(correlation) else {
            return find(correlation).map(|slot| &slot.window);
        };
        let shared = find(owner)?;
        let is_parted = shared.parted & (1 << place) != 0;
        let slot = if is_parted { find(correlation)? } else { shared };
        Some(&slot.window).filter(|window| **window != Window::Spent)
    }

    /// The correlations that look at a window.
    pub(super) fn counters_of(&self, slot: &Slot) -> impl Iterator<Item = u32> {
        let series = self.series(slot.correlation);
        let members = series.map(|series| series.members.as_slice()).unwrap_or_default();
        let sharing = members
            .iter()
            .zip(0..)
            .filter(|(_, place)| slot.parted & (1 << place) == 0);
        let alone = series.is_none() && slot.window != Window::Spent;
        let alone = alone.then_some(slot.correlation);
        sharing.map(|(&member, _)| member).chain(alone)
    }
}
