//! What goes to standard output while a command runs: events, sightings, indicators, values.
//!
//! Filters (`--host`, `--class`) act here and in the report only, never on what is detected or shipped.

use std::io;

use afw_parsers::Time;

use crate::event::{Finding, ValueType};
use crate::indicator::{self, Indicator};
use crate::report::Scope;
use crate::text::{fitted, printable};

use crate::config::options::Print;
use crate::terminal::output::Output;

/// Terminals of fewer letters have no room for the date and for wide columns.
const NARROW: usize = 100;

/// What stands for the time of an indicator whose lines tell none: as wide as one, in a whole line and in a narrow one.
const NO_TIME: &str = "-                  ";

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

    /// What of a run is told.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Prints the sightings of a line, when sightings are wanted.
    pub fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if self.what != Print::Sightings || !self.scope.host(finding.event.host.as_deref().map(str::as_bytes))
        {
            return Ok(());
        }
        for sighting in &finding.sightings {
            if self.scope.class(sighting.class) {
                self.out.line(&crate::ecs::sighting(&finding.event, sighting))?;
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
            Print::Indicators if self.readable => {
                let width = self.out.width();
                let line = readable(indicator, width.is_some_and(|width| width < NARROW));
                match width {
                    Some(width) => self.out.line(&fitted(&line, width)),
                    None => self.out.line(&line),
                }
            }
            Print::Indicators => self.out.line(&indicator::to_json(indicator)),
            Print::Values if is_value(indicator) => self.out.line(&indicator.value),
            _ => Ok(()),
        }
    }

    /// Prints a page of text.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.out.page(text)
    }

    /// Hands everything to the reader.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// One line for a person: when, who, what, how sure, from where, how often, why, and the last request that shows it.
fn readable(indicator: &Indicator, narrow: bool) -> String {
    let country = indicator.country.map(crate::ecs::country).unwrap_or_default();
    // The first of the strongest: of equals the last would win.
    let strongest = indicator.rules.iter().rev().max_by_key(|rule| rule.level);
    let strongest = strongest.map_or("", |rule| rule.title.as_ref());
    let more = match indicator.rules.len() {
        0 | 1 => String::new(),
        many => format!(" +{}", many - 1),
    };
    let target = indicator
        .evidence
        .last()
        .and_then(|evidence| evidence.target.as_deref())
        .unwrap_or_default();
    let time = indicator.last_seen.map(Time::to_rfc3339_millis);
    let time = time.unwrap_or_else(|| NO_TIME.to_owned());
    let (time, widest) = if narrow {
        (time.get(11..19), 15)
    } else {
        (time.get(..19), 24)
    };
    printable(&format!(
        "{} {:<widest$} {:<12} {:.2} {country:<2} ×{:<4} {strongest}{more}  {}",
        time.unwrap_or_default(),
        indicator.value,
        indicator.class.name(),
        indicator.confidence.value(),
        indicator.sightings,
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
