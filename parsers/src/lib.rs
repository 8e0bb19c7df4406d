//! Access-log grammars: the bytes of one line in, one borrowed [`Record`] out.
//!
//! This crate reads nothing and knows no clock: no files, no sockets, no global state. Whoever calls it has
//! already framed the lines (`afw::source`) and decides afterwards what the record means (`afw::analysis`).
//!
//! Reading order: [`record`] (what comes out), [`reject`] (what is said when nothing does), [`time`], then the
//! grammars, one file per family.

pub mod record;
pub mod reject;
pub mod time;

pub use record::{Bytes, Header, Record};
pub use reject::{Reason, Reject};
pub use time::Time;
