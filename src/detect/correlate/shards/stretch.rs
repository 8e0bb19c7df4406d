//! A stretch: lines that follow each other, gathered so that their ticks can be counted table by table.
//!
//! [`Shards::gather`] gives each tick to its table, [`Shards::share_out`] hands out the tables with their ticks, whoever has
//! them counts each ([`Share::count`]) on whatever thread, and [`Shards::gather_in`] takes them back and tells what fired
//! on each line, as counting line by line would have.

use std::iter::Peekable;
use std::ops::Range;
use std::vec::IntoIter;

use afw_parsers::Time;

use super::Shards;
use crate::detect::correlate::correlator::{Correlator, Fired};
use crate::detect::correlate::due::{Due, STEP};
use crate::detect::correlate::tick::Tick;

/// A tick that completed a window.
#[derive(Debug)]
struct Completed {
    /// Number of the line.
    line: u64,
    fired: Fired,
}

impl Completed {
    const fn order(&self) -> (u64, (u32, u32)) {
        (self.line, self.fired.order())
    }
}

/// What of a stretch falls to one table.
#[derive(Debug, Default)]
struct Lot {
    due: Vec<Due>,
    completed: Vec<Completed>,
}

/// The lines gathered so far.
#[derive(Debug)]
pub(super) struct Stretch {
    /// By table.
    lots: Vec<Lot>,
    /// Number of the first line, and of the next; those of all stretches differ.
    lines: Range<u64>,
    ticks: usize,
}

impl Stretch {
    /// For so many tables.
    pub fn of(tables: usize) -> Self {
        Self {
            lots: (0..tables).map(|_| Lot::default()).collect(),
            lines: 1..1,
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
        let Self { correlator, lot, .. } = self;
        let Lot { due, completed } = lot;
        let all = due.len();
        let step = |number: usize| all.min(number * STEP)..all.min(number * STEP + STEP);
        for number in 0..all.div_ceil(STEP) + 2 {
            correlator.foresee(&due[step(number)]);
            if let Some(before) = number.checked_sub(1) {
                correlator.find_ahead(&mut due[step(before)]);
            }
            if let Some(before) = number.checked_sub(2) {
                correlator.foresee_beside(&due[step(before)]);
                due[step(before)]
                    .iter()
                    .for_each(|due| count(correlator, due, completed));
            }
        }
        due.clear();
    }
}

#[inline(never)]
fn count(table: &mut Correlator, due: &Due, completed: &mut Vec<Completed>) {
    let line = due.line;
    table.complete(due, |fired| completed.push(Completed { line, fired }));
}

/// What fired on the lines of a stretch.
#[derive(Debug)]
pub struct Counted {
    /// By line, in the order of [`Fired::order`].
    completed: Peekable<IntoIter<Completed>>,
    /// Number of the line that is asked for next.
    line: u64,
}

impl Counted {
    /// What fired on the next line, in the order of [`Fired::order`].
    #[inline]
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
    /// Gathers the ticks of the next lines of a stretch, each with its event time; how many there are by now.
    pub fn gather<'t>(&mut self, lines: impl IntoIterator<Item = (Time, &'t [Tick])>) -> usize {
        for (time, ticks) in lines {
            let line = (self.stretch.lines.end, time.nanos());
            for tick in ticks {
                let number = self.table_of(tick.correlation, tick.key);
                let table = self.tables.get(number).zip(self.stretch.lots.get_mut(number));
                if let Some((table, lot)) = table {
                    lot.due.push(Due::new(line, tick, table.name(tick)));
                }
            }
            self.stretch.lines.end += 1;
            self.stretch.ticks += ticks.len();
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
        let line = std::mem::replace(&mut self.stretch.lines.start, self.stretch.lines.end);
        self.stretch.ticks = 0;
        completed.retain(|completed| completed.fired.alerts);
        Counted {
            completed: completed.into_iter().peekable(),
            line,
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
                above.hear(one.line, one.fired.correlation);
            }
            count(above, &due, &mut more);
        }
        below.for_each(|one| above.hear(one.line, one.fired.correlation));
        completed.append(&mut more);
        completed.sort_by_key(Completed::order);
    }
}
