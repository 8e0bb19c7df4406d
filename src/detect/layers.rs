//! [`Layers`]: one text of an event with its views, in buffers that are used again for the next event.
//!
//! View 0 is the text as logged and is borrowed; views 1 and 2 are decoded once and twice, view 3 is the last of these
//! normalised. Of a text that can be decoded twice view 4 is what it reads as decoded once, normalised: a server decodes
//! once and then drops `;param`, so what a second decoding finds in there must not hide the rest. A view that would equal the
//! one before it is left out and stands for that one, so an ordinary text costs two scans and no copy. Next:
//! [`super::signature`].

use std::ops::Range;

use super::View;
use super::fields::{Field, extension};
use super::views::{
    Parts, TargetView, decode_target, decode_text, is_plain, normalise_target, normalise_text,
};

/// The views in their order.
pub const VIEWS: [View; 5] = [
    View::Raw,
    View::Decoded,
    View::Decoded2,
    View::Normalized,
    View::Normalized,
];

/// How a text is layered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layering {
    /// A request target.
    Target,
    /// A header with a URL or free text in it.
    Text,
    /// A user agent: decoded, but never normalised.
    Agent,
    /// Not at all.
    Plain,
}

impl Layering {
    /// How the text of a field is layered.
    pub fn of(field: &Field) -> Self {
        match field {
            field if field.is_target() => Self::Target,
            Field::Agent => Self::Agent,
            field if field.is_encoded() => Self::Text,
            _ => Self::Plain,
        }
    }
}

/// A part of a text that a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Region {
    /// All of it.
    Whole,
    /// The path of a target.
    Path,
    /// The query of a target.
    Query,
    /// The extension of a target's path.
    Extension,
}

impl Region {
    /// Where it stands; `None` when the text does not have it.
    pub fn of(self, text: &[u8], parts: &Parts) -> Option<Range<usize>> {
        match self {
            Self::Whole => Some(0..text.len()),
            Self::Path => Some(parts.path.clone()),
            Self::Query => parts.query.clone(),
            Self::Extension => {
                let path = text.get(parts.path.clone())?;
                let len = extension(path)?.len();
                Some(parts.path.end - len..parts.path.end)
            }
        }
    }
}

/// A text on its views.
#[derive(Debug, Default)]
pub struct Layers {
    raw: Parts,
    decoded: [TargetView; 4],
    /// Bit n: view n differs from the one before it. Bit 0 is always set.
    has: u8,
    /// Only `has` is known: the views are made when one is looked at.
    deferred: bool,
}

impl Layers {
    /// Takes in what is known of the next event's text; the text follows if a view of it is looked at.
    pub const fn defer(&mut self, has: u8) {
        self.has = has;
        self.deferred = true;
    }

    /// Whether [`Layers::load`] must come before [`Layers::text`].
    pub const fn is_deferred(&self) -> bool {
        self.deferred
    }

    /// Takes in the text of the next event.
    pub fn load(&mut self, text: Option<&[u8]>, layering: Layering) {
        self.has = 1;
        self.deferred = false;
        let Some(text) = text else {
            self.raw = Parts::default();
            return;
        };
        self.raw = match layering {
            Layering::Target => Parts::of(text),
            _ => Parts::default(),
        };
        if layering == Layering::Plain || (layering == Layering::Target && is_plain(text)) {
            return;
        }
        let [once, twice, flat, flat_once] = &mut self.decoded;
        let mut latest: (&[u8], &Parts) = (text, &self.raw);
        if decode(layering, latest, once) {
            self.has |= 0b10;
            latest = (&once.bytes, &once.parts);
            if decode(layering, latest, twice) {
                self.has |= 0b100;
                latest = (&twice.bytes, &twice.parts);
                if normalise(layering, (&once.bytes, &once.parts), flat_once) {
                    self.has |= 0b1_0000;
                }
            }
        }
        if normalise(layering, latest, flat) {
            self.has |= 0b1000;
        }
    }

    /// Which views differ from the one before: bit n for view n.
    pub const fn has(&self) -> u8 {
        self.has | 1
    }

    /// The view whose text `view` shows: the last one up to it that differs.
    pub const fn effective(&self, view: usize) -> usize {
        let up_to = self.has & ((2u16 << view) - 1) as u8;
        (7 - (up_to | 1).leading_zeros()) as usize
    }

    /// The text on an effective view, and its parts; `raw` is the text that was loaded.
    pub fn text<'s>(&'s self, raw: &'s [u8], effective: usize) -> (&'s [u8], &'s Parts) {
        match effective.checked_sub(1).and_then(|index| self.decoded.get(index)) {
            Some(view) => (&view.bytes, &view.parts),
            None => (raw, &self.raw),
        }
    }
}

fn decode(layering: Layering, (text, parts): (&[u8], &Parts), out: &mut TargetView) -> bool {
    match layering {
        Layering::Target => decode_target(text, parts, out),
        _ => decode_text(text, &mut out.bytes),
    }
}

fn normalise(layering: Layering, (text, parts): (&[u8], &Parts), out: &mut TargetView) -> bool {
    match layering {
        Layering::Target => normalise_target(text, parts, out),
        Layering::Text => normalise_text(text, &mut out.bytes),
        Layering::Agent | Layering::Plain => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_that_change_nothing_stand_for_the_one_before() {
        let mut layers = Layers::default();
        for (target, has) in [
            ("/a", 0b1),
            ("/%41", 0b11),
            ("/%2541", 0b111),
            ("//a", 0b1001),
            ("/a;%252e/", 0b1_1111),
            ("/%252e/", 0b1111),
        ] {
            layers.load(Some(target.as_bytes()), Layering::Target);
            assert_eq!(layers.has(), has, "{target}");
        }
        assert_eq!(layers.text(b"", layers.effective(3)).0, b"/");
        layers.load(Some(b"//a"), Layering::Target);
        assert_eq!(layers.effective(2), 0);
        assert_eq!(layers.effective(3), 3);
    }
}
