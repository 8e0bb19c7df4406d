//! Report: what was read and found, for people and for scripts.
//!
//! [`Statistics`] is counted by every scan and merged in any order; [`summary`] writes it out. Nothing here reads
//! logs or decides what is hostile. Next: [`crate::cli`].

pub mod statistics;
pub mod summary;

pub use statistics::Statistics;
