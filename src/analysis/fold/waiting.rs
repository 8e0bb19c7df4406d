//! Claims: lines that wait for a verdict on their client, and what verdicts change. Next: [`crate::analysis::claims`].

use std::sync::Arc;

use afw_parsers::{Layout, Time};

use super::super::claims::{Claims, Held};
use super::super::scan::{Said, Scan};
use super::{Fold, Outcome, Verdicts};
use crate::enrich::Exempt;
use crate::enrich::crawler::{Claim, Verdict};
use crate::event::{Finding, Sighting};
use crate::source::{Batch, Line};

impl Fold {
    /// Says what time it is: verdicts grow old by the clock on the wall.
    pub fn set_now(&mut self, now: Time) {
        self.claims.set_now(now);
    }

    /// The claims of this run.
    pub fn claims(&mut self) -> &mut Claims {
        &mut self.claims
    }

    /// Takes verdicts, each with the wall-clock time until which it holds; what follows from the lines that waited.
    pub fn decide(&mut self, verdicts: Verdicts<'_>) -> Vec<Outcome> {
        let decided = self.claims.decide(verdicts);
        for (claim, verdict, _) in verdicts {
            if *verdict == Verdict::Verified {
                self.indicators.forget(claim.address);
            }
        }
        let lines = decided.into_iter().flat_map(|(_, lines)| lines);
        lines.filter_map(|held| self.release(held)).collect()
    }

    /// Holds a line. What it showed so far is printed now.
    pub(super) fn hold(
        &mut self,
        scan: &Scan,
        at: usize,
        claim: Claim,
        finding: Option<Finding>,
        fired: Vec<Arc<str>>,
    ) -> Outcome {
        let layout = line_layout(scan).map(|layout| layout.state());
        let (Some(found), Some(layout)) = (scan.found.get(at), layout) else {
            return Outcome::default();
        };
        let told = finding.iter().flat_map(|finding| &finding.sightings);
        let held = Held {
            line: scan.batch.line(found.line).into(),
            layout: layout.into(),
            file: Arc::clone(&scan.batch.file),
            offset: scan.batch.offset(found.line),
            fired,
            told: told.map(|sighting| sighting.rule.id.clone()).collect(),
        };
        let room = self.claims.hold(claim, held);
        Outcome {
            finding,
            crowded: (!room).then_some(claim),
            ..Outcome::default()
        }
    }

    /// Reads a held line again, now that more is known of its client.
    fn release(&mut self, held: Held) -> Option<Outcome> {
        let batch = Batch {
            file: held.file,
            base: held.offset,
            lines: vec![Line {
                start: 0,
                len: u32::try_from(held.line.len()).ok()?,
                cut: false,
            }],
            bytes: held.line.into(),
            ..Batch::default()
        };
        let layout = Layout::from_state(&held.layout)?;
        let (line, said) = self.scan_again(batch.clone(), &layout)?;
        let Said { finding, answer, .. } = said.unwrap_or_default();
        let mut finding = match finding {
            Some(finding) => finding,
            None if held.fired.is_empty() => return None,
            None => Finding {
                event: Arc::new(self.again.sighted(&batch, line, &layout)?),
                sightings: Vec::new(),
            },
        };
        let rules = self.kit.ruleset.correlations().iter();
        let fired = rules.filter(|rule| held.fired.contains(&rule.info.id));
        finding
            .sightings
            .extend(fired.map(|rule| Sighting::correlated(&rule.info)));
        self.judge_answer(answer, Some(&mut finding));
        self.spare(&mut finding);
        let mut outcome = self.follow(finding);
        outcome.late = true;
        if let Some(finding) = &mut outcome.finding {
            finding
                .sightings
                .retain(|sighting| !held.told.contains(&sighting.rule.id));
        }
        Some(outcome)
    }

    /// Puts what is known by now in the place of what a scan found.
    pub(super) fn read_again(&mut self, scan: &mut Scan, at: usize) {
        let (Some(found), Some(layout)) = (scan.found.get(at), line_layout(scan)) else {
            return;
        };
        let line = scan.batch.line(found.line);
        let batch = Batch {
            file: Arc::clone(&scan.batch.file),
            log: scan.batch.log,
            base: scan.batch.offset(found.line),
            lines: vec![Line {
                start: 0,
                ..found.line
            }],
            bytes: line.into(),
            ..Batch::default()
        };
        if let Some((_, said)) = self.scan_again(batch, &layout) {
            scan.say_again(at, said);
        }
    }

    /// Reads one line again: its place in the batch, and what is said of it.
    fn scan_again(&mut self, batch: Batch, layout: &Layout) -> Option<(Line, Option<Said>)> {
        self.again.know(Arc::clone(self.claims.known()));
        let mut scan = self.again.scan(batch, layout);
        // The next verdict need not copy what nobody else looks at.
        self.again.know(Arc::default());
        let last = scan.found.len().checked_sub(1)?;
        let line = scan.found.get(last)?.line;
        Some((line, scan.said_mut(last).map(std::mem::take)))
    }

    /// An address that was verified by another line is spared with this one, and what it did before is forgotten.
    pub(super) fn spare(&mut self, finding: &mut Finding) {
        let Some(client) = finding.event.client else {
            return;
        };
        match finding.event.exempt() {
            Some(Exempt::VerifiedCrawler) if !self.claims.is_spared(client) => {
                self.claims.spare(client);
                self.indicators.forget(client);
            }
            None if self.claims.is_spared(client) => {
                Arc::make_mut(&mut finding.event).address.exempt = Some(Exempt::VerifiedCrawler);
            }
            _ => {}
        }
    }
}

/// The layout by which the lines of a scan are read.
fn line_layout(scan: &Scan) -> Option<Layout> {
    let after = scan.layout.as_ref().filter(|layout| layout.is_stateful());
    // Only what a line begins with is found.
    after.or(scan.began.as_ref()).map(Layout::for_whole_line)
}
