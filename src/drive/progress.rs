//! Progress of a long job on standard error: a bar on a terminal, a plain line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::config::options::When;
use crate::report::summary::bytes;
use crate::terminal::screen::{Bottom, fitting};
use crate::text::{counted, grouped, printable};

/// How often a pipe gets a line.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Letters of the bar.
const BAR: usize = 20;

/// Progress of one run.
pub struct Progress {
    bar: Option<Bottom>,
    /// When the next plain line is due; `None` when there are none.
    next_line: Option<Instant>,
    started: Instant,
    total: u64,
    /// The file that is being read, where there are many.
    file: Option<Arc<str>>,
}

impl Progress {
    /// Progress over so many bytes; `quiet` shows none.
    pub fn new(when: When, quiet: bool, total: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let shown = !quiet && when != When::Never;
        let started = Instant::now();
        let bar = (shown && terminal).then(|| Bottom::show(bar(total)));
        let line = shown && !terminal && (when == When::Always || total > 0);
        Self {
            bar,
            next_line: line.then(|| started + LINE_EVERY),
            started,
            total,
            file: None,
        }
    }

    /// Says which of many files is being read.
    pub fn at(&mut self, file: &Arc<str>) {
        self.file = Some(Arc::clone(file));
    }

    /// Reports so many bytes and lines done.
    pub fn update(&mut self, done: u64, lines: u64) {
        if let Some(bar) = &self.bar {
            bar.bar().set_position(done);
            bar.say(self.text(bar.bar(), done, lines));
        }
        if self.next_line.is_some_and(|due| Instant::now() >= due) {
            self.next_line = Some(Instant::now() + LINE_EVERY);
            let share = (done.min(self.total) * 100).checked_div(self.total).unwrap_or(0);
            let (done, total, rate) = (bytes(done), bytes(self.total), grouped(self.rate(lines)));
            tracing::info!(
                "{done} of {total} read ({share} %), {}, {rate} lines/s{}",
                counted(lines, "line"),
                match self.place() {
                    place if place.is_empty() => place,
                    place => format!(" · {place}"),
                }
            );
        }
    }

    /// Takes the bar away, so that what follows starts on a clean line.
    pub fn finish(&mut self) {
        self.bar = None;
    }

    /// What stands beside the bar: on a narrow terminal neither the file nor the speed.
    fn text(&self, bar: &ProgressBar, done: u64, lines: u64) -> String {
        const SPARE: [usize; 3] = [2, 1, 0];
        let parts = [
            format!("{} of {}", bytes(done), bytes(self.total)),
            format!("{} lines/s", grouped(self.rate(lines))),
            self.place(),
            format!("{:#} left", HumanDuration(bar.eta())),
        ];
        fitting(&parts, &SPARE, Bottom::width().saturating_sub(BAR + 1))
    }

    fn place(&self) -> String {
        /// Longer names are cut at their beginning: it is the end that differs.
        const LONGEST: usize = 40;
        let Some(file) = &self.file else {
            return String::new();
        };
        let letters = file.chars().count();
        let end: String = file.chars().skip(letters.saturating_sub(LONGEST)).collect();
        let cut = if letters > LONGEST { "…" } else { "" };
        printable(&format!("{cut}{end}"))
    }

    fn rate(&self, lines: u64) -> u64 {
        (lines as f64 / self.started.elapsed().as_secs_f64().max(0.001)) as u64
    }
}

fn bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
    let style = ProgressStyle::with_template("{bar:20} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
