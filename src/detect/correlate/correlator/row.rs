//! Window rows: what of the correlator becomes durable, and how it comes back.
//!
//! A row's key is the fingerprint of the rule, or of what a series counts, and the window's key; its value is a version, the number of the last touch
//! and the window.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Correlator, Restored, Shape};
use crate::detect::correlate::keys::Slot;
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
    /// Whether this is its row, and not made up from another one.
    is_row: bool,
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
    let changed = row(key, Some(encode(correlator.shape(slot.correlation)?, slot)));
    let slot = correlator.keys.slot_mut(at)?;
    slot.dirty = false;
    slot.stored = true;
    Some(changed)
}

/// The fingerprint of a correlation or series.
fn fingerprint(correlator: &Correlator, owner: u32) -> Option<u64> {
    let Correlator { plans, series, .. } = correlator;
    match (owner as usize).checked_sub(plans.len()) {
        None => plans.get(owner as usize).map(|plan| plan.fingerprint),
        Some(number) => series.get(number).map(|series| series.fingerprint),
    }
}

pub(super) fn restore(correlator: &mut Correlator, rows: impl IntoIterator<Item = State>) -> Restored {
    let Correlator { plans, series, .. } = &*correlator;
    let fingerprints = plans.iter().map(|plan| plan.fingerprint);
    let fingerprints = fingerprints.chain(series.iter().map(|series| series.fingerprint));
    let by_fingerprint: BTreeMap<u64, u32> = fingerprints.zip(0..).collect();
    let mut restored = Restored::default();
    let mut windows = Vec::new();
    for State { kind, key, value } in rows {
        let Some(value) = value.filter(|_| kind == StateKind::Window) else {
            continue;
        };
        let parts = read_key(&key);
        let rule = parts.map(|(fingerprint, _)| by_fingerprint.get(&fingerprint).copied());
        let window = match (parts, rule.flatten()) {
            (Some((_, key)), Some(rule)) => read(correlator, rule, key, &value),
            _ => None,
        };
        match window {
            Some(window) => windows.push(window),
            None => {
                restored.orphaned += usize::from(rule == Some(None));
                restored.damaged += usize::from(rule != Some(None));
                correlator.rows_gone.push(key);
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

/// Beside windows of members of a series there is the shared one. In a store of before there were series it is not: then a
/// copy of one of theirs serves, which those that have none look at.
fn share(correlator: &Correlator, windows: &mut Vec<Stored>) {
    let own = |window: &Stored| (window.correlation, window.key);
    let mut there: BTreeSet<(u32, u128)> = windows.iter().map(own).collect();
    let mut made = Vec::new();
    for window in windows.iter() {
        let series = correlator.series_of(window.correlation);
        if let Some((owner, _)) = series
            && there.insert((owner, window.key))
        {
            made.push(Stored {
                correlation: owner,
                window: window.window.clone(),
                is_row: false,
                ..*window
            });
        }
    }
    windows.append(&mut made);
}

/// Opens a window; the order of touching is that of the calls.
fn reopen(correlator: &mut Correlator, stored: Stored) {
    let name = correlator.keys.name(stored.correlation, stored.key);
    if let Some(at) = correlator.keys.find(&name) {
        correlator.remove(at);
    }
    correlator.touches = correlator.touches.max(stored.touched);
    correlator.held += stored.window.bytes();
    let at = correlator.keys.add(&name, stored.window, stored.touched);
    if let Some(slot) = correlator.keys.slot_mut(at) {
        slot.stored = stored.is_row;
    }
    if !stored.is_row {
        correlator.note(at);
    }
    if let Some((owner, place)) = correlator.series_of(stored.correlation) {
        let shared = correlator.keys.find(&correlator.keys.name(owner, stored.key));
        let shared = shared.and_then(|shared| correlator.keys.slot_mut(shared));
        shared.into_iter().for_each(|shared| shared.parted |= 1 << place);
    }
    correlator.evict(at, afw_parsers::Time::default().nanos());
}

fn row_key(fingerprint: u64, key: u128) -> Vec<u8> {
    [&fingerprint.to_be_bytes()[..], &key.to_be_bytes()].concat()
}

fn read_key(bytes: &[u8]) -> Option<(u64, u128)> {
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

fn encode(shape: &Shape, slot: &Slot) -> Vec<u8> {
    let mut writer = Writer::versioned(VERSION);
    writer.uint(slot.touched);
    slot.window.write(shape, &mut writer);
    writer.finish()
}

fn read(correlator: &Correlator, correlation: u32, key: u128, value: &[u8]) -> Option<Stored> {
    let shape = correlator.shape(correlation)?;
    let mut reader = Reader::versioned(value, VERSION)?;
    let touched = reader.uint()?;
    let window = Window::read(shape, &mut reader)?;
    reader.end()?;
    Some(Stored {
        correlation,
        key,
        touched,
        window,
        is_row: true,
    })
}
