//! Access-log grammars: the bytes of one line in, one borrowed [`Record`] out.
//!
//! This crate reads nothing and knows no clock: no files, no sockets, no global state. Whoever calls it has
//! already framed the lines (`afw::source`) and decides afterwards what the record means (`afw::analysis`).
//!
//! Reading order: [`record`] (what comes out), [`reject`] (what is said when nothing does), [`time`], then
//! [`format`](mod@format) (what is known by name), [`layout`] and [`recognise`] (what a log is), [`parser`]
//! (the entry), and the grammars, one file per family.

pub mod address;
mod caddy;
mod clf;
mod clock;
pub mod cloudflare;
mod columns;
pub mod compile;
pub mod config;
mod elb;
mod envoy;
mod foreign;
pub mod format;
mod haproxy;
mod header;
mod json;
mod lanes;
pub mod layout;
mod leaf;
mod line;
pub mod memo;
mod nginx_json;
mod npm;
pub mod parser;
pub mod parts;
mod raw;
pub mod recognise;
pub mod record;
pub mod reject;
mod request;
pub mod time;
mod traefik;
mod transform;
pub mod unescape;
mod wrap;
mod zone;
mod zoraxy;

pub use compile::FormatError;
pub use format::Format;
pub use layout::Layout;
pub use line::{Line, Skip};
pub use memo::{TimeMemo, Unit};
pub use parser::Parser;
pub use parts::{Parts, parts};
pub use recognise::{Candidate, Recognition};
pub use record::{Bytes, Header, Record, Server};
pub use reject::{Reason, Reject};
pub use time::Time;
pub use unescape::Escape;
