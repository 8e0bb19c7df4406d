//! Indicator rows: a [`Profile`] as versioned bytes, and back without trust.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use afw_parsers::Time;

use super::Evidence;
use super::evidence::{Kept, Proof};
use super::profile::{Emitted, Profile};
use super::subject::Subject;
use super::tally::{Places, Tally};
use crate::detect::{Class, Confidence, Level, Names, RuleInfo};
use crate::enrich::AddressFacts;
use crate::event::{COMMON_PAGE, method_text};
use crate::rows::{Reader, Writer};

/// Version of the rows.
const VERSION: u8 = 3;
/// Rows before lines of evidence had a note.
const WITHOUT_NOTES: u8 = 2;
/// Rows before a rule's lines were told apart by whether it was the strongest on them: all count.
const WITHOUT_LEADS: u8 = 1;

/// Texts and rules that many rows share, kept once.
#[derive(Debug, Default)]
pub(super) struct Shared {
    texts: BTreeSet<Arc<str>>,
    rules: BTreeMap<(Arc<str>, Arc<str>, Level), Arc<RuleInfo>>,
}

impl Shared {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.texts.insert(new.clone());
        new
    }

    /// A rule as far as a row tells of it. When it fires again, the rule itself takes its place.
    fn rule(&mut self, id: &str, title: &str, level: Level) -> Arc<RuleInfo> {
        let (id, title) = (self.text(id), self.text(title));
        let nothing = self.text("");
        let told = self.rules.entry((id.clone(), title.clone(), level));
        let rule = told.or_insert_with(|| {
            Arc::new(RuleInfo {
                id,
                title,
                level,
                class: Class::Anomaly,
                confidence: Confidence::default(),
                tags: Vec::new(),
                names: Names::default(),
                source: nothing,
            })
        });
        Arc::clone(rule)
    }
}

/// `type:value`, the row's key.
pub(super) fn key(subject: &Subject) -> Vec<u8> {
    format!("{}:{}", subject.kind().name(), subject.value()).into_bytes()
}

/// Reads a row's key.
pub(super) fn subject(key: &[u8]) -> Option<Subject> {
    let (kind, value) = std::str::from_utf8(key).ok()?.split_once(':')?;
    Subject::parse(kind, value)
}

pub(super) fn encode(profile: &Profile) -> Vec<u8> {
    let mut row = Writer::versioned(VERSION);
    row.uint(profile.touched)
        .text(profile.class.name())
        .int(nanos(profile.first_seen))
        .int(nanos(profile.last_seen))
        .uint(profile.sightings)
        .uint(profile.rules.len() as u64);
    for rule in &profile.rules {
        row.text(&rule.rule.id)
            .text(&rule.rule.title)
            .text(rule.rule.level.name())
            .uint(rule.confidence.thousandths().into())
            .uint(rule.count)
            .uint(rule.led);
    }
    texts(&mut row, profile.tags.iter().map(|tag| &**tag));
    facts(&mut row, &profile.facts);
    texts(&mut row, profile.hosts.iter().map(|host| &**host));
    row.uint(profile.evidence.lines().len() as u64);
    for kept in profile.evidence.lines() {
        evidence(&mut row, kept);
    }
    let address = profile.address.map(|address| address.to_string());
    row.maybe_text(address.as_deref());
    emitted(&mut row, profile.emitted);
    row.finish()
}

fn texts<'a>(row: &mut Writer, texts: impl ExactSizeIterator<Item = &'a str>) {
    row.uint(texts.len() as u64);
    for text in texts {
        row.text(text);
    }
}

fn facts(row: &mut Writer, facts: &AddressFacts) {
    let country = facts.country.map(|code| u64::from(u16::from_be_bytes(code)));
    row.maybe_uint(country)
        .maybe_uint(facts.asn.map(u64::from))
        .maybe_text(facts.as_org.as_deref());
    texts(row, facts.lists.iter().map(|list| &**list));
}

fn evidence(row: &mut Writer, kept: &Kept) {
    let line = &kept.line;
    row.int(nanos(line.time))
        .maybe_text(line.host.as_deref())
        .maybe_text(line.method.as_deref())
        .maybe_text(line.target.as_deref())
        .maybe_uint(line.status.map(u64::from))
        .maybe_text(line.user_agent.as_deref())
        .text(&line.rule)
        .text(&line.file)
        .uint(line.offset)
        .text(line.class.name())
        .uint(kept.thousandths.into())
        .byte(line.note.is_some().into());
}

fn emitted(row: &mut Writer, emitted: Option<Emitted>) {
    let Some(last) = emitted else {
        row.byte(0);
        return;
    };
    row.byte(1)
        .uint(last.revision.into())
        .text(last.class.name())
        .uint(last.thousandths.into())
        .int(nanos(last.time))
        .byte(last.delivered.into());
}

/// Reads a row; `None` when it is damaged or of another version.
pub(super) fn decode(bytes: &[u8], shared: &mut Shared) -> Option<Profile> {
    let version = match bytes.first() {
        Some(&version) if version == WITHOUT_LEADS || version == WITHOUT_NOTES => version,
        _ => VERSION,
    };
    let leads = version != WITHOUT_LEADS;
    let least_rule_bytes = if leads { 6 } else { 5 };
    let mut row = Reader::versioned(bytes, version)?;
    let touched = row.uint()?;
    let class = Class::from_name(row.text()?)?;
    let first_seen = time(&mut row)?;
    let last_seen = time(&mut row)?;
    let sightings = row.uint()?;
    let rules = many(&mut row, least_rule_bytes, |row| read_rule(row, shared, leads))?;
    let tags = many(&mut row, 1, |row| Some(shared.text(row.text()?)))?;
    let facts = read_facts(&mut row, shared)?;
    let hosts = many(&mut row, 1, |row| row.text().map(Box::from))?;
    let evidence = many(&mut row, 11, |row| read_evidence(row, shared, version == VERSION))?;
    let address: Option<IpAddr> = match row.maybe_text()? {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    let emitted = read_emitted(&mut row)?;
    row.end()?;
    let mut profile = Profile {
        class,
        first_seen,
        last_seen,
        sightings,
        rules,
        places: Places::default(),
        tags,
        facts,
        hosts,
        evidence: Proof::of(evidence),
        address,
        emitted,
        touched,
        limit: Confidence::default(),
    };
    profile.set_limit();
    Some(profile)
}

fn many<'a, T>(
    row: &mut Reader<'a>,
    least_bytes: usize,
    mut one: impl FnMut(&mut Reader<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    (0..row.count(least_bytes)?).map(|_| one(row)).collect()
}

/// A time as a row has it; one that nobody knows is the least number.
fn nanos(time: Option<Time>) -> i64 {
    time.map_or(i64::MIN, Time::nanos)
}

fn time(row: &mut Reader) -> Option<Option<Time>> {
    let nanos = row.int()?;
    Some((nanos != i64::MIN).then(|| Time::from_nanos(nanos)))
}

fn confidence(row: &mut Reader) -> Option<Confidence> {
    Confidence::new(f64::from(u16::try_from(row.uint()?).ok()?) / 1000.0)
}

fn level(name: &str) -> Option<Level> {
    [
        Level::Informational,
        Level::Low,
        Level::Medium,
        Level::High,
        Level::Critical,
    ]
    .into_iter()
    .find(|level| level.name() == name)
}

fn read_rule(row: &mut Reader, shared: &mut Shared, leads: bool) -> Option<Tally> {
    let rule = shared.rule(row.text()?, row.text()?, level(row.text()?)?);
    let (confidence, count) = (confidence(row)?, row.uint()?);
    let led = if leads { row.uint()? } else { count };
    Some(Tally::new(rule, confidence, count, led))
}

fn read_facts(row: &mut Reader, shared: &mut Shared) -> Option<AddressFacts> {
    let country = match row.maybe_uint()? {
        Some(code) => Some(u16::try_from(code).ok()?.to_be_bytes()),
        None => None,
    };
    let asn = match row.maybe_uint()? {
        Some(asn) => Some(u32::try_from(asn).ok()?),
        None => None,
    };
    Some(AddressFacts {
        country,
        asn,
        as_org: row.maybe_text()?.map(|name| shared.text(name)),
        lists: many(row, 1, |row| Some(shared.text(row.text()?)))?.into(),
        ..AddressFacts::default()
    })
}

fn read_evidence(row: &mut Reader, shared: &mut Shared, notes: bool) -> Option<Kept> {
    let text = |row: &mut Reader| Some(row.maybe_text()?.map(Arc::<str>::from));
    let mut line = Evidence {
        time: time(row)?,
        host: text(row)?,
        method: row.maybe_text()?.map(|method| method_text(method.as_bytes())),
        target: text(row)?,
        status: match row.maybe_uint()? {
            Some(status) => Some(u16::try_from(status).ok()?),
            None => None,
        },
        user_agent: text(row)?,
        rule: shared.text(row.text()?),
        file: shared.text(row.text()?),
        offset: row.uint()?,
        class: Class::from_name(row.text()?)?,
        note: None,
    };
    let thousandths = u16::try_from(row.uint()?).ok()?;
    line.note = (notes && row.byte()? != 0).then_some(COMMON_PAGE);
    Some(Kept::of(line, thousandths))
}

fn read_emitted(row: &mut Reader) -> Option<Option<Emitted>> {
    if row.byte()? == 0 {
        return Some(None);
    }
    Some(Some(Emitted {
        revision: u32::try_from(row.uint()?).ok()?,
        class: Class::from_name(row.text()?)?,
        thousandths: u16::try_from(row.uint()?).ok()?,
        time: time(row)?,
        delivered: row.byte()? != 0,
    }))
}
