//! What a run does about clients that say they are crawlers: asks for them, waits for verdicts, and decides without one
//! where nobody will be there to hear it.
//!
//! Who asks name servers is [`crate::drive::checks`]; what a verdict changes is [`crate::analysis::claims`]'s.

use std::io;

use afw_parsers::Time;

use crate::analysis::claims::Standing;
use crate::analysis::scan::Scan;
use crate::enrich::crawler::{Claim, Verdict};

use super::Run;

impl Run {
    /// Where a line's client says that it is a crawler: asks for it and, in a replay, waits for the verdict.
    pub(super) fn check(&mut self, scan: &mut Scan, found: usize) -> io::Result<()> {
        if let Some(checks) = self.checks.as_mut().filter(|checks| found == 0 && checks.waits()) {
            // All that the batch asks is asked at once, so that little is left to wait for.
            let claims = scan.said.iter().filter_map(|said| said.claim);
            claims
                .filter(|claimed| {
                    claimed.open && self.fold.claims().known().verdict(&claimed.claim).is_none()
                })
                .for_each(|claimed| checks.ask(claimed.claim));
        }
        if self.fold.meet(scan, found) != Standing::Awaited || !self.waits() {
            return Ok(());
        }
        if let Some(claimed) = scan.said(found).and_then(|said| said.claim) {
            self.wait_for(claimed.claim)?;
            self.fold.meet(scan, found);
        }
        Ok(())
    }

    fn waits(&self) -> bool {
        self.checks.as_ref().is_some_and(|checks| checks.waits())
    }

    fn wait_for(&mut self, claim: Claim) -> io::Result<()> {
        let Self {
            checks,
            fold,
            signals,
            ..
        } = self;
        let outcomes = checks
            .as_mut()
            .map(|checks| checks.wait_for(claim, fold, signals));
        self.outcomes(outcomes.unwrap_or_default())
    }

    /// No more lines of this client can be held. Nobody waits for a name server here: it is unknown for now.
    pub(super) fn decide_now(&mut self, claim: Claim) -> io::Result<()> {
        let outcomes = self.fold.decide(&[(claim, Verdict::Unknown, Time::default())]);
        self.outcomes(outcomes)
    }

    /// Takes in what name servers have decided.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn settle(&mut self) -> io::Result<()> {
        let outcomes = match &mut self.checks {
            Some(checks) => checks.settle(&mut self.fold),
            None => return Ok(()),
        };
        self.outcomes(outcomes)
    }

    /// Lines that still wait are judged without a verdict: nobody will be there to do it later.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn release(&mut self) -> io::Result<()> {
        let awaited = self.fold.claims().awaited();
        let unknown: Vec<_> = awaited
            .into_iter()
            .filter(|claim| self.fold.claims().holds(claim))
            .map(|claim| (claim, Verdict::Unknown, Time::default()))
            .collect();
        let outcomes = self.fold.decide(&unknown);
        self.outcomes(outcomes)
    }
}
