//! Messages with priorities, where standard error leads to systemd's journal.

use std::io::IsTerminal;

/// The journal's priority of errors.
pub const ERROR: u8 = 3;

/// Lines as the journal takes them, each with its priority; unchanged where standard error does not lead there.
pub fn prioritised(priority: u8, text: String) -> String {
    let journal = std::env::var_os("JOURNAL_STREAM").is_some_and(|stream| !stream.is_empty());
    if !journal || std::io::stderr().is_terminal() {
        return text;
    }
    text.lines().map(|line| format!("<{priority}>{line}\n")).collect()
}
