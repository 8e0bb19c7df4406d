//! Asking for the memory of windows before their ticks are counted.
//!
//! Finding a window takes three looks one behind the other, each at memory that somebody else pushed out of the caches:
//! where it is; the window with its place in the order of touching; its neighbours there and its marks. So ticks are
//! looked at three times, sixteen of them a step, and what one step asks for is there by the next. It changes nothing
//! else: a wrong guess asks for what nobody needs.

use super::{Correlator, Tick};
use crate::detect::correlate::keys::Name;

/// Ticks that were looked at and are not counted yet.
#[derive(Debug, Default)]
pub(super) struct Foresight {
    /// Of the last step: windows of which it was asked where they are.
    names: Vec<Name>,
    /// Of the one before: where those are that there are.
    places: Vec<u32>,
    /// By correlation or series, the key of the last tick: the next is often of the same line.
    keys: Vec<u128>,
}

impl Correlator {
    /// So many ticks are best given to [`Correlator::foresee`] at once.
    pub const STEP: usize = 16;

    /// How many ticks ahead of those that are counted it is worth to look.
    pub const AHEAD: usize = 2 * Self::STEP;

    /// Asks for memory that counting these ticks will need, and goes on with those told before.
    pub fn foresee(&mut self, ticks: &[Tick]) {
        let Foresight {
            mut names,
            mut places,
            mut keys,
        } = std::mem::take(&mut self.foresight);
        keys.resize(self.plans.len() + self.series.len(), 0);
        places.drain(..).for_each(|at| self.keys.fetch_beside(at));
        places.extend(names.drain(..).filter_map(|name| self.keys.fetch_slot(&name)));
        for tick in ticks {
            let owner = self.series_of(tick.correlation);
            let owner = owner.map_or(tick.correlation, |(owner, _)| owner);
            match keys.get_mut(owner as usize) {
                Some(key) if *key != tick.key => *key = tick.key,
                _ => continue,
            }
            let name = self.keys.name(owner, tick.key);
            self.keys.fetch_place(&name);
            names.push(name);
        }
        self.foresight = Foresight { names, places, keys };
    }
}
