//! What containers' lines leave behind: whether the last of them goes on. Found from the end, without reading what the
//! lines say, so that a block can be read before the one in front of it has been.

use super::{By, Inner, WRAPPERS, Wrapped, unwrap};
use crate::address::without_marks;
use crate::memo::TimeMemo;

/// What containers' lines leave behind for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Left {
    /// Whether the last line of standard output and of standard error goes on in the next.
    pub goes_on: [bool; 2],
    /// Whether the line ends were taken off Docker's entries, so that none tells whether it goes on.
    pub bare: bool,
}

impl Left {
    /// Takes an entry: whether it goes on, and whether it is the rest of the one before.
    pub fn take(&mut self, wrapped: &Wrapped<'_>) -> (bool, bool) {
        let goes_on = wrapped.goes_on(self.bare);
        self.bare = wrapped.is_bare().unwrap_or(self.bare);
        let within = &mut self.goes_on[usize::from(wrapped.by == By::Stderr)];
        (goes_on, std::mem::replace(within, goes_on))
    }

    /// As it is stored.
    pub fn state(self) -> String {
        let [out, err] = self.goes_on;
        [out, err, self.bare]
            .map(|flag| if flag { '1' } else { '0' })
            .iter()
            .collect()
    }

    /// What [`Left::state`] wrote.
    pub fn from_state(state: &str) -> Option<Self> {
        let [out, err, bare] = *state.as_bytes().first_chunk::<3>()?;
        Some(Self {
            goes_on: [out == b'1', err == b'1'],
            bare: bare == b'1',
        })
    }
}

/// What these lines leave behind; where there is none of a container, `before`. A look at the last lines, unless they are a
/// container's. `is_own` says which line is one as it stands, whatever it looks like.
pub(crate) fn behind<'l>(
    lines: impl DoubleEndedIterator<Item = &'l [u8]>,
    is_own: impl Fn(&[u8]) -> bool,
    before: Left,
) -> Left {
    /// Of so many lines at the end one is wrapped, or none in the log is.
    const ENOUGH: usize = 8;
    let mut times = TimeMemo::new();
    let mut last: [Option<Last>; 2] = [None, None];
    let mut bare = None;
    for (at, line) in lines.rev().enumerate() {
        let [out, err] = last;
        let wants_bare = bare.is_none() && out.is_some_and(|last| last.docker);
        if out.is_some() && err.is_some() && !wants_bare || at == ENOUGH && out.or(err).is_none() {
            break;
        }
        // Most logs have no line of standard error.
        if out.is_some() && !wants_bare && memchr::memmem::find(line, b"stderr").is_none() {
            continue;
        }
        let line = without_marks(line);
        if let Some((at, one)) = last_of(line, &mut times, WRAPPERS)
            && !is_own(line)
        {
            last[at].get_or_insert(one);
            bare = bare.or(one.bare);
        }
    }
    let bare = bare.unwrap_or(before.bare);
    let goes_on =
        [0, 1].map(|at| last[at].map_or(before.goes_on[at], |last| last.goes_on[usize::from(bare)]));
    Left { goes_on, bare }
}

/// What one line tells.
#[derive(Clone, Copy)]
struct Last {
    /// Whether it goes on, unless and if entries have no line ends.
    goes_on: [bool; 2],
    docker: bool,
    bare: Option<bool>,
}

/// What the innermost wrapped entry of a line tells, and whether it is of standard output (0) or standard error (1).
fn last_of(line: &[u8], times: &mut TimeMemo, wrappers: usize) -> Option<(usize, Last)> {
    let wrapped = (wrappers > 0)
        .then(|| unwrap(without_marks(line), times))
        .flatten()?;
    let inner = match wrapped.inner {
        Inner::Plain(inner) => last_of(inner, times, wrappers - 1),
        _ => None,
    };
    let own = || {
        let last = Last {
            goes_on: [wrapped.goes_on(false), wrapped.goes_on(true)],
            docker: wrapped.by == By::Docker,
            bare: wrapped.is_bare(),
        };
        (usize::from(wrapped.by == By::Stderr), last)
    };
    Some(inner.unwrap_or_else(own))
}
