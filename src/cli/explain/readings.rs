//! How a request reads once its encodings are undone: what the rules see beside the line as logged.

use super::Page;
use crate::detect::View;
use crate::detect::explain::Plain;
use crate::event::Event;
use crate::text::{clipped, shown};

/// Most characters of a target.
const LONGEST: usize = 500;

/// The target on each view that differs from the one before; nothing where none does.
pub(super) fn print(out: &mut Page, event: &Event<'_, '_>) {
    let plain = Plain::new(event);
    let mut before: Vec<Option<Vec<u8>>> = Vec::new();
    let mut word = "read as";
    for (view, target) in plain.targets() {
        if !before.is_empty() && !before.contains(&target) {
            let text = target.as_deref().map(shown).unwrap_or_default();
            let row = format!("{:<14} {}", how(view), clipped(&text, LONGEST));
            out.row(std::mem::take(&mut word), &row);
        }
        before.push(target);
    }
}

/// What was done to a text on a view.
const fn how(view: View) -> &'static str {
    match view {
        View::Raw => "as logged",
        View::Decoded => "decoded once",
        View::Decoded2 => "decoded twice",
        View::Normalized => "tidied",
    }
}
