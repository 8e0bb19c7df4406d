//! The line at the bottom of a terminal: progress of a replay, status of a tail. Whatever else is written while it is
//! there goes above it.
//!
//! A process has one terminal, so there is one such line for all of it. Where standard error is no terminal there is none.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::options::When;
use crate::config::Config;

static BOTTOM: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// The line while it is there; it goes with this value.
#[derive(Debug)]
pub struct Bottom {
    bar: ProgressBar,
}

impl Bottom {
    /// Shows a bar at the bottom of the terminal.
    pub fn show(bar: ProgressBar) -> Self {
        *bottom() = Some(bar.clone());
        Self { bar }
    }

    /// A line of plain text, where a person looks on and wants to see it.
    pub fn status(config: &Config) -> Option<Self> {
        let shown = config.progress != When::Never && !config.is_quiet();
        (shown && io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
            let style = ProgressStyle::with_template("{wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            Self::show(bar)
        })
    }

    /// The bar itself.
    pub const fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Shows another text.
    pub fn say(&self, text: String) {
        self.bar.set_message(text);
    }
}

impl Drop for Bottom {
    fn drop(&mut self) {
        *bottom() = None;
        self.bar.finish_and_clear();
    }
}

fn bottom() -> std::sync::MutexGuard<'static, Option<ProgressBar>> {
    BOTTOM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes to the terminal while the line at its bottom is out of the way.
pub fn above<T>(write: impl FnOnce() -> T) -> T {
    // Taken out of the lock: what is written may say something itself.
    let bar = bottom().clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Standard error, above the line at the bottom.
#[derive(Debug, Clone, Copy)]
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        above(|| anstream::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        anstream::stderr().flush()
    }
}
