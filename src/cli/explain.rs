//! `afw explain`: one line through every stage, or why an address is an indicator.
//!
//! The same parser, trust, enrichment and rules as `tail` and `replay`; nothing is decided here again.

mod fields;
mod input;
mod readings;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use afw_parsers::{Candidate, Layout, Line as Parsed, Parser, Reason, Record, Reject, parts};
use clap::Args;

use super::options::{AnalysisOptions, CommonOptions};
use super::output::{Output, quietly};
use super::{ADVICE, Exit, Failure, logging, now};
use crate::analysis::scan::{Kit, Scan, Scanner, Wants};
use crate::config::Config;
use crate::detect::explain::{Explained, Found};
use crate::detect::{Rule, Signatures};
use crate::drive::data::Files;
use crate::drive::formats::Formats;
use crate::drive::setup;
use crate::drive::{checks, start};
use crate::enrich::crawler::Known;
use crate::event::{Event, Finding};
use crate::indicator::Indicator;
use crate::source::{Batch, Line};
use crate::store::Store;
use crate::text::{clipped, counted, printable, shown};

/// How many rules that did not fire are named.
const QUIET: usize = 3;
/// Longest pattern that is shown of a test.
const PATTERN: usize = 60;
/// How many tests of a selection are shown.
const FOUND: usize = 4;
/// Width of the words at the left.
const WIDTH: usize = 11;

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
        return why(&config, &kit, address, args.json);
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
            out.text(&explainer.json(record))
        } else {
            out.page(&super::output::styled(&explainer.text(record)))
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
            self.rules(out, event, signatures);
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

    /// Rules that fired with the words that made them, those that only count, and by name some that did not fire.
    fn rules(&self, out: &mut Page, event: &Event<'_, '_>, signatures: &mut Signatures) {
        out.heading("rules");
        let all = self.kit.ruleset.rules();
        let explained = signatures.explain(event);
        let judged = explained
            .iter()
            .filter_map(|one| Some((all.get(one.rule as usize)?, one)));
        let (fired, quiet): (Vec<_>, Vec<_>) = judged.partition(|(_, one)| one.fired.is_some());
        if !fired.iter().any(|(rule, _)| rule.alerts) {
            out.more("none fired");
        }
        let (alerts, counted): (Vec<_>, Vec<_>) = fired.into_iter().partition(|(rule, _)| rule.alerts);
        let quiet_shown = if self.verbose { quiet.len() } else { QUIET };
        for (rule, one) in alerts
            .into_iter()
            .chain(counted)
            .chain(quiet.iter().copied().take(quiet_shown))
        {
            out.more(&format!("{} ({})", rule.info.title, rule.info.id));
            out.more(&format!("  {}", verdict(rule, one)));
            if self.verbose || rule.alerts && one.fired.is_some() {
                selections(out, one, self.verbose);
            }
        }
        if !self.verbose && !quiet.is_empty() {
            let more = quiet.len().saturating_sub(QUIET);
            out.more(&match more {
                0 => "-v shows what each rule looked for".to_owned(),
                more => format!("… {more} more did not fire; -v shows what each rule looked for"),
            });
        }
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
                .for_each(|indicator| out.row("indicator", &indicator_text(indicator))),
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

    fn json(&self, line: &[u8]) -> String {
        let mut scan = self.scan(line);
        let mut record = Record::default();
        let rejected = match self.read(line, &mut record) {
            Err(reject) => Some(serde_json::json!({ "reason": reject.reason.name(), "at": reject.at })),
            Ok(_) => None,
        };
        let mut fold = start::fold(self.config, self.kit, false);
        let finding = (!scan.found.is_empty())
            .then(|| fold.take(&mut scan, 0))
            .and_then(|outcome| outcome.finding);
        let candidates: Vec<_> = self
            .candidates
            .iter()
            .map(|candidate| serde_json::json!({ "format": candidate.format.name(), "score": candidate.score }))
            .collect();
        let hops: Vec<_> = self
            .kit
            .trust
            .explain(&record)
            .iter()
            .map(|hop| serde_json::json!({ "origin": hop.origin, "text": hop.text, "why": hop.why.to_string() }))
            .collect();
        let value = |json: String| serde_json::from_str::<serde_json::Value>(&json).ok();
        let sightings: Vec<_> = finding
            .iter()
            .flat_map(|finding| finding.sightings.iter().map(|one| (&finding.event, one)))
            .filter_map(|(event, one)| value(crate::ecs::sighting(event, one)))
            .collect();
        let event = self
            .scanner()
            .with_event(&record, |event, _| crate::ecs::document(event));
        let indicators: Vec<_> = fold
            .indicators()
            .iter()
            .filter_map(|indicator| value(crate::indicator::to_json(indicator)))
            .collect();
        let document = serde_json::json!({
            "line": shown(line), "format": self.layout.name(), "candidates": candidates, "rejected": rejected,
            "event": if rejected.is_none() { value(event) } else { None }, "client": hops,
            "sightings": sightings, "indicators": indicators,
        });
        format!("{document}\n")
    }
}

/// Rows of a page: a word at the left, text at the right.
#[derive(Default)]
struct Page {
    text: String,
    /// The word of a section whose first row is still to come.
    word: &'static str,
}

impl Page {
    fn row(&mut self, word: &'static str, text: &str) {
        self.heading(word);
        self.more(text);
    }

    fn heading(&mut self, word: &'static str) {
        self.word = word;
    }

    fn more(&mut self, text: &str) {
        let word = std::mem::take(&mut self.word);
        // Plain blanks before what has no word, for that is how far a line that is broken is indented.
        let bold = match word {
            "" => anstyle::Style::new(),
            _ => anstyle::Style::new().bold(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{bold}{word:<WIDTH$}{bold:#}{}", printable(text));
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

/// How a rule judged, in one line.
fn verdict(rule: &Rule, explained: &Explained) -> String {
    let info = &rule.info;
    match explained.fired {
        Some(view) if rule.alerts => format!(
            "✔ fired on the {} view: class {}, confidence {:.2}",
            view.name(),
            info.class.name(),
            info.confidence.value()
        ),
        Some(view) => format!("✔ held on the {} view: counted by a correlation", view.name()),
        None => "✘ did not fire".to_owned(),
    }
}

/// What of a rule's selections was found where: of those that hold, or of all.
fn selections(out: &mut Page, explained: &Explained, all: bool) {
    let shown = explained.selections.iter().filter(|one| all || one.holds);
    for selection in shown {
        let mark = if selection.holds { "holds" } else { "does not hold" };
        out.more(&format!(
            "  {} {mark} on the {} view",
            selection.name,
            selection.view.name()
        ));
        for found in selection.found.iter().take(FOUND) {
            out.more(&format!(
                "    {} at bytes {}..{}: {}",
                clipped(&found.asked, PATTERN),
                found.span.start,
                found.span.end,
                excerpt(found)
            ));
        }
        if !selection.holds {
            for missed in selection.missed.iter().take(FOUND) {
                out.more(&format!("    not found: {}", clipped(missed, 3 * PATTERN)));
            }
        }
    }
}

/// The field's text around what matched, which stands in ⟨ ⟩.
fn excerpt(found: &Found) -> String {
    const AROUND: usize = 40;
    let text = &found.text;
    let (start, end) = (found.span.start.min(text.len()), found.span.end.min(text.len()));
    let before = &text[start.saturating_sub(AROUND)..start];
    let after = &text[end..text.len().min(end + AROUND)];
    let cut = |cut: bool| if cut { "…" } else { "" };
    format!(
        "{}{}⟨{}⟩{}{}",
        cut(start > AROUND),
        shown(before),
        clipped(&shown(&text[start..end]), 200),
        shown(after),
        cut(text.len() > end + AROUND)
    )
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

fn indicator_text(indicator: &Indicator) -> String {
    format!(
        "{} {}, class {}, confidence {:.2}",
        indicator.kind.name(),
        indicator.value,
        indicator.class.name(),
        indicator.confidence.value()
    )
}

/// Why the store holds an indicator.
fn why(config: &Config, kit: &Arc<Kit>, address: &str, json: bool) -> Result<Exit, Failure> {
    let store = Store::open_existing(&config.state_dir).map_err(|error| start::store_failure(&error))?;
    let Some(store) = store else {
        return Err(Failure::new(
            Exit::Failed,
            format!("nothing is stored in {} yet", config.state_dir.display()),
        )
        .hint("`afw tail` and `afw replay --resume` store what they find"));
    };
    let mut fold = start::fold(config, kit, false);
    start::restore(&mut fold, &store)?;
    let Some(indicator) = fold.find(address) else {
        return Err(Failure::new(
            Exit::Failed,
            format!("the store holds no indicator for {address}"),
        )
        .hint("it may be below --min-confidence, exempt, or never sighted"));
    };
    let mut out = Output::new(false);
    let written = if json {
        out.line(&crate::indicator::to_json(&indicator))
    } else {
        out.page(&super::output::styled(&why_text(&indicator, &fold, address)))
    };
    quietly(written.and_then(|()| out.flush()))
}

/// How often an indicator was seen, and when, where lines tell it.
fn seen_text(indicator: &Indicator) -> String {
    let times = indicator.first_seen.zip(indicator.last_seen);
    let when = times.map(|(first, last)| format!(" from {first} to {last}"));
    format!(
        "{}{}",
        counted(indicator.sightings, "time"),
        when.unwrap_or_default()
    )
}

fn why_text(indicator: &Indicator, fold: &crate::analysis::Fold, address: &str) -> String {
    let mut out = Page::default();
    out.row("indicator", &indicator_text(indicator));
    out.row("seen", &seen_text(indicator));
    out.heading("rules");
    for rule in &indicator.rules {
        out.more(&format!(
            "×{} {} ({}, {})",
            rule.count,
            rule.title,
            rule.level.name(),
            rule.id
        ));
    }
    out.heading("evidence");
    for one in &indicator.evidence {
        let (method, target) = (
            one.method.as_deref().unwrap_or("-"),
            one.target.as_deref().unwrap_or("-"),
        );
        let status = one
            .status
            .map_or_else(|| "-".to_owned(), |status| status.to_string());
        out.more(&format!(
            "{}{method} {} → {status}",
            one.time.map(|time| format!("{time} ")).unwrap_or_default(),
            clipped(target, 200)
        ));
        if let Some(note) = one.note {
            out.more(&format!("  {note}"));
        }
        out.more(&format!("  {} byte {}, rule {}", one.file, one.offset, one.rule));
    }
    if let Ok(address) = address.parse::<IpAddr>() {
        out.heading("windows");
        for window in fold.progress(address) {
            out.more(&format!(
                "{}: {} of {}",
                window.rule.title, window.count, window.threshold
            ));
        }
    }
    out.text
}
