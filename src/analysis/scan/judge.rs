//! Judging one parsed line: its event, what the rules say of it, and what later stages must see.
//!
//! Of an ordinary line nothing is said, and nothing is put together. Next: [`super::values`].

use std::net::IpAddr;
use std::sync::Arc;

use afw_parsers::Record;

use super::values::{Claimed, Kit, Said, Scan, Seen};
use super::{Answer, Recalled, Scanner, sighted};
use crate::client::Client;
use crate::detect::{Hit, named};
use crate::ecs;
use crate::enrich::crawler::{Claim, Known, Verdict};
use crate::enrich::{AddressFacts, Enricher, Exempt, reserved};
use crate::event::{Event, Finding, Sighting};
use crate::report::Statistics;
use crate::source::{Batch, Line};
use crate::store::Item;
use crate::text::shown;

impl Scanner {
    /// Judges one line.
    pub(super) fn judge(&mut self, batch: &Batch, line: Line, record: &Record<'_>, scan: &mut Scan) {
        let Self {
            kit,
            signatures,
            ticker,
            enricher,
            known,
            hits,
            encoded,
            tally,
            hashes,
            recalled,
            judges_exposures,
            asks_addresses,
            ..
        } = self;
        let judges_exposures = *judges_exposures;
        let event = event(kit, enricher, known, batch, line, record, *asks_addresses);
        if let Some(time) = record.time.filter(|_| !kit.sinks.is_empty()) {
            scan.clients.push(Seen {
                start: line.start,
                time,
                client: event.client.address,
            });
        }
        hits.clear();
        signatures.inspect(&event, hits);
        let number = signatures.request_number();
        let label = recalled.label(number, record);
        let finding = finding(kit, &event, hits, label, (recalled, number));
        let first_tick = scan.ticks.len() as u32;
        // A further event of a request is judged like any line, but the request was counted already.
        if !record.more.repeats {
            count(&mut scan.statistics, event.client, label);
            if !hits.is_empty() {
                let rules = hits.iter().map(|hit| hit.rule);
                ticker.observe(&event, signatures.list_number(), rules, &mut scan.ticks);
            }
            if let Some(tally) = tally {
                let remark = tally.request(&event, batch.log, finding.as_ref(), signatures.remark());
                remark.into_iter().for_each(|new| signatures.leave(new));
            }
            requests(kit, &event, finding.is_some(), encoded, &mut scan.requests);
        }
        let ticks = first_tick..scan.ticks.len() as u32;
        let wants = kit.wants.events;
        let printed = wants.then(|| Box::new((ecs::document(&event), host(record))));
        let claim = claimed(kit, &event);
        let answer = judges_exposures
            .then(|| Answer::of(&event, finding.as_ref(), hashes))
            .flatten();
        let is_said = finding.is_some() || printed.is_some() || claim.is_some() || answer.is_some();
        // Nothing is put together, nor dropped again, for the many lines of which nothing is said.
        let said = is_said.then(|| {
            scan.say(Said {
                finding,
                event: printed,
                claim,
                answer,
            })
        });
        scan.keep(line, record.time, ticks, said);
    }
}

/// What the rules that hit say of an event, with what is remembered of requests and the number of its own.
fn finding(
    kit: &Kit,
    event: &Event<'_, '_>,
    hits: &[Hit],
    label: Option<&'static str>,
    (recalled, number): (&mut Recalled, Option<u64>),
) -> Option<Finding> {
    if hits.is_empty() {
        return None;
    }
    let mut sightings = sightings(kit, hits);
    if sightings.is_empty() {
        return None;
    }
    let target = recalled.target(number, event.record);
    if event.exempt.is_none() {
        let names_nothing = recalled.names_nothing(number, event.record);
        named::note(event, kit.exemptions.hosts(), &mut sightings, names_nothing);
    }
    Some(Finding {
        event: Arc::new(sighted::of(event, target, label, kit.wants)),
        sightings,
    })
}

/// A parsed line with its client and context. Facts about its address are only looked up where somebody asks for them
/// or a claim depends on them.
pub(super) fn event<'e, 'a>(
    kit: &Kit,
    enricher: &'e mut Enricher,
    known: &Known,
    batch: &'e Batch,
    line: Line,
    record: &'e Record<'a>,
    asks_address: bool,
) -> Event<'e, 'a> {
    let client = kit.trust.resolve(record);
    let agent = enricher.agents.facts(record.user_agent.as_deref());
    let address = match client.address {
        Some(address) if asks_address || agent.claims.is_some() => enricher.addresses.facts(address),
        _ => enricher.addresses.nobody(),
    };
    let verdict = match (client.address, agent.claims) {
        (Some(client), Some(crawler)) => verdict(kit, known, client, address, crawler),
        _ => Verdict::Unknown,
    };
    let spared =
        verdict == Verdict::Verified || client.address.is_some_and(|client| known.is_verified(client));
    Event {
        record,
        client,
        address,
        agent,
        verdict,
        exempt: address.exempt.or(spared.then_some(Exempt::VerifiedCrawler)),
        file: &batch.file,
        offset: batch.offset(line),
    }
}

/// Whether a client is the crawler it says it is: by published addresses, else as name servers decided.
fn verdict(
    kit: &Kit,
    known: &Known,
    address: IpAddr,
    facts: &AddressFacts,
    crawler: &'static str,
) -> Verdict {
    let published = if kit.dns {
        kit.published.verdict(address, facts.asn, crawler)
    } else {
        kit.published.verdict_without_dns(address, facts.asn, crawler)
    };
    let asked = || known.verdict(&Claim { address, crawler });
    published.or_else(asked).unwrap_or_default()
}

/// The claim of a line's client. An address that is exempt for another reason stays so whatever it claims; its name is
/// nobody's business.
fn claimed(kit: &Kit, event: &Event<'_, '_>) -> Option<Claimed> {
    let claim = Claim {
        address: event.client.address?,
        crawler: event.agent.claims?,
    };
    let public = match event.address.exempt {
        None => true,
        Some(Exempt::Reserved) => reserved::is_documentation(claim.address),
        Some(_) => false,
    };
    let published = || {
        kit.published
            .verdict(claim.address, event.address.asn, claim.crawler)
    };
    Some(Claimed {
        claim,
        verdict: event.verdict,
        open: kit.dns && public && claim.is_askable() && published().is_none(),
    })
}

/// Counts what more than one field tells.
pub(super) fn count(statistics: &mut Statistics, client: Client, label: Option<&'static str>) {
    statistics.clientless += u64::from(client.address.is_none());
    if let Some(label) = label {
        statistics.label(label);
    }
}

/// The sightings of a line on which rules fired that make some of their own.
fn sightings(kit: &Kit, hits: &[Hit]) -> Vec<Sighting> {
    let rules = kit.ruleset.rules();
    let alerting = hits.iter().filter_map(|hit| {
        let rule = rules.get(hit.rule as usize)?;
        rule.alerts.then_some((hit, rule))
    });
    // Counted first: growing costs more than looking at the hits twice.
    let mut sightings = Vec::with_capacity(alerting.clone().count());
    sightings.extend(alerting.map(|(hit, rule)| Sighting::of(&rule.info, hit.view)));
    sightings
}

/// Records for sinks that want every request; a sighted one reaches them with its finding.
fn requests(
    kit: &Kit,
    event: &Event<'_, '_>,
    sighted: bool,
    encoded: &mut Vec<Vec<u8>>,
    items: &mut Vec<Item>,
) {
    for (at, sink) in kit.sinks.iter().enumerate() {
        if !sighted && sink.wants_requests() {
            sink.request(event, encoded);
            items.extend(encoded.drain(..).map(|bytes| Item { sink: at, bytes }));
        }
    }
}

fn host(record: &Record<'_>) -> Option<Box<str>> {
    record.host.as_deref().map(|host| Box::from(shown(host).as_ref()))
}
