//! The summary as one screen for a person: what was read, seen, and by whom.
//!
//! Colours are ANSI sequences that the writer may strip; every text that came from a log passes [`printable`]. Next:
//! `advice`, the lines that say what to type next.

use std::fmt::Write;

use afw_parsers::Reject;
use anstyle::{AnsiColor, Style};

use super::units::{bytes, minute, plural, span};
use super::{BEFORE, LOUD_REJECTS, LogSummary, Summary, TOP};
use crate::detect::Class;
use crate::enrich::crawler::ClaimCounts;
use crate::indicator::Indicator;
use crate::text::{clipped, counted, grouped, percent, printable, shown};

/// How many logs are named one by one before the rest is added up.
const LOGS: usize = 12;
/// Counters of profiles that had to go.
const EVICTED: [&str; 2] = ["indicators_evicted", "profiles_evicted"];

impl Summary {
    /// The screen for a person; colours are ANSI sequences that the writer may strip.
    pub fn text(&self) -> String {
        let mut out = String::new();
        if self.logs.is_empty() {
            // What kept it from reading was said already.
            return out;
        }
        // Writing to a String cannot fail; the results are not looked at in this module.
        self.head(&mut out);
        self.read(&mut out);
        if self.total.requests > 0 {
            self.seen(&mut out);
            self.offenders(&mut out);
        }
        self.next(&mut out);
        out
    }

    fn head(&self, out: &mut String) {
        let bold = Style::new().bold();
        let total = &self.total;
        let secs = self.elapsed.as_secs_f64();
        let speed = if secs < 0.1 {
            // So short a run tells no speed.
            String::new()
        } else {
            format!(
                " · {secs:.1} s, {} lines/s",
                grouped((total.lines as f64 / secs) as u64)
            )
        };
        let _ = writeln!(
            out,
            "{bold}{} line{}{bold:#} in {} log{}, {}{speed}",
            grouped(total.lines),
            plural(total.lines),
            self.logs.len(),
            plural(self.logs.len() as u64),
            bytes(total.bytes),
        );
        if self.interrupted {
            let warn = AnsiColor::Yellow.on_default();
            let _ = writeln!(
                out,
                "{warn}interrupted{warn:#} after {}: what follows is of these alone",
                counted(total.lines, "line"),
            );
        }
        if let (Some(first), Some(last)) = (total.first, total.last) {
            let _ = writeln!(
                out,
                "from {} to {} ({})",
                minute(first),
                minute(last),
                span(last.since(first))
            );
        }
    }

    fn read(&self, out: &mut String) {
        heading(out, "Read");
        for log in self.logs.iter().take(LOGS) {
            read_line(out, log);
        }
        if self.logs.len() > LOGS {
            let rest = &self.logs[LOGS..];
            let lines: u64 = rest.iter().map(|log| log.statistics.lines).sum();
            let rejects: u64 = rest.iter().map(|log| log.statistics.rejects()).sum();
            let _ = writeln!(
                out,
                "  … {}, {}, {} rejected",
                counted(rest.len() as u64, "more log"),
                counted(lines, "line"),
                grouped(rejects)
            );
        }
        self.rejects(out);
    }

    /// The reasons of rejects, and the first few with a caret where parsing stopped.
    fn rejects(&self, out: &mut String) {
        if self.total.rejects() == 0 {
            return;
        }
        let reasons: Vec<String> = self
            .total
            .rejected
            .iter()
            .map(|(reason, count)| format!("{} {}", grouped(*count), reason.name()))
            .collect();
        let _ = writeln!(out, "  rejected lines by reason: {}", reasons.join(", "));
        let loud = self
            .logs
            .iter()
            .filter(|log| log.statistics.reject_share() > LOUD_REJECTS);
        for log in loud.take(3) {
            if let Some((offset, line, reject)) = log.rejects.first() {
                reject_sample(out, log, *offset, line, reject);
            }
        }
    }

    fn seen(&self, out: &mut String) {
        heading(out, "Seen");
        let total = &self.total;
        let requests = self.requests();
        if let Some(scope) = self.scope.text() {
            let _ = writeln!(out, "  {scope}, as --host and --class say");
        }
        let _ = writeln!(
            out,
            "  {} request{}, {} with findings{}",
            grouped(requests),
            plural(requests),
            grouped(total.sighted),
            exempt(total.exempt)
        );
        if total.timeless > 0 {
            let _ = writeln!(
                out,
                "  {} request{} without a time: judged, but in no window, no time line and no --since or --until",
                grouped(total.timeless),
                plural(total.timeless),
            );
        }
        for class in Class::ALL {
            let count = total.classes[class as usize];
            if count > 0 {
                let style = class_style(class);
                let _ = writeln!(
                    out,
                    "  {style}{:<20}{style:#} {:>9} sighting{}{}",
                    class.name(),
                    grouped(count),
                    plural(count),
                    self.clients_of(class)
                );
            }
        }
        if total.sighted == 0 {
            let _ = writeln!(out, "  nothing suspicious");
        }
        self.crawlers(out);
    }

    /// How many clients a class was seen of. Those whose profiles had to go are not among them.
    fn clients_of(&self, class: Class) -> String {
        let evicted = |(name, count): &(String, u64)| EVICTED.contains(&&**name) && *count > 0;
        match self.clients[class as usize] {
            0 => String::new(),
            count => format!(
                ", {} client{}{}",
                grouped(count),
                plural(count),
                if self.counters.iter().any(evicted) {
                    " or more"
                } else {
                    ""
                }
            ),
        }
    }

    /// What became of the claims to be a crawler, and above all what nobody checked.
    fn crawlers(&self, out: &mut String) {
        let ClaimCounts {
            verified,
            fake,
            unverified,
        } = self.claims;
        if verified + fake + unverified == 0 {
            return;
        }
        let hint = match (unverified, self.dns) {
            (0, _) => "",
            (_, false) => " (--dns checks by reverse DNS, --list googlebot=FILE by published ranges)",
            (_, true) => " (no proof either way)",
        };
        let _ = writeln!(
            out,
            "  clients that say they are crawlers: {} verified, {} fake, {} unverified{hint}",
            grouped(verified),
            grouped(fake),
            grouped(unverified),
        );
    }

    fn offenders(&self, out: &mut String) {
        if self.indicators.is_empty() {
            return;
        }
        heading(out, "Top offenders");
        let top = || self.indicators.iter().take(TOP);
        let values = top().map(|indicator| offender_name(indicator).chars().count());
        let classes = top().map(|indicator| indicator.class.name().len());
        // As wide as needed, and no wider: a terminal of 80 letters is to hold a line.
        let widths = (
            values.max().unwrap_or_default(),
            classes.max().unwrap_or_default(),
        );
        for indicator in top() {
            offender(out, indicator, widths);
        }
        if self.indicators.len() > TOP {
            let _ = writeln!(
                out,
                "  … {}",
                counted((self.indicators.len() - TOP) as u64, "more indicator")
            );
        }
    }

    /// What the user would want to type next.
    fn next(&self, out: &mut String) {
        let advice = self.advice();
        if advice.is_empty() {
            return;
        }
        heading(out, "Next");
        for line in advice {
            let _ = writeln!(out, "  {line}");
        }
    }
}

fn read_line(out: &mut String, log: &LogSummary) {
    let statistics = &log.statistics;
    let files = if log.files > 1 {
        format!(" ({} files)", log.files)
    } else {
        String::new()
    };
    let _ = write!(
        out,
        "  {}{files}  {}  {} line{}",
        printable(&clipped(&log.name, 70)),
        log.format,
        grouped(statistics.lines),
        plural(statistics.lines)
    );
    let rejects = statistics.rejects();
    if rejects > 0 {
        let warn = AnsiColor::Yellow.on_default();
        let _ = write!(
            out,
            ", {warn}{} rejected ({}){warn:#}",
            grouped(rejects),
            // Of several records on one line each may be rejected.
            percent(rejects, statistics.lines.max(statistics.requests + rejects))
        );
    }
    if let Some(trouble) = &log.trouble {
        let bad = AnsiColor::Red.on_default();
        let _ = write!(out, "  {bad}{}{bad:#}", printable(trouble));
    }
    out.push('\n');
}

fn reject_sample(out: &mut String, log: &LogSummary, offset: u64, line: &[u8], reject: &Reject) {
    let at = reject.at.min(line.len());
    let start = at.saturating_sub(BEFORE);
    let end = line.len().min(start + 100);
    let before = printable(&shown(&line[start..at]));
    let after = printable(&shown(&line[at..end]));
    let _ = writeln!(
        out,
        "  {} at byte {offset}: {}",
        printable(&log.name),
        reject.reason
    );
    let _ = writeln!(out, "    {before}{after}");
    let _ = writeln!(out, "    {}^", " ".repeat(before.chars().count()));
}

fn offender_name(indicator: &Indicator) -> String {
    printable(&clipped(&indicator.value, 60))
}

/// One offender in two lines: who and how bad, then why. The first two columns are as wide as told.
fn offender(out: &mut String, indicator: &Indicator, (value, class): (usize, usize)) {
    let style = class_style(indicator.class);
    let place = match place(indicator) {
        place if place.is_empty() => place,
        place => format!("  {place}"),
    };
    let _ = writeln!(
        out,
        "  {:<value$}  {style}{:<class$}{style:#}  {:.2}  {:>7} sighting{}{place}",
        offender_name(indicator),
        indicator.class.name(),
        indicator.confidence.value(),
        grouped(indicator.sightings),
        plural(indicator.sightings),
    );
    let rules: Vec<String> = indicator
        .rules
        .iter()
        .take(3)
        .map(|r| format!("{} ×{}", r.title, r.count))
        .collect();
    let more = indicator.rules.len().saturating_sub(3);
    let more = if more > 0 {
        format!(", {}", counted(more as u64, "more rule"))
    } else {
        String::new()
    };
    let _ = writeln!(out, "      {}{more}", printable(&rules.join(", ")));
}

/// `DE AS24940 Hetzner Online GmbH`, as far as known.
fn place(indicator: &Indicator) -> String {
    let country = indicator.country.map(crate::ecs::country);
    let asn = indicator.asn.map(|asn| format!("AS{asn}"));
    let org = indicator
        .as_org
        .as_deref()
        .map(|org| clipped(org, 40).into_owned());
    printable(
        &[country, asn, org]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
    )
}

fn heading(out: &mut String, text: &str) {
    let bold = Style::new().bold();
    let _ = writeln!(out, "\n{bold}{text}{bold:#}");
}

fn class_style(class: Class) -> Style {
    match class {
        Class::Exposure => AnsiColor::Red.on_default().bold(),
        Class::Exploit | Class::Webshell => AnsiColor::Red.on_default(),
        Class::Probe | Class::BruteForce | Class::CredentialStuffing | Class::Scan | Class::Flood => {
            AnsiColor::Yellow.on_default()
        }
        _ => Style::new(),
    }
}

fn exempt(count: u64) -> String {
    if count == 0 {
        String::new()
    } else {
        format!(
            " ({} of them from addresses that never become indicators)",
            grouped(count)
        )
    }
}
