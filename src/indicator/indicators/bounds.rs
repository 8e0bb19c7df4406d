//! How many profiles there are at most, and which one ends or has to go.
//!
//! The bounds are told in [`crate::indicator::indicators`]; the order in which profiles go is [`super::queue`]'s.

use std::collections::HashMap;

use afw_parsers::Time;
use foldhash::quality::RandomState;

use super::{Indicators, rank};
use crate::indicator::profile::Profile;
use crate::indicator::subject::Subject;

impl Indicators {
    /// How many profiles may be about what payloads name. One client can write any number of names, and must not push
    /// out what is known of others.
    pub(super) fn most_texts(&self) -> usize {
        (self.options.max_profiles / 8).max(1)
    }

    /// The one of a rank that was not touched for the longest time.
    fn oldest(&mut self, rank: usize) -> Option<Subject> {
        let profiles = &self.profiles;
        self.order[rank].oldest(|subject, touched| is_at(profiles, subject, rank, touched))
    }

    /// Forgets stale places when there are many.
    pub(super) fn tidy(&mut self) {
        let profiles = &self.profiles;
        for (rank, queue) in self.order.iter_mut().enumerate() {
            queue.tidy(profiles.len(), |subject, touched| {
                is_at(profiles, subject, rank, touched)
            });
        }
    }

    /// Whether what is gathered of it is too old to be gone on with.
    pub(super) fn is_over(&self, profile: &Profile, now: Option<Time>) -> bool {
        let quiet = now.zip(profile.last_seen).map(|(now, last)| now.since(last));
        let most = self.options.expire_nanos;
        most.zip(quiet).is_some_and(|(most, quiet)| quiet > most)
    }

    /// Ends at most one profile of each rank that was not sighted for long.
    pub(super) fn expire(&mut self, now: Time) {
        if self.options.expire_nanos.is_none() {
            return;
        }
        for rank in 0..self.order.len() {
            let Some(subject) = self.oldest(rank) else {
                continue;
            };
            let over = self
                .profiles
                .get(&subject)
                .is_some_and(|profile| self.is_over(profile, Some(now)));
            if over {
                self.take(&subject);
                self.note(&subject);
                self.counters.expired += 1;
            }
        }
    }

    /// Makes room, but not by the one at hand, which was touched last and may be larger than all the room there is.
    pub(super) fn evict(&mut self, at_hand: Option<&Subject>) {
        while self.profiles.len() > self.options.max_profiles.max(1) || self.bytes > self.options.max_bytes {
            let weakest = (0..self.order.len()).find_map(|rank| {
                let oldest = self.oldest(rank)?;
                (Some(&oldest) != at_hand).then_some((rank, oldest))
            });
            let Some((rank, subject)) = weakest else { return };
            self.take(&subject);
            self.note(&subject);
            match rank {
                0 => self.counters.evicted_faint += 1,
                _ => self.counters.evicted += 1,
            }
        }
    }
}

/// Whether a place in the order is still that of a profile.
fn is_at(
    profiles: &HashMap<Subject, Box<Profile>, RandomState>,
    subject: &Subject,
    at: usize,
    touched: u64,
) -> bool {
    profiles
        .get(subject)
        .is_some_and(|profile| profile.touched == touched && rank(profile) == at)
}
