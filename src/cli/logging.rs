//! afw's own messages on standard error: short lines for people, with priorities where the journal reads them, or JSON
//! for machines.
//!
//! Log text is hostile: whatever is put in a message is escaped before it reaches a terminal.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::Config;
use crate::config::options::{LogLevel, LogStyle, When};
use crate::terminal::journal::{ERROR, prioritised};
use crate::terminal::screen::Stderr;
use crate::text::printable_lines;

/// Starts logging as the configuration says; also fixes colour for everything that afw writes.
pub fn start(config: &Config) {
    choose_color(config.color);
    let level = match config.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| Stderr);
    // A second start (tests in one process) keeps the first: logging is global.
    let _ = match config.log_style {
        LogStyle::Text => builder.event_format(Line).try_init(),
        LogStyle::Json => builder.json().flatten_event(true).with_target(false).try_init(),
    };
}

/// `auto` leaves the decision to the terminal, `NO_COLOR` and `CLICOLOR_FORCE`.
fn choose_color(when: When) {
    let choice = match when {
        When::Auto => anstream::ColorChoice::Auto,
        When::Always => anstream::ColorChoice::Always,
        When::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// One message a line: `afw: warning: text key=value`.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        event.record(&mut Text(&mut text));
        let (style, word, priority) = match *event.metadata().level() {
            Level::ERROR => (anstyle::AnsiColor::Red.on_default().bold(), "error: ", ERROR),
            Level::WARN => (anstyle::AnsiColor::Yellow.on_default().bold(), "warning: ", 4),
            Level::INFO => (anstyle::Style::new(), "", 6),
            Level::DEBUG => (anstyle::AnsiColor::Blue.on_default(), "debug: ", 7),
            Level::TRACE => (anstyle::AnsiColor::Blue.on_default(), "trace: ", 7),
        };
        let text = printable_lines(text.trim_end());
        let text = format!("{style}afw: {word}{style:#}{text}\n");
        writer.write_str(&prioritised(priority, text))
    }
}

/// Collects a message and its fields as text.
struct Text<'t>(&'t mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = if field.name() == "message" {
            write!(self.0, "{value:?} ")
        } else {
            write!(self.0, "{}={value:?} ", field.name())
        };
    }
}
