//! Report: what was read and found, for people and for scripts.
//!
//! [`Statistics`] is counted by every scan and merged in any order; [`summary`] writes it out. A report wants more:
//! [`Tally`] counts every request by time, place, path and agent. Nothing here reads
//! logs or decides what is hostile. Next: [`summary`], [`document`].

pub mod counts;
pub mod document;
pub mod fired;
mod form;
pub mod page;
pub mod scope;
pub mod sightings;
pub mod statistics;
pub mod summary;
pub mod tally;

pub use document::Report;
pub use form::Form;
pub use scope::Scope;
pub use sightings::Sightings;
pub use statistics::Statistics;
pub use tally::Tally;
