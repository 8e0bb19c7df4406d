//! Asking for the memory of windows before their ticks are counted.
//!
//! Finding a window takes three looks one behind the other, each at memory that somebody else pushed out of the caches:
//! where it is; the window with its place in the order of touching; its neighbours there and its marks. So ticks are
//! looked at three times, sixteen of them a step, and what one step asks for is there by the next. It changes nothing
//! else: a wrong guess asks for what nobody needs.

use super::{Correlator, Tick};
use crate::detect::correlate::keys::Name;

/// So many ticks are best looked at at once.
pub(in crate::detect::correlate) const STEP: usize = 16;
/// How many ticks ahead of those that are counted it is worth to look.
pub(in crate::detect::correlate) const AHEAD: usize = 2 * STEP;

/// Ticks that were looked at and are not counted yet, each with the number of its table.
#[derive(Debug, Default)]
pub(in crate::detect::correlate) struct Foresight {
    /// Of the last step: windows of which it was asked where they are.
    names: Vec<(u32, Name)>,
    /// Of the one before: where those are that there are.
    places: Vec<(u32, u32)>,
    /// By correlation or series, the key of the last tick: the next is often of the same line.
    keys: Vec<u128>,
}

impl Foresight {
    /// Asks for memory that counting these ticks will need, and goes on with those told before. `table_of` says which table
    /// counts a tick.
    #[inline]
    pub fn look<'t>(
        &mut self,
        tables: &[Correlator],
        ticks: impl Iterator<Item = &'t Tick>,
        table_of: impl Fn(&Tick) -> usize,
    ) {
        let Self { names, places, keys } = self;
        for (table, at) in places.drain(..) {
            if let Some(table) = tables.get(table as usize) {
                table.keys.fetch_beside(at);
            }
        }
        places.extend(names.drain(..).filter_map(|(table, name)| {
            let at = tables.get(table as usize)?.keys.fetch_slot(&name)?;
            Some((table, at))
        }));
        let Some(any) = tables.first() else { return };
        keys.resize(any.plans.len() + any.series.len(), 0);
        for tick in ticks {
            match keys.get_mut(tick.correlation as usize) {
                Some(key) if *key != tick.key => *key = tick.key,
                _ => continue,
            }
            let number = table_of(tick);
            if let Some(table) = tables.get(number) {
                let name = table.keys.name(tick.correlation, tick.key);
                table.keys.fetch_place(&name);
                names.push((number as u32, name));
            }
        }
    }
}
