//! [`Statistics`]: counts over lines, merged from all scans. Every sum is independent of the order of merging.

use std::collections::BTreeMap;

use afw_parsers::{Reason, Skip, Time};

use super::counts::Counts;
use super::scope::Scope;
use crate::detect::ByClass;
use crate::event::{Finding, Sighting};

/// Counts over a run, a log or a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Complete lines read, of whatever kind.
    pub lines: u64,
    /// Bytes of those lines, line ends included.
    pub bytes: u64,
    /// Lines that were requests.
    pub requests: u64,
    /// Lines that belong to the log but are no requests: blank lines, headers, other loggers' entries.
    pub skipped: Counts,
    /// Lines that no grammar accepted, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Lines longer than the cap, which were cut.
    pub cut: u64,
    /// Requests outside `--since` and `--until`.
    pub out_of_range: u64,
    /// Requests to other hosts than `--host` names; counted in `requests`, too.
    pub other_hosts: u64,
    /// Requests whose line tells no usable time: rules judge them, windows and the time line leave them out.
    pub timeless: u64,
    /// Requests whose client could not be told.
    pub clientless: u64,
    /// Earliest event time.
    pub first: Option<Time>,
    /// Latest event time.
    pub last: Option<Time>,
    /// Requests by hundreds of the status: none, 1xx to 5xx, anything else.
    pub statuses: [u64; 7],
    /// Requests on which at least one rule fired.
    pub sighted: u64,
    /// Sightings by class, in the order of [`Class::ALL`](crate::detect::Class::ALL).
    pub classes: ByClass,
    /// Sighted requests of clients that never become indicators.
    pub exempt: u64,
    /// 404 answers by AppFirewall label.
    pub labels: Counts,
    /// Requests by the name of the format that accepted them.
    pub formats: Counts,
}

impl Statistics {
    /// Counts one complete line of so many bytes.
    #[inline]
    pub fn line(&mut self, bytes: usize, cut: bool) {
        self.lines += 1;
        self.bytes += bytes as u64 + 1;
        self.cut += u64::from(cut);
    }

    /// Counts a request by time and status.
    #[inline]
    pub fn request(&mut self, time: Option<Time>, status: Option<u16>) {
        self.requests += 1;
        if self
            .first
            .is_none_or(|first| time.is_some_and(|time| time < first))
        {
            self.first = time;
        }
        self.last = self.last.max(time);
        let slot = match status {
            None => 0,
            Some(status @ 100..=599) => usize::from(status / 100),
            Some(_) => 6,
        };
        self.statuses[slot] += 1;
    }

    /// Counts requests by the format that accepted their lines.
    pub fn format(&mut self, name: &'static str, lines: u64) {
        self.formats.add(name, lines);
    }

    /// Counts an answer of 404 by its AppFirewall label.
    pub fn label(&mut self, label: &'static str) {
        self.labels.add(label, 1);
    }

    /// Counts a line that is part of the log but no request.
    pub fn skip(&mut self, skip: Skip) {
        self.skipped.add(skip.name(), 1);
    }

    /// Counts a line that no grammar accepted.
    pub fn reject(&mut self, reason: Reason) {
        *self.rejected.entry(reason).or_default() += 1;
    }

    /// Counts what the rules said of one line, as far as it lies in `scope`; `late`: of a line that was counted before.
    pub fn finding(&mut self, finding: &Finding, late: bool, scope: &Scope) {
        let event = &finding.event;
        let in_scope = |sighting: &&Sighting| scope.class(sighting.class);
        let mut told = finding.sightings.iter().filter(in_scope).peekable();
        let is_told = scope.is_all() || told.peek().is_some();
        if !is_told || !scope.host(event.host.as_deref().map(str::as_bytes)) {
            return;
        }
        self.sighted += u64::from(!late && !event.repeats);
        self.exempt += u64::from(event.exempt().is_some());
        for sighting in told {
            self.classes[sighting.class as usize] += 1;
        }
    }

    /// All rejected lines.
    pub fn rejects(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Share of lines that no grammar accepted, 0 to 1, blank and header lines left out.
    pub fn reject_share(&self) -> f64 {
        let judged = self.requests + self.rejects();
        if judged == 0 {
            0.0
        } else {
            self.rejects() as f64 / judged as f64
        }
    }

    /// Takes back the lines of a log that turned out to hold no request.
    pub fn leave_out(&mut self, other: &Self) {
        self.lines -= other.lines.min(self.lines);
        self.bytes -= other.bytes.min(self.bytes);
        self.cut -= other.cut.min(self.cut);
        for (reason, count) in &other.rejected {
            if let Some(own) = self.rejected.get_mut(reason) {
                *own = own.saturating_sub(*count);
            }
        }
        self.rejected.retain(|_, count| *count > 0);
        self.skipped.take_off(&other.skipped);
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.requests += other.requests;
        self.cut += other.cut;
        self.out_of_range += other.out_of_range;
        self.other_hosts += other.other_hosts;
        self.timeless += other.timeless;
        self.clientless += other.clientless;
        self.sighted += other.sighted;
        self.exempt += other.exempt;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        for (reason, count) in &other.rejected {
            *self.rejected.entry(*reason).or_default() += count;
        }
        self.skipped.merge(&other.skipped);
        self.labels.merge(&other.labels);
        self.formats.merge(&other.formats);
        add_each(&mut self.statuses, &other.statuses);
        add_each(&mut self.classes, &other.classes);
    }
}

fn add_each(into: &mut [u64], from: &[u64]) {
    for (into, from) in into.iter_mut().zip(from) {
        *into += from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(secs: i64) -> Statistics {
        let mut statistics = Statistics::default();
        statistics.line(99, secs % 2 == 0);
        statistics.request(Time::from_secs(secs), Some(404));
        statistics.line(9, false);
        statistics.reject(Reason::Time);
        statistics
    }

    #[test]
    fn merging_in_any_order_gives_the_same_sums() {
        let (a, b, c) = (sample(30), sample(10), sample(21));
        let mut left = a.clone();
        left.merge(&b);
        left.merge(&c);
        let mut right = c;
        right.merge(&a);
        right.merge(&b);
        assert_eq!(left, right);
        assert_eq!(
            (left.lines, left.bytes, left.requests, left.rejects()),
            (6, 330, 3, 3)
        );
        assert_eq!(left.first, Time::from_secs(10));
        assert_eq!(left.statuses[4], 3);
        assert!((left.reject_share() - 0.5).abs() < 1e-9);
    }
}
