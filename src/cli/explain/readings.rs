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
    let mut before = plain.target(View::Raw);
    let mut word = "read as";
    for (view, how) in [
        (View::Decoded, "decoded once"),
        (View::Decoded2, "decoded twice"),
        (View::Normalized, "tidied"),
    ] {
        let target = plain.target(view);
        if target != before {
            let text = target.as_deref().map(shown).unwrap_or_default();
            out.row(
                std::mem::take(&mut word),
                &format!("{how:<14} {}", clipped(&text, LONGEST)),
            );
            before = target;
        }
    }
}
