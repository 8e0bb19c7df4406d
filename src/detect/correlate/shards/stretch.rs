//! A stretch: lines that follow each other, gathered so that their ticks can be counted table by table.
//!
//! [`Shards::gather`] gives each tick to its table, [`Shards::share_out`] hands out the tables with their ticks, whoever has
//! them counts each ([`Share::count`]) on whatever thread, and [`Shards::gather_in`] takes them back and tells what fired
//! on each line, as counting line by line would have.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::Shards;
use crate::detect::correlate::correlator::{AHEAD, Correlator, Fired, Foresight, STEP};
use crate::detect::correlate::tick::{Place, Tick};

/// A tick that waits to be counted.
#[derive(Debug)]
struct Due {
    /// Number of the line in the stretch.
    line: u32,
    place: Place,
    tick: Tick,
}

impl Due {
    #[inline(never)]
    fn count(&self, table: &mut Correlator, completed: &mut Vec<Completed>) {
        table.complete(&self.place, &self.tick, |fired| {
            completed.push(Completed {
                line: self.line,
                place: self.place,
                fired,
            });
        });
    }
}

/// A tick that completed a window.
#[derive(Debug)]
struct Completed {
    line: u32,
    place: Place,
    fired: Fired,
}

impl Completed {
    const fn order(&self) -> (u32, (u32, u32)) {
        (self.line, self.fired.order())
    }
}

/// What of a stretch falls to one table.
#[derive(Debug, Default)]
struct Lot {
    due: Vec<Due>,
    completed: Vec<Completed>,
    foresight: Foresight,
}

/// The lines gathered so far.
#[derive(Debug)]
pub(super) struct Stretch {
    /// By table.
    lots: Vec<Lot>,
    lines: u32,
    ticks: u32,
}

impl Stretch {
    /// For so many tables.
    pub fn of(tables: usize) -> Self {
        Self {
            lots: (0..tables).map(|_| Lot::default()).collect(),
            lines: 0,
            ticks: 0,
        }
    }
}

/// A table with the ticks of a stretch that fall to it.
#[derive(Debug)]
pub struct Share {
    /// Number of the table.
    table: usize,
    correlator: Correlator,
    lot: Lot,
}

impl Share {
    /// Counts the ticks.
    pub fn count(&mut self) {
        let Lot {
            due,
            completed,
            foresight,
        } = &mut self.lot;
        let mut ahead = due.chunks(STEP);
        let mut look = |table: &Correlator| {
            let ticks = ahead.next().unwrap_or_default().iter();
            foresight.look(std::slice::from_ref(table), ticks.map(|due| &due.tick), |_| 0);
        };
        (0..AHEAD / STEP).for_each(|_| look(&self.correlator));
        for step in due.chunks(STEP) {
            look(&self.correlator);
            step.iter()
                .for_each(|due| due.count(&mut self.correlator, completed));
        }
        due.clear();
    }
}

/// What fired on the lines of a stretch.
#[derive(Debug)]
pub struct Counted {
    /// By line, in the order of [`Fired::order`].
    completed: Peekable<IntoIter<Completed>>,
    /// Number of the line that is asked for next.
    line: u32,
}

impl Counted {
    /// What fired on the next line, in the order of [`Fired::order`].
    pub fn next_line(&mut self) -> Vec<Fired> {
        let mut fired = Vec::new();
        while let Some(completed) = self.completed.next_if(|next| next.line == self.line) {
            fired.push(completed.fired);
        }
        self.line += 1;
        fired
    }
}

impl Shards {
    /// Gathers the ticks of the next lines of a stretch; how many there are by now.
    pub fn gather<'t>(&mut self, lines: impl IntoIterator<Item = (Place, &'t [Tick])>) -> u32 {
        for (place, ticks) in lines {
            for &tick in ticks {
                let table = self.table_of(tick.correlation, tick.key);
                let line = self.stretch.lines;
                if let Some(lot) = self.stretch.lots.get_mut(table) {
                    lot.due.push(Due { line, place, tick });
                }
            }
            self.stretch.lines += 1;
            self.stretch.ticks += ticks.len() as u32;
        }
        self.stretch.ticks
    }

    /// Hands out the tables that share the keys, each with what it must count. Without them nothing can be counted.
    pub fn share_out(&mut self) -> Vec<Share> {
        let tables = self.tables.drain(..self.shards);
        let lots = self.stretch.lots.iter_mut().map(std::mem::take);
        let shares = tables.zip(lots).enumerate();
        let share = |(table, (correlator, lot))| Share {
            table,
            correlator,
            lot,
        };
        shares.map(share).collect()
    }

    /// Takes back all that was handed out, in any order, counted; what fired on each line.
    pub fn gather_in(&mut self, mut shares: Vec<Share>) -> Counted {
        shares.sort_unstable_by_key(|share| share.table);
        let (mut tables, mut completed) = (Vec::with_capacity(shares.len() + 1), Vec::new());
        for (mut share, lot) in shares.into_iter().zip(&mut self.stretch.lots) {
            completed.append(&mut share.lot.completed);
            *lot = share.lot;
            tables.push(share.correlator);
        }
        tables.append(&mut self.tables);
        self.tables = tables;
        completed.sort_by_key(Completed::order);
        self.count_chained(&mut completed);
        (self.stretch.lines, self.stretch.ticks) = (0, 0);
        completed.retain(|completed| completed.fired.alerts);
        Counted {
            completed: completed.into_iter().peekable(),
            line: 0,
        }
    }

    /// Counts the ticks of chained correlations, now that it is known what fired before each.
    fn count_chained(&mut self, completed: &mut Vec<Completed>) {
        let (Some(above), Some(lot)) = (
            self.tables.get_mut(self.shards),
            self.stretch.lots.get_mut(self.shards),
        ) else {
            return;
        };
        let mut below = completed.iter().peekable();
        let mut more = Vec::new();
        for due in lot.due.drain(..) {
            while let Some(one) = below.next_if(|below| below.line <= due.line) {
                above.hear(&one.place, one.fired.correlation);
            }
            due.count(above, &mut more);
        }
        below.for_each(|one| above.hear(&one.place, one.fired.correlation));
        completed.append(&mut more);
        completed.sort_by_key(Completed::order);
    }
}
