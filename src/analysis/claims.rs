//! [`Claims`]: clients that say they are crawlers, and what waits until a name server has told whether it is true.
//!
//! A line whose client may yet turn out to be a welcome crawler is printed at once, but it makes no indicator and is
//! not shipped before the verdict: it is held here, as the log has it, and read again then. Held lines are bounded in
//! number and bytes and survive restarts, as do verdicts. Pure: whoever asks name servers takes
//! [`Claims::take_questions`] and brings verdicts to [`super::fold::Fold::decide`].

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use afw_parsers::Time;
use foldhash::quality::RandomState;

use super::scan::Claimed;
use crate::enrich::crawler::{Claim, ClaimCounts, Known, Verdict};
use crate::rows::{Reader, Writer};
use crate::store::{State, StateKind};

/// Lines held for one claim; of a genuine crawler a name server tells within a second or two.
const MAX_LINES: usize = 64;
/// Bytes held for all claims together.
const MAX_BYTES: usize = 4 << 20;
/// Clients counted apart for the summary.
const MAX_COUNTED: usize = 1 << 16;
const VERSION: u8 = 1;
const HELD: &[u8] = b"claim/";
const KNOWN: &[u8] = b"crawler/";

/// A line that waits for the verdict on its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The line as the log has it.
    pub line: Box<[u8]>,
    /// How to read it, as the layout writes itself.
    pub layout: Arc<str>,
    /// File of the line.
    pub file: Arc<str>,
    /// Byte offset of the line in the decoded stream.
    pub offset: u64,
    /// Ids of the correlations that the line completed.
    pub fired: Vec<Arc<str>>,
    /// Ids of the rules whose sightings were printed.
    pub told: Vec<Arc<str>>,
}

impl Held {
    fn bytes(&self) -> usize {
        self.line.len() + self.layout.len() + 128
    }
}

/// What is to be done about a line's claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is decided, or will not be.
    Decided,
    /// A name server decided otherwise than the scan could know.
    Changed,
    /// The verdict is awaited.
    Awaited,
}

/// Claims of one run.
#[derive(Debug, Default)]
pub struct Claims {
    known: Arc<Known>,
    awaited: HashMap<Claim, Vec<Held>, RandomState>,
    bytes: usize,
    questions: Vec<Claim>,
    counted: HashMap<Claim, Verdict, RandomState>,
    spared: BTreeSet<IpAddr>,
    now: Time,
    persist: bool,
    dirty: BTreeSet<Claim>,
    dirty_verdicts: BTreeSet<Claim>,
    /// Keys of rows that could not be read.
    rows_gone: Vec<Vec<u8>>,
}

impl Claims {
    /// Nothing known. `persist`: changes are remembered for [`Claims::drain_dirty`].
    pub fn new(persist: bool) -> Self {
        Self {
            persist,
            ..Self::default()
        }
    }

    /// Says what time it is: verdicts grow old by the clock on the wall.
    pub fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    /// What name servers have decided.
    pub fn known(&self) -> &Arc<Known> {
        &self.known
    }

    /// Whether the address was verified with another line.
    pub fn is_spared(&self, address: IpAddr) -> bool {
        self.spared.contains(&address) || self.known.is_verified(address)
    }

    /// Where the claim of a line stands; a claim that is new or was decided long ago is asked for.
    pub fn look(&mut self, claimed: &Claimed) -> Standing {
        let Claimed { claim, verdict, open } = *claimed;
        if !open {
            self.count(claim, verdict);
            return Standing::Decided;
        }
        if !self.awaited.contains_key(&claim) && self.known.is_due(&claim, self.now) {
            self.awaited.insert(claim, Vec::new());
            self.questions.push(claim);
        }
        let known = self.known.verdict(&claim);
        match known {
            // An old verdict holds until there is a new one.
            Some(known) => {
                self.count(claim, known);
                if known == verdict {
                    Standing::Decided
                } else {
                    Standing::Changed
                }
            }
            None => {
                self.count(claim, Verdict::Unknown);
                Standing::Awaited
            }
        }
    }

    /// Whether lines of this client wait for their first verdict.
    pub fn holds(&self, claim: &Claim) -> bool {
        self.known.verdict(claim).is_none() && self.awaited.contains_key(claim)
    }

    /// Holds a line; false when no more of this claim, or of all, can be held: then its verdict is needed now.
    #[must_use]
    pub fn hold(&mut self, claim: Claim, held: Held) -> bool {
        let bytes = held.bytes();
        let Some(lines) = self.awaited.get_mut(&claim) else {
            return false;
        };
        self.bytes += bytes;
        lines.push(held);
        let room = lines.len() < MAX_LINES && self.bytes < MAX_BYTES;
        self.note(claim);
        room
    }

    /// Claims that are to be asked for since the last call.
    pub fn take_questions(&mut self) -> Vec<Claim> {
        std::mem::take(&mut self.questions)
    }

    /// Claims whose verdict is awaited.
    pub fn awaited(&self) -> Vec<Claim> {
        let mut claims: Vec<Claim> = self.awaited.keys().copied().collect();
        claims.sort_unstable();
        claims
    }

    /// Takes verdicts that hold until a time; the lines that waited for each.
    pub fn decide(&mut self, verdicts: &[(Claim, Verdict, Time)]) -> Vec<(Claim, Vec<Held>)> {
        if verdicts.is_empty() {
            return Vec::new();
        }
        let known = Arc::make_mut(&mut self.known);
        for &(claim, verdict, until) in verdicts {
            let gone = known.insert(claim, verdict, self.now, until);
            if self.persist {
                self.dirty_verdicts.extend(gone);
                self.dirty_verdicts.insert(claim);
            }
        }
        let mut all = Vec::new();
        for &(claim, verdict, _) in verdicts {
            if self.counted.contains_key(&claim) {
                self.count(claim, verdict);
            }
            if let Some(lines) = self.awaited.remove(&claim) {
                self.bytes -= lines.iter().map(Held::bytes).sum::<usize>();
                self.note(claim);
                all.push((claim, lines));
            }
        }
        all
    }

    /// Remembers an address whose claim published addresses proved.
    pub fn spare(&mut self, address: IpAddr) {
        if self.spared.len() < MAX_COUNTED {
            self.spared.insert(address);
        }
    }

    /// How the claims stand.
    pub fn counts(&self) -> ClaimCounts {
        let mut counts = ClaimCounts::default();
        for verdict in self.counted.values() {
            *match verdict {
                Verdict::Verified => &mut counts.verified,
                Verdict::Fake => &mut counts.fake,
                Verdict::Unknown => &mut counts.unverified,
            } += 1;
        }
        counts
    }

    fn count(&mut self, claim: Claim, verdict: Verdict) {
        if self.counted.len() < MAX_COUNTED || self.counted.contains_key(&claim) {
            self.counted.insert(claim, verdict);
        }
    }

    fn note(&mut self, claim: Claim) {
        if self.persist {
            self.dirty.insert(claim);
        }
    }

    /// The rows that changed since the last call.
    pub fn drain_dirty(&mut self) -> Vec<State> {
        let (dirty, verdicts) = (
            std::mem::take(&mut self.dirty),
            std::mem::take(&mut self.dirty_verdicts),
        );
        let held = dirty.iter().map(|claim| {
            let lines = self.awaited.get(claim).filter(|lines| !lines.is_empty());
            state(HELD, claim, lines.map(|lines| row(lines)))
        });
        let known = verdicts
            .iter()
            .map(|claim| state(KNOWN, claim, self.known.row(claim)));
        let mut states: Vec<State> = held.chain(known).collect();
        states.extend(self.rows_gone.drain(..).map(|key| State::other(key, None)));
        states
    }

    /// Takes back what was stored; how many rows could not be read. Rows of other owners are passed over.
    pub fn restore(&mut self, rows: &[State]) -> usize {
        let mut damaged = 0;
        let known = Arc::make_mut(&mut self.known);
        for State { kind, key, value } in rows {
            let Some(value) = value.as_ref().filter(|_| *kind == StateKind::Other) else {
                continue;
            };
            let read = if let Some(claim) = key.strip_prefix(KNOWN) {
                Claim::from_key(claim).and_then(|claim| known.restore(claim, value))
            } else if let Some(claim) = key.strip_prefix(HELD) {
                Claim::from_key(claim).zip(lines(value)).map(|(claim, lines)| {
                    self.bytes += lines.iter().map(Held::bytes).sum::<usize>();
                    self.awaited.insert(claim, lines);
                    self.questions.push(claim);
                })
            } else {
                continue;
            };
            if read.is_none() {
                damaged += 1;
                self.rows_gone.push(key.clone());
            }
        }
        damaged
    }
}

fn state(prefix: &[u8], claim: &Claim, value: Option<Vec<u8>>) -> State {
    State::other([prefix, &claim.key()].concat(), value)
}

fn row(lines: &[Held]) -> Vec<u8> {
    let mut row = Writer::versioned(VERSION);
    row.uint(lines.len() as u64);
    for held in lines {
        row.uint(held.line.len() as u64).raw(&held.line);
        row.text(&held.layout).text(&held.file).uint(held.offset);
        for ids in [&held.fired, &held.told] {
            row.uint(ids.len() as u64);
            ids.iter().for_each(|id| {
                row.text(id);
            });
        }
    }
    row.finish()
}

fn lines(row: &[u8]) -> Option<Vec<Held>> {
    let mut row = Reader::versioned(row, VERSION)?;
    let mut lines = Vec::new();
    for _ in 0..row.count(6)? {
        let len = row.count(1)?;
        lines.push(Held {
            line: row.raw(len)?.into(),
            layout: row.text()?.into(),
            file: row.text()?.into(),
            offset: row.uint()?,
            fired: ids(&mut row)?,
            told: ids(&mut row)?,
        });
    }
    row.end()?;
    Some(lines)
}

fn ids(row: &mut Reader<'_>) -> Option<Vec<Arc<str>>> {
    (0..row.count(1)?).map(|_| row.text().map(Arc::from)).collect()
}
