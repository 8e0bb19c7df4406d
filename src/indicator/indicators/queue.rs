//! [`Queue`]: which profile was not touched for the longest time.
//!
//! A touch appends; places that a later touch made stale are passed over and now and then cleared away, so that a
//! touch costs a few nanoseconds. What is stale only the owner of the profiles knows, who says so with each call.

use std::collections::VecDeque;

use super::super::subject::Subject;

/// Stale places that are kept in any case, and how many places there may be to one profile.
const SLACK: usize = 64;
const PLACES: usize = 4;

/// Subjects by the number of their touch, smallest first.
#[derive(Debug, Default)]
pub(super) struct Queue(VecDeque<(u64, Subject)>);

impl Queue {
    /// Notes a touch; numbers grow.
    pub fn push(&mut self, touched: u64, subject: &Subject) {
        match self.0.back_mut() {
            // One who comes again and again needs one place.
            Some((last, same)) if same == subject => *last = touched,
            _ => self.0.push_back((touched, subject.clone())),
        }
    }

    /// The first place that is not stale.
    pub fn oldest(&mut self, is_live: impl Fn(&Subject, u64) -> bool) -> Option<Subject> {
        while let Some((touched, subject)) = self.0.front() {
            if is_live(subject, *touched) {
                return Some(subject.clone());
            }
            self.0.pop_front();
        }
        None
    }

    /// Clears stale places away when they are many times the `profiles` there are.
    pub fn tidy(&mut self, profiles: usize, is_live: impl Fn(&Subject, u64) -> bool) {
        if self.0.len() > PLACES * profiles + SLACK {
            self.0.retain(|(touched, subject)| is_live(subject, *touched));
        }
    }

    /// Puts places that came in another order than that of their touches into it.
    pub fn sort(&mut self) {
        self.0.make_contiguous().sort_by_key(|(touched, _)| *touched);
    }
}
