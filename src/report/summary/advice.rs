//! What the user would want to type next, and what became of the findings.
//!
//! It says only what follows from the counts. Next: `screen`, which shows it.

use std::fmt::Write;

use super::{Delivery, LOUD_REJECTS, LogSummary, Summary};
use crate::detect::Class;
use crate::indicator::Evidence;
use crate::text::{clause, clipped, counted, printable};

impl Summary {
    pub(super) fn advice(&self) -> Vec<String> {
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
            lines.extend(self.without_lines().map(str::to_owned));
        } else if self.total.requests == 0 && self.total.out_of_range > 0 {
            lines.push(format!(
                "{} outside --since and --until: these are times in the log, not on the wall",
                clause(self.total.out_of_range, "request", ["lies", "lie"])
            ));
        } else if self.total.requests == 0 && self.total.timeless == 0 {
            lines.push("no line was a request: `afw explain 'LINE'` shows where parsing stops".to_owned());
        }
        let loud = |log: &LogSummary| log.statistics.reject_share() > LOUD_REJECTS;
        if self.total.requests > 0 && self.logs.iter().any(loud) {
            lines.push("many lines were rejected: `afw explain 'LINE'` shows where parsing stops, --rejects FILE keeps them".to_owned());
        }
        if self.total.clientless > self.total.requests / 20 {
            lines.push(format!(
                "{}: `afw explain 'LINE'` shows why (--trusted-proxy, --client-header, --format-from)",
                clause(
                    self.total.clientless,
                    "request",
                    [
                        "tells no client address and makes no indicator",
                        "tell no client address and make no indicator"
                    ]
                )
            ));
        }
        if let Some(peer) = self.proxy {
            lines.push(format!(
                "nearly all of this came from {peer}, which never becomes an indicator: if a proxy stands before the server there, \
                 --trusted-proxy {peer} names the clients behind it (the log must hold X-Forwarded-For)"
            ));
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

    /// What to do where there is no line. Nothing of a log that could not be read, or not to its end: nobody knows what is
    /// in it, and why was said.
    fn without_lines(&self) -> Option<&'static str> {
        if self.interrupted || self.logs.iter().any(|log| log.trouble.is_some()) {
            None
        } else if self.logs.iter().all(|log| log.name == "-") {
            Some("no line came on standard input: did the command before it print any?")
        } else {
            Some(
                "there is no line in it: was it rotated just now? a glob in quotes ('access.log*') reads the older files too",
            )
        }
    }
}

impl Delivery {
    /// What was shipped, and what became of it.
    pub fn text(&self) -> String {
        if self.dry_run {
            return format!("dry run: nothing was shipped{}", self.named());
        }
        if self.sinks.is_empty() {
            return "nothing is shipped: set APPFIREWALL_API_KEY or ONEFIREWALL_API_KEY, or name a sink (--sink file:ioc.jsonl)".to_owned();
        }
        let mut text = format!(
            "{} handed to {}",
            counted(self.records, "record"),
            self.sinks.join(", ")
        );
        if self.waiting > 0 {
            let _ = write!(
                text,
                "; {}: `afw outbox list`",
                clause(self.waiting, "batch", ["still waits", "still wait"])
            );
        }
        if self.dead > 0 {
            let dead = counted(self.dead, "dead letter");
            let _ = write!(text, "; {dead}: `afw outbox list`");
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
