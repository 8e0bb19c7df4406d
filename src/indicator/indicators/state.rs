//! What of the profiles is stored and comes back.
//!
//! A row's bytes are [`crate::indicator::row`]'s, when it is written is the store's.

use super::queue::Queue;
use super::{Indicators, Restored};
use crate::indicator::row::{self, Shared};
use crate::store::{State, StateKind};

impl Indicators {
    /// The rows that changed since the last call.
    pub fn drain_dirty(&mut self) -> Vec<State> {
        let gone = std::mem::take(&mut self.rows_gone)
            .into_iter()
            .map(|key| (key, None));
        let changed = std::mem::take(&mut self.dirty).into_iter().map(|subject| {
            let value = self.profiles.get(&subject).map(|profile| row::encode(profile));
            (row::key(&subject), value)
        });
        gone.chain(changed)
            .map(|(key, value)| State {
                kind: StateKind::Indicator,
                key,
                value,
            })
            .collect()
    }

    /// Takes back what was stored. Rows of other kinds are passed over.
    pub fn restore(&mut self, rows: impl IntoIterator<Item = State>) -> Restored {
        let mut shared = Shared::default();
        let mut restored = Restored::default();
        let mut at_hand = None;
        for State { kind, key, value } in rows {
            let Some(value) = value.filter(|_| kind == StateKind::Indicator) else {
                continue;
            };
            let Some((subject, profile)) = row::subject(&key).zip(row::decode(&value, &mut shared)) else {
                restored.damaged += 1;
                self.rows_gone.push(key);
                continue;
            };
            if profile.touched >= self.touches {
                self.touches = profile.touched;
                at_hand = Some(subject.clone());
            }
            self.take(&subject);
            self.put(subject.clone(), Box::new(profile));
            restored.profiles += 1;
        }
        self.order.iter_mut().for_each(Queue::sort);
        self.evict(at_hand.as_ref());
        restored
    }
}
