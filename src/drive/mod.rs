//! Drivers: they put source, analysis, store and sinks together and make them run.
//!
//! [`setup`] turns the configuration into rules, databases and receivers; [`replay`] reads history once; [`tail`]
//! follows; [`run`] takes what they find and [`keep`] makes it durable; [`checks`] brings crawlers' claims to name servers; [`data`] and [`refresh`] keep databases
//! and lists fresh; [`reload`] takes another configuration without losing a line; [`live`] tells in one line how it goes; [`metrics`] tells a monitor and [`notify`] the service manager how it goes. Nothing is parsed, judged or encoded here. Next: [`crate::cli`].

pub mod checks;
pub mod clock;
pub mod data;
pub mod formats;
pub mod keep;
pub mod lag;
pub mod live;
pub mod metrics;
pub mod notify;
pub mod pool;
pub mod print;
pub mod progress;
pub mod proxy;
pub mod refresh;
pub mod reload;
pub mod replay;
pub mod report;
pub mod run;
pub mod setup;
pub mod signals;
pub mod sinks;
pub mod start;
pub mod tail;
