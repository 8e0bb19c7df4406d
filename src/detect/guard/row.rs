//! The guard's rows: one head row, and one row for each minute with the clients and marks last seen in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Guard;
use crate::rows::{Reader, Writer};
use crate::store::{State, StateKind};

const VERSION: u8 = 1;
const HEAD: &[u8] = b"guard";
const MINUTE: &[u8] = b"guard/";

/// What was last seen in one minute.
#[derive(Default)]
struct Minute {
    clients: Vec<u64>,
    /// Marked clients by rule.
    marks: BTreeMap<u32, Vec<u64>>,
}

pub(super) fn drain(guard: &mut Guard) -> Vec<State> {
    if !guard.persist || !std::mem::take(&mut guard.changed) {
        return Vec::new();
    }
    let dirty = std::mem::take(&mut guard.dirty);
    let mut rows: BTreeMap<i64, Minute> = BTreeMap::new();
    for (&hash, &last) in &guard.clients {
        if dirty.contains(&last) {
            rows.entry(last).or_default().clients.push(hash);
        }
    }
    for (&(rule, hash), &last) in &guard.marks {
        if dirty.contains(&last) {
            let marks = &mut rows.entry(last).or_default().marks;
            marks.entry(rule).or_default().push(hash);
        }
    }
    let mut states = vec![State::other(HEAD.to_vec(), Some(head(guard)))];
    for minute in dirty {
        let value = rows.remove(&minute).map(|row| minute_row(guard, row));
        states.push(State::other([MINUTE, &minute.to_be_bytes()].concat(), value));
    }
    states
}

fn head(guard: &Guard) -> Vec<u8> {
    let mut row = Writer::versioned(VERSION);
    row.uint(guard.level.into()).int(guard.minute.unwrap_or_default());
    row.uint(guard.lines.len() as u64);
    for (&minute, &lines) in &guard.lines {
        row.int(minute).uint(lines);
    }
    let told: Vec<_> = guard
        .rules
        .iter()
        .filter(|rule| rule.fresh > 0 || rule.held.is_some())
        .collect();
    row.uint(told.len() as u64);
    for rule in told {
        row.text(&rule.id).text(&rule.title).uint(rule.fresh);
        match rule.held {
            None => row.byte(0),
            Some(last_over) => row.byte(1).int(last_over),
        };
    }
    row.finish()
}

fn minute_row(guard: &Guard, minute: Minute) -> Vec<u8> {
    let mut row = Writer::versioned(VERSION);
    hashes(&mut row, minute.clients);
    row.uint(minute.marks.len() as u64);
    for (rule, marked) in minute.marks {
        let known = guard.rules.get(rule as usize);
        row.text(known.map_or("", |rule| &rule.id))
            .text(known.map_or("", |rule| &rule.title));
        hashes(&mut row, marked);
    }
    row.finish()
}

fn hashes(row: &mut Writer, mut hashes: Vec<u64>) {
    hashes.sort_unstable();
    row.uint(hashes.len() as u64);
    for hash in hashes {
        row.fixed(hash);
    }
}

pub(super) fn restore(guard: &mut Guard, rows: impl IntoIterator<Item = State>) -> usize {
    let mut damaged = 0;
    for State { kind, key, value } in rows {
        let Some(value) = value.filter(|_| kind == StateKind::Other) else {
            continue;
        };
        let read = if key == HEAD {
            read_head(guard, &value)
        } else if let Some(minute) = key.strip_prefix(MINUTE) {
            read_minute(guard, minute, &value)
        } else {
            continue;
        };
        damaged += usize::from(read.is_none());
    }
    damaged
}

fn read_head(guard: &mut Guard, value: &[u8]) -> Option<()> {
    let mut row = Reader::versioned(value, VERSION)?;
    let level = u32::try_from(row.uint()?).ok().filter(|&level| level < 32)?;
    let minute = row.int()?;
    let mut lines = BTreeMap::new();
    for _ in 0..row.count(2)? {
        lines.insert(row.int()?, row.uint()?);
    }
    let mut told = Vec::new();
    for _ in 0..row.count(4)? {
        let (id, title, fresh) = (row.text()?, row.text()?, row.uint()?);
        let held = match row.byte()? {
            0 => None,
            _ => Some(row.int()?),
        };
        told.push((id, title, fresh, held));
    }
    row.end()?;
    guard.level = level;
    guard.minute = Some(minute);
    guard.lines = lines;
    for (id, title, fresh, held) in told {
        let index = watch(guard, id, title);
        if let Some(rule) = guard.rules.get_mut(index as usize) {
            rule.fresh = fresh;
            rule.held = held;
        }
        if held.is_some() {
            guard.held.insert(id.into());
        }
    }
    Some(())
}

fn read_minute(guard: &mut Guard, minute: &[u8], value: &[u8]) -> Option<()> {
    let minute = i64::from_be_bytes(minute.try_into().ok()?);
    let mut row = Reader::versioned(value, VERSION)?;
    let clients = read_hashes(&mut row)?;
    let mut marks = Vec::new();
    for _ in 0..row.count(3)? {
        marks.push((row.text()?, row.text()?, read_hashes(&mut row)?));
    }
    row.end()?;
    guard
        .clients
        .extend(clients.into_iter().map(|hash| (hash, minute)));
    for (id, title, hashes) in marks {
        let index = watch(guard, id, title);
        let mut marked = 0;
        for hash in hashes {
            marked += u64::from(guard.marks.insert((index, hash), minute).is_none());
        }
        if let Some(rule) = guard.rules.get_mut(index as usize) {
            rule.marked += marked;
        }
    }
    Some(())
}

fn watch(guard: &mut Guard, id: &str, title: &str) -> u32 {
    match guard.by_id.get(id) {
        Some(&index) => index,
        None => guard.watch_new(Arc::from(id), Arc::from(title)),
    }
}

fn read_hashes(row: &mut Reader) -> Option<Vec<u64>> {
    (0..row.count(8)?).map(|_| row.fixed()).collect()
}
