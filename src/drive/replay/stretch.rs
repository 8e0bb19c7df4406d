//! Stretches: lines that follow each other in the merged order, whose windows are counted before the first of them is taken.
//!
//! Table by table: on all threads where there are enough, and on one alone too, where the processor then has one table and the
//! code for it at hand (5 % less time than line by line).
//!
//! Nothing but the lines' ticks changes windows, so that taking a line finds what it would have found line by line. A stretch ends
//! where a batch does: what is committed there says of windows what it says of lines.

use std::io;
use std::ops::Range;

use super::{Receiver, Replay, lost};

/// So many ticks are enough to share out, some milliseconds of counting; more would only need memory.
const ENOUGH_TICKS: usize = 8192;
/// Nor are more lines gathered, of which many may tick nothing.
const ENOUGH_LINES: usize = 8192;

/// The lines gathered so far: log, and places in what was found in its front scan.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    runs: Vec<(usize, Range<usize>)>,
    lines: usize,
    ticks: usize,
}

impl Replay {
    /// Gathers lines of one log, and takes all that were gathered when they are enough.
    pub(super) fn gather(
        &mut self,
        log: usize,
        found: Range<usize>,
        receiver: &mut dyn Receiver,
    ) -> io::Result<()> {
        let Some(scan) = self.merge.front(log) else {
            return Ok(());
        };
        self.stretch.ticks = receiver.fold().gather(scan, found.clone());
        self.stretch.lines += found.len();
        self.stretch.runs.push((log, found));
        match self.stretch.ticks >= ENOUGH_TICKS || self.stretch.lines >= ENOUGH_LINES {
            true => self.take_stretch(receiver),
            false => Ok(()),
        }
    }

    /// Counts the windows of the lines gathered, then takes one line after the other.
    pub(super) fn take_stretch(&mut self, receiver: &mut dyn Receiver) -> io::Result<()> {
        if self.stretch.runs.is_empty() {
            return Ok(());
        }
        let shares = receiver.fold().share_out();
        let ticks = std::mem::take(&mut self.stretch.ticks);
        self.stretch.lines = 0;
        let shares = self.pool.count(shares, ticks).ok_or_else(lost)?;
        let mut counted = receiver.fold().gather_in(shares);
        for (log, found) in self.stretch.runs.drain(..) {
            match self.merge.front(log) {
                Some(scan) => receiver.found(scan, found, &mut counted)?,
                // What fired is told line by line, also of lines that nobody takes.
                None => found.for_each(|_| drop(counted.next_line())),
            }
        }
        Ok(())
    }
}
