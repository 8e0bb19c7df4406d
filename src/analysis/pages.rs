//! [`Pages`]: hosts that answer any path with success and one and the same page, as applications in the browser do.
//!
//! There `/.env` gets 200, and nothing was exposed. An answer with success says nothing when its size is that of the
//! host's front page, or of answers to several unlike sensitive targets: then what would be an exposure is a probe.
//!
//! Only what the client cannot choose counts: whole answers (200, never 206) to GET; the front page without a query;
//! targets that are unlike (two of different rules, or three of one), since two spellings of one served file, or a
//! copy beside it, have one size too. Known pages hold for a day of event time. Hosts are bounded in number, and when
//! there are too many the ones not seen for longest are forgotten: then an exposure stays one. Sequential, so that the
//! result does not depend on threads; survives restarts. Next: [`super::fold`].

use std::collections::{BTreeSet, HashMap};

use afw_parsers::Time;
use foldhash::quality::RandomState;

use crate::detect::correlate::hash::{Frame, Memo};
use crate::detect::{Class, views};
use crate::event::{Event, Finding};
use crate::rows::{Reader, Writer};
use crate::store::{State, StateKind};

/// Hosts of one generation; two are kept.
const MAX_HOSTS: usize = 4096;
/// Page sizes known of one host.
const MAX_PAGES: usize = 8;
/// Answers to sensitive targets remembered of one host.
const MAX_ANSWERS: usize = 24;
/// How long a size counts, in event time.
const RECENT_NANOS: i64 = 24 * 3600 * 1_000_000_000;
/// How much newer a known size must be seen before that is stored.
const STORED_NANOS: i64 = 3600 * 1_000_000_000;
const VERSION: u8 = 1;
const PREFIX: &[u8] = b"page/";

/// A whole answer with success that may tell of a host's one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Hash of the host, or of the file where the log does not tell the host.
    host: u64,
    size: u64,
    time: Time,
    asked: Asked,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// `/`.
    Front,
    /// A sensitive target: hash of the rule that says so, and of what the target's name begins with.
    Sensitive { rule: u64, stem: u64 },
}

impl Answer {
    /// What a line tells, if anything.
    pub fn of(event: &Event<'_, '_>, finding: Option<&Finding>, hashes: &mut Hashes) -> Option<Self> {
        let record = event.record;
        if record.status != Some(200) || record.method.as_deref().is_some_and(|method| method != b"GET") {
            return None;
        }
        let asked = match record.target.as_deref()? {
            b"/" => Asked::Front,
            // The path is only looked for where something was found.
            _ => sensitive(finding?, record.path()?, hashes)?,
        };
        let size = record.body_bytes.or(record.more.response_bytes);
        Some(Self {
            size: size.filter(|size| *size > 0)?,
            host: hashes.place(event),
            // Answers of lines without times are all of one moment.
            time: record.time.unwrap_or_default(),
            asked,
        })
    }
}

/// Names as numbers: the same over restarts, and such that clients, who choose the names, find no two alike.
#[derive(Debug, Default)]
pub struct Hashes {
    frame: Frame,
    memo: Memo,
}

impl Hashes {
    /// Of the host that a line was asked of, or of its file where the log does not tell the host.
    fn place(&mut self, event: &Event<'_, '_>) -> u64 {
        match event.record.host.as_deref() {
            Some(host) => self.hash(b"host", |frame| frame.folded(host)),
            None => self.hash(b"file", |frame| frame.part(event.file.as_bytes())),
        }
    }

    fn hash(&mut self, kind: &[u8], name: impl FnOnce(&mut Frame)) -> u64 {
        let Self { frame, memo } = self;
        frame.clear();
        frame.part(kind);
        name(frame);
        (memo.digest(frame.bytes()) >> 64) as u64
    }
}

fn sensitive(finding: &Finding, path: &[u8], hashes: &mut Hashes) -> Option<Asked> {
    let of = |class: Class| finding.sightings.iter().find(|sighting| sighting.class == class);
    let sighting = of(Class::Exposure)
        .or_else(|| of(Class::Probe))
        .or_else(|| of(Class::Webshell))?;
    Some(Asked::Sensitive {
        rule: hashes.hash(b"rule", |frame| frame.part(sighting.rule.id.as_bytes())),
        stem: hashes.hash(b"stem", |frame| frame.part(&stem(path))),
    })
}

/// What the name of a target begins with: of its first hidden segment, else of its last that is no index page.
/// `/.env` and `/api/.env.bak`, `/shop.sql` and `/shop.sql.gz`, `/pma/` and `/pma/index.php` are alike.
fn stem(path: &[u8]) -> Vec<u8> {
    let (mut twice, mut plain) = (Vec::new(), Vec::new());
    let once = views::percent_decoded(path);
    twice.extend_from_slice(&views::percent_decoded(&once));
    views::normalise_path(&twice, &mut plain);
    plain.make_ascii_lowercase();
    let segments = || {
        plain
            .split(|byte| *byte == b'/')
            .filter(|segment| !segment.is_empty())
    };
    let hidden = segments().find(|segment| segment.starts_with(b".") && *segment != b".well-known");
    let last = || segments().rfind(|segment| !segment.starts_with(b"index."));
    let name = hidden.or_else(last).unwrap_or_default();
    let begins = name.iter().skip_while(|byte| !byte.is_ascii_alphanumeric());
    begins
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .copied()
        .collect()
}

/// What is known of one host.
#[derive(Debug, Clone, Default, PartialEq)]
struct Host {
    /// Sizes of the page that any path gets, and when each was seen last.
    pages: Vec<(u64, Time)>,
    /// Answers to sensitive targets: size, rule, stem, time.
    answers: Vec<(u64, u64, u64, Time)>,
}

/// What is known of all hosts.
#[derive(Debug, Default)]
pub struct Pages {
    hosts: HashMap<u64, Host, RandomState>,
    /// The generation before; what is met again moves on.
    older: HashMap<u64, Host, RandomState>,
    persist: bool,
    dirty: BTreeSet<u64>,
    rows_gone: Vec<Vec<u8>>,
}

impl Pages {
    /// Nothing known. `persist`: changes are remembered for [`Pages::drain_dirty`].
    pub fn new(persist: bool) -> Self {
        Self {
            persist,
            ..Self::default()
        }
    }

    /// Learns from an answer. Whether it says nothing, because other paths of that host get the same.
    pub fn is_common(&mut self, answer: &Answer) -> bool {
        let host = self.host(answer.host);
        let (common, changed) = match answer.asked {
            Asked::Front => (false, host.see_page(answer.size, answer.time)),
            Asked::Sensitive { rule, stem } => host.judge(answer, rule, stem),
        };
        if changed && self.persist {
            self.dirty.insert(answer.host);
        }
        common
    }

    fn host(&mut self, key: u64) -> &mut Host {
        if !self.hosts.contains_key(&key) {
            let known = self.older.remove(&key).unwrap_or_default();
            if self.hosts.len() >= MAX_HOSTS {
                self.begin_generation();
            }
            self.hosts.insert(key, known);
        }
        self.hosts.entry(key).or_default()
    }

    /// Forgets the hosts that were not met since the last generation began.
    fn begin_generation(&mut self) {
        let gone = std::mem::replace(&mut self.older, std::mem::take(&mut self.hosts));
        if self.persist {
            self.dirty.extend(gone.into_keys());
        }
    }

    /// The rows that changed since the last call.
    pub fn drain_dirty(&mut self) -> Vec<State> {
        let dirty = std::mem::take(&mut self.dirty);
        let find = |key: &u64| self.hosts.get(key).or_else(|| self.older.get(key));
        let rows = dirty
            .iter()
            .map(|key| State::other(row_key(*key), find(key).map(Host::row)));
        let mut states: Vec<State> = rows.collect();
        states.extend(self.rows_gone.drain(..).map(|key| State::other(key, None)));
        states
    }

    /// Takes back what was stored; how many rows could not be read. Rows of other owners are passed over.
    pub fn restore(&mut self, rows: &[State]) -> usize {
        let mut damaged = 0;
        for State { kind, key, value } in rows {
            let (Some(value), Some(name)) = (value, key.strip_prefix(PREFIX)) else {
                continue;
            };
            if *kind != StateKind::Other {
                continue;
            }
            match <[u8; 8]>::try_from(name).ok().zip(Host::read(value)) {
                Some((name, host)) => *self.host(u64::from_be_bytes(name)) = host,
                None => {
                    damaged += 1;
                    self.rows_gone.push(key.clone());
                }
            }
        }
        damaged
    }
}

impl Host {
    /// Notes the size of a page; whether there is something to store.
    fn see_page(&mut self, size: u64, time: Time) -> bool {
        if let Some((_, last)) = self.pages.iter_mut().find(|(known, _)| *known == size) {
            let newer = time.nanos().saturating_sub(last.nanos());
            *last = (*last).max(time);
            return newer > STORED_NANOS;
        }
        if self.pages.len() >= MAX_PAGES {
            let oldest = self.pages.iter().enumerate().min_by_key(|(_, (_, last))| *last);
            let oldest = oldest.map_or(0, |(at, _)| at);
            self.pages.remove(oldest);
        }
        self.pages.push((size, time));
        true
    }

    /// Whether a sensitive target got what others get, and whether there is something to store.
    fn judge(&mut self, answer: &Answer, rule: u64, stem: u64) -> (bool, bool) {
        let recent = |time: &Time| time.nanos().abs_diff(answer.time.nanos()) <= RECENT_NANOS as u64;
        let unlike = || {
            let same = self
                .answers
                .iter()
                .filter(|(size, .., time)| *size == answer.size && recent(time));
            let others = same.filter(|(_, _, other, _)| *other != stem);
            (
                others.clone().any(|(_, other, ..)| *other != rule),
                others.count(),
            )
        };
        let (of_another_rule, others) = unlike();
        let mut changed = false;
        if of_another_rule || others >= 2 {
            changed = self.see_page(answer.size, answer.time);
        }
        let common = self
            .pages
            .iter()
            .any(|(size, time)| *size == answer.size && recent(time));
        let told = |(size, of, from, time): &(u64, u64, u64, Time)| {
            (*size, *of, *from) == (answer.size, rule, stem) && recent(time)
        };
        if !self.answers.iter().any(told) {
            if self.answers.len() >= MAX_ANSWERS {
                self.answers.remove(0);
            }
            self.answers.push((answer.size, rule, stem, answer.time));
            changed = true;
        }
        (common, changed)
    }

    fn row(&self) -> Vec<u8> {
        let mut row = Writer::versioned(VERSION);
        row.uint(self.pages.len() as u64);
        for (size, time) in &self.pages {
            row.uint(*size).int(time.nanos());
        }
        row.uint(self.answers.len() as u64);
        for (size, rule, stem, time) in &self.answers {
            row.uint(*size).fixed(*rule).fixed(*stem).int(time.nanos());
        }
        row.finish()
    }

    fn read(row: &[u8]) -> Option<Self> {
        let mut row = Reader::versioned(row, VERSION)?;
        let mut host = Self::default();
        for _ in 0..row.count(2)?.min(MAX_PAGES) {
            host.pages.push((row.uint()?, Time::from_nanos(row.int()?)));
        }
        for _ in 0..row.count(18)?.min(MAX_ANSWERS) {
            host.answers.push((
                row.uint()?,
                row.fixed()?,
                row.fixed()?,
                Time::from_nanos(row.int()?),
            ));
        }
        row.end()?;
        Some(host)
    }
}

fn row_key(host: u64) -> Vec<u8> {
    [PREFIX, &host.to_be_bytes()].concat()
}

#[cfg(test)]
#[path = "pages/tests.rs"]
mod tests;
