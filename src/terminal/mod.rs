//! How afw speaks: data on standard output, everything else on standard error, and an exit code at the end.
//!
//! Nothing here knows what is said, by which command or with which configuration. Text of logs is hostile: what stands in a
//! message is escaped before it reaches a terminal. Next: [`failure`], then [`output`].

pub mod exit;
pub mod failure;
pub mod journal;
pub mod output;
pub mod screen;

pub use exit::Exit;
pub use failure::Failure;
