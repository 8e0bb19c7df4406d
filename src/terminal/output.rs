//! Standard output: data only, buffered, and quiet when the reader goes away.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use super::screen::above;
use super::{Exit, Failure};
use crate::text::{folded, system_message};

/// Standard output as commands use it.
pub struct Output {
    inner: BufWriter<StdoutLock<'static>>,
    /// Flush after every line: somebody is watching.
    live: bool,
    /// A line at the bottom of the terminal has to make room.
    terminal: bool,
}

impl Output {
    /// Takes standard output; `live` flushes each line (`tail`, terminals).
    pub fn new(live: bool) -> Self {
        let inner = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let terminal = io::stdout().is_terminal();
        let live = live || terminal;
        Self {
            inner,
            live,
            terminal,
        }
    }

    /// Whether a person looks at it.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// How many letters a line of the terminal has; `None` where there is none.
    pub fn width(&self) -> Option<usize> {
        /// Narrower ones are not told apart from those that do not know.
        const LEAST: usize = 40;
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        let width = usize::from(size.ws_col);
        (self.terminal && width >= LEAST).then_some(width)
    }

    /// Writes one line.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        self.write(&[line, "\n"])
    }

    /// Writes a page of text: on a terminal, lines that are too long are broken between words.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn page(&mut self, text: &str) -> io::Result<()> {
        match self.width() {
            Some(width) => self.text(&folded(text, width)),
            None => self.text(text),
        }
    }

    /// Writes text that brings its own line ends.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.write(&[text])
    }

    fn write(&mut self, parts: &[&str]) -> io::Result<()> {
        let Self { inner, live, .. } = self;
        let mut write = || {
            for part in parts {
                inner.write_all(part.as_bytes())?;
            }
            if *live { inner.flush() } else { Ok(()) }
        };
        let written = if self.terminal { above(write) } else { write() };
        written.map_err(|error| unwritten("standard output", &error))
    }

    /// Hands everything to the reader.
    pub fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        flushed.map_err(|error| unwritten("standard output", &error))
    }
}

/// What could not be written, by name and in the tone of messages. The kind stays: by it a closed pipe is told.
pub fn unwritten(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {}", system_message(error)))
}

/// Whether an error only says that the reader of our output has gone.
pub fn is_closed_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// A reader of our output that went away is no failure: the run ends quietly with 0.
///
/// # Errors
/// Any other error of standard output.
pub fn quietly(written: io::Result<()>) -> Result<Exit, Failure> {
    match written {
        Err(error) if !is_closed_pipe(&error) => Err(error.into()),
        _ => Ok(Exit::Done),
    }
}

/// Text with ANSI colours as standard output can show it: unchanged on a terminal that wants them, else without.
pub fn styled(text: &str) -> String {
    let choice = anstream::AutoStream::choice(&io::stdout());
    if choice == anstream::ColorChoice::Never {
        return anstream::adapter::strip_str(text).to_string();
    }
    text.to_owned()
}
