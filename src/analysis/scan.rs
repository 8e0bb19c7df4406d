//! [`Scanner`]: the hot loop over one batch. Parses each line, resolves the client, enriches, matches signatures.
//!
//! An ordinary line (parsed, nothing fires) allocates nothing. What fires becomes a [`Found`]; windows and
//! indicators are not touched here. One scanner a thread; all share one [`Kit`]. Next: [`super::merge`].

mod judge;
mod sighted;
mod values;

use std::sync::Arc;

use afw_parsers::reject::Reason;
use afw_parsers::{Format, Layout, Line as Parsed, Parser, Record, Reject, Skip, Time, parts};

use crate::detect::correlate::tick::{Tick, Ticker};
use crate::detect::fields::Field;
use crate::detect::{Class, Hit, Signatures, label};
use crate::enrich::crawler::Known;
use crate::enrich::{AddressCache, Enricher};
use crate::event::{Event, SightedEvent, target_text};
use crate::report::{Statistics, Tally};
use crate::source::{Batch, Line};

use super::pages::{Answer, Hashes};
use super::recalled::Recalled;
use judge::{count, event};
pub use values::{Claimed, Found, Kit, Rejected, Said, Scan, Seen, Wants};

/// The per-thread part of analysis.
pub struct Scanner {
    kit: Arc<Kit>,
    signatures: Signatures,
    ticker: Ticker<Field>,
    enricher: Enricher,
    hashes: Hashes,
    recalled: Recalled,
    /// What name servers have decided.
    known: Arc<Known>,
    hits: Vec<Hit>,
    encoded: Vec<Vec<u8>>,
    /// How much the batch before it found and ticked: about what the next one will.
    room: (usize, usize),
    /// Room of a scan that is used up.
    spare: (Vec<Found>, Vec<Said>, Vec<Tick>),
    /// The format of the lines at hand, and how many of them are not counted yet.
    format: (Option<Format>, u64),
    /// What a report counts, when one is wanted.
    tally: Option<Box<Tally>>,
    /// Whether any rule is about what was served.
    judges_exposures: bool,
    /// Whether rules, receivers, printers or a report ask for the country, network or lists of every client.
    asks_addresses: bool,
}

impl Scanner {
    /// A scanner for one thread.
    pub fn new(kit: &Arc<Kit>) -> Self {
        let rules = &kit.ruleset;
        Self {
            signatures: Signatures::new(Arc::clone(rules)),
            ticker: Ticker::new(rules.correlations(), rules.rules().len()),
            enricher: enricher(kit),
            hashes: Hashes::default(),
            recalled: Recalled::default(),
            known: Arc::default(),
            hits: Vec::new(),
            encoded: Vec::new(),
            room: (0, 0),
            spare: Default::default(),
            format: (None, 0),
            tally: None,
            judges_exposures: rules
                .rules()
                .iter()
                .any(|rule| rule.info.class == Class::Exposure),
            asks_addresses: asks_addresses(kit),
            kit: Arc::clone(kit),
        }
    }

    /// Takes another kit with the same rules: fresher databases and lists.
    pub fn refresh(&mut self, kit: &Arc<Kit>) {
        self.enricher = enricher(kit);
        self.asks_addresses = self.tally.is_some() || asks_addresses(kit);
        self.kit = Arc::clone(kit);
    }

    /// Takes what name servers have decided about claims.
    pub fn know(&mut self, known: Arc<Known>) {
        self.known = known;
    }

    /// Counts every request for a report from now on.
    #[must_use]
    pub fn counting(mut self, tally: Option<Tally>) -> Self {
        self.asks_addresses |= tally.is_some();
        self.tally = tally.map(Box::new);
        self
    }

    /// What was counted for a report.
    pub fn take_tally(&mut self) -> Option<Box<Tally>> {
        self.tally.take()
    }

    /// Takes the room of a scan that is used up for the next one.
    pub fn reuse(&mut self, scan: Scan) {
        let Scan {
            mut found,
            mut said,
            mut ticks,
            ..
        } = scan;
        found.clear();
        said.clear();
        ticks.clear();
        self.spare = (found, said, ticks);
    }

    /// Scans one batch, going on from the layout that the log's lines before it left.
    pub fn scan(&mut self, batch: Batch, layout: &Layout) -> Scan {
        let (found, said, ticks) = std::mem::take(&mut self.spare);
        let mut scan = Scan {
            began: Some(layout.clone()),
            found,
            said,
            ticks,
            ..Scan::default()
        };
        scan.found.reserve(self.room.0.min(batch.lines.len()));
        scan.ticks.reserve(self.room.1.min(4 * batch.lines.len()));
        scan.layout = Some(self.scan_lines(&batch, layout, &mut scan));
        self.flush_format(&mut scan.statistics);
        self.room = (scan.found.len(), scan.ticks.len());
        scan.batch = batch;
        scan
    }

    /// Parses each line one ahead of the one that is judged: what judging it looks up is on its way meanwhile. The layout
    /// that the lines leave.
    fn scan_lines(&mut self, batch: &Batch, layout: &Layout, scan: &mut Scan) -> Layout {
        let mut parser = Parser::new(layout);
        let (mut parsed, mut waiting) = (&mut Record::default(), &mut Record::default());
        // Of the record that waits.
        let mut waiting_line = None;
        let mut several = false;
        // Where the record over several lines ends that was read last.
        let mut read_to = 0;
        for &line in &batch.lines {
            let bytes = batch.line(line);
            scan.statistics.line(bytes.len(), line.cut);
            if line.start < read_to {
                scan.statistics.skip(Skip::OtherStream);
                continue;
            }
            let mut parts = parts(bytes);
            while let Some((at, part)) = parts.next() {
                let line = line.part(at, part.len());
                match parser.parse(part, parsed) {
                    Ok(Parsed::Record) if parts.refuse(parsed, layout) => {
                        scan.reject(line, Reject::new(Reason::Within, 0));
                    }
                    // Nothing is looked up.
                    Ok(Parsed::Record) if !self.asks_addresses => self.record(batch, line, parsed, scan),
                    Ok(Parsed::Record) => {
                        self.expect(parsed);
                        if let Some(line) = waiting_line.replace(line) {
                            self.record(batch, line, waiting, scan);
                        }
                        std::mem::swap(&mut parsed, &mut waiting);
                    }
                    Ok(Parsed::Skip(skip)) => scan.statistics.skip(skip),
                    Err(reject) if !parts.split_row() => match row(&mut parser, batch, line, parsed) {
                        Some(row) => {
                            read_to = row.start + row.len;
                            if let Some(line) = waiting_line.take() {
                                self.record(batch, line, waiting, scan);
                            }
                            self.record(batch, row, parsed, scan);
                        }
                        None => scan.reject(line, reject),
                    },
                    Err(_) => {}
                }
            }
            several |= parts.are_several();
        }
        if let Some(line) = waiting_line {
            self.record(batch, line, waiting, scan);
        }
        if several {
            scan.hold_together(batch);
        }
        parser.layout()
    }

    /// Asks for the memory of what is known of a line's address, where there is no doubt whose address counts.
    #[inline]
    fn expect(&self, record: &Record<'_>) {
        if let Some(peer) = record.peer.filter(|_| !record.more.used) {
            self.enricher.addresses.fetch(peer);
        }
    }

    /// Counts the formats of lines, which are many of one kind, in one go.
    fn count_format(&mut self, format: Option<Format>, statistics: &mut Statistics) {
        if self.format.0 != format {
            self.flush_format(statistics);
            self.format.0 = format;
        }
        self.format.1 += 1;
    }

    /// Counts the lines whose format is not counted yet.
    fn flush_format(&mut self, statistics: &mut Statistics) {
        let (format, lines) = std::mem::take(&mut self.format);
        if lines > 0 {
            statistics.format(format.map_or("compiled", Format::name), lines);
        }
    }

    /// The owned event of one line that a scan did not keep, for a correlation that this line completed. Where header
    /// lines decide how a line is read, the lines before it are looked at again.
    pub fn sighted(&mut self, batch: &Batch, line: Line, layout: &Layout) -> Option<SightedEvent> {
        let in_order = layout.is_stateful();
        let mut parser = match in_order {
            true => Parser::new(layout),
            false => Parser::new(&layout.for_whole_line()),
        };
        let mut record = Record::default();
        if in_order {
            for before in batch.lines.iter().take_while(|before| before.start < line.start) {
                // Only what the parser remembers of it matters.
                let _ = parser.parse(batch.line(*before), &mut record);
            }
        }
        let Ok(Parsed::Record) = parser.parse(batch.line(line), &mut record) else {
            return None;
        };
        let Self {
            kit, enricher, known, ..
        } = self;
        let event = event(kit, enricher, known, batch, line, &record, true);
        let (target, label) = (target_text(&record), label::of_record(&record));
        Some(sighted::of(&event, target, label, kit.wants))
    }

    /// Shows a parsed line's event and the signatures to `look`: for `afw explain`.
    pub fn with_event<T>(
        &mut self,
        record: &Record<'_>,
        look: impl FnOnce(&Event<'_, '_>, &mut Signatures) -> T,
    ) -> T {
        let batch = Batch {
            file: "-".into(),
            ..Batch::default()
        };
        let line = Line {
            start: 0,
            len: 0,
            cut: false,
        };
        let Self {
            kit,
            signatures,
            enricher,
            known,
            ..
        } = self;
        look(
            &event(kit, enricher, known, &batch, line, record, true),
            signatures,
        )
    }

    /// Counts one parsed line, and judges it where anybody asks for more.
    fn record(&mut self, batch: &Batch, line: Line, record: &Record<'_>, scan: &mut Scan) {
        if !self.is_wanted(record.time, &mut scan.statistics) {
            return;
        }
        scan.latest = scan.latest.max(record.time);
        if record.more.repeats {
            scan.statistics.skip(Skip::SameRequest);
        } else {
            scan.statistics.request(record.time, record.status);
            let scope = &self.kit.scope;
            if !scope.hosts.is_empty() && !scope.host(record.host.as_deref()) {
                scan.statistics.other_hosts += 1;
            }
            self.count_format(record.format, &mut scan.statistics);
        }
        if self.asks_addresses || self.claims_something(record) {
            return self.judge(batch, line, record, scan);
        }
        if record.more.repeats {
            return;
        }
        let client = self.kit.trust.resolve(record);
        count(&mut scan.statistics, client, self.recalled.label(None, record));
    }

    /// Whether a request of that time is asked for; counts those that are not. Of a line without a time nobody can say
    /// that it lies between two times.
    #[inline]
    fn is_wanted(&self, time: Option<Time>, statistics: &mut Statistics) -> bool {
        let Wants { since, until, .. } = self.kit.wants;
        let Some(time) = time else {
            statistics.timeless += 1;
            return since.is_none() && until.is_none();
        };
        let wanted = since.is_none_or(|since| time >= since) && until.is_none_or(|until| time < until);
        statistics.out_of_range += u64::from(!wanted);
        wanted
    }

    /// Whether the client says that it is a crawler.
    fn claims_something(&mut self, record: &Record<'_>) -> bool {
        let agent = record.user_agent.as_deref();
        self.enricher.agents.facts(agent).claims.is_some()
    }
}

/// Reads a line that was refused and ends within the quotes of a CSV with the lines behind it, up to the one that closes them:
/// with few, since a line that was cut closes none.
#[cold]
fn row<'b>(parser: &mut Parser, batch: &'b Batch, line: Line, record: &mut Record<'b>) -> Option<Line> {
    const MOST_LINES: usize = 64;
    const MOST_BYTES: u32 = 64 << 10;
    if !parser.may_go_on(batch.line(line)) {
        return None;
    }
    let row = batch.joined(line, MOST_LINES, |bytes| parser.may_go_on(bytes))?;
    let read = (row.len <= MOST_BYTES).then(|| parser.parse(batch.line(row), record));
    (read? == Ok(Parsed::Record)).then_some(row)
}

fn enricher(kit: &Kit) -> Enricher {
    Enricher::new(AddressCache::new(
        Arc::clone(&kit.databases),
        Arc::clone(&kit.lists),
        Arc::clone(&kit.exemptions),
        kit.addresses,
    ))
}

/// Whether rules, receivers or printers may ask for what is known of any client's address.
fn asks_addresses(kit: &Kit) -> bool {
    !kit.ruleset.rules().is_empty() || !kit.sinks.is_empty() || kit.wants.events
}
