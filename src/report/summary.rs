//! [`Summary`]: what a replay read and found, on one screen for a person or as one JSON document.
//!
//! Every text that came from a log passes [`printable`] before it is shown.

use std::fmt::Write;
use std::time::Duration;

use afw_parsers::{Reject, Time};
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::Statistics;
use super::counts::Counts;
use crate::analysis::claims::ClaimCounts;
use crate::detect::Class;
use crate::event::ValueType;
use crate::indicator::{self, Evidence, Indicator};
use crate::text::{clipped, grouped, printable, shown};

/// How many offenders the summary names.
const TOP: usize = 10;
/// How many logs are named one by one before the rest is added up.
const LOGS: usize = 12;
/// Bytes that are shown of a rejected line before the place where parsing stopped.
const BEFORE: usize = 60;
/// From which share of rejected lines the summary says so loudly.
pub(crate) const LOUD_REJECTS: f64 = 0.05;

/// One log as the summary shows it.
#[derive(Debug, Clone, Default)]
pub struct LogSummary {
    /// Path or `-`.
    pub name: String,
    /// Format that won.
    pub format: String,
    /// Files it consists of.
    pub files: usize,
    /// Counts.
    pub statistics: Statistics,
    /// The first lines that no grammar accepted: offset, line and reason.
    pub rejects: Vec<(u64, Vec<u8>, Reject)>,
    /// What went wrong reading it.
    pub trouble: Option<String>,
}

/// What becomes of the indicators.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// Names of the sinks that are on.
    pub sinks: Vec<String>,
    /// Records that were handed to them.
    pub records: u64,
    /// Batches that still wait.
    pub waiting: u64,
    /// Dead letters.
    pub dead: u64,
    /// Nothing was shipped because of `--dry-run`.
    pub dry_run: bool,
}

/// All that the summary tells.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Logs in reading order.
    pub logs: Vec<LogSummary>,
    /// Sum over the logs.
    pub total: Statistics,
    /// Indicators, strongest first.
    pub indicators: Vec<Indicator>,
    /// Wall-clock time of the run.
    pub elapsed: Duration,
    /// What becomes of the findings.
    pub delivery: Delivery,
    /// Whether country or ASN databases were used.
    pub geoip: bool,
    /// What became of clients that say they are crawlers.
    pub claims: ClaimCounts,
    /// Whether name servers were asked about them.
    pub dns: bool,
    /// Named counters of things dropped or evicted.
    pub counters: Vec<(String, u64)>,
}

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
            "{bold}{} lines{bold:#} in {} log{}, {}{speed}",
            grouped(total.lines),
            self.logs.len(),
            plural(self.logs.len() as u64),
            bytes(total.bytes),
        );
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
                "  … {} more logs, {} lines, {} rejected",
                rest.len(),
                grouped(lines),
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
        let _ = writeln!(
            out,
            "  {} requests, {} with findings{}",
            grouped(total.requests),
            grouped(total.sighted),
            exempt(total.exempt)
        );
        for class in Class::ALL {
            let count = total.classes[class as usize];
            if count > 0 {
                let clients = self
                    .indicators
                    .iter()
                    .filter(|i| i.class == class && is_client(i))
                    .count();
                let style = class_style(class);
                let _ = writeln!(
                    out,
                    "  {style}{:<20}{style:#} {:>9} sighting{}{}",
                    class.name(),
                    grouped(count),
                    plural(count),
                    clients_of(clients)
                );
            }
        }
        if total.sighted == 0 {
            let _ = writeln!(out, "  nothing suspicious");
        }
        self.crawlers(out);
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
                "  … {} more indicators",
                grouped((self.indicators.len() - TOP) as u64)
            );
        }
    }

    /// What the user would want to type next.
    fn next(&self, out: &mut String) {
        heading(out, "Next");
        for line in self.advice() {
            let _ = writeln!(out, "  {line}");
        }
    }

    fn advice(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let exposed = self
            .indicators
            .iter()
            .find(|indicator| indicator.class == Class::Exposure);
        let served = |line: &&Evidence| line.class == Class::Exposure;
        if let Some(evidence) = exposed.and_then(|indicator| indicator.evidence.iter().find(served)) {
            let target = evidence.target.as_deref().unwrap_or("?");
            lines.push(format!(
                "act first: `{}` was answered with success to an attacker",
                printable(&clipped(target, 80))
            ));
        }
        if self.total.lines == 0 {
            lines.push("there is no line in it: was it rotated just now? a glob in quotes ('access.log*') reads the older files too".to_owned());
        } else if self.total.requests == 0 && self.total.out_of_range > 0 {
            lines.push(format!(
                "{} requests lie outside --since and --until: these are times in the log, not on the wall",
                grouped(self.total.out_of_range)
            ));
        } else if self.total.requests == 0 {
            lines.push("no line was a request: `afw explain 'LINE'` shows where parsing stops".to_owned());
        }
        let loud = |log: &LogSummary| log.statistics.reject_share() > LOUD_REJECTS;
        if self.total.requests > 0 && self.logs.iter().any(loud) {
            lines.push("many lines were rejected: `afw explain 'LINE'` shows where parsing stops, --rejects FILE keeps them".to_owned());
        }
        if !self.indicators.is_empty() {
            lines.push(
                "--print indicators lists all of them with evidence; --print values is a plain block list"
                    .to_owned(),
            );
        }
        // Nothing was judged: how to learn more about it or to ship it is not what is wanted next.
        if self.total.requests == 0 && self.delivery.sinks.is_empty() {
            return lines;
        }
        if !self.geoip {
            lines.push(
                "`afw geoip update` fetches databases that add country and network; --geoip FILE names your own"
                    .to_owned(),
            );
        }
        lines.push(self.delivery.text());
        lines
    }

    /// The same as one JSON document.
    pub fn json(&self) -> Value {
        let by_class = |count: &dyn Fn(Class) -> u64| -> Value {
            Class::ALL
                .into_iter()
                .map(|c| (c.name(), count(c)))
                .filter(|(_, n)| *n > 0)
                .map(|(n, c)| (n.to_owned(), json!(c)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let indicators = |class: Class| self.indicators.iter().filter(|i| i.class == class).count() as u64;
        let mut document = statistics_json(&self.total);
        document["sightings"] = by_class(&|class| self.total.classes[class as usize]);
        document["indicators"] = by_class(&indicators);
        document["elapsed_secs"] = json!((self.elapsed.as_secs_f64() * 1000.0).round() / 1000.0);
        document["top"] = self.indicators.iter().take(TOP).map(top_json).collect();
        document["logs"] = self.logs.iter().map(log_json).collect();
        document["counters"] = self
            .counters
            .iter()
            .map(|(n, c)| (n.clone(), json!(c)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        document["crawlers"] = json!({
            "verified": self.claims.verified, "fake": self.claims.fake, "unverified": self.claims.unverified,
            "dns": self.dns,
        });
        document["delivery"] = json!({
            "sinks": self.delivery.sinks, "records": self.delivery.records, "waiting": self.delivery.waiting,
            "dead": self.delivery.dead, "dry_run": self.delivery.dry_run,
        });
        document
    }
}

impl Delivery {
    fn text(&self) -> String {
        if self.dry_run {
            return format!("dry run: nothing was shipped{}", self.named());
        }
        if self.sinks.is_empty() {
            return "nothing is shipped: set APPFIREWALL_API_KEY or ONEFIREWALL_API_KEY, or name a sink (--sink file:ioc.jsonl)".to_owned();
        }
        let mut text = format!(
            "{} records handed to {}",
            grouped(self.records),
            self.sinks.join(", ")
        );
        if self.waiting > 0 {
            let _ = write!(
                text,
                "; {} batches still wait: `afw outbox list`",
                grouped(self.waiting)
            );
        }
        if self.dead > 0 {
            let _ = write!(text, "; {} dead letters: `afw outbox list`", grouped(self.dead));
        }
        text
    }

    fn named(&self) -> String {
        if self.sinks.is_empty() {
            String::new()
        } else {
            format!(" to {}", self.sinks.join(", "))
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
        "  {}{files}  {}  {} lines",
        printable(&clipped(&log.name, 70)),
        log.format,
        grouped(statistics.lines)
    );
    let rejects = statistics.rejects();
    if rejects > 0 {
        let warn = AnsiColor::Yellow.on_default();
        let _ = write!(
            out,
            ", {warn}{} rejected ({:.1} %){warn:#}",
            grouped(rejects),
            statistics.reject_share() * 100.0
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
    let place = place(indicator);
    let _ = writeln!(
        out,
        "  {:<value$}  {style}{:<class$}{style:#}  {:.2}  {:>7} sighting{}  {place}",
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
        format!(", {more} more rules")
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

fn is_client(indicator: &Indicator) -> bool {
    matches!(indicator.kind, ValueType::Ipv4 | ValueType::Ipv6)
}

fn clients_of(count: usize) -> String {
    if count == 0 {
        String::new()
    } else {
        format!(", {} client{}", grouped(count as u64), plural(count as u64))
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

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// `3.4 GB`, decimal units.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{count} bytes")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// `2026-01-31 07:08 UTC`.
fn minute(time: Time) -> String {
    time.to_rfc3339_millis()
        .get(..16)
        .unwrap_or_default()
        .replace('T', " ")
        + " UTC"
}

/// A length of time in the two units that matter.
fn span(nanos: i64) -> String {
    let secs = nanos.max(0) / 1_000_000_000;
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} min", secs / 60),
        3600..86_400 => format!("{} h {} min", secs / 3600, secs / 60 % 60),
        _ => format!("{} days {} h", secs / 86_400, secs / 3600 % 24),
    }
}

/// The counts as JSON; zero counts are kept so that scripts need not guess.
fn statistics_json(statistics: &Statistics) -> Value {
    let statuses = ["none", "1xx", "2xx", "3xx", "4xx", "5xx", "other"];
    let by_status: serde_json::Map<String, Value> = statuses
        .iter()
        .zip(statistics.statuses)
        .map(|(name, count)| ((*name).to_owned(), json!(count)))
        .collect();
    let named = |counts: &Counts| -> serde_json::Map<String, Value> {
        counts
            .iter()
            .map(|(name, count)| (name.to_owned(), json!(count)))
            .collect()
    };
    let rejects: serde_json::Map<String, Value> = statistics
        .rejected
        .iter()
        .map(|(reason, count)| (reason.name().to_owned(), json!(count)))
        .collect();
    json!({
        "lines": statistics.lines,
        "bytes": statistics.bytes,
        "requests": statistics.requests,
        "rejected": statistics.rejects(),
        "rejects": rejects,
        "skipped": named(&statistics.skipped),
        "formats": named(&statistics.formats),
        "labels": named(&statistics.labels),
        "cut": statistics.cut,
        "out_of_range": statistics.out_of_range,
        "timeless": statistics.timeless,
        "clientless": statistics.clientless,
        "first": statistics.first.map(|time| time.to_string()),
        "last": statistics.last.map(|time| time.to_string()),
        "statuses": by_status,
        "sighted": statistics.sighted,
        "exempt": statistics.exempt,
    })
}

/// An indicator as it is printed alone.
fn top_json(indicator: &Indicator) -> Value {
    // The text was made by our own encoder; reading it back cannot fail.
    serde_json::from_str(&indicator::to_json(indicator)).unwrap_or_default()
}

/// A rejected line, clipped around the place where parsing stopped.
fn reject_json((offset, line, reject): &(u64, Vec<u8>, Reject)) -> Value {
    let start = reject.at.saturating_sub(BEFORE).min(line.len());
    let end = line.len().min(start + BEFORE + 100);
    json!({
        "offset": offset, "reason": reject.reason.name(), "at": reject.at - start,
        "line": printable(&shown(line.get(start..end).unwrap_or_default())),
    })
}

fn log_json(log: &LogSummary) -> Value {
    let mut document = statistics_json(&log.statistics);
    document["path"] = json!(log.name);
    document["format"] = json!(log.format);
    document["files"] = json!(log.files);
    document["reject_samples"] = log.rejects.iter().map(reject_json).collect();
    if let Some(trouble) = &log.trouble {
        document["trouble"] = json!(trouble);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_read_well() {
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_270_000_000), "1.3 GB");
        assert_eq!(span(90_000_000_000), "1 min");
        assert_eq!(span(200_000 * 1_000_000_000), "2 days 7 h");
    }
}
