//! [`Recalled`]: what follows from a request's words alone, for requests that come again and again.
//!
//! A request is known by its number ([`crate::detect::Signatures::request_number`]), which no other target, referrer
//! and agent have. Each number has one place, which a later one may take: this changes the cost and never the result.

use afw_parsers::Record;

use crate::detect::label;

/// How many requests are remembered; a power of two.
const PLACES: usize = 1 << 10;

/// What is known of one request.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    number: Option<u64>,
    /// Its AppFirewall label, where it was answered with 404.
    label: Option<&'static str>,
    /// Whether no host, file or site is named in it.
    names_nothing: bool,
}

/// Requests met lately.
#[derive(Debug)]
pub(super) struct Recalled(Vec<Place>);

impl Default for Recalled {
    fn default() -> Self {
        Self(vec![Place::default(); PLACES])
    }
}

impl Recalled {
    /// The AppFirewall label of a line with this request.
    pub fn label(&mut self, number: Option<u64>, record: &Record<'_>) -> Option<&'static str> {
        if record.status != Some(404) {
            return None;
        }
        let Some(place) = self.place(number) else {
            return label::of_record(record);
        };
        if place.label.is_none() {
            place.label = label::of_record(record);
        }
        place.label
    }

    /// Whether it is known that this request names nothing; to be set when that is found out. `None` where it cannot
    /// be remembered.
    pub fn names_nothing(&mut self, number: Option<u64>, record: &Record<'_>) -> Option<&mut bool> {
        // A number stands for the target or for what was sent in its place, not for both.
        let is_whole = record.target.is_none() || record.malformed_request.is_none();
        let place = self.place(number.filter(|_| is_whole))?;
        Some(&mut place.names_nothing)
    }

    fn place(&mut self, number: Option<u64>) -> Option<&mut Place> {
        let at = number? as usize % PLACES;
        let place = self.0.get_mut(at)?;
        if place.number != number {
            *place = Place {
                number,
                ..Place::default()
            };
        }
        Some(place)
    }
}
