//! Analysis decides: bytes of a batch in, findings and indicators out.
//!
//! Two halves. [`scan`] is the hot loop and knows one batch: parse → client → enrich → match; it runs on as many
//! threads as there are. [`fold`] is sequential and knows the past: windows, indicators, the own-goal guard,
//! the [`claims`] that wait for name servers and the [`pages`] that hosts answer any path with. Between them [`merge`] puts what the scans of all logs found into one
//! order by event time, so that the result never depends on thread count or block size.
//!
//! Of the fold, windows can be handed out: they are shared out by key among tables that never look at each other, and what many
//! lines tick can be counted table by table, wherever there is a thread ([`fold::Fold::share_out`]), before those lines are taken.
//!
//! Pure: no files, sockets, SQLite, HTTP or wall clock. Next: [`crate::detect`], [`crate::indicator`].

pub mod claims;
pub mod fold;
pub mod merge;
pub mod pages;
mod recalled;
pub mod scan;

pub use fold::{Fold, FoldOptions};
pub use merge::Merge;
pub use scan::{Kit, Scan, Scanner};
