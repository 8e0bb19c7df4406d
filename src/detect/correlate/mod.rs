//! Correlation: rules that count other rules' hits over event time, by key.
//!
//! `rule` says what a correlation is; the loader of rule files fills it in. `tick` turns the hits on a line into
//! ticks, in parallel; `correlator` counts them in order, in bounded memory (`keys`), with `window` and `sketch`
//! holding what is known of one key. Pure: no files, no clock. Next: [`crate::indicator`].

pub mod correlator;
mod hash;
mod keys;
pub mod rule;
mod sketch;
pub mod tick;
mod window;

pub use correlator::{Correlator, Fired};
pub use rule::Correlation;
pub use tick::{Tick, Ticker};
pub use window::{EXACT_VALUES, ORDERED_PER_BASE, STEP_BACK_NANOS};
