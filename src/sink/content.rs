//! [`Content`]: what receivers without a contract of their own get, `file` and `webhook`. Pure.

use crate::ecs;
use crate::event::Finding;
use crate::indicator::{self, Indicator};

/// Which of afw's own documents are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// Indicators that are new, have risen or are still active.
    #[default]
    Indicators,
    /// One sighting a rule and line, of clients that may become indicators.
    Sightings,
}

impl Content {
    /// Whether findings must carry the whole ECS event.
    pub fn wants_ecs(self) -> bool {
        self == Self::Sightings
    }

    /// Records for a line on which rules fired.
    pub fn finding(self, finding: &Finding, into: &mut Vec<Vec<u8>>) {
        if self == Self::Sightings && finding.event.exempt().is_none() {
            let sightings = finding.sightings.iter();
            into.extend(sightings.map(|one| ecs::sighting(&finding.event, one).into_bytes()));
        }
    }

    /// The record for an indicator.
    pub fn indicator(self, indicator: &Indicator, into: &mut Vec<Vec<u8>>) {
        if self == Self::Indicators {
            into.push(indicator::to_json(indicator).into_bytes());
        }
    }
}
