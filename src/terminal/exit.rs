//! Exit codes: one table, part of the command line's contract.
//!
//! Scripts depend on these numbers; they never change meaning. Next: [`super::failure`].

use std::process::ExitCode;

/// How a run of `afw` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: failed.
    Failed,
    /// 2: the command line, a configuration or a rule is wrong.
    Usage,
    /// 3: finished, but a file could not be read, was broken or was no access log at all.
    BadInput,
    /// 4: finished, but deliveries still wait in the outbox.
    Undelivered,
    /// 5: another afw holds this state directory.
    Locked,
    /// 128 + signal: a replay was interrupted.
    Signal(u8),
}

impl Exit {
    /// The number the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::BadInput => 3,
            Self::Undelivered => 4,
            Self::Locked => 5,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_documented_ones() {
        let table = [
            (Exit::Done, 0),
            (Exit::Failed, 1),
            (Exit::Usage, 2),
            (Exit::BadInput, 3),
            (Exit::Undelivered, 4),
            (Exit::Locked, 5),
            (Exit::Signal(2), 130),
            (Exit::Signal(15), 143),
        ];
        for (exit, code) in table {
            assert_eq!(exit.code(), code);
        }
    }
}
