//! Correlation: rules that count other rules' hits over event time, by key.
//!
//! `rule` says what a correlation is; the loader of rule files fills it in. Pure: no files, no clock. Next:
//! [`crate::indicator`].

pub mod rule;
