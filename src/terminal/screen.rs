//! The line at the bottom of a terminal: progress of a replay, status of a tail. Whatever else is written while it is
//! there goes above it.
//!
//! A process has one terminal, so there is one such line for all of it. Where standard error is no terminal there is none.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::text::fitted;

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

    /// A line of plain text, where a person looks on.
    pub fn status() -> Option<Self> {
        io::stderr().is_terminal().then(|| {
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

    /// How many letters the terminal shows on a line; of one that does not say, as many as terminals had first.
    pub fn width() -> usize {
        const USUAL: usize = 80;
        let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
        size.map(|size| usize::from(size.ws_col))
            .filter(|width| *width > 0)
            .unwrap_or(USUAL)
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

/// The parts of a line in so many letters. What matters least, by its place in `spare`, is left out first; what is too
/// long even so is cut between two words.
pub fn fitting(parts: &[String], spare: &[usize], width: usize) -> String {
    let line = |left_out: &[usize]| {
        let kept = parts.iter().enumerate();
        let kept = kept.filter(|(at, part)| !left_out.contains(at) && !part.is_empty());
        kept.map(|(_, part)| part.as_str())
            .collect::<Vec<_>>()
            .join(" · ")
    };
    let lines = (0..=spare.len()).filter_map(|count| Some(line(spare.get(..count)?)));
    let mut shortest = String::new();
    for line in lines {
        if line.chars().count() <= width {
            return line;
        }
        shortest = line;
    }
    cut(&shortest, width)
}

/// The words of a line that go into so many letters, and `…`.
fn cut(line: &str, width: usize) -> String {
    let line = fitted(line, width);
    match line.rsplit_once(' ') {
        Some((words, _)) if width > 1 => format!("{}…", words.trim_end_matches([' ', '·', ','])),
        _ => line.into_owned(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_least_makes_room_first() {
        let parts = ["10 lines", "3 found", "", "outbox 7", "2 MB behind"].map(str::to_owned);
        for (width, line) in [
            (80, "10 lines · 3 found · outbox 7 · 2 MB behind"),
            (43, "10 lines · 3 found · outbox 7 · 2 MB behind"),
            (42, "10 lines · outbox 7 · 2 MB behind"),
            (32, "outbox 7 · 2 MB behind"),
            (21, "outbox 7 · 2 MB…"),
            (12, "outbox 7…"),
            (1, "…"),
        ] {
            assert_eq!(fitting(&parts, &[1, 0], width), line, "{width}");
        }
    }
}
