//! [`Due`]: a tick on its way to be counted, with the line that it comes from and the window that it goes to.
//!
//! Finding a window takes three looks one behind the other, each at memory that somebody else pushed out of the caches:
//! where it is; the window with its place in the order of touching; its neighbours there and its marks. So ticks are
//! looked at three times before they are counted, [`STEP`] of them at once, and what one look asks for is there by the next. What
//! was found ahead is looked at again when it is counted: a wrong guess costs a search, and never changes what is counted.
//! Next: `keys`, `correlator`.

use super::keys::Name;
use super::tick::Tick;

/// So many ticks are best looked at at once.
pub(super) const STEP: usize = 16;

/// A tick that waits to be counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    /// Number of the line, which no other has.
    pub line: u64,
    /// Event time of the line, in nanoseconds.
    pub time: i64,
    /// The window.
    pub name: Name,
    /// Which of the correlation's rules hit.
    pub base: u32,
    /// What is counted, as [`Tick::value`].
    pub value: u64,
}

impl Due {
    /// For a tick of a line that goes to that window.
    #[inline]
    pub const fn new((line, time): (u64, i64), tick: &Tick, name: Name) -> Self {
        Self {
            line,
            time,
            name,
            base: tick.base,
            value: tick.value,
        }
    }

    /// The same for another correlation's window.
    pub const fn to(&self, name: Name) -> Self {
        Self { name, ..*self }
    }
}
