//! Counting one request: its traits, and what it is told apart by.
//!
//! On the way of every line, so it looks at little: path and agent of a request that came before stand in a word that was
//! left with it ([`Asked`]), and places are looked for later ([`super::notes`]).

use afw_parsers::{Record, Time};

use super::cells::level_of;
use super::codes::{self, Kind};
use super::key::{CLAIM, CLASS, COUNTRY, Claim, DENIED, HOST, KIND, LEVEL, METHOD, STATUS, Traits};
use super::met::{Asked, Whereabouts};
use super::names::Names;
use super::notes::{MAX, NO_TIME, Note, Unmet};
use super::{AGENT_BYTES, Agent, AgentKey, HOST_BYTES, PATH_BYTES, PRINT_BYTES, Tally};
use crate::enrich::crawler::Verdict;
use crate::event::{Event, Finding};
use crate::text::is_same;

impl Tally {
    /// Counts one request of a log and what the rules said of it. `remark` is what this left with an earlier request of the
    /// same target and user agent: 0 for nothing yet, `None` where nothing can be left. What is to be left with it from now
    /// on, where that is new.
    pub fn request(
        &mut self,
        event: &Event<'_, '_>,
        log: u32,
        finding: Option<&Finding>,
        remark: Option<u64>,
    ) -> Option<u64> {
        let record = event.record;
        if !self.scope.host(record.host.as_deref()) {
            return None;
        }
        self.requests += 1;
        let traits = self.traits(event, finding, level_of(log, event.offset));
        let known = remark.and_then(|word| Asked::of(word, self.epoch));
        let (asked, new) = match known {
            Some(known) if !has_print(record) => (known, None),
            _ => self.ask(event, traits, remark.is_some()),
        };
        let place = self.place_of(event, traits);
        self.notes.push(Note {
            secs: record.time.map_or(NO_TIME, Time::secs),
            traits,
            path: asked.path(),
            agent: asked.agent(),
            place,
        });
        if self.notes.len() >= MAX {
            self.count();
        }
        new
    }

    /// All traits of a request.
    #[inline]
    fn traits(&mut self, event: &Event<'_, '_>, finding: Option<&Finding>, level: u8) -> Traits {
        let record = event.record;
        let class = finding.map_or(0, |finding| self.strongest(finding));
        let claim = match event.verdict {
            _ if event.agent.claims.is_none() => Claim::None,
            Verdict::Verified => Claim::Verified,
            Verdict::Fake => Claim::Fake,
            Verdict::Unknown => Claim::Unproven,
        };
        Traits::default()
            .with(LEVEL, level.into())
            .with(CLASS, class)
            .with(STATUS, codes::status(record.status).into())
            .with(KIND, Kind::of(event.agent.kind) as u64)
            .with(METHOD, codes::method(record).into())
            .with(DENIED, codes::is_denied(record).into())
            .with(CLAIM, claim as u64)
            .with(COUNTRY, codes::country(event.country()).into())
            .with(HOST, self.host(record.host.as_deref()).into())
    }

    /// The strongest class of a finding that is asked for, from 1 on; 0 for none.
    fn strongest(&self, finding: &Finding) -> u64 {
        let classes = finding.sightings.iter().map(|sighting| sighting.class);
        let asked_for = classes.filter(|class| self.scope.class(*class));
        asked_for.min().map_or(0, |class| class as u64 + 1)
    }

    /// Number of a host; lines of one host often follow each other.
    #[inline]
    fn host(&mut self, host: Option<&[u8]>) -> u32 {
        let host = clip(host.unwrap_or_default(), HOST_BYTES);
        let last = self.hosts.value(self.last_host);
        if !last.is_some_and(|last| is_same(last, host)) {
            self.last_host = self.other_host(host);
        }
        self.last_host
    }

    #[inline(never)]
    fn other_host(&mut self, host: &[u8]) -> u32 {
        if host.iter().any(u8::is_ascii_uppercase) {
            text(&mut self.hosts, &host.to_ascii_lowercase())
        } else {
            text(&mut self.hosts, host)
        }
    }

    /// Path and agent of a request with which they were not left, and what is to be left with it where it `may` be. Texts
    /// that no table asks for are not looked at.
    #[inline(never)]
    fn ask(&mut self, event: &Event<'_, '_>, traits: Traits, may: bool) -> (Asked, Option<u64>) {
        let whole = self.takes_whole(traits);
        let (path, agent) = (
            whole || self.by_path.takes(traits.level()),
            whole || self.by_agent.takes(traits.level()),
        );
        let asked = Asked::new(
            if path { self.path(event.record) } else { 0 },
            if agent { self.agent(event) } else { 0 },
        );
        // Its number stands for the text of the agent, not for the fingerprint.
        let may = may && path && agent && !has_print(event.record);
        (asked, may.then(|| asked.word(self.epoch)))
    }

    /// Whether a request is told as a whole: with path, place and agent, whichever table takes them.
    #[inline]
    fn takes_whole(&self, traits: Traits) -> bool {
        let facts = match traits.field(CLASS) {
            0 => &self.plain,
            _ => &self.sighted,
        };
        facts.takes(traits.level())
    }

    fn path(&mut self, record: &Record<'_>) -> u32 {
        let path = record.path().unwrap_or_default();
        text(&mut self.paths, clip(path, PATH_BYTES))
    }

    /// Number of the place where the client of the next request is; 0 until it is counted, if it was not met lately, and
    /// where no table asks for it.
    #[inline]
    fn place_of(&mut self, event: &Event<'_, '_>, traits: Traits) -> u32 {
        if !self.by_place.takes(traits.level()) && !self.takes_whole(traits) {
            return 0;
        }
        let asn = event.asn();
        // Ten bits wide.
        let at = Whereabouts::of(event.client.address, asn, traits.field(COUNTRY) as u16);
        self.met.number(at).unwrap_or_else(|| {
            let as_org = &event.address.as_org;
            self.unmet.push(Unmet {
                note: self.notes.len(),
                at,
                as_org: as_org.as_ref().filter(|_| asn == event.address.asn).cloned(),
            });
            0
        })
    }

    fn agent(&mut self, event: &Event<'_, '_>) -> u32 {
        if has_print(event.record) {
            return self.agent_by_text(event);
        }
        // The text is all there is, and the analysis has told it from others already.
        let told = Some(event.agent.number).filter(|number| *number > 0);
        let number = match self.met_agents.of(told).and_then(|met| *met) {
            Some(number) => number,
            None => self.agent_by_text(event),
        };
        if let Some(met) = self.met_agents.of(told) {
            *met = Some(number);
        }
        number
    }

    fn agent_by_text(&mut self, event: &Event<'_, '_>) -> u32 {
        let record = event.record;
        let said = clip(record.user_agent.as_deref().unwrap_or_default(), AGENT_BYTES);
        let print = record.more.ja3.as_deref().or(record.more.ja4.as_deref());
        let print = print.filter(|print| !print.is_empty());
        let print = print.map(|print| clip(print, PRINT_BYTES));
        let facts = event.agent;
        let kind = Kind::of(facts.kind);
        let new = || Agent {
            text: said.into(),
            print: print.map(Into::into),
            name: facts.name.clone(),
            kind,
            claims: facts.claims,
        };
        let key: AgentKey<'_> = (said, print, facts.name.as_deref(), kind as u8, facts.claims);
        self.agents.number(&key, |agent| agent.key() == key, new)
    }
}

/// Whether a TLS fingerprint is logged.
#[inline]
fn has_print(record: &Record<'_>) -> bool {
    record.more.used && (record.more.ja3.is_some() || record.more.ja4.is_some())
}

/// Number of a text.
pub(super) fn text(names: &mut Names<Box<[u8]>>, bytes: &[u8]) -> u32 {
    names.number(bytes, |own| **own == *bytes, || bytes.into())
}

fn clip(bytes: &[u8], max: usize) -> &[u8] {
    bytes.get(..max).unwrap_or(bytes)
}
