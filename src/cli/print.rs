//! What goes to standard output while a command runs: events, sightings, indicators, values.
//!
//! Filters (`--host`, `--class`) act here and in the report only, never on what is detected or shipped.

use std::io;

use crate::event::{Finding, ValueType};
use crate::indicator::{self, Indicator};
use crate::report::tally::Scope;
use crate::text::printable;

use super::options::Print;
use super::output::Output;

/// Writes what was asked for.
pub struct Printer {
    out: Output,
    what: Print,
    scope: Scope,
    /// Indicators as readable lines in place of NDJSON.
    readable: bool,
    /// Indicators are printed as they arise.
    live: bool,
}

impl Printer {
    /// A printer for one run.
    pub fn new(out: Output, what: Print, scope: Scope, readable: bool, live: bool) -> Self {
        Self {
            out,
            what,
            scope,
            readable,
            live,
        }
    }

    /// What is printed.
    pub fn what(&self) -> Print {
        self.what
    }

    /// Prints the sightings of a line, when sightings are wanted.
    pub fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if self.what != Print::Sightings || !self.scope.host(finding.event.host.as_deref().map(str::as_bytes))
        {
            return Ok(());
        }
        for sighting in &finding.sightings {
            if self.scope.class(sighting.class) {
                self.out
                    .line(&crate::ecs::sighting(&finding.event, sighting).to_string())?;
            }
        }
        Ok(())
    }

    /// Prints one event, already written as ECS, when events are wanted.
    pub fn event(&mut self, ecs: &str, host: Option<&str>) -> io::Result<()> {
        if self.what == Print::Events && self.scope.host(host.map(str::as_bytes)) {
            self.out.line(ecs)
        } else {
            Ok(())
        }
    }

    /// Prints an indicator as it arises, when that is wanted: a replay prints them at its end.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn update(&mut self, indicator: &Indicator) -> io::Result<()> {
        if self.live {
            self.indicator(indicator)
        } else {
            Ok(())
        }
    }

    /// Prints an indicator, when indicators or values are wanted.
    pub fn indicator(&mut self, indicator: &Indicator) -> io::Result<()> {
        if !self.scope.indicator(indicator) {
            return Ok(());
        }
        match self.what {
            Print::Indicators if self.readable => self.out.line(&readable(indicator)),
            Print::Indicators => self.out.line(&indicator::to_json(indicator)),
            Print::Values if is_value(indicator) => self.out.line(&indicator.value),
            _ => Ok(()),
        }
    }

    /// Prints text as it is.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.out.text(text)
    }

    /// Hands everything to the reader.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// One line for a person.
fn readable(indicator: &Indicator) -> String {
    let country = indicator.country.map(crate::ecs::country).unwrap_or_default();
    let rules: Vec<&str> = indicator
        .rules
        .iter()
        .take(3)
        .map(|rule| rule.title.as_ref())
        .collect();
    let target = indicator
        .evidence
        .last()
        .and_then(|evidence| evidence.target.as_deref())
        .unwrap_or_default();
    printable(&format!(
        "{} {:<39} {:<12} {:.2} {country:<2} ×{:<5} {}  {}",
        indicator
            .last_seen
            .to_rfc3339_millis()
            .get(..19)
            .unwrap_or_default(),
        indicator.value,
        indicator.class.name(),
        indicator.confidence.value(),
        indicator.sightings,
        rules.join(", "),
        crate::text::clipped(target, 60),
    ))
}
/// Whether an indicator is an address or a domain: what the consumers of plain lists can block.
const fn is_value(indicator: &Indicator) -> bool {
    matches!(
        indicator.kind,
        ValueType::Ipv4 | ValueType::Ipv6 | ValueType::Domain
    )
}
