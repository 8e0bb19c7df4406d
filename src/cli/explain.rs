//! `afw explain`: one line through every stage, or why an address is an indicator.
//!
//! The same parser, trust, enrichment and rules as `tail` and `replay`; nothing is decided here again.

mod fields;
mod input;
mod json;
mod page;
mod readings;
mod rules;
mod why;

use std::sync::Arc;

use afw_parsers::{Candidate, Layout, Line as Parsed, Parser, Reason, Record, Reject, parts};
use clap::Args;

use self::page::Page;
use super::{ADVICE, logging};
use crate::analysis::scan::{Kit, Scan, Scanner, Wants};
use crate::config::Config;
use crate::config::options::{AnalysisOptions, CommonOptions};
use crate::drive::clock::now;
use crate::drive::data::Files;
use crate::drive::formats::Formats;
use crate::drive::setup;
use crate::drive::{checks, start};
use crate::enrich::crawler::Known;
use crate::event::{Event, Finding};
use crate::source::{Batch, Line};
use crate::terminal::output::{Output, quietly};
use crate::terminal::{Exit, Failure};
use crate::text::{clipped, printable, shown};

/// One line through every stage.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A log line; - or none reads standard input
    lines: Vec<String>,
    /// Why the store holds an indicator for this address
    #[arg(long, value_name = "ADDRESS", conflicts_with = "lines")]
    why: Option<String>,
    /// One JSON document a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    analysis: AnalysisOptions,
}

/// Runs the command.
///
/// # Errors
/// Rules or databases that do not load; no line.
pub fn run(common: &CommonOptions, args: &ExplainArgs) -> Result<Exit, Failure> {
    let config = Config::resolve(common, &[], &args.analysis, &Default::default(), now())?;
    logging::start(&config);
    let kit = setup::kit(
        &config,
        &Files::open(&config.analysis)?.data(),
        Vec::new(),
        Wants {
            ecs: true,
            ..Wants::default()
        },
        checks::wanted(&config, false),
    )?;
    if let Some(address) = &args.why {
        return why::why(&config, &kit, address, args.json);
    }
    let formats = setup::logs_or_none(&config)?;
    let lines = input::lines(&args.lines)?;
    let head: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    let mut explainer = Explainer::new(&kit, &formats, &head, &config);
    explainer.verbose = common.verbose > 0;
    explainer.check_claims(&lines)?;
    let mut out = Output::new(false);
    let mut records = lines.iter().flat_map(|line| explainer.records(line));
    let written = records.try_for_each(|record| {
        if args.json {
            out.text(&json::line(&explainer, record))
        } else {
            out.page(&crate::terminal::output::styled(&explainer.text(record)))
        }
    });
    quietly(written.and_then(|()| out.flush()))
}

/// What explains lines.
struct Explainer<'k> {
    kit: &'k Arc<Kit>,
    config: &'k Config,
    /// Every test of every rule is shown, not only what decided.
    verbose: bool,
    layout: Layout,
    candidates: Vec<Candidate>,
    known: Arc<Known>,
}

impl<'k> Explainer<'k> {
    fn new(kit: &'k Arc<Kit>, formats: &Formats, head: &[&[u8]], config: &'k Config) -> Self {
        Self {
            kit,
            config,
            verbose: false,
            layout: formats.recognise("-", head).layout,
            candidates: Layout::recognise(head).candidates,
            known: Arc::default(),
        }
    }

    /// Asks name servers about the lines' claims, where that is wanted.
    fn check_claims(&mut self, lines: &[Vec<u8>]) -> Result<(), Failure> {
        let claims = lines.iter().flat_map(|line| self.scan(line).said);
        let claims = claims.filter_map(|said| said.claim.filter(|claimed| claimed.open));
        let claims: Vec<_> = claims.map(|claimed| claimed.claim).collect();
        if !claims.is_empty() {
            self.known = Arc::new(checks::known(self.config, claims.into_iter())?);
        }
        Ok(())
    }

    fn scanner(&self) -> Scanner {
        let mut scanner = Scanner::new(self.kit);
        scanner.know(Arc::clone(&self.known));
        scanner
    }

    /// The records of a line: itself, unless it holds several that may be believed.
    fn records<'l>(&self, line: &'l [u8]) -> Vec<&'l [u8]> {
        self.parts(line).unwrap_or_else(|_| vec![line])
    }

    /// Reads a line as a whole.
    fn read<'l>(&self, line: &'l [u8], record: &mut Record<'l>) -> Result<Parsed, Reject> {
        let read = Parser::new(&self.layout).parse(line, record);
        read.map_err(|reject| self.parts(line).err().unwrap_or(reject))
    }

    fn parts<'l>(&self, line: &'l [u8]) -> Result<Vec<&'l [u8]>, Reject> {
        let mut parts = parts(line);
        let mut records = Vec::new();
        while let Some((at, part)) = parts.next() {
            let mut record = Record::default();
            let read = Parser::new(&self.layout).parse(part, &mut record);
            if parts.refuse(&record, &self.layout) {
                return Err(Reject::new(Reason::Within, at));
            }
            if read.is_ok() || !parts.split_row() {
                records.push(part);
            }
        }
        Ok(records)
    }

    fn text(&self, line: &[u8]) -> String {
        let mut out = Page::default();
        out.row("line", &clipped(&shown(line), 2000));
        self.format(&mut out);
        let mut record = Record::default();
        match self.read(line, &mut record) {
            Ok(Parsed::Record) => self.record(&mut out, &record, line),
            Ok(Parsed::Skip(skip)) => out.row(
                "verdict",
                &format!("skipped: {} (no request, not rejected)", skip.name()),
            ),
            Err(reject) => self.rejected(&mut out, line, &reject),
        }
        out.text + "\n"
    }

    fn format(&self, out: &mut Page) {
        out.row("format", self.layout.name());
        let score = |candidate: &Candidate| format!("{} {:.2}", candidate.format.name(), candidate.score);
        let best: Vec<String> = self.candidates.iter().take(3).map(score).collect();
        if !best.is_empty() {
            out.more(&format!("scores: {}", best.join(", ")));
        }
    }

    fn record(&self, out: &mut Page, record: &Record<'_>, line: &[u8]) {
        fields::print(out, record);
        out.heading("client");
        for hop in self.kit.trust.explain(record) {
            out.more(&format!("{} {}: {}", hop.origin, hop.text, hop.why));
        }
        let mut scanner = self.scanner();
        scanner.with_event(record, |event, signatures| {
            enrichment(out, event);
            readings::print(out, event);
            rules::rules(out, &self.kit.ruleset, event, signatures, self.verbose);
        });
        self.indicator(out, line);
    }

    /// Where parsing stopped, and what to do about it.
    fn rejected(&self, out: &mut Page, line: &[u8], reject: &Reject) {
        let at = reject.at.min(line.len());
        let start = at.saturating_sub(60);
        let before = printable(&shown(&line[start..at]));
        let after = printable(&shown(&line[at..line.len().min(at + 40)]));
        out.row("rejected", &format!("{} (at byte {})", reject.reason, reject.at));
        out.more(&format!("{before}{after}"));
        out.more(&format!("{}^", " ".repeat(before.chars().count())));
        let advice = ADVICE.iter().find(|(reason, _)| *reason == reject.reason);
        let hint = if let Some((_, advice)) = advice {
            advice
        } else if reject.reason == Reason::NotAccess {
            "error logs and system logs are not read: name the access log, which is usually beside it"
        } else if self.candidates.is_empty() {
            "no format that afw knows: --format 'nginx:…' or 'apache:…' takes the server's own string, --format-from FILE its configuration"
        } else {
            return;
        };
        out.row("hint", hint);
    }

    /// The indicator that this line alone would make.
    fn indicator(&self, out: &mut Page, line: &[u8]) {
        let mut scan = self.scan(line);
        let mut fold = start::fold(self.config, self.kit, false);
        let outcome = (!scan.found.is_empty()).then(|| fold.take(&mut scan, 0));
        let finding = outcome.as_ref().and_then(|outcome| outcome.finding.as_ref());
        match fold.indicators().as_slice() {
            [] => out.row("indicator", &format!("none: {}", why_none(finding, self.config))),
            all => all
                .iter()
                .for_each(|indicator| out.row("indicator", &why::indicator_text(indicator))),
        }
    }

    /// The line as a batch of its own.
    fn scan(&self, line: &[u8]) -> Scan {
        let batch = Batch {
            file: "-".into(),
            bytes: line.to_vec(),
            lines: vec![Line {
                start: 0,
                len: line.len() as u32,
                cut: false,
            }],
            ..Batch::default()
        };
        self.scanner().scan(batch, &self.layout)
    }
}

fn enrichment(out: &mut Page, event: &Event<'_, '_>) {
    out.heading("enrichment");
    let facts = event.address;
    let country = facts
        .country
        .or(event.record.more.country)
        .map(crate::ecs::country);
    let network = facts
        .asn
        .or(event.record.more.asn)
        .map(|asn| format!("AS{asn} {}", facts.as_org.as_deref().unwrap_or("")));
    out.more(&format!("country {}", country.as_deref().unwrap_or("unknown")));
    out.more(&format!("network {}", network.as_deref().unwrap_or("unknown")));
    let agent = event.agent;
    let name = agent.name.as_deref().map(|name| format!(" {name}"));
    out.more(&format!(
        "agent {}{}",
        agent.kind.name(),
        name.unwrap_or_default()
    ));
    if let Some(claim) = agent.claims {
        out.more(&format!(
            "claims to be the crawler {claim}: {}",
            event.verdict.name()
        ));
    }
    if let Some(exempt) = event.exempt {
        out.more(&format!("never an indicator: {}", exempt.name()));
    }
    if !facts.lists.is_empty() {
        out.more(&format!("on lists {}", facts.lists.join(", ")));
    }
    if let Some(label) = crate::detect::label::of_record(event.record) {
        out.more(&format!("AppFirewall label {label}"));
    }
}

/// Why a line makes no indicator.
fn why_none(finding: Option<&Finding>, config: &Config) -> String {
    let Some(finding) = finding else {
        return "no rule fired".to_owned();
    };
    if let Some(exempt) = finding.event.exempt() {
        return format!("the client never becomes one ({})", exempt.name());
    }
    if finding.event.client.is_none() {
        return "the client is unknown".to_owned();
    }
    format!(
        "the confidence stays below {}",
        config.analysis.min_confidence.value()
    )
}
