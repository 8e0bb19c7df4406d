//! What containers' lines leave behind: whether the last of them goes on. Found from the end, without reading what the
//! lines say, so that a block can be read before the one in front of it has been.

use super::{By, Inner, WRAPPERS, unwrap};
use crate::memo::TimeMemo;

/// Whether the last line of standard output and of standard error among these goes on in the next; where there is none,
/// as `before`. A look at the last lines, unless they are a container's.
pub(crate) fn behind<'l>(lines: impl DoubleEndedIterator<Item = &'l [u8]>, before: [bool; 2]) -> [bool; 2] {
    /// Of so many lines at the end one is wrapped, or none in the log is.
    const ENOUGH: usize = 8;
    let mut times = TimeMemo::new();
    let [mut out, mut err] = [None, None];
    for (at, line) in lines.rev().enumerate() {
        let is_wrapped = out.is_some() || err.is_some();
        if out.is_some() && err.is_some() || at == ENOUGH && !is_wrapped {
            break;
        }
        // Most logs have no line of standard error.
        if out.is_some() && memchr::memmem::find(line, b"stderr").is_none() {
            continue;
        }
        match goes_on(line, &mut times, WRAPPERS) {
            Some((By::Stderr, goes_on)) => err = err.or(Some(goes_on)),
            Some((_, goes_on)) => out = out.or(Some(goes_on)),
            None => {}
        }
    }
    let [out_before, err_before] = before;
    [out.unwrap_or(out_before), err.unwrap_or(err_before)]
}

/// Who wrote the innermost wrapped entry of a line, and whether the rest of it stands in the next.
fn goes_on<'a>(line: &'a [u8], times: &mut TimeMemo, wrappers: usize) -> Option<(By<'a>, bool)> {
    let wrapped = (wrappers > 0).then(|| unwrap(line, times)).flatten()?;
    let inner = match wrapped.inner {
        Inner::Plain(inner) => goes_on(inner, times, wrappers - 1),
        _ => None,
    };
    Some(inner.unwrap_or((wrapped.by, wrapped.goes_on(false))))
}
