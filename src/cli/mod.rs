//! The command line: what users type, one file per command. The drivers that put the machines together live here.
//!
//! Data goes to standard output, everything else to standard error. Nothing here parses logs or decides what is
//! hostile. Next: [`options`], then the command of interest.

use std::time::SystemTime;

use afw_parsers::Time;

pub mod exit;
pub mod failure;
pub mod logging;
pub mod options;
pub mod output;

pub use exit::Exit;
pub use failure::Failure;

/// The wall clock, for what is about today and not about the log.
pub fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
