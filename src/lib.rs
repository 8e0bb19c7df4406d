//! `afw` reads web access logs, tells bots, scanners and attackers from visitors, and ships what it finds as
//! batched indicators of compromise. This page is the map of the house.
//!
//! # Four machines, six values, one commit
//!
//! ```text
//! files, globs, stdin        bytes                 findings             one transaction          HTTPS, files
//! ┌─────────┐  Batch  ┌──────────────────────────────────────┐ Effects ┌─────────┐   frozen    ┌────────┐
//! │ source  ├────────▶│ analysis                             ├────────▶│  store  ├────────────▶│ sink   │
//! │ follow, │         │ parse→client→enrich→detect→indicator │         │ SQLite  │   batches   │ worker │
//! │ decode  │         │ pure: no files, sockets, wall clock  │         │         │◀────────────┤ each   │
//! └─────────┘         └──────────────────────────────────────┘         └─────────┘  ack/retry  └────────┘
//! ```
//!
//! The values, in the order they are made: [`source::Batch`] (one buffer and line ranges, with the file's
//! identity and offsets) → [`afw_parsers::Record`] (one parsed line, borrowed) → [`event::Event`] (record,
//! client, enrichment) → [`event::Finding`] (what the rules say of one line; the first owned value, made only on
//! a hit) → [`indicator::Indicator`] (what is known about one address or domain) → [`store::Effects`] (all that
//! must become durable together).
//!
//! # Invariants
//!
//! 1. A cursor moves if and only if its effects are stored: [`store`] commits both in one transaction.
//! 2. [`analysis`] and all it uses (`client`, `enrich`, `detect`, `indicator`) never touch files, sockets, SQLite,
//!    HTTP or the wall clock. Time comes from the lines; the wall clock is passed in where needed.
//! 3. Only [`store`] opens SQLite, only [`source`] reads logs, only [`sink`] speaks HTTP to receivers.
//! 4. A batch's bytes and id are fixed when it is stored: a retry is byte-identical.
//! 5. Nothing is dropped in silence: each discard adds to a named counter.
//! 6. The result never depends on thread count, block size or time of day.
//!
//! # Reading order
//!
//! [`event`] (the values), [`analysis`] (the hot loop), [`detect`] (rules), [`source`], [`store`], [`sink`], then
//! [`drive`] (the drivers that put them together), [`config`] (options, file and defaults as one), [`cli`] (what users
//! type) and [`terminal`] (what they read). Dependencies point one way: `cli → drive → config, source, analysis, store,
//! sink`; `analysis → indicator → detect → enrich → client → parsers`; `cli, drive, config → terminal`.

pub mod analysis;
mod bounded;
pub mod cli;
pub mod client;
pub mod config;
pub mod detect;
pub mod dns;
pub mod drive;
pub mod ecs;
pub mod enrich;
pub mod event;
mod index;
pub mod indicator;
pub mod net;
mod numbered;
pub mod report;
mod rows;
pub mod sink;
pub mod source;
pub mod store;
pub mod terminal;
pub mod text;
pub mod update;

pub use afw_parsers as parsers;
