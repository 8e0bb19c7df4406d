//! Window rows: what of the correlator becomes durable, and how it comes back.
//!
//! A row's key is the fingerprint of the rule, or of what a series counts, and the window's key; its value is a version, the number of the last touch
//! and the window.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Correlator, Restored, Shape};
use crate::detect::correlate::keys::Slot;
use crate::detect::correlate::marks::Mark;
use crate::detect::correlate::window::Window;
use crate::rows::{Reader, Writer};
use crate::store::{State, StateKind};

const VERSION: u8 = 1;

/// A window read back.
struct Stored {
    correlation: u32,
    key: u128,
    touched: u64,
    window: Window,
    /// Of a shared window: by [`short`] fingerprints, the members that look at it.
    sharing: Option<Vec<u16>>,
    /// Whether this is its row.
    is_row: bool,
}

/// Whose rows have a fingerprint.
#[derive(Clone, Copy)]
enum Owner {
    /// A correlation's, or a series'.
    Own(u32),
    /// Of a series of which but one correlation is left.
    Left(u32),
}

pub(super) fn drain(correlator: &mut Correlator) -> Vec<State> {
    let mut rows: Vec<State> = correlator.rows_gone.drain(..).map(|key| row(key, None)).collect();
    for (correlation, key) in std::mem::take(&mut correlator.gone) {
        // A key that came again is written below.
        let keys = &correlator.keys;
        if keys.find(&keys.name(correlation, key)).is_none()
            && let Some(fingerprint) = fingerprint(correlator, correlation)
        {
            rows.push(row(row_key(fingerprint, key), None));
        }
    }
    for at in std::mem::take(&mut correlator.dirty) {
        rows.extend(changed(correlator, at));
    }
    rows
}

/// The row of a window that changed.
fn changed(correlator: &mut Correlator, at: u32) -> Option<State> {
    let slot = correlator.keys.slot(at).filter(|slot| slot.dirty)?;
    let key = row_key(fingerprint(correlator, slot.correlation)?, slot.key());
    let sharing = correlator.sharing(slot);
    let value = encode(correlator.shape(slot.correlation)?, slot, sharing.as_deref());
    let changed = row(key, Some(value));
    let slot = correlator.keys.slot_mut(at)?;
    slot.dirty = false;
    slot.stored = true;
    Some(changed)
}

/// The fingerprint of a correlation or series.
fn fingerprint(correlator: &Correlator, owner: u32) -> Option<u64> {
    let of_plan = (correlator.plans.get(owner as usize)).map(|plan| plan.fingerprint);
    of_plan.or_else(|| Some(correlator.series(owner)?.fingerprint))
}

pub(super) fn restore(correlator: &mut Correlator, rows: impl IntoIterator<Item = State>) -> Restored {
    let owners = owners(correlator);
    let mut restored = Restored::default();
    let mut windows = Vec::new();
    for State { kind, key, value } in rows {
        let Some(value) = value.filter(|_| kind == StateKind::Window) else {
            continue;
        };
        let parts = read_key(&key);
        let owner = parts.map(|(fingerprint, _)| owners.get(&fingerprint).copied());
        let window = match (parts, owner.flatten()) {
            (Some((_, key)), Some(owner)) => read(correlator, owner, key, &value),
            _ => None,
        };
        if window.as_ref().is_none_or(|window| !window.is_row) {
            correlator.rows_gone.push(key);
        }
        match window {
            Some(window) => windows.push(window),
            None => {
                let is_orphan = matches!(owner, Some(None | Some(Owner::Left(_))));
                restored.orphaned += usize::from(is_orphan);
                restored.damaged += usize::from(!is_orphan);
            }
        }
    }
    restored.windows = windows.len();
    share(correlator, &mut windows);
    // A shared window before those beside it.
    windows.sort_unstable_by_key(|window| (window.touched, Reverse(window.correlation)));
    for window in windows {
        reopen(correlator, window);
    }
    restored
}

fn owners(correlator: &Correlator) -> BTreeMap<u64, Owner> {
    let Correlator { plans, series, .. } = correlator;
    let left = plans.iter().zip(0..).filter(|(plan, _)| plan.series.is_none());
    let left = left.filter_map(|(plan, index)| Some((plan.counted?, Owner::Left(index))));
    let own = plans.iter().map(|plan| plan.fingerprint);
    let own = own.chain(series.iter().map(|series| series.fingerprint));
    left.chain(own.zip((0..).map(Owner::Own))).collect()
}

/// Beside windows of members of a series there is the shared one. In a store of before there were series it is not: then
/// an empty one is made, which all members come to once they have nothing within reach.
fn share(correlator: &Correlator, windows: &mut Vec<Stored>) {
    let there: BTreeSet<(u32, u128)> = windows.iter().map(|own| (own.correlation, own.key)).collect();
    let mut made: BTreeMap<(u32, u128), Stored> = BTreeMap::new();
    for own in windows.iter() {
        let series = correlator.series_of(own.correlation);
        let Some((owner, _)) = series.filter(|(owner, _)| !there.contains(&(*owner, own.key))) else {
            continue;
        };
        let (time, touched) = (own.window.newest(), own.touched);
        let shared = made.entry((owner, own.key)).or_insert_with(|| Stored {
            correlation: owner,
            key: own.key,
            touched,
            window: Window::One(Mark { time, tag: 0 }),
            sharing: Some(Vec::new()),
            is_row: false,
        });
        shared.touched = shared.touched.min(touched);
        let time = shared.window.newest().max(time);
        shared.window = Window::One(Mark { time, tag: 0 });
    }
    windows.extend(made.into_values());
}

/// Opens a window; the order of touching is that of the calls.
fn reopen(correlator: &mut Correlator, stored: Stored) {
    let name = correlator.keys.name(stored.correlation, stored.key);
    if let Some(at) = correlator.keys.find(&name) {
        // A row of its own says more than one that is left of a series.
        if !stored.is_row {
            return;
        }
        correlator.remove(at);
    }
    correlator.touches = correlator.touches.max(stored.touched);
    correlator.held += stored.window.bytes();
    let at = correlator.keys.add(&name, stored.window, stored.touched);
    let parted = stored
        .sharing
        .as_ref()
        .map(|sharing| correlator.others(stored.correlation, sharing));
    if let Some(slot) = correlator.keys.slot_mut(at) {
        slot.stored = stored.is_row;
        slot.parted = parted.unwrap_or(0);
    }
    // One that was made is made again until it is touched.
    if !stored.is_row && parted.is_none() {
        correlator.note(at);
    }
    if let Some((owner, place)) = correlator.series_of(stored.correlation) {
        let shared = correlator.keys.find(&correlator.keys.name(owner, stored.key));
        let shared = shared.and_then(|shared| correlator.keys.slot_mut(shared));
        shared.into_iter().for_each(|shared| shared.parted |= 1 << place);
    }
    correlator.evict(at, afw_parsers::Time::default().nanos());
}

impl Correlator {
    /// The members of a series that are not among these.
    fn others(&self, owner: u32, sharing: &[u16]) -> u8 {
        let members = self
            .series(owner)
            .map(|series| series.members.as_slice())
            .unwrap_or_default();
        let plans = members.iter().map(|member| self.plans.get(*member as usize));
        let others = plans
            .zip(0..)
            .filter(|(plan, _)| plan.is_none_or(|plan| !sharing.contains(&short(plan.fingerprint))));
        others.fold(0, |bits, (_, place)| bits | 1 << place)
    }

    /// By [`short`] fingerprints, the members that look at a shared window; `None` for any other window.
    fn sharing(&self, slot: &Slot) -> Option<Vec<u16>> {
        self.series(slot.correlation)?;
        let plans = self
            .counters_of(slot)
            .filter_map(|member| self.plans.get(member as usize));
        Some(plans.map(|plan| short(plan.fingerprint)).collect())
    }
}

/// What tells the members of a series from each other in its rows: a changed rule begins anew.
const fn short(fingerprint: u64) -> u16 {
    (fingerprint >> 48) as u16
}

fn row_key(fingerprint: u64, key: u128) -> Vec<u8> {
    [&fingerprint.to_be_bytes()[..], &key.to_be_bytes()].concat()
}

/// Of the key of a row: the fingerprint, and the window's key.
pub(in crate::detect::correlate) fn read_key(bytes: &[u8]) -> Option<(u64, u128)> {
    let mut reader = Reader::new(bytes);
    let (fingerprint, high, low) = (reader.fixed()?, reader.fixed()?, reader.fixed()?);
    reader.end()?;
    Some((fingerprint, (u128::from(high) << 64) | u128::from(low)))
}

pub(super) const fn row(key: Vec<u8>, value: Option<Vec<u8>>) -> State {
    State {
        kind: StateKind::Window,
        key,
        value,
    }
}

fn encode(shape: &Shape, slot: &Slot, sharing: Option<&[u16]>) -> Vec<u8> {
    let mut writer = Writer::versioned(VERSION);
    writer.uint(slot.touched);
    if let Some(sharing) = sharing {
        let count = sharing.len() as u16;
        for number in std::iter::once(count).chain(sharing.iter().copied()) {
            writer.raw(&number.to_be_bytes());
        }
    }
    slot.window.write(shape, &mut writer);
    writer.finish()
}

fn read(correlator: &Correlator, owner: Owner, key: u128, value: &[u8]) -> Option<Stored> {
    let (Owner::Own(correlation) | Owner::Left(correlation)) = owner;
    let is_row = matches!(owner, Owner::Own(_));
    let plan = correlator.plans.get(correlation as usize);
    let mut reader = Reader::versioned(value, VERSION)?;
    // Numbers of touches are counted on from the highest.
    let touched = reader.uint().filter(|touched| *touched < u64::MAX / 2)?;
    let is_shared = !is_row || plan.is_none();
    let mut sharing = match is_shared {
        true => Some(members(&mut reader)?),
        false => None,
    };
    let window = Window::read(correlator.shape(correlation)?, &mut reader)?;
    reader.end()?;
    if !is_row && !sharing.take()?.contains(&short(plan?.fingerprint)) {
        return None;
    }
    Some(Stored {
        correlation,
        key,
        touched,
        window,
        sharing,
        is_row,
    })
}

fn members(reader: &mut Reader<'_>) -> Option<Vec<u16>> {
    let mut member = || Some(u16::from_be_bytes(reader.raw(2)?.try_into().ok()?));
    let count = usize::from(member()?);
    (0..count.min(usize::from(u8::MAX))).map(|_| member()).collect()
}
