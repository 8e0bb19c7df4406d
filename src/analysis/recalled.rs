//! [`Recalled`]: what follows from a request's words alone, for requests that come again and again.
//!
//! A request is known by its number ([`crate::detect::Signatures::request_number`]), which no other target, referrer
//! and agent have.

use std::sync::Arc;

use afw_parsers::Record;

use crate::detect::label;
use crate::event::target_text;
use crate::numbered::Lately;

/// How many requests are remembered.
const REQUESTS: usize = 1 << 10;

/// Longest target that is remembered, in bytes: with its request number 0.5 MB at most.
const TARGET_BYTES: usize = 512;

/// What is known of one request.
#[derive(Debug, Clone, Default)]
struct Known {
    /// Its AppFirewall label, where it was answered with 404.
    label: Option<&'static str>,
    /// Whether no host, file or site is named in it.
    names_nothing: bool,
    /// What is told as its target.
    target: Option<Arc<str>>,
}

/// Requests met lately.
#[derive(Debug)]
pub(super) struct Recalled(Lately<Known>);

impl Default for Recalled {
    fn default() -> Self {
        Self(Lately::new(REQUESTS))
    }
}

impl Recalled {
    /// The AppFirewall label of a line with this request.
    pub fn label(&mut self, number: Option<u64>, record: &Record<'_>) -> Option<&'static str> {
        if record.status != Some(404) {
            return None;
        }
        let Some(known) = self.0.of(number) else {
            return label::of_record(record);
        };
        if known.label.is_none() {
            known.label = label::of_record(record);
        }
        known.label
    }

    /// Whether it is known that this request names nothing; to be set when that is found out. `None` where it cannot
    /// be remembered.
    pub fn names_nothing(&mut self, number: Option<u64>, record: &Record<'_>) -> Option<&mut bool> {
        let known = self.0.of(number.filter(|_| is_whole(record)))?;
        Some(&mut known.names_nothing)
    }

    /// What is told as the target of a line with this request.
    pub fn target(&mut self, number: Option<u64>, record: &Record<'_>) -> Option<Arc<str>> {
        let Some(known) = self.0.of(number.filter(|_| is_whole(record))) else {
            return target_text(record);
        };
        if known.target.is_none() {
            let target = target_text(record);
            known.target = target.clone().filter(|target| target.len() <= TARGET_BYTES);
            return target;
        }
        known.target.clone()
    }
}

/// A number stands for the target or for what was sent in its place, not for both.
fn is_whole(record: &Record<'_>) -> bool {
    record.target.is_none() || record.malformed_request.is_none()
}
