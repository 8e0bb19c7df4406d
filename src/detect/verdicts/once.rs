//! [`Once`]: which keys came lately, since what never comes again is not worth keeping.

/// Upper halves of the hashes of keys, each in its place.
#[derive(Debug, Default)]
pub struct Once(Vec<u32>);

impl Once {
    /// With so many places.
    pub fn new(places: usize) -> Self {
        Self(vec![0; places])
    }

    /// Whether the key with this hash was not met lately; it is met now.
    pub fn is_first(&mut self, hash: u64) -> bool {
        let (places, tag) = (self.0.len().max(1), (hash >> u32::BITS) as u32);
        match self.0.get_mut(hash as usize % places) {
            Some(place) => std::mem::replace(place, tag) != tag,
            None => true,
        }
    }
}
