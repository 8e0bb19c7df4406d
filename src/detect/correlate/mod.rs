//! Correlation: rules that count other rules' hits over event time, by key.
//!
//! `rule` says what a correlation is; the loader of rule files fills it in. `tick` turns the hits on a line into
//! ticks, in parallel, by what `grouped` tells of it, one for all correlations of a `series`; `shards` shares them
//! out by key (`due`) among tables, each a `correlator` that counts them in order, in bounded memory (`keys`, `order`), with `window`, `marks` and `sketch` holding what is known of one key.
//! Pure: no files, no threads, no clock. Next: [`crate::indicator`].

mod condition;
pub mod correlator;
mod due;
mod grouped;
pub(crate) mod hash;
mod keys;
mod marks;
mod network;
mod order;
mod routes;
pub mod rule;
mod series;
mod shape;
pub mod shards;
mod sketch;
pub mod tick;
mod window;

pub use correlator::{Correlator, Fired};
pub use marks::ORDERED_PER_BASE;
pub use rule::Correlation;
pub use shape::EXACT_VALUES;
pub use shards::Shards;
pub use tick::{Tick, Ticker};
pub use window::STEP_BACK_NANOS;
