//! The summary as one JSON document.
//!
//! Zero counts are kept, so that scripts need not guess. Next: `screen`, the same for a person.

use afw_parsers::Reject;
use serde_json::{Value, json};

use super::{BEFORE, LogSummary, Summary, TOP};
use crate::detect::Class;
use crate::indicator::{self, Indicator};
use crate::report::Statistics;
use crate::report::counts::Counts;
use crate::text::{printable, shown};

impl Summary {
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
        document["clients"] =
            by_class(&|class| self.clients[class as usize] * u64::from(self.scope.class(class)));
        document["requests"] = json!(self.requests());
        document["filter"] = json!({
            "hosts": self.scope.hosts,
            "classes": self.scope.classes.iter().map(|class| class.name()).collect::<Vec<_>>(),
        });
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
        document["interrupted"] = json!(self.interrupted);
        document["delivery"] = json!({
            "sinks": self.delivery.sinks, "records": self.delivery.records, "waiting": self.delivery.waiting,
            "dead": self.delivery.dead, "dry_run": self.delivery.dry_run,
        });
        document
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
        "other_hosts": statistics.other_hosts,
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
