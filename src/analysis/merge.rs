//! [`Merge`]: one order for what the scans of all logs found.
//!
//! Logs are merged by event time, then by log, then by place in the log. A line that is late within its log keeps
//! its place behind the lines before it, as the file has it. The order depends on the lines alone: not on how the
//! logs were cut into batches nor on which thread scanned which batch. Next: [`super::fold`].

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;

use afw_parsers::Time;

use super::scan::Scan;
use crate::source::Cursor;

/// What the merge would like to happen next.
#[derive(Debug)]
pub enum Step {
    /// These lines stand next, one or several of one log.
    Take {
        /// Index of the log.
        log: usize,
        /// Indices into [`Scan::found`] of that log's front scan.
        found: Range<usize>,
    },
    /// The front scan of this log is used up.
    Done {
        /// Index of the log.
        log: usize,
    },
    /// The next scan of this log must be known before anything can be decided.
    Need {
        /// Index of the log.
        log: usize,
    },
    /// All logs have ended.
    End,
}

/// How far a batch was taken that is not used up.
#[derive(Debug, Clone, PartialEq)]
pub struct Partial {
    /// Where reading would go on.
    pub cursor: Cursor,
    /// Lines taken since this was told last.
    pub lines: u64,
    /// Rejected ones among them.
    pub rejects: u64,
}

/// The scans of each log, in order, and how far each has been taken.
#[derive(Debug, Default)]
pub struct Merge {
    logs: Vec<Queue>,
    /// The logs that are not over, each with a key it had: keys only grow, so the first log is looked for by looking
    /// again at those that seem first. A look at all of them for each line takes too long where there are thousands.
    order: BinaryHeap<Reverse<(Time, usize)>>,
}

#[derive(Debug)]
struct Queue {
    scans: VecDeque<Scan>,
    taken: usize,
    /// No line to come of this log is earlier than this.
    reached: Time,
    ended: bool,
}

impl Merge {
    /// Adds a log whose first line is not earlier than `first`; returns its index.
    pub fn log(&mut self, first: Time) -> usize {
        self.logs.push(Queue {
            scans: VecDeque::new(),
            taken: 0,
            reached: first,
            ended: false,
        });
        let log = self.logs.len() - 1;
        self.order.push(Reverse((first, log)));
        log
    }

    /// Appends the next scan of a log.
    pub fn push(&mut self, log: usize, scan: Scan) {
        if let Some(queue) = self.logs.get_mut(log) {
            queue.scans.push_back(scan);
        }
    }

    /// Says that a log has no further scans.
    pub fn end(&mut self, log: usize) {
        if let Some(queue) = self.logs.get_mut(log) {
            queue.ended = true;
        }
    }

    /// The front scan of a log.
    pub fn front(&mut self, log: usize) -> Option<&mut Scan> {
        self.logs.get_mut(log)?.scans.front_mut()
    }

    /// Drops the front scan of a log after [`Step::Done`] and hands it over.
    pub fn pop(&mut self, log: usize) -> Option<Scan> {
        let queue = self.logs.get_mut(log)?;
        queue.taken = 0;
        queue.scans.pop_front()
    }

    /// How far the batches that are not used up were taken: what a commit between two lines must say of them. Lines told
    /// once are not told again.
    pub fn partials(&mut self) -> Vec<Partial> {
        self.logs.iter_mut().filter_map(Queue::partial).collect()
    }

    /// What stands next. [`Step::Take`] counts as taken.
    pub fn step(&mut self) -> Step {
        self.step_up_to(usize::MAX)
    }

    /// The same with at most so many lines.
    fn step_up_to(&mut self, most: usize) -> Step {
        while let Some(&Reverse((key, log))) = self.order.peek() {
            let second = self.second();
            match self.logs.get_mut(log).filter(|queue| !queue.is_over()) {
                Some(queue) if queue.next_key() == key => return queue.step(log, second, most),
                Some(queue) => {
                    let key = queue.next_key();
                    if let Some(mut first) = self.order.peek_mut() {
                        *first = Reverse((key, log));
                    }
                }
                None => drop(self.order.pop()),
            }
        }
        Step::End
    }

    /// What the log that is not the first stands at, or stood at when it was looked at last: no later than it does now.
    #[inline]
    fn second(&self) -> Option<(Time, usize)> {
        // In a heap it is one of the two behind the first.
        let behind = self.order.as_slice().iter().skip(1).take(2);
        behind.map(|Reverse(second)| *second).min()
    }
}

impl Queue {
    fn partial(&mut self) -> Option<Partial> {
        let scan = self.scans.front_mut().filter(|_| self.taken > 0)?;
        let end = scan.batch.bytes.len() as u32;
        let next = scan.found.get(self.taken).map(|next| next.line.start);
        // Several records of one line are taken together, so a line is taken whole or not at all.
        let at = next.map_or(end, |at| scan.batch.line_of(at).map_or(at, |line| line.start));
        let mut cursor = scan.batch.cursor_before(at)?;
        let lines = scan.batch.lines.partition_point(|line| line.start < at);
        let taken = scan
            .batch
            .lines
            .iter()
            .take(lines)
            .map(|line| scan.batch.line(*line));
        cursor.layout = scan.began.as_ref().map(|began| began.behind(taken).state());
        let lines = lines as u64;
        let rejects = scan.rejected.partition_point(|rejected| rejected.line.start < at) as u64;
        let (told_lines, told_rejects) = std::mem::replace(&mut scan.counted, (lines, rejects));
        Some(Partial {
            cursor,
            lines: lines - told_lines,
            rejects: rejects - told_rejects,
        })
    }

    fn is_over(&self) -> bool {
        self.ended && self.scans.is_empty()
    }

    /// The key of the next line found, or the bound that all lines to come respect.
    fn next_key(&self) -> Time {
        let next = self.scans.front().and_then(|scan| scan.found.get(self.taken));
        next.map_or(self.reached, |found| found.key.max(self.reached))
    }

    /// The next lines that stand before what `second` has, the first of them in any case.
    fn step(&mut self, log: usize, second: Option<(Time, usize)>, most: usize) -> Step {
        let Some(scan) = self.scans.front() else {
            return Step::Need { log };
        };
        let first = self.taken;
        for found in scan.found.iter().skip(first).take(most) {
            let key = found.key.max(self.reached);
            if self.taken > first && second.is_some_and(|second| second < (key, log)) {
                break;
            }
            self.reached = key;
            self.taken += 1;
        }
        if self.taken > first {
            let found = first..self.taken;
            return Step::Take { log, found };
        }
        self.reached = self.reached.max(scan.latest.unwrap_or(self.reached));
        Step::Done { log }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::scan::Found;
    use crate::source::Line;

    fn scan(times: &[i64]) -> Scan {
        let mut latest = Time::default();
        let found = |(at, secs): (usize, &i64)| {
            latest = latest.max(Time::from_secs(*secs).unwrap());
            let line = Line {
                start: at as u32,
                len: 0,
                cut: false,
            };
            Found {
                key: latest,
                line,
                time: latest,
                ticks: 0..0,
                said: None,
            }
        };
        let found: Vec<Found> = times.iter().enumerate().map(found).collect();
        Scan {
            found,
            latest: Some(latest),
            ..Scan::default()
        }
    }

    /// Runs a merge over logs given as lists of batches; returns (log, running time) in the order taken.
    fn order(logs: &[Vec<Vec<i64>>]) -> Vec<(usize, i64)> {
        order_of_steps(logs, usize::MAX)
    }

    /// The same with at most so many lines a step.
    fn order_of_steps(logs: &[Vec<Vec<i64>>], most: usize) -> Vec<(usize, i64)> {
        let mut merge = Merge::default();
        let mut next = vec![0; logs.len()];
        for batches in logs {
            let first = batches
                .first()
                .and_then(|batch| batch.first())
                .copied()
                .unwrap_or_default();
            merge.log(Time::from_secs(first).unwrap());
        }
        let mut taken = Vec::new();
        loop {
            match merge.step_up_to(most) {
                Step::Take { log, found } => {
                    assert!((1..=most).contains(&found.len()));
                    let lines = &merge.front(log).unwrap().found[found];
                    taken.extend(lines.iter().map(|found| (log, found.key.secs())));
                }
                Step::Done { log } => drop(merge.pop(log)),
                Step::Need { log } => match logs[log].get(next[log]) {
                    Some(batch) => {
                        next[log] += 1;
                        merge.push(log, scan(batch));
                    }
                    None => merge.end(log),
                },
                Step::End => return taken,
            }
        }
    }

    proptest! {
        #[test]
        fn lines_taken_together_stand_in_the_order_of_one_by_one(
            logs in vec(vec(vec(0i64..20, 0..6), 0..4), 1..6),
            most in 2usize..5,
        ) {
            let one_by_one = order_of_steps(&logs, 1);
            prop_assert_eq!(&order_of_steps(&logs, most), &one_by_one);
            prop_assert_eq!(order(&logs), one_by_one);
        }
    }

    #[test]
    fn many_logs_cost_a_line_little_more_than_few() {
        let time = |logs: usize| {
            let began = std::time::Instant::now();
            let mut merge = Merge::default();
            for log in 0..logs {
                let log = merge.log(Time::from_nanos(log as i64 - 10_000));
                let times: Vec<i64> = (0..(40_000 / logs) as i64).collect();
                merge.push(log, scan(&times));
                merge.end(log);
            }
            let mut taken = 0;
            loop {
                match merge.step() {
                    Step::Take { found, .. } => taken += found.len(),
                    Step::Done { log } => drop(merge.pop(log)),
                    Step::Need { log } => merge.end(log),
                    Step::End => break,
                }
            }
            assert_eq!(taken, 40_000);
            began.elapsed()
        };
        let least = |logs| (0..3).map(|_| time(logs)).min().unwrap_or_default();
        let (few, many) = (least(200), least(4000));
        assert!(many < few * 6, "200 logs: {few:?}, 4000 logs: {many:?}");
    }

    #[test]
    fn the_order_is_by_time_and_does_not_depend_on_batches() {
        let whole = order(&[vec![vec![1, 4, 9]], vec![vec![2, 3, 8, 10]]]);
        let cut = order(&[vec![vec![1], vec![4, 9]], vec![vec![2, 3], vec![8], vec![10]]]);
        assert_eq!(whole, cut);
        assert_eq!(whole, [(0, 1), (1, 2), (1, 3), (0, 4), (1, 8), (0, 9), (1, 10)]);
    }

    #[test]
    fn late_lines_keep_their_place_in_their_log() {
        let taken = order(&[vec![vec![5, 3], vec![4, 7]], vec![vec![6]]]);
        let logs: Vec<usize> = taken.iter().map(|(log, _)| *log).collect();
        assert_eq!(logs, [0, 0, 0, 1, 0]);
    }

    #[test]
    fn a_line_of_several_records_is_taken_whole_or_not_at_all() {
        let mut scan = scan(&[1, 2, 2, 3]);
        let line = |start, len| Line {
            start,
            len,
            cut: false,
        };
        // Three lines; the second holds two records that are found.
        scan.batch.bytes = b"1\n[2,2]\n3\n".to_vec();
        scan.batch.lines = vec![line(0, 1), line(2, 5), line(8, 1)];
        for (found, start) in scan.found.iter_mut().zip([0, 3, 5, 8]) {
            found.line = line(start, 1);
        }
        let mut merge = Merge::default();
        merge.log(Time::default());
        merge.push(0, scan);
        let mut partials = Vec::new();
        for _ in 0..4 {
            assert!(matches!(merge.step_up_to(1), Step::Take { .. }));
            partials.extend(merge.partials());
        }
        let told: Vec<_> = partials
            .iter()
            .map(|partial| (partial.cursor.offset, partial.lines))
            .collect();
        assert_eq!(told, [(2, 1), (2, 0), (8, 1), (10, 1)]);
    }

    #[test]
    fn empty_logs_end() {
        assert!(order(&[vec![], vec![vec![]]]).is_empty());
    }
}
