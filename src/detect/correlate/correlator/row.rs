//! Window rows: what of the correlator becomes durable, and how it comes back.
//!
//! A row's key is the rule's fingerprint and the window's key; its value is a version, the number of the last touch
//! and the window.

use std::collections::BTreeMap;

use super::{Correlator, Plan, Restored};
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
}

pub(super) fn drain(correlator: &mut Correlator) -> Vec<State> {
    let Correlator {
        plans,
        keys,
        dirty,
        gone,
        rows_gone,
        ..
    } = correlator;
    let mut rows: Vec<State> = rows_gone.drain(..).map(|key| row(key, None)).collect();
    for (correlation, key) in gone.drain(..) {
        let Some(plan) = plans.get(correlation as usize) else {
            continue;
        };
        // A key that came again is written below.
        if keys.find(&keys.name(correlation, key)).is_none() {
            rows.push(row(row_key(plan.fingerprint, key), None));
        }
    }
    for at in dirty.drain(..) {
        let Some(slot) = keys.slot_mut(at).filter(|slot| slot.dirty) else {
            continue;
        };
        let Some(plan) = plans.get(slot.correlation as usize) else {
            continue;
        };
        slot.dirty = false;
        slot.stored = true;
        rows.push(row(
            row_key(plan.fingerprint, slot.key()),
            Some(encode(plan, slot)),
        ));
    }
    rows
}

pub(super) fn restore(correlator: &mut Correlator, rows: impl IntoIterator<Item = State>) -> Restored {
    let by_fingerprint: BTreeMap<u64, u32> = correlator
        .plans
        .iter()
        .zip(0..)
        .map(|(plan, index)| (plan.fingerprint, index))
        .collect();
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
    windows.sort_unstable_by_key(|window| window.touched);
    restored.windows = windows.len();
    for window in windows {
        reopen(correlator, window);
    }
    restored
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
        slot.stored = true;
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

fn encode(plan: &Plan, slot: &Slot) -> Vec<u8> {
    let mut writer = Writer::versioned(VERSION);
    writer.uint(slot.touched);
    slot.window.write(&plan.shape, &mut writer);
    writer.finish()
}

fn read(correlator: &Correlator, correlation: u32, key: u128, value: &[u8]) -> Option<Stored> {
    let plan = correlator.plans.get(correlation as usize)?;
    let mut reader = Reader::versioned(value, VERSION)?;
    let touched = reader.uint()?;
    let window = Window::read(&plan.shape, &mut reader)?;
    reader.end()?;
    Some(Stored {
        correlation,
        key,
        touched,
        window,
    })
}
